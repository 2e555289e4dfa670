"""Events come back as they were sent: pages that miss and repeat nothing, counts that add up."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.contacts.api import delete_contact
from footfall.ingest import queries
from footfall.ingest.reading import count_events, list_events
from footfall.ingest.types import EventCount, EventFilter, Grouping
from footfall.kernel.ids import Position, WorkspaceId
from footfall.kernel.instants import Instant, to_iso, zone
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from footfall.warehouse.types import EventRow
from footfall.workspaces.api import scope_of
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack

MAY = 1_777_593_600_000  # 2026-05-01T00:00:00Z
HOUR = 3_600_000
UTC_ZONE = ZoneInfo("UTC")


def tell(stack: Stack, shop: Workspace, *events: dict[str, Any]) -> list[int]:
    """Send events through the whole pipeline; return their ids."""
    filled = [
        {"product_id": "p", "event_type": "view", "user_key": "k", **event} for event in events
    ]
    appended = stack.append([stack.record(shop, event) for event in filled])
    stack.project()
    return [place.position for place in appended]


def page(
    stack: Stack, shop: Workspace, *, before: int | None = None, limit: int = 1000, **filters: Any
) -> tuple[list[dict[str, Any]], int | None]:
    found = list_events(
        stack.state,
        stack.warehouse,
        scope_of(shop),
        EventFilter(**filters),
        before=before,
        limit=limit,
    )
    return msgspec.json.decode(msgspec.json.encode(found.results)), found.next_before


def ids(stack: Stack, shop: Workspace, **filters: Any) -> list[int]:
    return [event["id"] for event in page(stack, shop, **filters)[0]]


def counted(
    stack: Stack,
    shop: Workspace,
    group_by: Grouping | None = None,
    *,
    zone: ZoneInfo = UTC_ZONE,
    limit: int = 100_000,
    **filters: Any,
) -> EventCount:
    return count_events(
        stack.state,
        stack.warehouse,
        scope_of(shop),
        EventFilter(**filters),
        group_by=group_by,
        zone=zone,
        limit=limit,
    )


def pairs(answer: EventCount) -> list[tuple[Any, ...]]:
    return [tuple(msgspec.to_builtins(group).values()) for group in answer.results]


def test_an_event_comes_back_as_it_was_sent(stack: Stack) -> None:
    shop = stack.workspace()
    [first, second] = tell(
        stack,
        shop,
        {
            "user_custom_id": "anna",
            "email": "Anna@Example.com",
            "user_key": "k1",
            "event_type": "purchase",
            "product_id": "shoe/ü 1",
            "timestamp": MAY + 1,
            "event_id": "e-1",
            "data": {
                "name": "Shoe",
                "price": 12.5,
                "tags": ["a", "b"],
                "custom_data": {"quantity": 2, "order_id": "o1", "currency": "pln", "x": [1, {}]},
            },
        },
        {"user_key": "nobody", "product_id": "hat", "timestamp": MAY},
    )
    [event, sent_first], next_before = page(stack, shop)
    assert next_before is None
    assert event["id"] == second
    contact_id, product_id = sent_first["contact"]["id"], sent_first["product"]["id"]
    assert sent_first == {
        "id": first,
        "event_id": "e-1",
        "event_type": "purchase",
        "occurred_at": "2026-05-01T00:00:00.001Z",
        "received_at": to_iso(NOW),
        "source": "api",
        "contact": {
            "id": contact_id,
            "custom_id": "anna",
            "email": "anna@example.com",
            "key": "k1",
        },
        "product": {"id": product_id, "custom_id": "shoe/ü 1", "name": "Shoe"},
        "attributes": {"name": "Shoe", "price": 12.5, "tags": ["a", "b"]},
        "custom_data": {"quantity": 2, "order_id": "o1", "currency": "pln", "x": [1, {}]},
        "unit_price": 12.5,
        "quantity": 2,
        "currency": "PLN",
        "order_id": "o1",
        "session_id": None,
        "traffic": "visitor",
    }
    assert event["contact"]["custom_id"] is None
    assert event["product"]["name"] is None
    nothing = ("event_id", "custom_data", "unit_price", "quantity", "currency", "order_id")
    assert [event[name] for name in nothing] == [None] * 6
    assert event["attributes"] == {}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("0.0001", b"0.0001"),
        ("99999999999999.9999", b"99999999999999.9999"),
        ("0", b"0"),
        ("1e3", b"1000"),
        ("2.50", b"2.5"),
    ],
)
def test_money_is_exact_and_has_no_exponent(stack: Stack, sent: str, shown: bytes) -> None:
    shop = stack.workspace()
    tell(stack, shop, {"data": {"custom_data": {"unit_price": sent}}})
    found = list_events(
        stack.state, stack.warehouse, scope_of(shop), EventFilter(), before=None, limit=1
    )
    assert b'"unit_price":' + shown + b"," in msgspec.json.encode(found.results)


STORY: list[dict[str, Any]] = [
    {"user_custom_id": "anna", "product_id": "a", "event_type": "view", "timestamp": MAY},
    {"user_custom_id": "anna", "product_id": "b", "event_type": "purchase", "timestamp": MAY + 1},
    {"user_custom_id": "ben", "product_id": "a", "event_type": "view", "timestamp": MAY + 2},
    {"user_custom_id": "ben", "product_id": "b", "event_type": "add to cart", "timestamp": MAY + 3},
]
FILTERS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "nothing": ({}, [3, 2, 1, 0]),
    "contact": ({"contact": "anna"}, [1, 0]),
    "unknown contact": ({"contact": "nobody"}, []),
    "product": ({"product": "b"}, [3, 1]),
    "unknown product": ({"product": "z"}, []),
    "case of a product": ({"product": "B"}, []),
    "type": ({"event_type": "view"}, [2, 0]),
    "type nobody sent": ({"event_type": "refund"}, []),
    "source": ({"source": "api"}, [3, 2, 1, 0]),
    "other source": ({"source": "import"}, []),
    "from is inclusive": ({"since": MAY + 2}, [3, 2]),
    "to is exclusive": ({"until": MAY + 2}, [1, 0]),
    "between": ({"since": MAY + 1, "until": MAY + 3}, [2, 1]),
    "never": ({"since": MAY + 3, "until": MAY}, []),
    "ends of time": ({"since": 0, "until": 7_258_118_400_000}, [3, 2, 1, 0]),
    "all at once": (
        {"contact": "ben", "product": "a", "event_type": "view", "since": MAY, "until": MAY + 9},
        [2],
    ),
}


def test_every_filter_chooses_for_the_list_and_the_count(stack: Stack) -> None:
    shop = stack.workspace()
    positions = tell(stack, shop, *STORY)
    for name, (filters, expected) in FILTERS.items():
        assert ids(stack, shop, **filters) == [positions[index] for index in expected], name
        assert counted(stack, shop, **filters) == EventCount(len(expected), [], 0), name


def test_internal_ids_choose_too_and_both_must_agree(stack: Stack) -> None:
    shop = stack.workspace()
    [first, second] = tell(
        stack,
        shop,
        {"user_custom_id": "anna", "product_id": "a"},
        {"user_custom_id": "ben", "product_id": "b"},
    )
    [ben, anna], _ = page(stack, shop)
    assert ids(stack, shop, contact_id=anna["contact"]["id"]) == [first]
    assert ids(stack, shop, product_id=ben["product"]["id"]) == [second]
    assert ids(stack, shop, contact="anna", contact_id=anna["contact"]["id"]) == [first]
    assert ids(stack, shop, contact="ben", contact_id=anna["contact"]["id"]) == []
    assert ids(stack, shop, product="b", product_id=anna["product"]["id"]) == []
    assert ids(stack, shop, contact_id=2**62, product_id=None) == []
    assert ids(stack, shop, product_id=2**62) == []


def test_another_workspace_sees_nothing(stack: Stack) -> None:
    shop, other = stack.workspace(), stack.workspace()
    tell(stack, shop, *STORY)
    [event, *_], _ = page(stack, shop)
    strangers: list[dict[str, Any]] = [
        {},
        {"contact": "anna"},
        {"contact_id": event["contact"]["id"]},
        {"product": "a"},
        {"product_id": event["product"]["id"]},
    ]
    for filters in strangers:
        assert page(stack, other, **filters) == ([], None)
        for group_by in (None, "event_type", "day", "product", "contact"):
            assert counted(stack, other, group_by, **filters) == EventCount(0, [], 0)


def test_pages_show_every_event_once_while_others_arrive(stack: Stack) -> None:
    shop = stack.workspace()
    expected = tell(stack, shop, *({"timestamp": MAY + number} for number in range(10)))
    seen: list[int] = []
    before = None
    while True:
        found, before = page(stack, shop, before=before, limit=3)
        seen += [event["id"] for event in found]
        tell(stack, shop, {"timestamp": MAY}, {"timestamp": NOW})
        if before is None:
            break
    assert seen == expected[::-1]


def test_a_last_page_that_is_full_has_no_next(stack: Stack) -> None:
    shop = stack.workspace()
    tell(stack, shop, {}, {}, {}, {})
    found, before = page(stack, shop, limit=2)
    assert (len(found), before) == (2, found[-1]["id"])
    assert page(stack, shop, limit=2, before=before)[1] is None


def test_what_is_not_wholly_readable_yet_is_not_listed(stack: Stack) -> None:
    shop = stack.workspace()
    [first] = tell(stack, shop, {})
    stack.append([stack.record(shop, {"product_id": "p", "event_type": "view", "user_key": "k"})])
    stack.projector.project_once()
    stack.projector.insert_queued()
    assert ids(stack, shop) == [first]
    stack.projector.publish_once()
    assert len(ids(stack, shop)) == 2


def test_a_merged_contact_brings_its_history_along(stack: Stack) -> None:
    shop = stack.workspace()
    before = tell(
        stack, shop, {"user_key": "visitor"}, {"user_key": "visitor"}, {"user_custom_id": "ben"}
    )
    visitor = page(stack, shop)[0][1]["contact"]["id"]
    after = tell(stack, shop, {"user_key": "visitor", "user_custom_id": "anna"})
    mine = [*after, before[1], before[0]]
    assert ids(stack, shop, contact="anna") == mine
    assert ids(stack, shop, contact_id=visitor) == mine
    names = [(event["contact"]["custom_id"]) for event in page(stack, shop)[0]]
    assert names == ["anna", "ben", "anna", "anna"]
    grouped = counted(stack, shop, "contact")
    assert [(name, number) for name, _, number in pairs(grouped)] == [("anna", 3), ("ben", 1)]
    survivor = pairs(grouped)[0][1]
    assert {event["contact"]["id"] for event in page(stack, shop, contact="anna")[0]} == {survivor}


def test_a_visitor_merged_into_a_known_contact_counts_with_it(stack: Stack) -> None:
    shop = stack.workspace()
    tell(stack, shop, {"user_key": "v"}, {"user_custom_id": "anna", "user_key": "other"})
    tell(stack, shop, {"user_custom_id": "anna", "user_key": "v"})
    [(name, _, number)] = pairs(counted(stack, shop, "contact"))
    assert (name, number) == ("anna", 3)
    assert counted(stack, shop, contact="anna").total == 3
    assert len(ids(stack, shop, contact="anna")) == 3


def test_a_deleted_contact_has_no_name_and_then_no_events(stack: Stack) -> None:
    shop = stack.workspace()
    [_, kept] = tell(stack, shop, {"user_custom_id": "anna"}, {"user_custom_id": "ben"})
    with stack.state.write() as conn:
        delete_contact(conn, scope_of(shop), "anna", now=NOW)
    stack.projector.changed()  # as the edge says after every write
    assert ids(stack, shop, contact="anna") == []
    assert [event["contact"] is None for event in page(stack, shop)[0]] == [False, True]
    assert ("anna") not in {name for name, _, _ in pairs(counted(stack, shop, "contact"))}
    stack.project()
    assert ids(stack, shop) == [kept]
    assert counted(stack, shop).total == 1


def test_groups_come_largest_first_and_days_in_order(stack: Stack) -> None:
    shop = stack.workspace()
    day = 24 * HOUR
    tell(
        stack,
        shop,
        *({"event_type": "view", "product_id": "a", "timestamp": MAY + day} for _ in range(3)),
        {"event_type": "purchase", "product_id": "b", "timestamp": MAY},
        {"event_type": "add", "product_id": "b", "timestamp": MAY + 2 * day},
    )
    assert pairs(counted(stack, shop, "event_type")) == [("view", 3), ("add", 1), ("purchase", 1)]
    assert [row[::2] for row in pairs(counted(stack, shop, "product"))] == [("a", 3), ("b", 2)]
    days = [("2026-05-01", 1), ("2026-05-02", 3), ("2026-05-03", 1)]
    assert pairs(counted(stack, shop, "day")) == days
    limited = counted(stack, shop, "day", limit=2)
    assert (limited.total, limited.groups, pairs(limited)) == (5, 3, days[:2])


ZONES = ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Warsaw", "UTC"]


def row(event_id: int, occurred_at: float, workspace_id: int) -> EventRow:
    return EventRow(
        workspace_id,
        event_id,
        None,
        occurred_at / 1000,
        occurred_at / 1000,
        0,
        1,
        "view",
        "import",
        None,
        None,
        None,
        None,
        "{}",
        None,
    )


_chance = random.Random(7)
#: Twenty years of moments, and the neighbourhood of clock changes in spring and autumn 2026.
MOMENTS = [_chance.randrange(MAY - 600_000_000_000, MAY, 1) for _ in range(2_000)] + [
    int(start.timestamp() * 1000) + 900_000 * step - 1
    for start in (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC))
    for step in range(4 * 60)
]
_workspaces = count(1_000_000)


@pytest.fixture
def long_history(sqlite_state: State, warehouse: Warehouse) -> tuple[State, Warehouse, Scope]:
    workspace_id = next(_workspaces)
    warehouse.insert(
        "events",
        [row(number, moment, workspace_id) for number, moment in enumerate(MOMENTS, 1)],
        token=None,
    )
    with sqlite_state.write() as conn:
        queries.move_cursor(conn, "warehouse", Position(len(MOMENTS)))
    return sqlite_state, warehouse, Scope(WorkspaceId(workspace_id))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    name=st.one_of(
        st.sampled_from(ZONES), st.sampled_from(sorted(filter(zone, available_timezones())))
    )
)
def test_days_are_calendar_days_in_any_zone(
    long_history: tuple[State, Warehouse, Scope], name: str
) -> None:
    state, warehouse, scope = long_history
    days_in = ZoneInfo(name)
    answer = count_events(
        state, warehouse, scope, EventFilter(), group_by="day", zone=days_in, limit=100_000
    )
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    days = Counter(
        (epoch + timedelta(milliseconds=moment)).astimezone(days_in).date().isoformat()
        for moment in MOMENTS
    )
    assert pairs(answer) == sorted(days.items())
    assert (answer.total, answer.groups) == (len(MOMENTS), len(days))


def test_events_of_nobody_are_a_group_without_a_name(
    long_history: tuple[State, Warehouse, Scope],
) -> None:
    state, warehouse, scope = long_history
    answer = count_events(
        state, warehouse, scope, EventFilter(), group_by="contact", zone=UTC_ZONE, limit=1
    )
    assert pairs(answer) == [(None, None, len(MOMENTS))]
    [event] = list_events(state, warehouse, scope, EventFilter(), before=None, limit=1).results
    assert event.contact is None


def test_a_page_is_found_however_far_its_events_lie_apart(
    sqlite_state: State, warehouse: Warehouse
) -> None:
    workspace_id, stranger = next(_workspaces), next(_workspaces)
    scope = Scope(WorkspaceId(workspace_id))
    # The last but one stands just past the first range that is looked through.
    positions = [1, 2, 1_900, 40_000, 40_001, 5_000_000, 89_998_000, 90_000_000]
    warehouse.insert(
        "events",
        [row(position, MAY, workspace_id) for position in positions]
        + [row(position, MAY, stranger) for position in range(89_000_000, 89_005_000)],
        token=None,
    )
    with sqlite_state.write() as conn:
        queries.move_cursor(conn, "warehouse", Position(positions[-1]))
    for limit in (1, 2, 7, 1_000):
        seen: list[int] = []
        before = None
        for _ in range(len(positions)):
            found = list_events(
                sqlite_state, warehouse, scope, EventFilter(), before=before, limit=limit
            )
            seen += [event.id for event in found.results]
            before = found.next_before
            if before is None:
                break
        assert seen == positions[::-1]


_events = st.builds(
    dict,
    user_key=st.sampled_from(["k1", "k2", "k3"]),
    user_custom_id=st.sampled_from(["anna", None]),
    product_id=st.sampled_from(["a", "b"]),
    event_type=st.sampled_from(["view", "purchase", "return"]),
    timestamp=st.integers(MAY, MAY + 72 * HOUR),
)
_choices = st.fixed_dictionaries(
    {},
    optional={
        "contact": st.sampled_from(["anna", "ben"]),
        "product": st.sampled_from(["a", "c"]),
        "event_type": st.sampled_from(["view", "refund"]),
        "since": st.integers(MAY, MAY + 72 * HOUR).map(Instant),
        "until": st.integers(MAY, MAY + 72 * HOUR).map(Instant),
    },
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    told=st.lists(_events, max_size=12),
    filters=_choices,
    limit=st.integers(1, 5),
    time_zone=st.sampled_from(ZONES),
)
def test_groups_and_pages_add_up_to_the_total(
    stack: Stack, told: list[dict[str, Any]], filters: dict[str, Any], limit: int, time_zone: str
) -> None:
    shop = stack.workspace()
    tell(stack, shop, *told)
    total = counted(stack, shop, **filters).total
    groupings: list[Grouping] = ["event_type", "day", "product", "contact"]
    for group_by in groupings:
        answer = counted(stack, shop, group_by, zone=ZoneInfo(time_zone), **filters)
        assert answer.total == total
        assert sum(group.count for group in answer.results) == total
        assert answer.groups == len(answer.results)
    listed: list[int] = []
    before = None
    while True:
        found, before = page(stack, shop, before=before, limit=limit, **filters)
        listed += [event["id"] for event in found]
        if before is None:
            break
    assert len(listed) == total
    assert listed == sorted(set(listed), reverse=True)
