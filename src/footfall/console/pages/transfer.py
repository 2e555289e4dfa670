"""Import and export: files in, with a look at what they would become, and lists out."""

from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope, Send

from footfall.console.api_calls import ApiRefusal, segment
from footfall.console.page_kit import TAKES_UPLOAD, Console, TheConsole
from footfall.http.services import ACCESS

_KINDS: Final = (("products", "Products"), ("contacts", "Contacts"), ("events", "Events"))
#: Lists that have a file, as people call them; behind the colon the kind that a list must be of.
LISTS: Final = (
    ("products", "Products"),
    ("contacts", "Contacts"),
    ("events", "Product events"),
    ("activities", "Other events and page views"),
    ("failed-events", "Failed events"),
    ("set-aside-values:product", "Values of products set aside"),
    ("set-aside-values:contact", "Values of contacts set aside"),
    ("audit", "Audit log"),
)
_FORMATS: Final = (
    ("csv", "CSV, for spreadsheets"),
    ("jsonl", "JSON lines, for programs"),
    ("parquet", "Parquet, for data tools"),
)
#: Names the list; no list has a filter of that name.
_LIST_FIELD: Final = "export_list"
_HISTORY_ROWS: Final = 20
_UNDER_WAY: Final = frozenset({"queued", "running"})
_EVENT_TYPES_HINT: Final = "If no column says it: view, add to cart, purchase, …"
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


async def _transfer_page(
    console: Console, kind: str, *, status: int = 200, problems: dict[str, str] | None = None
) -> Response[str]:
    found = await console.api.get("/api/v1/imports", {"limit": _HISTORY_ROWS})
    return console.page(
        "transfer/transfer.html",
        title="Import and export",
        active="transfer",
        status=status,
        problems=problems,
        kind=kind,
        kinds=[(key, label, console.url(f"/transfer?kind={key}")) for key, label in _KINDS],
        imports=found["results"],
        lists=LISTS,
        formats=_FORMATS,
    )


def _kind(console: Console) -> str:
    wanted = console.parameter("kind")
    return wanted if wanted in dict(_KINDS) else "products"


@get("/w/{workspace_id:int}/transfer")
async def transfer(console: TheConsole) -> Response[str]:
    """Show the way in and the way out, and what was imported before."""
    return await _transfer_page(console, _kind(console))


@post(
    "/w/{workspace_id:int}/transfer/imports",
    status_code=200,
    request_max_body_size=None,
    opt={TAKES_UPLOAD: True},
)
async def upload(console: TheConsole) -> Response[str]:
    """Hand the upload on to the API as it arrives, and lead to what it would become."""
    kind = _kind(console)
    status, body = await _passed_on(console, kind)
    answer = _decode(body)
    if status >= 400:
        refusal = ApiRefusal(status, answer)
        return await _transfer_page(console, kind, status=status, problems={"file": refusal.detail})
    return console.go(console.url(f"/transfer/imports/{segment(answer['import']['id'])}"))


async def _passed_on(console: Console, kind: str) -> tuple[int, bytes]:
    """Return status and body of the API's answer to the request's own body."""
    request = console.request
    scope = _api_scope(console, "POST", "/api/v1/imports", [("kind", kind)])
    scope["headers"] = [
        *scope["headers"],
        *(
            (name, value)
            for name, value in request.scope["headers"]
            if name.startswith(b"content-")
        ),
    ]
    status, parts = 0, list[bytes]()

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    await request.app.state.api_app(scope, request.receive, send)
    return status, b"".join(parts)


def _api_scope(
    console: Console, method: str, path: str, parameters: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return the ASGI scope of a call of the API whose body or answer is not held in memory."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(parameters).encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": None,
        "server": ("localhost", 80),
        "state": {},
        "extensions": {},
        ACCESS: console.access,
    }


async def _import_page(
    console: Console,
    found: dict[str, Any],
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
) -> Response[str]:
    rows: list[Any] = []
    problem = ""
    if found["status"] == "uploaded":
        rows, problem = await _preview(console, found, found["plan"])
    return console.page(
        "transfer/import.html",
        title=found["file_name"],
        active="transfer",
        status=status,
        problems=problems,
        found=found,
        rows=rows,
        problem=problem,
        under_way=found["status"] in _UNDER_WAY,
        event_types_hint=_EVENT_TYPES_HINT,
    )


async def _preview(
    console: Console, found: dict[str, Any], plan: dict[str, Any]
) -> tuple[list[Any], str]:
    """Return the first rows by a plan, and what is wrong with the plan."""
    path = f"/api/v1/imports/{segment(found['id'])}/preview"
    try:
        answer = await console.api.post(path, plan)
    except ApiRefusal as refusal:
        return [], refusal.detail
    return answer["rows"], ""


async def _found(console: Console, import_id: str) -> dict[str, Any]:
    return cast("dict[str, Any]", await console.api.get(f"/api/v1/imports/{segment(import_id)}"))


@get("/w/{workspace_id:int}/transfer/imports/{import_id:str}")
async def show_import(console: TheConsole, import_id: FromPath[str]) -> Response[str]:
    """Show what its columns hold before it is started, and how far it is after."""
    return await _import_page(console, await _found(console, import_id))


@get("/w/{workspace_id:int}/transfer/imports/{import_id:str}/progress")
async def progress(console: TheConsole, import_id: FromPath[str]) -> Response[str]:
    """Answer the part of the page that says how far it is."""
    found = await _found(console, import_id)
    return console.part(
        "transfer/progress.html", found=found, under_way=found["status"] in _UNDER_WAY
    )


def _plan(console: Console, found: dict[str, Any]) -> dict[str, Any]:
    """Return the plan that the form says."""
    columns = {
        heading: console.field(f"column-{place}") for place, heading in enumerate(found["headings"])
    }
    plan = {
        **found["plan"],
        "columns": {heading: target for heading, target in columns.items() if target},
    }
    for name in ("event_type", "time_format", "time_zone", "currency"):
        plan[name] = console.field(name) or None
    return plan


@post("/w/{workspace_id:int}/transfer/imports/{import_id:str}/preview", status_code=200)
async def preview(console: TheConsole, import_id: FromPath[str]) -> Response[str]:
    """Answer what the first rows would become by the form as it is filled in."""
    found = await _found(console, import_id)
    plan = _plan(console, found)
    if not console.is_part:
        return await _import_page(console, {**found, "plan": plan})
    rows, problem = await _preview(console, found, plan)
    return console.part("transfer/preview.html", found=found, rows=rows, problem=problem)


@post("/w/{workspace_id:int}/transfer/imports/{import_id:str}/start", status_code=200)
async def start(console: TheConsole, import_id: FromPath[str]) -> Response[str]:
    """Start it by the form as it is filled in."""
    found = await _found(console, import_id)
    plan = _plan(console, found)
    try:
        await console.api.post(f"/api/v1/imports/{segment(import_id)}/start", plan)
    except ApiRefusal as refusal:
        if refusal.status in {403, 404}:
            raise
        return await _import_page(
            console,
            {**found, "plan": plan},
            status=refusal.status,
            problems={"": refusal.detail},
        )
    return console.go(console.url(f"/transfer/imports/{segment(import_id)}"))


@post("/w/{workspace_id:int}/transfer/imports/{import_id:str}/cancel", status_code=200)
async def cancel(console: TheConsole, import_id: FromPath[str]) -> Response[str]:
    """Stop it; what it stored stays."""
    await console.api.delete(f"/api/v1/imports/{segment(import_id)}")
    notice = "The import is cancelled. Rows that were imported before stay."
    return console.go(console.url("/transfer"), notice)


@get("/w/{workspace_id:int}/transfer/export")
async def export(console: TheConsole) -> ASGIApp:
    """Hand the API's file of `export_list` on as it comes, with the filters of the list."""
    query = [pair for pair in console.request.query_params.multi_items() if pair[1] != ""]
    filters = [(name, str(value)) for name, value in query if name != _LIST_FIELD]
    name, _, kind = console.parameter(_LIST_FIELD).partition(":")
    path = f"/api/v1/exports/{segment(name)}"
    if kind:
        filters.append(("kind", kind))
    scope = _api_scope(console, "GET", path, filters)
    api = console.request.app.state.api_app

    async def file(_scope: Scope, receive: Receive, send: Send) -> None:
        await api(scope, receive, send)

    return file


ROUTES: Final[list[HTTPRouteHandler]] = [
    transfer,
    upload,
    show_import,
    progress,
    preview,
    start,
    cancel,
    export,
]
