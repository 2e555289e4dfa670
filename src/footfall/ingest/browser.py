"""The wire format of browsers and mobile apps: turns their items into journal records. Pure.

Everything here is written by somebody we know nothing of: an app key is public. Whom an item names
is believed only as far as its signature goes (`trusted`); the projector acts on that.
"""

import hmac
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw, Struct, structs

from footfall.ingest.formats import decoded
from footfall.ingest.logic import (
    MAX_ATTRIBUTES,
    Identity,
    build_record,
    checked_event_key,
    json_text,
    occurred_instant,
)
from footfall.ingest.types import ActivityKind, ActivityRecord, Doing, EventRecord, Traffic
from footfall.ingest.user_agents import UNKNOWN, Agent
from footfall.kernel.errors import Invalid, TooLarge
from footfall.kernel.identifiers import checked_email, checked_id
from footfall.kernel.instants import MINUTE_MS, Instant
from footfall.workspaces.types import Workspace

MAX_ITEMS: Final = 100
#: A browser's clock that is off by less stands: the way here takes some seconds, too.
MAX_SKEW_MS: Final = MINUTE_MS
#: The latest time that a browser's clock can say (ECMAScript's Date).
_LATEST_CLOCK_MS: Final = 8_640_000_000_000_000
#: What browsers and proxies carry safely; a longer address is cut, not refused.
_MAX_URL_CHARACTERS: Final = 2_048
_MAX_TEXT_CHARACTERS: Final = 255
_MAX_SESSION_CHARACTERS: Final = 64

Kind = Literal["product_event", "event", "page_view", "screen", "update"]
_Fields = dict[str, Any] | list[Any] | None
_Text = str | None


class Page(Struct, gc=False):
    """Where it happened."""

    url: _Text = None
    referrer: _Text = None
    utm_source: _Text = None
    utm_medium: _Text = None
    utm_campaign: _Text = None
    utm_term: _Text = None
    utm_content: _Text = None


class Device(Struct, gc=False):
    """What the browser says of itself, beside its User-Agent."""

    language: _Text = None


class Item(Struct, gc=False):
    """One thing that happened in a browser or app."""

    kind: Kind
    id: str | int | None
    at: int | float | str
    visitor: _Text = None
    session: _Text = None
    user_id: str | int | None = None
    signature: _Text = None
    email: _Text = None
    contact: _Fields = None  #: contact attributes by name
    name: _Text = None  #: of an ordinary event or screen
    product_id: str | int | None = None
    event_type: _Text = None
    data: _Fields = None
    page: Page | None = None
    device: Device | None = None
    traffic: _Text = None


class _Body(Struct, gc=False):
    events: list[Item]
    sent_at: int | float | None = None


class _UnreadBody(Struct, gc=False):
    events: list[Raw]
    sent_at: int | float | None = None


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_unread_body = msgspec.json.Decoder(_UnreadBody).decode
_decode_item = msgspec.json.Decoder(Item).decode
_encode = msgspec.json.Encoder().encode


class Sending(NamedTuple):
    """What holds for every item of a request."""

    workspace_id: int
    received_at: Instant
    zone: tzinfo
    identity_secret: bytes
    require_signed_contacts: bool
    skew_ms: int = 0  #: to be added to the sender's times
    agent: Agent = UNKNOWN


class Read(NamedTuple):
    """What became of an item."""

    records: tuple[Doing, ...]  #: the item's own is the last
    #: The contact id that will be passed over for want of a signature.
    unsigned_user_id: str | None


class Body(NamedTuple):
    """The items of a request; not read yet where one of them cannot be, to spoil no others."""

    items: Sequence[Item | Raw]
    sent_at: float | None

    def skew_ms(self, received_at: Instant) -> int:
        """Return what to add to the sender's times; nothing if its clock is nearly right.

        Nor if what it says is no time at all: then the times of the items are checked as they are.
        """
        if self.sent_at is None or not -_LATEST_CLOCK_MS < self.sent_at < _LATEST_CLOCK_MS:
            return 0
        if abs(received_at - self.sent_at) <= MAX_SKEW_MS:
            return 0
        return received_at - round(self.sent_at)


def opened(payload: bytes) -> Body:
    """Return the items of a body.

    Raises:
        Invalid: It is no such body.
        TooLarge: It has more than a hundred items.
    """
    items: list[Item] | list[Raw]
    try:
        body = _decode_body(payload)
        items, sent_at = body.events, body.sent_at
    # Told again below, in our words, or item by item.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        unread = decoded(_decode_unread_body, payload)
        items, sent_at = unread.events, unread.sent_at
    if len(items) > MAX_ITEMS:
        raise TooLarge(f"A request may have {MAX_ITEMS} events; send more requests.")
    return Body(items, sent_at)


def alone(payload: bytes, indexes: Sequence[int]) -> list[bytes]:
    """Return for each of some items of `payload` the body that would carry it and nothing else."""
    unread: _UnreadBody = decoded(_decode_unread_body, payload)
    return [_encode(_UnreadBody([unread.events[index]], unread.sent_at)) for index in indexes]


def is_signed(user_id: str, signature: str, secret: bytes) -> bool:
    """Return whether `signature` is the hex HMAC-SHA256 of `user_id` under `secret`."""
    proof = hmac.digest(secret, user_id.encode(), "sha256").hex()
    return hmac.compare_digest(proof.encode(), signature.strip().lower().encode())


def records_of(item: Item | Raw, sending: Sending) -> Read:
    """Return the records of one item.

    Raises:
        UserError: With the pointer of what is wrong.
    """
    if isinstance(item, Raw):
        item = decoded(_decode_item, item)
        assert isinstance(item, Item)
    key = None if item.id is None else checked_event_key(item.id, "/id")
    # Text is not a browser's clock: it stands as it is.
    at = item.at if isinstance(item.at, str) else item.at + sending.skew_ms
    occurred_at = occurred_instant(at, sending.received_at, sending.zone, "/at")
    identity, trusted, unsigned = _identity(item, sending)
    about = _About(item, sending, key, occurred_at, identity, trusted)
    if item.kind != "product_event":
        return Read((_activity(about, item.kind),), unsigned)
    event = _product_event(about)
    if not item.contact:
        return Read((event,), unsigned)
    news = _activity(about._replace(key=None if key is None else f"{key}\n"), "update")
    return Read((news, event), unsigned)


def replayed(payload: bytes, workspace: Workspace, received_at: Instant) -> tuple[Doing, ...]:
    """Return the records of a kept body, which must hold one item, by the rules of today.

    Raises:
        UserError: What is still wrong with it.
    """
    body = opened(payload)
    if len(body.items) != 1:
        raise Invalid.at("/events", "not_replayable", "A replay brings one event; write only one.")
    sending = Sending(
        workspace.id,
        received_at,
        ZoneInfo(workspace.time_zone),
        workspace.identity_secret.encode(),
        workspace.require_signed_contacts,
        body.skew_ms(received_at),
    )
    return records_of(body.items[0], sending).records


class _About(NamedTuple):
    item: Item
    sending: Sending
    key: str | None
    occurred_at: Instant
    identity: Identity
    trusted: bool


def _identity(item: Item, sending: Sending) -> tuple[Identity, bool, str | None]:
    """Return whom the item names, whether that is proven, and the id that is passed over."""
    visitor = checked_id(item.visitor, "/visitor") if item.visitor else None
    email = checked_email(item.email) if item.email and not item.email.isspace() else None
    if item.user_id in {None, ""}:
        if visitor is None:
            raise Invalid.at(
                "/visitor", "contact_missing", "Say whose event this is: visitor or user_id."
            )
        return Identity(None, None, email, visitor), False, None
    user_id = checked_id(item.user_id or "", "/user_id")
    if item.signature:
        if not is_signed(user_id, item.signature, sending.identity_secret):
            raise Invalid.at(
                "/signature",
                "bad_signature",
                "This is not the HMAC-SHA256 of user_id under the workspace's identity secret.",
            )
        return Identity(None, user_id, email, visitor), True, None
    if not sending.require_signed_contacts:
        return Identity(None, user_id, email, visitor), False, None
    if visitor is None:
        raise Invalid.at(
            "/signature", "unsigned", "This workspace believes a user_id only with a signature."
        )
    # The projector sets it aside, where people look for what was passed over.
    return Identity(None, user_id, email, visitor), False, user_id


def _product_event(about: _About) -> EventRecord:
    item, sending = about.item, about.sending
    if item.product_id is None or item.product_id == "":
        raise Invalid.at("/product_id", "product_missing", "Say which product: product_id.")
    if item.event_type is None:
        raise Invalid.at("/event_type", "required", "This field is required.")
    record = build_record(
        workspace_id=sending.workspace_id,
        received_at=sending.received_at,
        source="browser",
        event_type=item.event_type,
        timestamp=about.occurred_at,
        event_key=about.key,
        identity=about.identity,
        product_id=None,
        product_custom_id=checked_id(item.product_id, "/product_id"),
        fields=_fields(item.data, "/data"),
        zone=sending.zone,
    )
    return structs.replace(
        record, session_id=_session(item), traffic=_traffic(about), trusted=about.trusted
    )


def _activity(about: _About, kind: ActivityKind) -> ActivityRecord:
    item, sending, identity = about.item, about.sending, about.identity
    name = ""
    if kind in {"event", "screen"}:
        if not item.name:
            raise Invalid.at("/name", "required", "This field is required.")
        name = checked_id(item.name, "/name")
    page = item.page or _NO_PAGE
    agent = sending.agent
    return ActivityRecord(
        workspace_id=sending.workspace_id,
        received_at=sending.received_at,
        occurred_at=about.occurred_at,
        kind=kind,
        name=name,
        source="browser",
        event_key=about.key,
        contact_id=None,
        user_custom_id=identity.user_custom_id,
        email=identity.email,
        user_key=identity.user_key,
        attributes="{}" if kind == "update" else _object(item.data, "/data"),
        contact_attributes=_object(item.contact, "/contact"),
        url=_text(page.url, "/page/url", _MAX_URL_CHARACTERS),
        referrer=_text(page.referrer, "/page/referrer", _MAX_URL_CHARACTERS),
        utm_source=_text(page.utm_source, "/page/utm_source"),
        utm_medium=_text(page.utm_medium, "/page/utm_medium"),
        utm_campaign=_text(page.utm_campaign, "/page/utm_campaign"),
        utm_term=_text(page.utm_term, "/page/utm_term"),
        utm_content=_text(page.utm_content, "/page/utm_content"),
        device_type=agent.device_type,
        os=agent.os,
        browser=agent.browser,
        language=_text(item.device.language, "/device/language") if item.device else None,
        session_id=_session(item),
        traffic=_traffic(about),
        trusted=about.trusted,
    )


_NO_PAGE: Final = Page()


def _fields(fields: _Fields, pointer: str) -> dict[str, Any]:
    if isinstance(fields, dict):
        return fields
    if fields:
        raise Invalid.at(pointer, "wrong_type", "Expected an object of attributes.")
    return {}


def _object(fields: _Fields, pointer: str) -> str:
    named = _fields(fields, pointer)
    if len(named) > MAX_ATTRIBUTES:
        raise Invalid.at(pointer, "too_many_attributes", "An event may carry 1,000 attributes.")
    return json_text(named, pointer) if named else "{}"


def _text(text: str | None, pointer: str, limit: int = _MAX_TEXT_CHARACTERS) -> str | None:
    if not text:
        return None
    if "\x00" in text:
        raise Invalid.at(pointer, "nul_character", "Text must not hold the NUL character.")
    return text[:limit]


def _session(item: Item) -> str | None:
    if not item.session:
        return None
    session = checked_id(item.session, "/session")
    if len(session) > _MAX_SESSION_CHARACTERS:
        raise Invalid.at("/session", "wrong_length", "This must have 1 to 64 characters.")
    return session


def _traffic(about: _About) -> Traffic:
    if about.item.traffic == "staff":
        return "staff"
    return "bot" if about.sending.agent.is_bot else "visitor"
