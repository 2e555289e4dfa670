"""A year of a shop's life, made from a seed, and the truth about it. Pure.

The truth is counted where things are decided, never by reading events back, so that a report can be
held against it.
"""

import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import Final

from footfall.demo.assortment import Assortment
from footfall.demo.catalog import PAIR, TREND
from footfall.demo.people import Population
from footfall.demo.rhythm import WEEKLY, YEARLY, Day, days_until, moment_of
from footfall.demo.types import Action, Catalog, Plan, PlantedPair, PlantedTrend, Shopper, Truth
from footfall.demo.visits import MAX_ACTIONS, Line, Order, Visit, Visitor, purchases
from footfall.kernel.instants import DAY_MS, Instant, to_datetime

#: Of order lines, how many come back.
_COMES_BACK: Final = 0.08
#: Of those: sent back and paid back; sent back only, so far; paid back without being sent back.
_WAYS_BACK: Final = ("return and refund", "return", "refund")
_WAY_WEIGHTS: Final = (75, 10, 15)
_BACK_DAYS: Final = (4, 21)
_REFUND_DAYS: Final = (1, 5)
#: Of visits' worth of orders, how many are made by telephone: the browser knows nothing of them.
_TELEPHONE_SHARE: Final = 0.01
_BROWSING_ACTIONS: Final = 8
_FOUR_WEEKS_MS: Final = 28 * DAY_MS


class Simulation:
    """The history of a plan. Its days are made one by one; after the last, the truth is known."""

    def __init__(self, plan: Plan, catalog: Catalog) -> None:
        self._plan = plan
        self._ends_at = Instant(plan.ends_at)
        self._rng = random.Random(f"history {plan.seed}")  # noqa: S311 - a simulation, no secret
        self._assortment = Assortment(catalog, self._rng, self._ends_at)
        self._population = Population(self._rng, len(catalog.categories))
        self._tally = _Tally(self._ends_at)
        self._numbers = count(1)
        self._coming_back: list[tuple[int, int, Action, Decimal]] = []

    def days(self) -> Iterator[list[Action]]:
        """Yield the actions of each day, in the order of their times."""
        for day in days_until(self._ends_at):
            actions = self._day(day)
            actions.sort(key=lambda action: action.at)
            for action in actions:
                self._tally.note(action)
            yield actions

    def truth(self) -> Truth:
        """Return what is true of the days that were made; of the history, after the last one."""
        begins_at = days_until(self._ends_at)[0].start
        return self._tally.truth(begins_at, self._population)

    def _day(self, day: Day) -> list[Action]:
        self._assortment.turn_to(day.start)
        target = round(day.share * self._plan.event_count)
        planned = self._tally.planned
        actions: list[Action] = []
        while self._coming_back and self._coming_back[0][0] < day.end and planned < target:
            _, _, action, value = heappop(self._coming_back)
            self._tally.takes_back(value)
            actions.append(action)
            planned += 1
        while planned < target:
            visit = self._visit(day, self._plan.event_count - planned)
            actions += visit.actions
            planned += sum(1 for action in visit.actions if action.kind != "update")
            self._tally.visited(visit)
            if visit.order is not None:
                self._send_some_back(visit.order)
        self._tally.planned = planned
        return actions

    def _visit(self, day: Day, room: int) -> Visit:
        """Return a visit that fits into what is left of the history."""
        rng = self._rng
        starts_at = moment_of(day, rng)
        number = next(self._numbers)
        order_id = f"{self._plan.seed}-{100_000 + number}"
        if room >= MAX_ACTIONS and rng.random() < _TELEPHONE_SHARE:
            return self._telephone(order_id, starts_at)
        person, browser = self._population.visitor()
        visitor = Visitor(
            rng,
            self._assortment,
            person,
            browser,
            starts_at=starts_at,
            session_id=f"s-{self._plan.seed}-{number}",
        )
        if room < MAX_ACTIONS:
            return self._in_time(visitor.browse(min(room, _BROWSING_ACTIONS)))
        return self._in_time(visitor.visit(order_id))

    def _in_time(self, visit: Visit) -> Visit:
        """Return the visit, earlier if it would last beyond the end of the history."""
        late = visit.actions[-1].at - self._ends_at
        if late <= 0:
            return visit
        moved = [action._replace(at=Instant(action.at - late)) for action in visit.actions]
        return visit._replace(actions=moved)

    def _telephone(self, order_id: str, at: Instant) -> Visit:
        person = self._population.new_person(with_browser=False)
        made_account = person.log_in(None, at)
        variant = self._assortment.pick(self._rng, person.shelf)
        line = Line(variant, self._assortment.price(variant), 1)
        order = Order(order_id, at, Shopper(None, person.user_id, person.email), (line,))
        return Visit(purchases(order), had_cart=False, order=order, made_account=made_account)

    def _send_some_back(self, order: Order) -> None:
        rng = self._rng
        for line in order.lines:
            if rng.random() >= _COMES_BACK:
                continue
            (way,) = rng.choices(_WAYS_BACK, _WAY_WEIGHTS)
            at = order.at + rng.randint(*_BACK_DAYS) * DAY_MS
            value = line.price * line.quantity
            for event_type in way.split(" and "):
                part = Order(order.id, Instant(at), order.buyer, (line,))
                (action,) = purchases(part, event_type)
                heappush(self._coming_back, (at, next(self._numbers), action, value))
                # The money of a line is given back once, with whichever comes first.
                value = Decimal(0)
                at += rng.randint(*_REFUND_DAYS) * DAY_MS


class _Tally:
    """Counts what happens."""

    def __init__(self, ends_at: Instant) -> None:
        self.planned = 0
        self._ends_at = ends_at
        self._by_type: Counter[str] = Counter()
        self._by_name: Counter[str] = Counter()
        self._by_day: Counter[int] = Counter()
        self._page_views = 0
        self._updates = 0
        self._carts = 0
        self._bought_carts = 0
        self._orders = 0
        self._lines = 0
        self._twice = 0
        self._with = [0, 0, 0]
        self._revenue = Decimal(0)
        self._views = {TREND: [0, 0], "": [0, 0]}

    def note(self, action: Action) -> None:
        """Count one action."""
        if action.kind == "page_view":
            self._page_views += 1
        elif action.kind == "event":
            self._by_name[action.name] += 1
        elif action.kind == "update":
            self._updates += 1
        else:
            self._by_type[action.name] += 1
            self._by_day[action.at // DAY_MS] += 1
            if action.name == "view":
                self._viewed(action)
            elif action.name == "purchase" and action.sender == "browser":
                self._twice += 1

    def _viewed(self, action: Action) -> None:
        # Weeks before the end, in fours: 0 is lately, 2 the time before the trend.
        age = (self._ends_at - action.at) // _FOUR_WEEKS_MS
        place = {0: 1, 2: 0}.get(age)
        if place is not None:
            self._views[""][place] += 1
            if action.variant is not None and action.variant.id == TREND:
                self._views[TREND][place] += 1

    def visited(self, visit: Visit) -> None:
        """Count what became of one visit."""
        self._carts += visit.had_cart
        order = visit.order
        if order is None:
            return
        self._bought_carts += visit.had_cart
        self._orders += 1
        self._lines += len(order.lines)
        self._revenue += sum(line.price * line.quantity for line in order.lines)
        bought = {line.variant.id for line in order.lines}
        first, second = (product in bought for product in PAIR)
        for place, hit in enumerate((first, second, first and second)):
            self._with[place] += hit

    def takes_back(self, value: Decimal) -> None:
        """Count money that goes back."""
        self._revenue -= value

    def truth(self, begins_at: Instant, population: Population) -> Truth:
        """Return the counts so far."""
        people = population.people
        return Truth(
            begins_at=begins_at,
            ends_at=self._ends_at,
            by_type=dict(sorted(self._by_type.items())),
            by_name=dict(sorted(self._by_name.items())),
            page_views=self._page_views,
            updates=self._updates,
            by_day={_date(day): number for day, number in sorted(self._by_day.items())},
            weekly=WEEKLY,
            yearly=YEARLY,
            contacts=sum(person.contact_count for person in people),
            known_contacts=sum(person.has_account for person in people),
            became_known=sum(person.was_anonymous for person in people),
            carts=self._carts,
            abandoned_carts=self._carts - self._bought_carts,
            orders=self._orders,
            order_lines=self._lines,
            lines_reported_twice=self._twice,
            revenue=str(self._revenue),
            returns=self._by_type["return"],
            refunds=self._by_type["refund"],
            pair=self._pair(),
            trend=self._trend(),
        )

    def _pair(self) -> PlantedPair:
        first, second, both = self._with
        lift = both * self._orders / (first * second) if first and second else 0.0
        return PlantedPair(*PAIR, first, second, both, round(lift, 2))

    def _trend(self) -> PlantedTrend:
        (before, lately), (all_before, all_lately) = self._views[TREND], self._views[""]
        growth = lately * all_before / (before * all_lately) if before and all_lately else 0.0
        return PlantedTrend(TREND, before, lately, round(growth, 2))


def _date(day: int) -> str:
    return to_datetime(Instant(day * DAY_MS)).date().isoformat()
