"""What a person does with values that were set aside: tries them again, or mends the reason."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from msgspec import UNSET, Struct
from sqlalchemy import Connection

from footfall.attributes import queries
from footfall.attributes.changes import STEP_OBJECTS, definition_of, measure_of, move
from footfall.attributes.definitions import NOT_FROM_BROWSERS, Definitions, Refused
from footfall.attributes.logic import name_std
from footfall.attributes.recasting import UNMENDABLE, Measure, raw_of, retried
from footfall.attributes.types import (
    Definition,
    Held,
    ObjectKind,
    Objects,
    SetAside,
    ValueType,
)
from footfall.http.services import Access
from footfall.kernel.errors import Conflict, NotFound
from footfall.kernel.instants import Clock, Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.workspaces.api import record_change

#: Looked at to find a mend; a preview of it counts them all.
_SAMPLE: Final = 200
#: More values than that are no list of choices.
_MAX_NEW_CHOICES: Final = 30
#: Types that take everything the first does, the nearest first.
_WIDER: Final[dict[ValueType, tuple[ValueType, ...]]] = {
    "boolean": ("string", "json"),
    "date": ("string", "json"),
    "datetime": ("string", "json"),
    "fixed": ("string", "json"),
    "float": ("string", "json"),
    "integer": ("float", "string", "json"),
    "string": ("json",),
}


class Retried(Struct, frozen=True):
    """What became of set-aside values that were tried again."""

    accepted: int
    left: int


class Mend(Struct, frozen=True):
    """The one step after which values of a group fit."""

    #: change_type, add_choices, allow_source: PATCH the attribute with `change`; allow_browsers:
    #: PATCH the workspace with it; then, and if retry: try them again.
    action: str
    change: dict[str, Any]


def retry_set_aside(
    state: State, access: Access, objects: Objects, kind: ObjectKind, name: str, clock: Clock
) -> Retried:
    """Try an attribute's set-aside values again, step by step, and return what became of them.

    One that fits counts by its own time. An attribute that there is not yet is made as text.

    Raises:
        NotFound: The name is no attribute's, and nothing of it is set aside.
        Conflict: There is no room for the attribute, or browsers may not write it.
    """
    scope = access.scope
    after, accepted, left = 0, 0, 0
    while True:
        with state.write() as conn:
            now = clock()
            definition = _attribute(conn, scope, kind, name, now)
            ids = queries.set_aside_ids(conn, scope, kind, definition.name_std, after, STEP_OBJECTS)
            fits = _retry_step(conn, scope, objects, definition, ids, now)
            if fits:
                record_change(
                    conn,
                    access,
                    now,
                    action="set_aside_values.accepted",
                    object_kind="attribute",
                    object_id=f"{kind}/{definition.name_std}",
                    before=None,
                    after={"count": fits},
                )
        accepted += fits
        left += len(ids) - fits
        if len(ids) < STEP_OBJECTS:
            return Retried(accepted, left)
        after = ids[-1]


def _retry_step(
    conn: Connection,
    scope: Scope,
    objects: Objects,
    definition: Definition,
    ids: Sequence[int],
    now: Instant,
) -> int:
    measure = measure_of(conn, scope, definition)
    accepted = 0

    def decide(_object_id: int, held: Held) -> Held:
        nonlocal accepted
        # An address says who a contact is; it is given with the contact, never found again here.
        if (definition.kind, definition.name_std) == ("contact", "email"):
            return held
        new = retried(held, measure)
        accepted += held.aside is not None and new.aside is None
        return new

    move(conn, scope, objects, definition, ids, decide, now=now, recopies=False)
    return accepted


def _attribute(
    conn: Connection, scope: Scope, kind: ObjectKind, name: str, now: Instant
) -> Definition:
    """Return the attribute, made if values of its name wait for it."""
    try:
        return definition_of(conn, scope, kind, name)
    except NotFound:
        standard = name_std(name)
        if standard is None:
            raise
        waiting = queries.set_aside_page(conn, scope, kind, name_std=standard, limit=1)
        if not waiting:
            raise
    known = Definitions(scope, kind, queries.stored_definitions(conn, scope, kind))
    permitted = None
    if waiting[0].code == NOT_FROM_BROWSERS.code:
        probe = Definition(0, kind, standard, standard, "string", (), False, "automatic", now)
        permitted = measure_of(conn, scope, probe).permitted
    made = known.auto_create(waiting[0].name, now, permitted=permitted)
    if isinstance(made, Refused):
        raise Conflict(made.message, code=made.code)
    known.save(conn)
    return definition_of(conn, scope, kind, name)


def mend_of(
    conn: Connection, scope: Scope, known: Definition | None, group: tuple[ObjectKind, str, str]
) -> Mend | None:
    """Return what would mend a group (kind, standard name, code), None where nothing does."""
    kind, standard, code = group
    if code in UNMENDABLE or (kind, standard) == ("contact", "email"):
        return None
    if code == NOT_FROM_BROWSERS.code:
        return Mend("allow_browsers", {"browser_attributes": _allowed(conn, scope, kind, standard)})
    if known is None:
        return Mend("retry", {})
    if code == "source_not_allowed":
        return Mend("allow_source", {"source_rule": "any"})
    return _mend_of_values(conn, scope, known, code)


def _mend_of_values(conn: Connection, scope: Scope, known: Definition, code: str) -> Mend | None:
    waiting = queries.set_aside_page(
        conn,
        scope,
        known.kind,
        name_std=known.name_std,
        code=code,
        dismissed=False,
        limit=_SAMPLE,
    )
    raws = [raw for raw in map(raw_of, waiting) if raw is not UNSET]
    measure = measure_of(conn, scope, known)
    if raws and all(measure.coerced(raw)[1] is None for raw in raws):
        return Mend("retry", {})
    if not raws or known.origin == "built-in":
        return None
    return _choices(known, waiting, raws) or _wider(measure, raws)


def _allowed(conn: Connection, scope: Scope, kind: ObjectKind, standard: str) -> list[str]:
    probe = Definition(0, kind, standard, standard, "string", (), False, "automatic", Instant(0))
    return sorted({*(measure_of(conn, scope, probe).permitted or ()), standard})


def _choices(known: Definition, waiting: Sequence[SetAside], raws: Sequence[Any]) -> Mend | None:
    """Return the choices that are missing, if they are few and nothing else is wrong."""
    if known.value_type != "fixed" or {row.code for row in waiting} != {"not_a_choice"}:
        return None
    spellings = {choice.strip().casefold() for choice in known.choices}
    missing: list[str] = []
    for raw in raws:
        for each in raw if isinstance(raw, list) else [raw]:
            if not isinstance(each, str) or not 0 < len(each.strip()) <= 255:
                return None
            if each.strip().casefold() not in spellings:
                spellings.add(each.strip().casefold())
                missing.append(each.strip())
    if len(missing) > _MAX_NEW_CHOICES:
        return None
    choices = [*known.choices, *missing]
    return Mend("add_choices", {"choices": choices})


def _wider(measure: Measure, raws: Sequence[Any]) -> Mend | None:
    """Return the nearest type that takes these values and all that are there."""
    definition = measure.definition
    for value_type in _WIDER.get(definition.value_type, ()):
        if definition.multiple and value_type == "string":
            continue  # lists are no text
        wider = replace(definition, value_type=value_type, choices=(), multiple=False)
        tried = Measure(wider, measure.zone, measure.permitted)
        if all(tried.coerced(raw)[1] is None for raw in raws):
            return Mend("change_type", {"value_type": value_type})
    return None
