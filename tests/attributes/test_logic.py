"""Names, and the order of cells."""

import itertools
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.attributes.logic import (
    clean_name,
    is_later,
    merge_profiles,
    name_std,
    put_cell,
    recast,
    same_value,
)
from footfall.attributes.types import Cell, Definition, Profile
from footfall.kernel.instants import Instant

UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("price", "price"),
        ("API string attribute", "api_string_attribute"),
        ("Product.Color--code", "product_color_code"),
        ("Größe", "größe"),
        ("ЦВЕТ", "цвет"),
        ("नाम", "नाम"),
        ("色 名", "色_名"),
        ("e\u0301t\u00e9", "\u00e9t\u00e9"),
        ("_x_", "_x_"),
        ("price (PLN)", "price_pln_"),
        ("x" * 64, "x" * 64),
        ("a" + "!" * 200, "a_"),
        ("x" * 65, None),
        ("", None),
        (" ", None),
        ("€!", None),
        ("\0", None),
        ("x" * 1_000_000, None),
    ],
)
def test_standard_names(name: str, standard: str | None) -> None:
    assert name_std(name) == standard


@given(st.text(max_size=80))
def test_a_standard_name_is_its_own_standard_name(name: str) -> None:
    standard = name_std(name)
    if standard is not None:
        assert name_std(standard) == standard
        assert 1 <= len(standard) <= 64


@given(st.text(st.characters(codec=None)))
def test_a_clean_name_can_be_stored(name: str) -> None:
    clean = clean_name(name)
    assert len(clean) <= 255
    assert "\0" not in clean
    clean.encode()


values = st.none() | st.booleans() | st.integers(0, 1) | st.floats(0, 1) | st.sampled_from("ab")
cells = st.builds(
    Cell,
    values,
    values,
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from(["api", "import", "browser"]),
)
profiles = st.dictionaries(st.sampled_from("xyz"), cells)


def identical(a: Profile, b: Profile) -> bool:
    # repr, as == takes 1 for True.
    return {name: repr(cell) for name, cell in a.items()} == {
        name: repr(cell) for name, cell in b.items()
    }


@given(profiles, profiles)
def test_merging_is_the_same_from_either_side(a: Profile, b: Profile) -> None:
    assert identical(merge_profiles(a, b), merge_profiles(b, a))


@given(profiles, profiles, profiles)
def test_merging_is_the_same_in_any_grouping(a: Profile, b: Profile, c: Profile) -> None:
    left = merge_profiles(merge_profiles(a, b), c)
    assert identical(left, merge_profiles(a, merge_profiles(b, c)))


@given(profiles, profiles)
def test_merging_again_changes_nothing(a: Profile, b: Profile) -> None:
    merged = merge_profiles(a, b)
    assert identical(merge_profiles(merged, b), merged)
    assert identical(merge_profiles(merged, merged), merged)


def test_merging_leaves_what_it_was_given() -> None:
    mine, other = {"x": Cell(1, 1, 1, 1, "api")}, {"x": Cell(2, 2, 2, 2, "api")}
    assert merge_profiles(mine, other)["x"].value == 2
    assert mine["x"].value == 1


@pytest.mark.parametrize(
    ("a", "b", "later"),
    [
        ((2, 1), (1, 9), True),
        ((1, 9), (2, 1), False),
        ((1, 2), (1, 1), True),
        ((1, 1), (1, 1), False),
    ],
)
def test_event_time_decides_then_position(
    a: tuple[int, int], b: tuple[int, int], later: bool
) -> None:
    assert is_later(Cell(0, 0, *a, "api"), Cell(0, 0, *b, "api")) is later


@given(cells, cells, st.booleans())
def test_a_put_cell_is_there_exactly_if_it_is_the_latest(
    mine: Cell, new: Cell, wins_ties: bool
) -> None:
    profile = {"x": mine}
    changed = put_cell(profile, "x", new, wins_ties)
    wins = is_later(new, mine) or (wins_ties and not is_later(mine, new))
    assert profile["x"] is (new if wins else mine)
    assert changed is (wins and not same_value(mine.value, new.value))


def test_a_browsers_cell_ranks_below_every_other_whatever_its_time() -> None:
    for source in ("api", "import", "feed", "signed"):
        early, late = Cell(1, 1, 1, 1, source), Cell(2, 2, 9, 9, "browser")
        assert is_later(early, late)
        assert not is_later(late, early)
        profile: Profile = {"x": late}
        assert put_cell(profile, "x", early)
        assert not put_cell(profile, "x", late, wins_ties=True)
        assert profile["x"] is early


sources = st.sampled_from(["api", "browser", "import"])


@given(st.lists(st.tuples(st.integers(0, 3), values, sources), max_size=5))
def test_cells_of_distinct_positions_may_come_in_any_order(
    said: list[tuple[int, Any, str]],
) -> None:
    history = [
        Cell(value, value, occurred_at, position, source)
        for position, (occurred_at, value, source) in enumerate(said)
    ]
    outcomes = set()
    for order in itertools.permutations(history):
        profile: Profile = {}
        for cell in order:
            put_cell(profile, "x", cell)
        outcomes.add(repr(profile))
    assert len(outcomes) == 1


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, True, False),
        (1, 1.0, False),
        ([1], [True], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ("a", "a", True),
        (None, None, True),
        (None, 0, False),
    ],
)
def test_values_are_the_same_as_json(a: Any, b: Any, same: bool) -> None:
    assert same_value(a, b) is same


def test_a_changed_type_casts_from_the_raw_value_and_back() -> None:
    def typed(value_type: Any) -> Definition:
        return Definition(1, "product", "A", "a", value_type, (), False, "defined", Instant(0))

    cell = Cell("12,50 PLN", "12,50 PLN", 5, 6, "api")
    as_float, problem = recast(cell, typed("float"), UTC_ZONE)
    assert (as_float.value, problem) == (12.5, None)
    as_boolean, problem = recast(as_float, typed("boolean"), UTC_ZONE)
    assert as_boolean.value is None
    assert problem is not None
    assert problem.code == "not_a_boolean"
    back, _ = recast(as_boolean, typed("string"), UTC_ZONE)
    assert back == cell
    assert back.raw == "12,50 PLN"


def test_a_cleared_cell_stays_cleared_when_its_type_changes() -> None:
    definition = Definition(1, "product", "A", "a", "json", (), False, "defined", Instant(0))
    cleared = Cell(None, None, 5, 6, "api")
    assert recast(cleared, definition, UTC_ZONE) == (cleared, None)
