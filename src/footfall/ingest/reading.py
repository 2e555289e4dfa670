"""Reads events back: pages of them, and how many there are.

Events come from the warehouse, the names of contacts and products from the state store. The state
is asked in short transactions before and after, because a report may take seconds and must not
hold one of its few readers that long.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Raw
from sqlalchemy import Connection

from footfall.catalog.api import product_ids, product_names
from footfall.catalog.types import ProductName
from footfall.contacts.api import contact_ids, contact_names, with_merged
from footfall.contacts.types import ContactName
from footfall.ingest import queries
from footfall.ingest.queries import History, Selection
from footfall.ingest.types import (
    ActivityGrouping,
    EventCount,
    EventFilter,
    EventPage,
    GroupCount,
    Grouping,
    StoredEvent,
)
from footfall.kernel.instants import Instant, to_iso
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from footfall.warehouse.types import EventRow

#: Of one answer.
MAX_PAGE_EVENTS = 1_000
MAX_GROUPS = 100_000

#: A page is looked for among this many ids per event wanted, then among a thousand times as many,
#: and so on: the index on event_id lets the engine skip the parts that hold no id of the range, and
#: nearly every page is found at the first look. Each look costs 10 ms, even at nothing; the ids of
#: two million events not much more.
_IDS_PER_EVENT = 1.5
_FEWEST_IDS = 2_000
_WIDER = 1_000

_NULL = Raw(b"null")
_Rows = list[tuple[Any, ...]]


def list_events(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    chosen: EventFilter,
    *,
    before: int | None,
    limit: int,
) -> EventPage:
    """Return up to `limit` events, the newest first.

    Args:
        before: Only events with smaller ids, None for all. Pages that follow each other by
            `next_before` show every event once, while others arrive.
    """
    with state.read() as conn:
        # Events of a batch become readable month by month; up to here all of them are.
        through = int(queries.cursor(conn, "warehouse"))
        selection = selected_events(conn, scope, chosen)
    if selection is None:
        return EventPage([], None)
    if before is not None:
        through = min(through, before - 1)
    rows = newest(warehouse, scope, "events", selection, through, limit + 1)
    more = len(rows) > limit
    del rows[limit:]
    events = named_events(state, scope, rows)
    return EventPage(events, events[-1].id if more else None)


def count_events(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    chosen: EventFilter,
    *,
    group_by: Grouping | None,
    zone: ZoneInfo,
    limit: int,
    once: bool = False,
) -> EventCount:
    """Return how many events there are, and of the largest `limit` groups each.

    Args:
        once: Whether an order is read from one source only (decision 1).
        zone: Where days begin.
        limit: Days come in their order: then it is the first days.
    """
    with state.read() as conn:
        selection = selected_events(conn, scope, chosen)
    return counted(
        state, warehouse, scope, "events", selection, group_by, zone=zone, limit=limit, once=once
    )


def counted(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    history: History,
    selection: Selection | None,
    group_by: Grouping | ActivityGrouping | None,
    *,
    zone: ZoneInfo,
    limit: int,
    once: bool = False,
) -> EventCount:
    """Return how many rows of a history are selected, none for None, and of each group."""
    if selection is None:
        return EventCount(0, [], 0)
    if group_by is None:
        [(total,)] = warehouse.rows(queries.total(scope, history, selection, once=once))
        return EventCount(total, [], 0)
    rows = warehouse.rows(
        queries.groups(scope, history, selection, group_by, zone=zone, limit=limit, once=once)
    )
    if not rows:
        return EventCount(0, [], 0)
    _, _, groups, total = rows[0]
    return EventCount(total, named_groups(state, scope, group_by, rows), groups)


def selected_events(conn: Connection, scope: Scope, chosen: EventFilter) -> Selection | None:
    """Return what to look for by ids, None if nobody and nothing is called like that."""
    contacts = chosen_contacts(conn, scope, chosen.contact, chosen.contact_id)
    products = _both(
        None if chosen.product is None else product_ids(conn, scope, [chosen.product]),
        None if chosen.product_id is None else [chosen.product_id],
    )
    if contacts == [] or products == []:
        return None
    return Selection(
        contact_ids=contacts,
        product_ids=products,
        event_type=chosen.event_type,
        session=chosen.session,
        source=chosen.source,
        since=chosen.since,
        until=chosen.until,
        traffic=chosen.traffic,
    )


def chosen_contacts(
    conn: Connection, scope: Scope, custom_id: str | None, contact_id: int | None
) -> list[int] | None:
    """Return every id that stands for the contact, merged ones too; None for anybody."""
    return _both(
        None if custom_id is None else contact_ids(conn, scope, custom_id),
        None if contact_id is None else with_merged(conn, scope, contact_id),
    )


def _both(some: list[int] | None, others: list[int] | None) -> list[int] | None:
    if some is None or others is None:
        return others if some is None else some
    return sorted(set(some) & set(others))


def newest(
    warehouse: Warehouse,
    scope: Scope,
    history: History,
    selection: Selection,
    through: int,
    wanted: int,
) -> list[tuple[Any, ...]]:
    """Return the newest `wanted` rows up to the id `through`, fewer if there are no more."""
    found: _Rows = []
    span = max(_FEWEST_IDS, int(wanted * _IDS_PER_EVENT))
    while through > 0 and len(found) < wanted:
        # Where the selection is narrow, ranges of ids would only repeat the work.
        after = 0 if selection.is_narrow else max(0, through - span)
        found += warehouse.rows(
            queries.page(
                scope,
                history,
                selection,
                after=after,
                through=through,
                limit=wanted - len(found),
            )
        )
        through = after
        span *= _WIDER
    return found


def event_columns(row: EventRow) -> tuple[Any, ...]:
    """Return what `queries.page` returns of this event."""
    return (
        row.event_id,
        row.event_key,
        row.event_type,
        iso_of_seconds(row.occurred_at),
        iso_of_seconds(row.received_at),
        row.source,
        row.contact_id,
        row.product_id,
        row.attributes,
        row.custom_data,
        _plain(row.unit_price),
        _plain(row.quantity),
        row.currency,
        row.order_id,
        row.session_id,
        row.traffic,
    )


def iso_of_seconds(seconds: float) -> str:
    """Return a row's moment as the warehouse writes it."""
    return to_iso(Instant(round(seconds * 1000)))


def _plain(decimal: str | None) -> str | None:
    """Return a decimal without exponent, sign of nought and needless zeros."""
    return None if decimal is None else f"{Decimal(decimal).normalize() + 0:f}"


def named_events(state: State, scope: Scope, rows: _Rows) -> list[StoredEvent]:
    """Return rows of `queries.page` with the names of contacts and products."""
    with state.read() as conn:
        contacts = contact_names(conn, scope, {row[6] for row in rows} - {0})
        products = product_names(conn, scope, {row[7] for row in rows})
    return [
        StoredEvent(
            event_id,
            event_key,
            event_type,
            occurred_at,
            received_at,
            source,
            contacts.get(contact_id),
            # Missing only if the state store is an older backup than the warehouse.
            products.get(product_id) or ProductName(product_id, "", None),
            Raw(attributes.encode()),
            _NULL if custom_data is None else Raw(custom_data.encode()),
            _NULL if unit_price is None else Raw(unit_price.encode()),
            _NULL if quantity is None else Raw(quantity.encode()),
            currency,
            order_id,
            session_id,
            traffic,
        )
        for (
            event_id,
            event_key,
            event_type,
            occurred_at,
            received_at,
            source,
            contact_id,
            product_id,
            attributes,
            custom_data,
            unit_price,
            quantity,
            currency,
            order_id,
            session_id,
            traffic,
        ) in rows
    ]


def named_groups(
    state: State,
    scope: Scope,
    grouping: Grouping | ActivityGrouping,
    rows: Sequence[tuple[Any, ...]],
) -> list[GroupCount]:
    """Return rows of `queries.groups` with names in place of numbers."""
    if grouping == "day":
        return [GroupCount(day=day_of(key), count=number) for key, number, _, _ in rows]
    if grouping not in {"product", "contact"}:
        return [GroupCount(**{grouping: key}, count=number) for key, number, _, _ in rows]
    with state.read() as conn:
        names: Mapping[int, ContactName | ProductName]
        if grouping == "product":
            names = product_names(conn, scope, [row[0] for row in rows])
        else:
            names = contact_names(conn, scope, [row[0] for row in rows if row[0]])
    groups: list[GroupCount] = []
    for key, number, _, _ in rows:
        name = names.get(key)
        custom_id = None if name is None else name.custom_id
        if grouping == "product":
            groups.append(GroupCount(product=custom_id, product_id=key, count=number))
        else:
            groups.append(GroupCount(contact=custom_id, contact_id=key or None, count=number))
    return groups


_EPOCH_DAY = date(1970, 1, 1).toordinal()


def day_of(number: int) -> str:
    """Return the day, as people write it, that is so many days past 1970-01-01."""
    return date.fromordinal(_EPOCH_DAY + number).isoformat()
