"""The lists that contacts are put on: made, renamed, archived and brought back."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal
from footfall.console.browser_state import Undo
from footfall.console.page_kit import Console, TheConsole

_API: Final = "/api/v1/contact-lists"
_PAGE: Final = "/contact-lists"


@get("/w/{workspace_id:int}/contact-lists", include_in_schema=False)
async def contact_lists(console: TheConsole) -> Response[str]:
    """Show the lists with how many are on each; archived ones apart."""
    return await _page(console)


async def _page(
    console: Console,
    *,
    status: int = 200,
    renamed: int | None = None,
    problems: dict[str, str] | None = None,
) -> Response[str]:
    """Return the page; `problems` are those of the list `renamed`, or of a new one."""
    found = (await console.api.get(_API, {"archived": True}))["results"]
    search = console.parameter("search")
    wanted = [one for one in found if search.casefold() in one["name"].casefold()]
    return console.page(
        "contacts/lists.html",
        title="Lists of contacts",
        active="contacts",
        status=status,
        problems=problems,
        search=search,
        renamed=renamed,
        has_lists=bool(found),
        kept=[one for one in wanted if one["archived_at"] is None],
        archived=[one for one in wanted if one["archived_at"] is not None],
    )


@post("/w/{workspace_id:int}/contact-lists", include_in_schema=False)
async def create_list(console: TheConsole) -> Response[str]:
    """Make a list of contacts."""
    try:
        made = await console.api.post(_API, {"name": console.field("name")})
    except ApiRefusal as refusal:
        if refusal.status == 403:
            raise
        return await _page(console, status=refusal.status, problems=refusal.by_field)
    return console.go(
        console.url(f"/contacts?list={made['id']}"),
        f"Made the list {made['name']}. Open a contact to put it on the list.",
    )


async def _changed(console: Console, list_id: int, change: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = await console.api.patch(f"{_API}/{list_id}", change)
    return answer


@post("/w/{workspace_id:int}/contact-lists/{list_id:int}/rename", include_in_schema=False)
async def rename_list(console: TheConsole, list_id: FromPath[int]) -> Response[str]:
    """Give a list another name; who is on it stays."""
    try:
        changed = await _changed(console, list_id, {"name": console.field("name")})
    except ApiRefusal as refusal:
        if refusal.status in {403, 404}:
            raise
        return await _page(
            console, status=refusal.status, renamed=list_id, problems=refusal.by_field
        )
    return console.go(console.url(_PAGE), f"The list is called {changed['name']} now.")


@post("/w/{workspace_id:int}/contact-lists/{list_id:int}/archive", include_in_schema=False)
async def archive_list(console: TheConsole, list_id: FromPath[int]) -> Response[str]:
    """Put a list away; it can be brought back with all who are on it."""
    changed = await _changed(console, list_id, {"archived": True})
    undo = Undo(console.url(f"{_PAGE}/{list_id}/restore"))
    return console.go(console.url(_PAGE), f"{changed['name']} is archived.", undo=undo)


@post("/w/{workspace_id:int}/contact-lists/{list_id:int}/restore", include_in_schema=False)
async def restore_list(console: TheConsole, list_id: FromPath[int]) -> Response[str]:
    """Bring an archived list back."""
    changed = await _changed(console, list_id, {"archived": False})
    return console.go(console.url(_PAGE), f"{changed['name']} is back.")


ROUTES: Final[list[HTTPRouteHandler]] = [
    contact_lists,
    create_list,
    rename_list,
    archive_list,
    restore_list,
]
