"""Writes the values of one event or request into a profile. The projector's hot path."""

from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

from footfall.attributes.coercion import CoercionError, coerce, currency_in, is_plain, json_text
from footfall.attributes.definitions import (
    NOT_FROM_BROWSERS,
    RESERVED_NAME,
    Definitions,
    Refused,
    refused_source,
)
from footfall.attributes.logic import clean_name, name_std, put_cell
from footfall.attributes.types import BROWSER, Cell, Definition, Profile, SetAside
from footfall.kernel.instants import Instant

#: A refused value is kept to be recognised; the whole of it is in the event.
RAW_LIMIT: Final = 1_000

#: Of one event of a browser: anybody may send a thousand new names in each, and every one is a row.
MAX_SET_ASIDE_OF_BROWSERS: Final = 20

_Rejection = tuple[str, Any, Refused | CoercionError]  # name as sent, raw JSON value, why


def apply_values(
    profile: Profile,
    definitions: Definitions,
    values: Mapping[str, Any],
    *,
    object_id: int,
    occurred_at: int,
    position: int,
    source: str,
    now: Instant,
    zone: tzinfo,
    set_aside: list[SetAside],
    in_event: bool,
    permitted: Collection[str] | None = None,
) -> bool:
    """Give `profile` the later ones of `values`; return whether one of its values changed.

    A cell gets the newer time also where the value is the same. Unknown attributes are created as
    text. What does not fit goes to `set_aside`, under `object_id`, and changes nothing.

    Args:
        values: By name as sent; identifiers of decision 9 among them are passed over.
        now: Day of new definitions.
        zone: The workspace's, for dates and times that name none.
        in_event: `null` is passed over, and so are facts of the occurrence; a name that comes
            twice in two spellings counts the first time. Otherwise this is a write of the profile:
            `null` clears, and of two writes at one time and position the later call wins.
        permitted: Standard names that may be written; None: all.
    """
    place = (Instant(occurred_at), position, source)
    rejected: list[_Rejection] = []
    changed = not in_event and _clear_nulls(profile, definitions, values, place, rejected)
    known_names, create = definitions.known_names(in_event=in_event), definitions.auto_create
    # The loop runs for each attribute of each event; what is plain text goes the short way.
    for name, raw in values.items():
        if raw is None:
            continue
        definition = known_names.get(name) or create(name, now, in_event, permitted, source)
        if permitted is not None or definition.source_rule != "any":
            definition = _unless_refused(definition, source, permitted)
        if isinstance(definition, Refused):
            rejected.append((name, raw, definition))
            continue
        standard = definition.name_std
        try:
            is_text = raw.__class__ is str and definition.value_type == "string"
            value = raw if is_text and is_plain(raw) else coerce(definition, raw, zone)
        except CoercionError as error:
            rejected.append((name, raw, error))
            continue
        cell = Cell(raw, value, occurred_at, position, source)
        changed |= put_cell(profile, standard, cell, not in_event)
        if standard == "price" and raw.__class__ is str:
            code = _currency_beside(raw, values, definitions, source, permitted)
            cell = Cell(code, code, occurred_at, position, source)
            changed |= code is not None and put_cell(profile, "currency", cell, not in_event)
    if rejected:
        set_aside.extend(_set_aside(definitions, object_id, rejected, place))
    return changed


def _unless_refused(
    definition: Definition | Refused | None, source: str, permitted: Collection[str] | None
) -> Definition | Refused:
    """Return `definition`, or why this source may not write it."""
    if not isinstance(definition, Definition):
        return definition or RESERVED_NAME
    if permitted is not None and definition.name_std not in permitted:
        return NOT_FROM_BROWSERS
    return refused_source(definition, source) or definition


def _set_aside(
    definitions: Definitions,
    object_id: int,
    rejected: Sequence[_Rejection],
    place: tuple[Instant, int, str],
) -> list[SetAside]:
    kept = [each for each in rejected if each[2] is not RESERVED_NAME]
    if place[2] == BROWSER:
        del kept[MAX_SET_ASIDE_OF_BROWSERS:]
    return [
        SetAside(
            definitions.kind,
            object_id,
            clean_name(name),
            name_std(name) or clean_name(name),
            json_text(raw)[:RAW_LIMIT],
            problem.code,
            problem.message,
            *place,
        )
        for name, raw, problem in kept
    ]


def _clear_nulls(
    profile: Profile,
    definitions: Definitions,
    values: Mapping[str, Any],
    place: tuple[Instant, int, str],
    rejected: list[_Rejection],
) -> bool:
    changed = False
    for name, raw in values.items():
        definition = definitions.get(name) if raw is None else None
        if definition is not None:
            refused = refused_source(definition, place[2])
            if refused is not None:
                rejected.append((name, raw, refused))
                continue
            # Dated, so that an older value that arrives late does not come back (decision 2).
            cell = Cell(None, None, *place)
            changed |= put_cell(profile, definition.name_std, cell, wins_ties=True)
    return changed


def _currency_beside(
    price: str,
    values: Mapping[str, Any],
    definitions: Definitions,
    source: str,
    permitted: Collection[str] | None,
) -> str | None:
    for name, raw in values.items():
        if raw is not None and name_std(name) == "currency":
            return None  # what is said in its own field is not overruled by a price tag
    refused = _unless_refused(definitions.get("currency"), source, permitted)
    return None if isinstance(refused, Refused) else currency_in(price)
