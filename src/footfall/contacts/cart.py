"""What lies in a cart, told from the events that changed it. Pure (decision 13).

A cart is never stored. The changes are, each under the contact its event was given to, and they
are folded in the order of event time when somebody looks. So a late event counts as if it had come
in time, a merged contact brings its changes along, and an undone merge takes them away again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

from footfall.kernel.instants import DAY_MS, Instant

_ADDING: Final = frozenset({"add", "add to cart"})
_ORDERING: Final = frozenset({"order", "purchase"})
#: Types of events that change a cart.
CART_EVENTS: Final = _ADDING | _ORDERING | {"remove"}
#: A change counts for so long after its event; who left a cart a quarter of a year ago left it.
CART_DAYS: Final = 90
CART_MS: Final = CART_DAYS * DAY_MS
#: Of one contact; of more, the latest count. A program that adds for ever fills no answer.
MAX_CART_CHANGES: Final = 10_000


class CartChange(NamedTuple):
    """What one event did to the cart of its contact."""

    occurred_at: int
    position: int
    product_id: int
    event_type: str  #: one of CART_EVENTS
    quantity: str | None  #: decimal text
    unit_price: str | None  #: decimal text
    currency: str | None
    order_id: str | None


@dataclass(slots=True)
class CartItem:
    """A product in a cart."""

    product_id: int
    added_at: Instant  #: when it came in, of its present stay
    last_changed_at: Instant
    quantity: Decimal = Decimal(0)
    #: Of the last event that named one, with that event's currency.
    unit_price: Decimal | None = None
    currency: str | None = None


@dataclass(slots=True)
class _Cart:
    items: dict[int, CartItem] = field(default_factory=dict)
    #: Orders that took something out, and their lines: the same order may be reported twice.
    ordered: set[str] = field(default_factory=set)
    lines: set[tuple[str, int]] = field(default_factory=set)


def fold_cart(changes: Iterable[CartChange]) -> list[CartItem]:
    """Return what lies in the cart after `changes`, given in any order, the oldest item first.

    Ties of event time go by journal position. A line of an order takes its product out. An order
    of which no product lies in the cart takes everything: the shop names its products otherwise
    there, or names none of them. The second report of a line takes nothing out that came in since.
    """
    in_order = sorted(changes)
    named: defaultdict[str, set[int]] = defaultdict(set)
    for change in in_order:
        if change.order_id is not None and change.event_type in _ORDERING:
            named[change.order_id].add(change.product_id)
    cart = _Cart()
    for change in in_order:
        if change.event_type in _ADDING:
            _add(cart, change)
        elif change.event_type in _ORDERING:
            _order(cart, change, named)
        else:
            _remove(cart, change)
    return sorted(cart.items.values(), key=lambda item: (item.added_at, item.product_id))


def _add(cart: _Cart, change: CartChange) -> None:
    quantity = _quantity(change, Decimal(1))
    if quantity <= 0:
        return
    now = Instant(change.occurred_at)
    item = cart.items.get(change.product_id)
    if item is None:
        item = cart.items[change.product_id] = CartItem(change.product_id, now, now)
    item.quantity += quantity
    item.last_changed_at = now
    if change.unit_price is not None:
        item.unit_price, item.currency = Decimal(change.unit_price), change.currency


def _remove(cart: _Cart, change: CartChange) -> None:
    item = cart.items.get(change.product_id)
    if item is None:
        return
    quantity = _quantity(change, item.quantity)
    if quantity >= item.quantity:
        del cart.items[change.product_id]
    elif quantity > 0:
        item.quantity -= quantity
        item.last_changed_at = Instant(change.occurred_at)


def _order(cart: _Cart, change: CartChange, named: dict[str, set[int]]) -> None:
    order_id = change.order_id
    if order_id is None:
        cart.items.pop(change.product_id, None)
        return
    line = (order_id, change.product_id)
    if line in cart.lines:
        return
    cart.lines.add(line)
    if cart.items.pop(change.product_id, None) is not None:
        cart.ordered.add(order_id)
    elif order_id not in cart.ordered and not named[order_id] & cart.items.keys():
        cart.items.clear()
        cart.ordered.add(order_id)


def _quantity(change: CartChange, default: Decimal) -> Decimal:
    return default if change.quantity is None else Decimal(change.quantity)


class CartTotal(NamedTuple):
    """What the items of one currency cost together."""

    currency: str | None  #: None: no event and no product names one
    amount: Decimal
    #: Items among them whose events named no price: their product's present one is taken.
    estimated: int


def cart_totals(
    items: Sequence[CartItem], present: dict[int, tuple[Any, Any]]
) -> tuple[list[CartTotal], int]:
    """Return the totals by currency, and how many items have no price at all.

    Args:
        present: Price and currency of products now, as their profiles hold them.
    """
    amounts: dict[str | None, Decimal] = {}
    estimated: defaultdict[str | None, int] = defaultdict(int)
    unpriced = 0
    for item in items:
        price, currency = item.unit_price, item.currency
        if price is None:
            now, currency = present.get(item.product_id, (None, None))
            price = None if now is None else Decimal(str(now))
        if price is None:
            unpriced += 1
            continue
        amounts[currency] = amounts.get(currency, Decimal(0)) + price * item.quantity
        estimated[currency] += item.unit_price is None
    totals = [
        CartTotal(currency, amount, estimated[currency]) for currency, amount in amounts.items()
    ]
    return sorted(totals, key=lambda total: total.currency or ""), unpriced
