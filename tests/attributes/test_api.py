"""Definitions and set-aside values in the state store, on both engines."""

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from footfall.attributes.api import (
    define_attribute,
    forget_set_aside,
    list_set_aside,
    load_definitions,
    record_set_aside,
)
from footfall.attributes.types import Definition, SetAside
from footfall.kernel.errors import Conflict, UserError
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import DAY_MS, Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.state.schema import set_aside_values

NOW = Instant(1_700_000_000_000)
MINE, OTHER = Scope(WorkspaceId(1)), Scope(WorkspaceId(2))


def define(conn: Connection, name: str, value_type: str = "string", **more: Any) -> Definition:
    return define_attribute(conn, MINE, "product", name, value_type, now=NOW, **more)


def test_a_defined_attribute_is_found_in_any_spelling(state: State) -> None:
    with state.write() as conn:
        made = define(conn, "Shoe Size", "fixed", choices=["42", "43"], multiple=True)
    with state.read() as conn:
        found = load_definitions(conn, MINE, "product")
        assert found.get("SHOE-SIZE") == found.get("shoe_size") == made
        assert (made.name, made.choices, made.multiple) == ("Shoe Size", ("42", "43"), True)
        assert made.id > 0
        assert found.all()[-1] == made
        assert found.all()[0].name == "name"


def test_definitions_are_of_one_kind_and_one_workspace(state: State) -> None:
    with state.write() as conn:
        define(conn, "mine")
        assert load_definitions(conn, MINE, "contact").get("mine") is None
        assert load_definitions(conn, OTHER, "product").get("mine") is None
        define_attribute(conn, OTHER, "product", "mine", "json", now=NOW)
        define_attribute(conn, MINE, "contact", "mine", "date", now=NOW)
        assert load_definitions(conn, MINE, "product").get("mine").value_type == "string"


@pytest.mark.parametrize(
    ("name", "value_type", "more", "code"),
    [
        ("", "string", {}, "wrong_length"),
        ("x" * 33, "string", {}, "wrong_length"),
        ("€", "string", {}, "attribute_name"),
        ("a\0", "string", {}, "attribute_name"),
        ("Product ID", "string", {}, "reserved_name"),
        ("a", "list", {}, "unknown_type"),
        ("a", "number", {}, "unknown_type"),
        ("a", "fixed", {}, "choices_required"),
        ("a", "fixed", {"choices": ["x"] * 501}, "choices_required"),
        ("a", "fixed", {"choices": ["x", " "]}, "wrong_choice"),
        ("a", "fixed", {"choices": ["x", "X "]}, "repeated_choice"),
        ("price", "string", {}, "attribute_exists"),
        ("Known", "string", {}, "attribute_exists"),
    ],
)
def test_a_definition_that_cannot_be_is_refused(
    sqlite_state: State, name: str, value_type: str, more: dict[str, Any], code: str
) -> None:
    with sqlite_state.write() as conn:
        define(conn, "known")
        with pytest.raises(UserError) as refused:
            define(conn, name, value_type, **more)
        assert refused.value.code == code


def test_automatic_attributes_are_saved_once(state: State) -> None:
    with state.write() as conn:
        found = load_definitions(conn, MINE, "product")
        made = found.auto_create("Color", NOW)
        assert found.auto_create("COLOR", NOW) is made
        found.save(conn)
        found.save(conn)
    with state.read() as conn:
        [stored] = [row for row in load_definitions(conn, MINE, "product").all() if row.id > 0]
        assert (stored.name, stored.name_std, stored.value_type) == ("Color", "color", "string")
        assert (stored.origin, stored.created_at) == ("automatic", NOW)


def test_a_full_workspace_defines_nothing_more(sqlite_state: State) -> None:
    with sqlite_state.write() as conn:
        found = load_definitions(conn, MINE, "product")
        for number in range(500):
            found.auto_create(f"a{number}", Instant(NOW + number // 100 * DAY_MS))
        found.save(conn)
        with pytest.raises(Conflict, match="500"):
            define(conn, "one more")


def aside(object_id: int, name: str, occurred_at: int = 1, position: int = 1) -> SetAside:
    return SetAside(
        "product",
        object_id,
        name,
        name,
        '"?"',
        "code",
        "Why.",
        Instant(occurred_at),
        position,
        "api",
    )


def test_the_latest_set_aside_value_of_an_attribute_is_kept(state: State) -> None:
    with state.write() as conn:
        record_set_aside(conn, MINE, [aside(1, "a", 5, 5), aside(1, "b")])
        record_set_aside(conn, MINE, [aside(1, "a", 4, 9), aside(1, "b", 1, 2)])
        record_set_aside(conn, MINE, [])
        assert list_set_aside(conn, MINE, "product", limit=10) == [
            aside(1, "a", 5, 5),
            aside(1, "b", 1, 2),
        ]


def test_set_aside_values_are_read_page_by_page(state: State) -> None:
    rows = [aside(number, name) for number in range(4) for name in ("a", "b", "ü")]
    with state.write() as conn:
        record_set_aside(conn, MINE, rows[::-1])
        record_set_aside(conn, MINE, [dataclasses.replace(aside(1, "c"), kind="contact")])
        seen: list[SetAside] = []
        after = None
        while page := list_set_aside(conn, MINE, "product", after=after, limit=5):
            seen += page
            after = (page[-1].object_id, page[-1].name_std)
        assert seen == rows
        assert len(list_set_aside(conn, MINE, "product", object_id=2, limit=10)) == 3


def test_another_workspace_sees_and_forgets_nothing(state: State) -> None:
    with state.write() as conn:
        record_set_aside(conn, MINE, [aside(1, "a"), aside(2, "a")])
        assert list_set_aside(conn, OTHER, "product", limit=10) == []
        forget_set_aside(conn, OTHER, "product", [1, 2])
        forget_set_aside(conn, MINE, "contact", [1, 2])
        forget_set_aside(conn, MINE, "product", [1])
        forget_set_aside(conn, MINE, "product", [])
        assert list_set_aside(conn, MINE, "product", limit=10) == [aside(2, "a")]


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.builds(
            aside, st.integers(1, 2), st.sampled_from("ab"), st.integers(0, 2), st.integers(1, 9)
        ),
        max_size=8,
    ),
    st.integers(0, 8),
)
def test_set_aside_values_are_the_same_in_any_order_and_batching(
    state: State, rows: list[SetAside], cut: int
) -> None:
    with state.write() as conn:
        outcomes = []
        for order in (rows, rows[::-1]):
            conn.execute(delete(set_aside_values))
            record_set_aside(conn, MINE, order[:cut])
            record_set_aside(conn, MINE, order[cut:])
            outcomes.append(list_set_aside(conn, MINE, "product", limit=100))
        assert outcomes[0] == outcomes[1]
