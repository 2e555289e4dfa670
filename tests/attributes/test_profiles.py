"""What an event or a request does to a profile."""

import itertools
import random
import timeit
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.attributes.definitions import (
    MAX_AUTOMATIC_PER_DAY,
    MAX_AUTOMATIC_PER_DAY_FOR_BROWSERS,
    MAX_DEFINITIONS,
    MAX_DEFINITIONS_FOR_BROWSERS,
    Definitions,
)
from footfall.attributes.profiles import MAX_SET_ASIDE_OF_BROWSERS, RAW_LIMIT, apply_values
from footfall.attributes.types import Cell, Definition, ObjectKind, Profile, SetAside
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import DAY_MS, Instant
from footfall.kernel.scope import Scope

SCOPE = Scope(WorkspaceId(1))
NOW = Instant(1_700_000_000_000)
UTC_ZONE = ZoneInfo("UTC")


class Object:
    """A product (or contact) with everything a write needs."""

    def __init__(self, stored: tuple[Definition, ...] = (), kind: ObjectKind = "product") -> None:
        self.definitions = Definitions(SCOPE, kind, stored)
        self.profile: Profile = {}
        self.set_aside: list[SetAside] = []

    def say(
        self,
        values: dict[str, Any],
        occurred_at: int = 10,
        position: int = 1,
        *,
        in_event: bool = True,
        now: Instant = NOW,
        source: str = "api",
    ) -> bool:
        return apply_values(
            self.profile,
            self.definitions,
            values,
            object_id=7,
            occurred_at=occurred_at,
            position=position,
            source=source,
            now=now,
            zone=UTC_ZONE,
            set_aside=self.set_aside,
            in_event=in_event,
        )

    def write(self, values: dict[str, Any], occurred_at: int = 10, position: int = 1) -> bool:
        return self.say(values, occurred_at, position, in_event=False)

    @property
    def values(self) -> dict[str, Any]:
        return {name: cell.value for name, cell in self.profile.items()}

    @property
    def codes(self) -> list[tuple[str, str]]:
        return [(row.name_std, row.code) for row in self.set_aside]


def defined(name: str, value_type: Any, created_at: int = 0, origin: Any = "defined") -> Definition:
    return Definition(1, "product", name, name, value_type, (), False, origin, Instant(created_at))


def test_values_are_kept_with_what_was_sent_and_when() -> None:
    shoe = Object()
    assert shoe.say({"Price": "12,50", "color": "red"}, 10, 3)
    assert shoe.profile == {
        "price": Cell("12,50", 12.5, 10, 3, "api"),
        "color": Cell("red", "red", 10, 3, "api"),
    }
    assert [found.name_std for found in shoe.definitions.created] == ["color"]


def test_a_late_event_overwrites_nothing_newer() -> None:
    shoe = Object()
    shoe.say({"color": "red", "size": "42"}, 10)
    assert shoe.say({"color": "blue", "brand": "acme"}, 5, 2)
    assert shoe.values == {"color": "red", "size": "42", "brand": "acme"}
    assert not shoe.say({"color": "green"}, 9, 3)


def test_an_unchanged_value_gets_the_newer_time_and_is_no_change() -> None:
    shoe = Object()
    shoe.say({"color": "red"}, 10, 1)
    assert not shoe.say({"color": "red"}, 20, 2)
    assert shoe.profile["color"].occurred_at == 20
    assert not shoe.say({"color": "blue"}, 15, 3)


def test_in_an_event_null_identifiers_and_facts_are_passed_over() -> None:
    shoe = Object()
    shoe.say({"color": "red"}, 1)
    passed = ["id", "product_id", "Custom ID", "event_type", "user_id", "client", "timestamp"]
    facts = ["quantity", "order_id", "currency", "Currency"]
    assert not shoe.say({"color": None, "unknown": None, **dict.fromkeys(passed + facts, "x")}, 2)
    assert shoe.values == {"color": "red"}
    assert shoe.set_aside == []
    assert [found.name_std for found in shoe.definitions.created] == ["color"]


def test_a_write_of_the_profile_may_set_what_is_a_fact_in_an_event() -> None:
    shoe = Object()
    shoe.write({"quantity": 3, "currency": "EUR", "id": 9})
    assert shoe.values == {"quantity": "3", "currency": "EUR"}


def test_null_in_a_write_leaves_a_dated_tombstone() -> None:
    shoe = Object()
    shoe.say({"color": "red"}, 10)
    assert shoe.write({"Color": None, "unknown": None, "brand": None}, 20)
    assert shoe.values == {"color": None, "brand": None}
    assert not shoe.say({"color": "blue", "brand": "old"}, 15, 9)
    assert shoe.say({"color": "green"}, 25, 10)
    assert not shoe.write({"unknown": None}, 30)


def test_a_name_that_comes_twice_in_one_event_counts_the_first_time() -> None:
    shoe = Object()
    shoe.say({"Color": "red", "color": "blue"})
    assert shoe.values == {"color": "red"}


def test_of_two_writes_at_one_instant_the_later_wins_and_both_beat_the_event_there() -> None:
    for order in itertools.permutations(["event", "write"]):
        shoe = Object()
        for one in order:
            shoe.say({"color": one}, 10, 5, in_event=one == "event")
        assert shoe.values == {"color": "write"}
    shoe = Object()
    shoe.write({"color": "first"}, 10, 5)
    assert shoe.write({"color": "second"}, 10, 5)
    assert shoe.values == {"color": "second"}


def test_what_does_not_fit_is_set_aside_and_keeps_value_and_time() -> None:
    shoe = Object((defined("weight", "float"),))
    shoe.say({"weight": 1.5}, 10, 1)
    assert not shoe.say({"weight": "heavy"}, 20, 2)
    assert shoe.profile["weight"] == Cell(1.5, 1.5, 10, 1, "api")
    [row] = shoe.set_aside
    assert (row.kind, row.object_id, row.name_std, row.raw) == ("product", 7, "weight", '"heavy"')
    assert (row.code, row.occurred_at, row.position) == ("not_a_number", 20, 2)
    assert shoe.say({"weight": 2}, 15, 3)


def test_a_late_bad_value_is_set_aside_too() -> None:
    shoe = Object()
    shoe.say({"price": 5}, 10)
    shoe.say({"price": "?"}, 5, 2)
    assert shoe.codes == [("price", "not_a_number")]


def test_a_price_brings_its_currency_where_none_is_named() -> None:
    shoe = Object()
    assert shoe.say({"price": "12.00 PLN"}, 10)
    assert shoe.values == {"price": 12.0, "currency": "PLN"}
    shoe.say({"price": "13.00 EUR", "Currency": None}, 11, 2)
    assert shoe.values == {"price": 13.0, "currency": "EUR"}
    shoe.say({"price": "14.00 USD", "Currency": "CHF"}, 12, 3)
    assert shoe.values == {"price": 14.0, "currency": "EUR"}
    shoe.write({"price": "15.00 USD", "currency": "CHF"}, 13, 4)
    assert shoe.values == {"price": 15.0, "currency": "CHF"}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "attribute_name"),
        ("€", "attribute_name"),
        ("\0", "attribute_name"),
        ("x" * 100_000, "attribute_name"),
    ],
)
def test_a_name_that_cannot_be_is_set_aside(name: str, code: str) -> None:
    shoe = Object()
    assert not shoe.say({name: "x" * 5_000})
    [row] = shoe.set_aside
    assert row.code == code
    assert len(row.name) <= 255
    assert len(row.name_std) <= 255
    assert len(row.raw) == RAW_LIMIT
    assert "\0" not in row.name + row.name_std + row.raw


def test_a_hundred_new_attributes_a_day_and_then_values_are_set_aside() -> None:
    shoe = Object((defined("old", "string", NOW - DAY_MS, "automatic"),))
    shoe.say({f"a{number}": "x" for number in range(MAX_AUTOMATIC_PER_DAY + 2)})
    assert len(shoe.definitions.created) == MAX_AUTOMATIC_PER_DAY
    assert shoe.codes == [("a100", "too_many_new_attributes"), ("a101", "too_many_new_attributes")]
    assert shoe.say({"old": "y", "a5": "z"}, 20)
    assert shoe.say({"b": "x"}, 30, now=Instant(NOW + DAY_MS))


def test_what_was_created_today_before_counts() -> None:
    today = [defined(f"t{number}", "string", NOW, "automatic") for number in range(99)]
    shoe = Object((*today, defined("mine", "string", NOW)))
    shoe.say({"one": "x", "two": "x"})
    assert shoe.codes == [("two", "too_many_new_attributes")]


def test_five_hundred_attributes_and_then_values_are_set_aside() -> None:
    full = tuple(defined(f"a{number}", "string") for number in range(MAX_DEFINITIONS - 1))
    shoe = Object(full)
    shoe.say({"one": "x", "two": "x", "name": "built in", "a1": "known"})
    assert shoe.codes == [("two", "too_many_attributes")]
    assert set(shoe.values) == {"one", "name", "a1"}


def test_contacts_have_attributes_of_their_own() -> None:
    anna = Object(kind="contact")
    anna.write({"gender": 3, "status": "USER", "score": "12", "tags": "vip", "unsubscribed": "no"})
    assert anna.values == {
        "gender": "female",
        "status": "user",
        "score": 12,
        "tags": ["vip"],
        "unsubscribed": False,
    }
    assert anna.definitions.created == []


names = st.sampled_from(["Color", "color", "price", "weight", "tags", "", "id", "ü", "currency"])
values = (
    st.none()
    | st.booleans()
    | st.integers(0, 3)
    | st.sampled_from(["red", "1 EUR", "2,50 PLN", "x"])
    | st.lists(st.sampled_from("ab"), max_size=2)
)
events = st.lists(
    st.tuples(st.integers(0, 3), st.dictionaries(names, values, max_size=4)), max_size=5
)


@given(events, st.randoms(use_true_random=False))
def test_events_give_one_profile_in_any_order(
    said: list[tuple[int, dict[str, Any]]], chance: random.Random
) -> None:
    numbered = list(enumerate(said, 1))
    outcomes = set()
    for _ in range(4):
        shoe = Object((defined("weight", "float"),))
        for position, (occurred_at, event) in numbered:
            before = shoe.values
            changed = shoe.say(event, occurred_at, position)
            assert changed is (repr(shoe.values) != repr(before))
        kept = sorted((row.name_std, row.position, row.raw, row.code) for row in shoe.set_aside)
        outcomes.add((repr(sorted(shoe.profile.items())), repr(kept)))
        chance.shuffle(numbered)
    assert len(outcomes) == 1


@given(events)
def test_applying_an_event_again_changes_nothing(said: list[tuple[int, dict[str, Any]]]) -> None:
    shoe = Object()
    for position, (occurred_at, event) in enumerate(said):
        shoe.say(event, occurred_at, position)
        before = repr(shoe.profile)
        assert not shoe.say(event, occurred_at, position)
        assert repr(shoe.profile) == before


def test_an_attribute_costs_a_few_microseconds_at_most() -> None:
    event = {f"attribute {number}": "some plain text" for number in range(20)}
    shoe = Object()
    clock = itertools.count(1)

    def say() -> None:
        moment = next(clock)
        shoe.say(event, moment, moment)

    # The target is 1.5 µs on a quiet machine; the bound leaves room for a busy one.
    best = min(timeit.repeat(say, number=20, repeat=30)) / 20 / len(event)
    assert best < 5e-6


def test_browsers_leave_half_of_the_new_attributes_to_the_server() -> None:
    shop = Object()
    shop.say({f"page {number}": number for number in range(60)}, source="browser")
    assert len(shop.definitions.created) == MAX_AUTOMATIC_PER_DAY_FOR_BROWSERS
    assert shop.codes[0] == ("page_50", "too_many_new_attributes")
    shop.say({"page 50": 1, "material": "oak"})  # also the name that was refused a moment ago
    assert {"page_50", "material"} <= set(shop.profile)


def test_browsers_leave_half_of_all_attributes_to_the_server() -> None:
    stored = [defined(f"a{n}", "string") for n in range(MAX_DEFINITIONS_FOR_BROWSERS)]
    shop = Object(tuple(stored))
    shop.say({"page": 1, "a1": 2}, source="browser")
    assert (shop.codes, set(shop.profile)) == ([("page", "too_many_new_attributes")], {"a1"})
    shop.say({"material": "oak"})
    assert "material" in shop.profile


def test_a_browser_cannot_fill_the_store_with_refused_values() -> None:
    many = {f"price {number}": number for number in range(1_000)}
    shop, page = Object(), Object()
    shop.say(many)
    page.say({"user_id": 1, **many}, source="browser")
    assert len(shop.set_aside) == 1_000 - MAX_AUTOMATIC_PER_DAY
    assert len(page.codes) == MAX_SET_ASIDE_OF_BROWSERS
