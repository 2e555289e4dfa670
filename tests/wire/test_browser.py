"""Events from browsers: keys, origins, identity, limits, and how refusals read in a page."""

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from footfall.http.edge import AsgiApp
from footfall.kernel.instants import Instant
from tests.ingest.stack import NOW, Stack
from tests.wire.browsers import VISITOR, Browser
from tests.wire.till import Till, application

SHOP = "https://shop.example"


@pytest.fixture
def browser(stack: Stack, app: AsgiApp, till: Till) -> Browser:
    return Browser(stack, app, till)


def signature(browser: Browser, user_id: str) -> str:
    secret = browser.till.get("/api/v1/identity-secret")["identity_secret"]
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = int(NOW)

    def clock(self) -> Instant:
        return Instant(self.now)

    def monotonic(self) -> float:
        return self.now / 1_000


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def timed(stack: Stack, till: Till, hands: Hands) -> Browser:
    """A browser before a server whose clock the test turns."""
    app = application(stack, clock=hands.clock, monotonic=hands.monotonic)
    return Browser(stack, app, till)


def nothing_kept(browser: Browser) -> bool:
    browser.stack.project()
    return bool(browser.till.get("/api/v1/failed-events")["results"] == [])


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


@pytest.mark.parametrize(
    ("sent_at", "at", "stored"),
    [
        (NOW - 60_000, NOW - 90_000, NOW - 90_000),
        (NOW + 60_000, NOW - 90_000, NOW - 90_000),
        (NOW - 60_001, NOW - 90_000, NOW - 29_999),
        (NOW + 86_400_000 * 365, NOW + 86_400_000 * 365 - 5_000, NOW - 5_000),
        (0, 1, NOW),  # a clock that begins with the battery
        (None, NOW - 90_000, NOW - 90_000),
    ],
)
def test_a_wrong_clock_is_put_right_by_the_time_of_sending(
    browser: Browser, sent_at: int | None, at: int, stored: int
) -> None:
    answer = browser.send(browser.item(at=at), sent_at=sent_at)
    assert answer.json()["accepted"] == 1
    [event] = browser.stack.events(browser.workspace)
    assert event["occurred_at"] == stored


# --- keys and origins -------------------------------------------------------------------------


def test_an_unknown_key_is_refused_readably_and_nothing_is_kept(browser: Browser) -> None:
    for key in ("AAAAAA", "x", "%00%00", "A" * 64, browser.till.token):
        answer = browser.ask(key=key, json={"events": []}, headers={"origin": SHOP})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["access-control-allow-origin"] == "*"
    assert nothing_kept(browser)


def test_an_app_key_opens_nothing_of_the_rest_api(browser: Browser) -> None:
    headers = {"authorization": f"Token {browser.key}"}
    for method, path in [
        ("GET", "/api/v1/events"),
        ("GET", "/api/v1/contacts"),
        ("GET", "/api/v1/app-keys"),
        ("POST", "/api/v1/events"),
        ("POST", "/api/public/products-by-id/mug-1/product_event/"),
        ("GET", "/api/public/users/"),
    ]:
        answer = browser.till.ask(method, path, headers=headers)
        assert answer.status_code == 401, path


def test_a_key_writes_into_its_own_workspace_only(
    stack: Stack, app: AsgiApp, browser: Browser
) -> None:
    rival = Browser(stack, app, Till(stack, app))
    item = browser.item(user_id="anna", email="anna@shop.test")
    for one, product in ((browser, "mug-1"), (rival, "rug-9")):
        # The same visitor, the same person, the same event id: still two.
        assert one.send({**item, "product_id": product}).json()["accepted"] == 1
    assert [event["product"]["custom_id"] for event in browser.till.events()] == ["mug-1"]
    assert [event["product"]["custom_id"] for event in rival.till.events()] == ["rug-9"]
    assert browser.stack.contacts(browser.workspace) == rival.stack.contacts(rival.workspace)
    assert len(rival.stack.contacts(rival.workspace)) == 1


@pytest.mark.parametrize(
    "origin",
    [SHOP, "https://www.shop.example", "https://a.b.shop.example", "http://localhost:3000", None],
)
def test_pages_of_allowed_origins_may_send_and_read_the_answer(
    browser: Browser, origin: str | None
) -> None:
    key = browser.new_key(
        allowed_origins=[f"{SHOP}:443/", "https://*.shop.example", "HTTP://localhost:3000"]
    )
    headers = {} if origin is None else {"origin": origin}
    for body, status in (({"events": [browser.item()]}, 202), ({"events": 1}, 400)):
        answer = browser.ask(key=key, json=body, headers=headers)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == (origin or "*")
        assert answer.headers["vary"] == "Origin"
        assert answer.headers["access-control-expose-headers"] == "Retry-After"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://evil.example/.shop.example",
        "https://.shop.example",
        "https://evil.example#.shop.example",
    ],
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_pages_of_other_origins_are_turned_away_and_nothing_is_kept(
    browser: Browser, origin: str, method: str
) -> None:
    key = browser.new_key(allowed_origins=[SHOP, "https://*.shop.example"])
    answer = browser.ask(method, key=key, json={"events": []}, headers={"origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert nothing_kept(browser)


def test_a_preflight_of_an_allowed_origin_says_what_may_be_sent(browser: Browser) -> None:
    key = browser.new_key(allowed_origins=[SHOP])
    for used, allowed in ((key, SHOP), (browser.key, "*")):
        answer = browser.ask("OPTIONS", key=used, headers={"origin": SHOP})
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == allowed
        assert answer.headers["access-control-allow-methods"] == "POST"
        assert "Content-Type" in answer.headers["access-control-allow-headers"]
    answer = browser.ask("GET", headers={"origin": SHOP})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_changes_of_a_key_are_in_force_within_a_second(timed: Browser, hands: Hands) -> None:
    address = f"/api/v1/app-keys/{timed.key}"
    foreign = {"origin": "https://other.example"}
    assert timed.send(timed.item(), **foreign).status_code == 202
    assert timed.till.ask("PATCH", address, json={"allowed_origins": [SHOP]}).status_code == 200
    hands.now += 1_000
    assert timed.send(timed.item(), **foreign).status_code == 403
    assert timed.till.ask("PATCH", address, json={"allowed_origins": None}).status_code == 200
    hands.now += 1_000
    assert timed.send(timed.item(), **foreign).status_code == 202
    assert timed.till.ask("DELETE", address).status_code == 204
    hands.now += 1_000
    assert timed.send(timed.item(), **foreign).status_code == 401


# --- identity ---------------------------------------------------------------------------------


def test_an_unsigned_user_id_names_the_contact(browser: Browser) -> None:
    browser.send(browser.item(user_id="anna"))
    [(custom_id, _, key, _)] = browser.stack.contacts(browser.workspace)
    assert (custom_id, key) == ("anna", VISITOR)


@pytest.mark.parametrize("user_id", ["anna", "żółw 🐢", 42])
def test_a_signed_user_id_names_the_contact_where_signatures_are_asked_for(
    browser: Browser, user_id: str | int
) -> None:
    browser.change_workspace(require_signed_contacts=True)
    signed = signature(browser, str(user_id))
    answer = browser.send(
        browser.item(user_id=user_id, signature=signed),
        browser.item(user_id=user_id, signature=signed.upper(), visitor=...),
    )
    assert answer.json()["accepted"] == 2
    [contact] = browser.stack.contacts(browser.workspace)
    assert contact[0] == str(user_id)


def test_a_forged_signature_is_rejected_and_kept(browser: Browser) -> None:
    genuine = signature(browser, "anna")
    for forged in (
        signature(browser, "ben"),
        "0" * 64,
        genuine[:-1],
        genuine + "0",
        hashlib.sha256(b"anna").hexdigest(),
        "żółw",
        hmac.new(b"", b"anna", hashlib.sha256).hexdigest(),
    ):
        answer = browser.send(browser.item(user_id="anna", signature=forged)).json()
        [rejected] = answer["rejected"]
        assert (answer["accepted"], rejected["code"]) == (0, "bad_signature")
        assert browser.till.last_failed()["code"] == "bad_signature"
    assert browser.stack.contacts(browser.workspace) == []


def test_where_signatures_are_asked_for_an_unsigned_user_id_is_passed_over(
    browser: Browser,
) -> None:
    browser.change_workspace(require_signed_contacts=True)
    answer = browser.send(browser.item(), browser.item(user_id="anna")).json()
    assert (answer["accepted"], answer["rejected"]) == (2, [])
    [told] = answer["set_aside"]
    assert (told["index"], told["code"]) == (1, "unsigned")
    [(custom_id, _, key, _)] = browser.stack.contacts(browser.workspace)
    assert (custom_id, key) == (None, VISITOR)
    [aside] = browser.till.get("/api/v1/set-aside-values?kind=contact")["results"]
    assert (aside["name"], aside["raw"], aside["code"]) == ("user_id", '"anna"', "unsigned")
    [rejected] = browser.send(browser.item(user_id="anna", visitor=...)).json()["rejected"]
    assert rejected["code"] == "unsigned"


def test_a_new_identity_secret_ends_old_signatures_within_a_second(
    timed: Browser, hands: Hands
) -> None:
    old = signature(timed, "anna")
    assert timed.send(timed.item(user_id="anna", signature=old)).json()["accepted"] == 1
    assert timed.till.ask("POST", "/api/v1/identity-secret").status_code == 200
    hands.now += 1_000
    [rejected] = timed.send(timed.item(user_id="anna", signature=old)).json()["rejected"]
    assert rejected["code"] == "bad_signature"
    new = signature(timed, "anna")
    assert timed.send(timed.item(user_id="anna", signature=new)).json()["accepted"] == 1


def test_an_unsigned_user_id_changes_no_known_address_and_reads_nothing(browser: Browser) -> None:
    anna = {"email": "anna@shop.test", "attributes": {"phone_number": "+48 600 100 200"}}
    assert browser.till.ask("PUT", "/api/v1/contacts/anna", json=anna).status_code == 201
    thief = {"visitor": "thiefthiefth", "user_id": "anna", "email": "thief@evil.test"}
    answer = browser.send(
        browser.item(**thief, contact={"phone_number": "+1 666", "email": "thief@evil.test"}),
        browser.item(
            **{**thief, "visitor": "thiefthieft2", "user_id": ...},
            kind="update",
            product_id=...,
            event_type=...,
        ),
    )
    assert answer.json() == {"accepted": 2, "duplicates": 0, "rejected": []}
    found = browser.till.get("/api/v1/contacts/anna")
    assert found["email"] == "anna@shop.test"
    assert found["attributes"]["phone_number"] == "+48 600 100 200"
    aside = browser.till.get("/api/v1/set-aside-values?kind=contact")["results"]
    assert {value["code"] for value in aside} == {"unsigned"}
    # The shop's server vouches for the same words.
    signed = {**thief, "signature": signature(browser, "anna"), "at": NOW}
    assert browser.send(browser.item(**signed)).json()["accepted"] == 1
    assert browser.till.get("/api/v1/contacts/anna")["email"] == "thief@evil.test"


# --- bots and staff ---------------------------------------------------------------------------


def test_bots_and_staff_are_marked(browser: Browser) -> None:
    page = {"kind": "page_view", "product_id": ..., "event_type": ...}
    googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    browser.send(browser.item(**page), **{"user-agent": googlebot})
    browser.send(browser.item(**page, traffic="staff"))
    browser.send(browser.item(**page, traffic="nonsense"))
    found = browser.stack.activities(browser.workspace)
    assert [view["traffic"] for view in found] == ["bot", "staff", "visitor"]


# --- limits -----------------------------------------------------------------------------------


def test_a_key_over_its_limit_is_told_when_to_come_back(timed: Browser, hands: Hands) -> None:
    key = timed.new_key(events_per_second=2)

    def send(*items: dict[str, Any]) -> httpx.Response:
        return timed.ask(key=key, json={"events": items}, headers={"origin": SHOP})

    assert send(timed.item()).status_code == 202
    assert send(timed.item()).status_code == 202
    refused = send(timed.item())
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["access-control-allow-origin"] == "*"
    assert refused.headers["access-control-expose-headers"] == "Retry-After"
    assert timed.send(timed.item()).status_code == 202, "another key is not concerned"
    hands.now += 1_000
    assert send(*(timed.item() for _ in range(10))).status_code == 202
    # Two are there a second, nine are owed.
    assert send(timed.item()).headers["retry-after"] == "5"
    hands.now += 4_499
    assert send(timed.item()).status_code == 429
    hands.now += 1
    assert send(timed.item()).status_code == 202
    assert nothing_kept(timed), "what was throttled comes again"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[" + b" " * (1 << 20), 413, "too_large"),
        (json.dumps({"events": [{}] * 101}).encode(), 413, "too_large"),
        (b"", 400, "malformed_json"),
        (b"[]", 400, "wrong_type"),
        (b'{"events": {}}', 400, "wrong_type"),
        (b"{}", 400, "required"),
        (b'{"events": [\xff]}', 400, "malformed_json"),
        (b'{"events": [], "sent_at": "now"}', 400, "wrong_type"),
        (b'{"events": ' + b"[" * 100_000, 400, ""),
    ],
)
def test_a_wrong_body_is_refused_and_kept(
    browser: Browser, body: bytes, status: int, code: str
) -> None:
    answer = browser.ask(content=body)
    browser.stack.project()
    assert answer.status_code == status
    assert code in {"", answer.json()["code"]}
    kept = browser.till.last_failed()
    assert (kept["code"], kept["source"]) == (answer.json()["code"], "browser")
    assert base64.b64decode(kept["payload_base64"]) == body[: 64 << 10]


# --- refused and mended -----------------------------------------------------------------------


def test_a_refused_item_is_replayed_by_the_rules_of_browsers(browser: Browser) -> None:
    hour = 3_600_000
    item = browser.item(
        event_type="vieww",
        at=NOW + hour - 5_000,
        user_id="anna",
        signature=signature(browser, "anna"),
        session="s-1",
        contact={"first_name": "Anna"},
    )
    browser.send(browser.item(), item, sent_at=NOW + hour)
    failed = browser.till.last_failed()
    address = f"/api/v1/failed-events/{failed['id']}/replay"
    assert browser.till.ask("POST", address).json()["code"] == "unknown_event_type"
    kept = json.loads(failed["payload"])
    forged = {**item, "event_type": "view", "signature": "0" * 64}
    refused = browser.till.ask("POST", address, json={**kept, "events": [forged]})
    assert refused.json()["code"] == "bad_signature"
    two = browser.till.ask("POST", address, json={**kept, "events": [item, item]})
    assert two.json()["code"] == "not_replayable"
    mended = {**kept, "events": [{**item, "event_type": "view"}]}
    assert browser.till.ask("POST", address, json=mended).status_code == 200
    again = browser.till.ask("POST", address, json=mended)
    assert again.json()["code"] == "already_replayed"
    browser.stack.project()
    event = browser.till.events()[-1]
    assert (event["source"], event["event_id"]) == ("browser", item["id"])
    assert event["occurred_at"] == "2027-01-15T07:59:55.000Z", "the wrong clock is remembered"
    [(name, profile)] = browser.stack.profiles(browser.workspace)
    assert (name, profile["first_name"][0]) == ("anna", "Anna")
