"""Attributes in the console: defined by keyboard, changed with a preview, undone, mended."""

import time
from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import BrowserContext

from tests.console.house import House, Visitor, assert_accessible, text_of, watch_policy

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
OpenBrowser = Callable[..., BrowserContext]


def put(visitor: Visitor, custom_id: str, **values: object) -> None:
    body = {"attributes": values}
    status, answer, _ = visitor.api().request("PUT", f"/api/v1/products/{custom_id}", body)
    assert status in (200, 201), answer


def await_change(visitor: Visitor, state: str) -> None:
    """Return when the newest change of the weight has come so far, in the background."""
    api = visitor.api()
    until = time.monotonic() + 20
    while api.get("/api/v1/attributes/product/weight")["changes"][0]["state"] != state:
        assert time.monotonic() < until


def test_an_attribute_is_defined_by_keyboard_alone(
    owner: Visitor, open_browser: OpenBrowser
) -> None:
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/attributes"))
    assert_accessible(page)
    link = page.get_by_role("link", name="Define an attribute")
    while not link.evaluate("one => one === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    name = page.get_by_label("Name")
    name.wait_for()
    while not name.evaluate("one => one === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.type("Shoe size")
    page.keyboard.press("Tab")
    page.keyboard.type("Whole")
    assert_accessible(page)
    page.keyboard.press("Tab")
    name.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Shoe size").wait_for()
    assert "Whole number" in page.inner_text("main")
    assert_accessible(page)


def test_a_type_is_changed_after_a_look_and_changed_back(owner: Visitor) -> None:
    put(owner, "mug", weight="300")
    put(owner, "pot", weight="1 kg")
    here = "/attributes/product/weight"
    preview = owner.post(f"{here}/preview", {"value_type": "float"})
    told = text_of(preview)
    assert "1 value would fit. 1 would not" in told
    assert "1 kg" in told
    assert "pot" in told
    changed = text_of(owner.follow(owner.post(f"{here}/change", {"value_type": "float"})))
    assert "The type is changed." in changed
    await_change(owner, "done")
    assert "weight" in text_of(owner.get("/attributes/set-aside"))
    owner.follow(owner.post(f"{here}/undo"))
    await_change(owner, "undone")
    assert "Every value fits" in text_of(owner.get("/attributes/set-aside"))
    again = owner.post(f"{here}/undo")
    assert (again.status_code, "left to undo" in text_of(again)) == (409, True)


def test_one_click_mends_what_was_set_aside(owner: Visitor) -> None:
    api = owner.api()
    body = {"kind": "product", "name": "size", "value_type": "fixed", "choices": ["S"]}
    api.request("POST", "/api/v1/attributes", body)
    put(owner, "mug", size="XL")
    listed = text_of(owner.get("/attributes/set-aside"))
    assert "Add the missing choices" in listed
    group = {"kind": "product", "attribute": "size", "code": "not_a_choice"}
    page = text_of(owner.follow(owner.post("/attributes/set-aside/mend", group)))
    assert "takes these values now" in page
    put(owner, "pot", size="M")
    owner.follow(owner.post("/attributes/set-aside/dismiss", group))
    assert "Every value fits" in text_of(owner.get("/attributes/set-aside"))


def test_a_viewer_changes_no_attribute(house: House, owner: Visitor) -> None:
    put(owner, "mug", weight="1")
    with house.visitor("viewer", owner.workspace) as viewer:
        assert viewer.get("/attributes/product/weight").status_code == 200
        for path in ("change", "undo", "rule"):
            fields = {"value_type": "float", "source_rule": "api only"}
            refused = viewer.post(f"/attributes/product/weight/{path}", fields)
            assert refused.status_code == 403
        assert viewer.post("/attributes/new", {"kind": "product", "name": "a"}).status_code == 403


def test_names_and_values_are_shown_and_never_run(
    owner: Visitor, open_browser: OpenBrowser
) -> None:
    put(owner, "mug", price=HOSTILE)
    put(owner, quote(HOSTILE, safe=""), price="x")
    body = {"kind": "product", "name": "<b onclick=x>colour", "value_type": "float"}
    assert owner.api().request("POST", "/api/v1/attributes", body)[0] == 201
    page = open_browser(owner).new_page()
    watch_policy(page)
    for path in (
        "/attributes",
        "/attributes/product/price",
        "/attributes/product/_b_onclick_x_colour",
        "/attributes/set-aside",
        "/attributes/browsers",
    ):
        page.goto(owner.path(path))
        assert page.evaluate("window.hacked") is None
        assert page.locator("main img[onerror], main b[onclick], main script").count() == 0
        assert_accessible(page)


def test_pages_write_what_the_list_allows(owner: Visitor) -> None:
    fields = {"which": "some", "names": "price\ncolour\n"}
    page = text_of(owner.follow(owner.post("/attributes/browsers", fields)))
    assert "colour" in page
    owner.post("/attributes/browsers", {"which": "any"})
    assert owner.api().get("/api/v1/workspace")["browser_attributes"] is None
