"""Revenue as reports say it: each order once, by currency (decisions 1 and 12)."""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Raw

from footfall.catalog.api import product_names
from footfall.catalog.types import ProductName
from footfall.ingest import queries
from footfall.ingest.reading import day_of, selected_events
from footfall.ingest.types import EventFilter, Revenue, RevenueGrouping, RevenueRow
from footfall.kernel.money import plain_amount, rounded_sum
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: The largest sum that the warehouse answers has 76 digits.
_EXACT = Context(prec=80)


def revenue(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    chosen: EventFilter,
    *,
    group_by: RevenueGrouping | None,
    zone: ZoneInfo,
    limit: int,
) -> Revenue:
    """Return purchases, refunds and returns by currency, and by day or product.

    Args:
        chosen: Which lines are shown. Which of them count is decided among all lines of their
            orders.
        zone: Where days begin.
        limit: Of rows.
    """
    with state.read() as conn:
        selection = selected_events(conn, scope, chosen)
    if selection is None:
        return Revenue([], 0)
    rows = warehouse.rows(queries.revenue(scope, selection, group_by, zone=zone, limit=limit))
    names: Mapping[int, ProductName] = {}
    if group_by == "product":
        with state.read() as conn:
            names = product_names(conn, scope, {row[0] for row in rows})
    shown = [_shown(group_by, names, row) for row in rows]
    return Revenue(shown, rows[0][-1] if rows else 0)


def _shown(
    group_by: RevenueGrouping | None, names: Mapping[int, ProductName], row: tuple[Any, ...]
) -> RevenueRow:
    key = row[0]
    group: dict[str, Any] = {}
    if group_by == "day":
        group["day"] = day_of(key)
    elif group_by == "product":
        name = names.get(key)
        group = {"product": None if name is None else name.custom_id, "product_id": key}
    return revenue_row(row[1:-1], **group)


def revenue_row(columns: Sequence[Any], **group: Any) -> RevenueRow:
    """Return the row of `queries.REVENUE_COLUMNS`, of the group named."""
    currency, purchases, refunds, returns, orders, lines, quantity, unpriced = columns
    sold, refunded, returned = map(_rounded, (purchases, refunds, returns))
    return RevenueRow(
        **group,
        currency=currency,
        purchases=_number(sold),
        refunds=_number(refunded),
        returns=_number(returned),
        revenue=_number(_EXACT.subtract(_EXACT.subtract(sold, refunded), returned)),
        orders=orders,
        lines=lines,
        quantity=_number(Decimal(quantity)),
        unpriced=unpriced,
    )


def _rounded(text: str) -> Decimal:
    return rounded_sum(Decimal(text))


def _number(amount: Decimal) -> Raw:
    return Raw(plain_amount(amount).encode())
