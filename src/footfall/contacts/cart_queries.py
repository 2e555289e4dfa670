"""Statements of carts on the state store: what changed them, and whose copy is old."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, or_, select

from footfall.contacts.cart import MAX_CART_CHANGES, CartChange
from footfall.kernel.scope import Scope
from footfall.state.api import fetch_rows, insert_missing, insert_on_conflict, one_of
from footfall.state.schema import cart_changes, contacts, dirty_objects

_CART_COLUMNS = tuple(cart_changes.c[name] for name in CartChange._fields)


def add_cart_changes(
    conn: Connection, scope: Scope, changes: Collection[tuple[int, CartChange]]
) -> None:
    """Keep what events did to the carts of contacts; what is there already stays as it is."""
    insert_missing(
        conn,
        cart_changes,
        [
            {"workspace_id": scope.workspace_id, "contact_id": contact_id, **change._asdict()}
            for contact_id, change in changes
        ],
    )


def mark_carts_dirty(
    conn: Connection, contact_ids: "Collection[int] | Select[Any]", *, merged: bool = True
) -> None:
    """Note that the copies of these contacts' carts are old, in any workspace.

    Args:
        merged: Whether the carts of those they were merged into are, too.
    """
    if isinstance(contact_ids, Select):
        chosen: ColumnElement[bool] = contacts.c.id.in_(contact_ids)
    else:
        chosen = one_of(conn, contacts.c.id, contact_ids)
    for owner in (contacts.c.id, contacts.c.merged_into) if merged else (contacts.c.id,):
        rows = (
            select(
                contacts.c.workspace_id,
                bindparam("kind", "cart", dirty_objects.c.kind.type),
                owner,
                bindparam("revision", 1, dirty_objects.c.revision.type),
            )
            .where(chosen, owner.is_not(None))
            .distinct()
        )
        names = ["workspace_id", "kind", "object_id", "revision"]
        made = insert_on_conflict(conn, dirty_objects).from_select(names, rows)
        # Another number each time, so that who copied the cart before sees that it is old again.
        conn.execute(
            made.on_conflict_do_update(
                index_elements=names[:3], set_={"revision": dirty_objects.c.revision + 1}
            )
        )


def mark_all_carts_dirty(conn: Connection) -> None:
    """Note that every cart's copy is to be made again, in every workspace."""
    mark_carts_dirty(conn, select(cart_changes.c.contact_id))


def dirty_carts(conn: Connection, limit: int) -> list[list[Any]]:
    """Return up to `limit` contacts whose cart's copy is old, of all workspaces.

    Columns: workspace_id, id, dirty revision, whether it is merged or deleted.
    """
    gone = or_(contacts.c.deleted_at.is_not(None), contacts.c.merged_into.is_not(None))
    return fetch_rows(
        conn,
        select(contacts.c.workspace_id, contacts.c.id, dirty_objects.c.revision, gone)
        .join(
            dirty_objects,
            and_(
                dirty_objects.c.workspace_id == contacts.c.workspace_id,
                dirty_objects.c.kind == "cart",
                dirty_objects.c.object_id == contacts.c.id,
            ),
        )
        .limit(limit),
    )


def cart_changes_of(
    conn: Connection, contact_ids: Collection[int], since: int
) -> list[tuple[int, CartChange]]:
    """Return what happened to carts since an instant, by the contact that has the cart now.

    The newest first; at most so much of each.
    """
    survivor = func.coalesce(contacts.c.merged_into, contacts.c.id)
    place = func.row_number().over(
        partition_by=survivor,
        order_by=(cart_changes.c.occurred_at.desc(), cart_changes.c.position.desc()),
    )
    each = (
        select(survivor.label("owner"), *_CART_COLUMNS, place.label("place"))
        .join(contacts, contacts.c.id == cart_changes.c.contact_id)
        .where(
            or_(
                one_of(conn, contacts.c.id, contact_ids),
                one_of(conn, contacts.c.merged_into, contact_ids),
            ),
            cart_changes.c.occurred_at > since,
        )
        .subquery()
    )
    rows = fetch_rows(conn, select(each).where(each.c.place <= MAX_CART_CHANGES))
    return [(row[0], CartChange(*row[1:-1])) for row in rows]


def latest_cart_changes(
    conn: Connection, scope: Scope, contact_ids: Collection[int], since: int
) -> list[CartChange]:
    """Return what happened to the carts of these contacts since an instant, at most so much."""
    rows = conn.execute(
        select(*_CART_COLUMNS)
        .where(
            cart_changes.c.workspace_id == scope.workspace_id,
            one_of(conn, cart_changes.c.contact_id, contact_ids),
            cart_changes.c.occurred_at > since,
        )
        .order_by(cart_changes.c.occurred_at.desc(), cart_changes.c.position.desc())
        .limit(MAX_CART_CHANGES)
    )
    return [CartChange(*row) for row in rows]


def forget_cart_changes(conn: Connection, through: int) -> None:
    """Delete the changes of carts, in every workspace, whose events are of `through` or older.

    From the first received on: one that came late stays until those before it are old as well.
    """
    first_kept = (
        select(cart_changes.c.position)
        .where(cart_changes.c.occurred_at > through)
        .order_by(cart_changes.c.position)
        .limit(1)
    )
    position = conn.scalar(first_kept)
    old: ColumnElement[bool] = cart_changes.c.occurred_at <= through
    if position is not None:
        old = and_(old, cart_changes.c.position < position)
    mark_carts_dirty(conn, select(cart_changes.c.contact_id).where(old))
    conn.execute(delete(cart_changes).where(old))
