"""HTTP of events: read them back, count them, and the routes of the failed ones."""

from dataclasses import replace
from typing import Annotated, Final, NamedTuple, get_args
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter, SkipValidation
from msgspec import Struct

from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CursorParameter,
    check_parameters,
)
from footfall.http.services import TheCall
from footfall.ingest import parameters, reading
from footfall.ingest.failed_routes import ROUTES as FAILED_ROUTES
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
from footfall.ingest.search_routes import ROUTES as SEARCH_ROUTES
from footfall.ingest.statistics_routes import ROUTES as STATISTICS_ROUTES
from footfall.ingest.stream_routes import ROUTES as STREAM_ROUTES
from footfall.ingest.types import (
    EventCount,
    EventFilter,
    Grouping,
    StoredEvent,
)

_TAGS: Final = ["events"]
_ORDERS: Final = ("all", "once")
_GROUPINGS: Final[tuple[Grouping, ...]] = get_args(Grouping)

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


ROUTES: Final[list[HTTPRouteHandler]] = [
    list_events,
    count_events,
    *FAILED_ROUTES,
    *HISTORY_ROUTES,
    *STREAM_ROUTES,
    *STATISTICS_ROUTES,
    *SEARCH_ROUTES,
]
