"""The embedded journal: one SQLite file, one writer thread, commits that group by themselves.

`submit` queues; the writer takes all that is queued, writes it in one transaction, and answers
everybody when the commit is on disk. While it waits for the disk the next group gathers, so the
slower the disk the larger the groups. Between commits it does one small piece of housekeeping
(freeing trimmed rows, freezing and dropping key generations) at a time.
"""

import asyncio
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from footfall.journal import known_keys, logic
from footfall.journal.known_keys import KnownKeys
from footfall.journal.types import Appended, Batch, Entry, JournalFull
from footfall.kernel.errors import Unavailable
from footfall.kernel.ids import Position
from footfall.kernel.instants import SECOND_MS, Clock, Instant

#: A commit takes no further submission past this, so that nobody waits for a much larger one.
COMMIT_BYTES: Final = 4 << 20
#: A read ends past this, however few records that is: it is what a reader holds in memory.
READ_BYTES: Final = 8 << 20
#: Free pages inside the file that count as room even when the disk itself is below its reserve.
_REUSABLE_BYTES: Final = 64 << 20
#: Rows and bytes freed in one step, a few milliseconds.
_TRIM_ROWS: Final = 512
_TRIM_BYTES: Final = 16 << 20

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS batches (
    last_position INTEGER PRIMARY KEY,
    first_position INTEGER NOT NULL,
    payload BLOB NOT NULL -- msgpack array of records
);
-- The head is the last batch's position, or this floor once that batch is deleted; so an append
-- need not write it, and positions are not reused.
CREATE TABLE IF NOT EXISTS floor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    head INTEGER NOT NULL,
    trimmed INTEGER NOT NULL
);
INSERT OR IGNORE INTO floor VALUES (1, 0, 0);
"""
#: 4 KiB pages: a small commit writes three of them. A checkpoint every 16 MiB costs two syncs and
#: at most some 20 ms; the default of 4 MiB costs as many syncs four times as often, a larger one
#: a longer pause. 4 MiB of cache holds the inner pages; records are written once and read soon,
#: while the system still has them. secure_delete, on in some builds, would overwrite what is freed.
_SETTINGS: Final = """
PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 4096;
PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -4096;
PRAGMA mmap_size = 0;
PRAGMA secure_delete = OFF;
PRAGMA foreign_keys = OFF;
"""
_FLOOR = """
SELECT max(head, coalesce((SELECT max(last_position) FROM batches), 0)), trimmed FROM floor
"""
_SET_FLOOR = "UPDATE floor SET head = ?, trimmed = ?"
_BYTES_BETWEEN = """
SELECT coalesce(sum(length(payload)), 0) FROM batches
WHERE last_position > ? AND last_position <= ?
"""
_INSERT = "INSERT INTO batches VALUES (?, ?, ?)"
_READ = """
SELECT first_position, last_position, payload FROM batches
WHERE last_position > ? ORDER BY last_position
"""
_TRIMMED = """
SELECT last_position, length(payload) FROM batches
WHERE last_position <= ? ORDER BY last_position LIMIT ?
"""
_DELETE = "DELETE FROM batches WHERE last_position <= ?"

_log = logging.getLogger(__name__)


class _Submission(NamedTuple):
    entries: Sequence[Entry]
    size: int
    future: "asyncio.Future[list[Appended]]"


_Answer = tuple["asyncio.Future[list[Appended]]", list[Appended] | Exception]
#: First and last position (of records: the other way round), and what is stored for them.
_Row = tuple[Position, Position, bytes]


class SqliteJournal:
    """`Journal` in a SQLite file of this process alone. Arguments as of `api.open_journal`.

    Args:
        free_bytes: Answers the free space of the disk; tests let it run out.
        generation_keys: Keys per generation; tests take few.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        max_waiting_bytes: int,
        disk_reserve_bytes: int,
        free_bytes: Callable[[], int] | None = None,
        generation_keys: int = known_keys.GENERATION_KEYS,
    ) -> None:
        self._clock = clock
        self._max_waiting = max_waiting_bytes
        self._reserve = disk_reserve_bytes
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(path.parent).free)
        self._writer = _open_writer(path)
        self._keys = KnownKeys(self._writer, clock(), generation_keys=generation_keys)
        self._reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._reader.execute("PRAGMA query_only = ON")
        self._reading = threading.Lock()
        self._head: Position
        self._trimmed: Position
        self._waiting: int
        self._head, self._trimmed = self._writer.execute(_FLOOR).fetchone()
        bounds = (self._trimmed, self._head)
        (self._waiting,) = self._writer.execute(_BYTES_BETWEEN, bounds).fetchone()
        self._freed_through = Position(0)
        self._floor_trimmed = self._trimmed
        self._listeners: list[Callable[[Position], None]] = []
        #: Guards what follows, and wakes the writer.
        self._wake = threading.Condition(threading.Lock())
        self._pending: list[_Submission] = []
        self._queued_bytes = 0
        self._idle = False
        self._closing = False
        self._writing_failed = False
        self._tidying_failed = False
        self._look_at_disk = False
        self._disk_low = False
        self._looked_at = Instant(0)
        self._measure_disk(force=True)
        # A daemon: a process that ends without `close` loses only what was never acknowledged.
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def submit(self, entries: Sequence[Entry]) -> "asyncio.Future[list[Appended]]":
        """Queue `entries`; see `Journal.submit`."""
        future: asyncio.Future[list[Appended]] = asyncio.get_running_loop().create_future()
        if not entries:
            future.set_result([])
            return future
        size = sum([len(entry.payload) for entry in entries])
        with self._wake:
            self._refuse_if_full(size)
            self._queued_bytes += size
            self._pending.append(_Submission(entries, size, future))
            if self._idle:
                self._idle = False
                self._wake.notify()
        return future

    def read(self, after: Position, max_records: int) -> list[Batch]:
        """Return batches past `after`; see `Journal.read`. Never much more than 8 MiB of them."""
        batches: list[Batch] = []
        records = size = 0
        after = max(after, self._trimmed)
        with self._reading, closing(self._reader.execute(_READ, (after,))) as rows:
            for first, last, payload in rows:
                batches.append(Batch(first, last, payload))
                records += last - max(first - 1, after)
                size += len(payload)
                if records >= max_records or size >= READ_BYTES:
                    break
        return batches

    def head(self) -> Position:
        """Return the last position on disk; see `Journal.head`."""
        return self._head

    def trim(self, through: Position) -> None:
        """Let go of records up to `through`; see `Journal.trim`. Thread-safe."""
        with self._reading:
            through = min(through, self._head)
            if through <= self._trimmed:
                return
            bounds = (self._trimmed, through)
            (freed,) = self._reader.execute(_BYTES_BETWEEN, bounds).fetchone()
            with self._wake:
                self._trimmed = through
                self._waiting -= freed
                self._tidying_failed = False
                self._wake.notify()

    def on_append(self, listener: Callable[[Position], None]) -> None:
        """Call `listener(head)` after each commit; see `Journal.on_append`."""
        self._listeners.append(listener)

    def waiting_bytes(self) -> int:
        """Return the bytes on disk that are not trimmed; see `Journal.waiting_bytes`."""
        return self._waiting

    def check(self) -> None:
        """Return if it can be appended to; see `Journal.check`."""
        if not self._thread.is_alive():
            raise Unavailable("The journal's writer has stopped; the server's log says why.")
        self.read(self._head, 1)

    def close(self) -> None:
        """Write what is queued and close; see `Journal.close`. Harmless when closed before."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        with self._reading:
            self._reader.close()

    def _refuse_if_full(self, size: int) -> None:
        if self._closing:
            raise Unavailable("The server is shutting down.", retry_after_seconds=5)
        if self._disk_low:
            if abs(self._clock() - self._looked_at) >= SECOND_MS:
                self._look_at_disk = True
                self._wake.notify()
            raise _disk_full()
        if self._waiting + self._queued_bytes + size > self._max_waiting:
            raise JournalFull("Too many events are waiting to be processed; try again soon.")

    # The writer's thread, from here on.

    def _run(self) -> None:
        try:
            self._write_until_closed()
        except Exception as error:
            # A bug or a lost disk: say so to everybody rather than let them wait for ever.
            _log.critical("the journal's writer has stopped", exc_info=True)
            with self._wake:
                self._closing = True
                left, self._pending = self._pending, []
            _answer([(submission.future, error) for submission in left])
            raise
        finally:
            self._writer.close()

    def _write_until_closed(self) -> None:
        while True:
            with self._wake:
                while not (self._pending or self._closing or self._look_at_disk or self._untidy()):
                    self._idle = True
                    self._wake.wait()
                self._idle = False
                self._look_at_disk = False
            # Before anything is taken: if it fails, everybody who waits is still in the queue.
            self._measure_disk()
            with self._wake:
                group = self._take_pending()
                closing = self._closing
            if group:
                self._commit(group)
            elif closing:
                break
            if not self._closing and self._untidy():
                self._do_one_step()
        self._save_floor()

    def _take_pending(self) -> list[_Submission]:
        size = count = 0
        for submission in self._pending:
            if count and size + submission.size > COMMIT_BYTES:
                break
            size += submission.size
            count += 1
        group = self._pending[:count]
        del self._pending[:count]
        return group

    def _commit(self, group: list[_Submission]) -> None:
        written = 0
        key_rows: list[_Row] = []
        answers: list[_Answer]
        now = self._clock()
        try:
            results, written, head, key_rows = self._append(group, now)
        except sqlite3.OperationalError:
            if not self._writing_failed:  # once, or the log would take what space is left
                _log.exception("the journal could not be written")
            self._writing_failed = True
            answers = [(submission.future, _disk_full()) for submission in group]
            head = self._head
        except Exception as error:  # noqa: BLE001 - handed to those who wait, who report it
            answers = [(submission.future, error) for submission in group]
            head = self._head
        else:
            answers = [
                (submission.future, result)
                for submission, result in zip(group, results, strict=True)
            ]
        with self._wake:
            self._queued_bytes -= sum([submission.size for submission in group])
            self._waiting += written
            appended = head > self._head
            self._head = head
        _answer(answers)
        if appended:
            self._writing_failed = self._tidying_failed = False
            self._tell_listeners(head)
            # Only now: a key of a failed commit must not be known. If this fails, the writer
            # stops: the records are on disk, and a repeat of their keys would be taken for new.
            self._keys.remember(key_rows, now)

    def _append(
        self, group: list[_Submission], now: Instant
    ) -> tuple[list[list[Appended]], int, Position, list[_Row]]:
        """Return each submission's places, the bytes written, the new head and its rows of keys."""
        known = self._keys.find(
            [
                entry.key_hash
                for submission in group
                for entry in submission.entries
                if entry.key_hash is not None
            ]
        )
        payloads: list[bytes] = []
        keys: list[bytes] = []
        results: list[list[Appended]] = []
        position = Position(self._head + 1)
        for submission in group:
            places: list[Appended] = []
            for key, payload in submission.entries:
                if key is not None:
                    first = known.setdefault(key, position)
                    if first != position:
                        places.append(Appended(first, True))
                        continue
                payloads.append(payload)
                keys.append(key or logic.NO_KEY)
                places.append(Appended(position, False))
                position = Position(position + 1)
            results.append(places)
        if not payloads:
            return results, 0, self._head, []
        written, key_rows = self._write(payloads, keys, now)
        return results, written, Position(position - 1), key_rows

    def _write(
        self, payloads: list[bytes], keys: list[bytes], now: Instant
    ) -> tuple[int, list[_Row]]:
        """Write and commit new records after the head; return their bytes and rows of keys."""
        records: list[_Row] = []
        key_rows: list[_Row] = []
        for start, end in logic.row_bounds(payloads):
            first, last = Position(self._head + 1 + start), Position(self._head + end)
            records.append((last, first, logic.pack_array(payloads[start:end])))
            row_keys = b"".join(keys[start:end])
            if any(row_keys):
                key_rows.append((first, last, row_keys))
        with self._transaction():
            self._writer.executemany(_INSERT, records)
            self._keys.write(key_rows, now)
        return sum([len(payload) for _, _, payload in records]), key_rows

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _untidy(self) -> bool:
        """Return whether there is housekeeping to do that did not just fail."""
        return not self._tidying_failed and (
            self._freed_through < self._trimmed or self._keys.next_step() is not None
        )

    def _do_one_step(self) -> None:
        """Do one piece of housekeeping: free trimmed rows, or work on key generations."""
        trimmed, freed_through = self._trimmed, self._freed_through
        key_step = self._keys.next_step() if freed_through >= trimmed else None
        # Losing a step to a crash loses nothing, so it need not be synced: the next append's
        # sync takes it along.
        self._writer.execute("PRAGMA synchronous = NORMAL")
        try:
            with self._transaction():
                if key_step is not None:
                    key_step()
                else:
                    freed_through = self._free(trimmed)
        except sqlite3.OperationalError:
            # Most likely no space, which appends tell those concerned. Tried again after the next
            # successful commit or trim.
            _log.exception("the journal could not be tidied")
            self._tidying_failed = True
            return
        finally:
            self._writer.execute("PRAGMA synchronous = FULL")
        self._freed_through = freed_through
        if key_step is not None:
            self._keys.step_done()

    def _free(self, trimmed: Position) -> Position:
        """Delete some of the rows up to `trimmed`; return through which position all are gone."""
        size = 0
        rows = self._writer.execute(_TRIMMED, (trimmed, _TRIM_ROWS)).fetchall()
        through = trimmed
        for last, length in rows:
            size += length
            if size >= _TRIM_BYTES:
                through = last
                break
        else:
            if len(rows) == _TRIM_ROWS:
                through = rows[-1][0]
        self._writer.execute(_SET_FLOOR, (self._head, trimmed))
        self._writer.execute(_DELETE, (through,))
        self._floor_trimmed = trimmed
        return through

    def _save_floor(self) -> None:
        """Remember the trimmed position when closing before its rows could be freed."""
        if self._floor_trimmed < self._trimmed:
            with self._transaction():
                self._writer.execute(_SET_FLOOR, (self._head, self._trimmed))

    def _measure_disk(self, *, force: bool = False) -> None:
        """Look, at most once a second, whether there is room for more."""
        now = self._clock()
        if not force and abs(now - self._looked_at) < SECOND_MS:
            return
        self._looked_at = now
        low = False
        if self._free_bytes() < self._reserve:
            # Trimmed rows leave room inside the file: without counting it, a journal that filled
            # the disk would stay closed after all of it was projected.
            (free_pages,) = self._writer.execute("PRAGMA freelist_count").fetchone()
            (page_size,) = self._writer.execute("PRAGMA page_size").fetchone()
            low = free_pages * page_size < _REUSABLE_BYTES
        if low and not self._disk_low:
            _log.warning("less than %d bytes are free on the journal's disk", self._reserve)
        self._disk_low = low

    def _tell_listeners(self, head: Position) -> None:
        for listener in self._listeners:
            try:
                listener(head)
            except Exception:  # noqa: BLE001 - the event is safe; one listener must not stop the rest
                _log.exception("a listener of the journal failed")


def _open_writer(path: Path) -> sqlite3.Connection:
    new = not path.exists()
    # Opened here, used by the writer's thread alone; all statements of one are kept prepared.
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.executescript(_SETTINGS)
    writer.executescript(f"BEGIN; {_SCHEMA} {known_keys.SCHEMA} COMMIT;")
    if new:
        # The file is on disk only when its name in the folder is.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return writer


def _disk_full() -> JournalFull:
    return JournalFull("The disk is nearly full; nothing was stored.", retry_after_seconds=5)


def _answer(answers: list[_Answer]) -> None:
    """Answer all futures of a commit, with one call to each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer[0].get_loop(), []).append(answer)
    for loop, of_loop in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, of_loop)
        except RuntimeError:
            if not loop.is_closed():
                raise
            # Nobody is left to be told; the records are on disk all the same.


def _settle(answers: list[_Answer]) -> None:
    for future, result in answers:
        if future.done():  # its caller went away
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
