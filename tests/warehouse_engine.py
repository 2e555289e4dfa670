"""The real warehouse for every suite: a process can open one path, so there is one, opened once."""

from collections.abc import Iterator

import pytest

from footfall.warehouse.api import Warehouse, open_warehouse
from footfall.warehouse.schema import HISTORIES


@pytest.fixture(scope="session")
def opened_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    warehouse = open_warehouse(None, tmp_path_factory.mktemp("warehouse"))
    yield warehouse
    warehouse.close()


@pytest.fixture
def warehouse(opened_warehouse: Warehouse) -> Warehouse:
    """Empty, and nothing it deduplicates is remembered."""
    return emptied(opened_warehouse)


def emptied(warehouse: Warehouse) -> Warehouse:
    """Return the warehouse without rows and without memory of what it deduplicates."""
    warehouse.hide_contacts({})
    warehouse.empty_snapshots()
    for relation in HISTORIES:
        warehouse._command(f"TRUNCATE TABLE {relation}")
    return warehouse
