"""HTTP of exports: any list of our API as a file, with the list's own filters.

A file is made of the pages of the list, asked for one after the other with the caller's rights: so
it shows what the list shows, however long, and a page at a time is in memory.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final, NamedTuple, cast
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from footfall.attributes.api import load_definitions
from footfall.attributes.types import Definition, ObjectKind
from footfall.http.edge import AsgiApp, Message
from footfall.http.errors import REQUEST_ID
from footfall.http.services import ACCESS, Call, TheCall
from footfall.kernel.errors import NotFound
from footfall.kernel.instants import to_iso
from footfall.transfers.exports import MEDIA_TYPES, ExportFormat, Writer, writer_of
from footfall.workspaces.api import record_change

#: Of a list's page: the most it gives.
_PAGE_ROWS: Final = 1_000
#: Lists that have a file: name, and the attributes that get a column each.
EXPORTED: Final[dict[str, ObjectKind | None]] = {
    "products": "product",
    "contacts": "contact",
    "events": None,
    "activities": None,
    "failed-events": None,
    "set-aside-values": None,
    "audit": None,
}
_OWN_PARAMETERS: Final = frozenset({"format", "mark"})


class _Page(msgspec.Struct):
    results: list[msgspec.Raw]
    next: str | None = None


class _Answer(NamedTuple):
    status: int
    body: bytes


_decode_page: Final = msgspec.json.Decoder(_Page).decode


class _Pages:
    """The pages of a list, as the caller would read them."""

    def __init__(self, call: Call, request: Request[Any, Any, Any], name: str) -> None:
        self._app = cast("AsgiApp", request.app.state.api_app)
        self._call = call
        self._path = f"/api/v1/{name}"
        self._request_id = str(request.scope.get(REQUEST_ID, "-"))
        self._filters = [pair for pair in call.query if pair[0] not in _OWN_PARAMETERS]

    async def read(self, cursor: str | None) -> _Answer:
        """Return the list's answer from `cursor` on."""
        place = [("limit", str(_PAGE_ROWS)), *([("cursor", cursor)] if cursor else [])]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": urlencode([*self._filters, *place]).encode(),
            "root_path": "",
            "headers": [(b"host", b"localhost"), (b"x-request-id", self._request_id.encode())],
            "client": None,
            "server": ("localhost", 80),
            "state": {},
            "extensions": {},
            ACCESS: self._call.access,
        }
        status, parts = 0, list[bytes]()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return _Answer(status, b"".join(parts))


@get("/api/v1/exports/{list_name:str}", summary="Export a list", tags=["exports"])
async def export_list(
    call: TheCall,
    request: Request[Any, Any, Any],
    list_name: FromPath[str],
    file_format: Annotated[
        ExportFormat,
        QueryParameter(name="format", description="csv, jsonl or parquet."),
    ] = "csv",
    mark: Annotated[
        bool,
        QueryParameter(description="Begin a CSV with the mark by which Excel knows UTF-8."),
    ] = False,
) -> Response[Any]:
    """Answer all rows of a list as a file; other parameters are the list's own filters."""
    if list_name not in EXPORTED:
        raise NotFound(f"There is no such list. Export one of: {', '.join(EXPORTED)}.")
    pages = _Pages(call, request, list_name)
    first = await pages.read(None)
    if first.status != 200:
        return Response(first.body, status_code=first.status, media_type="application/problem+json")
    definitions = await asyncio.to_thread(_begin, call, list_name, file_format)
    writer = await asyncio.to_thread(writer_of, file_format, definitions, mark=mark)
    day = to_iso(call.services.clock())[:10]
    return Stream(
        _file(pages, first, writer),
        media_type=MEDIA_TYPES[file_format],
        headers={
            "content-disposition": f'attachment; filename="{list_name}-{day}.{file_format}"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )


def _begin(call: Call, list_name: str, file_format: str) -> Sequence[Definition]:
    """Write down that somebody takes data away; return the attributes that get columns."""
    filters: dict[str, list[str]] = {}  # some may be repeated
    for name, value in call.query:
        if name not in _OWN_PARAMETERS:
            filters[name] = [*filters.get(name, []), value]
    with call.write() as (conn, receipt):
        record_change(
            conn,
            call.access,
            receipt.now,
            action="export.started",
            object_kind="export",
            object_id=list_name,
            before=None,
            after={
                "format": file_format,
                **{name: one[0] if len(one) == 1 else one for name, one in filters.items()},
            },
        )
        kind = EXPORTED[list_name]
        return [] if kind is None else list(load_definitions(conn, call.scope, kind).all())


async def _file(pages: _Pages, answer: _Answer, writer: Writer) -> AsyncIterator[bytes]:
    while True:
        if answer.status != 200:
            # The status is sent: a connection that breaks says that the file is not whole.
            raise RuntimeError(f"a page of an export was answered {answer.status}")
        page = _decode_page(answer.body)
        if part := await asyncio.to_thread(writer.page, page.results):
            yield part
        if page.next is None:
            break
        answer = await pages.read(page.next)
    if part := await asyncio.to_thread(writer.end):
        yield part


ROUTES: Final[list[HTTPRouteHandler]] = [export_list]
