"""Takes what deleted contacts did out of the warehouse (decision 22), beside the projector.

The engine needs seconds to minutes for it, so a thread of its own sees to that and no event waits.
Until then reads leave these contacts out: `hide` says whom, before a deletion counts as visible.
Which contacts are waiting stands in the state store until nothing of them is left, so a crash
at any point only makes the thread look again.
"""

import logging
import threading

from footfall.ingest import queries
from footfall.ingest.placement import decode_resolved
from footfall.kernel.ids import ContactId, WorkspaceId
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: Contacts that one statement erases.
CONTACTS_PER_ERASURE = 1_000
#: Between two looks at whether the engine is done; only while there is something to erase.
POLL_SECONDS = 0.25
#: Between two tries while a store is away.
RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Eraser:
    """The thread and what it waits for; one per projector."""

    def __init__(self, state: State, warehouse: Warehouse) -> None:
        self._state = state
        self._warehouse = warehouse
        self._hiding = threading.Lock()
        self._wake = threading.Condition()
        self._asked = True  # an earlier process may have left something
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Hide what an earlier process left, and erase it in the background."""
        self.hide()
        self._thread = threading.Thread(target=self._run, name="erase", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; the engine goes on with what it has begun."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def hide(self) -> None:
        """Have reads leave out every contact that waits for its erasure by now."""
        hidden: dict[WorkspaceId, list[ContactId]] = {}
        with self._hiding:  # what was read first must not be said last
            with self._state.read() as conn:
                waiting = queries.erasures(conn)
            for row in waiting:
                hidden.setdefault(row.workspace_id, []).append(row.contact_id)
            self._warehouse.hide_contacts(hidden)
        if hidden:
            with self._wake:
                self._asked = True
                self._wake.notify()

    def erase_once(self) -> bool:
        """Take one step; return whether nothing is left to erase, for now or at all.

        Who has events in a range that may not be in the warehouse yet waits until it is.
        """
        with self._state.read() as conn:
            waiting = queries.erasures(conn)
            on_their_way: set[int] = set()
            if waiting:
                for row in queries.open_ranges(conn):
                    on_their_way.update(decode_resolved(row.resolved)[0])
        by_workspace: dict[WorkspaceId, list[ContactId]] = {}
        for row in waiting:
            if row.contact_id not in on_their_way:
                by_workspace.setdefault(row.workspace_id, []).append(row.contact_id)
        for workspace_id, contact_ids in by_workspace.items():
            some = contact_ids[:CONTACTS_PER_ERASURE]
            if self._warehouse.erase_contacts(workspace_id, some):
                with self._state.write() as conn:
                    queries.close_erasures(conn, some)
                self.hide()
        return not waiting

    def _run(self) -> None:
        failed = False
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopping or self._asked)
                if self._stopping:
                    return
                self._asked = False
            pause = POLL_SECONDS
            try:
                done = self.erase_once()
            except Exception:  # noqa: BLE001 - a thread that ended would erase nothing any more
                if not failed:
                    _log.exception("deleted contacts cannot be erased; trying again every second")
                done, failed, pause = False, True, RETRY_SECONDS
            else:
                failed = False
            if not done:
                with self._wake:
                    self._wake.wait_for(lambda: self._stopping, pause)
                    self._asked = True
