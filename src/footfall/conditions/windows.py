"""When a window begins and ends, and when an event crosses its edge. Pure.

Days are calendar days of the workspace's zone: a day begins with the first instant that carries its
date, also where the clocks skip midnight.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from footfall.conditions.types import AgoWindow, BetweenWindow, Duration, LastWindow, Window
from footfall.kernel.instants import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Instant,
    from_datetime,
    instant_of_text,
    to_datetime,
)

_UNIT_MS: Final = {"minutes": MINUTE_MS, "hours": HOUR_MS, "days": DAY_MS}
_FIRST_DAY: Final = date(1, 1, 2)
_LAST_DAY: Final = date(9999, 12, 30)


class NoTime(ValueError):
    """The text is neither a date nor an instant."""


def duration_ms(duration: Duration) -> int:
    """Return a stretch of time; here a day has 24 hours."""
    return duration.amount * _UNIT_MS[duration.unit]


def local_day(now: Instant, zone: ZoneInfo) -> date:
    """Return the date that calendars in `zone` show."""
    return to_datetime(now).astimezone(zone).date()


@lru_cache(maxsize=4_096)
def start_of_day(day: date, zone: ZoneInfo) -> Instant:
    """Return the first instant of a date in `zone`.

    Clocks that are put forward at midnight begin the day late; a date that was skipped as a whole
    begins with the next one.
    """
    # From before any offset of that date, look forward for the change of date.
    before = from_datetime(datetime.combine(day, time(), UTC)) - 26 * HOUR_MS
    after = before + 52 * HOUR_MS
    while after - before > 1:
        middle = (before + after) // 2
        if local_day(Instant(middle), zone) >= day:
            after = middle
        else:
            before = middle
    return Instant(after)


def shifted(day: date, days: int) -> date:
    """Return the date so many days later; the first or last there is where it would lie beyond."""
    try:
        return min(max(day + timedelta(days=days), _FIRST_DAY), _LAST_DAY)
    except OverflowError:
        return _LAST_DAY if days > 0 else _FIRST_DAY


@dataclass(frozen=True, slots=True)
class Edge:
    """A bound of a window that moves with the clock: what lies before it has crossed it."""

    amount: int
    unit: Literal["milliseconds", "days"]

    def at(self, now: Instant, zone: ZoneInfo) -> Instant:
        """Return where the edge is: the first instant that has not crossed it."""
        if self.unit == "milliseconds":
            return Instant(now - self.amount)
        return start_of_day(shifted(local_day(now, zone), -self.amount), zone)

    def crossed_at(self, occurred_at: Instant, zone: ZoneInfo) -> Instant:
        """Return the first instant at which what happened at `occurred_at` has crossed it."""
        if self.unit == "milliseconds":
            return Instant(occurred_at + self.amount + 1)
        day = local_day(occurred_at, zone)
        return start_of_day(shifted(day, self.amount + 1), zone)


@dataclass(frozen=True, slots=True)
class Bounds:
    """A window at an instant: from `start` (included) to `end` (not included); None is open."""

    start: Instant | None = None
    end: Instant | None = None

    @property
    def is_open(self) -> bool:
        """Whether everything lies in it."""
        return self.start is None and self.end is None


def edges(window: Window | None) -> tuple[Edge, ...]:
    """Return the bounds that move with the clock."""
    if isinstance(window, LastWindow):
        return (_edge(window.amount, window.unit, whole_days=window.amount - 1),)
    if isinstance(window, AgoWindow):
        # A day ends where the next begins, an hour where its own length is over.
        return (
            _edge(window.max, window.unit, whole_days=window.max),
            _edge(window.min, window.unit, whole_days=window.min - 1),
        )
    return ()


def _edge(amount: int, unit: str, *, whole_days: int) -> Edge:
    if unit == "days":
        return Edge(whole_days, "days")
    return Edge(amount * HOUR_MS, "milliseconds")


def bounds(window: Window | None, now: Instant, zone: ZoneInfo) -> Bounds:
    """Return where a window begins and ends at `now`.

    Raises:
        NoTime: Its text is no date and no instant.
    """
    if window is None:
        return Bounds()
    moving = [edge.at(now, zone) for edge in edges(window)]
    if moving:
        return Bounds(moving[0], moving[1] if len(moving) > 1 else None)
    if isinstance(window, BetweenWindow):
        return Bounds(_instant(window.start, zone), _instant(window.end, zone, is_end=True))
    assert not isinstance(window, LastWindow | AgoWindow)
    return Bounds(_instant(window.start, zone))


def _instant(text: str, zone: ZoneInfo, *, is_end: bool = False) -> Instant:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        pass
    else:
        return start_of_day(shifted(day, 1) if is_end else day, zone)
    found = instant_of_text(text.strip(), zone)
    if found is None:
        raise NoTime(text)
    return found
