"""The baseline server: `python -m bench.echo PORT` answers each request with its own body.

It runs on the same server with the same settings as Footfall, with nothing behind it: what it
does not reach, no application on this machine can.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

import uvloop

from footfall.bootstrap import serve


async def echo(
    _scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = b"".join(parts)
    await send(
        {
            "type": "http.response.start",
            "status": 201,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvloop.run(serve(cast("Any", echo), "127.0.0.1", int(sys.argv[1]), asyncio.Event()))
