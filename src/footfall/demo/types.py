"""What the demo shop sells, what shoppers do in it, and what is true of a simulated history."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from msgspec import Struct

from footfall.kernel.instants import Instant


@dataclass(frozen=True, slots=True)
class Category:
    """A shelf of the shop."""

    slug: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Variant:
    """What can be put into a cart; to Footfall this is the product."""

    id: str
    group_id: str  #: the id of its `Product`
    label: str  #: tells it from its siblings: "Oat", "40 cm"; empty where there are none
    colour: str  #: a name of `footfall.demo.catalog.COLOURS`
    price: Decimal
    name: str  #: in full


@dataclass(frozen=True, slots=True)
class Product:
    """Variants of one thing, shown on one page."""

    id: str
    name: str
    kind: str  #: "mixing bowl"; decides the picture
    brand: str
    text: str
    category: Category
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything the shop sells."""

    categories: tuple[Category, ...]
    products: dict[str, Product]
    variants: dict[str, Variant]

    def product_of(self, variant: Variant) -> Product:
        """Return the product that `variant` is one of."""
        return self.products[variant.group_id]


CURRENCY = "EUR"

ActionKind = Literal["product_event", "event", "page_view", "update"]
Sender = Literal["browser", "api"]


class Device(NamedTuple):
    """What somebody browses with."""

    device_type: str
    os: str
    browser: str
    user_agent: str


class Shopper(NamedTuple):
    """Who acts, as far as the sender knows at that moment."""

    visitor_key: str | None = None  #: None where the shop's server sends
    user_id: str | None = None  #: None where nobody has logged in
    email: str | None = None


class Action(NamedTuple):
    """One thing that a shopper or the shop does; becomes one event."""

    at: Instant
    kind: ActionKind
    sender: Sender
    shopper: Shopper
    #: The type of a product event, the name of an ordinary event, the path of a page.
    name: str
    session_id: str | None = None
    variant: Variant | None = None
    price: Decimal | None = None  #: of one piece, at that time
    quantity: int | None = None
    order_id: str | None = None
    #: Of an ordinary event; of an update: the contact's.
    attributes: tuple[tuple[str, str | int], ...] = ()
    campaign: str | None = None  #: utm_campaign of the page
    device: Device | None = None


class Plan(Struct, frozen=True):
    """What decides a history; the same plan gives the same events."""

    seed: int
    event_count: int  #: product events, ordinary events and page views
    ends_at: int  #: milliseconds; the moment the history ends


class PlantedPair(Struct, frozen=True):
    """Two products bought together more often than chance would have it."""

    first: str
    second: str
    orders_with_first: int
    orders_with_second: int
    orders_with_both: int
    lift: float  #: 1 would be chance


class PlantedTrend(Struct, frozen=True):
    """A product that more and more people look at."""

    product: str
    views_before: int  #: in the four weeks that end eight weeks before the end
    views_lately: int  #: in the last four weeks
    growth: float  #: the ratio of its shares of all views, lately to before


class Truth(Struct, frozen=True):
    """What is true of a history, counted while it was made and by nothing that reads it back."""

    begins_at: int
    ends_at: int
    by_type: dict[str, int]  #: product events, each time they were sent
    by_name: dict[str, int]  #: ordinary events
    page_views: int
    updates: int  #: news of contacts, which are no events
    by_day: dict[str, int]  #: product events of each UTC day
    weekly: tuple[float, ...]  #: planted factors, Monday first
    yearly: tuple[float, ...]  #: planted factors, January first
    contacts: int  #: people that Footfall can tell apart
    known_contacts: int  #: of them with a customer id
    became_known: int  #: of those, how many browsed before their first login
    carts: int  #: visits that put something into the cart
    abandoned_carts: int  #: of those without a purchase
    orders: int
    order_lines: int
    #: Of those, how many the browser reported besides the shop's server.
    lines_reported_twice: int
    revenue: str  #: decimal text in `currency`; purchases minus what came back
    returns: int
    refunds: int
    pair: PlantedPair
    trend: PlantedTrend
    currency: str = CURRENCY

    @property
    def product_events(self) -> int:
        """Return how many product events there are."""
        return sum(self.by_type.values())
