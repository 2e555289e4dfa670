"""How busy the demo shop is: by hour, weekday, month and age. Pure; times are UTC."""

import random
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from footfall.kernel.instants import DAY_MS, HOUR_MS, Instant, to_datetime

#: Visits of a weekday against the average one, Monday first: people shop on Sunday evenings.
WEEKLY: Final = (0.95, 0.85, 0.88, 0.95, 1.00, 1.12, 1.25)
#: Visits of a month against the average one, January first: quiet in summer, busy before Christmas.
YEARLY: Final = (0.90, 0.85, 0.90, 0.95, 1.00, 0.85, 0.75, 0.80, 0.95, 1.05, 1.40, 1.60)
#: Visits of an hour, from midnight: a bump at lunch, a hill in the evening.
_HOURLY: Final = (
    2,
    1,
    1,
    1,
    1,
    2,
    4,
    7,
    9,
    10,
    11,
    13,
    16,
    14,
    11,
    11,
    12,
    14,
    17,
    21,
    24,
    22,
    14,
    6,
)
_HOURLY_SUMS: Final = tuple(accumulate(_HOURLY))
#: The history covers a year and a bit, so that a month can be compared with the one a year ago.
HISTORY_DAYS: Final = 400


class Day(NamedTuple):
    """A day of the history."""

    start: Instant
    end: Instant  #: the next midnight, or the end of the history
    share: float  #: of all events, how many belong to this day or one before it


def days_until(ends_at: Instant) -> list[Day]:
    """Return the days of a history that ends then; the last one is not over."""
    last = ends_at - ends_at % DAY_MS
    starts = [Instant(last - DAY_MS * age) for age in range(HISTORY_DAYS - 1, -1, -1)]
    weights = [_weight(start) for start in starts]
    weights[-1] *= _passed(ends_at - last)
    total = sum(weights)
    return [
        Day(start, Instant(min(start + DAY_MS, ends_at)), so_far / total)
        for start, so_far in zip(starts, accumulate(weights), strict=True)
    ]


def _weight(start: Instant) -> float:
    date = to_datetime(start)
    return WEEKLY[date.weekday()] * YEARLY[date.month - 1]


def _passed(since_midnight_ms: int) -> float:
    """Return the share of a day's visits that come within so many milliseconds of midnight."""
    hour, rest = divmod(since_midnight_ms, HOUR_MS)
    before = _HOURLY_SUMS[hour - 1] if hour else 0
    return (before + _HOURLY[hour] * rest / HOUR_MS) / _HOURLY_SUMS[-1]


def moment_of(day: Day, rng: random.Random) -> Instant:
    """Return when a visit begins: at a likely hour of `day`, before its end."""
    length = day.end - day.start
    hours = min(-(-length // HOUR_MS), len(_HOURLY_SUMS))
    hour = _pick(_HOURLY_SUMS[:hours], rng)
    return Instant(min(day.start + hour * HOUR_MS + int(rng.random() * HOUR_MS), day.end - 1))


def _pick(sums: Sequence[int], rng: random.Random) -> int:
    return bisect(sums, rng.random() * sums[-1])
