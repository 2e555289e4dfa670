"""HTTP of activities, of what a contact did and has in its cart, and of revenue."""

from typing import Annotated, Final, NamedTuple, get_args
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import Struct

from footfall.contacts.api import ContactKey
from footfall.http.edge import decoded_segment, record_id
from footfall.http.paging import DEFAULT_LIMIT, MAX_LIMIT, CursorParameter, check_parameters
from footfall.http.services import Call, TheCall
from footfall.ingest import activities, parameters
from footfall.ingest import revenue as reports
from footfall.ingest.carts import Cart, read_cart
from footfall.ingest.parameters import (
    ContactIdParameter,
    ContactParameter,
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
from footfall.ingest.types import (
    ActivityFilter,
    ActivityGrouping,
    EventCount,
    EventFilter,
    HistoryItem,
    Revenue,
    RevenueGrouping,
    StoredActivity,
    Traffic,
)
from footfall.kernel.ids import ContactId
from footfall.warehouse.api import Warehouse

_TAGS: Final = ["activities"]
_CARTS: Final = ["contacts"]
#: Kinds that leave a row; news of a contact does not.
KINDS: Final = ("event", "page_view", "screen")
_GROUPINGS: Final[tuple[ActivityGrouping, ...]] = get_args(ActivityGrouping)
_REVENUE_GROUPINGS: Final[tuple[RevenueGrouping, ...]] = get_args(RevenueGrouping)

_FILTERS: Final = frozenset(
    {
        *("contact", "contact_id", "kind", "name", "session", "source"),
        *("from", "to", "time_zone", "traffic"),
    }
)
_REVENUE_PARAMETERS: Final = frozenset(
    {
        *("contact", "contact_id", "product", "product_id", "from", "to", "time_zone"),
        *("traffic", "group_by", "limit"),
    }
)


class ActivityPageAnswer(Struct, frozen=True):
    """Some activities, the newest first."""

    results: list[StoredActivity]
    next: str | None


class HistoryAnswer(Struct, frozen=True):
    """Some of what a contact did, the newest first."""

    results: list[HistoryItem]
    next: str | None


class Chosen(NamedTuple):
    """The activities that a request asks for."""

    contact: str | None
    contact_id: int | None
    kind: str | None
    name: str | None
    session: str | None
    source: str | None
    since: str | None
    until: str | None
    zone: ZoneInfo  #: where days begin
    traffic: str | None

    def filter(self, traffic: Traffic | None) -> ActivityFilter:
        """Return the filter, checked; `traffic` is whose visits are meant if nothing is said."""
        return ActivityFilter(
            contact=parameters.custom_id(self.contact, "#contact"),
            contact_id=self.contact_id,
            kind=parameters.one_of(self.kind, KINDS, "#kind", code="unknown_kind"),
            name=self.name,
            session=self.session,
            source=parameters.source(self.source),
            since=parameters.instant(self.since, "#from", self.zone),
            until=parameters.instant(self.until, "#to", self.zone),
            traffic=parameters.traffic(self.traffic, traffic),
        )


def chosen_activities(
    call: TheCall,
    contact: ContactParameter = None,
    contact_id: ContactIdParameter = None,
    kind: Annotated[str | None, QueryParameter(description=f"One of: {', '.join(KINDS)}.")] = None,
    name: Annotated[str | None, QueryParameter(description="Of the event or screen.")] = None,
    session: SessionParameter = None,
    source: SourceParameter = None,
    since: SinceParameter = None,
    until: UntilParameter = None,
    time_zone: ZoneParameter = None,
    traffic: TrafficParameter = None,
) -> Chosen:
    """Return what the filters of a request choose."""
    days_in = parameters.zone_of(call, time_zone)
    return Chosen(contact, contact_id, kind, name, session, source, since, until, days_in, traffic)


TheChosen = NamedDependency[SkipValidation[Chosen]]
_CHOSEN: Final = {"chosen": Provide(chosen_activities, sync_to_thread=True)}


@get(
    "/api/v1/activities",
    sync_to_thread=True,
    dependencies=_CHOSEN,
    summary="List activities",
    tags=_TAGS,
)
def list_activities(
    call: TheCall,
    warehouse: TheWarehouse,
    chosen: TheChosen,
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> ActivityPageAnswer:
    """Answer ordinary events, page views and screens, the newest first."""
    check_parameters(call, _FILTERS | {"cursor", "limit"})
    page = activities.list_activities(
        call.services.state,
        warehouse,
        call.scope,
        chosen.filter(None),
        before=parameters.before(cursor),
        limit=limit,
    )
    return ActivityPageAnswer(page.results, parameters.cursor_before(page.next_before))


@get(
    "/api/v1/activities/count",
    sync_to_thread=True,
    dependencies=_CHOSEN,
    summary="Count activities",
    tags=_TAGS,
)
def count_activities(
    call: TheCall,
    warehouse: TheWarehouse,
    chosen: TheChosen,
    group_by: Annotated[
        str | None, QueryParameter(description=f"One of: {', '.join(_GROUPINGS)}.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_GROUPS)] = MAX_GROUPS,
) -> EventCount:
    """Answer the total and, grouped, the largest groups first; days in their order."""
    check_parameters(call, _FILTERS | {"group_by", "limit"})
    return activities.count_activities(
        call.services.state,
        warehouse,
        call.scope,
        chosen.filter("visitor"),
        group_by=parameters.one_of(group_by, _GROUPINGS, "#group_by", code="unknown_grouping"),
        zone=chosen.zone,
        limit=limit,
    )


@get(
    "/api/v1/contacts/{custom_id:str}/history",
    sync_to_thread=True,
    summary="List what a contact did",
    tags=_TAGS,
)
def list_history(
    call: TheCall,
    warehouse: TheWarehouse,
    custom_id: FromPath[str],
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> HistoryAnswer:
    """Answer product events and activities in one list, the newest first."""
    return _history(call, warehouse, decoded_segment(custom_id), cursor, limit)


@get(
    "/api/v1/contacts/by-id/{contact_id:str}/history",
    sync_to_thread=True,
    summary="List what a contact did, by internal id",
    tags=_TAGS,
)
def list_history_by_id(
    call: TheCall,
    warehouse: TheWarehouse,
    contact_id: FromPath[str],
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> HistoryAnswer:
    """Answer product events and activities in one list, the newest first."""
    return _history(call, warehouse, ContactId(record_id(contact_id)), cursor, limit)


def _history(
    call: Call, warehouse: Warehouse, contact: ContactKey, cursor: str | None, limit: int
) -> HistoryAnswer:
    check_parameters(call, {"cursor", "limit"})
    items, next_before = activities.contact_history(
        call.services.state,
        warehouse,
        call.scope,
        contact,
        before=parameters.before(cursor),
        limit=limit,
    )
    return HistoryAnswer(items, parameters.cursor_before(next_before))


@get(
    "/api/v1/contacts/{custom_id:str}/cart",
    sync_to_thread=True,
    summary="Read a contact's cart",
    tags=_CARTS,
)
def read_contact_cart(call: TheCall, custom_id: FromPath[str]) -> Cart:
    """Answer what lies in it now: quantities, prices then and now, totals by currency, age."""
    return _cart(call, decoded_segment(custom_id))


@get(
    "/api/v1/contacts/by-id/{contact_id:str}/cart",
    sync_to_thread=True,
    summary="Read a contact's cart, by internal id",
    tags=_CARTS,
)
def read_contact_cart_by_id(call: TheCall, contact_id: FromPath[str]) -> Cart:
    """Answer what lies in it now: quantities, prices then and now, totals by currency, age."""
    return _cart(call, ContactId(record_id(contact_id)))


def _cart(call: Call, contact: ContactKey) -> Cart:
    check_parameters(call, ())
    return read_cart(call.services.state, call.scope, contact, call.services.clock())


@get("/api/v1/reports/revenue", sync_to_thread=True, summary="Revenue", tags=["reports"])
def report_revenue(
    call: TheCall,
    warehouse: TheWarehouse,
    contact: ContactParameter = None,
    contact_id: ContactIdParameter = None,
    product: ProductParameter = None,
    product_id: ProductIdParameter = None,
    since: SinceParameter = None,
    until: UntilParameter = None,
    time_zone: ZoneParameter = None,
    traffic: TrafficParameter = None,
    group_by: Annotated[
        str | None, QueryParameter(description=f"One of: {', '.join(_REVENUE_GROUPINGS)}.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_GROUPS)] = MAX_GROUPS,
) -> Revenue:
    """Answer what was sold and taken back, by currency; each order is counted once."""
    check_parameters(call, _REVENUE_PARAMETERS)
    days_in = parameters.zone_of(call, time_zone)
    return reports.revenue(
        call.services.state,
        warehouse,
        call.scope,
        EventFilter(
            contact=parameters.custom_id(contact, "#contact"),
            contact_id=contact_id,
            product=parameters.custom_id(product, "#product"),
            product_id=product_id,
            since=parameters.instant(since, "#from", days_in),
            until=parameters.instant(until, "#to", days_in),
            traffic=parameters.traffic(traffic, "visitor"),
        ),
        group_by=parameters.one_of(
            group_by, _REVENUE_GROUPINGS, "#group_by", code="unknown_grouping"
        ),
        zone=days_in,
        limit=limit,
    )


ROUTES: Final[list[HTTPRouteHandler]] = [
    list_activities,
    count_activities,
    list_history,
    list_history_by_id,
    read_contact_cart,
    read_contact_cart_by_id,
    report_revenue,
]
