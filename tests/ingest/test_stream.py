"""What arrives, as those who watch it are told."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.ingest import activities, reading
from footfall.ingest.broadcast import (
    MAX_WAITING,
    MAX_WATCHERS,
    Broadcast,
    TooManyStreams,
    Watched,
)
from footfall.ingest.stream import Streams
from footfall.ingest.types import ActivityFilter, EventFilter
from footfall.kernel.errors import Unavailable
from footfall.warehouse.types import EventRow
from footfall.workspaces.api import scope_of
from footfall.workspaces.types import Workspace
from tests.ingest.stack import Stack

_EVERYTHING = Watched()


def _event(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_type": "view",
        "user_custom_id": "anna",
        "product_id": f"mug-{number}",
        **fields,
    }


class Reader:
    """The client of one stream."""

    def __init__(
        self,
        stack: Stack,
        workspace: Workspace,
        wanted: Watched = _EVERYTHING,
        after: int | None = None,
    ) -> None:
        streams = Streams(stack.broadcast, stack.state, stack.warehouse)
        self.answer = streams.open(scope_of(workspace), wanted, after)
        self.pieces = self.answer._pieces
        self.last_id = 0
        self.dropped = 0
        self._waiting: list[dict[str, Any]] = []

    async def begin(self) -> "Reader":
        """Read what is sent at once."""
        await self._read_piece()
        return self

    async def _read_piece(self) -> None:
        for block in (await anext(self.pieces)).decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
            self.last_id = int(fields.get("id", self.last_id))
            if fields.get("event") == "dropped":
                self.dropped += msgspec.json.decode(fields["data"])["count"]
            elif "data" in fields and "event" not in fields:
                self._waiting.append(msgspec.json.decode(fields["data"]))

    async def next(self, count: int) -> list[dict[str, Any]]:
        """Return the next messages, waiting for them."""
        async with asyncio.timeout(20):
            while len(self._waiting) < count:
                await self._read_piece()
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    async def products(self, count: int) -> list[str]:
        return [each["event"]["product"]["custom_id"] for each in await self.next(count)]


async def _arrive(stack: Stack, *records: Any) -> None:
    await asyncio.to_thread(stack.append, records)
    await asyncio.to_thread(stack.project)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def test_several_watchers_are_told_the_same_in_the_order_of_arrival(stack: Stack) -> None:
    workspace = stack.workspace()

    async def watch() -> None:
        readers = [await Reader(stack, workspace).begin() for _ in range(3)]
        for first in (0, 3):
            records = [stack.record(workspace, _event(first + n)) for n in range(3)]
            await _arrive(stack, *records)
        for reader in readers:
            assert await reader.products(6) == [f"mug-{n}" for n in range(6)]
            await reader.pieces.aclose()

    run(watch())


def test_a_stream_ends_by_itself_where_rights_are_to_be_proven_again(stack: Stack) -> None:
    workspace = stack.workspace()
    streams = Streams(stack.broadcast, stack.state, stack.warehouse)

    async def watch() -> None:
        async with asyncio.timeout(10):
            answer = streams.open(scope_of(workspace), _EVERYTHING, None, longest_seconds=0.05)
            assert [piece async for piece in answer._pieces]

    run(watch())


def test_messages_read_as_the_lists_answer_them(stack: Stack) -> None:
    workspace = stack.workspace()
    scope = scope_of(workspace)
    sold = _event(
        1,
        event_type="purchase",
        event_id="e1",
        timestamp="2026-01-01T12:00:00.789Z",
        data={
            "name": "Mug ☕",
            "custom_data": {"unit_price": 9.90, "quantity": 2, "currency": "EUR"},
        },
    )
    seen = stack.activity(
        workspace,
        kind="page_view",
        name="",
        user_key="k1",
        url="https://shop.example/mugs",
        utm_source="letter",
        device_type="mobile",
        language="pl-PL",
        session_id="s1",
        traffic="staff",
        attributes='{"title":"Mugs"}',
    )

    async def watch() -> None:
        reader = await Reader(stack, workspace).begin()
        await _arrive(stack, stack.record(workspace, sold), seen, stack.activity(workspace))
        messages = await reader.next(3)
        events = reading.list_events(
            stack.state, stack.warehouse, scope, EventFilter(), before=None, limit=9
        )
        others = activities.list_activities(
            stack.state, stack.warehouse, scope, ActivityFilter(), before=None, limit=9
        )
        listed = [*events.results, *others.results[::-1]]
        told = [message["event"] or message["activity"] for message in messages]
        assert told == [msgspec.json.decode(msgspec.json.encode(one)) for one in listed]
        assert [message["kind"] for message in messages] == ["product_event", "page_view", "event"]
        resumed = await Reader(stack, workspace, after=0).begin()
        assert await resumed.next(3) == messages

    run(watch())


@settings(max_examples=60)
@given(amount=st.decimals("-99999999999999", "99999999999999", places=4))
def test_decimals_are_written_as_the_warehouse_writes_them(amount: Decimal) -> None:
    row = EventRow(
        *(1, 1, None, 0.0, 0.0, 0, 1, "view", "api"), str(amount), None, None, None, "{}", None
    )
    written = reading.event_columns(row)[10]
    assert Decimal(written) == amount
    assert "E" not in written
    assert not written.startswith("-0") or amount < 0
    assert "." not in written or not written.endswith("0")


FILTERS = {
    "type": (Watched(event_type="purchase"), ["mug-2"]),
    "contact": (Watched(contact="ben"), ["mug-2", None]),
    "product": (Watched(product="mug-1"), ["mug-1"]),
    "kind of product events": (Watched(kind="product_event"), ["mug-1", "mug-2"]),
    "kind of activities": (Watched(kind="event"), [None]),
    "both": (Watched(contact="ben", event_type="view"), []),
}


@pytest.mark.parametrize(("wanted", "expected"), FILTERS.values(), ids=FILTERS)
def test_a_watcher_sees_what_it_asked_for_now_and_when_it_comes_back(
    stack: Stack, wanted: Watched, expected: list[str | None]
) -> None:
    workspace = stack.workspace()
    last = _event(9, event_type="purchase", user_custom_id="ben", product_id="mug-1")

    async def watch() -> None:
        live = await Reader(stack, workspace, wanted).begin()
        await _arrive(
            stack,
            stack.record(workspace, _event(1)),
            stack.record(workspace, _event(2, event_type="purchase", user_custom_id="ben")),
            stack.activity(workspace, user_custom_id="ben"),
        )
        resumed = await Reader(stack, workspace, wanted, after=0).begin()
        await _arrive(stack, stack.record(workspace, last), stack.activity(workspace, name="x"))
        for reader in (live, resumed):
            found = []
            while len(found) < len(expected) or reader.last_id < stack.journal.head():
                await reader._read_piece()
                found = reader._waiting
            shown = [one["event"] and one["event"]["product"]["custom_id"] for one in found]
            assert shown[: len(expected)] == expected

    run(watch())


def test_a_watcher_is_told_nothing_of_another_workspace(stack: Stack) -> None:
    own, other = stack.workspace(), stack.workspace()

    async def watch() -> None:
        reader = await Reader(stack, own, after=0).begin()
        await _arrive(stack, stack.record(other, _event(1)), stack.record(own, _event(2)))
        await _arrive(stack, stack.record(other, _event(3)), stack.record(own, _event(4)))
        assert await reader.products(2) == ["mug-2", "mug-4"]
        back = await Reader(stack, own, after=0).begin()
        assert await back.products(2) == ["mug-2", "mug-4"]

    run(watch())


def test_who_comes_back_is_told_what_it_missed_once(stack: Stack) -> None:
    workspace = stack.workspace()

    async def watch() -> None:
        reader = await Reader(stack, workspace).begin()
        await _arrive(stack, stack.record(workspace, _event(1)))
        await reader.next(1)
        await reader.pieces.aclose()
        await _arrive(stack, stack.record(workspace, _event(2)), stack.activity(workspace))
        back = Reader(stack, workspace, after=reader.last_id)
        reading_past = asyncio.create_task(back.begin())
        await _arrive(stack, stack.record(workspace, _event(3)))
        await reading_past
        await _arrive(stack, stack.record(workspace, _event(4)))
        kinds = [each["id"] for each in await back.next(4)]
        assert kinds == [2, 3, 4, 5]

    run(watch())


def test_who_missed_too_much_is_told_how_much(stack: Stack) -> None:
    workspace = stack.workspace()

    async def watch() -> None:
        missed = [stack.record(workspace, _event(n)) for n in range(MAX_WAITING + 30)]
        missed += [stack.activity(workspace) for _ in range(MAX_WAITING)]
        await _arrive(stack, *missed)
        reader = await Reader(stack, workspace, Watched(kind="product_event"), after=0).begin()
        assert reader.dropped == 30
        assert (await reader.products(1)) == ["mug-30"]
        reader = await Reader(stack, workspace, after=0).begin()
        assert reader.dropped == MAX_WAITING + 30

    run(watch())


def test_a_slow_watcher_is_told_how_many_it_missed_and_holds_up_nobody(stack: Stack) -> None:
    workspace = stack.workspace()

    async def watch() -> None:
        slow = await Reader(stack, workspace).begin()
        fast = await Reader(stack, workspace).begin()
        for first in range(0, 3 * 300, 300):
            records = [stack.record(workspace, _event(first + n)) for n in range(300)]
            await _arrive(stack, *records)
            assert len(await fast.next(300)) == 300
        assert fast.dropped == 0
        assert await slow.products(1) == ["mug-400"]
        assert slow.dropped == 400

    run(watch())


def test_a_closed_broadcast_ends_streams_and_lets_none_begin(stack: Stack) -> None:
    workspace = stack.workspace()

    async def watch() -> None:
        reader = await Reader(stack, workspace).begin()
        stack.broadcast.close()
        assert reader.answer._ended.is_set()
        with pytest.raises(Unavailable):
            Reader(stack, workspace)

    run(watch())


def test_a_workspace_has_a_limit_of_streams_that_others_do_not_feel(stack: Stack) -> None:
    workspace, other = stack.workspace(), stack.workspace()

    async def watch() -> None:
        readers = [await Reader(stack, workspace).begin() for _ in range(MAX_WATCHERS)]
        with pytest.raises(TooManyStreams):
            Reader(stack, workspace)
        await Reader(stack, other).begin()
        async with aclosing(readers[0].pieces):
            pass
        await Reader(stack, workspace).begin()

    run(watch())


def test_the_rate_counts_what_arrived_lately_in_the_workspace(stack: Stack) -> None:
    workspace, other = scope_of(stack.workspace()), scope_of(stack.workspace())
    now = 1_000.0
    broadcast = Broadcast(stack.state, lambda: now)

    def rows(number: int) -> list[EventRow]:
        nothing = (None, 0.0, 0.0, 0, 1, "view", "api", None, None, None, None, "{}", None)
        return [EventRow(workspace.workspace_id, n, *nothing) for n in range(number)]

    broadcast.published(rows(20))
    now = 1_009.0
    broadcast.published(rows(10))
    assert msgspec.structs.astuple(broadcast.rate(workspace)) == (3.0, 0.1)
    assert msgspec.structs.astuple(broadcast.rate(other)) == (0, 0)
    now = 1_012.0
    assert broadcast.rate(workspace).last_10_seconds == 1.0
    now = 1_305.0
    assert msgspec.structs.astuple(broadcast.rate(workspace)) == (0, 0.0)
