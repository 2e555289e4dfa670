"""What people do to contacts, in the audit log.

The log outlives a contact that is erased: it says which attributes were changed, not to what.
"""

from sqlalchemy import Connection

from footfall.attributes.types import Profile
from footfall.contacts.api import ContactKey, find_contact, get_contact
from footfall.contacts.book import IdentityKind
from footfall.contacts.logic import Identifiers
from footfall.contacts.types import Contact
from footfall.http.services import Call
from footfall.kernel.errors import NotFound
from footfall.kernel.instants import Instant
from footfall.workspaces.api import record_change


def known_before(conn: Connection, call: Call, key: ContactKey) -> Contact | None:
    """Return the contact that a person is about to write, None if there is none or it is a machine.

    What people do is recorded; machines write millions.
    """
    if call.access.actor.kind != "user":
        return None
    try:
        return get_contact(conn, call.scope, key)
    except NotFound:
        return None


def named_before(conn: Connection, call: Call, named: Identifiers) -> Contact | None:
    """Return whom the identifiers name as `known_before` does; the custom id goes first."""
    if call.access.actor.kind != "user":
        return None
    kinds: tuple[IdentityKind, ...] = ("custom_id", "email", "key")
    for kind, value in zip(kinds, (named.custom_id, named.email, named.key), strict=True):
        found = None if value is None else find_contact(conn, call.scope, kind, value)
        if found is not None:
            return found
    return None


def record_contact(
    conn: Connection, call: Call, now: Instant, contact: Contact, before: Contact | None
) -> None:
    """Write down that a person created or changed `contact`."""
    if call.access.actor.kind != "user":
        return
    known: Profile = {} if before is None else before.profile
    changed = sorted(
        name
        for name in {*known, *contact.profile}
        if _value(known, name) != _value(contact.profile, name)
    )
    record_change(
        conn,
        call.access,
        now,
        action="contact.created" if before is None else "contact.changed",
        object_kind="contact",
        object_id=str(contact.id),
        before=None if before is None else {"changed": []},
        after={"changed": changed},
    )


def _value(profile: Profile, name: str) -> object:
    cell = profile.get(name)
    return None if cell is None else cell.value


def record_deletion(conn: Connection, call: Call, now: Instant, gone: Contact | None) -> None:
    """Write down that a person erased `gone`; nothing for None, what machines erase."""
    if gone is not None:
        record_change(
            conn,
            call.access,
            now,
            action="contact.deleted",
            object_kind="contact",
            object_id=str(gone.id),
            before={"id": gone.id},
            after=None,
        )
