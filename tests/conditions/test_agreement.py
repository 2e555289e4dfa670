"""The printed statement says what a brute-force evaluator says, on random small shops."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.conditions.api import everybody, few, matching, problems, read_condition, written
from footfall.conditions.types import Condition, Not, Subject
from footfall.kernel.instants import Instant
from footfall.warehouse.api import Warehouse
from tests.conditions.brute_force import Asked
from tests.conditions.worlds import Shop

#: Of each shop; each is asked of everybody, and all of them of a few.
CONDITIONS = 6


def agree(warehouse: Warehouse, chance: random.Random) -> None:
    shop = Shop(chance)
    shop.store(warehouse)
    shop.world.segments = {7: shop.condition("contact", 1)}
    _agree_of(warehouse, shop, "contact")
    _agree_of(warehouse, shop, "product")


def _agree_of(warehouse: Warehouse, shop: Shop, subject: Subject) -> None:
    world, vocabulary, now = shop.world, shop.vocabulary, Instant(shop.now)
    objects = world.people if subject == "contact" else world.things
    living = [one.id for one in objects.values() if not one.gone]
    asked = [Asked(world, subject, one) for one in living]
    conditions: list[Condition] = []
    for _ in range(CONDITIONS):
        drawn = shop.condition(subject)
        condition = read_condition(written(drawn))
        assert condition == drawn
        if problems(condition, subject, vocabulary, now):
            continue  # a window that ends before it begins
        conditions.append(condition)
        expected = [one.id for one in asked if one.fits(condition)]
        for wanted, fits in ((condition, expected), (Not(condition), None)):
            rows = warehouse.rows(matching(shop.scope, subject, wanted, vocabulary, now))
            found = [row[0] for row in rows]
            assert found == (
                fits if fits is not None else [one for one in living if one not in expected]
            ), (wanted, world)
        [(count, sample)] = warehouse.rows(
            everybody(shop.scope, subject, condition, vocabulary, now)
        )
        assert (count, sorted(sample)) == (len(expected), expected)
    some = shop.chance.sample(living, len(living) // 2 + 1) if living else [shop.base + 99]
    merged = [one for one, survivor in world.survivors.items() if survivor in some]
    rows = warehouse.rows(few(shop.scope, subject, conditions, vocabulary, now, some, merged))
    told = {row[0]: [bool(one) for one in row[1:]] for row in rows}
    assert told == {
        one.id: [one.fits(condition) for condition in conditions] for one in asked if one.id in some
    }, (conditions, world)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chance=st.randoms(use_true_random=False))
def test_the_statement_agrees_with_brute_force(warehouse: Warehouse, chance: random.Random) -> None:
    agree(warehouse, chance)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_the_statement_agrees_on_thousands_of_shops(warehouse: Warehouse) -> None:
    for seed in range(4_000):
        agree(warehouse, random.Random(seed))
