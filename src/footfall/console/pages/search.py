"""Search: products, contacts and pages by name; a page, and a dialog on every page."""

from typing import Any, Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from footfall.console.page_kit import NAVIGATION, Console, Entry, TheConsole

#: On the page; the dialog shows what the API gives by itself.
_ROWS: Final = 20
_LONGEST: Final = 256
#: Pages behind those of the navigation.
_MORE_PAGES: Final = (
    Entry("account", "My account", "/account", "person"),
    Entry("set-aside", "Values set aside", "/attributes/set-aside", "warning"),
    Entry("browsers", "What pages may write", "/attributes/browsers", "tag"),
)
_OWNERS_PAGES: Final = (
    Entry("users", "People", "/settings/users", "people"),
    Entry("api-keys", "API keys", "/settings/api-keys", "settings"),
    Entry("app-keys", "App keys", "/settings/app-keys", "settings"),
    Entry("audit", "Log of changes", "/settings/audit", "settings"),
    Entry("workspaces", "Workspaces", "/settings/workspaces", "shop"),
)


@get("/w/{workspace_id:int}/search", include_in_schema=False)
async def search(console: TheConsole) -> Response[str]:
    """Show what is called like `q`; to htmx, as the options of the dialog."""
    text = console.parameter("q")[:_LONGEST]
    found: Any = {"products": [], "contacts": []}
    if text:
        limit = {} if console.is_part else {"limit": _ROWS}
        found = await console.api.get("/api/v1/search", {"q": text, **limit})
    values = {"text": text, "found": found, "pages": _pages_called(console, text)}
    if console.is_part:
        return console.part("search/options.html", **values)
    return console.page("search/search.html", title="Search", **values)


def _pages_called(console: Console, text: str) -> list[Entry]:
    """Return the pages whose names hold the text; all of the navigation for none."""
    main = [entry for group in NAVIGATION for entry in group]
    if not text:
        return main
    owners = _OWNERS_PAGES if console.access.may_manage else ()
    return [one for one in [*main, *_MORE_PAGES, *owners] if text.lower() in one.label.lower()]


ROUTES: Final[list[HTTPRouteHandler]] = [search]
