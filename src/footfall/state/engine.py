"""Opens the state store and hands out its transactions, on SQLite and on PostgreSQL alike.

A transaction here is either a writer, of which there is one at a time, or a reader, which sees one
snapshot and cannot write. Why one writer: docs/decisions/0004-one-writer.md.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    column,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from footfall.kernel.errors import Invalid, Unavailable
from footfall.state.schema import NEWEST_REVISION

#: Name of our advisory lock in a PostgreSQL database; any number nobody else uses.
WRITER_LOCK: Final = 0x666F6F74  # "foot"
#: How long a writer waits for another process's transaction; theirs are milliseconds long.
BUSY_TIMEOUT_MS: Final = 10_000
#: Of a PostgreSQL connection, where the URL says nothing else. Without them a host that vanished,
#: or a firewall that drops packets, holds a transaction and who waits for it for hours.
_PATIENCE: Final = {
    "connect_timeout": 10,  # seconds, for each address of the host
    # A silent server is asked after 30 seconds, three times, and given up after a minute.
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds until what was sent must have been received
}
#: Readers open at once; more wait their turn. SQLite gives each a page cache of 2 MB.
READERS: Final = 8

#: The store cannot be used now, and nothing is wrong with the statement.
_SQLITE_OUTAGES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }
)


class StateUnavailable(Unavailable):
    """The state store does not answer, is locked or has no room; the transaction left no trace.

    Attributes:
        reason: What the driver said, for the operator: it may name hosts, but no password.
    """

    code = "state_unavailable"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class _Turnstile:
    """A lock that admits its waiters in the order they came.

    `threading.Lock` may admit the thread that has just released it again and again, and a projector
    that writes without pause would starve the requests.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._holder: int | None = None

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._guard:
            if self._holder is None:
                self._holder = me
                return
            if self._holder == me:
                raise RuntimeError("this thread is already inside State.write()")
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()
        self._holder = me

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                # Handed over, not freed: nobody can slip in between. -1 is no thread's number.
                self._holder = -1
                self._waiting.popleft().release()
            else:
                self._holder = None


class State:
    """The open state store; one per process, shared by its threads."""

    def __init__(self, writer: Engine, reader: Engine) -> None:
        self._writer = writer
        self._reader = reader
        self._turnstile = _Turnstile()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._writer.dialect.name

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield the connection of a writing transaction, committed at the end or rolled back.

        It is the only writer of the whole store, also among processes, so what it reads stays true
        until it commits. Keep it short.

        Raises:
            StateUnavailable: The store does not answer, is locked for too long or is full.
        """
        with self._turnstile, _outages_said(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one consistent snapshot and cannot write.

        Raises:
            StateUnavailable: The store does not answer.
        """
        with _outages_said(), self._reader.connect() as connection, connection.begin() as snapshot:
            try:
                yield connection
            finally:
                snapshot.rollback()

    def migrate(self) -> None:
        """Bring the tables up to date; does nothing where they are.

        Safe when several processes start at once: each does it as the one writer.

        Raises:
            StateTooNewError: A newer version of Footfall has written the store.
        """
        with self.read() as connection:
            if _revision(connection) == NEWEST_REVISION:
                return
        # Alembic costs 150 ms and 10 MB, which a start without migration does not pay.
        from footfall.state.migrations import upgrade  # noqa: PLC0415 - see above

        with (
            self._turnstile,
            _outages_said(),
            self._writer.connect() as connection,
            _foreign_keys_off(connection),
            connection.begin(),
        ):
            upgrade(connection)

    def close(self) -> None:
        """Close all connections. Transactions must have ended."""
        self._reader.dispose()
        self._writer.dispose()


def open_state(url: str | None, path: Path) -> State:
    """Return the opened state store; call `migrate()` before its first use.

    Args:
        url: `postgresql+psycopg://...`, `sqlite:///file`, or None for the SQLite file `path`.
        path: The embedded default's file; its folder must exist.

    Raises:
        Invalid: `url` names no engine we know.
    """
    where = URL.create("sqlite", database=str(path)) if url is None else _parsed(url)
    if where.get_backend_name() == "sqlite":
        return _open_sqlite(where)
    return _open_postgresql(where)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(
        select(column("version_num")).select_from(table("alembic_version"))
    )
    return revision


def _parsed(url: str) -> URL:
    try:
        where = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Invalid("The state URL is not a URL.", code="state_url") from error
    if where.drivername in ("postgresql", "postgres"):
        where = where.set(drivername="postgresql+psycopg")
    on_disk = where.database not in (None, "", ":memory:")
    if where.drivername == "postgresql+psycopg" or (where.drivername == "sqlite" and on_disk):
        return where
    raise Invalid(
        "The state URL must begin with postgresql+psycopg:// or name a file by sqlite:///.",
        code="state_url",
    )


def _open_sqlite(where: URL) -> State:
    # Driver-level transactions off (isolation_level=None): we say BEGIN ourselves, below.
    options: dict[str, Any] = {
        "connect_args": {"isolation_level": None, "check_same_thread": False},
        "pool_timeout": BUSY_TIMEOUT_MS / 1000,
    }
    writer = create_engine(where, pool_size=1, max_overflow=0, **options)
    reader = create_engine(where, pool_size=READERS, max_overflow=0, **options)
    # A writer's cache holds the inner pages of the profiles' trees; 16 MB are a million of them.
    event.listen(writer, "connect", _sqlite_setup(cache_kib=16 * 1024, query_only=False))
    event.listen(reader, "connect", _sqlite_setup(cache_kib=2 * 1024, query_only=True))
    # IMMEDIATE: a transaction that read first and wants to write later could not be given the lock.
    event.listen(writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return State(writer, reader)


def _sqlite_setup(*, cache_kib: int, query_only: bool) -> Any:
    def connected(raw: Any, _record: object) -> None:
        cursor = raw.cursor()
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            # FULL, as a write over REST is acknowledged by this commit alone, and the warehouse
            # must never hold ids that a lost commit would give away a second time.
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "journal_size_limit=67108864",  # a write-ahead log that once grew is cut to 64 MB
            f"cache_size=-{cache_kib}",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return connected


def _open_postgresql(where: URL) -> State:
    # pool_pre_ping: a connection that died with a restarted server is replaced, not handed out.
    said = {name: value for name, value in _PATIENCE.items() if name not in where.query}
    options: dict[str, Any] = {"max_overflow": 0, "pool_pre_ping": True, "connect_args": said}
    writer = create_engine(where, pool_size=1, **options)
    reader = create_engine(
        where,
        pool_size=READERS,
        **options,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
    )
    # A server that lost its host may hold the lock for hours: like SQLite, give up in time.
    lock = text(
        "SELECT set_config('lock_timeout', :patience, true), pg_advisory_xact_lock(:name)"
    ).bindparams(patience=f"{BUSY_TIMEOUT_MS}ms", name=WRITER_LOCK)
    event.listen(writer, "begin", lambda connection: connection.execute(lock))
    return State(writer, reader)


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    """Have SQLite drop tables that others point to; it listens between transactions only."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


@contextmanager
def _outages_said() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if _is_outage(error):
            raise StateUnavailable(
                "The state store cannot be used right now.", reason=_first_line(error.orig)
            ) from error
        raise
    except PoolTimeout as error:
        raise StateUnavailable("Too many readers are waiting for the state store.") from error


def _first_line(error: BaseException | None) -> str:
    return next(iter(str(error or "").splitlines()), "")


def _is_outage(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        # SQLite calls a misspelt table an OperationalError too; that one is our bug.
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _SQLITE_OUTAGES
    return True
