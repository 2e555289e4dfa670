"""A history is decided by its plan, and what is written down as true of it is."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from footfall.demo.simulation import Simulation
from footfall.demo.types import Plan
from footfall.kernel.instants import DAY_MS

ENDS_AT = int(datetime(2026, 11, 23, 15, 20, tzinfo=UTC).timestamp() * 1000)
#: The month of the end is younger than the history's first one, so both halves of a year are there.
PLAN = Plan(seed=7, event_count=60_000, ends_at=ENDS_AT)


def history(plan, catalog):
    simulation = Simulation(plan, catalog)
    days = list(simulation.days())
    return days, simulation.truth()


@pytest.fixture(scope="module")
def made(catalog):
    return history(PLAN, catalog)


@pytest.fixture(scope="module")
def actions(made):
    return [action for day in made[0] for action in day]


@pytest.fixture(scope="module")
def truth(made):
    return made[1]


def of_type(actions, *names):
    return [a for a in actions if a.kind == "product_event" and a.name in names]


def test_the_same_plan_gives_the_same_history_and_another_seed_another(catalog):
    plan = Plan(seed=1, event_count=800, ends_at=ENDS_AT)
    again, other = Plan(1, 800, ENDS_AT), Plan(2, 800, ENDS_AT)
    assert history(plan, catalog) == history(again, catalog)
    assert history(plan, catalog)[0] != history(other, catalog)[0]


def test_a_history_has_exactly_the_events_planned_and_ends_then(actions):
    assert sum(1 for action in actions if action.kind != "update") == PLAN.event_count
    assert max(action.at for action in actions) <= ENDS_AT
    assert max(action.at for action in actions) > ENDS_AT - DAY_MS


def test_each_day_is_in_the_order_of_its_times(made):
    for day in made[0]:
        assert [action.at for action in day] == sorted(action.at for action in day)


def test_the_truth_counts_every_kind(actions, truth):
    assert truth.by_type == Counter(a.name for a in actions if a.kind == "product_event")
    assert truth.by_name == Counter(a.name for a in actions if a.kind == "event")
    assert truth.page_views == sum(1 for a in actions if a.kind == "page_view")
    assert truth.updates == sum(1 for a in actions if a.kind == "update")
    days = Counter(
        datetime.fromtimestamp(a.at / 1000, UTC).date().isoformat()
        for a in actions
        if a.kind == "product_event"
    )
    assert truth.by_day == days


def test_orders_and_revenue_are_what_the_shops_server_said(actions, truth):
    bought = [a for a in of_type(actions, "purchase") if a.sender == "api"]
    assert truth.orders == len({a.order_id for a in bought})
    assert truth.order_lines == len(bought)
    assert truth.lines_reported_twice == len(of_type(actions, "purchase")) - len(bought) > 0
    value = {(a.order_id, a.variant.id): a.price * a.quantity for a in bought}
    back = {(a.order_id, a.variant.id) for a in of_type(actions, "return", "refund")}
    assert back <= set(value)
    revenue = sum(value.values()) - sum(value[line] for line in back)
    assert Decimal(truth.revenue) == revenue
    assert truth.returns > 0
    assert truth.refunds > 0


def test_the_browser_repeats_an_order_as_the_server_said_it(actions):
    said = defaultdict(set)
    for a in of_type(actions, "purchase"):
        said[a.sender].add((a.order_id, a.variant.id, a.price, a.quantity))
    assert said["browser"] < said["api"]


def test_the_planted_pair_is_what_is_bought_together_most_beyond_chance(actions, truth):
    orders = defaultdict(set)
    for a in of_type(actions, "purchase"):
        orders[a.order_id].add(a.variant.id)
    single, double = Counter(), Counter()
    for bought in orders.values():
        single.update(bought)
        double.update((a, b) for a in bought for b in bought if a < b)
    (best, together), *_ = double.most_common(1)
    assert best == (truth.pair.first, truth.pair.second)
    assert together == truth.pair.orders_with_both
    lift = together * len(orders) / (single[best[0]] * single[best[1]])
    assert truth.pair.lift == round(lift, 2)
    assert lift > 4


def test_the_planted_trend_is_the_product_whose_share_of_views_grows_most(actions, truth):
    weeks = 28 * DAY_MS
    lately, before = Counter(), Counter()
    for a in of_type(actions, "view"):
        age = (ENDS_AT - a.at) // weeks
        if age in (0, 2):
            (lately if age == 0 else before)[a.variant.id] += 1
    scale = before.total() / lately.total()
    growth = {
        product: lately[product] * scale / seen for product, seen in before.items() if seen >= 10
    }
    assert max(growth, key=growth.__getitem__) == truth.trend.product
    assert truth.trend.growth == round(growth[truth.trend.product], 2) > 2


def test_weekdays_and_months_differ_as_planted(truth):
    days = [(datetime.fromisoformat(day), number) for day, number in truth.by_day.items()][:-1]
    # Of the last year only, so that every month is there once.
    days = days[-365:]
    mean = sum(number for _, number in days) / len(days)
    for weekday, factor in enumerate(truth.weekly):
        chosen = [number for day, number in days if day.weekday() == weekday]
        assert sum(chosen) / len(chosen) / mean == pytest.approx(factor, rel=0.1)
    yearly_mean = sum(truth.yearly) / 12
    for month, factor in enumerate(truth.yearly, 1):
        chosen = [number for day, number in days if day.month == month]
        assert sum(chosen) / len(chosen) / mean == pytest.approx(factor / yearly_mean, rel=0.1)


def test_people_are_known_by_their_logins_and_apart_before(actions, truth):
    """Identifiers that one event names belong to one person: the rule that Footfall has, too."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    known, anonymous_first = set(), set()
    seen_keys: set[str] = set()
    for a in sorted(actions, key=lambda action: action.at):
        key, user_id = a.shopper.visitor_key, a.shopper.user_id
        names = [name for name in (user_id, key) if name is not None]
        if user_id is not None and user_id not in known:
            known.add(user_id)
            if key in seen_keys:
                anonymous_first.add(user_id)
        for name in names:
            leader[find(name)] = find(names[0])
        if key is not None:
            seen_keys.add(key)
    assert truth.known_contacts == len(known)
    assert truth.became_known == len(anonymous_first)
    assert truth.contacts == len({find(name) for name in list(leader)})
    assert 0 < truth.became_known < truth.known_contacts < truth.contacts


def test_some_carts_are_left_behind(actions, truth):
    carts = {a.session_id for a in of_type(actions, "add to cart")}
    assert truth.carts == len(carts)
    assert 0.3 < truth.abandoned_carts / truth.carts < 0.8


def test_prices_rose(actions, catalog):
    paid = {a.price / a.variant.price for a in of_type(actions, "view")}
    assert min(paid) < Decimal("0.94")
    latest = of_type(actions, "view")[-1]
    assert latest.price == catalog.variants[latest.variant.id].price
