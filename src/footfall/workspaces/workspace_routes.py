"""HTTP of the workspaces that the caller may enter, and of new ones."""

from typing import Final

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from footfall.http.auth import OWN_ACCOUNT
from footfall.http.services import TheCall
from footfall.http.threads import in_thread
from footfall.kernel.ids import UserId
from footfall.workspaces import api
from footfall.workspaces.answers import ListedWorkspace, shown_workspace

_TAGS: Final = ["workspaces"]


class WorkspaceList(Struct, frozen=True):
    """All of them, by name."""

    results: list[ListedWorkspace]


class NewWorkspaceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A workspace to create."""

    name: str
    time_zone: str = "UTC"
    currency: str | None = None


@get("/api/v1/workspaces", summary="List the workspaces you may enter", tags=_TAGS)
@in_thread
def list_workspaces(call: TheCall) -> WorkspaceList:
    """Answer a person's workspaces by name, to a token the one that it opens."""
    with call.read() as conn:
        if call.access.actor.kind != "user":
            own = api.get_workspace(conn, call.scope.workspace_id)
            return WorkspaceList([shown_workspace(own, None)])
        found = api.list_workspaces_of(conn, UserId(call.access.actor.id))
    return WorkspaceList([shown_workspace(known.workspace, known.role) for known in found])


@post(
    "/api/v1/workspaces",
    summary="Create a workspace",
    tags=_TAGS,
    # Whatever the person is in the workspace at hand: what counts is that they own one.
    opt={OWN_ACCOUNT: True},
)
@in_thread
def create_workspace(call: TheCall, data: JSONBody[NewWorkspaceBody]) -> ListedWorkspace:
    """Make an empty workspace, of which the person who asks is the owner."""
    with call.write() as (conn, receipt):
        made, _ = api.create_workspace_for(
            conn,
            call.access,
            data.name,
            time_zone=data.time_zone,
            currency=data.currency,
            now=receipt.now,
            random_bytes=call.services.random_bytes,
        )
    return shown_workspace(made, "owner")


ROUTES: Final[list[HTTPRouteHandler]] = [list_workspaces, create_workspace]
