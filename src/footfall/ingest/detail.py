"""One event in full: what it changed, and what became of its values."""

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from footfall.attributes.answers import SetAsideAnswer
from footfall.attributes.api import list_set_aside, load_definitions, name_std, shown_set_aside
from footfall.attributes.types import Cell, ObjectKind, Profile
from footfall.catalog.api import get_product
from footfall.contacts.api import get_contact
from footfall.contacts.types import KEY_CELL
from footfall.ingest import queries
from footfall.ingest.activities import named_activities
from footfall.ingest.queries import History, Selection
from footfall.ingest.reading import named_events
from footfall.ingest.types import StoredActivity, StoredEvent
from footfall.kernel.errors import NotFound
from footfall.kernel.ids import ContactId, ProductId
from footfall.kernel.instants import Instant, to_iso
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

_decode_attributes = msgspec.json.Decoder(dict[str, Any]).decode
#: As many as an object may have attributes, and some that no attribute has taken.
_MOST_SET_ASIDE = 1_000


class Change(Struct, frozen=True):
    """A value that the event gave to its product or contact."""

    kind: ObjectKind
    attribute: str  #: standard name
    value: Any  #: as the attribute has it; of one that is not current, as sent
    is_current: bool
    #: Of one that is not: where the attribute's present value comes from, and when that was said.
    present_source: str | None
    present_occurred_at: str | None


class EventDetail(Struct, frozen=True):
    """A product event and what it changed."""

    event: StoredEvent
    changes: list[Change]
    set_aside: list[SetAsideAnswer]  #: values of this event that did not fit


class ActivityDetail(Struct, frozen=True):
    """An activity and what it changed."""

    activity: StoredActivity
    changes: list[Change]  #: of the contact; only those that are current
    set_aside: list[SetAsideAnswer]


def event_detail(state: State, warehouse: Warehouse, scope: Scope, event_id: int) -> EventDetail:
    """Return one product event in full.

    Raises:
        NotFound: This workspace has none of that id.
    """
    rows = _rows(state, warehouse, scope, "events", event_id)
    [event] = named_events(state, scope, rows)
    occurred_at = event.occurred_at
    with state.read() as conn:
        product = _profile(conn, scope, "product", event.product.id)
        changes = _current("product", product, event_id, occurred_at)
        taken = {change.attribute for change in changes}
        definitions = load_definitions(conn, scope, "product")
        for name, raw in _decode_attributes(bytes(event.attributes)).items():
            standard = name_std(name) or ""
            cell = product.get(standard)
            if raw is None or standard in taken or cell is None or definitions.get(name) is None:
                continue
            taken.add(standard)
            when = to_iso(Instant(cell.occurred_at))
            changes.append(Change("product", standard, raw, False, cell.source, when))
        aside = _set_aside(conn, scope, "product", event.product.id, event_id)
        refused = {one.attribute for one in aside}
        changes = [one for one in changes if one.is_current or one.attribute not in refused]
        if event.contact is not None:
            contact = _profile(conn, scope, "contact", event.contact.id)
            changes += _current("contact", contact, event_id, occurred_at)
            aside += _set_aside(conn, scope, "contact", event.contact.id, event_id)
    return EventDetail(event, changes, aside)


def activity_detail(
    state: State, warehouse: Warehouse, scope: Scope, activity_id: int
) -> ActivityDetail:
    """Return one activity in full.

    Raises:
        NotFound: This workspace has none of that id.
    """
    rows = _rows(state, warehouse, scope, "activities", activity_id)
    [activity] = named_activities(state, scope, rows)
    if activity.contact is None:
        return ActivityDetail(activity, [], [])
    contact_id = activity.contact.id
    with state.read() as conn:
        profile = _profile(conn, scope, "contact", contact_id)
        changes = _current("contact", profile, activity_id, activity.occurred_at)
        aside = _set_aside(conn, scope, "contact", contact_id, activity_id)
    return ActivityDetail(activity, changes, aside)


def _rows(
    state: State, warehouse: Warehouse, scope: Scope, history: History, row_id: int
) -> list[tuple[Any, ...]]:
    after = max(0, row_id - 1)
    with state.read() as conn:
        through = min(row_id, int(queries.cursor(conn, "warehouse")))
    rows = warehouse.rows(
        queries.page(scope, history, Selection(), after=after, through=through, limit=1)
    )
    if not rows:
        raise NotFound("There is no event with this id.")
    return rows


def _profile(conn: Connection, scope: Scope, kind: ObjectKind, object_id: int) -> Profile:
    """Return the present values, none of what was deleted."""
    try:
        if kind == "product":
            return get_product(conn, scope, ProductId(object_id)).profile
        return get_contact(conn, scope, ContactId(object_id)).profile
    except NotFound:
        return {}


def _current(kind: ObjectKind, profile: Profile, position: int, occurred_at: str) -> list[Change]:
    """Return the values that are still what the event said.

    Its time is asked, too: a REST write has the position of the last event before it.
    """

    def is_its_own(cell: Cell) -> bool:
        when = to_iso(Instant(cell.occurred_at))
        return cell.position == position and when == occurred_at and cell.value is not None

    return [
        Change(kind, name, cell.value, True, None, None)
        for name, cell in sorted(profile.items())
        if name != KEY_CELL and is_its_own(cell)
    ]


def _set_aside(
    conn: Connection, scope: Scope, kind: ObjectKind, object_id: int, position: int
) -> list[SetAsideAnswer]:
    found = list_set_aside(conn, scope, kind, object_id=object_id, limit=_MOST_SET_ASIDE)
    return shown_set_aside([value for value in found if value.position == position])
