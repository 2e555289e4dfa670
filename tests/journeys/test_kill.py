"""Acknowledged means durable: whatever happens to the process, an event is there, once."""

import http.client
import itertools
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.shop import Client, Shop, product_event_path

CLIENTS = 4
#: Acknowledged at least, between two kills.
EVENTS_BETWEEN_KILLS = 100
_START = 1_700_000_000_000


def _event(number: int, chance: random.Random) -> dict[str, Any]:
    """Return an event of its own time, so that the order of arrival decides nothing."""
    visitor = chance.randrange(60)
    event: dict[str, Any] = {
        "product_id": f"product {chance.randrange(80)}",
        "event_type": chance.choice(["view", "add to cart", "purchase"]),
        "timestamp": _START + number,
        "event_id": f"event-{number}",
        "data": {"price": number % 977, "colour": f"colour {number % 13}"},
    }
    # A visitor is seen by key, by e-mail and by custom id, in any order: one person each.
    names = {
        "user_key": f"key-{visitor}",
        "email": f"visitor{visitor}@example.com",
        "user_custom_id": f"visitor {visitor}",
    }
    for name in chance.sample(sorted(names), chance.choice([1, 2, 2, 3])):
        event[name] = names[name]
    return event


class _Sender(threading.Thread):
    """A client that sends until told to stop, and sends again what was not acknowledged."""

    def __init__(self, shop: Shop, token: str, numbers: "itertools.count[int]", seed: int) -> None:
        super().__init__()
        self._client = shop.client(token)
        self._numbers = numbers
        self._chance = random.Random(seed)
        self.stopping = threading.Event()
        self.sent: list[dict[str, Any]] = []
        self.acknowledged: dict[str, int | None] = {}
        self.surprises: list[object] = []

    def run(self) -> None:
        while not self.stopping.is_set():
            size = self._chance.choice([1, 1, 1, 40])
            events = [_event(next(self._numbers), self._chance) for _ in range(size)]
            self.sent.extend(events)
            self._send_until_acknowledged(events)
        self._client.close()

    def _send_until_acknowledged(self, events: list[dict[str, Any]]) -> None:
        while True:
            try:
                status, body, headers = self._post(events)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)  # the server is down; a real client backs off, too
                continue
            if status == 503:
                time.sleep(float(headers["retry-after"]))
                continue
            if status not in {201, 202} or body.get("rejected"):
                self.surprises.append((status, body))
            for event in events:
                self.acknowledged[event["event_id"]] = body.get("id")
            return

    def _post(self, events: list[dict[str, Any]]) -> tuple[int, Any, dict[str, str]]:
        if len(events) > 1:
            return self._client.request("POST", "/api/v1/events", events)
        [event] = events
        body = {name: value for name, value in event.items() if name != "product_id"}
        path = product_event_path(event["product_id"])
        return self._client.request("POST", path, body, Accept="*/*; version=2")


def _profiles(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return products and contacts by custom id, without what the order of arrival may decide."""
    products = {p["custom_id"]: p["attributes"] for p in client.every("/api/v1/products")}
    contacts = {}
    for contact in client.every("/api/v1/contacts"):
        name = contact["custom_id"] or contact["email"] or contact["key"]
        contacts[name] = (contact["custom_id"], contact["email"], contact["key"])
    return products, contacts


def _wait_until_visible(client: Client) -> None:
    probe = {"event_type": "view", "product_id": "probe", "user_key": "probe", "timestamp": _START}
    status, _, headers = client.request("POST", "/api/v1/events", [probe], Prefer="wait=60")
    assert status == 202
    assert headers.get("preference-applied") == "wait"


def _kill_again_and_again(shop: Shop, kills: int, seed: int) -> tuple[list[_Sender], str]:
    chance = random.Random(seed)
    shop.start()
    token = shop.new_token()
    numbers = itertools.count(1)
    senders = [_Sender(shop, token, numbers, seed * 100 + i) for i in range(CLIENTS)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(kills):
            before = sum(len(sender.acknowledged) for sender in senders)
            while (
                sum(len(sender.acknowledged) for sender in senders) < before + EVENTS_BETWEEN_KILLS
            ):
                assert all(sender.is_alive() for sender in senders)
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.4))  # a random moment is the point of the test
            shop.kill()
            shop.start()
    finally:
        for sender in senders:
            sender.stopping.set()
        for sender in senders:
            sender.join()
    return senders, token


def _check(open_shop: Callable[..., Shop], kills: int, seed: int, **environment: str) -> None:
    shop = open_shop("killed", **environment)
    senders, token = _kill_again_and_again(shop, kills, seed)
    assert [s.surprises for s in senders] == [[]] * CLIENTS
    client = shop.client(token)
    _wait_until_visible(client)
    acknowledged = {k: v for sender in senders for k, v in sender.acknowledged.items()}
    listed = [e for e in client.every("/api/v1/events", limit=1000) if e["event_id"] is not None]
    ids = {event["event_id"]: event["id"] for event in listed}
    lost = acknowledged.keys() - ids.keys()
    doubled = len(listed) - len(ids)
    total = client.get("/api/v1/events/count")["total"]
    print(f"{kills} kills, {len(acknowledged)} acknowledged, {len(lost)} lost, {doubled} doubled")
    assert (lost, doubled) == (set(), 0)
    assert total == len(listed) + 1  # the probe
    assert {k: ids[k] for k, v in acknowledged.items() if v is not None} == {
        k: v for k, v in acknowledged.items() if v is not None
    }
    assert len(acknowledged) >= kills * EVENTS_BETWEEN_KILLS
    disturbed = _profiles(client)

    calm = open_shop("calm")
    calm.start()
    calm_client = calm.client(calm.new_token())
    sent = [event for sender in senders for event in sender.sent]
    random.Random(seed).shuffle(sent)
    for start in range(0, len(sent), 500):
        status, body, _ = calm_client.request("POST", "/api/v1/events", sent[start : start + 500])
        assert (status, body["duplicates"], body["rejected"]) == (202, 0, [])
    _wait_until_visible(calm_client)
    assert disturbed == _profiles(calm_client)


@pytest.mark.timeout(1200)
def test_twenty_kills_under_load_lose_and_double_nothing(open_shop: Callable[..., Shop]) -> None:
    _check(open_shop, kills=20, seed=20)


@pytest.mark.timeout(1200)
def test_kills_lose_and_double_nothing_with_the_state_on_postgresql(
    open_shop: Callable[..., Shop], postgresql_url: str
) -> None:
    _check(open_shop, kills=3, seed=3, FOOTFALL_STATE_URL=postgresql_url)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_hundred_kills_under_load_lose_and_double_nothing(
    open_shop: Callable[..., Shop],
) -> None:
    _check(open_shop, kills=200, seed=200)
