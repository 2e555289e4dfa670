"""What lives in the state store and conditions ask for is the same in the warehouse."""

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.contacts.api import (
    cart_items,
    delete_contact,
    forget_old_carts,
    list_merges,
    merge_contacts,
    undo_merge,
)
from footfall.contacts.lists import change_list, change_members, create_list, lists_of
from footfall.ingest.snapshots import mark_all_dirty
from footfall.kernel.errors import Conflict, Invalid, NotFound
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import DAY_MS, Instant
from footfall.warehouse.api import statement
from footfall.workspaces.api import scope_of
from tests.ingest.stack import NOW, Stack

_NAMES = ("anna", "ben", "cleo", "dora")


class Shop:
    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self.stack, self.chance = stack, chance
        self.workspace = stack.workspace()
        self.scope = scope_of(self.workspace)
        stack.append([self._event(name, "view") for name in _NAMES])
        stack.project()
        with stack.state.write() as conn:
            self.lists = [create_list(conn, self.scope, n, now=NOW).id for n in ("one", "two")]

    def _event(self, name: str, event_type: str) -> Any:
        said: dict[str, Any] = {
            "event_type": event_type,
            "product_id": self.chance.choice(["mug", "tea"]),
            "user_custom_id": name,
            "timestamp": NOW - self.chance.choice([0, 1, 2, 40, 89, 91]) * DAY_MS,
            "custom_data": {"quantity": self.chance.choice([1, 2])},
        }
        if event_type == "purchase":
            said["custom_data"]["order_id"] = self.chance.choice(["o1", "o2"])
        elif self.chance.random() < 0.5:
            said["custom_data"] |= {"price": "9.99", "currency": "EUR"}
        return self.stack.record(self.workspace, said)

    def everybody(self) -> list[int]:
        found = self.stack.warehouse.rows(
            statement(self.scope, "SELECT id FROM {contacts} ORDER BY id")
        )
        return [row[0] for row in found]

    def step(self) -> None:
        chance = self.chance
        someone, other = (ContactId(one) for one in chance.sample(self.everybody(), 2))
        kind = chance.choice(
            ["events", "events", "merge", "undo", "delete", "member", "archive", "forget", "copy"]
        )
        if kind == "events":
            types = ("add to cart", "remove", "purchase")
            events = [self._event(chance.choice(_NAMES), chance.choice(types)) for _ in range(3)]
            self.stack.append(events)
            if chance.random() < 0.5:
                self.stack.project()
            return
        if kind == "copy":
            self.copy()
            return
        try:
            with self.stack.state.write() as conn:
                self._write(conn, kind, someone, other)
        except (NotFound, Conflict, Invalid):
            pass

    def _write(self, conn: Any, kind: str, someone: ContactId, other: ContactId) -> None:
        chance, scope = self.chance, self.scope
        if kind == "merge":
            merge_contacts(conn, scope, someone, other, now=NOW, position=0)
        elif kind == "undo":
            merges = [one for one in list_merges(conn, scope, someone) if one.undone_at is None]
            if merges:
                undo_merge(conn, scope, chance.choice(merges).id, now=NOW)
        elif kind == "delete":
            if chance.random() < 0.3:
                delete_contact(conn, scope, someone, now=NOW)
        elif kind == "member":
            add, remove = ([someone], [other]) if chance.random() < 0.7 else ([], [someone])
            chosen = chance.choice(self.lists)
            change_members(conn, scope, chosen, add=add, remove=remove, now=NOW)
        elif kind == "archive":
            change_list(
                conn, scope, chance.choice(self.lists), name=None,
                archived=chance.random() < 0.5, now=NOW,
            )  # fmt: skip
        else:
            forget_old_carts(conn, NOW)

    def copy(self) -> None:
        self.stack.projector.changed()
        self.stack.project()

    def check(self) -> None:
        self.copy()
        rows = self.stack.warehouse.rows(
            statement(
                self.scope,
                "SELECT id, list_ids, product_ids, arrayMap(x -> toString(x), quantities),"
                " arrayMap(x -> toString(x), unit_prices), arrayMap(x ->"
                " toUnixTimestamp64Milli(x), added_at), deleted FROM {contacts} AS c"
                " LEFT JOIN {carts} AS k ON k.contact_id = c.id ORDER BY id",
            )
        )
        with self.stack.state.read() as conn:
            for contact_id, lists, products, quantities, prices, added, deleted in rows:
                items = [] if deleted else cart_items(conn, self.scope, contact_id, NOW)
                known = {} if deleted else lists_of(conn, self.scope, [contact_id])
                expected = [one.id for one in known.get(contact_id, [])]
                assert list(lists) == sorted(expected), contact_id
                assert [
                    (item.product_id, float(item.quantity), item.added_at) for item in items
                ] == [
                    (one, float(number), at)
                    for one, number, at in zip(products, quantities, added, strict=True)
                ], contact_id
                assert [
                    None if item.unit_price is None else float(item.unit_price) for item in items
                ] == [None if price is None else float(price) for price in prices]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chance=st.randoms(use_true_random=False), steps=st.integers(1, 25))
def test_carts_and_lists_are_the_same_in_the_warehouse(
    stack: Stack, chance: random.Random, steps: int
) -> None:
    shop = Shop(stack, chance)
    for _ in range(steps):
        shop.step()
    shop.check()


def test_rebuild_makes_the_copies_of_carts_again(stack: Stack) -> None:
    shop = Shop(stack, random.Random(1))
    event = {"event_type": "add to cart", "product_id": "mug", "user_custom_id": "anna"}
    stack.append([stack.record(shop.workspace, event)])
    stack.project()
    with stack.state.write() as conn:
        mark_all_dirty(conn)
    stack.warehouse.empty_snapshots()
    shop.check()
    filled = statement(shop.scope, "SELECT count() FROM {carts} WHERE notEmpty(product_ids)")
    assert stack.warehouse.rows(filled) == [(1,)]


def test_a_cart_is_emptied_when_its_changes_are_too_old(stack: Stack) -> None:
    shop = Shop(stack, random.Random(1))
    event = {"event_type": "add to cart", "product_id": "mug", "user_custom_id": "anna"}
    stack.append([stack.record(shop.workspace, event)])
    stack.project()
    with stack.state.write() as conn:
        forget_old_carts(conn, Instant(NOW + 91 * DAY_MS))
    shop.check()
