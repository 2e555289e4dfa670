"""What surrounds every request to the Litestar routes: its id, its path, `Prefer: wait`, faults.

A path is routed as it was sent: percent-encoded, so that a custom id may hold `/` (decision 6).
Routes decode their own segments with `decoded_segment`.
"""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from footfall.http.auth import SAFE_METHODS
from footfall.http.draining import Incoming
from footfall.http.errors import REQUEST_ID, Rendered, fault, rendered
from footfall.http.headers import preferred_wait, sound_request_id
from footfall.http.services import Services
from footfall.kernel.errors import Invalid, NotFound

#: ASGI's own shapes, wider than any framework's names for them.
AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

#: A custom id that reads like part of an address of ours, where no internal id follows it.
_CALLED_BY_ID = re.compile(
    r"^(/api/v1/(?:products|contacts)/)by-id(?=(?:/(?:attributes|history|revive|statistics))?/*$)"
)
#: What Litestar's router would take apart or normalise, as it should not.
_SAFE_IN_SEGMENT: Final = "-._~!$&'()*+,;=:@%"

_log = logging.getLogger(__name__)


def decoded_segment(segment: str) -> str:
    """Return a path segment as the sender meant it, byte for byte.

    Raises:
        NotFound: It is no UTF-8 or holds a control character, so nothing can be called so.
    """
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise NotFound("There is nothing at this address.") from error
    if any(character < " " or character == "\x7f" for character in text):
        raise NotFound("There is nothing at this address.")
    return text


def record_id(segment: str) -> int:
    """Return the internal id in a path segment.

    Raises:
        NotFound: It is not the number of anything.
    """
    if segment.isascii() and segment.isdecimal() and len(segment) <= 18:
        return int(segment)
    raise NotFound("There is nothing with this id.")


class Edge:
    """The ASGI application around Litestar's."""

    def __init__(self, app: AsgiApp, services: Services) -> None:
        self.app = app
        self._services = services

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # of a repeated header the first counts
        sent = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = sound_request_id(sent) or self._services.new_request_id()
        writes = scope["method"] not in SAFE_METHODS
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the same, but for the body (RFC 9110, 9.3.2)
            send = _without_body(send)
        incoming = Incoming(receive, headers)
        seen = _Answer(send, request_id, self._services, writes, _wait_seconds(headers), incoming)
        path = scope["path"]
        try:
            path, raw_path = _routable(scope.get("raw_path") or quote(path).encode())
            _check_query(scope["query_string"])
            routed = {**scope, "path": path, "raw_path": raw_path, REQUEST_ID: request_id}
            await self.app(routed, incoming.receive, seen.send)
        except Invalid as error:
            await seen.send_whole(rendered(error, path))
        except Exception:
            # Litestar's own handlers come first; what arrives here broke outside a route.
            if seen.started:
                raise
            _log.exception("request %s failed", request_id)
            await seen.send_whole(fault(request_id, path))


def _wait_seconds(headers: dict[bytes, bytes]) -> float | None:
    prefer = headers.get(b"prefer")
    return None if prefer is None else preferred_wait(prefer.decode("latin-1"))


def _without_body(send: Send) -> Send:
    async def send_headers_only(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_headers_only


class _Answer:
    """Sends an answer on: with the request's id, counted, and not before it is visible if asked."""

    def __init__(
        self,
        send: Send,
        request_id: str,
        services: Services,
        writes: bool,
        wait_seconds: float | None,
        incoming: Incoming,
    ) -> None:
        self._send = send
        self._request_id = request_id
        self._services = services
        self._writes = writes
        self._wait_seconds = wait_seconds
        self._incoming = incoming
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if message["status"] >= 400:
                await self._incoming.drain()
            await self._begin(message)
        await self._send(message)

    async def send_whole(self, answer: Rendered) -> None:
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await self.send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        await self.send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def _begin(self, message: Message) -> None:
        headers = [*message["headers"], (b"x-request-id", self._request_id.encode())]
        # The transaction is committed by now: routes answer after it.
        if self._writes and message["status"] < 300:
            if self._wait_seconds is None:
                self._services.changed()
            elif await self._services.settled(self._wait_seconds):
                headers.append((b"preference-applied", b"wait"))
        message["headers"] = headers
        self._services.counters.answered(message["status"])


def _routable(raw_path: bytes) -> tuple[str, bytes]:
    """Return the path to route by, still percent-encoded, and as sent; without a trailing slash."""
    # Some servers leave non-ASCII bytes as they came; encoded, they are the same path.
    text = quote(raw_path, safe=_SAFE_IN_SEGMENT + "/")
    text = _CALLED_BY_ID.sub(r"\1%62y-id", text)
    return text.rstrip("/") or "/", text.encode()


def _check_query(query_string: bytes) -> None:
    try:
        text = unquote_to_bytes(query_string).decode()
    except UnicodeDecodeError as error:
        raise Invalid("The query is not UTF-8.", code="malformed_query") from error
    if "\x00" in text:
        raise Invalid("The query holds a NUL character.", code="malformed_query")
