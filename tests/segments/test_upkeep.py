"""Members that are kept are those who fit, whatever happened, and changes alternate."""

import json
import random
from collections import defaultdict
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.attributes.api import define_attribute
from footfall.conditions.api import matching
from footfall.contacts.api import (
    delete_contact,
    list_merges,
    merge_contacts,
    put_contact,
    undo_merge,
)
from footfall.contacts.lists import change_members, create_list
from footfall.contacts.logic import Identifiers
from footfall.kernel.errors import Conflict, Invalid, NotFound
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import DAY_MS, HOUR_MS, MINUTE_MS, Instant, to_iso
from footfall.segments.api import change_segment, create_segment, list_segments, load_vocabulary
from footfall.warehouse.api import statement
from footfall.workspaces.api import operator_access, scope_of, update_workspace
from tests.ingest.stack import NOW, Stack

_NAMES = ("anna", "ben", "cleo", "dora")
_PRODUCTS = ("mug", "tea", "pot")
_TYPES = ("view", "add to cart", "purchase", "liking", "remove")


def did(*types: str, **more: Any) -> dict[str, Any]:
    return {"type": "product_event", "event_types": list(types), **more}


def no(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "not", "of": of}


def every(*of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "all", "of": list(of)}


HOURS = {"kind": "last", "amount": 5, "unit": "hours"}
DAYS = {"kind": "last", "amount": 2, "unit": "days"}
CHEAP = {"attributes": [{"name": "price", "operator": "at_most", "value": 10}]}
HOT = did("view", measure={"of": "contacts", "operator": "at_least", "value": 2}, window=HOURS)
SEGMENTS: list[tuple[str, dict[str, Any]]] = [
    ("contact", did("view", window=HOURS)),
    ("contact", no(did("view", window=DAYS))),
    ("contact", did("view", "purchase", window={"kind": "ago", "min": 1, "max": 2})),
    ("contact", did("purchase", occurrence="first", window=HOURS)),
    ("contact", every(did("view", products=CHEAP), no(did("purchase")))),
    ("contact", {"type": "cart", "idle": {"operator": "at_least", "amount": 2}}),
    ("contact", {"type": "cart", "age": {"operator": "at_most", "amount": 30, "unit": "minutes"}}),
    (
        "contact",
        {
            "type": "sequence",
            "first": did("add to cart"),
            "then": did("view"),
            "not_then": did("purchase"),
            "not_within": {"amount": 3, "unit": "hours"},
            "window": DAYS,
        },
    ),
    ("contact", {"type": "attribute", "name": "due", "operator": "in_next_days", "value": 2}),
    ("contact", {"type": "attribute", "name": "due", "operator": "in_last_days", "value": 1}),
    ("contact", {"type": "tag", "name": "vip"}),
    ("contact", {"type": "event", "name": "signed up", "window": HOURS}),
    ("contact", {"type": "page_view", "measure": {"operator": "exactly", "value": 0}}),
    ("product", HOT),
    ("product", {"type": "attribute", "name": "price", "operator": "at_most", "value": 10}),
    ("product", no(did("view", window=DAYS))),
]


class Shop:
    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self.stack, self.chance = stack, chance
        self.stack.now = NOW
        self.workspace = stack.workspace()
        self.scope = scope_of(self.workspace)
        self.access = operator_access(self.workspace)
        with stack.state.write() as conn:
            define_attribute(conn, self.scope, "contact", "due", "datetime", now=NOW)
            self.list = create_list(conn, self.scope, "one", now=NOW).id
            made = [self._made(conn, *one) for one in chance.sample(SEGMENTS, 8)]
            self._made(conn, "contact", {"type": "list", "id": self.list})
            products = [one.id for one in made if one.subject == "product"]
            people = [one.id for one in made if one.subject == "contact"]
            for one in products[:1]:
                self._made(conn, "contact", did("view", products={"segment": one}))
            for one in people[:1]:
                self._made(conn, "contact", no({"type": "segment", "id": one}))
        stack.append([self.event(name) for name in _NAMES])
        stack.project()

    def _made(self, conn: Any, subject: Any, condition: dict[str, Any]) -> Any:
        number = len(list_segments(conn, self.scope))
        raw = json.dumps(condition).encode()
        return create_segment(conn, self.access, subject, f"s{number}", "", raw, self.stack.now)

    def event(self, name: str | None = None) -> Any:
        chance = self.chance
        said: dict[str, Any] = {
            "event_type": chance.choice(_TYPES),
            "product_id": chance.choice(_PRODUCTS),
            "user_custom_id": name or chance.choice(_NAMES),
            "timestamp": self.stack.now
            - chance.choice([0, 0, 0, MINUTE_MS, 5 * HOUR_MS, DAY_MS, 3 * DAY_MS]),
        }
        if chance.random() < 0.4:
            said["data"] = {"price": chance.choice([5, 15])}
        return self.stack.record(self.workspace, said)

    def step(self) -> None:
        kind = self.chance.choice(
            [
                *("events", "events", "events", "clock", "clock", "merge", "undo", "delete"),
                *("contact", "member", "activity", "crash", "zone", "edit"),
            ]
        )
        if kind == "events":
            self.stack.append([self.event() for _ in range(self.chance.choice([1, 1, 4]))])
        elif kind == "activity":
            what = self.chance.choice([{"kind": "page_view", "name": ""}, {"name": "signed up"}])
            self.stack.append(
                [
                    self.stack.activity(
                        self.workspace,
                        user_custom_id=self.chance.choice(_NAMES),
                        occurred_at=self.stack.now - self.chance.choice([0, HOUR_MS]),
                        **what,
                    )
                ]
            )
        elif kind == "clock":
            steps = [1, MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 5 * HOUR_MS, DAY_MS]
            forward = self.chance.choice([*steps, *steps, -HOUR_MS])
            self.stack.now = Instant(self.stack.now + forward)
        elif kind == "crash":
            self.stack.restart()
        else:
            try:
                with self.stack.state.write() as conn:
                    self.write(conn, kind)
            except (NotFound, Conflict, Invalid):
                pass
        self.stack.projector.changed()
        self.stack.project()

    def write(self, conn: Any, kind: str) -> None:
        chance, scope, now = self.chance, self.scope, self.stack.now
        if kind == "zone":
            zone = chance.choice(["Europe/Warsaw", "Asia/Kolkata", "UTC"])
            update_workspace(conn, self.scope, time_zone=zone)
            return
        if kind == "edit":
            segment = chance.choice(list_segments(conn, scope))
            same = [one for subject, one in SEGMENTS if subject == segment.subject]
            raw = json.dumps(chance.choice(same)).encode()
            change_segment(
                conn, self.access, segment.id,
                name=None, description=None, raw_condition=raw, archived=None, now=now,
            )  # fmt: skip
            return
        people = self.people()
        if len(people) < 2:
            return
        someone, other = (ContactId(one) for one in chance.sample(people, 2))
        if kind == "merge":
            merge_contacts(conn, scope, someone, other, now=now, position=0)
        elif kind == "undo":
            merges = [one for one in list_merges(conn, scope, someone) if one.undone_at is None]
            if merges:
                undo_merge(conn, scope, chance.choice(merges).id, now=now)
        elif kind == "delete":
            if chance.random() < 0.3:
                delete_contact(conn, scope, someone, now=now)
        elif kind == "member":
            change_members(conn, scope, self.list, add=[someone], remove=[other], now=now)
        else:
            due = to_iso(Instant(now + chance.choice([-DAY_MS, -1, HOUR_MS, 2 * DAY_MS])))
            values = {"due": due, "tags": chance.choice([["vip"], []])}
            put_contact(
                conn, scope, Identifiers(custom_id=chance.choice(_NAMES)), values,
                adds_tags=False, now=now, position=0,
            )  # fmt: skip

    def people(self) -> list[int]:
        found = self.stack.warehouse.rows(
            statement(self.scope, "SELECT id FROM {contacts} WHERE deleted = 0 ORDER BY id")
        )
        return [row[0] for row in found]

    def check(self) -> None:
        self.stack.segment_keeper.round_once(at_once=True)
        rows = self.stack.warehouse.rows
        with self.stack.state.read() as conn:
            vocabulary = load_vocabulary(conn, self.scope)
            segments = list_segments(conn, self.scope)
        kept: dict[int, set[int]] = defaultdict(set)
        times: dict[tuple[int, int], list[int]] = defaultdict(list)
        for segment_id, member_id, entered, left in rows(
            statement(
                self.scope,
                "SELECT segment_id, member_id, entered_at, left_at FROM {segment_members}"
                " ORDER BY segment_id, member_id, entered_at",
            )
        ):
            if not left:
                kept[segment_id].add(member_id)
            times[segment_id, member_id] += [entered, left or 2**62]
        at = max([self.stack.now, *(t for one in times.values() for t in one if t < 2**62)])
        for one in segments:
            fits = rows(matching(self.scope, one.subject, one.condition, vocabulary, Instant(at)))
            assert kept[one.id] == {row[0] for row in fits}, one
            upkept = self.stack.segment_keeper.upkept(self.scope, one.id)
            assert (upkept.size, upkept.problem) == (len(fits), None), one
        for moments in times.values():
            assert moments == sorted(set(moments))


def live(stack: Stack, chance: random.Random, steps: int) -> None:
    shop = Shop(stack, chance)
    for _ in range(steps):
        shop.step()
        if chance.random() < 0.7:
            shop.check()
    shop.check()


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chance=st.randoms(use_true_random=False), steps=st.integers(1, 12))
def test_members_are_those_who_fit_after_anything(
    stack: Stack, chance: random.Random, steps: int
) -> None:
    live(stack, chance, steps)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_members_are_those_who_fit_after_thousands_of_things(stack: Stack) -> None:
    for seed in range(500):
        live(stack, random.Random(seed), 20)


def test_what_happens_while_a_segment_is_first_evaluated_is_not_missed(stack: Stack) -> None:
    shop = Shop(stack, random.Random(1))
    keeper = stack.segment_keeper
    keeper.round_once(at_once=True)
    shop.workspace = stack.workspace()
    shop.scope, shop.access = scope_of(shop.workspace), operator_access(shop.workspace)
    with stack.state.write() as conn:
        shop._made(conn, "contact", did("view"))
    keeper.published([])  # rows are shown whose copies are not made yet
    keeper.round_once()
    view = {"event_type": "view", "product_id": "mug", "user_custom_id": "anna"}
    stack.append([stack.record(shop.workspace, view)])
    stack.project()
    keeper.round_once()
    [segment] = list_of(stack, shop)
    assert keeper.upkept(shop.scope, segment).size == 1


def list_of(stack: Stack, shop: Shop) -> list[int]:
    with stack.state.read() as conn:
        return [one.id for one in list_segments(conn, shop.scope)]


def test_an_order_of_two_sources_counts_once_whenever_the_second_came(stack: Stack) -> None:
    shop = Shop(stack, random.Random(2))
    shop.workspace = stack.workspace()
    shop.scope, shop.access = scope_of(shop.workspace), operator_access(shop.workspace)
    often = did("purchase", measure={"operator": "at_least", "value": 2})
    with stack.state.write() as conn:
        segment = shop._made(conn, "contact", often).id
    keeper = stack.segment_keeper
    bought = {"event_type": "purchase", "product_id": "mug", "user_custom_id": "anna"}
    said = stack.record(shop.workspace, {**bought, "data": {"custom_data": {"order_id": "o-1"}}})
    stack.append([said])
    stack.project()
    keeper.round_once(at_once=True)
    assert keeper.sources.is_one(shop.scope)
    stack.append([msgspec.structs.replace(said, source="browser", event_key=None)])
    stack.project()
    keeper.round_once(at_once=True)
    assert not keeper.sources.is_one(shop.scope)
    assert keeper.upkept(shop.scope, segment).size == 0
    stack.append(
        [stack.record(shop.workspace, {**bought, "data": {"custom_data": {"order_id": "o-2"}}})]
    )
    stack.project()
    keeper.round_once()
    assert keeper.upkept(shop.scope, segment).size == 1
