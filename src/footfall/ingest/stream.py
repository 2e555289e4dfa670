"""Writes what arrives as server-sent events, from where the reader was."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

import msgspec

from footfall.http.event_stream import EventStream
from footfall.ingest import queries
from footfall.ingest.broadcast import (
    MAX_WAITING,
    Broadcast,
    Delivery,
    Rate,
    Watched,
    Watcher,
    history_items,
)
from footfall.ingest.queries import History
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: A silent connection is taken for a dead one by proxies after 30 to 60 seconds.
HEARTBEAT_SECONDS: Final = 15.0
#: While something arrives, the rate is told so often.
RATE_SECONDS: Final = 1.0
#: A reader's rights are proven when a stream begins: so long at most a revoked token, or somebody
#: who signed out, goes on reading. Who still may comes back by themselves, and misses nothing.
MAX_STREAM_SECONDS: Final = 60.0
#: Of one that comes back, or whose stream is ended by us.
_RETRY_MS: Final = 1_000

_encode = msgspec.json.Encoder().encode


class Streams:
    """Opens streams of what arrives, for the API and for the console."""

    def __init__(self, broadcast: Broadcast, state: State, warehouse: Warehouse) -> None:
        self._broadcast = broadcast
        self._state = state
        self._warehouse = warehouse

    def rate(self, scope: Scope) -> Rate:
        """Return how fast events and activities of a workspace arrive."""
        return self._broadcast.rate(scope)

    def open(
        self,
        scope: Scope,
        wanted: Watched,
        after: int | None,
        longest_seconds: float = MAX_STREAM_SECONDS,
    ) -> EventStream:
        """Return the answer that sends what is wanted as it becomes visible.

        Args:
            after: The last id that the reader has seen: what came since is sent first, the newest
                MAX_WAITING of it. None begins now.
            longest_seconds: Then the reader has to begin again, and to prove its rights.

        Raises:
            Unavailable: The server is stopping.
            TooManyStreams: As many as may are watching the workspace.
        """
        self._broadcast.admit(scope)
        watcher = Watcher(scope, wanted)
        return EventStream(self._pieces(watcher, after, longest_seconds), watcher.ended)

    async def _pieces(
        self, watcher: Watcher, after: int | None, longest_seconds: float
    ) -> AsyncGenerator[bytes]:
        with self._broadcast.watching(watcher):
            async with aclosing(self._told(watcher, after, longest_seconds)) as told:
                async for piece in told:
                    yield piece

    async def _told(
        self, watcher: Watcher, after: int | None, longest_seconds: float
    ) -> AsyncGenerator[bytes]:
        """Yield what the reader missed, then what comes, each once."""
        clock = asyncio.get_running_loop().time
        end = clock() + longest_seconds
        past = await asyncio.to_thread(self._since, watcher, after)
        through = past.through
        rate = _Told(lambda: self._broadcast.rate(watcher.scope))
        yield b"retry: %d\n" % _RETRY_MS + _written(past) + rate.piece()
        while (left := end - clock()) > 0:
            pause = RATE_SECONDS if rate.is_moving else HEARTBEAT_SECONDS
            found = await watcher.take(min(pause, left))
            # What was queued while the past was read may be in it.
            new = [message for message in found.messages if message[0] > through]
            through = max(through, found.through)
            yield _written(Delivery(new, found.dropped, through)) + rate.piece()

    def _since(self, watcher: Watcher, after: int | None) -> Delivery:
        """Return what came past the id `after`; for None only how far it goes."""
        scope, wanted = watcher.scope, watcher.wanted
        with self._state.read() as conn:
            through = int(queries.cursor(conn, "warehouse"))
            selection = wanted.selection(conn, scope)
        if after is None or after >= through or selection is None:
            return Delivery([], 0, through)
        histories: list[History] = []
        if wanted.wants_events:
            histories.append("events")
        if wanted.wants_activities:
            histories.append("activities")
        found: dict[History, list[tuple[Any, ...]]] = {"events": [], "activities": []}
        total = 0
        for history in histories:
            of_events = history == "events"
            narrowed = replace(
                selection,
                event_type=wanted.event_type if of_events else None,
                kind=None if of_events else wanted.kind,
            )
            found[history] = self._warehouse.rows(
                queries.page(
                    scope, history, narrowed, after=after, through=through, limit=MAX_WAITING
                )
            )
            count = len(found[history])
            if count == MAX_WAITING:
                [(count,)] = self._warehouse.rows(
                    queries.total(scope, history, narrowed, between=(after, through))
                )
            total += count
        items = history_items(self._state, scope, found["events"], found["activities"])
        shown = [(item.id, _encode(item)) for item in items[-MAX_WAITING:]]
        return Delivery(shown, total - len(shown), through)


class _Told:
    """Tells the rate when it changed."""

    def __init__(self, rate: Callable[[], Rate]) -> None:
        self._rate = rate
        self._last: Rate | None = None

    @property
    def is_moving(self) -> bool:
        return self._last is not None and self._last.last_5_minutes > 0

    def piece(self) -> bytes:
        rate = self._rate()
        if rate == self._last:
            return b""
        self._last = rate
        return b"event: rate\ndata: %b\n\n" % _encode(rate)


def _written(delivery: Delivery) -> bytes:
    """Return server-sent events; the last is no message and says where to go on."""
    pieces = []
    if delivery.dropped:
        pieces.append(b'event: dropped\ndata: {"count":%d}\n\n' % delivery.dropped)
    pieces += [b"id: %d\ndata: %b\n\n" % message for message in delivery.messages]
    pieces.append(b": \nid: %d\n\n" % delivery.through)
    return b"".join(pieces)
