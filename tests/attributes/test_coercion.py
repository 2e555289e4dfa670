"""The coercion table, case by case, and what holds for every value."""

import json
import math
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footfall.attributes.built_in import BUILT_IN
from footfall.attributes.coercion import CoercionError, canonical_text, coerce, currency_in
from footfall.attributes.types import Definition, ValueType
from footfall.kernel.instants import Instant

WARSAW = ZoneInfo("Europe/Warsaw")
TYPES: tuple[ValueType, ...] = (
    "string",
    "integer",
    "float",
    "boolean",
    "date",
    "datetime",
    "fixed",
    "json",
    "list",
)
SIZES = ("Small", "Medium", "Extra Large", "42")


def attribute(value_type: ValueType, *, multiple: bool = False) -> Definition:
    choices = SIZES if value_type == "fixed" else ()
    return Definition(1, "product", "A", "a", value_type, choices, multiple, "defined", Instant(0))


def refusal(definition: Definition, raw: Any) -> str:
    with pytest.raises(CoercionError) as refused:
        coerce(definition, raw, WARSAW)
    assert refused.value.message.endswith(".")
    return refused.value.code


ACCEPTED: list[tuple[ValueType, Any, Any]] = [
    ("string", "text", "text"),
    ("string", "", ""),
    ("string", " kept ", " kept "),
    ("string", "zażółć 🦊", "zażółć 🦊"),
    ("string", "x" * 10_000, "x" * 10_000),
    ("string", 999, "999"),
    ("string", 10**30, "1" + "0" * 30),
    ("string", 12.5, "12.5"),
    ("string", 12.0, "12.0"),
    ("string", True, "true"),
    ("string", False, "false"),
    ("integer", 5, 5),
    ("integer", 5.0, 5),
    ("integer", " 5 ", 5),
    ("integer", "-5", -5),
    ("integer", "+5", 5),
    ("integer", "5.0", 5),
    ("integer", 2**63 - 1, 2**63 - 1),
    ("integer", -(2**63), -(2**63)),
    ("integer", str(-(2**63)), -(2**63)),
    ("float", 1, 1.0),
    ("float", 1.5, 1.5),
    ("float", "1.5", 1.5),
    ("float", " .5 ", 0.5),
    ("float", "5.", 5.0),
    ("float", "-1e3", -1000.0),
    ("float", "12,50", 12.5),
    ("float", "1 234,50", 1234.5),
    ("float", "1,234.50", 1234.5),
    ("float", "1.234,50", 1234.5),
    ("float", "12.00 PLN", 12.0),
    ("float", "PLN 12,00", 12.0),
    ("float", "1\u00a0234,50 pln", 1234.5),
    ("boolean", True, True),
    ("boolean", 0, False),
    ("boolean", 1.0, True),
    ("boolean", "YES", True),
    ("boolean", " off ", False),
    ("boolean", "1", True),
    ("date", "2026-01-31", "2026-01-31"),
    ("date", "2026-01-31T12:00:00", "2026-01-31"),
    ("date", "2026-01-31T23:30:00Z", "2026-02-01"),
    ("date", "2026-02-01T00:30:00+14:00", "2026-01-31"),
    ("date", 1_769_902_200, "2026-02-01"),
    ("datetime", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
    ("datetime", "2026-01-31T12:00:00.123456+01:00", "2026-01-31T11:00:00.123Z"),
    ("datetime", "2026-01-31T12:00:00", "2026-01-31T11:00:00.000Z"),
    ("datetime", "2026-07-31 12:00", "2026-07-31T10:00:00.000Z"),
    ("datetime", 1_600_000_000, "2020-09-13T12:26:40.000Z"),
    ("datetime", 1_600_000_000_123, "2020-09-13T12:26:40.123Z"),
    ("datetime", 1_600_000_000.5, "2020-09-13T12:26:40.500Z"),
    ("datetime", "1600000000", "2020-09-13T12:26:40.000Z"),
    ("datetime", 99_999_999_999, "5138-11-16T09:46:39.000Z"),
    ("datetime", 100_000_000_000, "1973-03-03T09:46:40.000Z"),
    ("fixed", "small", "Small"),
    ("fixed", " MEDIUM ", "Medium"),
    ("fixed", ["Small"], "Small"),
    ("fixed", 42, "42"),
    ("fixed", "extra_large", "Extra Large"),
    ("json", {"a": [1, None, True, "x"]}, {"a": [1, None, True, "x"]}),
    ("json", "text", "text"),
    ("json", False, False),
    ("list", ["a", 1, 2.5], ["a", "1", "2.5"]),
    ("list", "one", ["one"]),
    ("list", ["a", " a ", "", "b"], ["a", "b"]),
    ("list", [], []),
]


@pytest.mark.parametrize(
    ("value_type", "raw", "stored"), ACCEPTED, ids=lambda value: repr(value)[:30]
)
def test_becomes(value_type: ValueType, raw: Any, stored: Any) -> None:
    found = coerce(attribute(value_type), raw, WARSAW)
    assert found == stored
    assert type(found) is type(stored)


REFUSED: list[tuple[ValueType, Any, str]] = [
    ("string", {"a": 1}, "wrong_type"),
    ("string", ["a"], "wrong_type"),
    ("string", "x" * 10_001, "too_long"),
    ("string", 10**5_000, "too_long"),
    ("string", "a\0b", "nul_character"),
    ("string", "\ud800", "invalid_unicode"),
    ("string", math.nan, "out_of_range"),
    ("integer", 5.5, "not_an_integer"),
    ("integer", "5.5", "not_an_integer"),
    ("integer", "five", "not_an_integer"),
    ("integer", "", "not_an_integer"),
    ("integer", "1_000", "not_an_integer"),
    ("integer", "٣", "not_an_integer"),
    ("integer", True, "not_an_integer"),
    ("integer", 2**63, "out_of_range"),
    ("integer", -(2**63) - 1, "out_of_range"),
    ("integer", str(2**63), "out_of_range"),
    ("integer", 1e300, "out_of_range"),
    ("integer", math.inf, "out_of_range"),
    ("float", "1,234", "not_a_number"),
    ("float", "12 PLN 5", "not_a_number"),
    ("float", "free", "not_a_number"),
    ("float", "", "not_a_number"),
    ("float", "nan", "not_a_number"),
    ("float", "inf", "not_a_number"),
    ("float", True, "not_a_number"),
    ("float", [1], "not_a_number"),
    ("float", 10**400, "out_of_range"),
    ("float", "1e999", "out_of_range"),
    ("float", math.inf, "out_of_range"),
    ("boolean", 2, "not_a_boolean"),
    ("boolean", "maybe", "not_a_boolean"),
    ("boolean", "", "not_a_boolean"),
    ("date", "31.01.2026", "not_a_date"),
    ("date", "2026-02-30", "not_a_date"),
    ("date", 20_260_131, "not_a_date"),
    ("date", "9999-12-31T23:59:59-14:00", "not_a_date"),
    ("date", True, "not_a_date"),
    ("datetime", "yesterday", "not_a_datetime"),
    ("datetime", "0001-01-01T00:00:00+14:00", "not_a_datetime"),
    ("datetime", 9e14, "not_a_datetime"),
    ("datetime", math.nan, "not_a_datetime"),
    ("datetime", True, "not_a_datetime"),
    ("datetime", "1" * 5_000, "not_a_datetime"),
    ("fixed", "huge", "not_a_choice"),
    ("fixed", ["Small", "Medium"], "not_one_choice"),
    ("fixed", [], "not_one_choice"),
    ("fixed", ["Small"] * 1_001, "too_long"),
    ("fixed", ["Small" + " " * 9_000] * 9, "too_long"),
    ("fixed", {"a": 1}, "not_a_choice"),
    ("fixed", [["Small"]], "not_a_choice"),
    ("json", [[[[[[[[[[[1]]]]]]]]]]], "too_deep"),
    ("json", "x" * 70_000, "too_long"),
    ("json", [math.inf], "out_of_range"),
    ("list", [["a"]], "wrong_type"),
    ("list", [True], "wrong_type"),
    ("list", {"a": 1}, "wrong_type"),
    ("list", ["x"] * 1_001, "too_long"),
    ("list", ["x" * 9_000] * 9, "too_long"),
    ("list", ["x" + " " * 9_000] * 9, "too_long"),
    ("list", [str(number) + "x" * 9_000 for number in range(9)], "too_long"),
]


def shown(value: Any) -> str:
    return repr(value)[:30] if not isinstance(value, int) or abs(value) < 1e50 else "huge"


@pytest.mark.parametrize(("value_type", "raw", "code"), REFUSED, ids=shown)
def test_is_refused(value_type: ValueType, raw: Any, code: str) -> None:
    assert refusal(attribute(value_type), raw) == code


def test_several_choices_are_a_list_without_repeats() -> None:
    sizes = attribute("fixed", multiple=True)
    assert coerce(sizes, ["small", "Medium", "SMALL"], WARSAW) == ["Small", "Medium"]
    assert coerce(sizes, "small", WARSAW) == ["Small"]
    assert coerce(sizes, [], WARSAW) == []
    assert refusal(sizes, ["small", "huge"]) == "not_a_choice"


def test_an_exact_spelling_wins_over_a_forgiven_one() -> None:
    both = Definition(
        1, "product", "A", "a", "fixed", ("a b", "a_b", "A-B"), False, "defined", Instant(0)
    )
    assert [coerce(both, raw, WARSAW) for raw in ("a b", "a_b", "a-b")] == ["a b", "a_b", "A-B"]


def test_gender_and_status_may_be_given_by_number() -> None:
    gender, status = BUILT_IN["contact"]["gender"], BUILT_IN["contact"]["status"]
    assert [coerce(gender, number, WARSAW) for number in (1, 2, 3)] == ["unknown", "male", "female"]
    assert [coerce(status, number, WARSAW) for number in (1, 2)] == ["visitor", "user"]
    assert refusal(gender, 0) == refusal(gender, 4) == refusal(gender, -1) == "not_a_choice"
    assert refusal(BUILT_IN["product"]["availability"], 1) == "not_a_choice"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("12.00 PLN", "PLN"),
        ("eur 5", "EUR"),
        ("12.00", None),
        (12.0, None),
        ("PLN 12 EUR", None),
        ("PLN", None),
        ("9" * 20_000, None),
    ],
)
def test_a_currency_beside_an_amount_is_read(raw: Any, code: str | None) -> None:
    assert currency_in(raw) == code


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text()
    | st.text(st.characters(codec=None), max_size=8)
    | st.from_regex(r"[+-]?[0-9]{1,4}[., ][0-9]{1,4}( [A-Z]{3})?", fullmatch=True)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
    | st.dates().map(str)
    | st.sampled_from([*SIZES, "in_stock", "yes", "off"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
definitions = st.builds(
    lambda value_type, multiple: attribute(value_type, multiple=multiple and value_type == "fixed"),
    st.sampled_from(TYPES),
    st.booleans(),
)


@given(definitions, anything, st.sampled_from(["UTC", "Europe/Warsaw", "Pacific/Apia"]))
@example(attribute("date"), "0001-01-01T00:00:00+00:00", "America/New_York")
@example(attribute("date"), -62135596800000, "America/New_York")
@example(attribute("string"), "\ud800", "UTC")
def test_a_value_is_stored_or_refused_and_a_stored_value_is_itself(
    definition: Definition, raw: Any, zone_name: str
) -> None:
    zone = ZoneInfo(zone_name)
    try:
        stored = coerce(definition, raw, zone)
    except CoercionError:
        return
    assert coerce(definition, stored, zone) == stored
    assert coerce(definition, stored, WARSAW) == stored
    assert json.loads(json.dumps(stored)) == stored
    text = canonical_text(definition, stored)
    text.encode()
    assert "\0" not in text or definition.value_type == "json"


@given(definitions, anything)
def test_every_value_has_a_canonical_text(definition: Definition, value: Any) -> None:
    assert isinstance(canonical_text(definition, value), str)


@pytest.mark.parametrize(
    ("value_type", "value", "text"),
    [
        ("string", "a", "a"),
        ("integer", 5, "5"),
        ("float", 12.0, "12.0"),
        ("float", 1e300, "1e+300"),
        ("boolean", True, "true"),
        ("date", "2026-01-31", "2026-01-31"),
        ("fixed", "Small", "Small"),
        ("list", ["a", "b"], '["a","b"]'),
        ("json", "a", '"a"'),
        ("json", {"a": 1.5}, '{"a":1.5}'),
    ],
)
def test_canonical_text(value_type: ValueType, value: Any, text: str) -> None:
    assert canonical_text(attribute(value_type), value) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("raw", ["1" * 9_999 + "!", "1" + " " * 9_998 + "!"])
def test_no_text_takes_long_to_be_no_number(raw: str) -> None:
    with pytest.raises(CoercionError):
        coerce(BUILT_IN["product"]["price"], raw, WARSAW)
    assert currency_in(raw) is None
