"""What a browser's body says, however odd it is."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from footfall.ingest.browser import Sending, opened, records_of
from footfall.ingest.types import Doing
from footfall.kernel.errors import UserError
from footfall.kernel.instants import DAY_MS, Instant

NOW = Instant(1_767_225_600_000)
PAGE = {"kind": "page_view", "id": "e-1", "at": NOW, "visitor": "k3mPq8sTv1Yz"}


def read(body: str | bytes | dict[str, Any]) -> list[Doing]:
    payload = body if isinstance(body, bytes) else str(body).encode()
    if isinstance(body, dict):
        payload = json.dumps(body).encode()
    found = opened(payload)
    sending = Sending(1, NOW, ZoneInfo("UTC"), b"secret", False, found.skew_ms(NOW))
    return [record for item in found.items for record in records_of(item, sending).records]


def test_a_clock_that_is_a_day_behind_is_put_right() -> None:
    [record] = read({"sent_at": NOW - DAY_MS, "events": [{**PAGE, "at": NOW - DAY_MS - 5}]})
    assert record.occurred_at == NOW - 5


@pytest.mark.parametrize("sent_at", ["1" + "0" * 400, "1e308", "-1e308", "-1" + "0" * 400])
def test_a_clock_that_says_no_time_changes_no_times(sent_at: str) -> None:
    item = json.dumps({**PAGE, "at": NOW - 0.5})
    [record] = read(f'{{"sent_at": {sent_at}, "events": [{item}]}}')
    assert NOW - 1 <= record.occurred_at <= NOW


@pytest.mark.timeout(20)
def test_a_long_wrong_value_is_refused_at_once_and_shown_in_part() -> None:
    with pytest.raises(UserError) as refusal:
        read({"events": [{**PAGE, "kind": " " * 900_000}]})
    assert refusal.value.problems[0].pointer == "/kind"
    assert len(refusal.value.message) < 200


def test_a_wrong_value_cannot_name_the_place_of_the_mistake() -> None:
    with pytest.raises(UserError) as refusal:
        read({"events": [{**PAGE, "kind": "x - at `$.email`\n"}]})
    assert refusal.value.problems[0].pointer == "/kind"


def test_a_wrong_value_in_a_map_is_placed_at_the_map() -> None:
    digits = "9" * 5_000
    with pytest.raises(UserError) as refusal:
        read(f'{{"events": [{json.dumps(PAGE)[:-1]}, "data": {{"size": {digits}}}}}]}}')
    assert refusal.value.problems[0].pointer == "/data"
