"""Tokens: made, limited, changed and revoked over REST; what their limits answer."""

import asyncio
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest

from footfall.http.edge import AsgiApp
from footfall.kernel.addresses import network_of
from footfall.kernel.instants import Instant
from footfall.workspaces.api import create_token, list_tokens, scope_of
from tests.ingest.stack import NOW, Stack
from tests.wire.shops import NOON, Shop, Town, World, both_engines
from tests.wire.till import V2, Till, application

TOKENS = "/api/v1/tokens"


def made(shop: Shop, **settings: Any) -> dict[str, Any]:
    answer = shop.post(TOKENS, {"name": "till", **settings})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def as_token(shop: Shop, token: str) -> dict[str, str]:
    return {"authorization": f"Token {token}"}


@both_engines
def test_a_token_is_made_listed_changed_and_revoked(shop: Shop, world: World) -> None:
    created = made(
        shop, scope="read", allowed_networks=["203.0.113.0/24", "127.0.0.1"], requests_per_second=5
    )
    token = created.pop("token")
    assert len(token) == 64
    assert created == {
        "id": created["id"],
        "name": "till",
        "scope": "read",
        "token_start": token[:8],
        "allowed_networks": ["203.0.113.0/24", "127.0.0.1"],
        "requests_per_second": 5,
        "created_at": "2026-01-01T12:00:00.000Z",
        "last_used_at": None,
        "revoked_at": None,
    }
    address = f"{TOKENS}/{created['id']}"
    assert shop.get(address).json() == created
    listed = shop.get(TOKENS)
    assert token not in listed.text
    assert created in listed.json()["results"]
    assert shop.get("/api/v1/products", headers=as_token(shop, token)).status_code == 200

    changed = shop.patch(address, {"name": "desk", "allowed_networks": None}).json()
    expected = {**created, "name": "desk", "allowed_networks": None}
    assert changed == {**expected, "last_used_at": changed["last_used_at"]}
    assert shop.patch(address, {}).json()["requests_per_second"] == 5

    assert shop.delete(address).status_code == 204
    world.now = Instant(NOON + 1_000)
    assert shop.get("/api/v1/products", headers=as_token(shop, token)).status_code == 401
    revoked = shop.get(address).json()
    assert revoked["revoked_at"] == "2026-01-01T12:00:00.000Z"
    assert revoked["last_used_at"] == "2026-01-01T12:00:00.000Z"
    assert shop.delete(address).status_code == 204
    assert shop.get(address).json()["revoked_at"] == revoked["revoked_at"]


def test_only_who_may_manage_sees_and_changes_tokens(town: Town) -> None:
    mine = made(town.shop)
    for key_scope in ("read", "write"):
        client = town.with_key(town.shop.scope, key_scope)
        for method, path, body in (
            ("GET", TOKENS, None),
            ("GET", f"{TOKENS}/{mine['id']}", None),
            ("POST", TOKENS, {"name": "more"}),
            ("PATCH", f"{TOKENS}/{mine['id']}", {"name": "stolen"}),
            ("DELETE", f"{TOKENS}/{mine['id']}", None),
        ):
            assert client.ask(method, path, json=body).status_code == 403
    assert town.shop.get(f"{TOKENS}/{mine['id']}").json()["name"] == "till"


def test_another_workspace_has_other_tokens(shop: Shop, rival: Shop) -> None:
    mine = made(shop)
    for method, body in (("GET", None), ("PATCH", {"name": "stolen"}), ("DELETE", None)):
        assert rival.ask(method, f"{TOKENS}/{mine['id']}", json=body).status_code == 404
    assert mine["id"] not in [token["id"] for token in rival.get(TOKENS).json()["results"]]
    shown = shop.get(f"{TOKENS}/{mine['id']}").json()
    assert (shown["name"], shown["revoked_at"]) == ("till", None)
    for no_id in ("x", "-1", "1e3", "9" * 19, "9" * 18, "%00"):
        assert shop.get(f"{TOKENS}/{no_id}").status_code == 404


@pytest.mark.parametrize(
    ("settings", "pointer", "code"),
    [
        ({"allowed_networks": []}, "/allowed_networks", "wrong_length"),
        ({"allowed_networks": ["10.0.0.1"] * 101}, "/allowed_networks", "wrong_length"),
        ({"allowed_networks": ["10.1.2.3/8"]}, "/allowed_networks", "wrong_network"),
        ({"allowed_networks": ["office"]}, "/allowed_networks", "wrong_network"),
        ({"requests_per_second": 0}, "/requests_per_second", "out_of_range"),
        ({"requests_per_second": 1_000_001}, "/requests_per_second", "out_of_range"),
        ({"name": " "}, "/name", "wrong_name"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_at_its_field(
    shop: Shop, settings: dict[str, Any], pointer: str, code: str
) -> None:
    mine = made(shop)
    for answer in (
        shop.post(TOKENS, {"name": "x", **settings}),
        shop.patch(f"{TOKENS}/{mine['id']}", settings),
    ):
        assert answer.status_code == 400
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]


def test_a_token_gives_no_more_than_it_has(shop: Shop) -> None:
    free = made(shop)
    limited = made(shop, allowed_networks=["127.0.0.0/8", "10.0.0.0/8"], requests_per_second=50)
    headers = as_token(shop, limited["token"])

    def refused(method: str, path: str, body: dict[str, Any]) -> tuple[int, str, str]:
        answer = shop.ask(method, path, json=body, headers=headers)
        told = answer.json()
        return answer.status_code, told["code"], told["errors"][0]["pointer"]

    more = (403, "more_than_own", "/allowed_networks")
    faster = (403, "more_than_own", "/requests_per_second")
    own = f"{TOKENS}/{limited['id']}"
    fits = {"allowed_networks": ["127.0.0.1", "10.1.0.0/16"], "requests_per_second": 50}
    assert refused("POST", TOKENS, {"name": "x"}) == more
    assert refused("POST", TOKENS, {"name": "x", **fits, "allowed_networks": ["0.0.0.0/0"]}) == more
    assert refused("POST", TOKENS, {"name": "x", **fits, "requests_per_second": None}) == faster
    assert refused("POST", TOKENS, {"name": "x", **fits, "requests_per_second": 51}) == faster
    assert refused("PATCH", own, {"allowed_networks": None}) == more
    assert refused("PATCH", own, {"requests_per_second": 51}) == faster
    assert refused("PATCH", f"{TOKENS}/{free['id']}", {"allowed_networks": ["192.0.2.1"]}) == more

    assert shop.post(TOKENS, {"name": "x", **fits}, headers=headers).status_code == 201
    changes = {"name": "renamed", "allowed_networks": None}
    kept = shop.patch(f"{TOKENS}/{free['id']}", changes, headers=headers)
    assert (kept.status_code, kept.json()["name"]) == (200, "renamed")
    assert shop.patch(own, {"requests_per_second": 1}, headers=headers).status_code == 200


# --- what the limits answer -------------------------------------------------------------------


def limited(town: Town, **limits: Any) -> Shop:
    """Return a client whose token has limits."""
    client = town.with_key(town.shop.scope, "read-write")
    client.token = made(town.shop, **limits)["token"]
    return client


@both_engines
def test_a_token_over_its_limit_is_told_when_to_come_back(town: Town) -> None:
    client = limited(town, requests_per_second=2)
    for _ in range(2):
        assert client.get("/api/public/products/").status_code == 200
    refused = client.get("/api/public/products/")
    assert refused.status_code == 429
    assert refused.text == '{"detail":"Request was throttled. Expected available in 1 second."}'
    assert refused.headers["retry-after"] == "1"
    ours = client.get("/api/v1/products")
    assert ours.status_code == 429
    assert ours.headers["content-type"] == "application/problem+json"
    assert ours.headers["retry-after"] == "1"
    assert ours.json()["code"] == "throttled"
    assert town.shop.get("/api/v1/products").status_code == 200, "another token is not concerned"
    town.world.seconds += 0.5
    assert client.get("/api/v1/products").status_code == 200
    town.world.now = Instant(NOON - 3_600_000)  # a clock set back changes nothing
    assert client.get("/api/v1/products").status_code == 429
    town.world.seconds += 0.5
    assert client.get("/api/v1/products").status_code == 200


def test_a_limit_that_is_changed_or_a_token_that_is_revoked_meanwhile_counts_at_once(
    town: Town,
) -> None:
    mine = made(town.shop, requests_per_second=1)
    headers = as_token(town.shop, mine["token"])
    assert town.shop.get("/api/v1/products", headers=headers).status_code == 200
    assert town.shop.get("/api/v1/products", headers=headers).status_code == 429
    changes = {"requests_per_second": None, "allowed_networks": ["192.0.2.1"]}
    town.shop.patch(f"{TOKENS}/{mine['id']}", changes)
    town.world.now = Instant(town.world.now + 1_000)
    assert town.shop.get("/api/v1/products", headers=headers).status_code == 403
    town.shop.delete(f"{TOKENS}/{mine['id']}")
    town.world.now = Instant(town.world.now + 1_000)
    assert town.shop.get("/api/v1/products", headers=headers).status_code == 401


def test_a_token_used_from_elsewhere_is_told_why(town: Town) -> None:
    client = limited(town, allowed_networks=["192.0.2.0/24"])
    refused = client.get("/api/public/products/", headers={"x-forwarded-for": "192.0.2.1"})
    assert refused.status_code == 403
    assert "may not be used from 127.0.0.1" in refused.json()["detail"]
    assert client.get("/api/v1/products").json()["code"] == "address_not_allowed"
    assert limited(town, allowed_networks=["127.0.0.1"]).get("/api/v1/products").status_code == 200


# --- product events, which the collector takes without the routes -----------------------------


class Gate:
    """A collector behind a proxy; its clock goes on by hand."""

    def __init__(self, stack: Stack, till: Till) -> None:
        self._stack = stack
        self._till = till
        self.seconds = 0.0
        self.app: AsgiApp = application(
            stack,
            clock=lambda: Instant(NOW + round(self.seconds * 1000)),
            monotonic=lambda: self.seconds,
            trusted_proxies=(network_of("10.0.0.0/8"),),
        )

    def token(self, **limits: Any) -> str:
        with self._stack.state.write() as conn:
            _, token = create_token(
                conn,
                scope_of(self._till.workspace),
                "gate",
                "write",
                now=NOW,
                random_bytes=Random(repr((self._till.workspace.id, limits))).randbytes,
                **limits,
            )
        return token

    def post(
        self, path: str, token: str, body: Any, client: str = "127.0.0.1", **headers: str
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(client, 1))  # type: ignore[arg-type]  # wider ASGI types
            async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
                known = {"authorization": f"Token {token}", "accept": V2, **headers}
                return await http.post(path, content=json.dumps(body), headers=known)

        return asyncio.run(send())


@pytest.fixture
def gate(stack: Stack, till: Till) -> Iterator[Gate]:
    return Gate(stack, till)


SINGLE = "/api/public/products-by-id/mug/product_event/"
BATCH = "/api/v1/events"
VIEW = {"event_type": "view", "user_custom_id": "anna"}


def test_an_event_and_a_batch_are_a_request_each(gate: Gate, till: Till) -> None:
    token = gate.token(requests_per_second=2)
    batch = [{**VIEW, "product_id": f"p{number}"} for number in range(50)]
    assert gate.post(BATCH, token, batch).json()["accepted"] == 50
    assert gate.post(SINGLE, token, VIEW).status_code == 201
    refused = gate.post(SINGLE, token, VIEW)
    assert refused.status_code == 429
    assert refused.text == '{"detail":"Request was throttled. Expected available in 1 second."}'
    assert refused.headers["retry-after"] == "1"
    assert ("retry-after", "1") in [
        (name.decode(), value.decode()) for name, value in refused.headers.raw
    ]
    ours = gate.post(BATCH, token, batch)
    assert (ours.status_code, ours.json()["code"]) == (429, "throttled")
    assert ours.headers["content-type"] == "application/problem+json"
    # The routes behind the collector count together with it.
    assert gate.post("/api/public/products/", token, {"custom_id": "a"}).status_code == 429
    gate.seconds = 0.5
    assert gate.post(SINGLE, token, VIEW).status_code == 201
    assert till.get("/api/v1/failed-events")["results"] == [], "what is throttled comes again"


def test_events_come_from_the_networks_of_the_token_only(gate: Gate, till: Till) -> None:
    token = gate.token(allowed_networks=["203.0.113.0/24", "2001:db8::/32"])
    for client in ("203.0.113.9", "::ffff:203.0.113.9", "2001:db8::9"):
        assert gate.post(SINGLE, token, VIEW, client).status_code == 201
    proxied = {"x-forwarded-for": "192.0.2.1, 203.0.113.9"}
    assert gate.post(SINGLE, token, VIEW, "10.0.0.1", **proxied).status_code == 201
    for client, headers in (
        ("192.0.2.1", {"x-forwarded-for": "203.0.113.9"}),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9, 192.0.2.1"}),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9, <script>"}),
        ("10.0.0.1", {}),
    ):
        refused = gate.post(SINGLE, token, VIEW, client, **headers)
        assert refused.status_code == 403
        assert "may not be used from" in refused.json()["detail"]
        ours = gate.post(BATCH, token, [], client, **headers)
        assert (ours.status_code, ours.json()["code"]) == (403, "address_not_allowed")
    assert till.get("/api/v1/failed-events")["results"] == []


def test_a_collected_event_is_a_use_of_its_token(gate: Gate, stack: Stack, till: Till) -> None:
    token = gate.token()
    gate.seconds = 90
    assert gate.post(SINGLE, token, VIEW).status_code == 201
    with stack.state.read() as conn:
        newest = list_tokens(conn, scope_of(till.workspace))[-1]
    assert newest.last_used_at == NOW + 90_000
