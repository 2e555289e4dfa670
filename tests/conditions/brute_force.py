"""What a condition says, in plain Python over raw events: slow, and told from the rules alone.

Nothing of `footfall.conditions` but its types is used; windows are counted by local dates.
"""

import calendar
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from footfall.attributes.logic import name_std
from footfall.attributes.types import Definition
from footfall.conditions.types import (
    AgeTest,
    AgoWindow,
    All,
    AnyOf,
    Attribute,
    AttributeTest,
    BetweenWindow,
    Cart,
    Condition,
    Consent,
    InSegment,
    LastWindow,
    Not,
    OnList,
    OrdinaryEvents,
    PageViews,
    ProductEvents,
    ProductFilter,
    Property,
    Sequence,
    SinceWindow,
    Tag,
    Window,
)

_MS = {"minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}
_ORDERS = {"order", "purchase", "return", "refund"}
_RANKS = {"api": 1, "import": 2}


@dataclass
class Person:
    id: int
    values: dict[str, Any] = field(default_factory=dict)  #: typed attributes by standard name
    lists: set[int] = field(default_factory=set)
    cart: list["Item"] = field(default_factory=list)
    gone: bool = False  #: deleted, or merged into another


@dataclass
class Item:
    product: int
    quantity: Decimal
    price: Decimal | None
    currency: str | None
    added_at: int
    changed_at: int


@dataclass
class Thing:
    """A product."""

    id: int
    custom_id: str
    values: dict[str, Any] = field(default_factory=dict)
    gone: bool = False


@dataclass
class Act:
    """A product event or an activity."""

    id: int
    at: int
    contact: int
    kind: str  #: product_event, event, page_view
    traffic: str = "visitor"
    source: str = "api"
    session_id: str | None = None
    # of product events
    type: str = ""
    product: int = 0
    price: Decimal | None = None
    quantity: Decimal | None = None
    currency: str | None = None
    order_id: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] | None = None
    # of activities
    name: str = ""
    columns: dict[str, str | None] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    zone: ZoneInfo
    now: int
    people: dict[int, Person]
    things: dict[int, Thing]
    acts: list[Act]
    survivors: dict[int, int]
    contact_definitions: dict[str, Definition]
    product_definitions: dict[str, Definition]
    segments: dict[int, Condition] = field(default_factory=dict)
    product_members: dict[int, set[int]] = field(default_factory=dict)

    def day(self, at: int) -> date:
        return (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at))
            .astimezone(self.zone)
            .date()
        )

    @property
    def today(self) -> date:
        return self.day(self.now)

    def survivor(self, contact: int) -> int:
        return self.survivors.get(contact, contact)


class Asked:
    """One contact or product, and what is true of it."""

    def __init__(self, world: World, subject: str, wanted: int) -> None:
        self.world, self.subject, self.id = world, subject, wanted
        own = [act for act in world.acts if act.traffic == "visitor" and self._owns(act)]
        self.acts = sorted(own, key=lambda act: (act.at, act.id))

    def _owns(self, act: Act) -> bool:
        if self.subject == "product":
            return act.kind == "product_event" and act.product == self.id
        return act.contact != 0 and self.world.survivor(act.contact) == self.id

    def fits(self, node: Condition) -> bool:
        if isinstance(node, All):
            return all(self.fits(one) for one in node.of)
        if isinstance(node, AnyOf):
            return any(self.fits(one) for one in node.of)
        if isinstance(node, Not):
            return not self.fits(node.of)
        if isinstance(node, InSegment):
            return self.fits(self.world.segments[node.id])
        if isinstance(node, Attribute):
            return self._attribute(node)
        if isinstance(node, Sequence):
            return self._sequence(node)
        if isinstance(node, ProductEvents | OrdinaryEvents | PageViews):
            return self._did(node)
        person = self.world.people[self.id]
        if isinstance(node, Tag):
            return node.name in (person.values.get("tags") or [])
        if isinstance(node, OnList):
            return node.id in person.lists
        if isinstance(node, Consent):
            if node.channel == "email":
                return person.values.get("unsubscribed") is not True
            return person.values.get("notifications") is True
        return self._cart(node, person)

    # --- attributes -----------------------------------------------------------------------------

    def _attribute(self, node: Attribute) -> bool:
        world = self.world
        of_contact = self.subject == "contact"
        definitions = world.contact_definitions if of_contact else world.product_definitions
        values = (world.people if of_contact else world.things)[self.id].values
        definition, value = definitions[node.name], values.get(node.name)
        if node.operator not in RELATIVE:
            return compare(definition, value, node.operator, node.value)
        if value is None:
            return False
        days = timedelta(days=int(node.value or 0))
        if definition.value_type == "date":
            day, today, late = date.fromisoformat(value), world.today, False
        else:
            at = _milliseconds(value)
            day, today = world.day(at), world.today
            late = at > world.now if node.operator == "in_last_days" else at < world.now
        if node.operator == "in_last_days":
            return today - days < day <= today and not late
        if node.operator == "in_next_days":
            return today <= day < today + days and not (definition.value_type != "date" and late)
        if node.operator == "more_than_days_ago":
            return day <= today - days
        return any(
            _falls_on(day, today + timedelta(days=ahead)) for ahead in range(min(days.days, 366))
        )

    # --- events ---------------------------------------------------------------------------------

    def _counted(self, act: Act) -> bool:
        """Whether no better source of the same owner reports its order."""
        if act.type not in _ORDERS or not act.order_id:
            return True
        same = [
            _RANKS.get(other.source, 3)
            for other in self.acts
            if (other.type, other.order_id) == (act.type, act.order_id)
        ]
        return _RANKS.get(act.source, 3) == min(same)

    def _means(self, what: Any, act: Act) -> bool:
        kind = what.__struct_config__.tag
        if act.kind != kind:
            return False
        if kind == "product_event":
            if act.type not in what.event_types or not self._counted(act):
                return False
            if what.products is not None and not self._chosen(what.products, act):
                return False
        if kind == "event" and act.name != what.name:
            return False
        return all(self._property(asked, act) for asked in what.properties)

    def _did(self, node: Any) -> bool:
        if node.measure.of == "revenue":
            amount = self._revenue(node)
            return _holds(amount, node.measure.operator, Decimal(str(node.measure.value)))
        meant = [act for act in self.acts if self._means(node, act)]
        if node.occurrence != "any":
            if not meant:
                return False
            return self._in(node.window, meant[0 if node.occurrence == "first" else -1].at)
        meant = [act for act in meant if self._in(node.window, act.at)]
        numbers: dict[str, Any] = {
            "count": len(meant),
            "products": len({act.product for act in meant}),
            "contacts": len({self.world.survivor(act.contact) for act in meant if act.contact}),
            "quantity": sum((_pieces(act) for act in meant), Decimal(0)),
        }
        measure = node.measure
        return _holds(Decimal(numbers[measure.of]), measure.operator, Decimal(str(measure.value)))

    def _revenue(self, node: ProductEvents) -> Decimal:
        lines = [act for act in self.acts if act.type in _ORDERS]
        purchased = {act.order_id for act in lines if act.type == "purchase" and act.order_id}
        refunded = {
            (act.order_id, act.product)
            for act in lines
            if act.type == "refund" and act.order_id and self._counted(act)
        }
        total = Decimal(0)
        for act in lines:
            if not self._counted(act) or act.currency != node.measure.currency:
                continue
            if act.type == "order" and act.order_id in purchased:
                continue
            if act.type == "return" and (act.order_id, act.product) in refunded:
                continue
            if not self._in(node.window, act.at):
                continue
            if node.products is not None and not self._chosen(node.products, act):
                continue
            if not all(self._property(asked, act) for asked in node.properties):
                continue
            sign = -1 if act.type in {"refund", "return"} else 1
            total += sign * (act.price or Decimal(0)) * _pieces(act)
        return total

    def _in(self, window: Window | None, at: int) -> bool:
        world = self.world
        if window is None:
            return True
        if isinstance(window, LastWindow):
            if window.unit == "hours":
                return at >= world.now - window.amount * _MS["hours"]
            return world.day(at) > world.today - timedelta(days=window.amount)
        if isinstance(window, AgoWindow):
            if window.unit == "hours":
                longest, shortest = (n * _MS["hours"] for n in (window.max, window.min))
                return world.now - longest <= at < world.now - shortest
            first = world.today - timedelta(days=window.max)
            return first <= world.day(at) <= world.today - timedelta(days=window.min)
        if not self._begun(window, at):
            return False
        if isinstance(window, SinceWindow):
            return True
        if len(window.end) == 10:
            return world.day(at) <= date.fromisoformat(window.end)
        return at < _milliseconds(window.end)

    def _begun(self, window: SinceWindow | BetweenWindow, at: int) -> bool:
        if len(window.start) == 10:
            return self.world.day(at) >= date.fromisoformat(window.start)
        return at >= _milliseconds(window.start)

    def _chosen(self, wanted: ProductFilter, act: Act) -> bool:
        return self._fits_product(wanted, act.product, act.payload)

    def _fits_product(
        self, wanted: ProductFilter, product: int, payload: dict[str, Any] | None
    ) -> bool:
        thing = self.world.things[product]
        if wanted.ids and thing.custom_id not in wanted.ids:
            return False
        if wanted.category is not None:
            names = [thing.values.get("category_name"), *(thing.values.get("categories") or [])]
            if wanted.category.lower() not in [name.lower() for name in names if name]:
                return False
        if wanted.segment and product not in self.world.product_members[wanted.segment]:
            return False
        return all(self._tested(test, thing, payload) for test in wanted.attributes)

    def _tested(self, test: AttributeTest, thing: Thing, payload: dict[str, Any] | None) -> bool:
        definition = self.world.product_definitions[test.name]
        if test.at == "now":
            return compare(definition, thing.values.get(test.name), test.operator, test.value)
        sent = (value for key, value in (payload or {}).items() if name_std(key) == test.name)
        return compare_sent(definition, _text(next(sent, None)), test.operator, test.value)

    def _property(self, asked: Property, act: Act) -> bool:
        if act.kind == "product_event" and asked.field.startswith("utm_"):
            visits = [
                other
                for other in self.world.acts
                if other.kind != "product_event"
                and other.traffic == "visitor"
                and other.contact
                and self.world.survivor(other.contact) == self.world.survivor(act.contact)
                and act.session_id
                and other.session_id == act.session_id
            ]
            positive = {"is_not": "is", "has_none": "has_value"}.get(asked.operator)
            operator = positive or asked.operator
            found = any(
                property_holds(other.columns.get(asked.field) or "", operator, asked.value)
                for other in visits
            )
            return found != (positive is not None)
        if asked.field in {"custom_data", "attribute"}:
            held: Any = act.custom if asked.field == "custom_data" else act.attributes
            for key in asked.name.split("."):
                held = held.get(key) if isinstance(held, dict) else None
            return property_holds(_text(held), asked.operator, asked.value)
        if asked.field in {"unit_price", "quantity"}:
            number = act.price if asked.field == "unit_price" else act.quantity
            text = "" if number is None else f"{number.normalize():f}"
            value = asked.value
            if asked.operator in {"is", "is_not"}:
                value = float(str(value))
            return property_holds(text, asked.operator, value)
        own = {"source": act.source, "currency": act.currency, **act.columns}
        return property_holds(own.get(asked.field) or "", asked.operator, asked.value)

    # --- sequences and carts --------------------------------------------------------------------

    def _sequence(self, node: Sequence) -> bool:
        within = None if node.within is None else node.within.amount * _MS[node.within.unit]
        clear = node.not_within and node.not_within.amount * _MS[node.not_within.unit]
        for place, second in enumerate(self.acts):
            if not self._means(node.then, second):
                continue
            before = [
                act
                for act in self.acts[:place]
                if self._means(node.first, act)
                and self._in(node.window, act.at)
                and (within is None or second.at - act.at <= within)
                and (not node.same_product or act.product == second.product)
            ]
            if not before:
                continue
            after = [
                act
                for act in self.acts[place + 1 :]
                if node.not_then is not None
                and self._means(node.not_then, act)
                and (not node.same_product or act.product == second.product)
                and (not clear or act.at - second.at <= clear)
            ]
            if not after and (not clear or self.world.now >= second.at + clear):
                return True
        return False

    def _cart(self, node: Cart, person: Person) -> bool:
        items = person.cart
        if not items:
            return False
        wanted = node.products
        if wanted is not None and not self._cart_holds(wanted, items):
            return False
        if node.value is not None:
            worth = sum(
                (
                    item.quantity * (item.price or Decimal(0))
                    for item in items
                    if item.currency == node.value.currency
                ),
                Decimal(0),
            )
            if not _holds(worth, node.value.operator, Decimal(str(node.value.value))):
                return False
        ages = (
            (node.age, self.world.now - min(item.added_at for item in items)),
            (node.idle, self.world.now - max(item.changed_at for item in items)),
        )
        return all(test is None or _is_old(test, age) for test, age in ages)

    def _cart_holds(self, wanted: ProductFilter, items: list[Item]) -> bool:
        return any(self._fits_product(wanted, item.product, None) for item in items)


RELATIVE = {"in_last_days", "in_next_days", "more_than_days_ago", "anniversary_in_next_days"}


def _is_old(test: AgeTest, age: int) -> bool:
    limit = test.amount * _MS[test.unit]
    return age >= limit if test.operator == "at_least" else age <= limit


def _falls_on(day: date, other: date) -> bool:
    if (day.month, day.day) == (2, 29) and not calendar.isleap(other.year):
        return (other.month, other.day) == (2, 28)
    return (day.month, day.day) == (other.month, other.day)


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1000)


def _pieces(act: Act) -> Decimal:
    return Decimal(1) if act.quantity is None else act.quantity


def _holds(number: Decimal, operator: str, wanted: Decimal) -> bool:
    if operator == "at_least":
        return number >= wanted
    return number <= wanted if operator == "at_most" else number == wanted


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def compare(definition: Definition, value: Any, operator: str, wanted: Any) -> bool:
    """Whether an attribute's present value, typed, fits."""
    if operator == "is_not":
        return not compare(definition, value, "is", wanted)
    if operator == "has_value":
        return value is not None and value not in ("", [])
    if operator == "has_none":
        return not compare(definition, value, "has_value", None)
    if value is None:
        return False
    if operator == "contains":
        if isinstance(value, list):
            return str(wanted).lower() in [one.lower() for one in value]
        return str(wanted).lower() in str(value).lower()
    if isinstance(value, str) and definition.value_type in {"string", "fixed"}:
        return value.lower() == str(wanted).lower()
    if operator == "is":
        return bool(value == wanted)
    return bool(
        {
            "at_least": lambda: value >= wanted,
            "at_most": lambda: value <= wanted,
            "before": lambda: value < wanted,
            "after": lambda: value > wanted,
        }[operator]()
    )


def compare_sent(definition: Definition, text: str, operator: str, wanted: Any) -> bool:
    """Whether a value fits as an event carried it."""
    if operator in {"has_value", "has_none"}:
        return (text != "") == (operator == "has_value")
    if operator == "is_not":
        return not compare_sent(definition, text, "is", wanted)
    if definition.value_type in {"string", "fixed"}:
        if operator == "contains":
            return str(wanted).lower() in text.lower()
        return text.lower() == str(wanted).lower()
    if definition.value_type in {"integer", "float"}:
        number = _number(text)
        return number is not None and compare(definition, number, operator, wanted)
    if definition.value_type == "boolean":
        words = {"true", "yes", "on", "1"} if wanted else {"false", "no", "off", "0"}
        return text.lower() in words
    try:
        day = date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return False
    return compare(definition, day, operator, wanted)


def _number(text: str) -> float | None:
    if not text or not set(text) <= set("+-0123456789.eE"):
        return None
    try:
        return float(text)
    except ValueError:
        return None


def property_holds(text: str, operator: str, wanted: Any) -> bool:
    if operator in {"has_value", "has_none"}:
        return (text != "") == (operator == "has_value")
    if operator == "is_not":
        return not property_holds(text, "is", wanted)
    number = _number(text)
    is_number = isinstance(wanted, int | float) and not isinstance(wanted, bool)
    if operator in {"at_least", "at_most"}:
        if number is None:
            return False
        return number >= float(wanted) if operator == "at_least" else number <= float(wanted)
    if operator == "is" and is_number:
        return number == wanted
    written = str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
    if operator == "contains":
        return written.lower() in text.lower()
    return text.lower() == written.lower()
