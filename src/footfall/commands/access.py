"""`footfall workspaces`, `tokens` and `app-keys`: straight to the state store, server or no."""

import secrets
from collections.abc import Sequence
from contextlib import closing

from sqlalchemy import Connection

from footfall.bootstrap import clock, open_migrated_state
from footfall.commands.tables import print_table
from footfall.kernel.instants import to_iso
from footfall.settings import Settings
from footfall.workspaces.api import (
    Author,
    create_app_key,
    create_token,
    create_workspace_as_operator,
    list_app_keys,
    list_tokens,
    list_workspaces,
    operator_access,
    revoke_app_key,
    revoke_token,
    scope_of,
    workspace_named,
)


def _operator(conn: Connection, workspace: str) -> Author:
    """Return who uses the command line, as the audit log names them."""
    return Author(operator_access(workspace_named(conn, workspace)), clock())


def add_workspace(settings: Settings, name: str, time_zone: str, currency: str | None) -> int:
    """Create a workspace and print its id."""
    with closing(open_migrated_state(settings)) as state, state.write() as conn:
        workspace = create_workspace_as_operator(
            conn,
            name,
            time_zone=time_zone,
            currency=currency,
            now=clock(),
            random_bytes=secrets.token_bytes,
        )
    print(workspace.id)
    return 0


def show_workspaces(settings: Settings) -> int:
    """Print all workspaces."""
    with closing(open_migrated_state(settings)) as state, state.read() as conn:
        rows = [
            (str(w.id), w.name, w.time_zone, w.currency or "-", to_iso(w.created_at))
            for w in list_workspaces(conn)
        ]
    print_table(("ID", "NAME", "TIME ZONE", "CURRENCY", "CREATED"), rows)
    return 0


def add_token(
    settings: Settings,
    name: str,
    key_scope: str,
    networks: Sequence[str] | None,
    requests_per_second: int | None,
    workspace: str,
) -> int:
    """Create a token and print it, and nothing else."""
    with closing(open_migrated_state(settings)) as state, state.write() as conn:
        by = _operator(conn, workspace)
        _, token = create_token(
            conn,
            by.access.scope,
            name,
            key_scope,
            allowed_networks=networks,
            requests_per_second=requests_per_second,
            by=by,
            now=by.now,
            random_bytes=secrets.token_bytes,
        )
    print(token)
    return 0


def show_tokens(settings: Settings, workspace: str) -> int:
    """Print the tokens of a workspace, without their secrets."""
    with closing(open_migrated_state(settings)) as state, state.read() as conn:
        keys = list_tokens(conn, scope_of(workspace_named(conn, workspace)))
    rows = [
        (
            str(key.id),
            key.name,
            key.scope,
            f"{key.token_start}…",
            "any" if key.allowed_networks is None else " ".join(key.allowed_networks),
            "-" if key.requests_per_second is None else str(key.requests_per_second),
            to_iso(key.created_at),
            to_iso(key.last_used_at) if key.last_used_at is not None else "-",
            to_iso(key.revoked_at) if key.revoked_at is not None else "-",
        )
        for key in keys
    ]
    header = ("ID", "NAME", "SCOPE", "TOKEN", "NETWORKS", "REQUESTS/S")
    print_table((*header, "CREATED", "LAST USE", "REVOKED"), rows)
    return 0


def end_token(settings: Settings, which: str, workspace: str) -> int:
    """Revoke the token of that id, or all of that name."""
    with closing(open_migrated_state(settings)) as state, state.write() as conn:
        by = _operator(conn, workspace)
        revoked = revoke_token(conn, by.access.scope, which, by.now, by)
    for key in revoked:
        print(f"Revoked {key.token_start}… ({key.name}); requests with it end within a second.")
    return 0


def add_app_key(
    settings: Settings,
    name: str,
    origins: Sequence[str] | None,
    events_per_second: int | None,
    workspace: str,
) -> int:
    """Create an app key and print it, and nothing else."""
    with closing(open_migrated_state(settings)) as state, state.write() as conn:
        by = _operator(conn, workspace)
        key = create_app_key(
            conn,
            by.access.scope,
            name,
            allowed_origins=origins,
            events_per_second=events_per_second,
            by=by,
            now=by.now,
            random_bytes=secrets.token_bytes,
        )
    print(key.key)
    return 0


def show_app_keys(settings: Settings, workspace: str) -> int:
    """Print the app keys of a workspace."""
    with closing(open_migrated_state(settings)) as state, state.read() as conn:
        keys = list_app_keys(conn, scope_of(workspace_named(conn, workspace)))
    rows = [
        (
            key.key,
            key.name,
            "any" if key.allowed_origins is None else " ".join(key.allowed_origins),
            "-" if key.events_per_second is None else str(key.events_per_second),
            to_iso(key.created_at),
            to_iso(key.revoked_at) if key.revoked_at is not None else "-",
        )
        for key in keys
    ]
    print_table(("KEY", "NAME", "ORIGINS", "EVENTS/S", "CREATED", "REVOKED"), rows)
    return 0


def end_app_key(settings: Settings, which: str, workspace: str) -> int:
    """Revoke that app key, or all of that name."""
    with closing(open_migrated_state(settings)) as state, state.write() as conn:
        by = _operator(conn, workspace)
        revoked = revoke_app_key(conn, by.access.scope, which, by.now, by)
    for key in revoked:
        print(f"Revoked {key.key} ({key.name}); requests with it end within a second.")
    return 0
