"""Every statement on attribute definitions and set-aside values."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select, tuple_, update

from footfall.attributes.types import Definition, ObjectKind, SetAside
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import insert_on_conflict
from footfall.state.schema import attribute_definitions as definitions
from footfall.state.schema import set_aside_values as aside


def stored_definitions(conn: Connection, scope: Scope, kind: ObjectKind) -> list[Definition]:
    """Return the definitions that have a row, in the order they were made."""
    rows = conn.execute(
        select(definitions)
        .where(definitions.c.workspace_id == scope.workspace_id, definitions.c.kind == kind)
        .order_by(definitions.c.id)
    )
    return [_definition(row) for row in rows]


_CHANGEABLE = ("value_type", "choices", "multiple", "origin", "source_rule")


def insert_definitions(conn: Connection, scope: Scope, rows: Collection[Definition]) -> None:
    """Add `rows`; their ids are given by the store."""
    conn.execute(definitions.insert(), [_columns(scope, row) for row in rows])


def insert_definition(conn: Connection, scope: Scope, row: Definition) -> int:
    """Add one definition and return its id."""
    statement = definitions.insert().returning(definitions.c.id)
    return int(conn.execute(statement, _columns(scope, row)).scalar_one())


def update_definition(conn: Connection, scope: Scope, row: Definition) -> None:
    """Store the type, choices, origin and source rule of a definition that has a row."""
    columns = _columns(scope, row)
    conn.execute(
        update(definitions)
        .where(definitions.c.workspace_id == scope.workspace_id, definitions.c.id == row.id)
        .values({name: columns[name] for name in _CHANGEABLE})
    )


def save_built_in_rule(conn: Connection, scope: Scope, row: Definition) -> None:
    """Store the source rule of a built-in attribute, which has a row for nothing else."""
    values = _columns(scope, row)
    statement = insert_on_conflict(conn, definitions).values(values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["workspace_id", "kind", "name_std"],
            set_={"source_rule": statement.excluded.source_rule},
        )
    )


def _columns(scope: Scope, row: Definition) -> dict[str, Any]:
    return {
        "workspace_id": scope.workspace_id,
        "kind": row.kind,
        "name": row.name,
        "name_std": row.name_std,
        "value_type": row.value_type,
        "choices": msgspec.json.encode(row.choices).decode() if row.choices else None,
        "multiple": row.multiple,
        "origin": row.origin,
        "created_at": row.created_at,
        "source_rule": row.source_rule,
    }


def _definition(row: Row[Any]) -> Definition:
    return Definition(
        id=row.id,
        kind=row.kind,
        name=row.name,
        name_std=row.name_std,
        value_type=row.value_type,
        choices=msgspec.json.decode(row.choices, type=tuple[str, ...]) if row.choices else (),
        multiple=row.multiple,
        origin=row.origin,
        created_at=Instant(row.created_at),
        source_rule=row.source_rule,
    )


def save_set_aside(conn: Connection, scope: Scope, rows: Collection[SetAside]) -> None:
    """Keep the latest of each object's set-aside values per attribute; of equals the last given."""
    key = ["workspace_id", "kind", "object_id", "name_std"]
    statement = insert_on_conflict(conn, aside)
    new = statement.excluded
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=key,
            set_={column.name: new[column.name] for column in aside.c if column.name not in key},
            where=tuple_(new.occurred_at, new.position)
            >= tuple_(aside.c.occurred_at, aside.c.position),
        ),
        [
            {
                "workspace_id": scope.workspace_id,
                "kind": row.kind,
                "object_id": row.object_id,
                "name_std": row.name_std,
                "name": row.name,
                "raw": row.raw,
                "code": row.code,
                "message": row.message,
                "occurred_at": row.occurred_at,
                "position": row.position,
                "source": row.source,
            }
            for row in rows
        ],
    )


def set_aside_page(
    conn: Connection,
    scope: Scope,
    kind: ObjectKind,
    *,
    object_id: int | None,
    after: tuple[int, str] | None,
    limit: int,
) -> list[SetAside]:
    """Return set-aside values in the order of (object id, standard name), past `after`."""
    statement = (
        select(aside)
        .where(aside.c.workspace_id == scope.workspace_id, aside.c.kind == kind)
        .order_by(aside.c.object_id, aside.c.name_std)
        .limit(limit)
    )
    if object_id is not None:
        statement = statement.where(aside.c.object_id == object_id)
    if after is not None:
        statement = statement.where(tuple_(aside.c.object_id, aside.c.name_std) > tuple_(*after))
    return [
        SetAside(
            kind=row.kind,
            object_id=row.object_id,
            name=row.name,
            name_std=row.name_std,
            raw=row.raw,
            code=row.code,
            message=row.message,
            occurred_at=Instant(row.occurred_at),
            position=row.position,
            source=row.source,
        )
        for row in conn.execute(statement)
    ]


def delete_set_aside(
    conn: Connection, scope: Scope, kind: ObjectKind, object_ids: Sequence[int]
) -> None:
    """Remove the set-aside values of these objects."""
    conn.execute(
        delete(aside).where(
            aside.c.workspace_id == scope.workspace_id,
            aside.c.kind == kind,
            aside.c.object_id.in_(list(object_ids)),
        )
    )
