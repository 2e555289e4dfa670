"""`footfall users`: straight to the state store, server or no, for who is at the machine itself."""

import secrets
from contextlib import closing

from footfall.bootstrap import clock, open_migrated_state
from footfall.commands.tables import print_table
from footfall.kernel.instants import to_iso
from footfall.settings import Settings
from footfall.workspaces.api import (
    invite,
    link_path,
    member_named,
    members,
    operator_access,
    password_reset_link,
    workspace_named,
)


def show_users(settings: Settings, workspace: str) -> int:
    """Print the people of a workspace."""
    with closing(open_migrated_state(settings)) as state, state.read() as conn:
        found = members(conn, operator_access(workspace_named(conn, workspace)).scope)
    rows = [
        (
            str(member.user.id),
            member.user.email,
            member.user.name,
            member.role,
            "-" if member.user.last_seen_at is None else to_iso(member.user.last_seen_at),
        )
        for member in found
    ]
    print_table(("ID", "E-MAIL", "NAME", "ROLE", "LAST SEEN"), rows)
    return 0


def invite_user(
    settings: Settings, email: str, role: str, workspace: str, base_url: str | None
) -> int:
    """Print a link by which somebody joins the workspace, and nothing else."""
    with closing(open_migrated_state(settings)) as state, state.write() as conn:
        access = operator_access(workspace_named(conn, workspace))
        _, token = invite(conn, access, email, role, clock(), secrets.token_bytes)
    print(_url(settings, base_url, token))
    return 0


def make_reset_link(settings: Settings, email: str, workspace: str, base_url: str | None) -> int:
    """Print a link by which somebody sets a new password, and nothing else."""
    with closing(open_migrated_state(settings)) as state, state.write() as conn:
        access = operator_access(workspace_named(conn, workspace))
        user = member_named(conn, access.scope, email).user
        _, token = password_reset_link(conn, access, user.id, clock(), secrets.token_bytes)
    print(_url(settings, base_url, token))
    return 0


def _url(settings: Settings, base_url: str | None, token: str) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return (base_url or f"http://{host}:{settings.port}").rstrip("/") + link_path(token)
