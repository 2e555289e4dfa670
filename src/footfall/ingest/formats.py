"""The wire formats of product events: compatible API v1 and v2, and the items of our own batches.

Everything here turns bytes into an EventRecord or raises a UserError that says where. The
collector calls it for live requests, the replay of failed events for kept ones.
"""

import re
from datetime import tzinfo
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from footfall.http.errors import in_plain_words
from footfall.ingest.logic import Identity, build_record, checked_event_key, checked_identity
from footfall.ingest.types import EventRecord
from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_id
from footfall.kernel.instants import Instant

#: The code of a body that is no JSON at all.
MALFORMED_JSON = "malformed_json"

WireFormat = Literal["v1", "v2", "item"]


class ProductPath(NamedTuple):
    """The product that the path of a request names; both None where the body names it."""

    product_id: int | None
    custom_id: str | None

    def __str__(self) -> str:
        if self.product_id is not None:
            return f"id:{self.product_id}"
        return "" if self.custom_id is None else f"custom_id:{self.custom_id}"

    @staticmethod
    def parse(text: str | None) -> "ProductPath":
        """Return the path that `str` made this text of."""
        kind, _, value = (text or "").partition(":")
        if kind == "id":
            return ProductPath(int(value), None)
        return ProductPath(None, value if kind == "custom_id" else None)


NO_PRODUCT = ProductPath(None, None)

# PHP's JSON encoder writes an empty map as `[]`; the shops' plugins do send it.
_Fields = dict[str, Any] | list[Any] | None
_Id = str | int | None


class _Version2(Struct, gc=False):
    """Contract section 3.2. What is not named here is ignored, as the plugins repeat ids."""

    event_type: str
    user_id: _Id = None  # internal
    user_custom_id: _Id = None
    user_key: str | None = None
    email: str | None = None
    timestamp: int | float | str | None = None
    data: _Fields = None
    event_id: _Id = None
    id: _Id = None
    custom_id: _Id = None
    product_id: _Id = None


class _Version1(Struct, gc=False):
    """Contract section 3.3: `user_id` is the shop's own id."""

    event_type: str
    client: _Id = None  # internal
    user_id: _Id = None  # the shop's
    user_key: str | None = None
    email: str | None = None
    timestamp: int | float | str | None = None
    data: _Fields = None
    event_id: _Id = None
    id: _Id = None
    custom_id: _Id = None
    product_id: _Id = None


class Item(Struct, gc=False):
    """An item of `POST /api/v1/events`: product_id is the shop's."""

    event_type: str
    product_id: str | int
    user_custom_id: _Id = None
    user_id: _Id = None  # internal
    user_key: str | None = None
    email: str | None = None
    timestamp: int | float | str | None = None
    event_id: _Id = None
    data: _Fields = None


#: Raises what msgspec does; `decoded` makes it clear.
decode_item = msgspec.json.Decoder(Item).decode
_decode_version1 = msgspec.json.Decoder(_Version1).decode
_decode_version2 = msgspec.json.Decoder(_Version2).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode
#: What the decoder writes before the place where something is wrong.
_AT = "at `$"


def record_of(
    payload: bytes | Raw,
    wire_format: WireFormat,
    *,
    workspace_id: int,
    received_at: Instant,
    source: str,
    zone: tzinfo,
    path: ProductPath = NO_PRODUCT,
    request_key: str | None = None,
) -> EventRecord:
    """Return the record of one event as it was sent.

    Args:
        path: The product, where the path names it.
        request_key: The event key if the payload has none (`Idempotency-Key`).

    Raises:
        UserError: With the pointer of what is wrong.
    """
    event: Any
    if wire_format == "item":
        event = decoded(decode_item, payload)
        path = ProductPath(None, checked_id(event.product_id, "/product_id"))
    else:
        event = decoded(_decode_version2 if wire_format == "v2" else _decode_version1, payload)
    identity = _identity(event)
    if path == NO_PRODUCT:
        path = _product_in_body(event)
    key = request_key
    if event.event_id is not None and event.event_id != "":
        key = checked_event_key(event.event_id)
    fields = event.data
    if not isinstance(fields, dict):
        if fields:
            raise Invalid.at("/data", "wrong_type", "Expected an object of attributes.")
        fields = {}
    return build_record(
        workspace_id=workspace_id,
        received_at=received_at,
        source=source,
        event_type=event.event_type,
        timestamp=event.timestamp,
        event_key=key,
        identity=identity,
        product_id=path.product_id,
        product_custom_id=path.custom_id,
        fields=fields,
        zone=zone,
    )


_NOBODY = Identity()


def _identity(event: "_Version1 | _Version2 | Item") -> Identity:
    """Return whom the event names.

    Raises:
        Invalid: Nobody, or an identifier that cannot be one.
    """
    if isinstance(event, _Version1):
        identity = checked_identity(
            internal_id(event.client, "/client"), event.user_id, event.email, event.user_key
        )
        if identity == _NOBODY:
            raise Invalid.at(
                "/user_id",
                "contact_missing",
                "Say whose event this is: user_id (your id) or client (ours).",
            )
        return identity
    identity = checked_identity(
        internal_id(event.user_id, "/user_id"),
        event.user_custom_id,
        event.email,
        event.user_key,
    )
    if identity == _NOBODY:
        raise Invalid.at(
            "/user_custom_id",
            "contact_missing",
            "Say whose event this is: user_custom_id (your id), user_id (ours), email or user_key.",
        )
    return identity


def _product_in_body(event: "_Version1 | _Version2") -> ProductPath:
    for custom_id in (event.custom_id, event.product_id):
        if custom_id is not None and custom_id != "":
            return ProductPath(None, checked_id(custom_id, "/custom_id"))
    product_id = internal_id(event.id, "/id")
    if product_id is None:
        raise Invalid.at("/custom_id", "product_missing", "Say which product: custom_id or id.")
    return ProductPath(product_id, None)


def internal_id(value: str | int | None, pointer: str) -> int | None:
    """Return one of our ids; digits in text are forgiven."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 19):
            raise Invalid.at(pointer, "wrong_type", "Expected an integer: our own id.")
        value = int(value)
    if not 0 <= value < 2**63:
        raise Invalid.at(pointer, "out_of_range", "There is no such id.")
    return value


def items_of(body: bytes) -> "list[bytes | Raw]":
    """Return the items of a batch: a JSON array, or one JSON value per line.

    Raises:
        Invalid: Neither. An item may still be wrong by itself.
    """
    start = body.lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
    if start == b"[":
        return list(decoded(_decode_array, body.removeprefix(b"\xef\xbb\xbf")))
    if start != b"{":
        raise Invalid.at("", MALFORMED_JSON, "Expected a JSON array or JSON lines.")
    lines = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [line for line in lines if line and not line.isspace()]


def decoded(decode: Any, payload: bytes | Raw) -> Any:
    """Return what `decode` makes of JSON that anybody may have sent.

    Raises:
        Invalid: It is no JSON, no UTF-8, too deep, or a value has the wrong type.
    """
    try:
        return decode(payload)
    except msgspec.ValidationError as error:
        # The last one is the decoder's own: before it may stand what the sender wrote.
        message, found, place = str(error).rpartition(_AT)
        if not found:
            message, place = place, ""
        message = message.rstrip().removesuffix("-").rstrip()
        # Of lists and maps the decoder does not say which entry it was.
        place = re.sub(r"\[(\.\.\.|[0-9]+)\]", "", place.removesuffix("`")).removeprefix(".")
        pointer = "/" + place.replace(".", "/") if place else ""
        missing = re.search(r"missing required field `([^`]+)`", message)
        if missing is not None:
            raise Invalid.at(
                f"{pointer}/{missing[1]}", "required", "This field is required."
            ) from error
        raise Invalid.at(pointer, "wrong_type", in_plain_words(message)) from error
    except UnicodeDecodeError as error:
        raise Invalid.at("", MALFORMED_JSON, "The body is not UTF-8.") from error
    except msgspec.DecodeError as error:
        raise Invalid.at("", MALFORMED_JSON, f"The body is not valid JSON: {error}.") from error
    except RecursionError:
        raise Invalid.at("", "nested_too_deeply", "Values may be nested ten levels deep.") from None
