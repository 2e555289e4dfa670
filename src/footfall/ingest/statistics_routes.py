"""HTTP of the numbers of one product."""

from datetime import datetime, time, timedelta
from typing import Final

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.catalog.api import ProductKey, get_product
from footfall.http.edge import decoded_segment, record_id
from footfall.http.paging import check_parameters
from footfall.http.services import Call, TheCall
from footfall.ingest import parameters
from footfall.ingest.parameters import (
    SinceParameter,
    TheWarehouse,
    TrafficParameter,
    UntilParameter,
    ZoneParameter,
)
from footfall.ingest.statistics import ProductStatistics, product_statistics
from footfall.kernel.errors import Invalid
from footfall.kernel.ids import ProductId
from footfall.kernel.instants import DAY_MS, Instant, from_datetime, to_datetime
from footfall.warehouse.api import Warehouse

_TAGS: Final = ["products"]
#: If nothing is said: that many days, today among them.
DEFAULT_DAYS: Final = 90
#: Each is a row of the answer.
MAX_DAYS: Final = 3_700


def _statistics(
    call: Call,
    warehouse: Warehouse,
    key: ProductKey,
    since: str | None,
    until: str | None,
    time_zone: str | None,
    traffic: str | None,
) -> ProductStatistics:
    check_parameters(call, {"from", "to", "time_zone", "traffic"})
    zone = parameters.zone_of(call, time_zone)
    end = parameters.instant(until, "#to", zone)
    if end is None:
        end = Instant(call.services.clock() + 1)
    begin = parameters.instant(since, "#from", zone)
    if begin is None:
        first = to_datetime(end).astimezone(zone).date() - timedelta(days=DEFAULT_DAYS - 1)
        begin = Instant(max(from_datetime(datetime.combine(first, time(), zone)), 0))
    if not 0 < end - begin <= MAX_DAYS * DAY_MS:
        raise Invalid.at(
            "#from", "wrong_window", f"`from` must lie up to {MAX_DAYS:,} days before `to`."
        )
    with call.read() as conn:
        product = get_product(conn, call.scope, key)
    return product_statistics(
        call.services.state,
        warehouse,
        call.scope,
        product.id,
        since=begin,
        until=end,
        traffic=parameters.traffic(traffic, "visitor"),
        zone=zone,
    )


@get(
    "/api/v1/products/{custom_id:str}/statistics",
    sync_to_thread=True,
    summary="Read the numbers of a product",
    tags=_TAGS,
)
def read_statistics(
    call: TheCall,
    warehouse: TheWarehouse,
    custom_id: FromPath[str],
    since: SinceParameter = None,
    until: UntilParameter = None,
    time_zone: ZoneParameter = None,
    traffic: TrafficParameter = None,
) -> ProductStatistics:
    """Answer views, carts, purchases and returns by day, conversion, revenue, and who came last."""
    key = decoded_segment(custom_id)
    return _statistics(call, warehouse, key, since, until, time_zone, traffic)


@get(
    "/api/v1/products/by-id/{product_id:str}/statistics",
    sync_to_thread=True,
    summary="Read the numbers of a product, by internal id",
    tags=_TAGS,
)
def read_statistics_by_id(
    call: TheCall,
    warehouse: TheWarehouse,
    product_id: FromPath[str],
    since: SinceParameter = None,
    until: UntilParameter = None,
    time_zone: ZoneParameter = None,
    traffic: TrafficParameter = None,
) -> ProductStatistics:
    """Answer views, carts, purchases and returns by day, conversion, revenue, and who came last."""
    key = ProductId(record_id(product_id))
    return _statistics(call, warehouse, key, since, until, time_zone, traffic)


ROUTES: Final[list[HTTPRouteHandler]] = [read_statistics, read_statistics_by_id]
