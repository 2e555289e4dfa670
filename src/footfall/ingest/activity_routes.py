"""HTTP that takes activities: contract rows E1, E2 and V1, and our own batches.

What is refused after the token was known is journaled as a failed event, as the collector does.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Raw

from footfall.contacts.api import get_contact
from footfall.http.bodies import MAX_BODY_BYTES, inflated, refuse_other_media
from footfall.http.edge import decoded_segment, record_id
from footfall.http.headers import DEFAULT_WAIT_SECONDS, preferred_wait
from footfall.http.services import Call, TheCall
from footfall.ingest import queries
from footfall.ingest.activity_formats import ActivityFormat, activity_of
from footfall.ingest.asgi import KEPT_PAYLOAD_BYTES, Oversized, explained
from footfall.ingest.collector import (
    MAX_BATCH_BODY_BYTES,
    MAX_BATCH_ITEMS,
    MAX_BATCH_KEY_CHARACTERS,
    Visibility,
)
from footfall.ingest.failed_routes import TheAdvisor, TheJournal, TheVisibility
from footfall.ingest.formats import MALFORMED_JSON, items_of
from footfall.ingest.intake import entry_of
from footfall.ingest.logic import MAX_EVENT_KEY_CHARACTERS, checked_event_key
from footfall.ingest.parameters import zone_of
from footfall.ingest.types import ActivityRecord, RefusedRecord
from footfall.journal.types import Entry, Journal
from footfall.kernel.errors import NotFound, TooLarge, UserError
from footfall.kernel.identifiers import checked_id
from footfall.kernel.ids import ContactId, Position
from footfall.kernel.instants import Instant

#: A contact of an event accepted a moment ago is not unknown.
_CATCH_UP_SECONDS: Final = 2.0
#: Items of a batch between two looks at other requests: some 5 ms.
_ITEMS_PER_TURN: Final = 200

_encode_record = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode

_Request = Request[Any, Any, Any]


class _Ports(NamedTuple):
    """Where activities go."""

    call: Call
    journal: Journal
    visibility: Visibility


@post("/api/public/events", request_max_body_size=None, include_in_schema=False)
async def record_event(
    call: TheCall,
    request: _Request,
    journal: TheJournal,
    advisor: TheAdvisor,
    visibility: TheVisibility,
) -> dict[str, Any]:
    """Store an ordinary event of the contact that the body names (E1)."""
    ports = _Ports(call, journal, visibility)
    return await _named(ports, request, advisor, {})


@post("/api/public/users/{user_id:str}/events", request_max_body_size=None, include_in_schema=False)
async def record_event_of_user(
    call: TheCall,
    request: _Request,
    journal: TheJournal,
    advisor: TheAdvisor,
    visibility: TheVisibility,
    user_id: FromPath[str],
) -> dict[str, Any]:
    """Store an ordinary event of a contact by our id; 404 where there is none."""
    name = "client" if call.version == 1 else "user_id"
    ports = _Ports(call, journal, visibility)
    return await _named(ports, request, advisor, {name: record_id(user_id)})


@post(
    "/api/public/users-by-id/{custom_id:str}/events",
    request_max_body_size=None,
    include_in_schema=False,
)
async def record_event_of_custom_id(
    call: TheCall,
    request: _Request,
    journal: TheJournal,
    advisor: TheAdvisor,
    visibility: TheVisibility,
    custom_id: FromPath[str],
) -> dict[str, Any]:
    """Store an ordinary event of a contact by the shop's id (E2); 404 where there is none."""
    name = "user_id" if call.version == 1 else "user_custom_id"
    ports = _Ports(call, journal, visibility)
    return await _named(ports, request, advisor, {name: decoded_segment(custom_id)})


@post("/api/public/site-views", request_max_body_size=None, include_in_schema=False)
async def record_site_view(
    call: TheCall,
    request: _Request,
    journal: TheJournal,
    advisor: TheAdvisor,
    visibility: TheVisibility,
) -> dict[str, Any]:
    """Store a page view (V1)."""
    ports = _Ports(call, journal, visibility)
    position, _ = await _stored(ports, request, advisor, "view", {})
    return {"id": position}


@post("/api/v1/activities", status_code=202, request_max_body_size=None, include_in_schema=False)
async def record_activities(
    call: TheCall,
    request: _Request,
    journal: TheJournal,
    advisor: TheAdvisor,
    visibility: TheVisibility,
) -> Response[dict[str, Any]]:
    """Store up to 10,000 activities; wrong ones are rejected, the others stored."""
    received_at = call.services.clock()
    body = b""
    try:
        body = await _body(request, MAX_BATCH_BODY_BYTES)
        key = _request_key(request, MAX_BATCH_KEY_CHARACTERS)
        items = items_of(body)
        if len(items) > MAX_BATCH_ITEMS:
            raise TooLarge("A batch may have 10,000 activities; send more batches.")
    except UserError as error:
        body = error.start if isinstance(error, Oversized) else body
        await _keep(_Ports(call, journal, visibility), received_at, body, error, "body")
        raise
    records, errors = await _read(call, items, received_at, key)
    places = sorted(records)
    wrong = await advisor.check(call.scope, [records[place] for place in places])
    errors |= {place: error for place, error in zip(places, wrong, strict=True) if error}
    places = [place for place in places if place not in errors]
    entries = [entry_of(records[place]) for place in places]
    entries += [
        Entry(None, _encode_record(_refused(call, received_at, bytes(items[place]), error)))
        for place, error in sorted(errors.items())
    ]
    appended = await journal.submit(entries) if entries else []
    stored = appended[: len(places)]
    repeats = sum(place.repeated for place in stored)
    counters = call.services.counters
    counters.events_accepted += len(stored) - repeats
    counters.events_repeated += repeats
    counters.events_refused += len(errors)
    last = max((place.position for place in appended), default=Position(0))
    await _until_visible(request, visibility, last)
    return Response(
        {
            "accepted": len(stored) - repeats,
            "duplicates": repeats,
            "rejected": [
                {"index": place, "code": error.code, "message": explained(error)}
                for place, error in sorted(errors.items())
            ],
        }
    )


async def _read(
    call: Call, items: "Sequence[bytes | Raw]", received_at: Instant, request_key: str | None
) -> tuple[dict[int, ActivityRecord], dict[int, UserError]]:
    """Return the records of a batch and what is wrong with the other items, by index."""
    records: dict[int, ActivityRecord] = {}
    errors: dict[int, UserError] = {}
    zone = await asyncio.to_thread(zone_of, call, None)
    for index, item in enumerate(items):
        try:
            records[index] = activity_of(
                item,
                "activity",
                workspace_id=call.scope.workspace_id,
                received_at=received_at,
                source="api",
                zone=zone,
                request_key=None if request_key is None else f"{request_key}#{index}",
            )
        except UserError as error:
            errors[index] = error
        if index % _ITEMS_PER_TURN == _ITEMS_PER_TURN - 1:
            await asyncio.sleep(0)
    return records, errors


async def _named(
    ports: _Ports, request: _Request, advisor: TheAdvisor, in_path: dict[str, Any]
) -> dict[str, Any]:
    position, name = await _stored(ports, request, advisor, "event", in_path)
    return {"id": position, "created": await _is_first(ports, name, position)}


async def _is_first(ports: _Ports, name: str, position: Position) -> bool:
    """Return whether the event at `position` is the first of its name in the workspace.

    The projector tells, as it sees all events in order; so a new name is waited for, a known one
    is not.
    """
    first = await asyncio.to_thread(_first_position, ports.call, name)
    if first is None:
        visible = await ports.visibility.wait(position, DEFAULT_WAIT_SECONDS)
        first = await asyncio.to_thread(_first_position, ports.call, name)
        if first is None:
            return not visible  # nobody knew the name, as far as the projector has come
    return first == position


def _first_position(call: Call, name: str) -> int | None:
    with call.read() as conn:
        return queries.first_position(conn, call.scope, name)


async def _stored(
    ports: _Ports,
    request: _Request,
    advisor: TheAdvisor,
    subject: str,
    in_path: dict[str, Any],
) -> tuple[Position, str]:
    """Journal one activity of the compatible API; return its position and name.

    Args:
        in_path: The field of the body that the path gives, if it gives one.
    """
    call = ports.call
    received_at = call.services.clock()
    wire_format: ActivityFormat = _FORMATS[subject, call.version]
    body = b""
    try:
        body = await _body(request, MAX_BODY_BYTES)
        body = _with(body, in_path)
        record = activity_of(
            body,
            wire_format,
            workspace_id=call.scope.workspace_id,
            received_at=received_at,
            source="api",
            zone=await asyncio.to_thread(zone_of, call, None),
            request_key=_request_key(request, MAX_EVENT_KEY_CHARACTERS),
        )
        if in_path:
            await _must_exist(ports, record)
        [wrong] = await advisor.check(call.scope, [record])
        if wrong is not None:
            raise wrong
    except UserError as error:
        body = error.start if isinstance(error, Oversized) else body
        if error.code == MALFORMED_JSON:
            refuse_other_media(request.headers.get("content-type"))
        await _keep(ports, received_at, body, error, wire_format)
        raise
    [appended] = await ports.journal.submit([entry_of(record)])
    if appended.repeated:
        call.services.counters.events_repeated += 1
    else:
        call.services.counters.events_accepted += 1
    position = Position(appended.position)
    await _until_visible(request, ports.visibility, position)
    return position, record.name


_FORMATS: Final[dict[tuple[str, int], ActivityFormat]] = {
    ("event", 1): "event_v1",
    ("event", 2): "event_v2",
    ("view", 1): "view_v1",
    ("view", 2): "view_v2",
}


def _with(body: bytes, in_path: dict[str, Any]) -> bytes:
    """Return the body with what the path says, so that it can be replayed without the path."""
    if not in_path:
        return body
    try:
        fields = msgspec.json.decode(body, type=dict[str, Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body  # refused in a moment, with words
    return _encode_json({**fields, **in_path})


async def _must_exist(ports: _Ports, record: ActivityRecord) -> None:
    """Do nothing if the contact is there, also if it is one of an event that was just accepted.

    Raises:
        NotFound: It is not.
    """
    try:
        await asyncio.to_thread(_look_up, ports.call, record)
    except NotFound:
        await ports.visibility.wait(ports.journal.head(), _CATCH_UP_SECONDS)
        await asyncio.to_thread(_look_up, ports.call, record)


def _look_up(call: Call, record: ActivityRecord) -> None:
    key: ContactId | str
    if record.contact_id is not None:
        key = ContactId(record.contact_id)
    else:
        key = checked_id(record.user_custom_id or "", "/user_custom_id")
    with call.read() as conn:
        get_contact(conn, call.scope, key)


async def _until_visible(request: _Request, visibility: Visibility, position: Position) -> None:
    # The edge waits for copies of changed objects; the activity itself is waited for here.
    seconds = preferred_wait(request.headers.get("prefer"))
    if seconds is not None:
        await visibility.wait(position, seconds)


async def _body(request: _Request, limit: int) -> bytes:
    """Return the whole body, unpacked.

    Raises:
        UserError: Over `limit`, or packed in a way that we do not know.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > limit:
            raise Oversized(limit, b"".join(parts)[:KEPT_PAYLOAD_BYTES])
    return inflated(b"".join(parts), request.headers.get("content-encoding"), limit)


def _request_key(request: _Request, longest: int) -> str | None:
    key = request.headers.get("idempotency-key")
    return checked_event_key(key, "#Idempotency-Key", longest) if key else None


async def _keep(
    ports: _Ports, received_at: Instant, body: bytes, error: UserError, wire_format: str
) -> None:
    """Journal a refused request, so that it can be mended and replayed."""
    refused = _refused(ports.call, received_at, body, error, wire_format)
    await ports.journal.submit([Entry(None, _encode_record(refused))])
    ports.call.services.counters.events_refused += 1


def _refused(
    call: Call,
    received_at: Instant,
    payload: bytes,
    error: UserError,
    wire_format: str = "activity",
) -> RefusedRecord:
    return RefusedRecord(
        call.scope.workspace_id,
        received_at,
        "api",
        call.access.api_key_id,
        wire_format,
        None,
        payload[:KEPT_PAYLOAD_BYTES],
        error.code,
        explained(error),
        None,
    )


ROUTES: Final[list[HTTPRouteHandler]] = [
    record_event,
    record_event_of_user,
    record_event_of_custom_id,
    record_site_view,
    record_activities,
]
