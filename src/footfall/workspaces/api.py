"""Use cases of workspaces and their API keys. The only place that mints a `Scope`."""

import dataclasses
from collections.abc import Callable

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from footfall.kernel.errors import Conflict, NotFound
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.workspaces import logic, queries
from footfall.workspaces.keyring import Keyring, authenticate
from footfall.workspaces.types import ApiKey, Workspace

__all__ = [
    "DEFAULT_NAME",
    "Keyring",
    "authenticate",
    "create_token",
    "create_workspace",
    "ensure_workspace",
    "get_workspace",
    "list_tokens",
    "list_workspaces",
    "revoke_token",
    "scope_of",
    "update_workspace",
    "workspace_named",
]

#: The workspace of a fresh installation.
DEFAULT_NAME = "default"


def create_workspace(
    conn: Connection,
    name: str,
    *,
    time_zone: str = "UTC",
    currency: str | None = None,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> Workspace:
    """Return the new workspace.

    Args:
        random_bytes: Returns that many bytes nobody can guess, for its identity secret.

    Raises:
        Invalid: A name, time zone or currency that cannot be.
        Conflict: There is one of that name.
    """
    name = logic.checked_name(name)
    time_zone = logic.checked_time_zone(time_zone)
    currency = None if currency is None else logic.checked_currency(currency)
    _refuse_taken(conn, name)
    secret = random_bytes(32).hex()
    workspace_id = queries.insert_workspace(conn, name, time_zone, currency, now, secret)
    return get_workspace(conn, workspace_id)


def ensure_workspace(
    conn: Connection, now: Instant, random_bytes: Callable[[int], bytes]
) -> Workspace:
    """Return the oldest workspace; if there is none, `default` is created."""
    known = queries.all_workspaces(conn)
    if known:
        return known[0]
    return create_workspace(conn, DEFAULT_NAME, now=now, random_bytes=random_bytes)


def list_workspaces(conn: Connection) -> list[Workspace]:
    """Return every workspace, oldest first."""
    return queries.all_workspaces(conn)


def get_workspace(conn: Connection, workspace_id: WorkspaceId) -> Workspace:
    """Return one workspace.

    Raises:
        NotFound: There is none of that id.
    """
    workspace = queries.workspace_by_id(conn, workspace_id)
    if workspace is None:
        raise NotFound("There is no such workspace.")
    return workspace


def workspace_named(conn: Connection, name: str) -> Workspace:
    """Return one workspace.

    Raises:
        NotFound: There is none of that name.
    """
    workspace = queries.workspace_by_name(conn, name)
    if workspace is None:
        raise NotFound(f'There is no workspace named "{name}".')
    return workspace


def update_workspace(
    conn: Connection,
    scope: Scope,
    *,
    name: str | UnsetType = UNSET,
    time_zone: str | UnsetType = UNSET,
    currency: str | UnsetType | None = UNSET,
) -> Workspace:
    """Return the scope's workspace with the given settings; what is not given stays.

    Raises:
        Invalid: A name, time zone or currency that cannot be.
        Conflict: Another workspace has that name.
    """
    before = get_workspace(conn, scope.workspace_id)
    changes: dict[str, str | None] = {}
    if name is not UNSET:
        name = logic.checked_name(name)
        changes["name"] = name
        if name != before.name:
            _refuse_taken(conn, name)
    if time_zone is not UNSET:
        changes["time_zone"] = logic.checked_time_zone(time_zone)
    if currency is not UNSET:
        changes["currency"] = None if currency is None else logic.checked_currency(currency)
    queries.update_workspace(conn, scope, changes)
    return get_workspace(conn, scope.workspace_id)


def _refuse_taken(conn: Connection, name: str) -> None:
    if queries.workspace_by_name(conn, name) is not None:
        raise Conflict(f'There is a workspace named "{name}" already.', code="workspace_exists")


def scope_of(workspace: Workspace) -> Scope:
    """Return permission to the whole of `workspace`."""
    return Scope(workspace.id)


def create_token(
    conn: Connection,
    scope: Scope,
    name: str,
    key_scope: str,
    *,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> tuple[ApiKey, str]:
    """Return a new key and its token, which is stored only as a hash and never shown again.

    Args:
        name: For people; several keys may share one.
        key_scope: `read`, `write` or `read-write`.
        random_bytes: Returns that many bytes nobody can guess.

    Raises:
        Invalid: A name or scope that cannot be.
    """
    name = logic.checked_name(name)
    checked_scope = logic.checked_scope(key_scope)
    token = logic.new_token(random_bytes)
    start = token[:8]
    key_id = queries.insert_key(
        conn, scope, name, checked_scope, logic.token_hash(token.encode()), start, now
    )
    key = ApiKey(key_id, scope.workspace_id, name, checked_scope, start, now, None)
    return key, token


def list_tokens(conn: Connection, scope: Scope) -> list[ApiKey]:
    """Return the workspace's keys, revoked ones too, oldest first."""
    return queries.keys(conn, scope)


def revoke_token(conn: Connection, scope: Scope, which: str, now: Instant) -> list[ApiKey]:
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
    return [dataclasses.replace(key, revoked_at=key.revoked_at or now) for key in chosen]
