"""Reads what is left of a refused body, so that its sender gets to see why.

Most clients send all of a body before they look for the answer. A connection that is closed on them
meanwhile is a broken pipe to them, and the answer is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final

Message = MutableMapping[str, Any]  # ASGI's own type

#: Four of the largest bodies there may be; a sender of more has to look up earlier.
MAX_DRAINED_BYTES: Final = 64 << 20
#: A slower sender would hold the connection for nothing.
DRAIN_SECONDS: Final = 5.0
#: A sender that pauses so long is waiting for the answer.
PAUSE_SECONDS: Final = 1.0


async def drain(receive: Callable[[], Awaitable[Message]]) -> None:
    """Read and drop the rest of a body, as far as it is not too much. Never raises."""
    left = MAX_DRAINED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                async with asyncio.timeout(PAUSE_SECONDS):
                    message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))


def sends_body(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request's body is sent without waiting for our word."""
    if b"expect" in headers:
        return False
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


class Incoming:
    """Hands a body on, and knows whether all of it was."""

    def __init__(
        self, receive: Callable[[], Awaitable[Message]], headers: Mapping[bytes, bytes]
    ) -> None:
        self._receive = receive
        self._unread = sends_body(headers)

    async def receive(self) -> Message:
        """Return the next message of the body."""
        message = await self._receive()
        self._unread = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read and drop what was not handed on."""
        if self._unread:
            await drain(self._receive)
