"""A cart is what its changes say in the order of event time, whatever order they come in."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from footfall.contacts.cart import CART_EVENTS, CartChange, cart_totals, fold_cart

MUG, CAP, PEN = 1, 2, 3


def change(
    at: int,
    event_type: str,
    product_id: int = MUG,
    quantity: str | None = None,
    *,
    price: str | None = None,
    currency: str | None = None,
    order: str | None = None,
) -> CartChange:
    return CartChange(at, at, product_id, event_type, quantity, price, currency, order)


def cart(*changes: CartChange) -> dict[int, str]:
    return {item.product_id: str(item.quantity) for item in fold_cart(changes)}


def test_adding_counts_one_unless_it_says_more() -> None:
    assert cart(change(1, "add"), change(2, "add to cart", quantity="2.5")) == {MUG: "3.5"}
    assert cart(change(1, "add", quantity="0"), change(2, "add", CAP, quantity="-2")) == {}


def test_removing_takes_all_unless_it_says_less() -> None:
    added = change(1, "add", quantity="3")
    assert cart(added, change(2, "remove")) == {}
    assert cart(added, change(2, "remove", quantity="2")) == {MUG: "1"}
    assert cart(added, change(2, "remove", quantity="4")) == {}
    assert cart(change(2, "remove"), change(3, "add")) == {MUG: "1"}


def test_a_purchase_takes_its_product_out() -> None:
    added = change(1, "add", quantity="3"), change(2, "add", CAP)
    assert cart(*added, change(3, "purchase")) == {CAP: "1"}
    assert cart(*added, change(3, "order", PEN)) == {MUG: "3", CAP: "1"}
    assert cart(*added, change(3, "purchase", order="o")) == {CAP: "1"}


def test_an_order_of_nothing_in_the_cart_takes_everything() -> None:
    added = change(1, "add"), change(2, "add", CAP)
    assert cart(*added, change(3, "order", PEN, order="o")) == {}
    assert cart(*added, change(3, "order", PEN, order="o"), change(4, "add")) == {MUG: "1"}


def test_an_order_with_one_line_in_the_cart_takes_no_others() -> None:
    added = change(1, "add"), change(2, "add", CAP)
    for lines in ((PEN, MUG), (MUG, PEN)):
        ordered = [change(3 + n, "purchase", line, order="o") for n, line in enumerate(lines)]
        assert cart(*added, *ordered) == {CAP: "1"}


def test_the_second_report_of_an_order_takes_nothing_out_that_came_in_since() -> None:
    bought = change(1, "add"), change(2, "purchase", order="o")
    later = change(3, "add"), change(4, "add", CAP)
    assert cart(*bought, *later, change(5, "purchase", order="o")) == {MUG: "1", CAP: "1"}
    assert cart(*bought, *later, change(5, "purchase", PEN, order="o")) == {MUG: "1", CAP: "1"}


def test_prices_and_times_are_those_of_the_last_stay() -> None:
    [item] = fold_cart(
        [
            change(1, "add", price="9", currency="EUR"),
            change(2, "remove"),
            change(3, "add", price="10", currency="PLN"),
            change(4, "add", quantity="2"),
        ]
    )
    assert (item.added_at, item.last_changed_at) == (3, 4)
    assert (item.quantity, item.unit_price, item.currency) == (3, 10, "PLN")


def test_totals_are_by_currency_and_say_what_is_estimated() -> None:
    items = fold_cart(
        [
            change(1, "add", MUG, "2", price="1.5", currency="EUR"),
            change(2, "add", CAP),
            change(3, "add", PEN),
        ]
    )
    totals, unpriced = cart_totals(items, {CAP: (2.25, "EUR")})
    assert totals == [("EUR", Decimal("5.25"), 1)]
    assert unpriced == 1


_CHANGES = st.builds(
    lambda at, **fields: CartChange(at, at, **fields),
    at=st.integers(0, 10**6),
    product_id=st.sampled_from([MUG, CAP, PEN]),
    event_type=st.sampled_from(sorted(CART_EVENTS)),
    quantity=st.sampled_from([None, "1", "2", "0.5", "0", "-1"]),
    unit_price=st.just(None),
    currency=st.just(None),
    order_id=st.none(),
)


def naive(changes: list[CartChange]) -> dict[int, Any]:
    """What a shop clerk would say, event by event, product by product."""
    lying: dict[int, Decimal] = {}
    for found in sorted(changes, key=lambda one: (one.occurred_at, one.position)):
        said = None if found.quantity is None else Decimal(found.quantity)
        before = lying.get(found.product_id, Decimal(0))
        if found.event_type.startswith("add"):
            after = before + max(Decimal(1) if said is None else said, Decimal(0))
        elif found.event_type == "remove" and said is not None:
            after = before - max(said, Decimal(0))
        else:
            after = Decimal(0)
        lying[found.product_id] = max(after, Decimal(0))
    return {product: quantity for product, quantity in lying.items() if quantity}


@given(st.lists(_CHANGES, unique_by=lambda one: one.position), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(changes: list[CartChange], chance: Any) -> None:
    shuffled = list(changes)
    chance.shuffle(shuffled)
    folded = fold_cart(shuffled)
    assert folded == fold_cart(changes)
    assert {item.product_id: item.quantity for item in folded} == naive(changes)
