"""Streams of a real server: over sockets, with readers that are slow or gone, at its end."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.journeys.shop import Shop

_PATH = "/api/v1/events/stream"


class Stream:
    """One open stream."""

    def __init__(self, shop: Shop, token: str, path: str = _PATH, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=30)
        self._connection.request(
            "GET",
            path,
            headers={
                "Authorization": f"Token {token}",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        self.answer = self._connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def blocks(self) -> Iterator[dict[str, str]]:
        """Yield the fields of each event until the stream ends."""
        fields: dict[str, str] = {}
        while line := self.answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            else:
                yield fields
                fields = {}

    def next_message(self) -> dict[str, Any]:
        for fields in self.blocks():
            if "data" in fields and "event" not in fields:
                message: dict[str, Any] = json.loads(fields["data"])
                return message
        raise AssertionError("the stream ended")


def _view(product: str) -> list[dict[str, Any]]:
    return [{"event_type": "view", "user_custom_id": "anna", "product_id": product}]


def test_events_arrive_on_streams_that_end_well_when_the_server_stops(shop: Shop) -> None:
    token = shop.new_token()
    client = shop.client(token)
    streams = [Stream(shop, token) for _ in range(3)]
    assert streams[0].answer.headers["content-type"].startswith("text/event-stream")
    assert streams[0].answer.headers["cache-control"] == "no-store"
    client.request("POST", "/api/v1/events", _view("mug-1"))
    messages = [stream.next_message() for stream in streams]
    assert {message["event"]["product"]["custom_id"] for message in messages} == {"mug-1"}
    client.request("POST", "/api/v1/events", _view("mug-2"), Prefer="wait")
    back = Stream(shop, token, Last_Event_ID=str(messages[0]["id"]))
    assert back.next_message()["event"]["product"]["custom_id"] == "mug-2"
    assert client.request("GET", _PATH, Last_Event_ID="seven")[0] == 400
    assert client.request("GET", f"{_PATH}?product_type=x")[0] == 400
    client.close()
    begun = time.monotonic()
    assert shop.stop() == 0
    assert time.monotonic() - begun < 8  # it waits ten seconds for answers that do not end
    for stream in [*streams, back]:
        list(stream.blocks())


def test_the_server_stops_also_with_readers_that_do_not_read(shop: Shop) -> None:
    token = shop.new_token()
    client = shop.client(token)
    reader = Stream(shop, token)
    next(reader.blocks())
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    slow.connect(("127.0.0.1", shop.port))
    request = f"GET {_PATH} HTTP/1.1\r\nHost: shop\r\nAuthorization: Token {token}\r\n\r\n"
    slow.sendall(request.encode())
    assert slow.recv(1) == b"H"
    large = {"data": {"description": "x" * 9_000}}
    for _ in range(3):  # more than sockets take in: the server waits for the slow reader
        events = [{**event, **large} for event in _view("mug-1") * 400]
        client.request("POST", "/api/v1/events", events, Prefer="wait=60")
    client.close()
    begun = time.monotonic()
    assert shop.stop() == 0
    # A server that waited for its clients would wait for ever.
    assert time.monotonic() - begun < 20
    with suppress(http.client.IncompleteRead):
        list(reader.blocks())  # ends, well or not, and does not hang
    slow.close()


def test_a_reader_that_vanished_is_forgotten(shop: Shop) -> None:
    token = shop.new_token()
    for _ in range(3):
        streams = [Stream(shop, token) for _ in range(20)]
        for stream in streams:
            stream.answer.close()
            stream._connection.close()
    deadline = time.monotonic() + 30
    opened: list[Stream] = []
    while len(opened) < 50:  # all that a workspace may have, so nobody else is counted
        try:
            opened.append(Stream(shop, token))
        except AssertionError:
            assert time.monotonic() < deadline, "the streams of before are still counted"
    with pytest.raises(AssertionError, match="too_many_streams"):
        Stream(shop, token)
