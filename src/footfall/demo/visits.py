"""One visit of one shopper, from the landing page to the order or away."""

import random
from decimal import Decimal
from typing import Final, NamedTuple

from footfall.demo.assortment import PAIR_PROBABILITY, Assortment
from footfall.demo.people import Browser, Person
from footfall.demo.types import Action, ActionKind, Sender, Shopper, Variant
from footfall.kernel.instants import Instant

#: A visit has no more actions than this, updates of contacts aside.
MAX_ACTIONS: Final = 40
#: After so many actions, nobody opens another product.
_TIRED_ACTIONS: Final = 16
_MAX_LINES: Final = 4
#: Seconds between two actions of a shopper: at least, and on top of it at most.
_GAP_MS: Final = 3_000
_SPREAD_MS: Final = 45_000

_GOES_ON: Final = 0.78
_CLICKS: Final = 0.25
_PAGE_OF_PRODUCT: Final = 0.3
_LIKES: Final = 0.02
_WISHES: Final = 0.05
_ADDS: Final = 0.1
_REMOVES: Final = 0.1
_SEARCHES: Final = 0.12
_CHECKS_OUT: Final = 0.62
_BUYS: Final = 0.78
_LOGS_IN_FIRST: Final = 0.3
#: Of orders, how many the browser reports besides the shop's server: reports count them once.
_REPORTED_TWICE: Final = 0.25
_QUANTITIES: Final = (1, 1, 1, 1, 2, 2, 3)
_CAMPAIGNS: Final = ("newsletter", "autumn-table", "gift-guide", "spring-balcony")
_CAMPAIGN_SHARE: Final = 0.2
_SEARCH_WORDS: Final = ("gift", "lamp", "blue", "wool", "mug", "for the garden", "blanket", "kids")


class Line(NamedTuple):
    """So many of one thing, for one price each."""

    variant: Variant
    price: Decimal
    quantity: int


class Order(NamedTuple):
    """What somebody bought."""

    id: str
    at: Instant
    buyer: Shopper
    lines: tuple[Line, ...]


class Visit(NamedTuple):
    """What somebody did."""

    actions: list[Action]
    had_cart: bool
    order: Order | None
    made_account: bool


class Visitor:
    """Makes the actions of one visit."""

    def __init__(
        self,
        rng: random.Random,
        assortment: Assortment,
        person: Person,
        browser: Browser,
        *,
        starts_at: Instant,
        session_id: str,
    ) -> None:
        self._rng = rng
        self._assortment = assortment
        self._person = person
        self._browser = browser
        self._at: int = starts_at
        self._session_id = session_id
        self._campaign = rng.choice(_CAMPAIGNS) if rng.random() < _CAMPAIGN_SHARE else None
        self._cart: dict[str, Line] = {}
        self._had_cart = False
        self._made_account = False
        self._actions: list[Action] = []
        # Visits of a day are not made in their order, so the login may be one that is to come.
        knows = browser.known_since is not None and browser.known_since < starts_at
        knows = knows and rng.random() < _LOGS_IN_FIRST
        self._shopper = person.shopper(browser, logged_in=knows)

    def visit(self, order_id: str) -> Visit:
        """Return a whole visit.

        Args:
            order_id: Of the order, if it comes to one.
        """
        rng = self._rng
        self._land()
        goes_on = True
        while goes_on and len(self._actions) < _TIRED_ACTIONS:
            self._look(self._assortment.pick(rng, self._person.shelf))
            goes_on = rng.random() < _GOES_ON
        order = None
        if self._cart and rng.random() < _CHECKS_OUT:
            order = self._check_out(order_id)
        return self._finished(order)

    def browse(self, action_count: int) -> Visit:
        """Return a visit of exactly so many actions that come to nothing."""
        self._land()
        while len(self._actions) < action_count:
            self._product("view", self._assortment.pick(self._rng, self._person.shelf))
        del self._actions[action_count:]
        return self._finished(None)

    def _finished(self, order: Order | None) -> Visit:
        self._browser.used = True
        return Visit(self._actions, self._had_cart, order, self._made_account)

    def _land(self) -> None:
        rng = self._rng
        if self._campaign is None and rng.random() < _SEARCHES:
            self._page("/search")
            words = rng.choice(_SEARCH_WORDS)
            self._add("event", "search", attributes=(("query", words),))
            return
        categories = self._assortment.catalog.categories
        self._page(f"/category/{categories[self._person.shelf].slug}")

    def _look(self, variant: Variant) -> None:
        rng = self._rng
        if rng.random() < _CLICKS:
            self._product("click", variant)
        if rng.random() < _PAGE_OF_PRODUCT:
            self._page(f"/product/{variant.id}")
        self._product("view", variant)
        if rng.random() < _LIKES:
            self._product("liking", variant)
        if rng.random() < _WISHES:
            self._product("add to observation", variant)
        if len(self._cart) < _MAX_LINES and rng.random() < _ADDS:
            self._add_to_cart(variant)
            first, second = self._assortment.pair
            if variant is first and rng.random() < PAIR_PROBABILITY:
                self._product("view", second)
                self._add_to_cart(second)
            elif rng.random() < _REMOVES:
                self._product("remove", variant, quantity=self._cart.pop(variant.id).quantity)

    def _add_to_cart(self, variant: Variant) -> None:
        quantity = self._rng.choice(_QUANTITIES)
        self._had_cart = True
        before = self._cart.get(variant.id)
        total = quantity + (before.quantity if before is not None else 0)
        self._cart[variant.id] = Line(variant, self._assortment.price(variant), total)
        self._product("add to cart", variant, quantity=quantity)

    def _check_out(self, order_id: str) -> Order | None:
        rng = self._rng
        lines = tuple(self._cart.values())
        self._page("/checkout")
        for line in lines:
            self._product("checkout", line.variant, quantity=line.quantity)
        self._log_in()
        if rng.random() >= _BUYS:
            return None
        order = Order(order_id, self._pause(), self._shopper, lines)
        self._actions += purchases(order)
        if rng.random() < _REPORTED_TWICE:
            self._page("/orders")
            self._actions += [
                action._replace(
                    sender="browser", shopper=self._shopper, session_id=self._session_id
                )
                for action in purchases(order._replace(at=self._pause()))
            ]
        return order

    def _log_in(self) -> None:
        self._browser.used = True
        self._made_account = self._person.log_in(self._browser, self._at)
        self._shopper = self._person.shopper(self._browser, logged_in=True)
        # The page after a login tells the SDK who it is: that is what joins key and customer.
        self._add("update", "", attributes=(("first_name", self._person.first_name),))

    def _page(self, path: str) -> None:
        self._add("page_view", path)

    def _product(self, event_type: str, variant: Variant, *, quantity: int | None = None) -> None:
        price = self._assortment.price(variant)
        self._add("product_event", event_type, variant=variant, price=price, quantity=quantity)

    def _add(
        self,
        kind: ActionKind,
        name: str,
        *,
        variant: Variant | None = None,
        price: Decimal | None = None,
        quantity: int | None = None,
        attributes: tuple[tuple[str, str | int], ...] = (),
    ) -> None:
        self._actions.append(
            Action(
                self._pause(),
                kind,
                "browser",
                self._shopper,
                name,
                self._session_id,
                variant,
                price,
                quantity,
                None,
                attributes,
                self._campaign if kind == "page_view" else None,
                self._browser.device,
            )
        )

    def _pause(self) -> Instant:
        self._at += _GAP_MS + int(self._rng.random() * _SPREAD_MS)
        return Instant(self._at)


def purchases(order: Order, event_type: str = "purchase", sender: Sender = "api") -> list[Action]:
    """Return what the shop's server says of an order: one action for each line."""
    buyer = Shopper(None, order.buyer.user_id, order.buyer.email)
    return [
        Action(
            order.at,
            "product_event",
            sender,
            buyer,
            event_type,
            None,
            line.variant,
            line.price,
            line.quantity,
            order.id,
        )
        for line in order.lines
    ]
