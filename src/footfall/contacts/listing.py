"""Lists of contacts: found and sorted in the warehouse, shown as the state store has them now.

The warehouse reads a hundred thousand contacts in the time that the state store reads a few
thousand; its copies are as old as a second. Who is deleted or merged meanwhile is left out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection

from footfall.attributes.filters import AttributeFilter
from footfall.contacts import queries
from footfall.contacts.lists import ListName, lists_of, member_ids
from footfall.contacts.opened import contact_of
from footfall.contacts.queries import Matching, SearchOrder
from footfall.contacts.types import Contact
from footfall.kernel.instants import DAY_MS, Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: Of a search; more are passed over.
MAX_WORDS: Final = 6
#: When each of so many did something last is read faster than who did anything of late.
FEW: Final = 2_000
#: In which a page of who was seen last is looked for before all of history is.
_LAST_DAYS: Final = (2, 32)
_MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ContactSearch:
    """Which contacts a list shows; None does not matter."""

    text: str | None = None
    tag: str | None = None
    filters: Sequence[AttributeFilter] = ()
    list_id: int | None = None
    segment_id: int | None = None
    order: SearchOrder = "id"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class FoundContact:
    """A contact of a list."""

    contact: Contact
    last_seen: Instant | None  #: of the last thing it did; None: nothing
    lists: list[ListName]


@dataclass(frozen=True, slots=True)
class FoundContacts:
    """A page of a list."""

    results: list[FoundContact]
    total: int  #: that were found in all
    next: tuple[int | str, int] | None  #: where the list goes on


def search_contacts(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    wanted: ContactSearch,
    *,
    past: tuple[int | str, int] | None,
    limit: int,
    now: Instant,
    few: int = FEW,
) -> FoundContacts:
    """Return up to `limit` living contacts in order, and where the list goes on.

    Args:
        few: Contacts whose acts are read one by one.

    Raises:
        NotFound: There is no such list.
    """
    matching = _matching(state, scope, wanted)
    search = _Search(state, warehouse, scope, wanted, matching, past, limit + 1)
    page = search.page_by_last_seen(now, few) if wanted.order == "last_seen" else search.page()
    rows = page.rows[:limit]
    following = rows[-1] if len(page.rows) > limit else None
    results = _shown(state, warehouse, scope, wanted, rows)
    return FoundContacts(results, page.total, following)


def find_contacts(
    state: State, warehouse: Warehouse, scope: Scope, text: str, limit: int
) -> list[Contact]:
    """Return the first `limit` living contacts of which `text` names a part, by id."""
    wanted = ContactSearch(text=text)
    matching = _matching(state, scope, wanted)
    search = _Search(state, warehouse, scope, wanted, matching, None, limit)
    ids = [row.id for row in search.page().rows]
    with state.read() as conn:
        found = _living(conn, scope, ids)
    return [found[contact_id] for contact_id in ids if contact_id in found]


def _matching(state: State, scope: Scope, wanted: ContactSearch) -> Matching:
    text = (wanted.text or "").strip()
    with state.read() as conn:
        exact = _named(conn, scope, text) if text else []
        members = None if wanted.list_id is None else member_ids(conn, scope, wanted.list_id)
    return Matching(
        text.split()[:MAX_WORDS], exact, wanted.tag, wanted.filters, members, wanted.segment_id
    )


class _Row(NamedTuple):
    """A contact and what it is sorted by."""

    key: int | str
    id: int


class _Page(NamedTuple):
    """Contacts in their order, and how many there are in all."""

    rows: list[_Row]
    total: int


@dataclass(frozen=True, slots=True)
class _Search:
    """One page that is looked for, and the ways to find it."""

    state: State
    warehouse: Warehouse
    scope: Scope
    wanted: ContactSearch
    matching: Matching
    past: tuple[int | str, int] | None
    limit: int

    def page(self, seen_since: Instant | None = None) -> _Page:
        """Return the page as the engine finds it, by what was done since then only."""
        rows = self.warehouse.rows(
            queries.search(
                self.scope,
                self.matching,
                order=self.wanted.order,
                descending=self.wanted.descending,
                past=self.past,
                limit=self.limit,
                seen_since=seen_since,
            )
        )
        total = int(rows[0][2]) if rows else 0
        return _Page([_Row(row[1], int(row[0])) for row in rows], total)

    def page_by_last_seen(self, now: Instant, few: int) -> _Page:
        """Return the same page by the acts of those who are found, or by those of the last days."""
        page = None if self.matching.is_everybody else self._page_of_few(few)
        if page is None and self.wanted.descending:
            page = self._page_of_late(now)
        return self.page() if page is None else page

    def _page_of_few(self, few: int) -> _Page | None:
        """Return the page if only a few are found; None: they are more."""
        found = self.warehouse.rows(queries.matching_ids(self.scope, self.matching, few + 1))
        if len(found) > few:
            return None
        ids = [int(row[0]) for row in found]
        seen = _last_seen(self.state, self.warehouse, self.scope, ids)
        sign = -1 if self.wanted.descending else 1
        ordered = sorted((sign * seen.get(one, 0), sign * one) for one in ids)
        start = 0
        if self.past is not None:
            start = bisect_right(ordered, (sign * int(self.past[0]), sign * self.past[1]))
        rows = [_Row(sign * key, sign * one) for key, one in ordered[start : start + self.limit]]
        return _Page(rows, len(ids) if rows else 0)

    def _page_of_late(self, now: Instant) -> _Page | None:
        """Return the page if it is full of contacts who did something in the last days.

        What these days hold sorts them right, and everybody else comes after them.
        """
        newest: int = now if self.past is None else min(now, int(self.past[0]))
        if newest <= 0:  # past all who ever did something
            return None
        for days in _LAST_DAYS:
            page = self.page(Instant(max(0, newest - days * DAY_MS)))
            if len(page.rows) == self.limit and int(page.rows[-1].key) > 0:
                return page
        return None


def _named(conn: Connection, scope: Scope, text: str) -> list[int]:
    """Return the contacts that have this very text as an identifier, or as our id."""
    found = {int(text)} if text.isascii() and text.isdecimal() and int(text) <= _MAX_ID else set()
    for kind in ("custom_id", "email", "key"):
        found |= {owner for _, owner in queries.identities(conn, scope, kind, [text])}
    return sorted(found)


def _shown(
    state: State, warehouse: Warehouse, scope: Scope, wanted: ContactSearch, rows: Sequence[_Row]
) -> list[FoundContact]:
    ids = [row.id for row in rows]
    if not ids:
        return []
    with state.read() as conn:
        found = _living(conn, scope, ids)
        lists = lists_of(conn, scope, ids)
    if wanted.order == "last_seen":
        seen = {row.id: int(row.key) for row in rows if row.key}
    else:
        seen = _last_seen(state, warehouse, scope, ids)
    return [
        FoundContact(
            found[contact_id],
            Instant(seen[contact_id]) if contact_id in seen else None,
            lists.get(contact_id, []),
        )
        for contact_id in ids
        if contact_id in found
    ]


def _last_seen(
    state: State, warehouse: Warehouse, scope: Scope, ids: Sequence[int]
) -> dict[int, int]:
    """Return when each of these contacts did something last; nothing of who never did."""
    if not ids:
        return {}
    with state.read() as conn:
        merged = [row.id for row in queries.merged_into(conn, scope, ids)]
    return dict(warehouse.rows(queries.last_seen(scope, [*ids, *merged])))


def _living(conn: Connection, scope: Scope, ids: Sequence[int]) -> dict[int, Contact]:
    found = [contact_of(row) for row in queries.by_id(conn, scope, ids)]
    return {one.id: one for one in found if one.merged_into is None and one.deleted_at is None}
