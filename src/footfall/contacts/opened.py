"""A contact as one transaction changes it, and what may be said of it without proof."""

from collections.abc import Sequence
from typing import Any

from footfall.attributes.api import OpenObject
from footfall.attributes.types import BROWSER
from footfall.contacts.types import KEY_CELL, Contact
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import Instant


class OpenContact(OpenObject):
    """A contact under change; made by ContactBook only."""

    __slots__ = ("custom_id", "merged_into")

    def __init__(
        self,
        contact_id: int,
        custom_id: str | None,
        profile_text: str | None,
        merged_into: int | None,
        created_at: int,
        updated_at: int,
        deleted_at: int | None,
        revision: int,
    ) -> None:
        super().__init__(contact_id, profile_text, created_at, updated_at, deleted_at, revision)
        self.custom_id = custom_id
        self.merged_into = merged_into

    def text(self, name_std: str) -> str | None:
        """Return the current value of a text attribute."""
        cell = self.profile.get(name_std)
        return None if cell is None or cell.value is None else str(cell.value)

    def as_contact(self) -> Contact:
        """Return the contact as it stands now."""
        return Contact(
            ContactId(self.id),
            self.custom_id,
            self.text(KEY_CELL),
            self.text("email"),
            self.text("phone_number"),
            self.profile,
            Instant(self.created_at),
            Instant(self.updated_at),
            None if self.deleted_at is None else Instant(self.deleted_at),
            None if self.merged_into is None else ContactId(self.merged_into),
            self.revision,
        )


def contact_of(row: Sequence[Any]) -> Contact:
    """Return the contact in a row of `queries.OPEN_COLUMNS`."""
    return OpenContact(*row).as_contact()


def may_say(contact: OpenContact, name: str, value: str) -> bool:
    """Return whether an unsigned `value` contradicts nothing that is known."""
    cell = contact.profile.get(name)
    if cell is None or (cell.value is None and cell.source == BROWSER):
        return True
    known: bool = cell.value == value
    return known  # None was said by somebody better: there is to be none


def differ(one: OpenContact, other: OpenContact) -> bool:
    """Return whether two contacts have different addresses or numbers."""
    for name in ("email", "phone_number"):
        known = {one.text(name), other.text(name)} - {None}
        if len(known) > 1:
            return True
    return False
