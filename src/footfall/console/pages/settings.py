"""Settings: what a workspace is, and which workspaces there are."""

from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal
from footfall.console.page_kit import Console, TheConsole
from footfall.kernel.instants import zone

_WORKSPACE: Final = "/api/v1/workspace"


@cache
def time_zones() -> list[str]:
    """Return the names of all time zones that a workspace may have."""
    return sorted(name for name in available_timezones() if zone(name))


def lines_of(text: str) -> list[str]:
    """Return the lines of a text field that have something in them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


@get("/w/{workspace_id:int}/settings")
async def settings(console: TheConsole) -> Response[str]:
    """Lead to what can be set."""
    found = await console.api.get(_WORKSPACE)
    return console.page("settings/home.html", title="Settings", active="settings", found=found)


async def _workspace_page(
    console: Console,
    given: dict[str, Any] | None = None,
    status: int = 200,
    problems: dict[str, str] | None = None,
) -> Response[str]:
    found = await console.api.get(_WORKSPACE)
    return console.page(
        "settings/workspace.html",
        title="Workspace",
        active="settings",
        status=status,
        problems=problems,
        found={**found, **(given or {})},
        time_zones=time_zones(),
    )


@get("/w/{workspace_id:int}/settings/workspace")
async def workspace(console: TheConsole) -> Response[str]:
    """Show the settings of the workspace; who may not change them reads them."""
    return await _workspace_page(console)


@post("/w/{workspace_id:int}/settings/workspace")
async def change_workspace(console: TheConsole) -> Response[str]:
    """Change the settings."""
    only_listed = console.field("browser_rule") == "listed"
    changes = {
        "name": console.field("name"),
        "time_zone": console.field("time_zone"),
        "currency": console.field("currency") or None,
        "require_signed_contacts": console.field("require_signed_contacts") == "yes",
        "browser_attributes": lines_of(console.field("browser_attributes"))
        if only_listed
        else None,
    }
    try:
        await console.api.patch(_WORKSPACE, changes)
    except ApiRefusal as refusal:
        problems = refusal.by_field
        if refusal.code == "workspace_exists":
            problems = {"name": refusal.detail}
        return await _workspace_page(console, changes, refusal.status, problems)
    return console.go(console.url("/settings/workspace"), "The settings are saved.")


async def _workspaces_page(
    console: Console, status: int = 200, problems: dict[str, str] | None = None
) -> Response[str]:
    found = await console.api.get("/api/v1/workspaces")
    return console.page(
        "settings/workspaces.html",
        title="Workspaces",
        active="settings",
        status=status,
        problems=problems,
        listed=found["results"],
        owns_one=any(one["role"] == "owner" for one in found["results"]),
        time_zones=time_zones(),
    )


@get("/w/{workspace_id:int}/settings/workspaces")
async def workspaces(console: TheConsole) -> Response[str]:
    """List the person's workspaces, with ways to make more."""
    return await _workspaces_page(console)


@post("/w/{workspace_id:int}/settings/workspaces")
async def create_workspace(console: TheConsole) -> Response[str]:
    """Make an empty workspace and open it."""
    body = {
        "name": console.field("name"),
        "time_zone": console.field("time_zone") or "UTC",
        "currency": console.field("currency") or None,
    }
    try:
        made = await console.api.post("/api/v1/workspaces", body)
    except ApiRefusal as refusal:
        problems = refusal.by_field
        if refusal.code == "workspace_exists":
            problems = {"name": refusal.detail}
        return await _workspaces_page(console, refusal.status, problems)
    return console.go(f"/w/{made['id']}/install", f"{made['name']} is ready for its first event.")


@post("/w/{workspace_id:int}/settings/workspaces/{copied_id:int}/copy")
async def copy_workspace(console: TheConsole, copied_id: FromPath[int]) -> Response[str]:
    """Copy the settings of a workspace into a new one and open that."""
    try:
        made = await console.api.post(f"/api/v1/workspaces/{copied_id}/copy")
    except ApiRefusal as refusal:
        return await _workspaces_page(console, refusal.status, {"": refusal.detail})
    return console.go(
        f"/w/{made['id']}/settings/workspace",
        f"{made['name']} has the settings, and none of the data. Its app keys are new.",
    )


ROUTES: Final[list[HTTPRouteHandler]] = [
    settings,
    workspace,
    change_workspace,
    workspaces,
    create_workspace,
    copy_workspace,
]
