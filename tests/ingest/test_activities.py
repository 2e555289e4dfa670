"""Ordinary events, page views and news of contacts come the same way as product events."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from footfall.contacts import queries as contact_queries
from footfall.contacts.api import delete_contact
from footfall.ingest.advice import StateAdvisor
from footfall.ingest.failed import Correction, get_failed_event, replay
from footfall.ingest.placement import Placed, decode_resolved
from footfall.kernel.ids import Position
from footfall.state.schema import activity_names, failed_events
from footfall.warehouse.api import Relation, Warehouse, WarehouseError, statement
from footfall.workspaces.api import operator_access, scope_of
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack

_START = 1_700_000_000_000


def names(stack: Stack, shop: Workspace) -> dict[str, int]:
    columns = activity_names.c
    with stack.state.read() as conn:
        found = conn.execute(
            select(columns.name, columns.first_position).where(columns.workspace_id == shop.id)
        )
        return {row.name: row.first_position for row in found}


def tell(stack: Stack, shop: Workspace, *activities: dict[str, Any]) -> list[int]:
    appended = stack.append([stack.activity(shop, **fields) for fields in activities])
    stack.project()
    return [place.position for place in appended]


@st.composite
def _histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events and activities with times of their own; identifiers seen together are one person's."""
    history = []
    for number in range(draw(st.integers(1, 12))):
        person = draw(st.integers(0, 2))
        known_as = {
            "user_key": f"key {person}",
            "email": f"p{person}@example.com",
            "user_custom_id": f"person {person}",
        }
        chosen = draw(st.sets(st.sampled_from(sorted(known_as)), min_size=1))
        kind = draw(st.sampled_from(["product", "event", "page_view", "screen", "update"]))
        fields: dict[str, Any] = {name: known_as[name] for name in chosen}
        if kind == "product":
            fields |= {"product_id": "p", "event_type": "view", "timestamp": _START + number}
        else:
            news = draw(
                st.dictionaries(
                    st.sampled_from(["first_name", "Size", "phone_number"]),
                    st.sampled_from(["Anna", "L", 12, None]),
                    max_size=2,
                )
            )
            fields |= {
                "kind": kind,
                "name": draw(st.sampled_from(["signed up", "żółw"])) if kind == "event" else "",
                "occurred_at": _START + number,
                "contact_attributes": msgspec.json.encode(news).decode(),
            }
        history.append(fields)
    return history


def _record(stack: Stack, shop: Workspace, fields: dict[str, Any]) -> Any:
    if "event_type" in fields:
        return stack.record(shop, fields)
    return stack.activity(shop, **fields)


def _seen(stack: Stack, shop: Workspace) -> list[Any]:
    def by_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(rows, key=lambda row: row["occurred_at"])

    return [
        by_time(stack.events(shop)),
        by_time(stack.activities(shop)),
        stack.contacts(shop),
        stack.profiles(shop),
        sorted(names(stack, shop)),
    ]


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=_histories(), chance=st.randoms(use_true_random=False))
def test_order_batches_and_crashes_do_not_matter(
    stack: Stack, history: list[dict[str, Any]], chance: random.Random
) -> None:
    calm = stack.workspace()
    stack.append([_record(stack, calm, fields) for fields in history])
    stack.project()

    shaken = stack.workspace()
    order = list(history)
    chance.shuffle(order)
    while order:
        size = chance.randint(1, len(order))
        stack.append([_record(stack, shaken, fields) for fields in order[:size]])
        del order[:size]
        step = chance.randrange(5)
        if step > 0 and stack.projector.behind:
            stack.projector.project_once()
        if step == 1:
            stack.restart()  # in the state, not in the warehouse
        if step == 2:
            stack.projector.insert_queued()
            stack.restart()  # in the warehouse, its cursor not moved
        if step == 3:
            stack.projector.publish_once()
            stack.restart()
    stack.project()

    assert _seen(stack, shaken) == _seen(stack, calm)
    told = [fields for fields in history if fields.get("kind") != "update"]
    assert len(stack.events(calm)) + len(stack.activities(calm)) == len(told)


def test_an_activity_keeps_what_was_said_of_it(stack: Stack) -> None:
    shop = stack.workspace()
    tell(
        stack,
        shop,
        {
            "kind": "page_view",
            "name": "",
            "user_key": "k",
            "url": "https://shop.example/a?b",
            "utm_source": "newsletter",
            "language": "pl-PL",
            "session_id": "s1",
            "traffic": "staff",
            "occurred_at": _START + 5,
            "attributes": '{"title":"A"}',
        },
    )
    [person] = stack.contacts(shop)
    assert stack.activities(shop) == [
        {
            "contact": person,
            "occurred_at": _START + 5,
            "attributes": '{"title":"A"}',
            "kind": "page_view",
            "name": "",
            "url": "https://shop.example/a?b",
            "utm_source": "newsletter",
            "language": "pl-PL",
            "session_id": "s1",
            "traffic": "staff",
        }
    ]


def test_the_session_and_traffic_of_an_event_reach_the_warehouse(stack: Stack) -> None:
    shop = stack.workspace()
    event = stack.record(shop, {"product_id": "p", "event_type": "view", "user_key": "k"})
    stack.append([msgspec.structs.replace(event, session_id="s1", traffic="bot"), event])
    stack.project()
    rows = stack.warehouse.rows(
        statement(
            scope_of(shop),
            "SELECT session_id, toString(traffic) FROM {events} AS e ORDER BY event_id",
        )
    )
    assert rows == [("s1", "bot"), (None, "visitor")]


def test_news_of_a_contact_changes_its_profile_and_leaves_no_row(stack: Stack) -> None:
    shop = stack.workspace()
    tell(
        stack,
        shop,
        {"kind": "update", "user_custom_id": "A", "contact_attributes": '{"first_name":"Anna"}'},
        {
            "kind": "update",
            "user_custom_id": "A",
            "occurred_at": _START,
            "contact_attributes": '{"first_name":"Ann","city":"Łódź","last_name":null}',
        },
    )
    assert stack.activities(shop) == []
    assert names(stack, shop) == {}
    assert stack.profiles(shop) == [
        ("A", {"first_name": ("Anna", NOW), "city": ("Łódź", _START)}),
    ]


def test_a_name_is_remembered_with_its_first_position_by_workspace(stack: Stack) -> None:
    shop, other = stack.workspace(), stack.workspace()
    first, second, *_ = tell(
        stack,
        shop,
        {"name": "a"},
        {"name": "b"},
        {"name": "a"},
        {"kind": "screen", "name": "c"},
    )
    [elsewhere] = tell(stack, other, {"name": "a"})
    tell(stack, shop, {"name": "b"})
    assert names(stack, shop) == {"a": first, "b": second}
    assert names(stack, other) == {"a": elsewhere}


def test_a_range_of_an_earlier_version_is_taken_up(stack: Stack) -> None:
    shop = stack.workspace()
    event = stack.record(shop, {"product_id": "p", "event_type": "view", "user_key": "k"})
    # Records had eighteen fields then.
    earlier = msgspec.msgpack.encode(
        list(msgspec.msgpack.decode(msgspec.msgpack.encode(event))[:-3])
    )
    stack.append([earlier])
    stack.projector.project_once()
    stack.restart()
    stack.project()
    assert len(stack.events(shop)) == 1
    old = msgspec.msgpack.encode(([7, -1], [8, -1]))
    assert decode_resolved(old) == ([7, -1], [8, -1])
    assert Placed(Position(1), Position(2), [7, -1], [8, -1]).resolved() == old


class _Refusing:
    """The real warehouse, which does not take one row."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def insert(self, relation: Relation, rows: Sequence[Any], *, token: str | None) -> None:
        if relation == "activities" and any(row.activity_key == "broken" for row in rows):
            raise WarehouseError("no", transient=False)
        self._warehouse.insert(relation, rows, token=token)


def test_an_activity_the_warehouse_refuses_fails_alone(stack: Stack) -> None:
    shop = stack.workspace()
    good = [stack.activity(shop, user_key=f"k{n}", occurred_at=_START + n) for n in range(5)]
    broken = msgspec.structs.replace(good[0], event_key="broken")
    event = stack.record(shop, {"product_id": "p", "event_type": "view", "user_key": "k"})
    stack.append([*good[:2], event, broken, *good[2:]])
    refusing: Any = _Refusing(stack.warehouse)
    stack.insert_through(refusing)
    stack.project()
    assert len(stack.activities(shop)) == 5
    assert len(stack.events(shop)) == 1
    assert _failed(stack) == [(shop.id, "projection_fault", "broken")]


def test_a_failed_activity_is_shown_and_replayed_as_it_is(stack: Stack) -> None:
    shop = stack.workspace()
    lost = stack.activity(
        shop, contact_id=999_999, event_key="x", contact_attributes='{"a":1}', url="/"
    )
    stack.append([lost])
    stack.project()
    assert _failed(stack) == [(shop.id, "contact_not_found", "x")]
    with stack.state.read() as conn:
        failed_id = conn.scalars(select(failed_events.c.id)).one()
        shown = get_failed_event(conn, scope_of(shop), failed_id)
    assert msgspec.json.decode(shown.payload) == {
        "kind": "event",
        "name": "signed up",
        "user_id": 999_999,
        "event_id": "x",
        "timestamp": NOW,
        "url": "/",
        "contact": {"a": 1},
    }
    advisor = StateAdvisor(stack.state)

    async def again() -> Position:
        return await replay(
            stack.state,
            stack.journal,
            advisor,
            operator_access(shop),
            failed_id,
            Correction(),
            clock=lambda: NOW,
        )

    with pytest.raises(Exception, match="999999"):
        asyncio.run(again())
    with stack.state.write() as conn:
        record = msgspec.structs.replace(lost, contact_id=None, user_key="k")
        conn.execute(failed_events.update().values(payload=msgspec.msgpack.encode(record)))
    asyncio.run(again())
    stack.project()
    assert [found["url"] for found in stack.activities(shop)] == ["/"]


def test_an_activity_that_was_on_its_way_when_its_contact_was_deleted_is_erased(
    stack: Stack,
) -> None:
    shop = stack.workspace()
    tell(stack, shop, {"user_custom_id": "A"}, {"user_custom_id": "B"})
    with stack.state.read() as conn:
        people = {row.custom_id: row.id for row in _contacts(conn, shop)}
    stack.append([stack.activity(shop, user_custom_id="A")])
    stack.projector.project_once()  # in the state, not in the warehouse
    with stack.state.write() as conn:
        delete_contact(conn, scope_of(shop), people["A"], now=NOW)
    stack.projector.publish_once()
    stack.projector.changed()
    stack.projector.publish_once()
    [left] = stack.activities(shop)
    assert left["contact"][0] == "B"


def test_rows_go_in_once_though_the_deduplication_log_is_lost(stack: Stack) -> None:
    shop = stack.workspace()
    event = stack.record(shop, {"product_id": "p", "event_type": "view", "user_key": "k"})
    activity = stack.activity(shop, user_key="k")
    stack.append([event, activity] * 5)
    stack.projector.project_once()
    # Half of the range is there, under another token: what a cut log looks like to the next start.
    [queued] = stack.projector.queued
    stack.warehouse.insert("activities", queued.activities[:2], token="lost")
    stack.warehouse.insert("events", queued.rows[:4], token="lost")
    stack.restart()
    stack.project()
    assert (len(stack.events(shop)), len(stack.activities(shop))) == (5, 5)


def test_activities_of_more_months_than_one_insert_takes_are_all_stored(stack: Stack) -> None:
    shop = stack.workspace()
    month = 31 * 86_400_000
    tell(stack, shop, *({"occurred_at": _START - month * n} for n in range(60)))
    assert len(stack.activities(shop)) == 60


def _contacts(conn: Any, shop: Workspace) -> Any:
    scope = scope_of(shop)
    return contact_queries.names(conn, scope, contact_queries.ids_past(conn, scope, 0, 100))


def _failed(stack: Stack) -> list[tuple[int, str, str | None]]:
    columns = failed_events.c
    statement = select(columns.workspace_id, columns.code, columns.event_key)
    with stack.state.read() as conn:
        return [tuple(row) for row in conn.execute(statement.order_by(columns.id))]
