"""A whole server in one process: collector, REST routes, projector and real stores."""

import asyncio
import time
from collections.abc import Callable
from random import Random
from secrets import token_bytes
from typing import Any

import httpx

from footfall.attributes.routes import ROUTES as ATTRIBUTE_ROUTES
from footfall.bootstrap import OBJECTS
from footfall.catalog.routes import ROUTES as CATALOG_ROUTES
from footfall.contacts.routes import ROUTES as CONTACT_ROUTES
from footfall.http.admission import Admission
from footfall.http.application import create_application
from footfall.http.edge import AsgiApp
from footfall.http.rate_limit import RateLimiter
from footfall.http.services import Counters, Services
from footfall.ingest.activity_routes import ROUTES as ACTIVITY_ROUTES
from footfall.ingest.advice import StateAdvisor
from footfall.ingest.browser_collector import BrowserCollector
from footfall.ingest.collector import Collector
from footfall.ingest.intake import Intake
from footfall.ingest.mobile_collector import MobileCollector
from footfall.ingest.openapi import COLLECTOR_PATHS
from footfall.ingest.routes import ROUTES as INGEST_ROUTES
from footfall.ingest.snapshots import copy_dirty_objects
from footfall.ingest.stream import Streams
from footfall.kernel.addresses import Network
from footfall.kernel.instants import Clock
from footfall.segments.desk import SegmentDesk
from footfall.segments.routes import ROUTES as SEGMENT_ROUTES
from footfall.transfers.api import ImportDesk
from footfall.transfers.routes import ROUTES as TRANSFER_ROUTES
from footfall.workspaces.api import AppKeyring, Authenticator, Keyring, create_token, scope_of
from footfall.workspaces.routes import ROUTES as WORKSPACE_ROUTES
from tests.ingest.stack import NOW, Stack

ROUTES = [
    *(*WORKSPACE_ROUTES, *ATTRIBUTE_ROUTES, *CATALOG_ROUTES, *CONTACT_ROUTES),
    *INGEST_ROUTES,
    *ACTIVITY_ROUTES,
    *TRANSFER_ROUTES,
    *SEGMENT_ROUTES,
]
V2 = "*/*; version=2"


def application(
    stack: Stack,
    *,
    clock: Clock = lambda: NOW,
    monotonic: Callable[[], float] = time.monotonic,
    trusted_proxies: tuple[Network, ...] = (),
) -> AsgiApp:
    """Return the application that the server serves, on the stores of `stack`."""

    async def at_once(_: float) -> bool:
        return True

    keyring = Keyring(stack.state, clock)
    admission = Admission(RateLimiter(monotonic), trusted_proxies)
    advisor = StateAdvisor(stack.state)
    counters = Counters()
    services = Services(
        state=stack.state,
        keyring=keyring,
        admission=admission,
        clock=clock,
        journal_head=stack.journal.head,
        changed=lambda: None,
        settled=at_once,
        caught_up=at_once,
        counters=counters,
        new_request_id=lambda: "request-1",
        random_bytes=token_bytes,
    )
    app: Any = create_application(
        ROUTES,
        services,
        dependencies={
            "objects": OBJECTS,
            "warehouse": stack.warehouse,
            "journal": stack.journal,
            "advisor": advisor,
            "visibility": stack.projector,
            "authenticator": Authenticator(stack.state, clock, token_bytes),
            "desk": ImportDesk(stack.import_folder, lambda: None),
            "segments": SegmentDesk(stack.segment_keeper),
            "streams": Streams(stack.broadcast, stack.state, stack.warehouse),
        },
        extra_paths=COLLECTOR_PATHS,
    )
    collector = Collector(
        app,
        journal=stack.journal,
        keyring=keyring,
        admission=admission,
        advisor=advisor,
        visibility=stack.projector,
        counters=counters,
        clock=clock,
        new_request_id=lambda: "request-1",
    )
    intake = Intake(
        journal=stack.journal,
        keyring=AppKeyring(stack.state, clock),
        limiter=RateLimiter(monotonic),
        counters=counters,
        clock=clock,
    )
    mobile = MobileCollector(
        collector,
        intake,
        counters=counters,
        clock=clock,
        new_request_id=lambda: "request-1",
        random_bytes=token_bytes,
    )
    return BrowserCollector(mobile, intake, counters=counters, new_request_id=lambda: "request-1")


class Till:
    """A shop that sends product events as its plugin does, and reads them back."""

    def __init__(self, stack: Stack, app: AsgiApp) -> None:
        self._stack = stack
        workspace = self.workspace = stack.workspace()
        with stack.state.write() as conn:
            _, self.token = create_token(
                conn,
                scope_of(workspace),
                "till",
                "read-write",
                now=NOW,
                random_bytes=Random(workspace.id).randbytes,
            )
        self._app = app

    def ask(self, method: str, path: str, accept: str = V2, **options: Any) -> httpx.Response:
        headers = {
            "authorization": f"Token {self.token}",
            "accept": accept,
            **options.pop("headers", {}),
        }

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)  # type: ignore[arg-type]  # wider ASGI types
            async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
                return await http.request(method, path, headers=headers, **options)

        return asyncio.run(send())

    def send(self, path: str, event: Any, accept: str = V2, **headers: str) -> httpx.Response:
        """Post an event; what it changes is visible afterwards."""
        options = {"content": event} if isinstance(event, bytes | str) else {"json": event}
        answer = self.ask("POST", path, accept, headers=headers, **options)
        self._stack.project()
        return answer

    def write(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for a write that must succeed; what it changes is visible afterwards."""
        answer = self.ask(method, path, json=body)
        assert answer.status_code < 300, answer.text
        copy_dirty_objects(self._stack.state, self._stack.warehouse, NOW)
        return answer.json() if answer.content else None

    def get(self, path: str, accept: str = V2) -> Any:
        answer = self.ask("GET", path, accept)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def events(self, **filters: str) -> list[dict[str, Any]]:
        """Return stored events, the oldest first."""
        answer = self.ask("GET", "/api/v1/events", params=filters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["results"]
        return found[::-1]

    def last_failed(self) -> dict[str, Any]:
        """Return the failed event that came last."""
        found: dict[str, Any] = self.get("/api/v1/failed-events?limit=1")["results"][0]
        return found
