"""HTTP of segments: define them, try conditions, ask why."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from msgspec import Meta, Struct
from msgspec.json import encode

from footfall.conditions.api import MAX_DEPTH, everybody
from footfall.conditions.types import Subject
from footfall.http.edge import record_id
from footfall.http.paging import check_parameters
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Invalid
from footfall.segments import api
from footfall.segments.answers import Preview, SegmentAnswer, SegmentList, shown_segment
from footfall.segments.desk import ANSWER_SECONDS, SegmentDesk
from footfall.segments.explaining import Explanation, explain
from footfall.segments.member_routes import MEMBER_ROUTES
from footfall.segments.suggestions import Values, suggested_values
from footfall.segments.templates import SegmentTemplates, filled_templates
from footfall.segments.value_queries import ValuesOf
from footfall.warehouse.api import StatementTooSlow, Warehouse

_TAGS: Final = ["segments"]
T = TypeVar("T")
TheWarehouse = NamedDependency[SkipValidation[Warehouse]]
TheDesk = NamedDependency[SkipValidation[SegmentDesk]]


class NewSegment(Struct, frozen=True, forbid_unknown_fields=True):
    """A segment to make."""

    subject: Subject
    name: str
    condition: Any
    description: str = ""


class SegmentChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a segment; what is missing stays."""

    name: str | None = None
    description: str | None = None
    condition: Any = None
    archived: bool | None = None


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """A condition to try."""

    subject: Subject
    condition: Any
    id: int | None = None  #: of the segment whose condition it is to become


class QuestionAbout(Struct, frozen=True, forbid_unknown_fields=True):
    """A condition to explain."""

    subject: Subject
    condition: Any
    member_id: Annotated[int, Meta(ge=1, le=2**63 - 1)]


def _written(condition: Any) -> bytes:
    """Return a condition as it stood in the body, to be read with the places of its mistakes.

    Raises:
        Invalid: Its groups are nested too deeply for that.
    """
    try:
        return encode(condition)
    except RecursionError as error:
        message = f"Groups may be nested {MAX_DEPTH} deep; this one is too deep."
        raise Invalid.at("/condition", "nested_too_deeply", message) from error


@get("/api/v1/segments", summary="List segments", tags=_TAGS)
@in_thread
def list_segments(
    call: TheCall,
    segments: TheDesk,
    subject: FromQuery[Subject | None] = None,
    archived: FromQuery[bool] = False,
    search: Annotated[
        str | None, QueryParameter(description="Text that the name or description holds.")
    ] = None,
) -> SegmentList:
    """Answer them by name; `archived=true` adds the archived ones."""
    check_parameters(call, {"subject", "archived", "search"})
    text = (search or "").strip().casefold()
    with call.read() as conn:
        found = api.list_segments(conn, call.scope, subject=subject, archived=archived)
    return SegmentList(
        [
            shown_segment(one, segments.keeper.upkept(call.scope, one.id))
            for one in found
            if text in one.name.casefold() or text in one.description.casefold()
        ]
    )


@post("/api/v1/segments", status_code=201, summary="Make a segment", tags=_TAGS)
@in_thread
def create_segment(call: TheCall, segments: TheDesk, data: JSONBody[NewSegment]) -> SegmentAnswer:
    """Make a segment of contacts or products; its members are found a moment later."""
    with call.write() as (conn, receipt):
        made = api.create_segment(
            conn,
            call.access,
            data.subject,
            data.name,
            data.description,
            _written(data.condition),
            receipt.now,
        )
    segments.keeper.changed()
    return shown_segment(made, segments.keeper.upkept(call.scope, made.id))


@get("/api/v1/segments/{segment_id:str}", summary="Read a segment", tags=_TAGS)
@in_thread
def read_segment(call: TheCall, segments: TheDesk, segment_id: FromPath[str]) -> SegmentAnswer:
    """Answer a segment, its condition and how many are in it; also an archived one."""
    with call.read() as conn:
        found = api.get_segment(conn, call.scope, record_id(segment_id))
    return shown_segment(found, segments.keeper.upkept(call.scope, found.id))


@patch("/api/v1/segments/{segment_id:str}", summary="Change a segment", tags=_TAGS)
@in_thread
def change_segment(
    call: TheCall,
    segments: TheDesk,
    segment_id: FromPath[str],
    data: JSONBody[SegmentChange],
) -> SegmentAnswer:
    """Rename a segment, change its condition, archive it or bring it back."""
    with call.write() as (conn, receipt):
        changed = api.change_segment(
            conn,
            call.access,
            record_id(segment_id),
            name=data.name,
            description=data.description,
            raw_condition=None if data.condition is None else _written(data.condition),
            archived=data.archived,
            now=receipt.now,
        )
    segments.keeper.changed()
    return shown_segment(changed, segments.keeper.upkept(call.scope, changed.id))


@post("/api/v1/segments/preview", status_code=200, summary="Try a condition", tags=_TAGS)
async def preview_segment(
    call: TheCall, warehouse: TheWarehouse, segments: TheDesk, data: JSONBody[Question]
) -> Preview:
    """Answer how many fit a condition now, and some of them; nothing is stored."""
    asker = (call.scope.workspace_id, call.access.actor)
    async with segments.turn(asker):
        return await asyncio.to_thread(_answered, _preview, call, warehouse, segments, data)


def _preview(call: Call, warehouse: Warehouse, segments: SegmentDesk, data: Question) -> Preview:
    now = call.services.clock()
    is_one = segments.keeper.sources.is_one(call.scope)
    with call.read() as conn:
        condition, vocabulary = api.checked_condition(
            conn,
            call.scope,
            data.subject,
            _written(data.condition),
            now,
            own_id=data.id,
            has_one_order_source=is_one,
        )
    [(count, sample)] = warehouse.rows(
        everybody(call.scope, data.subject, condition, vocabulary, now),
        timeout_seconds=ANSWER_SECONDS,
    )
    with call.read() as conn:
        names = api.member_names(conn, call.scope, data.subject, sample)
    return Preview(count, [names[one] for one in sample if one in names])


@post(
    "/api/v1/segments/explanation",
    status_code=200,
    summary="Explain a condition for one contact or product",
    tags=_TAGS,
)
async def explain_condition(
    call: TheCall, warehouse: TheWarehouse, segments: TheDesk, data: JSONBody[QuestionAbout]
) -> Explanation:
    """Answer of each part of a condition whether one contact or product fits it, and by what."""
    asker = (call.scope.workspace_id, call.access.actor, "explanation")
    async with segments.turn(asker):
        return await asyncio.to_thread(_answered, _explain, call, warehouse, segments, data)


def _explain(
    call: Call, warehouse: Warehouse, segments: SegmentDesk, data: QuestionAbout
) -> Explanation:
    now = call.services.clock()
    is_one = segments.keeper.sources.is_one(call.scope)
    with call.read() as conn:
        condition, vocabulary = api.checked_condition(
            conn,
            call.scope,
            data.subject,
            _written(data.condition),
            now,
            has_one_order_source=is_one,
        )
    return explain(
        call.services.state,
        warehouse,
        call.scope,
        data.subject,
        condition,
        vocabulary,
        now,
        data.member_id,
        ANSWER_SECONDS,
    )


_Q = TypeVar("_Q")


def _answered(
    ask: Callable[[Call, Warehouse, SegmentDesk, _Q], T],
    call: Call,
    warehouse: Warehouse,
    segments: SegmentDesk,
    data: _Q,
) -> T:
    """Return the answer to a question on all of history.

    Raises:
        Invalid: It would have taken too long.
    """
    try:
        return ask(call, warehouse, segments, data)
    except StatementTooSlow as error:
        message = (
            f"This was stopped after {ANSWER_SECONDS:.0f} seconds: it reads too much. Use shorter"
            " windows or fewer conditions."
        )
        raise Invalid.at("/condition", "too_slow", message) from error


@get("/api/v1/segments/templates", summary="List templates of segments", tags=_TAGS)
@in_thread
def list_templates(call: TheCall, warehouse: TheWarehouse) -> SegmentTemplates:
    """Answer ready conditions, filled in with the shop's own categories and currency."""
    return filled_templates(call.services.state, warehouse, call.scope)


@get("/api/v1/segments/values", summary="Suggest values for conditions", tags=_TAGS)
@in_thread
def suggest_values(
    call: TheCall,
    warehouse: TheWarehouse,
    of: Annotated[ValuesOf, QueryParameter(description="What values of.")],
    name: Annotated[
        str | None, QueryParameter(description="Of the attribute, where one is meant.")
    ] = None,
    search: Annotated[str | None, QueryParameter(description="Text that values hold.")] = None,
) -> Values:
    """Answer values that the shop really has, the commonest first."""
    check_parameters(call, {"of", "name", "search"})
    return suggested_values(
        call.services.state, warehouse, call.scope, of, name or "", (search or "").strip()
    )


ROUTES: Final[list[HTTPRouteHandler]] = [
    list_segments,
    create_segment,
    read_segment,
    change_segment,
    preview_segment,
    explain_condition,
    list_templates,
    suggest_values,
    *MEMBER_ROUTES,
]
