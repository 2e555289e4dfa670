"""The pages of segments: templates, the builder, a segment and why; in Chromium from end to end."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.console.house import Visitor, assert_accessible, text_of, watch_policy

_HOSTILE = '<script>alert("x")</script>'
VIEWED = {"type": "product_event", "event_types": ["view"]}
BOUGHT = {"type": "product_event", "event_types": ["purchase"]}


def say(owner: Visitor, who: str, what: str, product: str = "mug-1") -> None:
    said = {"user_custom_id": who, "event_type": what, "product_id": product}
    owner.api().request("POST", "/api/v1/events", [said], Prefer="wait")


def fill(owner: Visitor) -> None:
    for who, what in (("anna", "view"), ("ben", "view"), ("ben", "purchase")):
        say(owner, who, what)
    owner.api().request("PUT", "/api/v1/contacts/anna", {"attributes": {"city": _HOSTILE}})


def made(owner: Visitor, condition: Any, name: str = "Lookers") -> int:
    body = {"subject": "contact", "name": name, "condition": condition}
    _, answer, _ = owner.api().request("POST", "/api/v1/segments", body)
    return int(answer["id"])


def test_templates_open_the_builder_and_are_kept(owner: Visitor) -> None:
    fill(owner)
    templates = owner.get("/segments/new")
    assert "Lapsed buyers" in text_of(templates)
    builder = owner.get("/segments/new", template="lapsed-buyers")
    assert "0 contacts now" in text_of(builder)
    form = {
        "subject": "contact",
        "name": "Lookers",
        "/type": "all",
        "/of/0/type": "product_event",
        "/of/0/event_types": "view",
        "/of/1/type": "not",
        "/of/1/of/type": "product_event",
        "/of/1/of/event_types": "purchase",
        "/of/1/of/window/kind": "last",
        "/of/1/of/window/amount": "7",
        "/of/1/of/window/unit": "days",
        "action": "save",
    }
    page = owner.follow(owner.post("/segments/new", form))
    assert "Bought any product in the last 7 days" in text_of(page)
    [kept] = owner.api().get("/api/v1/segments")["results"]
    assert kept["condition"]["of"][1]["of"]["window"] == {
        "kind": "last",
        "amount": 7,
        "unit": "days",
    }


def test_what_is_wrong_stands_beside_its_part(owner: Visitor) -> None:
    form = {
        "subject": "contact",
        "name": "",
        "/type": "any",
        "/of/0/type": "product_event",
        "/of/0/event_types": "view",
        "/of/0/window/kind": "between",
        "/of/0/window/start": "2026-02-01",
        "/of/0/window/end": "2026-01-01",
        "action": "save",
    }
    refused = owner.post("/segments/new", form)
    assert refused.status_code == 400
    assert "ends before it begins" in text_of(refused)
    form |= {"/of/0/window/end": "2026-03-01", "/of/1/type": "attribute"}
    assert "Choose an attribute" in text_of(owner.post("/segments/new", form))


def test_a_segment_is_archived_and_brought_back(owner: Visitor) -> None:
    number = made(owner, VIEWED)
    outer = made(owner, {"type": "segment", "id": number}, "Outer")
    kept = owner.follow(owner.post(f"/segments/{number}/archive"))
    assert "contains this segment" in text_of(kept)
    gone = owner.follow(owner.post(f"/segments/{outer}/archive"))
    assert "is archived" in text_of(gone)
    assert "Undo" in text_of(gone)
    owner.follow(owner.post(f"/segments/{outer}/restore"))
    assert "Outer" in text_of(owner.get("/segments", search="out"))


def test_pages_are_harmless_and_accessible(
    owner: Visitor, open_browser: Callable[[Visitor], BrowserContext]
) -> None:
    fill(owner)
    name = {"type": "attribute", "name": "city", "operator": "is", "value": _HOSTILE}
    number = made(owner, {"type": "all", "of": [name, VIEWED]}, _HOSTILE)
    page = open_browser(owner).new_page()
    watch_policy(page)
    for path in ("", "/new", "/new?template=wishers", f"/{number}", f"/{number}/edit"):
        page.goto(owner.path(f"/segments{path}"))
        assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("", f"/{number}", f"/{number}/edit"):
        page.goto(owner.path(f"/segments{path}"))
        assert_accessible(page)
    page.goto(owner.path("/segments/new?template=wishers"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def add(page: Page, kind: str, place: str = "") -> None:
    page.locator(f'[id="k{place}"]').select_option(kind)
    page.locator(f'[id="badd{place}"]').click()


def test_a_nested_segment_is_built_explained_kept_and_entered(
    owner: Visitor, open_browser: Callable[[Visitor], BrowserContext]
) -> None:
    fill(owner)
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/segments/new?template=blank&subject=contact"))
    answer = page.locator("#answer")
    expect(answer).to_contain_text("2 contacts now")
    add(page, "product_event")
    expect(page.locator('[id="f/of/0/window/amount"]')).to_be_visible()
    add(page, "any")
    expect(page.locator('[id="k/of/1"]')).to_be_visible()
    add(page, "not_product_event", "/of/1")
    expect(page.locator('[id="f/of/1/of/0/of/window/amount"]')).to_be_visible()
    expect(answer).to_contain_text("1 contact now")
    # Typed: the count follows, the field keeps what is written and the focus.
    amount = page.locator('[id="f/of/0/window/amount"]')
    amount.fill("0")
    expect(answer).to_contain_text("Not counted")
    expect(page.locator('[id="p/of/0"]')).to_contain_text("not filled in")
    amount.fill("3")
    expect(answer).to_contain_text("1 contact now")
    expect(amount).to_be_focused()
    answer.get_by_role("button", name="Why? anna").click()
    expect(page.locator("#why")).to_contain_text("It fits")
    expect(page.locator("#why")).to_contain_text("Viewed any product in the last 3 days")
    assert_accessible(page)
    page.get_by_label("Name", exact=True).fill("Lookers")
    page.get_by_role("button", name="Save segment").click()
    expect(page.locator("#members")).to_have_text("1 member")
    page.get_by_role("link", name="Why? anna").click()
    expect(page.locator("main")).to_contain_text("Is in this segment")
    assert_accessible(page)
    page.go_back()
    say(owner, "cleo", "view")
    expect(page.locator("#now")).to_contain_text("came in cleo")
    expect(page.locator("#members")).to_have_text("2 members")
    page.get_by_role("link", name="cleo", exact=True).first.click()
    expect(page.locator("main")).to_contain_text("Lookers")


def test_the_builder_is_worked_by_keyboard_alone(
    owner: Visitor, open_browser: Callable[[Visitor], BrowserContext]
) -> None:
    fill(owner)
    page = open_browser(owner).new_page()
    page.goto(owner.path("/segments/new?template=blank&subject=contact"))
    page.locator('[id="k"]').focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    amount = page.locator('[id="f/of/0/window/amount"]')
    expect(amount).to_be_visible()
    amount.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("5")
    page.keyboard.press("Enter")  # counts, and removes nothing
    expect(page.locator("#answer")).to_contain_text("2 contacts now")
    expect(amount).to_have_value("5")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("By keyboard")
    page.get_by_role("button", name="Save segment").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("By keyboard")
