"""Reads carts back with their products, and fills them from the warehouse."""

from decimal import Decimal
from typing import Any, Final

from msgspec import Raw, Struct

from footfall.catalog.api import product_names, products_now
from footfall.catalog.types import Product, ProductName
from footfall.contacts.api import (
    CART_EVENTS,
    CART_MS,
    CartChange,
    CartItem,
    ContactKey,
    cart_items,
    cart_totals,
    get_contact,
    keep_cart_changes,
)
from footfall.ingest import queries
from footfall.kernel.instants import Instant, to_iso
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import list_workspaces, scope_of

#: Events per transaction: each holds the state's one write lock for some ten milliseconds.
_EVENTS_PER_STEP: Final = 5_000


class CartLine(Struct, frozen=True):
    """A product in a cart."""

    product: ProductName
    image_url: str | None
    product_url: str | None
    quantity: Raw  #: a JSON number, exact
    unit_price: Raw  #: the same, or null: of the last event that named one
    currency: str | None  #: of that event
    present_price: Raw  #: the product's now, or null
    present_currency: str | None
    added_at: str  #: ISO 8601, UTC, milliseconds
    last_changed_at: str


class CartSum(Struct, frozen=True):
    """What the items of one currency cost together."""

    currency: str | None
    amount: Raw  #: a JSON number, exact
    estimated: int  #: items that are counted at their product's present price


class Cart(Struct, frozen=True):
    """What lies in a contact's cart now."""

    contact_id: int
    items: list[CartLine]  #: the one that lies there longest first
    totals: list[CartSum]  #: never added up over currencies
    unpriced: int  #: items that no total holds
    since: str | None  #: when the oldest item came in; None for an empty cart
    last_changed_at: str | None  #: of the items that lie there
    age_seconds: int | None  #: since `since`


def read_cart(state: State, scope: Scope, contact: ContactKey, now: Instant) -> Cart:
    """Return the cart of a contact.

    Raises:
        NotFound: There is no such contact.
    """
    with state.read() as conn:
        found = get_contact(conn, scope, contact)
        items = cart_items(conn, scope, found.id, now)
        ids = [item.product_id for item in items]
        names = product_names(conn, scope, ids)
        products = products_now(conn, scope, ids)
    present = {
        product_id: (_value(product, "price"), _value(product, "currency"))
        for product_id, product in products.items()
    }
    totals, unpriced = cart_totals(items, present)
    since = min((item.added_at for item in items), default=None)
    return Cart(
        found.id,
        [_line(item, names, products.get(item.product_id)) for item in items],
        [CartSum(total.currency, _number(total.amount), total.estimated) for total in totals],
        unpriced,
        None if since is None else to_iso(since),
        to_iso(max(item.last_changed_at for item in items)) if items else None,
        None if since is None else max(0, now - since) // 1000,
    )


def _line(item: CartItem, names: dict[int, ProductName], product: Product | None) -> CartLine:
    price = _value(product, "price")
    return CartLine(
        # Missing only if the state store lost the product.
        names.get(item.product_id) or ProductName(item.product_id, "", None),
        _value(product, "image_url"),
        _value(product, "product_url"),
        _number(item.quantity),
        _number(item.unit_price),
        item.currency,
        _number(None if price is None else Decimal(str(price))),
        _value(product, "currency"),
        to_iso(item.added_at),
        to_iso(item.last_changed_at),
    )


def _value(product: Product | None, name: str) -> Any:
    cell = None if product is None else product.profile.get(name)
    return None if cell is None else cell.value


def _number(number: Decimal | None) -> Raw:
    if number is None:
        return Raw(b"null")
    text = f"{number:f}"
    return Raw((text.rstrip("0").rstrip(".") if "." in text else text).encode())


def fill_carts(state: State, warehouse: Warehouse, now: Instant) -> None:
    """Give carts what the stored events say; what they know already stays as it is."""
    with state.read() as conn:
        scopes = [scope_of(workspace) for workspace in list_workspaces(conn)]
    for scope in scopes:
        after: int | None = 0
        while after is not None:
            rows = warehouse.rows(
                queries.cart_events(
                    scope,
                    sorted(CART_EVENTS),
                    since=Instant(now - CART_MS),
                    after=after,
                    limit=_EVENTS_PER_STEP,
                )
            )
            changes = [(contact_id, CartChange(*change)) for contact_id, *change in rows]
            with state.write() as conn:
                keep_cart_changes(conn, scope, changes, only_living=True)
            after = rows[-1][2] if len(rows) == _EVENTS_PER_STEP else None
