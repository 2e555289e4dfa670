"""HTTP of contacts: users in the compatible API, contacts in ours."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Response, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace
from sqlalchemy import Connection

from footfall.attributes.api import (
    load_definitions,
    name_std,
    shown_set_aside,
)
from footfall.attributes.types import Definition
from footfall.contacts import api
from footfall.contacts.answers import IDENTIFIERS, ContactAnswer, shown_contact, shown_lists
from footfall.contacts.api import ContactKey, SavedContact
from footfall.contacts.list_routes import LIST_ROUTES
from footfall.contacts.listing_routes import LISTING_ROUTES
from footfall.contacts.lists import ListName, lists_of
from footfall.contacts.logic import (
    Identifiers,
    attributes_in,
    compatible_contact,
    custom_id_name,
    identifiers_in,
)
from footfall.contacts.merge_routes import MERGE_ROUTES
from footfall.contacts.recording import known_before, named_before, record_contact, record_deletion
from footfall.contacts.types import KEY_CELL, Contact
from footfall.http.edge import decoded_segment, record_id
from footfall.http.paging import (
    MAX_LIMIT,
    Cursor,
    compatible_page,
)
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Invalid, NotFound, Unavailable
from footfall.kernel.identifiers import checked_email, checked_id
from footfall.kernel.ids import ContactId

_COMPATIBLE: Final = ["compatible users"]
_OWN: Final = ["contacts"]
#: How long a deletion waits for the events that were accepted before it.
_CATCH_UP_SECONDS: Final = 10.0


def _both(rest: str = "") -> list[str]:
    """Return the two paths of one user: by internal id and by custom id."""
    return [
        f"/api/public/users/{{user_id:str}}{rest}",
        f"/api/public/users-by-id/{{custom_id:str}}{rest}",
    ]


def _key(user_id: str | None, custom_id: str | None) -> ContactKey:
    if user_id is not None:
        return ContactId(record_id(user_id))
    assert custom_id is not None  # the router gives one of the two
    return decoded_segment(custom_id)


def _definitions(conn: Connection, call: Call) -> Sequence[Definition]:
    """Return the attributes that the first version shows with their names; none for the second."""
    return load_definitions(conn, call.scope, "contact").all() if call.version == 1 else ()


def _compatible(conn: Connection, call: Call, contacts: Sequence[Contact]) -> list[dict[str, Any]]:
    definitions = _definitions(conn, call)
    lists = lists_of(conn, call.scope, [contact.id for contact in contacts])
    return [
        compatible_contact(contact, call.version, definitions, lists[contact.id])
        for contact in contacts
    ]


def _put(call: Call, body: dict[str, Any], identifiers: Identifiers) -> SavedContact:
    with call.write() as (conn, receipt):
        return api.put_contact(
            conn,
            call.scope,
            identifiers,
            attributes_in(body, call.version),
            adds_tags=True,
            now=receipt.now,
            position=receipt.position,
        )


def _change(call: Call, key: ContactKey, body: dict[str, Any]) -> dict[str, Any]:
    identifiers = identifiers_in(body, call.version)
    with call.write() as (conn, receipt):
        saved = api.change_contact(
            conn,
            call.scope,
            key,
            identifiers,
            attributes_in(body, call.version),
            adds_tags=True,
            now=receipt.now,
            position=receipt.position,
        )
        return _compatible(conn, call, [saved.contact])[0]


@post(
    ["/api/public/users", "/api/public/users-by-id"],
    summary="Create a user, or update the one with these identifiers",
    tags=_COMPATIBLE,
)
@in_thread
def create_user(call: TheCall, data: JSONBody[dict[str, Any]]) -> Response[dict[str, Any]]:
    """Answer 201 with the new user, 200 where an identifier was known; `null` is passed over."""
    saved = _put(call, data, identifiers_in(data, call.version))
    with call.read() as conn:
        [shown] = _compatible(conn, call, [saved.contact])
    return Response(shown, status_code=201 if saved.created else 200)


@post(
    ["/api/public/users/update_or_create", "/api/public/users-by-id/update_or_create"],
    summary="Update a user by custom id, or create it",
    tags=_COMPATIBLE,
)
@in_thread
def update_or_create_user(
    call: TheCall, data: JSONBody[dict[str, Any]]
) -> Response[dict[str, Any]]:
    """Answer `{"created", "id"}`; an e-mail or key will do where there is no custom id."""
    identifiers = identifiers_in(data, call.version)
    if not identifiers:
        name = custom_id_name(call.version)
        raise Invalid.at(f"/{name}", "required", "This field is required.")
    saved = _put(call, data, identifiers)
    return Response(
        {"created": saved.created, "id": saved.contact.id},
        status_code=201 if saved.created else 200,
    )


@get(
    ["/api/public/users", "/api/public/users-by-id"],
    summary="List users",
    tags=_COMPATIBLE,
)
@in_thread
def list_users(call: TheCall) -> dict[str, Any]:
    """Answer a page of users by id."""
    if call.parameter("search") is not None:
        # Answering with everyone would look like a result.
        raise Invalid.at("#search", "unknown_filter", "This list takes no filter.")
    return _page(call)


@get(
    ["/api/public/users/search", "/api/public/users-by-id/search"],
    summary="Find users by e-mail, key, phone number or custom id",
    tags=_COMPATIBLE,
)
@in_thread
def search_users(call: TheCall) -> Any:
    """Answer the one user of `?email=`, `?key=` or `?user_id=`, a list of them for `many=true`.

    `?phone_number=` always answers a page.
    """
    phone_number = call.parameter("phone_number")
    if phone_number is not None:
        if ("phone_number", f" {phone_number}") in call.query and phone_number[0].isdigit():
            phone_number = f"+{phone_number}"  # sent by clients that do not encode it
        return _page(call, phone_number=phone_number)
    with call.read() as conn:
        shown = _compatible(conn, call, _found(conn, call))
    if (call.parameter("many") or "").lower() in {"true", "1"}:
        return shown
    if not shown:
        raise NotFound("There is no such user.", code="contact_not_found")
    return shown[0]


def _found(conn: Connection, call: Call) -> list[Contact]:
    """Return whom the query names; of several with one address, first whose identifier it is."""
    email = call.parameter("email")
    if email is not None:
        # No address holds blanks: clients that do not encode `+` mean that.
        address = checked_email(email.replace(" ", "+"), "#email")
        owner = api.find_contact(conn, call.scope, "email", address)
        others = api.list_contacts(conn, call.scope, limit=MAX_LIMIT, email=address)
        found = [] if owner is None or owner.email != address else [owner]
        return [*found, *(other for other in others if not found or other.id != found[0].id)]
    key = call.parameter("key") or call.parameter(KEY_CELL)
    custom_id = call.parameter("user_id") or call.parameter("custom_id")
    if key is not None:
        one = api.find_contact(conn, call.scope, "key", key)
    elif custom_id is not None:
        one = api.find_contact(conn, call.scope, "custom_id", custom_id)
    else:
        raise Invalid.at("#email", "required", "Say whom to find: ?email=, ?key= or ?user_id=.")
    return [] if one is None else [one]


def _page(call: Call, *, phone_number: str | None = None) -> dict[str, Any]:
    with call.read() as conn:
        definitions = _definitions(conn, call)
        lists: dict[int, list[ListName]] = {}

        def fetch(cursor: Cursor, limit: int) -> Sequence[Contact]:
            found = api.list_contacts(
                conn,
                call.scope,
                past_id=cursor.id,
                backward=cursor.backward,
                limit=limit,
                phone_number=phone_number,
            )
            lists.update(lists_of(conn, call.scope, [contact.id for contact in found]))
            return found

        count = api.count_contacts(conn, call.scope, phone_number=phone_number)
        return compatible_page(
            call,
            fetch,
            lambda found: found.id,
            count,
            lambda found: compatible_contact(found, call.version, definitions, lists[found.id]),
        )


@get(
    [*_both(), *_both("/details")],
    summary="Read a user",
    tags=_COMPATIBLE,
)
@in_thread
def read_user(
    call: TheCall, user_id: FromPath[str | None] = None, custom_id: FromPath[str | None] = None
) -> dict[str, Any]:
    """Answer the user; for a merged one, the one it was merged into."""
    with call.read() as conn:
        contact = api.get_contact(conn, call.scope, _key(user_id, custom_id))
        return _compatible(conn, call, [contact])[0]


@put(_both(), summary="Update a user", tags=_COMPATIBLE)
@in_thread
def replace_user(
    call: TheCall,
    data: JSONBody[dict[str, Any]],
    user_id: FromPath[str | None] = None,
    custom_id: FromPath[str | None] = None,
) -> dict[str, Any]:
    """Change what is given, clear what is `null`, keep what is missing; tags are only added."""
    return _change(call, _key(user_id, custom_id), data)


@patch(_both(), summary="Update a user", tags=_COMPATIBLE)
@in_thread
def update_user(
    call: TheCall,
    data: JSONBody[dict[str, Any]],
    user_id: FromPath[str | None] = None,
    custom_id: FromPath[str | None] = None,
) -> dict[str, Any]:
    """Change what is given, clear what is `null`, keep what is missing; tags are only added."""
    return _change(call, _key(user_id, custom_id), data)


async def _delete(call: Call, key: ContactKey) -> None:
    # Events accepted already name identifiers that would come back when they are projected.
    if not await call.services.caught_up(_CATCH_UP_SECONDS):
        raise Unavailable(
            "Accepted events are still being worked on. Try again soon.", code="projector_behind"
        )
    await asyncio.to_thread(_delete_now, call, key)


def _delete_now(call: Call, key: ContactKey) -> None:
    with call.write() as (conn, receipt):
        gone = known_before(conn, call, key)
        api.delete_contact(conn, call.scope, key, now=receipt.now)
        record_deletion(conn, call, receipt.now, gone)


@delete(_both(), status_code=204, summary="Delete a user", tags=_COMPATIBLE)
async def delete_user(
    call: TheCall, user_id: FromPath[str | None] = None, custom_id: FromPath[str | None] = None
) -> None:
    """Erase identifiers and attributes at once, the events soon after (decision 22)."""
    await _delete(call, _key(user_id, custom_id))


@post(
    _both("/set_attribute"),
    status_code=200,
    summary="Set one attribute of a user",
    tags=_COMPATIBLE,
)
@in_thread
def set_user_attribute(
    call: TheCall,
    data: JSONBody[dict[str, Any]],
    user_id: FromPath[str | None] = None,
    custom_id: FromPath[str | None] = None,
) -> dict[str, Any]:
    """Take `{"attribute", "value"}`; `null` clears."""
    name = data.get("attribute")
    if not isinstance(name, str) or not name:
        raise Invalid.at("/attribute", "required", "This field is required.")
    if "value" not in data:
        raise Invalid.at("/value", "required", "This field is required.")
    return _change(call, _key(user_id, custom_id), {name: data["value"]})


@post(
    _both("/set_multiple_attributes"),
    status_code=200,
    summary="Set attributes of a user",
    tags=_COMPATIBLE,
)
@in_thread
def set_user_attributes(
    call: TheCall,
    data: JSONBody[dict[str, Any]],
    user_id: FromPath[str | None] = None,
    custom_id: FromPath[str | None] = None,
) -> dict[str, Any]:
    """Take attributes by name; `null` clears."""
    return _change(call, _key(user_id, custom_id), data)


class ContactBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Attribute values by name, and identifiers. What is missing stays, `null` clears."""

    email: str | UnsetType | None = UNSET
    key: str | UnsetType = UNSET
    attributes: dict[str, Any] = field(default_factory=dict)

    def identifiers(self, custom_id: FromPath[str | None] = None) -> Identifiers:
        """Return them checked, with the custom id of the path."""
        email = self.email or None
        return Identifiers(
            custom_id=custom_id,
            email=checked_email(email) if isinstance(email, str) else None,
            key=checked_id(self.key, "/key") if isinstance(self.key, str) else None,
            clears_email=self.email is None,
        )


def _shown(saved: SavedContact) -> Response[ContactAnswer]:
    answer = shown_contact(saved.contact, shown_set_aside(saved.set_aside))
    return Response(answer, status_code=201 if saved.created else 200)


def _own_attributes(body: ContactBody) -> Mapping[str, Any]:
    for name in body.attributes:
        if name_std(name) in IDENTIFIERS:
            raise Invalid.at(
                f"/attributes/{name}", "identifier", "Send this beside attributes, not among them."
            )
    return body.attributes


@get(
    "/api/v1/contacts/{custom_id:str}",
    summary="Read a contact by custom id",
    tags=_OWN,
)
@in_thread
def read_own_contact(call: TheCall, custom_id: FromPath[str]) -> ContactAnswer:
    """Answer the contact with its present attribute values."""
    with call.read() as conn:
        return _with_lists(conn, call, decoded_segment(custom_id))


@get(
    "/api/v1/contacts/by-id/{contact_id:str}",
    summary="Read a contact by internal id",
    tags=_OWN,
)
@in_thread
def read_own_contact_by_id(call: TheCall, contact_id: FromPath[str]) -> ContactAnswer:
    """Answer the contact; for a merged one, the one it was merged into."""
    with call.read() as conn:
        return _with_lists(conn, call, ContactId(record_id(contact_id)))


def _with_lists(conn: Connection, call: Call, key: ContactKey) -> ContactAnswer:
    contact = api.get_contact(conn, call.scope, key)
    return replace(shown_contact(contact), lists=shown_lists(conn, call.scope, contact.id))


@put(
    "/api/v1/contacts/{custom_id:str}",
    summary="Create or update a contact",
    tags=_OWN,
)
@in_thread
def put_own_contact(
    call: TheCall, custom_id: FromPath[str], data: JSONBody[ContactBody]
) -> Response[ContactAnswer]:
    """Answer 201 if it was created; who is meant is told by the rules of events (decision 14)."""
    identifiers = data.identifiers(checked_id(decoded_segment(custom_id), "/custom_id"))
    with call.write() as (conn, receipt):
        before = named_before(conn, call, identifiers)
        saved = api.put_contact(
            conn,
            call.scope,
            identifiers,
            _own_attributes(data),
            clears=True,
            now=receipt.now,
            position=receipt.position,
        )
        record_contact(conn, call, receipt.now, saved.contact, None if saved.created else before)
    return _shown(saved)


@patch(
    "/api/v1/contacts/{custom_id:str}",
    summary="Update a contact",
    tags=_OWN,
)
@in_thread
def patch_own_contact(
    call: TheCall, custom_id: FromPath[str], data: JSONBody[ContactBody]
) -> Response[ContactAnswer]:
    """Change what is given; 404 where there is no such contact."""
    return _patch(call, decoded_segment(custom_id), data)


@patch(
    "/api/v1/contacts/by-id/{contact_id:str}",
    summary="Update a contact by internal id",
    tags=_OWN,
)
@in_thread
def patch_own_contact_by_id(
    call: TheCall, contact_id: FromPath[str], data: JSONBody[ContactBody]
) -> Response[ContactAnswer]:
    """Change what is given; 404 where there is no such contact."""
    return _patch(call, ContactId(record_id(contact_id)), data)


def _patch(call: Call, key: ContactKey, body: ContactBody) -> Response[ContactAnswer]:
    with call.write() as (conn, receipt):
        before = known_before(conn, call, key)
        saved = api.change_contact(
            conn,
            call.scope,
            key,
            body.identifiers(),
            _own_attributes(body),
            now=receipt.now,
            position=receipt.position,
        )
        record_contact(conn, call, receipt.now, saved.contact, before)
    return _shown(saved)


@delete("/api/v1/contacts/{custom_id:str}", status_code=204, summary="Delete a contact", tags=_OWN)
async def delete_own_contact(call: TheCall, custom_id: FromPath[str]) -> None:
    """Erase identifiers and attributes at once, the events soon after (decision 22)."""
    await _delete(call, decoded_segment(custom_id))


@delete(
    "/api/v1/contacts/by-id/{contact_id:str}",
    status_code=204,
    summary="Delete a contact by internal id",
    tags=_OWN,
)
async def delete_own_contact_by_id(call: TheCall, contact_id: FromPath[str]) -> None:
    """Erase identifiers and attributes at once, the events soon after (decision 22)."""
    await _delete(call, ContactId(record_id(contact_id)))


ROUTES: Final[list[HTTPRouteHandler]] = [
    create_user,
    update_or_create_user,
    list_users,
    search_users,
    read_user,
    replace_user,
    update_user,
    delete_user,
    set_user_attribute,
    set_user_attributes,
    read_own_contact,
    read_own_contact_by_id,
    put_own_contact,
    patch_own_contact,
    patch_own_contact_by_id,
    delete_own_contact,
    delete_own_contact_by_id,
    *LISTING_ROUTES,
    *LIST_ROUTES,
    *MERGE_ROUTES,
]
