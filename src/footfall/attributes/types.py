"""Attribute definitions, cells, and what became of a value."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from msgspec import Struct

from footfall.kernel.instants import Instant

ObjectKind = Literal["product", "contact"]
#: "list" is for the built-in tags and categories only; shops define the other eight.
ValueType = Literal[
    "string", "integer", "float", "boolean", "date", "datetime", "fixed", "json", "list"
]
Origin = Literal["built-in", "defined", "automatic"]


#: Whose values count for an attribute (decision 10): everybody's; feeds' and imported files'; those
#: of the shop's server.
SourceRule = Literal["any", "feed only", "api only"]
#: Source of what a visitor's browser said. It ranks below every other, whatever its time.
BROWSER: Final = "browser"
#: Source of what a browser said with the signature of the shop's server: as good as the server's.
SIGNED: Final = "signed"


@dataclass(frozen=True, slots=True)
class Definition:
    """One attribute of products or contacts in one workspace."""

    id: int
    kind: ObjectKind
    name: str
    name_std: str
    value_type: ValueType
    choices: tuple[str, ...]  #: empty unless `fixed`
    multiple: bool
    origin: Origin
    created_at: Instant
    source_rule: SourceRule = "any"


class Cell(Struct, array_like=True, gc=False):
    """One attribute of one object: the latest value, and when, where and by whom it was said.

    `value` is the coerced value as JSON holds it (date and datetime as ISO text), or None: cleared
    by a `null` in PUT/PATCH (then `raw` is None too), or set aside by a later change of type
    (decision 8: `raw` stays and is tried again at the next change).
    """

    raw: Any  #: as sent, JSON types
    value: Any
    occurred_at: int
    position: int  #: journal position; REST writes have the journal head at that moment
    source: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A value that could not become the attribute's: kept and listed, the profile unchanged."""

    kind: ObjectKind
    object_id: int
    name: str
    name_std: str
    raw: str  #: JSON text
    code: str
    message: str
    occurred_at: Instant
    position: int
    source: str


Profile = dict[str, Cell]
