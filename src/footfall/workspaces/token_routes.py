"""HTTP of the tokens of the REST API itself."""

from typing import Final, Literal

from litestar import delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType, structs

from footfall.http.auth import check_manages
from footfall.http.edge import record_id
from footfall.http.services import TheCall
from footfall.http.threads import in_thread
from footfall.kernel.instants import to_iso
from footfall.workspaces import api
from footfall.workspaces.types import ApiKey

_TAGS: Final = ["tokens"]


class TokenAnswer(Struct, frozen=True):
    """A token of the REST API, without its secret."""

    id: int
    name: str
    scope: Literal["read", "write", "read-write"]
    token_start: str  #: the first eight characters, to tell tokens apart
    allowed_networks: tuple[str, ...] | None  #: null: from anywhere
    requests_per_second: int | None  #: null: no limit
    created_at: str
    #: To the minute; requests that were turned away count, too. Null: never.
    last_used_at: str | None
    revoked_at: str | None


class NewTokenAnswer(TokenAnswer, frozen=True):
    """A new token with its secret, which is never shown again."""

    token: str  #: 64 characters


class TokenList(Struct, frozen=True):
    """Every token, revoked ones too, oldest first."""

    results: list[TokenAnswer]


class NewTokenBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A token to create."""

    name: str
    scope: Literal["read", "write", "read-write"] = "read-write"
    allowed_networks: list[str] | None = None
    requests_per_second: int | None = None


class TokenBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a token to change; what is missing stays."""

    name: str | UnsetType = UNSET
    allowed_networks: list[str] | UnsetType | None = UNSET
    requests_per_second: int | UnsetType | None = UNSET


def _shown(key: ApiKey) -> TokenAnswer:
    return TokenAnswer(
        key.id,
        key.name,
        key.scope,
        key.token_start,
        key.allowed_networks,
        key.requests_per_second,
        to_iso(key.created_at),
        None if key.last_used_at is None else to_iso(key.last_used_at),
        None if key.revoked_at is None else to_iso(key.revoked_at),
    )


@get("/api/v1/tokens", summary="List tokens", tags=_TAGS)
@in_thread
def list_tokens(call: TheCall) -> TokenList:
    """Answer every token of the workspace without its secret, revoked ones too, oldest first."""
    check_manages(call.access)
    with call.read() as conn:
        return TokenList([_shown(key) for key in api.list_tokens(conn, call.scope)])


@get("/api/v1/tokens/{token_id:str}", summary="Read a token", tags=_TAGS)
@in_thread
def read_token(call: TheCall, token_id: FromPath[str]) -> TokenAnswer:
    """Answer one token without its secret."""
    check_manages(call.access)
    with call.read() as conn:
        return _shown(api.get_token(conn, call.scope, record_id(token_id)))


@post("/api/v1/tokens", summary="Create a token", tags=_TAGS)
@in_thread
def create_token(call: TheCall, data: JSONBody[NewTokenBody]) -> NewTokenAnswer:
    """Make a token that can do no more than the one that asks, and show it this once."""
    check_manages(call.access)
    with call.write() as (conn, receipt):
        key, token = api.create_token(
            conn,
            call.scope,
            data.name,
            data.scope,
            allowed_networks=data.allowed_networks,
            requests_per_second=data.requests_per_second,
            by=api.Author(call.access, receipt.now),
            now=receipt.now,
            random_bytes=call.services.random_bytes,
        )
    return NewTokenAnswer(**structs.asdict(_shown(key)), token=token)


@patch("/api/v1/tokens/{token_id:str}", summary="Change a token", tags=_TAGS)
@in_thread
def change_token(call: TheCall, token_id: FromPath[str], data: JSONBody[TokenBody]) -> TokenAnswer:
    """Change what is given; in force within a second."""
    check_manages(call.access)
    with call.write() as (conn, receipt):
        changed = api.update_token(
            conn,
            call.scope,
            record_id(token_id),
            name=data.name,
            allowed_networks=data.allowed_networks,
            requests_per_second=data.requests_per_second,
            by=api.Author(call.access, receipt.now),
        )
    return _shown(changed)


@delete("/api/v1/tokens/{token_id:str}", status_code=204, summary="Revoke a token", tags=_TAGS)
@in_thread
def revoke_token(call: TheCall, token_id: FromPath[str]) -> None:
    """Refuse the token from within a second on; it stays on the list."""
    check_manages(call.access)
    with call.write() as (conn, receipt):
        key = api.get_token(conn, call.scope, record_id(token_id))  # a name is none
        by = api.Author(call.access, receipt.now)
        api.revoke_token(conn, call.scope, str(key.id), receipt.now, by)


ROUTES: Final[list[HTTPRouteHandler]] = [
    list_tokens,
    read_token,
    create_token,
    change_token,
    revoke_token,
]
