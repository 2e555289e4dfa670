"""The adapters: what a page says to GA4 and Segment arrives, also from before they were there."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from footfall.ingest.types import EVENT_TYPES
from tests.browser.pages import shop_page
from tests.browser.recorder import PageServer, Recorder

PAGE = Path(__file__).parents[2] / "docs/reference/sdk-adapters.md"
GTAG = "window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }"
SEGMENT_STUB = """
    window.analytics = [];
    for (const method of ["track", "page", "ready"])
        analytics[method] = (...words) => { analytics.push([method, ...words]); return analytics; };
"""
ORDER = {
    "transaction_id": "T-1",
    "currency": "EUR",
    "value": 30.5,
    "items": [
        {"item_id": "mug-1", "item_name": "Blue mug", "price": 9.9, "quantity": 2, "index": 0},
        {"item_id": "mug-2", "price": 10.7, "item_brand": "Kiln", "item_category": "Mugs"},
        {"item_id": "mug-1", "price": 0, "quantity": 1, "coupon": "GIFT"},
    ],
}


def table(heading: str) -> list[tuple[str, str]]:
    """Return what the page of adapters says becomes of each event."""
    text = PAGE.read_text().split(f"## {heading}")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \| (`[a-z ]+`|ordinary event) \|$", text, re.MULTILINE)


@pytest.fixture
def visit(tab: Page, site: PageServer, recorder: Recorder) -> Callable[..., Page]:
    def go(script: str, *adapters: str, path: str = "/", **settings: Any) -> Page:
        page = shop_page(recorder.origin, script, adapters=list(adapters), **settings)
        tab.goto(site.add(path, page))
        return tab

    return go


def expected(documented: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return (event type, product) of product events and (name, "") of ordinary ones."""
    return [
        (name, "") if becomes == "ordinary event" else (becomes.strip("`"), "mug-1")
        for name, becomes in documented
    ]


def told(recorder: Recorder) -> list[tuple[str, str]]:
    return [
        (one["name"], "") if one["kind"] == "event" else (one["event_type"], one["product_id"])
        for one in recorder.distinct
        if one["kind"] != "page_view"
    ]


def test_every_ga4_event_becomes_what_the_table_says_pushed_or_by_gtag(
    visit: Callable[..., Page], recorder: Recorder
):
    documented = table("GA4")
    assert {becomes.strip("`") for _, becomes in documented} <= {*EVENT_TYPES, "ordinary event"}
    assert len(documented) == 14
    names = json.dumps([name for name, _ in documented])
    calls = GTAG + f"for (const name of {names}) "
    pushed = "dataLayer.push({event: name, ecommerce: {items: [{item_id: 'mug-1'}]}});"
    by_gtag = "gtag('event', name, {items: [{item_id: 'mug-1'}]});"
    tab = visit(calls + pushed, "ga4")
    recorder.wait(lambda: len(told(recorder)) >= len(documented))
    assert told(recorder) == expected(documented)
    tab.evaluate(f"for (const name of {names}) " + by_gtag)
    recorder.wait(lambda: len(told(recorder)) >= 2 * len(documented))
    assert told(recorder) == expected(documented) * 2


def test_every_segment_event_becomes_what_the_table_says(
    visit: Callable[..., Page], recorder: Recorder
):
    documented = table("Segment")
    assert len(documented) == 28
    names = json.dumps([name for name, _ in documented])
    track = f"for (const name of {names}) analytics.track(name, {{product_id: 'mug-1'}});"
    visit(SEGMENT_STUB + track, "segment")
    recorder.wait(lambda: len(told(recorder)) >= len(documented))
    assert told(recorder) == expected(documented)


def test_an_order_is_one_purchase_per_line_with_its_price_quantity_and_currency(
    visit: Callable[..., Page], recorder: Recorder
):
    visit(GTAG + f"gtag('event', 'purchase', {json.dumps(ORDER)});", "ga4")
    first, second, third = recorder.wait_for(3)
    assert {one["event_type"] for one in (first, second, third)} == {"purchase"}
    assert first["product_id"] == "mug-1"
    assert first["data"] == {
        "name": "Blue mug",
        "price": 9.9,
        "custom_data": {
            "price": 9.9,
            "quantity": 2,
            "currency": "EUR",
            "order_id": "T-1",
            "index": 0,
        },
    }
    assert second["data"]["brand"] == "Kiln"
    assert second["data"]["category_name"] == "Mugs"
    assert third["data"]["custom_data"]["coupon"] == "GIFT"
    assert third["data"]["custom_data"]["price"] == 0


def test_the_thank_you_page_loaded_again_counts_once(
    visit: Callable[..., Page], recorder: Recorder
):
    script = GTAG + f"gtag('event', 'purchase', {json.dumps(ORDER)});"
    tab = visit(script, "ga4")
    recorder.wait_for(3)
    tab.reload()
    recorder.wait_for(2, "page_view")
    recorder.wait(lambda: len(recorder.of("product_event")) >= 6)
    purchases = {one["id"] for one in recorder.of("product_event")}
    assert len(purchases) == 3
    assert all(len(name) <= 64 for name in purchases)
    other = {**ORDER, "transaction_id": "T-2"}
    tab.evaluate(f"gtag('event', 'purchase', {json.dumps(other)})")
    assert len({one["id"] for one in recorder.wait_for(6)}) == 6


def test_the_same_order_by_both_adapters_counts_once(
    visit: Callable[..., Page], recorder: Recorder
):
    products = [{"product_id": one["item_id"], "price": one["price"]} for one in ORDER["items"]]
    order = {"order_id": "T-1", "currency": "EUR", "products": products}
    ga4 = f"gtag('event', 'purchase', {json.dumps(ORDER)});"
    segment = f"analytics.track('Order Completed', {json.dumps(order)});"
    visit(GTAG + SEGMENT_STUB + ga4 + segment, "ga4", "segment")
    recorder.wait(lambda: len(recorder.of("product_event")) >= 6)
    assert len({one["id"] for one in recorder.of("product_event")}) == 3


def test_a_call_without_products_is_an_ordinary_event(
    visit: Callable[..., Page], recorder: Recorder
):
    script = GTAG + "gtag('event', 'refund', {transaction_id: 'T-1'});"
    script += "gtag('event', 'purchase', {items: 'none'}); gtag('event', 'login'); gtag('set', {});"
    script += (
        "dataLayer.push({event: 'gtm.js'}, null, 5, {ecommerce: null}, ['event', 'purchase']);"
    )
    visit(script + "gtag('event', 'view_cart', {value: 3});", "ga4")
    refund, purchase, cart = recorder.wait_for(3, "event")
    assert (refund["name"], refund["data"]) == ("refund", {"transaction_id": "T-1"})
    assert purchase["name"] == "purchase"
    assert (cart["name"], cart["data"]) == ("view_cart", {"value": 3})
    assert recorder.of("product_event") == []


def test_the_data_layer_may_have_another_name_and_keeps_working(
    visit: Callable[..., Page], recorder: Recorder
):
    tab = visit("window.layer = [];", "ga4", dataLayer="layer")
    tab.wait_for_function("layer.hasOwnProperty('push')")
    push = "layer.push({event: 'view_item', ecommerce: {items: [{id: 5, name: 'Mug'}]}})"
    assert tab.evaluate(push) == 1
    (viewed,) = recorder.wait_for(1)
    assert (viewed["product_id"], viewed["data"]["name"]) == ("5", "Mug")


@pytest.mark.parametrize("declared", ["window.analytics =", "var analytics ="])
def test_the_library_may_take_the_place_of_its_stub_and_repeat_what_was_queued(
    visit: Callable[..., Page], recorder: Recorder, declared: str
):
    early = "analytics.track('Product Viewed', {product_id: 'mug-1', name: 'Blue mug'});"
    stub = SEGMENT_STUB.replace("window.analytics =", declared)
    tab = visit(stub + early, "segment")
    recorder.wait_for(1)
    tab.evaluate("analytics.track('Product Added', {product_id: 'mug-2', quantity: 2})")
    recorder.wait_for(2)
    library = """() => {
        const queued = [...analytics];
        window.tracked = [];
        window.analytics = {track(...words) { tracked.push(words); return "promise"; }};
        for (const [method, ...words] of queued) {
            if (method == "track") analytics.track(...words);
            if (method == "ready") words[0]();
        }
        return analytics.track("Product Removed", {product_id: "mug-2"});
    }"""
    assert tab.evaluate(library) == "promise"
    recorder.wait_for(3)
    assert told(recorder) == [("view", "mug-1"), ("add to cart", "mug-2"), ("remove", "mug-2")]
    assert len(tab.evaluate("tracked")) == 3
    assert recorder.distinct[1]["data"]["name"] == "Blue mug"


def test_adapters_wait_for_consent(visit: Callable[..., Page], recorder: Recorder):
    script = GTAG + "gtag('event', 'view_item', {items: [{item_id: 'mug-1'}]});"
    tab = visit(script, "ga4", consent="required")
    tab.wait_for_function("dataLayer.hasOwnProperty('push')")
    assert recorder.items == []
    tab.evaluate("footfall('consent', 'granted')")
    recorder.wait_for(1)
