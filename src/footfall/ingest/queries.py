"""Ingest's statements: cursors and ranges on their way in the state store; the pages and counts
of events and activities, and revenue, in the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, and_, delete, exists, select

from footfall.attributes.types import ObjectKind
from footfall.ingest.types import ActivityGrouping, Grouping, RevenueGrouping, Traffic
from footfall.kernel.ids import Position
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import (
    delete_rows,
    fetch_rows,
    insert_missing,
    one_of,
    upsert,
)
from footfall.state.schema import (
    activity_names,
    contact_erasures,
    contact_merges,
    contacts,
    cursors,
    dirty_objects,
    products,
    projected_ranges,
)
from footfall.warehouse.api import (
    LOCAL_DAY,
    Parameter,
    Statement,
    day_offsets,
    order_lines,
    orders_once,
    statement,
    survivor,
)


def cursor(conn: Connection, name: str) -> Position:
    """Return how far the cursor called `name` has come, 0 at first."""
    found = conn.scalar(select(cursors.c.position).where(cursors.c.name == name))
    return Position(found or 0)


def move_cursor(conn: Connection, name: str, position: Position) -> None:
    """Set the cursor called `name`."""
    upsert(conn, cursors, [{"name": name, "position": position}])


def add_range(conn: Connection, first: Position, last: Position, resolved: bytes) -> None:
    """Remember the ids found for a range until the warehouse has it."""
    conn.execute(
        projected_ranges.insert(),
        {"first_position": first, "last_position": last, "resolved": resolved},
    )


def open_ranges(conn: Connection) -> Sequence[Row[Any]]:
    """Return the ranges that are not in the warehouse yet, in order."""
    return conn.execute(select(projected_ranges).order_by(projected_ranges.c.first_position)).all()


def close_ranges(conn: Connection, through: Position) -> None:
    """Forget the ranges that end at `through` or before."""
    conn.execute(delete(projected_ranges).where(projected_ranges.c.last_position <= through))


def remember_names(conn: Connection, scope: Scope, first_positions: Mapping[str, int]) -> None:
    """Note where each name of an ordinary event came first, if it was never seen before."""
    insert_missing(
        conn,
        activity_names,
        [
            {"workspace_id": scope.workspace_id, "name": name, "first_position": position}
            for name, position in first_positions.items()
        ],
    )


def first_position(conn: Connection, scope: Scope, name: str) -> int | None:
    """Return where an ordinary event of this name came first, None if there was none."""
    columns = activity_names.c
    found: int | None = conn.scalar(
        select(columns.first_position).where(
            columns.workspace_id == scope.workspace_id, columns.name == name
        )
    )
    return found


def dirty_ids(conn: Connection, kind: ObjectKind, limit: int) -> list[int]:
    """Return up to `limit` ids of products or contacts whose snapshot is old, of all workspaces."""
    found = select(dirty_objects.c.object_id).where(dirty_objects.c.kind == kind).limit(limit)
    return [object_id for (object_id,) in fetch_rows(conn, found)]


def dirty_products(conn: Connection, ids: Sequence[int]) -> list[list[Any]]:
    """Return those of these products whose snapshot is old.

    Columns: workspace_id, id, dirty revision, profile, custom_id, name, created_at, deleted_at,
    revision.
    """
    return fetch_rows(
        conn,
        select(
            products.c.workspace_id,
            products.c.id,
            dirty_objects.c.revision.label("dirty_revision"),
            products.c.profile,
            products.c.custom_id,
            products.c.name,
            products.c.created_at,
            products.c.deleted_at,
            products.c.revision,
        )
        .join(
            dirty_objects,
            and_(
                dirty_objects.c.workspace_id == products.c.workspace_id,
                dirty_objects.c.kind == "product",
                dirty_objects.c.object_id == products.c.id,
            ),
        )
        .where(one_of(conn, products.c.id, ids)),
    )


def dirty_contacts(conn: Connection, ids: Sequence[int]) -> list[list[Any]]:
    """Return those of these contacts whose snapshot is old.

    Columns: workspace_id, id, dirty revision, profile, custom_id, email, key, created_at,
    deleted_at, merged_into, revision, whether a merge of it was undone.
    """
    undone = exists().where(
        contact_merges.c.merged_id == contacts.c.id, contact_merges.c.undone_at.is_not(None)
    )
    return fetch_rows(
        conn,
        select(
            contacts.c.workspace_id,
            contacts.c.id,
            dirty_objects.c.revision.label("dirty_revision"),
            contacts.c.profile,
            contacts.c.custom_id,
            contacts.c.email,
            contacts.c.key,
            contacts.c.created_at,
            contacts.c.deleted_at,
            contacts.c.merged_into,
            contacts.c.revision,
            undone.label("was_merged"),
        )
        .join(
            dirty_objects,
            and_(
                dirty_objects.c.workspace_id == contacts.c.workspace_id,
                dirty_objects.c.kind == "contact",
                dirty_objects.c.object_id == contacts.c.id,
            ),
        )
        .where(one_of(conn, contacts.c.id, ids)),
    )


def clean(conn: Connection, copied: list[dict[str, Any]]) -> None:
    """Take objects off the dirty list, unless they changed again since the `revision` copied."""
    delete_rows(conn, dirty_objects, copied)


def erasures(conn: Connection) -> Sequence[Row[Any]]:
    """Return the deleted contacts whose events still have to leave the warehouse."""
    return conn.execute(select(contact_erasures)).all()


def close_erasures(conn: Connection, contact_ids: Sequence[int]) -> None:
    """Note that these contacts' events have left the warehouse."""
    conn.execute(
        delete(contact_erasures).where(one_of(conn, contact_erasures.c.contact_id, contact_ids))
    )


History = Literal["events", "activities"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of a workspace's events or activities a statement reads; None does not matter."""

    contact_ids: Sequence[int] | None = None  #: merged ones too
    product_ids: Sequence[int] | None = None  #: of events
    event_type: str | None = None  #: of events
    kind: str | None = None  #: of activities
    name: str | None = None  #: of activities
    session: str | None = None
    source: str | None = None
    since: Instant | None = None  #: inclusive
    until: Instant | None = None  #: exclusive
    traffic: Traffic | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether it narrows by the sort key or by whole months."""
        bounds = (self.contact_ids, self.product_ids, self.since, self.until, self.session)
        return bounds != (None,) * len(bounds)


_SELECTIONS = {
    "contact_ids": "contact_id IN {contact_ids:Array(UInt64)}",
    "product_ids": "product_id IN {product_ids:Array(UInt64)}",
    "event_type": "event_type = {event_type:String}",
    "kind": "kind = {kind:String}",
    "name": "name = {name:String}",
    "session": "session_id = {session:String}",
    "source": "source = {source:String}",
    "since": "occurred_at >= fromUnixTimestamp64Milli({since:Int64})",
    "until": "occurred_at < fromUnixTimestamp64Milli({until:Int64})",
    "traffic": "traffic = {traffic:String}",
}


def _selected(selection: Selection) -> tuple[list[str], dict[str, Parameter]]:
    """Return the conditions that `selection` asks for, and their values."""
    values = {name: getattr(selection, name) for name in _SELECTIONS}
    wanted = {name: value for name, value in values.items() if value is not None}
    return [_SELECTIONS[name] for name in wanted], wanted


def _iso(column: str) -> str:
    return f"concat(replaceOne(toString({column}, 'UTC'), ' ', 'T'), 'Z')"


#: Of each relation: its id, and the columns of a page. Instants come as ISO 8601 and decimals as
#: text, ready to be sent.
_EVENT_COLUMNS = (
    "event_id, event_key, toString(event_type),"
    f" {_iso('occurred_at')}, {_iso('received_at')},"
    " source, contact_id, product_id, attributes, custom_data,"
    " toString(unit_price), toString(quantity), currency, order_id,"
    " session_id, toString(traffic)"
)
_ACTIVITY_COLUMNS = (
    "activity_id, activity_key, toString(kind), name,"
    f" {_iso('occurred_at')}, {_iso('received_at')},"
    " source, contact_id, session_id, url, referrer,"
    " utm_source, utm_medium, utm_campaign, utm_term, utm_content,"
    " device_type, os, browser, language, toString(traffic), attributes"
)
_PAGES: dict[History, tuple[str, str]] = {
    "events": ("event_id", _EVENT_COLUMNS),
    "activities": ("activity_id", _ACTIVITY_COLUMNS),
}


def page(
    scope: Scope, history: History, selection: Selection, *, after: int, through: int, limit: int
) -> Statement:
    """Return the newest `limit` rows with ids past `after` up to `through`, the newest first.

    The engine sorts by the id alone and reads the wide columns of those rows only that are
    returned.
    """
    key, columns = _PAGES[history]
    conditions, values = _selected(selection)
    conditions += [f"{key} > {{after:UInt64}}", f"{key} <= {{through:UInt64}}"]
    return statement(
        scope,
        f"""
        SELECT {columns}
        FROM {{{history}}}
        WHERE {" AND ".join(conditions)}
        ORDER BY {key} DESC
        LIMIT {{limit:UInt32}}
        """,  # noqa: S608 - every part is a constant of this file, values are bound
        after=after,
        through=through,
        limit=limit,
        **values,
    )


def cart_events(
    scope: Scope, types: Sequence[str], *, since: Instant, after: int, limit: int
) -> Statement:
    """Return the first `limit` events of these types of known contacts past the id `after`.

    Columns: contact, instant, id, product, type, quantity, unit price, currency, order.
    """
    return statement(
        scope,
        """
        SELECT contact_id, toUnixTimestamp64Milli(occurred_at), event_id, product_id,
            toString(event_type), toString(quantity), toString(unit_price), currency, order_id
        FROM {events}
        WHERE event_type IN {types:Array(String)} AND contact_id != 0
            AND occurred_at > fromUnixTimestamp64Milli({since:Int64})
            AND event_id > {after:UInt64}
        ORDER BY event_id
        LIMIT {limit:UInt32}
        """,
        types=list(types),
        since=since,
        after=after,
        limit=limit,
    )


def _where(selection: Selection, *, once: bool) -> tuple[str, dict[str, Parameter]]:
    """Return the condition that `selection` asks for, and its values.

    Args:
        once: Whether an order is read from one source only.
    """
    conditions, values = _selected(selection)
    if once:
        conditions.append(orders_once(_of_traffic(selection)))
    return " AND ".join(conditions) or "1", values


def _of_traffic(selection: Selection) -> str:
    return "1" if selection.traffic is None else _SELECTIONS["traffic"]


def total(
    scope: Scope,
    history: History,
    selection: Selection,
    *,
    once: bool = False,
    between: tuple[int, int] | None = None,
) -> Statement:
    """Return how many events or activities there are.

    Args:
        between: Only those with ids past the first and up to the second.
    """
    condition, values = _where(selection, once=once)
    if between is not None:
        key, _ = _PAGES[history]
        condition += f" AND {key} > {{after:UInt64}} AND {key} <= {{through:UInt64}}"
        values = {**values, "after": between[0], "through": between[1]}
    return statement(
        scope,
        f"SELECT count() FROM {{{history}}} WHERE {condition}",  # noqa: S608 - conditions are constants of this file, values are bound
        **values,
    )


_LARGEST_FIRST = "number DESC, grouped"
#: What events and activities are grouped by, and the order of the groups.
_GROUPINGS: dict[Grouping | ActivityGrouping, tuple[str, str]] = {
    "event_type": ("toString(event_type)", _LARGEST_FIRST),
    "day": (LOCAL_DAY, "grouped"),
    "product": ("product_id", _LARGEST_FIRST),
    "contact": (survivor("contact_id"), _LARGEST_FIRST),
    "name": ("toString(name)", _LARGEST_FIRST),
    "kind": ("toString(kind)", _LARGEST_FIRST),
    "session": ("session_id", _LARGEST_FIRST),
}


def groups(
    scope: Scope,
    history: History,
    selection: Selection,
    grouping: Grouping | ActivityGrouping,
    *,
    zone: ZoneInfo,
    limit: int,
    once: bool = False,
) -> Statement:
    """Return (key, rows, groups in all, rows in all) of the first `limit` groups.

    The largest first, days in their order. Keys are ids where they are products and contacts, and
    days since 1970-01-01.
    """
    condition, values = _where(selection, once=once)
    key, order = _GROUPINGS[grouping]
    if grouping == "day":
        values |= day_offsets(zone)
    return statement(
        scope,
        f"""
        SELECT {key} AS grouped, count() AS number, count() OVER (), sum(number) OVER ()
        FROM {{{history}}}
        WHERE {condition}
        GROUP BY grouped
        ORDER BY {order}
        LIMIT {{limit:UInt32}}
        """,  # noqa: S608 - every part is a constant of this file, values are bound
        limit=limit,
        **values,
    )


#: What revenue is grouped by, beside the currency.
_REVENUE_GROUPINGS: dict[RevenueGrouping | None, str] = {
    None: "0",
    "day": LOCAL_DAY,
    "product": "product_id",
}


#: Of a line of `order_lines`, what REVENUE_COLUMNS are made of.
REVENUE_FACTS = """
    toDecimal128(ifNull(quantity, 1), 4) AS pieces,
    unit_price IS NULL AS is_unpriced,
    toDecimal256(toDecimal128(ifNull(unit_price, 0), 4) * pieces, 8) AS amount,
    event_type IN ('purchase', 'order') AS is_order
"""
#: Currency, purchases, refunds, returns, orders, lines, quantity, unpriced; amounts as text.
REVENUE_COLUMNS = """
    currency,
    toString(sumIf(amount, part = 'line')) AS purchases,
    toString(sumIf(amount, part = 'refund')),
    toString(sumIf(amount, part = 'return')),
    uniqExactIf(named, is_order AND named != '') + countIf(is_order AND named = ''),
    countIf(part = 'line'),
    toString(sumIf(pieces, part = 'line')),
    countIf(part != '' AND is_unpriced)
"""


def revenue(
    scope: Scope,
    selection: Selection,
    grouping: RevenueGrouping | None,
    *,
    zone: ZoneInfo,
    limit: int,
) -> Statement:
    """Return key, currency, purchases, refunds, returns, orders, lines, quantity, unpriced, groups.

    Amounts and quantity are decimal text.
    """
    conditions, values = _selected(selection)
    lines = order_lines(_of_traffic(selection), " AND ".join(conditions) or "1")
    if grouping == "day":
        values |= day_offsets(zone)
    return statement(
        scope,
        f"""
        SELECT {_REVENUE_GROUPINGS[grouping]} AS grouped, {REVENUE_COLUMNS}, count() OVER ()
        FROM (SELECT *, {REVENUE_FACTS} FROM {lines})
        GROUP BY grouped, currency
        ORDER BY grouped, currency
        LIMIT {{limit:UInt32}}
        """,  # noqa: S608 - every part is a constant of this file, values are bound
        limit=limit,
        **values,
    )


_VIEW = "event_type IN ('view', 'detail')"
_CART = "event_type IN ('add', 'add to cart')"
_BOUGHT = "event_type IN ('purchase', 'order')"


def product_acts(scope: Scope, selection: Selection, *, zone: ZoneInfo, newest: int) -> Statement:
    """Return what was done with a product in all (day is null) and on each day.

    Columns: day or null, views, additions to carts, contacts who viewed, of these who added and
    who bought, order ids, the newest interactions as (minus ms, event id, type, contact id).
    """
    conditions, values = _selected(selection)
    who = survivor("contact_id")
    viewed = f"{_VIEW} AND who != 0"
    viewers = f"groupBitmapStateIf(who, {viewed})"
    return statement(
        scope,
        f"""
        SELECT if(grouping(local_day) = 0, toNullable(local_day), NULL) AS grouped,
            countIf({_VIEW}), countIf({_CART}), groupBitmapIf(who, {viewed}),
            bitmapAndCardinality({viewers}, groupBitmapStateIf(who, {_CART} AND who != 0)),
            bitmapAndCardinality({viewers}, groupBitmapStateIf(who, {_BOUGHT} AND who != 0)),
            groupUniqArrayIf(ifNull(order_id, ''), {_BOUGHT} OR event_type IN ('return', 'refund')),
            groupArraySorted({newest:d})(
                (-toUnixTimestamp64Milli(occurred_at), event_id, toString(event_type), who))
        FROM (
            SELECT event_id, event_type, occurred_at, order_id, {who} AS who,
                {LOCAL_DAY} AS local_day
            FROM {{events}} WHERE {" AND ".join(conditions)}
        )
        GROUP BY GROUPING SETS ((local_day), ())
        ORDER BY grouped NULLS FIRST
        """,  # noqa: S608 - every part is a constant of this file, values are bound
        **values,
        **day_offsets(zone),
    )


def product_sales(
    scope: Scope, selection: Selection, orders: Sequence[str], *, zone: ZoneInfo
) -> Statement:
    """Return by day or, where it is null, by currency: day, lines, taken back, REVENUE_COLUMNS.

    Args:
        orders: Every order that the selected events name.
    """
    conditions, values = _selected(selection)
    lines = order_lines(_of_traffic(selection), " AND ".join(conditions), "orders")
    return statement(
        scope,
        f"""
        SELECT if(grouping(local_day) = 0, toNullable(local_day), NULL) AS grouped,
            countIf(part = 'line'), countIf(part IN ('refund', 'return')), {REVENUE_COLUMNS}
        FROM (SELECT *, {REVENUE_FACTS}, {LOCAL_DAY} AS local_day FROM {lines})
        GROUP BY GROUPING SETS ((local_day), (currency))
        ORDER BY grouped NULLS FIRST, currency
        """,  # noqa: S608 - every part is a constant of this file, values are bound
        orders=list(orders),
        **values,
        **day_offsets(zone),
    )
