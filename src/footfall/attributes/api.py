"""What other features use of attributes: definitions, profiles, and values that were set aside."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Sequence

from msgspec import UNSET
from sqlalchemy import Connection

from footfall.attributes import changes, queries
from footfall.attributes.answers import (
    AttributeAnswer,
    AttributeDetail,
    Reason,
    SetAsideAnswer,
    SetAsideGroup,
    TypeChange,
    TypeChangeAnswer,
    shown_attribute,
    shown_change,
    shown_set_aside,
)
from footfall.attributes.built_in import BUILT_IN, EVENT_FACTS, RESERVED
from footfall.attributes.changes import (
    definition_of,
    finish,
    recast_objects,
    same_type,
)
from footfall.attributes.coercion import CoercionError, canonical_text, coerce, json_text
from footfall.attributes.compatible import shown_labels, written_values
from footfall.attributes.definitions import MAX_DEFINITIONS, Definitions
from footfall.attributes.logic import (
    MAX_NAME_CHARACTERS,
    is_later,
    merge_profiles,
    name_std,
    put_cell,
    recast,
)
from footfall.attributes.mending import Mend, Retried, mend_of, retry_set_aside
from footfall.attributes.open_object import OpenObject
from footfall.attributes.profiles import RAW_LIMIT, apply_values
from footfall.attributes.recasting import recast_profile
from footfall.attributes.types import (
    Change,
    Counts,
    Definition,
    ObjectKind,
    Objects,
    SetAside,
    SourceRule,
    ValueType,
)
from footfall.http.services import Access
from footfall.kernel.errors import Conflict, Invalid
from footfall.kernel.instants import Clock, Instant, to_iso
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.workspaces.api import record_change

__all__ = [
    "BUILT_IN",
    "EVENT_FACTS",
    "RAW_LIMIT",
    "RESERVED",
    "AttributeAnswer",
    "AttributeDetail",
    "CoercionError",
    "Definitions",
    "Mend",
    "OpenObject",
    "Retried",
    "SetAsideAnswer",
    "SetAsideGroup",
    "TypeChange",
    "TypeChangeAnswer",
    "apply_values",
    "attribute_detail",
    "begin_change",
    "begin_undo",
    "canonical_text",
    "change_attribute",
    "changed_answer",
    "coerce",
    "define_attribute",
    "definition_of",
    "dismiss_set_aside",
    "finish",
    "forget_set_aside",
    "is_later",
    "json_text",
    "list_set_aside",
    "load_definitions",
    "merge_profiles",
    "name_std",
    "preview_change",
    "put_cell",
    "recast",
    "recast_profile",
    "record_definition",
    "record_set_aside",
    "retry_set_aside",
    "set_aside_groups",
    "shown_attribute",
    "shown_labels",
    "shown_set_aside",
    "written_values",
]

#: Types a shop may give an attribute, in the order of the wire contract (section 4).
DEFINABLE: tuple[ValueType, ...] = (
    "boolean",
    "date",
    "datetime",
    "fixed",
    "float",
    "integer",
    "json",
    "string",
)
_DEFINABLE: dict[str, ValueType] = {name: name for name in DEFINABLE}
#: The wire contract's limit for names that people give (row A1).
MAX_DEFINED_NAME_CHARACTERS = 32
MAX_CHOICES = 500
#: Of an attribute, on its page; more are history that nobody asks for.
MAX_CHANGES = 20
#: A page of reasons; each costs some small statements.
MAX_GROUPS = 100


def load_definitions(conn: Connection, scope: Scope, kind: ObjectKind) -> Definitions:
    """Return the attributes of `kind`, for use within this transaction only."""
    return Definitions(scope, kind, queries.stored_definitions(conn, scope, kind))


def define_attribute(
    conn: Connection,
    scope: Scope,
    kind: ObjectKind,
    name: str,
    value_type: str,
    *,
    choices: Sequence[str] = (),
    multiple: bool = False,
    source_rule: SourceRule = "any",
    now: Instant,
) -> Definition:
    """Return the new attribute, defined ahead of its first value.

    Args:
        choices: The spellings a `fixed` attribute takes; passed over for other types.
        multiple: Whether a `fixed` attribute takes several of them at once.
        source_rule: Whose values count (decision 10).

    Raises:
        Invalid: A name, type or choice that cannot be; the workspace has too many attributes.
        Conflict: The attribute exists, in any spelling of the name.
    """
    if not 0 < len(name) <= MAX_DEFINED_NAME_CHARACTERS:
        raise Invalid.at("/name", "wrong_length", "A name must have 1 to 32 characters.")
    standard = name_std(name)
    if standard is None or "\0" in name:
        raise Invalid.at("/name", "attribute_name", "A name must hold a letter or digit.")
    if standard in RESERVED:
        raise Invalid.at("/name", "reserved_name", f'"{standard}" is an identifier.')
    known = load_definitions(conn, scope, kind)
    if known.get(name) is not None:
        raise Conflict(f'The attribute "{standard}" exists already.', code="attribute_exists")
    if known.is_full:
        raise Conflict(
            f"The workspace has its {MAX_DEFINITIONS} attributes already.",
            code="too_many_attributes",
        )
    definition = _typed(
        Definition(
            id=0,
            kind=kind,
            name=name,
            name_std=standard,
            value_type="string",
            choices=(),
            multiple=False,
            origin="defined",
            created_at=now,
            source_rule=source_rule,
        ),
        value_type,
        choices,
        multiple,
    )
    return dataclasses.replace(definition, id=queries.insert_definition(conn, scope, definition))


def _typed(
    definition: Definition, value_type: str, choices: Sequence[str], multiple: bool
) -> Definition:
    known = _DEFINABLE.get(value_type)
    if known is None:
        raise Invalid.at("/value_type", "unknown_type", f"A type is one of {', '.join(DEFINABLE)}.")
    if known != "fixed":
        return dataclasses.replace(definition, value_type=known, choices=(), multiple=False)
    if not 0 < len(choices) <= MAX_CHOICES:
        raise Invalid.at(
            "/choices", "choices_required", f"A fixed attribute needs 1 to {MAX_CHOICES} choices."
        )
    for place, choice in enumerate(choices):
        if not choice.strip() or len(choice) > MAX_NAME_CHARACTERS or "\0" in choice:
            raise Invalid.at(
                f"/choices/{place}", "wrong_choice", "A choice must have 1 to 255 characters."
            )
    if len({choice.strip().casefold() for choice in choices}) != len(choices):
        raise Invalid.at("/choices", "repeated_choice", "Two choices differ at most in case.")
    return dataclasses.replace(
        definition, value_type="fixed", choices=tuple(choices), multiple=multiple
    )


def changed_definition(known: Definition, change: TypeChange) -> Definition:
    """Return what `change` would make of an attribute; nothing is stored.

    Raises:
        Invalid: A type, choice, rule or name that cannot be; nothing is to change.
        Conflict: The attribute is built in, and more than its rule is to change.
    """
    wishes = (change.value_type, change.choices, change.multiple, change.name, change.source_rule)
    if all(wish is UNSET or wish is None for wish in wishes):
        raise Invalid.at("/value_type", "required", "Say what is to change, such as value_type.")
    changed = known
    if not all(wish is UNSET for wish in wishes[:4]):
        if known.origin == "built-in":
            raise Conflict("The type of a built-in attribute is fixed.", code="built_in_attribute")
        changed = dataclasses.replace(_retyped(known, change), origin="defined")
    if isinstance(change.name, str):
        changed = dataclasses.replace(changed, name=_respelled(known, change.name))
    if isinstance(change.source_rule, str):
        if known.kind == "contact" and known.name_std == "email":
            raise Invalid.at(
                "/source_rule",
                "identifier",
                "An e-mail address says who the contact is; it has none.",
            )
        changed = dataclasses.replace(changed, source_rule=change.source_rule)
    return changed


def _retyped(known: Definition, change: TypeChange) -> Definition:
    value_type = known.value_type if change.value_type is UNSET else change.value_type
    choices: Sequence[str] = () if change.choices is UNSET else change.choices
    if change.choices is UNSET and value_type == "fixed":
        choices = known.choices
    multiple = known.multiple if change.multiple is UNSET else change.multiple
    if value_type != "fixed" and (choices or change.multiple is True):
        pointer = "/choices" if choices else "/multiple"
        raise Invalid.at(pointer, "not_fixed", "Only an attribute of type fixed has choices.")
    return _typed(known, value_type, choices, multiple)


def _respelled(known: Definition, name: str) -> str:
    if not 0 < len(name) <= MAX_DEFINED_NAME_CHARACTERS or "\0" in name:
        raise Invalid.at("/name", "wrong_length", "A name must have 1 to 32 characters.")
    if name_std(name) != known.name_std:
        raise Invalid.at(
            "/name",
            "another_attribute",
            f'The name must still read as "{known.name_std}": senders go on using it.',
        )
    return name


#: Of a preview: enough to see what is wrong.
SAMPLE_SIZE = 20


def preview_change(
    state: State,
    scope: Scope,
    objects: Objects,
    kind: ObjectKind,
    name: str,
    change: TypeChange,
    *,
    now: Instant,
) -> TypeChangeAnswer:
    """Return what a change of type would do; see `change_attribute`."""
    with state.read() as conn:
        known = definition_of(conn, scope, kind, name)
        changed = changed_definition(known, change)
        counts, listed = Counts(), []  # type: tuple[Counts, list[SetAside]]
        ids = [0] if not same_type(known, changed) else []
        while ids:
            ids = objects.ids_past(conn, scope, ids[-1], changes.STEP_OBJECTS)
            _, found = recast_objects(
                conn, scope, objects, changed, ids, now=now, save=False, listed=listed
            )
            counts += found
        sample = listed[:SAMPLE_SIZE]
        names = objects.custom_ids(conn, scope, [row.object_id for row in sample])
    tally = Counter(row.code for row in listed)
    messages = {row.code: row.message for row in listed}
    return TypeChangeAnswer(
        shown_attribute(changed),
        True,
        counts.kept,
        counts.set_aside,
        counts.accepted,
        [Reason(code, messages[code], count) for code, count in tally.most_common()],
        shown_set_aside(sample, names),
        None,
    )


def record_definition(
    conn: Connection,
    access: Access,
    now: Instant,
    action: str,
    before: Definition | None,
    after: Definition,
) -> None:
    """Write down who made or changed a definition."""
    record_change(
        conn,
        access,
        now,
        action=action,
        object_kind="attribute",
        object_id=f"{after.kind}/{after.name_std}",
        object_name=after.name,
        before=None if before is None else _recorded(before),
        after=_recorded(after),
    )


def _recorded(definition: Definition) -> dict[str, object]:
    return {
        "name": definition.name,
        "value_type": definition.value_type,
        "choices": list(definition.choices),
        "multiple": definition.multiple,
        "source_rule": definition.source_rule,
    }


def begin_change(
    state: State,
    access: Access,
    objects: Objects,
    kind: ObjectKind,
    name: str,
    wish: TypeChange,
    *,
    clock: Clock,
) -> tuple[Definition, Change | None]:
    """Change an attribute; where its type changes, return what `finish` is to work off.

    A new source rule counts for values to come; those that are there stay.

    Raises:
        NotFound: No such attribute.
        Invalid: A type, choice, rule or name that cannot be.
        Conflict: The attribute is built in; another change of it is not finished.
    """
    scope = access.scope
    with state.write() as conn:
        now = clock()
        known = definition_of(conn, scope, kind, name)
        changed = changed_definition(known, wish)
        record_definition(conn, access, now, "attribute.changed", known, changed)
        last = changes.latest(conn, scope, known)
        unfinished = last is not None and not last.is_finished
        types = (wish.value_type, wish.choices, wish.multiple)
        if any(each is not UNSET for each in types) and (
            unfinished or not same_type(known, changed)
        ):
            return changed, changes.begin_change(conn, scope, objects, known, changed, now)
        if changed.origin == "built-in":
            queries.save_built_in_rule(conn, scope, changed)
        else:
            queries.update_definition(conn, scope, changed)
    return changed, None


def begin_undo(
    state: State, access: Access, objects: Objects, kind: ObjectKind, name: str, *, clock: Clock
) -> Change:
    """Give an attribute its former type again; `finish` brings the values back.

    What was said since the change is told again to what was there before it, by the former type.

    Raises:
        NotFound: No such attribute.
        Conflict: No change of it can be undone, or one is not finished.
    """
    with state.write() as conn:
        now = clock()
        known = definition_of(conn, access.scope, kind, name)
        begun = changes.begin_undo(conn, access.scope, objects, known, now)
        record_definition(conn, access, now, "attribute.change_undone", known, begun.before)
    return begun


def change_attribute(
    state: State,
    access: Access,
    objects: Objects,
    kind: ObjectKind,
    name: str,
    wish: TypeChange,
    *,
    clock: Clock,
) -> TypeChangeAnswer:
    """Change an attribute and coerce all current values again (decision 8); see `begin_change`."""
    changed, change = begin_change(state, access, objects, kind, name, wish, clock=clock)
    if change is not None:
        change = finish(state, access.scope, objects, change, clock=clock)
    return changed_answer(changed, change, clock())


def changed_answer(attribute: Definition, change: Change | None, now: Instant) -> TypeChangeAnswer:
    """Return what a change did so far, as our API says it."""
    counts = Counts() if change is None else change.counts
    return TypeChangeAnswer(
        shown_attribute(attribute),
        False,
        counts.kept,
        counts.set_aside,
        counts.accepted,
        [],
        [],
        None if change is None else shown_change(change, now, newest=True),
    )


def attribute_detail(
    conn: Connection, scope: Scope, kind: ObjectKind, name: str, now: Instant
) -> AttributeDetail:
    """Return an attribute with its latest changes.

    Raises:
        NotFound: No such attribute.
    """
    known = definition_of(conn, scope, kind, name)
    found = queries.latest_changes(conn, scope, kind, known.name_std, MAX_CHANGES)
    return AttributeDetail(
        shown_attribute(known),
        queries.set_aside_counts(conn, scope, kind).get(known.name_std, 0),
        [shown_change(change, now, newest=place == 0) for place, change in enumerate(found)],
    )


def record_set_aside(conn: Connection, scope: Scope, rows: Collection[SetAside]) -> None:
    """Keep the latest of `rows` and what is stored, per object and attribute."""
    if rows:
        queries.save_set_aside(conn, scope, rows)


def list_set_aside(
    conn: Connection,
    scope: Scope,
    kind: ObjectKind,
    *,
    object_id: int | None = None,
    attribute: str | None = None,
    code: str | None = None,
    dismissed: bool | None = None,
    after: tuple[int, str] | None = None,
    limit: int,
) -> list[SetAside]:
    """Return values that were set aside, in the order of (object id, standard name).

    Args:
        object_id: Of one product or contact only.
        attribute: Of one standard name only.
        code: For one reason only.
        dismissed: Only those that were dismissed, or were not.
        after: (object id, standard name) of the last one seen.
    """
    return queries.set_aside_page(
        conn,
        scope,
        kind,
        object_id=object_id,
        name_std=attribute,
        code=code,
        dismissed=dismissed,
        after=after,
        limit=limit,
    )


def set_aside_groups(
    conn: Connection, scope: Scope, kind: ObjectKind, objects: Objects
) -> list[SetAsideGroup]:
    """Return what is set aside and not dismissed, by attribute and reason, the largest first."""
    known = load_definitions(conn, scope, kind)
    groups = []
    for row in queries.set_aside_groups(conn, scope, kind):
        [example] = queries.set_aside_page(
            conn,
            scope,
            kind,
            object_id=row.object_id,
            name_std=row.name_std,
            code=row.code,
            limit=1,
        )
        mend = mend_of(conn, scope, known.get(row.name_std), (kind, row.name_std, row.code))
        groups.append(
            SetAsideGroup(
                kind,
                row.name_std,
                row.code,
                example.message,
                row.number,
                to_iso(Instant(row.latest)),
                example.raw,
                example.object_id,
                objects.custom_ids(conn, scope, [example.object_id]).get(example.object_id),
                example.source,
                mend,
            )
        )
        if len(groups) == MAX_GROUPS:
            break
    return groups


def dismiss_set_aside(
    conn: Connection,
    access: Access,
    kind: ObjectKind,
    *,
    attribute: str | None,
    code: str | None,
    object_id: int | None,
    dismissed: bool,
    now: Instant,
) -> int:
    """Note that a person has seen these values, or has not; return how many it was noted of.

    A newer value that does not fit is listed again.
    """
    count = queries.mark_dismissed(
        conn,
        access.scope,
        kind,
        name_std=attribute,
        code=code,
        object_id=object_id,
        dismissed_at=now if dismissed else None,
    )
    record_change(
        conn,
        access,
        now,
        action="set_aside_values.dismissed" if dismissed else "set_aside_values.listed_again",
        object_kind="attribute",
        object_id=f"{kind}/{attribute or '*'}",
        before=None,
        after={"code": code, "object_id": object_id, "count": count},
    )
    return count


def forget_set_aside(
    conn: Connection, scope: Scope, kind: ObjectKind, object_ids: Sequence[int]
) -> None:
    """Remove the set-aside values of erased objects."""
    if object_ids:
        queries.delete_set_aside(conn, scope, kind, object_ids)
