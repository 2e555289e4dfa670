"""Every statement on attribute definitions, their changes, and set-aside values."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, select, tuple_, update

from footfall.attributes.types import Cell, Change, Counts, Definition, Held, ObjectKind, SetAside
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import fetch_rows, insert_many, insert_on_conflict, one_of
from footfall.state.schema import attribute_changes as changes
from footfall.state.schema import attribute_definitions as definitions
from footfall.state.schema import attribute_values_before as values_before
from footfall.state.schema import set_aside_values as aside

_encode = msgspec.json.Encoder().encode
_decode_definition = msgspec.json.Decoder(Definition).decode
_decode_cell = msgspec.json.Decoder(Cell).decode
_decode_set_aside = msgspec.json.Decoder(SetAside).decode


def stored_definitions(conn: Connection, scope: Scope, kind: ObjectKind) -> list[Definition]:
    """Return the definitions that have a row, in the order they were made."""
    rows = conn.execute(
        select(definitions)
        .where(definitions.c.workspace_id == scope.workspace_id, definitions.c.kind == kind)
        .order_by(definitions.c.id)
    )
    return [_definition(row) for row in rows]


_CHANGEABLE = ("name", "value_type", "choices", "multiple", "origin", "source_rule")


def insert_definitions(conn: Connection, scope: Scope, rows: Collection[Definition]) -> None:
    """Add `rows`; their ids are given by the store."""
    conn.execute(definitions.insert(), [_columns(scope, row) for row in rows])


def insert_definition(conn: Connection, scope: Scope, row: Definition) -> int:
    """Add one definition and return its id."""
    statement = definitions.insert().returning(definitions.c.id)
    return int(conn.execute(statement, _columns(scope, row)).scalar_one())


def update_definition(conn: Connection, scope: Scope, row: Definition) -> None:
    """Store all but the identity of a definition that has a row."""
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
        [_set_aside_columns(scope, row) for row in rows],
    )


def put_set_aside(
    conn: Connection,
    scope: Scope,
    kind: ObjectKind,
    name_std: str,
    rows: Mapping[int, SetAside | None],
) -> None:
    """Have these objects list exactly these values of one attribute; None: none."""
    conn.execute(
        delete(aside).where(
            *_of_attribute(scope, kind, name_std), one_of(conn, aside.c.object_id, list(rows))
        )
    )
    listed = [_set_aside_columns(scope, row) for row in rows.values() if row is not None]
    insert_many(conn, aside, listed)


def _set_aside_columns(scope: Scope, row: SetAside) -> dict[str, Any]:
    return {
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
        "dismissed_at": row.dismissed_at,
    }


def _of_attribute(scope: Scope, kind: ObjectKind, name_std: str) -> tuple[Any, ...]:
    return (
        aside.c.workspace_id == scope.workspace_id,
        aside.c.kind == kind,
        aside.c.name_std == name_std,
    )


def set_aside_of(
    conn: Connection, scope: Scope, kind: ObjectKind, name_std: str, ids: Collection[int]
) -> dict[int, SetAside]:
    """Return what is set aside of one attribute, by object."""
    own = select(*_SET_ASIDE_COLUMNS).where(*_of_attribute(scope, kind, name_std))
    rows = fetch_rows(conn, own.where(one_of(conn, aside.c.object_id, ids)))
    found = (SetAside(*row) for row in rows)
    return {each.object_id: each for each in found}


def set_aside_ids(
    conn: Connection, scope: Scope, kind: ObjectKind, name_std: str, after_id: int, limit: int
) -> list[int]:
    """Return up to `limit` ids past `after_id` of objects with a set-aside value of this name."""
    return list(
        conn.scalars(
            select(aside.c.object_id)
            .where(*_of_attribute(scope, kind, name_std), aside.c.object_id > after_id)
            .order_by(aside.c.object_id)
            .limit(limit)
        )
    )


#: In the order of SetAside's fields.
_SET_ASIDE_COLUMNS = (
    aside.c.kind,
    aside.c.object_id,
    aside.c.name,
    aside.c.name_std,
    aside.c.raw,
    aside.c.code,
    aside.c.message,
    aside.c.occurred_at,
    aside.c.position,
    aside.c.source,
    aside.c.dismissed_at,
)


def set_aside_page(
    conn: Connection,
    scope: Scope,
    kind: ObjectKind,
    *,
    object_id: int | None = None,
    name_std: str | None = None,
    code: str | None = None,
    dismissed: bool | None = None,
    after: tuple[int, str] | None = None,
    limit: int,
) -> list[SetAside]:
    """Return set-aside values in the order of (object id, standard name), past `after`."""
    statement = (
        select(*_SET_ASIDE_COLUMNS)
        .where(aside.c.workspace_id == scope.workspace_id, aside.c.kind == kind)
        .where(*_chosen(object_id, name_std, code))
        .order_by(aside.c.object_id, aside.c.name_std)
        .limit(limit)
    )
    if dismissed is not None:
        seen = aside.c.dismissed_at
        statement = statement.where(seen.is_not(None) if dismissed else seen.is_(None))
    if after is not None:
        statement = statement.where(tuple_(aside.c.object_id, aside.c.name_std) > tuple_(*after))
    return [SetAside(*row) for row in conn.execute(statement)]


def _chosen(object_id: int | None, name_std: str | None, code: str | None) -> list[Any]:
    wanted = (
        (aside.c.object_id, object_id),
        (aside.c.name_std, name_std),
        (aside.c.code, code),
    )
    return [column == value for column, value in wanted if value is not None]


def set_aside_groups(conn: Connection, scope: Scope, kind: ObjectKind) -> Sequence[Row[Any]]:
    """Return what is set aside and not dismissed, by attribute and reason, the largest first.

    Columns: name_std, code, number, latest, object_id of an example.
    """
    number = func.count().label("number")
    return conn.execute(
        select(
            aside.c.name_std,
            aside.c.code,
            number,
            func.max(aside.c.occurred_at).label("latest"),
            func.max(aside.c.object_id).label("object_id"),
        )
        .where(
            aside.c.workspace_id == scope.workspace_id,
            aside.c.kind == kind,
            aside.c.dismissed_at.is_(None),
        )
        .group_by(aside.c.name_std, aside.c.code)
        .order_by(number.desc(), aside.c.name_std, aside.c.code)
    ).all()


def set_aside_counts(conn: Connection, scope: Scope, kind: ObjectKind) -> dict[str, int]:
    """Return how many values are set aside and not dismissed, by standard name."""
    counts: dict[str, int] = {}
    for row in set_aside_groups(conn, scope, kind):
        counts[row.name_std] = counts.get(row.name_std, 0) + row.number
    return counts


def mark_dismissed(
    conn: Connection,
    scope: Scope,
    kind: ObjectKind,
    *,
    name_std: str | None,
    code: str | None,
    object_id: int | None,
    dismissed_at: Instant | None,
) -> int:
    """Note that a person has seen these values, or has not (None); return how many there are."""
    seen = aside.c.dismissed_at
    return conn.execute(
        update(aside)
        .where(aside.c.workspace_id == scope.workspace_id, aside.c.kind == kind)
        .where(*_chosen(object_id, name_std, code))
        .where(seen.is_not(None) if dismissed_at is None else seen.is_(None))
        .values(dismissed_at=dismissed_at)
    ).rowcount


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


def insert_change(conn: Connection, scope: Scope, row: Change) -> int:
    """Add a change and return its id; its attribute's earlier ones can be undone no more."""
    earlier = select(changes.c.id).where(*_changes_of(scope, row.kind, row.name_std))
    conn.execute(delete(values_before).where(values_before.c.change_id.in_(earlier)))
    statement = changes.insert().returning(changes.c.id)
    return int(conn.execute(statement, _change_columns(scope, row)).scalar_one())


def update_change(conn: Connection, scope: Scope, row: Change) -> None:
    """Store how far a change has come."""
    columns = _change_columns(scope, row)
    conn.execute(
        update(changes)
        .where(changes.c.workspace_id == scope.workspace_id, changes.c.id == row.id)
        .values(columns)
    )


def latest_changes(
    conn: Connection, scope: Scope, kind: ObjectKind, name_std: str, limit: int
) -> list[Change]:
    """Return the changes of an attribute, the newest first."""
    statement = select(changes).where(*_changes_of(scope, kind, name_std))
    return [
        _change(row) for row in conn.execute(statement.order_by(changes.c.id.desc()).limit(limit))
    ]


def change_by_id(conn: Connection, scope: Scope, change_id: int) -> Change | None:
    """Return one change."""
    row = conn.execute(
        select(changes).where(
            changes.c.workspace_id == scope.workspace_id, changes.c.id == change_id
        )
    ).one_or_none()
    return None if row is None else _change(row)


def _changes_of(scope: Scope, kind: ObjectKind, name_std: str) -> tuple[Any, ...]:
    return (
        changes.c.workspace_id == scope.workspace_id,
        changes.c.kind == kind,
        changes.c.name_std == name_std,
    )


def _change_columns(scope: Scope, row: Change) -> dict[str, Any]:
    return {
        "workspace_id": scope.workspace_id,
        "kind": row.kind,
        "name_std": row.name_std,
        "before": _encode(row.before).decode(),
        "after": _encode(row.after).decode(),
        "phase": row.phase,
        "started_at": row.started_at,
        "leased_until": row.leased_until,
        "finished_at": row.finished_at,
        "after_id": row.after_id,
        "done": row.done,
        "total": row.total,
        "kept": row.counts.kept,
        "set_aside": row.counts.set_aside,
        "accepted": row.counts.accepted,
    }


def _change(row: Row[Any]) -> Change:
    return Change(
        id=row.id,
        kind=row.kind,
        name_std=row.name_std,
        before=_decode_definition(row.before),
        after=_decode_definition(row.after),
        phase=row.phase,
        started_at=Instant(row.started_at),
        leased_until=Instant(row.leased_until),
        finished_at=None if row.finished_at is None else Instant(row.finished_at),
        after_id=row.after_id,
        done=row.done,
        total=row.total,
        counts=Counts(row.kept, row.set_aside, row.accepted),
    )


def keep_before(conn: Connection, scope: Scope, change: Change, held: Mapping[int, Held]) -> None:
    """Keep what these objects held before a change."""
    insert_many(
        conn,
        values_before,
        [
            {
                "change_id": change.id,
                "object_id": object_id,
                "workspace_id": scope.workspace_id,
                "kind": change.kind,
                "cell": None if one.cell is None else _encode(one.cell).decode(),
                "set_aside": None if one.aside is None else _encode(one.aside).decode(),
            }
            for object_id, one in held.items()
        ],
    )


def held_before(
    conn: Connection, scope: Scope, change: Change, ids: Collection[int]
) -> dict[int, Held]:
    """Return what objects held before a change; who held nothing is left out."""
    rows = fetch_rows(
        conn,
        select(values_before.c.object_id, values_before.c.cell, values_before.c.set_aside).where(
            values_before.c.workspace_id == scope.workspace_id,
            values_before.c.change_id == change.id,
            one_of(conn, values_before.c.object_id, ids),
        ),
    )
    return {
        object_id: Held(
            None if cell is None else _decode_cell(cell),
            None if listed is None else _decode_set_aside(listed),
        )
        for object_id, cell, listed in rows
    }


def forget_before(conn: Connection, scope: Scope, change: Change) -> None:
    """Drop what objects held before a change: it cannot be undone any more."""
    conn.execute(
        delete(values_before).where(
            values_before.c.workspace_id == scope.workspace_id,
            values_before.c.change_id == change.id,
        )
    )
