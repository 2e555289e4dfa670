"""What travels through the journal, and what leaves ingest for people to read."""

from typing import Final

from msgspec import Struct

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
SOURCES: Final = ("api", "import")


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


Record = EventRecord | RefusedRecord
