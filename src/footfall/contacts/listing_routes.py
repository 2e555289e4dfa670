"""HTTP of the list of contacts: by id, or searched and sorted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, get_args
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.json import Decoder

from footfall.attributes.api import load_definitions
from footfall.attributes.filters import MAX_FILTERS, AttributeFilter, read_filters
from footfall.contacts import api
from footfall.contacts.answers import (
    ContactAnswer,
    ContactValues,
    shown_contact,
    shown_found,
    shown_values,
)
from footfall.contacts.api import ContactKey
from footfall.contacts.listing import ContactSearch, search_contacts
from footfall.contacts.queries import SearchOrder
from footfall.contacts.types import Contact
from footfall.http.edge import decoded_segment, record_id
from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Cursor,
    CursorParameter,
    check_parameters,
    own_page,
    packed_cursor,
    unpacked_cursor,
)
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_email
from footfall.kernel.ids import ContactId
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import get_workspace

_SORTS: Final[tuple[SearchOrder, ...]] = get_args(SearchOrder)
_LIST_PARAMETERS: Final = frozenset({"cursor", "limit", "email", "phone_number", "key"})
_SEARCH_PARAMETERS: Final = frozenset({"search", "tag", "list", "segment", "filter", "sort"})


class ContactPage(Struct, frozen=True):
    """Some contacts, by id."""

    results: list[ContactAnswer]
    next: str | None
    total: int | UnsetType = UNSET  #: of a list that is searched or sorted


@get("/api/v1/contacts", summary="List contacts", tags=["contacts"])
@in_thread
def list_own_contacts(
    call: TheCall,
    warehouse: NamedDependency[SkipValidation[Warehouse]],
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    email: Annotated[str | None, QueryParameter(description="Present e-mail address.")] = None,
    phone_number: Annotated[str | None, QueryParameter(description="Present phone number.")] = None,
    key: Annotated[str | None, QueryParameter(description="A visitor key of theirs.")] = None,
    search: Annotated[
        str | None, QueryParameter(description="Words in identifiers, name or phone number.")
    ] = None,
    tag: Annotated[str | None, QueryParameter(description="A tag of theirs.")] = None,
    in_list: Annotated[
        int | None, QueryParameter(name="list", ge=1, le=2**31 - 1, description="Id of a list.")
    ] = None,
    segment: Annotated[
        int | None, QueryParameter(ge=1, le=2**31 - 1, description="Id of a segment.")
    ] = None,
    filters: Annotated[
        list[str] | None,
        QueryParameter(
            name="filter",
            description=f"`attribute:operator:value`; repeated, at most {MAX_FILTERS}.",
        ),
    ] = None,
    sort: Annotated[
        str | None, QueryParameter(description=f"One of: {', '.join(_SORTS)}; `-` before reverses.")
    ] = None,
) -> ContactPage:
    """Answer contacts by id, or searched and sorted."""
    check_parameters(call, _LIST_PARAMETERS | _SEARCH_PARAMETERS, repeatable={"filter"})
    if any(name in _SEARCH_PARAMETERS for name, _ in call.query):
        for name in ("email", "phone_number", "key"):
            if call.parameter(name) is not None:
                message = "This does not go with search, tag, list, segment, filter or sort."
                raise Invalid.at(f"#{name}", "one_or_the_other", message)
        wanted = ContactSearch(search, tag, _filters(call, filters or []), in_list, segment)
        return _searched(call, warehouse, wanted, sort, cursor, limit)
    address = None if email is None else checked_email(email, "#email")
    with call.read() as conn:
        if key is not None:
            found = api.find_contact(conn, call.scope, "key", key)
            return ContactPage([] if found is None else [shown_contact(found)], None)

        def fetch(past: Cursor, wanted: int) -> Sequence[Contact]:
            return api.list_contacts(
                conn,
                call.scope,
                past_id=past.id,
                backward=past.backward,
                limit=wanted,
                email=address,
                phone_number=phone_number,
            )

        return ContactPage(*own_page(cursor, limit, fetch, lambda found: found.id, shown_contact))


def _filters(call: Call, texts: Sequence[str]) -> Sequence[AttributeFilter]:
    if not texts:
        return ()
    with call.read() as conn:
        zone = ZoneInfo(get_workspace(conn, call.scope.workspace_id).time_zone)
        return read_filters(load_definitions(conn, call.scope, "contact"), texts, zone)


class _Place(Struct, frozen=True):
    """Where a searched list goes on."""

    sort: str
    key: int | str
    id: Annotated[int, Meta(ge=0, le=2**63 - 1)]


_decode_place: Final = Decoder(_Place).decode


def _searched(
    call: Call,
    warehouse: Warehouse,
    wanted: ContactSearch,
    sort: str | None,
    cursor: str | None,
    limit: int,
) -> ContactPage:
    name = sort or "id"
    order = next((one for one in _SORTS if one == name.removeprefix("-")), None)
    if order is None:
        raise Invalid.at("#sort", "unknown_order", f"Sort by one of: {', '.join(_SORTS)}.")
    past = None
    if cursor is not None:
        place = unpacked_cursor(cursor, _decode_place)
        if place.sort != name or isinstance(place.key, str) != (order == "name"):
            raise Invalid.at("#cursor", "broken_cursor", "This cursor is of another order.")
        past = (place.key, place.id)
    found = search_contacts(
        call.services.state,
        warehouse,
        call.scope,
        replace(wanted, order=order, descending=name.startswith("-")),
        past=past,
        limit=limit,
        now=call.services.clock(),
    )
    following = None if found.next is None else packed_cursor(_Place(name, *found.next))
    return ContactPage([shown_found(one) for one in found.results], following, found.total)


@get(
    "/api/v1/contacts/{custom_id:str}/attributes",
    summary="Read each value of a contact",
    tags=["contacts"],
)
@in_thread
def read_contact_values(call: TheCall, custom_id: FromPath[str]) -> ContactValues:
    """Answer every attribute with its type, its value, and who said it when."""
    return _values(call, decoded_segment(custom_id))


@get(
    "/api/v1/contacts/by-id/{contact_id:str}/attributes",
    summary="Read each value of a contact, by internal id",
    tags=["contacts"],
)
@in_thread
def read_contact_values_by_id(call: TheCall, contact_id: FromPath[str]) -> ContactValues:
    """Answer every attribute with its type, its value, and who said it when."""
    return _values(call, ContactId(record_id(contact_id)))


def _values(call: Call, key: ContactKey) -> ContactValues:
    with call.read() as conn:
        contact = api.get_contact(conn, call.scope, key)
        return shown_values(contact, load_definitions(conn, call.scope, "contact"))


LISTING_ROUTES: Final[list[HTTPRouteHandler]] = [
    list_own_contacts,
    read_contact_values,
    read_contact_values_by_id,
]
