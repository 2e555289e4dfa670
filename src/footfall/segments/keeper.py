"""The thread that keeps all segments: told of what becomes visible, asleep while nothing does."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from footfall.ingest.types import Copied
from footfall.kernel.instants import Clock
from footfall.kernel.scope import Scope
from footfall.segments import queries
from footfall.segments.sources import OrderSources
from footfall.segments.touched import Touched
from footfall.segments.types import Change, Upkept
from footfall.segments.upkeep import Upkeep
from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from footfall.warehouse.types import ActivityRow, EventRow
from footfall.workspaces.api import list_workspaces, scope_of

#: Rounds of one workspace begin at most so often while something goes on: each costs a statement.
ROUND_SECONDS: Final = 0.2
#: Between two tries while a store is away.
_RETRY_SECONDS: Final = 1.0
#: A sleep is never longer, so that a clock that was put forward is noticed.
_LONGEST_SLEEP_SECONDS: Final = 300.0

#: Takes entries and exits of a workspace after they are stored, in order, on the keeper's thread.
#: Who needs each of them surely reads on from where it was (`member_queries.changes`) instead.
Reaction = Callable[[Scope, Sequence[Change]], None]
_log = logging.getLogger(__name__)


class SegmentKeeper:
    """Keeps the members of every segment of every workspace; one per data folder."""

    def __init__(
        self,
        state: State,
        warehouse: Warehouse,
        *,
        clock: Clock,
        monotonic: Callable[[], float],
        reactions: Sequence[Reaction] = (),
    ) -> None:
        """Take the stores; sleeps until `start`."""
        self._state = state
        self._warehouse = warehouse
        self._clock = clock
        self._monotonic = monotonic
        self._reactions = reactions
        self.sources = OrderSources(warehouse)
        self._wake = threading.Condition()
        self._rounds = threading.Lock()
        self._upkeeps: dict[int, Upkeep] = {}
        self._touched: dict[int, Touched] = {}
        self._is_settled = True
        self._is_changed = True
        self._stopping = False
        self._asked = 0
        self._answered = 0
        self._thread: threading.Thread | None = None

    # --- life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Evaluate every segment, then keep them in the background."""
        self._thread = threading.Thread(target=self._run, name="segments", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the round under way; the next start evaluates everything."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have nothing evaluated meanwhile, such as while the copies are made anew."""
        with self._rounds:
            yield

    # --- told ----------------------------------------------------------------------------------

    def published(self, rows: Sequence[EventRow | ActivityRow]) -> None:
        """Take rows that became visible."""
        self.sources.published(rows)
        with self._wake:
            self._is_settled = False
            for row in rows:
                touched = self._touched.get(row.workspace_id)
                if touched is not None:
                    touched.act(row)

    def copied(self, copies: Copied) -> None:
        """Take copies that were made."""
        with self._wake:
            self._is_settled = False
            for workspace_id, touched in self._touched.items():
                ids = [number for owner, number in copies.ids if owner == workspace_id]
                if copies.kind == "product":
                    touched.products.update(ids)
                else:
                    touched.contacts(ids, of_cart=copies.kind == "cart")
                touched.is_history_changed |= workspace_id in copies.divided

    def settled(self) -> None:
        """Hear that what was told is wholly visible, so that a round may see it."""
        with self._wake:
            self._is_settled = True
            if any(self._touched.values()):
                self._wake.notify_all()

    def changed(self) -> None:
        """Hear that a segment was made, changed or archived."""
        with self._wake:
            self._is_changed = True
            self._wake.notify_all()

    # --- asked ---------------------------------------------------------------------------------

    def upkept(self, scope: Scope, segment_id: int) -> Upkept:
        """Return how a segment is kept; of one that is not yet, nothing is known."""
        upkeep = self._upkeeps.get(scope.workspace_id)
        return (upkeep and upkeep.upkept(segment_id)) or Upkept()

    def wait(self, timeout_seconds: float) -> bool:
        """Return whether a round that began after this call has ended before the time is over.

        At once where there are no segments.
        """
        with self._wake:
            if not self._upkeeps and not self._is_changed:
                return True
            self._asked += 1
            wanted = self._asked
            self._wake.notify_all()
            return self._wake.wait_for(
                lambda: self._stopping or self._answered >= wanted, timeout_seconds
            )

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        pause = 0.0
        while self._sleep(pause):
            pause = ROUND_SECONDS
            try:
                with self._rounds:
                    self.round_once()
            except Exception:  # noqa: BLE001 - a thread that ended would stop everything
                _log.exception("segments could not be brought up to date; trying again")
                pause = _RETRY_SECONDS
                with self._wake:
                    self._is_changed = True

    def _sleep(self, pause: float) -> bool:
        """Sleep until there is something to do, at least `pause`; return False to stop."""
        with self._wake:
            self._wake.wait_for(lambda: self._stopping, pause)
            while not self._stopping and not self._has_work():
                self._wake.wait(self._seconds())
            return not self._stopping

    def _has_work(self) -> bool:
        return (
            self._is_changed
            or self._asked > self._answered
            or (self._is_settled and any(self._touched.values()))
            or self._seconds() <= 0
        )

    def _seconds(self) -> float:
        """Return how long nothing has to be done."""
        seconds = _LONGEST_SLEEP_SECONDS
        for upkeep in self._upkeeps.values():
            at, turn = upkeep.next_at()
            if at is not None:
                seconds = min(seconds, (at - self._clock()) / 1000)
            if turn is not None:
                seconds = min(seconds, turn - self._monotonic())
        return seconds

    def round_once(self, *, at_once: bool = False) -> None:
        """Bring the segments of every workspace up to date.

        Args:
            at_once: Whether segments whose turn has not come are evaluated too.
        """
        with self._wake:
            asked, self._is_changed = self._asked, False
        with self._state.read() as conn:
            with_segments = set(queries.workspaces_with_segments(conn))
            # Those that had some get a round more, which sees that there are none.
            with_segments |= self._upkeeps.keys()
            scopes = [scope_of(one) for one in list_workspaces(conn) if one.id in with_segments]
        with self._wake:
            taken: dict[int, Touched] = {}
            for workspace_id in [int(scope.workspace_id) for scope in scopes]:
                # From now on what happens there is told, also before the first round sees it.
                known = self._touched.setdefault(workspace_id, Touched())
                taken[workspace_id] = Touched()
                if self._is_settled or at_once:
                    taken[workspace_id] = known
                    self._touched[workspace_id] = Touched()
        for scope in scopes:
            workspace_id = int(scope.workspace_id)
            upkeep = self._upkeeps.get(workspace_id)
            if upkeep is None:
                upkeep = Upkeep(
                    scope,
                    self._state,
                    self._warehouse,
                    monotonic=self._monotonic,
                    sources=self.sources,
                )
                self._upkeeps[workspace_id] = upkeep
            changes = upkeep.round(taken[workspace_id], self._clock(), at_once=at_once)
            if upkeep.is_empty:
                with self._wake:
                    del self._upkeeps[workspace_id], self._touched[workspace_id]
            if changes:
                for reaction in self._reactions:
                    reaction(scope, changes)
        with self._wake:
            self._answered = max(self._answered, asked)
            self._wake.notify_all()
