"""The door of segments: define them, and read who is in them."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from footfall.attributes.api import load_definitions
from footfall.catalog.api import product_names
from footfall.conditions.api import (
    checked,
    named_segments,
    read_condition,
    written,
)
from footfall.conditions.types import Condition, KnownSegment, Subject, Vocabulary
from footfall.contacts.api import contact_names
from footfall.contacts.lists import list_names
from footfall.http.services import Access
from footfall.kernel.errors import Conflict, Invalid, NotFound, Problem
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.segments import queries
from footfall.segments.types import Segment
from footfall.workspaces.api import get_workspace, record_change

#: Each that lives is kept up to date after every event.
MAX_SEGMENTS: Final = 200
MAX_NAME_CHARACTERS: Final = 255
MAX_DESCRIPTION_CHARACTERS: Final = 2_000


def list_segments(
    conn: Connection, scope: Scope, *, subject: Subject | None = None, archived: bool = False
) -> list[Segment]:
    """Return the segments by name; the archived ones only if they are asked for."""
    rows = queries.all_segments(conn, scope, archived=archived)
    return [_segment(row) for row in rows if subject in (None, row.subject)]


def get_segment(conn: Connection, scope: Scope, segment_id: int) -> Segment:
    """Return one segment, also an archived one.

    Raises:
        NotFound: There is none.
    """
    row = queries.segment(conn, scope, segment_id)
    if row is None:
        raise NotFound("There is no such segment.", code="segment_not_found")
    return _segment(row)


def load_vocabulary(
    conn: Connection, scope: Scope, *, has_one_order_source: bool = False
) -> Vocabulary:
    """Return what conditions of a workspace may name now."""
    return Vocabulary(
        load_definitions(conn, scope, "contact"),
        load_definitions(conn, scope, "product"),
        ZoneInfo(get_workspace(conn, scope.workspace_id).time_zone),
        list_names(conn, scope),
        {
            one.id: KnownSegment(one.id, one.subject, one.name, one.condition)
            for one in list_segments(conn, scope)
        },
        has_one_order_source,
    )


def checked_condition(
    conn: Connection,
    scope: Scope,
    subject: Subject,
    raw: bytes,
    now: Instant,
    *,
    own_id: int | None = None,
    has_one_order_source: bool = False,
) -> tuple[Condition, Vocabulary]:
    """Return the condition that stands in a body under `condition`, and what it may name.

    Raises:
        Invalid: With every problem and its place in the body.
    """
    vocabulary = load_vocabulary(conn, scope, has_one_order_source=has_one_order_source)
    try:
        return checked(raw, subject, vocabulary, now, own_id=own_id), vocabulary
    except Invalid as error:
        problems = tuple(
            Problem(f"/condition{one.pointer}", one.code, one.message) for one in error.problems
        )
        raise Invalid(error.message, code=error.code, problems=problems) from error


def create_segment(
    conn: Connection,
    access: Access,
    subject: Subject,
    name: str,
    description: str,
    raw_condition: bytes,
    now: Instant,
) -> Segment:
    """Make a segment; who is in it is known a moment later.

    Raises:
        Invalid: The name is empty, too long or another's, or the condition cannot be asked.
        Conflict: The workspace has too many.
    """
    scope = access.scope
    if len(queries.all_segments(conn, scope, archived=False)) >= MAX_SEGMENTS:
        message = f"A workspace has at most {MAX_SEGMENTS} segments. Archive one first."
        raise Conflict(message, code="too_many_segments")
    condition, _ = checked_condition(conn, scope, subject, raw_condition, now)
    values = {
        "subject": subject,
        "name": _checked_name(conn, scope, subject, name, None),
        "description": _checked_description(description),
        "condition": written(condition).decode(),
        "created_at": now,
        "updated_at": now,
        "archived_at": None,
    }
    made = get_segment(conn, scope, queries.add_segment(conn, scope, values))
    _record(conn, access, now, "segment.created", made, None, _fields(made))
    return made


def change_segment(
    conn: Connection,
    access: Access,
    segment_id: int,
    *,
    name: str | None,
    description: str | None,
    raw_condition: bytes | None,
    archived: bool | None,
    now: Instant,
) -> Segment:
    """Change what is not None.

    Raises:
        NotFound: There is no such segment.
        Invalid: The name or condition cannot be.
        Conflict: It is to be archived and another segment contains it.
    """
    scope = access.scope
    before = get_segment(conn, scope, segment_id)
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = _checked_name(conn, scope, before.subject, name, segment_id)
    if description is not None:
        values["description"] = _checked_description(description)
    if raw_condition is not None:
        condition, _ = checked_condition(
            conn, scope, before.subject, raw_condition, now, own_id=segment_id
        )
        values["condition"] = written(condition).decode()
    if archived is not None and archived != (before.archived_at is not None):
        if archived:
            _refuse_used(conn, scope, before)
        else:
            raw = raw_condition or written(before.condition)
            checked_condition(conn, scope, before.subject, raw, now, own_id=segment_id)
            _checked_name(conn, scope, before.subject, name or before.name, segment_id)
        values["archived_at"] = now if archived else None
    if values:
        queries.change_segment(conn, scope, segment_id, {**values, "updated_at": now})
    after = get_segment(conn, scope, segment_id)
    action = "segment.changed"
    if "archived_at" in values:
        action = "segment.archived" if archived else "segment.restored"
    _record(conn, access, now, action, after, _fields(before), _fields(after))
    return after


def member_names(
    conn: Connection, scope: Scope, subject: Subject, ids: Collection[int]
) -> Mapping[int, Any]:
    """Return how these contacts or products are called, by id; nothing of who is gone."""
    if subject == "contact":
        return contact_names(conn, scope, ids)
    return product_names(conn, scope, ids)


def used_by(segments: Collection[Segment], segment_id: int) -> list[Segment]:
    """Return the segments that contain one, itself not."""
    return [
        one
        for one in segments
        if one.archived_at is None and segment_id in named_segments(one.condition)
    ]


def _refuse_used(conn: Connection, scope: Scope, segment: Segment) -> None:
    users = used_by(list_segments(conn, scope), segment.id)
    if users:
        names = ", ".join(f'"{one.name}"' for one in users[:5])
        message = f"{names} contains this segment. Change that first."
        raise Conflict(message, code="segment_in_use")


@lru_cache(maxsize=1_000)
def _read(text: str) -> Condition:
    """Return a condition that was kept; the keeper reads all of them with every round."""
    return read_condition(text)


def _segment(row: queries.AnyRow) -> Segment:
    return Segment(
        row.id,
        row.subject,
        row.name,
        row.description,
        _read(row.condition),
        Instant(row.created_at),
        Instant(row.updated_at),
        None if row.archived_at is None else Instant(row.archived_at),
    )


def _checked_name(
    conn: Connection, scope: Scope, subject: Subject, name: str, own_id: int | None
) -> str:
    text = " ".join(name.split())
    if not text:
        raise Invalid.at("/name", "required", "A segment needs a name.")
    if len(text) > MAX_NAME_CHARACTERS:
        message = f"A name has at most {MAX_NAME_CHARACTERS} characters."
        raise Invalid.at("/name", "too_long", message)
    for row in queries.all_segments(conn, scope, archived=False):
        if (row.subject, row.name.casefold()) == (subject, text.casefold()) and row.id != own_id:
            raise Invalid.at("/name", "name_taken", "Another segment has this name.")
    return text


def _checked_description(text: str) -> str:
    if len(text) > MAX_DESCRIPTION_CHARACTERS:
        message = f"A description has at most {MAX_DESCRIPTION_CHARACTERS} characters."
        raise Invalid.at("/description", "too_long", message)
    return text.strip()


def _fields(segment: Segment) -> dict[str, Any]:
    return {
        "name": segment.name,
        "description": segment.description,
        "condition": written(segment.condition).decode(),
        "archived": segment.archived_at is not None,
    }


def _record(
    conn: Connection,
    access: Access,
    now: Instant,
    action: str,
    segment: Segment,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> None:
    record_change(
        conn,
        access,
        now,
        action=action,
        object_kind="segment",
        object_id=str(segment.id),
        object_name=segment.name,
        before=before,
        after=after,
    )
