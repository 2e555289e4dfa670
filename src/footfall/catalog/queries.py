"""The catalog's statements: products in the state store, lists and numbers in the warehouse."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    select,
)

from footfall.attributes.filters import condition, sort_key
from footfall.attributes.types import Definition
from footfall.catalog.types import ListPlace, NumberName, ProductListing, ProductState
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import fetch_rows, insert_many, one_of, upsert
from footfall.state.schema import dirty_objects, products
from footfall.warehouse.api import CURRENT_MEMBERS, Parameter, Statement, order_lines, statement

#: What an open product is made of, in this order.
OPEN_COLUMNS = (
    products.c.id,
    products.c.custom_id,
    products.c.profile,
    products.c.created_at,
    products.c.updated_at,
    products.c.deleted_at,
    products.c.revision,
)
_CHANGING = ("name", "profile", "updated_at", "deleted_at", "revision")
_NAMES = select(products.c.id, products.c.custom_id, products.c.name)


def by_custom_id(conn: Connection, scope: Scope, custom_ids: Collection[str]) -> list[list[Any]]:
    """Return OPEN_COLUMNS of the products with these custom ids, deleted ones too."""
    return _open_columns(conn, scope, products.c.custom_id, custom_ids)


def by_id(conn: Connection, scope: Scope, ids: Collection[int]) -> list[list[Any]]:
    """Return OPEN_COLUMNS of the products with these ids, deleted ones too."""
    return _open_columns(conn, scope, products.c.id, ids)


def _open_columns(
    conn: Connection, scope: Scope, column: "Column[Any]", values: Collection[Any]
) -> list[list[Any]]:
    if not values:
        return []
    own = select(*OPEN_COLUMNS).where(products.c.workspace_id == scope.workspace_id)
    return fetch_rows(conn, own.where(one_of(conn, column, values)))


def names(conn: Connection, scope: Scope, ids: Collection[int]) -> list[list[Any]]:
    """Return (id, custom_id, name) of these products, deleted ones too."""
    if not ids:
        return []
    own = _NAMES.where(products.c.workspace_id == scope.workspace_id)
    return fetch_rows(conn, own.where(one_of(conn, products.c.id, ids)))


def ids_of(conn: Connection, scope: Scope, custom_ids: Collection[str]) -> list[int]:
    """Return the ids of the products with these custom ids, deleted ones too."""
    return list(
        conn.scalars(
            select(products.c.id).where(
                products.c.workspace_id == scope.workspace_id,
                products.c.custom_id.in_(list(custom_ids)),
            )
        )
    )


def _living(scope: Scope, words: str | None) -> Any:
    conditions = [products.c.workspace_id == scope.workspace_id, products.c.deleted_at.is_(None)]
    if words:
        pattern = "%" + words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        pattern += "%"
        conditions.append(
            func.lower(products.c.name).like(pattern, escape="\\")
            | func.lower(products.c.custom_id).like(pattern, escape="\\")
        )
    return and_(*conditions)


def page(
    conn: Connection,
    scope: Scope,
    *,
    past_id: int,
    backward: bool = False,
    limit: int,
    words: str | None,
) -> Sequence[Sequence[Any]]:
    """Return up to `limit` living products whose name or custom id holds `words`.

    Args:
        past_id: They lie past it by id, or before it if `backward`; the nearest to it come first.
    """
    side = products.c.id < past_id if backward else products.c.id > past_id
    return conn.execute(
        select(*OPEN_COLUMNS)
        .where(_living(scope, words), side)
        .order_by(products.c.id.desc() if backward else products.c.id)
        .limit(limit)
    ).all()


def count(conn: Connection, scope: Scope, *, words: str | None) -> int:
    """Return how many living products there are whose name or custom id holds `words`."""
    statement = select(func.count()).select_from(products).where(_living(scope, words))
    return conn.execute(statement).scalar_one()


def count_all(conn: Connection, scope: Scope) -> int:
    """Return how many products there are, deleted ones too."""
    own = products.c.workspace_id == scope.workspace_id
    return conn.execute(select(func.count()).select_from(products).where(own)).scalar_one()


def ids_past(conn: Connection, scope: Scope, after_id: int, limit: int) -> list[int]:
    """Return up to `limit` ids past `after_id`, deleted products too."""
    return list(
        conn.scalars(
            select(products.c.id)
            .where(products.c.workspace_id == scope.workspace_id, products.c.id > after_id)
            .order_by(products.c.id)
            .limit(limit)
        )
    )


def insert(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert new products, whole rows."""
    insert_many(conn, products, rows)


def save(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Write changed products, whole rows."""
    upsert(conn, products, rows, update=_CHANGING)


def mark_dirty(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Note that these products' snapshots are old."""
    upsert(conn, dirty_objects, rows, update=["revision"])


def mark_all_dirty(conn: Connection) -> None:
    """Note that every product's snapshot is to be made again, in every workspace."""
    conn.execute(delete(dirty_objects).where(dirty_objects.c.kind == "product"))
    conn.execute(
        dirty_objects.insert().from_select(
            ["workspace_id", "kind", "object_id", "revision"],
            select(
                products.c.workspace_id,
                bindparam("kind", "product", products.c.name.type),
                products.c.id,
                products.c.revision,
            ),
        )
    )


_STATES: dict[ProductState, str] = {"living": "deleted = 0", "deleted": "deleted = 1", "all": "1"}
_SEARCHED = (
    "(positionCaseInsensitiveUTF8(ifNull(name, ''), {search:String}) > 0"
    " OR positionCaseInsensitiveUTF8(custom_id, {search:String}) > 0)"
)
_VISITORS = "traffic = 'visitor'"
_SINCE = "occurred_at >= fromUnixTimestamp64Milli({since:Int64})"
_VIEWS = "event_type IN ('view', 'detail')"
_CARTS = "event_type IN ('add', 'add to cart')"
_OF_ORDERS = "event_type IN ('purchase', 'order', 'refund', 'return')"
#: Unrounded; a line has at most 18 digits before the point.
_AMOUNT = (
    "toDecimal128(ifNull(unit_price, 0), 4) * toDecimal256(ifNull(quantity, 1), 4)"
    " * if(part = 'line', 1, if(part = '', 0, -1))"
)


def _chosen(listing: ProductListing) -> tuple[str, dict[str, Parameter]]:
    """Return the condition that a listing asks of snapshots, and its values."""
    conditions = [_STATES[listing.state]]
    values: dict[str, Parameter] = {}
    if listing.search is not None:
        conditions.append(_SEARCHED)
        values["search"] = listing.search
    for number, wanted in enumerate(listing.filters):
        text, bound = condition(wanted, number)
        conditions.append(text)
        values |= bound
    if listing.segment_id is not None:
        conditions.append(f"id IN ({CURRENT_MEMBERS})")
        values["segment_id"] = listing.segment_id
    return " AND ".join(conditions), values


def _numbered(name: NumberName) -> tuple[str, str]:
    """Return the subquery that counts `sorted_by` of each product, and the type of the count."""
    if name in {"views", "carts"}:
        acts = _VIEWS if name == "views" else _CARTS
        counts = f"SELECT product_id, count() AS sorted_by FROM {{events}} WHERE {acts}"  # noqa: S608 - constants of this file
        return f"({counts} AND {_VISITORS} AND {_SINCE} GROUP BY product_id)", "UInt64"
    lines = order_lines(_VISITORS, _SINCE)
    if name == "purchases":
        counts = f"SELECT product_id, countIf(part = 'line') AS sorted_by FROM {lines}"  # noqa: S608 - constants of this file
        return f"({counts} GROUP BY product_id)", "UInt64"
    total = f"SELECT product_id, sum({_AMOUNT}) AS sorted_by FROM {lines}"  # noqa: S608 - constants of this file
    of_currency = "WHERE ifNull(currency, '') = {currency:String}"
    return f"({total} {of_currency} GROUP BY product_id)", "Decimal(76, 8)"


def listed(
    scope: Scope, listing: ProductListing, *, past: ListPlace | None, limit: int
) -> Statement:
    """Return (id, sort key as text or null, how many there are) of up to `limit` products.

    Args:
        past: They follow this one.
    """
    chosen, values = _chosen(listing)
    key = listing.order.key
    source, kind = "{products}", "UInt64"
    if isinstance(key, Definition):
        sorted_by, kind = sort_key(key, "sort_attribute")
        values["sort_attribute"] = key.name_std
    elif key == "id":
        sorted_by = "toNullable(id)"
    elif key == "custom_id":
        sorted_by, kind = "toNullable(lowerUTF8(custom_id))", "String"
    else:
        numbers, kind = _numbered(key)
        source += f" AS p LEFT JOIN {numbers} AS n ON n.product_id = p.id"
        sorted_by = "toNullable(n.sorted_by)"
        values["since"] = listing.since
        if key == "revenue":
            values["currency"] = listing.currency or ""
    after = "1"
    if past is not None:
        after, bound = _after(past, kind, descending=listing.order.descending)
        values |= bound
    return statement(
        scope,
        f"""
        SELECT id, toString(sort_value), total
        FROM (
            SELECT id, {sorted_by} AS sort_value, count() OVER () AS total
            FROM {source} WHERE {chosen}
        )
        WHERE {after}
        ORDER BY sort_value {"DESC" if listing.order.descending else "ASC"} NULLS LAST, id
        LIMIT {{limit:UInt32}}
        """,  # noqa: S608 - every part is a constant of this file or of attributes, values are bound
        limit=limit,
        **values,
    )


def _after(past: ListPlace, kind: str, *, descending: bool) -> tuple[str, dict[str, Parameter]]:
    if past.key is None:
        return "sort_value IS NULL AND id > {past_id:UInt64}", {"past_id": past.id}
    sign = "<" if descending else ">"
    key = f"{{past_key:{kind}}}"
    ties = f"sort_value = {key} AND id > {{past_id:UInt64}}"
    after = f"(sort_value IS NULL OR sort_value {sign} {key} OR ({ties}))"
    return after, {"past_id": past.id, "past_key": past.key}


def number_listed(scope: Scope, listing: ProductListing) -> Statement:
    """Return how many products a listing shows."""
    chosen, values = _chosen(listing)
    return statement(scope, f"SELECT count() FROM {{products}} WHERE {chosen}", **values)  # noqa: S608 - conditions are constants of this file and of attributes, values are bound


def acts(scope: Scope, ids: Collection[int], since: Instant) -> Statement:
    """Return (product, views, additions to carts, orders) of each of these products that has any.

    Orders are the ids of the orders in which it was sold or taken back, empty for none.
    """
    return statement(
        scope,
        f"""
        SELECT product_id, countIf({_VIEWS}), countIf({_CARTS}),
            groupUniqArrayIf(ifNull(order_id, ''), {_OF_ORDERS})
        FROM {{events}}
        WHERE product_id IN {{ids:Array(UInt64)}} AND {_SINCE} AND {_VISITORS}
            AND ({_VIEWS} OR {_CARTS} OR {_OF_ORDERS})
        GROUP BY product_id
        """,  # noqa: S608 - constants of this file, values are bound
        ids=list(ids),
        since=since,
    )


def sales(scope: Scope, ids: Collection[int], since: Instant, orders: Sequence[str]) -> Statement:
    """Return (product, currency, lines of orders, revenue) of each of these products that has any.

    Revenue is decimal text: lines minus refunds and returns.

    Args:
        orders: Every order that `acts` names of these products.
    """
    chosen = f"product_id IN {{ids:Array(UInt64)}} AND {_SINCE}"
    return statement(
        scope,
        f"""
        SELECT product_id, currency, countIf(part = 'line'), toString(sum({_AMOUNT}))
        FROM {order_lines(_VISITORS, chosen, "orders")}
        WHERE part != ''
        GROUP BY product_id, currency
        ORDER BY product_id, currency
        """,  # noqa: S608 - constants of this file, values are bound
        ids=list(ids),
        since=since,
        orders=list(orders),
    )


def currencies(scope: Scope, since: Instant) -> Statement:
    """Return the currencies of what was sold, the commonest first."""
    return statement(
        scope,
        f"""
        SELECT currency FROM {{events}}
        WHERE event_type IN ('purchase', 'order') AND currency IS NOT NULL AND {_SINCE}
        GROUP BY currency
        ORDER BY count() DESC, currency
        """,  # noqa: S608 - constants of this file, values are bound
        since=since,
    )
