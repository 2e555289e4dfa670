"""Statements of named lists on the state store."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, delete, func, or_, select, update

from footfall.contacts.queries import AnyRow, merged_into
from footfall.kernel.scope import Scope
from footfall.state.api import fetch_rows, insert_missing, insert_on_conflict, one_of
from footfall.state.schema import contact_list_members, contact_lists, contacts, dirty_objects


def lists(conn: Connection, scope: Scope, *, list_id: int | None = None) -> Sequence[AnyRow]:
    """Return the lists with the number of their living members, by name; archived ones too."""
    survivor = func.coalesce(contacts.c.merged_into, contacts.c.id)
    statement = (
        select(
            contact_lists.c.id,
            contact_lists.c.name,
            contact_lists.c.created_at,
            contact_lists.c.archived_at,
            func.count(func.distinct(survivor)).label("members"),
        )
        .select_from(
            contact_lists.outerjoin(
                contact_list_members, contact_list_members.c.list_id == contact_lists.c.id
            ).outerjoin(contacts, contacts.c.id == contact_list_members.c.contact_id)
        )
        .where(contact_lists.c.workspace_id == scope.workspace_id)
        .group_by(contact_lists.c.id)
        .order_by(func.lower(contact_lists.c.name), contact_lists.c.id)
    )
    if list_id is not None:
        statement = statement.where(contact_lists.c.id == list_id)
    return conn.execute(statement).all()


def list_names(conn: Connection, scope: Scope) -> dict[int, str]:
    """Return the names of the lists by id, without the archived ones."""
    living = contact_lists.c.archived_at.is_(None)
    own = contact_lists.c.workspace_id == scope.workspace_id
    rows = conn.execute(select(contact_lists.c.id, contact_lists.c.name).where(own, living))
    return {row.id: row.name for row in rows}


def add_list(conn: Connection, scope: Scope, name: str, created_at: int) -> int:
    """Make a list and return its id."""
    statement = contact_lists.insert().returning(contact_lists.c.id)
    values = {"workspace_id": scope.workspace_id, "name": name, "created_at": created_at}
    made: int = conn.execute(statement, values).scalar_one()
    return made


def change_list(
    conn: Connection, scope: Scope, list_id: int, name: str, archived_at: int | None
) -> None:
    """Rename, archive or bring back a list."""
    conn.execute(
        update(contact_lists)
        .where(contact_lists.c.workspace_id == scope.workspace_id, contact_lists.c.id == list_id)
        .values(name=name, archived_at=archived_at)
    )


def add_members(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Put contacts on lists; who is on one stays as it is."""
    insert_missing(conn, contact_list_members, rows)


def remove_members(
    conn: Connection, scope: Scope, list_id: int, contact_ids: Collection[int]
) -> None:
    """Take contacts off a list."""
    conn.execute(
        delete(contact_list_members).where(
            contact_list_members.c.workspace_id == scope.workspace_id,
            contact_list_members.c.list_id == list_id,
            one_of(conn, contact_list_members.c.contact_id, contact_ids),
        )
    )


def member_ids(conn: Connection, scope: Scope, list_id: int) -> list[int]:
    """Return the contacts on a list; for merged ones, the one they were merged into."""
    survivor = func.coalesce(contacts.c.merged_into, contacts.c.id)
    found = (
        select(survivor.label("id"))
        .join(contact_list_members, contact_list_members.c.contact_id == contacts.c.id)
        .where(
            contact_list_members.c.workspace_id == scope.workspace_id,
            contact_list_members.c.list_id == list_id,
        )
        .distinct()
    )
    return [contact_id for (contact_id,) in fetch_rows(conn, found)]


def lists_of(
    conn: Connection, scope: Scope, contact_ids: Collection[int]
) -> list[tuple[int, int, str]]:
    """Return contact, list and the list's name, of these contacts and those merged into them."""
    survivor = func.coalesce(contacts.c.merged_into, contacts.c.id)
    ids = [*contact_ids, *(row.id for row in merged_into(conn, scope, contact_ids))]
    found = (
        select(survivor, contact_lists.c.id, contact_lists.c.name)
        .select_from(
            contacts.join(
                contact_list_members, contact_list_members.c.contact_id == contacts.c.id
            ).join(contact_lists, contact_lists.c.id == contact_list_members.c.list_id)
        )
        .where(
            contacts.c.workspace_id == scope.workspace_id,
            one_of(conn, contacts.c.id, ids),
            contact_lists.c.archived_at.is_(None),
        )
    )
    rows = {(row[0], row[1], row[2]) for row in conn.execute(found)}
    return sorted(rows, key=lambda row: (row[0], row[2].lower(), row[1]))


def lists_by_contact(conn: Connection, contact_ids: Collection[int]) -> dict[int, list[int]]:
    """Return the lists, but archived ones, that each contact is on, of any workspace.

    Those that contacts merged into it were put on are among them; who is on none is missing.
    """
    survivor = func.coalesce(contacts.c.merged_into, contacts.c.id)
    found: dict[int, list[int]] = {}
    each = (
        select(survivor.label("id"), contact_lists.c.id.label("list_id"))
        .select_from(
            contacts.join(
                contact_list_members, contact_list_members.c.contact_id == contacts.c.id
            ).join(contact_lists, contact_lists.c.id == contact_list_members.c.list_id)
        )
        .where(
            or_(
                one_of(conn, contacts.c.id, contact_ids),
                one_of(conn, contacts.c.merged_into, contact_ids),
            ),
            contact_lists.c.archived_at.is_(None),
        )
        .distinct()
    )
    for contact_id, list_id in sorted(fetch_rows(conn, each)):
        found.setdefault(contact_id, []).append(list_id)
    return found


def revise(conn: Connection, scope: Scope, contact_ids: "Collection[int] | Select[Any]") -> None:
    """Have these contacts' snapshots made again, as their lists are others now."""
    chosen = (
        contacts.c.id.in_(contact_ids)
        if isinstance(contact_ids, Select)
        else one_of(conn, contacts.c.id, contact_ids)
    )
    own = and_(contacts.c.workspace_id == scope.workspace_id, chosen)
    # The newest revision counts in the warehouse: the same one twice could not be told apart.
    conn.execute(update(contacts).where(own).values(revision=contacts.c.revision + 1))
    kind = bindparam("kind", "contact", dirty_objects.c.kind.type)
    rows = select(contacts.c.workspace_id, kind, contacts.c.id, contacts.c.revision).where(own)
    names = ["workspace_id", "kind", "object_id", "revision"]
    made = insert_on_conflict(conn, dirty_objects).from_select(names, rows)
    conn.execute(
        made.on_conflict_do_update(
            index_elements=names[:3], set_={"revision": made.excluded.revision}
        )
    )


def members_of(list_id: int) -> "Select[Any]":
    """Return the statement of who is on a list; for merged ones, whom they were merged into."""
    return (
        select(func.coalesce(contacts.c.merged_into, contacts.c.id))
        .join(contact_list_members, contact_list_members.c.contact_id == contacts.c.id)
        .where(contact_list_members.c.list_id == list_id)
    )
