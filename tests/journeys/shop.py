"""A real server process, started, killed and asked as people do it."""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Connection

from footfall.bootstrap import clock, open_migrated_state
from footfall.settings import load_settings
from footfall.workspaces.api import create_token, create_workspace, scope_of, workspace_named
from tests.processes import ENDS_WITH_ITS_PARENT

#: Opening chDB takes seconds on a busy machine.
START_TIMEOUT_SECONDS = 90
#: Of the largest import, on a machine with much else to do.
COMMAND_TIMEOUT_SECONDS = 900
#: Longer than the longest `Prefer: wait` that a test sends.
ANSWER_TIMEOUT_SECONDS = 120
#: The server ends a connection that was idle for ten seconds; clients let go of it before.
KEEP_ALIVE_SECONDS = 5
#: Below the ports that Linux gives to outgoing connections: a server that was killed finds its port
#: free again, whatever else runs meanwhile.
PORTS = range(15_000, 32_000)


def free_port() -> int:
    while True:
        # Not of `random`, which is seeded alike in every worker.
        port = PORTS[secrets.randbelow(len(PORTS))]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # somebody else's
                continue
            return port


class Client:
    """One keep-alive connection; reconnects when the server was gone."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self._connection: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def request(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Return (status, decoded body, headers); raises OSError or HTTPException if it broke."""
        if time.monotonic() - self._used_at > KEEP_ALIVE_SECONDS:
            self.close()
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=ANSWER_TIMEOUT_SECONDS
            )
        payload = body
        if not (body is None or isinstance(body, bytes | Iterator)):
            payload = json.dumps(body).encode()
        try:
            self._connection.request(
                method,
                path,
                payload,
                {
                    "Authorization": f"Token {self.token}",
                    "Content-Type": "application/json",
                    **{name.replace("_", "-"): value for name, value in headers.items()},
                },
            )
            response = self._connection.getresponse()
            text = response.read()
        except BaseException:
            self.close()
            raise
        self._used_at = time.monotonic()
        found = {name.lower(): value for name, value in response.getheaders()}
        decoded = text
        if "json" in found.get("content-type", ""):
            decoded = json.loads(text)
        return response.status, decoded, found

    def get(self, path: str, **query: Any) -> Any:
        """Return the body of a GET that must succeed."""
        full = f"{path}?{urlencode(query)}" if query else path
        status, body, _ = self.request("GET", full)
        assert status == 200, (full, status, body)
        return body

    def every(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield every item of a list of our own API, page by page."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor)
            yield from page["results"]
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Shop:
    """A data folder and the server on it."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.environment = {
            **{n: v for n, v in os.environ.items() if not n.startswith("FOOTFALL_")},
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.log_path = data_dir.parent / f"{data_dir.name}.log"

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `footfall ARGUMENTS --data-dir ...` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "footfall", *arguments, "--data-dir", str(self.data_dir)],
            check=check,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=COMMAND_TIMEOUT_SECONDS,
        )

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Yield the state store as commands open it; starting one of them takes a second."""
        settings = load_settings(self.environment, data_dir=self.data_dir)
        with closing(open_migrated_state(settings)) as state, state.write() as conn:
            yield conn

    def new_workspace(self, name: str) -> None:
        """Do what `footfall workspaces create` does, which has tests of its own."""
        with self._writing() as conn:
            create_workspace(conn, name, now=clock(), random_bytes=secrets.token_bytes)

    def new_token(
        self, name: str = "tests", *, workspace: str = "default", scope: str = "read-write"
    ) -> str:
        """Do what `footfall tokens create` does, which has tests of its own; return the token."""
        with self._writing() as conn:
            _, token = create_token(
                conn,
                scope_of(workspace_named(conn, workspace)),
                name,
                scope,
                now=clock(),
                random_bytes=secrets.token_bytes,
            )
        return token

    def start(self, *, wrapper: tuple[str, ...] = ()) -> None:
        """Start the server and wait until it says that it is ready."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *ENDS_WITH_ITS_PARENT,
                    *wrapper,
                    *(sys.executable, "-m", "footfall", "serve", "--data-dir", str(self.data_dir)),
                    *("--port", str(self.port)),
                ],
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._ready():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)  # the only sign of readiness is that it answers

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-5_000:]

    def kill(self) -> None:
        """End the server as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """Ask the server to end; return its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def client(self, token: str) -> Client:
        return Client(self.port, token)


def product_event_path(custom_id: str) -> str:
    return f"/api/public/products-by-id/{quote(custom_id, safe='')}/product_event/"
