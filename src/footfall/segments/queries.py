"""Statements of segments on the state store."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from footfall.kernel.scope import Scope
from footfall.state.schema import segments

AnyRow = Any  # a row of SQLAlchemy

_COLUMNS = (
    segments.c.id,
    segments.c.subject,
    segments.c.name,
    segments.c.description,
    segments.c.condition,
    segments.c.created_at,
    segments.c.updated_at,
    segments.c.archived_at,
)


def all_segments(conn: Connection, scope: Scope, *, archived: bool) -> Sequence[AnyRow]:
    """Return the segments by name; the archived ones only if they are asked for."""
    statement = (
        select(*_COLUMNS)
        .where(segments.c.workspace_id == scope.workspace_id)
        .order_by(func.lower(segments.c.name), segments.c.id)
    )
    if not archived:
        statement = statement.where(segments.c.archived_at.is_(None))
    return conn.execute(statement).all()


def segment(conn: Connection, scope: Scope, segment_id: int) -> AnyRow | None:
    """Return one segment, also an archived one; None if there is none."""
    own = segments.c.workspace_id == scope.workspace_id
    return conn.execute(select(*_COLUMNS).where(own, segments.c.id == segment_id)).first()


def workspaces_with_segments(conn: Connection) -> list[int]:
    """Return the workspaces that have a segment that is not archived."""
    statement = select(segments.c.workspace_id).where(segments.c.archived_at.is_(None)).distinct()
    return list(conn.execute(statement).scalars())


def add_segment(conn: Connection, scope: Scope, values: dict[str, Any]) -> int:
    """Make a segment and return its id."""
    statement = segments.insert().returning(segments.c.id)
    made: int = conn.execute(statement, {**values, "workspace_id": scope.workspace_id}).scalar_one()
    return made


def change_segment(conn: Connection, scope: Scope, segment_id: int, values: dict[str, Any]) -> None:
    """Write some columns of a segment."""
    own = segments.c.workspace_id == scope.workspace_id
    conn.execute(update(segments).where(own, segments.c.id == segment_id).values(**values))
