"""What others do with contacts, and what REST does with them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from footfall.attributes.api import load_definitions, written_values
from footfall.attributes.types import Revalue, SetAside
from footfall.contacts import queries
from footfall.contacts.book import ContactBook, IdentityKind
from footfall.contacts.cart import (
    CART_EVENTS,
    CART_MS,
    CartChange,
    CartItem,
    CartTotal,
    cart_totals,
    fold_cart,
)
from footfall.contacts.logic import Identifiers
from footfall.contacts.opened import OpenContact, contact_of
from footfall.contacts.queries import mark_all_dirty
from footfall.contacts.types import Contact, ContactName
from footfall.kernel.errors import Invalid, NotFound
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.workspaces.api import get_workspace

__all__ = [
    "CART_EVENTS",
    "CART_MS",
    "CartChange",
    "CartItem",
    "CartTotal",
    "ContactBook",
    "ContactKey",
    "ContactObjects",
    "Identifiers",
    "SavedContact",
    "cart_items",
    "cart_totals",
    "change_contact",
    "contact_ids",
    "contact_names",
    "count_contacts",
    "delete_contact",
    "find_contact",
    "forget_old_carts",
    "get_contact",
    "keep_cart_changes",
    "list_contacts",
    "mark_all_dirty",
    "put_contact",
    "put_contacts",
    "with_merged",
]

#: An internal id, or the shop's custom id.
ContactKey = ContactId | str
#: Of the values' origin; browsers and imports have others.
_SOURCE = "api"


@dataclass(frozen=True, slots=True)
class SavedContact:
    """A contact after a write."""

    contact: Contact
    created: bool
    set_aside: Sequence[SetAside]  #: values given that did not fit


def contact_names(conn: Connection, scope: Scope, ids: Collection[int]) -> dict[int, ContactName]:
    """Return how these contacts are called, by the id asked for.

    A merged contact is called like the one it was merged into; a deleted one is left out.
    """
    found = {row.id: row for row in queries.names(conn, scope, ids)}
    survivors = {row.merged_into for row in found.values() if row.merged_into is not None}
    survivors -= found.keys()
    found.update({row.id: row for row in queries.names(conn, scope, survivors)})
    names: dict[int, ContactName] = {}
    for contact_id in ids:
        row = found.get(contact_id)
        if row is not None and row.merged_into is not None:
            row = found.get(row.merged_into)
        if row is not None and row.deleted_at is None:
            names[contact_id] = ContactName(row.id, row.custom_id, row.email, row.key)
    return names


def contact_ids(conn: Connection, scope: Scope, custom_id: str) -> list[int]:
    """Return every id that stands for the contact with this custom id, merged ones too."""
    owners = queries.identities(conn, scope, "custom_id", [custom_id])
    return with_merged(conn, scope, owners[0][1]) if owners else []


def with_merged(conn: Connection, scope: Scope, contact_id: int) -> list[int]:
    """Return `contact_id`, after following its merge, and every contact merged into it."""
    row = next(iter(queries.names(conn, scope, [contact_id])), None)
    if row is None:
        return []
    survivor = contact_id if row.merged_into is None else int(row.merged_into)
    return [survivor, *(merged.id for merged in queries.merged_into(conn, scope, [survivor]))]


def get_contact(conn: Connection, scope: Scope, key: ContactKey) -> Contact:
    """Return one contact; for a merged one, the one it was merged into.

    Raises:
        NotFound: There is none, or it is deleted.
    """
    contact = (
        find_contact(conn, scope, "custom_id", key)
        if isinstance(key, str)
        else _living(conn, scope, key)
    )
    if contact is None:
        raise _not_found()
    return contact


def find_contact(conn: Connection, scope: Scope, kind: IdentityKind, value: str) -> Contact | None:
    """Return the contact that has this identifier, or None."""
    owners = queries.identities(conn, scope, kind, [value])
    return _living(conn, scope, owners[0][1]) if owners else None


def list_contacts(
    conn: Connection,
    scope: Scope,
    *,
    past_id: int = 0,
    backward: bool = False,
    limit: int,
    email: str | None = None,
    phone_number: str | None = None,
) -> list[Contact]:
    """Return up to `limit` living contacts past `past_id`, or before it if `backward`, by id.

    Args:
        email: Only those whose present address this is.
        phone_number: Only those whose present number this is.
    """
    rows = queries.page(
        conn,
        scope,
        past_id=past_id,
        backward=backward,
        limit=limit,
        email=email,
        phone_number=phone_number,
    )
    return [contact_of(row) for row in rows]


def count_contacts(
    conn: Connection, scope: Scope, *, email: str | None = None, phone_number: str | None = None
) -> int:
    """Return how many living contacts there are, as `list_contacts` chooses them."""
    return queries.count(conn, scope, email=email, phone_number=phone_number)


def put_contact(
    conn: Connection,
    scope: Scope,
    identifiers: Identifiers,
    values: Mapping[str, Any],
    *,
    clears: bool = False,
    adds_tags: bool = False,
    now: Instant,
    position: int,
) -> SavedContact:
    """Create the contact, or update the one that the identifiers name, by the rules of events.

    Without identifiers a contact is created that only its id names.

    Args:
        values: Attributes by name as sent. What is missing stays.
        clears: Whether `null` clears a value; else it is passed over (decision 7).
        adds_tags: Whether tags are only ever added.
        position: The journal's head, which decides between values of one time (decision 2).
    """
    book = _book(conn, scope, identifiers, now=now)
    contact = book.resolve(
        contact_id=None,
        custom_id=identifiers.custom_id,
        email=identifiers.email,
        key=identifiers.key,
        position=position,
    )
    if contact is None:
        contact = book.create()
    return _write(book, contact, identifiers, values, clears, adds_tags, now, position)


def put_contacts(
    conn: Connection,
    scope: Scope,
    rows: Sequence[tuple[Identifiers, Mapping[str, Any]]],
    *,
    source: str,
    now: Instant,
    position: int,
) -> list[Sequence[SetAside]]:
    """Do what `put_contact` does for many at once; return of each row the values that did not fit.

    Args:
        rows: Each names somebody. The last word on a contact counts.
        source: Of the values.
    """
    named = [identifiers for identifiers, _ in rows]
    book = ContactBook(
        conn,
        scope,
        load_definitions(conn, scope, "contact"),
        custom_ids={one.custom_id for one in named if one.custom_id is not None},
        emails={one.email for one in named if one.email is not None},
        keys={one.key for one in named if one.key is not None},
        now=now,
        zone=ZoneInfo(get_workspace(conn, scope.workspace_id).time_zone),
    )
    set_aside: list[Sequence[SetAside]] = []
    for identifiers, values in rows:
        contact = book.resolve(
            contact_id=None,
            custom_id=identifiers.custom_id,
            email=identifiers.email,
            key=identifiers.key,
            position=position,
        )
        assert contact is not None  # each row names somebody
        before = len(book.set_aside)
        _say(book, contact, identifiers, values, source, now, position)
        set_aside.append(book.set_aside[before:])
    book.save()
    return set_aside


def change_contact(
    conn: Connection,
    scope: Scope,
    key: ContactKey,
    identifiers: Identifiers,
    values: Mapping[str, Any],
    *,
    clears: bool = True,
    adds_tags: bool = False,
    now: Instant,
    position: int,
) -> SavedContact:
    """Update a contact; see `put_contact`. Identifiers that are given take the old ones' place.

    Raises:
        NotFound: There is none, or it is deleted.
        Invalid: The custom id is another contact's.
    """
    book, contact = _opened(conn, scope, key, identifiers, now)
    custom_id = identifiers.custom_id
    if custom_id is not None and custom_id != contact.custom_id:
        if book.owner("custom_id", custom_id) is not None:
            raise Invalid.at("/custom_id", "custom_id_taken", "Another contact has this custom id.")
        if contact.custom_id is not None:
            book.disown("custom_id", contact.custom_id, contact)
        contact.custom_id = custom_id
        book.own("custom_id", custom_id, contact)
        contact.changed()
    _change_email(book, contact, identifiers, clears)
    if identifiers.key is not None:
        book.own("key", identifiers.key, contact)
    return _write(book, contact, identifiers, values, clears, adds_tags, now, position)


def delete_contact(conn: Connection, scope: Scope, key: ContactKey, *, now: Instant) -> None:
    """Blank a contact with all merged into it; their events leave soon after (decision 22).

    Events accepted before must have been projected, or they would bring identifiers back.

    Raises:
        NotFound: There is none, or it is deleted already.
    """
    book, contact = _opened(conn, scope, key, Identifiers(), now)
    gone = book.delete(contact)
    book.save()
    queries.erase(conn, scope, gone, now)


def keep_cart_changes(
    conn: Connection,
    scope: Scope,
    changes: Sequence[tuple[int, CartChange]],
    *,
    only_living: bool = False,
) -> None:
    """Keep what events did to carts, by the contact each was given to; a repeat adds nothing.

    Args:
        only_living: Whether some of the contacts may be deleted by now; theirs are left out.
    """
    if only_living:
        living = set(queries.living_ids(conn, scope, {contact_id for contact_id, _ in changes}))
        changes = [change for change in changes if change[0] in living]
    queries.add_cart_changes(conn, scope, changes)


def cart_items(conn: Connection, scope: Scope, contact_id: int, now: Instant) -> list[CartItem]:
    """Return what lies in the cart of a contact and of all merged into it, the oldest first."""
    ids = with_merged(conn, scope, contact_id)
    return fold_cart(queries.latest_cart_changes(conn, scope, ids, now - CART_MS))


def forget_old_carts(conn: Connection, now: Instant) -> None:
    """Delete what is too old to count in a cart, in every workspace."""
    queries.forget_cart_changes(conn, now - CART_MS)


class ContactObjects:
    """Contacts, as far as a change of an attribute has to know them."""

    def count(self, conn: Connection, scope: Scope) -> int:
        """See `Objects`."""
        return queries.count_all(conn, scope)

    def ids_past(self, conn: Connection, scope: Scope, after_id: int, limit: int) -> list[int]:
        """See `Objects`."""
        return queries.ids_past(conn, scope, after_id, limit)

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
        """See `Objects`; those that live."""
        book = _book(conn, scope, Identifiers(), ids=ids, now=now)
        book.revalue(revalue, ids)
        if save:
            book.save()

    def custom_ids(
        self, conn: Connection, scope: Scope, ids: Collection[int]
    ) -> Mapping[int, str | None]:
        """See `Objects`."""
        return {i: name.custom_id for i, name in contact_names(conn, scope, ids).items()}


def _not_found() -> NotFound:
    return NotFound("There is no such contact.", code="contact_not_found")


def _living(conn: Connection, scope: Scope, contact_id: int) -> Contact | None:
    contact = _stored(conn, scope, contact_id)
    if contact is not None and contact.merged_into is not None:
        contact = _stored(conn, scope, contact.merged_into)
    return None if contact is None or contact.deleted_at is not None else contact


def _stored(conn: Connection, scope: Scope, contact_id: int) -> Contact | None:
    rows = queries.by_id(conn, scope, [contact_id])
    return contact_of(rows[0]) if rows else None


def _book(
    conn: Connection,
    scope: Scope,
    identifiers: Identifiers,
    *,
    ids: Collection[int] = (),
    now: Instant,
) -> ContactBook:
    return ContactBook(
        conn,
        scope,
        load_definitions(conn, scope, "contact"),
        ids=ids,
        custom_ids=[] if identifiers.custom_id is None else [identifiers.custom_id],
        emails=[] if identifiers.email is None else [identifiers.email],
        keys=[] if identifiers.key is None else [identifiers.key],
        now=now,
        zone=ZoneInfo(get_workspace(conn, scope.workspace_id).time_zone),
    )


def _opened(
    conn: Connection, scope: Scope, key: ContactKey, identifiers: Identifiers, now: Instant
) -> tuple[ContactBook, OpenContact]:
    contact_id = get_contact(conn, scope, key).id
    book = _book(conn, scope, identifiers, ids=[contact_id], now=now)
    contact = book.by_id(contact_id)
    assert contact is not None  # the writer is alone: what lived a moment ago still does
    return book, contact


def _change_email(
    book: ContactBook, contact: OpenContact, identifiers: Identifiers, clears: bool
) -> None:
    """Let go of the old address where another or none takes its place; own the new one if free."""
    before = contact.text("email")
    gone = identifiers.clears_email and clears
    if before is not None and (gone or (identifiers.email not in {None, before})):
        book.disown("email", before, contact)
    if identifiers.email is not None and book.owner("email", identifiers.email) is None:
        book.own("email", identifiers.email, contact)


def _write(
    book: ContactBook,
    contact: OpenContact,
    identifiers: Identifiers,
    values: Mapping[str, Any],
    clears: bool,
    adds_tags: bool,
    now: Instant,
    position: int,
) -> SavedContact:
    created = contact.is_new
    written = written_values(
        values, contact.profile, without=(), clears=clears, adds_tags=adds_tags
    )
    if identifiers.clears_email and clears:
        written["email"] = None
    _say(book, contact, identifiers, written, _SOURCE, now, position)
    book.save()
    return SavedContact(contact.as_contact(), created, book.set_aside)


def _say(
    book: ContactBook,
    contact: OpenContact,
    identifiers: Identifiers,
    values: Mapping[str, Any],
    source: str,
    now: Instant,
    position: int,
) -> None:
    """Give `contact` values and what it is known by, as a write of the profile."""
    book.apply(contact, values, occurred_at=now, position=position, source=source)
    book.identify(
        contact,
        email=identifiers.email,
        key=identifiers.key,
        occurred_at=now,
        position=position,
        source=source,
        wins_ties=True,
    )
