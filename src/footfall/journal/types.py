"""What every journal promises, embedded (SQLite) or clustered (NATS JetStream)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from footfall.kernel.errors import Unavailable
from footfall.kernel.ids import Position


class Entry(NamedTuple):
    """One record on its way in."""

    #: 16 bytes that stand for (workspace, event key), or None where a repeat cannot be told.
    key_hash: bytes | None
    #: One msgpack value; the journal does not look inside.
    payload: bytes


class Appended(NamedTuple):
    """Where an entry stands now."""

    position: Position
    #: True if the key was known: nothing was written, `position` is the first one's.
    repeated: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Neighbouring records, as they were committed together."""

    first_position: Position
    last_position: Position
    #: A msgpack array of `last_position - first_position + 1` records.
    payload: bytes


class JournalFull(Unavailable):
    """Too much is waiting to be projected, or the disk is nearly full; nothing was written."""

    code = "journal_full"


class Journal(Protocol):
    """The durable log of records in one order."""

    def submit(self, entries: Sequence[Entry]) -> "asyncio.Future[list[Appended]]":
        """Queue `entries` and return a future of their places, done when they are on disk.

        Called on the event loop. All entries of one call get neighbouring positions, or fail
        together. A key seen before, also in the same call, gets the first one's position.

        Raises:
            JournalFull: At once, before anything is queued.
        """

    def read(self, after: Position, max_records: int) -> list[Batch]:
        """Return whole batches that hold records past `after`, in order, about `max_records`.

        At least one batch if there is one. The first may begin at or before `after`.
        Thread-safe.
        """

    def head(self) -> Position:
        """Return the last position on disk, 0 if nothing was ever written. Thread-safe."""

    def trim(self, through: Position) -> None:
        """Say that records up to `through` are safe elsewhere; their space is freed soon."""

    def on_append(self, listener: Callable[[Position], None]) -> None:
        """Call `listener(head)` after each commit, on the writer's thread; it must be quick."""

    def waiting_bytes(self) -> int:
        """Return how many payload bytes are written and not yet trimmed."""

    def check(self) -> None:
        """Return if records can be written and read. Thread-safe.

        Raises:
            Unavailable: Not before a restart.
        """

    def close(self) -> None:
        """Write what is queued and close; waiting futures are answered first."""
