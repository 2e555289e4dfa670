"""Random small shops, full of collisions, and random conditions on them."""

import itertools
import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from footfall.attributes.api import canonical_text
from footfall.attributes.built_in import BUILT_IN
from footfall.attributes.definitions import Definitions
from footfall.attributes.types import Definition, ObjectKind
from footfall.conditions.types import (
    AgeTest,
    AgoWindow,
    All,
    AmountTest,
    AnyOf,
    Attribute,
    AttributeTest,
    BetweenWindow,
    Cart,
    Condition,
    Consent,
    Duration,
    EventStep,
    InSegment,
    KnownSegment,
    LastWindow,
    Measure,
    Not,
    OnList,
    OrdinaryEvents,
    PageStep,
    PageViews,
    ProductEvents,
    ProductFilter,
    ProductStep,
    Property,
    Sequence,
    SinceWindow,
    Step,
    Subject,
    Tag,
    Vocabulary,
    Window,
)
from footfall.kernel.instants import DAY_MS, HOUR_MS, Instant
from footfall.kernel.scope import Scope
from footfall.warehouse.api import Warehouse
from footfall.warehouse.types import (
    ActivityRow,
    AliasRow,
    CartRow,
    ContactRow,
    EventRow,
    MemberRow,
    ProductRow,
)
from tests.conditions.brute_force import Act, Item, Person, Thing, World

_numbers = itertools.count(1)
_TYPES: Any = ("view", "add to cart", "purchase", "order", "return", "refund")
#: Around changes of the clocks: at night, at midnight, by half an hour; and where there are none.
_MOMENTS = (
    ("Europe/Warsaw", "2026-03-29T12:00:00+02:00"),
    ("Europe/Warsaw", "2026-10-26T00:00:00+01:00"),
    ("Asia/Kolkata", "2026-06-15T00:10:00+05:30"),
    ("Africa/Cairo", "2026-04-24T09:00:00+03:00"),
    ("America/Santiago", "2026-09-06T12:00:00-03:00"),
    ("Australia/Lord_Howe", "2026-10-04T18:00:00+11:00"),
    ("UTC", "2028-02-28T12:00:00+00:00"),
)


def _definition(kind: ObjectKind, number: int, name: str, value_type: Any, *choices: str) -> Any:
    return Definition(number, kind, name, name, value_type, choices, False, "defined", Instant(0))


_CONTACT = [
    _definition("contact", 1, "birthday", "date"),
    _definition("contact", 2, "joined", "datetime"),
    _definition("contact", 3, "points", "float"),
]
_PRODUCT = [
    _definition("product", 11, "launched", "date"),
    _definition("product", 12, "hot", "boolean"),
    _definition("product", 13, "stars", "integer"),
]


class Shop:
    """A random world, stored under a workspace of its own."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        number = next(_numbers)
        self.scope = Scope(number)  # type: ignore[arg-type]  # a workspace that only the warehouse knows
        self.base = number * 100
        zone, moment = chance.choice(_MOMENTS)
        self.zone = ZoneInfo(zone)
        self.now = round(datetime.fromisoformat(moment).timestamp() * 1000)
        self.world = World(
            zone=self.zone,
            now=self.now,
            people=self._people(),
            things=self._things(),
            acts=[],
            survivors={},
            contact_definitions={**BUILT_IN["contact"], **{d.name_std: d for d in _CONTACT}},
            product_definitions={**BUILT_IN["product"], **{d.name_std: d for d in _PRODUCT}},
        )
        self._merge()
        for person in self.world.people.values():
            if not person.gone and self.chance.random() < 0.6:
                person.cart = self._cart_items()
        self.world.product_members = {
            9: {one for one in self.world.things if self.chance.random() < 0.5}
        }
        self.world.acts = [self._act(place) for place in range(1, chance.randrange(2, 36))]

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(
            Definitions(self.scope, "contact", _CONTACT),
            Definitions(self.scope, "product", _PRODUCT),
            self.zone,
            {1: "Summer", 2: "Winter"},
            {
                9: KnownSegment(9, "product", "kept", All(())),
                **{
                    number: KnownSegment(number, "contact", f"segment {number}", condition)
                    for number, condition in self.world.segments.items()
                },
            },
        )

    # --- what there is --------------------------------------------------------------------------

    def maybe(self, values: Any, share: float = 0.6) -> Any:
        return self.chance.choice(values) if self.chance.random() < share else None

    def day(self) -> str:
        today = (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.now))
            .astimezone(self.zone)
            .date()
        )
        other = today + timedelta(days=self.chance.choice([-400, -31, -7, -3, -2, -1, 0, 1, 2, 7]))
        return self.chance.choice([other, other.replace(year=1990, day=min(other.day, 28)),
                                   date(2024, 2, 29)]).isoformat()  # fmt: skip

    def instant(self, latest: int = 0) -> int:
        """Return a moment on a border: hours or whole days ago, or the beginning of a day."""
        near = self.chance.choice([0, 0, -1, 1])
        if self.chance.random() < 0.5:
            hours = self.chance.choice([0, 1, 2, 3, 23, 24, 25, 48, 72, 24 * 7, 24 * 400])
            return min(self.now - hours * HOUR_MS + near, self.now + latest)
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.now)
        days = self.chance.choice([0, 1, 2, 3, 6, 7])
        local = moment.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        wall = (local.replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=self.zone)
        return min(round(wall.timestamp() * 1000) + near, self.now + latest)

    def _people(self) -> dict[int, Person]:
        people = {}
        for place in range(1, self.chance.randrange(3, 7)):
            values: dict[str, Any] = {
                "country": self.maybe(["PL", "de", "Ålesund"]),
                "score": self.maybe([-1, 0, 5]),
                "points": self.maybe([0.5, 5.0]),
                "unsubscribed": self.maybe([True, False]),
                "notifications": self.maybe([True, False]),
                "gender": self.maybe(["male", "female"]),
                "tags": self.maybe([["vip"], ["vip", "New"], []]),
                "birthday": self.day() if self.chance.random() < 0.7 else None,
                "joined": self._iso(self.instant(DAY_MS)) if self.chance.random() < 0.7 else None,
            }
            held = {name: value for name, value in values.items() if value is not None}
            people[self.base + place] = Person(self.base + place, held)
        for person in people.values():
            person.gone = self.chance.random() < 0.1
            person.lists = set(self.chance.sample([1, 2], self.chance.randrange(3)))
        return people

    def _iso(self, at: int) -> str:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _things(self) -> dict[int, Thing]:
        things = {}
        for place in range(1, 4):
            values = {
                "brand": self.maybe(["Acme", "Żubr"]),
                "category_name": self.maybe(["Shoes", "Hats"]),
                "categories": self.maybe([["shoes"], ["Hats", "Sale"]], 0.3),
                "price": self.maybe([9.5, 20.0]),
                "availability": self.maybe(["in stock", "out of stock"]),
                "launched": self.maybe([self.day()]),
                "hot": self.maybe([True, False]),
                "stars": self.maybe([1, 5]),
            }
            held = {name: value for name, value in values.items() if value is not None}
            gone = self.chance.random() < 0.1
            things[self.base + place] = Thing(self.base + place, f"p {place}", held, gone)
        return things

    def _cart_items(self) -> list[Item]:
        items = []
        for thing in self.world.things:
            if self.chance.random() < 0.4:
                times = sorted([self.instant(), self.instant()])
                price = self.maybe([Decimal("9.9900"), Decimal(20)])
                items.append(
                    Item(thing, self.chance.choice([Decimal(1), Decimal("2.5")]), price,
                         self.maybe(["EUR", "PLN"], 0.8), times[0], times[1])
                )  # fmt: skip
        return items

    def _merge(self) -> None:
        """Merge some into others, each into one that is merged no further; undo some again."""
        people, world = list(self.world.people), self.world
        for merged in people[1:]:
            if self.chance.random() < 0.3:
                into = self.chance.choice([one for one in people if one != merged])
                if into in world.survivors or merged in world.survivors.values():
                    continue
                if self.chance.random() < 0.2:
                    world.survivors[merged] = merged  # undone: an alias of itself
                    continue
                world.survivors[merged] = into
                world.people[merged].gone = True

    def _act(self, place: int) -> Act:
        chance = self.chance
        kind = chance.choice(["product_event"] * 4 + ["event", "page_view"])
        act = Act(
            id=self.base * 10 + place,
            at=self.instant(),
            contact=chance.choice([0, *self.world.people, *self.world.people]),
            kind=kind,
            traffic=chance.choice(["visitor"] * 8 + ["bot", "staff"]),
            source=chance.choice(["api", "api", "import", "browser"]),
            session_id=self.maybe(["s1", "s2"]),
        )
        if kind == "product_event":
            act.type = chance.choice(_TYPES)
            act.product = chance.choice(list(self.world.things))
            act.price = self.maybe([Decimal("9.9900"), Decimal(20), Decimal(0)])
            act.quantity = self.maybe([Decimal(2), Decimal("0.5000")], 0.4)
            act.currency = self.maybe(["EUR", "PLN"], 0.8)
            if act.type in {"order", "purchase", "return", "refund"}:
                act.order_id = self.maybe(["o1", "o2"], 0.7)
            act.payload = self._payload()
            act.custom = self.maybe(
                [{"coupon": "A1", "n": 5}, {"coupon": None}, {"deep": {"er": "x"}, "n": "5"}]
            )
            return act
        act.name = chance.choice(["signed up", "searched"]) if kind == "event" else ""
        act.attributes = chance.choice([{}, {"plan": "Pro", "n": 3}, {"plan": None, "n": "3"}])
        act.columns = {
            "url": self.maybe(["https://shop.example/sale", "https://shop.example/"]),
            "referrer": self.maybe(["https://ads.example/"], 0.3),
            "utm_source": self.maybe(["news", "Ads"], 0.5),
            "utm_campaign": self.maybe(["may"], 0.3),
            "device_type": self.maybe(["mobile", "desktop"]),
        }
        return act

    def _payload(self) -> dict[str, Any]:
        """Return attributes as senders write them: some do not fit their type, some are null."""
        held = {
            self.chance.choice(["brand", "Brand", "BRAND "]).strip(): self.maybe(["acme", "Żubr"]),
            "Price": self.maybe([9.5, "20", "20,00", "12.00 PLN", None, "much"]),
            "hot": self.maybe([True, "no", "YES", "perhaps", 1]),
            "launched": self.maybe([self.day(), f"{self.day()}T10:00:00Z", "soon"]),
            "stars": self.maybe([5, "1", "many", 1.0]),
        }
        return {name: held[name] for name in held if self.chance.random() < 0.6}

    # --- stored ---------------------------------------------------------------------------------

    def store(self, warehouse: Warehouse) -> None:
        """Put the world into the warehouse, late events behind newer ones."""
        acts = self.world.acts[:]
        self.chance.shuffle(acts)
        events = [self._event_row(act) for act in acts if act.kind == "product_event"]
        activities = [self._activity_row(act) for act in acts if act.kind != "product_event"]
        half = len(events) // 2
        for some in (events[:half], events[half:]):
            warehouse.insert("events", some, token=None)
        warehouse.insert("activities", activities, token=None)
        number = self.scope.workspace_id
        definitions = self.vocabulary
        warehouse.insert(
            "contacts",
            [
                ContactRow(
                    number,
                    one.id,
                    f"c {one.id}",
                    None,
                    None,
                    {} if one.gone else _texts(definitions.contact_attributes, one.values),
                    1.0,
                    int(one.gone),
                    1,
                    sorted(one.lists),
                )
                for one in self.world.people.values()
            ],
            token=None,
        )
        warehouse.insert(
            "products",
            [
                ProductRow(
                    number,
                    one.id,
                    one.custom_id,
                    None,
                    _texts(definitions.product_attributes, one.values),
                    1.0,
                    int(one.gone),
                    1,
                )
                for one in self.world.things.values()
            ],
            token=None,
        )
        warehouse.insert(
            "carts",
            [self._cart_row(one) for one in self.world.people.values() if one.cart],
            token=None,
        )
        self._keep_members(warehouse)
        aliases = self.world.survivors.items()
        if aliases:
            rows = [AliasRow(number, merged, into, 1) for merged, into in aliases]
            warehouse.insert("contact_aliases", rows, token=None)
            warehouse.reload_aliases()

    def _cart_row(self, person: Person) -> CartRow:
        items = person.cart
        return CartRow(
            self.scope.workspace_id,
            person.id,
            [item.product for item in items],
            [str(item.quantity) for item in items],
            [None if item.price is None else str(item.price) for item in items],
            [item.currency for item in items],
            [item.added_at / 1000 for item in items],
            [item.changed_at / 1000 for item in items],
            1,
        )

    def _keep_members(self, warehouse: Warehouse) -> None:
        """Keep the members of the segment of products; the others were in it once."""
        members = self.world.product_members[9]
        number = self.scope.workspace_id
        stays = [MemberRow(number, 9, one, 1, 0, 1) for one in self.world.things]
        others = [one for one in self.world.things if one not in members]
        left = [MemberRow(number, 9, one, 1, 2, 2) for one in others]
        warehouse.insert("segment_members", stays, token=None)
        warehouse.insert("segment_members", left, token=None)

    def _event_row(self, act: Act) -> EventRow:
        return EventRow(
            self.scope.workspace_id,
            act.id,
            None,
            act.at / 1000,
            self.now / 1000,
            act.contact,
            act.product,
            act.type,
            act.source,
            None if act.price is None else str(act.price),
            None if act.quantity is None else str(act.quantity),
            act.currency,
            act.order_id,
            json.dumps(act.payload),
            None if act.custom is None else json.dumps(act.custom),
            act.session_id,
            act.traffic,
        )

    def _activity_row(self, act: Act) -> ActivityRow:
        columns = dict.fromkeys(ActivityRow.__struct_fields__)
        return ActivityRow(
            **{
                **columns,
                "workspace_id": self.scope.workspace_id,
                "activity_id": act.id,
                "occurred_at": act.at / 1000,
                "received_at": self.now / 1000,
                "contact_id": act.contact,
                "kind": act.kind,
                "name": act.name,
                "source": act.source,
                "session_id": act.session_id,
                "traffic": act.traffic,
                "attributes": json.dumps(act.attributes),
                **act.columns,
            }  # type: ignore[arg-type]  # names and values are those of the row
        )

    # --- conditions -----------------------------------------------------------------------------

    def condition(self, subject: Subject, depth: int = 3) -> Condition:
        chance = self.chance
        if depth and chance.random() < 0.6:
            kind = chance.choice(["all", "any", "not"])
            if kind == "not":
                return Not(self.condition(subject, depth - 1))
            inner = tuple(self.condition(subject, depth - 1) for _ in range(chance.randrange(4)))
            return All(inner) if kind == "all" else AnyOf(inner)
        if subject == "product":
            return chance.choice([self._product_attribute, self._product_events])(subject)
        leaf = chance.choice(
            [self._product_events] * 4
            + [self._contact_attribute] * 2
            + [self._sequence] * 3
            + [self._cart] * 2
            + [self._tag, self._consent, self._ordinary, self._pages, self._segment, self._list]
        )
        return leaf(subject)

    def _tag(self, _: Subject) -> Tag:
        return Tag(self.chance.choice(["vip", "VIP", "New"]))

    def _consent(self, _: Subject) -> Consent:
        return Consent(self.chance.choice(["email", "push"]))  # type: ignore[arg-type]  # of two

    def _segment(self, subject: Subject) -> Condition:
        known = list(self.world.segments)
        return InSegment(self.chance.choice(known)) if known else self._tag(subject)

    def _list(self, _: Subject) -> OnList:
        return OnList(self.chance.choice([1, 2]))

    def _cart(self, _: Subject) -> Cart:
        chance = self.chance
        wanted = self._filter()
        if wanted is not None and any(test.at == "then" for test in wanted.attributes):
            wanted = None
        compared: Any = ["at_least", "at_most"]
        value = None
        if chance.random() < 0.4:
            amounts = [0, 9.99, 20, 24.975, 50]
            value = AmountTest(chance.choice(compared), chance.choice(amounts), "EUR")
        ages = [
            AgeTest(chance.choice(compared), chance.choice([1, 2, 24, 48]), "hours")
            if chance.random() < 0.4
            else None
            for _ in range(2)
        ]
        return Cart(wanted, value, *ages)

    def _window(self) -> Window | None:
        chance = self.chance
        kind = chance.choice(["ever", "last", "ago", "since", "between"])
        unit: Any = chance.choice(["hours", "days"])
        if kind == "last":
            return LastWindow(chance.choice([1, 2, 3, 24, 25]), unit)
        if kind == "ago":
            least = chance.choice([0, 1, 2])
            return AgoWindow(least, least + chance.choice([1, 2, 24]), unit)
        start = chance.choice([self.day(), self._iso(self.instant())])
        if kind == "since":
            return SinceWindow(start)
        end = chance.choice(["2030-01-01", self._iso(self.now + 1)])
        too_late = start[:10] >= self._iso(self.now)[:10]
        return BetweenWindow(start, end) if kind == "between" and not too_late else None

    def _test(self, definition: Definition) -> tuple[str, Any]:
        chance, kind = self.chance, definition.value_type
        if chance.random() < 0.15:
            return chance.choice(["has_value", "has_none"]), None
        if kind == "string":
            word = chance.choice(["acme", "PL", "DE", "żubr", "Shoes", "å"])
            return chance.choice(["is", "is_not", "contains"]), word
        if kind in {"integer", "float"}:
            number = chance.choice([0, 1, 5, 20] if kind == "integer" else [0.5, 5.0, 9.5, 20.0])
            return chance.choice(["is", "is_not", "at_least", "at_most"]), number
        if kind == "boolean":
            return chance.choice(["is", "is_not"]), chance.random() < 0.5
        if kind == "fixed":
            return chance.choice(["is", "is_not"]), chance.choice(definition.choices)
        if kind == "list":
            return "contains", chance.choice(["vip", "new", "shoes", "Sale"])
        if kind == "date":
            return chance.choice(["is", "is_not", "before", "after"]), self.day()
        return chance.choice(["before", "after"]), self._iso(self.instant())

    def _contact_attribute(self, _: Subject) -> Attribute:
        world, chance = self.world, self.chance
        name = chance.choice(
            ["country", "score", "points", "unsubscribed", "gender", "tags", "birthday", "joined"]
        )
        definition = world.contact_definitions[name]
        if definition.value_type in {"date", "datetime"} and chance.random() < 0.7:
            operators = ["in_last_days", "in_next_days", "more_than_days_ago"]
            if definition.value_type == "date":
                operators.append("anniversary_in_next_days")
            return Attribute(name, chance.choice(operators), chance.choice([1, 2, 3, 7, 31]))
        return Attribute(name, *self._test(definition))

    _PRODUCT_NAMES = ("brand", "category_name", "categories", "price", "availability", "launched",
                      "hot", "stars")  # fmt: skip

    def _product_attribute(self, _: Subject) -> Attribute:
        name = self.chance.choice(self._PRODUCT_NAMES)
        return Attribute(name, *self._test(self.world.product_definitions[name]))

    def _filter(self) -> ProductFilter | None:
        chance = self.chance
        if chance.random() < 0.4:
            return None
        tests = []
        for _ in range(chance.randrange(3)):
            at: Any = chance.choice(["now", "then"])
            names = self._PRODUCT_NAMES if at == "now" else ("brand", "price", "launched", "hot",
                                                             "stars")  # fmt: skip
            name = chance.choice(names)
            operator, value = self._test(self.world.product_definitions[name])
            tests.append(AttributeTest(name, operator, value, at))
        ids = tuple(chance.sample(["p 1", "p 2", "p 9"], chance.randrange(1, 3)))
        return ProductFilter(
            ids if chance.random() < 0.3 else (),
            chance.choice(["shoes", "Hats", None, None]),
            tuple(tests),
            self.maybe([9], 0.2),
        )

    def _properties(self, kind: str) -> tuple[Property, ...]:
        chance = self.chance
        if chance.random() < 0.6:
            return ()
        operator: Any = chance.choice(["is", "is_not", "contains", "has_value", "has_none"])
        number: Any = chance.choice(["is", "is_not", "at_least", "at_most"])
        choices = [
            Property("source", operator, chance.choice(["api", "BROWSER"])),
            Property("utm_source", operator, chance.choice(["news", "ads"])),
            Property("utm_campaign", operator, "may"),
        ]
        if kind == "product_event":
            choices += [
                Property("custom_data", operator, chance.choice(["a1", "x"]), "coupon"),
                Property("custom_data", operator, "x", "deep.er"),
                Property("custom_data", number, 5, "n"),
                Property("unit_price", number, chance.choice([9.99, 20])),
                Property("quantity", number, 2),
                Property("currency", operator, "eur"),
            ]
        else:
            choices += [
                Property("attribute", operator, "pro", "plan"),
                Property("attribute", number, 3, "n"),
                Property("url", operator, "https://shop.example/sale"),
                Property("device_type", operator, "mobile"),
                Property("referrer", operator, "ads"),
            ]
        return (chance.choice(choices),)

    def _types(self, of: Any = _TYPES) -> Any:
        return tuple(self.chance.sample(of, self.chance.randrange(1, 3)))

    def _product_events(self, subject: Subject) -> ProductEvents:
        chance = self.chance
        if chance.random() < 0.2:
            occurrence: Any = chance.choice(["first", "last"])
            return ProductEvents(
                self._types(), self._filter(), self._properties("product_event"), self._window(),
                occurrence,
            )  # fmt: skip
        operator: Any = chance.choice(["at_least", "at_most", "exactly"])
        other: Any = "products" if subject == "contact" else "contacts"
        of: Any = chance.choice(["count", "count", other, "quantity", "revenue"])
        types = self._types(("purchase", "order")) if of == "revenue" else self._types()
        amounts = [0, 9.99, 20, 29.99, -20] if of == "revenue" else [0, 0.5, 1, 2.5, 3]
        value = chance.choice([0, 1, 1, 2, 3] if of in {"count", other} else amounts)
        currency = chance.choice(["EUR", "PLN"]) if of == "revenue" else None
        return ProductEvents(
            types,
            self._filter(),
            self._properties("product_event"),
            self._window(),
            measure=Measure(of, operator, value, currency),
        )

    def _count(self) -> Measure:
        operator: Any = self.chance.choice(["at_least", "at_most", "exactly"])
        return Measure("count", operator, self.chance.choice([0, 1, 2]))

    def _ordinary(self, _: Subject) -> OrdinaryEvents:
        name = self.chance.choice(["signed up", "searched", "flew"])
        return OrdinaryEvents(
            name, self._properties("event"), self._window(), measure=self._count()
        )

    def _pages(self, _: Subject) -> PageViews:
        return PageViews(self._properties("page_view"), self._window(), measure=self._count())

    def _step(self, *, of_product: bool) -> Step:
        kind = "product_event" if of_product else self.chance.choice(["event", "page_view", "p"])
        if kind == "event":
            return EventStep("searched", self._properties("event"))
        if kind == "page_view":
            return PageStep(self._properties("page_view"))
        return ProductStep(self._types(), self._filter(), self._properties("product_event"))

    def _sequence(self, _: Subject) -> Sequence:
        chance = self.chance
        same = chance.random() < 0.4
        of_product = same or chance.random() < 0.5
        lengths = [None, Duration(1, "hours"), Duration(1, "days"), Duration(120, "minutes")]
        excluded = self._step(of_product=of_product) if chance.random() < 0.5 else None
        return Sequence(
            self._step(of_product=of_product),
            self._step(of_product=of_product),
            chance.choice(lengths),
            excluded,
            chance.choice(lengths) if excluded else None,
            same,
            self._window(),
        )


def _texts(definitions: Definitions, values: dict[str, Any]) -> dict[str, str]:
    texts = {}
    for name, value in values.items():
        definition = definitions.get(name)
        assert definition is not None
        texts[name] = canonical_text(definition, value)
    return texts
