"""HTTP of events: read them back, count them, look at the failed ones and replay them."""

from dataclasses import replace
from typing import Annotated, Any, Final, NamedTuple, get_args
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import Struct

from footfall.http.bodies import inflated
from footfall.http.edge import record_id
from footfall.http.headers import preferred_wait
from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CursorParameter,
    check_parameters,
)
from footfall.http.services import TheCall
from footfall.ingest import failed, parameters, reading
from footfall.ingest.collector import Advisor, Visibility
from footfall.ingest.failed import Correction
from footfall.ingest.history_routes import ROUTES as HISTORY_ROUTES
from footfall.ingest.parameters import (
    ContactIdParameter,
    ContactParameter,
    EventTypeParameter,
    ProductIdParameter,
    ProductParameter,
    SessionParameter,
    SinceParameter,
    SourceParameter,
    TheWarehouse,
    TrafficParameter,
    UntilParameter,
    ZoneParameter,
)
from footfall.ingest.reading import MAX_GROUPS
from footfall.ingest.stream_routes import ROUTES as STREAM_ROUTES
from footfall.ingest.types import (
    EventCount,
    EventFilter,
    FailedEvent,
    Grouping,
    StoredEvent,
)
from footfall.journal.types import Journal

_TAGS: Final = ["events"]
_FAILED_TAGS: Final = ["failed events"]
_ORDERS: Final = ("all", "once")
_GROUPINGS: Final[tuple[Grouping, ...]] = get_args(Grouping)

TheJournal = NamedDependency[SkipValidation[Journal]]
TheAdvisor = NamedDependency[SkipValidation[Advisor]]
TheVisibility = NamedDependency[SkipValidation[Visibility]]

_FILTERS: Final = frozenset(
    {
        *("contact", "contact_id", "product", "product_id", "event_type", "source"),
        *("from", "to", "time_zone", "session", "traffic"),
    }
)
_LIST_PARAMETERS: Final = _FILTERS | {"cursor", "limit"}
_COUNT_PARAMETERS: Final = _FILTERS | {"group_by", "orders", "limit"}


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
    traffic: str | None  #: as it was said


def chosen_events(
    call: TheCall,
    contact: ContactParameter = None,
    contact_id: ContactIdParameter = None,
    product: ProductParameter = None,
    product_id: ProductIdParameter = None,
    event_type: EventTypeParameter = None,
    source: SourceParameter = None,
    session: SessionParameter = None,
    since: SinceParameter = None,
    until: UntilParameter = None,
    time_zone: ZoneParameter = None,
    traffic: TrafficParameter = None,
) -> Chosen:
    """Return what the filters of a request choose."""
    days_in = parameters.zone_of(call, time_zone)
    return Chosen(
        EventFilter(
            contact=parameters.custom_id(contact, "#contact"),
            contact_id=contact_id,
            product=parameters.custom_id(product, "#product"),
            product_id=product_id,
            event_type=parameters.event_type(event_type),
            source=parameters.source(source),
            since=parameters.instant(since, "#from", days_in),
            until=parameters.instant(until, "#to", days_in),
            session=session,
            traffic=parameters.traffic(traffic, None),
        ),
        days_in,
        traffic,
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
        before=parameters.before(cursor),
        limit=limit,
    )
    return EventPageAnswer(page.results, parameters.cursor_before(page.next_before))


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
    orders: Annotated[
        str | None,
        QueryParameter(
            description="`once`: an order that several sources report is read from one. Else `all`."
        ),
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_GROUPS)] = MAX_GROUPS,
) -> EventCount:
    """Answer the total and, grouped, the largest groups first; days in their order."""
    check_parameters(call, _COUNT_PARAMETERS)
    return reading.count_events(
        call.services.state,
        warehouse,
        call.scope,
        # Bots and the shop's own staff are left out of numbers, unless they are asked for.
        replace(chosen.events, traffic=parameters.traffic(chosen.traffic, "visitor")),
        group_by=parameters.one_of(group_by, _GROUPINGS, "#group_by", code="unknown_grouping"),
        zone=chosen.zone,
        limit=limit,
        once=parameters.one_of(orders, _ORDERS, "#orders", code="unknown_orders") == "once",
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
            conn, call.scope, before_id=parameters.before(cursor), limit=limit, code=code
        )
    return FailedEventPage(results, parameters.cursor_before(next_before))


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


ROUTES: Final[list[HTTPRouteHandler]] = [
    list_events,
    count_events,
    list_failed_events,
    read_failed_event,
    replay_failed_event,
    *HISTORY_ROUTES,
    *STREAM_ROUTES,
]
