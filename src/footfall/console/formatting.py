"""Writes moments, numbers and money as the reader is used to. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent

#: What is said to who names no language we can format for.
DEFAULT_LOCALE: Final = "en"
#: Longer headers are no browser's.
_MAX_LANGUAGES: Final = 10


@lru_cache(maxsize=64)
def locale_named(name: str) -> Locale | None:
    """Return the locale called so, `pl-PL` or `pl_PL`; None if there is none."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError, TypeError):
        return None


def locale_of(preferred: str | None, accept_language: str) -> Locale:
    """Return the locale a person chose, or the first of the browser's that is known."""
    for name in (preferred, *_languages(accept_language), DEFAULT_LOCALE):
        found = locale_named(name) if name else None
        if found is not None:
            return found
    raise AssertionError("the default locale is known")


def _languages(header: str) -> Sequence[str]:
    """Return the languages of an Accept-Language header (RFC 9110, 12.5.4), the best first."""
    weighed: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:200].split(",")[:_MAX_LANGUAGES]):
        name, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, name.strip()))
        except ValueError:
            continue
    return [name for _, _, name in sorted(weighed) if name and name != "*"]


class Formatter:
    """How one reader of one workspace sees values."""

    def __init__(self, locale: Locale, zone: tzinfo, now: datetime) -> None:
        self.locale = locale
        self.zone = zone
        self._now = now

    def _local(self, moment: str | datetime) -> datetime:
        value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return value.astimezone(self.zone)

    def moment(self, moment: str | datetime | None) -> str:
        """Return date and time in the workspace's zone; an en dash for None."""
        if moment is None:
            return "–"
        return format_datetime(self._local(moment), "medium", locale=self.locale)

    def day(self, moment: str | datetime | None) -> str:
        """Return the date in the workspace's zone."""
        if moment is None:
            return "–"
        if isinstance(moment, str) and len(moment) == len("2026-01-31"):
            return format_date(datetime.fromisoformat(moment), "medium", locale=self.locale)
        return format_date(self._local(moment), "medium", locale=self.locale)

    def clock_time(self, moment: str | datetime) -> str:
        """Return the time of day in the workspace's zone, with seconds."""
        return format_time(self._local(moment), "medium", locale=self.locale)

    def ago(self, moment: str | datetime | None) -> str:
        """Return how long ago it was, `3 minutes ago`; a date where that is over a month."""
        if moment is None:
            return "never"
        passed = self._now - self._local(moment)
        if passed < timedelta(seconds=5):
            return "just now"
        if passed > timedelta(days=30):
            return self.day(moment)
        # The pages are in English, so this is a part of an English sentence.
        return format_timedelta(-passed, add_direction=True, locale=DEFAULT_LOCALE)

    def number(self, value: float | Decimal | str | None) -> str:
        """Return a number with its digits grouped; an en dash for None."""
        if value is None:
            return "–"
        return format_decimal(Decimal(str(value)), locale=self.locale)

    def counted(self, number: int, noun: str) -> str:
        """Return how many there are of something whose plural ends in s."""
        return f"{self.number(number)} {noun}{'' if number == 1 else 's'}"

    def percent(self, value: float | Decimal | None) -> str:
        """Return a share of 1 as per cent with one decimal place; an en dash for None."""
        if value is None:
            return "–"
        return format_percent(Decimal(str(value)), format="#,##0.0 %", locale=self.locale)

    def money(self, amount: float | Decimal | str | None, currency: str | None) -> str:
        """Return an amount with its currency; without one, the plain number."""
        if amount is None:
            return "–"
        value = Decimal(str(amount))
        if currency is None:
            return format_decimal(value, format="#,##0.00", locale=self.locale)
        return format_currency(value, currency, locale=self.locale)

    def file_size(self, size_bytes: int) -> str:
        """Return a size in the unit people read it in."""
        size, unit = Decimal(size_bytes), "bytes"
        for larger in ("kB", "MB", "GB"):
            if size >= 1000:
                size, unit = size / 1000, larger
        places = "#,##0" if unit == "bytes" else "#,##0.0"
        return f"{format_decimal(size, format=places, locale=self.locale)} {unit}"
