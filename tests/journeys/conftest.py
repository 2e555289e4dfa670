"""Servers for journeys, ended with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys.shop import Shop


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Make shops in the test's folder; what still runs at the end is stopped."""
    shops: list[Shop] = []

    def make(name: str = "shop", **environment: str) -> Shop:
        shop = Shop(tmp_path / name, **environment)
        shops.append(shop)
        return shop

    yield make
    for shop in shops:
        if shop.process is not None:
            shop.kill()


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    """A running shop."""
    made = open_shop()
    made.start()
    return made
