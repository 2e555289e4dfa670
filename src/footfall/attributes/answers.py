"""What REST says about attributes: the values on the wire, and how they are made. Pure."""

from collections.abc import Iterable

from msgspec import Struct, field

from footfall.attributes.types import Definition, ObjectKind, SetAside, SourceRule
from footfall.kernel.instants import to_iso


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


class TypeChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change of an attribute; a type that is not named stays."""

    value_type: str | None = None
    choices: list[str] = field(default_factory=list)  #: for `fixed`
    multiple: bool = False  #: for `fixed`: several at once
    source_rule: SourceRule | None = None  #: whose values count from now on; None: as before


class TypeChangeAnswer(Struct, frozen=True):
    """What a change of type did, or would do."""

    attribute: AttributeAnswer
    preview: bool  #: True: nothing was changed
    kept: int  #: values that fit
    set_aside: int  #: values that do not; they are listed, not deleted


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


def shown_set_aside(rows: Iterable[SetAside]) -> list[SetAsideAnswer]:
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
        )
        for row in rows
    ]
