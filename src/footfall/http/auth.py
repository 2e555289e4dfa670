"""Lets requests in by their token, before anything else of them is read."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from footfall.http.headers import token_of
from footfall.http.services import ACCESS, Access, Services
from footfall.kernel.errors import Forbidden, Unauthorized

#: The key of a route's `opt` by which people write there whatever their role: of their own account.
OWN_ACCOUNT = "own_account"

#: RFC 9110 calls these safe: they change nothing.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_rights(access: Access | None, method: str) -> Access:
    """Return `access` if it allows `method`: GET needs the right to read, all else to write.

    Raises:
        Unauthorized: There is none.
        Forbidden: It does not.
    """
    if access is None:
        raise Unauthorized("Send a valid token: Authorization: Token <64 characters>.")
    if not (access.may_read if method in SAFE_METHODS else access.may_write):
        wanted = "read" if method in SAFE_METHODS else "write"
        who = "token" if access.actor.kind == "token" else "role"
        raise Forbidden(f"This {who} may not {wanted}.")
    return access


def check_manages(access: Access) -> None:
    """Do nothing for who may change settings and see keys and secrets, which open the rest.

    Raises:
        Forbidden: Anybody else.
    """
    if not access.may_manage:
        raise Forbidden(
            "This needs a token that may read and write."
            if access.actor.kind == "token"
            else "Only an owner of this workspace may do this."
        )


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Prove the request's token and leave its rights in the scope (a Litestar guard).

    Where they are in the scope already, our own process has called (the console, for a person whose
    session it knows): nobody outside can write there.
    """
    services: Services = connection.app.state.services
    access: Access | None = connection.scope.get(ACCESS)  # type: ignore[assignment]  # our own key
    if access is None:
        token = token_of(connection.headers.get("authorization"))
        access = None if token is None else await services.keyring.find_async(token)
    # Such a route reads, as far as the workspace is concerned; it refuses tokens itself.
    method = "GET" if handler.opt.get(OWN_ACCOUNT) else str(connection.scope.get("method", "GET"))
    proven = check_rights(access, method)
    services.admission.check(proven, connection.scope)
    connection.scope[ACCESS] = proven  # type: ignore[literal-required]  # our own key
