"""What becomes of one object's value when an attribute's type changes, and when that is undone.

Pure. An object holds a cell and perhaps a value that was set aside; both are tried again.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, Final

import msgspec
from msgspec import UNSET

from footfall.attributes.coercion import CoercionError, coerce, json_text
from footfall.attributes.definitions import (
    NOT_FROM_BROWSERS,
    RESERVED_NAME,
    Refused,
    refused_source,
)
from footfall.attributes.logic import put_cell, recast
from footfall.attributes.profiles import RAW_LIMIT
from footfall.attributes.types import BROWSER, Cell, Counts, Definition, Held, Profile, SetAside
from footfall.kernel.instants import Instant

#: Reasons that neither a type nor a rule mends: an unusable name or text, an unproven identity.
UNMENDABLE: Final = frozenset(
    {"attribute_name", RESERVED_NAME.code, "unsigned", "invalid_unicode", "nul_character"}
)
#: Reasons for which even `null`, which clears, is set aside.
_OF_SOURCES: Final = frozenset({NOT_FROM_BROWSERS.code, "source_not_allowed"})
_NAME: Final = "value"  # of the one cell that is compared


@dataclass(frozen=True, slots=True)
class Measure:
    """What values of an attribute are measured by."""

    definition: Definition
    zone: tzinfo  #: the workspace's, for dates and times that name none
    permitted: Collection[str] | None  #: standard names that browsers may write; None: all

    def coerced(self, raw: Any) -> tuple[Any, CoercionError | None]:
        """Return `raw` as the attribute stores it, or why it does not fit."""
        if raw is None:
            return None, None
        try:
            return coerce(self.definition, raw, self.zone), None
        except CoercionError as error:
            return None, error

    def tried(self, raw: Any, source: str) -> tuple[Any, CoercionError | Refused | None]:
        """Return the same, of a value that this source says now."""
        permitted = self.permitted if source == BROWSER else None
        if permitted is not None and self.definition.name_std not in permitted:
            return None, NOT_FROM_BROWSERS
        refused = refused_source(self.definition, source)
        return (None, refused) if refused is not None else self.coerced(raw)


def recast_held(held: Held, measure: Measure, object_id: int) -> tuple[Held, Counts]:
    """Return what an object holds under a changed definition (decision 8).

    The cell's raw value is coerced again, and so is a value that was set aside: where it fits, it
    counts by its time, as if it came in now.
    """
    cell, aside = held
    mine: SetAside | None = None
    counts = Counts()
    if cell is not None and cell.raw is not None:
        cell, problem = recast(cell, measure.definition, measure.zone)
        counts = Counts(kept=1) if problem is None else Counts(set_aside=1)
        if problem is not None:
            mine = _set_aside(cell, measure.definition, object_id, problem)
            mine = _as_seen(mine, aside)
    if aside is not None and held.cell is not None and _place(aside) == _place(held.cell):
        return Held(cell, mine), counts  # it was this cell's own
    if aside is None:
        return Held(cell, mine), counts
    found = retried(Held(cell, aside), measure)
    if found.aside is None:
        counts += Counts(accepted=1)
        if found.cell is not cell:
            # The value that does not fit is history: a later one took its place.
            return found, Counts(counts.kept, 0, counts.accepted)
    return Held(found.cell, _later(mine, found.aside)), counts


def recast_profile(
    profile: Profile,
    definition: Definition,
    *,
    object_id: int,
    zone: tzinfo,
    set_aside: list[SetAside],
) -> None:
    """Coerce the cell of `definition` in `profile` from its raw value; what does not fit is listed.

    Args:
        profile: Changed in place.
    """
    cell = profile.get(definition.name_std)
    if cell is None or cell.raw is None:
        return
    profile[definition.name_std], problem = recast(cell, definition, zone)
    if problem is not None:
        set_aside.append(_set_aside(cell, definition, object_id, problem))


def retried(held: Held, measure: Measure) -> Held:
    """Return what an object holds after its set-aside value was tried again."""
    cell, aside = held
    raw = UNSET if aside is None else raw_of(aside)
    if aside is None or raw is UNSET:
        return held
    value, problem = measure.tried(raw, aside.source)
    if problem is None:
        said = Cell(raw, value, aside.occurred_at, aside.position, aside.source)
        return Held(_put(cell, said), None)
    again = replace(aside, code=problem.code, message=problem.message)
    return Held(cell, _as_seen(replace(again, dismissed_at=None), aside))


def restored(held: Held, before: Held, measure: Measure, object_id: int) -> Held:
    """Return what an object holds after a change was undone.

    What it held `before` comes back as it was; what was said since is told to it again.

    Args:
        measure: By the definition before the change.
    """
    known = {_place(each) for each in before if each is not None}
    said: dict[tuple[Any, ...], Cell | SetAside] = {}
    for each in (held.aside, held.cell):  # of the same value the cell has all of it
        if each is not None and _place(each) not in known:
            said[_place(each)] = each
    cell, aside = before
    for each in sorted(said.values(), key=lambda one: (one.occurred_at, one.position)):
        if isinstance(each, SetAside):
            found = retried(Held(cell, each), measure)
            cell, aside = found.cell, _later(aside, found.aside)
            continue
        value, problem = measure.coerced(each.raw)
        if problem is None:
            again = Cell(each.raw, value, each.occurred_at, each.position, each.source)
            cell = _put(cell, again)
        else:
            aside = _later(aside, _set_aside(each, measure.definition, object_id, problem))
    return Held(cell, aside)


def raw_of(aside: SetAside) -> Any:
    """Return the value that was set aside, UNSET if too little of it was kept to try it again."""
    cut = len(aside.raw) >= RAW_LIMIT
    if cut or aside.code in UNMENDABLE or (aside.raw == "null" and aside.code not in _OF_SOURCES):
        return UNSET
    return msgspec.json.decode(aside.raw)


def _put(cell: Cell | None, said: Cell) -> Cell:
    profile: Profile = {} if cell is None else {_NAME: cell}
    put_cell(profile, _NAME, said, wins_ties=True)
    return profile[_NAME]


def _place(each: Cell | SetAside) -> tuple[Any, ...]:
    """Return what tells one saying of a value from another."""
    raw = each.raw if isinstance(each, SetAside) else json_text(each.raw)[:RAW_LIMIT]
    return each.occurred_at, each.position, each.source, raw


def _later(one: SetAside | None, other: SetAside | None) -> SetAside | None:
    """Return the one that is listed: the later, of equals the second."""
    if one is None or other is None:
        return other if one is None else one
    first, second = (one.occurred_at, one.position), (other.occurred_at, other.position)
    return other if second >= first else one


def _as_seen(new: SetAside, old: SetAside | None) -> SetAside:
    """Return `new`, dismissed if the same value was, for the same reason."""
    if old is not None and old.code == new.code and _place(old) == _place(new):
        return replace(new, dismissed_at=old.dismissed_at)
    return new


def _set_aside(
    cell: Cell, definition: Definition, object_id: int, problem: CoercionError
) -> SetAside:
    return SetAside(
        definition.kind,
        object_id,
        definition.name,
        definition.name_std,
        json_text(cell.raw)[:RAW_LIMIT],
        problem.code,
        problem.message,
        Instant(cell.occurred_at),
        cell.position,
        cell.source,
    )
