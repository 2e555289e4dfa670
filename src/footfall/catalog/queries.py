"""The catalog's statements on the state store."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    select,
    update,
)

from footfall.kernel.scope import Scope
from footfall.state.api import one_of, upsert, write_many
from footfall.state.schema import dirty_objects, products

_ROWS = select(products)
_NAMES = select(products.c.id, products.c.custom_id, products.c.name)


def _where_one_of(
    conn: Connection,
    statement: Select[Any],
    scope: Scope,
    column: "Column[Any]",
    values: Collection[Any],
) -> Iterable[Row[Any]]:
    if not values:
        return ()
    own = statement.where(products.c.workspace_id == scope.workspace_id)
    return conn.execute(own.where(one_of(conn, column, values)))


def by_custom_id(conn: Connection, scope: Scope, custom_ids: Collection[str]) -> Iterable[Row[Any]]:
    """Yield the rows of the products with these custom ids, deleted ones too."""
    return _where_one_of(conn, _ROWS, scope, products.c.custom_id, custom_ids)


def by_id(conn: Connection, scope: Scope, ids: Collection[int]) -> Iterable[Row[Any]]:
    """Yield the rows of the products with these ids, deleted ones too."""
    return _where_one_of(conn, _ROWS, scope, products.c.id, ids)


def names(conn: Connection, scope: Scope, ids: Collection[int]) -> Iterable[Row[Any]]:
    """Yield (id, custom_id, name) of these products, deleted ones too."""
    return _where_one_of(conn, _NAMES, scope, products.c.id, ids)


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
) -> Sequence[Row[Any]]:
    """Return up to `limit` living products whose name or custom id holds `words`.

    Args:
        past_id: They lie past it by id, or before it if `backward`; the nearest to it come first.
    """
    side = products.c.id < past_id if backward else products.c.id > past_id
    return conn.execute(
        select(products)
        .where(_living(scope, words), side)
        .order_by(products.c.id.desc() if backward else products.c.id)
        .limit(limit)
    ).all()


def count(conn: Connection, scope: Scope, *, words: str | None) -> int:
    """Return how many living products there are whose name or custom id holds `words`."""
    statement = select(func.count()).select_from(products).where(_living(scope, words))
    return conn.execute(statement).scalar_one()


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


_UPDATE = (
    update(products)
    .where(products.c.id == bindparam("key"), products.c.workspace_id == bindparam("owner"))
    .values(
        {
            column: bindparam(column)
            for column in ("name", "profile", "updated_at", "deleted_at", "revision")
        }
    )
)


def insert(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert new products."""
    write_many(conn, products.insert(), rows)


def save(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Write changed products; `key` is the id, `owner` the workspace."""
    write_many(conn, _UPDATE, rows)


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
