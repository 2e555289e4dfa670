import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from footfall.http.edge import AsgiApp
from footfall.state.api import State, open_state
from footfall.warehouse.api import Warehouse
from tests.ingest.stack import Stack
from tests.warehouse_engine import emptied
from tests.wire.shops import Shop, Town, World, open_town
from tests.wire.till import Till, application


@pytest.fixture
def town(request: pytest.FixtureRequest, opened_warehouse: Warehouse) -> Iterator[Town]:
    """Two shops on one server: on SQLite, or on each engine in tests marked `both_engines`."""
    both = "state" in request.fixturenames
    state: State = request.getfixturevalue("state" if both else "sqlite_state")
    with open_town(state, opened_warehouse) as town:
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


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, opened_warehouse: Warehouse
) -> Iterator[Stack]:
    """One for the module, as each takes half a second; every test has a workspace of its own."""
    folder = tmp_path_factory.mktemp("till")
    shutil.copyfile(sqlite_template, folder / "state.sqlite")
    state = open_state(None, folder / "state.sqlite")
    made = Stack(folder, state, emptied(opened_warehouse))
    yield made
    made.close()
    state.close()


@pytest.fixture(scope="module")
def app(stack: Stack) -> AsgiApp:
    return application(stack)


@pytest.fixture
def till(stack: Stack, app: AsgiApp) -> Till:
    return Till(stack, app)
