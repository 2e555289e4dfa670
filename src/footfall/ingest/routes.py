"""HTTP of events: read them back, count them, look at the failed ones and replay them."""

from typing import Annotated, Any, Final, NamedTuple, get_args
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import Meta, Struct
from msgspec.json import Decoder

from footfall.http.bodies import inflated
from footfall.http.edge import record_id
from footfall.http.headers import preferred_wait
from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CursorParameter,
    check_parameters,
    packed_cursor,
    unpacked_cursor,
)
from footfall.http.services import Call, TheCall
from footfall.ingest import failed, reading
from footfall.ingest.collector import Advisor, Visibility
from footfall.ingest.failed import Correction
from footfall.ingest.logic import canonical_event_type
from footfall.ingest.reading import MAX_GROUPS
from footfall.ingest.types import (
    EVENT_TYPES,
    SOURCES,
    EventCount,
    EventFilter,
    FailedEvent,
    Grouping,
    StoredEvent,
)
from footfall.journal.types import Journal
from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_id
from footfall.kernel.instants import Instant, instant_of_text, zone
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import get_workspace

_TAGS: Final = ["events"]
_FAILED_TAGS: Final = ["failed events"]
_MAX_ID: Final = 2**63 - 1
#: The year 2200: the warehouse's times end there, and no event is later.
_LAST_INSTANT: Final = 7_258_118_400_000
_GROUPINGS: Final[tuple[Grouping, ...]] = get_args(Grouping)

TheWarehouse = NamedDependency[SkipValidation[Warehouse]]
TheJournal = NamedDependency[SkipValidation[Journal]]
TheAdvisor = NamedDependency[SkipValidation[Advisor]]
TheVisibility = NamedDependency[SkipValidation[Visibility]]

_FILTERS: Final = frozenset(
    {"contact", "contact_id", "product", "product_id", "event_type", "source", "from", "to"}
)
_LIST_PARAMETERS: Final = _FILTERS | {"time_zone", "cursor", "limit"}
_COUNT_PARAMETERS: Final = _FILTERS | {"time_zone", "group_by", "limit"}


class _Place(Struct, frozen=True):
    """Where a list that begins with the newest goes on."""

    before: Annotated[int, Meta(ge=0, le=_MAX_ID)]


_decode_place: Final = Decoder(_Place).decode


class EventPageAnswer(Struct, frozen=True):
    """Some events, the newest first."""

    results: list[StoredEvent]
    next: str | None


class FailedEventPage(Struct, frozen=True):
    """Some failed events, the newest first."""

    results: list[FailedEvent]
    next: str | None


class ReplayAnswer(Struct, frozen=True):
    """The event that a failed event became."""

    id: int


class Chosen(NamedTuple):
    """The events that a request asks for."""

    events: EventFilter
    zone: ZoneInfo  #: where days begin


def chosen_events(
    call: TheCall,
    contact: Annotated[
        str | None, QueryParameter(description="The shop's id of a contact.")
    ] = None,
    contact_id: Annotated[
        int | None, QueryParameter(ge=0, le=_MAX_ID, description="Our id of a contact.")
    ] = None,
    product: Annotated[
        str | None, QueryParameter(description="The shop's id of a product.")
    ] = None,
    product_id: Annotated[
        int | None, QueryParameter(ge=0, le=_MAX_ID, description="Our id of a product.")
    ] = None,
    event_type: Annotated[
        str | None, QueryParameter(description=f"One of: {', '.join(EVENT_TYPES)}.")
    ] = None,
    source: Annotated[
        str | None, QueryParameter(description=f"One of: {', '.join(SOURCES)}.")
    ] = None,
    since: Annotated[
        str | None,
        QueryParameter(
            name="from",
            description="Events from this time on: ISO 8601, a date, Unix seconds or milliseconds.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        QueryParameter(name="to", description="Events before this time, written like `from`."),
    ] = None,
    time_zone: Annotated[
        str | None,
        QueryParameter(description="IANA name; where days begin. By default the workspace's."),
    ] = None,
) -> Chosen:
    """Return what the filters of a request choose."""
    days_in = _zone(call, time_zone)
    return Chosen(
        EventFilter(
            contact=_custom_id(contact, "#contact"),
            contact_id=contact_id,
            product=_custom_id(product, "#product"),
            product_id=product_id,
            event_type=_event_type(event_type),
            source=_source(source),
            since=_instant(since, "#from", days_in),
            until=_instant(until, "#to", days_in),
        ),
        days_in,
    )


TheChosen = NamedDependency[SkipValidation[Chosen]]
_CHOSEN: Final = {"chosen": Provide(chosen_events, sync_to_thread=True)}


@get(
    "/api/v1/events",
    sync_to_thread=True,
    dependencies=_CHOSEN,
    summary="List events",
    tags=_TAGS,
)
def list_events(
    call: TheCall,
    warehouse: TheWarehouse,
    chosen: TheChosen,
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> EventPageAnswer:
    """Answer events, the newest first; pages show each once, whatever arrives meanwhile."""
    check_parameters(call, _LIST_PARAMETERS)
    page = reading.list_events(
        call.services.state,
        warehouse,
        call.scope,
        chosen.events,
        before=_before(cursor),
        limit=limit,
    )
    return EventPageAnswer(page.results, _cursor(page.next_before))


@get(
    "/api/v1/events/count",
    sync_to_thread=True,
    dependencies=_CHOSEN,
    summary="Count events",
    tags=_TAGS,
)
def count_events(
    call: TheCall,
    warehouse: TheWarehouse,
    chosen: TheChosen,
    group_by: Annotated[
        str | None, QueryParameter(description=f"One of: {', '.join(_GROUPINGS)}.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_GROUPS)] = MAX_GROUPS,
) -> EventCount:
    """Answer the total and, grouped, the largest groups first; days in their order."""
    check_parameters(call, _COUNT_PARAMETERS)
    return reading.count_events(
        call.services.state,
        warehouse,
        call.scope,
        chosen.events,
        group_by=_grouping(group_by),
        zone=chosen.zone,
        limit=limit,
    )


@get("/api/v1/failed-events", sync_to_thread=True, summary="List failed events", tags=_FAILED_TAGS)
def list_failed_events(
    call: TheCall,
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    code: Annotated[str | None, QueryParameter(description="Why they failed.")] = None,
) -> FailedEventPage:
    """Answer refused input, the newest first; it is kept for 30 days, and 256 MiB of it at most."""
    check_parameters(call, {"cursor", "limit", "code"})
    with call.read() as conn:
        results, next_before = failed.list_failed_events(
            conn, call.scope, before_id=_before(cursor), limit=limit, code=code
        )
    return FailedEventPage(results, _cursor(next_before))


@get(
    "/api/v1/failed-events/{failed_id:str}",
    sync_to_thread=True,
    summary="Read a failed event",
    tags=_FAILED_TAGS,
)
def read_failed_event(call: TheCall, failed_id: FromPath[str]) -> FailedEvent:
    """Answer the payload as it was received, and why it was refused."""
    with call.read() as conn:
        return failed.get_failed_event(conn, call.scope, record_id(failed_id))


@post(
    "/api/v1/failed-events/{failed_id:str}/replay",
    status_code=200,
    summary="Send a failed event again",
    tags=_FAILED_TAGS,
)
async def replay_failed_event(
    call: TheCall,
    journal: TheJournal,
    advisor: TheAdvisor,
    visibility: TheVisibility,
    failed_id: FromPath[str],
    request: Request[Any, Any, Any],
    product: Annotated[
        str | None,
        QueryParameter(
            description="The shop's id, in place of the product that the address named."
        ),
    ] = None,
) -> ReplayAnswer:
    """Answer the `id` of the event it became. A body is taken in place of the kept payload."""
    body = inflated(await request.body(), request.headers.get("content-encoding"))
    position = await failed.replay(
        call.services.state,
        journal,
        advisor,
        call.scope,
        record_id(failed_id),
        Correction(body or None, product),
        clock=call.services.clock,
    )
    # The edge waits for copies of changed objects; the event itself is waited for here.
    seconds = preferred_wait(request.headers.get("prefer"))
    if seconds is not None:
        await visibility.wait(position, seconds)
    return ReplayAnswer(position)


def _before(cursor: str | None) -> int | None:
    return unpacked_cursor(cursor, _decode_place).before if cursor else None


def _cursor(before: int | None) -> str | None:
    return None if before is None else packed_cursor(_Place(before))


def _zone(call: Call, name: str | None) -> ZoneInfo:
    if name is None:
        with call.read() as conn:
            return ZoneInfo(get_workspace(conn, call.scope.workspace_id).time_zone)
    found = zone(name)
    if found is None:
        raise Invalid.at(
            "#time_zone", "unknown_time_zone", "Use an IANA name such as Europe/Warsaw."
        )
    return found


def _custom_id(text: str | None, pointer: str) -> str | None:
    return None if text is None else checked_id(text, pointer)


def _event_type(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return canonical_event_type(text)
    except Invalid as error:
        raise Invalid.at("#event_type", error.code, error.message) from None


def _source(text: str | None) -> str | None:
    if text is not None and text not in SOURCES:
        raise Invalid.at("#source", "unknown_source", f"Use one of: {', '.join(SOURCES)}.")
    return text


def _grouping(text: str | None) -> Grouping | None:
    if text is None:
        return None
    for grouping in _GROUPINGS:
        if text == grouping:
            return grouping
    raise Invalid.at("#group_by", "unknown_grouping", f"Use one of: {', '.join(_GROUPINGS)}.")


def _instant(text: str | None, pointer: str, days_in: ZoneInfo) -> Instant | None:
    if text is None:
        return None
    instant = instant_of_text(text.strip(), days_in)
    if instant is None:
        raise Invalid.at(
            pointer,
            "unreadable_time",
            "Use ISO 8601 (with + written as %2B), a date, Unix seconds or milliseconds.",
        )
    return Instant(min(max(instant, 0), _LAST_INSTANT))


ROUTES: Final[list[HTTPRouteHandler]] = [
    list_events,
    count_events,
    list_failed_events,
    read_failed_event,
    replay_failed_event,
]
