"""The SDK's delivery: every call arrives, however the page ends and whatever the network does."""

import json
import re
import time
from collections.abc import Callable
from html import escape
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.pages import event, shop_page
from tests.browser.recorder import Answer, PageServer, Recorder

WITHOUT_LOCKS = "delete Navigator.prototype.locks"
WITHOUT_KEEPALIVE = """
    delete Request.prototype.keepalive;
    const ending = fetch;
    window.fetch = (url, options) => ending(url, {...options, keepalive: false});
"""


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def products(items: list[dict[str, Any]]) -> list[str]:
    return [item["product_id"] for item in items]


@pytest.fixture
def open_shop(site: PageServer, recorder: Recorder) -> Callable[[Page], Page]:
    """Open the shop's page in a tab, and wait until its page view has arrived."""
    address = site.add("/mug", shop_page(recorder.origin, debug=True))

    def visit(tab: Page) -> Page:
        seen = recorder.different("page_view")
        tab.goto(address)
        recorder.wait_for(seen + 1, "page_view")
        return tab

    return visit


def queued(tab: Page) -> int:
    """Return how many items wait in the browser."""
    return tab.evaluate("Object.keys(localStorage).filter((name) => name.includes('.q.')).length")


def wait_until_empty(tab: Page) -> None:
    tab.wait_for_function("!Object.keys(localStorage).some((name) => name.includes('.q.'))")


def test_calls_made_before_the_script_arrives_follow_the_first_page_view(
    tab: Page, site: PageServer, recorder: Recorder
):
    calls = event("mug-1", "view", name="Blue mug", price=9.9)
    calls += "footfall('event.hello',{to:'you'});"
    tab.goto(site.add("/mug", shop_page(recorder.origin, calls)) + "?utm_source=mail")
    recorder.wait_for(1, "event")
    view, product, hello = recorder.items
    assert [item["kind"] for item in recorder.items] == ["page_view", "product_event", "event"]
    assert product["product_id"] == "mug-1"
    assert product["event_type"] == "view"
    assert product["data"] == {"name": "Blue mug", "price": 9.9}
    assert hello["name"] == "hello"
    assert hello["data"] == {"to": "you"}
    assert view["data"] == {"title": "Mugs"}
    assert view["page"]["url"] == f"{site.origin}/mug?utm_source=mail"
    assert view["page"]["utm_source"] == "mail"
    assert view["device"]["sdk"] == "1.0.0"
    assert view["at"] < product["at"] < hello["at"]
    assert re.fullmatch("[A-Za-z0-9]{12}", view["visitor"])
    assert {item["visitor"] for item in recorder.items} == {view["visitor"]}
    assert {item["session"] for item in recorder.items} == {view["session"]}
    (request,) = recorder.requests
    assert request["headers"]["content-type"] == "text/plain;charset=UTF-8"
    assert "cookie" not in request["headers"]


@pytest.mark.parametrize("lacking", ["", WITHOUT_KEEPALIVE], ids=["keepalive", "beacon"])
def test_what_is_put_in_the_cart_arrives_though_the_page_is_left_at_once(
    tab: Page, site: PageServer, recorder: Recorder, lacking: str
):
    tab.add_init_script(lacking)
    site.add("/cart", "<!doctype html>a page without the SDK")
    button = f"<button onclick=\"{escape(event())}location.href='/cart'\">Buy</button>"
    tab.goto(site.add("/mug", shop_page(recorder.origin, body=button)))
    recorder.wait_for(1, "page_view")
    tab.click("button")
    tab.wait_for_url("**/cart")
    (added,) = recorder.wait_for(1)
    assert added["event_type"] == "add to cart"
    if lacking:  # beacons are the requests whose answers nobody can read
        assert recorder.requests[-1]["headers"]["sec-fetch-mode"] == "no-cors"


def test_offline_calls_arrive_in_order_when_the_network_is_back(
    browser: BrowserContext, tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    open_shop(tab)
    browser.set_offline(True)
    for number in range(5):
        tab.evaluate(event(f"mug-{number}"))
    tab.wait_for_timeout(700)  # a batch has been tried and has failed
    assert recorder.of("product_event") == []
    browser.set_offline(False)
    assert products(recorder.wait_for(5)) == [f"mug-{number}" for number in range(5)]
    wait_until_empty(tab)


def test_another_tab_sends_what_a_closed_one_has_left(
    browser: BrowserContext, open_shop: Callable[[Page], Page], recorder: Recorder
):
    closed, open_tab = open_shop(browser.new_page()), open_shop(browser.new_page())
    browser.set_offline(True)
    closed.evaluate(event())
    closed.close(run_before_unload=False)
    browser.set_offline(False)
    recorder.wait_for(1)
    wait_until_empty(open_tab)
    assert len(recorder.of("product_event")) == 1


def test_the_next_visit_sends_what_the_last_one_has_left(
    browser: BrowserContext, tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    open_shop(tab)
    browser.set_offline(True)
    tab.evaluate(event())
    tab.close()
    browser.set_offline(False)
    open_shop(browser.new_page())
    (left,) = recorder.wait_for(1)
    later = recorder.of("page_view")[-1]
    assert left["at"] < later["at"]
    assert left["session"] == later["session"]


def test_an_event_whose_answer_was_lost_is_sent_again_with_its_id(
    tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    open_shop(tab)
    recorder.answer_next(Answer(lost=True))
    tab.evaluate(event())
    recorder.wait(lambda: len(recorder.of("product_event")) == 2)
    first, second = recorder.of("product_event")
    assert first == second
    wait_until_empty(tab)


# After the first 408 Chromium itself asks again.
@pytest.mark.parametrize(("status", "times"), [(408, 2), (429, 1), (500, 1), (503, 1)])
def test_what_the_server_cannot_take_now_is_sent_again(
    tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder, status: int, times: int
):
    open_shop(tab)
    recorder.answer_next(*[Answer(status)] * times)
    tab.evaluate(event())
    recorder.wait(lambda: len(recorder.of("product_event")) == times + 1)
    assert len(set(ids(recorder.of("product_event")))) == 1


def test_retries_wait_longer_each_time(
    tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    open_shop(tab)
    recorder.forget()
    recorder.answer_next(*[Answer(503)] * 3)
    tab.evaluate(event())
    recorder.wait(lambda: len(recorder.requests) == 4)
    sent = [request["sent_at"] for request in recorder.requests]
    # At least half of 1, 2 and 4 seconds, however fast the machine.
    assert sent[1] - sent[0] >= 500
    assert sent[2] - sent[1] >= 1000
    assert sent[3] - sent[2] >= 2000


def test_a_retry_waits_as_long_as_the_server_asks_also_in_other_tabs(
    browser: BrowserContext, tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    open_shop(tab)
    recorder.answer_next(Answer(429, {"retry-after": "2"}))
    tab.evaluate(event("mug-1"))
    recorder.wait_for(1)
    refused_at = time.monotonic()
    tab.wait_for_function("localStorage['footfall.ABC123.retry']")
    other = browser.new_page()
    other.goto(tab.url)
    other.wait_for_function("window.footfall && footfall.loaded")
    other.evaluate(event("mug-2"))
    assert {"mug-1", "mug-2"} == set(products(recorder.wait_for(2)))
    # Timers may be early by a tick.
    assert time.monotonic() - refused_at > 1.9


def test_what_the_server_refuses_is_dropped_and_what_follows_is_sent(
    tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    open_shop(tab)
    recorder.answer_next(Answer(400))
    tab.evaluate(event("mug-1"))
    recorder.wait_for(1)
    wait_until_empty(tab)
    tab.evaluate(event("mug-2"))
    recorder.wait_for(2)
    assert products(recorder.of("product_event")) == ["mug-1", "mug-2"]
    assert any("refused with 400" in text for text in said)


@pytest.mark.parametrize("text", ["", "ż" * 200], ids=["small", "large"])
def test_many_calls_go_in_requests_that_a_leaving_page_may_send(
    tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder, text: str
):
    open_shop(tab)
    tab.evaluate("for (let i = 0; i < 250; i++) " + event("mug", text=text))
    sent = recorder.wait_for(250)
    assert len(ids(sent)) == len(set(ids(sent))) == 250
    times = [item["at"] for item in sent]
    assert times == sorted(set(times))
    assert max(len(request["events"]) for request in recorder.requests) <= 100
    sizes = [
        len(json.dumps(one["events"], ensure_ascii=False).encode()) for one in recorder.requests
    ]
    assert max(sizes) < 31_000


def test_a_full_queue_drops_the_oldest_and_says_so(
    browser: BrowserContext, tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    open_shop(tab)
    browser.set_offline(True)
    tab.evaluate("for (let i = 0; i < 1050; i++) footfall('event.n', {i})")
    waiting = queued(tab)
    assert waiting <= 1000
    assert any("dropped the oldest" in text for text in said)
    browser.set_offline(False)
    sent = recorder.wait_for(waiting, "event")
    assert [item["data"]["i"] for item in sent] == list(range(1050 - waiting, 1050))


def test_an_item_that_no_request_can_carry_is_left_out(
    tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    open_shop(tab)
    tab.evaluate(event("mug-1", text="x" * 70_000))
    tab.evaluate(event("mug-2", text="x" * 50_000))
    assert products(recorder.wait_for(1)) == ["mug-2"]


@pytest.mark.parametrize("lacking", ["", WITHOUT_LOCKS], ids=["locks", "lease"])
def test_several_tabs_send_each_item_once(
    browser: BrowserContext, open_shop: Callable[[Page], Page], recorder: Recorder, lacking: str
):
    browser.add_init_script(lacking)
    tabs = [open_shop(browser.new_page()) for _ in range(3)]
    recorder.answer_next(Answer(503), Answer(lost=True))
    for number in range(4):
        for place, tab in enumerate(tabs):
            tab.evaluate(event(f"mug-{place}-{number}"))
    recorder.wait_for(12)
    wait_until_empty(tabs[0])
    taken = [one for one in recorder.requests if one["answer"] == Answer()]
    accepted = [item for one in taken for item in one["events"]]
    assert len(ids(accepted)) == len(set(ids(accepted))) == 12 + 3
    assert len({item["visitor"] for item in accepted}) == 1
    assert len({item["session"] for item in accepted}) == 1


def test_times_increase_while_the_clock_stands_and_follow_it_back(
    tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    open_shop(tab)
    tab.evaluate("const now = Date.now(); Date.now = () => now;")
    tab.evaluate("for (let i = 0; i < 3; i++) " + event())
    first, second, third = (item["at"] for item in recorder.wait_for(3))
    assert (second, third) == (first + 1, first + 2)
    recorder.forget()
    tab.evaluate("{ const then = Date.now() - 3600000; Date.now = () => then; }" + event())
    (back,) = recorder.wait_for(1)
    assert back["at"] == third - 2 - 3_600_000 or back["at"] < first - 3_500_000


def test_a_page_that_clears_the_storage_loses_nothing(
    tab: Page, open_shop: Callable[[Page], Page], recorder: Recorder
):
    open_shop(tab)
    tab.evaluate(event("mug-1") + "localStorage.clear();" + event("mug-2"))
    assert products(recorder.wait_for(2)) == ["mug-1", "mug-2"]
    assert len({item["visitor"] for item in recorder.items}) == 1


def test_a_call_costs_the_same_however_much_waits(
    browser: BrowserContext, tab: Page, open_shop: Callable[[Page], Page]
):
    open_shop(tab)
    browser.set_offline(True)
    measure = """() => {
        const costs = [];
        for (let i = 0; i < 50; i++) {
            const began = performance.now();
            for (let j = 0; j < 3; j++) footfall("event.measured", {i, j});
            costs.push(performance.now() - began);
        }
        return costs.sort((a, b) => a - b)[25];
    }"""
    nearly_empty = tab.evaluate(measure)
    tab.evaluate("for (let i = 0; i < 600; i++) footfall('event.waits', {i})")
    # A call that went through the queue would cost hundreds of times as much.
    assert tab.evaluate(measure) < 10 * max(nearly_empty, 0.1)
