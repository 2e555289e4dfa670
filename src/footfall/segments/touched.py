"""Who did or became something since the last round, in one workspace."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from footfall.kernel.instants import Instant
from footfall.segments.interest import Interest, Watch
from footfall.warehouse.types import ActivityRow, EventRow

#: Contacts that are remembered one by one; an import of more is a case for everybody.
MAX_REMEMBERED: Final = 100_000


class Passing(Protocol):
    """How far times were looked at."""

    next_at: Instant | None
    is_stale: bool


@dataclass(slots=True)
class Touched:
    """What the projector told of."""

    by_event_type: dict[str, set[int]] = field(default_factory=dict)
    by_event_name: dict[str, set[int]] = field(default_factory=dict)
    by_page_view: set[int] = field(default_factory=set)
    by_snapshot: set[int] = field(default_factory=set)
    by_cart: set[int] = field(default_factory=set)
    products: set[int] = field(default_factory=set)
    event_types: set[str] = field(default_factory=set)  #: also of nobody
    #: The least time of what was done, by (kind, name): when a window's edge comes to it.
    earliest: dict[tuple[str, str], Instant] = field(default_factory=dict)
    #: Contacts were merged, divided or deleted: what was done counts for others, or not at all.
    is_history_changed: bool = False
    all_products: bool = False
    overflowed: bool = False
    number: int = 0

    def __bool__(self) -> bool:
        """Return whether there is anything to look at."""
        return bool(
            self.event_types
            or self.by_event_name
            or self.by_page_view
            or self.by_snapshot
            or self.by_cart
            or self.products
            or self.is_history_changed
            or self.overflowed
        )

    def act(self, row: EventRow | ActivityRow) -> None:
        """Take a row that became visible."""
        if isinstance(row, EventRow):
            key, who = ("events", row.event_type), self.by_event_type
            self.event_types.add(row.event_type)
            known = who.setdefault(row.event_type, set())
        elif row.kind == "event":
            key = ("ordinary_events", row.name)
            known = self.by_event_name.setdefault(row.name, set())
        elif row.kind == "page_view":
            key, known = ("page_views", ""), self.by_page_view
        else:
            return  # screens of apps are asked for by nothing
        at = Instant(round(row.occurred_at * 1000))
        earliest = self.earliest.get(key)
        if earliest is None or at < earliest:
            self.earliest[key] = at
        if row.contact_id:
            self._add(known, row.contact_id)

    def contacts(self, ids: Iterable[int], *, of_cart: bool = False) -> None:
        """Take contacts whose copies were made."""
        known = self.by_cart if of_cart else self.by_snapshot
        for contact_id in ids:
            self._add(known, contact_id)

    def _add(self, known: set[int], contact_id: int) -> None:
        if contact_id in known:
            return
        self.number += 1
        if self.number > MAX_REMEMBERED:
            self.overflowed = True
        else:
            known.add(contact_id)

    def by(self, interest: Interest) -> set[int]:
        """Return the contacts that did or became what an interest is in."""
        found: set[int] = set()
        for name in interest.event_types & self.by_event_type.keys():
            found |= self.by_event_type[name]
        if interest.activities:
            found = found.union(self.by_page_view, *self.by_event_name.values())
        for name in interest.event_names & self.by_event_name.keys():
            found |= self.by_event_name[name]
        if interest.page_views:
            found |= self.by_page_view
        if interest.carts:
            found |= self.by_cart
        # A copy is of the contact itself, or of one that was merged, divided or deleted.
        return found | self.by_snapshot

    def advance(self, watch: Watch, passing: Passing) -> None:
        """Note that a time to come may be earlier than the next one that was known."""
        if self.overflowed:
            passing.is_stale = True
        if watch.of == "carts":
            passing.is_stale |= bool(self.by_cart)
            return
        if watch.of == "attribute":
            changed = self.by_snapshot if watch.subject == "contact" else self.products
            passing.is_stale |= bool(changed)
            return
        names = watch.names or ("",)
        for name in names:
            at = self.earliest.get((watch.of, name))
            if at is not None:
                passing.next_at = _earlier(passing.next_at, Instant(at + watch.amount_ms))


def _earlier(known: Instant | None, other: Instant) -> Instant:
    return other if known is None else min(known, other)
