"""A PostgreSQL cluster of the tests' own, and state stores on both engines.

The cluster is made from Debian's binaries in a temporary folder, listens on a free loopback port,
runs as an unprivileged user where the tests run as root, and is gone after the session.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.state.api import State, open_state
from tests.processes import ENDS_WITH_ITS_PARENT

HOW_TO_INSTALL = (
    "PostgreSQL's server binaries were not found. On Debian: apt-get install postgresql"
    " (`make test` does it when it may). To run without: FOOTFALL_TESTS_WITHOUT_POSTGRESQL=1."
)
TEMPLATE = "footfall_template"
#: Speed for safety: the cluster lives as long as the test session.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")

INITDB = ("-U", "footfall", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")


def _binaries() -> Path | None:
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    found = shutil.which("postgres")
    if found:
        versions.append(Path(found).resolve().parent)
    usable = [path for path in versions if (path / "initdb").exists()]
    # /usr/lib/postgresql/15/bin: the newest major version; one on the PATH counts as the oldest.
    return max(usable, key=_major) if usable else None


def _major(binaries: Path) -> int:
    return int(binaries.parent.name) if binaries.parent.name.isdigit() else 0


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


class Cluster:
    """A running server; databases are made and dropped by name."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._made = 0

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://footfall@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        conninfo = f"host=127.0.0.1 port={self.port} user=footfall dbname=postgres"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]  # names are our own

    @contextmanager
    def database(self, template: str) -> Iterator[str]:
        """Yield the URL of a new copy of `template`, dropped afterwards."""
        self._made += 1
        name = f"footfall_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _cluster() -> Iterator[Cluster]:
    binaries = _binaries()
    if binaries is None:
        if os.environ.get("FOOTFALL_TESTS_WITHOUT_POSTGRESQL") == "1":
            pytest.skip("FOOTFALL_TESTS_WITHOUT_POSTGRESQL=1 and PostgreSQL is not installed")
        pytest.fail(HOW_TO_INSTALL)
    user = _unprivileged_user()
    home = Path(tempfile.mkdtemp(prefix="footfall-postgresql-"))
    try:
        if user is not None:
            shutil.chown(home, user)
        # cwd: the current folder may be one that the unprivileged user cannot enter.
        made = subprocess.run(
            [binaries / "initdb", "-D", home / "data", *INITDB],
            cwd=home,
            **_as(user),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            pytest.fail(f"initdb failed: {made.stderr}")
        # Between finding a free port and using it somebody else may take it, hence the attempts.
        for _ in range(5):
            port = _free_port()
            server = _start(binaries, home, port, user)
            if _answers(server, port):
                break
        else:
            pytest.fail(f"PostgreSQL did not start: {(home / 'log').read_text()}")
        try:
            yield Cluster(port)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing in it is worth a checkpoint
            server.wait(60)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _start(binaries: Path, home: Path, port: int, user: str | None) -> "subprocess.Popen[bytes]":
    settings = (
        f"port={port}",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "shared_buffers=32MB",
        "max_connections=200",
        *FAST,
    )
    options = [part for setting in settings for part in ("-c", setting)]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [*ENDS_WITH_ITS_PARENT, binaries / "postgres", "-D", home / "data", *options],
            cwd=home,
            **_as(user),
            stdout=log,
            stderr=log,
        )


def _answers(server: "subprocess.Popen[bytes]", port: int) -> bool:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        try:
            Cluster(port).execute("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.02)  # the server has no way to tell us that it listens
        else:
            return True
    return False


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """The session's cluster, with a migrated template database."""
    with _cluster() as cluster:
        cluster.execute(f"CREATE DATABASE {TEMPLATE}")
        template = open_state(cluster.url(TEMPLATE), Path())
        template.migrate()
        template.close()
        yield cluster


@pytest.fixture
def postgresql_url(postgresql: Cluster) -> Iterator[str]:
    """The URL of a new, empty database."""
    with postgresql.database("template0") as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, closed; copy it."""
    path = tmp_path_factory.mktemp("sqlite-template") / "state.sqlite"
    template = open_state(None, path)
    template.migrate()
    template.close()
    return path


@pytest.fixture
def sqlite_state(sqlite_template: Path, tmp_path: Path) -> Iterator[State]:
    """A migrated, empty state store on SQLite, for suites that never look at the engine."""
    path = tmp_path / "state.sqlite"
    shutil.copyfile(sqlite_template, path)
    opened = open_state(None, path)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest) -> Iterator[State]:
    """A migrated, empty state store; the test runs once on each engine."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_state")
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    with cluster.database(TEMPLATE) as url:
        opened = open_state(url, Path())
        yield opened
        opened.close()
