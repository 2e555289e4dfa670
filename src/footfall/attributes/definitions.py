"""The attributes of one workspace, as one transaction knows and extends them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from sqlalchemy import Connection

from footfall.attributes import queries
from footfall.attributes.built_in import BUILT_IN, EVENT_FACTS, RESERVED
from footfall.attributes.logic import clean_name, name_std
from footfall.attributes.types import BROWSER, SIGNED, Definition, ObjectKind, SourceRule
from footfall.kernel.instants import DAY_MS, Instant
from footfall.kernel.scope import Scope

#: Decision 9.
MAX_DEFINITIONS: Final = 500
MAX_AUTOMATIC_PER_DAY: Final = 100
#: Browsers create none past these: anybody may send names through a public key, and the rest of the
#: places is for the shop's server.
MAX_DEFINITIONS_FOR_BROWSERS: Final = MAX_DEFINITIONS // 2
MAX_AUTOMATIC_PER_DAY_FOR_BROWSERS: Final = MAX_AUTOMATIC_PER_DAY // 2


class Refused(NamedTuple):
    """Why a name is no attribute and cannot become one."""

    code: str
    message: str
    source_rule: SourceRule = "any"  #: as a definition's: what is no attribute has none


_BAD_NAME = Refused(
    "attribute_name", "An attribute's name must hold a letter or digit and have 1 to 64 characters."
)
#: Identifiers and facts are sent beside attributes by everyone, which is no mistake.
RESERVED_NAME = Refused("reserved_name", "This name is an identifier, not an attribute.")
_TOO_MANY = Refused("too_many_attributes", "The workspace has its 500 attributes already.")
_TOO_MANY_TODAY = Refused(
    "too_many_new_attributes", "100 attributes were created today already; define it yourself."
)
NOT_FROM_BROWSERS = Refused(
    "not_allowed_from_browser", "Browsers may not write this attribute in this workspace."
)
_TOO_MANY_FOR_BROWSERS = Refused(
    "too_many_new_attributes", "Browsers may create no more attributes now; define it yourself."
)
_SOURCE_NOT_ALLOWED = Refused(
    "source_not_allowed", "The attribute's source rule does not allow values of this source."
)
_SOURCES: Final[Mapping[SourceRule, Collection[str]]] = {
    "feed only": ("feed", "import"),
    "api only": ("api", SIGNED),
}


def refused_source(definition: Definition, source: str) -> Refused | None:
    """Return why values of `source` do not count for an attribute, None if they do."""
    rule = definition.source_rule
    return None if rule == "any" or source in _SOURCES[rule] else _SOURCE_NOT_ALLOWED


class Definitions:
    """The attributes of one kind in one workspace, as one transaction knows and extends them.

    Drop it with its transaction: what was created and not committed does not exist.
    """

    def __init__(self, scope: Scope, kind: ObjectKind, stored: Iterable[Definition]) -> None:
        self.scope = scope
        self.kind = kind
        self.created: list[Definition] = []  #: not in the state store yet
        stored = list(stored)
        # A row of a built-in attribute holds its source rule and nothing else.
        rules = {row.name_std: row.source_rule for row in stored if row.origin == "built-in"}
        self._stored = [row for row in stored if row.origin != "built-in"]
        self._by_std = {**{row.name_std: row for row in self._stored}, **BUILT_IN[kind]}
        for name, rule in rules.items():
            self._by_std[name] = replace(self._by_std[name], source_rule=rule)
        self._names: dict[str, Definition | Refused] = {}
        self._names_in_events: dict[str, Definition | Refused] = {}
        self._count = len(self._stored)
        self._automatic = Counter(
            row.created_at // DAY_MS for row in self._stored if row.origin == "automatic"
        )

    def get(self, name: str) -> Definition | None:
        """Return the attribute that `name`, in any spelling, means, or None."""
        known = self._by_std.get(name)  # most callers have the standard name
        if known is not None:
            return known
        standard = name_std(name)
        return None if standard is None else self._by_std.get(standard)

    def all(self) -> list[Definition]:
        """Return every attribute: the built-in ones, then by name."""
        own = (found for found in self._by_std.values() if found.origin != "built-in")
        built_in = [self._by_std[name] for name in BUILT_IN[self.kind]]
        return [*built_in, *sorted(own, key=lambda found: found.name_std)]

    @property
    def is_full(self) -> bool:
        """Whether the workspace has as many attributes of its own as it may (decision 9)."""
        return self._count >= MAX_DEFINITIONS

    def auto_create(
        self,
        name: str,
        now: Instant,
        in_event: bool = False,
        permitted: Collection[str] | None = None,
        source: str = "api",
    ) -> Definition | Refused:
        """Return the attribute that `name` means, created as text if there was none.

        Args:
            now: Its UTC day is the one whose new attributes are counted.
            in_event: Whether facts of the occurrence are no attributes here.
            permitted: Standard names outside which none is created; None: any.
            source: Who says it; browsers leave half of the places to others.
        """
        names = self.known_names(in_event=in_event)
        known = names.get(name)
        if known is None:
            known = self._resolve(name, now, in_event, permitted, source)
            if known not in (NOT_FROM_BROWSERS, _TOO_MANY_FOR_BROWSERS):  # others may write it
                names[name] = known
        return known

    def known_names(self, *, in_event: bool) -> dict[str, Definition | Refused]:
        """Return what each name as sent was found to mean so far; also those that mean nothing."""
        return self._names_in_events if in_event else self._names

    def _resolve(
        self,
        name: str,
        now: Instant,
        in_event: bool,
        permitted: Collection[str] | None,
        source: str,
    ) -> Definition | Refused:
        standard = name_std(name)
        if standard is None:
            return _BAD_NAME
        if standard in RESERVED or (in_event and standard in EVENT_FACTS):
            return RESERVED_NAME
        known = self._by_std.get(standard)
        if known is not None:
            return known
        if permitted is not None and standard not in permitted:
            return NOT_FROM_BROWSERS
        full = self._no_room(now, source)
        if full is not None:
            return full
        new = Definition(
            id=0,
            kind=self.kind,
            name=clean_name(name),
            name_std=standard,
            value_type="string",
            choices=(),
            multiple=False,
            origin="automatic",
            created_at=now,
        )
        self._count += 1
        self._automatic[now // DAY_MS] += 1
        self._by_std[standard] = new
        self.created.append(new)
        return new

    def _no_room(self, now: Instant, source: str) -> Refused | None:
        """Return why `source` may create no attribute now, None if it may."""
        today = self._automatic[now // DAY_MS]
        if self.is_full or today >= MAX_AUTOMATIC_PER_DAY:
            return _TOO_MANY if self.is_full else _TOO_MANY_TODAY
        if source == BROWSER and (
            self._count >= MAX_DEFINITIONS_FOR_BROWSERS
            or today >= MAX_AUTOMATIC_PER_DAY_FOR_BROWSERS
        ):
            return _TOO_MANY_FOR_BROWSERS
        return None

    def save(self, conn: Connection) -> None:
        """Store what was created since the last save."""
        if self.created:
            queries.insert_definitions(conn, self.scope, self.created)
            self.created.clear()
