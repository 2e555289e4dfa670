"""Opens the journal; everything else is in its `types`."""

from pathlib import Path

from footfall.journal.sqlite import SqliteJournal
from footfall.journal.types import Journal
from footfall.kernel.instants import Clock


def open_journal(
    path: Path, *, clock: Clock, max_waiting_bytes: int, disk_reserve_bytes: int
) -> Journal:
    """Return the embedded journal in the SQLite file at `path`, made if it is not there.

    One process may have it open, once.

    Args:
        path: Its folder must exist.
        clock: Dates the keys, and spaces the looks at the free disk space.
        max_waiting_bytes: Appends are refused while this much is not trimmed yet.
        disk_reserve_bytes: Appends are refused while less than this is free on the disk.
    """
    return SqliteJournal(
        path,
        clock=clock,
        max_waiting_bytes=max_waiting_bytes,
        disk_reserve_bytes=disk_reserve_bytes,
    )
