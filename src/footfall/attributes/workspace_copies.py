"""Copies the settings of a workspace into a new one, to try things out in.

Here and not among workspaces, because attribute definitions are among what is copied.
"""

from collections.abc import Callable
from typing import Final, get_args

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from sqlalchemy import Connection

from footfall.attributes import queries
from footfall.attributes.types import ObjectKind
from footfall.http.auth import OWN_ACCOUNT
from footfall.http.edge import record_id
from footfall.http.services import Access, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Forbidden, NotFound
from footfall.kernel.ids import UserId
from footfall.kernel.instants import Instant
from footfall.workspaces.api import (
    ListedWorkspace,
    create_app_key,
    create_workspace_for,
    free_name,
    list_app_keys,
    list_workspaces_of,
    scope_of,
    shown_workspace,
    update_workspace,
)
from footfall.workspaces.types import Workspace


def copy_settings(
    conn: Connection,
    caller: Access,
    workspace_id: int,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> Workspace:
    """Return a new workspace with the settings of one that the caller owns.

    Time zone, currency, rules for browsers, attribute definitions, and an app key for each that
    lives; no products, contacts, events, tokens or people.

    Raises:
        Forbidden: The caller is no person, or not an owner of it.
        NotFound: They are in no such workspace.
    """
    source = _owned(conn, caller, workspace_id)
    copy, author = create_workspace_for(
        conn,
        caller,
        free_name(conn, source.name, "test"),
        time_zone=source.time_zone,
        currency=source.currency,
        now=now,
        random_bytes=random_bytes,
    )
    old, new = scope_of(source), scope_of(copy)
    copy = update_workspace(
        conn,
        new,
        require_signed_contacts=source.require_signed_contacts,
        browser_attributes=source.browser_attributes,
        by=author,
    )
    for kind in get_args(ObjectKind):
        definitions = queries.stored_definitions(conn, old, kind)
        if definitions:
            queries.insert_definitions(conn, new, definitions)
    for key in list_app_keys(conn, old):
        if key.revoked_at is None:
            create_app_key(
                conn,
                new,
                key.name,
                allowed_origins=key.allowed_origins,
                events_per_second=key.events_per_second,
                by=author,
                now=now,
                random_bytes=random_bytes,
            )
    return copy


def _owned(conn: Connection, caller: Access, workspace_id: int) -> Workspace:
    if caller.actor.kind != "user":
        raise Forbidden("This is for people who are signed in, not for tokens.", code="people_only")
    for known in list_workspaces_of(conn, UserId(caller.actor.id)):
        if known.workspace.id == workspace_id:
            if known.role != "owner":
                raise Forbidden("Only an owner of this workspace may do this.")
            return known.workspace
    raise NotFound("There is no such workspace, or you are not in it.")


@post(
    "/api/v1/workspaces/{workspace_id:str}/copy",
    summary="Copy the settings of a workspace",
    tags=["workspaces"],
    opt={OWN_ACCOUNT: True},
)
@in_thread
def copy_workspace(call: TheCall, workspace_id: FromPath[str]) -> ListedWorkspace:
    """Make a workspace to try things out in, with the settings of this one and none of its data."""
    with call.write() as (conn, receipt):
        copy = copy_settings(
            conn, call.access, record_id(workspace_id), receipt.now, call.services.random_bytes
        )
    return shown_workspace(copy, "owner")


ROUTES: Final[list[HTTPRouteHandler]] = [copy_workspace]
