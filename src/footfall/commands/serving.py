"""`footfall serve`."""

import asyncio
import logging
import secrets
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import uvloop

from footfall import __version__
from footfall.bootstrap import Runtime, clock, serve
from footfall.control import ControlServer, FolderBusy, FolderLock, RuntimeGateway, owner_of
from footfall.settings import Settings
from footfall.workspaces.api import (
    create_app_key,
    create_token,
    first_owner_link,
    link_path,
    list_app_keys,
    list_tokens,
    list_workspaces,
    scope_of,
)

_FIRST_EVENT = (
    '[{"user_custom_id": "anna", "product_id": "mug-1", "event_type": "view",'
    ' "data": {"name": "Blue mug", "price": 9.9}}]'
)
_CONNECT_RETRY_SECONDS = 0.05
_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class PortTaken(Exception):
    """Something else listens where we should."""


def run_server(settings: Settings) -> int:
    """Serve until a signal says to stop; return the exit code."""
    log_to_stderr()
    with own_folder(settings):
        port = free_port(settings.host, settings.port)
        with noted_signals() as asked, closing(Runtime.open(settings)) as runtime:
            uvloop.run(_serve(runtime, settings.host, port, asked))
    return 0


def log_to_stderr() -> None:
    """Write what the process logs to standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=_LOG_FORMAT)
    # Its every step is news to a developer of migrations only.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def own_folder(settings: Settings) -> FolderLock:
    """Return the lock of the data folder.

    Raises:
        FolderBusy: Another process has it.
    """
    lock = FolderLock.take(settings.lock_path)
    if lock is None:
        raise FolderBusy(
            f"{owner_of(settings.lock_path)} owns {settings.data_dir}. Stop it first, or give this"
            " one a folder of its own with --data-dir."
        )
    return lock


@contextmanager
def noted_signals() -> Iterator[threading.Event]:
    """Note SIGINT and SIGTERM in the event instead of acting on them.

    While stores are opened: an exception would come out anywhere, also where it is passed over, and
    the signal would be lost.
    """
    asked = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: asked.set()) for number in numbers]
    try:
        yield asked
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def free_port(host: str, port: int) -> int:
    """Return `port`, or for 0 a free one.

    Raises:
        PortTaken: Someone listens there; the server's own socket would share it without a word.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            if port:
                # Binding alone succeeds beside a socket that does not listen yet.
                probe.listen(1)
        except OSError as error:
            raise PortTaken(
                f"Footfall cannot listen on {host} port {port}: {error.strerror}."
                " Choose another with --host and --port."
            ) from error
        chosen: int = probe.getsockname()[1]
        return chosen


async def _serve(runtime: Runtime, host: str, port: int, asked: threading.Event) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if asked.is_set():
        stop.set()
    control = await ControlServer.start(runtime.settings.socket_path, RuntimeGateway(runtime))
    app = runtime.application()
    serving = asyncio.create_task(serve(app, host, port, stop, on_stop=runtime.broadcast.close))
    greeting = asyncio.create_task(_greet(runtime, host, port))
    try:
        await serving
    finally:
        greeting.cancel()
        await control.close()


async def _greet(runtime: Runtime, host: str, port: int) -> None:
    """Say where Footfall listens once it does, and on the first start how to send an event."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here
    await listening(reached, port)
    url = f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
    print(f"Footfall {__version__} listens on {url}")
    print(f"Its data is in {runtime.settings.data_dir}")
    token = await asyncio.to_thread(_first_token, runtime)
    if token is not None:
        print(_first_start(url, token))
    app_key = await asyncio.to_thread(_first_app_key, runtime)
    if app_key is not None:
        print(_snippet(url, app_key))
    await asyncio.to_thread(greet_owner, runtime, url)
    print("Ready. Ctrl-C stops it.", flush=True)


async def listening(host: str, port: int) -> None:
    """Return when somebody listens there."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        await asyncio.sleep(_CONNECT_RETRY_SECONDS)


def _first_token(runtime: Runtime) -> str | None:
    """Return a new token if nobody has made one before."""
    with runtime.state.write() as conn:
        workspaces = list_workspaces(conn)
        if any(list_tokens(conn, scope_of(workspace)) for workspace in workspaces):
            return None
        _, token = create_token(
            conn,
            scope_of(workspaces[0]),
            "first start",
            "read-write",
            now=clock(),
            random_bytes=secrets.token_bytes,
        )
        return token


def _first_app_key(runtime: Runtime) -> str | None:
    """Return a new app key of the first workspace if nobody has made one before."""
    with runtime.state.write() as conn:
        workspaces = list_workspaces(conn)
        if any(list_app_keys(conn, scope_of(workspace)) for workspace in workspaces):
            return None
        key = create_app_key(
            conn,
            scope_of(workspaces[0]),
            "first start",
            now=clock(),
            random_bytes=secrets.token_bytes,
        )
        return key.key


def greet_owner(runtime: Runtime, url: str) -> None:
    """Print the way into the console: a new link for the first owner if nobody can sign in yet."""
    with runtime.state.write() as conn:
        token = first_owner_link(conn, clock(), secrets.token_bytes)
    if token is None:
        print(f"The console: {url}/")
        return
    print(f"""Nobody can sign in yet. Whoever opens this link within a day becomes the owner:

    {url}{link_path(token)}
""")


def _snippet(url: str, app_key: str) -> str:
    return f"""For every page of the shop; the app key in it may send events and read nothing:

    <script>
      window.footfall = window.footfall ||
        function () {{ (footfall.q = footfall.q || []).push(arguments); }};
      footfall("init", {{ apiKey: "{app_key}" }});
    </script>
    <script async src="{url}/widget.js"></script>
"""


def _first_start(url: str, token: str) -> str:
    return f"""
This is the first start. A REST token that may read and write, shown this once:

    {token}

Send the first event:

    curl {url}/api/v1/events -H 'Authorization: Token {token}' \\
        -H 'Content-Type: application/json' -H 'Prefer: wait' \\
        -d {shlex.quote(_FIRST_EVENT)}

and read it back:

    curl {url}/api/v1/events -H 'Authorization: Token {token}'
"""
