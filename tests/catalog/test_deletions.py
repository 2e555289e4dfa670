"""Deleting and bringing back: what a product knows, and whether it is there."""

from itertools import count
from secrets import token_bytes
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.catalog.api import (
    count_products,
    delete_product,
    get_product,
    list_products,
    put_product,
    revive_product,
)
from footfall.catalog.types import Product
from footfall.kernel.errors import NotFound
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.workspaces.api import create_workspace, scope_of

START = Instant(1_700_000_000_000)
_names = count(1)

#: What is done to one product: a write of an attribute, a deletion, or its undo.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["delete", "revive"]), st.just(0)),
    ),
    max_size=12,
)


class Outcome(NamedTuple):
    products: list[Product]  #: those in lists
    number: int
    known: Product | None


def done(state: State, history: list[tuple[str, int]]) -> Outcome:
    """Return what a new workspace holds after `history`, a millisecond for each step."""
    with state.write() as conn:
        name = f"deletions {next(_names)}"
        scope: Scope = scope_of(create_workspace(conn, name, now=START, random_bytes=token_bytes))
        put_product(conn, scope, "mug", {"colour": "blue"}, now=START, position=1)
        for place, (what, value) in enumerate(history, 1):
            now = Instant(START + place)
            try:
                if what == "put":
                    values = {f"size {value}": value, "colour": str(place)}
                    put_product(conn, scope, "mug", values, now=now, position=1)
                elif what == "delete":
                    delete_product(conn, scope, "mug", now=now)
                else:
                    revive_product(conn, scope, "mug", now=now)
            except NotFound:
                assert what == "delete"  # of what is deleted already
        listed = list_products(conn, scope, limit=10)
        number = count_products(conn, scope)
        try:
            known: Product | None = get_product(conn, scope, "mug")
        except NotFound:
            known = None
        return Outcome(listed, number, known)


@pytest.mark.timeout(120)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_a_deletion_hides_a_product_until_it_is_brought_back_and_costs_no_value(
    state: State, history: list[tuple[str, int]]
):
    last = next((what for what, _ in reversed(history) if what in {"put", "delete", "revive"}), "")
    outcome = done(state, history)
    is_there = last != "delete"
    assert outcome.number == len(outcome.products) == int(is_there)
    assert (outcome.known is not None) == is_there
    # What it knows is what it would know if nobody had deleted it.
    back = done(state, [*history, ("revive", 0)])
    untouched = done(state, [step if step[0] == "put" else ("revive", 0) for step in history])
    assert back.known is not None
    assert untouched.known is not None
    assert back.known.profile == untouched.known.profile
    assert back.known.deleted_at is None
