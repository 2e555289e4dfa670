"""HTTP of lists of products: search, filters, order, columns; and a product's values one by one."""

import re
from collections.abc import Collection
from math import isfinite
from typing import Annotated, Final, NamedTuple
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import UNSET, Meta, Struct
from msgspec.json import Decoder

from footfall.attributes.api import Definitions, load_definitions
from footfall.attributes.filters import MAX_FILTERS, OPERATORS, read_filters
from footfall.attributes.types import Definition
from footfall.catalog import api
from footfall.catalog.answers import (
    ProductAnswer,
    ProductValues,
    shown_product,
    shown_values,
)
from footfall.catalog.api import ProductKey
from footfall.catalog.listing import commonest_currency, find_products, product_numbers
from footfall.catalog.types import (
    NUMBER_NAMES,
    PRODUCT_STATES,
    ListPlace,
    NumberName,
    ProductListing,
    ProductOrder,
    ProductState,
)
from footfall.http.edge import decoded_segment, record_id
from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CursorParameter,
    check_parameters,
    packed_cursor,
    unpacked_cursor,
)
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Invalid
from footfall.kernel.ids import ProductId
from footfall.kernel.instants import DAY_MS, Instant
from footfall.kernel.money import currency_of
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import get_workspace

_TAGS: Final = ["products"]
#: Before the name of a number, in which no attribute's name has a point.
NUMBERS_PREFIX: Final = "last_30_days."
_NUMBERS_MS: Final = 30 * DAY_MS
_MAX_COLUMNS: Final = 100
_PARAMETERS: Final = frozenset(
    {
        *("cursor", "limit", "search", "segment", "filter", "sort"),
        *("state", "columns", "currency"),
    }
)

TheWarehouse = NamedDependency[SkipValidation[Warehouse]]


#: Sort keys as the warehouse writes them.
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_FLOAT: Final = re.compile(r"-?[0-9]{1,17}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")
_AMOUNT: Final = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,8})?")


class _Cursor(Struct, frozen=True, array_like=True):
    """Where which list goes on; the order is in it, as the key means nothing in another."""

    sort: Annotated[str, Meta(max_length=128)]
    key: Annotated[str, Meta(max_length=256, pattern=r"^[^\x00]*$")] | None
    id: Annotated[int, Meta(ge=0, le=2**63 - 1)]


_decode_cursor: Final = Decoder(_Cursor).decode


class ProductPage(Struct, frozen=True):
    """Some products, in the order asked for."""

    results: list[ProductAnswer]
    next: str | None
    total: int  #: on all pages
    currency: str | None  #: of the revenue that the list is sorted by


class Columns(NamedTuple):
    """What a list shows of each product."""

    attributes: Collection[str] | None  #: standard names; None: all
    numbers: bool


def read_order(definitions: Definitions, text: str) -> ProductOrder:
    """Return what `sort` asks for: an attribute, `id`, `custom_id` or a number; `-` reverses.

    Raises:
        Invalid: There is no such thing.
    """
    name = text.removeprefix("-").strip()
    descending = text.startswith("-")
    if name == "id":
        return ProductOrder("id", descending)
    if name == "custom_id":
        return ProductOrder("custom_id", descending)
    key: Definition | NumberName | None = _number_name(name) or definitions.get(name)
    if key is None:
        raise Invalid.at(
            "#sort",
            "unknown_order",
            f"Sort by id, custom_id, an attribute, or one of: {', '.join(_numbers())}.",
        )
    return ProductOrder(key, descending)


def _numbers() -> list[str]:
    return [NUMBERS_PREFIX + name for name in NUMBER_NAMES]


def _number_name(text: str) -> NumberName | None:
    return next((name for name in NUMBER_NAMES if text == NUMBERS_PREFIX + name), None)


def read_columns(definitions: Definitions, text: str | None) -> Columns:
    """Return the columns named in `text`, with commas between them; all attributes for None.

    Raises:
        Invalid: There is no such attribute or number.
    """
    if text is None:
        return Columns(None, numbers=False)
    attributes: set[str] = set()
    numbers = False
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) > _MAX_COLUMNS:
        raise Invalid.at("#columns", "too_many_columns", f"A list shows {_MAX_COLUMNS} columns.")
    for name in names:
        definition = definitions.get(name)
        if _number_name(name) is not None:
            numbers = True
        elif definition is not None:
            attributes.add(definition.name_std)
        else:
            raise Invalid.at(
                "#columns",
                "unknown_column",
                f"Name attributes, or one of: {', '.join(_numbers())}.",
            )
    return Columns(attributes, numbers)


def product_state(text: str | None) -> ProductState:
    """Return which products `state` means, the living ones if nothing is said.

    Raises:
        Invalid: There is no such state.
    """
    if text is None:
        return "living"
    for state in PRODUCT_STATES:
        if text == state:
            return state
    raise Invalid.at("#state", "unknown_state", f"Use one of: {', '.join(PRODUCT_STATES)}.")


def _past(cursor: str | None, sort: str, order: ProductOrder) -> ListPlace | None:
    """Return where the list goes on.

    Raises:
        Invalid: The cursor is none of ours, or of a list in another order.
    """
    if cursor is None:
        return None
    place = unpacked_cursor(cursor, _decode_cursor)
    if place.sort != sort or not _may_be_key(place.key, order):
        raise Invalid.at(
            "#cursor", "broken_cursor", "This cursor is of a list in another order; start anew."
        )
    return ListPlace(place.key, place.id)


def _may_be_key(key: str | None, order: ProductOrder) -> bool:
    """Return whether the warehouse can compare `key` with what the list is sorted by."""
    if key is None:
        return order == ProductOrder() or isinstance(order.key, Definition)
    kind = order.key.value_type if isinstance(order.key, Definition) else order.key
    if kind == "float":
        return _FLOAT.fullmatch(key) is not None and isfinite(float(key))
    if kind == "revenue":
        return _AMOUNT.fullmatch(key) is not None
    if kind in {"integer", "id", "views", "carts", "purchases"}:
        lowest = -(2**63) if kind == "integer" else 0
        return _INTEGER.fullmatch(key) is not None and lowest <= int(key) < 2**63
    return True


def _currency(text: str | None) -> str | None:
    if text is None:
        return None
    found = currency_of(text)
    if found is None:
        raise Invalid.at("#currency", "unknown_currency", "Use an ISO 4217 code such as EUR.")
    return found


SearchParameter = Annotated[
    str | None, QueryParameter(description="Text that the name or custom id holds.")
]
SegmentParameter = Annotated[
    int | None, QueryParameter(ge=1, le=2**31 - 1, description="Id of a segment of products.")
]
FilterParameter = Annotated[
    list[str] | None,
    QueryParameter(
        name="filter",
        description=(
            f"`attribute:operator:value`; repeated, all must hold, at most {MAX_FILTERS}."
            f" Operators, by the attribute's type: {', '.join(OPERATORS)}."
        ),
    ),
]
SortParameter = Annotated[
    str,
    QueryParameter(
        description=f"`id`, `custom_id`, an attribute, {', '.join(_numbers())}; `-` reverses."
    ),
]
StateParameter = Annotated[
    str | None,
    QueryParameter(name="state", description=f"One of: {', '.join(PRODUCT_STATES)}."),
]
ColumnsParameter = Annotated[
    str | None,
    QueryParameter(description="Attributes and numbers to show, with commas between them."),
]
CurrencyParameter = Annotated[
    str | None,
    QueryParameter(description="Of the revenue to sort by; else the workspace's or commonest."),
]


@get("/api/v1/products", summary="List products", tags=_TAGS)
@in_thread
def list_own_products(
    call: TheCall,
    warehouse: TheWarehouse,
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    search: SearchParameter = None,
    segment: SegmentParameter = None,
    filters: FilterParameter = None,
    sort: SortParameter = "id",
    wanted: StateParameter = None,
    columns: ColumnsParameter = None,
    currency: CurrencyParameter = None,
) -> ProductPage:
    """Answer products; deleted ones only where `state` asks for them."""
    check_parameters(call, _PARAMETERS, repeatable={"filter"})
    with call.read() as conn:
        definitions = load_definitions(conn, call.scope, "product")
        workspace = get_workspace(conn, call.scope.workspace_id)
    order = read_order(definitions, sort)
    shown = read_columns(definitions, columns)
    since = Instant(call.services.clock() - _NUMBERS_MS)
    money = None
    if order.key == "revenue":
        money = _currency(currency) or workspace.currency
        money = money or commonest_currency(warehouse, call.scope, since)
    listing = ProductListing(
        search=(search or "").strip() or None,
        filters=read_filters(definitions, filters or [], ZoneInfo(workspace.time_zone)),
        state=product_state(wanted),
        order=order,
        since=since,
        currency=money,
        segment_id=segment,
    )
    found = find_products(
        call.services.state,
        warehouse,
        call.scope,
        listing,
        past=_past(cursor, sort, order),
        limit=limit,
    )
    ids = [product.id for product in found.products] if shown.numbers else []
    numbers = product_numbers(warehouse, call.scope, ids, since)
    following = None
    if found.next is not None:
        following = packed_cursor(_Cursor(sort, found.next.key, found.next.id))
    return ProductPage(
        [
            shown_product(product, columns=shown.attributes, numbers=numbers.get(product.id, UNSET))
            for product in found.products
        ],
        following,
        found.total,
        money,
    )


def _values(call: Call, key: ProductKey) -> ProductValues:
    with call.read() as conn:
        product = api.get_product(conn, call.scope, key)
        return shown_values(product, load_definitions(conn, call.scope, "product"))


@get(
    "/api/v1/products/{custom_id:str}/attributes",
    summary="Read each value of a product",
    tags=_TAGS,
)
@in_thread
def read_values(call: TheCall, custom_id: FromPath[str]) -> ProductValues:
    """Answer every attribute with its type, its value, and who said it when."""
    return _values(call, decoded_segment(custom_id))


@get(
    "/api/v1/products/by-id/{product_id:str}/attributes",
    summary="Read each value of a product, by internal id",
    tags=_TAGS,
)
@in_thread
def read_values_by_id(call: TheCall, product_id: FromPath[str]) -> ProductValues:
    """Answer every attribute with its type, its value, and who said it when."""
    return _values(call, ProductId(record_id(product_id)))


ROUTES: Final[list[HTTPRouteHandler]] = [list_own_products, read_values, read_values_by_id]
