"""What other features use of attributes: definitions, profiles, and values that were set aside."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from footfall.attributes import queries
from footfall.attributes.answers import (
    AttributeAnswer,
    SetAsideAnswer,
    TypeChange,
    TypeChangeAnswer,
    shown_attribute,
    shown_set_aside,
)
from footfall.attributes.built_in import BUILT_IN, EVENT_FACTS, RESERVED
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
from footfall.attributes.open_object import OpenObject
from footfall.attributes.profiles import RAW_LIMIT, apply_values
from footfall.attributes.recasting import (
    STEP_OBJECTS,
    Recast,
    Step,
    recast_all,
    recast_profile,
)
from footfall.attributes.types import Definition, ObjectKind, SetAside, SourceRule, ValueType
from footfall.kernel.errors import Conflict, Invalid, NotFound
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope

__all__ = [
    "BUILT_IN",
    "EVENT_FACTS",
    "RAW_LIMIT",
    "RESERVED",
    "STEP_OBJECTS",
    "AttributeAnswer",
    "CoercionError",
    "Definitions",
    "OpenObject",
    "Recast",
    "SetAsideAnswer",
    "Step",
    "TypeChange",
    "TypeChangeAnswer",
    "apply_values",
    "canonical_text",
    "change_definition",
    "change_type",
    "coerce",
    "define_attribute",
    "forget_set_aside",
    "is_later",
    "json_text",
    "list_set_aside",
    "load_definitions",
    "merge_profiles",
    "name_std",
    "preview_definition",
    "put_cell",
    "recast",
    "recast_all",
    "recast_profile",
    "record_set_aside",
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


def change_definition(
    conn: Connection,
    scope: Scope,
    definition: Definition,
    value_type: str,
    *,
    choices: Sequence[str] = (),
    multiple: bool = False,
) -> Definition:
    """Return `definition` with another type, stored; its cells are recast by the caller.

    Raises:
        Invalid: A type or choice that cannot be.
        Conflict: The attribute is built in.
    """
    changed = preview_definition(definition, value_type, choices=choices, multiple=multiple)
    queries.update_definition(conn, scope, changed)
    return changed


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


def preview_definition(
    definition: Definition, value_type: str, *, choices: Sequence[str] = (), multiple: bool = False
) -> Definition:
    """Return what `change_definition` would make of `definition`; nothing is stored.

    Raises:
        Invalid: A type or choice that cannot be.
        Conflict: The attribute is built in.
    """
    if definition.origin == "built-in":
        raise Conflict("The type of a built-in attribute is fixed.", code="built_in_attribute")
    return dataclasses.replace(_typed(definition, value_type, choices, multiple), origin="defined")


def change_type(
    transaction: Callable[[], AbstractContextManager[Connection]],
    scope: Scope,
    kind: ObjectKind,
    name: str,
    change: TypeChange,
    *,
    preview: bool,
    step: Callable[[Connection, Definition, int], Step],
) -> TypeChangeAnswer:
    """Change an attribute's type and coerce all current values again (decision 8).

    A new source rule counts for values to come; those that are there stay.

    Args:
        transaction: Begins one, committed at its end; there are many of them.
        name: In any spelling.
        preview: Only count; `transaction` and `step` change nothing then.
        step: Recasts the objects past an id; the feature's own, which knows where they are.

    Raises:
        NotFound: No such attribute.
        Invalid: A type or choice that cannot be.
        Conflict: The attribute is built in.
    """
    with transaction() as conn:
        known = load_definitions(conn, scope, kind).get(name)
        if known is None:
            raise NotFound("There is no such attribute.", code="attribute_not_found")
        changed = _changed(known, change)
        if not preview and changed.origin == "built-in":
            queries.save_built_in_rule(conn, scope, changed)
        elif not preview:
            queries.update_definition(conn, scope, changed)
    if change.value_type is None:
        return TypeChangeAnswer(shown_attribute(changed), preview, 0, 0)
    done = recast_all(transaction, lambda conn, after_id: step(conn, changed, after_id))
    return TypeChangeAnswer(shown_attribute(changed), preview, done.kept, done.set_aside)


def _changed(known: Definition, change: TypeChange) -> Definition:
    changed = known
    if change.value_type is not None:
        changed = preview_definition(
            known, change.value_type, choices=change.choices, multiple=change.multiple
        )
    elif change.source_rule is None:
        raise Invalid.at("/value_type", "required", "Say a value_type, a source_rule or both.")
    if change.source_rule is None:
        return changed
    if known.kind == "contact" and known.name_std == "email":
        raise Invalid.at(
            "/source_rule", "identifier", "An e-mail address says who the contact is; it has none."
        )
    return dataclasses.replace(changed, source_rule=change.source_rule)


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
    after: tuple[int, str] | None = None,
    limit: int,
) -> list[SetAside]:
    """Return values that were set aside, in the order of (object id, standard name).

    Args:
        object_id: Of one product or contact only.
        after: (object id, standard name) of the last one seen.
    """
    return queries.set_aside_page(conn, scope, kind, object_id=object_id, after=after, limit=limit)


def forget_set_aside(
    conn: Connection, scope: Scope, kind: ObjectKind, object_ids: Sequence[int]
) -> None:
    """Remove the set-aside values of erased objects."""
    if object_ids:
        queries.delete_set_aside(conn, scope, kind, object_ids)
