"""What a write says of contacts, one or many at once."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from footfall.attributes.api import load_definitions
from footfall.attributes.types import SetAside
from footfall.contacts.book import ContactBook
from footfall.contacts.logic import Identifiers
from footfall.contacts.opened import OpenContact
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.workspaces.api import get_workspace


def put_contacts(
    conn: Connection,
    scope: Scope,
    rows: Sequence[tuple[Identifiers, Mapping[str, Any]]],
    *,
    source: str,
    now: Instant,
    position: int,
) -> list[Sequence[SetAside]]:
    """Do what `put_contact` does for many at once; return of each row the values that did not fit.

    Args:
        rows: Each names somebody. The last word on a contact counts.
        source: Of the values.
    """
    named = [identifiers for identifiers, _ in rows]
    book = ContactBook(
        conn,
        scope,
        load_definitions(conn, scope, "contact"),
        custom_ids={one.custom_id for one in named if one.custom_id is not None},
        emails={one.email for one in named if one.email is not None},
        keys={one.key for one in named if one.key is not None},
        now=now,
        zone=ZoneInfo(get_workspace(conn, scope.workspace_id).time_zone),
    )
    set_aside: list[Sequence[SetAside]] = []
    for identifiers, values in rows:
        contact = book.resolve(
            contact_id=None,
            custom_id=identifiers.custom_id,
            email=identifiers.email,
            key=identifiers.key,
            position=position,
        )
        assert contact is not None  # each row names somebody
        before = len(book.set_aside)
        say(book, contact, identifiers, values, source, now, position)
        set_aside.append(book.set_aside[before:])
    book.save()
    return set_aside


def say(
    book: ContactBook,
    contact: OpenContact,
    identifiers: Identifiers,
    values: Mapping[str, Any],
    source: str,
    now: Instant,
    position: int,
) -> None:
    """Give `contact` values and what it is known by, as a write of the profile."""
    book.apply(contact, values, occurred_at=now, position=position, source=source)
    book.identify(
        contact,
        email=identifiers.email,
        key=identifiers.key,
        occurred_at=now,
        position=position,
        source=source,
        wins_ties=True,
    )
