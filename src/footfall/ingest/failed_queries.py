"""Statements on failed events, which the state store keeps."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    LargeBinary,
    Row,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from footfall.ingest.types import FailedFilter, FailedState
from footfall.kernel.ids import Position
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import insert_many, one_of
from footfall.state.schema import failed_events

#: A sender that does everything wrong must not fill the disk
#: (docs/decisions/0006-bounded-failed-events.md).
MAX_FAILED_BYTES = 256 << 20
#: What a failed event takes beside its payload, about.
_FAILED_ROW_BYTES = 1_000


def add_failed_events(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Keep refused input, and of each workspace the newest MAX_FAILED_BYTES only.

    PostgreSQL's text has no NUL: only the payload keeps one.
    """
    kept_through: dict[int, int] = {}
    for workspace_id in {row["workspace_id"] for row in rows}:
        own = failed_events.c.workspace_id == workspace_id
        newest = conn.scalar(select(func.max(failed_events.c.kept_through)).where(own))
        kept_through[workspace_id] = newest or 0
    kept: list[dict[str, Any]] = []
    for row in rows:
        kept_through[row["workspace_id"]] += len(row["payload"]) + _FAILED_ROW_BYTES
        texts = {
            name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
            for name, value in row.items()
        }
        kept.append({**texts, "kept_through": kept_through[row["workspace_id"]]})
    insert_many(conn, failed_events, kept)
    for workspace_id, newest in kept_through.items():
        conn.execute(
            delete(failed_events).where(
                failed_events.c.workspace_id == workspace_id,
                failed_events.c.kept_through <= newest - MAX_FAILED_BYTES,
            )
        )


def is_failed(conn: Connection, position: Position) -> bool:
    """Return whether the record at `position` is among the failed events."""
    found = select(failed_events.c.id).where(failed_events.c.position == position).limit(1)
    return conn.scalar(found) is not None


def forget_failed_events(conn: Connection, before: int) -> None:
    """Delete failed events older than the instant `before`."""
    conn.execute(delete(failed_events).where(failed_events.c.failed_at < before))


def _failed_as(state: FailedState) -> Any:
    replayed, dismissed = failed_events.c.replayed_at, failed_events.c.dismissed_at
    if state == "replayed":
        return replayed.is_not(None)
    put_away = dismissed.is_not(None) if state == "dismissed" else dismissed.is_(None)
    return and_(replayed.is_(None), put_away)


def _failed(conn: Connection, scope: Scope, wanted: FailedFilter) -> list[Any]:
    """Return the conditions that choose a workspace's failed events."""
    columns = failed_events.c
    conditions = [columns.workspace_id == scope.workspace_id]
    if wanted.code is not None:
        conditions.append(columns.code == wanted.code)
    if wanted.source is not None:
        conditions.append(columns.source == wanted.source)
    if wanted.since is not None:
        conditions.append(columns.failed_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(columns.failed_at < wanted.until)
    if wanted.state is not None:
        conditions.append(_failed_as(wanted.state))
    if wanted.text is not None:
        columns_of_text = (columns.message, columns.product_id, columns.event_key)
        # Payloads are bytes, in any encoding: searched as such.
        payload = literal(wanted.text.encode(), LargeBinary)
        if conn.dialect.name == "sqlite":
            places = [func.instr(column, wanted.text) for column in columns_of_text]
            places.append(func.instr(columns.payload, payload))
        else:
            places = [func.strpos(column, wanted.text) for column in columns_of_text]
            places.append(func.position(payload.op("IN")(columns.payload)))
        conditions.append(or_(*[place > 0 for place in places]))
    return conditions


def failed_page(
    conn: Connection, scope: Scope, wanted: FailedFilter, *, before_id: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` failed events, the newest first, older than `before_id`."""
    statement = select(failed_events).where(*_failed(conn, scope, wanted))
    if before_id is not None:
        statement = statement.where(failed_events.c.id < before_id)
    return conn.execute(statement.order_by(failed_events.c.id.desc()).limit(limit)).all()


def failed_groups(conn: Connection, scope: Scope, limit: int) -> Sequence[Row[Any]]:
    """Return reasons with most that wait first: code, source, number, waiting, latest, newest id.

    Reads an index alone, not the payloads.
    """
    columns = failed_events.c
    waiting = func.sum(case((_failed_as("waiting"), 1), else_=0)).label("waiting")
    return conn.execute(
        select(
            columns.code,
            columns.source,
            func.count().label("number"),
            waiting,
            func.max(columns.failed_at).label("latest"),
            func.max(columns.id).label("newest_id"),
        )
        .where(columns.workspace_id == scope.workspace_id)
        .group_by(columns.code, columns.source)
        .order_by(waiting.desc(), columns.code, columns.source)
        .limit(limit)
    ).all()


def failed_messages(conn: Connection, scope: Scope, ids: Sequence[int]) -> dict[int, str]:
    """Return why these failed, by id."""
    found = select(failed_events.c.id, failed_events.c.message).where(
        failed_events.c.workspace_id == scope.workspace_id,
        one_of(conn, failed_events.c.id, ids),
    )
    return {row.id: row.message for row in conn.execute(found)}


def failed_past(
    conn: Connection, scope: Scope, wanted: FailedFilter, *, after_id: int, limit: int
) -> list[tuple[int, int]]:
    """Return (id, bytes) of up to `limit` failed events past `after_id`, the oldest first."""
    rows = conn.execute(
        select(failed_events.c.id, func.length(failed_events.c.payload).label("size"))
        .where(*_failed(conn, scope, wanted), failed_events.c.id > after_id)
        .order_by(failed_events.c.id)
        .limit(limit)
    )
    return [(row.id, row.size) for row in rows]


def count_failed(conn: Connection, scope: Scope, wanted: FailedFilter, *, after_id: int) -> int:
    """Return how many failed events there are past `after_id`."""
    found = select(func.count()).select_from(failed_events)
    found = found.where(*_failed(conn, scope, wanted), failed_events.c.id > after_id)
    return conn.execute(found).scalar_one()


def dismiss_failed(
    conn: Connection,
    scope: Scope,
    wanted: FailedFilter,
    ids: Sequence[int] | None,
    dismissed_at: Instant | None,
) -> int:
    """Note that a person has seen these, or has not (None); return how many it was noted of."""
    seen = failed_events.c.dismissed_at
    statement = (
        update(failed_events)
        .where(*_failed(conn, scope, wanted), failed_events.c.replayed_at.is_(None))
        .where(seen.is_not(None) if dismissed_at is None else seen.is_(None))
    )
    if ids is not None:
        statement = statement.where(one_of(conn, failed_events.c.id, ids))
    return conn.execute(statement.values(dismissed_at=dismissed_at)).rowcount


def failed_event(conn: Connection, scope: Scope, failed_id: int) -> Row[Any] | None:
    """Return one failed event, None if this workspace has none of that id."""
    return conn.execute(
        select(failed_events).where(
            failed_events.c.workspace_id == scope.workspace_id, failed_events.c.id == failed_id
        )
    ).one_or_none()


def mark_replayed(
    conn: Connection, scope: Scope, failed_id: int, replayed_at: int, position: int
) -> bool:
    """Note that a failed event was accepted after all; return False if that was noted before."""
    marked = conn.execute(
        update(failed_events)
        .where(
            failed_events.c.workspace_id == scope.workspace_id,
            failed_events.c.id == failed_id,
            failed_events.c.replayed_at.is_(None),
        )
        .values(replayed_at=replayed_at, replayed_position=position)
    )
    return marked.rowcount == 1
