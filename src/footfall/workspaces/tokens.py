"""Tokens of the REST API: made, limited, revoked."""

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
from footfall.workspaces.types import ApiKey


def create_token(
    conn: Connection,
    scope: Scope,
    name: str,
    key_scope: str,
    *,
    allowed_networks: Sequence[str] | None = None,
    requests_per_second: int | None = None,
    by: Author | None = None,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> tuple[ApiKey, str]:
    """Return a new key and its token, which is stored only as a hash and never shown again.

    Args:
        name: For people; several keys may share one.
        key_scope: `read`, `write` or `read-write`.
        allowed_networks: From where it may be used; None: from anywhere.
        requests_per_second: Requests past it are refused; None: no limit.
        by: Who makes it, which is written down; it can do no more than they can.
        random_bytes: Returns that many bytes nobody can guess.

    Raises:
        Invalid: A name, scope, network or limit that cannot be.
        Forbidden: It could do more than its maker.
    """
    name = logic.checked_name(name)
    checked_scope = logic.checked_scope(key_scope)
    networks = logic.checked_networks(allowed_networks)
    limit = logic.checked_requests_per_second(requests_per_second)
    if by is not None:
        logic.check_networks_within(by.access.allowed_networks, networks)
        logic.check_limit_within(by.access.requests_per_second, limit)
    token = logic.new_token(random_bytes)
    key_id = queries.insert_key(
        conn,
        scope,
        name,
        checked_scope,
        token_hash=logic.token_hash(token.encode()),
        token_start=token[:8],
        allowed_networks=networks,
        requests_per_second=limit,
        now=now,
    )
    key = get_token(conn, scope, key_id)
    _record(conn, by, "token.created", None, key)
    return key, token


def get_token(conn: Connection, scope: Scope, key_id: int) -> ApiKey:
    """Return one key.

    Raises:
        NotFound: The workspace has none of that id.
    """
    found = queries.key_by_id(conn, scope, key_id)
    if found is None:
        raise NotFound("There is no such token.")
    return found


def update_token(
    conn: Connection,
    scope: Scope,
    key_id: int,
    *,
    name: str | UnsetType = UNSET,
    allowed_networks: Sequence[str] | UnsetType | None = UNSET,
    requests_per_second: int | UnsetType | None = UNSET,
    by: Author | None = None,
) -> ApiKey:
    """Return the key with the given settings, in force within a second.

    Args:
        by: Who changes it, which is written down; they give it no more than they have.

    Raises:
        NotFound: The workspace has no such key.
        Invalid: A setting that cannot be.
        Forbidden: It could do more than its maker.
    """
    before = get_token(conn, scope, key_id)
    changes: dict[str, Any] = {}
    if name is not UNSET:
        changes["name"] = logic.checked_name(name)
    if allowed_networks is not UNSET:
        networks = logic.checked_networks(allowed_networks)
        if by is not None and networks != before.allowed_networks:
            logic.check_networks_within(by.access.allowed_networks, networks)
        changes["allowed_networks"] = queries.json_list(networks)
    if requests_per_second is not UNSET:
        limit = logic.checked_requests_per_second(requests_per_second)
        if by is not None and limit != before.requests_per_second:
            logic.check_limit_within(by.access.requests_per_second, limit)
        changes["requests_per_second"] = limit
    queries.update_key(conn, scope, before.id, changes)
    after = get_token(conn, scope, before.id)
    _record(conn, by, "token.changed", before, after)
    return after


def list_tokens(conn: Connection, scope: Scope) -> list[ApiKey]:
    """Return the workspace's keys, revoked ones too, oldest first."""
    return queries.keys(conn, scope)


def revoke_token(
    conn: Connection, scope: Scope, which: str, now: Instant, by: Author | None = None
) -> list[ApiKey]:
    """Revoke the key of that id, or every key of that name, and return them.

    A key that was revoked before keeps its time. Requests stop being admitted within a second.

    Raises:
        NotFound: The workspace has no such key.
    """
    known = queries.keys(conn, scope)
    chosen = [key for key in known if str(key.id) == which.strip()]
    chosen = chosen or [key for key in known if key.name == which.strip()]
    if not chosen:
        raise NotFound(f'There is no token with the id or name "{which}".')
    queries.revoke_keys(conn, scope, [key.id for key in chosen], now)
    for key in chosen:
        if key.revoked_at is None:
            _record(conn, by, "token.revoked", key, None)
    return [dataclasses.replace(key, revoked_at=key.revoked_at or now) for key in chosen]


def _record(
    conn: Connection, by: Author | None, action: str, before: ApiKey | None, after: ApiKey | None
) -> None:
    known = before or after
    assert known is not None  # of a key
    record_by(
        conn,
        by,
        action=action,
        object_kind="token",
        object_id=str(known.id),
        object_name=known.name,
        before=None if before is None else _settings(before),
        after=None if after is None else _settings(after),
    )


def _settings(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "scope": key.scope,
        "allowed_networks": key.allowed_networks,
        "requests_per_second": key.requests_per_second,
    }
