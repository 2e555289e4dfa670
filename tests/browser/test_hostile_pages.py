"""Pages that make it hard: each call arrives once, and the SDK raises no error of its own."""

from html import escape
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.pages import STUB, event, heard_errors, shop_page
from tests.browser.recorder import PageServer, Recorder

CALLS = event("mug-1", "view") + event("mug-2")


def assert_each_call_arrived_once(recorder: Recorder, kinds: tuple[str, ...]) -> None:
    recorder.wait(lambda: len(recorder.items) >= len(kinds))
    assert tuple(item["kind"] for item in recorder.items) == kinds
    assert len({item["id"] for item in recorder.items}) == len(kinds)


def test_a_page_whose_scripts_throw(tab: Page, site: PageServer, recorder: Recorder):
    breaking = """
        Array.prototype.toJSON = function () { return "broken"; };
        Object.prototype.extra = function () {};
        console.warn = () => { throw new Error("the page's, in its console"); };
        LockManager.prototype.request = () => { throw new Error("the page's, in its locks"); };
        window.onerror = () => { throw new Error("the page's, in its handler"); };
        addEventListener("click", () => { throw new Error("the page's, on click"); }, true);
        Object.defineProperty(window, "civchat", {value: {set userKey(key) { throw 1; }}});
    """
    body = f"""
        <script>throw new Error("the page's, at once");</script>
        <script>this is no script</script>
        <script>
          addEventListener("load", () => {{ {event("mug-2")} throw new Error("the page's"); }});
        </script>
        <button data-footfall-event="liking" data-product-id="mug-3">like</button>
    """
    errors = heard_errors(tab)
    tab.goto(
        site.add(
            "/", shop_page(recorder.origin, breaking + event("mug-1", tags=["a"]), body, debug=True)
        )
    )
    recorder.wait_for(2)
    tab.click("button")
    assert_each_call_arrived_once(
        recorder, ("page_view", "product_event", "product_event", "product_event")
    )
    assert [one["product_id"] for one in recorder.of("product_event")] == [
        "mug-1",
        "mug-2",
        "mug-3",
    ]
    assert recorder.of("product_event")[0]["data"] == {"tags": ["a"]}
    assert [text for text in errors if "page's" not in text and "identifier" not in text] == []


@pytest.mark.parametrize(
    "breaking",
    [
        """for (const name of ["localStorage", "sessionStorage"])
            Object.defineProperty(window, name, {get() { throw new DOMException("no"); }});
        Object.defineProperty(document, "cookie",
            {get() { throw new DOMException("no"); }, set() { throw new DOMException("no"); }});""",
        "Storage.prototype.setItem = () => { throw new DOMException('QuotaExceededError'); };",
        "Object.defineProperty(window, 'localStorage', {value: null});",
    ],
    ids=["access throws", "full", "none"],
)
def test_a_page_without_storage(tab: Page, site: PageServer, recorder: Recorder, breaking: str):
    errors = heard_errors(tab)
    tab.goto(site.add("/", shop_page(recorder.origin, breaking + CALLS)))
    assert_each_call_arrived_once(recorder, ("page_view", "product_event", "product_event"))
    assert len({one["visitor"] for one in recorder.items}) == 1
    assert len({one["session"] for one in recorder.items}) == 1
    tab.evaluate("UE.resetAuth();" + event("mug-3"))
    assert recorder.wait_for(3)[-1]["visitor"] != recorder.items[0]["visitor"]
    assert errors == []


def test_a_page_in_a_sandboxed_frame(tab: Page, site: PageServer, recorder: Recorder):
    errors = heard_errors(tab)
    framed = escape(shop_page(recorder.origin, CALLS))
    tab.goto(site.add("/", f'<iframe sandbox="allow-scripts" srcdoc="{framed}"></iframe>'))
    assert_each_call_arrived_once(recorder, ("page_view", "product_event", "product_event"))
    assert errors == []


@pytest.mark.parametrize("adapters", [[], ["ga4", "segment"]], ids=["core", "adapters"])
def test_a_page_with_a_strict_content_security_policy(
    tab: Page, site: PageServer, recorder: Recorder, adapters: list[Any]
):
    errors = heard_errors(tab)
    start = f"footfall('init', {{apiKey: 'ABC123', adapters: {adapters}}});"
    site.add("/shop.js", STUB + start + CALLS, "text/javascript")
    policy = (
        f"default-src 'none'; script-src 'self' {recorder.origin}; connect-src {recorder.origin}"
    )
    page = (
        '<!doctype html><script src="/shop.js"></script>'
        f'<script async src="{recorder.origin}/widget.js"></script>'
        '<button data-footfall-event="add" data-product-id="mug-3">add</button>'
    )
    tab.goto(site.add("/", page, content_security_policy=policy))
    recorder.wait_for(2)
    tab.click("button")
    assert_each_call_arrived_once(
        recorder, ("page_view", "product_event", "product_event", "product_event")
    )
    if adapters:
        tab.wait_for_function("Array.isArray(window.dataLayer) && dataLayer.hasOwnProperty('push')")
    assert errors == []


@pytest.mark.parametrize(
    "breaking",
    [
        "Object.freeze(history);",
        "Object.defineProperty(window, 'UE', {value: 1});",
        "Object.defineProperty(window, 'userengage', {value() {}});",
        "for (const type of [Object, Array, String, Map, Promise]) Object.freeze(type.prototype);",
        "String.prototype.toJSON = function () { return '\"' + this + '\"'; };",
        "Object.prototype.toJSON = function () { return 'broken'; };",
    ],
    ids=["history", "UE", "userengage", "prototypes", "text as JSON", "everything as JSON"],
)
def test_a_page_that_has_made_the_browser_its_own(
    tab: Page, site: PageServer, recorder: Recorder, breaking: str
):
    errors = heard_errors(tab)
    tab.goto(site.add("/", shop_page(recorder.origin, breaking + CALLS, spa=True)))
    assert_each_call_arrived_once(recorder, ("page_view", "product_event", "product_event"))
    assert [one["product_id"] for one in recorder.of("product_event")] == ["mug-1", "mug-2"]
    assert errors == []
