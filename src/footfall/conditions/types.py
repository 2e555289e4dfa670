"""The condition tree: what may be asked of a contact or a product. Frozen values, JSON on the wire.

Every node is true or false of every contact or product, never null: what is missing is false, so
that a condition and its negation share out everybody between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from footfall.attributes.definitions import Definitions

#: What a condition is about.
Subject = Literal["contact", "product"]
SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)

EventType = Literal[
    "click",
    "promo click",
    "view",
    "detail",
    "liking",
    "add to observation",
    "reservation",
    "add",
    "add to cart",
    "remove",
    "checkout",
    "checkout option",
    "order",
    "purchase",
    "return",
    "refund",
]
EVENT_TYPES: Final[tuple[EventType, ...]] = get_args(EventType)

#: A hundred years: no event is older.
MAX_DAYS: Final = 36_525
_Amount = Annotated[int, Meta(ge=1, le=24 * MAX_DAYS)]
_Id = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_Text = Annotated[str, Meta(min_length=1, max_length=1_000)]
Scalar = str | int | float | bool | None


class Duration(Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of time; days are calendar days where they are counted from today."""

    amount: _Amount
    unit: Literal["minutes", "hours", "days"] = "days"


class LastWindow(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="last"):
    """From so long ago until now. N days are today and the N - 1 days before (decision 18)."""

    amount: _Amount
    unit: Literal["hours", "days"] = "days"


class AgoWindow(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ago"):
    """Between `min` and `max` hours or calendar days ago, both included."""

    min: Annotated[int, Meta(ge=0, le=24 * MAX_DAYS)]
    max: _Amount
    unit: Literal["hours", "days"] = "days"


class SinceWindow(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="since"):
    """From a date (its start in the workspace's zone) or an instant on."""

    start: _Text


class BetweenWindow(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="between"
):
    """From a date or instant to another; a last date is included, a last instant is not."""

    start: _Text
    end: _Text


Window = LastWindow | AgoWindow | SinceWindow | BetweenWindow


class AttributeTest(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of an attribute of a product."""

    name: _Text
    operator: str
    value: Scalar = None
    #: `then`: as the event itself carried it (decision 21).
    at: Literal["now", "then"] = "now"


class ProductFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which products are meant: all that is given must fit."""

    ids: Annotated[tuple[_Text, ...], Meta(max_length=1_000)] = ()  #: the shop's own ids
    category: _Text | None = None  #: the category name, or one of the categories
    attributes: Annotated[tuple[AttributeTest, ...], Meta(max_length=10)] = ()
    segment: _Id | None = None  #: a segment of products


Field = Literal[
    "custom_data",
    "attribute",
    "source",
    "currency",
    "unit_price",
    "quantity",
    "url",
    "referrer",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "device_type",
    "os",
    "browser",
    "language",
]
PropertyOperator = Literal[
    "is", "is_not", "contains", "at_least", "at_most", "has_value", "has_none"
]


class Property(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of the event itself."""

    field: Field
    operator: PropertyOperator = "is"
    value: Scalar = None
    name: Annotated[str, Meta(max_length=255)] = ""  #: the key in custom data or attributes


class Measure(Struct, frozen=True, forbid_unknown_fields=True):
    """How the matching events are added up, and what the sum is compared with."""

    of: Literal["count", "products", "contacts", "quantity", "revenue"] = "count"
    operator: Literal["at_least", "at_most", "exactly"] = "at_least"
    value: Annotated[float, Meta(ge=-1e13, le=1e13)] = 1
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None  #: of revenue


_EventTypes = Annotated[tuple[EventType, ...], Meta(min_length=1, max_length=16)]
_Properties = Annotated[tuple[Property, ...], Meta(max_length=10)]
#: Which of the matching events must lie in the window: any, or the first or last of all of them.
Occurrence = Literal["any", "first", "last"]


class ProductEvents(Struct, frozen=True, forbid_unknown_fields=True, tag="product_event"):
    """Did something with products, so often, in a window.

    An order that several sources report is read from one of them: api, else import, else browser
    (decision 1). Bots and staff do not count.
    """

    event_types: _EventTypes
    products: ProductFilter | None = None
    properties: _Properties = ()
    window: Window | None = None
    occurrence: Occurrence = "any"
    measure: Measure = Measure()


class OrdinaryEvents(Struct, frozen=True, forbid_unknown_fields=True, tag="event"):
    """Did something that is no product event, so often, in a window."""

    name: _Text
    properties: _Properties = ()
    window: Window | None = None
    occurrence: Occurrence = "any"
    measure: Measure = Measure()


class PageViews(Struct, frozen=True, forbid_unknown_fields=True, tag="page_view"):
    """Looked at a page, so often, in a window."""

    properties: _Properties = ()
    window: Window | None = None
    occurrence: Occurrence = "any"
    measure: Measure = Measure()


class ProductStep(Struct, frozen=True, forbid_unknown_fields=True, tag="product_event"):
    """A step of a sequence: something done with a product."""

    event_types: _EventTypes
    products: ProductFilter | None = None
    properties: _Properties = ()


class EventStep(Struct, frozen=True, forbid_unknown_fields=True, tag="event"):
    """A step of a sequence: an ordinary event."""

    name: _Text
    properties: _Properties = ()


class PageStep(Struct, frozen=True, forbid_unknown_fields=True, tag="page_view"):
    """A step of a sequence: a page view."""

    properties: _Properties = ()


Step = ProductStep | EventStep | PageStep
#: What says which events are meant, without how many and when.
Act = ProductEvents | OrdinaryEvents | PageViews | ProductStep | EventStep | PageStep
History = ProductEvents | OrdinaryEvents | PageViews


class Sequence(Struct, frozen=True, forbid_unknown_fields=True, tag="sequence"):
    """Did `first`, later `then`, and after that not `not_then`.

    Later is by time, and by journal position where times are equal. With `not_within` the
    time without `not_then` must be over; without it, it has not happened up to now.
    """

    first: Step
    then: Step
    within: Duration | None = None  #: at most so long from first to then
    not_then: Step | None = None
    not_within: Duration | None = None
    same_product: bool = False
    window: Window | None = None  #: in which `first` happened


class AmountTest(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of money that is compared."""

    operator: Literal["at_least", "at_most"]
    value: Annotated[float, Meta(ge=0, le=1e13)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class AgeTest(Struct, frozen=True, forbid_unknown_fields=True):
    """How long ago something was."""

    operator: Literal["at_least", "at_most"]
    amount: _Amount
    unit: Literal["minutes", "hours"] = "hours"


class Cart(Struct, frozen=True, forbid_unknown_fields=True, tag="cart"):
    """Something lies in the cart, and all that is given fits (decision 13)."""

    products: ProductFilter | None = None  #: one of the items is such a product
    value: AmountTest | None = None  #: of all items in that currency
    age: AgeTest | None = None  #: since the item came in that lies there longest
    idle: AgeTest | None = None  #: since the last change of an item that lies there


class Attribute(Struct, frozen=True, forbid_unknown_fields=True, tag="attribute"):
    """An attribute of the contact, or of the product in a segment of products.

    Operators by type as lists have them; of dates besides `in_last_days`, `in_next_days`,
    `more_than_days_ago` and, of dates alone, `anniversary_in_next_days`: today is the first day.
    """

    name: _Text
    operator: str
    value: Scalar = None


class Tag(Struct, frozen=True, forbid_unknown_fields=True, tag="tag"):
    """Has a tag, in just this spelling."""

    name: _Text


class OnList(Struct, frozen=True, forbid_unknown_fields=True, tag="list"):
    """Is on a named list."""

    id: _Id


class Consent(Struct, frozen=True, forbid_unknown_fields=True, tag="consent"):
    """May be written to. E-mail: not unsubscribed; push: said yes to notifications."""

    channel: Literal["email", "push"]


class InSegment(Struct, frozen=True, forbid_unknown_fields=True, tag="segment"):
    """Fits another segment of the same kind."""

    id: _Id


class All(Struct, frozen=True, forbid_unknown_fields=True, tag="all"):
    """Everything in it is true; of nothing, true."""

    of: tuple["Condition", ...]


class AnyOf(Struct, frozen=True, forbid_unknown_fields=True, tag="any"):
    """Something in it is true; of nothing, false."""

    of: tuple["Condition", ...]


class Not(Struct, frozen=True, forbid_unknown_fields=True, tag="not"):
    """What is in it is false."""

    of: "Condition"


Condition = (
    All
    | AnyOf
    | Not
    | Attribute
    | Tag
    | OnList
    | Consent
    | ProductEvents
    | OrdinaryEvents
    | PageViews
    | Sequence
    | Cart
    | InSegment
)
Group = All | AnyOf | Not
Leaf = (
    Attribute
    | Tag
    | OnList
    | Consent
    | ProductEvents
    | OrdinaryEvents
    | PageViews
    | Sequence
    | Cart
    | InSegment
)


@dataclass(frozen=True, slots=True)
class KnownSegment:
    """A segment that a condition may name."""

    id: int
    subject: Subject
    name: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the conditions of one workspace may name."""

    contact_attributes: Definitions
    product_attributes: Definitions
    zone: ZoneInfo
    lists: Mapping[int, str]  #: names by id
    segments: Mapping[int, KnownSegment]
    #: Whether every order is reported by one source, so that none counts twice anyway.
    has_one_order_source: bool = False

    def attributes_of(self, subject: Subject) -> Definitions:
        """Return the attributes of what a condition is about."""
        return self.contact_attributes if subject == "contact" else self.product_attributes


def leaves(node: Condition) -> list[Leaf]:
    """Return the leaves in their order."""
    return [one for _, one in placed(node) if not isinstance(one, All | AnyOf | Not)]


def placed(node: Condition) -> list[tuple[str, Condition]]:
    """Return every node with its place (RFC 6901), groups before what they hold."""
    found: list[tuple[str, Condition]] = []
    waiting: list[tuple[str, Condition]] = [("", node)]
    while waiting:
        place, one = waiting.pop()
        found.append((place, one))
        if isinstance(one, Not):
            waiting.append((f"{place}/of", one.of))
        elif isinstance(one, All | AnyOf):
            inner = [(f"{place}/of/{number}", each) for number, each in enumerate(one.of)]
            waiting += reversed(inner)
    return found
