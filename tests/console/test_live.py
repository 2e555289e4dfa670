"""Live and Install: in Chromium, with events that arrive meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.console.house import House, Visitor, assert_accessible, text_of, watch_policy


def _send(visitor: Visitor, *products: str, **fields: Any) -> int:
    events = [
        {"event_type": "view", "user_custom_id": "anna", "product_id": product, **fields}
        for product in products
    ]
    client = visitor.api()
    status, answer, _ = client.request("POST", "/api/v1/events", events, Prefer="wait")
    assert (status, answer["accepted"]) == (202, len(events)), answer
    return int(client.get("/api/v1/events", limit=1)["results"][0]["id"])


def test_install_turns_green_by_itself_and_live_shows_what_comes(
    owner: Visitor, open_browser: Callable[[Visitor], BrowserContext]
) -> None:
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/install"))
    state = page.locator("#first-event")
    expect(state).to_contain_text("Waiting for the first event")
    page.get_by_role("button", name="Make an app key").click()
    expect(page.locator("pre").first).to_contain_text('footfall("init", { apiKey:')
    _send(owner, "mug-1", data={"name": "Blue mug"})
    expect(state).to_contain_text("Events arrive. The newest: view of Blue mug.")
    assert_accessible(page)
    page.get_by_role("link", name="Open Live").click()
    rows = page.locator("#live tbody tr")
    expect(rows).to_have_count(1)
    _send(owner, "mug-2")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("mug-2")
    page.get_by_role("button", name="Pause").click()
    _send(owner, "mug-3")
    go_on = page.get_by_role("button", name="Go on (1 wait)")
    expect(go_on).to_be_visible()
    expect(rows).to_have_count(2)
    go_on.click()
    expect(rows).to_have_count(3)
    expect(page.locator("#live-rate")).to_contain_text("per second now")
    assert_accessible(page)
    rows.first.get_by_role("link").click()
    page.get_by_role("link", name="Open on a page of its own").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("view")
    assert_accessible(page)


@pytest.mark.parametrize("width", [1280, 390])
def test_events_open_beside_the_list_by_keyboard_while_others_come(
    owner: Visitor, open_browser: Callable[..., BrowserContext], width: int
) -> None:
    _send(owner, "mug-1", data={"name": "<b>Blue</b> mug", "price": "cheap"})
    _send(owner, "mug-2")
    page = open_browser(owner, viewport={"width": width, "height": 800}).new_page()
    watch_policy(page)
    page.goto(owner.path("/live"))
    page.wait_for_selector("#live-rate:not(:empty)")  # the stream is open
    rows = page.locator("#live tbody tr")
    link = rows.nth(1).get_by_role("link")
    link.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="view")
    expect(panel).to_contain_text("Product: name <b>Blue</b> mug")
    expect(panel).to_contain_text("Values set aside")
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    _send(owner, "mug-3")
    expect(rows).to_have_count(3)
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(rows.nth(2).get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    panel.get_by_role("button", name="Close").press("Enter")
    expect(panel).to_be_hidden()
    expect(rows.nth(2).get_by_role("link")).to_be_focused()


def test_live_filters_what_comes_too(
    owner: Visitor, open_browser: Callable[[Visitor], BrowserContext]
) -> None:
    page = open_browser(owner).new_page()
    page.goto(owner.path("/live?product=mug-2&kind=&event_type=&contact="))
    page.wait_for_selector("#live-rate:not(:empty)")  # the stream is open
    _send(owner, "mug-1", "mug-2", "mug-1")
    rows = page.locator("#live tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("mug-2")


def test_live_and_an_event_are_read_without_script(owner: Visitor) -> None:
    assert "Nothing here yet" in text_of(owner.get("/live"))
    event_id = _send(owner, "mug-1", data={"name": "Blue mug", "price": "cheap"})
    assert "Blue mug" in text_of(owner.get("/live"))
    assert "Nothing here yet" in text_of(owner.get("/live", event_type="purchase"))
    detail = text_of(owner.get(f"/live/events/{event_id}"))
    assert "Product: name Blue mug" in detail
    assert "Values set aside" in detail
    assert "cheap" in detail
    assert "did not fit" in text_of(owner.get("/install"))
    item = {"kind": "page_view", "user_custom_id": "ben", "page": {"url": "https://shop.example/"}}
    answer = owner.api().request("POST", "/api/v1/activities", [item], Prefer="wait")
    assert answer[1]["accepted"] == 1, answer
    [activity] = owner.api().get("/api/v1/activities")["results"]
    assert "page view" in text_of(owner.get("/live"))
    assert "page view" in text_of(owner.get("/install"))
    assert "Page view" in text_of(owner.get(f"/live/activities/{activity['id']}"))
    assert owner.get("/live/events/999999").status_code == 404


def test_the_curl_line_gets_a_token_of_an_owner_once(owner: Visitor) -> None:
    assert "Authorization: Token $TOKEN" in text_of(owner.get("/install"))
    made = text_of(owner.post("/install/token"))
    assert "$TOKEN" not in made.split("API This page")[0]
    assert "shown only now" in made


def test_a_stream_is_closed_to_who_is_not_in_the_workspace(house: House, owner: Visitor) -> None:
    with house.visitor("owner") as stranger:
        assert stranger.http.get(owner.path("/live/stream")).status_code == 404
