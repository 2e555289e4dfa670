"""Use cases of workspaces, their keys and their people; the door that other features import."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from footfall.http.services import Access as Caller
from footfall.http.services import Actor
from footfall.kernel.errors import Conflict, NotFound
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.workspaces import logic, queries
from footfall.workspaces.audit import list_changes, record_change
from footfall.workspaces.keyring import AppKeyring, Keyring, app_access, authenticate
from footfall.workspaces.links import (
    first_owner_link,
    invitations,
    invite,
    link_path,
    open_link,
    password_reset_link,
    withdraw_invitation,
)
from footfall.workspaces.logic import origin_allowed, random_text
from footfall.workspaces.passwords import Passwords, Throttle, TooManyAttempts
from footfall.workspaces.sessions import (
    LONGEST_SESSION_MS,
    csrf_token,
    end_session,
    mark_seen,
    session_of,
    sessions_of,
    sign_out,
    sign_out_everywhere,
    start_session,
)
from footfall.workspaces.sign_in import Authenticator, LinkEnded, WrongCredentials
from footfall.workspaces.types import Access, ApiKey, AppKey, Link, Session, Workspace
from footfall.workspaces.users import (
    add_member,
    change_role,
    get_member,
    get_user,
    list_workspaces_of,
    member_named,
    members,
    remove_member,
    rename_user,
    set_preferences,
)

__all__ = [
    "DEFAULT_NAME",
    "LONGEST_SESSION_MS",
    "AppKeyring",
    "Authenticator",
    "Keyring",
    "Link",
    "LinkEnded",
    "Passwords",
    "Session",
    "Throttle",
    "TooManyAttempts",
    "Workspace",
    "WrongCredentials",
    "add_member",
    "app_access",
    "authenticate",
    "change_role",
    "create_app_key",
    "create_token",
    "create_workspace",
    "csrf_token",
    "end_session",
    "ensure_workspace",
    "first_owner_link",
    "get_app_key",
    "get_member",
    "get_token",
    "get_user",
    "get_workspace",
    "invitations",
    "invite",
    "link_path",
    "list_app_keys",
    "list_changes",
    "list_tokens",
    "list_workspaces",
    "list_workspaces_of",
    "mark_seen",
    "member_named",
    "members",
    "open_link",
    "operator_access",
    "origin_allowed",
    "password_reset_link",
    "random_text",
    "record_change",
    "remove_member",
    "rename_user",
    "revoke_app_key",
    "revoke_token",
    "rotate_identity_secret",
    "scope_of",
    "session_of",
    "sessions_of",
    "set_preferences",
    "sign_out",
    "sign_out_everywhere",
    "start_session",
    "update_app_key",
    "update_token",
    "update_workspace",
    "withdraw_invitation",
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
    require_signed_contacts: bool | UnsetType = UNSET,
    browser_attributes: Sequence[str] | UnsetType | None = UNSET,
) -> Workspace:
    """Return the scope's workspace with the given settings; what is not given stays.

    Raises:
        Invalid: A setting that cannot be.
        Conflict: Another workspace has that name.
    """
    before = get_workspace(conn, scope.workspace_id)
    changes: dict[str, Any] = {}
    if name is not UNSET:
        name = logic.checked_name(name)
        changes["name"] = name
        if name != before.name:
            _refuse_taken(conn, name)
    if time_zone is not UNSET:
        changes["time_zone"] = logic.checked_time_zone(time_zone)
    if currency is not UNSET:
        changes["currency"] = None if currency is None else logic.checked_currency(currency)
    if require_signed_contacts is not UNSET:
        changes["require_signed_contacts"] = require_signed_contacts
    if browser_attributes is not UNSET:
        allowed = logic.checked_browser_attributes(browser_attributes)
        changes["browser_attributes"] = queries.json_list(allowed)
    queries.update_workspace(conn, scope, changes)
    return get_workspace(conn, scope.workspace_id)


def rotate_identity_secret(
    conn: Connection, scope: Scope, random_bytes: Callable[[int], bytes]
) -> str:
    """Return a new identity secret; signatures made with the old one end within a second."""
    secret = random_bytes(32).hex()
    queries.update_workspace(conn, scope, {"identity_secret": secret})
    return secret


def _refuse_taken(conn: Connection, name: str) -> None:
    if queries.workspace_by_name(conn, name) is not None:
        raise Conflict(f'There is a workspace named "{name}" already.', code="workspace_exists")


def scope_of(workspace: Workspace) -> Scope:
    """Return permission to the whole of `workspace`."""
    return Scope(workspace.id)


def operator_access(workspace: Workspace) -> Access:
    """Return the rights of who uses the command line on the machine itself: all of them."""
    return Access(
        scope=scope_of(workspace),
        actor=Actor("operator", 0, "command line"),
        api_key_id=None,
        may_read=True,
        may_write=True,
        may_manage=True,
        time_zone=workspace.time_zone,
    )


def create_token(
    conn: Connection,
    scope: Scope,
    name: str,
    key_scope: str,
    *,
    allowed_networks: Sequence[str] | None = None,
    requests_per_second: int | None = None,
    maker: Caller | None = None,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> tuple[ApiKey, str]:
    """Return a new key and its token, which is stored only as a hash and never shown again.

    Args:
        name: For people; several keys may share one.
        key_scope: `read`, `write` or `read-write`.
        allowed_networks: From where it may be used; None: from anywhere.
        requests_per_second: Requests past it are refused; None: no limit.
        maker: Who may make none that can do more than they can; None: the operator.
        random_bytes: Returns that many bytes nobody can guess.

    Raises:
        Invalid: A name, scope, network or limit that cannot be.
        Forbidden: It could do more than its maker.
    """
    name = logic.checked_name(name)
    checked_scope = logic.checked_scope(key_scope)
    networks = logic.checked_networks(allowed_networks)
    limit = logic.checked_requests_per_second(requests_per_second)
    if maker is not None:
        logic.check_networks_within(maker.allowed_networks, networks)
        logic.check_limit_within(maker.requests_per_second, limit)
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
    return get_token(conn, scope, key_id), token


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
    maker: Caller | None = None,
) -> ApiKey:
    """Return the key with the given settings, in force within a second.

    Args:
        maker: Who may give no key more than they have; None: the operator.

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
        if maker is not None and networks != before.allowed_networks:
            logic.check_networks_within(maker.allowed_networks, networks)
        changes["allowed_networks"] = queries.json_list(networks)
    if requests_per_second is not UNSET:
        limit = logic.checked_requests_per_second(requests_per_second)
        if maker is not None and limit != before.requests_per_second:
            logic.check_limit_within(maker.requests_per_second, limit)
        changes["requests_per_second"] = limit
    queries.update_key(conn, scope, before.id, changes)
    return get_token(conn, scope, before.id)


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


def create_app_key(
    conn: Connection,
    scope: Scope,
    name: str,
    *,
    allowed_origins: Sequence[str] | None = None,
    events_per_second: int | None = None,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> AppKey:
    """Return a new app key, unlike every other that there ever was.

    Args:
        name: For people; several keys may share one.
        allowed_origins: Of pages that may use it; None: any.
        events_per_second: Events past it are refused; None: no limit.

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
    return get_app_key(conn, scope, key)


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
) -> AppKey:
    """Return the app key with the given settings, in force within a second.

    Raises:
        NotFound: The workspace has no such key.
        Invalid: A setting that cannot be.
    """
    get_app_key(conn, scope, key)
    changes: dict[str, Any] = {}
    if name is not UNSET:
        changes["name"] = logic.checked_name(name)
    if allowed_origins is not UNSET:
        origins = logic.checked_origins(allowed_origins)
        changes["allowed_origins"] = queries.json_list(origins)
    if events_per_second is not UNSET:
        changes["events_per_second"] = logic.checked_events_per_second(events_per_second)
    queries.update_app_key(conn, scope, key, changes)
    return get_app_key(conn, scope, key)


def revoke_app_key(conn: Connection, scope: Scope, which: str, now: Instant) -> list[AppKey]:
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
    return [dataclasses.replace(key, revoked_at=key.revoked_at or now) for key in chosen]
