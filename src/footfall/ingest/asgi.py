"""What the collectors share: reading a body, answering, and saying what is wrong. No framework."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from footfall.http.draining import Incoming, drain
from footfall.http.edge import AsgiScope, Receive, Send
from footfall.http.errors import Rendered, internal_error
from footfall.http.headers import sound_request_id
from footfall.http.services import Counters
from footfall.kernel.errors import TooLarge, UserError

#: Of a refused request; a whole single event always fits.
KEPT_PAYLOAD_BYTES: Final = 1 << 20
#: A body that takes longer than this to arrive holds a connection for nothing.
BODY_TIMEOUT_SECONDS: Final = 60.0
JSON: Final = (b"content-type", b"application/json")

Headers = dict[bytes, bytes]

_log = logging.getLogger(__name__)


class Disconnected(Exception):
    """The client is gone; nobody to answer."""


class Oversized(TooLarge):
    """Carries the start of the body, to be kept."""

    def __init__(self, limit: int, start: bytes) -> None:
        super().__init__(f"The body may have {limit >> 20} MiB at most.")
        self.start = start


def header(headers: Headers, name: bytes) -> str | None:
    """Return a header, None if it is not there."""
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


async def read_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """Return the whole body as it was sent.

    Raises:
        UserError: Over `limit`, the rest read and dropped, or too slow.
        Disconnected: Before it was whole.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    # Granian says that more may come though the body is whole; asking costs as much as decoding.
    if message.get("more_body") and b"%d" % len(body) != headers.get(b"content-length"):
        body = await _rest_of_body(body, receive, limit)
    if len(body) > limit:
        raise Oversized(limit, body[:KEPT_PAYLOAD_BYTES])
    return body


async def _rest_of_body(start: bytes, receive: Receive, limit: int) -> bytes:
    parts = [start]
    size = len(start)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            while size <= limit:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        error = UserError("The body took longer than 60 seconds to arrive.", code="too_slow")
        error.status = 408
        raise error from None
    await drain(receive)
    return b"".join(parts)


async def answer(send: Send, rendered: Rendered, request_id: str) -> None:
    """Send a whole answer with the request's id."""
    await send(
        {
            "type": "http.response.start",
            "status": rendered.status,
            "headers": [
                *rendered.headers,
                (b"content-length", b"%d" % len(rendered.body)),
                (b"x-request-id", request_id.encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": rendered.body})


def explained(error: UserError) -> str:
    """Return the message with the field it is about."""
    field = error.problems[0].pointer.strip("/#") if error.problems else ""
    return f"{field}: {error.message}" if field else error.message


async def respond(
    handle: Callable[[Headers, Receive], Awaitable[Rendered]],
    scope: AsgiScope,
    receive: Receive,
    send: Send,
    counters: Counters,
    new_request_id: Callable[[], str],
    render: Callable[[UserError], Rendered],
) -> None:
    """Send what `handle` makes of a request, or its refusal as `render` says it."""
    headers: Headers = dict(reversed(scope["headers"]))  # of a repeated header the first counts
    request_id = sound_request_id(header(headers, b"x-request-id")) or new_request_id()
    incoming = Incoming(receive, headers)
    try:
        rendered = await handle(headers, incoming.receive)
    except Disconnected:
        return
    except UserError as error:
        rendered = render(error)
        await incoming.drain()
    except Exception:  # noqa: BLE001 - the edge: logged with an id, never shown raw
        _log.exception("request %s failed", request_id)
        rendered = render(internal_error(request_id))
    counters.answered(rendered.status)
    await answer(send, rendered, request_id)
