"""A shop's side of the REST API: an HTTP client with its token, and the application it talks to."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from secrets import token_bytes
from typing import Any

import httpx
import pytest

from footfall.attributes.routes import ROUTES as ATTRIBUTE_ROUTES
from footfall.bootstrap import OBJECTS
from footfall.catalog.routes import ROUTES as CATALOG_ROUTES
from footfall.contacts.routes import ROUTES as CONTACT_ROUTES
from footfall.http.admission import Admission
from footfall.http.application import create_application
from footfall.http.edge import Edge
from footfall.http.rate_limit import RateLimiter
from footfall.http.services import Counters, Services
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import (
    Authenticator,
    Keyring,
    create_token,
    create_workspace,
    scope_of,
)
from footfall.workspaces.routes import ROUTES as WORKSPACE_ROUTES

both_engines = pytest.mark.usefixtures("state")
NOON = Instant(1_767_268_800_000)  # 2026-01-01T12:00:00Z
NOON_TEXT = "2026-01-01T12:00:00.000000Z"
V2 = "*/*; version=2"
ROUTES = [*WORKSPACE_ROUTES, *ATTRIBUTE_ROUTES, *CATALOG_ROUTES, *CONTACT_ROUTES]


@dataclass
class World:
    """What the server would get from outside: time, journal, projector. Tests turn the knobs."""

    now: Instant = NOON
    journal_head: int = 7
    settles: bool = True
    catches_up: bool = True
    waited: list[float] = field(default_factory=list)
    changes: int = 0
    seconds: float = 0.0  #: of the clock that only goes on

    def changed(self) -> None:
        self.changes += 1

    async def settled(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return self.settles

    async def caught_up(self, _seconds: float) -> bool:
        return self.catches_up


def services_of(state: State, world: World, **more: Any) -> Services:
    return Services(
        state=state,
        keyring=Keyring(state, lambda: world.now),
        admission=Admission(RateLimiter(lambda: world.seconds)),
        clock=lambda: world.now,
        journal_head=lambda: world.journal_head,
        changed=world.changed,
        settled=world.settled,
        caught_up=world.caught_up,
        counters=Counters(),
        new_request_id=lambda: "request-1",
        random_bytes=token_bytes,
        **more,
    )


class Shop:
    """One workspace's client. `ask` and the methods after HTTP's answer with httpx responses."""

    def __init__(self, run: Callable[..., Any], app: Edge, scope: Scope, token: str) -> None:
        self._run = run
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # wider ASGI types
        self._client = httpx.AsyncClient(transport=transport, trust_env=False)
        self.scope = scope
        self.token = token
        self.accept = V2

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {
            "authorization": f"Token {self.token}",
            "accept": self.accept,
            **options.pop("headers", {}),
        }
        url = path if path.startswith("http") else f"http://shop.test{path}"

        response: httpx.Response = self._run(
            self._client.request(method, url, headers=headers, **options)
        )
        assert response.status_code < 500 or response.status_code == 503, response.text
        assert response.headers["x-request-id"]
        return response

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.ask("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.ask("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.ask("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("DELETE", path, **options)


class Town:
    """Two shops on one server."""

    def __init__(
        self, state: State, world: World, runner: asyncio.Runner, warehouse: Warehouse | None
    ) -> None:
        self.state = state
        self.world = world
        self._runner = runner
        self._random = Random(1)
        self.services = services_of(state, world)
        door = Authenticator(state, self.services.clock, token_bytes)
        given = {"authenticator": door, "objects": OBJECTS, "warehouse": warehouse}
        self.app = create_application(ROUTES, self.services, dependencies=given)
        self.shop = self._open("shop")
        self.rival = self._open("rival")

    def _open(self, name: str) -> Shop:
        with self.state.write() as conn:
            scope = scope_of(create_workspace(conn, name, now=NOON, random_bytes=token_bytes))
        return self.with_key(scope, "read-write")

    def with_key(self, scope: Scope, key_scope: str) -> Shop:
        """Return a client with a new key."""
        with self.state.write() as conn:
            _, token = create_token(
                conn, scope, "test", key_scope, now=NOON, random_bytes=self._random.randbytes
            )
        return Shop(self._runner.run, self.app, scope, token)


@contextmanager
def open_town(state: State, warehouse: Warehouse | None = None) -> Iterator[Town]:
    """Yield a town; without a warehouse nothing can be asked that reads one."""
    with asyncio.Runner() as runner:
        yield Town(state, World(), runner, warehouse)
