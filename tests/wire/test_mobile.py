"""The mobile wire format: rows M1 to M3 of the wire contract, as the published SDK sends them."""

import asyncio
import json
import re
from typing import Any

import httpx
import pytest

from footfall.http.edge import AsgiApp
from tests.ingest.stack import Stack
from tests.wire.browsers import Browser
from tests.wire.test_browser import signature
from tests.wire.till import Till, application

SEPTEMBER = "2026-09-10T00:26:40.000000Z"
WRONG = {"event": "product", "event_type": "vieww"}
DEVICE = {
    "lib_version": "1.0",
    "os_type": "android",
    "version": "1.2.3",
    "sdk": "33",
    "device": "panther",
    "model": "Pixel 7",
    "manufacturer": "Google",
    "identifier": "3f2a",
    "fcm_key": "fcm",
    "is_root": False,
}


class Phone(Browser):
    """An app with the mobile SDK."""

    user_key = ""

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send what the SDK sends; what it changes is visible afterwards."""
        sent = {
            "authorization": f"Token {self.key}",
            "x-user-key": self.user_key,
            "user-agent": "Dart/3.4 (dart:io)",
            **headers,
        }
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]  # wider ASGI types
            async with httpx.AsyncClient(transport=transport, base_url="http://in.test") as http:
                return await http.post(f"/api/sdk/v1/{path}/", content=content, headers=sent)

        answer = asyncio.run(send())
        self.stack.project()
        return answer

    def ping(self, **customer: Any) -> str:
        """Ping as the SDK does and keep the key that is answered."""
        body = {"customer": {**customer, "userKey": self.user_key, "device": 1}, "device": DEVICE}
        answer = self.post("ping", body)
        assert answer.status_code == 200, answer.text
        self.user_key = answer.json()["user"]["key"]
        return self.user_key


@pytest.fixture
def phone(stack: Stack, app: AsgiApp, till: Till) -> Phone:
    return Phone(stack, app, till)


def test_the_first_ping_is_answered_with_a_new_key_that_later_ones_keep(phone: Phone) -> None:
    key = phone.ping()
    assert re.fullmatch("[A-Za-z0-9]{12}", key)
    assert phone.ping(first_name="Anna") == key
    assert phone.stack.contacts(phone.workspace) == [(None, None, key, (("key", key),))]
    phone.user_key = ""
    assert phone.ping() != key


def test_a_ping_says_who_it_is(phone: Phone) -> None:
    key = phone.ping()
    phone.ping(
        user_id="anna",
        signature=signature(phone, "anna"),
        email="Anna@Shop.test",
        first_name="Anna",
        phone_number="+48 600 100 200",
        unsubscribed=None,
        shoe_size=38,
    )
    [(custom_id, email, known_key, _)] = phone.stack.contacts(phone.workspace)
    assert (custom_id, email, known_key) == ("anna", "anna@shop.test", key)
    [(_, profile)] = phone.stack.profiles(phone.workspace)
    said = {name: cell[0] for name, cell in profile.items()}
    assert said["first_name"] == "Anna"
    assert said["shoe_size"] == "38"
    assert not said.keys() & {"user_id", "signature", "userkey", "device", "unsubscribed"}


@pytest.mark.parametrize("path", ["event", "product_event"])
def test_a_product_event_is_stored_for_the_visitor(phone: Phone, path: str) -> None:
    phone.ping()
    event = {
        "event": "product",
        "timestamp": SEPTEMBER,
        "event_type": "add to cart",
        "data": {"custom_id": "mug-1", "name": "Blue mug", "price": 9.9},
    }
    answer = phone.post(path, event)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "duplicates": 0})
    # What failed on the network is sent again as it was.
    assert phone.post(path, event).json() == {"accepted": 0, "duplicates": 1}
    [stored] = phone.till.events()
    assert (stored["event_type"], stored["source"]) == ("add to cart", "browser")
    assert stored["occurred_at"] == "2026-09-10T00:26:40.000Z"
    assert stored["product"]["custom_id"] == "mug-1"
    assert stored["contact"]["key"] == phone.user_key
    assert stored["attributes"] == {"name": "Blue mug", "price": 9.9}


def test_events_screens_notices_and_logout_are_activities(phone: Phone) -> None:
    phone.ping()
    screen = {"event": "opened", "screen_name": "Cart", "items": 2}
    for path, body in [
        ("event", {"event": "newsletter", "timestamp": SEPTEMBER, "data": {"place": "footer"}}),
        ("screen_event", {"event": "ScreenEvent", "data": screen}),
        ("push-notification/77/clicked", {"url": "https://shop.example/sale"}),
        ("in-app-message/a%20b/dismissed", b""),
        ("event", {"event": "logout", "logout": True}),
    ]:
        assert phone.post(path, body).status_code == 202, path
    found = phone.stack.activities(phone.workspace, "device_type")
    assert [(one["kind"], one["name"], json.loads(one["attributes"])) for one in found] == [
        ("event", "newsletter", {"place": "footer"}),
        ("screen", "Cart", {"event": "opened", "items": 2}),
        ("event", "push-notification clicked", {"notification_id": "77"}),
        ("event", "in-app-message dismissed", {"notification_id": "a b"}),
        ("event", "logout", {}),
    ]
    assert found[2]["url"] == "https://shop.example/sale"
    assert {(one["device_type"], one["traffic"]) for one in found} == {("mobile", "visitor")}


def test_two_events_alike_without_a_time_are_two(phone: Phone) -> None:
    phone.ping()
    for _ in range(2):
        assert phone.post("event", {"event": "tap"}).json()["accepted"] == 1
    assert len(phone.stack.activities(phone.workspace)) == 2


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (
            "event",
            {"event": "product", "event_type": "vieww", "data": {"custom_id": "a"}},
            "event_type",
        ),
        ("event", {"event": "product", "event_type": "view", "data": {}}, "data"),
        ("event", {"timestamp": SEPTEMBER}, "name"),
        ("event", {"event": "tap", "timestamp": "noon"}, "at"),
        ("screen_event", {"event": "ScreenEvent", "data": {}}, "data"),
        ("event", b"tap", "non_field_errors"),
        ("event", [1], "non_field_errors"),
        ("ping", {}, "customer"),
        ("ping", {"customer": {"user_id": "anna", "signature": "forged"}}, "signature"),
        ("in-app-message/7/clicked", b"{", "non_field_errors"),
    ],
)
def test_what_is_wrong_is_said_by_field_and_kept(
    phone: Phone, path: str, body: Any, field: str
) -> None:
    phone.ping()
    answer = phone.post(path, body)
    assert answer.status_code == 400
    [(name, messages)] = answer.json().items()
    assert name == field
    assert messages[0]
    assert phone.till.last_failed()["source"] == "browser"


def test_an_event_without_a_key_says_what_to_do(phone: Phone) -> None:
    answer = phone.post("event", {"event": "tap"})
    assert (answer.status_code, list(answer.json())) == (400, ["X-User-Key"])


def test_a_refused_event_is_mended_and_replayed_as_one_of_a_browser(phone: Phone) -> None:
    phone.ping()
    phone.post("event", {**WRONG, "data": {"custom_id": "mug-1"}})
    failed = phone.till.last_failed()
    kept = json.loads(failed["payload"])
    kept["events"][0]["event_type"] = "view"
    address = f"/api/v1/failed-events/{failed['id']}/replay"
    assert phone.till.ask("POST", address, json=kept).status_code == 200
    phone.stack.project()
    [event] = phone.till.events()
    assert (event["source"], event["contact"]["key"]) == ("browser", phone.user_key)


@pytest.mark.parametrize("token", ["", "Token", "Token AAAAAA", "Token " + "A" * 64])
def test_only_an_app_key_opens_it(phone: Phone, token: str) -> None:
    for authorization in (token, f"Token {phone.till.token}"):
        answer = phone.post("event", {"event": "tap"}, authorization=authorization)
        assert answer.status_code == 401
        assert list(answer.json()) == ["detail"]


def test_a_throttled_app_is_told_as_the_contract_says(stack: Stack, till: Till) -> None:
    app = application(stack, monotonic=lambda: 0.0)
    phone = Phone(stack, app, till, events_per_second=1)
    phone.ping()
    answer = phone.post("event", {"event": "tap"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    message = "Request was throttled. Expected available in 1 second."
    assert answer.json() == {"detail": message}
