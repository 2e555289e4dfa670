"""What others do with contacts, and what REST does with them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from footfall.attributes.api import load_definitions, merge_profiles, written_values
from footfall.attributes.types import Profile, Revalue, SetAside
from footfall.contacts import cart_queries, queries
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
from footfall.contacts.cart_queries import mark_all_carts_dirty
from footfall.contacts.list_queries import lists_by_contact
from footfall.contacts.logic import Identifiers
from footfall.contacts.merging import changed_values, followers, packed, unpacked, without
from footfall.contacts.opened import OpenContact, contact_of
from footfall.contacts.queries import mark_all_dirty
from footfall.contacts.types import KEY_CELL, Contact, ContactName, Merge, MergePreview
from footfall.contacts.writing import put_contacts, say
from footfall.kernel.errors import Conflict, Invalid, NotFound
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
    "carts_to_copy",
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
    "list_merges",
    "lists_by_contact",
    "mark_all_carts_dirty",
    "mark_all_dirty",
    "merge_contacts",
    "preview_merge",
    "put_contact",
    "put_contacts",
    "undo_merge",
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


def merge_groups(
    conn: Connection, scope: Scope, ids: Collection[int]
) -> tuple[set[int], list[int]]:
    """Return (`ids` and those they were merged into, every contact merged into one of these)."""
    rows = queries.names(conn, scope, ids)
    whole = {*ids, *(int(row.merged_into) for row in rows if row.merged_into is not None)}
    return whole, [row.id for row in queries.merged_into(conn, scope, whole)]


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
    owner = None if custom_id is None else book.owner("custom_id", custom_id)
    if custom_id is not None and owner is not contact:
        if owner is not None:
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


def preview_merge(
    conn: Connection, scope: Scope, key: ContactKey, into: ContactKey
) -> MergePreview:
    """Return what merging one contact into another would do; nothing is done.

    Raises:
        NotFound: One of them is not there.
        Invalid: They are one contact.
    """
    merged, survivor = _pair(conn, scope, key, into)
    profile = merge_profiles(survivor.profile, merged.profile)
    return MergePreview(
        merged=merged,
        survivor=survivor,
        custom_id=survivor.custom_id or merged.custom_id,
        changes=changed_values(survivor.profile, merged.profile),
        kept=sorted(
            name
            for name, cell in merged.profile.items()
            if name in profile and profile[name] != cell and name != KEY_CELL
        ),
        identities=[
            (kind, value) for kind, value, _ in queries.identities_of(conn, scope, [merged.id])
        ],
        followers=len(queries.merged_into(conn, scope, [merged.id])),
    )


def merge_contacts(
    conn: Connection,
    scope: Scope,
    key: ContactKey,
    into: ContactKey,
    *,
    now: Instant,
    position: int,
) -> tuple[Merge, Contact]:
    """Merge one contact into another, which keeps its custom id; return it with the merge.

    Raises:
        NotFound: One of them is not there.
        Invalid: They are one contact.
    """
    pair = _pair(conn, scope, key, into)
    book = _book(conn, scope, Identifiers(), ids=[contact.id for contact in pair], now=now)
    merged, survivor = (book.by_id(contact.id) for contact in pair)
    assert merged is not None  # the writer is alone
    assert survivor is not None
    book.merge(merged, survivor, position, cause="request")
    book.save()
    done = next(merge for merge in _merges(conn, scope, [merged.id]) if merge.undone_at is None)
    return done, survivor.as_contact()


def undo_merge(
    conn: Connection, scope: Scope, merge_id: int, *, now: Instant
) -> tuple[Contact, Contact]:
    """Take a merge back, whoever made it; return the contact that lives again, and the survivor.

    Raises:
        NotFound: There is no such merge.
        Conflict: It is undone already, or its survivor was merged into another one since.
    """
    row = queries.merge_by_id(conn, scope, merge_id)
    if row is None:
        raise NotFound("There is no such merge.", code="merge_not_found")
    if row.undone_at is not None:
        raise Conflict("This merge is undone already.", code="merge_undone")
    standing = {
        other.id: other
        for other in queries.merges_of(conn, scope, with_merged(conn, scope, int(row.survivor_id)))
        if other.undone_at is None
    }
    later = [other for other in standing.values() if other.merged_id == row.survivor_id]
    if later:
        raise Conflict(
            f"The contact it was merged into was merged itself. Undo merge {later[0].id} first.",
            code="merged_since",
        )
    before = unpacked(row.before)
    after = sorted(
        (o for o in standing.values() if o.survivor_id == row.survivor_id and o.id > row.id),
        key=lambda other: other.id,
    )
    book = _book(conn, scope, Identifiers(), ids=[row.survivor_id, row.merged_id], now=now)
    survivor = book.by_id(row.survivor_id)
    assert survivor is not None  # a deleted one has no merges
    others: list[Profile] = []
    rewritten: dict[int, str] = {}
    for other in after:
        then = unpacked(other.before)
        then.survivor = without(then.survivor, before, others)
        rewritten[other.id] = packed(then)
        others.append(then.merged)
    pairs = [(other.merged_id, other.survivor_id) for other in standing.values()]
    merged = book.take_apart(
        row.merged_id,
        survivor,
        before,
        others=others,
        followers=followers(row.merged_id, pairs),
    )
    book.save()
    queries.close_merge(conn, scope, merge_id, now, rewritten)
    return merged.as_contact(), survivor.as_contact()


def list_merges(conn: Connection, scope: Scope, key: ContactKey) -> list[Merge]:
    """Return the merges of a contact and of those merged into it, the newest first.

    Raises:
        NotFound: There is no such contact.
    """
    found = get_contact(conn, scope, key)
    return _merges(conn, scope, with_merged(conn, scope, found.id))


def _merges(conn: Connection, scope: Scope, ids: Collection[int]) -> list[Merge]:
    rows = queries.merges_of(conn, scope, ids)
    own_names = {row.id: row for row in queries.names(conn, scope, {row.merged_id for row in rows})}
    merges: list[Merge] = []
    for row in rows:
        known = own_names.get(row.merged_id)
        before = unpacked(row.before).merged
        email, visitor = before.get("email"), before.get(KEY_CELL)
        merges.append(
            Merge(
                row.id,
                ContactName(
                    row.merged_id,
                    None if known is None else known.custom_id,
                    None if email is None else email.value,
                    None if visitor is None else visitor.value,
                ),
                row.survivor_id,
                row.cause,
                Instant(row.merged_at),
                None if row.undone_at is None else Instant(row.undone_at),
            )
        )
    return merges


def _pair(
    conn: Connection, scope: Scope, key: ContactKey, into: ContactKey
) -> tuple[Contact, Contact]:
    merged, survivor = get_contact(conn, scope, key), get_contact(conn, scope, into)
    if merged.id == survivor.id:
        raise Invalid.at("/into", "same_contact", "These are one contact already.")
    return merged, survivor


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
    if changes:
        cart_queries.add_cart_changes(conn, scope, changes)
        cart_queries.mark_carts_dirty(conn, {contact_id for contact_id, _ in changes})


def cart_items(conn: Connection, scope: Scope, contact_id: int, now: Instant) -> list[CartItem]:
    """Return what lies in the cart of a contact and of all merged into it, the oldest first."""
    ids = with_merged(conn, scope, contact_id)
    return fold_cart(cart_queries.latest_cart_changes(conn, scope, ids, now - CART_MS))


def carts_to_copy(
    conn: Connection, now: Instant, limit: int
) -> list[tuple[int, int, int, list[CartItem]]]:
    """Return up to `limit` carts whose copy is old: workspace, contact, dirty revision, items.

    The cart of a contact that is merged or deleted is empty.
    """
    dirty = cart_queries.dirty_carts(conn, limit)
    living = [contact_id for _, contact_id, _, gone in dirty if not gone]
    changes: dict[int, list[CartChange]] = {}
    for owner, change in cart_queries.cart_changes_of(conn, living, now - CART_MS):
        changes.setdefault(owner, []).append(change)
    return [
        (workspace_id, contact_id, revision, fold_cart(changes.get(contact_id, ())))
        for workspace_id, contact_id, revision, _ in dirty
    ]


def forget_old_carts(conn: Connection, now: Instant) -> None:
    """Delete what is too old to count in a cart, in every workspace."""
    cart_queries.forget_cart_changes(conn, now - CART_MS)


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
    say(book, contact, identifiers, written, _SOURCE, now, position)
    book.save()
    return SavedContact(contact.as_contact(), created, book.set_aside)
