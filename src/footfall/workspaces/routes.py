"""HTTP of the workspace's settings."""

from typing import Final

from litestar import get, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import UNSET, Struct, UnsetType

from footfall.http.services import TheCall
from footfall.http.threads import in_thread
from footfall.kernel.instants import to_iso
from footfall.workspaces import api
from footfall.workspaces.types import Workspace

_TAGS: Final = ["workspace"]


class WorkspaceAnswer(Struct, frozen=True):
    """A shop's settings."""

    id: int
    name: str
    time_zone: str  #: IANA name; days of reports begin by it
    currency: str | None  #: ISO 4217
    created_at: str


class WorkspaceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings to change; what is missing stays."""

    name: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    currency: str | UnsetType | None = UNSET


def _shown(workspace: Workspace) -> WorkspaceAnswer:
    return WorkspaceAnswer(
        workspace.id,
        workspace.name,
        workspace.time_zone,
        workspace.currency,
        to_iso(workspace.created_at),
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
    with call.writing() as conn:
        return _shown(
            api.update_workspace(
                conn,
                call.scope,
                name=data.name,
                time_zone=data.time_zone,
                currency=data.currency,
            )
        )


ROUTES: Final[list[HTTPRouteHandler]] = [read_workspace, change_workspace]
