"""The SDK's delivery: every call arrives, however the page ends and whatever the network does."""

import re
from html import escape

from playwright.sync_api import Page

from tests.browser.pages import event, shop_page
from tests.browser.recorder import PageServer, Recorder


def ids(items: list[dict]) -> list[str]:
    return [item["id"] for item in items]


def test_calls_made_before_the_script_arrives_follow_the_first_page_view(
    tab: Page, site: PageServer, recorder: Recorder
):
    calls = event("mug-1", "view", name="Blue mug", price=9.9)
    calls += "footfall('event.hello',{to:'you'});"
    tab.goto(site.add("/mug", shop_page(recorder.origin, calls)) + "?utm_source=mail")
    (hello,) = recorder.wait_for(1, "event")
    view, product, again = recorder.items
    assert again == hello
    assert [item["kind"] for item in recorder.items] == ["page_view", "product_event", "event"]
    assert product["product_id"] == "mug-1"
    assert product["event_type"] == "view"
    assert product["data"] == {"name": "Blue mug", "price": 9.9}
    assert hello["name"] == "hello"
    assert hello["data"] == {"to": "you"}
    assert view["data"] == {"title": "Mugs"}
    assert view["page"]["url"] == f"{site.origin}/mug?utm_source=mail"
    assert view["page"]["utm_source"] == "mail"
    assert view["at"] < product["at"] < hello["at"]
    assert re.fullmatch("[A-Za-z0-9]{12}", view["visitor"])
    assert {item["visitor"] for item in recorder.items} == {view["visitor"]}
    assert {item["session"] for item in recorder.items} == {view["session"]}
    (request,) = recorder.requests
    assert request["headers"]["content-type"] == "text/plain;charset=UTF-8"
    assert "cookie" not in request["headers"]


def test_what_is_put_in_the_cart_arrives_though_the_page_is_left_at_once(
    tab: Page, site: PageServer, recorder: Recorder
):
    site.add("/cart", "<!doctype html>another site's page, without the SDK")
    button = f"<button onclick=\"{escape(event())}location.href='/cart'\">Buy</button>"
    tab.goto(site.add("/mug", shop_page(recorder.origin, body=button)))
    recorder.wait_for(1, "page_view")
    tab.click("button")
    (added,) = recorder.wait_for(1)
    assert added["event_type"] == "add to cart"
    assert tab.url.endswith("/cart")
