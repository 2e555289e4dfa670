"""Signing in and out, and who gets no further."""

import re

import httpx
import pytest
from playwright.sync_api import Browser

from footfall.workspaces.api import csrf_token
from tests.console.house import House, Visitor, text_of

PASSWORD = "seven quiet geese fly"


# Before anybody else is let in, which would end the link.
@pytest.fixture(scope="module", autouse=True)
def ada(house: House) -> str:
    """The first owner, who has accepted the link that the server printed; returns the address."""
    path = re.search(r"/welcome/\S+", house.shop.log_path.read_text())
    assert path is not None
    with httpx.Client(base_url=house.url) as browser:
        form = browser.get(path[0])
        fields = {"email": "ada@example.com", "name": "Ada", "password": PASSWORD}
        answer = browser.post(path[0], data={**hidden(form), **fields})
        assert answer.status_code == 303, text_of(answer)
        again = browser.get(path[0])
        assert again.status_code == 404
        assert "used already" in text_of(again)
    return "ada@example.com"


def hidden(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))


def sign_in(
    browser: httpx.Client, email: str, password: str = PASSWORD, **parameters: str
) -> httpx.Response:
    form = browser.get("/sign-in", params=parameters)
    return browser.post("/sign-in", data={**hidden(form), "email": email, "password": password})


@pytest.fixture
def browser(house: House):
    with httpx.Client(base_url=house.url) as client:
        yield client


def test_who_is_not_signed_in_is_led_to_sign_in_and_back(browser: httpx.Client, ada: str):
    page = browser.get("/w/1/products?search=mug")
    assert page.status_code == 303
    assert page.headers["location"] == "/sign-in?next=%2Fw%2F1%2Fproducts%3Fsearch%3Dmug"
    form = browser.get(page.headers["location"])
    answer = browser.post(
        "/sign-in", data={**hidden(form), "email": ada.upper(), "password": PASSWORD}
    )
    assert answer.headers["location"] == "/w/1/products?search=mug"


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example",
        "/w/\\..\\..//elsewhere.example",
        "javascript:alert(1)",
        "/w/1\r\nset-cookie: a=b",
        "/sign-out",
    ],
)
def test_signing_in_leads_to_no_other_site(browser: httpx.Client, ada: str, target: str):
    answer = sign_in(browser, ada, next=target)
    assert answer.headers["location"] == "/"


def test_the_session_is_new_after_signing_in_and_dead_after_signing_out(
    browser: httpx.Client, ada: str
):
    planted = "A" * 43
    browser.cookies.set("footfall_session", planted)
    answer = sign_in(browser, ada)
    given = answer.cookies["footfall_session"]
    assert given != planted
    flags = answer.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=lax" in flags
    with httpx.Client(base_url=browser.base_url) as other:
        other.cookies.set("footfall_session", given)
        assert other.get("/").headers["location"] == "/w/1/"
        out = other.post("/sign-out", data={"csrf_token": csrf_token(given)})
        assert out.headers["location"] == "/sign-in"
        other.cookies.set("footfall_session", given)
        assert other.get("/").headers["location"] == "/sign-in"


def test_over_tls_the_cookie_is_secure_and_bound_to_the_host(house: House, ada: str):
    with httpx.Client(base_url=house.url, headers={"x-forwarded-proto": "https"}) as browser:
        form = browser.get("/sign-in")
        cookie = form.headers["set-cookie"].partition(";")[0]
        answer = browser.post(
            "/sign-in",
            data={**hidden(form), "email": ada, "password": PASSWORD},
            headers={"cookie": cookie},
        )
        flags = answer.headers["set-cookie"]
        assert flags.startswith("__Host-footfall_session=")
        assert "secure" in flags.lower()
        assert "domain" not in flags.lower()


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    browser: httpx.Client, ada: str
):
    wrong = sign_in(browser, ada, "not the password")
    unknown = sign_in(browser, "nobody@example.com", "not the password")
    assert wrong.status_code == unknown.status_code == 400
    assert text_of(wrong).replace(ada, "") == text_of(unknown).replace("nobody@example.com", "")


def test_guessing_is_slowed_down_and_says_when_to_go_on(house: House, browser: httpx.Client):
    with house.visitor("viewer") as victim:
        answers = [sign_in(browser, victim.email, f"guess number {n}") for n in range(30)]
    assert answers[0].status_code == 400
    assert answers[-1].status_code == 429


@pytest.mark.parametrize("forged", [None, "", "0" * 64])
def test_a_form_without_the_sessions_token_changes_nothing(owner: Visitor, forged: str | None):
    fields = {} if forged is None else {"csrf_token": forged}
    answer = owner.http.post(owner.path("/theme"), data={"theme": "dark", **fields})
    assert answer.status_code == 403
    crossing = owner.http.post(
        owner.path("/theme"),
        data={"theme": "dark", "csrf_token": csrf_token(owner.session)},
        headers={"sec-fetch-site": "cross-site"},
    )
    assert crossing.status_code == 403


def test_a_sign_in_form_of_another_site_signs_nobody_in(house: House, ada: str):
    with httpx.Client(base_url=house.url) as browser:
        fields = {"email": ada, "password": PASSWORD, "csrf_token": csrf_token("x" * 48)}
        answer = browser.post("/sign-in", data=fields)
        assert answer.status_code == 403
        assert "footfall_session" not in answer.cookies


def test_another_workspace_looks_like_none(house: House, owner: Visitor):
    with house.visitor("owner") as stranger:
        answer = stranger.http.get(owner.path("/products"))
        nothing = stranger.http.get("/w/999999/products")
    assert answer.status_code == nothing.status_code == 404
    assert text_of(answer) == text_of(nothing)


def test_a_cookie_opens_nothing_of_the_api(owner: Visitor):
    assert owner.http.get("/api/v1/events").status_code == 401


def test_every_page_forbids_foreign_code(owner: Visitor, browser: httpx.Client):
    for answer in (browser.get("/sign-in"), owner.get("/nowhere"), browser.get("/welcome/x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_behind_a_trusted_proxy_each_visitor_has_attempts_of_their_own(
    tmp_path_factory: pytest.TempPathFactory,
):
    folder = tmp_path_factory.mktemp("proxied") / "footfall"
    house = House(folder, FOOTFALL_TRUSTED_PROXIES="127.0.0.1")
    try:
        for number in range(31):
            with httpx.Client(
                base_url=house.url, headers={"x-forwarded-for": f"198.51.100.{number}"}
            ) as browser:
                answer = sign_in(browser, f"nobody{number}@example.com")
                assert answer.status_code == 400, number
    finally:
        house.close()


def test_signing_in_needs_the_keyboard_alone(house: House, chromium: Browser, ada: str):
    context = chromium.new_context(base_url=house.url)
    page = context.new_page()
    page.goto("/sign-in")
    while page.evaluate("document.activeElement.name") != "email":
        page.keyboard.press("Tab")
    page.keyboard.type(ada)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/w/1/**")
    context.close()
