"""HTTP of the search for products and contacts at once."""

from contextlib import suppress
from typing import Annotated, Final

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct
from sqlalchemy import Connection

from footfall.catalog.api import get_product
from footfall.catalog.listing import find_products
from footfall.catalog.types import Product, ProductListing
from footfall.contacts.api import find_contact, get_contact
from footfall.contacts.listing import find_contacts
from footfall.contacts.types import Contact
from footfall.http.paging import check_parameters
from footfall.http.services import Call, TheCall
from footfall.ingest.parameters import MAX_ID, TheWarehouse
from footfall.kernel.errors import NotFound
from footfall.kernel.ids import ContactId
from footfall.kernel.scope import Scope
from footfall.warehouse.api import Warehouse

#: Of each kind: what fits below a field.
DEFAULT_HITS: Final = 5
MAX_HITS: Final = 20
#: Longer than any identifier.
_MAX_TEXT: Final = 256


class ProductHit(Struct, frozen=True):
    """A product that was found."""

    id: int
    custom_id: str
    name: str | None
    image_url: str | None


class ContactHit(Struct, frozen=True):
    """A contact that was found."""

    id: int
    custom_id: str | None
    email: str | None
    name: str | None


class SearchAnswer(Struct, frozen=True):
    """Some of what was found; who or what is called exactly so comes first."""

    products: list[ProductHit]
    contacts: list[ContactHit]


@get("/api/v1/search", sync_to_thread=True, summary="Search products and contacts", tags=["search"])
def search(
    call: TheCall,
    warehouse: TheWarehouse,
    q: Annotated[
        str,
        QueryParameter(
            min_length=1, max_length=_MAX_TEXT, description="Part of a name or an identifier."
        ),
    ],
    limit: Annotated[
        int, QueryParameter(ge=1, le=MAX_HITS, description="Of each kind.")
    ] = DEFAULT_HITS,
) -> SearchAnswer:
    """Answer a few products and contacts by a part of their names or identifiers."""
    check_parameters(call, {"q", "limit"})
    text = q.strip()
    if not text:
        return SearchAnswer([], [])
    return SearchAnswer(
        _products(call, warehouse, text, limit), _contacts(call, warehouse, text, limit)
    )


def _products(call: Call, warehouse: Warehouse, text: str, limit: int) -> list[ProductHit]:
    with call.read() as conn:
        named = _product_named(conn, call.scope, text)
    listing = ProductListing(since=call.services.clock(), search=text)
    found = find_products(
        call.services.state, warehouse, call.scope, listing, past=None, limit=limit
    )
    hits = {one.id: one for one in ([named] if named else []) + list(found.products)}
    return [_product_hit(one) for one in list(hits.values())[:limit]]


def _product_named(conn: Connection, scope: Scope, text: str) -> Product | None:
    try:
        return get_product(conn, scope, text)
    except NotFound:
        return None


def _product_hit(product: Product) -> ProductHit:
    picture = product.values.get("image_url")
    return ProductHit(
        product.id,
        product.custom_id,
        product.name,
        picture if isinstance(picture, str) else None,
    )


def _contacts(call: Call, warehouse: Warehouse, text: str, limit: int) -> list[ContactHit]:
    with call.read() as conn:
        named = _contacts_named(conn, call.scope, text)
    found = find_contacts(call.services.state, warehouse, call.scope, text, limit)
    hits = {one.id: one for one in [*named, *found]}
    return [_contact_hit(one) for one in list(hits.values())[:limit]]


def _contacts_named(conn: Connection, scope: Scope, text: str) -> list[Contact]:
    """Return who has this very text as an identifier, or as our id."""
    found = [find_contact(conn, scope, kind, text) for kind in ("custom_id", "email", "key")]
    if text.isascii() and text.isdecimal() and int(text) <= MAX_ID:
        with suppress(NotFound):
            found.append(get_contact(conn, scope, ContactId(int(text))))
    return [one for one in found if one is not None]


def _contact_hit(contact: Contact) -> ContactHit:
    name = _text(contact, "name") or " ".join(
        part for part in (_text(contact, "first_name"), _text(contact, "last_name")) if part
    )
    return ContactHit(contact.id, contact.custom_id, contact.email, name or None)


def _text(contact: Contact, name: str) -> str:
    cell = contact.profile.get(name)
    return "" if cell is None or cell.value is None else str(cell.value)


ROUTES: Final[list[HTTPRouteHandler]] = [search]
