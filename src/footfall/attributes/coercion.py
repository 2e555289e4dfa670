"""What becomes of a value as sent: the coercion table. Pure.

Every stored value is what JSON holds, so that a profile is one JSON text: dates are
`YYYY-MM-DD`, instants ISO 8601 in UTC with milliseconds. A stored value coerces to itself.
"""

import json
import re
from collections.abc import Callable
from datetime import date, datetime, tzinfo
from functools import lru_cache
from math import isfinite
from typing import Any, Final

import msgspec

from footfall.attributes.types import Definition, ValueType
from footfall.kernel.instants import (
    Instant,
    instant_of_number,
    instant_of_text,
    to_datetime,
    to_iso,
)
from footfall.kernel.money import read_amount

#: Decision 24.
MAX_STRING_CHARACTERS: Final = 10_000
MAX_NESTING: Final = 10
#: As for `custom_data`: a profile is read and written whole with every event.
MAX_JSON_BYTES: Final = 64 * 1024
MAX_LIST_ENTRIES: Final = 1_000
#: Attributes that senders may give by number, from 1, as the compatible API does.
NUMBERED: Final = frozenset({"gender", "status"})

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}(\.0+)?")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_SEPARATORS = re.compile(r"[\s_-]+")
#: Numbers below, as dates, are more likely 20260131 than a Unix time in 1970.
_EARLIEST_UNIX_DATE: Final = 1e8
_encode = msgspec.json.Encoder().encode


class CoercionError(Exception):
    """The value cannot become the attribute's type.

    Args:
        code: Stable snake_case name.
        message: One sentence for the person who sent the value.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def coerce(definition: Definition, raw: Any, zone: tzinfo) -> Any:
    """Return `raw` as the type of `definition` stores it.

    Args:
        raw: A JSON value other than None.
        zone: The workspace's, for dates and times that name none.

    Raises:
        CoercionError: The value does not fit; nothing else is ever raised.
    """
    return _COERCIONS[definition.value_type](definition, raw, zone)


def is_plain(text: str) -> bool:
    """Return whether `text` is stored as it is by every attribute of type string."""
    return len(text) <= MAX_STRING_CHARACTERS and text.isascii() and "\0" not in text


def currency_in(raw: Any) -> str | None:
    """Return the currency code written beside an amount such as `12.00 PLN`, if there is one."""
    if type(raw) is not str or len(raw) > MAX_STRING_CHARACTERS:
        return None
    amount = read_amount(raw)
    return None if amount is None else amount[1]


def canonical_text(definition: Definition, value: Any) -> str:
    """Return a stored `value` as the warehouse keeps it: text which its type can be cast from.

    Text stands for itself, unless the attribute is `json`, whose values are JSON text throughout.
    """
    if definition.value_type != "json":
        if type(value) is str:
            return value
        if type(value) is float and isfinite(value):
            return repr(value)
    return json_text(value)


def json_text(value: Any) -> str:
    """Return `value` as JSON text, whatever Python object it is; never raises for a JSON value."""
    try:
        return _encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        # Lone surrogates and the like: no JSON, but kept readable for the person who sent them.
        return json.dumps(repr(value)[:MAX_STRING_CHARACTERS])


def _string(_definition: Definition, raw: Any, _zone: tzinfo) -> str:
    if type(raw) is not str:
        if raw is True or raw is False:
            return "true" if raw else "false"
        if isinstance(raw, int):
            return _integer_text(raw)
        if isinstance(raw, float):
            return repr(_finite(raw))
        if isinstance(raw, dict | list):
            raise CoercionError(
                "wrong_type", "This is not text; change the attribute's type to json to keep it."
            )
        raise CoercionError("wrong_type", "This is not text.")
    return _storable(raw)


def _storable(text: str) -> str:
    if len(text) > MAX_STRING_CHARACTERS:
        raise CoercionError("too_long", "Text may have 10,000 characters.")
    if "\0" in text:
        raise CoercionError("nul_character", "Text may not hold the NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise CoercionError("invalid_unicode", "Text holds half a character.") from error
    return text


def _integer_text(number: int) -> str:
    if number.bit_length() > 14_000:  # str() refuses beyond 4,300 digits, which is 14,284 bits
        raise CoercionError("too_long", "This number has too many digits.")
    return str(number)


def _finite(number: float) -> float:
    if not isfinite(number):
        raise CoercionError("out_of_range", "This number is infinite or no number.")
    return number


def _integer(_definition: Definition, raw: Any, _zone: tzinfo) -> int:
    number: int
    if type(raw) is int:
        number = raw
    elif type(raw) is float and _finite(raw).is_integer():
        number = int(raw)
    elif type(raw) is str and len(raw) <= MAX_STRING_CHARACTERS:
        text = raw.strip()
        if not _INTEGER.fullmatch(text):
            raise CoercionError("not_an_integer", "This is not a whole number.")
        number = int(text.partition(".")[0])
    else:
        raise CoercionError("not_an_integer", "This is not a whole number.")
    if not -(2**63) <= number < 2**63:
        raise CoercionError("out_of_range", "This number does not fit into 64 bits.")
    return number


def _float(_definition: Definition, raw: Any, _zone: tzinfo) -> float:
    if type(raw) is float:
        return _finite(raw)
    try:
        if type(raw) is int:
            return float(raw)
        if type(raw) is str and len(raw) <= MAX_STRING_CHARACTERS:
            text = raw.strip()
            if _DECIMAL.fullmatch(text):
                return _finite(float(text))
            amount = read_amount(text)
            if amount is not None:
                return _finite(float(amount[0]))
    except OverflowError as error:
        raise CoercionError("out_of_range", "This number is too large.") from error
    if type(raw) is str and any(digit in raw for digit in "0123456789"):
        raise CoercionError(
            "not_a_number", "This is no number, or one that reads two ways, such as 1,234."
        )
    raise CoercionError("not_a_number", "This is not a number.")


def _boolean(_definition: Definition, raw: Any, _zone: tzinfo) -> bool:
    if raw is True or raw is False:
        return bool(raw)
    if isinstance(raw, int | float) and raw in (0, 1):
        return bool(raw)
    if type(raw) is str and len(raw) <= 16:
        word = raw.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise CoercionError("not_a_boolean", "This is neither true nor false, yes nor no, 1 nor 0.")


def _date(_definition: Definition, raw: Any, zone: tzinfo) -> str:
    if type(raw) is str and len(raw) <= 64:
        text = raw.strip()
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text).isoformat()
            moment = None if text.isdigit() else datetime.fromisoformat(text)
            if moment is not None and moment.tzinfo is None:
                return moment.date().isoformat()
        except ValueError:
            pass
    elif _is_number(raw) and abs(raw) < _EARLIEST_UNIX_DATE:
        raise CoercionError("not_a_date", "A date is written YYYY-MM-DD.")
    instant = _instant(raw, zone)
    if instant is not None:
        try:
            return to_datetime(instant).astimezone(zone).date().isoformat()
        except OverflowError:
            pass
    raise CoercionError("not_a_date", "A date is written YYYY-MM-DD.")


def _datetime(_definition: Definition, raw: Any, zone: tzinfo) -> str:
    instant = _instant(raw, zone)
    if instant is not None:
        try:
            return to_iso(instant)
        except OverflowError:
            pass
    raise CoercionError("not_a_datetime", "A time is written in ISO 8601 or as a Unix time.")


def _instant(raw: Any, zone: tzinfo) -> Instant | None:
    if type(raw) is str:
        return instant_of_text(raw.strip(), zone) if len(raw) <= 64 else None
    return instant_of_number(raw) if _is_number(raw) else None


def _is_number(raw: Any) -> bool:
    return type(raw) is int or type(raw) is float


def _fixed(definition: Definition, raw: Any, zone: tzinfo) -> str | list[str]:
    if type(raw) is not list:
        choice = _choice(definition, raw, zone)
        return [choice] if definition.multiple else choice
    if len(json_text(raw)) > MAX_JSON_BYTES:
        raise CoercionError("too_long", "A list may have 64 KiB.")
    chosen = list(dict.fromkeys(_choice(definition, item, zone) for item in _entries(raw)))
    if definition.multiple:
        return chosen
    if len(chosen) != 1 or len(raw) != 1:
        raise CoercionError("not_one_choice", "This attribute takes exactly one of its choices.")
    return chosen[0]


def _choice(definition: Definition, raw: Any, zone: tzinfo) -> str:
    choices = definition.choices
    if type(raw) is int and definition.name_std in NUMBERED and definition.origin == "built-in":
        if 1 <= raw <= len(choices):
            return choices[raw - 1]
    elif type(raw) in (str, int, float, bool):
        spelling = _string(definition, raw, zone).strip().casefold()
        known = _spellings(choices)
        found = known.get(spelling) or known.get(_SEPARATORS.sub(" ", spelling))
        if found is not None:
            return found
    shown = ", ".join(choices[:20]) + (", …" if len(choices) > 20 else "")
    raise CoercionError("not_a_choice", f"This is not one of the choices: {shown}.")


@lru_cache(maxsize=4_096)
def _spellings(choices: tuple[str, ...]) -> dict[str, str]:
    # `in_stock` is meant by everyone who defined "in stock"; exact spellings come first.
    forgiven = {_SEPARATORS.sub(" ", choice.strip().casefold()): choice for choice in choices}
    return forgiven | {choice.strip().casefold(): choice for choice in reversed(choices)}


def _json(_definition: Definition, raw: Any, _zone: tzinfo) -> Any:
    _check_json(raw, MAX_NESTING)
    try:
        encoded = _encode(raw)
    except (TypeError, ValueError, OverflowError) as error:
        raise CoercionError("wrong_type", "This is not JSON.") from error
    if len(encoded) > MAX_JSON_BYTES:
        raise CoercionError("too_long", "A json value may have 64 KiB.")
    return raw


def _check_json(raw: Any, levels_left: int) -> None:
    if isinstance(raw, float):
        _finite(raw)
    elif isinstance(raw, int):
        _integer_text(raw)
    elif isinstance(raw, dict | list):
        if not levels_left:
            raise CoercionError("too_deep", "A json value may be nested 10 deep.")
        for item in raw.values() if isinstance(raw, dict) else raw:
            _check_json(item, levels_left - 1)


def _list(definition: Definition, raw: Any, zone: tzinfo) -> list[str]:
    texts = []
    for item in _entries(raw) if type(raw) is list else [raw]:
        if item is True or item is False or not isinstance(item, str | int | float):
            raise CoercionError("wrong_type", "This takes a list of texts.")
        texts.append(_string(definition, item, zone))
    # All of them, as the raw value is kept, too; so what is stored always fits again.
    if sum([len(text.encode()) for text in texts]) > MAX_JSON_BYTES:
        raise CoercionError("too_long", "A list may have 64 KiB.")
    return [text for text in dict.fromkeys([text.strip() for text in texts]) if text]


def _entries(raw: list[Any]) -> list[Any]:
    if len(raw) > MAX_LIST_ENTRIES:
        raise CoercionError("too_long", "A list may have 1,000 entries.")
    return raw


_COERCIONS: Final[dict[ValueType, Callable[[Definition, Any, tzinfo], Any]]] = {
    "string": _string,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "fixed": _fixed,
    "json": _json,
    "list": _list,
}
