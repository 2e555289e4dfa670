"""Carries the journal into the state and the warehouse, in order, each with a cursor.

Two threads. *State* reads the journal, places a batch in one transaction (see placement.py)
and hands its rows on. *Warehouse* inserts them with a token made of the range, copies changed
products and contacts, moves its cursor, lets the journal trim, and tells who waits. Both sleep on
conditions; an idle shop costs nothing. After a crash the ranges between the two cursors are
inserted again with the same ids: those rows that the warehouse lacks.

A batch that fails is halved until the culprit is alone; it goes to failed events, the rest goes on.
An outage of a store is no culprit: the same batch is tried again until the store is back.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from footfall.contacts.api import forget_old_carts
from footfall.http.services import Counters
from footfall.ingest import failed_queries, placement, queries
from footfall.ingest.carts import fill_carts
from footfall.ingest.erasing import Eraser
from footfall.ingest.inserting import HistoryRow, Inserter, position_of
from footfall.ingest.placement import NOWHERE, Placed, activity_rows, warehouse_rows
from footfall.ingest.snapshots import copy_dirty_objects, mark_all_dirty
from footfall.ingest.types import Copied, Record, RefusedRecord
from footfall.journal.types import Journal
from footfall.kernel.errors import Unavailable, UserError
from footfall.kernel.ids import Position
from footfall.kernel.instants import DAY_MS, HOUR_MS, Clock, Instant
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: A batch holds the state's write lock for about 200 ms at most; larger ones gain little.
MAX_BATCH_RECORDS = 5_000
#: What arrives within this time shares a batch: each costs two transactions and a part in the
#: warehouse, some 60 ms of CPU, however small it is.
LINGER_SECONDS = 0.06
#: If this many are there by then, some 5,000 a second, the batch waits for more: beside so many
#: requests the CPU is worth more than a quarter of a second.
BUSY_RECORDS = 400
BUSY_LINGER_SECONDS = 0.25
#: How often copies of changed objects are made while batches queue up: one that sells is changed
#: by every batch, and a copy costs as much as a third of the events that changed it.
SNAPSHOT_SECONDS = 3.0
#: Failed events are kept for 30 days (decisions.md).
FAILED_EVENTS_KEPT_MS = 30 * DAY_MS
#: Between two tries while a store is away.
RETRY_SECONDS = 1.0
#: Placed ranges that may wait for the warehouse, in memory.
MAX_QUEUED_RANGES = 3

_BEGINNING = Position(0)

_log = logging.getLogger(__name__)
_decode_records = msgspec.msgpack.Decoder(list[Record]).decode
_decode_raws = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_record = msgspec.msgpack.Decoder(Record).decode


class ProjectionFault(UserError):
    """A record that breaks our own rules; kept, so that nothing is lost and nothing stops."""

    code = "projection_fault"


class JournalGap(Exception):
    """Records that were accepted and not projected are not in the journal any more."""


class _Range:
    """A placed range on its way to the warehouse."""

    __slots__ = ("activities", "doubtful", "inserted", "placed", "rows")

    def __init__(self, placed: Placed, records: Sequence[Record], *, doubtful: bool) -> None:
        """Make the rows; `doubtful` where somebody may have tried to insert them before."""
        self.placed = placed
        self.rows = warehouse_rows(placed, records)
        self.activities = activity_rows(placed, records)
        self.inserted = False
        self.doubtful = doubtful


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told of what becomes visible; on the warehouse's thread, so briefly."""

    #: Of rows when lists show them.
    published: Sequence[Callable[[Sequence[HistoryRow]], None]] = ()
    #: Of copies of products, contacts or carts when they are made.
    copied: Sequence[Callable[[Copied], None]] = ()
    #: That everything told so far is wholly visible, copies too.
    settled: Sequence[Callable[[], None]] = ()


class _Waiter(NamedTuple):
    """Somebody who wants (position, copies) to be reached."""

    target: tuple[int, int]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


class Projector:
    """The two threads and their cursors; one per data directory."""

    def __init__(
        self,
        journal: Journal,
        state: State,
        warehouse: Warehouse,
        *,
        clock: Clock,
        monotonic: Callable[[], float],
        counters: Counters,
        audience: Audience = Audience(),
    ) -> None:
        """Take the stores.

        Args:
            monotonic: Seconds that only grow.
            audience: Told of what becomes visible.
        """
        self._audience = audience
        self._journal = journal
        self._state = state
        self._warehouse = warehouse
        self._clock = clock
        self._monotonic = monotonic
        self._counters = counters
        self.eraser = Eraser(state, warehouse)
        self._inserter = Inserter(warehouse, self._refuse)
        # One lock, and a condition for each who sleeps, so that nobody is woken for nothing: a
        # thread that wakes takes the GIL from the event loop.
        self._lock = threading.Lock()
        self._records_wake = threading.Condition(self._lock)
        self._ranges_wake = threading.Condition(self._lock)
        self._visible_wake = threading.Condition(self._lock)
        self._wanted_head = Position(1)
        self._head = Position(0)
        self._stopping = False
        self._queue: list[_Range] = []
        self._state_position = Position(0)
        self._visible = Position(0)
        self._copies_asked = 1  # objects left dirty by an earlier process
        self._copies_made = 0
        self._hurried = Position(0)
        self._inserted = Position(0)
        self._last_copy = 0.0
        self._copies_due = True  # whether there may be something to copy
        self._forgot_at = Instant(0)
        self._waiters: list[_Waiter] = []
        self._threads: list[threading.Thread] = []
        self._faults: dict[str, str] = {}
        self._refused: set[Position] = set()  # by the warehouse, of the batch under way

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Finish what an earlier process left half-done, then project in the background."""
        self.load_cursors()
        self.eraser.start()
        self._journal.on_append(self._appended)
        for target in (self._run_state, self._run_warehouse):
            thread = threading.Thread(target=target, name=target.__name__.strip("_"), daemon=True)
            self._threads.append(thread)
            thread.start()

    def load_cursors(self) -> None:
        """Read where an earlier process stopped."""
        with self._state.read() as conn:
            self._state_position = queries.cursor(conn, "state")
            self._inserted = self._visible = queries.cursor(conn, "warehouse")
        self._head = self._journal.head()

    def stop(self) -> None:
        """Stop after the batches under way; what is left is taken up at the next start."""
        with self._lock:
            self._stopping = True
            for condition in (self._records_wake, self._ranges_wake, self._visible_wake):
                condition.notify_all()
        for thread in self._threads:
            thread.join()
        self.eraser.stop()

    def _appended(self, head: Position) -> None:
        with self._lock:
            self._head = head
            if head >= self._wanted_head:
                self._records_wake.notify()

    # --- waiting ------------------------------------------------------------------------------

    @property
    def fault(self) -> str | None:
        """Why nothing can be projected now, None if nothing stands in the way."""
        return next(iter(self._faults.values()), None)

    @property
    def visible_position(self) -> Position:
        """The last position that every reader sees."""
        return self._visible

    @property
    def behind(self) -> bool:
        """Whether there are records that the state does not know yet."""
        return self._journal.head() > self._state_position

    @property
    def lag(self) -> int:
        """How many records are accepted and not visible yet."""
        return max(0, self._journal.head() - self._visible)

    def _ask(self, position: Position | None) -> tuple[int, int]:
        """Return (position, copies) that must be reached; None asks for what is dirty now."""
        with self._lock:
            if position is not None:
                self._hurried = max(self._hurried, position)
                self._records_wake.notify()
                return (int(position), 0)
            self._copies_asked += 1
            self._ranges_wake.notify()
            return (0, self._copies_asked)

    def _reached(self, target: tuple[int, int]) -> bool:
        return self._visible >= target[0] and self._copies_made >= target[1]

    async def wait(self, position: Position | None, timeout_seconds: float) -> bool:
        """Return True once `position` is visible everywhere, False if it takes too long.

        None waits for the copies of all products and contacts that are changed now.
        """
        loop = asyncio.get_running_loop()
        target = self._ask(position)
        with self._lock:
            if self._reached(target):
                return True
            waiter = _Waiter(target, loop, loop.create_future())
            self._waiters.append(waiter)
        try:
            await asyncio.wait_for(waiter.future, timeout_seconds)
        except TimeoutError:
            return False
        finally:
            # Also when the client hung up; it is on the list no more if it was answered.
            with self._lock:
                self._waiters = [other for other in self._waiters if other is not waiter]
        return True

    def wait_in_thread(self, position: Position | None, timeout_seconds: float) -> bool:
        """Do the same as `wait`, for a caller without an event loop."""
        target = self._ask(position)
        with self._lock:
            self._visible_wake.wait_for(
                lambda: self._stopping or self._reached(target), timeout_seconds
            )
            return self._reached(target)

    def changed(self) -> None:
        """Say that products or contacts were changed by a transaction of somebody else."""
        self._ask(None)

    def rebuild(self, timeout_seconds: float) -> bool:
        """Make the warehouse's copies of products and contacts again; never touches events.

        Carts get what the events say that are there, such as those of a time before carts.
        Returns False if they are not all there in time; they are still being made then.
        """
        # Marked before and after: a crash between leaves them marked, and a copy made between the
        # first mark and the emptying is made again.
        with self._state.write() as conn:
            mark_all_dirty(conn)
        self._warehouse.empty_snapshots()
        with self._state.write() as conn:
            mark_all_dirty(conn)
        fill_carts(self._state, self._warehouse, self._clock())
        return self.wait_in_thread(None, timeout_seconds)

    def _announce(self) -> None:
        """Answer who waits; called with the condition held."""
        due = [waiter for waiter in self._waiters if self._reached(waiter.target)]
        if due:
            self._waiters = [w for w in self._waiters if not self._reached(w.target)]
        for waiter in due:
            try:
                waiter.loop.call_soon_threadsafe(_answer, waiter.future)
            except RuntimeError:
                _log.debug("a waiter's event loop is closed")
        self._visible_wake.notify_all()

    # --- state --------------------------------------------------------------------------------

    def _run_state(self) -> None:
        self._until_it_works(self.take_up_open_ranges)
        while self._await_records():
            self._until_it_works(self.project_once)

    def _await_records(self) -> bool:
        """Sleep until there is a batch worth projecting; return False to stop."""
        with self._lock:
            self._sleep_until_head(Position(self._state_position + 1), None)
            if self._hurried <= self._state_position:
                full = Position(self._state_position + MAX_BATCH_RECORDS)
                self._sleep_until_head(full, LINGER_SECONDS)
                if self._head - self._state_position >= BUSY_RECORDS:
                    self._sleep_until_head(full, BUSY_LINGER_SECONDS)
            self._wanted_head = Position(1 << 62)
            self._records_wake.wait_for(
                lambda: self._stopping or len(self._queue) < MAX_QUEUED_RANGES
            )
            return not self._stopping

    def _sleep_until_head(self, wanted: Position, timeout_seconds: float | None) -> None:
        self._wanted_head = wanted
        self._records_wake.wait_for(
            lambda: (
                self._stopping
                or self._head >= wanted
                or (timeout_seconds is not None and self._hurried > self._state_position)
            ),
            timeout_seconds,
        )

    def _until_it_works(self, step: Callable[[], None]) -> None:
        """Do `step`, again and again until it succeeds; return early to stop."""
        name = step.__name__
        while not self._stopping:
            try:
                step()
            except Exception as error:  # noqa: BLE001 - a thread that ended would stop everything
                if name not in self._faults:
                    _log.exception("%s failed; trying again every second", name)
                self._faults[name] = f"{type(error).__name__}: {error}"
                with self._lock:
                    self._visible_wake.wait_for(lambda: self._stopping, RETRY_SECONDS)
            else:
                if self._faults.pop(name, None) is not None:
                    _log.warning("%s works again", name)
                return

    def take_up_open_ranges(self, past: Position = _BEGINNING) -> None:
        """Queue what is placed past `past` and perhaps not in the warehouse.

        At the start, what an earlier process left; later, what was committed though the answer
        to the commit was lost on its way.
        """
        with self._state.read() as conn:
            ranges = [row for row in queries.open_ranges(conn) if row.first_position > past]
            placed_through = queries.cursor(conn, "state")
        taken: list[_Range] = []
        for row in ranges:
            contact_ids, product_ids = placement.decode_resolved(row.resolved)
            first, last = Position(row.first_position), Position(row.last_position)
            placed = Placed(first, last, contact_ids, product_ids)
            taken.append(_Range(placed, self._read(first, last), doubtful=True))
        with self._lock:
            self._queue.extend(taken)
            self._state_position = placed_through
            self._ranges_wake.notify()

    def _read(self, first: Position, last: Position) -> list[Record]:
        """Return the records of a range, which must still be in the journal."""
        records: list[Record] = []
        position = first
        while position <= last:
            found_first, found = self._read_past(Position(position - 1))
            if found_first != position:
                raise JournalGap(f"the journal lost the records from {position}")
            records.extend(found)
            position = Position(position + len(found))
        return records[: last - first + 1]

    def _read_past(self, after: Position) -> tuple[Position, list[Record]]:
        """Return the first position past `after` and the neighbouring records from there."""
        batches = self._journal.read(after, MAX_BATCH_RECORDS)
        if not batches:
            raise JournalGap(f"the journal lost the records past {after}")
        first = batches[0].first_position
        records: list[Record] = []
        for batch in batches:
            if batch.first_position != first + len(records):
                break
            records.extend(_decoded(batch.payload, self._clock()))
        if first <= after:
            del records[: after + 1 - first]
            first = Position(after + 1)
        return first, records

    def project_once(self) -> None:
        """Place the next batch in the state; there must be one (`behind`)."""
        first, records = self._read_past(self._state_position)
        # A journal row may hold more than a batch should; the rest comes next.
        self._place(first, records[:MAX_BATCH_RECORDS])

    def _place(self, first: Position, records: Sequence[Record]) -> None:
        """Place `records` in one transaction, or in halves if one of them cannot be placed."""
        try:
            with self._state.write() as conn:
                placed = placement.place(conn, first, records)
        except placement.AlreadyPlaced:
            self.take_up_open_ranges(self._state_position)
            return
        except Exception as error:
            if _is_outage(error):
                raise
            if len(records) > 1:
                half = len(records) // 2
                self._place(first, records[:half])
                self._place(Position(first + half), records[half:])
                return
            placed = self._give_up(first, records[0], error)
        self._counters.events_failed += placed.failed
        self._hand_on(_Range(placed, records, doubtful=False))

    def _give_up(self, position: Position, record: Record, error: Exception) -> Placed:
        """Put one record that breaks the placing among the failed events."""
        _log.error("record %d cannot be placed", position, exc_info=error)
        fault = ProjectionFault("This event could not be stored; the server's log says why.")
        is_new = not isinstance(record, RefusedRecord)
        placed = Placed(position, position, [NOWHERE], [NOWHERE], failed=int(is_new))
        with self._state.write() as conn:
            if not isinstance(record, RefusedRecord):
                row = placement.failed_record(position, record, fault)
                failed_queries.add_failed_events(conn, [row])
            placement.keep(conn, placed)
        return placed

    def _hand_on(self, placed_range: _Range) -> None:
        with self._lock:
            self._state_position = placed_range.placed.last_position
            self._queue.append(placed_range)
            self._ranges_wake.notify()

    # --- warehouse ----------------------------------------------------------------------------

    def _run_warehouse(self) -> None:
        while True:
            with self._lock:
                self._ranges_wake.wait_for(
                    lambda: self._stopping or self._queue or self._copies_asked > self._copies_made
                )
                if self._stopping:
                    return
            self._until_it_works(self.publish_once)

    @property
    def queued(self) -> list[_Range]:
        """The ranges that are in the state and not in the warehouse."""
        with self._lock:
            return list(self._queue)

    def insert_queued(self) -> list[_Range]:
        """Insert the rows of every queued range and return the ranges; the cursor stays."""
        ranges = self.queued
        missing = [placed_range for placed_range in ranges if not placed_range.inserted]
        rows: list[HistoryRow] = [row for placed_range in missing for row in placed_range.rows]
        activities: list[HistoryRow] = [row for found in missing for row in found.activities]
        doubtful = any(placed_range.doubtful for placed_range in missing)
        for placed_range in missing:
            placed_range.doubtful = True
        self._inserter.insert("events", rows, doubtful=doubtful)
        self._inserter.insert("activities", activities, doubtful=doubtful)
        for placed_range in missing:
            placed_range.inserted = True
        return ranges

    def publish_once(self) -> None:
        """Bring everything queued into the warehouse and move its cursor."""
        asked = self._copies_asked
        self.eraser.hide()
        ranges = self.insert_queued()
        inserted = ranges[-1].placed.last_position if ranges else self._inserted
        self._copies_due |= any(placed_range.placed.changes_objects for placed_range in ranges)
        copied = self._copy(asked, inserted)
        if ranges:
            with self._state.write() as conn:
                queries.close_ranges(conn, inserted)
                queries.move_cursor(conn, "warehouse", inserted)
            self._journal.trim(inserted)
        with self._lock:
            del self._queue[: len(ranges)]
            self._records_wake.notify()
            self._inserted = inserted
            self._counters.events_projected += sum(len(r.rows) + len(r.activities) for r in ranges)
            if copied:
                self._copies_made = asked
                self._visible = inserted
            self._announce()
        rows: list[HistoryRow] = []
        for found in ranges:
            rows += found.rows
            rows += found.activities
        if self._refused:
            rows = [row for row in rows if position_of(row) not in self._refused]
            self._refused.clear()
        if rows:
            for published in self._audience.published:
                published(rows)
        if copied:
            for settled in self._audience.settled:
                settled()

    def _copy(self, asked: int, inserted: Position) -> bool:
        """Copy changed objects, unless more events wait and nobody asks for the copies yet."""
        now = self._monotonic()
        with self._lock:
            busy = self._head - inserted >= MAX_BATCH_RECORDS
        wanted = asked > self._copies_made or self._hurried > self._visible
        if not self._copies_due and asked == self._copies_made:
            return True
        if busy and not wanted and now - self._last_copy < SNAPSHOT_SECONDS:
            return False
        copy_dirty_objects(self._state, self._warehouse, self._clock(), self._tell_copied)
        self._copies_due = False
        self._last_copy = now
        if self._clock() - self._forgot_at > HOUR_MS:
            self._forgot_at = self._clock()
            with self._state.write() as conn:
                failed_queries.forget_failed_events(conn, self._forgot_at - FAILED_EVENTS_KEPT_MS)
                forget_old_carts(conn, self._forgot_at)
        return True

    def _tell_copied(self, copies: Copied) -> None:
        for copied in self._audience.copied:
            copied(copies)

    def _refuse(self, position: Position) -> None:
        """Put what the warehouse does not take among the failed events."""
        _log.exception("record %d cannot be inserted", position)
        record = self._read(position, position)[0]
        fault = ProjectionFault("The warehouse refused this event; the server's log says why.")
        assert not isinstance(record, RefusedRecord)
        self._counters.events_failed += 1
        self._refused.add(position)
        with self._state.write() as conn:
            if not failed_queries.is_failed(conn, position):  # it is, if this is done once more
                failed = placement.failed_record(position, record, fault)
                failed_queries.add_failed_events(conn, [failed])


def _is_outage(error: Exception) -> bool:
    """Return whether the state store is to blame, and not what was to be written."""
    at_fault = (DataError, IntegrityError, ProgrammingError)
    return isinstance(error, Unavailable) or (
        isinstance(error, DBAPIError) and not isinstance(error, at_fault)
    )


def _answer(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _decoded(payload: bytes, now: Instant) -> list[Record]:
    """Return the records of a journal batch; one that is none becomes a refused one."""
    try:
        return _decode_records(payload)
    except msgspec.MsgspecError:
        return [_decoded_alone(raw, now) for raw in _decode_raws(payload)]


def _decoded_alone(raw: msgspec.Raw, now: Instant) -> Record:
    try:
        record: Record = _decode_record(raw)
    except msgspec.MsgspecError:
        _log.exception("a journal record cannot be read")
        return RefusedRecord(
            workspace_id=0,  # nobody's: only the operator's log tells of it
            received_at=now,
            source="api",
            api_key_id=None,
            wire_format="record",
            product_id=None,
            payload=bytes(raw),
            code=ProjectionFault.code,
            message="This is no record of an event.",
            event_key=None,
        )
    return record
