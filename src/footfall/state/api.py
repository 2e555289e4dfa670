"""What features use of the state store: its transactions, and the statements SQL spells twice."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    Text,
    and_,
    any_,
    column,
    delete,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy import bindparam as bind
from sqlalchemy.dialects import postgresql, sqlite

from footfall.state.engine import State, StateUnavailable, open_state
from footfall.state.schema import id_counters

__all__ = [
    "State",
    "StateUnavailable",
    "delete_rows",
    "fetch_rows",
    "insert_many",
    "insert_missing",
    "insert_on_conflict",
    "one_of",
    "open_state",
    "reserve_ids",
    "upsert",
]

_encode = msgspec.json.Encoder().encode
_rows_of = msgspec.json.Decoder(list[list[Any]]).decode

OnConflict = sqlite.Insert | postgresql.Insert
Row = Mapping[str, Any]  # column values, which may be of any column type


def insert_on_conflict(conn: Connection, table: Table) -> OnConflict:
    """Return an `INSERT` that knows `ON CONFLICT`, in the dialect of `conn`."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def insert_many(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert `rows`; none is fine. They all have the same keys."""
    _insert(conn, table, rows, None)


def upsert(
    conn: Connection, table: Table, rows: Sequence[Row], *, update: Collection[str] | None = None
) -> None:
    """Insert `rows`; where the primary key exists, overwrite the columns `update` instead.

    Args:
        rows: All with the same keys. None is fine.
        update: Defaults to every column given that is not part of the primary key.
    """
    if not rows:
        return
    if update is None:
        update = [name for name in rows[0] if not table.c[name].primary_key]
    _insert(conn, table, rows, tuple(update))


def insert_missing(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert those of `rows` that break no unique rule; leave the others as they are."""
    _insert(conn, table, rows, ())


#: A few sizes only, so that SQLite keeps each prepared; larger ones gain nothing.
_ROWS_PER_STATEMENT = (256, 64, 16, 4, 1)
#: Columns to overwrite where the primary key exists; empty: leave such rows; None: refuse them.
_Overwrite = tuple[str, ...] | None


def _insert(conn: Connection, table: Table, rows: Sequence[Row], overwrite: _Overwrite) -> None:
    """Insert `rows` by few statements that carry hundreds each.

    On SQLite as one list of values: `executemany` lets go of the GIL and takes it back for every
    row, and beside a busy thread each time costs a turn of it.
    """
    if not rows:
        return
    if conn.dialect.name != "sqlite":
        conn.execute(_conflicting(insert_on_conflict(conn, table), table, overwrite), list(rows))
        return
    names = tuple(rows[0])
    done = 0
    for count in _ROWS_PER_STATEMENT:
        while len(rows) - done >= count:
            some = rows[done : done + count]
            statement = _insert_text(table, names, overwrite, count)
            conn.exec_driver_sql(statement, tuple([row[name] for row in some for name in names]))
            done += count


def _conflicting(statement: OnConflict, table: Table, overwrite: _Overwrite) -> OnConflict:
    if overwrite is None:
        return statement
    if not overwrite:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(
        index_elements=[column.name for column in table.primary_key],
        set_={name: statement.excluded[name] for name in overwrite},
    )


@lru_cache(maxsize=256)
def _insert_text(
    table: Table, names: tuple[str, ...], overwrite: _Overwrite, row_count: int
) -> str:
    """Return SQLite's `INSERT` of so many rows of `names`, to be given the values in their order.

    SQLAlchemy writes all but the values, which it would take ten times as long to write each time.
    """
    values = f"({', '.join('?' * len(names))})"
    columns: list[ColumnElement[Any]] = [column(name) for name in names]
    source = text(f"VALUES {', '.join([values] * row_count)}").columns(*columns)
    statement = sqlite.insert(table).from_select(list(names), source, include_defaults=False)
    compiled = _conflicting(statement, table, overwrite).compile(dialect=sqlite.dialect())
    return str(compiled)


def fetch_rows(conn: Connection, statement: "Select[Any]") -> list[list[Any]]:
    """Return the rows of `statement`, in no order; values are integers, text, booleans or None.

    On SQLite they come as one JSON text, for the reason told at `_insert`.
    """
    if conn.dialect.name != "sqlite":
        return [list(row) for row in conn.execute(statement)]
    source = statement.subquery()
    packed = select(func.json_group_array(func.json_array(*source.c)))
    return _rows_of(conn.execute(packed).scalar_one())


def one_of(
    conn: Connection, column: "Column[Any]", values: Collection[str] | Collection[int]
) -> "ColumnElement[bool]":
    """Return the condition that `column` is one of `values`, with one parameter for them all.

    A parameter for each value is slow beyond some dozens, and SQLite ends at 32,766.
    """
    if conn.dialect.name == "sqlite":
        each = func.json_each(bind(None, _json_text(list(values)))).table_valued("value")
        return column.in_(select(each.c.value))
    # Text without its length: a cast to VARCHAR(n) would cut a longer value until it matches.
    kind = Text() if isinstance(column.type, String) else column.type
    return column == any_(bind(None, list(values), postgresql.ARRAY(kind)))


def delete_rows(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Delete the rows that have all the values of one of `rows`; none is fine."""
    if not rows:
        return
    names = list(rows[0])
    columns = [table.c[name] for name in names]
    if conn.dialect.name != "sqlite":
        matching = and_(*(column == bind(f"v_{column.name}") for column in columns))
        conn.execute(
            delete(table).where(matching),
            [{f"v_{name}": value for name, value in row.items()} for row in rows],
        )
        return
    values = _json_text([[row[name] for name in names] for row in rows])
    each = func.json_each(bind(None, values)).table_valued("value")
    parts = [func.json_extract(each.c.value, f"$[{place}]") for place in range(len(names))]
    conn.execute(delete(table).where(tuple_(*columns).in_(select(*parts))))


def _json_text(value: Any) -> str:
    return _encode(value).decode()


def reserve_ids(
    conn: Connection, kind: Literal["contact", "product", "cart copy"], count: int
) -> int:
    """Return the first of `count` new neighbouring ids, from 1; they are never given out again."""
    statement = insert_on_conflict(conn, id_counters).values(kind=kind, next_id=1 + count)
    past_last: int = conn.execute(
        statement.on_conflict_do_update(
            index_elements=["kind"], set_={"next_id": id_counters.c.next_id + count}
        ).returning(id_counters.c.next_id)
    ).scalar_one()
    return past_last - count
