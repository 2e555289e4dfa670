"""Settings, Users and Audit log, and My account, as people meet them."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from footfall.console.pages.account import browser_name
from tests.console.house import House, Visitor, assert_accessible, text_of, watch_policy
from tests.console.test_entrance import hidden

PASSWORD = "seven quiet geese fly"
NEW_PASSWORD = "two red plates in a box"


@pytest.fixture
def viewer(house: House, owner: Visitor) -> Iterator[Visitor]:
    with house.visitor("viewer", owner.workspace) as visitor:
        yield visitor


def link_on(page: httpx.Response) -> str:
    """Return the path of the one-time link that a page shows."""
    found = re.search(r"/welcome/\w+", page.text)
    assert found is not None, text_of(page)
    return found[0]


def accept(house: House, path: str, **fields: str) -> httpx.Response:
    """Fill in the form behind a one-time link in a browser of its own."""
    with httpx.Client(base_url=house.url) as browser:
        form = browser.get(path)
        return browser.post(path, data={**hidden(form), **fields})


def user_path(owner: Visitor, visitor: Visitor) -> str:
    """Return the page of a person, as the list of users links to it."""
    page = owner.get("/settings/users").text
    for path, name in re.findall(r'href="/w/\d+(/settings/users/\d+)">([^<]+)<', page):
        if name == visitor.email.partition("@")[0]:
            return path
    raise AssertionError(f"{visitor.email} is not on the page")


def test_an_owner_invites_somebody_who_comes(house: House, owner: Visitor):
    made = owner.post("/settings/users/invite", {"email": "Ann@shop.example", "role": "viewer"})
    assert made.status_code == 200
    path = link_on(made)
    listed = owner.get("/settings/users")
    assert "ann@shop.example" in text_of(listed)
    assert path not in listed.text
    answer = accept(house, path, name="Ann", password=PASSWORD)
    assert answer.status_code == 303, text_of(answer)
    page = text_of(owner.get("/settings/users"))
    assert "Ann ann@shop.example Viewer" in page
    assert "Invited, and not here yet" not in page


def test_a_withdrawn_invitation_lets_nobody_in(house: House, owner: Visitor):
    made = owner.post("/settings/users/invite", {"email": "bob@shop.example", "role": "editor"})
    page = owner.get("/settings/users")
    [number] = re.findall(r"invitations/(\d+)/withdraw", page.text)
    after = owner.follow(owner.post(f"/settings/users/invitations/{number}/withdraw"))
    assert "The invitation is withdrawn." in text_of(after)
    with httpx.Client(base_url=house.url) as browser:
        assert browser.get(link_on(made)).status_code == 404


@pytest.mark.parametrize(
    ("email", "text"),
    [("nobody", "This is not an e-mail address."), ("", "is in this workspace already")],
)
def test_a_wrong_invitation_is_explained_beside_the_field(owner: Visitor, email: str, text: str):
    answer = owner.post("/settings/users/invite", {"email": email or owner.email, "role": "editor"})
    assert answer.status_code in {400, 409}
    assert text in text_of(answer)
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{email or owner.email}"' in answer.text


def test_a_changed_role_counts_at_once_and_can_be_undone(owner: Visitor, viewer: Visitor):
    path = user_path(owner, viewer)
    assert viewer.get("/settings/users").status_code == 403
    after = owner.follow(owner.post(f"{path}/role", {"role": "owner"}))
    assert f"{viewer.email} is owner now." in text_of(after)
    assert viewer.get("/settings/users").status_code == 200
    notice = after.text.partition('class="notice')[2].partition("</form>")[0]
    [undo] = re.findall(r'action="/w/\d+([^"]+)"', notice)
    assert 'name="role" value="viewer"' in notice
    owner.post(undo, {"role": "viewer"})
    assert viewer.get("/settings/users").status_code == 403


def test_the_only_owner_stays(owner: Visitor):
    path = user_path(owner, owner)
    page = owner.get(path)
    assert "This is the only owner." in text_of(page)
    assert "Remove from" not in text_of(page)
    for action, fields in (("role", {"role": "viewer"}), ("remove", {})):
        answer = owner.post(f"{path}/{action}", fields)
        assert answer.status_code == 409
        assert "This is the only owner" in text_of(answer)


def test_who_is_removed_sees_nothing_from_then_on(owner: Visitor, viewer: Visitor):
    path = user_path(owner, viewer)
    after = owner.follow(owner.post(f"{path}/remove"))
    assert viewer.email not in text_of(after)
    assert viewer.get("/account").status_code in {303, 404}
    assert owner.get(path).status_code == 404


def test_a_reset_link_sets_a_new_password(house: House, owner: Visitor, viewer: Visitor):
    made = owner.post(f"{user_path(owner, viewer)}/reset-link")
    assert made.status_code == 200
    assert accept(house, link_on(made), password=NEW_PASSWORD).status_code == 303
    assert viewer.get("/account").status_code == 303  # that session has ended
    with httpx.Client(base_url=house.url) as browser:
        form = hidden(browser.get("/sign-in"))
        fields = {"email": viewer.email, "password": NEW_PASSWORD}
        assert browser.post("/sign-in", data={**form, **fields}).status_code == 303


def test_only_owners_open_the_settings_of_people(owner: Visitor, viewer: Visitor):
    path = user_path(owner, viewer)
    for page in ("/settings/users", "/settings/audit", path):
        assert viewer.get(page).status_code == 403
    for form in (
        "/settings/users/invite",
        "/settings/users/invitations/1/withdraw",
        *(f"{path}/role", f"{path}/reset-link", f"{path}/remove"),
    ):
        answer = viewer.post(form, {"email": "x@shop.example", "role": "owner"})
        assert answer.status_code == 403, form


def test_people_of_another_workspace_are_out_of_reach(
    house: House, owner: Visitor, viewer: Visitor
):
    path = user_path(owner, viewer)
    with house.visitor("owner") as rival:
        assert rival.get(path).status_code == 404
        for form in (f"{path}/role", f"{path}/reset-link", f"{path}/remove"):
            assert rival.post(form, {"role": "owner"}).status_code == 404, form
        assert rival.http.get(owner.path("/settings/users")).status_code == 404
    assert viewer.email in text_of(owner.get("/settings/users"))


def test_names_are_text_and_never_markup(house: House, owner: Visitor):
    attack = "<script>alert(1)</script>"
    owner.post("/account", {"name": attack, "theme": "auto", "locale": ""})
    owner.post("/settings/users/invite", {"email": f"{attack}@x", "role": "viewer"})
    for path in ("/settings/users", "/account", "/settings/audit"):
        page = owner.get(path)
        assert page.status_code == 200
        assert attack not in page.text
        assert "&lt;script&gt;" in page.text


def test_the_log_says_who_changed_what_and_chooses(owner: Visitor, viewer: Visitor):
    path = user_path(owner, viewer)
    owner.post(f"{path}/role", {"role": "editor"})
    owner.post("/settings/users/invite", {"email": "carl@shop.example", "role": "viewer"})
    everything = text_of(owner.get("/settings/audit"))
    assert "User: role changed" in everything
    assert "role before: viewer → after: editor" in everything
    chosen = owner.get("/settings/audit", object_kind="invitation")
    assert "carl@shop.example" in text_of(chosen)
    assert "role changed" not in text_of(chosen)
    assert "Nothing was changed like that" in text_of(owner.get("/settings/audit", to="2001-01-01"))
    wrong = owner.get("/settings/audit", **{"from": "soon"})
    assert wrong.status_code == 400
    assert "Write a time" in text_of(wrong)


def test_the_log_goes_on_to_older_changes(owner: Visitor):
    for number in range(51):
        owner.post("/settings/users/invite", {"email": f"n{number}@x", "role": "viewer"})
    first = owner.get("/settings/audit", object_kind="invitation")
    assert "n0@x" not in text_of(first)
    [older] = re.findall(r'href="([^"]+)">Older<', first.text)
    last = owner.http.get(older.replace("&amp;", "&"))
    assert "n0@x" in text_of(last)
    assert ">Older<" not in last.text
    assert ">Newest<" in last.text


def test_ones_name_and_looks_are_kept(viewer: Visitor):
    fields = {"name": "Vera", "theme": "dark", "locale": "pl"}
    after = viewer.follow(viewer.post("/account", fields))
    assert "Saved." in text_of(after)
    assert 'data-theme="dark"' in after.text
    assert re.search(r'<option value="pl" selected>Polski', after.text)
    wrong = viewer.post("/account", {**fields, "name": ""})
    assert wrong.status_code == 400
    assert "A name must have" in text_of(wrong)


def test_a_new_password_ends_the_other_sessions(house: House, owner: Visitor, viewer: Visitor):
    # Visitors have no password of their own: this one gets one by a link, and signs in with it.
    made = owner.post(f"{user_path(owner, viewer)}/reset-link")
    session = accept(house, link_on(made), password=PASSWORD).cookies["footfall_session"]
    me = Visitor(house, viewer.workspace_id, viewer.workspace, session, viewer.email)
    with me:
        wrong = me.post(
            "/account/password", {"current_password": "wrong", "new_password": NEW_PASSWORD}
        )
        assert (wrong.status_code, "not your present password" in text_of(wrong)) == (400, True)
        weak = me.post(
            "/account/password", {"current_password": PASSWORD, "new_password": "1234567890"}
        )
        assert (weak.status_code, "Take a few words" in text_of(weak)) == (400, True)
        done = me.post(
            "/account/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        )
        assert "Your password is changed." in text_of(me.follow(done))


def test_sessions_are_listed_and_ended(house: House, owner: Visitor, viewer: Visitor):
    made = owner.post(f"{user_path(owner, viewer)}/reset-link")
    path = link_on(made)
    session = accept(house, path, password=PASSWORD).cookies["footfall_session"]
    with httpx.Client(base_url=house.url) as browser:
        form = hidden(browser.get("/sign-in"))
        fields = {"email": viewer.email, "password": PASSWORD}
        other = browser.post("/sign-in", data={**form, **fields}).cookies["footfall_session"]
    with (
        Visitor(house, viewer.workspace_id, viewer.workspace, session, viewer.email) as me,
        Visitor(house, viewer.workspace_id, viewer.workspace, other, viewer.email) as there,
    ):
        [number] = re.findall(r"sessions/(\d+)/end", me.get("/account").text)
        assert there.get("/account").status_code == 200
        assert "has ended" in text_of(me.follow(me.post(f"/account/sessions/{number}/end")))
        assert there.get("/account").status_code == 303
        assert owner.post(f"/account/sessions/{number}/end").status_code == 404


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("curl/8", "curl/8"),
        ("", "A browser without a name"),
    ],
)
def test_browsers_are_called_what_people_call_them(user_agent: str, name: str):
    assert browser_name(user_agent) == name


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_pages(
    owner: Visitor,
    viewer: Visitor,
    open_browser: Callable[..., BrowserContext],
    width: int,
    scheme: str,
):
    path = user_path(owner, viewer)
    owner.post(f"{path}/role", {"role": "editor"})
    context = open_browser(owner, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    watch_policy(page)
    for address in ("/settings/users", path, "/settings/audit", "/account"):
        page.goto(owner.path(address))
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_inviting_needs_the_keyboard_alone(
    owner: Visitor, open_browser: Callable[..., BrowserContext]
):
    page = open_browser(owner).new_page()
    page.goto(owner.path("/settings/users"))
    page.get_by_label("E-mail address").focus()
    page.keyboard.type("dora@shop.example")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Send this link to dora@shop.example")).to_be_visible()
    expect(page.get_by_text("It makes them viewer here")).to_be_visible()
    expect(page.get_by_label("invitation link").first).to_contain_text("/welcome/")
