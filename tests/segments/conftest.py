from collections.abc import Iterator
from pathlib import Path

import pytest

from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from tests.ingest.stack import Stack


@pytest.fixture
def stack(tmp_path: Path, state: State, warehouse: Warehouse) -> Iterator[Stack]:
    stack = Stack(tmp_path, state, warehouse)
    yield stack
    stack.close()
