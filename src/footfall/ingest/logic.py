"""The rules by which input becomes an EventRecord. Pure; used by the collector and the importer."""

import difflib
import re
from collections.abc import Mapping
from datetime import tzinfo
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from footfall.ingest.types import EVENT_TYPES, EventRecord
from footfall.kernel.errors import Invalid, TooLarge
from footfall.kernel.identifiers import MAX_CUSTOM_ID_CHARACTERS, checked_email, checked_id
from footfall.kernel.instants import DAY_MS, Instant, instant_of_number, instant_of_text
from footfall.kernel.json_values import holds_nul, refuse_deep
from footfall.kernel.money import currency_of, read_amount, round_money

#: Decision 24.
MAX_CUSTOM_DATA_BYTES = 64 * 1024
#: Twice the attributes a workspace may define (decision 9): more keys than this are not a product.
MAX_ATTRIBUTES = 1_000
#: Decision 1 and decision 6.
MAX_EVENT_KEY_CHARACTERS = 64
#: 2000-01-01T00:00:00Z; what is older is a wrong unit or a broken clock (decision 18).
EARLIEST = Instant(946_684_800_000)

#: The event types as they are spelled here.
CANONICAL_TYPES = {name: name for name in EVENT_TYPES}
_BLANKS = re.compile(r"[\s_-]+")
_STORED_POSITIVE = frozenset({"return", "refund"})
_encode = msgspec.json.Encoder().encode


def canonical_event_type(text: str) -> str:
    """Return the event type meant by `text`; case, blanks, `_` and `-` are forgiven (decision 4).

    Raises:
        Invalid: None of the sixteen; the message names the nearest and all of them.
    """
    known = CANONICAL_TYPES.get(text)
    if known is not None:
        return known
    plain = _BLANKS.sub(" ", text.strip().lower()).strip()
    known = CANONICAL_TYPES.get(plain)
    if known is not None:
        return known
    near = difflib.get_close_matches(plain[:64], EVENT_TYPES, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    shown = text if len(text) <= 64 else text[:64] + "…"
    raise Invalid.at(
        "/event_type",
        "unknown_event_type",
        f'"{shown}" is not an event type.{hint} Use one of: {", ".join(EVENT_TYPES)}.',
    )


def occurred_instant(
    timestamp: float | str | None,
    received_at: Instant,
    zone: tzinfo,
    pointer: str = "/timestamp",
) -> Instant:
    """Return when the event happened (decision 18), not after `received_at`.

    Args:
        timestamp: Unix seconds or milliseconds, ISO 8601, or None for now.
        received_at: What "now" is.
        zone: Of ISO text that names none.

    Raises:
        Invalid: Unreadable, before 2000, or more than 24 hours ahead.
    """
    if timestamp is None:
        return received_at
    if isinstance(timestamp, str):
        instant = instant_of_text(timestamp.strip(), zone)
    else:
        instant = instant_of_number(timestamp)
    if instant is None:
        raise Invalid.at(
            pointer,
            "unreadable_timestamp",
            "This is neither Unix seconds, Unix milliseconds nor ISO 8601.",
        )
    if instant > received_at:
        if instant > received_at + DAY_MS:
            raise Invalid.at(
                pointer,
                "timestamp_in_future",
                "This is more than 24 hours ahead of the server's clock.",
            )
        return received_at
    if instant < EARLIEST:
        raise Invalid.at(
            pointer, "timestamp_too_old", "This is before the year 2000; check the unit."
        )
    return instant


def checked_event_key(
    value: str | int, pointer: str = "/event_id", longest: int = MAX_EVENT_KEY_CHARACTERS
) -> str:
    """Return the sender's event id as text, 1 to `longest` characters (decision 1)."""
    text = checked_id(value, pointer)
    if len(text) > longest:
        raise Invalid.at(pointer, "wrong_length", f"This must have 1 to {longest} characters.")
    return text


def key_hash(workspace_id: int, event_key: str) -> bytes:
    """Return 16 bytes that stand for this key in this workspace.

    BLAKE2b keyed with the workspace: two keys collide by chance once in 2^64 pairs of keys, and
    nobody can make them collide on purpose.
    """
    hasher = _hasher(workspace_id).copy()
    hasher.update(event_key.encode())
    return hasher.digest()


@lru_cache(maxsize=1_024)
def _hasher(workspace_id: int) -> blake2b:
    return blake2b(digest_size=16, key=workspace_id.to_bytes(8, "little"))


class Identity(NamedTuple):
    """Who the event is about, as sent; all None where nobody is known."""

    contact_id: int | None = None
    user_custom_id: str | None = None
    email: str | None = None
    user_key: str | None = None


def checked_identity(
    contact_id: int | None,
    user_custom_id: str | int | None,
    email: str | None,
    user_key: str | None,
) -> Identity:
    """Return the identity with every part checked; blank text counts as not sent.

    Raises:
        Invalid: A part that cannot be one.
    """
    return Identity(
        contact_id,
        checked_id(user_custom_id, "/user_custom_id") if user_custom_id not in {None, ""} else None,
        checked_email(email) if email and not email.isspace() else None,
        checked_id(user_key, "/user_key") if user_key else None,
    )


def build_record(
    *,
    workspace_id: int,
    received_at: Instant,
    source: str,
    event_type: str,
    timestamp: float | str | None,
    event_key: str | None,
    identity: Identity,
    product_id: int | None,
    product_custom_id: str | None,
    fields: dict[str, Any],
    zone: tzinfo,
) -> EventRecord:
    """Return the valid record of one product event.

    Args:
        fields: `data` of the event, `custom_data` still inside. Not changed.

    Raises:
        Invalid: With the pointer of what is wrong.
        TooLarge: `custom_data` over 64 KiB.
    """
    canonical = canonical_event_type(event_type)
    occurred_at = occurred_instant(timestamp, received_at, zone)
    custom_fields = fields.get("custom_data")
    attributes = fields
    if "custom_data" in fields:
        attributes = {name: value for name, value in fields.items() if name != "custom_data"}
    if len(attributes) > MAX_ATTRIBUTES:
        raise Invalid.at("/data", "too_many_attributes", "An event may carry 1,000 attributes.")
    attributes_text = json_text(attributes, "/data")
    custom_text = None
    if custom_fields is not None:
        custom_text = json_text(custom_fields, "/data/custom_data")
        if len(custom_text.encode()) > MAX_CUSTOM_DATA_BYTES:
            raise TooLarge("custom_data may have 64 KiB at most.")
    facts = occurrence_facts(canonical, attributes, custom_fields)
    return EventRecord(
        workspace_id,
        received_at,
        occurred_at,
        canonical,
        source,
        event_key,
        identity.contact_id,
        identity.user_custom_id,
        identity.email,
        identity.user_key,
        product_id,
        product_custom_id,
        attributes_text,
        custom_text,
        facts.unit_price,
        facts.quantity,
        facts.currency,
        facts.order_id,
    )


def json_text(value: Any, pointer: str) -> str:
    """Return `value` as JSON text that every store can hold.

    Raises:
        Invalid: Nested deeper than ten levels, or with a NUL character.
    """
    refuse_deep(value, pointer)
    text = _encode(value).decode()
    # The escape is searched first: walking every value would cost more than the rest together.
    if "\\u0000" in text and holds_nul(value):
        raise Invalid.at(pointer, "nul_character", "Text must not hold the NUL character.")
    return text


class Facts(NamedTuple):
    """What belongs to this occurrence alone (decision 12); None where it was not said."""

    unit_price: str | None
    quantity: str | None
    currency: str | None
    order_id: str | None


_NO_FACTS = Facts(None, None, None, None)
_RARER_FACTS = frozenset({"unit_price", "quantity", "currency", "order_id"})


def occurrence_facts(event_type: str, attributes: Mapping[str, Any], custom_fields: Any) -> Facts:
    """Return unit price, quantity, currency and order id, from `custom_data`, then `data`.

    What cannot be read as one (a price that is no number, a negative one, a currency that is no
    ISO code) stays empty here; the payload keeps it. Quantities of returns and refunds are
    stored positive.
    """
    said = attributes.get
    if not isinstance(custom_fields, dict) and _RARER_FACTS.isdisjoint(attributes):
        # Nearly every event: a price at most.
        price = said("price")
        if price is None:
            return _NO_FACTS
        unit_price, currency = _amount(price)
        return Facts(unit_price, None, currency, None)
    price, quantity = said("unit_price"), said("quantity")
    named_currency, order_id = said("currency"), said("order_id")
    if price is None:
        price = said("price")
    if isinstance(custom_fields, dict):
        own = custom_fields.get
        price = _first(own("unit_price"), own("price"), price)
        quantity = _first(own("quantity"), quantity)
        named_currency = _first(own("currency"), named_currency)
        order_id = _first(own("order_id"), order_id)
    unit_price = currency = quantity_text = None
    if price is not None:
        unit_price, currency = _amount(price)
    if quantity is not None:
        quantity_text, _ = _amount(quantity, absolute=event_type in _STORED_POSITIVE)
    if isinstance(named_currency, str):
        currency = currency_of(named_currency) or currency
    return Facts(
        unit_price, quantity_text, currency, None if order_id is None else _order_id(order_id)
    )


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _order_id(raw: Any) -> str | None:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        return None
    text = str(raw)
    return text if 0 < len(text) <= MAX_CUSTOM_ID_CHARACTERS else None


def _amount(raw: Any, *, absolute: bool = False) -> tuple[str | None, str | None]:
    """Return the amount as decimal text of four places at most, and the currency beside it."""
    if raw.__class__ is float or raw.__class__ is int:
        text = repr(raw)
        # Nearly every price: its own text is the exact decimal. Outside these bounds a float may
        # be written with an exponent or not fit; -0.0 would keep its sign.
        if 1e-4 <= raw < 1e14 and ("." in text[-5:] or "." not in text):
            return text, None
        number, currency = Decimal(text), None
    elif isinstance(raw, str) and len(raw) <= 64:
        read = read_amount(raw)
        if read is None:
            return None, None
        number, currency = read
    else:
        return None, None
    rounded = round_money(abs(number) if absolute else number)
    if rounded is None or rounded < 0:
        return None, None
    return format(abs(rounded), "f"), currency
