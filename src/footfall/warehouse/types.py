"""Rows of the warehouse relations, as they are inserted (one JSON line each)."""

from msgspec import Struct


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


class AliasRow(Struct, gc=False):
    """A merged contact and the one that survived; reads map `contact_id` through it."""

    workspace_id: int
    contact_id: int
    survivor_id: int
    version: int  #: the merged contact's revision
