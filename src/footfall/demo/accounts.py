"""What the storefront remembers: who is logged in where, carts, wish lists, orders. In memory."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from footfall.demo.people import customer_id
from footfall.demo.types import Shopper, Variant
from footfall.demo.visits import Line, Order
from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_email
from footfall.kernel.instants import Instant

#: Of visitors who never come back; then the ones longest unseen are forgotten.
_MAX_SESSIONS: Final = 10_000
_MAX_QUANTITY: Final = 99


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with an account: whoever has given an e-mail address, for this is a demo."""

    user_id: str
    email: str
    first_name: str


@dataclass(slots=True)
class Session:
    """What the shop knows of one browser."""

    customer: Customer | None = None
    cart: dict[str, int] = field(default_factory=dict)
    wishes: list[str] = field(default_factory=list)
    #: Said on the next page, once.
    notices: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PlacedOrder:
    """An order and what became of it."""

    order: Order
    sent_back: set[str] = field(default_factory=set)  #: ids of variants

    @property
    def total(self) -> Decimal:
        """Return what was paid."""
        return sum((line.price * line.quantity for line in self.order.lines), Decimal(0))


class Accounts:
    """Everything the storefront remembers until it ends."""

    def __init__(self, new_secret: Callable[[], str]) -> None:
        """Begin with nothing.

        Args:
            new_secret: Returns text that nobody can guess, for cookies and order ids.
        """
        self._new_secret = new_secret
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._orders: dict[str, PlacedOrder] = {}

    def session(self, cookie: str | None) -> Session:
        """Return the session of a cookie, an empty one if there is none."""
        known = self._sessions.get(cookie or "")
        if known is None:
            return Session()
        self._sessions.move_to_end(cookie or "")
        return known

    def keep(self, cookie: str | None, session: Session) -> str:
        """Remember the session; return the cookie under which."""
        if cookie is None or cookie not in self._sessions:
            cookie = self._new_secret()
        self._sessions[cookie] = session
        if len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie

    def forget(self, cookie: str | None) -> None:
        """Let the cookie open nothing any more."""
        self._sessions.pop(cookie or "", None)

    def orders_of(self, customer: Customer) -> list[PlacedOrder]:
        """Return the orders of one customer, the newest first."""
        own = [o for o in self._orders.values() if o.order.buyer.user_id == customer.user_id]
        return own[::-1]

    def order(self, order_id: str, customer: Customer | None) -> PlacedOrder | None:
        """Return an order if it is that customer's."""
        found = self._orders.get(order_id)
        if customer is None or found is None or found.order.buyer.user_id != customer.user_id:
            return None
        return found

    def place(self, session: Session, lines: tuple[Line, ...], at: Instant) -> PlacedOrder:
        """Return the order of a cart, which is empty then. The session has a customer."""
        assert session.customer is not None
        buyer = Shopper(None, session.customer.user_id, session.customer.email)
        placed = PlacedOrder(Order(f"web-{self._new_secret()[:10]}", at, buyer, lines))
        self._orders[placed.order.id] = placed
        session.cart.clear()
        return placed


def customer_of(email: str, first_name: str) -> Customer:
    """Return the customer with this address; there is no password to a demo.

    Raises:
        Invalid: It is no e-mail address.
    """
    address = checked_email(email)
    name = first_name.strip()[:60]
    return Customer(customer_id(address), address, name or _name_in(address))


def _name_in(address: str) -> str:
    first = address.partition("@")[0].replace("_", ".").partition(".")[0]
    return first[:60].capitalize()


def put_into_cart(session: Session, variant: Variant) -> None:
    """Add one piece."""
    held = session.cart.get(variant.id, 0)
    if held >= _MAX_QUANTITY:
        raise Invalid(f"{_MAX_QUANTITY} of one thing is as much as a cart holds.")
    session.cart[variant.id] = held + 1
