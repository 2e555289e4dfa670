"""Events from browsers: keys, origins, identity, limits, and how refusals read in a page."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from footfall.http.edge import AsgiApp
from tests.ingest.stack import NOW, Stack
from tests.wire.browsers import VISITOR, Browser
from tests.wire.till import Till

SHOP = "https://shop.example"


@pytest.fixture
def browser(stack: Stack, app: AsgiApp, till: Till) -> Browser:
    return Browser(stack, app, till)


def signature(browser: Browser, user_id: str) -> str:
    secret = browser.till.get("/api/v1/identity-secret")["identity_secret"]
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


def test_an_event_of_a_browser_is_stored_for_its_visitor(browser: Browser) -> None:
    answer = browser.send(browser.item(data={"name": "Blue mug", "price": 9.9}, session="s-1"))
    assert (answer.status_code, answer.json()) == (
        202,
        {"accepted": 1, "duplicates": 0, "rejected": []},
    )
    [event] = browser.till.events()
    assert event["source"] == "browser"
    assert event["event_type"] == "view"
    assert event["contact"]["key"] == VISITOR
    assert event["product"]["custom_id"] == "mug-1"
    assert event["attributes"] == {"name": "Blue mug", "price": 9.9}


def test_the_body_may_call_itself_plain_text(browser: Browser) -> None:
    body = json.dumps({"sent_at": NOW, "events": [browser.item()]})
    headers = {"content-type": "text/plain;charset=UTF-8"}
    assert browser.ask(content=body, headers=headers).status_code == 202


def test_a_repeated_item_counts_once(browser: Browser) -> None:
    item = browser.item()
    browser.send(item)
    answer = browser.send(item, browser.item(), item).json()
    assert answer == {"accepted": 1, "duplicates": 2, "rejected": []}
    assert len(browser.till.events()) == 2


def test_a_wrong_item_is_rejected_and_kept_and_the_others_are_stored(browser: Browser) -> None:
    wrong: list[dict[str, Any]] = [
        browser.item(event_type="vieww"),
        browser.item(product_id=...),
        browser.item(visitor=...),
        browser.item(at="yesterday"),
        browser.item(data=["no", "attributes"]),
        browser.item(kind="sneeze"),
        browser.item(id="x" * 65),
    ]
    items = [browser.item(), *wrong, browser.item()]
    answer = browser.send(*items).json()
    assert answer["accepted"] == 2
    assert [(found["index"], found["code"]) for found in answer["rejected"]] == [
        (1, "unknown_event_type"),
        (2, "product_missing"),
        (3, "contact_missing"),
        (4, "unreadable_timestamp"),
        (5, "wrong_type"),
        (6, "wrong_type"),
        (7, "wrong_length"),
    ]
    failed = browser.till.get("/api/v1/failed-events?limit=7")["results"][::-1]
    assert [json.loads(kept["payload"])["events"] for kept in failed] == [[i] for i in wrong]
    assert {(kept["source"], kept["wire_format"]) for kept in failed} == {("browser", "browser")}


def test_page_views_events_and_news_are_stored_with_page_device_and_session(
    browser: Browser,
) -> None:
    page = {
        "url": f"{SHOP}/sale?utm_source=mail",
        "referrer": "https://search.example/",
        "utm_source": "mail",
        "utm_campaign": "spring",
    }
    device = {"language": "pl-PL", "screen": "1920x1080", "sdk": "1.0.0"}
    told = {"session": "s-1", "page": page, "device": device, "product_id": ..., "event_type": ...}
    answer = browser.send(
        browser.item(kind="page_view", data={"title": "Sale"}, **told),
        browser.item(kind="event", name="size guide opened", data={"table": 3}, **told),
        browser.item(kind="update", contact={"first_name": "Anna", "shoe_size": 38}, **told),
    )
    assert answer.json() == {"accepted": 3, "duplicates": 0, "rejected": []}
    view, opened = browser.stack.activities(
        browser.workspace, "referrer", "utm_campaign", "device_type", "os", "browser"
    )
    assert (view["kind"], view["name"], json.loads(view["attributes"])) == (
        "page_view",
        "",
        {"title": "Sale"},
    )
    assert (opened["kind"], opened["name"]) == ("event", "size guide opened")
    for stored in (view, opened):
        assert stored["session_id"] == "s-1"
        assert {name: stored[name] for name in page} == page
        assert (stored["device_type"], stored["os"], stored["browser"], stored["language"]) == (
            "desktop",
            "Windows",
            "Chrome",
            "pl-PL",
        )
        assert stored["traffic"] == "visitor"
    [(_, profile)] = browser.stack.profiles(browser.workspace)
    assert (profile["first_name"][0], profile["shoe_size"][0]) == ("Anna", "38")


def test_a_product_event_may_bring_news_of_the_contact_and_counts_as_one(
    browser: Browser,
) -> None:
    item = browser.item(contact={"first_name": "Anna"}, user_id="anna")
    for told in ({"accepted": 1, "duplicates": 0}, {"accepted": 0, "duplicates": 1}):
        assert browser.send(item).json() == {**told, "rejected": []}
    [(name, profile)] = browser.stack.profiles(browser.workspace)
    assert (name, profile["first_name"][0]) == ("anna", "Anna")
    assert len(browser.till.events()) == 1
