"""Which event keys are known and where they stand; exact, durable, in the journal's SQLite file.

The truth is the key log: one row per row of records, holding their keys in order, written in the
same transaction. Everything else is derived from it. The newest keys are found through a
`KeyTable` in memory, made again from the log at start. When it is full it becomes a frozen
generation: its slots go to disk in small steps, and only its bits of a filter plane (2 bytes a
key) stay in memory. A generation whose newest key is older than `KEEP_MS` is dropped whole.

Used by the writer's thread alone.
"""

import sqlite3
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from footfall.journal import logic
from footfall.journal.logic import KEY_BYTES, PLANE_GENERATIONS, KeyTable
from footfall.kernel.ids import Position
from footfall.kernel.instants import DAY_MS, Instant

#: A key is refused as a repeat for at least so long (decision 1).
KEEP_MS: Final = 30 * DAY_MS
#: Keys of one generation: 8 MB of slots until they are on disk; 0.5 s to make again at start.
GENERATION_KEYS: Final = 1 << 19
#: 1 KiB: a few of them fill a page, and a lookup reads one.
_CHUNK_SLOTS: Final = 128
_PLANE_CHUNK: Final = 1 << 16
#: Written or deleted in one step, which delays an append by a few milliseconds.
_STEP_BYTES: Final = 1 << 20
_STEP_ROWS: Final = 256
#: A chunk's id is its generation's or plane's number above its own.
_CHUNK_BITS: Final = 32

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS key_log (
    last_position INTEGER PRIMARY KEY,
    first_position INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    keys BLOB NOT NULL -- 16 bytes a position, zeros: no key
);
CREATE TABLE IF NOT EXISTS key_generations (
    number INTEGER PRIMARY KEY,
    base INTEGER NOT NULL, -- last position before it
    last_position INTEGER NOT NULL,
    newest_at INTEGER NOT NULL,
    size INTEGER NOT NULL -- slots
);
CREATE TABLE IF NOT EXISTS key_slots (
    chunk INTEGER PRIMARY KEY, -- generation << 32 | number of the chunk
    slots BLOB NOT NULL
);
-- Written again after each generation. Bits are only added, so it does not matter when: a plane
-- may hold more bits than its listed generations need, never fewer.
CREATE TABLE IF NOT EXISTS key_planes (
    chunk INTEGER PRIMARY KEY, -- plane << 32 | number of the chunk
    bits BLOB NOT NULL
);
"""
_INSERT_LOG = "INSERT INTO key_log VALUES (?, ?, ?, ?)"
_LOG_ROW_OF = """
SELECT first_position, last_position, keys FROM key_log
WHERE last_position >= ? ORDER BY last_position LIMIT 1
"""
_LOG_AFTER = """
SELECT first_position, last_position, committed_at, keys FROM key_log
WHERE last_position > ? ORDER BY last_position
"""
_DELETE_LOG = """
DELETE FROM key_log WHERE last_position <= (
    SELECT max(last_position) FROM (
        SELECT last_position FROM key_log WHERE last_position <= ?
        ORDER BY last_position LIMIT ?
    )
)
"""
_GENERATIONS = """
SELECT number, base, last_position, newest_at, size FROM key_generations ORDER BY number
"""
_INSERT_GENERATION = "INSERT OR REPLACE INTO key_generations VALUES (?, ?, ?, ?, ?)"
_DELETE_GENERATION = "DELETE FROM key_generations WHERE number = ?"
_SLOTS = "SELECT slots FROM key_slots WHERE chunk = ?"
_INSERT_SLOTS = "INSERT OR REPLACE INTO key_slots VALUES (?, ?)"
_DELETE_SLOTS = "DELETE FROM key_slots WHERE chunk >= ? AND chunk < ?"
_PLANE = "SELECT bits FROM key_planes WHERE chunk >= ? AND chunk < ? ORDER BY chunk"
_INSERT_PLANE = "INSERT OR REPLACE INTO key_planes VALUES (?, ?)"
_DELETE_PLANES = "DELETE FROM key_planes WHERE chunk >= ? AND chunk < ?"

#: Part of a longer work, run in a transaction of its own; harmless when run again.
Step = Callable[[], object]


@dataclass(slots=True)
class _Frozen:
    number: int
    base: Position
    last_position: Position
    newest_at: Instant
    size: int
    #: Only until they are on disk.
    slots: "array[int] | None" = None


class KnownKeys:
    """The keys of at least the last thirty days, and the position each got first.

    Args:
        connection: The writer's, with `SCHEMA` applied and no transaction open.
        now: For dropping what expired while the journal was closed.
        generation_keys: Keys per generation; tests take few.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        now: Instant,
        *,
        generation_keys: int = GENERATION_KEYS,
    ) -> None:
        self._connection = connection
        self._generation_keys = generation_keys
        self._steps: list[Step] = []
        self._row: tuple[Position, Position, bytes] = (Position(1), Position(0), b"")
        self._frozen = {row[0]: _Frozen(*row) for row in connection.execute(_GENERATIONS)}
        last = self._frozen[max(self._frozen)] if self._frozen else None
        self._number = last.number + 1 if last else 0
        self._last_position = last.last_position if last else Position(0)
        self._newest_at = Instant(0)
        self._planes = {
            number: self._load_plane(number)
            for number in {generation // PLANE_GENERATIONS for generation in self._frozen}
        }
        self._delete_orphans()
        self._active = KeyTable(generation_keys, self._last_position)
        for first, last_position, at, keys in connection.execute(_LOG_AFTER, (self._active.base,)):
            self._remember_row(first, last_position, at, keys)
        self.drop_expired(now)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Position]:
        """Return the position of each key that is known; the others are missing from the answer.

        Raises:
            ValueError: A key is not 16 bytes long.
        """
        if any(map(KEY_BYTES.__ne__, map(len, keys))):
            raise ValueError("a key hash has 16 bytes")
        found: dict[bytes, Position] = {}
        joined = b"".join(keys)
        for number, plane in self._planes.items():
            for index, bits in logic.passing(plane, joined):
                key = keys[index]
                for bit in range(PLANE_GENERATIONS):
                    if bits >> bit & 1 and key not in found:
                        self._find_in(number * PLANE_GENERATIONS + bit, key, found)
        return found

    def write(self, rows: Sequence[tuple[Position, Position, bytes]], now: Instant) -> None:
        """Log the keys of new rows (first and last position, keys) in the caller's transaction."""
        self._connection.executemany(
            _INSERT_LOG, [(last, first, now, keys) for first, last, keys in rows]
        )

    def remember(self, rows: Sequence[tuple[Position, Position, bytes]], now: Instant) -> None:
        """Make rows findable that `write` logged and the caller has committed."""
        for first, last, keys in rows:
            self._remember_row(first, last, now, keys)
        self.drop_expired(now)

    def drop_expired(self, now: Instant) -> None:
        """Forget the oldest generation if its newest key is older than `KEEP_MS`.

        One at a time, and none while other housekeeping is under way.
        """
        if self._frozen and not self._steps:
            oldest = self._frozen[min(self._frozen)]
            if oldest.newest_at + KEEP_MS < now:
                self._drop(oldest)

    def next_step(self) -> Step | None:
        """Return the next piece of housekeeping, or None; `step_done` says that it is committed."""
        return self._steps[0] if self._steps else None

    def step_done(self) -> None:
        """Go on to the piece after the one that `next_step` returned."""
        del self._steps[0]

    def _remember_row(
        self, first: Position, last: Position, committed_at: Instant, keys: bytes
    ) -> None:
        count = len(keys) // KEY_BYTES
        if self._active.count + count > self._active.capacity:
            if self._active.count:
                self._freeze()
            self._active = KeyTable(max(self._generation_keys, count), self._last_position)
        number, bit = divmod(self._number, PLANE_GENERATIONS)
        plane = self._planes.get(number)
        if plane is None:
            plane = self._planes[number] = logic.new_plane(self._generation_keys)
        self._active.add(first, keys, plane, 1 << bit)
        self._last_position = last
        self._newest_at = max(self._newest_at, committed_at)

    def _freeze(self) -> None:
        slots = self._active.slots
        number = self._number
        frozen = _Frozen(
            number, self._active.base, self._last_position, self._newest_at, len(slots), slots
        )
        self._frozen[number] = frozen
        self._number += 1
        # The order matters: what is listed is complete.
        self._steps += [
            partial(self._write_slots, number, slots, start)
            for start in range(0, len(slots), _STEP_BYTES // 8)
        ]
        plane_number = number // PLANE_GENERATIONS
        self._steps += [
            partial(self._write_plane, plane_number, start)
            for start in range(0, len(self._planes[plane_number]), _STEP_BYTES)
        ]
        row = (number, frozen.base, frozen.last_position, frozen.newest_at, frozen.size)
        self._steps.append(partial(self._connection.execute, _INSERT_GENERATION, row))
        self._steps.append(partial(setattr, frozen, "slots", None))

    def _write_slots(self, number: int, slots: "array[int]", start: int) -> None:
        with memoryview(slots) as view:
            rows = [
                (number << _CHUNK_BITS | at // _CHUNK_SLOTS, view[at : at + _CHUNK_SLOTS].tobytes())
                for at in range(start, min(start + _STEP_BYTES // 8, len(slots)), _CHUNK_SLOTS)
            ]
        self._connection.executemany(_INSERT_SLOTS, rows)

    def _write_plane(self, number: int, start: int) -> None:
        plane = self._planes[number]
        rows = [
            (number << _CHUNK_BITS | at // _PLANE_CHUNK, plane[at : at + _PLANE_CHUNK])
            for at in range(start, min(start + _STEP_BYTES, len(plane)), _PLANE_CHUNK)
        ]
        self._connection.executemany(_INSERT_PLANE, rows)

    def _load_plane(self, number: int) -> bytearray:
        bounds = (number << _CHUNK_BITS, (number + 1) << _CHUNK_BITS)
        plane = bytearray()
        for (bits,) in self._connection.execute(_PLANE, bounds):
            plane += bits
        return plane

    def _drop(self, generation: _Frozen) -> None:
        del self._frozen[generation.number]
        delete = self._connection.execute
        # The order matters: what is listed is complete.
        self._steps.append(partial(delete, _DELETE_GENERATION, (generation.number,)))
        low = generation.number << _CHUNK_BITS
        step = _STEP_BYTES // 8 // _CHUNK_SLOTS
        self._steps += [
            partial(delete, _DELETE_SLOTS, (start, start + step))
            for start in range(low, low + generation.size // _CHUNK_SLOTS, step)
        ]
        plane = generation.number // PLANE_GENERATIONS
        # A plane goes with the last of its generations; until then bits of dropped ones are noise.
        if plane < min([self._number, *self._frozen]) // PLANE_GENERATIONS:
            del self._planes[plane]
            bounds = (plane << _CHUNK_BITS, (plane + 1) << _CHUNK_BITS)
            self._steps.append(partial(delete, _DELETE_PLANES, bounds))
        self._steps.append(partial(self._delete_log, generation.last_position))

    def _delete_log(self, through: Position) -> None:
        """Delete some of the log's oldest rows, and ask for another step until none is left."""
        if self._connection.execute(_DELETE_LOG, (through, _STEP_ROWS)).rowcount:
            self._steps.insert(1, partial(self._delete_log, through))

    def _delete_orphans(self) -> None:
        """Delete what a crash in the middle of freezing or dropping a generation left behind."""
        delete = self._connection.execute
        delete(_DELETE_SLOTS, (self._number << _CHUNK_BITS, 1 << 62))
        first_unused = -(-self._number // PLANE_GENERATIONS)
        delete(_DELETE_PLANES, (first_unused << _CHUNK_BITS, 1 << 62))
        if self._frozen:
            oldest = self._frozen[min(self._frozen)]
            delete(_DELETE_SLOTS, (0, oldest.number << _CHUNK_BITS))
            plane = oldest.number // PLANE_GENERATIONS
            delete(_DELETE_PLANES, (0, plane << _CHUNK_BITS))
            delete(_DELETE_LOG, (oldest.base, -1))

    def _find_in(self, number: int, key: bytes, found: dict[bytes, Position]) -> None:
        if number == self._number:
            table = self._active
            slot_at: Callable[[int], int] = table.slots.__getitem__
            size, base = len(table.slots), table.base
        elif (frozen := self._frozen.get(number)) is not None:
            slot_at = frozen.slots.__getitem__ if frozen.slots else self._stored_slots(number)
            size, base = frozen.size, frozen.base
        else:
            return
        for position in logic.candidates(slot_at, size, base, key):
            if self._logged(position) == key:
                found[key] = position
                return

    def _stored_slots(self, number: int) -> Callable[[int], int]:
        """Return a reader of the slots of a generation on disk, good for one chain of them."""
        read = -1
        slots = memoryview(b"")

        def slot_at(index: int) -> int:
            nonlocal read, slots
            chunk, place = divmod(index, _CHUNK_SLOTS)
            if chunk != read:
                row = self._connection.execute(_SLOTS, (number << _CHUNK_BITS | chunk,)).fetchone()
                read, slots = chunk, memoryview(row[0]).cast("Q")
            return slots[place]

        return slot_at

    def _logged(self, position: Position) -> bytes | None:
        first, last, keys = self._row
        if not first <= position <= last:
            row = self._connection.execute(_LOG_ROW_OF, (position,)).fetchone()
            if row is None:
                return None
            # Repeats come as they went, in batches: the next one stands in the same row.
            first, last, keys = self._row = row
        start = (position - first) * KEY_BYTES
        return keys[start : start + KEY_BYTES] if start >= 0 else None
