"""What REST says about attributes: the values on the wire, and how they are made. Pure."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from footfall.attributes.mending import Mend
from footfall.attributes.types import Change, Definition, ObjectKind, SetAside, SourceRule
from footfall.kernel.instants import Instant, to_iso


class AttributeAnswer(Struct, frozen=True):
    """An attribute of products or contacts."""

    id: int
    kind: ObjectKind
    name: str
    name_std: str
    value_type: str
    choices: tuple[str, ...]
    multiple: bool
    origin: str
    created_at: str | None  #: None: built in
    source_rule: SourceRule  #: whose values count


class SetAsideAnswer(Struct, frozen=True):
    """A value that could not become the attribute's."""

    object_id: int
    attribute: str
    name: str  #: as sent
    raw: str  #: JSON text, cut if long
    code: str
    message: str
    occurred_at: str
    source: str
    custom_id: str | None = None  #: the shop's id of the object, where it is asked for
    dismissed_at: str | None = None


class TypeChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change of an attribute; what is not named stays."""

    value_type: str | UnsetType = UNSET
    choices: list[str] | UnsetType = UNSET  #: for `fixed`: all of them
    multiple: bool | UnsetType = UNSET  #: for `fixed`: several at once
    source_rule: SourceRule | UnsetType | None = UNSET  #: whose values count from now on
    name: str | UnsetType = UNSET  #: another spelling of the same name


class ChangeAnswer(Struct, frozen=True):
    """A change of an attribute's type, and how far it has come."""

    id: int
    #: running or interrupted, of a change or an undo; done: can be undone if it is the newest
    state: Literal["changing", "done", "undoing", "undone", "interrupted"]
    from_type: str
    to_type: str
    started_at: str
    finished_at: str | None
    done: int  #: products or contacts reached
    total: int
    kept: int
    set_aside: int
    accepted: int
    can_undo: bool


class Reason(Struct, frozen=True):
    """Why values do not fit."""

    code: str
    message: str
    count: int


class TypeChangeAnswer(Struct, frozen=True):
    """What a change of type did, or would do."""

    attribute: AttributeAnswer
    preview: bool  #: True: nothing was changed
    kept: int  #: values that fit
    set_aside: int  #: values that do not; they are listed, not deleted
    accepted: int  #: values that were set aside before and fit now
    reasons: list[Reason]  #: of a preview: why those that do not fit do not
    sample: list[SetAsideAnswer]  #: of a preview: some that would be set aside
    change: ChangeAnswer | None  #: null: a preview, or nothing of the type was changed


class AttributeDetail(Struct, frozen=True):
    """An attribute, its changes, and how many of its values are set aside."""

    attribute: AttributeAnswer
    set_aside: int  #: and not dismissed
    changes: list[ChangeAnswer]  #: the newest first


class SetAsideGroup(Struct, frozen=True):
    """Values of one attribute that were set aside for one reason."""

    kind: ObjectKind
    attribute: str
    code: str
    message: str  #: of an example, as `raw` and the rest
    count: int
    latest: str  #: when the newest of them was said
    raw: str
    object_id: int
    custom_id: str | None
    source: str
    mend: Mend | None  #: what makes them fit; null: nothing does, or it is not known


def shown_change(change: Change, now: Instant, *, newest: bool) -> ChangeAnswer:
    """Return a change as our API shows it."""
    interrupted = not change.is_finished and change.leased_until <= now
    return ChangeAnswer(
        change.id,
        "interrupted" if interrupted else change.phase,
        change.before.value_type,
        change.after.value_type,
        to_iso(change.started_at),
        None if change.finished_at is None else to_iso(change.finished_at),
        change.done,
        max(change.total, change.done),
        change.counts.kept,
        change.counts.set_aside,
        change.counts.accepted,
        newest and change.phase == "done",
    )


def shown_attribute(definition: Definition) -> AttributeAnswer:
    """Return the attribute as our API shows it."""
    return AttributeAnswer(
        definition.id,
        definition.kind,
        definition.name,
        definition.name_std,
        definition.value_type,
        definition.choices,
        definition.multiple,
        definition.origin,
        to_iso(definition.created_at) if definition.created_at else None,
        definition.source_rule,
    )


def shown_set_aside(
    rows: Iterable[SetAside], custom_ids: Mapping[int, str | None] = MappingProxyType({})
) -> list[SetAsideAnswer]:
    """Return set-aside values as our API shows them."""
    return [
        SetAsideAnswer(
            row.object_id,
            row.name_std,
            row.name,
            row.raw,
            row.code,
            row.message,
            to_iso(row.occurred_at),
            row.source,
            custom_ids.get(row.object_id),
            None if row.dismissed_at is None else to_iso(row.dismissed_at),
        )
        for row in rows
    ]
