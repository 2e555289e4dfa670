"""The catalog's statements on the state store."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    select,
)

from footfall.kernel.scope import Scope
from footfall.state.api import fetch_rows, insert_many, one_of, upsert
from footfall.state.schema import dirty_objects, products

#: What an open product is made of, in this order.
OPEN_COLUMNS = (
    products.c.id,
    products.c.custom_id,
    products.c.profile,
    products.c.created_at,
    products.c.updated_at,
    products.c.deleted_at,
    products.c.revision,
)
_CHANGING = ("name", "profile", "updated_at", "deleted_at", "revision")
_NAMES = select(products.c.id, products.c.custom_id, products.c.name)


def by_custom_id(conn: Connection, scope: Scope, custom_ids: Collection[str]) -> list[list[Any]]:
    """Return OPEN_COLUMNS of the products with these custom ids, deleted ones too."""
    return _open_columns(conn, scope, products.c.custom_id, custom_ids)


def by_id(conn: Connection, scope: Scope, ids: Collection[int]) -> list[list[Any]]:
    """Return OPEN_COLUMNS of the products with these ids, deleted ones too."""
    return _open_columns(conn, scope, products.c.id, ids)


def _open_columns(
    conn: Connection, scope: Scope, column: "Column[Any]", values: Collection[Any]
) -> list[list[Any]]:
    if not values:
        return []
    own = select(*OPEN_COLUMNS).where(products.c.workspace_id == scope.workspace_id)
    return fetch_rows(conn, own.where(one_of(conn, column, values)))


def names(conn: Connection, scope: Scope, ids: Collection[int]) -> list[list[Any]]:
    """Return (id, custom_id, name) of these products, deleted ones too."""
    if not ids:
        return []
    own = _NAMES.where(products.c.workspace_id == scope.workspace_id)
    return fetch_rows(conn, own.where(one_of(conn, products.c.id, ids)))


def ids_of(conn: Connection, scope: Scope, custom_ids: Collection[str]) -> list[int]:
    """Return the ids of the products with these custom ids, deleted ones too."""
    return list(
        conn.scalars(
            select(products.c.id).where(
                products.c.workspace_id == scope.workspace_id,
                products.c.custom_id.in_(list(custom_ids)),
            )
        )
    )


def _living(scope: Scope, words: str | None) -> Any:
    conditions = [products.c.workspace_id == scope.workspace_id, products.c.deleted_at.is_(None)]
    if words:
        pattern = "%" + words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        pattern += "%"
        conditions.append(
            func.lower(products.c.name).like(pattern, escape="\\")
            | func.lower(products.c.custom_id).like(pattern, escape="\\")
        )
    return and_(*conditions)


def page(
    conn: Connection,
    scope: Scope,
    *,
    past_id: int,
    backward: bool = False,
    limit: int,
    words: str | None,
) -> Sequence[Sequence[Any]]:
    """Return up to `limit` living products whose name or custom id holds `words`.

    Args:
        past_id: They lie past it by id, or before it if `backward`; the nearest to it come first.
    """
    side = products.c.id < past_id if backward else products.c.id > past_id
    return conn.execute(
        select(*OPEN_COLUMNS)
        .where(_living(scope, words), side)
        .order_by(products.c.id.desc() if backward else products.c.id)
        .limit(limit)
    ).all()


def count(conn: Connection, scope: Scope, *, words: str | None) -> int:
    """Return how many living products there are whose name or custom id holds `words`."""
    statement = select(func.count()).select_from(products).where(_living(scope, words))
    return conn.execute(statement).scalar_one()


def count_all(conn: Connection, scope: Scope) -> int:
    """Return how many products there are, deleted ones too."""
    own = products.c.workspace_id == scope.workspace_id
    return conn.execute(select(func.count()).select_from(products).where(own)).scalar_one()


def ids_past(conn: Connection, scope: Scope, after_id: int, limit: int) -> list[int]:
    """Return up to `limit` ids past `after_id`, deleted products too."""
    return list(
        conn.scalars(
            select(products.c.id)
            .where(products.c.workspace_id == scope.workspace_id, products.c.id > after_id)
            .order_by(products.c.id)
            .limit(limit)
        )
    )


def insert(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert new products, whole rows."""
    insert_many(conn, products, rows)


def save(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Write changed products, whole rows."""
    upsert(conn, products, rows, update=_CHANGING)


def mark_dirty(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Note that these products' snapshots are old."""
    upsert(conn, dirty_objects, rows, update=["revision"])


def mark_all_dirty(conn: Connection) -> None:
    """Note that every product's snapshot is to be made again, in every workspace."""
    conn.execute(delete(dirty_objects).where(dirty_objects.c.kind == "product"))
    conn.execute(
        dirty_objects.insert().from_select(
            ["workspace_id", "kind", "object_id", "revision"],
            select(
                products.c.workspace_id,
                bindparam("kind", "product", products.c.name.type),
                products.c.id,
                products.c.revision,
            ),
        )
    )
