"""The wire format of mobile SDKs (contract rows M1 to M3), read into the items of browsers. Pure.

Their SDKs send no event ids, but send a request again, byte for byte, when the network failed. So
the key of an event that names its time is made of what was sent.
"""

from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from footfall.ingest.browser import Item, Page
from footfall.ingest.formats import decoded
from footfall.kernel.errors import Invalid
from footfall.kernel.instants import Instant

_Fields = dict[str, Any]
#: What `customer` says of identity and device; everything else in it is an attribute.
_NO_ATTRIBUTES: Final = frozenset({"user_id", "signature", "email", "userKey", "device"})


class _Event(Struct, gc=False):
    event: str = ""
    timestamp: int | float | str | None = None
    event_type: str | None = None
    data: _Fields | None = None


class _Customer(Struct, gc=False):
    user_id: str | int | None = None
    signature: str | None = None
    email: str | None = None
    user_key: str | None = msgspec.field(default=None, name="userKey")


class _Device(Struct, gc=False):
    os_type: str | None = None


class _Ping(Struct, gc=False):
    customer: _Customer
    device: _Device | None = None


class _PingFields(Struct, gc=False):
    customer: _Fields


class _Notice(Struct, gc=False):
    url: str | None = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_ping = msgspec.json.Decoder(_Ping).decode
_decode_ping_fields = msgspec.json.Decoder(_PingFields).decode
_decode_notice = msgspec.json.Decoder(_Notice).decode


class Ping(NamedTuple):
    """What an app says when it starts, or when somebody logs in."""

    item: Item  #: its `visitor` is the key that the app said, None where it has none yet
    os: str | None


def ping_of(payload: bytes, user_key: str | None, received_at: Instant) -> Ping:
    """Return what a ping says.

    Raises:
        Invalid: It is none.
    """
    ping: _Ping = decoded(_decode_ping, payload)
    fields: _Fields = decoded(_decode_ping_fields, payload).customer
    customer = ping.customer
    item = Item(
        "update",
        None,
        received_at,
        visitor=user_key or customer.user_key or None,
        user_id=customer.user_id,
        signature=customer.signature,
        email=customer.email,
        contact={
            name: value
            for name, value in fields.items()
            if name not in _NO_ATTRIBUTES and value is not None
        },
    )
    return Ping(item, ping.device.os_type if ping.device else None)


def event_of(address: str, payload: bytes, user_key: str, received_at: Instant) -> Item:
    """Return what happened in an app.

    Args:
        address: The last part of the path: "event", "product_event" or "screen_event".

    Raises:
        Invalid: It is no such event.
    """
    event: _Event = decoded(_decode_event, payload)
    data = event.data or {}
    key = None
    if event.timestamp is not None:
        key = _key(address.encode(), payload, user_key.encode())
    item = Item("event", key, received_at, visitor=user_key, name=event.event, data=data)
    if event.timestamp is not None:
        item.at = event.timestamp
    if address == "screen_event":
        item.kind, item.name = "screen", _screen(data)
        item.data = _without(data, "screen_name")
    elif address == "product_event" or (event.event == "product" and event.event_type is not None):
        item.kind, item.name, item.event_type = "product_event", None, event.event_type
        item.product_id = _product(data)
        item.data = _without(data, "custom_id")
    return item


def notice_of(
    channel: str, notice_id: str, action: str, payload: bytes, user_key: str, received_at: Instant
) -> Item:
    """Return that a notice was displayed, clicked or dismissed.

    Raises:
        Invalid: The body is no JSON.
    """
    url = decoded(_decode_notice, payload).url if payload else None
    data = {"notification_id": notice_id}
    name = f"{channel} {action}"
    return Item(
        "event", None, received_at, visitor=user_key, name=name, data=data, page=Page(url=url)
    )


def _key(*parts: bytes) -> str:
    """Return an event key for these bytes; others have another one (BLAKE2b, 128 bits)."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(4, "little") + part)
    return digest.hexdigest()


def _screen(data: _Fields) -> str | None:
    name = data.get("screen_name")
    if not isinstance(name, str):
        raise Invalid.at("/data/screen_name", "required", "Say which screen, as text.")
    return name


def _product(data: _Fields) -> str | int:
    product = data.get("custom_id")
    if isinstance(product, bool) or not isinstance(product, str | int):
        raise Invalid.at("/data/custom_id", "product_missing", "Say which product: data.custom_id.")
    return product


def _without(data: _Fields, name: str) -> _Fields:
    return {key: value for key, value in data.items() if key != name}
