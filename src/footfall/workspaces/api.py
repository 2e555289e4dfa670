"""Use cases of workspaces, their keys and their people; the door that other features import."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from footfall.http.services import Access as Caller
from footfall.http.services import Actor
from footfall.kernel.errors import Conflict, Forbidden, NotFound
from footfall.kernel.ids import UserId, WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.workspaces import logic, queries
from footfall.workspaces.answers import ListedWorkspace, shown_workspace
from footfall.workspaces.app_keys import (
    create_app_key,
    get_app_key,
    list_app_keys,
    revoke_app_key,
    update_app_key,
)
from footfall.workspaces.audit import Author, list_changes, record_by, record_change
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
from footfall.workspaces.tokens import (
    create_token,
    get_token,
    list_tokens,
    revoke_token,
    update_token,
)
from footfall.workspaces.types import Access, Link, Session, Workspace
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
    "Author",
    "Keyring",
    "Link",
    "LinkEnded",
    "ListedWorkspace",
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
    "create_workspace_as_operator",
    "create_workspace_for",
    "csrf_token",
    "end_session",
    "ensure_workspace",
    "first_owner_link",
    "free_name",
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
    "shown_workspace",
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
    by: Author | None = None,
) -> Workspace:
    """Return the scope's workspace with the given settings; what is not given stays.

    Args:
        by: Who changes it, which is written down.

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
    after = get_workspace(conn, scope.workspace_id)
    record_by(
        conn,
        by,
        action="workspace.changed",
        object_kind="workspace",
        object_id=str(after.id),
        object_name=after.name,
        before=_settings(before),
        after=_settings(after),
    )
    return after


def _settings(workspace: Workspace) -> dict[str, Any]:
    return {
        "name": workspace.name,
        "time_zone": workspace.time_zone,
        "currency": workspace.currency,
        "require_signed_contacts": workspace.require_signed_contacts,
        "browser_attributes": workspace.browser_attributes,
    }


def rotate_identity_secret(
    conn: Connection,
    scope: Scope,
    random_bytes: Callable[[int], bytes],
    by: Author | None = None,
) -> str:
    """Return a new identity secret; signatures made with the old one end within a second.

    Args:
        by: Who makes it, which is written down without the secret.
    """
    secret = random_bytes(32).hex()
    queries.update_workspace(conn, scope, {"identity_secret": secret})
    record_by(
        conn,
        by,
        action="identity_secret.rotated",
        object_kind="identity_secret",
        object_id=str(scope.workspace_id),
        before=None,
        after=None,
    )
    return secret


def create_workspace_for(
    conn: Connection,
    caller: Caller,
    name: str,
    *,
    time_zone: str = "UTC",
    currency: str | None = None,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> tuple[Workspace, Author]:
    """Return the new workspace, and its first owner as the author of what follows in it.

    Args:
        caller: A person who owns a workspace already.

    Raises:
        Forbidden: Anybody else.
        Invalid: A name, time zone or currency that cannot be.
        Conflict: There is one of that name.
    """
    if caller.actor.kind != "user":
        raise Forbidden("This is for people who are signed in, not for tokens.", code="people_only")
    owner = UserId(caller.actor.id)
    if all(known.role != "owner" for known in list_workspaces_of(conn, owner)):
        raise Forbidden("Only who owns a workspace may create another.")
    made = create_workspace(
        conn, name, time_zone=time_zone, currency=currency, now=now, random_bytes=random_bytes
    )
    access = dataclasses.replace(operator_access(made), actor=caller.actor)
    author = Author(access, now)
    _record_creation(conn, author, made)
    add_member(conn, access, owner, "owner", now)
    return made, author


def create_workspace_as_operator(
    conn: Connection,
    name: str,
    *,
    time_zone: str,
    currency: str | None,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> Workspace:
    """Return the new workspace, which the command line made; its audit log begins with that.

    Raises:
        Invalid: A name, time zone or currency that cannot be.
        Conflict: There is one of that name.
    """
    made = create_workspace(
        conn, name, time_zone=time_zone, currency=currency, now=now, random_bytes=random_bytes
    )
    _record_creation(conn, Author(operator_access(made), now), made)
    return made


def _record_creation(conn: Connection, by: Author, made: Workspace) -> None:
    record_by(
        conn,
        by,
        action="workspace.created",
        object_kind="workspace",
        object_id=str(made.id),
        object_name=made.name,
        before=None,
        after=_settings(made),
    )


def _refuse_taken(conn: Connection, name: str) -> None:
    if queries.workspace_by_name(conn, name) is not None:
        raise Conflict(f'There is a workspace named "{name}" already.', code="workspace_exists")


def free_name(conn: Connection, name: str, purpose: str) -> str:
    """Return a name that no workspace has: `shop (test)`, or `shop (test 2)` and so on."""
    number = 1
    while True:
        end = f" ({purpose})" if number == 1 else f" ({purpose} {number})"
        wanted = name[: logic.MAX_NAME_CHARACTERS - len(end)].rstrip() + end
        if queries.workspace_by_name(conn, wanted) is None:
            return wanted
        number += 1


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
