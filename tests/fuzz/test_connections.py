"""Requests that are odd outside their body: methods, tokens, headers, chunks, pace, cursors."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.fuzz.conftest import BATCH, SINGLE, VERSION_2, Target, assert_explained

BODY = b'{"event_type":"view","user_custom_id":"anna"}'
ITEMS = b'[{"event_type":"view","user_custom_id":"anna","product_id":"mug-1"}]'
LISTS = ("/api/v1/events", "/api/v1/failed-events", "/api/v1/products", "/api/v1/contacts")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def _head(target: Target, *lines: str, path: str = SINGLE, token: str | None = None) -> bytes:
    return "\r\n".join(
        [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Token {target.token if token is None else token}",
            f"Accept: {VERSION_2}",
            *lines,
            "",
            "",
        ]
    ).encode()


def _connect(target: Target) -> socket.socket:
    return socket.create_connection(("127.0.0.1", target.shop.port), timeout=60)


def _answers(connection: socket.socket, count: int) -> Iterator[tuple[int, Any]]:
    """Yield (status, body) of the next answers on a connection."""
    received = b""
    for _ in range(count):
        while (end := received.find(b"\r\n\r\n")) < 0 or len(received) < end + 4 + _body_length(
            received[:end]
        ):
            part = connection.recv(65_536)
            assert part, f"closed after {received!r}"
            received += part
        length = _body_length(received[:end])
        body = received[end + 4 : end + 4 + length]
        yield int(received[9:12]), json.loads(body)
        received = received[end + 4 + length :]


def _body_length(head: bytes) -> int:
    found = _LENGTH.search(head)
    assert found is not None, head
    return int(found[1])


# --- methods and tokens -------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SINGLE, "/api/public/products/1/product_event/"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_a_wrong_method_is_refused_and_explained(target: Target, path: str, method: str) -> None:
    answer = target.send(BODY, path, method)
    assert answer[0] == 405, answer
    assert_explained(*answer)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_wrong_method_on_the_batch_is_refused_and_explained(target: Target, method: str) -> None:
    answer = target.send(ITEMS, BATCH, method)
    assert answer[0] == 405, answer
    assert_explained(*answer)


@pytest.mark.parametrize(("path", "body"), [(SINGLE, BODY), (BATCH, ITEMS)])
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Token",
        "Token ",
        "Token " + "x" * 64,
        "Token " + "x" * 10_000,
        "Token żółw",
        "Basic YW5uYTphbm5h",
        "Token \x80\xff",
    ],
)
def test_without_a_token_of_ours_nothing_gets_in(
    target: Target, path: str, body: bytes, header: str | None
) -> None:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    if header is not None:
        lines.append(f"Authorization: {header}")
    with closing(_connect(target)) as connection:
        head = "\r\n".join([*lines, "", ""])
        connection.sendall(head.encode() + body)
        [(status, answer)] = _answers(connection, 1)
    assert status == 401
    assert answer["detail"]


def test_tokens_do_what_they_may_and_no_more(target: Target) -> None:
    shop = target.shop
    reading = shop.client(shop.new_token("r", scope="read"))
    writing = shop.client(shop.new_token("w", scope="write"))
    for path, body in ((SINGLE, BODY), (BATCH, ITEMS)):
        answer = reading.request("POST", path, body, Accept=VERSION_2)
        reading.close()  # refused before the body is read, so the connection may be ended
        assert answer[0] == 403
        assert_explained(*answer)
        assert writing.request("POST", path, body, Accept=VERSION_2)[0] in {201, 202}
    answer = writing.request("GET", "/api/v1/events")
    assert answer[0] == 403
    assert_explained(*answer)
    shop.command("tokens", "revoke", "w")
    revoked = time.monotonic()
    while writing.request("POST", SINGLE, BODY, Accept=VERSION_2)[0] != 401:
        assert time.monotonic() - revoked < 60
    writing.close()


# --- chunks, pace, pipelines --------------------------------------------------------------------


def test_a_body_in_chunks_is_read(target: Target) -> None:
    chunks = b"".join(b"1\r\n" + BODY[i : i + 1] + b"\r\n" for i in range(len(BODY)))
    with closing(_connect(target)) as connection:
        connection.sendall(_head(target, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")
        assert [status for status, _ in _answers(connection, 1)] == [201]


def test_chunks_without_end_are_refused_when_they_are_too_many(target: Target) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with closing(_connect(target)) as connection:
        connection.sendall(_head(target, "Transfer-Encoding: chunked"))
        for _ in range(17):
            connection.sendall(chunk)
        [(status, answer)] = _answers(connection, 1)
    assert status == 413
    assert answer["detail"]
    [failed] = target.newest_failed(1)
    assert failed["code"] == "too_large"
    assert len(failed["payload"]) == 1 << 20


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("POST", SINGLE, None, 413),
        ("POST", BATCH, None, 413),
        ("PUT", "/api/v1/products/mug-1", None, 413),
        ("POST", BATCH, "x" * 64, 401),
        ("PUT", SINGLE, None, 405),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_who_sends_far_too_much_still_sees_why_it_is_refused(
    target: Target, method: str, path: str, token: str | None, status: int, chunked: bool
) -> None:
    client = target.shop.client(token or target.token)
    # The client of the standard library sends all of it before it looks for an answer.
    body = iter([bytes(1 << 20)] * 40) if chunked else bytes(40 << 20)
    try:
        answer = client.request(method, path, body, Accept=VERSION_2)
        assert answer[0] == status
        assert_explained(*answer)
        # The connection is as good as before.
        assert client.request("GET", "/api/v1/workspace")[0] in {200, 401}
    finally:
        client.close()


def test_who_asks_before_sending_too_much_need_not_send_it(target: Target) -> None:
    lines = ("Content-Type: application/json", f"Content-Length: {40 << 20}")
    with closing(_connect(target)) as connection:
        connection.sendall(_head(target, *lines, "Expect: 100-continue", token="x" * 64))
        [(status, answer)] = _answers(connection, 1)
    assert status == 401
    assert answer["detail"]


def test_a_length_that_is_far_too_large_is_refused_or_waited_for_but_holds_nobody(
    target: Target,
) -> None:
    with closing(_connect(target)) as connection:
        connection.sendall(_head(target, f"Content-Length: {10**15}") + BODY)
        target.good_event_goes_through()


def test_slow_bodies_hold_up_nobody_else(target: Target) -> None:
    slow = [_connect(target) for _ in range(50)]
    for connection in slow:
        connection.sendall(_head(target, f"Content-Length: {len(BODY)}") + BODY[:10])
    target.good_event_goes_through()
    for place in range(10, len(BODY)):
        for connection in slow[:5]:
            connection.sendall(BODY[place : place + 1])
    for connection in slow[:5]:
        assert [status for status, _ in _answers(connection, 1)] == [201]
    for connection in slow:  # the others are given up in the middle
        connection.close()
    target.good_event_goes_through()


@pytest.mark.soak
def test_a_body_that_never_ends_is_given_up_with_a_reason_and_kept(target: Target) -> None:
    with closing(_connect(target)) as connection:
        connection.settimeout(120)
        connection.sendall(_head(target, "Content-Length: 100") + BODY[:10])
        [(status, answer)] = _answers(connection, 1)
    assert status == 408
    assert answer["detail"]
    assert target.newest_failed(1)[0]["code"] == "too_slow"


def test_requests_sent_ahead_are_answered_in_their_order(target: Target) -> None:
    bodies = [
        json.dumps({"event_type": kind, "user_custom_id": "anna"}).encode()
        for kind in ("view", "vieww", "purchase", "", "click")
    ]
    with closing(_connect(target)) as connection:
        connection.sendall(
            b"".join(_head(target, f"Content-Length: {len(body)}") + body for body in bodies)
        )
        statuses = [status for status, _ in _answers(connection, len(bodies))]
    assert statuses == [201, 400, 201, 400, 201]


def test_a_client_that_does_not_wait_for_its_answer_harms_nobody(target: Target) -> None:
    for _ in range(50):
        connection = _connect(target)
        connection.sendall(_head(target, f"Content-Length: {len(BODY)}") + BODY)
        connection.close()
    target.good_event_goes_through()


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS to a plain port
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n" * 1_000,
        b"POST " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 5_000 + b"\r\n",
        b"\x00" * 10_000,
    ],
)
def test_what_is_no_http_ends_the_connection_and_nothing_else(target: Target, junk: bytes) -> None:
    with closing(_connect(target)) as connection:
        connection.settimeout(30)
        try:
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            received = connection.recv(65_536)
        except OSError:  # reset: the server had read enough
            return
    assert not received.startswith(b"HTTP/1.1 5"), received


# --- headers and parameters ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefer",
    ["wait=abc", "wait=-1", "wait=1e9", "respond-async", "wait=", "wait,wait", "x" * 5_000, "; =,"],
)
def test_a_preference_that_makes_no_sense_is_passed_over(target: Target, prefer: str) -> None:
    assert target.send(BODY, Prefer=prefer)[0] == 201
    assert target.send(ITEMS, BATCH, Prefer=prefer)[0] == 202


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    ["x", "-1", "%00", "%FF", "A" * 10_000, "eyJiZWZvcmUiOi0xfQ", "bnVsbA", "e30", "%F0%9F%A7%BA"],
)
def test_a_cursor_that_makes_no_sense_is_refused_and_explained(
    target: Target, path: str, cursor: str
) -> None:
    answer = target.client.request("GET", f"{path}?cursor={cursor}")
    assert answer[0] == 400, answer
    assert_explained(*answer)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5", "9" * 50])
def test_a_limit_that_makes_no_sense_is_refused_and_explained(
    target: Target, path: str, limit: str
) -> None:
    answer = target.client.request("GET", f"{path}?limit={limit}")
    assert answer[0] == 400, answer
    assert_explained(*answer)


@pytest.mark.parametrize(
    "custom_id",
    ["%00", "%0A", "%FF%FE", "x" * 256, "%ED%A0%80", "%F0%9F%A7%BA" * 256],
)
def test_an_id_in_the_path_that_can_be_none_is_refused_and_kept(
    target: Target, custom_id: str
) -> None:
    path = f"/api/public/products-by-id/{custom_id}/product_event/"
    answer = target.send(BODY, path)
    assert answer[0] == 400, answer
    assert_explained(*answer)
    assert target.newest_failed(1)[0]["payload"] == BODY.decode()


@pytest.mark.parametrize("number", ["0", "-1", "999999999999999999", "1" * 100, "1e3", "x"])
def test_an_internal_id_that_nobody_has_is_refused(target: Target, number: str) -> None:
    answer = target.send(BODY, f"/api/public/products/{number}/product_event/")
    assert answer[0] in {400, 404}, answer
    assert_explained(*answer)
