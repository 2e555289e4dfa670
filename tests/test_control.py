"""Commands reach stores that another process owns, and only one process owns a folder."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from footfall.control import (
    ControlServer,
    FolderBusy,
    FolderLock,
    ServerFault,
    SocketGateway,
    Status,
    open_gateway,
    owner_of,
)
from footfall.journal.types import Appended, Entry, JournalFull
from footfall.kernel.errors import Unavailable
from footfall.kernel.ids import Position
from footfall.settings import load_settings

STATUS = Status(
    journal_head=3, waiting_bytes=0, visible_through=3, warehouse_version="26", event_count=3
)


class Stores:
    """A gateway over a list."""

    def __init__(self):
        self.entries = []
        self.full = False

    def append(self, entries):
        if self.full:
            raise JournalFull("The journal is full.", retry_after_seconds=7)
        self.entries.extend(entries)
        head = len(self.entries)
        return [Appended(Position(head - len(entries) + n + 1), False) for n in range(len(entries))]

    def wait_visible(self, position, timeout_seconds):
        return position <= len(self.entries)

    def rebuild(self, report):
        report("one")
        report("two")

    def status(self):
        raise RuntimeError("the warehouse is gone")

    def close(self):
        pass


@contextmanager
def serving(path, stores) -> Iterator[None]:
    """A control server on an event loop of its own thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    loop.set_exception_handler(lambda *_: None)
    server = asyncio.run_coroutine_threadsafe(ControlServer.start(path, stores), loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def stores():
    return Stores()


@pytest.fixture
def gateway(tmp_path, stores):
    path = tmp_path / "footfall.sock"
    with serving(path, stores), closing(SocketGateway.connect(path)) as gateway:
        yield gateway


def test_entries_arrive_byte_for_byte_and_their_places_come_back(gateway, stores):
    entries = [Entry(b"k" * 16, b"\x00\xff"), Entry(None, b""), Entry(b"x" * 16, b"y" * 3_000_000)]
    assert gateway.append(entries) == [(1, False), (2, False), (3, False)]
    assert stores.entries == entries
    assert gateway.append([]) == []


def test_waiting_answers_yes_and_no(gateway, stores):
    gateway.append([Entry(None, b"a")])
    assert gateway.wait_visible(Position(1), 1.0)
    assert not gateway.wait_visible(Position(2), 1.0)


def test_a_long_job_reports_its_steps_in_order_before_it_returns(gateway):
    steps = []
    gateway.rebuild(steps.append)
    assert steps == ["one", "two"]


def test_a_full_journal_is_told_with_its_code_and_when_to_come_back(gateway, stores):
    stores.full = True
    with pytest.raises(Unavailable, match="The journal is full") as caught:
        gateway.append([Entry(None, b"a")])
    assert (caught.value.code, caught.value.retry_after_seconds) == ("journal_full", 7)
    stores.full = False
    assert gateway.append([Entry(None, b"a")]) == [(1, False)]


def test_a_fault_of_the_server_is_told_and_the_connection_goes_on(gateway):
    with pytest.raises(ServerFault, match="the warehouse is gone"):
        gateway.status()
    assert gateway.wait_visible(Position(0), 1.0)


def test_a_command_that_hangs_up_in_the_middle_disturbs_nobody(tmp_path, stores):
    path = tmp_path / "footfall.sock"
    with serving(path, stores):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as rude:
            rude.connect(str(path))
            rude.sendall(b"\x00\x00\x10\x00abc")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as huge:
            huge.connect(str(path))
            huge.sendall(b"\xff\xff\xff\xff")
            assert huge.recv(1) == b""
        with closing(SocketGateway.connect(path)) as gateway:
            assert gateway.append([Entry(None, b"a")]) == [(1, False)]


def test_a_server_that_goes_away_is_told(tmp_path, stores):
    path = tmp_path / "footfall.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    with closing(SocketGateway.connect(path)) as gateway:
        connection, _ = listener.accept()
        connection.close()
        listener.close()
        with pytest.raises(ServerFault, match="hung up"):
            gateway.append([Entry(None, b"a")])


def test_only_the_owner_may_open_the_socket_and_it_replaces_an_old_one(tmp_path, stores):
    path = tmp_path / "footfall.sock"
    path.write_text("left behind")
    with serving(path, stores):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_ISSOCK(path.stat().st_mode)
    assert not path.exists()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_path_longer_than_a_socket_address_works(tmp_path, stores):
    folder = tmp_path / ("deep" * 30) / ("deeper with spaces " * 8)
    folder.mkdir(parents=True)
    path = folder / "footfall.sock"
    assert len(os.fsencode(path)) > 200
    before = open_files()
    with serving(path, stores), closing(SocketGateway.connect(path)) as gateway:
        assert gateway.append([Entry(None, b"a")]) == [(1, False)]
    assert open_files() == before


def test_a_folder_has_one_owner_who_is_named(tmp_path):
    path = tmp_path / "new" / "footfall.lock"
    first = FolderLock.take(path)
    assert first is not None
    assert owner_of(path) == f"process {os.getpid()}"
    assert FolderLock.take(path) is None
    first.close()
    second = FolderLock.take(path)
    assert second is not None
    second.close()


def test_an_owner_that_was_killed_owns_nothing(tmp_path):
    path = tmp_path / "footfall.lock"
    code = (
        "import sys; from pathlib import Path; from footfall.control import FolderLock;"
        f"lock = FolderLock.take(Path({str(path)!r})); print('held', flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout.readline() == b"held\n"
    assert FolderLock.take(path) is None
    owner.kill()
    owner.communicate()
    lock = FolderLock.take(path)
    assert lock is not None
    lock.close()


def test_an_owner_without_a_socket_is_waited_for_and_then_named(tmp_path):
    settings = load_settings({}, data_dir=tmp_path)
    lock = FolderLock.take(settings.lock_path)
    assert lock is not None
    with (
        lock,
        pytest.raises(FolderBusy, match=f"process {os.getpid()} owns"),
        open_gateway(settings, patience_seconds=0.2),
    ):
        raise AssertionError("nobody answered, so nothing was opened")


def test_a_command_that_meets_a_server_goes_through_it(tmp_path, stores):
    settings = load_settings({}, data_dir=tmp_path)
    lock = FolderLock.take(settings.lock_path)
    assert lock is not None
    with lock, serving(settings.socket_path, stores), open_gateway(settings) as gateway:
        gateway.append([Entry(None, b"through")])
    assert stores.entries == [Entry(None, b"through")]
