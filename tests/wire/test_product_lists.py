"""Lists of products by our own API: search, filters, order, numbers; deletions undone."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from footfall.http.paging import packed_cursor
from tests.ingest.stack import NOW
from tests.wire.shops import NOON
from tests.wire.till import Till

DAY = 86_400_000


def define(till: Till, name: str, value_type: str, **more: Any) -> None:
    body = {"kind": "product", "name": name, "value_type": value_type, **more}
    till.write("POST", "/api/v1/attributes", body)


def put(till: Till, custom_id: str, **attributes: Any) -> Any:
    path = f"/api/v1/products/{quote(custom_id, safe='')}"
    return till.write("PUT", path, {"attributes": attributes})


def page(till: Till, *filters: str, **query: Any) -> Any:
    pairs = [*(("filter", one) for one in filters), *query.items()]
    return till.get(f"/api/v1/products?{urlencode(pairs)}")


def found(till: Till, *filters: str, **query: Any) -> list[str]:
    return [product["custom_id"] for product in page(till, *filters, **query)["results"]]


def every(till: Till, *, limit: int, **query: Any) -> Iterator[str]:
    cursor: dict[str, str] = {}
    while True:
        answer = page(till, limit=limit, **query, **cursor)
        yield from (product["custom_id"] for product in answer["results"])
        if answer["next"] is None:
            return
        cursor = {"cursor": answer["next"]}


@pytest.fixture
def mugs(till: Till) -> Till:
    define(till, "weight", "integer")
    define(till, "fragile", "boolean")
    define(till, "made_on", "date")
    define(till, "checked_at", "datetime")
    define(till, "uses", "fixed", choices=["Tea", "Coffee"], multiple=True)
    put(
        *(till, "blue"),
        name="Łódź blue mug",
        price=9.5,
        brand="Acme",
        tags=["Sale", "new"],
        weight=300,
        fragile=True,
        made_on="2026-01-31",
        uses=["tea", "coffee"],
        checked_at="2026-02-01T00:00:00Z",
        availability="in stock",
        group_id="mug",
    )
    put(
        *(till, "red"),
        name="Red mug",
        price=12,
        brand="acme",
        tags=["sale"],
        group_id="mug",
        weight=-1,
        fragile=False,
        made_on="2026-02-01",
        uses=["tea"],
        checked_at="2026-03-01T00:00:00+01:00",
        availability="out of stock",
    )
    put(till, "MUG-3", name="Plate", brand="Best", weight=9_007_199_254_740_993, tags=[])
    put(till, "bare")
    return till


def test_search_finds_names_and_ids_in_any_case_and_alphabet(mugs: Till) -> None:
    assert found(mugs, search="ŁÓDŹ") == ["blue"]
    assert found(mugs, search="mug") == ["blue", "red", "MUG-3"]
    assert found(mugs, search="%") == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["brand:is:ACME"], ["blue", "red"]),
        (["brand:is_not:acme"], ["MUG-3", "bare"]),
        (["brand:contains:CM"], ["blue", "red"]),
        (["Brand:has_value"], ["blue", "red", "MUG-3"]),
        (["brand:has_none"], ["bare"]),
        (["price:at_least:9.5"], ["blue", "red"]),
        (["price:at_most:9,50"], ["blue"]),
        (["price:is:12"], ["red"]),
        (["price:is_not:12"], ["blue", "MUG-3", "bare"]),
        (["weight:at_least:9007199254740993"], ["MUG-3"]),
        (["weight:at_most:-1"], ["red"]),
        (["fragile:is:yes"], ["blue"]),
        (["fragile:is_not:true"], ["red", "MUG-3", "bare"]),
        (["made_on:before:2026-02-01"], ["blue"]),
        (["made_on:after:2026-01-31"], ["red"]),
        (["made_on:is:2026-02-01"], ["red"]),
        (["checked_at:after:2026-02-01T00:00:00Z"], ["red"]),
        (["checked_at:before:2026-02-01 01:00+01:00"], []),
        (["availability:is:In_Stock"], ["blue"]),
        (["uses:contains:COFFEE"], ["blue"]),
        (["uses:has_none"], ["MUG-3", "bare"]),
        (["tags:contains:SALE"], ["blue", "red"]),
        (["tags:contains:sal"], []),
        (["tags:has_none"], ["MUG-3", "bare"]),
        (["tags:contains:sale", "price:at_least:10"], ["red"]),
        (["group_id:is:mug"], ["blue", "red"]),
        (["name:contains:mug'); DROP"], []),
    ],
)
def test_filters_keep_what_they_say(mugs: Till, filters: list[str], expected: list[str]) -> None:
    answer = page(mugs, *filters)
    assert [product["custom_id"] for product in answer["results"]] == expected
    assert answer["total"] == len(expected)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("filter=size:is:1", "unknown_attribute"),
        ("filter=price:contains:1", "unknown_operator"),
        ("filter=price:at_least:", "required"),
        ("filter=price:at_least:much", "not_a_number"),
        ("filter=made_on:before:soon", "not_a_date"),
        ("filter=uses:contains:Water", "not_a_choice"),
        ("&".join(["filter=brand:has_value"] * 21), "too_many_filters"),
        ("sort=size", "unknown_order"),
        ("sort=last_30_days.fun", "unknown_order"),
        ("columns=name,size", "unknown_column"),
        ("columns=" + ",".join(["name"] * 101), "too_many_columns"),
        ("state=gone", "unknown_state"),
        ("sort=last_30_days.revenue&currency=crowns", "unknown_currency"),
        ("search=a&search=b", "repeated_parameter"),
        ("cursor=x", "broken_cursor"),
    ],
)
def test_what_a_list_cannot_do_is_said(mugs: Till, query: str, code: str) -> None:
    answer = mugs.ask("GET", f"/api/v1/products?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("name", "mug"),
        ("-price", "x"),
        ("-price", "nan"),
        ("-price", "1e999"),
        ("weight", "1.5"),
        ("weight", "9" * 19),
        ("weight", "١"),
        ("id", None),
        ("-id", "-1"),
        ("last_30_days.revenue", "1e5"),
        ("last_30_days.views", None),
    ],
)
def test_a_forged_cursor_is_refused_or_leads_somewhere_and_breaks_nothing(
    mugs: Till, sort: str, key: str | None
) -> None:
    cursor = packed_cursor([sort, key, 1])
    answer = mugs.ask("GET", f"/api/v1/products?sort={sort}&cursor={cursor}")
    assert answer.status_code == (200 if sort in {"name", "id"} else 400)
    other = mugs.ask("GET", f"/api/v1/products?sort=brand&cursor={cursor}")
    assert other.json()["code"] == "broken_cursor"


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("id", ["blue", "red", "MUG-3", "bare"]),
        ("-id", ["bare", "MUG-3", "red", "blue"]),
        ("custom_id", ["bare", "blue", "MUG-3", "red"]),
        ("price", ["blue", "red", "MUG-3", "bare"]),
        ("-price", ["red", "blue", "MUG-3", "bare"]),
        ("weight", ["red", "blue", "MUG-3", "bare"]),
        ("-name", ["blue", "red", "MUG-3", "bare"]),
        ("-brand", ["MUG-3", "blue", "red", "bare"]),
        ("-made_on", ["red", "blue", "MUG-3", "bare"]),
    ],
)
def test_lists_are_sorted_page_by_page_with_missing_values_last(
    mugs: Till, sort: str, expected: list[str]
) -> None:
    assert found(mugs, sort=sort) == expected
    for limit in (1, 2, 3):
        assert list(every(mugs, limit=limit, sort=sort)) == expected


def test_columns_choose_what_is_shown(mugs: Till) -> None:
    [product] = page(mugs, search="blue", columns="name, Price")["results"]
    assert product["attributes"] == {"name": "Łódź blue mug", "price": 9.5}
    assert "last_30_days" not in product
    [product] = page(mugs, search="blue", columns="last_30_days.views")["results"]
    assert product["attributes"] == {}
    assert product["last_30_days"] == {"views": 0, "carts": 0, "purchases": 0, "revenue": []}


def event(product: str, kind: str, *, days_ago: float = 1, **facts: Any) -> dict[str, Any]:
    item = {"user_custom_id": "anna", "product_id": product, "event_type": kind}
    item["timestamp"] = (NOW - int(days_ago * DAY)) / 1000
    return {**item, "data": {"custom_data": facts}} if facts else item


def test_numbers_of_the_last_30_days_are_shown_and_sorted_by(mugs: Till) -> None:
    sale = {"unit_price": 10, "quantity": 2, "currency": "EUR"}
    mugs.send(
        "/api/v1/events",
        [
            *[event("blue", "view")] * 2,
            *(event("red", "detail"), event("red", "add to cart"), event("red", "add")),
            *(event("red", "view"), event("red", "view")),
            *(event("bare", "view", days_ago=31), event("bare", "view", days_ago=29)),
            event("blue", "purchase", order_id="o1", **sale),
            event("blue", "order", order_id="o1", **sale),
            event("blue", "return", order_id="o1", unit_price=10, quantity=1, currency="EUR"),
            event("red", "purchase", unit_price="99.5", currency="PLN"),
            event("red", "purchase", unit_price="0.1", currency="EUR"),
        ],
    )
    columns = "last_30_days.views"
    answer = page(mugs, sort="-last_30_days.views", columns=columns)
    shown = {one["custom_id"]: one["last_30_days"] for one in answer["results"]}
    assert list(shown) == ["red", "blue", "bare", "MUG-3"]
    assert shown == {
        "red": {
            "views": 3,
            "carts": 2,
            "purchases": 2,
            "revenue": [{"currency": "EUR", "amount": 0.1}, {"currency": "PLN", "amount": 99.5}],
        },
        "blue": {
            "views": 2,
            "carts": 0,
            "purchases": 1,
            "revenue": [{"currency": "EUR", "amount": 10}],
        },
        "bare": {"views": 1, "carts": 0, "purchases": 0, "revenue": []},
        "MUG-3": {"views": 0, "carts": 0, "purchases": 0, "revenue": []},
    }
    assert found(mugs, sort="-last_30_days.carts")[0] == "red"
    assert found(mugs, sort="-last_30_days.purchases")[:2] == ["red", "blue"]
    by_revenue = page(mugs, sort="-last_30_days.revenue")
    assert by_revenue["currency"] == "EUR", "the commonest"
    assert [one["custom_id"] for one in by_revenue["results"]] == ["blue", "red", "MUG-3", "bare"]
    assert found(mugs, sort="-last_30_days.revenue", currency="PLN")[0] == "red"
    for name in ("views", "carts", "purchases", "revenue"):
        for sign in ("", "-"):
            sort = f"{sign}last_30_days.{name}"
            assert list(every(mugs, limit=1, sort=sort)) == found(mugs, sort=sort)


def test_a_deletion_is_seen_at_once_and_can_be_undone(mugs: Till) -> None:
    before = mugs.get("/api/v1/products/red")
    assert mugs.ask("DELETE", "/api/v1/products/red").status_code == 204
    assert "red" not in found(mugs, sort="name"), "although the snapshot is not there yet"
    mugs.write("PUT", "/api/v1/products/other", {})
    assert page(mugs)["total"] == 4
    [gone] = page(mugs, state="deleted")["results"]
    assert gone["custom_id"] == "red"
    assert gone["deleted_at"]
    assert len(found(mugs, state="all", sort="name")) == 5
    revived = mugs.write("POST", f"/api/v1/products/by-id/{gone['id']}/revive")
    assert revived["attributes"] == before["attributes"]
    assert "deleted_at" not in revived
    assert mugs.write("POST", "/api/v1/products/red/revive") == revived, "a living one stays"
    assert found(mugs, state="deleted") == []
    assert "red" in found(mugs, sort="name")
    assert mugs.ask("POST", "/api/v1/products/nope/revive").status_code == 404


def test_a_product_called_by_id_is_revived_by_its_name(till: Till) -> None:
    put(till, "by-id", name="Tricky")
    till.write("DELETE", "/api/v1/products/by-id")
    assert till.write("POST", "/api/v1/products/by-id/revive")["custom_id"] == "by-id"
    assert till.get("/api/v1/products/by-id/attributes")["results"][0]["value"] == "Tricky"


def test_each_value_tells_its_type_its_source_and_its_time(till: Till) -> None:
    made = put(till, "mug", price="9.50 EUR", name="Mug")
    values = till.get("/api/v1/products/mug/attributes")
    assert till.get(f"/api/v1/products/by-id/{made['id']}/attributes") == values
    told = {one["name_std"]: one for one in values["results"]}
    assert list(told) == ["name", "price", "currency"]
    assert NOON < NOW
    assert told["price"] == {
        "name": "price",
        "name_std": "price",
        "value_type": "float",
        "value": 9.5,
        "raw": "9.50 EUR",
        "source": "api",
        "occurred_at": "2027-01-15T08:00:00.000Z",
    }
