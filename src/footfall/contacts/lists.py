"""Named lists of contacts, and tags."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from footfall.contacts import list_queries as queries
from footfall.contacts.api import ContactKey, get_contact, with_merged
from footfall.contacts.queries import AnyRow
from footfall.kernel.errors import Conflict, Invalid, NotFound
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope

MAX_LISTS: Final = 1_000
MAX_NAME_CHARACTERS: Final = 255


class ContactList(NamedTuple):
    """A list, and how many living contacts are on it."""

    id: int
    name: str
    created_at: Instant
    archived_at: Instant | None
    members: int


def contact_lists(conn: Connection, scope: Scope, *, archived: bool = False) -> list[ContactList]:
    """Return the lists by name; of the archived ones only if they are asked for."""
    found = [ContactList(*row) for row in queries.lists(conn, scope)]
    return [one for one in found if archived or one.archived_at is None]


def list_names(conn: Connection, scope: Scope) -> dict[int, str]:
    """Return the names of the lists by id, without the archived ones."""
    return queries.list_names(conn, scope)


def get_list(conn: Connection, scope: Scope, list_id: int) -> ContactList:
    """Return one list, also an archived one.

    Raises:
        NotFound: There is none.
    """
    rows = queries.lists(conn, scope, list_id=list_id)
    if not rows:
        raise NotFound("There is no such list.", code="list_not_found")
    return ContactList(*rows[0])


def create_list(conn: Connection, scope: Scope, name: str, *, now: Instant) -> ContactList:
    """Make an empty list.

    Raises:
        Invalid: The name is empty, too long or another list's.
        Conflict: The workspace has too many.
    """
    known = queries.lists(conn, scope)
    if len(known) >= MAX_LISTS:
        raise Conflict(f"A workspace has at most {MAX_LISTS} lists.", code="too_many_lists")
    checked = _checked_name(known, name, None)
    return get_list(conn, scope, queries.add_list(conn, scope, checked, now))


def change_list(
    conn: Connection,
    scope: Scope,
    list_id: int,
    *,
    name: str | None,
    archived: bool | None,
    now: Instant,
) -> ContactList:
    """Rename a list, archive it or bring it back; None keeps what is.

    Raises:
        NotFound: There is none.
        Invalid: The name is empty, too long or another list's.
    """
    before = get_list(conn, scope, list_id)
    wanted = before.name
    if name is not None:
        wanted = _checked_name(queries.lists(conn, scope), name, list_id)
    archived_at = before.archived_at
    if archived is not None:
        archived_at = (before.archived_at or now) if archived else None
    queries.change_list(conn, scope, list_id, wanted, archived_at)
    if (archived_at is None) != (before.archived_at is None):
        queries.revise(conn, scope, queries.members_of(list_id))
    return get_list(conn, scope, list_id)


def _checked_name(known: Sequence[AnyRow], name: str, own_id: int | None) -> str:
    wanted = name.strip()
    if not wanted or len(wanted) > MAX_NAME_CHARACTERS or not wanted.isprintable():
        raise Invalid.at(
            "/name", "not_a_name", f"Give the list a name of up to {MAX_NAME_CHARACTERS} letters."
        )
    if any(one.name.casefold() == wanted.casefold() and one.id != own_id for one in known):
        raise Invalid.at("/name", "name_taken", "There is a list with this name.")
    return wanted


def change_members(
    conn: Connection,
    scope: Scope,
    list_id: int,
    *,
    add: Collection[ContactKey],
    remove: Collection[ContactKey],
    now: Instant,
) -> ContactList:
    """Put contacts on a list and take others off; what is so already stays.

    Raises:
        NotFound: There is no such list or contact; nothing is changed then.
    """
    get_list(conn, scope, list_id)
    added = [get_contact(conn, scope, key).id for key in add]
    removed = [get_contact(conn, scope, key).id for key in remove]
    queries.add_members(
        conn,
        [
            {
                "list_id": list_id,
                "contact_id": contact_id,
                "workspace_id": scope.workspace_id,
                "added_at": now,
            }
            for contact_id in dict.fromkeys(added)
        ],
    )
    gone = {one for contact_id in removed for one in with_merged(conn, scope, contact_id)}
    queries.remove_members(conn, scope, list_id, gone)
    queries.revise(conn, scope, {*added, *removed})
    return get_list(conn, scope, list_id)


def member_ids(conn: Connection, scope: Scope, list_id: int) -> list[int]:
    """Return who is on a list.

    Raises:
        NotFound: There is none.
    """
    get_list(conn, scope, list_id)
    return queries.member_ids(conn, scope, list_id)


class ListName(NamedTuple):
    """A list that somebody is on."""

    id: int
    name: str


def lists_of(
    conn: Connection, scope: Scope, contact_ids: Collection[int]
) -> dict[int, list[ListName]]:
    """Return the lists that each of these living contacts is on, by name; not archived ones."""
    found: dict[int, list[ListName]] = {contact_id: [] for contact_id in contact_ids}
    for contact_id, list_id, name in queries.lists_of(conn, scope, contact_ids):
        if contact_id in found:
            found[contact_id].append(ListName(list_id, name))
    return found
