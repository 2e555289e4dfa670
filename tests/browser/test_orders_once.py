"""An order that the page reports by GA4 and the shop's server by REST counts once, as REST says."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.pages import shop_page
from tests.browser.recorder import PageServer
from tests.browser.test_snippets import Footfall, wait_until
from tests.journeys.shop import Shop

#: Nobody's browser says Headless, by which bots are known.
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/150.0.0.0 Safari/537.36"
)
REPORT = "/api/v1/reports/revenue"
COLUMNS = ("purchases", "refunds", "revenue", "orders", "lines")
PRICES = {"cup": 10, "pot": 20, "tray": 5.5}


@pytest.fixture(scope="module")
def footfall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Footfall]:
    shop = Shop(tmp_path_factory.mktemp("orders") / "shop")
    shop.start()
    yield Footfall(shop)
    shop.kill()


@pytest.fixture
def shopper(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(user_agent=USER_AGENT)
    yield context.new_page()
    context.close()


def page_says(footfall: Footfall, shopper: Page, site: PageServer, name: str, order: str) -> None:
    """Report one of the order's three items, at a price of the page's own."""
    script = f"""window.dataLayer = [{{event: "{name}", ecommerce: {{
        transaction_id: "{order}", currency: "EUR",
        items: [{{item_id: "{order}-cup", price: 1, quantity: 1}}]}}}}];"""
    page = shop_page(footfall.origin, script, apiKey=footfall.key, adapters=["ga4"])
    shopper.goto(site.add(f"/{name}", page))
    wait_until(lambda: footfall.events(source="browser", product=f"{order}-cup", event_type=name))


def server_says(footfall: Footfall, event_type: str, order: str) -> None:
    """Report the whole order."""
    batch: list[dict[str, Any]] = [
        {
            "user_custom_id": "ada",
            "product_id": f"{order}-{name}",
            "event_type": event_type,
            "data": {
                "custom_data": {
                    "order_id": order,
                    "price": price,
                    "quantity": 1,
                    "currency": "EUR",
                }
            },
        }
        for name, price in PRICES.items()
    ]
    status, body, _ = footfall.client.request("POST", "/api/v1/events", batch, Prefer="wait")
    assert (status, body["accepted"]) == (202, 3)


@pytest.mark.parametrize("first", ["page", "server"])
def test_an_order_of_which_the_page_says_a_part_counts_as_the_server_says_it(
    footfall: Footfall, shopper: Page, site: PageServer, first: str
):
    order = f"from-{first}"
    before = {row["currency"]: row for row in footfall.client.get(REPORT)["results"]}.get("EUR")
    for event_type in ("purchase", "refund"):
        if first == "server":
            server_says(footfall, event_type, order)
        page_says(footfall, shopper, site, event_type, order)
        if first == "page":
            server_says(footfall, event_type, order)
        (row,) = footfall.client.get(REPORT)["results"]
        gained = {name: row[name] - (before[name] if before else 0) for name in COLUMNS}
        repaid = 35.5 if event_type == "refund" else 0
        assert gained == {
            "purchases": 35.5,
            "refunds": repaid,
            "revenue": 35.5 - repaid,
            "orders": 1,
            "lines": 3,
        }
    assert footfall.client.get("/api/v1/events/count", product=f"{order}-cup")["total"] == 4
