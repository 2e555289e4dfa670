"""One real server for all bad input; whatever it was sent, it goes on working."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.shop import Shop, product_event_path

KEPT_BYTES = 1 << 20
SINGLE = product_event_path("mug-1")
BATCH = "/api/v1/events"
VERSION_2 = "*/*; version=2"


class Target:
    """The server under fire and a client that behaves."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.token = shop.new_token()
        self.app_key = shop.command("app-keys", "create", "fuzz").stdout.strip()
        self.client = shop.client(self.token)
        self._good = 0

    def send(
        self, body: bytes, path: str = SINGLE, method: str = "POST", **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Return (status, body, headers) over a connection of its own."""
        client = self.shop.client(self.token)
        try:
            return client.request(method, path, body, **{"Accept": VERSION_2, **headers})
        finally:
            client.close()

    def good_event_goes_through(self) -> int:
        """Send an event, wait until it is visible, and return its id."""
        self._good += 1
        event = {"event_type": "view", "user_custom_id": "anna", "event_id": f"good-{self._good}"}
        status, body, headers = self.client.request(
            "POST", SINGLE, event, Accept=VERSION_2, Prefer="wait=60"
        )
        assert status == 201, body
        assert headers["preference-applied"] == "wait"
        return int(body["id"])

    def newest_failed(self, count: int) -> list[dict[str, Any]]:
        """Return the newest failed events, the oldest of them first, when all are visible."""
        self.good_event_goes_through()
        found: list[dict[str, Any]] = []
        for failed in self.client.every("/api/v1/failed-events", limit=min(count, 100)):
            found.append(failed)
            if len(found) >= count:
                break
        return found[::-1]


def assert_explained(status: int, body: Any, headers: dict[str, str]) -> None:
    """Assert that a refusal says why, in the style of one of the two APIs."""
    assert 400 <= status < 500, (status, body)
    assert isinstance(body, dict), body
    if headers["content-type"] == "application/problem+json":
        assert body["code"], body
        assert body["detail"], body
        assert body["status"] == status
        assert all(error["message"] for error in body["errors"])
    elif status == 400:
        assert body, "no field is named"
        assert all(name and messages and all(messages) for name, messages in body.items()), body
    else:
        assert body["detail"], body


def assert_kept(failed: dict[str, Any], sent: bytes) -> None:
    """Assert that a failed event holds what was sent, or its start."""
    assert base64.b64decode(failed["payload_base64"]) == sent[:KEPT_BYTES]
    assert failed["code"]
    assert failed["message"]


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    shop = Shop(tmp_path_factory.mktemp("fuzz") / "shop")
    shop.start()
    try:
        target = Target(shop)
        yield target
        # After all of it, what was ever accepted can be read, and became no fault of ours.
        client = target.client
        target.good_event_goes_through()
        assert client.get("/api/v1/failed-events", code="projection_fault")["results"] == []
        listed = sum(1 for _ in client.every("/api/v1/events", limit=1000))
        assert listed == client.get("/api/v1/events/count")["total"]
        for path in ("/api/v1/products", "/api/v1/contacts", "/api/v1/failed-events"):
            for _ in client.every(path, limit=100):
                pass
        client.close()
    finally:
        if shop.process is not None:
            shop.kill()


@pytest.fixture
def target(running: Target) -> Iterator[Target]:
    """The server; after each test it is ready and takes a good event."""
    yield running
    assert running.shop.process is not None
    assert running.shop.process.poll() is None, running.shop.log()
    assert running.client.get("/readyz")["status"] == "ok"
    running.good_event_goes_through()
