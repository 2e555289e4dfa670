"""How a workspace is shown in lists."""

from msgspec import Struct

from footfall.kernel.instants import to_iso
from footfall.workspaces.types import Role, Workspace


class ListedWorkspace(Struct, frozen=True):
    """A workspace that the caller may enter."""

    id: int
    name: str
    time_zone: str
    currency: str | None
    created_at: str
    role: Role | None  #: of the person who asks; null for a token


def shown_workspace(workspace: Workspace, role: Role | None) -> ListedWorkspace:
    """Return a workspace as the list shows it."""
    return ListedWorkspace(
        workspace.id,
        workspace.name,
        workspace.time_zone,
        workspace.currency,
        to_iso(workspace.created_at),
        role,
    )
