"""The short way from an item of a batch to its record, for items such as nearly all are.

It never refuses anything: what it does not know it leaves to `formats.record_of`, whose rules these
are. Written out in one piece, because a call costs more than most of the rules.
"""

from typing import TypeGuard

import msgspec

from footfall.ingest.formats import decode_item
from footfall.ingest.logic import (
    CANONICAL_TYPES,
    EARLIEST,
    MAX_ATTRIBUTES,
    MAX_EVENT_KEY_CHARACTERS,
    occurrence_facts,
)
from footfall.ingest.types import EventRecord
from footfall.kernel.identifiers import MAX_CUSTOM_ID_CHARACTERS
from footfall.kernel.instants import Instant

_encode = msgspec.json.Encoder().encode


def plain_record(
    item: bytes | msgspec.Raw,
    *,
    workspace_id: int,
    received_at: Instant,
    source: str,
    request_key: str | None,
) -> EventRecord | None:
    """Return what `record_of` would, or None where only that can tell.

    Plain is an item of the shop's own ids, a time in Unix milliseconds or none, and flat data.
    """
    try:
        event = decode_item(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    event_type = CANONICAL_TYPES.get(event.event_type)
    contact, product, key = event.user_custom_id, event.product_id, event.event_id
    fields = event.data
    if (
        event_type is None
        or type(fields) is not dict
        or not _is_plain(contact, MAX_CUSTOM_ID_CHARACTERS)
        or not _is_plain(product, MAX_CUSTOM_ID_CHARACTERS)
        or not (key is None or _is_plain(key, MAX_EVENT_KEY_CHARACTERS))
        or event.user_id is not None
        or event.email is not None
        or event.user_key is not None
    ):
        return None
    occurred_at = event.timestamp
    if occurred_at is None:
        occurred_at = received_at
    elif type(occurred_at) is not int or not EARLIEST <= occurred_at <= received_at:
        return None
    if "custom_data" in fields or len(fields) > MAX_ATTRIBUTES:
        return None
    attributes = _encode(fields).decode()
    # Flat if no other bracket stands in the text: quicker than to look at every value.
    if attributes.rfind("{") or "[" in attributes or "\\u0000" in attributes:
        return None
    return EventRecord(
        workspace_id,
        received_at,
        occurred_at,
        event_type,
        source,
        request_key if key is None else key,
        None,
        contact,
        None,
        None,
        None,
        product,
        attributes,
        None,
        *occurrence_facts(event_type, fields, None),
    )


def _is_plain(value: object, max_characters: int) -> TypeGuard[str]:
    """Return whether `value` is a text that any store can hold, and nothing needs to be done to."""
    return type(value) is str and 0 < len(value) <= max_characters and value.isprintable()
