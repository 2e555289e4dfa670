"""Every statement on workspaces and API keys."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update

from footfall.kernel.ids import ApiKeyId, WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.schema import api_keys, workspaces
from footfall.workspaces.types import ApiKey, KeyScope, Workspace


def insert_workspace(
    conn: Connection,
    name: str,
    time_zone: str,
    currency: str | None,
    now: Instant,
    identity_secret: str,
) -> WorkspaceId:
    """Add a workspace and return its id."""
    columns = {
        "name": name,
        "time_zone": time_zone,
        "currency": currency,
        "created_at": now,
        "identity_secret": identity_secret,
        "require_signed_contacts": False,
    }
    return WorkspaceId(
        conn.execute(workspaces.insert().returning(workspaces.c.id), columns).scalar_one()
    )


def all_workspaces(conn: Connection) -> list[Workspace]:
    """Return every workspace, oldest first."""
    return [_workspace(row) for row in conn.execute(select(workspaces).order_by(workspaces.c.id))]


def workspace_by_id(conn: Connection, workspace_id: WorkspaceId) -> Workspace | None:
    """Return one workspace."""
    row = conn.execute(select(workspaces).where(workspaces.c.id == workspace_id)).one_or_none()
    return None if row is None else _workspace(row)


def workspace_by_name(conn: Connection, name: str) -> Workspace | None:
    """Return one workspace."""
    row = conn.execute(select(workspaces).where(workspaces.c.name == name)).one_or_none()
    return None if row is None else _workspace(row)


def update_workspace(conn: Connection, scope: Scope, columns: dict[str, str | None]) -> None:
    """Set the given columns of the scope's workspace."""
    if columns:
        conn.execute(
            update(workspaces).where(workspaces.c.id == scope.workspace_id).values(columns)
        )


def insert_key(
    conn: Connection,
    scope: Scope,
    name: str,
    key_scope: KeyScope,
    token_hash: bytes,
    token_start: str,
    now: Instant,
) -> ApiKeyId:
    """Add an API key and return its id."""
    columns = {
        "workspace_id": scope.workspace_id,
        "name": name,
        "scope": key_scope,
        "token_hash": token_hash,
        "token_start": token_start,
        "created_at": now,
    }
    return ApiKeyId(conn.execute(api_keys.insert().returning(api_keys.c.id), columns).scalar_one())


def keys(conn: Connection, scope: Scope) -> list[ApiKey]:
    """Return the workspace's API keys, revoked ones too, oldest first."""
    rows = conn.execute(
        select(api_keys)
        .where(api_keys.c.workspace_id == scope.workspace_id)
        .order_by(api_keys.c.id)
    )
    return [_key(row) for row in rows]


def revoke_keys(conn: Connection, scope: Scope, key_ids: list[ApiKeyId], now: Instant) -> None:
    """Mark these keys of the workspace as revoked; those that were keep their time."""
    conn.execute(
        update(api_keys)
        .where(
            api_keys.c.workspace_id == scope.workspace_id,
            api_keys.c.id.in_(key_ids),
            api_keys.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )


def live_key(conn: Connection, token_hash: bytes) -> tuple[ApiKey, str] | None:
    """Return a token's key, of whichever workspace, and that one's time zone; no revoked key."""
    row = conn.execute(
        select(api_keys, workspaces.c.time_zone)
        .join(workspaces, workspaces.c.id == api_keys.c.workspace_id)
        .where(api_keys.c.token_hash == token_hash, api_keys.c.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else (_key(row), row.time_zone)


def _workspace(row: Row[Any]) -> Workspace:
    return Workspace(
        id=WorkspaceId(row.id),
        name=row.name,
        time_zone=row.time_zone,
        currency=row.currency,
        created_at=Instant(row.created_at),
        identity_secret=row.identity_secret,
        require_signed_contacts=row.require_signed_contacts,
        browser_attributes=(
            None
            if row.browser_attributes is None
            else msgspec.json.decode(row.browser_attributes, type=tuple[str, ...])
        ),
    )


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=ApiKeyId(row.id),
        workspace_id=WorkspaceId(row.workspace_id),
        name=row.name,
        scope=row.scope,
        token_start=row.token_start,
        created_at=Instant(row.created_at),
        revoked_at=None if row.revoked_at is None else Instant(row.revoked_at),
    )
