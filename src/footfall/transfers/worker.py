"""Carries out imports in the background, one after the other, beside everything else.

Each step is one transaction that writes some rows and notes how far the import has come, so that
after a crash it goes on exactly there. Events go through the journal, which knows their keys: the
rows between the last note and the crash are sent again, and count once.

The thread shares the processor with ingest. While events arrive it works for a while and rests
several times as long; alone it hardly rests.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import msgspec

from footfall.ingest.api import FileUnreadable
from footfall.kernel.errors import Unavailable
from footfall.kernel.instants import DAY_MS
from footfall.transfers import queries
from footfall.transfers.steps import Steps, Stores
from footfall.transfers.types import Import, ImportStatus

#: Events accepted during one step from which on ingest counts as busy.
_BUSY_EVENTS: Final = 5
#: How many times as long as it worked the thread rests while ingest is busy, and else. Measured by
#: `python -m bench importing`: with 5, ingest keeps more than 80 % of its rate.
_REST_BUSY: Final = 5.0
_REST_IDLE: Final = 0.1
#: Between two tries while a store is away.
_RETRY_SECONDS: Final = 1.0
#: Between two copies of changed objects into the warehouse: each costs as much as a step.
_COPY_SECONDS: Final = 3.0
#: An upload that nobody started by then is not wanted.
_FORGOTTEN_MS: Final = DAY_MS

_log = logging.getLogger(__name__)


class ImportWorker:
    """The thread that imports; one per data folder."""

    def __init__(self, stores: Stores, *, monotonic: Callable[[], float]) -> None:
        self._stores = stores
        self._state = stores.state
        self._folder = stores.folder
        self._clock = stores.clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._woken = threading.Condition(self._lock)
        self._asked = True  # what an earlier process left
        self._stopping = False
        self._copied_at = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Work in the background, first on what an earlier process left."""
        self._thread = threading.Thread(target=self._run, name="imports", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that there is an import to work on."""
        with self._lock:
            self._asked = True
            self._woken.notify_all()

    def stop(self) -> None:
        """Stop after the step under way; the rest is taken up at the next start."""
        with self._lock:
            self._stopping = True
            self._woken.notify_all()
        if self._thread is not None:
            self._thread.join()

    def work(self) -> None:
        """Carry out everything that is queued, then delete files that nobody needs."""
        while not self._stopping:
            with self._state.read() as conn:
                found = queries.next_waiting(conn)
            if found is None:
                break
            self._carry_out(found)
            self._folder.remove(found.id)

    def tidy(self) -> None:
        """Cancel uploads that were forgotten and delete files that nobody needs."""
        now = self._clock()
        with self._state.write() as conn:
            queries.cancel_forgotten(conn, now - _FORGOTTEN_MS, now)
            needed = queries.needed_files(conn)
        self._folder.sweep(needed)

    def _run(self) -> None:
        self._until_it_works(self.tidy)
        while True:
            with self._lock:
                self._woken.wait_for(lambda: self._asked or self._stopping)
                self._asked = False
                if self._stopping:
                    return
            self._until_it_works(self.work)

    def _until_it_works(self, step: Callable[[], None]) -> None:
        while not self._stopping:
            try:
                step()
            except Exception:  # noqa: BLE001 - a thread that ended would leave imports lying for ever
                _log.exception("an import was interrupted; trying again")
                self._rest(_RETRY_SECONDS)
            else:
                return

    def _rest(self, seconds: float) -> None:
        with self._lock:
            self._woken.wait_for(lambda: self._stopping, seconds)

    def _carry_out(self, found: Import) -> None:
        """Import the file to its end, until it is cancelled, or until the process stops."""
        if found.status == "queued":
            with self._state.write() as conn:
                now, head = self._clock(), self._stores.journal_head()
                if not queries.set_status(
                    conn, found.number, "queued", "running", started_at=now, journal_position=head
                ):
                    return  # cancelled meanwhile
            found = msgspec.structs.replace(found, journal_position=head)
        try:
            ended = self._through(Steps(self._stores, found))
        except FileUnreadable as error:
            self._end(found, "failed", problem=error.message)
        except Unavailable:
            raise  # a store is away: the same step again, soon
        except Exception:  # noqa: BLE001 - our own fault must not be tried for ever
            _log.exception("import %s failed", found.id)
            self._end(found, "failed", problem="Something went wrong on our side; see the log.")
        else:
            if ended:
                self._end(found, "finished")

    def _through(self, steps: Steps) -> bool:
        """Take every step; return False if the import was cancelled or the process stops."""
        with closing(steps):
            while not self._stopping:
                before, accepted = self._monotonic(), self._stores.events_accepted()
                outcome = steps.take()
                if outcome != "more":
                    return outcome == "end"
                now = self._monotonic()
                if now - self._copied_at > _COPY_SECONDS:
                    self._copied_at = now
                    self._stores.changed()
                busy = self._stores.events_accepted() - accepted >= _BUSY_EVENTS
                self._rest((now - before) * (_REST_BUSY if busy else _REST_IDLE))
        return False

    def _end(self, found: Import, status: ImportStatus, **values: Any) -> None:
        with self._state.write() as conn:
            queries.set_status(
                conn, found.number, "running", status, finished_at=self._clock(), **values
            )
        self._stores.changed()
