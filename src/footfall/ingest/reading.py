"""Reads events back: pages of them, and how many there are.

Events come from the warehouse, the names of contacts and products from the state store. The state
is asked in short transactions before and after, because a report may take seconds and must not
hold one of its few readers that long.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Raw
from sqlalchemy import Connection

from footfall.catalog.api import product_ids, product_names
from footfall.catalog.types import ProductName
from footfall.contacts.api import contact_ids, contact_names, with_merged
from footfall.contacts.types import ContactName
from footfall.ingest import queries
from footfall.ingest.queries import Selection
from footfall.ingest.types import (
    EventCount,
    EventFilter,
    EventPage,
    GroupCount,
    Grouping,
    StoredEvent,
)
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: Of one answer.
MAX_PAGE_EVENTS = 1_000
MAX_GROUPS = 100_000

#: A page is looked for among this many ids per event wanted, then among sixteen times as many, and
#: so on: the index on event_id lets the engine skip the parts that hold no id of the range, and
#: nearly every page is found at the first look.
_IDS_PER_EVENT = 1.5
_FEWEST_IDS = 2_000
_WIDER = 16

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
        selection = _selection(conn, scope, chosen)
    if selection is None:
        return EventPage([], None)
    if before is not None:
        through = min(through, before - 1)
    rows = _newest(warehouse, scope, selection, through, limit + 1)
    more = len(rows) > limit
    del rows[limit:]
    events = _named(state, scope, rows)
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
) -> EventCount:
    """Return how many events there are, and of the largest `limit` groups each.

    Args:
        zone: Where days begin.
        limit: Days come in their order: then it is the first days.
    """
    with state.read() as conn:
        selection = _selection(conn, scope, chosen)
    if selection is None:
        return EventCount(0, [], 0)
    if group_by is None:
        [(total,)] = warehouse.rows(queries.event_total(scope, selection))
        return EventCount(total, [], 0)
    rows = warehouse.rows(queries.event_groups(scope, selection, group_by, zone=zone, limit=limit))
    if not rows:
        return EventCount(0, [], 0)
    _, _, groups, total = rows[0]
    return EventCount(total, _groups(state, scope, group_by, rows), groups)


def _selection(conn: Connection, scope: Scope, chosen: EventFilter) -> Selection | None:
    """Return what to look for by ids, None if nobody and nothing is called like that."""
    contacts = _both(
        None if chosen.contact is None else contact_ids(conn, scope, chosen.contact),
        None if chosen.contact_id is None else with_merged(conn, scope, chosen.contact_id),
    )
    products = _both(
        None if chosen.product is None else product_ids(conn, scope, [chosen.product]),
        None if chosen.product_id is None else [chosen.product_id],
    )
    if contacts == [] or products == []:
        return None
    return Selection(
        contacts, products, chosen.event_type, chosen.source, chosen.since, chosen.until
    )


def _both(some: list[int] | None, others: list[int] | None) -> list[int] | None:
    if some is None or others is None:
        return others if some is None else some
    return sorted(set(some) & set(others))


def _newest(
    warehouse: Warehouse, scope: Scope, selection: Selection, through: int, wanted: int
) -> _Rows:
    """Return the newest `wanted` rows up to the id `through`, fewer if there are no more."""
    found: _Rows = []
    # These narrow by the sort key or by whole months; ranges of ids would only repeat the work.
    narrow = (selection.contact_ids, selection.product_ids, selection.since, selection.until)
    span = max(_FEWEST_IDS, int(wanted * _IDS_PER_EVENT))
    while through > 0 and len(found) < wanted:
        after = max(0, through - span) if narrow == (None, None, None, None) else 0
        found += warehouse.rows(
            queries.event_page(
                scope, selection, after=after, through=through, limit=wanted - len(found)
            )
        )
        through = after
        span *= _WIDER
    return found


def _named(state: State, scope: Scope, rows: _Rows) -> list[StoredEvent]:
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
        ) in rows
    ]


def _groups(
    state: State, scope: Scope, grouping: Grouping, rows: Sequence[tuple[Any, ...]]
) -> list[GroupCount]:
    if grouping == "event_type":
        return [GroupCount(event_type=key, count=number) for key, number, _, _ in rows]
    if grouping == "day":
        return [GroupCount(day=_day(key), count=number) for key, number, _, _ in rows]
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


def _day(number: int) -> str:
    return date.fromordinal(_EPOCH_DAY + number).isoformat()
