"""Orders once and revenue: what the browser and the shop's server both report counts one time."""

import itertools
from typing import Any

import msgspec
import pytest

from footfall.warehouse.api import Warehouse
from tests.ingest.stack import Stack
from tests.wire.till import Till, application

_START = 1_700_000_000_000  # 2023-11-14T22:13:20Z


@pytest.fixture
def stack(tmp_path: Any, sqlite_state: Any, warehouse: Warehouse) -> Any:
    made = Stack(tmp_path, sqlite_state, warehouse)
    yield made
    made.close()


class Shop:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.till = Till(stack, application(stack))

    def line(self, kind: str, product: str, price: Any = None, **more: Any) -> Any:
        """Return the record of a line; by default of order o, by the shop's server, in EUR."""
        source, traffic = more.pop("source", "api"), more.pop("traffic", "visitor")
        facts = {"order_id": "o", "currency": "EUR", "unit_price": price, **more.pop("facts", {})}
        record = self.stack.record(
            self.till.workspace,
            {
                "product_id": product,
                "event_type": kind,
                "user_custom_id": "anna",
                "timestamp": _START,
                "data": {"custom_data": {k: v for k, v in facts.items() if v is not None}},
                **more,
            },
        )
        return msgspec.structs.replace(record, source=source, traffic=traffic)

    def tell(self, *records: Any) -> None:
        self.stack.append(records)
        self.stack.project()

    def revenue(self, **parameters: Any) -> list[dict[str, Any]]:
        answer = self.till.ask("GET", "/api/v1/reports/revenue", params=parameters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["results"]
        return found

    def sums(self, **parameters: Any) -> Any:
        """Return (purchases, refunds, returns, revenue, orders, lines) of the one currency."""
        [row] = self.revenue(**parameters)
        names = ("purchases", "refunds", "returns", "revenue", "orders", "lines")
        return tuple(row[name] for name in names)

    def count(self, **parameters: Any) -> int:
        answer = self.till.ask("GET", "/api/v1/events/count", params=parameters)
        assert answer.status_code == 200, answer.text
        total: int = answer.json()["total"]
        return total


@pytest.fixture
def shop(stack: Stack) -> Shop:
    return Shop(stack)


def test_an_order_is_read_from_the_server_whichever_report_comes_first(stack: Stack) -> None:
    for backward in (False, True):
        shop = Shop(stack)
        browser = [shop.line("purchase", "a", 9, source="browser")]
        server = [shop.line("purchase", product, 10) for product in "abc"]
        for records in (server, browser) if backward else (browser, server):
            shop.tell(*records)
        assert shop.sums() == (30, 0, 0, 30, 1, 3)
        assert shop.count(event_type="purchase") == 4
        assert shop.count(event_type="purchase", orders="all") == 4
        assert shop.count(event_type="purchase", orders="once") == 3


def test_a_forged_order_of_a_browser_changes_nothing_that_the_server_said(shop: Shop) -> None:
    shop.tell(
        shop.line("purchase", "a", 10),
        *(shop.line("purchase", product, 9_999, source="browser") for product in "axyz"),
        shop.line("purchase", "a", 7, source="import"),
    )
    assert shop.sums() == (10, 0, 0, 10, 1, 1)
    assert shop.revenue(product="x") == []
    assert shop.revenue(**{"from": "2023-01-01", "to": "2023-02-01"}) == []


def test_what_only_browsers_report_counts_and_a_file_outranks_them(shop: Shop) -> None:
    shop.tell(shop.line("purchase", "a", 5, source="browser"))
    assert shop.sums() == (5, 0, 0, 5, 1, 1)
    shop.tell(shop.line("purchase", "a", 4, source="import"))
    assert shop.sums() == (4, 0, 0, 4, 1, 1)


def test_an_order_counts_in_the_days_of_its_best_report(shop: Shop) -> None:
    day = 86_400_000
    shop.tell(
        shop.line("purchase", "a", 5, source="browser"),
        shop.line("purchase", "a", 6, timestamp=_START + day),
    )
    assert [(row["day"], row["revenue"]) for row in shop.revenue(group_by="day")] == [
        ("2023-11-15", 6)
    ]
    assert shop.revenue(to="2023-11-15") == []
    assert [row["day"] for row in shop.revenue(group_by="day", time_zone="Europe/Warsaw")] == [
        "2023-11-15"
    ]
    assert [row["day"] for row in shop.revenue(group_by="day", time_zone="Pacific/Auckland")] == [
        "2023-11-16"
    ]


def test_refunds_of_both_sides_count_once_and_returns_where_no_refund_does(shop: Shop) -> None:
    records = [
        *(shop.line("purchase", product, 10) for product in "abc"),
        shop.line("refund", "a", 10),
        shop.line("refund", "a", 10, source="browser"),
        shop.line("refund", "b", 10, source="browser"),
        shop.line("return", "a", 10),
        shop.line("return", "b", 10),
        shop.line("return", "c", 3, source="browser"),
    ]
    # The server's refund of a counts, its return of b as nothing it refunded accounts for it.
    for order in (records, records[::-1]):
        shop = Shop(shop.stack)
        shop.tell(*(msgspec.structs.replace(r, workspace_id=shop.till.workspace.id) for r in order))
        assert shop.sums() == (30, 10, 10, 10, 1, 3)
    [row] = shop.revenue(product="a")
    assert (row["purchases"], row["refunds"], row["returns"], row["revenue"]) == (10, 10, 0, 0)


def test_a_return_without_an_order_counts_always(shop: Shop) -> None:
    nothing = {"facts": {"order_id": None}}
    shop.tell(
        shop.line("refund", "a", 1, **nothing),
        shop.line("return", "a", 2, facts={"order_id": None, "quantity": -3}),
    )
    assert shop.sums() == (0, 1, 6, -7, 0, 0)


def test_order_events_carry_revenue_only_where_there_is_no_purchase(shop: Shop) -> None:
    shop.tell(
        shop.line("order", "a", 10),
        shop.line("purchase", "a", 11, source="browser"),
        shop.line("order", "b", 5, facts={"order_id": "p"}),
        shop.line("order", "c", 1, facts={"order_id": None}),
    )
    assert shop.sums() == (17, 0, 0, 17, 3, 3)


def test_lines_without_order_count_always_and_without_price_add_nothing(shop: Shop) -> None:
    nothing = {"order_id": None}
    shop.tell(
        shop.line("purchase", "a", "2.55", facts={**nothing, "quantity": 2}),
        shop.line("purchase", "a", 3, facts=nothing, source="browser"),
        shop.line("purchase", "a", None, facts={**nothing, "quantity": "0.5"}),
        shop.line("refund", "a", None, facts=nothing),
        shop.line("view", "a", 100),
    )
    [row] = shop.revenue()
    assert row == {
        "currency": "EUR",
        "purchases": 8.1,
        "refunds": 0,
        "returns": 0,
        "revenue": 8.1,
        "orders": 3,
        "lines": 3,
        "quantity": 3.5,
        "unpriced": 2,
    }


def test_currencies_are_never_added_up(shop: Shop) -> None:
    shop.tell(
        shop.line("purchase", "a", 1),
        shop.line("purchase", "b", 10, facts={"currency": "PLN"}),
        shop.line("refund", "b", 3, facts={"currency": "PLN"}),
        shop.line("purchase", "c", 7, facts={"currency": None, "order_id": "p"}),
    )
    found = {row["currency"]: (row["revenue"], row["orders"]) for row in shop.revenue()}
    assert found == {"EUR": (1, 1), "PLN": (7, 1), None: (7, 1)}
    by_product = shop.revenue(group_by="product")
    assert [(row["product"], row["currency"]) for row in by_product] == [
        ("a", "EUR"),
        ("b", "PLN"),
        ("c", None),
    ]


def test_the_same_order_id_in_another_workspace_is_another_order(stack: Stack) -> None:
    shop, rival = Shop(stack), Shop(stack)
    shop.tell(shop.line("purchase", "a", 10, source="browser"))
    rival.tell(rival.line("purchase", "a", 20), rival.line("refund", "a", 20))
    assert shop.sums() == (10, 0, 0, 10, 1, 1)
    assert rival.sums() == (20, 20, 0, 0, 1, 1)
    assert shop.count(orders="once") == 1


def test_bots_and_staff_are_left_out_unless_asked_for(shop: Shop) -> None:
    shop.tell(
        shop.line("purchase", "a", 1, source="browser"),
        shop.line("purchase", "b", 2, source="browser", traffic="staff"),
        shop.line("purchase", "c", 4, source="browser", traffic="bot", facts={"order_id": "q"}),
    )
    assert shop.sums() == (1, 0, 0, 1, 1, 1)
    assert shop.sums(traffic="all") == (7, 0, 0, 7, 2, 3)
    assert shop.sums(traffic="staff") == (2, 0, 0, 2, 1, 1)
    assert shop.count() == 1
    assert [shop.count(traffic=which) for which in ("visitor", "bot", "staff", "all")] == [
        *(1, 1, 1, 3)
    ]
    assert len(shop.till.events()) == 3
    assert [event["traffic"] for event in shop.till.events(traffic="bot")] == ["bot"]


def test_amounts_are_exact_and_large(shop: Shop) -> None:
    big = {"order_id": None, "quantity": "99999999999999"}
    shop.tell(
        *(shop.line("purchase", "a", "0.1", facts={"order_id": None}) for _ in range(3)),
        shop.line("purchase", "b", "99999999999999.9999", facts={**big, "currency": "PLN"}),
    )
    answer = shop.till.ask("GET", "/api/v1/reports/revenue").text
    assert '"purchases":0.3,' in answer
    assert '"purchases":9999999999999899990000000000.0001,' in answer


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"group_by": "contact"}, "unknown_grouping"),
        ({"traffic": "mine"}, "unknown_traffic"),
        ({"source": "api"}, "unknown_parameter"),
        ({"from": "soon"}, "unreadable_time"),
    ],
)
def test_what_the_report_does_not_know_is_refused(
    shop: Shop, parameters: dict[str, str], code: str
) -> None:
    answer = shop.till.ask("GET", "/api/v1/reports/revenue", params=parameters)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
    wrong = shop.till.ask("GET", "/api/v1/events/count", params={"orders": "twice"})
    assert wrong.json()["errors"][0]["code"] == "unknown_orders"


def test_the_reports_may_come_in_any_order(stack: Stack) -> None:
    found = set()
    for order in itertools.permutations(range(4)):
        shop = Shop(stack)
        records = [
            shop.line("purchase", "a", 9, source="browser"),
            shop.line("purchase", "a", 10),
            shop.line("order", "a", 10, source="browser"),
            shop.line("return", "a", 10),
        ]
        shop.tell(*(records[place] for place in order))
        found.add(shop.sums())
    assert found == {(10, 0, 10, 0, 1, 1)}
