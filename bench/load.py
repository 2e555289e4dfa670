"""A load generator: prepared requests over keep-alive connections, one thread, one epoll.

It costs the machine about 15 microseconds per request, so that on two cores the server has one
and a half; a generator on an HTTP library would measure itself.
"""

import re
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class _Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, port: int, poll: select.epoll) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._poll = poll
        self._unsent = memoryview(b"")
        self._watches_room = False
        self._received = b""
        poll.register(self.socket, select.EPOLLIN)

    def begin(self, request: bytes) -> None:
        self._unsent = memoryview(request)
        self.go_on_sending()

    def go_on_sending(self) -> None:
        if not self._unsent:
            return
        with suppress(BlockingIOError):
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        if bool(self._unsent) != self._watches_room:
            self._watches_room = bool(self._unsent)
            room = select.EPOLLOUT if self._watches_room else 0
            self._poll.modify(self.socket, select.EPOLLIN | room)

    def answer(self) -> bytes | None:
        """Return the whole answer once it is there."""
        part = self.socket.recv(65_536)
        if not part:
            raise ConnectionError("the server closed a connection")
        self._received += part
        head, mark, body = self._received.partition(b"\r\n\r\n")
        if not mark:
            return None
        length = _LENGTH.search(head)
        assert length is not None, head
        if len(body) < int(length[1]):
            return None
        whole, self._received = self._received, b""
        return whole


@dataclass
class Outcome:
    """What came of a load."""

    seconds: float
    statuses: Counter[int]
    waits: list[float] = field(repr=False)  #: seconds from the request to its answer, sorted
    bodies: list[tuple[float, bytes]] = field(repr=False)  #: (when, body), if asked for

    def wait_ms(self, quantile: float) -> float:
        """Return a quantile of the answer times in milliseconds."""
        return self.waits[min(int(len(self.waits) * quantile), len(self.waits) - 1)] * 1_000


def drive(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    per_second: float | None = None,
    keep_bodies: bool = False,
    tick: Callable[[], None] = lambda: None,
) -> Outcome:
    """Send every request and return once all are answered.

    Args:
        per_second: Send at this rate whatever the server does (open loop); None: each connection
            sends its next request when it has its answer.
        tick: Called at each turn, for a look at the server.
    """
    poll = select.epoll()
    free = deque(_Connection(port, poll) for _ in range(connections))
    by_fd = {connection.socket.fileno(): connection for connection in free}
    begun: dict[_Connection, float] = {}
    outcome = Outcome(0.0, Counter(), [], [])
    start = time.perf_counter()
    due = _due_times(start, len(requests), per_second)
    next_due = next(due)
    sent = answered = 0
    while answered < len(requests):
        now = time.perf_counter()
        while free and sent < len(requests) and next_due <= now:
            connection = free.popleft()
            # In an open loop the wait counts from when the request was due.
            begun[connection] = next_due if per_second else time.perf_counter()
            connection.begin(requests[sent])
            sent += 1
            next_due = next(due)
        tick()
        timeout = max(next_due - time.perf_counter(), 0.0) if free and sent < len(requests) else 1.0
        for number, event in poll.poll(timeout):
            connection = by_fd[number]
            if event & select.EPOLLOUT:
                connection.go_on_sending()
            if not event & ~select.EPOLLOUT:
                continue
            answer = connection.answer()
            if answer is None:
                continue
            answered += 1
            now = time.perf_counter()
            outcome.waits.append(now - begun[connection])
            outcome.statuses[int(answer[9:12])] += 1
            if keep_bodies:
                outcome.bodies.append((now, answer.partition(b"\r\n\r\n")[2]))
            if per_second is None and sent < len(requests):
                begun[connection] = now
                connection.begin(requests[sent])
                sent += 1
            else:
                free.append(connection)
    outcome.seconds = time.perf_counter() - start
    outcome.waits.sort()
    for connection in by_fd.values():
        connection.socket.close()
    poll.close()
    return outcome


def _due_times(start: float, count: int, per_second: float | None) -> Iterator[float]:
    for number in range(count + 1):
        yield start if per_second is None else start + number / per_second


def request(path: str, token: str, body: bytes, **headers: str) -> bytes:
    """Return a POST as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Token {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
