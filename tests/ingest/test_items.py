"""The short way of a batch's items agrees with the rules."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footfall.ingest.formats import items_of, record_of
from footfall.ingest.items import plain_record
from footfall.ingest.types import EVENT_TYPES, EventRecord
from footfall.kernel.errors import UserError
from footfall.kernel.instants import Instant

NOW = Instant(1_767_225_600_000)
PLAIN = {
    "event_type": "view",
    "product_id": "sku-1",
    "user_custom_id": "u-1",
    "timestamp": NOW - 1,
    "event_id": "e-1",
    "data": {"name": "Mug", "price": 12.5, "sold_out": False, "size": None, "stock": 3},
}

_words = st.text('a"{[\\\x00\ud800é ', max_size=4)
_texts = _words | st.sampled_from(["\x7f", "x" * 64, "x" * 65, "x" * 256])
_numbers = st.integers() | st.floats() | st.sampled_from([2**63, 2**64, 10**30])
_ids = _texts | st.none() | st.booleans() | _numbers
_deep = json.loads("[" * 10 + "]" * 10)
_leaves = _ids | st.sampled_from(["12,50", "1 234,50 PLN", "pln", -1, 1e14, 1e-5, 2.00005])
_values = _leaves | st.lists(_leaves, max_size=2) | st.just(_deep) | st.just([_deep])
_facts = st.sampled_from(["price", "unit_price", "quantity", "currency", "order_id", "custom_data"])
_data = st.dictionaries(_words | _facts, _values, max_size=4)
_times = (
    st.sampled_from([NOW, NOW + 1, NOW - 1, NOW // 1000, 0, -1, 946_684_800_000, 946_684_799_999])
    | st.none()
    | _numbers
    | st.sampled_from(["2026-01-01", "1767225600", "then"])
)
_changes = st.fixed_dictionaries(
    {},
    optional={
        "event_type": st.sampled_from([*EVENT_TYPES, "View", "add_to_cart", "buy", "", None]),
        "product_id": _ids,
        "user_custom_id": _ids,
        "user_id": _ids,
        "user_key": _ids,
        "email": _ids | st.just("A@example.com"),
        "timestamp": _times,
        "event_id": _ids,
        "data": _data | st.lists(_values, max_size=1) | st.none(),
        "unknown": _values,
    },
)


def _by_rules(item: bytes | msgspec.Raw, request_key: str | None) -> EventRecord | None:
    try:
        return record_of(
            item,
            "item",
            workspace_id=1,
            received_at=NOW,
            source="api",
            zone=ZoneInfo("Europe/Warsaw"),
            request_key=request_key,
        )
    except UserError:
        return None


def _short(item: bytes | msgspec.Raw, request_key: str | None = None) -> EventRecord | None:
    return plain_record(
        item, workspace_id=1, received_at=NOW, source="api", request_key=request_key
    )


@given(changes=_changes, request_key=st.none() | st.just("request#0"))
@example(changes={"data": {"a": _deep}}, request_key=None)
@example(changes={"data": {"a": {"b": json.loads('{"c":' * 9 + "1" + "}" * 9)}}}, request_key=None)
@example(changes={"data": {"custom_data": "text"}}, request_key=None)
@example(changes={"data": {"a": "\x00"}}, request_key=None)
@example(changes={"product_id": "\x7f"}, request_key=None)
@example(changes={"user_custom_id": ""}, request_key=None)
@example(changes={"event_id": "\n"}, request_key=None)
@example(changes={"event_id": ""}, request_key="request#0")
@example(changes={"timestamp": NOW + 1}, request_key=None)
@example(changes={"timestamp": 0}, request_key=None)
@example(changes={"timestamp": 1_767_225_600}, request_key=None)
@example(changes={"email": "a@example.com"}, request_key=None)
@example(changes={"user_id": 1}, request_key=None)
@example(changes={"user_key": "k"}, request_key=None)
def test_the_short_way_gives_the_same_record_or_leaves_the_item_to_the_rules(
    changes: dict[str, Any], request_key: str | None
) -> None:
    # A NaN or a lone surrogate is no JSON, and stays in: both ways must refuse it.
    item = json.dumps(PLAIN | changes).encode()
    short = _short(item, request_key)
    assert short is None or short == _by_rules(item, request_key)


@given(st.binary(max_size=40) | st.just(b"[" * 5_000))
def test_the_short_way_leaves_what_is_no_item_to_the_rules(item: bytes) -> None:
    assert _short(item) is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"timestamp": None, "event_id": None},
        {"data": {}},
        {"data": {"description": 'Quoted "name"\n'}},
        {"data": {"unit_price": "12,50 PLN", "quantity": 2, "order_id": "o-1"}},
    ],
)
def test_items_as_nearly_all_are_go_the_short_way(changes: dict[str, Any]) -> None:
    item = json.dumps(PLAIN | changes).encode()
    record = _short(item)
    assert record is not None
    assert record == _by_rules(item, None)


def test_of_a_name_that_comes_twice_the_last_value_counts() -> None:
    body = json.dumps([PLAIN]).replace('"name": "Mug"', '"name": "Cup", "name": "Mug"')
    [item] = items_of(body.encode())
    record = _short(item)
    assert record is not None
    assert json.loads(record.attributes)["name"] == "Mug"
    assert record.attributes.count("name") == 1
