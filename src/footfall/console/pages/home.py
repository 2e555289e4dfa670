"""The page that a workspace opens with."""

from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from footfall.console.page_kit import TheConsole


@get("/w/{workspace_id:int}", include_in_schema=False)
async def home(console: TheConsole) -> Response[str]:
    """Lead to what is worth a look: the events, or how to send the first one."""
    events = await console.api.get("/api/v1/events", {"limit": 1})
    return console.go(console.url("/live" if events["results"] else "/install"))


ROUTES: Final[list[HTTPRouteHandler]] = [home]
