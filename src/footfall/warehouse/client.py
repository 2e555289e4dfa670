"""The warehouse as the rest of the house sees it: insert rows, run guarded statements, maintain."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import LifoQueue
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from msgspec import Struct
from msgspec.json import Encoder

from footfall.kernel.ids import ContactId, WorkspaceId
from footfall.kernel.instants import Instant, to_datetime
from footfall.warehouse import queries, schema
from footfall.warehouse.engine import Engine
from footfall.warehouse.guard import WORKSPACE_PARAMETER, UnguardedStatement, verify
from footfall.warehouse.schema import HISTORIES, RELATIONS, SNAPSHOTS, Relation
from footfall.warehouse.statements import Statement
from footfall.warehouse.types import ActivityRow, EventRow

_log = logging.getLogger(__name__)
_encode_lines: Final = Encoder().encode_lines

#: An insert opens one part per month; at a hundred the engine refuses, at fifty memory is small.
MONTHS_PER_INSERT: Final = 50
_SHORTEST_MONTH_SECONDS: Final = 28 * 86_400
#: Each is looked at by the engine before the deletion is taken up, 5 ms a month.
MONTHS_PER_ERASURE: Final = 50
#: Of the list of hidden contacts, and so of how many there may be: past it reads are refused.
_MAX_FILTER_BYTES: Final = 64 << 20
#: Statements that run at once; each holds one client, more callers wait.
READERS: Final = 3

#: Errors that lie in the rows or the statement, so that another try fails alike: cannot parse or
#: convert, out of range, null where none may be, unknown name, syntax. Everything else (network,
#: memory, disk, a bug of the engine) is worth another try: refusing good events would be worse.
_REFUSED_CODES: Final = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        36,  # BAD_ARGUMENTS
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        42,  # NUMBER_OF_ARGUMENTS_DOESNT_MATCH
        43,  # ILLEGAL_TYPE_OF_ARGUMENT
        46,  # UNKNOWN_FUNCTION
        47,  # UNKNOWN_IDENTIFIER
        53,  # TYPE_MISMATCH
        62,  # SYNTAX_ERROR
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        184,  # ILLEGAL_AGGREGATION
        215,  # NOT_AN_AGGREGATE
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        386,  # NO_COMMON_TYPE
        407,  # DECIMAL_OVERFLOW
        456,  # UNKNOWN_QUERY_PARAMETER
        457,  # BAD_QUERY_PARAMETER
        691,  # UNKNOWN_ELEMENT_OF_ENUM
    }
)

#: TIMEOUT_EXCEEDED, TOO_SLOW, MEMORY_LIMIT_EXCEEDED.
_TOO_SLOW_CODES: Final = frozenset({159, 160, 241})

_INSERT_SETTINGS: Final = {
    # The default of 100 would do; a server's profile may say less.
    "max_partitions_per_insert_block": 0,
    # A column we do not know, or a null where none may be, is our mistake: say so, store nothing.
    "input_format_skip_unknown_fields": 0,
    "input_format_null_as_default": 0,
    # Chunks parsed side by side cost memory, and a batch is one block as it is.
    "input_format_parallel_parsing": 0,
}


class WarehouseError(Exception):
    """The warehouse did not do it; why stands in the log. Ours, not the caller's.

    Attributes:
        transient: Another try may succeed (network, memory, disk); else the rows or the statement
            are at fault. Of several inserts of one batch, earlier ones may have been done.
    """

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class StatementTooSlow(WarehouseError):
    """The statement was stopped: it would have taken more time or memory than it may."""


class Warehouse:
    """Thread-safe: one writer, a few readers; callers wait for a free one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._closed = False
        self._writing = threading.RLock()
        self._readers: LifoQueue[Client] = LifoQueue()
        self._clients: list[Client] = []
        self._erasing = threading.Lock()
        self._eraser: Client | None = None
        self._hidden: Mapping[WorkspaceId, Sequence[ContactId]] = {}
        with _our_errors("open"):
            self._writer = engine.connect(reader=False)
            self._clients.append(self._writer)
        try:
            self._migrate()
            with _our_errors("open"):
                for _ in range(READERS):
                    client = engine.connect(reader=True)
                    self._clients.append(client)
                    self._readers.put(client)
        except BaseException:
            self.close()
            raise

    def insert(self, relation: Relation, rows: Sequence[Struct], *, token: str | None) -> None:
        """Append `rows`, synced to disk when it returns.

        A batch over more than fifty months of `occurred_at` goes in several inserts. If one fails,
        the same call again completes it: inserts that were done are recognised by their token.
        Other rows or another token are only safe after a look at `positions_between`.

        Args:
            relation: Where to.
            rows: Rows of `warehouse.types` that belong to `relation`; none is fine.
            token: Names this batch: the same token with the same rows is inserted once (the
                engine remembers the last 1,000 inserts into each relation). None for snapshots,
                where the newest version wins anyway.

        Raises:
            WarehouseError: Not (wholly) inserted.
        """
        if not rows:
            return
        chunks = _by_months(rows) if relation in HISTORIES else [rows]
        for number, chunk in enumerate(chunks):
            settings: dict[str, Any] = dict(_INSERT_SETTINGS)
            if token is not None:
                part = token if len(chunks) == 1 else f"{token}/{number}"
                settings["insert_deduplication_token"] = part
            with self._writing, _our_errors(f"insert into {relation}"):
                self._writer.raw_insert(
                    relation,
                    column_names=chunk[0].__struct_fields__,
                    insert_block=_encode_lines(chunk),
                    fmt="JSONEachRow",
                    settings=settings,
                )

    def rows(
        self, statement: Statement, *, timeout_seconds: float | None = None
    ) -> list[tuple[Any, ...]]:
        """Return the rows of `statement`, values as Python's own types, in its order.

        Instants are asked for as integers, `toUnixTimestamp64Milli(occurred_at)`: a datetime would
        pass through time zones.

        Args:
            timeout_seconds: Then it is stopped; None: at the engine's limit, a minute.

        Raises:
            UnguardedStatement: The text could read beyond the statement's scope; nothing was run.
            StatementTooSlow: The time was over, or it took too much memory.
            WarehouseError: The engine refused it or ran out of time or memory.
        """
        if WORKSPACE_PARAMETER in statement.parameters:
            raise UnguardedStatement("the workspace comes from the scope")
        verify(statement.sql)
        workspace_id = statement.scope.workspace_id
        hidden = self._hidden.get(workspace_id, ())
        settings: dict[str, Any] = {"additional_table_filters": _filters(workspace_id, hidden)}
        if timeout_seconds is not None:
            settings["max_execution_time"] = timeout_seconds
        if hidden:
            settings["max_query_size"] = _MAX_FILTER_BYTES
        return self._read(
            statement.sql,
            {**statement.parameters, WORKSPACE_PARAMETER: int(workspace_id)},
            settings,
        )

    def positions_between(self, first: int, last: int) -> set[int]:
        """Return the ids of stored events and activities from `first` to `last`, both included."""
        found = self._write(queries.POSITIONS_BETWEEN, {"first": first, "last": last})
        return {position for (position,) in found}

    def row_counts(self) -> dict[str, int]:
        """Return how many rows each relation shows, of all workspaces."""
        return dict(self._write(queries.ROW_COUNTS, {}))

    def hide_contacts(self, hidden: Mapping[WorkspaceId, Sequence[ContactId]]) -> None:
        """Leave what these contacts did, and no others, out of all that `rows` reads from now."""
        self._hidden = hidden

    def erase_contacts(self, workspace_id: WorkspaceId, contact_ids: Sequence[ContactId]) -> bool:
        """Have the engine delete all that these contacts did; return whether nothing is left.

        Does not wait until it is done: call again until it says True. The engine goes on with
        what was begun, also after a crash.
        """
        self._refuse_closed()
        bound = {WORKSPACE_PARAMETER: int(workspace_id), "contact_ids": list(contact_ids)}
        with self._erasing, _our_errors("erase contacts"):
            if self._eraser is None:
                # Not the writer: events must not wait until the engine has taken up a deletion.
                self._eraser = self._engine.connect(reader=False)
                self._clients.append(self._eraser)
            under_way = self._eraser.query(
                queries.ERASURES_UNDER_WAY, parameters={"relations": list(HISTORIES)}
            )
            if under_way.result_rows != [(0,)]:
                return False
            nothing_left = True
            for relation in HISTORIES:
                found = self._eraser.query(queries.months_of_contacts(relation), parameters=bound)
                months = [month for (month,) in found.result_rows]
                if months:
                    nothing_left = False
                    erasure = queries.erase_contacts(relation, months[:MONTHS_PER_ERASURE])
                    self._eraser.command(erasure, parameters=bound, settings={"mutations_sync": 0})
        return nothing_left

    def empty_snapshots(self) -> None:
        """Delete all products, contacts and aliases, to be filled again from the state store."""
        for relation in SNAPSHOTS:
            self._command(queries.truncate(relation))
        self.reload_aliases()

    def reload_aliases(self) -> None:
        """Make inserted aliases count in `survivor`."""
        self._command(queries.RELOAD_ALIASES)

    def version(self) -> str:
        """Return the engine's version, also to see that it answers."""
        return str(self._write(queries.ENGINE_VERSION, {})[0][0])

    def close(self) -> None:
        """Close all clients; statements that run are waited for. Again: does nothing."""
        self._closed = True
        while self._clients:
            self._clients.pop().close()

    def _migrate(self) -> None:
        steps = schema.steps(self._engine.credentials)
        self._command(schema.VERSIONS_STATEMENT)
        applied = int(self._write(queries.SCHEMA_VERSION, {})[0][0])
        if applied > len(steps):
            _log.error("warehouse schema is version %d, this program knows %d", applied, len(steps))
            raise WarehouseError(
                "The warehouse was written by a newer version of Footfall.", transient=False
            )
        for version, step in enumerate(steps[applied:], applied + 1):
            for text in step:
                self._command(text)
            self._command(queries.RECORD_VERSION, {"version": version})

    def _read(
        self, sql: str, parameters: dict[str, Any], settings: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        self._refuse_closed()
        client = self._readers.get()
        try:
            with _our_errors("read"):
                found = client.query(sql, parameters=parameters, settings=settings).result_rows
        finally:
            self._readers.put(client)
        return [tuple(row) for row in found]

    def _write(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Read on the writer's client: maintenance must not wait behind people's reports."""
        self._refuse_closed()
        with self._writing, _our_errors("read"):
            return [
                tuple(row) for row in self._writer.query(sql, parameters=parameters).result_rows
            ]

    def _command(
        self,
        sql: str,
        parameters: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self._refuse_closed()
        with self._writing, _our_errors("command"):
            self._writer.command(sql, parameters=parameters, settings=settings)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise WarehouseError("The warehouse is closed.", transient=False)


def _filters(workspace_id: int, hidden: Sequence[ContactId] = ()) -> str:
    """Return the second lock: the engine itself filters every relation, whatever the text says."""
    own = dict.fromkeys(RELATIONS, f"workspace_id = {workspace_id}")
    if hidden:
        but_these = f" AND contact_id NOT IN ({', '.join(str(int(i)) for i in hidden)})"
        own |= {name: own[name] + but_these for name in HISTORIES}
    each = ", ".join(f"'{name}': '{condition}'" for name, condition in own.items())
    return f"{{{each}}}"


def _month(seconds: float) -> int:
    moment = to_datetime(Instant(int(seconds) * 1000))
    return moment.year * 12 + moment.month


def _by_months(rows: Sequence[Struct]) -> list[Sequence[Struct]]:
    """Return `rows` in pieces of at most fifty months; the same rows always cut the same."""
    times = [row.occurred_at for row in rows if isinstance(row, EventRow | ActivityRow)]
    if max(times) - min(times) < (MONTHS_PER_INSERT - 1) * _SHORTEST_MONTH_SECONDS:
        return [rows]
    months = [_month(seconds) for seconds in times]
    distinct = sorted(set(months))
    if len(distinct) <= MONTHS_PER_INSERT:
        return [rows]
    piece_of = {month: index // MONTHS_PER_INSERT for index, month in enumerate(distinct)}
    pieces: list[list[Struct]] = [[] for _ in range(piece_of[distinct[-1]] + 1)]
    for row, month in zip(rows, months, strict=True):
        pieces[piece_of[month]].append(row)
    return list(pieces)


@contextmanager
def _our_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except ClickHouseError as error:
        code = getattr(error, "code", None)
        transient = code not in _REFUSED_CODES
        _log.error("warehouse could not %s: %s", doing, error)
        if code in _TOO_SLOW_CODES:
            raise StatementTooSlow(f"The warehouse stopped: {doing}.", transient=True) from error
        raise WarehouseError(f"The warehouse could not {doing}.", transient=transient) from error
    except (OSError, UnicodeEncodeError) as error:
        # The batch passes through a temporary file; the disk may be full. Or a text is no text.
        transient = isinstance(error, OSError)
        _log.error("warehouse could not %s: %s", doing, error)
        raise WarehouseError(f"The warehouse could not {doing}.", transient=transient) from error
