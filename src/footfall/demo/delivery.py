"""How the shop's server and simulated browsers reach Footfall: over HTTP, as anybody does."""

import hashlib
import hmac
import http.client
import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from footfall.demo.records import catalog_attributes
from footfall.demo.types import Catalog

_TIMEOUT_SECONDS: Final = 30
#: The browser collector takes no more items in one request.
_MAX_ITEMS: Final = 100
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder(decimal_format="number").encode


class DeliveryFailed(Exception):
    """Footfall did not take what it was sent."""


def signature(user_id: str, identity_secret: str) -> str:
    """Return the proof that the shop's server gives a page for the customer who is logged in."""
    return hmac.new(identity_secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


class Line:
    """One kept connection to Footfall. Thread-safe; callers take turns."""

    def __init__(self, footfall_url: str) -> None:
        self._address = urlsplit(footfall_url).netloc
        self._turn = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: object, headers: dict[str, str]) -> None:
        """Send one request.

        Raises:
            DeliveryFailed: It was not answered, or not with success.
        """
        payload = _encode(body)
        with self._turn:
            # A connection that was idle may have been closed; a fresh one is tried once.
            fresh = self._connection is None
            try:
                status, text = self._exchange(method, path, payload, headers)
            except (OSError, http.client.HTTPException) as error:
                if fresh:
                    raise DeliveryFailed(f"{method} {path}: {error}") from error
                try:
                    status, text = self._exchange(method, path, payload, headers)
                except (OSError, http.client.HTTPException) as again:
                    raise DeliveryFailed(f"{method} {path}: {again}") from again
        if not 200 <= status < 300:
            raise DeliveryFailed(f"{method} {path}: {status} {text[:200].decode(errors='replace')}")

    def close(self) -> None:
        """Hang up."""
        with self._turn:
            self._drop()

    def _exchange(
        self, method: str, path: str, payload: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._address, timeout=_TIMEOUT_SECONDS)
        try:
            self._connection.request(method, path, payload, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class ShopServer:
    """The shop's server, which has a REST token."""

    def __init__(self, line: Line, token: str) -> None:
        self._line = line
        self._headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def push_catalog(self, catalog: Catalog, shop_url: str) -> None:
        """Tell Footfall of everything the shop sells; what it knows already stays as it is.

        Raises:
            DeliveryFailed: At the first product that is not taken.
        """
        for variant in catalog.variants.values():
            product = catalog.product_of(variant)
            attributes = catalog_attributes(product, variant, shop_url=shop_url)
            path = f"/api/v1/products/{quote(variant.id, safe='')}"
            self._line.send("PUT", path, {"attributes": attributes}, self._headers)

    def send_events(self, items: Sequence[dict[str, Any]]) -> None:
        """Send product events.

        Raises:
            DeliveryFailed: They were not taken.
        """
        self._line.send("POST", "/api/v1/events", list(items), self._headers)


class Outbox:
    """What the shop's server has to tell of orders: sent at once, else again until it is taken.

    In memory, as the shop's orders are; every item has its event id, so a repeat counts once.
    """

    def __init__(self, server: ShopServer, *, retry_seconds: float = 2.0) -> None:
        self._server = server
        self._retry_seconds = retry_seconds
        self._turn = threading.Lock()
        self._waiting: deque[Sequence[dict[str, Any]]] = deque()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self, items: Sequence[dict[str, Any]]) -> None:
        """Send product events after those that wait; keep them if they are not taken now."""
        with self._turn:
            self._waiting.append(items)
            if self._thread is None and not self._is_empty():
                self._thread = threading.Thread(target=self._retry, name="outbox", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop trying; what still waits is lost with the shop's orders."""
        self._ended.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _retry(self) -> None:
        while not self._ended.wait(self._retry_seconds):
            with self._turn:
                if self._is_empty():
                    self._thread = None
                    return

    def _is_empty(self) -> bool:
        """Send what waits; return whether all of it was taken."""
        while self._waiting:
            try:
                self._server.send_events(self._waiting[0])
            except DeliveryFailed as error:
                _log.warning("%s; trying again", error)
                return False
            self._waiting.popleft()
        return True


class BrowserLine:
    """The browsers of simulated shoppers, which have the shop's app key."""

    def __init__(self, line: Line, app_key: str, shop_url: str) -> None:
        self._line = line
        self._path = f"/api/browser/v1/events/{app_key}"
        self._origin = shop_url

    def send(self, items: Sequence[dict[str, Any]], sent_at: int, user_agent: str) -> None:
        """Send what happened in one browser.

        Raises:
            DeliveryFailed: It was not taken.
        """
        headers = {
            "Content-Type": "text/plain;charset=UTF-8",
            "Origin": self._origin,
            "User-Agent": user_agent,
        }
        for first in range(0, len(items), _MAX_ITEMS):
            part = list(items[first : first + _MAX_ITEMS])
            self._line.send("POST", self._path, {"sent_at": sent_at, "events": part}, headers)
