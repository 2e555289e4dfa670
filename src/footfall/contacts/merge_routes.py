"""HTTP of merges of contacts: what one would do, doing and undoing it."""

from typing import Any, Final

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, Struct, UnsetType

from footfall.contacts import api
from footfall.contacts.answers import ContactAnswer, shown_contact
from footfall.contacts.types import KEY_CELL, ContactName, Merge
from footfall.http.edge import decoded_segment, record_id
from footfall.http.paging import check_parameters
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import to_iso
from footfall.workspaces.api import record_change

_TAGS: Final = ["contacts"]


class MergeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a contact becomes part of."""

    into: int  #: our id


class ValueChange(Struct, frozen=True):
    """What becomes of one attribute of the survivor."""

    name: str
    before: Any
    after: Any


class MovedIdentifier(Struct, frozen=True):
    """What names the survivor after a merge."""

    kind: str  #: custom_id, email, key
    value: str


class MergeAnswer(Struct, frozen=True):
    """One contact that was merged into another."""

    id: int
    merged: ContactName  #: as it was called before
    survivor_id: int
    cause: str  #: event: one named both; request
    merged_at: str
    undone_at: str | None


class MergeOutcome(Struct, frozen=True, kw_only=True):
    """What a merge did, or would do."""

    merge: MergeAnswer | None  #: None in a preview
    contact: ContactAnswer  #: the survivor; in a preview as it is now
    # Of a preview only:
    merged: ContactAnswer | UnsetType = UNSET
    custom_id: str | UnsetType | None = UNSET  #: the survivor's afterwards
    changes: list[ValueChange] | UnsetType = UNSET
    #: Attributes that both have, where the survivor's value is the later one.
    kept: list[str] | UnsetType = UNSET
    identifiers: list[MovedIdentifier] | UnsetType = UNSET
    brings: int | UnsetType = UNSET  #: contacts that had been merged into the merged one


class MergeList(Struct, frozen=True):
    """The merges of a contact, the newest first."""

    results: list[MergeAnswer]


class UndoneMerge(Struct, frozen=True):
    """Two contacts again."""

    contact: ContactAnswer  #: the one that had been merged
    survivor: ContactAnswer


@post(
    "/api/v1/contacts/by-id/{contact_id:str}/merge",
    status_code=200,
    summary="Merge a contact into another",
    tags=_TAGS,
)
@in_thread
def merge_own_contact(
    call: TheCall,
    contact_id: FromPath[str],
    data: JSONBody[MergeBody],
    preview: FromQuery[bool] = False,
) -> MergeOutcome:
    """Have one contact become part of another, or with `preview=true` say what that would do."""
    merged, into = ContactId(record_id(contact_id)), ContactId(data.into)
    if preview:
        return _preview(call, merged, into)
    with call.write() as (conn, receipt):
        merge, survivor = api.merge_contacts(
            conn, call.scope, merged, into, now=receipt.now, position=receipt.position
        )
        record_change(
            conn,
            call.access,
            receipt.now,
            action="contact.merged",
            object_kind="contact",
            object_id=str(survivor.id),
            object_name=survivor.custom_id or survivor.email,
            before=None,
            after={"merge_id": merge.id, "merged_id": merge.merged.id},
        )
    return MergeOutcome(merge=_shown(merge), contact=shown_contact(survivor))


def _preview(call: Call, merged: ContactId, into: ContactId) -> MergeOutcome:
    with call.read() as conn:
        found = api.preview_merge(conn, call.scope, merged, into)
    return MergeOutcome(
        merge=None,
        contact=shown_contact(found.survivor),
        merged=shown_contact(found.merged),
        custom_id=found.custom_id,
        changes=[ValueChange(*change) for change in found.changes if change[0] != KEY_CELL],
        kept=list(found.kept),
        identifiers=[MovedIdentifier(*identity) for identity in found.identities],
        brings=found.followers,
    )


@post(
    "/api/v1/contacts/merges/{merge_id:str}/undo",
    status_code=200,
    summary="Undo a merge",
    tags=_TAGS,
)
@in_thread
def undo_own_merge(call: TheCall, merge_id: FromPath[str]) -> UndoneMerge:
    """Make two contacts of one again, whether an event or a request had merged them."""
    number = record_id(merge_id)
    with call.write() as (conn, receipt):
        contact, survivor = api.undo_merge(conn, call.scope, number, now=receipt.now)
        record_change(
            conn,
            call.access,
            receipt.now,
            action="contact.unmerged",
            object_kind="contact",
            object_id=str(survivor.id),
            object_name=survivor.custom_id or survivor.email,
            before={"merge_id": number, "merged_id": contact.id},
            after=None,
        )
    return UndoneMerge(shown_contact(contact), shown_contact(survivor))


@get(
    "/api/v1/contacts/{custom_id:str}/merges",
    summary="List the merges of a contact",
    tags=_TAGS,
)
@in_thread
def list_own_merges(call: TheCall, custom_id: FromPath[str]) -> MergeList:
    """Answer who was merged into the contact, and what was undone."""
    return _merges(call, decoded_segment(custom_id))


@get(
    "/api/v1/contacts/by-id/{contact_id:str}/merges",
    summary="List the merges of a contact, by internal id",
    tags=_TAGS,
)
@in_thread
def list_own_merges_by_id(call: TheCall, contact_id: FromPath[str]) -> MergeList:
    """Answer who was merged into the contact, and what was undone."""
    return _merges(call, ContactId(record_id(contact_id)))


def _merges(call: Call, key: api.ContactKey) -> MergeList:
    check_parameters(call, ())
    with call.read() as conn:
        return MergeList([_shown(merge) for merge in api.list_merges(conn, call.scope, key)])


def _shown(merge: Merge) -> MergeAnswer:
    return MergeAnswer(
        merge.id,
        merge.merged,
        merge.survivor_id,
        merge.cause,
        to_iso(merge.merged_at),
        None if merge.undone_at is None else to_iso(merge.undone_at),
    )


MERGE_ROUTES: Final[list[HTTPRouteHandler]] = [
    merge_own_contact,
    undo_own_merge,
    list_own_merges,
    list_own_merges_by_id,
]
