"""Values of contacts that cross the door."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from footfall.attributes.types import Profile
from footfall.kernel.errors import UserError
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import Instant

#: The cell that remembers the visitor key seen last; no attribute, so it is on no list of them.
KEY_CELL = "user_key"


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as known now."""

    id: ContactId
    custom_id: str | None
    key: str | None  #: the visitor key seen last
    email: str | None
    phone_number: str | None
    profile: Profile
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None
    merged_into: ContactId | None
    revision: int


class ContactName(Struct, frozen=True, gc=False):
    """What a list of events shows of a contact; goes on the wire as it is."""

    id: int
    custom_id: str | None
    email: str | None
    key: str | None


@dataclass(frozen=True, slots=True)
class Merge:
    """One contact that was merged into another."""

    id: int
    merged: ContactName  #: as it was called then
    survivor_id: int
    cause: str  #: event, request
    merged_at: Instant
    undone_at: Instant | None


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would do."""

    merged: Contact
    survivor: Contact
    custom_id: str | None  #: of the survivor afterwards
    changes: Sequence[tuple[str, Any, Any]]  #: name, value before and after, of the survivor
    kept: Sequence[str]  #: attributes of both where the survivor's value stays
    identities: Sequence[tuple[str, str]]  #: kind and value, which name the survivor afterwards
    followers: int  #: contacts that had been merged into the merged one


class Unplaceable(UserError):
    """The event names a contact that does not exist, or two that disagree."""

    code = "contact_not_found"
