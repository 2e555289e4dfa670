"""The snippets of the documentation, as they stand but for host and key, against a real server."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from tests.browser.pages import event, heard_errors, shop_page
from tests.browser.recorder import PATIENCE_SECONDS, PageServer
from tests.journeys.shop import Client, Shop

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/how-to/browser-sdk.md"
OURS, COMPATIBLE, *CALLS = re.findall(
    r"<!-- run by tests/browser/test_snippets.py -->\n```html\n(.*?)```",
    GUIDE.read_text(),
    re.DOTALL,
)
#: The snippet, and calls.
README = re.findall(r"```html\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


class Footfall:
    """A running server with a shop's keys."""

    def __init__(self, shop: Shop) -> None:
        self.origin = f"http://127.0.0.1:{shop.port}"
        self.shop = shop
        self.key = self.new_key()
        self.client: Client = shop.client(shop.new_token())

    def new_key(self, *options: str) -> str:
        return self.shop.command("app-keys", "create", "pages", *options).stdout.strip()

    def adapted(self, snippet: str) -> str:
        """Return a documented snippet with this server's host and key."""
        assert "ABC123" in snippet or "footfall.example" not in snippet
        for host in ("https://footfall.example", "http://127.0.0.1:8000"):
            snippet = snippet.replace(host, self.origin)
        return snippet.replace("ABC123", self.key)

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        return list(self.client.every("/api/v1/events", **filters))

    def product(self, custom_id: str) -> dict[str, Any]:
        path = f"/api/public/products-by-id/{quote(custom_id, safe='')}/details/"
        found: dict[str, Any] = self.client.get(path)
        return found

    def activities(self, visitor: str) -> list[dict[str, Any]]:
        contact = self.contact(visitor)["id"]
        return list(self.client.every("/api/v1/activities", contact_id=contact))

    def contact(self, visitor: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/api/public/users/search/", key=visitor)
        return {**found, **{one["name"]: one["value"] for one in found["attributes"]}}


def wait_until(found: Callable[[], Any]) -> Any:
    """Return what `found` returns once it is true; events are visible within a second."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (result := found()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)
    return result


@pytest.fixture(scope="module")
def footfall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Footfall]:
    shop = Shop(tmp_path_factory.mktemp("footfall") / "shop")
    shop.start()
    yield Footfall(shop)
    shop.kill()


@pytest.mark.parametrize("snippet", [OURS, COMPATIBLE], ids=["ours", "compatible"])
def test_the_documented_snippets_work_as_they_stand(
    tab: Page, site: PageServer, footfall: Footfall, snippet: str
):
    # Each run buys other products and another order, as other shops' examples would.
    own = "ours" if snippet is OURS else "other"
    calls = "".join(CALLS).replace("mug-1", f"{own}-mug").replace("1001", f"{own}-1001")
    errors = heard_errors(tab)
    page = footfall.adapted(f"<!doctype html><title>Mug</title>{snippet}{calls}")
    tab.goto(site.add("/mug", page) + "?utm_source=mail")
    tab.wait_for_function("window.footfall && footfall.loaded")
    tab.click("button")
    tab.click("a")
    wait_until(lambda: len(footfall.events(product=f"{own}-mug")) >= 4)
    events = footfall.events(product=f"{own}-mug")
    assert {one["event_type"] for one in events} == {
        *("view", "add to cart", "add to observation", "purchase")
    }
    (purchase,) = (one for one in events if one["event_type"] == "purchase")
    assert purchase["custom_data"] == {
        "order_id": f"{own}-1001",
        "price": 9.9,
        "quantity": 2,
        "currency": "EUR",
    }
    product = footfall.product(f"{own}-mug")
    assert (product["my_attribute"], product["name"]) == ("my_value", "Blue mug")
    assert product["color"] == "blue"
    visitor = tab.evaluate("footfall.userKey")
    wait_until(lambda: footfall.contact(visitor).get("favourite_color") == "blue")
    activities = wait_until(lambda: len(found := footfall.activities(visitor)) == 3 and found)
    assert sorted((one["kind"], one["name"]) for one in activities) == [
        *(("event", "newsletter"), ("page_view", ""), ("page_view", ""))
    ]
    assert {one["utm_source"] for one in activities} == {"mail"}
    assert {one["session_id"] for one in activities} == {one["session_id"] for one in events}
    if snippet is COMPATIBLE:
        contact = footfall.contact(visitor)
        assert (contact["custom_id"], contact["first_name"]) == ("7f3a", "Anna")
        assert tab.evaluate("civchat.userKey") == visitor
    tab.reload()
    tab.wait_for_function("window.footfall && footfall.loaded")
    wait_until(lambda: len(footfall.events(product=f"{own}-mug", event_type="view")) == 2)
    assert len(footfall.events(product=f"{own}-mug", event_type="purchase")) == 1
    assert errors == []


def test_the_snippet_of_the_readme_works_as_it_stands(
    tab: Page, site: PageServer, footfall: Footfall
):
    errors = heard_errors(tab)
    page = footfall.adapted("".join(README)).replace("mug-1", "readme-mug")
    tab.goto(site.add("/readme", "<!doctype html><title>Mug</title>" + page))
    tab.wait_for_function("window.footfall && footfall.loaded")
    tab.click("button")
    wait_until(lambda: len(footfall.events(product="readme-mug")) == 2)
    assert footfall.product("readme-mug")["name"] == "Blue mug"
    assert errors == []


def test_a_signature_made_as_documented_is_believed(
    tab: Page, site: PageServer, footfall: Footfall
):
    (line,) = re.findall(r"```python\n(.*?)\n```", GUIDE.read_text(), re.DOTALL)
    secret = footfall.client.get("/api/v1/identity-secret")["identity_secret"]
    names = {"hmac": hmac, "hashlib": hashlib, "secret": secret, "user_id": "signed-1"}
    signature = eval(line, names)
    for proof, product in ((signature, "signed-mug"), ("0" * 64, "forged-mug")):
        page = shop_page(
            footfall.origin, event(product), key=footfall.key, user_id="signed-1", signature=proof
        )
        tab.goto(site.add(f"/{product}", page))
        tab.wait_for_function("!Object.keys(localStorage).some((name) => name.includes('.q.'))")
    wait_until(lambda: footfall.events(product="signed-mug"))
    assert footfall.events(contact="signed-1", product="signed-mug")
    assert footfall.events(product="forged-mug") == []


def test_debug_says_which_events_the_server_refused(
    tab: Page, site: PageServer, footfall: Footfall
):
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    calls = event("debug-mug") + event("debug-mug", "vieww")
    page = shop_page(footfall.origin, calls, key=footfall.key, debug=True)
    with tab.expect_event("console", lambda message: "rejected" in message.text):
        tab.goto(site.add("/debug", page))
    (refusal,) = (text for text in said if "rejected" in text)
    assert "vieww" in refusal


def test_a_page_of_another_origin_is_refused_without_an_error_in_it(
    tab: Page, site: PageServer, footfall: Footfall
):
    key = footfall.new_key("--origin", "https://shop.example")
    errors = heard_errors(tab)
    with tab.expect_event("requestfailed", lambda request: request.method == "POST"):
        tab.goto(site.add("/elsewhere", shop_page(footfall.origin, event("stray-mug"), key=key)))
    assert footfall.events(product="stray-mug") == []
    assert errors == []


def test_the_served_files_work_under_the_documented_policy(
    tab: Page, site: PageServer, footfall: Footfall
):
    guide = GUIDE.read_text()
    (policy,) = re.findall(r"`(script-src 'self' [^`]+)`", guide)
    (script,) = re.findall(r"```js\n// snippet.js\n(.*?)```", guide, re.DOTALL)
    site.add("/snippet.js", footfall.adapted(script) + event("strict-mug"), "text/javascript")
    page = f'<script src="/snippet.js"></script><script src="{footfall.origin}/widget.js"></script>'
    policy = policy.replace("https://footfall.example", footfall.origin)
    errors = heard_errors(tab)
    tab.goto(site.add("/strict", page, content_security_policy=policy))
    wait_until(lambda: footfall.events(product="strict-mug"))
    assert errors == []


def test_the_server_holds_each_event_of_an_unsteady_visit_once_and_in_order(
    tab: Page, site: PageServer, footfall: Footfall
):
    """Offline, leaving at once, another tab, log-in, log-out and another person, in one browser."""
    page = footfall.adapted(shop_page(footfall.origin, key=footfall.key))
    tab.goto(site.add("/mug", page))
    tab.wait_for_function("window.footfall && footfall.loaded")
    tab.context.set_offline(True)
    tab.evaluate(event("walk-1"))
    tab.context.set_offline(False)
    other = tab.context.new_page()
    other.goto(tab.url)
    other.wait_for_function("window.footfall && footfall.loaded")
    other.evaluate("footfall('identify', {user_id: 'walk-anna'});" + event("walk-2"))
    tab.evaluate(event("walk-3") + "location.reload()")
    tab.wait_for_load_state()
    other.evaluate("footfall('reset');" + event("walk-4"))
    other.evaluate("footfall('identify', {user_id: 'walk-bob'});" + event("walk-5"))

    def bought(**filters: Any) -> list[str]:
        """Return the products of this visit in the order of the events, oldest first."""
        found = sorted(footfall.events(**filters), key=lambda one: one["occurred_at"])
        names = [one["product"]["custom_id"] for one in found]
        return [name for name in names if name.startswith("walk-")]

    wait_until(lambda: len(bought()) >= 5)
    assert bought() == [f"walk-{number}" for number in range(1, 6)]
    assert bought(contact="walk-anna") == ["walk-1", "walk-2", "walk-3"]
    assert bought(contact="walk-bob") == ["walk-4", "walk-5"]
