"""A merge that is undone leaves no trace, by whomever it was made (decision 14)."""

import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.contacts.api import (
    delete_contact,
    list_contacts,
    list_merges,
    merge_contacts,
    put_contact,
    undo_merge,
)
from footfall.contacts.logic import Identifiers
from footfall.ingest.reading import count_events
from footfall.ingest.types import EventFilter
from footfall.kernel.errors import Conflict, Invalid, NotFound
from footfall.kernel.ids import ContactId
from footfall.state.schema import contact_merges
from footfall.workspaces.api import scope_of
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack
from tests.ingest.test_carts import carts
from tests.wire.till import Till, application

_START = NOW - 1_000_000
_ZONE = ZoneInfo("UTC")


class Shop:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.workspace: Workspace = stack.workspace()
        self.scope = scope_of(self.workspace)

    def send(self, *events: dict[str, Any]) -> None:
        said = {"event_type": "view", "product_id": "mug"}
        self.stack.append([self.stack.record(self.workspace, {**said, **one}) for one in events])
        self.stack.project()

    def learn(self, at: int, custom_id: str | None, key: str | None, **values: Any) -> None:
        with self.stack.state.write() as conn:
            put_contact(
                conn,
                self.scope,
                Identifiers(custom_id, values.pop("email", None), key),
                values,
                now=type(NOW)(_START + at),
                position=0,
            )

    def id_of(self, name: str) -> ContactId:
        with self.stack.state.read() as conn:
            found = list_contacts(conn, self.scope, limit=100)
        return next(c.id for c in found if name in {c.custom_id, c.key, c.email})

    def ids(self) -> list[ContactId]:
        with self.stack.state.read() as conn:
            return [found.id for found in list_contacts(conn, self.scope, limit=100)]

    def merge(self, merged: ContactId, into: ContactId) -> int:
        with self.stack.state.write() as conn:
            done, _ = merge_contacts(conn, self.scope, merged, into, now=NOW, position=0)
        return done.id

    def undo(self, merge_id: int) -> None:
        with self.stack.state.write() as conn:
            undo_merge(conn, self.scope, merge_id, now=NOW)

    def counts(self) -> dict[int | None, int]:
        self.copy()
        counted = count_events(
            self.stack.state,
            self.stack.warehouse,
            self.scope,
            EventFilter(),
            group_by="contact",
            zone=_ZONE,
            limit=100,
        )
        return {group.contact_id: group.count for group in counted.results}  # type: ignore[misc]  # not UNSET

    def copy(self) -> None:
        self.stack.projector.changed()
        self.stack.projector.publish_once()

    def everything(self) -> Any:
        """Return all that a merge touches."""
        with self.stack.state.read() as conn:
            found = list_contacts(conn, self.scope, limit=100)
        return (
            self.stack.contacts(self.workspace),
            [(one.id, one.custom_id, one.profile) for one in found],
            self.counts(),
            carts(self.stack, self.workspace, "p0", "p1", "p2", "p3"),
        )


@pytest.fixture
def shop(stack: Stack) -> Shop:
    return Shop(stack)


_PEOPLE = 5


@st.composite
def _facts(draw: st.DrawFn) -> list[tuple[int, str, dict[str, Any]]]:
    """Return person, kind of sentence and what it says; some people have a key alone."""
    facts: list[tuple[int, str, dict[str, Any]]] = [
        (person, "event", {}) for person in range(_PEOPLE)
    ]
    for _ in range(draw(st.integers(0, 12))):
        person = draw(st.integers(0, _PEOPLE - 1))
        if draw(st.booleans()):
            kind = draw(st.sampled_from(["view", "add", "remove"]))
            facts.append((person, "event", {"event_type": kind}))
        else:
            names = st.sampled_from(["city", "age", "tags", "email"])
            values: dict[str, Any] = {
                "city": draw(st.sampled_from(["Brno", "Łódź"])),
                "age": draw(st.sampled_from(["7", 8, 9.5])),
                "tags": draw(st.sampled_from([["a"], ["b", "c"]])),
                "email": f"p{person}@example.com",
            }
            chosen = draw(st.sets(names, min_size=1))
            facts.append((person, "write", {name: values[name] for name in chosen}))
    return facts


def _names(person: int) -> tuple[str | None, str]:
    return (f"p{person}" if person < _PEOPLE - 1 else None), f"key {person}"


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(facts=_facts(), chance=st.randoms(use_true_random=False))
def test_merges_that_are_all_undone_leave_no_trace(
    stack: Stack, facts: list[tuple[int, str, dict[str, Any]]], chance: random.Random
) -> None:
    shop = Shop(stack)
    for at, (person, kind, said) in enumerate(facts):
        custom_id, key = _names(person)
        if kind == "write":
            shop.learn(at, custom_id, key, **said)
        else:
            named = {"user_custom_id": custom_id} if custom_id else {}
            event: dict[str, Any] = {"event_type": "view", "product_id": "mug"}
            event["timestamp"] = _START + at
            stack.append(
                [stack.record(shop.workspace, {**event, "user_key": key, **named, **said})]
            )
    stack.project()
    before = shop.everything()
    standing: list[int] = []
    for _ in range(chance.randint(1, 7)):
        ids = shop.ids()
        if standing and (len(ids) < 2 or chance.random() < 0.4):
            _undo_one(shop, standing, chance)
        else:
            merged, into = chance.sample(ids, 2)
            standing.append(shop.merge(merged, into))
        if chance.random() < 0.3:
            shop.copy()
        assert sum(shop.counts().values()) == sum(before[2].values())
    while standing:
        _undo_one(shop, standing, chance)
    assert shop.everything() == before


def _undo_one(shop: Shop, standing: list[int], chance: random.Random) -> None:
    """Undo one of the merges, in any order that is allowed."""
    for merge_id in chance.sample(standing, len(standing)):
        try:
            shop.undo(merge_id)
        except Conflict:
            continue
        standing.remove(merge_id)
        return
    raise AssertionError("one of them can always be undone")


def test_a_merge_made_by_an_event_is_undone_too(shop: Shop) -> None:
    shop.send({"user_key": "k", "event_type": "add"}, {"user_custom_id": "p0"})
    shop.learn(1, None, "k", city="Brno")
    anonymous, known = shop.id_of("k"), shop.id_of("p0")
    before = shop.everything()
    shop.send({"user_custom_id": "p0", "user_key": "k"})
    assert shop.counts() == {known: 3}
    assert carts(shop.stack, shop.workspace, "p0") == {"p0": {"mug": "1"}}
    with shop.stack.state.read() as conn:
        [merge] = list_merges(conn, shop.scope, known)
    assert (merge.merged.id, merge.merged.key, merge.cause) == (anonymous, "k", "event")
    shop.undo(merge.id)
    contacts, profiles, counts, lying = shop.everything()
    # The event that named both stays where it was given to, with what it said.
    assert counts == {known: 2, anonymous: 1}
    assert (contacts[1], lying) == (before[0][1], before[3])
    assert [profile.keys() for _, _, profile in profiles] == [{"city", "user_key"}, {"user_key"}]
    # The key names the one it had named; the next event that names both merges them again.
    shop.send({"user_key": "k"})
    assert shop.counts() == {known: 2, anonymous: 2}
    shop.send({"user_custom_id": "p0", "user_key": "k"})
    assert shop.counts() == {known: 5}


def test_both_custom_ids_name_the_survivor_until_it_is_undone(shop: Shop) -> None:
    shop.send({"user_custom_id": "p0"}, {"user_custom_id": "p1", "user_key": "k"})
    first, second = shop.id_of("p0"), shop.id_of("p1")
    merge_id = shop.merge(second, first)
    shop.send({"user_custom_id": "p1", "user_key": "k2"}, {"user_custom_id": "p1"})
    assert shop.counts() == {first: 4}
    assert shop.ids() == [first]
    shop.undo(merge_id)
    assert shop.counts() == {first: 3, second: 1}
    shop.send({"user_custom_id": "p1"}, {"user_key": "k"}, {"user_key": "k2"})
    # A key first seen in between names the survivor.
    assert shop.counts() == {first: 4, second: 3}


def test_what_the_survivor_was_told_since_stays(shop: Shop) -> None:
    shop.learn(1, "p0", None, city="Brno", age=1)
    shop.learn(2, "p1", None, city="Łódź", age=2)
    merge_id = shop.merge(shop.id_of("p1"), shop.id_of("p0"))
    shop.learn(3, "p1", None, age=3)
    shop.undo(merge_id)
    with shop.stack.state.read() as conn:
        values = {
            one.custom_id: {name: cell.value for name, cell in one.profile.items()}
            for one in list_contacts(conn, shop.scope, limit=9)
        }
    assert values == {"p0": {"city": "Brno", "age": "3"}, "p1": {"city": "Łódź", "age": "2"}}


def test_a_merge_inside_a_merge_waits_for_its_turn(shop: Shop) -> None:
    for name in ("p0", "p1", "p2"):
        shop.send({"user_custom_id": name})
    ids = [shop.id_of(name) for name in ("p0", "p1", "p2")]
    inner = shop.merge(ids[0], ids[1])
    outer = shop.merge(ids[1], ids[2])
    with pytest.raises(Conflict, match=f"Undo merge {outer} first"):
        shop.undo(inner)
    shop.undo(outer)
    assert shop.counts() == {ids[1]: 2, ids[2]: 1}
    with pytest.raises(Conflict, match="undone already"):
        shop.undo(outer)
    with pytest.raises(Invalid):
        shop.merge(ids[0], ids[1])  # one contact already


def test_a_deleted_survivor_takes_its_merges_along_and_not_whom_it_had_lost(shop: Shop) -> None:
    for name in ("p0", "p1", "p2"):
        shop.send({"user_custom_id": name})
    lost, kept, survivor = (shop.id_of(name) for name in ("p0", "p1", "p2"))
    undone, standing = shop.merge(lost, survivor), shop.merge(kept, survivor)
    shop.copy()
    shop.undo(undone)
    with shop.stack.state.write() as conn:
        delete_contact(conn, shop.scope, survivor, now=NOW)
    for merge_id in (undone, standing):
        with pytest.raises((NotFound, Conflict)):
            shop.undo(merge_id)
    assert shop.counts() == {lost: 1}
    with shop.stack.state.read() as conn:
        assert [row.before for row in conn.execute(contact_merges.select())] == ["{}"]
    shop.stack.projector.rebuild(0.01)
    assert shop.counts() == {lost: 1}


def test_merging_by_the_api(stack: Stack) -> None:
    till = Till(stack, application(stack))
    other = Till(stack, application(stack))
    for name, city in (("anna", "Brno"), ("ann", "Łódź")):
        body = {"email": f"{name}@example.com", "attributes": {"city": city}}
        assert till.ask("PUT", f"/api/v1/contacts/{name}", json=body).status_code == 201
    anna, ann = (till.get(f"/api/v1/contacts/{name}")["id"] for name in ("anna", "ann"))
    path = f"/api/v1/contacts/by-id/{ann}/merge"
    seen = till.ask("POST", path, params={"preview": "true"}, json={"into": anna}).json()
    assert seen["custom_id"] == "anna"
    assert {"name": "city", "before": "Brno", "after": "Łódź"} in seen["changes"]
    assert {"kind": "custom_id", "value": "ann"} in seen["identifiers"]
    assert till.get("/api/v1/contacts/anna/merges") == {"results": []}
    assert other.ask("POST", path, json={"into": anna}).status_code == 404
    done = till.ask("POST", path, json={"into": anna}).json()
    assert till.get("/api/v1/contacts/ann")["id"] == anna
    assert till.get("/api/v1/contacts/ann")["custom_id"] == "anna"
    [listed] = till.get("/api/v1/contacts/ann/merges")["results"]
    assert listed == done["merge"]
    undo = f"/api/v1/contacts/merges/{listed['id']}/undo"
    assert other.ask("POST", undo).status_code == 404
    undone = till.ask("POST", undo).json()
    assert (undone["contact"]["id"], undone["survivor"]["id"]) == (ann, anna)
    assert till.get("/api/v1/contacts/ann")["attributes"] == {"city": "Łódź"}
    assert till.get("/api/v1/contacts/anna")["attributes"] == {"city": "Brno"}
    assert till.ask("POST", undo).json()["code"] == "merge_undone"
