"""Ingest's statements on the state store: cursors, ranges on their way, failed events."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from footfall.kernel.ids import Position
from footfall.kernel.scope import Scope
from footfall.state.api import upsert
from footfall.state.schema import (
    contact_erasures,
    contacts,
    cursors,
    dirty_objects,
    failed_events,
    products,
    projected_ranges,
)


def cursor(conn: Connection, name: str) -> Position:
    """Return how far the cursor called `name` has come, 0 at first."""
    found = conn.scalar(select(cursors.c.position).where(cursors.c.name == name))
    return Position(found or 0)


def move_cursor(conn: Connection, name: str, position: Position) -> None:
    """Set the cursor called `name`."""
    upsert(conn, cursors, [{"name": name, "position": position}])


def add_range(conn: Connection, first: Position, last: Position, resolved: bytes) -> None:
    """Remember the ids found for a range until the warehouse has it."""
    conn.execute(
        projected_ranges.insert(),
        {"first_position": first, "last_position": last, "resolved": resolved},
    )


def open_ranges(conn: Connection) -> Sequence[Row[Any]]:
    """Return the ranges that are not in the warehouse yet, in order."""
    return conn.execute(select(projected_ranges).order_by(projected_ranges.c.first_position)).all()


def close_ranges(conn: Connection, through: Position) -> None:
    """Forget the ranges that end at `through` or before."""
    conn.execute(delete(projected_ranges).where(projected_ranges.c.last_position <= through))


def add_failed_events(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Keep refused input."""
    if rows:
        conn.execute(failed_events.insert(), rows)


def forget_failed_events(conn: Connection, before: int) -> None:
    """Delete failed events older than the instant `before`."""
    conn.execute(delete(failed_events).where(failed_events.c.failed_at < before))


def failed_page(
    conn: Connection, scope: Scope, *, before_id: int | None, limit: int, code: str | None
) -> Sequence[Row[Any]]:
    """Return up to `limit` failed events, the newest first, older than `before_id`."""
    statement = select(failed_events).where(failed_events.c.workspace_id == scope.workspace_id)
    if before_id is not None:
        statement = statement.where(failed_events.c.id < before_id)
    if code is not None:
        statement = statement.where(failed_events.c.code == code)
    return conn.execute(statement.order_by(failed_events.c.id.desc()).limit(limit)).all()


def failed_event(conn: Connection, scope: Scope, failed_id: int) -> Row[Any] | None:
    """Return one failed event, None if this workspace has none of that id."""
    return conn.execute(
        select(failed_events).where(
            failed_events.c.workspace_id == scope.workspace_id, failed_events.c.id == failed_id
        )
    ).one_or_none()


def mark_replayed(
    conn: Connection, scope: Scope, failed_id: int, replayed_at: int, position: int
) -> None:
    """Note that a failed event was accepted after all."""
    conn.execute(
        update(failed_events)
        .where(failed_events.c.workspace_id == scope.workspace_id, failed_events.c.id == failed_id)
        .values(replayed_at=replayed_at, replayed_position=position)
    )


_DIRTY_PRODUCTS = (
    select(dirty_objects.c.revision.label("dirty_revision"), products)
    .join(products, products.c.id == dirty_objects.c.object_id)
    .where(dirty_objects.c.kind == "product")
    .limit(bindparam("row_limit"))
)
_DIRTY_CONTACTS = (
    select(dirty_objects.c.revision.label("dirty_revision"), contacts)
    .join(contacts, contacts.c.id == dirty_objects.c.object_id)
    .where(dirty_objects.c.kind == "contact")
    .limit(bindparam("row_limit"))
)


def dirty_products(conn: Connection, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` products whose snapshot is old, of all workspaces."""
    return conn.execute(_DIRTY_PRODUCTS, {"row_limit": limit}).all()


def dirty_contacts(conn: Connection, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` contacts whose snapshot is old, of all workspaces."""
    return conn.execute(_DIRTY_CONTACTS, {"row_limit": limit}).all()


_CLEAN = delete(dirty_objects).where(
    dirty_objects.c.workspace_id == bindparam("workspace_id"),
    dirty_objects.c.kind == bindparam("kind"),
    dirty_objects.c.object_id == bindparam("object_id"),
    dirty_objects.c.revision == bindparam("revision"),
)


def clean(conn: Connection, copied: list[dict[str, Any]]) -> None:
    """Take objects off the dirty list, unless they changed again since the `revision` copied."""
    if copied:
        conn.execute(_CLEAN, copied)


def erasures(conn: Connection) -> Sequence[Row[Any]]:
    """Return the deleted contacts whose events still have to leave the warehouse."""
    return conn.execute(select(contact_erasures)).all()


def close_erasures(conn: Connection, contact_ids: Sequence[int]) -> None:
    """Note that these contacts' events have left the warehouse."""
    conn.execute(delete(contact_erasures).where(contact_erasures.c.contact_id.in_(contact_ids)))
