"""Lists of products: found and sorted in the warehouse, shown as the state store has them now.

Only the plain list, by id, is found in the state store itself. The others read the snapshots, which
are up to a second old: what `Prefer: wait` waits for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from msgspec import Raw

from footfall.catalog import queries
from footfall.catalog.book import product_of
from footfall.catalog.types import (
    CurrencyAmount,
    ListPlace,
    Product,
    ProductListing,
    ProductNumbers,
    ProductOrder,
    ProductState,
)
from footfall.kernel.instants import Instant
from footfall.kernel.money import plain_amount, rounded_sum
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse


@dataclass(frozen=True, slots=True)
class FoundProducts:
    """One page of a list."""

    products: Sequence[Product]
    next: ListPlace | None
    total: int  #: on all pages, as the snapshots have it


def find_products(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    listing: ProductListing,
    *,
    past: ListPlace | None,
    limit: int,
) -> FoundProducts:
    """Return up to `limit` products of a listing that follow `past`."""
    if _is_plain(listing):
        return _by_id(state, warehouse, scope, listing, past, limit)
    rows = warehouse.rows(queries.listed(scope, listing, past=past, limit=limit + 1))
    more = len(rows) > limit
    del rows[limit:]
    total = rows[0][2] if rows else 0
    if not rows and past is not None:
        total = _total(warehouse, scope, listing)
    with state.read() as conn:
        found = queries.by_id(conn, scope, [row[0] for row in rows])
    products = {row[0]: product_of(row) for row in found}
    shown = [products[row[0]] for row in rows if row[0] in products]
    return FoundProducts(
        [product for product in shown if _is_in(listing.state, product)],
        ListPlace(rows[-1][1], rows[-1][0]) if more else None,
        total,
    )


def _is_plain(listing: ProductListing) -> bool:
    return listing.order == ProductOrder() and (
        (listing.search, tuple(listing.filters), listing.state, listing.segment_id)
        == (None, (), "living", None)
    )


def _is_in(state: ProductState, product: Product) -> bool:
    """Return whether a product is still as its snapshot said, when that was the reason."""
    return state == "all" or (product.deleted_at is not None) == (state == "deleted")


def _by_id(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    listing: ProductListing,
    past: ListPlace | None,
    limit: int,
) -> FoundProducts:
    with state.read() as conn:
        after = 0 if past is None else past.id
        rows = queries.page(conn, scope, past_id=after, limit=limit + 1, words=None)
    products = [product_of(row) for row in rows[:limit]]
    following = ListPlace(None, products[-1].id) if len(rows) > limit else None
    return FoundProducts(products, following, _total(warehouse, scope, listing))


def _total(warehouse: Warehouse, scope: Scope, listing: ProductListing) -> int:
    [(total,)] = warehouse.rows(queries.number_listed(scope, listing))
    return int(total)


def commonest_currency(warehouse: Warehouse, scope: Scope, since: Instant) -> str | None:
    """Return the currency of most purchases since then, None if they name none."""
    rows = warehouse.rows(queries.currencies(scope, since))
    return rows[0][0] if rows else None


def product_numbers(
    warehouse: Warehouse, scope: Scope, ids: Collection[int], since: Instant
) -> dict[int, ProductNumbers]:
    """Return what visitors did with each of these products since then, zeros where nothing."""
    if not ids:
        return {}
    acts = {row[0]: row[1:] for row in warehouse.rows(queries.acts(scope, ids, since))}
    sold_ids = [product_id for product_id, (_, _, orders) in acts.items() if orders]
    sales: Sequence[tuple[Any, ...]] = ()
    if sold_ids:
        named = {order for _, _, orders in acts.values() for order in orders if order}
        sales = warehouse.rows(queries.sales(scope, sold_ids, since, sorted(named)))
    purchases: dict[int, int] = {}
    revenue: dict[int, list[CurrencyAmount]] = {}
    for product_id, currency, lines, amount in sales:
        purchases[product_id] = purchases.get(product_id, 0) + lines
        shown = CurrencyAmount(currency, Raw(plain_amount(rounded_sum(Decimal(amount))).encode()))
        revenue.setdefault(product_id, []).append(shown)
    numbers: dict[int, ProductNumbers] = {}
    for product_id in ids:
        views, carts, _ = acts.get(product_id, (0, 0, ()))
        sold = purchases.get(product_id, 0)
        numbers[product_id] = ProductNumbers(views, carts, sold, revenue.get(product_id, []))
    return numbers
