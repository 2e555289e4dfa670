"""Takes product events off the wire: a bare ASGI application in front of the others.

The hot path pays for no framework: it authenticates, decodes and validates in one pass, appends
to the journal, and answers when the append is on disk. What is refused after authentication is
journaled too, as a failed event. Everything that is not an event goes to the application behind.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

import msgspec

from footfall.http.admission import Admission
from footfall.http.auth import check_rights
from footfall.http.bodies import MAX_BODY_BYTES, inflated, refuse_other_media
from footfall.http.draining import drain, sends_body
from footfall.http.edge import AsgiApp, AsgiScope, Receive, Send
from footfall.http.errors import MethodNotAllowed, Rendered, compatible_error, fault, problem
from footfall.http.headers import api_version, preferred_wait, sound_request_id, token_of
from footfall.http.services import Counters
from footfall.ingest.asgi import (
    JSON,
    KEPT_PAYLOAD_BYTES,
    Disconnected,
    Headers,
    Oversized,
    answer,
    explained,
    header,
    read_body,
)
from footfall.ingest.formats import (
    MALFORMED_JSON,
    ProductPath,
    WireFormat,
    items_of,
    record_of,
)
from footfall.ingest.items import plain_record
from footfall.ingest.logic import MAX_EVENT_KEY_CHARACTERS, checked_event_key, key_hash
from footfall.ingest.types import Doing, EventRecord, RefusedRecord
from footfall.journal.types import Entry, Journal
from footfall.kernel.errors import Invalid, TooLarge, UserError
from footfall.kernel.identifiers import checked_id
from footfall.kernel.ids import Position
from footfall.kernel.instants import Clock, Instant
from footfall.kernel.scope import Scope
from footfall.workspaces.api import Keyring
from footfall.workspaces.types import Access

#: Decision 24.
MAX_BATCH_BODY_BYTES = 16 << 20
MAX_BATCH_ITEMS = 10_000
#: An item of a batch has the key `key#index`, which is an event key like any other.
MAX_BATCH_KEY_CHARACTERS = MAX_EVENT_KEY_CHARACTERS - len(f"#{MAX_BATCH_ITEMS - 1}")
#: Bytes of a batch between two looks at other requests, an item counting as some at least: 5 ms.
BYTES_PER_TURN = 64 << 10
_BYTES_PER_ITEM = 256

_EVENT_PATH = re.compile(
    rb"/api/public/(?:products-by-id/(?P<custom_id>[^/]*)|products/(?P<id>[^/]+))/product_event/?"
)
_EVENT_WITHOUT_PATH = re.compile(rb"/api/public/products/product_event/?")
_BATCH_PATH = re.compile(rb"/api/v1/events/?")
#: At the batch's address they are another route's.
_READING = frozenset({"GET", "HEAD"})

_encode_record = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class Advisor(Protocol):
    """Looks up what internal ids name. Advice only: the projector decides."""

    async def check(self, scope: Scope, records: Sequence[Doing]) -> list[UserError | None]:
        """Return for each record what is wrong with its internal ids, None if nothing is."""


class Visibility(Protocol):
    """Waits until an event is visible."""

    async def wait(self, position: Position | None, timeout_seconds: float) -> bool:
        """Return True once `position` is visible everywhere, False if it takes too long."""


class _Request(NamedTuple):
    """What the path and the headers say; headers are read when they are asked for."""

    is_batch: bool
    is_post: bool
    raw_product: tuple[str, bytes] | None  #: ("id" or "custom_id", still percent-encoded)
    headers: Headers

    @property
    def wire_format(self) -> WireFormat:
        """How to read the body.

        Raises:
            NotAcceptable: An API version that there is not.
        """
        if self.is_batch:
            return "item"
        return "v2" if api_version(self.text(b"accept")) == 2 else "v1"

    def text(self, name: bytes) -> str | None:
        """Return a header, None if it is not there."""
        return header(self.headers, name)


class Collector:
    """The ASGI application; one per process."""

    def __init__(
        self,
        app: AsgiApp,
        *,
        journal: Journal,
        keyring: Keyring,
        admission: Admission,
        advisor: Advisor,
        visibility: Visibility,
        counters: Counters,
        clock: Clock,
        new_request_id: Callable[[], str],
    ) -> None:
        self._app = app
        self._journal = journal
        self._keyring = keyring
        self._admission = admission
        self._advisor = advisor
        self._visibility = visibility
        self._counters = counters
        self._clock = clock
        self._new_request_id = new_request_id

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request that brings product events; pass every other one on."""
        request = _recognised(scope) if scope["type"] == "http" else None
        if request is None:
            await self._app(scope, receive, send)
            return
        sent = request.text(b"x-request-id")
        request_id = sound_request_id(sent) or self._new_request_id()
        try:
            rendered = await self._answer(scope, request, request_id, receive)
        except Disconnected:
            return
        self._counters.answered(rendered.status)
        await answer(send, rendered, request_id)

    async def _answer(
        self, scope: AsgiScope, request: _Request, request_id: str, receive: Receive
    ) -> Rendered:
        try:
            access = await self._admitted(scope, request, receive)
            if request.is_batch:
                return await self._batch(request, access, receive)
            return await self._single(request, access, receive)
        except MethodNotAllowed as error:
            refusal = _refusal(request, error)
            allowed = b"GET, HEAD, POST" if request.is_batch else b"POST"
            return refusal._replace(headers=[*refusal.headers, (b"allow", allowed)])
        except UserError as error:
            return _refusal(request, error)
        except Disconnected:
            raise
        except Exception:  # noqa: BLE001 - the edge: logged with an id, never shown raw
            _log.exception("request %s failed", request_id)
            return fault(request_id, "/api/v1/" if request.is_batch else "/api/public/")

    async def _admitted(self, scope: AsgiScope, request: _Request, receive: Receive) -> Access:
        """Return whose request this is; who is refused before the body is read may finish it."""
        try:
            if not request.is_post:
                raise MethodNotAllowed("Only POST stores events.")
            access = await self._authenticated(request)
            self._admission.check(access, scope)
            return access
        except UserError:
            if sends_body(request.headers):
                await drain(receive)
            raise

    async def _authenticated(self, request: _Request) -> Access:
        token = token_of(request.text(b"authorization"))
        access: Access | None = None
        if token is not None:
            access = self._keyring.find(token) or await self._keyring.find_async(token)
        check_rights(access, "POST")
        assert access is not None
        return access

    # --- one event ----------------------------------------------------------------------------

    async def _single(self, request: _Request, access: Access, receive: Receive) -> Rendered:
        received_at = self._clock()
        payload = b""
        try:
            payload = await read_body(request.headers, receive, MAX_BODY_BYTES)
            payload = inflated(payload, request.text(b"content-encoding"), MAX_BODY_BYTES)
            record = record_of(
                payload,
                request.wire_format,
                workspace_id=access.scope.workspace_id,
                received_at=received_at,
                source="api",
                zone=ZoneInfo(access.time_zone),
                path=_product(request),
                request_key=_request_key(request),
            )
            if record.product_id is not None or record.contact_id is not None:
                [error] = await self._advisor.check(access.scope, [record])
                if error is not None:
                    raise error
        except UserError as error:
            raise await self._kept(request, access, received_at, payload, error) from error
        [appended] = await self._journal.submit([_entry(record)])
        if appended.repeated:
            self._counters.events_repeated += 1
        else:
            self._counters.events_accepted += 1
        headers = [JSON]
        if b"prefer" in request.headers:
            headers += await self._waited(request, appended.position)
        return Rendered(201, headers, b'{"id":%d}' % appended.position)

    async def _kept(
        self,
        request: _Request,
        access: Access,
        received_at: Instant,
        body: bytes,
        error: UserError,
    ) -> UserError:
        """Journal a refused request, so that it can be mended and replayed; return why it was."""
        if isinstance(error, Oversized):
            body = error.start
        error = _of_its_media_type(request, error)
        wire_format = "body" if request.is_batch else _wire_format_kept(request)
        refused = _refused(request, access, received_at, body, error, None, wire_format)
        await self._journal.submit([Entry(None, _encode_record(refused))])
        self._counters.events_refused += 1
        return error

    async def _waited(self, request: _Request, position: Position) -> list[tuple[bytes, bytes]]:
        seconds = preferred_wait(request.text(b"prefer"))
        if seconds is None or not await self._visibility.wait(position, seconds):
            return []
        return [(b"preference-applied", b"wait")]

    # --- many events --------------------------------------------------------------------------

    async def _batch(self, request: _Request, access: Access, receive: Receive) -> Rendered:
        received_at = self._clock()
        body = b""
        try:
            body = await read_body(request.headers, receive, MAX_BATCH_BODY_BYTES)
            body = inflated(body, request.text(b"content-encoding"), MAX_BATCH_BODY_BYTES)
            request_key = _request_key(request)
            items = items_of(body)
            if len(items) > MAX_BATCH_ITEMS:
                raise TooLarge("A batch may have 10,000 events; send more batches.")
        except UserError as error:
            raise await self._kept(request, access, received_at, body, error) from error
        records, errors = await self._read_items(items, access, received_at, request_key)
        entries = [_entry(record) for record in records]
        for index, wrong in errors:
            key = None if request_key is None else f"{request_key}#{index}"
            refused = _refused(
                request, access, received_at, bytes(items[index]), wrong, key, "item"
            )
            entries.append(Entry(None, _encode_record(refused)))
        appended = await self._journal.submit(entries) if entries else []
        stored = appended[: len(records)]
        last = max((place.position for place in appended), default=Position(0))
        headers = await self._waited(request, last)
        repeats = sum(place.repeated for place in stored)
        self._counters.events_accepted += len(stored) - repeats
        self._counters.events_repeated += repeats
        self._counters.events_refused += len(errors)
        told = {
            "accepted": len(stored) - repeats,
            "duplicates": repeats,
            "rejected": [
                {"index": index, "code": wrong.code, "message": explained(wrong)}
                for index, wrong in errors
            ],
        }
        return Rendered(202, [JSON, *headers], _encode_json(told))

    async def _read_items(
        self,
        items: "list[bytes | msgspec.Raw]",
        access: Access,
        received_at: Instant,
        request_key: str | None,
    ) -> tuple[list[EventRecord], list[tuple[int, UserError]]]:
        """Return the valid records, and (index, error) of the others in order."""
        records: list[EventRecord] = []
        indexes: list[int] = []
        errors: list[tuple[int, UserError]] = []
        zone = ZoneInfo(access.time_zone)
        workspace_id = access.scope.workspace_id
        since_turn = 0
        for index, item in enumerate(items):
            key = None if request_key is None else f"{request_key}#{index}"
            try:
                record = plain_record(
                    item,
                    workspace_id=workspace_id,
                    received_at=received_at,
                    source="api",
                    request_key=key,
                ) or record_of(
                    item,
                    "item",
                    workspace_id=workspace_id,
                    received_at=received_at,
                    source="api",
                    zone=zone,
                    request_key=key,
                )
            except UserError as error:
                errors.append((index, error))
            else:
                records.append(record)
                indexes.append(index)
            since_turn += _BYTES_PER_ITEM + len(memoryview(item))
            if since_turn >= BYTES_PER_TURN:
                since_turn = 0
                await asyncio.sleep(0)
        if any(record.contact_id is not None for record in records):
            advice = await self._advisor.check(access.scope, records)
            errors += [(i, wrong) for i, wrong in zip(indexes, advice, strict=True) if wrong]
            errors.sort(key=lambda entry: entry[0])
            records = [r for r, wrong in zip(records, advice, strict=True) if wrong is None]
        return records, errors


def _recognised(scope: AsgiScope) -> _Request | None:
    """Return what the request brings if it brings product events, else None."""
    path: bytes = scope["raw_path"]
    is_post = scope["method"] == "POST"
    product: tuple[str, bytes] | None = None
    is_batch = False
    if (match := _EVENT_PATH.fullmatch(path)) is not None:
        name = "custom_id" if match["custom_id"] is not None else "id"
        product = (name, match[name])
    elif scope["method"] not in _READING and _BATCH_PATH.fullmatch(path) is not None:
        is_batch = True
    elif _EVENT_WITHOUT_PATH.fullmatch(path) is None:
        return None
    return _Request(is_batch, is_post, product, dict(reversed(scope["headers"])))


def _product(request: _Request) -> ProductPath:
    """Return the product named by the path.

    Raises:
        Invalid: A custom id that is none, or an internal id that is no number.
    """
    if request.raw_product is None:
        return ProductPath(None, None)
    name, encoded = request.raw_product
    try:
        text = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        raise Invalid.at("/custom_id", "not_utf8", "The id in the path is not UTF-8.") from None
    if name == "custom_id":
        return ProductPath(None, checked_id(text, "/custom_id"))
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid.at("/id", "wrong_type", "Expected an integer: our own id of the product.")
    return ProductPath(int(text), None)


def _request_key(request: _Request) -> str | None:
    """Return the key of a request; of a batch, one that has room for the number of each item.

    Raises:
        Invalid: It can be none.
    """
    key = request.text(b"idempotency-key")
    if not key:
        return None
    longest = MAX_BATCH_KEY_CHARACTERS if request.is_batch else MAX_EVENT_KEY_CHARACTERS
    return checked_event_key(key, "#Idempotency-Key", longest)


def _entry(record: EventRecord) -> Entry:
    key = record.event_key
    return Entry(
        None if key is None else key_hash(record.workspace_id, key), _encode_record(record)
    )


def _of_its_media_type(request: _Request, error: UserError) -> UserError:
    """Return `error`, or for a body that is no JSON and was not said to be, that it is not."""
    if error.code == MALFORMED_JSON:
        try:
            refuse_other_media(request.text(b"content-type"))
        except UserError as unsupported:
            return unsupported
    return error


def _wire_format_kept(request: _Request) -> str:
    """Return how to read the body again; one of an unknown version is kept as the latest."""
    try:
        return request.wire_format
    except UserError:
        return "v2"


def _refused(
    request: _Request,
    access: Access,
    received_at: Instant,
    payload: bytes,
    error: UserError,
    key: str | None,
    wire_format: str,
) -> RefusedRecord:
    product = None
    if request.raw_product is not None:
        name, encoded = request.raw_product
        product = f"{name}:{unquote_to_bytes(encoded).decode(errors='replace')}"
    if key is None:
        key = (request.text(b"idempotency-key") or "")[:255] or None
    return RefusedRecord(
        access.scope.workspace_id,
        received_at,
        "api",
        access.api_key_id,
        wire_format,
        product,
        payload[:KEPT_PAYLOAD_BYTES],
        error.code,
        explained(error),
        key,
    )


def _refusal(request: _Request, error: UserError) -> Rendered:
    render = problem if request.is_batch else compatible_error
    return render(error)
