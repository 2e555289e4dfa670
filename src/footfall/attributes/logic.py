"""Which name means which attribute, and which of two values is the latest. Pure."""

import unicodedata
from datetime import tzinfo
from typing import Any, Final

import msgspec

from footfall.attributes.coercion import CoercionError, coerce
from footfall.attributes.types import BROWSER, Cell, Definition, Profile

#: Decision 9.
MAX_NAME_STD_CHARACTERS: Final = 64
#: As the column that holds it.
MAX_NAME_CHARACTERS: Final = 255

_CONTAINERS = (dict, list)
_encode = msgspec.json.Encoder(order="deterministic").encode


def name_std(name: str) -> str | None:
    """Return the standard spelling that identifies an attribute, or None if `name` is unusable.

    Lower case; each run of characters that are neither letters nor digits is one `_`. Marks
    belong to their letters, as scripts such as Devanagari write vowels with them.
    """
    if len(name) > 4 * MAX_NAME_STD_CHARACTERS:
        return None
    # Lower-casing can leave a letter and its mark apart that a second pass would join, and joining
    # can leave what has a lower case: spelled again, the result must be the same.
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower()).lower()
    letters: list[str] = []
    for character in text:
        if character.isalnum() or unicodedata.category(character)[0] == "M":
            letters.append(character)
        elif not letters or letters[-1] != "_":
            letters.append("_")
    standard = "".join(letters)
    if len(standard) > MAX_NAME_STD_CHARACTERS or standard in ("", "_"):
        return None
    return standard


def clean_name(name: str) -> str:
    """Return `name` as the state store can hold it: at most 255 characters, all of them whole."""
    return name[:MAX_NAME_CHARACTERS].replace("\0", "\ufffd").encode(errors="replace").decode()


def is_later(a: Cell, b: Cell) -> bool:
    """Return whether `a` counts more than `b`: by rank, event time, then journal position.

    What a browser said ranks below everything else, whatever its time (decisions 2 and 10).
    """
    if (a.source == BROWSER) != (b.source == BROWSER):
        return b.source == BROWSER
    if a.occurred_at != b.occurred_at:
        return a.occurred_at > b.occurred_at
    return a.position > b.position


def put_cell(profile: Profile, name: str, cell: Cell, wins_ties: bool = False) -> bool:
    """Put `cell` under the standard `name` if it is the latest; return whether the value changed.

    Args:
        wins_ties: Whether `cell` replaces one of the same time and position, too.
    """
    current = profile.get(name)
    if current is None:
        profile[name] = cell
        return cell.value is not None
    # `is_later`, written out: this runs for each attribute of each event.
    then = current.occurred_at
    if cell.source != current.source and BROWSER in (cell.source, current.source):
        if cell.source == BROWSER:
            return False
    elif cell.occurred_at <= then and (
        cell.occurred_at < then
        or cell.position < current.position
        or (cell.position == current.position and not wins_ties)
    ):
        return False
    profile[name] = cell
    return current.value is not cell.value and not same_value(current.value, cell.value)


def same_value(a: Any, b: Any) -> bool:
    """Return whether two stored values are equal as JSON, where 1, 1.0 and true are three."""
    if a != b or type(a) is not type(b):
        return False
    return type(a) not in _CONTAINERS or _encode(a) == _encode(b)


def merge_profiles(mine: Profile, other: Profile) -> Profile:
    """Return a new profile with the latest cell of each attribute.

    Commutative, associative and idempotent: where two cells have one time and position, their
    content decides, the same way round.
    """
    merged = dict(mine)
    for name, cell in other.items():
        current = merged.get(name)
        if current is None or is_later(cell, current) or _outdoes(cell, current):
            merged[name] = cell
    return merged


def _outdoes(cell: Cell, current: Cell) -> bool:
    return not is_later(current, cell) and _encode(cell) > _encode(current)


def recast(cell: Cell, definition: Definition, zone: tzinfo) -> tuple[Cell, CoercionError | None]:
    """Return `cell` with its raw value coerced to a changed `definition` (decision 8).

    Returns:
        The cell at the same time and position, and why it has no value now if it does not fit.
    """
    if cell.raw is None:
        return cell, None
    value = None
    problem = None
    try:
        value = coerce(definition, cell.raw, zone)
    except CoercionError as error:
        problem = error
    return Cell(cell.raw, value, cell.occurred_at, cell.position, cell.source), problem
