"""Attribute definitions, cells, and what became of a value."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol

from msgspec import Struct
from sqlalchemy import Connection

from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope

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
    dismissed_at: Instant | None = None  #: when a person said that it was seen


Profile = dict[str, Cell]


class Held(NamedTuple):
    """What one object holds of one attribute: its cell, and the value that was set aside."""

    cell: Cell | None
    aside: SetAside | None


class Counts(Struct, frozen=True):
    """What became of values that were coerced again."""

    kept: int = 0  #: present values that fit
    set_aside: int = 0  #: present values that do not; nothing is deleted
    accepted: int = 0  #: values that were set aside before and fit now

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.kept + other.kept,
            self.set_aside + other.set_aside,
            self.accepted + other.accepted,
        )


#: Where a change of an attribute stands.
Phase = Literal["changing", "done", "undoing", "undone"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an attribute's type, with how far it has come."""

    id: int
    kind: ObjectKind
    name_std: str
    before: Definition
    after: Definition
    phase: Phase
    started_at: Instant
    leased_until: Instant  #: a process works on it until then, if it has not finished
    finished_at: Instant | None
    after_id: int  #: the last object that was reached
    done: int  #: objects reached in this phase
    total: int  #: objects there were at its beginning
    counts: Counts

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in ("done", "undone")


#: Changes profiles in place, by object id; returns whose look different then.
Revalue = Callable[[Mapping[int, Profile]], Collection[int]]


class Objects(Protocol):
    """Products or contacts, as far as a change of an attribute has to know them."""

    def count(self, conn: Connection, scope: Scope) -> int:
        """Return how many rows there are, deleted ones too."""

    def ids_past(self, conn: Connection, scope: Scope, after_id: int, limit: int) -> list[int]:
        """Return up to `limit` ids past `after_id`, in order, deleted ones too."""

    def revalue(
        self,
        conn: Connection,
        scope: Scope,
        revalue: Revalue,
        ids: Collection[int],
        *,
        now: Instant,
        save: bool,
    ) -> None:
        """Let `revalue` change the profiles of `ids`; save what it changed if `save`."""

    def custom_ids(
        self, conn: Connection, scope: Scope, ids: Collection[int]
    ) -> Mapping[int, str | None]:
        """Return the shop's ids."""
