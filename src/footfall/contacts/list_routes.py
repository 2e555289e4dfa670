"""HTTP of lists of contacts, and of tags."""

from typing import Annotated, Final

from litestar import get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct, field

from footfall.contacts import api, lists
from footfall.contacts.answers import ContactAnswer, shown_contact
from footfall.contacts.lists import ContactList
from footfall.contacts.logic import Identifiers
from footfall.contacts.recording import record_contact
from footfall.http.edge import decoded_segment, record_id
from footfall.http.paging import check_parameters
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import to_iso
from footfall.workspaces.api import record_change

_TAGS: Final = ["contact lists"]
_OWN: Final = ["contacts"]
#: Of one request; each is looked up.
MAX_MEMBERS: Final = 1_000
_Ids = Annotated[list[int], Meta(max_length=MAX_MEMBERS)]
_Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=255)]], Meta(max_length=100)]


class ListOfContacts(Struct, frozen=True):
    """A named list of contacts."""

    id: int
    name: str
    members: int  #: contacts that live
    created_at: str
    archived_at: str | None


class AllLists(Struct, frozen=True):
    """Lists by name."""

    results: list[ListOfContacts]


class NewList(Struct, frozen=True, forbid_unknown_fields=True):
    """A list to make."""

    name: str


class ListChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a list; what is missing stays."""

    name: str | None = None
    archived: bool | None = None


class MemberChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to put on a list and whom to take off, by our ids."""

    add: _Ids = field(default_factory=list)
    remove: _Ids = field(default_factory=list)


class TagChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Tags to add and to remove."""

    add: _Tags = field(default_factory=list)
    remove: _Tags = field(default_factory=list)


def _shown(one: ContactList) -> ListOfContacts:
    return ListOfContacts(
        one.id,
        one.name,
        one.members,
        to_iso(one.created_at),
        None if one.archived_at is None else to_iso(one.archived_at),
    )


@get("/api/v1/contact-lists", summary="List the lists of contacts", tags=_TAGS)
@in_thread
def list_contact_lists(call: TheCall, archived: FromQuery[bool] = False) -> AllLists:
    """Answer them by name; `archived=true` adds the archived ones."""
    check_parameters(call, {"archived"})
    with call.read() as conn:
        found = lists.contact_lists(conn, call.scope, archived=archived)
    return AllLists([_shown(one) for one in found])


@get("/api/v1/contact-lists/{list_id:str}", summary="Read a list of contacts", tags=_TAGS)
@in_thread
def read_contact_list(call: TheCall, list_id: FromPath[str]) -> ListOfContacts:
    """Answer its name and how many are on it; who they are says `GET /api/v1/contacts?list=`."""
    with call.read() as conn:
        return _shown(lists.get_list(conn, call.scope, record_id(list_id)))


@post("/api/v1/contact-lists", status_code=201, summary="Make a list of contacts", tags=_TAGS)
@in_thread
def create_contact_list(call: TheCall, data: JSONBody[NewList]) -> ListOfContacts:
    """Make an empty list under a name that no other has."""
    with call.write() as (conn, receipt):
        made = lists.create_list(conn, call.scope, data.name, now=receipt.now)
        record_change(
            conn,
            call.access,
            receipt.now,
            action="contact_list.created",
            object_kind="contact_list",
            object_id=str(made.id),
            object_name=made.name,
            before=None,
            after={"name": made.name},
        )
    return _shown(made)


@patch(
    "/api/v1/contact-lists/{list_id:str}",
    summary="Rename or archive a list",
    tags=_TAGS,
)
@in_thread
def change_contact_list(
    call: TheCall, list_id: FromPath[str], data: JSONBody[ListChange]
) -> ListOfContacts:
    """Change the name, archive the list or bring it back; who is on it stays."""
    number = record_id(list_id)
    with call.write() as (conn, receipt):
        before = lists.get_list(conn, call.scope, number)
        after = lists.change_list(
            conn, call.scope, number, name=data.name, archived=data.archived, now=receipt.now
        )
        record_change(
            conn,
            call.access,
            receipt.now,
            action="contact_list.changed",
            object_kind="contact_list",
            object_id=str(number),
            object_name=after.name,
            before={"name": before.name, "archived": before.archived_at is not None},
            after={"name": after.name, "archived": after.archived_at is not None},
        )
    return _shown(after)


@post(
    "/api/v1/contact-lists/{list_id:str}/members",
    status_code=200,
    summary="Put contacts on a list, or take them off",
    tags=_TAGS,
)
@in_thread
def change_list_members(
    call: TheCall, list_id: FromPath[str], data: JSONBody[MemberChange]
) -> ListOfContacts:
    """Change who is on the list; who is there already, or is not, stays so."""
    with call.write() as (conn, receipt):
        changed = lists.change_members(
            conn,
            call.scope,
            record_id(list_id),
            add=[ContactId(one) for one in data.add],
            remove=[ContactId(one) for one in data.remove],
            now=receipt.now,
        )
        if call.access.actor.kind == "user":
            record_change(
                conn,
                call.access,
                receipt.now,
                action="contact_list.members_changed",
                object_kind="contact_list",
                object_id=str(changed.id),
                object_name=changed.name,
                before={"added": [], "removed": []},
                after={"added": data.add, "removed": data.remove},
            )
    return _shown(changed)


@post(
    "/api/v1/contacts/{custom_id:str}/tags",
    status_code=200,
    summary="Add and remove tags of a contact",
    tags=_OWN,
)
@in_thread
def change_tags(
    call: TheCall, custom_id: FromPath[str], data: JSONBody[TagChange]
) -> ContactAnswer:
    """Change the attribute `tags`, which lists them."""
    return _tag(call, decoded_segment(custom_id), data)


@post(
    "/api/v1/contacts/by-id/{contact_id:str}/tags",
    status_code=200,
    summary="Add and remove tags of a contact, by internal id",
    tags=_OWN,
)
@in_thread
def change_tags_by_id(
    call: TheCall, contact_id: FromPath[str], data: JSONBody[TagChange]
) -> ContactAnswer:
    """Change the attribute `tags`, which lists them."""
    return _tag(call, ContactId(record_id(contact_id)), data)


def _tag(call: Call, key: api.ContactKey, change: TagChange) -> ContactAnswer:
    with call.write() as (conn, receipt):
        contact = api.get_contact(conn, call.scope, key)
        cell = contact.profile.get("tags")
        known = [] if cell is None or not isinstance(cell.value, list) else cell.value
        kept = [tag for tag in dict.fromkeys([*known, *change.add]) if tag not in change.remove]
        saved = api.change_contact(
            conn,
            call.scope,
            contact.id,
            Identifiers(),
            {"tags": kept},
            now=receipt.now,
            position=receipt.position,
        )
        record_contact(conn, call, receipt.now, saved.contact, contact)
    return shown_contact(saved.contact)


LIST_ROUTES: Final[list[HTTPRouteHandler]] = [
    list_contact_lists,
    read_contact_list,
    create_contact_list,
    change_contact_list,
    change_list_members,
    change_tags,
    change_tags_by_id,
]
