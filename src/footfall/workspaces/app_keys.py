"""App keys, with which browsers and mobile apps write: made, limited, revoked."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from footfall.kernel.errors import NotFound
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.workspaces import logic, queries
from footfall.workspaces.audit import Author, record_by
from footfall.workspaces.types import AppKey


def create_app_key(
    conn: Connection,
    scope: Scope,
    name: str,
    *,
    allowed_origins: Sequence[str] | None = None,
    events_per_second: int | None = None,
    by: Author | None = None,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> AppKey:
    """Return a new app key, unlike every other that there ever was.

    Args:
        name: For people; several keys may share one.
        allowed_origins: Of pages that may use it; None: any.
        events_per_second: Events past it are refused; None: no limit.
        by: Who makes it, which is written down.

    Raises:
        Invalid: A name, origin or limit that cannot be.
    """
    name = logic.checked_name(name)
    origins = logic.checked_origins(allowed_origins)
    limit = logic.checked_events_per_second(events_per_second)
    key = logic.random_text(logic.APP_KEY_CHARACTERS, random_bytes)
    while queries.app_key_exists(conn, key):
        key = logic.random_text(logic.APP_KEY_CHARACTERS, random_bytes)
    queries.insert_app_key(
        conn,
        scope,
        key=key,
        name=name,
        allowed_origins=origins,
        events_per_second=limit,
        now=now,
    )
    made = get_app_key(conn, scope, key)
    _record(conn, by, "app_key.created", None, made)
    return made


def list_app_keys(conn: Connection, scope: Scope) -> list[AppKey]:
    """Return the workspace's app keys, revoked ones too, oldest first."""
    return queries.all_app_keys(conn, scope)


def get_app_key(conn: Connection, scope: Scope, key: str) -> AppKey:
    """Return one app key.

    Raises:
        NotFound: The workspace has no such key.
    """
    found = queries.app_key(conn, scope, key)
    if found is None:
        raise NotFound("There is no such app key.")
    return found


def update_app_key(
    conn: Connection,
    scope: Scope,
    key: str,
    *,
    name: str | UnsetType = UNSET,
    allowed_origins: Sequence[str] | UnsetType | None = UNSET,
    events_per_second: int | UnsetType | None = UNSET,
    by: Author | None = None,
) -> AppKey:
    """Return the app key with the given settings, in force within a second.

    Args:
        by: Who changes it, which is written down.

    Raises:
        NotFound: The workspace has no such key.
        Invalid: A setting that cannot be.
    """
    before = get_app_key(conn, scope, key)
    changes: dict[str, Any] = {}
    if name is not UNSET:
        changes["name"] = logic.checked_name(name)
    if allowed_origins is not UNSET:
        origins = logic.checked_origins(allowed_origins)
        changes["allowed_origins"] = queries.json_list(origins)
    if events_per_second is not UNSET:
        changes["events_per_second"] = logic.checked_events_per_second(events_per_second)
    queries.update_app_key(conn, scope, key, changes)
    after = get_app_key(conn, scope, key)
    _record(conn, by, "app_key.changed", before, after)
    return after


def revoke_app_key(
    conn: Connection, scope: Scope, which: str, now: Instant, by: Author | None = None
) -> list[AppKey]:
    """Revoke that app key, or every one of that name, and return them.

    One that was revoked before keeps its time. It is refused within a second.

    Raises:
        NotFound: The workspace has no such key.
    """
    known = queries.all_app_keys(conn, scope)
    chosen = [key for key in known if key.key == which.strip()]
    chosen = chosen or [key for key in known if key.name == which.strip()]
    if not chosen:
        raise NotFound(f'There is no app key called "{which}", by key or by name.')
    queries.revoke_app_keys(conn, scope, [key.key for key in chosen], now)
    for key in chosen:
        if key.revoked_at is None:
            _record(conn, by, "app_key.revoked", key, None)
    return [dataclasses.replace(key, revoked_at=key.revoked_at or now) for key in chosen]


def _record(
    conn: Connection, by: Author | None, action: str, before: AppKey | None, after: AppKey | None
) -> None:
    known = before or after
    assert known is not None  # of a key
    record_by(
        conn,
        by,
        action=action,
        object_kind="app_key",
        object_id=known.key,
        object_name=known.name,
        before=None if before is None else _settings(before),
        after=None if after is None else _settings(after),
    )


def _settings(key: AppKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "allowed_origins": key.allowed_origins,
        "events_per_second": key.events_per_second,
    }
