"""Servers on loopback for browser tests: one for shops' pages, one that records what the SDK sends.

The recorder stands where a test chooses the answers: refusals, pauses, connections that break.
"""

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from footfall.http.widget import shipped

#: A busy machine starts a page in seconds; a test that needs longer is broken.
PATIENCE_SECONDS = 20


class Answer(NamedTuple):
    """How the recorder answers one request."""

    status: int = 202
    headers: Mapping[str, str] = {}
    #: Break the connection instead: the items are recorded, and nobody says so.
    lost: bool = False


class _LoopbackServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, respond: Callable[["Exchange"], None], host: str) -> None:
        self.respond = respond
        super().__init__(("127.0.0.1", 0), Exchange)
        self.origin = f"http://{host}:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that ends a connection is no error."""


class Exchange(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: _LoopbackServer
    body: bytes

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        self.server.respond(self)

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.respond(self)

    def do_OPTIONS(self) -> None:
        self.server.respond(self)

    def give(self, status: int, body: str = "", headers: Mapping[str, str] | None = None) -> None:
        payload = body.encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(payload)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def reset(self) -> None:
        """End the connection as a broken network does."""
        # With a linger of 0 seconds the close is a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


class PageServer:
    """A shop's site: pages by path, on an origin of its own."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[str, str, Mapping[str, str]]] = {}
        self._server = _LoopbackServer(self._respond, "localhost")
        self.origin = self._server.origin
        self.close = self._server.close

    def add(self, path: str, body: str, content_type: str = "text/html", **headers: str) -> str:
        """Serve `body` under `path`; return its address. Underscores in header names are dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._pages[path] = (body, content_type, named)
        return self.origin + path

    def _respond(self, exchange: Exchange) -> None:
        body, content_type, headers = self._pages.get(
            urlsplit(exchange.path).path, ("", "text/html", {})
        )
        exchange.give(200, body, {"content-type": f"{content_type}; charset=utf-8", **headers})


class Recorder:
    """Serves the SDK and takes what it sends, as the collector would."""

    KEY = "ABC123"

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: list[dict[str, Any]] = []
        self._requests: list[dict[str, Any]] = []
        self._answers: list[Answer] = []
        self._server = _LoopbackServer(self._respond, "127.0.0.1")
        self.origin = self._server.origin
        self.close = self._server.close

    def answer_next(self, *answers: Answer) -> None:
        """Give these answers first; then accept everything."""
        with self._changed:
            self._answers.extend(answers)

    def forget(self) -> None:
        with self._changed:
            self._items.clear()
            self._requests.clear()
            self._answers.clear()

    @property
    def items(self) -> list[dict[str, Any]]:
        """Every item of every request so far, also of those that were refused."""
        with self._changed:
            return list(self._items)

    @property
    def distinct(self) -> list[dict[str, Any]]:
        """Every item once, as a server that knows ids keeps them.

        A page that is left before it hears the answer leaves its items to the next, which sends
        them again.
        """
        return list({item["id"]: item for item in reversed(self.items)}.values())[::-1]

    @property
    def requests(self) -> list[dict[str, Any]]:
        with self._changed:
            return list(self._requests)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.items if item["kind"] == kind]

    def wait(self, enough: Callable[[], Any]) -> Any:
        """Return what `enough` returns once it is true; asked after each request."""
        with self._changed:
            found = self._changed.wait_for(enough, PATIENCE_SECONDS)
            assert found, self._items
            return found

    def wait_for(self, number: int, kind: str = "product_event") -> list[dict[str, Any]]:
        """Return the items of a kind once there are `number` different ones."""
        self.wait(lambda: self.different(kind) >= number)
        return self.of(kind)

    def different(self, kind: str) -> int:
        return len({item["id"] for item in self.of(kind)})

    def _respond(self, exchange: Exchange) -> None:
        allowed = {
            "access-control-allow-origin": "*",
            "access-control-expose-headers": "Retry-After",
        }
        if exchange.command == "POST":
            assert exchange.path == f"/api/browser/v1/events/{self.KEY}", exchange.path
            body = json.loads(exchange.body)
            with self._changed:
                answer = self._answers.pop(0) if self._answers else Answer()
                self._requests.append({**body, "headers": exchange.headers, "answer": answer})
                self._items.extend(body["events"])
                self._changed.notify_all()
            if answer.lost:
                exchange.reset()
            else:
                exchange.give(answer.status, "{}", {**allowed, **answer.headers})
            return
        release = shipped()
        found = re.fullmatch(rf"/(?:widget/{release.name}/)?([\w.]+)", exchange.path)
        file = release.files.get(found[1]) if found else None
        if file is None:
            exchange.give(404)
        else:
            shared = {**allowed, "cross-origin-resource-policy": "cross-origin"}
            exchange.give(200, file.plain.decode(), {"content-type": "text/javascript", **shared})
