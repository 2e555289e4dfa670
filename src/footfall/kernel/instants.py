"""Points in time: integer milliseconds since 1970-01-01 UTC, everywhere inside.

One integer sorts, stores and compares the same in Python, SQLite, PostgreSQL and ClickHouse;
datetimes appear only where a person or the wire wants text.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Milliseconds since the epoch, UTC.
Instant = NewType("Instant", int)
#: Answers the present; the one real clock is made in `footfall.bootstrap`.
Clock = Callable[[], Instant]

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_datetime(moment: datetime) -> Instant:
    """Return the instant of an aware `moment`, rounded down to the millisecond."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no instant")
    return Instant((moment - _EPOCH) // timedelta(milliseconds=1))


def to_datetime(instant: Instant) -> datetime:
    """Return `instant` as an aware UTC datetime."""
    return _EPOCH + timedelta(milliseconds=instant)


def to_iso(instant: Instant) -> str:
    """Return `instant` as ISO 8601 in UTC with milliseconds, `2026-01-31T09:30:00.000Z`."""
    return to_datetime(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def zone(name: str) -> ZoneInfo | None:
    """Return the IANA time zone called `name`, or None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
