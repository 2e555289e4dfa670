"""The wire formats of activities: ordinary events and page views of the compatible API, and the
items of our own batches. Pure.

Everything here turns bytes into an ActivityRecord or raises a UserError that says where. The routes
call it for live requests, the replay of failed events for kept ones.
"""

from datetime import tzinfo
from typing import Any, Final, Literal, get_args
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Raw, Struct

from footfall.ingest.formats import decoded, internal_id
from footfall.ingest.logic import (
    MAX_ATTRIBUTES,
    Identity,
    checked_event_key,
    checked_identity,
    json_text,
    occurred_instant,
)
from footfall.ingest.types import ActivityKind, ActivityRecord
from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_id
from footfall.kernel.instants import Instant

#: Ordinary events and page views by version of the compatible API; an item of our own batches.
ActivityFormat = Literal["event_v1", "event_v2", "view_v1", "view_v2", "activity"]
ACTIVITY_FORMATS: Final[tuple[ActivityFormat, ...]] = get_args(ActivityFormat)

#: What browsers and proxies carry safely; a longer address is cut, not refused.
_MAX_URL_CHARACTERS: Final = 2_048
_MAX_TEXT_CHARACTERS: Final = 255
_MAX_SESSION_CHARACTERS: Final = 64
_CAMPAIGN: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")

_Fields = dict[str, Any] | list[Any] | None
_Id = str | int | None
_Text = str | None


class _Said(Struct, kw_only=True, gc=False):
    """What every format has. What is not named is passed over."""

    name: _Id = None
    user_id: _Id = None
    user_key: _Text = None
    email: _Text = None
    timestamp: int | float | str | None = None
    event_id: _Id = None
    data: _Fields = None
    url: _Text = None
    referrer: _Text = None


class _Compatible(_Said, kw_only=True, gc=False):
    """Contract rows E1, E2 and V1, of both versions."""

    client: _Id = None  #: version 1: our id
    user_custom_id: _Id = None  #: version 2: the shop's
    path: _Text = None
    title: _Text = None


class _Item(_Said, kw_only=True, gc=False):
    """An item of `POST /api/v1/activities`."""

    kind: ActivityKind = "event"
    user_custom_id: _Id = None
    contact: _Fields = None
    session_id: _Text = None
    utm_source: _Text = None
    utm_medium: _Text = None
    utm_campaign: _Text = None
    utm_term: _Text = None
    utm_content: _Text = None
    device_type: _Text = None
    os: _Text = None
    browser: _Text = None
    language: _Text = None


_DEVICE: Final = ("device_type", "os", "browser", "language")
#: What only our own items say, and addresses of the campaign.
_NO_PAGE: Final[dict[str, Any]] = {
    "contact_attributes": "{}",
    "session_id": None,
    **dict.fromkeys((*_CAMPAIGN, *_DEVICE)),
}
_decode_compatible = msgspec.json.Decoder(_Compatible).decode
_decode_item = msgspec.json.Decoder(_Item).decode


def activity_of(
    payload: bytes | Raw,
    wire_format: ActivityFormat,
    *,
    workspace_id: int,
    received_at: Instant,
    source: str,
    zone: tzinfo,
    request_key: str | None = None,
) -> ActivityRecord:
    """Return the record of one activity as it was sent.

    Args:
        request_key: The event key if the payload has none (`Idempotency-Key`).

    Raises:
        UserError: With the pointer of what is wrong.
    """
    if wire_format == "activity":
        item: _Item = decoded(_decode_item, payload)
        said: _Said = item
        kind = item.kind
        ours, pointer, theirs = item.user_id, "/user_id", item.user_custom_id
        attributes = _fields(item.data, "/data")
        page = _page_of_item(item)
    else:
        sent: _Compatible = decoded(_decode_compatible, payload)
        said = sent
        kind = "page_view" if wire_format.startswith("view") else "event"
        if wire_format.endswith("v1"):
            ours, pointer, theirs = sent.client, "/client", sent.user_id
        else:
            ours, pointer, theirs = sent.user_id, "/user_id", sent.user_custom_id
        attributes = _fields(sent.data, "/data")
        if kind == "page_view":
            attributes |= {n: v for n in ("path", "title") if (v := getattr(sent, n)) is not None}
        page = {**_NO_PAGE, **_campaign_in(sent.url)}
    identity = checked_identity(internal_id(ours, pointer), theirs, said.email, said.user_key)
    if identity == Identity():
        raise Invalid.at(
            pointer, "contact_missing", "Say whose it is: by your id, ours, email or user_key."
        )
    key = request_key
    if said.event_id is not None and said.event_id != "":
        key = checked_event_key(said.event_id)
    return ActivityRecord(
        workspace_id=workspace_id,
        received_at=received_at,
        occurred_at=occurred_instant(said.timestamp, received_at, zone),
        kind=kind,
        name=_name(kind, said.name),
        source=source,
        event_key=key,
        **identity._asdict(),
        attributes=json_text(attributes, "/data"),
        url=_address(said, kind, wire_format),
        referrer=_cut(said.referrer, "/referrer", _MAX_URL_CHARACTERS),
        **page,
    )


def _page_of_item(item: _Item) -> dict[str, Any]:
    contact = _fields(item.contact, "/contact")
    for name in ("email", "user_key"):
        if name in contact:
            raise Invalid.at(
                f"/contact/{name}", "identifier", "This stands beside `contact`, not among it."
            )
    session_id = checked_id(item.session_id, "/session_id") if item.session_id else None
    if session_id is not None and len(session_id) > _MAX_SESSION_CHARACTERS:
        raise Invalid.at("/session_id", "wrong_length", "This must have 1 to 64 characters.")
    return {
        "contact_attributes": json_text(contact, "/contact"),
        "session_id": session_id,
        **{
            name: _cut(getattr(item, name), f"/{name}", _MAX_TEXT_CHARACTERS)
            for name in (*_CAMPAIGN, *_DEVICE)
        },
    }


def _name(kind: ActivityKind, name: _Id) -> str:
    if kind in {"event", "screen"}:
        if name is None or name == "":
            raise Invalid.at("/name", "required", "This field is required.")
        return checked_id(name, "/name")
    return ""


def _address(said: _Said, kind: ActivityKind, wire_format: ActivityFormat) -> _Text:
    url = said.url
    if url is None and isinstance(said, _Compatible):
        url = said.path
    if kind == "page_view" and not url and wire_format != "activity":
        raise Invalid.at("/url", "required", "This field is required.")
    return _cut(url, "/url", _MAX_URL_CHARACTERS)


def _campaign_in(url: _Text) -> dict[str, _Text]:
    """Return the campaign that an address names."""
    try:
        query = dict(parse_qsl(urlsplit(url or "").query[:_MAX_URL_CHARACTERS]))
    except ValueError:
        query = {}
    return {name: _cut(query.get(name), "/url", _MAX_TEXT_CHARACTERS) for name in _CAMPAIGN}


def _cut(text: _Text, pointer: str, longest: int) -> _Text:
    if not text:
        return None
    if "\0" in text:
        raise Invalid.at(pointer, "nul_character", "Text must not hold the NUL character.")
    return text[:longest].encode(errors="replace").decode()


def _fields(fields: _Fields, pointer: str) -> dict[str, Any]:
    if not isinstance(fields, dict):
        if fields:
            raise Invalid.at(pointer, "wrong_type", "Expected an object of attributes.")
        return {}
    if len(fields) > MAX_ATTRIBUTES:
        raise Invalid.at(pointer, "too_many_attributes", "An activity may carry 1,000 attributes.")
    return dict(fields)
