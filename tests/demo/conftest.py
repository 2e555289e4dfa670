"""A place that takes what the shop's server sends, and the shop in front of it."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from footfall.demo import api as demo
from footfall.demo.types import Catalog
from footfall.kernel.instants import Instant

NOON = Instant(1_767_268_800_000)  # 2026-01-01T12:00:00Z
SECRET = "5ec2e7" * 10


class Till(ThreadingHTTPServer):
    """Takes requests for Footfall; `status` is what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.status = 202
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.hang_up = False
        self.arrived = threading.Condition()
        #: Items of the batches that were not refused.
        self.taken: list[dict[str, Any]] = []

    def events(self) -> list[dict[str, Any]]:
        """Return the items of all batches."""
        return [item for _, _, _, body in self.requests for item in body]


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Till

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""

    def _take(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.arrived:
            self.server.requests.append((self.command, self.path, dict(self.headers), body))
            if self.server.status < 300 and isinstance(body, list):
                self.server.taken += body
            self.server.arrived.notify_all()
        self.send_response(self.server.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        # Without a word, as a server does whose patience with an idle connection is over.
        self.close_connection = self.server.hang_up

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()


@pytest.fixture
def till() -> Iterator[Till]:
    server = Till()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return demo.build_catalog()


@pytest.fixture
def open_door(till: Till, catalog: Catalog) -> Iterator[Callable[[], httpx.AsyncClient]]:
    """Make browsers in front of one shop."""
    numbers = itertools.count(1)
    outbox = demo.Outbox(demo.ShopServer(demo.Line(till.url), "token"), retry_seconds=0.01)
    storefront = demo.create_storefront(
        demo.ROUTES,
        lambda templates: demo.Shop(
            catalog=catalog,
            accounts=demo.Accounts(lambda: f"{next(numbers):010}"),
            outbox=outbox,
            sign=lambda user_id: demo.signature(user_id, SECRET),
            app_key="ABC123",
            footfall_url=till.url,
            clock=lambda: NOON,
            templates=templates,
        ),
    )

    def browser() -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(storefront),  # type: ignore[arg-type]
            base_url="http://shop.test",
            follow_redirects=True,
        )

    yield browser
    outbox.close()
