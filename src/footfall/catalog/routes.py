"""HTTP of the catalog: products in both APIs."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Response, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Struct, field
from sqlalchemy import Connection

from footfall.attributes.api import (
    BUILT_IN,
    shown_labels,
)
from footfall.catalog import api
from footfall.catalog.answers import ProductAnswer, shown_product
from footfall.catalog.api import ProductKey, SavedProduct
from footfall.catalog.listing_routes import ROUTES as LISTING_ROUTES
from footfall.catalog.listing_routes import StateParameter, product_state
from footfall.catalog.types import Product
from footfall.http.edge import decoded_segment, record_id
from footfall.http.paging import (
    Cursor,
    check_parameters,
    compatible_page,
)
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Invalid, NotFound
from footfall.kernel.ids import ProductId
from footfall.kernel.instants import Instant, to_iso_microseconds
from footfall.workspaces.api import record_change

_COMPATIBLE: Final = ["compatible products"]
_OWN: Final = ["products"]
_LABELS: Final = ("tags", "categories")
#: The names a compatible product always has, in this order, null where nobody gave a value.
_STANDARD: Final = tuple(name for name in BUILT_IN["product"] if name not in _LABELS)


def _both(rest: str = "") -> list[str]:
    """Return the two paths of one product: by internal id and by custom id."""
    return [
        f"/api/public/products/{{product_id:str}}{rest}",
        f"/api/public/products-by-id/{{custom_id:str}}{rest}",
    ]


def _key(product_id: str | None, custom_id: str | None) -> ProductKey:
    if product_id is not None:
        return ProductId(record_id(product_id))
    assert custom_id is not None  # the router gives one of the two
    return decoded_segment(custom_id)


def compatible_product(product: Product) -> dict[str, Any]:
    """Return a product as compatible clients read it: flat, all attributes beside the standard."""
    profile = product.profile
    shown: dict[str, Any] = {"id": product.id, "custom_id": product.custom_id}
    for name in _STANDARD:
        cell = profile.get(name)
        shown[name] = None if cell is None else cell.value
    for name in _LABELS:
        cell = profile.get(name)
        shown[name] = shown_labels(None if cell is None else cell.value)
    shown["created_at"] = to_iso_microseconds(product.created_at)
    shown["updated_at"] = to_iso_microseconds(product.updated_at)
    for name, cell in profile.items():
        if cell.value is not None:
            shown.setdefault(name, cell.value)
    return shown


def _saved(saved: SavedProduct) -> Response[dict[str, Any]]:
    return Response(compatible_product(saved.product), status_code=201 if saved.created else 200)


def _put(call: Call, body: dict[str, Any]) -> SavedProduct:
    custom_id = body.get("custom_id")
    if custom_id is None or custom_id == "":
        raise Invalid.at("/custom_id", "required", "This field is required.")
    if isinstance(custom_id, bool) or not isinstance(custom_id, str | int):
        raise Invalid.at("/custom_id", "wrong_type", "This must be text.")
    with call.write() as (conn, receipt):
        return api.put_product(
            conn,
            call.scope,
            str(custom_id),
            body,
            adds_tags=True,
            now=receipt.now,
            position=receipt.position,
        )


def _change(call: Call, key: ProductKey, body: dict[str, Any]) -> Response[dict[str, Any]]:
    with call.write() as (conn, receipt):
        saved = api.change_product(
            conn,
            call.scope,
            key,
            body,
            adds_tags=True,
            now=receipt.now,
            position=receipt.position,
        )
        named = body.get("custom_id")
        if named is not None and str(named) != saved.product.custom_id:
            raise Invalid.at(
                "/custom_id", "custom_id_is_fixed", "The custom id of a product cannot be changed."
            )
    return _saved(saved)


@post(
    ["/api/public/products", "/api/public/products-by-id"],
    summary="Create a product, or update the one with this custom id",
    tags=_COMPATIBLE,
)
@in_thread
def create_product(call: TheCall, data: JSONBody[dict[str, Any]]) -> Response[dict[str, Any]]:
    """Answer 201 with the new product, 200 where the custom id was known; `null` is passed over."""
    return _saved(_put(call, data))


@post(
    ["/api/public/products/update_or_create", "/api/public/products-by-id/update_or_create"],
    summary="Update a product by custom id, or create it",
    tags=_COMPATIBLE,
)
@in_thread
def update_or_create_product(
    call: TheCall, data: JSONBody[dict[str, Any]]
) -> Response[dict[str, Any]]:
    """Answer `{"created", "id"}`; `null` is passed over."""
    saved = _put(call, data)
    return Response(
        {"created": saved.created, "id": saved.product.id},
        status_code=201 if saved.created else 200,
    )


@get(
    ["/api/public/products", "/api/public/products-by-id"],
    summary="List products",
    tags=_COMPATIBLE,
)
@in_thread
def list_products(call: TheCall) -> dict[str, Any]:
    """Answer a page; `?search=` keeps those whose name or custom id holds the text."""
    return _page(call, call.parameter("search"))


@get(
    ["/api/public/products/search", "/api/public/products-by-id/search"],
    summary="Find products",
    tags=_COMPATIBLE,
)
@in_thread
def search_products(call: TheCall) -> dict[str, Any]:
    """Answer the one product of `?custom_id=`, or a page of those that hold `?search=`."""
    custom_id = call.parameter("custom_id")
    if custom_id is not None:
        with call.read() as conn:
            return compatible_product(api.get_product(conn, call.scope, custom_id))
    words = call.parameter("search") or call.parameter("query") or call.parameter("name")
    if words is None:
        raise Invalid.at("#search", "required", "Say what to find: ?search= or ?custom_id=.")
    return _page(call, words)


def _page(call: Call, words: str | None) -> dict[str, Any]:
    with call.read() as conn:

        def fetch(cursor: Cursor, limit: int) -> Sequence[Product]:
            return api.list_products(
                conn,
                call.scope,
                past_id=cursor.id,
                backward=cursor.backward,
                limit=limit,
                words=words,
            )

        count = api.count_products(conn, call.scope, words=words)
        return compatible_page(call, fetch, lambda found: found.id, count, compatible_product)


@get(
    [*_both(), *_both("/details")],
    summary="Read a product",
    tags=_COMPATIBLE,
)
@in_thread
def read_product(
    call: TheCall, product_id: FromPath[str | None] = None, custom_id: FromPath[str | None] = None
) -> dict[str, Any]:
    """Answer the product, with all its attributes flat in it."""
    with call.read() as conn:
        return compatible_product(api.get_product(conn, call.scope, _key(product_id, custom_id)))


@put(_both(), summary="Update a product", tags=_COMPATIBLE)
@in_thread
def replace_product(
    call: TheCall,
    data: JSONBody[dict[str, Any]],
    product_id: FromPath[str | None] = None,
    custom_id: FromPath[str | None] = None,
) -> Response[dict[str, Any]]:
    """Change what is given, clear what is `null`, keep what is missing."""
    return _change(call, _key(product_id, custom_id), data)


@patch(_both(), summary="Update a product", tags=_COMPATIBLE)
@in_thread
def update_product(
    call: TheCall,
    data: JSONBody[dict[str, Any]],
    product_id: FromPath[str | None] = None,
    custom_id: FromPath[str | None] = None,
) -> Response[dict[str, Any]]:
    """Change what is given, clear what is `null`, keep what is missing."""
    return _change(call, _key(product_id, custom_id), data)


@delete(_both(), status_code=204, summary="Delete a product", tags=_COMPATIBLE)
@in_thread
def delete_product(
    call: TheCall, product_id: FromPath[str | None] = None, custom_id: FromPath[str | None] = None
) -> None:
    """Take the product out of lists; its events and name stay (decision 22)."""
    with call.write() as (conn, receipt):
        api.delete_product(conn, call.scope, _key(product_id, custom_id), now=receipt.now)


@post(
    _both("/set_attribute"),
    status_code=200,
    summary="Set one attribute of a product",
    tags=_COMPATIBLE,
)
@in_thread
def set_product_attribute(
    call: TheCall,
    data: JSONBody[dict[str, Any]],
    product_id: FromPath[str | None] = None,
    custom_id: FromPath[str | None] = None,
) -> Response[dict[str, Any]]:
    """Take `{"attribute", "value"}`; `null` clears."""
    name = data.get("attribute")
    if not isinstance(name, str) or not name:
        raise Invalid.at("/attribute", "required", "This field is required.")
    if "value" not in data:
        raise Invalid.at("/value", "required", "This field is required.")
    return _change(call, _key(product_id, custom_id), {name: data["value"]})


@post(
    _both("/set_multiple_attributes"),
    status_code=200,
    summary="Set attributes of a product",
    tags=_COMPATIBLE,
)
@in_thread
def set_product_attributes(
    call: TheCall,
    data: JSONBody[dict[str, Any]],
    product_id: FromPath[str | None] = None,
    custom_id: FromPath[str | None] = None,
) -> Response[dict[str, Any]]:
    """Take attributes by name; `null` clears."""
    return _change(call, _key(product_id, custom_id), data)


class ProductBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Attribute values by name. What is missing stays, `null` clears."""

    attributes: dict[str, Any] = field(default_factory=dict)


def _values_before(conn: Connection, call: Call, key: ProductKey) -> dict[str, Any] | None:
    """Return the values of a living product for the audit log, if this call is written there.

    What people do is; machines write millions.
    """
    if call.access.actor.kind != "user":
        return None
    try:
        return api.get_product(conn, call.scope, key).values
    except NotFound:
        return None


def _record(
    conn: Connection,
    call: Call,
    now: Instant,
    action: str,
    product: Product,
    before: dict[str, Any] | None,
    *,
    is_gone: bool = False,
) -> None:
    if call.access.actor.kind == "user":
        record_change(
            conn,
            call.access,
            now,
            action=action,
            object_kind="product",
            object_id=product.custom_id,
            before=before,
            after=None if is_gone else product.values,
            object_name=product.name,
        )


def _shown(saved: SavedProduct) -> Response[ProductAnswer]:
    answer = shown_product(saved.product, set_aside=saved.set_aside)
    return Response(answer, status_code=201 if saved.created else 200)


@get(
    "/api/v1/products/{custom_id:str}",
    summary="Read a product by custom id",
    tags=_OWN,
)
@in_thread
def read_own_product(call: TheCall, custom_id: FromPath[str]) -> ProductAnswer:
    """Answer the product with its present attribute values."""
    with call.read() as conn:
        return shown_product(api.get_product(conn, call.scope, decoded_segment(custom_id)))


@get(
    "/api/v1/products/by-id/{product_id:str}",
    summary="Read a product by internal id",
    tags=_OWN,
)
@in_thread
def read_own_product_by_id(
    call: TheCall, product_id: FromPath[str], wanted: StateParameter = None
) -> ProductAnswer:
    """Answer the product with its present attribute values; a deleted one where `state` asks."""
    check_parameters(call, {"state"})
    with call.read() as conn:
        key = ProductId(record_id(product_id))
        state = product_state(wanted)
        product = api.get_product(conn, call.scope, key, deleted_too=state != "living")
        if state == "deleted" and product.deleted_at is None:
            raise NotFound("There is no such product.", code="product_not_found")
        return shown_product(product)


@put(
    "/api/v1/products/{custom_id:str}",
    summary="Create or update a product",
    tags=_OWN,
)
@in_thread
def put_own_product(
    call: TheCall, custom_id: FromPath[str], data: JSONBody[ProductBody]
) -> Response[ProductAnswer]:
    """Answer 201 if it was created or revived; values that did not fit are told in `set_aside`."""
    key = decoded_segment(custom_id)
    with call.write() as (conn, receipt):
        before = _values_before(conn, call, key)
        saved = api.put_product(
            conn,
            call.scope,
            key,
            data.attributes,
            clears=True,
            now=receipt.now,
            position=receipt.position,
        )
        action = "product.created" if saved.created else "product.changed"
        _record(conn, call, receipt.now, action, saved.product, before)
    return _shown(saved)


@patch(
    "/api/v1/products/{custom_id:str}",
    summary="Update a product",
    tags=_OWN,
)
@in_thread
def patch_own_product(
    call: TheCall, custom_id: FromPath[str], data: JSONBody[ProductBody]
) -> Response[ProductAnswer]:
    """Change what is given; 404 where there is no such product."""
    key = decoded_segment(custom_id)
    with call.write() as (conn, receipt):
        before = _values_before(conn, call, key)
        saved = api.change_product(
            conn,
            call.scope,
            key,
            data.attributes,
            now=receipt.now,
            position=receipt.position,
        )
        _record(conn, call, receipt.now, "product.changed", saved.product, before)
    return _shown(saved)


@delete(
    "/api/v1/products/{custom_id:str}",
    status_code=204,
    summary="Delete a product",
    tags=_OWN,
)
@in_thread
def delete_own_product(call: TheCall, custom_id: FromPath[str]) -> None:
    """Take the product out of lists; its events and name stay (decision 22)."""
    key = decoded_segment(custom_id)
    with call.write() as (conn, receipt):
        product = api.get_product(conn, call.scope, key)
        before = _values_before(conn, call, key)
        api.delete_product(conn, call.scope, key, now=receipt.now)
        _record(conn, call, receipt.now, "product.deleted", product, before, is_gone=True)


def _revive(call: Call, key: ProductKey) -> ProductAnswer:
    with call.write() as (conn, receipt):
        before = _values_before(conn, call, key)
        product = api.revive_product(conn, call.scope, key, now=receipt.now)
        _record(conn, call, receipt.now, "product.revived", product, before)
        return shown_product(product)


@post(
    "/api/v1/products/{custom_id:str}/revive",
    status_code=200,
    summary="Undo the deletion of a product",
    tags=_OWN,
)
@in_thread
def revive_own_product(call: TheCall, custom_id: FromPath[str]) -> ProductAnswer:
    """Put the product back into lists as it was; one that is not deleted stays as it is."""
    return _revive(call, decoded_segment(custom_id))


@post(
    "/api/v1/products/by-id/{product_id:str}/revive",
    status_code=200,
    summary="Undo the deletion of a product, by internal id",
    tags=_OWN,
)
@in_thread
def revive_own_product_by_id(call: TheCall, product_id: FromPath[str]) -> ProductAnswer:
    """Put the product back into lists as it was; one that is not deleted stays as it is."""
    return _revive(call, ProductId(record_id(product_id)))


ROUTES: Final[list[HTTPRouteHandler]] = [
    create_product,
    update_or_create_product,
    list_products,
    search_products,
    read_product,
    replace_product,
    update_product,
    delete_product,
    set_product_attribute,
    set_product_attributes,
    *LISTING_ROUTES,
    read_own_product,
    read_own_product_by_id,
    put_own_product,
    patch_own_product,
    delete_own_product,
    revive_own_product,
    revive_own_product_by_id,
]
