"""Points in time: integer milliseconds since 1970-01-01 UTC, everywhere inside.

One integer sorts, stores and compares the same in Python, SQLite, PostgreSQL and ClickHouse;
datetimes appear only where a person or the wire wants text.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
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


def to_iso_microseconds(instant: Instant) -> str:
    """Return `instant` as the compatible API writes it, `2026-01-31T09:30:00.000000Z`."""
    return to_datetime(instant).isoformat(timespec="microseconds").replace("+00:00", "Z")


#: In the zone database's folders, but no IANA names: the machine's own zone, and variants that
#: count leap seconds.
_NO_ZONES = frozenset({"localtime", "posixrules", "posix", "right", "Factory"})


def zone(name: str) -> ZoneInfo | None:
    """Return the IANA time zone called `name`, or None if there is none."""
    if name.partition("/")[0] in _NO_ZONES:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


#: 2000-01-01 to 2100-01-01: no event is older (decision 18), and zones after it keep their offset.
_FIRST_SECOND = 946_684_800
_LAST_SECOND = 4_102_444_800
#: No zone changed its offset twice within this time since 2000 (looked at by steps of six hours).
_STEP_SECONDS = 7 * 86_400


@lru_cache(maxsize=64)
def utc_offsets(zone: ZoneInfo) -> tuple[tuple[Instant, int], ...]:
    """Return from when on which offset from UTC, in milliseconds, is in force; the first from 2000.

    So days of any zone can be told by integers, by the one time-zone database of this process.
    """
    offset = _offset_seconds(zone, _FIRST_SECOND)
    found = [(Instant(_FIRST_SECOND * 1000), offset * 1000)]
    for second in range(_FIRST_SECOND + _STEP_SECONDS, _LAST_SECOND, _STEP_SECONDS):
        if _offset_seconds(zone, second) != offset:
            before, after = second - _STEP_SECONDS, second
            while after - before > 1:
                middle = (before + after) // 2
                if _offset_seconds(zone, middle) == offset:
                    before = middle
                else:
                    after = middle
            offset = _offset_seconds(zone, second)
            found.append((Instant(after * 1000), offset * 1000))
    return tuple(found)


def _offset_seconds(zone: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    assert offset is not None  # every ZoneInfo knows its own
    return round(offset.total_seconds())


#: Unix times below are seconds, the others milliseconds (decision 18).
_MILLISECONDS_FROM = 1e11


def instant_of_number(number: float) -> Instant | None:
    """Return the instant of a Unix time in seconds or milliseconds, or None if it is none."""
    if not -1e15 < number < 1e15:  # year 33,000: also keeps infinities and huge integers out
        return None
    if -_MILLISECONDS_FROM < number < _MILLISECONDS_FROM:
        return Instant(round(number * 1000))
    return Instant(round(number))


def instant_of_text(text: str, zone: tzinfo) -> Instant | None:
    """Return the instant of ISO 8601 or of a Unix time as text, or None if it is neither.

    Args:
        zone: Where the clock hangs if `text` does not say.
    """
    # A bare run of digits is a Unix time; fromisoformat would read eight of them as a date.
    if not text.isdigit():
        try:
            moment = datetime.fromisoformat(text)
            return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=zone))
        except OverflowError:
            return None
        except ValueError:
            pass
    try:
        return instant_of_number(float(text))
    except ValueError:
        return None
