"""Install: what a newcomer copies into the shop, and whether it works."""

import asyncio
from typing import Any, Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from footfall.console.api_calls import ApiRefusal
from footfall.console.page_kit import Console, TheConsole
from footfall.console.pages.live import shown_row
from footfall.console.wording import TYPE_NAMES


async def _page(
    console: Console, *, token: str | None = None, status: int = 200, problem: str = ""
) -> Response[str]:
    call = console.api.get
    app_keys, events, activities, product_groups, contact_groups = await asyncio.gather(
        call("/api/v1/app-keys"),
        call("/api/v1/events", {"limit": 1}),
        call("/api/v1/activities", {"limit": 1}),
        call("/api/v1/set-aside-values/groups", {"kind": "product"}),
        call("/api/v1/set-aside-values/groups", {"kind": "contact"}),
    )
    newest: list[dict[str, Any]] = [
        *map(shown_row, events["results"]),
        *map(shown_row, activities["results"]),
    ]
    newest.sort(key=lambda row: int(row["id"]), reverse=True)
    return console.page(
        "install/install.html",
        title="Install",
        active="install",
        status=status,
        problems={"": problem} if problem else None,
        app_keys=[key for key in app_keys["results"] if key["revoked_at"] is None],
        newest=newest[0] if newest else None,
        groups=[*product_groups["results"], *contact_groups["results"]],
        types=TYPE_NAMES,
        token=token,
    )


@get("/w/{workspace_id:int}/install")
async def install(console: TheConsole) -> Response[str]:
    """Show the snippet, the curl line, and whether events arrive."""
    return await _page(console)


@post("/w/{workspace_id:int}/install/token", status_code=200)
async def make_token(console: TheConsole) -> Response[str]:
    """Show the curl line with a new token in it, this once."""
    try:
        body = {"name": "Install page", "scope": "read-write"}
        made = await console.api.post("/api/v1/tokens", body)
    except ApiRefusal as refusal:
        return await _page(console, status=refusal.status, problem=refusal.detail)
    return await _page(console, token=made["token"])


@post("/w/{workspace_id:int}/install/app-key")
async def make_app_key(console: TheConsole) -> Response[str]:
    """Make the first app key, for pages of any origin."""
    try:
        await console.api.post("/api/v1/app-keys", {"name": "Website"})
    except ApiRefusal as refusal:
        return await _page(console, status=refusal.status, problem=refusal.detail)
    return console.go(console.url("/install"), "The app key is made; it stands in the snippet.")


ROUTES: Final[list[HTTPRouteHandler]] = [install, make_token, make_app_key]
