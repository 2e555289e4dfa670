"""The calls of a page: under our name and the compatible ones, and who each item is about."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.pages import event, heard_errors, shop_page
from tests.browser.recorder import PageServer, Recorder

COOKIE = "__ca__chat"


@pytest.fixture
def visit(tab: Page, site: PageServer, recorder: Recorder) -> Callable[..., Page]:
    """Open a page of the shop with these settings and wait for its page view."""

    def go(script: str = "", body: str = "", *, query: str = "", **settings: Any) -> Page:
        seen = recorder.different("page_view")
        address = site.add("/mug", shop_page(recorder.origin, script, body, **settings))
        tab.goto(address + query)
        recorder.wait_for(seen + 1, "page_view")
        return tab

    return go


def cookies(tab: Page) -> dict[str, dict[str, Any]]:
    return {cookie["name"]: dict(cookie) for cookie in tab.context.cookies()}


def compatible_page(host: str, settings: str, script: str = "") -> str:
    """Return a page with the snippet that shops know, and a script right after it."""
    return (
        f"<!doctype html><script>{settings}</script>"
        f'<script src="{host}/widget.js"></script><script>{script}</script>'
    )


def test_the_compatible_snippet_starts_and_answers_at_once(
    tab: Page, site: PageServer, recorder: Recorder
):
    settings = """
        window.civchat = {apiKey: "ABC123", user_id: 7, email: "anna@example.com", my_plan: "gold",
            state: "hidden", first_name: "Anna",
            onLoad: () => { window.loaded = typeof UE; throw 1; }};
        Object.defineProperty(civchat, "userKey", {set(key) { document.title = key; }});
    """
    script = "userengage('product_event', {product_id: 5, event_type: 'view', color: 'red'});"
    script += "userengage('event.hello');"
    tab.goto(site.add("/", compatible_page(recorder.origin, settings, script)))
    recorder.wait_for(1, "event")
    view, product, _ = recorder.items
    assert view["user_id"] == "7"
    assert view["email"] == "anna@example.com"
    assert view["contact"] == {"my_plan": "gold", "first_name": "Anna"}
    assert product["product_id"] == "5"
    assert product["data"] == {"color": "red"}
    assert product["user_id"] == "7"
    assert "email" not in product
    assert tab.title() == view["visitor"] == cookies(tab)[COOKIE]["value"]
    assert tab.evaluate("loaded") == "object"


def test_the_stub_of_the_compatible_call_is_emptied_too(
    tab: Page, site: PageServer, recorder: Recorder
):
    settings = """
        window.civchat = {apiKey: "ABC123"};
        function userengage() { (userengage.q = userengage.q || []).push(arguments); }
        userengage("event.early", {n: 1});
    """
    tab.goto(site.add("/", compatible_page(recorder.origin, settings)))
    (early,) = recorder.wait_for(1, "event")
    assert (early["name"], early["data"]) == ("early", {"n": 1})


def test_ue_counts_pages_updates_the_contact_and_begins_anew(
    visit: Callable[..., Page], recorder: Recorder
):
    tab = visit(user_id="7", signature="ab", email="anna@example.com")
    tab.evaluate("UE.pageHit({apiKey: 'ABC123', favourite: 'blue'})")
    tab.evaluate("userengage('client.update', {age: 30})")
    tab.evaluate("UE.resetAuth({apiKey: 'ABC123', status: 1})")
    tab.evaluate(event())
    recorder.wait_for(1)
    first, hit, update, anew, product = recorder.items
    assert [one["kind"] for one in recorder.items] == [
        *("page_view", "page_view", "update", "update", "product_event")
    ]
    assert hit["contact"] == {"favourite": "blue"}
    assert update["contact"] == {"age": 30}
    for known in (first, hit, update):
        assert (known["user_id"], known["signature"]) == ("7", "ab")
    assert anew["contact"] == {"status": 1}
    assert anew["visitor"] == product["visitor"] != first["visitor"]
    assert anew["session"] == product["session"] != first["session"]
    assert not {"user_id", "signature", "email"} & (anew.keys() | product.keys())
    assert cookies(tab)[COOKIE]["value"] == product["visitor"]
    assert tab.evaluate("footfall.userKey") == product["visitor"]


def test_page_hit_starts_where_nothing_has(tab: Page, site: PageServer, recorder: Recorder):
    script = "UE.pageHit({apiKey: 'ABC123', user_id: '8'});"
    tab.goto(site.add("/", compatible_page(recorder.origin, "", script)))
    (view,) = recorder.wait_for(1, "page_view")
    assert view["user_id"] == "8"


def test_destroy_sends_what_waits_and_ends(visit: Callable[..., Page], recorder: Recorder):
    button = '<button data-footfall-event="click" data-product-id="mug-2">look</button>'
    tab = visit(body=button, spa=True)
    tab.evaluate(event("mug-1") + "UE.destroy();" + event("mug-3"))
    recorder.wait_for(1)
    tab.click("button")
    tab.evaluate("UE.pageHit({}); history.pushState({}, '', '/other')")
    tab.wait_for_timeout(500)
    assert [item.get("product_id") for item in recorder.items] == [None, "mug-1"]


def test_each_item_keeps_the_identity_of_its_call_however_late_it_is_sent(
    visit: Callable[..., Page], browser: BrowserContext, recorder: Recorder
):
    tab = visit()
    browser.set_offline(True)
    tab.evaluate(event("mug-0"))
    tab.evaluate("footfall('identify', {user_id: 'anna', signature: 'aa', email: 'a@example.com'})")
    tab.evaluate(event("mug-1") + "footfall('reset');" + event("mug-2"))
    tab.evaluate("footfall('identify', {user_id: 'bob', first_name: 'Bob'})")
    tab.evaluate(event("mug-3"))
    tab.evaluate("footfall('identify', {user_id: 'anna', signature: 'aa'})")
    tab.evaluate("footfall('identify', {user_id: 'carol'});" + event("mug-4"))
    browser.set_offline(False)
    sent = recorder.wait_for(5)
    assert [(one.get("user_id"), one.get("signature")) for one in sent] == [
        *((None, None), ("anna", "aa"), (None, None), ("bob", None), ("carol", None))
    ]
    assert len({one["visitor"] for one in sent}) == 2
    (anna, bob, *_) = recorder.of("update")
    assert anna["email"] == "a@example.com"
    assert bob["contact"] == {"first_name": "Bob"}
    assert "email" not in bob


def test_an_email_alone_is_the_identity_of_every_item(
    visit: Callable[..., Page], recorder: Recorder
):
    visit(event(), email="anna@example.com", user_id="")
    (product,) = recorder.wait_for(1)
    assert product["email"] == "anna@example.com"
    assert "user_id" not in product


def test_a_log_out_in_one_tab_holds_in_the_other(
    visit: Callable[..., Page], browser: BrowserContext, recorder: Recorder
):
    first = visit(user_id="anna")
    second = browser.new_page()
    second.goto(first.url)
    second.wait_for_function("window.UE")
    second.evaluate("UE.resetAuth()")
    key = second.evaluate("footfall.userKey")
    first.wait_for_function(f"localStorage['footfall.ABC123.state'].startsWith('{key}')")
    first.evaluate(event())
    (product,) = recorder.wait_for(1)
    assert product["visitor"] == key
    assert "user_id" not in product


def test_a_visitor_stays_the_same_from_page_to_page(visit: Callable[..., Page], recorder: Recorder):
    visit()
    tab = visit()
    before, after = recorder.distinct
    assert before["visitor"] == after["visitor"]
    assert before["session"] == after["session"]
    cookie = cookies(tab)[COOKIE]
    assert cookie["sameSite"] == "Lax"
    tab.context.clear_cookies()
    visit()
    assert recorder.of("page_view")[-1]["visitor"] == before["visitor"]
    assert cookies(tab)[COOKIE]["value"] == before["visitor"]


def test_a_shop_on_several_hosts_knows_its_visitor_on_each(
    tab: Page, site: PageServer, recorder: Recorder
):
    page = shop_page(recorder.origin, cookieDomain="shop.localhost")
    for number, host in enumerate(("www.shop.localhost", "pay.shop.localhost"), 1):
        tab.goto(site.add("/", page).replace("localhost", host))
        recorder.wait_for(number, "page_view")
    assert len({one["visitor"] for one in recorder.items}) == 1


def test_a_page_rendered_ahead_of_time_counts_when_it_is_shown(
    tab: Page, site: PageServer, recorder: Recorder
):
    ahead = "Object.defineProperty(document, 'prerendering', {value: true});"
    tab.goto(site.add("/", shop_page(recorder.origin, ahead + event())))
    tab.wait_for_function("window.footfall && footfall.loaded")
    tab.wait_for_timeout(500)
    assert recorder.items == []
    tab.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
    recorder.wait_for(1)
    assert [one["kind"] for one in recorder.items] == ["page_view", "product_event"]


def test_a_session_ends_with_silence_and_with_another_campaign(
    visit: Callable[..., Page], recorder: Recorder
):
    tab = visit(query="?utm_source=mail&utm_campaign=may")
    visit()
    visit(query="?utm_source=mail&utm_campaign=may")
    visit(query="?utm_source=mail&utm_campaign=june")
    tab.evaluate("Date.now = () => 29 * 60000 + performance.timeOrigin;" + event("mug-1"))
    tab.evaluate("Date.now = () => 61 * 60000 + performance.timeOrigin;" + event("mug-2"))
    soon, late = recorder.wait_for(2)
    views = [one for one in recorder.distinct if one["kind"] == "page_view"]
    may, plain, again, june = (one["session"] for one in views)
    assert may == plain == again
    assert june not in {may, late["session"]}
    assert soon["session"] == june


def test_clicks_on_marked_elements_count_wherever_they_come_from(
    visit: Callable[..., Page], recorder: Recorder
):
    body = """
        <div data-product-id="mug-1">
          <button id="near" data-footfall-event="add to cart" data-attr-color="red"
              onclick="event.stopPropagation()"><b>Buy</b></button>
        </div>
        <div id="shadow"></div>
        <script>
          window.addEventListener("click", (event) => event.stopImmediatePropagation());
          const root = document.getElementById("shadow").attachShadow({mode: "open"});
          root.innerHTML = '<a data-footfall-event="liking" data-product-id="mug-3">like</a>';
        </script>
    """
    tab = visit(body=body)
    tab.click("#near b")
    tab.evaluate(
        """document.body.insertAdjacentHTML("beforeend",
        '<a id="later" data-footfall-event="event.size_guide" data-attr-size="XL">guide</a>')"""
    )
    tab.click("#later")
    tab.click("#shadow a")
    recorder.wait_for(2)
    _, near, later, shadow = recorder.items
    assert (near["product_id"], near["event_type"], near["data"]) == (
        *("mug-1", "add to cart"),
        {"color": "red"},
    )
    assert (later["name"], later["data"]["size"]) == ("size_guide", "XL")
    assert (shadow["product_id"], shadow["event_type"]) == ("mug-3", "liking")


def test_each_new_address_of_a_single_page_shop_is_one_page_view(
    visit: Callable[..., Page], recorder: Recorder
):
    tab = visit(spa=True)
    start = tab.url
    tab.evaluate("history.pushState({}, '', '/a'); document.title = 'A'")
    tab.evaluate("history.replaceState({scroll: 5}, '', '/a')")
    tab.evaluate("history.replaceState({}, '', '/a?page=2')")
    tab.evaluate("location.hash = 'reviews'")
    tab.evaluate("location.hash = '/cart'")
    tab.go_back()
    tab.evaluate("location.hash = ''")
    tab.go_back()
    recorder.wait_for(5, "page_view")
    tab.wait_for_timeout(400)
    views = recorder.of("page_view")
    paths = [one["page"]["url"].removeprefix(start.removesuffix("/mug")) for one in views]
    assert paths == ["/mug", "/a", "/a?page=2", "/a?page=2#/cart", "/a?page=2#reviews"]
    assert [one["page"]["referrer"] for one in views[:2]] == ["", start]
    assert views[1]["data"] == {"title": "A"}


def test_without_the_setting_routes_are_no_page_views(
    visit: Callable[..., Page], recorder: Recorder
):
    tab = visit()
    tab.evaluate("history.pushState({}, '', '/a');" + event())
    recorder.wait_for(1)
    assert len(recorder.of("page_view")) == 1


def test_the_staff_marks_its_browsers_by_a_link(visit: Callable[..., Page], recorder: Recorder):
    tab = visit(query="#footfall-staff=1")
    tab.goto("about:blank")
    visit(event())
    tab.goto("about:blank")
    visit(query="#footfall-staff=0")
    tab.goto("about:blank")
    visit()
    assert [one.get("traffic") for one in recorder.distinct] == [
        *("staff", "staff", "staff", None, None)
    ]


def test_a_second_script_and_a_second_start_change_nothing(
    visit: Callable[..., Page], recorder: Recorder
):
    again = f'<script src="{recorder.origin}/widget.js"></script>'
    tab = visit(event(), again)
    tab.evaluate("footfall('init', {apiKey: 'ABC123', first_name: 'Anna'});" + event("mug-2"))
    recorder.wait_for(2)
    assert [one["kind"] for one in recorder.items] == [
        *("page_view", "product_event", "update", "product_event")
    ]


def test_what_cannot_be_said_is_no_error_of_the_page(
    visit: Callable[..., Page], recorder: Recorder
):
    tab = visit()
    errors = heard_errors(tab)
    tab.evaluate(
        """
        footfall("product_event", {product_id: "mug-0", event_type: "view", get x() { throw 1; }});
        footfall("event.trap", {get x() { throw new Error("trap"); }});
        footfall("nothing"); footfall(); footfall(Symbol()); footfall("consent", "maybe");
        footfall("init"); footfall("product_event"); UE.pageHit(null); footfall("identify", 7);
        """
    )
    tab.evaluate(event("mug-1", at=None, when="2026-01-01"))
    recorder.wait(lambda: "mug-1" in [one.get("product_id") for one in recorder.items])
    assert errors == []
    assert "mug-0" not in [one.get("product_id") for one in recorder.items]


def test_a_value_that_json_cannot_hold_does_not_cost_the_event(
    tab: Page, site: PageServer, recorder: Recorder
):
    script = """
        const order = {price: 3, lines: [{price: 1}]};
        order.lines[0].order = order;
        const element = document.documentElement;
        element.component = {element};
        footfall("product_event", {
            product_id: 10n, event_type: "purchase", count: 5n, order, element, window, price: 9.9
        });
    """
    tab.goto(site.add("/", shop_page(recorder.origin, script)))
    (bought,) = recorder.wait_for(1)
    assert bought["product_id"] == "10"
    assert bought["data"] == {
        "count": "5",
        "order": {"price": 3, "lines": [{"price": 1}]},
        "price": 9.9,
    }


@pytest.mark.parametrize("missing", ["null", "undefined", "{id: 3}"])
def test_what_is_no_id_makes_no_product(
    tab: Page, site: PageServer, recorder: Recorder, missing: str
):
    script = f"footfall('product_event', {{product_id: {missing}, event_type: 'view'}});"
    tab.goto(site.add("/", shop_page(recorder.origin, script)))
    (viewed,) = recorder.wait_for(1)
    assert "product_id" not in viewed


def test_a_click_reports_an_ordinary_event_with_its_own_attributes_only(
    tab: Page, site: PageServer, recorder: Recorder
):
    button = '<button data-footfall-event="event.heart" data-attr-place="footer">like</button>'
    tab.goto(site.add("/", shop_page(recorder.origin, "", button)))
    tab.wait_for_function("window.footfall && footfall.loaded")
    tab.click("button")
    (hearted,) = recorder.wait_for(1, "event")
    assert (hearted["name"], hearted["data"]) == ("heart", {"place": "footer"})
