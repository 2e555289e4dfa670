"""Contacts as our API shows them."""

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from footfall.attributes.api import SetAsideAnswer
from footfall.contacts.types import KEY_CELL, Contact
from footfall.kernel.instants import to_iso

#: Kept with the attributes, but shown and written beside them in our API.
IDENTIFIERS: Final = frozenset({"email", KEY_CELL})


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
        set_aside,
    )
