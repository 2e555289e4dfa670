"""What travels through the journal, and what leaves ingest for people to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from msgspec import UNSET, Raw, Struct, UnsetType

from footfall.catalog.types import ProductName
from footfall.contacts.types import ContactName
from footfall.kernel.instants import Instant

#: The sixteen types of the wire contract (section 3.1), in its order. The number is what the
#: warehouse's Enum8 stores; it never changes.
EVENT_TYPES: Final = (
    "click",
    "promo click",
    "view",
    "detail",
    "liking",
    "add to observation",
    "reservation",
    "add",
    "add to cart",
    "remove",
    "checkout",
    "checkout option",
    "order",
    "purchase",
    "return",
    "refund",
)

#: Where a record came from; also the order of trust of decision 1.
SOURCES: Final = ("api", "import", "browser")

#: Whose visit it was. Bots and the shop's own staff are left out of reports. The number is what the
#: warehouse's Enum8 stores.
Traffic = Literal["visitor", "bot", "staff"]

#: What an activity is: an ordinary event, a page of a site, a screen of an app, or news of the
#: contact alone, which leave no row in the warehouse.
ActivityKind = Literal["event", "page_view", "screen", "update"]


class EventRecord(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """A product event, valid, as it stands in the journal. Instants are milliseconds."""

    workspace_id: int
    received_at: int
    occurred_at: int
    event_type: str  #: one of EVENT_TYPES
    source: str  #: one of SOURCES
    event_key: str | None  #: the sender's event id, 1-64 characters
    contact_id: int | None  #: internal id, as sent
    user_custom_id: str | None
    email: str | None
    user_key: str | None
    product_id: int | None  #: internal id, as sent; else product_custom_id is given
    product_custom_id: str | None
    attributes: str  #: JSON object text: `data` as sent, without `custom_data`
    custom_data: str | None  #: JSON text
    unit_price: str | None  #: decimal text, four places at most
    quantity: str | None  #: decimal text, four places at most
    currency: str | None  #: three capitals
    order_id: str | None
    # Below: fields that records of the first version do not have.
    session_id: str | None = None  #: the browser's, 1-64 characters
    traffic: Traffic = "visitor"
    #: Whether the contact named has proven to be it, always so where the shop's server sends.
    trusted: bool = True


class ActivityRecord(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """An ordinary event, page view or screen, or news of a contact. Instants are milliseconds."""

    workspace_id: int
    received_at: int
    occurred_at: int
    kind: ActivityKind
    name: str  #: of the event or screen; empty for page views and news
    source: str  #: one of SOURCES
    event_key: str | None  #: the sender's event id, 1-64 characters
    contact_id: int | None  #: internal id, as sent
    user_custom_id: str | None
    email: str | None
    user_key: str | None
    attributes: str  #: JSON object text, of this occurrence
    contact_attributes: str  #: JSON object text, for the contact's profile
    url: str | None
    referrer: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    utm_term: str | None
    utm_content: str | None
    device_type: str | None  #: "desktop", "mobile", "tablet"
    os: str | None
    browser: str | None
    language: str | None
    session_id: str | None = None
    traffic: Traffic = "visitor"
    trusted: bool = True  #: as in EventRecord


class RefusedRecord(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Input that was refused after authentication, kept so that it can be mended and replayed."""

    workspace_id: int
    received_at: int
    source: str
    api_key_id: int | None
    #: How to read `payload` again: "v1", "v2" (compatible API, one event), "item" (own API, one
    #: event), "body" (own API, a whole body that could not be split), "record" (a journal record).
    wire_format: str
    product_id: str | None  #: product named in the path, as sent ("id:12" or "custom_id:ABC")
    payload: bytes  #: as received, at most KEPT_PAYLOAD_BYTES of it
    code: str
    message: str
    event_key: str | None  #: Idempotency-Key of the request, if any


#: What a contact did, or what is told of it.
Doing = EventRecord | ActivityRecord
Record = EventRecord | ActivityRecord | RefusedRecord


Grouping = Literal["event_type", "day", "product", "contact"]
ActivityGrouping = Literal["name", "kind", "day", "contact", "session"]
RevenueGrouping = Literal["day", "product"]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are meant; what is None does not matter."""

    contact: str | None = None  #: the shop's id
    contact_id: int | None = None
    product: str | None = None  #: the shop's id
    product_id: int | None = None
    event_type: str | None = None
    source: str | None = None
    since: Instant | None = None  #: inclusive
    until: Instant | None = None  #: exclusive
    session: str | None = None  #: the browser's
    traffic: Traffic | None = None


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which activities are meant; what is None does not matter."""

    contact: str | None = None  #: the shop's id
    contact_id: int | None = None
    kind: str | None = None  #: event, page_view or screen
    name: str | None = None
    session: str | None = None
    source: str | None = None
    since: Instant | None = None  #: inclusive
    until: Instant | None = None  #: exclusive
    traffic: Traffic | None = None


class StoredEvent(Struct, frozen=True, gc=False):
    """An event as it is read back."""

    id: int  #: journal position
    event_id: str | None  #: the sender's key
    event_type: str
    occurred_at: str  #: ISO 8601, UTC, milliseconds
    received_at: str
    source: str
    contact: ContactName | None
    product: ProductName
    attributes: Raw  #: as sent
    custom_data: Raw  #: as sent, or null
    unit_price: Raw  #: a JSON number, exact, or null
    quantity: Raw  #: the same
    currency: str | None
    order_id: str | None
    session_id: str | None  #: the browser's
    traffic: str


class StoredActivity(Struct, frozen=True, gc=False):
    """An ordinary event, a page view or a screen as it is read back."""

    id: int  #: journal position
    event_id: str | None  #: the sender's key
    kind: str
    name: str  #: empty for page views
    occurred_at: str  #: ISO 8601, UTC, milliseconds
    received_at: str
    source: str
    contact: ContactName | None
    session_id: str | None
    url: str | None
    referrer: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    utm_term: str | None
    utm_content: str | None
    device_type: str | None
    os: str | None
    browser: str | None
    language: str | None
    traffic: str
    attributes: Raw  #: as sent


class ActivityPage(Struct, frozen=True):
    """Some activities, the newest first."""

    results: list[StoredActivity]
    #: Activities before this one follow; None if there are none.
    next_before: int | None


class HistoryItem(Struct, frozen=True, gc=False):
    """Something that a contact did: a product event or an activity, the other is null."""

    id: int
    occurred_at: str  #: ISO 8601, UTC, milliseconds
    kind: str  #: product_event, event, page_view or screen
    event: StoredEvent | None
    activity: StoredActivity | None


class EventPage(Struct, frozen=True):
    """Some events, the newest first."""

    results: list[StoredEvent]
    #: Events before this one follow; None if there are none.
    next_before: int | None


class GroupCount(Struct, frozen=True, kw_only=True, gc=False):
    """How many events a group has; of the other fields, only the group's own are there."""

    event_type: str | UnsetType = UNSET
    day: str | UnsetType = UNSET  #: YYYY-MM-DD
    product: str | UnsetType | None = UNSET  #: the shop's id
    product_id: int | UnsetType = UNSET
    #: The shop's id. Both None for the events of nobody known.
    contact: str | UnsetType | None = UNSET
    contact_id: int | UnsetType | None = UNSET
    name: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    session: str | UnsetType | None = UNSET  #: None for what belongs to no session
    count: int


class EventCount(Struct, frozen=True):
    """How many events there are, in all and per group."""

    total: int
    results: list[GroupCount]
    groups: int  #: how many groups there are; more than `results` if those were limited


class RevenueRow(Struct, frozen=True, kw_only=True, gc=False):
    """What was sold and taken back in one currency; amounts are exact JSON numbers."""

    day: str | UnsetType = UNSET  #: YYYY-MM-DD
    product: str | UnsetType | None = UNSET  #: the shop's id
    product_id: int | UnsetType = UNSET
    currency: str | None  #: None: the events name none
    purchases: Raw
    refunds: Raw
    returns: Raw  #: only those that no refund accounts for
    revenue: Raw  #: purchases minus refunds minus returns
    orders: int
    lines: int  #: of orders
    quantity: Raw  #: of these lines
    unpriced: int  #: lines of orders, refunds and returns without a unit price, which add nothing


class Revenue(Struct, frozen=True):
    """Revenue by currency, never added up over currencies."""

    results: list[RevenueRow]
    groups: int  #: how many rows there are; more than `results` if those were limited


class FailedEvent(Struct, frozen=True, gc=False):
    """Input that was refused, as it is kept."""

    id: int
    failed_at: str  #: ISO 8601, UTC, milliseconds
    source: str
    code: str
    message: str
    wire_format: str
    product: str | None  #: the one in the path: "id:12" or "custom_id:ABC"
    event_id: str | None  #: the sender's key
    payload: str  #: text, with replacement characters where it is none
    payload_base64: str  #: exactly as received
    replayed_at: str | None
    replayed_event_id: int | None  #: the `id` of the event it became
    dismissed_at: str | None  #: when a person said that it was seen
    field: str | None  #: what the message is about, such as `event_type`; null: not one field


class FailedGroup(Struct, frozen=True, gc=False):
    """Input of one source that was refused for one reason."""

    code: str
    source: str
    count: int
    waiting: int  #: neither replayed nor dismissed
    latest: str  #: when the last of them failed
    failed_id: int  #: the newest, as an example
    message: str  #: why it was refused


#: What became of a failed event: nothing yet, accepted after all, put away.
FailedState = Literal["waiting", "replayed", "dismissed"]


@dataclass(frozen=True, slots=True)
class FailedFilter:
    """Which failed events are meant; what is None does not matter."""

    code: str | None = None
    source: str | None = None
    state: FailedState | None = None
    since: Instant | None = None  #: failed at, inclusive
    until: Instant | None = None  #: exclusive
    text: str | None = None  #: in payload, message, product or key, letters as they are


class Copied(NamedTuple):
    """Copies that were made of one kind of objects, of any workspaces."""

    kind: Literal["product", "contact", "cart"]
    ids: Sequence[tuple[int, int]]  #: (workspace, object)
    #: Workspaces in which contacts were merged, divided or deleted.
    divided: frozenset[int] = frozenset()
