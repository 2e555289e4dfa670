"""Contacts are found by what people know of them, in any order, page by page."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.contacts.api import delete_contact, merge_contacts, undo_merge
from footfall.contacts.listing import FEW, ContactSearch, search_contacts
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import DAY_MS
from footfall.workspaces.api import scope_of
from tests.ingest.stack import NOW, Stack
from tests.wire.till import Till, application

_START = NOW - 1_000_000
_PEOPLE = {
    "anna": {"first_name": "Anna", "last_name": "Nowák", "tags": ["vip", "new"]},
    "ben": {"name": "Ben Zöe", "tags": ["vip"]},
    "c-3": {"phone_number": "+48 600"},
}


class Shop:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.till = Till(stack, application(stack))
        self.ids: dict[str, int] = {}

    def put(self, who: str, attributes: dict[str, Any]) -> None:
        body = {"email": f"{who}@example.com", "attributes": attributes}
        answer = self.till.ask("PUT", f"/api/v1/contacts/{who}", json=body)
        assert answer.status_code in {200, 201}, answer.text
        self.ids[who] = answer.json()["id"]

    def see(self, name: str, at: int) -> None:
        said = {"event_type": "view", "product_id": "mug", "timestamp": _START + at}
        event = self.stack.record(self.till.workspace, {**said, "user_custom_id": name})
        self.stack.append([event])

    def copy(self) -> None:
        self.stack.projector.changed()
        self.stack.project()

    def ask(self, status: int = 200, **parameters: Any) -> Any:
        answer = self.till.ask("GET", "/api/v1/contacts", params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    def found(self, **parameters: Any) -> list[str]:
        return [one["custom_id"] for one in self.ask(**parameters)["results"]]

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = self.till.ask("POST", f"/api/v1/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def shop(stack: Stack) -> Shop:
    made = Shop(stack)
    for name, attributes in _PEOPLE.items():
        made.put(name, attributes)
    for at, name in enumerate(["ben", "anna", "ben"]):
        made.see(name, at)
    made.copy()
    return made


def test_every_word_must_be_somewhere_in_any_case(shop: Shop) -> None:
    assert shop.found(search="NOWÁK") == ["anna"]
    assert shop.found(search="zöe ben") == ["ben"]
    assert shop.found(search="anna zöe") == []
    assert shop.found(search="example") == ["anna", "ben", "c-3"]
    assert shop.found(search="48 600") == ["c-3"]
    assert shop.found(search=str(shop.ids["ben"]))[0] == "ben"
    assert shop.found(search="100%") == shop.found(search="'") == []


def test_filters_by_attribute(shop: Shop) -> None:
    assert shop.found(filter="first_name:is:Anna") == ["anna"]
    assert shop.found(filter=["tags:contains:vip", "name:has_value"]) == ["ben"]
    assert shop.ask(400, filter="colour:is:red")["code"] == "unknown_attribute"


def test_orders_and_pages(shop: Shop) -> None:
    assert shop.found(sort="-last_seen") == ["ben", "anna", "c-3"]
    assert shop.found(sort="last_seen") == ["c-3", "anna", "ben"]
    assert shop.found(sort="name") == ["anna", "ben", "c-3"]
    assert shop.found(sort="-id") == ["c-3", "ben", "anna"]
    for order in ("id", "-created", "name", "-name", "last_seen", "-last_seen"):
        walked, cursor = [], None
        for _ in range(3):
            asked = {"sort": order, "limit": 1, **({"cursor": cursor} if cursor else {})}
            page = shop.ask(**asked)
            assert page["total"] == 3
            walked += [one["custom_id"] for one in page["results"]]
            cursor = page["next"]
        assert cursor is None
        assert walked == shop.found(sort=order)
    page = shop.ask(sort="name", limit=1)
    assert shop.ask(400, sort="id", cursor=page["next"])["code"] == "broken_cursor"
    assert shop.ask(400, sort="colour")["code"] == "unknown_order"
    assert shop.ask(400, search="anna", email="a@b.c")["code"] == "one_or_the_other"


def test_a_list_says_when_somebody_was_seen_last(shop: Shop) -> None:
    found = {one["custom_id"]: one["last_seen"] for one in shop.ask(search="example")["results"]}
    assert found["ben"] > found["anna"]
    assert found["c-3"] is None


def test_merged_and_deleted_contacts_are_not_found(shop: Shop) -> None:
    scope = scope_of(shop.till.workspace)
    anna, ben = (ContactId(shop.ids[name]) for name in ("anna", "ben"))
    with shop.stack.state.write() as conn:
        merge_contacts(conn, scope, ben, anna, now=NOW, position=0)
        delete_contact(conn, scope, "c-3", now=NOW)
    assert shop.found(search="example") == ["anna"]  # before the copies know it
    shop.copy()
    assert shop.found(search="example") == ["anna"]
    assert shop.found(search="ben") == ["anna"]  # the merged one's id names it
    [anna_now] = shop.ask(search="anna")["results"]
    assert anna_now["last_seen"] == "2027-01-15T07:43:20.002Z"


class World:
    """A shop of random people, and what a list of them must be."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self.stack = stack
        self.shop = Shop(stack)
        self.scope = scope_of(self.shop.till.workspace)
        self.chance = chance
        for number in range(10):
            self.shop.put(f"c-{number}", {"tags": ["even"] if number % 2 == 0 else []})
        self.seen = dict.fromkeys(self.shop.ids.values(), 0)
        self.survivors = {one: one for one in self.seen}
        self._act()
        self._merge_and_delete()
        self.shop.copy()

    def _act(self) -> None:
        workspace, records = self.shop.till.workspace, list[Any]()
        for _ in range(self.chance.randrange(40)):
            name, contact_id = self.chance.choice(list(self.shop.ids.items()))
            # So few moments that several people share one; also on the borders of the days.
            at = NOW - self.chance.choice([0, 1, 2, 3, 30, 31, 32, 33, 34, 400]) * DAY_MS
            self.seen[contact_id] = max(self.seen[contact_id], at)
            if self.chance.random() < 0.5:
                said = {"event_type": "view", "product_id": "mug", "timestamp": at}
                records.append(self.stack.record(workspace, {**said, "user_custom_id": name}))
            else:
                records.append(self.stack.activity(workspace, user_custom_id=name, occurred_at=at))
        self.stack.append(records)
        self.stack.project()

    def _merge_and_delete(self) -> None:
        ids = self.chance.sample(sorted(self.seen), 8)
        with self.stack.state.write() as conn:
            for merged, into in zip(ids[:3], ids[3:6], strict=True):
                merge, _ = merge_contacts(
                    conn, self.scope, ContactId(merged), ContactId(into), now=NOW, position=0
                )
                if self.chance.random() < 0.3:
                    undo_merge(conn, self.scope, merge.id, now=NOW)
                else:
                    self.survivors[merged] = into
            for gone in ids[5:7]:
                delete_contact(conn, self.scope, ContactId(gone), now=NOW)
                self.survivors = {one: to for one, to in self.survivors.items() if to != gone}

    def expected(self, *, tagged: bool, descending: bool) -> list[tuple[int, int | None]]:
        """Return contact and when it was seen last."""
        found: dict[int, int] = {}
        for one, survivor in self.survivors.items():
            found[survivor] = max(found.get(survivor, 0), self.seen[one])
        if tagged:
            found = {one: at for one, at in found.items() if self._is_tagged(one)}
        ordered = sorted(((at, one) for one, at in found.items()), reverse=descending)
        return [(one, at or None) for at, one in ordered]

    def _is_tagged(self, contact_id: int) -> bool:
        tags = self.shop.till.get(f"/api/v1/contacts/by-id/{contact_id}")["attributes"].get("tags")
        return "even" in (tags or [])

    def walked(
        self, *, tagged: bool, descending: bool, limit: int, few: int
    ) -> list[tuple[int, int | None]]:
        """Return the same, page by page."""
        wanted = ContactSearch(
            tag="even" if tagged else None, order="last_seen", descending=descending
        )
        found: list[tuple[int, int | None]] = []
        past, totals = None, set()
        while True:
            page = search_contacts(
                self.stack.state,
                self.stack.warehouse,
                self.scope,
                wanted,
                past=past,
                limit=limit,
                now=NOW,
                few=few,
            )
            found += [(one.contact.id, one.last_seen) for one in page.results]
            totals.add(page.total)
            past = page.next
            if past is None:
                assert totals == {len(found)}
                return found


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False), limit=st.integers(1, 4))
def test_who_was_seen_last_is_the_same_however_it_is_read(
    stack: Stack, chance: random.Random, limit: int
) -> None:
    world = World(stack, chance)
    for tagged in (False, True):
        for descending in (True, False):
            expected = world.expected(tagged=tagged, descending=descending)
            for few in (0, FEW) if tagged else (FEW,):
                walked = world.walked(tagged=tagged, descending=descending, limit=limit, few=few)
                assert walked == expected, (tagged, descending, few)


def test_tags_are_added_removed_and_filtered_by(shop: Shop) -> None:
    assert shop.found(tag="vip") == ["anna", "ben"]
    assert shop.found(tag="VIP") == shop.found(tag="vi") == []
    tagged = shop.post("contacts/ben/tags", {"add": ["gold", "gold"], "remove": ["vip"]})
    assert tagged["attributes"]["tags"] == ["gold"]
    shop.copy()
    assert shop.found(tag="vip") == ["anna"]
    by_id = f"contacts/by-id/{shop.ids['ben']}/tags"
    assert shop.post(by_id, {"remove": ["gold"]})["attributes"].get("tags") in (None, [])


def test_lists_hold_contacts_through_merges_and_forget_deleted_ones(shop: Shop) -> None:
    made = shop.post("contact-lists", {"name": "Summer"}, 201)
    path = f"contact-lists/{made['id']}"
    ids = [shop.ids["anna"], shop.ids["ben"]]
    assert shop.post(f"{path}/members", {"add": [*ids, ids[0]]})["members"] == 2
    assert shop.found(list=made["id"], sort="-id") == ["ben", "anna"]
    assert shop.ask(list=made["id"])["results"][0]["lists"] == [
        {"id": made["id"], "name": "Summer"}
    ]
    compatible = shop.till.get("/api/public/users-by-id/anna/")
    assert compatible["lists"] == [{"id": made["id"], "name": "Summer"}]
    merge = shop.post(f"contacts/by-id/{ids[1]}/merge", {"into": shop.ids["c-3"]})["merge"]
    shop.copy()
    assert shop.found(list=made["id"]) == ["anna", "c-3"]
    shop.post(f"contacts/merges/{merge['id']}/undo", None)
    shop.copy()
    assert shop.found(list=made["id"]) == ["anna", "ben"]
    shop.till.ask("DELETE", "/api/v1/contacts/ben")
    assert shop.till.get(f"/api/v1/{path}")["members"] == 1
    assert shop.post(f"{path}/members", {"remove": [ids[0]]})["members"] == 0


def test_lists_have_names_of_their_own_and_can_be_archived(shop: Shop) -> None:
    made = shop.post("contact-lists", {"name": " Summer "}, 201)
    assert made["name"] == "Summer"
    assert shop.post("contact-lists", {"name": "summer"}, 400)["code"] == "name_taken"
    assert shop.post("contact-lists", {"name": " "}, 400)["code"] == "not_a_name"
    path = f"/api/v1/contact-lists/{made['id']}"
    changed = shop.till.ask("PATCH", path, json={"name": "Autumn", "archived": True}).json()
    assert (changed["name"], changed["archived_at"] is None) == ("Autumn", False)
    assert shop.till.get("/api/v1/contact-lists")["results"] == []
    assert len(shop.till.get("/api/v1/contact-lists?archived=true")["results"]) == 1
    assert shop.till.ask("PATCH", path, json={"archived": False}).json()["archived_at"] is None


def test_lists_of_another_workspace_are_not_there(stack: Stack, shop: Shop) -> None:
    other = Shop(stack)
    made = shop.post("contact-lists", {"name": "Summer"}, 201)
    assert other.till.get("/api/v1/contact-lists")["results"] == []
    assert other.found(search="example") == []
    assert other.ask(404, list=made["id"])["code"] == "list_not_found"
    assert other.till.ask("GET", f"/api/v1/contact-lists/{made['id']}").status_code == 404
    other.post(f"contact-lists/{made['id']}/members", {"add": []}, 404)
    own = other.post("contact-lists", {"name": "Summer"}, 201)
    other.post(f"contact-lists/{own['id']}/members", {"add": [shop.ids["anna"]]}, 404)
