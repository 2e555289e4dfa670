"""HTTP of who is and was in segments, and why."""

import asyncio
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation
from msgspec import Meta, Struct
from msgspec.json import Decoder

from footfall.conditions.api import local_day
from footfall.conditions.types import Subject
from footfall.http.edge import record_id
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
from footfall.kernel.instants import Instant, to_iso
from footfall.segments import api, member_queries
from footfall.segments.answers import (
    ChangeAnswer,
    ChangePage,
    DaySize,
    Member,
    MemberPage,
    SegmentOfMember,
    SegmentsOfMember,
    Sizes,
    StayAnswer,
    Why,
)
from footfall.segments.desk import ANSWER_SECONDS, SegmentDesk
from footfall.segments.explaining import explain
from footfall.segments.member_queries import Place
from footfall.segments.types import Segment
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import get_workspace

_TAGS: Final = ["segments"]
_EPOCH: Final = date(1970, 1, 1)
MAX_DAYS: Final = 731
TheWarehouse = NamedDependency[SkipValidation[Warehouse]]
TheDesk = NamedDependency[SkipValidation[SegmentDesk]]


class _Cursor(Struct, frozen=True, array_like=True):
    """Where a list of members or changes goes on."""

    at: Annotated[int, Meta(ge=0, le=2**62)]
    member_id: Annotated[int, Meta(ge=0, le=2**63 - 1)]


_decode_cursor: Final = Decoder(_Cursor).decode


def _segment(call: Call, segment_id: str) -> Segment:
    with call.read() as conn:
        return api.get_segment(conn, call.scope, record_id(segment_id))


def _names(call: Call, subject: Subject, rows: list[tuple[Any, ...]]) -> Any:
    with call.read() as conn:
        return api.member_names(conn, call.scope, subject, {row[0] for row in rows})


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    found = unpacked_cursor(cursor, _decode_cursor)
    return Place(found.at, found.member_id)


def _following(rows: list[tuple[Any, ...]], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    return packed_cursor(_Cursor(rows[limit - 1][1], rows[limit - 1][0]))


@get("/api/v1/segments/{segment_id:str}/members", summary="List members", tags=_TAGS)
@in_thread
def list_members(
    call: TheCall,
    warehouse: TheWarehouse,
    segment_id: FromPath[str],
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> MemberPage:
    """Answer who is in a segment, who came last first.

    Searched, sorted or with attributes: `GET /api/v1/contacts?segment=` or `/products?segment=`,
    which are exported too.
    """
    check_parameters(call, {"cursor", "limit"})
    segment = _segment(call, segment_id)
    rows = warehouse.rows(member_queries.members(call.scope, segment.id, _place(cursor), limit + 1))
    names = _names(call, segment.subject, rows[:limit])
    return MemberPage(
        [
            Member(names[member_id], to_iso(Instant(entered)))
            for member_id, entered in rows[:limit]
            if member_id in names
        ],
        _following(rows, limit),
    )


@get("/api/v1/segments/{segment_id:str}/changes", summary="List entries and exits", tags=_TAGS)
@in_thread
def list_member_changes(
    call: TheCall,
    warehouse: TheWarehouse,
    segment_id: FromPath[str],
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    order: FromQuery[Literal["newest", "oldest"]] = "newest",
) -> ChangePage:
    """Answer who entered and who left, each once; of one member they alternate."""
    check_parameters(call, {"cursor", "limit", "order"})
    segment = _segment(call, segment_id)
    rows = warehouse.rows(
        member_queries.changes(call.scope, segment.id, _place(cursor), limit + 1, order)
    )
    names = _names(call, segment.subject, rows[:limit])
    return ChangePage(
        [
            ChangeAnswer(
                names.get(member_id),
                member_id,
                "entered" if step > 0 else "left",
                to_iso(Instant(at)),
            )
            for member_id, at, step in rows[:limit]
        ],
        _following(rows, limit),
    )


@get("/api/v1/segments/{segment_id:str}/sizes", summary="Read sizes by day", tags=_TAGS)
@in_thread
def read_sizes(
    call: TheCall,
    warehouse: TheWarehouse,
    segment_id: FromPath[str],
    days: Annotated[int, QueryParameter(ge=1, le=MAX_DAYS)] = 30,
) -> Sizes:
    """Answer how many were in a segment at the end of each of the last days, today included."""
    check_parameters(call, {"days"})
    segment = _segment(call, segment_id)
    with call.read() as conn:
        zone = ZoneInfo(get_workspace(conn, call.scope.workspace_id).time_zone)
    by_day = {
        _EPOCH + timedelta(days=number): (entered, left)
        for number, entered, left in warehouse.rows(
            member_queries.changes_by_day(call.scope, segment.id, zone)
        )
    }
    today = local_day(call.services.clock(), zone)
    first = today - timedelta(days=days - 1)
    size = sum(entered - left for day, (entered, left) in by_day.items() if day < first)
    shown = []
    for number in range(days):
        day = first + timedelta(days=number)
        entered, left = by_day.get(day, (0, 0))
        size += entered - left
        shown.append(DaySize(day.isoformat(), size, entered, left))
    return Sizes(zone.key, shown)


@get(
    "/api/v1/segments/{segment_id:str}/members/{member_id:str}",
    summary="Ask why somebody is in a segment or not",
    tags=_TAGS,
)
async def read_member(
    call: TheCall,
    warehouse: TheWarehouse,
    segments: TheDesk,
    segment_id: FromPath[str],
    member_id: FromPath[str],
) -> Why:
    """Answer whether a contact or product is in a segment, since when, and why by each part."""
    asker = (call.scope.workspace_id, call.access.actor, "member")
    async with segments.turn(asker):
        return await asyncio.to_thread(_why, call, warehouse, segment_id, record_id(member_id))


def _why(call: Call, warehouse: Warehouse, segment_id: str, member_id: int) -> Why:
    segment = _segment(call, segment_id)
    with call.read() as conn:
        vocabulary = api.load_vocabulary(conn, call.scope)
    explanation = explain(
        call.services.state,
        warehouse,
        call.scope,
        segment.subject,
        segment.condition,
        vocabulary,
        call.services.clock(),
        member_id,
        ANSWER_SECONDS,
    )
    rows = warehouse.rows(member_queries.stays_of(call.scope, [segment.id], member_id))
    names = _names(call, segment.subject, [(member_id,)])
    return Why(
        names.get(member_id),
        any(not left for _, _, left in rows),
        [
            StayAnswer(to_iso(Instant(entered)), to_iso(Instant(left)) if left else None)
            for _, entered, left in rows
        ],
        explanation,
    )


def _segments_of(
    call: Call, warehouse: Warehouse, subject: Subject, member_id: int
) -> SegmentsOfMember:
    with call.read() as conn:
        segments = api.list_segments(conn, call.scope, subject=subject)
    if not segments:
        return SegmentsOfMember([])
    rows = warehouse.rows(
        member_queries.stays_of(call.scope, [one.id for one in segments], member_id)
    )
    entered = {row[0]: row[1] for row in rows if not row[2]}
    return SegmentsOfMember(
        [
            SegmentOfMember(one.id, one.name, to_iso(Instant(entered[one.id])))
            for one in segments
            if one.id in entered
        ]
    )


@get(
    "/api/v1/contacts/by-id/{contact_id:str}/segments",
    summary="List the segments of a contact",
    tags=_TAGS,
)
@in_thread
def list_segments_of_contact(
    call: TheCall, warehouse: TheWarehouse, contact_id: FromPath[str]
) -> SegmentsOfMember:
    """Answer the segments that a contact is in, by name; none of one that is not there."""
    return _segments_of(call, warehouse, "contact", record_id(contact_id))


@get(
    "/api/v1/products/by-id/{product_id:str}/segments",
    summary="List the segments of a product",
    tags=_TAGS,
)
@in_thread
def list_segments_of_product(
    call: TheCall, warehouse: TheWarehouse, product_id: FromPath[str]
) -> SegmentsOfMember:
    """Answer the segments that a product is in, by name; none of one that is not there."""
    return _segments_of(call, warehouse, "product", record_id(product_id))


MEMBER_ROUTES: Final[list[HTTPRouteHandler]] = [
    list_members,
    list_member_changes,
    read_sizes,
    read_member,
    list_segments_of_contact,
    list_segments_of_product,
]
