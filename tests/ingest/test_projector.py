"""The same events in any order, cut into any batches, with any crash: the same shop."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from footfall.catalog.api import list_products
from footfall.contacts.api import list_contacts
from footfall.ingest.types import RefusedRecord
from footfall.state.schema import failed_events
from footfall.warehouse.api import Warehouse, WarehouseError
from footfall.workspaces.api import scope_of
from tests.ingest.stack import NOW, Stack

_START = 1_700_000_000_000
PEOPLE = 4


@st.composite
def _histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events with times of their own, in which identifiers seen together are one person's."""
    events = []
    for number in range(draw(st.integers(1, 14))):
        person = draw(st.integers(0, PEOPLE - 1))
        names = {
            "user_key": f"key {person}.{draw(st.integers(0, 1))}",
            "email": f"p{person}.{draw(st.integers(0, 1))}@example.com",
            "user_custom_id": f"person {person}",
        }
        chosen = draw(st.sets(st.sampled_from(sorted(names)), min_size=1))
        events.append(
            {
                "product_id": draw(st.sampled_from(["a", "b/ü"])),
                "event_type": draw(st.sampled_from(["view", "purchase", "return"])),
                "timestamp": _START + number,
                "data": draw(
                    st.dictionaries(
                        st.sampled_from(["price", "colour", "Colour", "tags", "quantity"]),
                        st.sampled_from([1, 2.5, "12,50 PLN", "red", None, True, ["x"]]),
                        max_size=3,
                    )
                ),
                **{name: names[name] for name in chosen},
            }
        )
    return events


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=_histories(), chance=st.randoms(use_true_random=False))
def test_order_batches_and_crashes_do_not_matter(
    stack: Stack, history: list[dict[str, Any]], chance: random.Random
) -> None:
    calm = stack.workspace()
    stack.append([stack.record(calm, event) for event in history])
    stack.project()

    shaken = stack.workspace()
    order = list(history)
    chance.shuffle(order)
    while order:
        size = chance.randint(1, len(order))
        stack.append([stack.record(shaken, event) for event in order[:size]])
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

    assert stack.products(shaken) == stack.products(calm)
    assert stack.contacts(shaken) == stack.contacts(calm)

    def by_time(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(events, key=lambda event: event["occurred_at"])

    assert by_time(stack.events(shaken)) == by_time(stack.events(calm))
    assert len(stack.events(calm)) == len(history)


@pytest.mark.parametrize("cuts", [[4], [1, 3], [2, 2], [1, 1, 1, 1]])
def test_things_are_as_old_as_the_event_that_made_them(stack: Stack, cuts: list[int]) -> None:
    workspace = stack.workspace()
    named = [("a", "ann"), ("b", "ann"), ("a", "ben"), ("c", None)]
    records = [
        msgspec.structs.replace(
            stack.record(workspace, _event(product_id=product, user_custom_id=who, user_key="k")),
            received_at=NOW + number,
        )
        for number, (product, who) in enumerate(named)
    ]
    for size in cuts:
        stack.append(records[:size])
        del records[:size]
        stack.project()
    with stack.state.read() as conn:
        scope = scope_of(workspace)
        assert {p.custom_id: p.created_at - NOW for p in list_products(conn, scope, limit=9)} == {
            "a": 0,
            "b": 1,
            "c": 3,
        }
        assert {c.custom_id: c.created_at - NOW for c in list_contacts(conn, scope, limit=9)} == {
            "ann": 0,
            "ben": 2,
        }


def _project_one_by_one(stack: Stack, events: list[dict[str, Any]]) -> Any:
    workspace = stack.workspace()
    for event in events:
        stack.append([stack.record(workspace, event)])
        stack.project()
    return workspace


def _event(**more: Any) -> dict[str, Any]:
    return {"product_id": "p", "event_type": "view", "timestamp": _START, **more}


IDENTITIES = {
    "a new custom id makes a contact": (
        [{"user_custom_id": "A"}],
        [("A", None, None, [("custom_id", "A")])],
    ),
    "a custom id never seen goes to the contact of the e-mail": (
        [{"email": "e@x.pl"}, {"email": "e@x.pl", "user_custom_id": "A"}],
        [("A", "e@x.pl", None, [("custom_id", "A"), ("email", "e@x.pl")])],
    ),
    "a custom id never seen makes a new contact where the e-mail's has another": (
        [{"email": "e@x.pl", "user_custom_id": "A"}, {"email": "e@x.pl", "user_custom_id": "B"}],
        [
            ("A", "e@x.pl", None, [("custom_id", "A"), ("email", "e@x.pl")]),
            ("B", "e@x.pl", None, [("custom_id", "B")]),
        ],
    ),
    "a visitor key that changes hands points to the new contact": (
        [{"user_key": "k", "user_custom_id": "A"}, {"user_key": "k", "user_custom_id": "B"}],
        [
            ("A", None, "k", [("custom_id", "A")]),
            ("B", None, "k", [("custom_id", "B"), ("key", "k")]),
        ],
    ),
    "contacts without custom id that one event names become one": (
        [{"user_key": "k"}, {"email": "e@x.pl"}, {"user_key": "k", "email": "e@x.pl"}],
        [(None, "e@x.pl", "k", [("email", "e@x.pl"), ("key", "k")])],
    ),
    "an anonymous visitor who signs in is merged, also twice over": (
        [
            {"user_key": "k"},
            {"user_key": "k", "email": "e@x.pl"},
            {"user_custom_id": "A"},
            {"user_custom_id": "A", "user_key": "k"},
        ],
        [("A", "e@x.pl", "k", [("custom_id", "A"), ("email", "e@x.pl"), ("key", "k")])],
    ),
}


@pytest.mark.parametrize(("events", "expected"), IDENTITIES.values(), ids=IDENTITIES)
def test_identity(stack: Stack, events: list[Any], expected: list[Any]) -> None:
    workspace = _project_one_by_one(stack, [_event(**event) for event in events])
    found = {(c[0], c[1], c[2], c[3]) for c in stack.contacts(workspace)}
    assert found == {(a, b, c, tuple(known)) for a, b, c, known in expected}


def test_history_follows_a_merge(stack: Stack) -> None:
    workspace = _project_one_by_one(
        stack, [_event(user_key="k"), _event(user_key="k", user_custom_id="A")]
    )
    [person] = stack.contacts(workspace)
    assert [event["contact"] for event in stack.events(workspace)] == [person, person]


def test_a_late_event_does_not_overwrite_a_newer_value(stack: Stack) -> None:
    workspace = _project_one_by_one(
        stack,
        [
            _event(user_key="k", timestamp=_START + 5, data={"colour": "new"}),
            _event(user_key="k", timestamp=_START + 1, data={"colour": "old", "size": "L"}),
        ],
    )
    assert stack.products(workspace) == {
        "p": {"colour": ("new", _START + 5), "size": ("L", _START + 1)}
    }


def test_a_record_that_breaks_the_placing_fails_alone(stack: Stack) -> None:
    workspace = stack.workspace()
    good = [stack.record(workspace, _event(user_key=f"k{n}")) for n in range(7)]
    broken = msgspec.structs.replace(good[0], attributes="{not json", event_key="broken")
    stack.append([*good[:3], broken, *good[3:]])
    stack.project()
    assert len(stack.events(workspace)) == 7
    assert _failed(stack) == [(workspace.id, "projection_fault", "broken")]


@pytest.mark.parametrize("kills", [1, 2])
def test_rows_whose_token_outlived_them_are_inserted_all_the_same(stack: Stack, kills: int) -> None:
    workspace = stack.workspace()
    one, two = (
        {"event_type": "view", "product_id": f"mug-{n}", "user_custom_id": "anna"} for n in (1, 2)
    )
    stack.append([stack.record(workspace, one), stack.record(workspace, two)])
    stack.append([stack.activity(workspace, user_custom_id="anna")])
    stack.projector.project_once()
    for _ in range(kills):
        # A kill after the engine wrote the token down and before the rows had their place.
        stack.projector.insert_queued()
        for relation in ("events", "activities"):
            stack.warehouse._command(
                f"ALTER TABLE {relation} DELETE WHERE workspace_id = {workspace.id}",
                settings={"mutations_sync": 2},
            )
        assert stack.events(workspace) == []
        stack.restart()
    stack.project()
    assert [event["product"] for event in stack.events(workspace)] == ["mug-1", "mug-2"]
    assert len(stack.activities(workspace)) == 1


def test_a_record_that_the_warehouse_refuses_fails_alone(stack: Stack) -> None:
    workspace = stack.workspace()
    good = [stack.record(workspace, _event(user_key=f"k{n}")) for n in range(7)]
    broken = msgspec.structs.replace(good[0], unit_price="much", event_key="broken")
    stack.append([*good[:3], broken, *good[3:]])
    stack.project()
    assert len(stack.events(workspace)) == 7
    assert _failed(stack) == [(workspace.id, "projection_fault", "broken")]


class _WithOneOutage:
    """The real warehouse, away for one insert of `events`."""

    def __init__(self, warehouse: Warehouse, at_insert: int) -> None:
        self._warehouse = warehouse
        self._until = at_insert

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def insert(self, relation: Any, rows: Any, *, token: str | None) -> None:
        self._until -= relation == "events"
        if self._until == 0:
            self._until = -1_000
            raise WarehouseError("away", transient=True)
        self._warehouse.insert(relation, rows, token=token)


@pytest.mark.parametrize("at_insert", [2, 5, 9, 12])
def test_an_outage_while_a_refused_row_is_looked_for_loses_nothing(
    stack: Stack, at_insert: int
) -> None:
    workspace = stack.workspace()
    records = [stack.record(workspace, _event(user_key=f"k{n}")) for n in range(100)]
    records[95] = msgspec.structs.replace(records[95], unit_price="much", event_key="broken")
    stack.append(records)
    stack.projector.project_once()
    away: Any = _WithOneOutage(stack.warehouse, at_insert)
    stack.insert_through(away)
    with pytest.raises(WarehouseError):
        stack.projector.publish_once()
    stack.projector.publish_once()
    assert len(stack.events(workspace)) == 99
    assert _failed(stack) == [(workspace.id, "projection_fault", "broken")]


def test_a_batch_whose_commit_was_not_heard_of_counts_once(stack: Stack) -> None:
    workspace = stack.workspace()
    stack.append([stack.record(workspace, _event(user_key=f"k{n}")) for n in range(3)])
    deaf = stack.projector
    stack.restart()
    stack.projector.project_once()  # committed, and the other one does not know
    deaf.project_once()
    deaf.publish_once()
    assert not deaf.behind
    assert len(stack.events(workspace)) == 3


def test_a_rebuild_cut_off_is_finished_by_the_next_start(stack: Stack) -> None:
    workspace = stack.workspace()
    stack.append([stack.record(workspace, _event(user_key="k"))])
    stack.project()
    stack.projector.rebuild(0.01)  # no thread makes the copies: as if the process ended here
    assert stack.warehouse.row_counts()["products"] == 0
    stack.restart()
    stack.projector.publish_once()
    assert stack.warehouse.row_counts()["products"] == 1


def test_bytes_that_are_no_record_do_not_stop_the_others(stack: Stack) -> None:
    workspace = stack.workspace()
    record = stack.record(workspace, _event(user_key="k"))
    stack.append([record, msgspec.msgpack.encode({"what": "ever"}), record])
    stack.project()
    assert len(stack.events(workspace)) == 2
    assert _failed(stack) == [(0, "projection_fault", None)]


def test_an_event_of_an_unknown_product_or_contact_is_kept_as_failed(stack: Stack) -> None:
    workspace = stack.workspace()
    known = stack.record(workspace, _event(user_key="k"))
    stack.append(
        [
            msgspec.structs.replace(known, product_custom_id=None, product_id=999_999),
            msgspec.structs.replace(known, contact_id=999_999),
            known,
        ]
    )
    stack.project()
    assert len(stack.events(workspace)) == 1
    assert _failed(stack) == [
        (workspace.id, "product_not_found", None),
        (workspace.id, "contact_not_found", None),
    ]


def test_refused_input_is_kept(stack: Stack) -> None:
    workspace = stack.workspace()
    refused = RefusedRecord(
        workspace.id, NOW, "api", 7, "v2", "custom_id:x", b"\xff{", "malformed_json", "No.", "key"
    )
    stack.append([refused])
    stack.project()
    assert _failed(stack) == [(workspace.id, "malformed_json", "key")]
    assert stack.events(workspace) == []


def test_the_journal_is_trimmed_behind_the_warehouse(stack: Stack) -> None:
    workspace = stack.workspace()
    stack.append([stack.record(workspace, _event(user_key="k"))])
    assert stack.journal.waiting_bytes() > 0
    stack.project()
    assert stack.journal.waiting_bytes() == 0


def test_rows_go_in_once_though_the_deduplication_log_is_lost(stack: Stack) -> None:
    workspace = stack.workspace()
    records = [stack.record(workspace, _event(user_key=f"k{n}")) for n in range(10)]
    first = stack.append(records)[0].position
    stack.projector.load_cursors()
    stack.projector.project_once()
    # Half of the range is there, under another token: what a cut log looks like to the next start.
    [queued] = stack.projector.queued
    stack.warehouse.insert("events", queued.rows[:5], token="lost")
    stack.restart()
    stack.project()
    ids = stack.warehouse.positions_between(first, first + 9)
    assert len(ids) == len(stack.events(workspace)) == 10


def _failed(stack: Stack) -> list[tuple[int, str, str | None]]:
    columns = failed_events.c
    statement = select(columns.workspace_id, columns.code, columns.event_key)
    with stack.state.read() as conn:
        return [tuple(row) for row in conn.execute(statement.order_by(columns.id))]
