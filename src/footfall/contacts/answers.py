"""Contacts as our API shows them."""

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace
from sqlalchemy import Connection

from footfall.attributes.api import Definitions, SetAsideAnswer
from footfall.contacts.listing import FoundContact
from footfall.contacts.lists import lists_of
from footfall.contacts.types import KEY_CELL, Contact
from footfall.kernel.instants import Instant, to_iso
from footfall.kernel.scope import Scope

#: Kept with the attributes, but shown and written beside them in our API.
IDENTIFIERS: Final = frozenset({"email", KEY_CELL})


class ListAnswer(Struct, frozen=True):
    """A list that a contact is on."""

    id: int
    name: str


class ContactAnswer(Struct, frozen=True):
    """A contact."""

    id: int
    custom_id: str | None
    email: str | None
    key: str | None  #: the visitor key seen last
    phone_number: str | None
    attributes: dict[str, Any]
    created_at: str
    updated_at: str
    #: When it did something last: where contacts are searched or sorted.
    last_seen: str | UnsetType | None = UNSET
    #: It is on these; there, and where it is read alone.
    lists: list[ListAnswer] | UnsetType = UNSET
    #: After a write: values that did not fit their attribute's type and were set aside.
    set_aside: list[SetAsideAnswer] | UnsetType = UNSET


def shown_contact(
    contact: Contact, set_aside: list[SetAsideAnswer] | UnsetType = UNSET
) -> ContactAnswer:
    """Return a contact as our API shows it."""
    return ContactAnswer(
        contact.id,
        contact.custom_id,
        contact.email,
        contact.key,
        contact.phone_number,
        {
            name: cell.value
            for name, cell in contact.profile.items()
            if cell.value is not None and name not in IDENTIFIERS
        },
        to_iso(contact.created_at),
        to_iso(contact.updated_at),
        set_aside=set_aside,
    )


def shown_lists(conn: Connection, scope: Scope, contact_id: int) -> list[ListAnswer]:
    """Return the lists that a contact is on."""
    return [ListAnswer(*one) for one in lists_of(conn, scope, [contact_id])[contact_id]]


def shown_found(found: FoundContact) -> ContactAnswer:
    """Return a contact of a list that was searched."""
    return replace(
        shown_contact(found.contact),
        last_seen=None if found.last_seen is None else to_iso(found.last_seen),
        lists=[ListAnswer(*one) for one in found.lists],
    )


class ContactValue(Struct, frozen=True):
    """One attribute of a contact."""

    name: str
    name_std: str
    value_type: str
    value: Any
    source: str  #: who said it
    said_at: str


class ContactValues(Struct, frozen=True):
    """Every attribute that a contact has or had a value of."""

    results: list[ContactValue]


def shown_values(contact: Contact, definitions: Definitions) -> ContactValues:
    """Return the values of a contact in the order of the definitions."""
    return ContactValues(
        [
            ContactValue(
                definition.name,
                definition.name_std,
                definition.value_type,
                cell.value,
                cell.source,
                to_iso(Instant(cell.occurred_at)),
            )
            for definition in definitions.all()
            if (cell := contact.profile.get(definition.name_std)) is not None
        ]
    )
