"""The demo shop in a real browser: what shoppers do there is held once, theirs, and in order."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from footfall.demo.people import customer_id
from tests.browser.recorder import PATIENCE_SECONDS
from tests.journeys.demo import Demo
from tests.journeys.shop import Client


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    run = Demo(tmp_path_factory.mktemp("shop") / "demo", "--events", "1")
    run.wait_for("is being written")
    yield run
    run.kill()


@pytest.fixture
def client(demo: Demo) -> Iterator[Client]:
    client = demo.client()
    yield client
    client.close()


def log_in(tab: Page, demo: Demo, email: str) -> None:
    tab.goto(f"{demo.shop_url}/login")
    tab.get_by_label("E-mail address").fill(email)
    tab.get_by_role("button", name="Log in").click()
    expect(tab.get_by_role("status")).to_contain_text("Hello")


def told(client: Client, number: int, **filters: str) -> list[tuple[str, str]]:
    """Return type and product of the events that match, once there are `number`, oldest first."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := list(client.every("/api/v1/events", **filters))) < number:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)  # the server says when it holds an event only if it is asked
    assert len({event["event_id"] for event in found}) == len(found)
    found.sort(key=lambda event: (event["occurred_at"], event["id"]))
    return [(event["event_type"], event["product"]["custom_id"]) for event in found]


def test_each_event_is_held_once_under_the_right_contact_and_in_order(
    demo: Demo, client: Client, browser: BrowserContext
):
    first = browser.new_page()
    first.goto(f"{demo.shop_url}/product/alder-mug-ink")
    # The form leads away at once: the event leaves with the page, or waits for the next one.
    first.get_by_role("button", name="Add to cart").click()
    expect(first.get_by_role("heading", name="Cart")).to_be_visible()

    first.goto(f"{demo.shop_url}/product/tarn-lantern")
    browser.set_offline(True)
    with first.expect_event("requestfailed", lambda one: one.url.endswith("/wish-list")):
        first.get_by_role("button", name="Add to wish list").click(no_wait_after=True)
    browser.set_offline(False)
    first.goto(f"{demo.shop_url}/product/lumen-kite-sun")

    second = browser.new_page()
    log_in(second, demo, "ada@example.com")
    second.goto(f"{demo.shop_url}/product/heath-rug-60-x-90-cm")
    # A page from before the login: its person is known by the visitor key.
    first.get_by_role("button", name="Add to cart").click()
    expect(first.get_by_role("heading", name="Cart")).to_be_visible()

    second.get_by_role("button", name="Log out Ada").click()
    expect(second.get_by_role("status")).to_contain_text("You are logged out.")
    second.goto(f"{demo.shop_url}/product/skerry-pouch-s")
    log_in(second, demo, "bela@example.com")
    second.goto(f"{demo.shop_url}/product/tarn-teapot-pine")
    second.get_by_role("button", name="Add to wish list").click()
    expect(second.get_by_role("status")).to_contain_text("on your wish list")

    bela = [
        ("view", "skerry-pouch-s"),
        ("view", "tarn-teapot-pine"),
        ("add to observation", "tarn-teapot-pine"),
        ("view", "tarn-teapot-pine"),
    ]
    ada = [
        ("view", "alder-mug-ink"),
        ("add to cart", "alder-mug-ink"),
        ("view", "tarn-lantern"),
        ("add to observation", "tarn-lantern"),
        ("view", "lumen-kite-sun"),
        ("view", "heath-rug-60-x-90-cm"),
        ("add to cart", "lumen-kite-sun"),
    ]
    assert told(client, len(bela), contact=customer_id("bela@example.com")) == bela
    assert told(client, len(ada), contact=customer_id("ada@example.com")) == ada
    for email, number in (("ada@example.com", len(ada)), ("bela@example.com", len(bela))):
        contact = client.get(f"/api/v1/contacts/{customer_id(email)}")
        assert contact["email"] == email
        assert len(told(client, number, contact=customer_id(email))) == number
    assert client.get("/api/v1/failed-events")["results"] == []


def test_an_order_comes_from_the_page_and_from_the_shops_server_with_one_order_id(
    demo: Demo, client: Client, open_browser: Callable[[], BrowserContext]
):
    tab = open_browser().new_page()
    for variant in ("heath-candle-ochre", "alder-mug-oat"):
        tab.goto(f"{demo.shop_url}/product/{variant}")
        tab.get_by_role("button", name="Add to cart").click()
    before = len(told(client, 0, event_type="checkout"))
    tab.get_by_role("link", name="Go to checkout").click()
    told(client, before + 2, event_type="checkout")
    tab.get_by_label("E-mail address").fill("carla@example.com")
    tab.get_by_label("First name").fill("Carla")
    carla = customer_id("carla@example.com")
    tab.get_by_role("button", name="Place order").click()
    expect(tab.get_by_role("heading", name="Thank you for your order")).to_be_visible()
    tab.reload()
    tab.get_by_role("link", name="Look at the order").click()
    tab.get_by_role("button", name="Send back Heath candle").click()
    expect(tab.get_by_role("status")).to_contain_text("on its way back")

    bought = [("purchase", "alder-mug-oat"), ("purchase", "heath-candle-ochre")]
    from_server = told(client, 4, contact=carla, source="api")
    assert sorted(from_server[:2]) == bought
    assert from_server[2:] == [
        ("return", "heath-candle-ochre"),
        ("refund", "heath-candle-ochre"),
    ]
    told(client, 2, contact=carla, source="browser", event_type="purchase")
    events = list(client.every("/api/v1/events", contact=carla))
    purchases = [event for event in events if event["event_type"] == "purchase"]
    # The page after the order was opened twice.
    assert sorted(event["source"] for event in purchases) == ["api", "api", "browser", "browser"]
    assert len({event["order_id"] for event in purchases}) == 1
    (report,) = client.get("/api/v1/reports/revenue", contact=carla)["results"]
    assert (report["orders"], report["lines"]) == (1, 2)
    assert (report["purchases"], report["refunds"], report["returns"]) == (21.8, 8.9, 0)
    checkouts = [e["product"]["custom_id"] for e in events if e["event_type"] == "checkout"]
    assert sorted(checkouts) == ["alder-mug-oat", "heath-candle-ochre"]
