"""Reads activities back, and all that a contact did; reading.py does so for events."""

from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Raw
from msgspec.structs import astuple
from sqlalchemy import Connection

from footfall.contacts.api import ContactKey, contact_names, get_contact, with_merged
from footfall.ingest import queries
from footfall.ingest.queries import Selection
from footfall.ingest.reading import (
    chosen_contacts,
    counted,
    iso_of_seconds,
    named_events,
    newest,
)
from footfall.ingest.types import (
    ActivityFilter,
    ActivityGrouping,
    ActivityPage,
    EventCount,
    HistoryItem,
    StoredActivity,
)
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from footfall.warehouse.types import ActivityRow

_CONTACT_COLUMN = 7  #: of queries.page


def list_activities(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    chosen: ActivityFilter,
    *,
    before: int | None,
    limit: int,
) -> ActivityPage:
    """Return up to `limit` activities, the newest first.

    Args:
        before: Only activities with smaller ids, None for all.
    """
    with state.read() as conn:
        through = int(queries.cursor(conn, "warehouse"))
        selection = _selection(conn, scope, chosen)
    if selection is None:
        return ActivityPage([], None)
    if before is not None:
        through = min(through, before - 1)
    rows = newest(warehouse, scope, "activities", selection, through, limit + 1)
    found = named_activities(state, scope, rows[:limit])
    return ActivityPage(found, found[-1].id if len(rows) > limit else None)


def count_activities(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    chosen: ActivityFilter,
    *,
    group_by: ActivityGrouping | None,
    zone: ZoneInfo,
    limit: int,
) -> EventCount:
    """Return how many activities there are, and of the largest `limit` groups each.

    Args:
        zone: Where days begin.
        limit: Days come in their order: then it is the first days.
    """
    with state.read() as conn:
        selection = _selection(conn, scope, chosen)
    return counted(
        state, warehouse, scope, "activities", selection, group_by, zone=zone, limit=limit
    )


def contact_history(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    contact: ContactKey,
    *,
    before: int | None,
    limit: int,
) -> tuple[list[HistoryItem], int | None]:
    """Return what a contact did, the newest first, and the id before which more follows.

    Raises:
        NotFound: There is no such contact.
    """
    with state.read() as conn:
        through = int(queries.cursor(conn, "warehouse"))
        found = get_contact(conn, scope, contact)
        selection = Selection(contact_ids=with_merged(conn, scope, found.id))
    if before is not None:
        through = min(through, before - 1)
    events, activities = (
        newest(warehouse, scope, history, selection, through, limit + 1)
        for history in ("events", "activities")
    )
    items = [
        HistoryItem(event.id, event.occurred_at, "product_event", event, None)
        for event in named_events(state, scope, events)
    ]
    items += [
        HistoryItem(activity.id, activity.occurred_at, activity.kind, None, activity)
        for activity in named_activities(state, scope, activities)
    ]
    items.sort(key=lambda item: item.id, reverse=True)
    shown = items[:limit]
    return shown, shown[-1].id if len(items) > limit else None


def _selection(conn: Connection, scope: Scope, chosen: ActivityFilter) -> Selection | None:
    contacts = chosen_contacts(conn, scope, chosen.contact, chosen.contact_id)
    if contacts == []:
        return None
    return Selection(
        contact_ids=contacts,
        kind=chosen.kind,
        name=chosen.name,
        session=chosen.session,
        source=chosen.source,
        since=chosen.since,
        until=chosen.until,
        traffic=chosen.traffic,
    )


def activity_columns(row: ActivityRow) -> tuple[Any, ...]:
    """Return what `queries.page` returns of this activity."""
    _, position, key, occurred_at, received_at, contact_id, kind, name, source, *rest = astuple(row)
    moments = (iso_of_seconds(occurred_at), iso_of_seconds(received_at))
    return (position, key, kind, name, *moments, source, contact_id, *rest)


def named_activities(
    state: State, scope: Scope, rows: list[tuple[Any, ...]]
) -> list[StoredActivity]:
    """Return rows of `queries.page` with the names of contacts."""
    with state.read() as conn:
        ids = {row[_CONTACT_COLUMN] for row in rows} - {0}
        contacts = contact_names(conn, scope, ids)
    return [
        StoredActivity(
            *(
                *row[:_CONTACT_COLUMN],
                contacts.get(row[_CONTACT_COLUMN]),
                *row[_CONTACT_COLUMN + 1 : -1],
                Raw(row[-1].encode()),
            )
        )
        for row in rows
    ]
