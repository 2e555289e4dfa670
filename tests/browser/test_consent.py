"""Consent: nothing is stored or sent before it, everything that was called meanwhile after it."""

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.pages import event, shop_page
from tests.browser.recorder import PageServer, Recorder

STORED = "[document.cookie, ...Object.keys(localStorage), ...Object.keys(sessionStorage)].join()"


@pytest.fixture
def asking(tab: Page, site: PageServer, recorder: Recorder) -> Page:
    """A page that asks for consent, with an event in it."""
    tab.goto(site.add("/mug", shop_page(recorder.origin, event(), consent="required")))
    tab.wait_for_function("window.footfall && footfall.loaded")
    return tab


def test_before_the_choice_nothing_is_stored_or_sent(asking: Page, recorder: Recorder):
    asking.evaluate("footfall('identify', {user_id: '7'}); footfall('event.x');")
    asking.wait_for_timeout(600)  # twice as long as a batch waits
    asking.evaluate("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('online'))")
    asking.wait_for_timeout(100)
    assert recorder.requests == []
    assert asking.evaluate(STORED) == ""
    assert asking.evaluate("footfall.userKey") is None


def test_after_consent_everything_is_sent_with_its_own_time_and_identity(
    asking: Page, recorder: Recorder
):
    asking.evaluate("footfall('identify', {user_id: '7'})")
    asking.evaluate("footfall('consent', 'granted')")
    (product,) = recorder.wait_for(1)
    assert [one["kind"] for one in recorder.items] == ["page_view", "product_event", "update"]
    assert "user_id" not in product
    assert recorder.of("update")[0]["user_id"] == "7"
    times = [one["at"] for one in recorder.items]
    assert times == sorted(times)
    assert times[0] < recorder.requests[0]["sent_at"]
    assert {one["visitor"] for one in recorder.items} == {asking.evaluate("footfall.userKey")}
    assert product["visitor"] in asking.evaluate("document.cookie")


def test_the_choice_is_remembered(asking: Page, recorder: Recorder):
    asking.evaluate("footfall('consent', 'granted')")
    recorder.wait_for(1)
    asking.reload()
    recorder.wait_for(2)
    assert len({one["visitor"] for one in recorder.items}) == 1


def test_a_visitor_known_by_the_cookie_is_known_again_after_consent(
    tab: Page, browser: BrowserContext, site: PageServer, recorder: Recorder
):
    browser.add_cookies([{"name": "__ca__chat", "value": "Abcdefghij12", "url": site.origin}])
    tab.goto(site.add("/mug", shop_page(recorder.origin, event(), consent="required")))
    tab.wait_for_function("window.footfall && footfall.loaded")
    tab.evaluate("footfall('consent', 'granted')")
    recorder.wait_for(1)
    assert {one["visitor"] for one in recorder.items} == {"Abcdefghij12"}


def test_denied_deletes_what_is_stored_and_drops_what_waits(asking: Page, recorder: Recorder):
    asking.evaluate("footfall('consent', 'granted')")
    recorder.wait_for(1)
    asking.context.set_offline(True)
    asking.evaluate(event("mug-2") + "footfall('consent', 'denied');" + event("mug-3"))
    assert asking.evaluate(STORED) == ",footfall.ABC123.consent"
    asking.context.set_offline(False)
    asking.reload()
    asking.wait_for_function("window.footfall && footfall.loaded")
    asking.wait_for_timeout(600)
    assert [one["product_id"] for one in recorder.of("product_event")] == ["mug-1"]
    assert asking.evaluate(STORED) == ",footfall.ABC123.consent"
    before = recorder.items[0]["visitor"]
    asking.evaluate("footfall('consent', 'granted');" + event("mug-4"))
    anew = recorder.wait_for(2)[-1]
    assert anew["product_id"] == "mug-4"
    assert anew["visitor"] != before


def test_a_refusal_in_one_tab_holds_in_the_other(
    asking: Page, browser: BrowserContext, recorder: Recorder
):
    asking.evaluate("footfall('consent', 'granted')")
    recorder.wait_for(1)
    other = browser.new_page()
    other.goto(asking.url)
    recorder.wait_for(2)
    other.evaluate("footfall('consent', 'denied')")
    asking.wait_for_function("localStorage['footfall.ABC123.consent'] == 'denied'")
    asking.evaluate(event("mug-2"))
    asking.wait_for_timeout(500)
    assert {one["product_id"] for one in recorder.of("product_event")} == {"mug-1"}
    assert asking.evaluate(STORED) == ",footfall.ABC123.consent"


def test_what_was_dropped_does_not_come_back_with_a_later_consent(asking: Page, recorder: Recorder):
    asking.evaluate("footfall('consent', 'granted')")
    recorder.wait_for(1)
    asking.context.set_offline(True)
    asking.evaluate(event("mug-2") + "footfall('consent', 'denied')")
    asking.evaluate(event("mug-3") + "footfall('consent', 'granted');" + event("mug-4"))
    asking.context.set_offline(False)
    sent = recorder.wait_for(2)
    assert [one["product_id"] for one in sent] == ["mug-1", "mug-4"]


def test_a_refusal_in_one_tab_drops_what_waits_in_the_other(
    asking: Page, browser: BrowserContext, recorder: Recorder
):
    asking.evaluate("footfall('consent', 'granted')")
    recorder.wait_for(1)
    other = browser.new_page()
    other.goto(asking.url)
    recorder.wait_for(2)
    browser.set_offline(True)
    asking.evaluate(event("mug-2"))
    other.evaluate("footfall('consent', 'denied')")
    asking.wait_for_function("localStorage['footfall.ABC123.consent'] == 'denied'")
    browser.set_offline(False)
    asking.evaluate("dispatchEvent(new Event('online'))")
    asking.wait_for_timeout(600)  # twice as long as a batch waits
    asking.evaluate("dispatchEvent(new Event('pagehide'))")
    asking.wait_for_timeout(100)
    assert {one["product_id"] for one in recorder.of("product_event")} == {"mug-1"}
    assert asking.evaluate(STORED) == ",footfall.ABC123.consent"
