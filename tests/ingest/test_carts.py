"""Carts on real stores: any order, any batches, crashes, merges and deletions."""

import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.contacts.api import CART_MS, cart_items, delete_contact, find_contact
from footfall.ingest.carts import fill_carts
from footfall.state.schema import cart_changes
from footfall.workspaces.api import scope_of
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack
from tests.wire.till import Till, application

_START = NOW - 1_000_000


def event(at: int, event_type: str, product: str = "mug", **more: Any) -> dict[str, Any]:
    said = {"event_type": event_type, "product_id": product, "timestamp": _START + at}
    return {**said, "user_custom_id": "anna", **more}


def carts(stack: Stack, workspace: Workspace, *people: str) -> dict[str, dict[str, str]]:
    """Return quantity by product by person, of those who have something in their cart."""
    scope = scope_of(workspace)
    found: dict[str, dict[str, str]] = {}
    with stack.state.read() as conn:
        products = {product.id: product.custom_id for product in stack._products(conn, scope)}
        for person in people:
            contact = find_contact(conn, scope, "custom_id", person)
            items = [] if contact is None else cart_items(conn, scope, contact.id, NOW)
            if items:
                found[person] = {products[i.product_id]: str(i.quantity) for i in items}
    return found


def send(stack: Stack, workspace: Workspace, *events: dict[str, Any]) -> None:
    stack.append([stack.record(workspace, said) for said in events])
    stack.project()


@st.composite
def _histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    events = []
    for number in range(draw(st.integers(1, 14))):
        person = draw(st.sampled_from(["anna", "ben"]))
        names = {"user_custom_id": person, "user_key": f"key of {person}"}
        chosen = draw(st.sets(st.sampled_from(sorted(names)), min_size=1))
        said = event(
            number,
            draw(st.sampled_from(["add", "add to cart", "remove", "purchase", "view"])),
            draw(st.sampled_from(["mug", "cap"])),
            data=draw(st.sampled_from([{}, {"quantity": 2}, {"quantity": 1}])),
        )
        del said["user_custom_id"]
        events.append({**said, **{name: names[name] for name in chosen}, "person": person})
    # Somebody says in the end whose keys these are.
    for person in ("anna", "ben"):
        said = event(20, "view", user_custom_id=person, user_key=f"key of {person}")
        events.append({**said, "person": person})
    return events


def expected(history: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    lying: dict[str, dict[str, int]] = {"anna": {}, "ben": {}}
    for said in history:
        cart, product = lying[said["person"]], said["product_id"]
        quantity = said.get("data", {}).get("quantity")
        if said["event_type"].startswith("add"):
            cart[product] = cart.get(product, 0) + (quantity or 1)
        elif said["event_type"] == "remove" and quantity:
            cart[product] = max(cart.get(product, 0) - quantity, 0)
        elif said["event_type"] in {"remove", "purchase"}:
            cart[product] = 0
    return {
        person: {product: str(number) for product, number in cart.items() if number}
        for person, cart in lying.items()
        if any(cart.values())
    }


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=_histories(), chance=st.randoms(use_true_random=False))
def test_order_batches_crashes_and_merges_do_not_matter(
    stack: Stack, history: list[dict[str, Any]], chance: random.Random
) -> None:
    workspace = stack.workspace()
    wanted = expected(history)
    shuffled = [{k: v for k, v in said.items() if k != "person"} for said in history]
    chance.shuffle(shuffled)
    while shuffled:
        count = chance.randint(1, len(shuffled))
        stack.append([stack.record(workspace, said) for said in shuffled[:count]])
        del shuffled[:count]
        if chance.random() < 0.5:
            stack.projector.project_once()
        if chance.random() < 0.3:
            stack.restart()
    stack.project()
    assert carts(stack, workspace, "anna", "ben") == wanted


def test_a_rebuild_fills_carts_from_events_that_were_stored_before(stack: Stack) -> None:
    workspace = stack.workspace()
    add = event(1, "add", data={"quantity": 3, "price": 1.5, "currency": "EUR"})
    send(stack, workspace, add, event(2, "remove", data={"quantity": 1}), event(3, "add", "cap"))
    before = carts(stack, workspace, "anna")
    with stack.state.write() as conn:
        conn.execute(cart_changes.delete())
    assert carts(stack, workspace, "anna") == {}
    for _ in range(2):  # a repeat adds nothing
        fill_carts(stack.state, stack.warehouse, NOW)
        assert {k: {p: Decimal(q) for p, q in v.items()} for k, v in before.items()} == {
            k: {p: Decimal(q) for p, q in v.items()}
            for k, v in carts(stack, workspace, "anna").items()
        }


def test_a_deleted_contact_leaves_no_cart_and_a_rebuild_brings_none_back(stack: Stack) -> None:
    workspace = stack.workspace()
    send(stack, workspace, event(1, "add"))
    with stack.state.write() as conn:
        delete_contact(conn, scope_of(workspace), "anna", now=NOW)
    fill_carts(stack.state, stack.warehouse, NOW)
    with stack.state.read() as conn:
        assert conn.execute(cart_changes.select()).all() == []
    send(stack, workspace, event(2, "add", "cap"))
    assert carts(stack, workspace, "anna") == {"anna": {"cap": "1"}}


def test_what_is_older_than_a_quarter_of_a_year_is_not_kept(stack: Stack) -> None:
    workspace = stack.workspace()
    old = {**event(1, "add"), "timestamp": NOW - CART_MS}
    send(stack, workspace, old, {**old, "product_id": "cap", "timestamp": NOW - CART_MS + 1})
    assert carts(stack, workspace, "anna") == {"anna": {"cap": "1"}}
    with stack.state.read() as conn:
        [row] = conn.execute(cart_changes.select()).all()
    assert row.occurred_at == NOW - CART_MS + 1


@pytest.fixture
def till(stack: Stack) -> Till:
    return Till(stack, application(stack))


def test_a_cart_is_read_with_products_prices_totals_and_age(stack: Stack, till: Till) -> None:
    till.ask(
        "PUT",
        "/api/v1/products/mug",
        json={"attributes": {"name": "Mug", "price": 12.5, "currency": "PLN"}},
    )
    facts = {"quantity": 2, "price": 10.10, "currency": "PLN"}
    send(stack, till.workspace, event(1000, "add", data=facts), event(2000, "add", "cap"))
    answer = till.ask("GET", "/api/v1/contacts/anna/cart")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["totals"] == [{"currency": "PLN", "amount": 20.2, "estimated": 0}]
    assert (found["unpriced"], found["age_seconds"]) == (1, 999)
    mug, cap = found["items"]
    assert mug["product"]["name"] == "Mug"
    assert (mug["quantity"], mug["unit_price"], mug["currency"]) == (2, 10.1, "PLN")
    assert mug["present_price"] == 12.5
    assert (cap["quantity"], cap["unit_price"], cap["present_price"]) == (1, None, None)
    by_id = till.ask("GET", f"/api/v1/contacts/by-id/{found['contact_id']}/cart")
    assert by_id.content == answer.content
    assert msgspec.json.decode(answer.content)["since"] == mug["added_at"]


def test_the_cart_of_another_workspace_is_not_found(stack: Stack, till: Till) -> None:
    other = Till(stack, application(stack))
    send(stack, other.workspace, event(1, "add"))
    contact = other.get("/api/v1/contacts/anna")["id"]
    assert other.get("/api/v1/contacts/anna/cart")["contact_id"] == contact
    for path in ("anna", f"by-id/{contact}"):
        assert till.ask("GET", f"/api/v1/contacts/{path}/cart").status_code == 404
