"""Mistakes in a condition are said with their place in the tree."""

import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from footfall.attributes.definitions import Definitions
from footfall.conditions.api import MAX_DEPTH, MAX_LEAVES, checked, read_condition, written
from footfall.conditions.types import InSegment, KnownSegment, Subject, Tag, Vocabulary
from footfall.kernel.errors import Invalid
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope

_SCOPE = Scope(WorkspaceId(1))
_NOW = Instant(1_790_000_000_000)
_VIEWS = {"type": "product_event", "event_types": ["view"]}
_VOCABULARY = Vocabulary(
    Definitions(_SCOPE, "contact", []),
    Definitions(_SCOPE, "product", []),
    ZoneInfo("Europe/Warsaw"),
    {4: "Summer"},
    {
        1: KnownSegment(1, "contact", "one", InSegment(2)),
        2: KnownSegment(2, "contact", "two", Tag("vip")),
        3: KnownSegment(3, "product", "three", InSegment(3)),
    },
)


def found(tree: Any, *, subject: Subject = "contact", own_id: int | None = None) -> Any:
    """Return (pointer, code) of every problem."""
    with pytest.raises(Invalid) as raised:
        checked(json.dumps(tree), subject, _VOCABULARY, _NOW, own_id=own_id)
    return [(one.pointer, one.code) for one in raised.value.problems]


def all_of(*nodes: Any) -> Any:
    return {"type": "all", "of": list(nodes)}


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        ({"type": "tagg", "name": "x"}, ("/type", "not_a_condition")),
        ({"type": "tag", "nam": "x"}, ("", "not_a_condition")),
        ({**_VIEWS, "event_types": ["vieww"]}, ("/event_types/0", "not_a_condition")),
        ({**_VIEWS, "measure": {"value": "two"}}, ("/measure/value", "not_a_condition")),
        ({"type": "attribute", "name": "shoe", "operator": "is"}, ("/name", "unknown_attribute")),
        (
            {"type": "attribute", "name": "score", "operator": "before", "value": 1},
            ("/operator", "unknown_operator"),
        ),
        (
            {"type": "attribute", "name": "score", "operator": "at_least", "value": "many"},
            ("/value", "not_an_integer"),
        ),
        (
            {"type": "attribute", "name": "first_seen", "operator": "in_last_days", "value": 0},
            ("/value", "not_days"),
        ),
        ({"type": "list", "id": 5}, ("/id", "unknown_list")),
        ({"type": "segment", "id": 3}, ("/id", "unknown_segment")),
        ({**_VIEWS, "products": {"segment": 1}}, ("/products/segment", "unknown_segment")),
        (
            {**_VIEWS, "products": {"attributes": [{"name": "x", "operator": "is"}]}},
            ("/products/attributes/0/name", "unknown_attribute"),
        ),
        (
            {**_VIEWS, "window": {"kind": "ago", "min": 9, "max": 3}},
            ("/window", "impossible_window"),
        ),
        ({**_VIEWS, "window": {"kind": "since", "start": "May"}}, ("/window", "not_a_time")),
        ({**_VIEWS, "measure": {"value": 1.5}}, ("/measure/value", "not_a_count")),
        ({**_VIEWS, "measure": {"of": "contacts"}}, ("/measure/of", "unknown_measure")),
        (
            {**_VIEWS, "measure": {"of": "revenue", "value": 5, "currency": "EUR"}},
            ("/event_types", "no_revenue"),
        ),
        (
            {**_VIEWS, "properties": [{"field": "url", "value": "x"}]},
            ("/properties/0/field", "unknown_field"),
        ),
        (
            {
                "type": "sequence",
                "first": {"type": "event", "name": "x"},
                "then": _VIEWS,
                "same_product": True,
            },
            ("/same_product", "no_product"),
        ),
    ],
)
def test_a_mistake_is_found_where_it_is(tree: Any, problem: tuple[str, str]) -> None:
    assert found(tree) == [problem]
    pointer, code = problem
    inside = all_of({"type": "not", "of": all_of({"type": "tag", "name": "vip"}, tree)})
    assert found(inside) == [(f"/of/0/of/of/1{pointer}", code)]


def test_all_mistakes_are_said_at_once() -> None:
    wrong = {"type": "list", "id": 5}
    assert found(all_of(wrong, {"type": "tag", "name": "vip"}, {"type": "not", "of": wrong})) == [
        ("/of/0/id", "unknown_list"),
        ("/of/2/of/id", "unknown_list"),
    ]


def test_groups_in_groups_end_somewhere() -> None:
    tree: Any = {"type": "tag", "name": "vip"}
    for _ in range(MAX_DEPTH):
        tree = {"type": "not", "of": tree}
    assert read_condition(json.dumps(tree))
    assert found({"type": "not", "of": tree})[0][1] == "nested_too_deeply"
    thousand = '{"type":"not","of":' * 1_000 + '{"type":"tag","name":"x"}' + "}" * 1_000
    with pytest.raises(Invalid) as raised:
        read_condition(thousand)
    assert raised.value.code == "nested_too_deeply"
    with pytest.raises(Invalid) as raised:
        read_condition("[" * 30_000)
    assert raised.value.code in {"nested_too_deeply", "not_json"}
    many = all_of(*[{"type": "tag", "name": "vip"}] * (MAX_LEAVES + 1))
    assert found(many)[0][1] == "too_many_parts"


def test_a_segment_cannot_contain_itself() -> None:
    assert found({"type": "segment", "id": 1}, own_id=1) == [("/id", "contains_itself")]
    through = all_of({"type": "segment", "id": 1})
    assert found(through, own_id=2) == [("/of/0/id", "contains_itself")]
    assert checked(json.dumps(through), "contact", _VOCABULARY, _NOW, own_id=9)
    by_product = {**_VIEWS, "products": {"segment": 3}}
    assert found(by_product, subject="product", own_id=3) == [
        ("/products/segment", "contains_itself")
    ]


def test_products_are_not_asked_what_only_people_have() -> None:
    assert found({"type": "tag", "name": "vip"}, subject="product") == [("", "not_of_products")]


def test_what_is_written_is_read_back() -> None:
    tree = read_condition(json.dumps(all_of(_VIEWS, {"type": "consent", "channel": "email"})))
    assert read_condition(written(tree)) == tree


def test_the_example_of_the_documentation_is_a_condition() -> None:
    page = Path(__file__).parents[2] / "docs/reference/conditions.md"
    [example] = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    assert checked(example, "contact", _VOCABULARY, _NOW)
