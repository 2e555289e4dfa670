"""Lists of contacts: found and sorted in the warehouse, shown as the state store has them now.

The warehouse reads a hundred thousand contacts in the time that the state store reads a few
thousand; its copies are as old as a second. Who is deleted or merged meanwhile is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from footfall.attributes.filters import AttributeFilter
from footfall.contacts import queries
from footfall.contacts.lists import ListName, lists_of, member_ids
from footfall.contacts.opened import contact_of
from footfall.contacts.queries import SearchOrder
from footfall.contacts.types import Contact
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: Of a search; more are passed over.
MAX_WORDS: Final = 6
_MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ContactSearch:
    """Which contacts a list shows; None does not matter."""

    text: str | None = None
    tag: str | None = None
    filters: Sequence[AttributeFilter] = ()
    list_id: int | None = None
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
) -> FoundContacts:
    """Return up to `limit` living contacts in order, and where the list goes on.

    Raises:
        NotFound: There is no such list.
    """
    text = (wanted.text or "").strip()
    with state.read() as conn:
        exact = _named(conn, scope, text) if text else []
        members = None if wanted.list_id is None else member_ids(conn, scope, wanted.list_id)
    rows = warehouse.rows(
        queries.search(
            scope,
            words=text.split()[:MAX_WORDS],
            exact=exact,
            tag=wanted.tag,
            filters=wanted.filters,
            members=members,
            order=wanted.order,
            descending=wanted.descending,
            past=past,
            limit=limit + 1,
        )
    )
    more = len(rows) > limit
    del rows[limit:]
    results = _shown(state, warehouse, scope, [int(row[0]) for row in rows])
    total = int(rows[0][2]) if rows else 0
    return FoundContacts(results, total, (rows[-1][1], int(rows[-1][0])) if more else None)


def _named(conn: Connection, scope: Scope, text: str) -> list[int]:
    """Return the contacts that have this very text as an identifier, or as our id."""
    found = {int(text)} if text.isascii() and text.isdecimal() and int(text) <= _MAX_ID else set()
    for kind in ("custom_id", "email", "key"):
        found |= {owner for _, owner in queries.identities(conn, scope, kind, [text])}
    return sorted(found)


def _shown(state: State, warehouse: Warehouse, scope: Scope, ids: list[int]) -> list[FoundContact]:
    if not ids:
        return []
    with state.read() as conn:
        found = {row[0]: contact_of(row) for row in queries.by_id(conn, scope, ids)}
        merged = [row.id for row in queries.merged_into(conn, scope, ids)]
        lists = lists_of(conn, scope, ids)
    seen = dict(warehouse.rows(queries.last_seen(scope, [*ids, *merged])))
    return [
        FoundContact(
            contact,
            Instant(seen[contact_id]) if contact_id in seen else None,
            lists.get(contact_id, []),
        )
        for contact_id in ids
        if (contact := found.get(contact_id)) is not None
        and contact.merged_into is None
        and contact.deleted_at is None
    ]
