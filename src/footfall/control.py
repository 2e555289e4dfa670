"""How a command reaches the stores while a server may own them.

One process at a time owns a data folder: it holds the lock. A command that needs the journal or the
warehouse opens them itself if the lock is free, and else asks the owner over a Unix socket in the
folder, which only the owner's user may open. On the socket: frames of a four-byte length and one
msgpack value, a request answered by any number of `Progress` and then one other answer.
"""

import asyncio
import fcntl
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Protocol, Self

import msgspec
from msgspec import Struct

from footfall.bootstrap import Runtime
from footfall.journal.types import Appended, Entry
from footfall.kernel.errors import Unavailable, UserError
from footfall.kernel.ids import Position
from footfall.settings import Settings

#: Larger than any chunk a command sends; a longer frame is no frame of ours.
_MAX_FRAME_BYTES = 64 << 20
_LENGTH = struct.Struct(">I")
_RETRY_SECONDS = 0.1
_REPORT_SECONDS = 2.0

Report = Callable[[str], None]


class Status(Struct, frozen=True):
    """How the journal and the warehouse are."""

    journal_head: int  #: last position accepted
    waiting_bytes: int  #: accepted and not yet safe elsewhere
    visible_through: int  #: last position that readers see
    warehouse_version: str
    event_count: int  #: of all workspaces


class Gateway(Protocol):
    """What a command does with stores that one process owns: that process here, or over there."""

    def append(self, entries: Sequence[Entry]) -> list[Appended]:
        """Return the places of `entries`, which are on disk.

        Raises:
            Unavailable: Nothing was written; try again later.
        """

    def wait_visible(self, position: Position, timeout_seconds: float) -> bool:
        """Return whether readers see everything up to `position` before the time is over."""

    def rebuild(self, report: Report) -> None:
        """Make everything derived again, telling `report` each step."""

    def status(self) -> Status:
        """Return how the journal and the warehouse are; asking is itself a check."""

    def close(self) -> None:
        """Let go."""


class RuntimeGateway:
    """The gateway to stores that this process owns."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def append(self, entries: Sequence[Entry]) -> list[Appended]:
        """See `Gateway`."""
        return self._runtime.append(entries)

    def wait_visible(self, position: Position, timeout_seconds: float) -> bool:
        """See `Gateway`."""
        return self._runtime.wait_visible(position, timeout_seconds)

    def rebuild(self, report: Report) -> None:
        """See `Gateway`."""
        report("The copies of products and contacts are emptied.")
        # Nobody leaves a segment because the copies are away for a moment.
        with self._runtime.segment_keeper.held():
            done = self._runtime.rebuild(_REPORT_SECONDS)
            while not done:
                counts = self._runtime.warehouse.row_counts()
                products, people = counts["products"], counts["contacts"]
                report(f"{products:,} products and {people:,} contacts so far.")
                done = self._runtime.projector.wait_in_thread(None, _REPORT_SECONDS)

    def status(self) -> Status:
        """See `Gateway`."""
        runtime = self._runtime
        return Status(
            journal_head=runtime.journal.head(),
            waiting_bytes=runtime.journal.waiting_bytes(),
            visible_through=runtime.projector.visible_position,
            warehouse_version=runtime.warehouse.version(),
            event_count=runtime.warehouse.row_counts()["events"],
        )

    def close(self) -> None:
        """Close the stores."""
        self._runtime.close()


class Append(Struct, frozen=True, tag=True):
    """Put entries into the journal."""

    entries: list[tuple[bytes | None, bytes]]


class WaitVisible(Struct, frozen=True, tag=True):
    """Wait until a position can be read."""

    position: int
    timeout_seconds: float


class Rebuild(Struct, frozen=True, tag=True):
    """Make everything derived again."""


class AskStatus(Struct, frozen=True, tag=True):
    """Tell how the stores are."""


class Placed(Struct, frozen=True, tag=True):
    """Answers `Append`."""

    places: list[tuple[int, bool]]


class Visible(Struct, frozen=True, tag=True):
    """Answers `WaitVisible`."""

    visible: bool


class Progress(Struct, frozen=True, tag=True):
    """One step of a long job; its answer follows later."""

    step: str


class Rebuilt(Struct, frozen=True, tag=True):
    """Answers `Rebuild`."""


class Health(Struct, frozen=True, tag=True):
    """Answers `AskStatus`."""

    status: Status


class Refused(Struct, frozen=True, tag=True):
    """An error of the caller's, or that will pass, in place of the answer."""

    code: str
    message: str
    retry_after_seconds: int | None  #: set if it will pass


class Failed(Struct, frozen=True, tag=True):
    """A fault of the server's, in place of the answer; its log has more."""

    message: str


Request = Append | WaitVisible | Rebuild | AskStatus
Answer = Placed | Visible | Progress | Rebuilt | Health | Refused | Failed

_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(Request).decode
_decode_answer = msgspec.msgpack.Decoder(Answer).decode


class ServerFault(Exception):
    """The running server failed at what it was asked; its log says why."""


class FolderBusy(Exception):
    """Another process owns the data folder and does not answer, or must not be running."""


class FolderLock:
    """Ownership of a data folder, until closed or the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Return the lock at `path`, or None if another process holds it. Never waits."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def owner_of(path: Path) -> str:
    """Return words for the process that holds the lock at `path`."""
    try:
        pid = path.read_text(encoding="ascii").strip()
    except OSError:
        pid = ""
    return f"process {pid}" if pid else "another process"


@contextmanager
def open_gateway(settings: Settings, patience_seconds: float = 15.0) -> Iterator[Gateway]:
    """Yield the way to the stores: opened here if nobody owns the folder, else through its owner.

    Raises:
        FolderBusy: The owner does not answer within `patience_seconds`. A server takes its lock
            first and its socket last, and opens its stores in between.
    """
    for _ in range(max(1, round(patience_seconds / _RETRY_SECONDS))):
        lock = FolderLock.take(settings.lock_path)
        if lock is not None:
            with lock, closing(RuntimeGateway(Runtime.open(settings))) as gateway:
                yield gateway
            return
        with suppress(OSError):
            connected = SocketGateway.connect(settings.socket_path)
            break
        time.sleep(_RETRY_SECONDS)
    else:
        raise FolderBusy(
            f"{owner_of(settings.lock_path)} owns {settings.data_dir} and does not answer on its"
            " control socket. Stop it, or try again when it has started."
        )
    with closing(connected):
        yield connected


class ControlServer:
    """Answers commands on the socket, from the event loop of the server."""

    def __init__(self, server: asyncio.Server, path: Path) -> None:
        self._server = server
        self._path = path

    @classmethod
    async def start(cls, path: Path, gateway: Gateway) -> Self:
        """Listen at `path`, replacing an old socket; call only while holding the folder's lock."""
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _Reachable(path) as address:
            listener.bind(address)
            # Before listen(), nobody can connect yet.
            path.chmod(0o600)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A command that was interrupted hangs up in the middle; that concerns nobody else.
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    await _answer(await _receive(reader), gateway, writer)
            writer.close()

        return cls(await asyncio.start_unix_server(serve, sock=listener), path)

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        self._server.close()
        self._path.unlink(missing_ok=True)


async def _receive(reader: asyncio.StreamReader) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > _MAX_FRAME_BYTES:
        raise ConnectionAbortedError("a frame is too long")
    return await reader.readexactly(length)


async def _answer(frame: bytes, gateway: Gateway, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()

    def send(answer: Answer) -> None:
        writer.write(_framed(answer))

    def report(step: str) -> None:
        loop.call_soon_threadsafe(send, Progress(step))

    answer: Answer
    try:
        request = _decode_request(frame)
        # The gateway blocks; the loop must not.
        answer = await asyncio.to_thread(_carry_out, request, gateway, report)
    except UserError as error:
        answer = Refused(error.code, error.message, getattr(error, "retry_after_seconds", None))
    except Exception as error:  # noqa: BLE001 - told to the command, which shows it and fails
        loop.call_exception_handler({"message": "a control request failed", "exception": error})
        answer = Failed(f"{type(error).__name__}: {error}")
    send(answer)
    await writer.drain()


def _carry_out(request: Request, gateway: Gateway, report: Report) -> Answer:
    match request:
        case Append(entries):
            return Placed(list(gateway.append([Entry(*entry) for entry in entries])))
        case WaitVisible(position, timeout_seconds):
            return Visible(gateway.wait_visible(Position(position), timeout_seconds))
        case Rebuild():
            gateway.rebuild(report)
            return Rebuilt()
        case AskStatus():
            return Health(gateway.status())


def _framed(message: Request | Answer) -> bytes:
    body = _encode(message)
    return _LENGTH.pack(len(body)) + body


class _Reachable:
    """An address for a socket file however long its path is; AF_UNIX has room for 107 bytes.

    The folder is opened, and the address goes through its descriptor.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> str:
        self._folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._folder}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        os.close(self._folder)


class SocketGateway:
    """The gateway to stores that the running server owns. One request at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._turn = threading.Lock()

    @classmethod
    def connect(cls, path: Path) -> Self:
        """Return the gateway of the server listening at `path`.

        Raises:
            OSError: None is.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _Reachable(path) as address:
                connection.connect(address)
        except OSError:
            connection.close()
            raise
        return cls(connection)

    def append(self, entries: Sequence[Entry]) -> list[Appended]:
        """See `Gateway`."""
        answer = self._ask(Append([(entry.key_hash, entry.payload) for entry in entries]))
        assert isinstance(answer, Placed)
        return [Appended(Position(position), repeated) for position, repeated in answer.places]

    def wait_visible(self, position: Position, timeout_seconds: float) -> bool:
        """See `Gateway`."""
        answer = self._ask(WaitVisible(position, timeout_seconds))
        assert isinstance(answer, Visible)
        return answer.visible

    def rebuild(self, report: Report) -> None:
        """See `Gateway`."""
        self._ask(Rebuild(), report)

    def status(self) -> Status:
        """See `Gateway`."""
        answer = self._ask(AskStatus())
        assert isinstance(answer, Health)
        return answer.status

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._connection.close()

    def _ask(self, request: Request, report: Report | None = None) -> Answer:
        with self._turn:
            try:
                self._connection.sendall(_framed(request))
                while True:
                    match self._receive():
                        case Progress(step):
                            if report is not None:
                                report(step)
                        case Refused() as refusal:
                            _raise(refusal)
                        case Failed(message):
                            raise ServerFault(message)
                        case answer:
                            return answer
            except ConnectionError as error:
                raise ServerFault(f"the server hung up ({error})") from error

    def _receive(self) -> Answer:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        answer: Answer = _decode_answer(self._exactly(length))
        return answer

    def _exactly(self, length: int) -> bytes:
        received = self._stream.read(length)
        if len(received) < length:
            raise ConnectionResetError("it stopped in the middle of an answer")
        return received


def _raise(refusal: Refused) -> NoReturn:
    if refusal.retry_after_seconds is None:
        raise UserError(refusal.message, code=refusal.code)
    raise Unavailable(
        refusal.message, code=refusal.code, retry_after_seconds=refusal.retry_after_seconds
    )
