"""Which workspace a statement may see."""

from dataclasses import dataclass

from footfall.kernel.ids import WorkspaceId


@dataclass(frozen=True, slots=True)
class Scope:
    """Permission to read and write one workspace; made only by `footfall.workspaces`.

    Every statement on shop data takes one, so that forgetting the workspace is a type error
    and not a leak.
    """

    workspace_id: WorkspaceId
