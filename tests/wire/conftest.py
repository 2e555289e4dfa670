from collections.abc import Iterator

import pytest

from footfall.state.api import State
from tests.wire.shops import Shop, Town, World, open_town


@pytest.fixture
def town(request: pytest.FixtureRequest) -> Iterator[Town]:
    """Two shops on one server: on SQLite, or on each engine in tests marked `both_engines`."""
    both = "state" in request.fixturenames
    state: State = request.getfixturevalue("state" if both else "sqlite_state")
    with open_town(state) as town:
        yield town


@pytest.fixture
def shop(town: Town) -> Shop:
    return town.shop


@pytest.fixture
def rival(town: Town) -> Shop:
    """The other workspace."""
    return town.rival


@pytest.fixture
def world(town: Town) -> World:
    return town.world
