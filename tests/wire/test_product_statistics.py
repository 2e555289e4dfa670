"""The numbers of one product: by day, conversion, revenue by currency, and who came last."""

from typing import Any

import pytest

from tests.ingest.stack import NOW
from tests.wire.till import Till

DAY = 86_400_000


def event(kind: str, who: str | None = "anna", *, days_ago: float = 1, **facts: Any) -> Any:
    item = {"product_id": "mug", "event_type": kind, "timestamp": (NOW - days_ago * DAY) / 1000}
    item["user_custom_id" if who else "user_key"] = who or "visitor-1"
    return {**item, "data": {"custom_data": facts}} if facts else item


def statistics(till: Till, **query: str) -> Any:
    return till.ask("GET", "/api/v1/products/mug/statistics", params=query).json()


@pytest.fixture
def shop(till: Till) -> Till:
    sale = {"unit_price": 10, "quantity": 2, "currency": "EUR", "order_id": "o1"}
    till.send(
        "/api/v1/events",
        [
            *(event("view"), event("view", days_ago=2), event("detail", "ben"), event("click")),
            *(event("view", "eve", days_ago=80), event("view", days_ago=91)),
            *(event("add to cart"), event("add", "carl")),
            *(event("purchase", **sale), event("order", **sale)),
            event("purchase", "carl", days_ago=3, unit_price="1.5", currency="PLN"),
            event("return", days_ago=0.5, **{**sale, "quantity": 1}),
            event("refund", days_ago=0.25, **{**sale, "quantity": 1}),
            {**event("view"), "product_id": "other"},
        ],
    )
    return till


def test_numbers_add_up_by_day_by_contact_and_by_currency(shop: Till) -> None:
    told = statistics(shop)
    assert (told["views"], told["carts"], told["purchases"], told["returns"]) == (4, 2, 2, 1)
    assert told["contacts"] == {"viewed": 3, "carted": 1, "purchased": 1}
    assert told["conversion"] == {
        "by_event": {"carts": 0.5, "purchases": 0.5},
        "by_contact": {"carts": 0.3333, "purchases": 0.3333},
    }
    amounts = {row["currency"]: (row["purchases"], row["revenue"]) for row in told["revenue"]}
    assert amounts == {"EUR": (20, 10), "PLN": (1.5, 1.5)}
    assert len(told["days"]) == 90
    assert told["days"][-1]["day"] == "2027-01-15"
    for name in ("views", "carts", "purchases", "returns"):
        assert sum(day[name] for day in told["days"]) == told[name]
    report = shop.get("/api/v1/reports/revenue?product=mug&from=2026-10-18")
    assert report["results"] == told["revenue"]


def test_the_last_who_came_are_named_newest_first(shop: Till) -> None:
    told = statistics(shop)["last_interactions"]
    assert [one["event_type"] for one in told][:2] == ["refund", "return"]
    assert len(told) == 10
    assert told[0]["contact"]["custom_id"] == "anna"
    assert told[0]["occurred_at"] > told[-1]["occurred_at"]


def test_days_are_local_and_the_window_is_said(shop: Till) -> None:
    told = statistics(
        shop, **{"from": "2027-01-14", "to": "2027-01-15", "time_zone": "Pacific/Kiritimati"}
    )
    assert told["since"] == "2027-01-13T10:00:00.000Z"
    assert told["until"] == "2027-01-14T10:00:00.000Z"
    assert [day["day"] for day in told["days"]] == ["2027-01-14"]
    assert told["days"][0]["views"] == told["views"] == 2


def test_a_product_that_nobody_saw_has_zeros_and_no_rates(till: Till) -> None:
    till.write("PUT", "/api/v1/products/mug", {})
    told = statistics(till)
    assert (told["views"], told["revenue"], told["last_interactions"]) == (0, [], [])
    assert told["conversion"]["by_event"] == {"carts": None, "purchases": None}
    assert {day["views"] for day in told["days"]} == {0}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"from": "2027-01-14", "to": "2027-01-13"}, 400, "wrong_window"),
        ({"from": "2000-01-01"}, 400, "wrong_window"),
        ({"from": "soon"}, 400, "unreadable_time"),
        ({"product": "mug"}, 400, "unknown_parameter"),
    ],
)
def test_a_window_that_is_none_is_refused(
    shop: Till, query: dict[str, str], status: int, code: str
) -> None:
    answer = shop.ask("GET", "/api/v1/products/mug/statistics", params=query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert shop.ask("GET", "/api/v1/products/nope/statistics").status_code == 404
    assert shop.ask("GET", "/api/v1/products/by-id/999999/statistics").status_code == 404
