"""What features use of the state store: its transactions, and the statements SQL spells twice."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Table, any_, func, select
from sqlalchemy import bindparam as bind
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import Delete, Insert, Update

from footfall.state.engine import State, StateUnavailable, open_state
from footfall.state.schema import id_counters

__all__ = [
    "State",
    "StateUnavailable",
    "insert_missing",
    "insert_on_conflict",
    "one_of",
    "open_state",
    "reserve_ids",
    "upsert",
    "write_many",
]

_json_array = msgspec.json.Encoder().encode

Row = Mapping[str, Any]  # column values, which may be of any column type


def insert_on_conflict(conn: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an `INSERT` that knows `ON CONFLICT`, in the dialect of `conn`."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def write_many(conn: Connection, statement: Insert | Update | Delete, rows: Sequence[Row]) -> None:
    """Execute `statement` once for each of `rows`; none is fine.

    Goes around SQLAlchemy's work per row, which costs as much as the rest of the projector: the
    values must be what the driver takes as they are (integers, text, bytes, booleans, None).

    Args:
        rows: All with the same keys, a value for each parameter.
    """
    if not rows:
        return
    compiled = statement.compile(dialect=conn.dialect, column_keys=list(rows[0]))
    if compiled.positional:
        names = compiled.positiontup or []
        values: list[Any] = [tuple([row[name] for name in names]) for row in rows]
    else:
        values = list(rows)
    conn.exec_driver_sql(str(compiled), values)


def one_of(
    conn: Connection, column: "Column[Any]", values: Collection[str] | Collection[int]
) -> "ColumnElement[bool]":
    """Return the condition that `column` is one of `values`, with one parameter for them all.

    A parameter for each value is slow beyond some dozens, and SQLite ends at 32,766.
    """
    if conn.dialect.name == "sqlite":
        text = _json_array(list(values)).decode()
        each = func.json_each(bind(None, text)).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(bind(None, list(values), postgresql.ARRAY(column.type)))


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
    key = [column.name for column in table.primary_key]
    names = [name for name in rows[0] if name not in key] if update is None else list(update)
    statement = insert_on_conflict(conn, table)
    write_many(
        conn,
        statement.on_conflict_do_update(
            index_elements=key, set_={name: statement.excluded[name] for name in names}
        ),
        rows,
    )


def insert_missing(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert those of `rows` that break no unique rule; leave the others as they are."""
    if rows:
        conn.execute(insert_on_conflict(conn, table).on_conflict_do_nothing(), list(rows))


def reserve_ids(conn: Connection, kind: Literal["contact", "product"], count: int) -> int:
    """Return the first of `count` new neighbouring ids, from 1; they are never given out again."""
    statement = insert_on_conflict(conn, id_counters).values(kind=kind, next_id=1 + count)
    past_last: int = conn.execute(
        statement.on_conflict_do_update(
            index_elements=["kind"], set_={"next_id": id_counters.c.next_id + count}
        ).returning(id_counters.c.next_id)
    ).scalar_one()
    return past_last - count
