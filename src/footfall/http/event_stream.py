"""Answers with server-sent events for as long as both sides want to."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

_MEDIA_TYPE = "text/event-stream"
#: A proxy that buffered or kept the answer would show nothing for minutes.
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
#: Time to tell a client that it was all; one that does not read is left without.
_FAREWELL_SECONDS = 0.1


class EventStream(Response[bytes]):
    """An answer that is sent piece by piece; `ended` stops it at once, also amid a piece.

    A client that leaves ends it too; one that reads slowly is waited for. The pieces' generator is
    closed in every case.
    """

    def __init__(self, pieces: AsyncGenerator[bytes], ended: asyncio.Event) -> None:
        super().__init__(b"", media_type=_MEDIA_TYPE, headers=_HEADERS)
        self._pieces = pieces
        self._ended = ended

    def to_asgi_response(self, *_: Any, **options: Any) -> ASGIResponse:
        """Return what the framework runs."""
        return _Streaming(
            self._pieces,
            self._ended,
            encoded_headers=options.get("encoded_headers"),
            headers={**(options.get("headers") or {}), **self.headers},
            media_type=_MEDIA_TYPE,
        )


class _Streaming(ASGIResponse):
    __slots__ = ("_ended", "_pieces")

    _should_set_content_length = False

    def __init__(self, pieces: AsyncGenerator[bytes], ended: asyncio.Event, **options: Any) -> None:
        super().__init__(**options)
        self._pieces = pieces
        self._ended = ended

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send the pieces until one of the three ends it."""
        writing = asyncio.create_task(self._write(send))
        others = [asyncio.create_task(_left(receive)), asyncio.create_task(self._ended.wait())]
        try:
            await asyncio.wait({writing, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            failure = writing.exception() if writing.done() else None
            for task in (writing, *others):
                task.cancel()
            await asyncio.gather(writing, *others, return_exceptions=True)
            await self._pieces.aclose()
        if failure is not None:
            raise failure
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
