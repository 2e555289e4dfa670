"""What travels through the journal, and what leaves ingest for people to read."""

from dataclasses import dataclass
from typing import Final, Literal

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
    count: int


class EventCount(Struct, frozen=True):
    """How many events there are, in all and per group."""

    total: int
    results: list[GroupCount]
    groups: int  #: how many groups there are; more than `results` if those were limited


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
