"""All pages of the console, under one set of error pages."""

from typing import Any, Final

from litestar import Response, Router, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console import assets, charts
from footfall.console.errors import EXCEPTION_HANDLERS
from footfall.console.page_kit import ConsoleServices, TheConsole, provider
from footfall.console.pages import (
    account,
    attributes,
    contact_lists,
    contacts,
    entrance,
    failed_events,
    home,
    install,
    keys,
    live,
    people,
    products,
    search,
    segments,
    settings,
    transfer,
)
from footfall.kernel.errors import NotFound


@get("/w/{workspace_id:int}/{rest:path}", include_in_schema=False)
async def nowhere(console: TheConsole, rest: FromPath[str]) -> Response[Any]:
    """Answer an address that leads nowhere like a page, once it is known who asks."""
    raise NotFound(f"{console.workspace.name} has no page called {rest}.")


PAGES: Final[list[HTTPRouteHandler]] = [
    *entrance.ROUTES,
    *home.ROUTES,
    *contacts.ROUTES,
    *contact_lists.ROUTES,
    *live.ROUTES,
    *search.ROUTES,
    *segments.ROUTES,
    *install.ROUTES,
    *settings.ROUTES,
    *keys.ROUTES,
    *products.ROUTES,
    *people.ROUTES,
    *account.ROUTES,
    *transfer.ROUTES,
    *attributes.ROUTES,
    *failed_events.ROUTES,
    nowhere,
]


def console_router(kit: ConsoleServices) -> Router:
    """Return the console's routes, to be served beside the API."""
    return Router(
        path="/",
        route_handlers=[*assets.ROUTES, *charts.ROUTES, *PAGES],
        dependencies={
            "console": Provide(provider(kit)),
            "kit": Provide(lambda: kit, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        include_in_schema=False,
    )
