"""A flood on one app key is refused before it costs anything, and slows nobody else."""

import json
import multiprocessing
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter

from tests.journeys.shop import Shop

#: A fresh interpreter: forking one with threads in it is not safe.
PROCESSES = multiprocessing.get_context("spawn")
FLOODERS = 4
REQUESTS = 40


def request(key: str, count: int) -> bytes:
    """Return a request with `count` page views as it goes over the wire."""
    item = {"kind": "page_view", "id": None, "at": 1_767_268_800_000, "visitor": "k3mPq8sTv1Yz"}
    body = json.dumps({"events": [item] * count}).encode()
    head = f"POST /api/browser/v1/events/{key} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def answered(connection: socket.socket, sent: bytes) -> int:
    """Send a request and return the status of its answer, which fits into one read."""
    connection.sendall(sent)
    return int(connection.recv(65_536)[9:12])


def pour(port: int, sent: bytes, statuses: Connection) -> None:
    """Send the same request over several connections until told to stop; tell what was answered."""
    counted: Counter[int] = Counter()
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(FLOODERS)]
    statuses.send("pouring")
    while not statuses.poll():
        for connection in connections:
            connection.sendall(sent)
        for connection in connections:
            counted[int(connection.recv(65_536)[9:12])] += 1
    statuses.send(counted)


@contextmanager
def flood(port: int, sent: bytes) -> Iterator[Counter[int]]:
    """Pour from a process of its own, so that it does not slow the one that measures."""
    counted: Counter[int] = Counter()
    here, there = PROCESSES.Pipe()
    process = PROCESSES.Process(target=pour, args=(port, sent, there))
    process.start()
    assert here.recv() == "pouring"
    try:
        yield counted
    finally:
        here.send(None)
        counted.update(here.recv())
        process.join()


def wait_seconds(port: int, sent: bytes) -> float:
    """Return how long one who sends an event now and then waits for the answer."""
    waits = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(REQUESTS):
            start = perf_counter()
            assert answered(connection, sent) == 202
            waits.append(perf_counter() - start)
    return median(waits)


def test_a_flood_on_one_key_is_refused_and_slows_nobody_else(shop: Shop) -> None:
    client = shop.client(shop.new_token())

    def new_key(events_per_second: int | None) -> str:
        settings = {"name": "pages", "events_per_second": events_per_second}
        status, made, _ = client.request("POST", "/api/v1/app-keys", settings)
        assert status == 201
        return str(made["key"])

    limited, unlimited = request(new_key(1), 100), request(new_key(None), 100)
    other = request(new_key(None), 1)
    client.close()
    alone, refused, accepted = [], [], []
    for _ in range(2):  # in turn, so that whatever else this machine does concerns all three
        alone.append(wait_seconds(shop.port, other))
        with flood(shop.port, limited) as statuses:
            refused.append(wait_seconds(shop.port, other))
        assert statuses[429] > 20 * statuses[202], statuses
        with flood(shop.port, unlimited) as statuses:
            accepted.append(wait_seconds(shop.port, other))
        assert statuses.keys() == {202}
    # Server and flood share the machine's few cores, so that even refusing takes some time.
    assert min(refused) < 10 * min(alone), (alone, refused, accepted)
    assert min(refused) < 0.7 * min(accepted), (alone, refused, accepted)
