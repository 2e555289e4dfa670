"""Every statement on workspaces, their API keys and their app keys."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select, update

from footfall.kernel.ids import ApiKeyId, AppKeyId, WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.schema import api_keys, app_keys, workspaces
from footfall.workspaces.types import ApiKey, AppKey, KeyScope, Workspace


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
    return [
        workspace_of_row(row) for row in conn.execute(select(workspaces).order_by(workspaces.c.id))
    ]


def workspace_by_id(conn: Connection, workspace_id: WorkspaceId) -> Workspace | None:
    """Return one workspace."""
    row = conn.execute(select(workspaces).where(workspaces.c.id == workspace_id)).one_or_none()
    return None if row is None else workspace_of_row(row)


def workspace_by_name(conn: Connection, name: str) -> Workspace | None:
    """Return one workspace."""
    row = conn.execute(select(workspaces).where(workspaces.c.name == name)).one_or_none()
    return None if row is None else workspace_of_row(row)


def update_workspace(conn: Connection, scope: Scope, columns: dict[str, Any]) -> None:
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
    *,
    token_hash: bytes,
    token_start: str,
    allowed_networks: tuple[str, ...] | None,
    requests_per_second: int | None,
    now: Instant,
) -> ApiKeyId:
    """Add an API key and return its id."""
    columns = {
        "workspace_id": scope.workspace_id,
        "name": name,
        "scope": key_scope,
        "token_hash": token_hash,
        "token_start": token_start,
        "allowed_networks": json_list(allowed_networks),
        "requests_per_second": requests_per_second,
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


def key_by_id(conn: Connection, scope: Scope, key_id: int) -> ApiKey | None:
    """Return one API key of the workspace."""
    row = conn.execute(
        select(api_keys).where(
            api_keys.c.workspace_id == scope.workspace_id, api_keys.c.id == key_id
        )
    ).one_or_none()
    return None if row is None else _key(row)


def update_key(conn: Connection, scope: Scope, key_id: ApiKeyId, columns: dict[str, Any]) -> None:
    """Set the given columns of one API key of the workspace."""
    if columns:
        conn.execute(
            update(api_keys)
            .where(api_keys.c.workspace_id == scope.workspace_id, api_keys.c.id == key_id)
            .values(columns)
        )


def note_uses(conn: Connection, used: dict[ApiKeyId, Instant]) -> None:
    """Store when API keys, of whichever workspaces, were used last."""
    each = update(api_keys).where(api_keys.c.id == bindparam("key_id"))
    rows = [{"key_id": key_id, "at": at} for key_id, at in used.items()]
    conn.execute(each.values(last_used_at=bindparam("at")), rows)


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


def insert_app_key(
    conn: Connection,
    scope: Scope,
    *,
    key: str,
    name: str,
    allowed_origins: tuple[str, ...] | None,
    events_per_second: int | None,
    now: Instant,
) -> None:
    """Add an app key."""
    columns = {
        "workspace_id": scope.workspace_id,
        "name": name,
        "key": key,
        "allowed_origins": json_list(allowed_origins),
        "events_per_second": events_per_second,
        "created_at": now,
    }
    conn.execute(app_keys.insert(), columns)


def app_key_exists(conn: Connection, key: str) -> bool:
    """Return whether any workspace has or had this app key: keys are unique in the house."""
    return conn.execute(select(app_keys.c.id).where(app_keys.c.key == key)).first() is not None


def all_app_keys(conn: Connection, scope: Scope) -> list[AppKey]:
    """Return the workspace's app keys, revoked ones too, oldest first."""
    rows = conn.execute(
        select(app_keys)
        .where(app_keys.c.workspace_id == scope.workspace_id)
        .order_by(app_keys.c.id)
    )
    return [_app_key(row) for row in rows]


def app_key(conn: Connection, scope: Scope, key: str) -> AppKey | None:
    """Return one app key of the workspace."""
    row = conn.execute(
        select(app_keys).where(app_keys.c.workspace_id == scope.workspace_id, app_keys.c.key == key)
    ).one_or_none()
    return None if row is None else _app_key(row)


def update_app_key(conn: Connection, scope: Scope, key: str, columns: dict[str, Any]) -> None:
    """Set the given columns of one app key of the workspace."""
    if columns:
        conn.execute(
            update(app_keys)
            .where(app_keys.c.workspace_id == scope.workspace_id, app_keys.c.key == key)
            .values(columns)
        )


def revoke_app_keys(conn: Connection, scope: Scope, keys: list[str], now: Instant) -> None:
    """Mark these app keys of the workspace as revoked; those that were keep their time."""
    conn.execute(
        update(app_keys)
        .where(
            app_keys.c.workspace_id == scope.workspace_id,
            app_keys.c.key.in_(keys),
            app_keys.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )


def live_app_key(conn: Connection, key: str) -> tuple[AppKey, Workspace] | None:
    """Return the app key, of whichever workspace, and that one; no revoked key."""
    row = conn.execute(
        select(app_keys).where(app_keys.c.key == key, app_keys.c.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    workspace = workspace_by_id(conn, WorkspaceId(row.workspace_id))
    assert workspace is not None  # a foreign key says so
    return _app_key(row), workspace


def json_list(texts: tuple[str, ...] | None) -> str | None:
    """Return how a list of texts stands in a column; None stays None."""
    return None if texts is None else msgspec.json.encode(texts).decode()


def _texts(column: str | None) -> tuple[str, ...] | None:
    return None if column is None else msgspec.json.decode(column, type=tuple[str, ...])


def _app_key(row: Row[Any]) -> AppKey:
    return AppKey(
        id=AppKeyId(row.id),
        workspace_id=WorkspaceId(row.workspace_id),
        name=row.name,
        key=row.key,
        allowed_origins=_texts(row.allowed_origins),
        events_per_second=row.events_per_second,
        created_at=Instant(row.created_at),
        revoked_at=None if row.revoked_at is None else Instant(row.revoked_at),
    )


def workspace_of_row(row: Row[Any]) -> Workspace:
    """Return the workspace of a row that has its columns."""
    return Workspace(
        id=WorkspaceId(row.id),
        name=row.name,
        time_zone=row.time_zone,
        currency=row.currency,
        created_at=Instant(row.created_at),
        identity_secret=row.identity_secret,
        require_signed_contacts=row.require_signed_contacts,
        browser_attributes=_texts(row.browser_attributes),
    )


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=ApiKeyId(row.id),
        workspace_id=WorkspaceId(row.workspace_id),
        name=row.name,
        scope=row.scope,
        token_start=row.token_start,
        allowed_networks=_texts(row.allowed_networks),
        requests_per_second=row.requests_per_second,
        created_at=Instant(row.created_at),
        last_used_at=None if row.last_used_at is None else Instant(row.last_used_at),
        revoked_at=None if row.revoked_at is None else Instant(row.revoked_at),
    )
