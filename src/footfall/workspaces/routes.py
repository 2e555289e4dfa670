"""HTTP of the workspace's settings and its app keys."""

from typing import Final

from litestar import delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType

from footfall.http.auth import check_manages
from footfall.http.services import TheCall
from footfall.http.threads import in_thread
from footfall.kernel.instants import to_iso
from footfall.workspaces import api
from footfall.workspaces.account_routes import ROUTES as ACCOUNT_ROUTES
from footfall.workspaces.token_routes import ROUTES as TOKEN_ROUTES
from footfall.workspaces.types import AppKey, Workspace
from footfall.workspaces.user_routes import ROUTES as USER_ROUTES
from footfall.workspaces.workspace_routes import ROUTES as WORKSPACE_ROUTES

_TAGS: Final = ["workspace"]
_APP_KEYS: Final = ["app keys"]


class WorkspaceAnswer(Struct, frozen=True):
    """A shop's settings."""

    id: int
    name: str
    time_zone: str  #: IANA name; days of reports begin by it
    currency: str | None  #: ISO 4217
    created_at: str
    #: Whether a `user_id` from a browser counts only with a signature.
    require_signed_contacts: bool
    #: Product attributes that browsers may write; null: any.
    browser_attributes: tuple[str, ...] | None


class WorkspaceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings to change; what is missing stays."""

    name: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    currency: str | UnsetType | None = UNSET
    require_signed_contacts: bool | UnsetType = UNSET
    browser_attributes: list[str] | UnsetType | None = UNSET


class IdentitySecretAnswer(Struct, frozen=True):
    """What the shop's server signs contact ids with."""

    identity_secret: str  #: 64 hexadecimal digits


class AppKeyAnswer(Struct, frozen=True):
    """A public key of browsers and mobile apps."""

    key: str
    name: str
    allowed_origins: tuple[str, ...] | None  #: null: pages of any origin
    events_per_second: int | None  #: null: no limit
    created_at: str
    revoked_at: str | None


class AppKeyList(Struct, frozen=True):
    """Every app key, revoked ones too, oldest first."""

    results: list[AppKeyAnswer]


class NewAppKeyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """An app key to create."""

    name: str
    allowed_origins: list[str] | None = None
    events_per_second: int | None = None


class AppKeyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of an app key to change; what is missing stays."""

    name: str | UnsetType = UNSET
    allowed_origins: list[str] | UnsetType | None = UNSET
    events_per_second: int | UnsetType | None = UNSET


def _shown(workspace: Workspace) -> WorkspaceAnswer:
    return WorkspaceAnswer(
        workspace.id,
        workspace.name,
        workspace.time_zone,
        workspace.currency,
        to_iso(workspace.created_at),
        workspace.require_signed_contacts,
        workspace.browser_attributes,
    )


def _shown_key(key: AppKey) -> AppKeyAnswer:
    return AppKeyAnswer(
        key.key,
        key.name,
        key.allowed_origins,
        key.events_per_second,
        to_iso(key.created_at),
        None if key.revoked_at is None else to_iso(key.revoked_at),
    )


@get("/api/v1/workspace", summary="Read the settings", tags=_TAGS)
@in_thread
def read_workspace(call: TheCall) -> WorkspaceAnswer:
    """Answer the settings of the workspace that the token opens."""
    with call.read() as conn:
        return _shown(api.get_workspace(conn, call.scope.workspace_id))


@patch("/api/v1/workspace", summary="Change the settings", tags=_TAGS)
@in_thread
def change_workspace(call: TheCall, data: JSONBody[WorkspaceBody]) -> WorkspaceAnswer:
    """Change what is given."""
    check_manages(call.access)
    with call.write() as (conn, receipt):
        return _shown(
            api.update_workspace(
                conn,
                call.scope,
                by=api.Author(call.access, receipt.now),
                name=data.name,
                time_zone=data.time_zone,
                currency=data.currency,
                require_signed_contacts=data.require_signed_contacts,
                browser_attributes=data.browser_attributes,
            )
        )


@get("/api/v1/identity-secret", summary="Read the identity secret", tags=_TAGS)
@in_thread
def read_identity_secret(call: TheCall) -> IdentitySecretAnswer:
    """Answer what contact ids are signed with; to a token that may read and write."""
    check_manages(call.access)
    with call.read() as conn:
        workspace = api.get_workspace(conn, call.scope.workspace_id)
    return IdentitySecretAnswer(workspace.identity_secret)


@post(
    "/api/v1/identity-secret",
    status_code=200,
    summary="Make a new identity secret",
    tags=_TAGS,
)
@in_thread
def rotate_identity_secret(call: TheCall) -> IdentitySecretAnswer:
    """Make a new one; signatures made with the old one are refused within a second."""
    check_manages(call.access)
    with call.write() as (conn, receipt):
        secret = api.rotate_identity_secret(
            conn,
            call.scope,
            call.services.random_bytes,
            api.Author(call.access, receipt.now),
        )
    return IdentitySecretAnswer(secret)


@get("/api/v1/app-keys", summary="List app keys", tags=_APP_KEYS)
@in_thread
def list_app_keys(call: TheCall) -> AppKeyList:
    """Answer every app key, revoked ones too, oldest first."""
    with call.read() as conn:
        return AppKeyList([_shown_key(key) for key in api.list_app_keys(conn, call.scope)])


@post("/api/v1/app-keys", summary="Create an app key", tags=_APP_KEYS)
@in_thread
def create_app_key(call: TheCall, data: JSONBody[NewAppKeyBody]) -> AppKeyAnswer:
    """Make a key for pages of `allowed_origins`, or of any."""
    check_manages(call.access)
    with call.write() as (conn, receipt):
        key = api.create_app_key(
            conn,
            call.scope,
            data.name,
            allowed_origins=data.allowed_origins,
            events_per_second=data.events_per_second,
            by=api.Author(call.access, receipt.now),
            now=receipt.now,
            random_bytes=call.services.random_bytes,
        )
    return _shown_key(key)


@patch("/api/v1/app-keys/{key:str}", summary="Change an app key", tags=_APP_KEYS)
@in_thread
def change_app_key(call: TheCall, key: FromPath[str], data: JSONBody[AppKeyBody]) -> AppKeyAnswer:
    """Change what is given; in force within a second."""
    check_manages(call.access)
    with call.write() as (conn, receipt):
        changed = api.update_app_key(
            conn,
            call.scope,
            key,
            by=api.Author(call.access, receipt.now),
            name=data.name,
            allowed_origins=data.allowed_origins,
            events_per_second=data.events_per_second,
        )
    return _shown_key(changed)


@delete("/api/v1/app-keys/{key:str}", status_code=204, summary="Revoke an app key", tags=_APP_KEYS)
@in_thread
def revoke_app_key(call: TheCall, key: FromPath[str]) -> None:
    """Refuse the key from within a second on; it stays on the list."""
    check_manages(call.access)
    with call.write() as (conn, receipt):
        api.get_app_key(conn, call.scope, key)  # a name is none
        by = api.Author(call.access, receipt.now)
        api.revoke_app_key(conn, call.scope, key, receipt.now, by)


ROUTES: Final[list[HTTPRouteHandler]] = [
    *WORKSPACE_ROUTES,
    *TOKEN_ROUTES,
    read_workspace,
    change_workspace,
    read_identity_secret,
    rotate_identity_secret,
    list_app_keys,
    create_app_key,
    change_app_key,
    revoke_app_key,
    *USER_ROUTES,
    *ACCOUNT_ROUTES,
]
