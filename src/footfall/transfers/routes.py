"""HTTP of imports, in both APIs."""

import asyncio
from contextlib import closing
from typing import Annotated, Any, Final, get_args

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from msgspec import Struct

from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CursorParameter,
    check_parameters,
    packed_cursor,
    unpacked_cursor,
)
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Invalid
from footfall.kernel.instants import Instant, to_iso, to_iso_microseconds
from footfall.transfers import api
from footfall.transfers.api import ImportDesk
from footfall.transfers.detection import detect
from footfall.transfers.export_routes import ROUTES as EXPORT_ROUTES
from footfall.transfers.suggestions import targets_of
from footfall.transfers.types import (
    SEPARATORS,
    Import,
    ImportKind,
    ImportPlan,
    ImportStatus,
    PreviewRow,
    RowError,
    Separator,
)
from footfall.transfers.uploads import Upload, receive

_TAGS: Final = ["imports"]
_COMPATIBLE: Final = ["compatible imports"]
_LISTED_AT_ONCE: Final = 100
TheDesk = NamedDependency[SkipValidation[ImportDesk]]
_decode_place: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, le=2**53)]).decode
_decode_mapping: Final = msgspec.json.Decoder(dict[str, str | None]).decode
_KINDS: Final[tuple[ImportKind, ...]] = get_args(ImportKind)


class ImportAnswer(Struct, frozen=True):
    """An import, and how far it has come."""

    id: str
    kind: ImportKind
    status: ImportStatus
    file_name: str
    file_bytes: int
    headings: list[str]
    plan: ImportPlan
    targets: list[str]  #: what a column may hold, besides other attributes
    total_count: int
    succeeded: int
    failed: int
    repeated: int
    set_aside: int
    rows_with_errors: list[RowError]
    problem: str | None
    author: str
    created_at: str
    started_at: str | None
    finished_at: str | None


class ImportPage(Struct, frozen=True):
    """Some imports, the newest first."""

    results: list[ImportAnswer]
    next: str | None


class PreviewAnswer(Struct, frozen=True):
    """The first rows of a file, and what would become of them."""

    headings: list[str]
    rows: list[PreviewRow]


class UploadAnswer(Struct, frozen=True):
    """A file that has arrived, how it would be read, and what its first rows would become."""

    import_: ImportAnswer = msgspec.field(name="import")
    preview: list[PreviewRow]


def shown_import(found: Import) -> ImportAnswer:
    """Return an import as our API shows it."""
    return ImportAnswer(
        found.id,
        found.kind,
        found.status,
        found.file_name,
        found.file_bytes,
        found.headings,
        found.plan,
        targets_of(found.kind),
        found.counts.total,
        found.counts.succeeded,
        found.counts.failed,
        found.counts.repeated,
        found.counts.set_aside,
        found.row_errors,
        found.problem,
        found.author,
        to_iso(found.created_at),
        _iso(found.started_at),
        _iso(found.finished_at),
    )


def _iso(moment: Instant | None) -> str | None:
    return None if moment is None else to_iso(moment)


class _Arrived:
    """A file in the folder, not yet an import."""

    def __init__(self, import_id: str, upload: Upload, file_bytes: int) -> None:
        self.id = import_id
        self.upload = upload
        self.file_bytes = file_bytes


async def _arrive(
    call: Call, desk: ImportDesk, request: Request[Any, Any, Any], field: str | None
) -> _Arrived:
    import_id = api.new_id(call.services.random_bytes)
    arriving = await asyncio.to_thread(desk.folder.begin, import_id)
    with closing(arriving):
        upload = await receive(request, arriving, field)
        await asyncio.to_thread(arriving.keep)
    return _Arrived(import_id, upload, arriving.bytes)


def _added(
    call: Call,
    desk: ImportDesk,
    arrived: _Arrived,
    kind: ImportKind,
    separator: Separator | None,
) -> Import:
    """Look through the file and note it; a file that is refused is deleted."""
    try:
        name = arrived.upload.file_name
        detected = detect(desk.folder.path_of(arrived.id), name, separator)
        with call.write() as (conn, receipt):
            return api.add_import(
                conn,
                call.scope,
                arrived.id,
                kind,
                file_name=name,
                file_bytes=arrived.file_bytes,
                detected=detected,
                plan=api.suggested_plan(kind, detected),
                author=call.access.actor.name,
                now=receipt.now,
            )
    except BaseException:
        desk.folder.remove(arrived.id)
        raise


@post(
    "/api/v1/imports",
    request_max_body_size=None,
    summary="Upload a file",
    tags=_TAGS,
)
async def upload_import(
    call: TheCall,
    desk: TheDesk,
    request: Request[Any, Any, Any],
    kind: FromQuery[ImportKind],
    separator: Annotated[
        Separator | None, QueryParameter(description="Of a CSV; by default the one that fits.")
    ] = None,
) -> UploadAnswer:
    """Take a CSV or JSON lines as multipart/form-data and answer how it would be read.

    Nothing is imported until it is started.
    """
    check_parameters(call, {"kind", "separator"})
    arrived = await _arrive(call, desk, request, None)

    def look() -> UploadAnswer:
        added = _added(call, desk, arrived, kind, separator)
        try:
            return UploadAnswer(shown_import(added), _suggested_preview(call, desk, added))
        except BaseException:
            _withdraw(call, desk, added)
            raise

    return await asyncio.to_thread(look)


def _withdraw(call: Call, desk: ImportDesk, added: Import) -> None:
    """Cancel an import whose file was refused after it was noted."""
    with call.write() as (conn, receipt):
        api.cancel_import(conn, call.access, added.id, receipt.now)
    desk.folder.remove(added.id)


def _suggested_preview(call: Call, desk: ImportDesk, added: Import) -> list[PreviewRow]:
    """Return the first rows; as they stand if the suggestion is no plan yet."""
    with call.read() as conn:
        try:
            return api.preview(conn, call.scope, desk, added, added.plan, call.services.clock())
        except Invalid:
            return api.first_rows(desk, added, added.plan)


@get("/api/v1/imports", summary="List imports", tags=_TAGS)
@in_thread
def list_imports(
    call: TheCall,
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    kind: Annotated[
        ImportKind | None, QueryParameter(description=f"One of: {', '.join(_KINDS)}.")
    ] = None,
) -> ImportPage:
    """Answer imports with their progress, the newest first."""
    check_parameters(call, {"cursor", "limit", "kind"})
    before = None if cursor is None else unpacked_cursor(cursor, _decode_place)
    with call.read() as conn:
        found = api.list_imports(conn, call.scope, before=before, limit=limit + 1, kind=kind)
    more = len(found) > limit
    found = found[:limit]
    return ImportPage(
        [shown_import(one) for one in found],
        packed_cursor(found[-1].number) if more else None,
    )


@get("/api/v1/imports/{import_id:str}", summary="Read an import", tags=_TAGS)
@in_thread
def read_import(call: TheCall, import_id: FromPath[str]) -> ImportAnswer:
    """Answer how far it has come, and the first fifty rows that were not taken as they stand."""
    with call.read() as conn:
        return shown_import(api.get_import(conn, call.scope, import_id))


@post(
    "/api/v1/imports/{import_id:str}/preview",
    status_code=200,
    summary="Preview an import",
    tags=_TAGS,
)
@in_thread
def preview_import(
    call: TheCall, desk: TheDesk, import_id: FromPath[str], data: JSONBody[ImportPlan | None] = None
) -> PreviewAnswer:
    """Answer what the first twenty rows would become; nothing is stored."""
    with call.read() as conn:
        found = api.get_import(conn, call.scope, import_id)
        plan = found.plan if data is None else data
        rows = api.preview(conn, call.scope, desk, found, plan, call.services.clock())
    return PreviewAnswer(found.headings, rows)


@post(
    "/api/v1/imports/{import_id:str}/start",
    status_code=200,
    summary="Start an import",
    tags=_TAGS,
)
@in_thread
def start_import(
    call: TheCall, desk: TheDesk, import_id: FromPath[str], data: JSONBody[ImportPlan | None] = None
) -> ImportAnswer:
    """Queue it; it runs in the background, after those before it."""
    with call.write() as (conn, receipt):
        started = api.start_import(conn, call.access, import_id, data, receipt.now)
    desk.wake()
    return shown_import(started)


@delete(
    "/api/v1/imports/{import_id:str}",
    status_code=200,
    summary="Cancel an import",
    tags=_TAGS,
)
@in_thread
def cancel_import(call: TheCall, desk: TheDesk, import_id: FromPath[str]) -> ImportAnswer:
    """Stop it and delete the file; rows that were imported stay."""
    with call.write() as (conn, receipt):
        cancelled = api.cancel_import(conn, call.access, import_id, receipt.now)
    desk.folder.remove(import_id)
    return shown_import(cancelled)


@post(
    "/api/public/products/import",
    status_code=200,
    request_max_body_size=None,
    summary="Import products from a CSV",
    tags=_COMPATIBLE,
)
async def import_products(
    call: TheCall, desk: TheDesk, request: Request[Any, Any, Any]
) -> dict[str, Any]:
    """Take `input_file` and perhaps `column_mapping` as a form; `?separator=` is comma by default.

    Without a mapping, columns are called as attributes; `custom_id` or `product_id` is needed.
    """
    separator = _separator(call.parameter("separator") or "comma")
    arrived = await _arrive(call, desk, request, "input_file")

    def begin() -> Import:
        mapping = _column_mapping(desk, arrived)
        added = _added(call, desk, arrived, "products", separator)
        plan = added.plan
        if mapping is not None:
            plan = msgspec.structs.replace(plan, columns=mapping)
        try:
            with call.write() as (conn, receipt):
                return api.start_import(conn, call.access, added.id, plan, receipt.now)
        except BaseException:
            _withdraw(call, desk, added)
            raise

    started = await asyncio.to_thread(begin)
    desk.wake()
    return {"success": True, "data": {"import_id": started.id}}


def _separator(text: str) -> Separator:
    for name in SEPARATORS:
        if text == name:
            return name
    raise Invalid.at("#separator", "unknown_separator", f"Use one of: {', '.join(SEPARATORS)}.")


def _column_mapping(desk: ImportDesk, arrived: _Arrived) -> dict[str, str] | None:
    text = arrived.upload.fields.get("column_mapping", "").strip()
    if not text or text == "null":
        return None
    try:
        mapping = _decode_mapping(text.encode())
    except (msgspec.DecodeError, UnicodeError) as error:
        desk.folder.remove(arrived.id)
        raise Invalid.at(
            "/column_mapping",
            "wrong_type",
            "This must be a JSON object: column of the file -> attribute.",
        ) from error
    return {column: target for column, target in mapping.items() if target}


@get("/api/public/import/status", summary="Read the progress of imports", tags=_COMPATIBLE)
@in_thread
def import_status(call: TheCall) -> dict[str, Any]:
    """Answer the import `?import_id=`, or without it a list of the last hundred."""
    import_id = call.parameter("import_id")
    shown: Any
    with call.read() as conn:
        if import_id is not None:
            shown = _compatible(api.get_import(conn, call.scope, import_id))
        else:
            found = api.list_imports(conn, call.scope, limit=_LISTED_AT_ONCE, started=True)
            shown = [_compatible(one) for one in found]
    return {"success": True, "data": shown}


def _compatible(found: Import) -> dict[str, Any]:
    return {
        "id": found.id,
        "status": found.status,
        "total_count": found.counts.total,
        "succeeded": found.counts.succeeded + found.counts.repeated,
        "failed": found.counts.failed,
        "started_at": _iso_microseconds(found.started_at),
        "finished_at": _iso_microseconds(found.finished_at),
        "author": found.author,
        "rows_with_errors": [
            {"row": error.row, "error": error.message} for error in found.row_errors
        ],
    }


def _iso_microseconds(moment: Instant | None) -> str | None:
    return None if moment is None else to_iso_microseconds(moment)


ROUTES: Final[list[HTTPRouteHandler]] = [
    upload_import,
    list_imports,
    read_import,
    preview_import,
    start_import,
    cancel_import,
    import_products,
    import_status,
    *EXPORT_ROUTES,
]
