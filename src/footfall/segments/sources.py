"""Whether a workspace's orders come from one source, so that none can be reported twice.

To tell orders of several sources apart takes longer than most conditions themselves; most shops
have one.
"""

import threading
from collections.abc import Sequence

from footfall.kernel.scope import Scope
from footfall.segments import member_queries
from footfall.warehouse.api import ORDER_TYPES, Warehouse
from footfall.warehouse.types import ActivityRow, EventRow


class OrderSources:
    """Read once from the warehouse, then told of every row that becomes visible."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Take the warehouse."""
        self._warehouse = warehouse
        self._lock = threading.Lock()
        self._seen: dict[int, set[str]] = {}
        self._read: set[int] = set()

    def published(self, rows: Sequence[EventRow | ActivityRow]) -> None:
        """Take rows that became visible."""
        found = {
            (row.workspace_id, row.source)
            for row in rows
            if isinstance(row, EventRow) and row.order_id and row.event_type in ORDER_TYPES
        }
        if found:
            with self._lock:
                for workspace_id, source in found:
                    self._seen.setdefault(workspace_id, set()).add(source)

    def is_one(self, scope: Scope) -> bool:
        """Return whether all orders of a workspace were reported by one source at most."""
        number = int(scope.workspace_id)
        with self._lock:
            is_read = number in self._read
        if not is_read:
            rows = self._warehouse.rows(member_queries.order_sources(scope))
            with self._lock:
                self._seen.setdefault(number, set()).update(row[0] for row in rows)
                self._read.add(number)
        with self._lock:
            return len(self._seen[number]) <= 1
