"""Rows of the warehouse relations, as they are inserted (one JSON line each)."""

from msgspec import Struct, field


class EventRow(Struct, gc=False):
    """A product event. Never updated."""

    workspace_id: int
    event_id: int  #: journal position
    event_key: str | None  #: the sender's event id
    occurred_at: float  #: Unix seconds with milliseconds; ClickHouse reads JSON numbers as seconds
    received_at: float
    contact_id: int  #: 0: nobody known
    product_id: int
    event_type: str
    source: str
    unit_price: str | None  #: decimal text, at most four places
    quantity: str | None  #: decimal text, at most four places
    currency: str | None
    order_id: str | None
    attributes: str  #: JSON object text
    custom_data: str | None  #: JSON text
    session_id: str | None = None
    traffic: str = "visitor"  #: visitor, bot or staff


class ActivityRow(Struct, gc=False):
    """An ordinary event, a page view or a screen. Never updated."""

    workspace_id: int
    activity_id: int  #: journal position
    activity_key: str | None  #: the sender's event id
    occurred_at: float  #: as in EventRow
    received_at: float
    contact_id: int  #: 0: nobody known
    kind: str  #: event, page_view or screen
    name: str
    source: str
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
    attributes: str  #: JSON object text


class ProductRow(Struct, gc=False):
    """The latest snapshot of a product."""

    workspace_id: int
    id: int
    custom_id: str
    name: str | None
    attributes: dict[str, str]  #: canonical text by name_std; what has no value is missing
    created_at: float
    deleted: int  #: 1 if deleted
    version: int  #: the product's revision


class ContactRow(Struct, gc=False):
    """The latest snapshot of a contact."""

    workspace_id: int
    id: int
    custom_id: str | None
    email: str | None
    key: str | None
    attributes: dict[str, str]  #: canonical text by name_std; what has no value is missing
    created_at: float
    deleted: int  #: 1 if deleted or merged into another
    version: int  #: the contact's revision
    list_ids: list[int] = field(default_factory=list)  #: those that are not archived


class AliasRow(Struct, gc=False):
    """A merged contact and the one that survived; reads map `contact_id` through it."""

    workspace_id: int
    contact_id: int
    survivor_id: int
    version: int  #: the merged contact's revision


class CartRow(Struct, gc=False):
    """What lies in the cart of a contact, one entry of each array per item; empty: nothing."""

    workspace_id: int
    contact_id: int  #: the surviving one
    product_ids: list[int]
    quantities: list[str]  #: decimal text, as the prices
    #: Of the last event that named one, else the product's when the copy was made.
    unit_prices: list[str | None]
    currencies: list[str | None]
    added_at: list[float]  #: Unix seconds with milliseconds
    changed_at: list[float]
    version: int  #: grows with every copy


class MemberRow(Struct, gc=False):
    """One stay of a contact or product in a segment; written again when it leaves."""

    workspace_id: int
    segment_id: int
    member_id: int
    entered_at: int  #: milliseconds
    left_at: int  #: milliseconds; 0: it is in
    version: int
