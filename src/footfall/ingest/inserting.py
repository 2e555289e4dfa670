"""Puts rows into the warehouse: each once, whatever became of earlier tries.

A *token* made of the rows lets the engine pass over a repeat, also where the first try is still
under way. A *look* at the positions that are there covers what tokens cannot: the engine forgets
them, and it writes a token down before the rows get their place, so that a kill in between
leaves a token whose rows are nowhere, and the same insert would be passed over.
"""

import logging
from collections.abc import Callable

from footfall.kernel.ids import Position
from footfall.warehouse.api import Relation, Warehouse, WarehouseError
from footfall.warehouse.types import ActivityRow, EventRow

HistoryRow = EventRow | ActivityRow

#: Tokens of the same rows that kills may have left without them: each takes a kill at one instant.
MAX_SPENT_TOKENS = 100

_log = logging.getLogger(__name__)


class Inserter:
    """Inserts the rows of placed ranges; one per projector."""

    def __init__(self, warehouse: Warehouse, refuse: Callable[[Position], None]) -> None:
        """Take the warehouse, and what to do with a record that it does not take."""
        self._warehouse = warehouse
        self._refuse = refuse

    def insert(self, relation: Relation, rows: list[HistoryRow], *, doubtful: bool) -> None:
        """Insert `rows`, which are in order, or their halves if the warehouse refuses them.

        Args:
            doubtful: Whether somebody may have tried before, so that some may be there.

        Raises:
            WarehouseError: The warehouse does not work; the same call later completes it.
        """
        if doubtful:
            rows = self._missing(rows)
        if not rows:
            return
        try:
            self._insert_surely(relation, rows, doubtful)
        except WarehouseError as error:
            if error.transient:
                raise
            if len(rows) == 1:
                self._refuse(position_of(rows[0]))
                return
            # A batch of many months goes in by pieces: some of it may be there.
            rows = self._missing(rows)
            half = len(rows) // 2
            self.insert(relation, rows[:half], doubtful=True)
            self.insert(relation, rows[half:], doubtful=True)

    def _insert_surely(self, relation: Relation, rows: list[HistoryRow], doubtful: bool) -> None:
        """Insert `rows`; where somebody may have tried before, until they are seen."""
        # Made of the rows: after a retry or a restart the cuts may fall elsewhere.
        token = f"{position_of(rows[0])}-{position_of(rows[-1])}x{len(rows)}"
        self._warehouse.insert(relation, rows, token=token)
        spent = 0
        while doubtful and (rows := self._missing(rows)):
            spent += 1
            if spent > MAX_SPENT_TOKENS:
                raise WarehouseError("Inserted rows do not show.", transient=True)
            _log.warning("the warehouse passed over %d rows that it does not have", len(rows))
            self._warehouse.insert(relation, rows, token=f"{token}+{spent}")

    def _missing(self, rows: list[HistoryRow]) -> list[HistoryRow]:
        """Return those of `rows` that the warehouse does not have."""
        if not rows:
            return rows
        there = self._warehouse.positions_between(position_of(rows[0]), position_of(rows[-1]))
        return [row for row in rows if position_of(row) not in there]


def position_of(row: HistoryRow) -> Position:
    """Return the place in the journal of what became `row`."""
    return Position(row.event_id if isinstance(row, EventRow) else row.activity_id)
