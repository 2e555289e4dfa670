"""What visitors did with one product: by day, in all, for how much, and who last."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from footfall.contacts.api import contact_names
from footfall.contacts.types import ContactName
from footfall.ingest import queries
from footfall.ingest.queries import Selection
from footfall.ingest.reading import day_of
from footfall.ingest.revenue import revenue_row
from footfall.ingest.types import RevenueRow, Traffic
from footfall.kernel.ids import ProductId
from footfall.kernel.instants import Instant, to_datetime, to_iso
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: Shown of a product.
LAST_INTERACTIONS = 10


class DayNumbers(Struct, frozen=True, gc=False):
    """One day of a product."""

    day: str  #: YYYY-MM-DD
    views: int
    carts: int
    purchases: int
    returns: int


class Rates(Struct, frozen=True):
    """Shares from 0 to 1; null where nobody viewed."""

    carts: float | None
    purchases: float | None


class Conversion(Struct, frozen=True):
    """How often a view became more."""

    by_event: Rates  #: additions and purchases per view
    by_contact: Rates  #: of the contacts who viewed, those who also added, or bought


class ViewingContacts(Struct, frozen=True):
    """How many contacts viewed, and how many of these did more; nobody known does not count."""

    viewed: int
    carted: int
    purchased: int


class Interaction(Struct, frozen=True, gc=False):
    """Who did what, when."""

    event_id: int
    event_type: str
    occurred_at: str
    contact: ContactName | None


class ProductStatistics(Struct, frozen=True):
    """What visitors did with a product within a window."""

    since: str
    until: str
    time_zone: str
    views: int
    carts: int
    purchases: int
    returns: int
    contacts: ViewingContacts
    conversion: Conversion
    revenue: list[RevenueRow]  #: by currency, never added up
    days: list[DayNumbers]  #: every day of the window
    last_interactions: list[Interaction]  #: the newest first


def product_statistics(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    product_id: ProductId,
    *,
    since: Instant,
    until: Instant,
    traffic: Traffic | None,
    zone: ZoneInfo,
) -> ProductStatistics:
    """Return the numbers of a product from `since` until before `until`."""
    selection = Selection(product_ids=[product_id], since=since, until=until, traffic=traffic)
    [whole, *act_days] = warehouse.rows(
        queries.product_acts(scope, selection, zone=zone, newest=LAST_INTERACTIONS)
    )
    _, views, carts, viewed, carted, bought, orders, newest = whole
    sales: Sequence[tuple[Any, ...]] = ()
    if orders:
        named = [order for order in orders if order]
        sales = warehouse.rows(queries.product_sales(scope, selection, named, zone=zone))
    acts = {row[0]: row[1:3] for row in act_days}
    sold = {row[0]: row[1:3] for row in sales if row[0] is not None}
    totals = [row for row in sales if row[0] is None]
    days: list[DayNumbers] = []
    for number in _days(since, until, zone):
        day_acts, day_sales = acts.get(number, (0, 0)), sold.get(number, (0, 0))
        days.append(DayNumbers(day_of(number), *day_acts, *day_sales))
    purchases = sum(row[1] for row in totals)
    return ProductStatistics(
        to_iso(since),
        to_iso(until),
        zone.key,
        views,
        carts,
        purchases,
        sum(row[2] for row in totals),
        ViewingContacts(viewed, carted, bought),
        Conversion(
            Rates(_share(carts, views), _share(purchases, views)),
            Rates(_share(carted, viewed), _share(bought, viewed)),
        ),
        [revenue_row(row[3:]) for row in totals],
        days,
        _interactions(state, scope, newest),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _days(since: Instant, until: Instant, zone: ZoneInfo) -> range:
    """Return the days of a window, counted from 1970-01-01."""
    epoch = date(1970, 1, 1).toordinal()
    first = to_datetime(since).astimezone(zone).date()
    last = (to_datetime(until) - timedelta(milliseconds=1)).astimezone(zone).date()
    return range(first.toordinal() - epoch, last.toordinal() - epoch + 1)


def _interactions(
    state: State, scope: Scope, newest: Sequence[tuple[int, int, str, int]]
) -> list[Interaction]:
    with state.read() as conn:
        names = contact_names(conn, scope, {row[3] for row in newest} - {0})
    return [
        Interaction(event_id, event_type, to_iso(Instant(-before)), names.get(contact_id))
        for before, event_id, event_type, contact_id in newest
    ]
