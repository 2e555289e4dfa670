"""What the suites of the warehouse share; the engine itself is in tests/warehouse_engine.py."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from footfall.warehouse.types import EventRow

#: 2017-11-24T05:06:40.123Z
MOMENT = 1_511_500_000.123

MakeEvent = Callable[..., EventRow]


@pytest.fixture
def event() -> MakeEvent:
    """A factory of rows that differ in event_id and are alike else."""
    ids = itertools.count(1)

    def make(**changes: Any) -> EventRow:
        row = EventRow(
            workspace_id=1,
            event_id=next(ids),
            event_key=None,
            occurred_at=MOMENT,
            received_at=MOMENT,
            contact_id=5,
            product_id=9,
            event_type="view",
            source="api",
            unit_price=None,
            quantity=None,
            currency=None,
            order_id=None,
            attributes="{}",
            custom_data=None,
        )
        for name, value in changes.items():
            setattr(row, name, value)
        return row

    return make
