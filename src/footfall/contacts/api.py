"""What others do with contacts."""

from collections.abc import Collection

from sqlalchemy import Connection

from footfall.contacts import queries
from footfall.contacts.book import ContactBook
from footfall.contacts.queries import mark_all_dirty
from footfall.contacts.types import ContactName
from footfall.kernel.ids import ContactId
from footfall.kernel.scope import Scope

__all__ = ["ContactBook", "contact_ids", "contact_names", "mark_all_dirty", "with_merged"]


def contact_names(conn: Connection, scope: Scope, ids: Collection[int]) -> dict[int, ContactName]:
    """Return how these contacts are called, by the id asked for.

    A merged contact is called like the one it was merged into; a deleted one is left out.
    """
    found = {row.id: row for row in queries.names(conn, scope, ids)}
    survivors = {row.merged_into for row in found.values() if row.merged_into is not None}
    survivors -= found.keys()
    found.update({row.id: row for row in queries.names(conn, scope, survivors)})
    names: dict[int, ContactName] = {}
    for contact_id in ids:
        row = found.get(contact_id)
        if row is not None and row.merged_into is not None:
            row = found.get(row.merged_into)
        if row is not None and row.deleted_at is None:
            names[contact_id] = ContactName(ContactId(row.id), row.custom_id, row.email, row.key)
    return names


def contact_ids(conn: Connection, scope: Scope, custom_id: str) -> list[int]:
    """Return every id that stands for the contact with this custom id, merged ones too."""
    owners = [row.contact_id for row in queries.identities(conn, scope, "custom_id", [custom_id])]
    return with_merged(conn, scope, owners[0]) if owners else []


def with_merged(conn: Connection, scope: Scope, contact_id: int) -> list[int]:
    """Return `contact_id`, after following its merge, and every contact merged into it."""
    row = next(iter(queries.names(conn, scope, [contact_id])), None)
    if row is None:
        return []
    survivor = contact_id if row.merged_into is None else int(row.merged_into)
    return [survivor, *(merged.id for merged in queries.merged_into(conn, scope, [survivor]))]
