"""What an answer promises is on the disk, and a start repairs what a crash left half-done."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.journeys.shop import Shop, product_event_path

HOW_TO_TRACE = (
    "This test watches the server's system calls with strace, which {problem}."
    " On Debian: apt-get install strace (`make test` does it when it may)."
    " To run without: FOOTFALL_TESTS_WITHOUT_STRACE=1."
)
#: The server stays our child (-D); a journal page is 4 KiB, and records are looked for in it.
STRACE = ("strace", "-D", "-f", "--seccomp-bpf", "-y", "-qq", "-s", "8192")
_CALLS = "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync"
_RECEIVE = re.compile(r"^\d+ +(?:<\.\.\. )?(?:read|readv|recvfrom|recvmsg)\b")
_SEND = re.compile(r"^\d+ +(?:write|writev|sendto|sendmsg)\(")
_WRITE = re.compile(r"^\d+ +pwrite64\(\d+<[^>]*/journal\.sqlite(?:-wal)?>")
_SYNC_BEGUN = re.compile(r"^(\d+) +(?:fsync|fdatasync)\(\d+<[^>]*/journal\.sqlite(?:-wal)?>")
_SYNC_DONE = re.compile(r"^(\d+) +.*\b(?:fsync|fdatasync)\b.*= 0$")


@pytest.fixture
def tracer(tmp_path: Path) -> tuple[str, ...]:
    """The words before the server's command line that make strace write to `tmp_path/calls`."""
    problem = None
    if shutil.which("strace") is None:
        problem = "was not found"
    elif subprocess.run(["strace", "-qq", "true"], capture_output=True, check=False).returncode:
        problem = "may not trace here"
    if problem is not None:
        text = HOW_TO_TRACE.format(problem=problem)
        if os.environ.get("FOOTFALL_TESTS_WITHOUT_STRACE") == "1":
            pytest.skip(text)
        pytest.fail(text)
    return (*STRACE, "-o", str(tmp_path / "calls"), "-e", _CALLS)


def _send_singles(shop: Shop, token: str, name: str, answers: dict[str, str]) -> None:
    client = shop.client(token)
    for number in range(8):
        event = {"event_type": "view", "user_custom_id": "anna", "event_id": f"{name}-{number}."}
        status, body, _ = client.request(
            "POST", product_event_path("mug"), event, Accept="*/*; version=2"
        )
        assert status == 201
        answers[event["event_id"]] = f'{{\\"id\\":{body["id"]}}}'
    client.close()


def _send_batches(shop: Shop, token: str, answers: dict[str, str]) -> None:
    client = shop.client(token)
    for number in range(1, 5):
        event_ids = [f"batch-{number}-{i}." for i in range(number)]
        items = [
            {"event_type": "view", "user_custom_id": "b", "product_id": "mug", "event_id": event_id}
            for event_id in event_ids
        ]
        status, body, _ = client.request("POST", "/api/v1/events", items)
        assert (status, body["accepted"]) == (202, number)
        answers |= dict.fromkeys(event_ids, f'{{\\"accepted\\":{number},')
    client.close()


def _steps(calls: list[str], event_id: str, answer: str) -> Iterator[str]:
    """Yield what happened to an event, in order, up to its answer."""
    steps = iter(calls)
    for call in steps:
        if event_id in call and _RECEIVE.match(call):
            yield "received"
            break
    for call in steps:
        if event_id in call and _WRITE.match(call):
            yield "written"
            break
        if answer in call and _SEND.match(call):
            yield "answered"
            return
    syncing: set[str] = set()
    synced = False
    for call in steps:
        begun, done = _SYNC_BEGUN.match(call), _SYNC_DONE.match(call)
        if begun:
            syncing.add(begun[1])
        if done and done[1] in syncing and not synced:
            synced = True
            yield "synced"
        if answer in call and _SEND.match(call):
            yield "answered"
            return


def test_a_disk_sync_of_the_journal_lies_between_each_request_and_its_answer(
    open_shop: Callable[..., Shop], tracer: tuple[str, ...], tmp_path: Path
) -> None:
    shop = open_shop()
    shop.start(wrapper=tracer)
    token = shop.new_token()
    answers: dict[str, str] = {}
    _send_batches(shop, token, answers)
    # One after another, then at the same time, so that commits are shared.
    _send_singles(shop, token, "alone", answers)
    threads = [
        threading.Thread(target=_send_singles, args=(shop, token, f"together-{i}", answers))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 10 + 8 + 4 * 8
    shop.stop()
    calls = (tmp_path / "calls").read_text(errors="replace").splitlines()
    for event_id, answer in answers.items():
        steps = list(_steps(calls, event_id, answer))
        assert steps == ["received", "written", "synced", "answered"], event_id


# --- a deduplication log that was cut -----------------------------------------------------------

_COUNT_STORED = """
import sys
from pathlib import Path
from footfall.warehouse.api import open_warehouse
warehouse = open_warehouse(None, Path(sys.argv[1]))
print(len(warehouse.positions_between(int(sys.argv[2]), int(sys.argv[3]))))
warehouse.close()
"""


def _new_things(number: int) -> dict[str, Any]:
    """Return an event of a new contact and a new product: copying these takes a while."""
    return {
        "event_type": "view",
        "user_custom_id": f"visitor {number}",
        "product_id": f"product {number}",
        "timestamp": 1_700_000_000_000 + number,
        "event_id": f"event-{number}",
        "data": {"name": f"Product no. {number}", "price": number % 100},
    }


def _open_range(shop: Shop) -> tuple[int, int] | None:
    """Return first and last position of what is in the state and maybe not in the warehouse."""
    state = sqlite3.connect(f"file:{shop.data_dir / 'state.sqlite'}?mode=ro", uri=True)
    with closing(state):
        found = state.execute(
            "SELECT min(first_position), max(last_position) FROM projected_ranges"
        ).fetchone()
    return None if found[0] is None else (found[0], found[1])


def _stored_between(shop: Shop, first: int, last: int) -> int:
    """Return how many rows of a range a stopped shop's warehouse has."""
    arguments = (str(shop.data_dir / "warehouse"), str(first), str(last))
    counted = subprocess.run(
        [sys.executable, "-c", _COUNT_STORED, *arguments], check=True, capture_output=True
    )
    return int(counted.stdout)


def _deduplication_logs(shop: Shop) -> list[Path]:
    return list((shop.data_dir / "warehouse").rglob("deduplication_log_*.txt"))


def _log_bytes(shop: Shop) -> int:
    return sum(path.stat().st_size for path in _deduplication_logs(shop))


def _kill_between_warehouse_and_cursor(shop: Shop, token: str, sent: list[str]) -> None:
    """Send and kill until rows of an open range are in the warehouse already."""
    while True:
        client = shop.client(token)
        before = _log_bytes(shop)
        for _ in range(4):
            events = [_new_things(len(sent) + i) for i in range(2_500)]
            status, body, _ = client.request("POST", "/api/v1/events", events)
            assert (status, body["accepted"]) == (202, 2_500)
            sent.extend(event["event_id"] for event in events)
        client.close()
        # The log grows with an insert; the cursor moves when the new contacts are copied, too.
        while _log_bytes(shop) == before or _open_range(shop) is None:
            time.sleep(0.002)  # nothing tells; the test's time limit ends this
        shop.kill()
        left_open = _open_range(shop)
        if left_open is not None and _stored_between(shop, *left_open):
            return
        shop.start()


class _Killed(NamedTuple):
    data_dir: Path
    token: str
    sent: list[str]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> _Killed:
    """A data folder whose server was killed between the warehouse and its cursor."""
    shop = Shop(tmp_path_factory.mktemp("killed") / "shop")
    sent: list[str] = []
    shop.start()
    try:
        token = shop.new_token()
        _kill_between_warehouse_and_cursor(shop, token, sent)
    finally:
        if shop.process is not None:
            shop.kill()
    return _Killed(shop.data_dir, token, sent)


@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_a_start_repairs_a_warehouse_whose_deduplication_log_was_damaged(
    open_shop: Callable[..., Shop], killed: _Killed, damage: str
) -> None:
    shop = open_shop()
    shutil.copytree(
        killed.data_dir, shop.data_dir, symlinks=True, ignore=shutil.ignore_patterns("*.sock")
    )
    logs = [path for path in _deduplication_logs(shop) if path.stat().st_size]
    assert logs, "the engine keeps its deduplication log elsewhere now"
    for log in logs:
        if damage == "lost":
            log.unlink()
        else:
            os.truncate(log, log.stat().st_size // 2)

    shop.start()
    client = shop.client(killed.token)
    probe = {"event_type": "view", "product_id": "probe", "user_key": "probe"}
    _, _, headers = client.request("POST", "/api/v1/events", [probe], Prefer="wait=60")
    assert headers.get("preference-applied") == "wait"
    listed = [e["event_id"] for e in client.every("/api/v1/events", limit=1000) if e["event_id"]]
    assert sorted(listed) == sorted(killed.sent)
    assert client.get("/api/v1/events/count")["total"] == len(killed.sent) + 1
    client.close()
