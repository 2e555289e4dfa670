"""A shopper's browser, as the server sees it: requests with an app key and an origin."""

import asyncio
import itertools
from random import Random
from typing import Any

import httpx

from footfall.http.edge import AsgiApp
from footfall.workspaces.api import create_app_key, scope_of, update_workspace
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack
from tests.wire.till import Till

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36"
)
VISITOR = "k3mPq8sTv1Yz"


class Browser:
    """Sends events with an app key of a till's workspace; the till reads them back."""

    def __init__(self, stack: Stack, app: AsgiApp, till: Till, **key: Any) -> None:
        self.stack = stack
        self.app = app
        self.till = till
        self.workspace: Workspace = till.workspace
        self._numbers = itertools.count(1)
        self.key = self.new_key(**key)

    def new_key(self, **settings: Any) -> str:
        with self.stack.state.write() as conn:
            return create_app_key(
                conn,
                scope_of(self.workspace),
                "pages",
                now=NOW,
                random_bytes=Random(self.workspace.id * 1000 + next(self._numbers)).randbytes,
                **settings,
            ).key

    def change_workspace(self, **settings: Any) -> None:
        with self.stack.state.write() as conn:
            update_workspace(conn, scope_of(self.workspace), **settings)

    def item(self, **fields: Any) -> dict[str, Any]:
        """Return a product event with the given fields in place of its own."""
        item = {
            "kind": "product_event",
            "id": f"item-{next(self._numbers)}",
            "at": NOW - 1_000,
            "visitor": VISITOR,
            "product_id": "mug-1",
            "event_type": "view",
            **fields,
        }
        return {name: value for name, value in item.items() if value is not ...}

    def ask(self, method: str = "POST", key: str | None = None, **options: Any) -> httpx.Response:
        headers = {"user-agent": CHROME, **options.pop("headers", {})}
        path = f"/api/browser/v1/events/{key or self.key}"

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]  # wider ASGI types
            async with httpx.AsyncClient(transport=transport, base_url="http://in.test") as http:
                return await http.request(method, path, headers=headers, **options)

        return asyncio.run(send())

    def send(self, *items: dict[str, Any], sent_at: Any = NOW, **headers: str) -> httpx.Response:
        """Send items in one request; what they change is visible afterwards."""
        answer = self.ask(json={"sent_at": sent_at, "events": items}, headers=headers)
        self.stack.project()
        return answer
