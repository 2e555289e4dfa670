"""The search of every page: without script, and in Chromium with the keyboard alone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.console.house import House, Visitor, assert_accessible, text_of, watch_policy


@pytest.fixture
def filled(owner: Visitor) -> Visitor:
    """An owner with two products and a contact."""
    events = [
        {
            "event_type": "view",
            "user_custom_id": "anna",
            "email": "anna@example.com",
            "product_id": product,
            "data": {"name": name},
        }
        for product, name in (("mug-1", "Blue <b>mug</b>"), ("mug-2", "Red mug"))
    ]
    status, answer, _ = owner.api().request("POST", "/api/v1/events", events, Prefer="wait")
    assert (status, answer["accepted"]) == (202, 2), answer
    return owner


def test_the_page_finds_products_contacts_and_pages_without_script(filled: Visitor) -> None:
    assert "Blue <b>mug</b>" in text_of(filled.get("/search", q="mug"))
    found = filled.get("/search", q="anna@example.com")
    assert "/contacts/" in found.text.split('id="contacts"')[1]
    pages = text_of(filled.get("/search", q="what pages"))
    assert "What pages may write" in pages
    assert "Nothing is called like that" in text_of(filled.get("/search", q="no such thing"))
    assert filled.get("/search", q="x" * 5000).status_code == 200
    assert "Failed events" in text_of(filled.get("/search"))


def test_pages_of_owners_are_not_offered_to_viewers(house: House, owner: Visitor) -> None:
    with house.visitor("viewer", owner.workspace) as viewer:
        assert "API keys" in text_of(owner.get("/search", q="keys")).split("API This page")[0]
        assert "Nothing is called" in text_of(viewer.get("/search", q="api keys"))


def test_a_product_is_opened_from_any_page_by_the_keyboard_alone(
    filled: Visitor, open_browser: Callable[[Visitor], BrowserContext]
) -> None:
    page = open_browser(filled).new_page()
    watch_policy(page)
    page.goto(filled.path("/attributes"))
    dialog = page.locator("#search-dialog")
    expect(dialog).to_be_hidden()
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Product, contact or page")
    expect(field).to_be_focused()
    options = dialog.get_by_role("option")
    chosen = dialog.get_by_role("option", selected=True)
    expect(chosen).to_have_text("Live")
    page.keyboard.type("mug")
    expect(options).to_have_count(2)
    expect(chosen).to_contain_text("Blue <b>mug</b>")
    expect(field).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(dialog.get_by_role("status")).to_have_text("2 found")
    assert_accessible(page)
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("Red mug")
    page.keyboard.press("ArrowDown")  # round to the first
    expect(chosen).to_contain_text("Blue")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Red mug")


def test_escape_closes_the_search_and_the_focus_is_where_it_was(
    filled: Visitor, open_browser: Callable[[Visitor], BrowserContext]
) -> None:
    page = open_browser(filled).new_page()
    page.goto(filled.path("/live"))
    button = page.locator(".search-button")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#search-dialog")
    expect(dialog).to_be_visible()
    page.keyboard.type("nobody is called so")
    expect(dialog.get_by_role("status")).to_have_text("Nothing is called like that.")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Meta+k")
    expect(dialog).to_be_visible()
    page.keyboard.type("no such thing at all")
    expect(dialog.get_by_role("status")).to_have_text("Nothing is called like that.")
    page.keyboard.press("Enter")  # nothing is chosen: the page of the search says more
    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
