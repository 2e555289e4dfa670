"""Hands what becomes visible to those who watch it arrive.

The projector's thread counts the rows of each workspace and, only where somebody watches, passes
them to the event loop. There they are chosen, named and encoded batch by batch, on another thread,
once for all watchers together. Each watcher has a bounded queue: one that reads slowly is told how
many it missed and holds up nobody.
"""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from footfall.ingest.activities import activity_columns, named_activities
from footfall.ingest.inserting import HistoryRow, position_of
from footfall.ingest.queries import Selection
from footfall.ingest.reading import event_columns, named_events, selected_events
from footfall.ingest.types import EventFilter, HistoryItem
from footfall.kernel.errors import Unavailable, UserError
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.types import ActivityRow, EventRow

#: Messages that may wait for one watcher: no eye follows more, and a page asks for the rest.
MAX_WAITING = 500
#: Batches that may wait to be named. Naming takes a fraction of the time that projecting took, so
#: more of them mean that the state store stands still.
MAX_BATCHES = 8
#: Of one workspace: each is an open connection, and has its queue.
MAX_WATCHERS = 50
#: The longer of the two spans over which the rate of arrival is told, and the shorter.
LONG_SECONDS, SHORT_SECONDS = 300, 10

_encode = msgspec.json.Encoder().encode


class TooManyStreams(UserError):
    """The workspace has as many streams open as it may."""

    status = 429
    code = "too_many_streams"
    retry_after_seconds = 5


class Rate(msgspec.Struct, frozen=True):
    """How many events and activities arrive per second, on average."""

    last_10_seconds: float
    last_5_minutes: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watcher wants to see; what is None does not matter."""

    kind: str | None = None  #: product_event, event, page_view or screen
    event_type: str | None = None
    contact: str | None = None  #: the shop's id
    contact_id: int | None = None
    product: str | None = None  #: the shop's id
    product_id: int | None = None

    @property
    def of_products(self) -> bool:
        """Whether it asks for what only product events have."""
        return (self.event_type, self.product, self.product_id) != (None, None, None)

    @property
    def wants_events(self) -> bool:
        """Whether product events can be among it."""
        return self.kind in {None, "product_event"}

    @property
    def wants_activities(self) -> bool:
        """Whether activities can be among it."""
        return self.kind != "product_event" and not self.of_products

    def selection(self, conn: Connection, scope: Scope) -> Selection | None:
        """Return it with ids for names, None if nobody and nothing is called like that."""
        return selected_events(
            conn,
            scope,
            EventFilter(
                contact=self.contact,
                contact_id=self.contact_id,
                product=self.product,
                product_id=self.product_id,
            ),
        )


class Delivery(NamedTuple):
    """What comes next for one watcher."""

    messages: Sequence[tuple[int, bytes]]  #: ids and JSON
    dropped: int  #: how many are missing before them
    through: int  #: the id through which this is all there is


class Watcher:
    """One reader's queue. On the event loop only, but for what it wants to see."""

    def __init__(self, scope: Scope, wanted: Watched) -> None:
        self.scope = scope
        self.wanted = wanted
        self.ended = asyncio.Event()
        self._wake = asyncio.Event()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._dropped = 0
        self._through = 0

    def put(self, delivery: Delivery) -> None:
        """Add what comes next; of what waits too long the oldest is dropped and counted."""
        self._waiting.extend(delivery.messages)
        self._dropped += delivery.dropped
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        self._through = delivery.through
        self._wake.set()

    async def take(self, timeout_seconds: float) -> Delivery:
        """Return what waits; nothing if nothing came in `timeout_seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._wake.wait()
        self._wake.clear()
        taken = Delivery(tuple(self._waiting), self._dropped, self._through)
        self._waiting.clear()
        self._dropped = 0
        return taken


class _Meter:
    """Counts what arrives in each workspace, second by second. For any thread."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seconds: dict[int, deque[list[int]]] = {}  # of [second, number]

    def add(self, workspace_id: int, number: int) -> None:
        second = int(self._monotonic())
        with self._lock:
            counted = self._seconds.setdefault(workspace_id, deque(maxlen=LONG_SECONDS + 1))
            if counted and counted[-1][0] == second:
                counted[-1][1] += number
            else:
                counted.append([second, number])

    def rate(self, workspace_id: int) -> Rate:
        now = int(self._monotonic())
        with self._lock:
            counted = [tuple(each) for each in self._seconds.get(workspace_id, ())]
        short = sum(number for second, number in counted if now - second < SHORT_SECONDS)
        long = sum(number for second, number in counted if now - second < LONG_SECONDS)
        return Rate(round(short / SHORT_SECONDS, 1), round(long / LONG_SECONDS, 1))


class Broadcast:
    """All watchers of one process, and the rates of what arrives.

    Args:
        monotonic: Seconds that only grow.
    """

    def __init__(self, state: State, monotonic: Callable[[], float]) -> None:
        self._state = state
        self._meter = _Meter(monotonic)
        self._watchers: list[Watcher] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batches: deque[list[HistoryRow]] = deque()
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    # --- what arrives, from the projector's thread --------------------------------------------

    def published(self, rows: Sequence[HistoryRow]) -> None:
        """Take rows that have become visible, of any workspaces."""
        for workspace_id, number in Counter([row.workspace_id for row in rows]).items():
            self._meter.add(workspace_id, number)
        watched = {watcher.scope.workspace_id for watcher in tuple(self._watchers)}
        loop = self._loop
        if not watched or loop is None:
            return
        seen = [row for row in rows if row.workspace_id in watched]
        if seen:
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._arrived, seen)

    def rate(self, scope: Scope) -> Rate:
        """Return how fast events and activities of a workspace arrive."""
        return self._meter.rate(scope.workspace_id)

    # --- who watches, on the event loop -------------------------------------------------------

    def admit(self, scope: Scope) -> None:
        """Do nothing if one more may watch this workspace.

        Raises:
            Unavailable: The server is stopping.
            TooManyStreams: As many as may are watching it.
        """
        if self._closed:
            raise Unavailable("The server is stopping.")
        watching = [each for each in self._watchers if each.scope == scope]
        if len(watching) >= MAX_WATCHERS:
            raise TooManyStreams(
                f"This workspace has {MAX_WATCHERS} streams open; close one of them."
            )

    @contextmanager
    def watching(self, watcher: Watcher) -> Iterator[None]:
        """Have `watcher` told of everything that becomes visible from now on."""
        self._loop = asyncio.get_running_loop()
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    def close(self) -> None:
        """End every stream and let none begin."""
        self._closed = True
        self._end_all()

    def _end_all(self) -> None:
        for watcher in self._watchers:
            watcher.ended.set()

    def _arrived(self, rows: list[HistoryRow]) -> None:
        if len(self._batches) >= MAX_BATCHES:
            # They come back, and take up where they were.
            self._batches.clear()
            self._end_all()
            return
        self._batches.append(rows)
        if self._working is None:
            self._working = asyncio.create_task(self._hand_out())

    async def _hand_out(self) -> None:
        try:
            while self._batches:
                rows, watchers = self._batches.popleft(), tuple(self._watchers)
                for watcher, delivery in await asyncio.to_thread(self._prepared, rows, watchers):
                    watcher.put(delivery)
        except BaseException:
            self._end_all()  # what they missed they ask for when they come back
            raise
        finally:
            self._working = None

    # --- on a thread --------------------------------------------------------------------------

    def _prepared(
        self, rows: Sequence[HistoryRow], watchers: Sequence[Watcher]
    ) -> list[tuple[Watcher, Delivery]]:
        """Return what to put into which watcher's queue."""
        prepared: list[tuple[Watcher, Delivery]] = []
        for scope in {watcher.scope for watcher in watchers}:
            own = [row for row in rows if row.workspace_id == scope.workspace_id]
            if not own:
                continue
            own.sort(key=position_of)
            watching = [watcher for watcher in watchers if watcher.scope == scope]
            chosen = self._chosen(scope, own, {watcher.wanted for watcher in watching})
            newest = {wanted: found[-MAX_WAITING:] for wanted, found in chosen.items()}
            needed = {position_of(row): row for found in newest.values() for row in found}
            encoded = self._encoded(scope, list(needed.values()))
            for watcher in watching:
                shown = newest[watcher.wanted]
                messages: list[tuple[int, bytes]] = [
                    (position_of(row), encoded[position_of(row)]) for row in shown
                ]
                dropped = len(chosen[watcher.wanted]) - len(shown)
                prepared.append((watcher, Delivery(messages, dropped, position_of(own[-1]))))
        return prepared

    def _chosen(
        self, scope: Scope, rows: list[HistoryRow], wishes: set[Watched]
    ) -> dict[Watched, list[HistoryRow]]:
        """Return the rows that each wish is about."""
        with self._state.read() as conn:
            selections = {wanted: wanted.selection(conn, scope) for wanted in wishes}
        return {
            wanted: [row for row in rows if _is_wanted(row, wanted, selection)]
            for wanted, selection in selections.items()
        }

    def _encoded(self, scope: Scope, rows: Sequence[HistoryRow]) -> dict[int, bytes]:
        """Return the JSON of rows, as the lists answer them, by id."""
        events = [event_columns(row) for row in rows if isinstance(row, EventRow)]
        activities = [activity_columns(row) for row in rows if isinstance(row, ActivityRow)]
        items = history_items(self._state, scope, events, activities)
        return {item.id: _encode(item) for item in items}


def history_items(
    state: State,
    scope: Scope,
    events: list[tuple[Any, ...]],
    activities: list[tuple[Any, ...]],
) -> list[HistoryItem]:
    """Return rows of `queries.page` of both histories, named, in the order of their ids."""
    items = [
        HistoryItem(event.id, event.occurred_at, "product_event", event, None)
        for event in (named_events(state, scope, events) if events else ())
    ]
    items += [
        HistoryItem(activity.id, activity.occurred_at, activity.kind, None, activity)
        for activity in (named_activities(state, scope, activities) if activities else ())
    ]
    items.sort(key=lambda item: item.id)
    return items


def _is_wanted(row: HistoryRow, wanted: Watched, selection: Selection | None) -> bool:
    if selection is None:
        return False
    if selection.contact_ids is not None and row.contact_id not in selection.contact_ids:
        return False
    if isinstance(row, ActivityRow):
        return wanted.wants_activities and wanted.kind in {None, row.kind}
    if selection.product_ids is not None and row.product_id not in selection.product_ids:
        return False
    return wanted.wants_events and wanted.event_type in {None, row.event_type}
