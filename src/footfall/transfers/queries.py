"""The statements of imports on the state store."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select, update

from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.schema import imports
from footfall.transfers.types import Counts, Import, ImportPlan, ImportStatus, RowError

_decode_headings = msgspec.json.Decoder(list[str]).decode
_decode_plan = msgspec.json.Decoder(ImportPlan).decode
_decode_counts = msgspec.json.Decoder(Counts).decode
_decode_errors = msgspec.json.Decoder(list[RowError]).decode
_COLUMNS = [column for column in imports.c if column.name in Import.__struct_fields__]


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _import_of(row: Row[Any]) -> Import:
    fields = dict(row._mapping)
    for name, decode in (
        ("headings", _decode_headings),
        ("plan", _decode_plan),
        ("counts", _decode_counts),
        ("row_errors", _decode_errors),
    ):
        fields[name] = decode(fields[name])
    return Import(**fields)


def add(conn: Connection, new: Import) -> Import:
    """Insert an import and return it with its number."""
    fields = {name: getattr(new, name) for name in Import.__struct_fields__ if name != "number"}
    for name in ("headings", "plan", "counts", "row_errors"):
        fields[name] = _text(fields[name])
    number: int = conn.execute(
        imports.insert().values(fields).returning(imports.c.number)
    ).scalar_one()
    return msgspec.structs.replace(new, number=number)


def _own(scope: Scope) -> "Select[Any]":
    return select(*_COLUMNS).where(imports.c.workspace_id == scope.workspace_id)


def find(conn: Connection, scope: Scope, import_id: str) -> Import | None:
    """Return one import, None if this workspace has none of that id."""
    row = conn.execute(_own(scope).where(imports.c.id == import_id)).one_or_none()
    return None if row is None else _import_of(row)


def page(
    conn: Connection,
    scope: Scope,
    *,
    before: int | None,
    limit: int,
    kind: str | None,
    started: bool,
) -> list[Import]:
    """Return up to `limit` imports before a number, the newest first.

    Args:
        started: Leave out those that wait for a person.
    """
    statement = _own(scope)
    if before is not None:
        statement = statement.where(imports.c.number < before)
    if kind is not None:
        statement = statement.where(imports.c.kind == kind)
    if started:
        statement = statement.where(imports.c.status != "uploaded")
    newest = statement.order_by(imports.c.number.desc()).limit(limit)
    return [_import_of(row) for row in conn.execute(newest)]


def change_status(
    conn: Connection,
    scope: Scope,
    import_id: str,
    allowed: Sequence[ImportStatus],
    **values: Any,
) -> bool:
    """Set columns of an import whose status is one of `allowed`; return whether it was."""
    if "plan" in values:
        values["plan"] = _text(values["plan"])
    done = conn.execute(
        update(imports)
        .where(
            imports.c.workspace_id == scope.workspace_id,
            imports.c.id == import_id,
            imports.c.status.in_(list(allowed)),
        )
        .values(values)
    )
    return done.rowcount == 1


def next_waiting(conn: Connection) -> Import | None:
    """Return the import of any workspace to work on: one under way, else the oldest in the queue.

    For the worker only.
    """
    for status in ("running", "queued"):
        found = conn.execute(
            select(*_COLUMNS).where(imports.c.status == status).order_by(imports.c.number).limit(1)
        ).one_or_none()
        if found is not None:
            return _import_of(found)
    return None


def advance(
    conn: Connection,
    number: int,
    *,
    counts: Counts,
    row_errors: Sequence[RowError],
    journal_position: int,
) -> bool:
    """Note how far an import has come; return False if it was cancelled. For the worker only."""
    done = conn.execute(
        update(imports)
        .where(imports.c.number == number, imports.c.status == "running")
        .values(
            counts=_text(counts),
            row_errors=_text(list(row_errors)),
            journal_position=journal_position,
        )
    )
    return done.rowcount == 1


def set_status(
    conn: Connection, number: int, allowed: ImportStatus, status: ImportStatus, **values: Any
) -> bool:
    """Move an import on from the status `allowed`; return whether it was. For the worker only."""
    done = conn.execute(
        update(imports)
        .where(imports.c.number == number, imports.c.status == allowed)
        .values(status=status, **values)
    )
    return done.rowcount == 1


def cancel_forgotten(conn: Connection, before: int, now: Instant) -> None:
    """Cancel uploads that nobody started since the instant `before`."""
    conn.execute(
        update(imports)
        .where(imports.c.status == "uploaded", imports.c.created_at < before)
        .values(status="cancelled", finished_at=now)
    )


def needed_files(conn: Connection) -> set[str]:
    """Return the ids of imports whose files are still needed, of all workspaces."""
    waiting = imports.c.status.in_(["uploaded", "queued", "running"])
    return set(conn.scalars(select(imports.c.id).where(waiting)))
