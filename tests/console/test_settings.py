"""Settings: the workspace, other workspaces, keys of programs and pages, the signing secret."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext

from footfall.console.pages.keys import SIGNING_EXAMPLES
from tests.console.house import House, Visitor, assert_accessible, text_of, watch_policy


def problems_of(page: httpx.Response) -> dict[str, str]:
    """Return what a page says is wrong, by field."""
    found = re.findall(r'<p class="problem" id="problem-(\w+)">(.*?)</p>', page.text)
    return {name: unescape(message) for name, message in found}


@pytest.fixture
def viewer(house: House, owner: Visitor) -> Iterator[Visitor]:
    """A viewer of the owner's workspace."""
    with house.visitor("viewer", owner.workspace) as visitor:
        yield visitor


SETTINGS = {
    "time_zone": "Europe/Warsaw",
    "currency": "pln",
    "require_signed_contacts": "yes",
    "browser_rule": "listed",
    "browser_attributes": "Size\n\n Main colour \n",
}


def test_the_settings_of_a_workspace_are_changed_and_read_by_viewers(
    owner: Visitor, viewer: Visitor
) -> None:
    name = f"{owner.workspace} & <b>sons</b>"
    answer = owner.post("/settings/workspace", {"name": name, **SETTINGS})
    page = owner.follow(answer)
    assert "The settings are saved." in text_of(page)
    assert 'value="Europe/Warsaw"' in page.text
    assert "<b>sons" not in page.text
    read = viewer.get("/settings/workspace")
    shown = text_of(read)
    assert "<form class=" not in read.text
    for words in (name, "Europe/Warsaw", "PLN", "only with a signature", "Size, Main colour"):
        assert words in shown, words
    assert "ask an owner" in shown
    any_attribute = {"name": name, "time_zone": "UTC", "browser_rule": "any"}
    owner.post("/settings/workspace", {**any_attribute, "browser_attributes": "Size"})
    assert "Product attributes from pages any" in text_of(viewer.get("/settings/workspace"))


def test_a_setting_that_cannot_be_is_told_at_its_field(house: House, owner: Visitor) -> None:
    taken = house.new_workspace()
    wrong = {"name": owner.workspace, "time_zone": "Europe/Mordor", "currency": "ZŁO"}
    page = owner.post("/settings/workspace", {**wrong, "browser_rule": "any"})
    assert page.status_code == 400
    assert "IANA name" in problems_of(page)["time_zone"]
    assert 'value="Europe/Mordor"' in page.text, "what was typed stays"
    page = owner.post("/settings/workspace", {"name": taken, "time_zone": "UTC"})
    assert (page.status_code, list(problems_of(page))) == (409, ["name"])


def test_workspaces_are_created_and_copied(owner: Visitor) -> None:
    assert "Make a test copy" in text_of(owner.get("/settings/workspaces"))
    fields = {"name": f"{owner.workspace} Łódź", "time_zone": "Europe/Warsaw", "currency": "PLN"}
    made = owner.post("/settings/workspaces", fields)
    assert re.fullmatch(r"/w/\d+/install", made.headers["location"])
    again = owner.post("/settings/workspaces", fields)
    assert (again.status_code, list(problems_of(again))) == (409, ["name"])
    wrong = owner.post("/settings/workspaces", {**fields, "name": "other", "currency": "€"})
    assert list(problems_of(wrong)) == ["currency"]
    copied = owner.post(f"/settings/workspaces/{owner.workspace_id}/copy")
    page = owner.follow(copied)
    assert f"{owner.workspace} (test)" in text_of(page)
    assert f"{owner.workspace} (test)" in text_of(owner.get("/settings/workspaces"))


def test_who_owns_no_workspace_makes_none(viewer: Visitor) -> None:
    page = viewer.get("/settings/workspaces")
    assert page.status_code == 200
    assert "New workspace" not in text_of(page)
    assert "Make a test copy" not in text_of(page).replace("What is a test copy", "")
    assert viewer.post("/settings/workspaces", {"name": "x"}).status_code == 403
    assert viewer.post(f"/settings/workspaces/{viewer.workspace_id}/copy").status_code == 403


def new_key(owner: Visitor, **fields: str) -> tuple[str, str]:
    """Return the token of a new key and the path of its page."""
    made = owner.post("/settings/api-keys", {"name": "till", "scope": "write", **fields})
    assert made.status_code == 200, text_of(made)
    token = re.search(r"<code>(\w{64})</code>", made.text)
    assert token is not None
    listed = owner.get("/settings/api-keys")
    assert token[1] not in listed.text, "it is shown once"
    path = re.search(rf'href="/w/{owner.workspace_id}(/settings/api-keys/\d+)"', listed.text)
    assert path is not None
    return token[1], path[1]


def test_an_api_key_is_shown_once_limited_used_and_revoked(house: House, owner: Visitor) -> None:
    token, path = new_key(owner, allowed_networks="127.0.0.1, ::1", requests_per_second="50")
    shown = text_of(owner.get("/settings/api-keys"))
    for words in (f"{token[:8]}…", "write", "127.0.0.1, ::1", "50", "never"):
        assert words in shown, words
    program = house.shop.client(token)
    assert program.request("POST", "/api/v1/events", [])[0] == 202

    form = {"name": "desk", "allowed_networks": "10.0.0.0/8", "requests_per_second": ""}
    page = owner.follow(owner.post(path, form))
    assert "desk is saved" in text_of(page)
    assert "no limit" in text_of(page)
    while program.request("POST", "/api/v1/events", [])[0] != 403:
        pass  # the test's time limit ends this, should it never be refused

    page = owner.follow(owner.post(f"{path}/revoke"))
    assert "The key is revoked." in text_of(page)
    assert "revoked just now" in text_of(page)
    while program.request("POST", "/api/v1/events", [])[0] != 401:
        pass
    program.close()


@pytest.mark.parametrize(
    ("fields", "name", "message"),
    [
        ({"name": ""}, "name", "1 to 255 characters"),
        ({"scope": "everything"}, "scope", "none of the values"),
        ({"allowed_networks": "10.1.2.3/8"}, "allowed_networks", "Did you mean 10.0.0.0/8?"),
        ({"requests_per_second": "many"}, "requests_per_second", "a whole number"),
        ({"requests_per_second": "0"}, "requests_per_second", "1 to 1,000,000"),
        ({"requests_per_second": "9" * 30}, "requests_per_second", ""),
    ],
)
def test_an_api_key_that_cannot_be_is_told_at_its_field(
    owner: Visitor, fields: dict[str, str], name: str, message: str
) -> None:
    page = owner.post("/settings/api-keys", {"name": "till", "scope": "write", **fields})
    assert page.status_code == 400, text_of(page)
    assert message in problems_of(page)[name]
    _, path = new_key(owner)
    if name != "scope":
        page = owner.post(path, {"name": "till", **fields})
        assert (page.status_code, list(problems_of(page))) == (400, [name])


def test_app_keys_are_made_changed_and_revoked_and_read_by_viewers(
    owner: Visitor, viewer: Visitor
) -> None:
    form = {"name": "pages", "allowed_origins": "https://Shop.example\nhttps://*.shop.example"}
    page = owner.follow(owner.post("/settings/app-keys", {**form, "events_per_second": "200"}))
    key = re.search(r"pages is (\w{6})\.", text_of(page))
    assert key is not None
    read = viewer.get("/settings/app-keys")
    for words in (key[1], "https://shop.example, https://*.shop.example", "200", "ask an owner"):
        assert words in text_of(read), words
    assert "/revoke" not in read.text
    path = f"/settings/app-keys/{key[1]}"
    wrong = owner.post(path, {"name": "pages", "allowed_origins": "shop.example"})
    assert (wrong.status_code, list(problems_of(wrong))) == (400, ["allowed_origins"])
    page = owner.follow(owner.post(path, {"name": "app", "allowed_origins": ""}))
    assert "app is saved" in text_of(page)
    page = owner.follow(owner.post(f"{path}/revoke"))
    assert "revoked just now" in text_of(page)
    assert owner.get("/settings/app-keys/abcdef").status_code == 404


def test_the_signing_secret_is_in_the_page_only_when_asked_for(
    owner: Visitor, viewer: Visitor
) -> None:
    api = owner.api()
    secret = api.get("/api/v1/identity-secret")["identity_secret"]
    assert secret not in owner.get("/settings/signing-secret").text
    assert secret in owner.post("/settings/signing-secret/show").text
    rotated = owner.post("/settings/signing-secret/rotate")
    new = api.get("/api/v1/identity-secret")["identity_secret"]
    assert new != secret
    assert new in rotated.text
    assert secret not in rotated.text
    assert "no longer count" in text_of(rotated)
    api.close()
    page = viewer.get("/settings/signing-secret")
    assert "Only owners see it." in text_of(page)
    assert "<button" not in page.text.split("<main")[1].split("example in")[0]
    for path in ("show", "rotate"):
        refused = viewer.post(f"/settings/signing-secret/{path}")
        assert refused.status_code == 403
        assert new not in refused.text


def test_the_example_signs_as_footfall_does() -> None:
    known: dict[str, Any] = {}
    exec(dict(SIGNING_EXAMPLES)["Python"], known)
    expected = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    assert known["signature"]("The quick brown fox jumps over the lazy dog", "key") == expected


def test_who_may_not_see_api_keys_is_told_whom_to_ask(viewer: Visitor) -> None:
    for path in ("/settings/api-keys", "/settings/api-keys/new", "/settings/api-keys/1"):
        page = viewer.get(path)
        assert page.status_code == 403
        assert "Only an owner of this workspace may do this." in text_of(page)


def test_a_key_is_made_and_revoked_by_the_keyboard(
    owner: Visitor, open_browser: Callable[..., BrowserContext]
) -> None:
    page = open_browser(owner, viewport={"width": 390, "height": 800}).new_page()
    watch_policy(page)
    page.goto(owner.path("/settings/api-keys"))
    page.get_by_role("link", name="New API key").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name").focus()
    page.keyboard.type("till")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.type("ten")
    page.keyboard.press("Enter")
    page.get_by_text("a whole number").wait_for()
    assert page.evaluate("document.activeElement.name") == "requests_per_second"
    assert_accessible(page)
    page.keyboard.press("Control+A")
    page.keyboard.type("10")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Copy the key now").wait_for()
    assert_accessible(page)
    page.get_by_role("link", name="I have copied it").focus()
    page.keyboard.press("Enter")
    revoke = page.get_by_role("button", name="Revoke till")
    questions: list[str] = []

    def refuse(dialog: Any) -> None:
        questions.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse)
    revoke.focus()
    page.keyboard.press("Enter")
    assert "Revoke till?" in questions[0]
    page.once("dialog", lambda dialog: dialog.accept())
    revoke.focus()
    page.keyboard.press("Enter")
    page.get_by_text("The key is revoked.").wait_for()
    assert_accessible(page)
