"""Statements on who is and was in segments, on the warehouse."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.segments.interest import Watch
from footfall.warehouse.api import (
    LOCAL_DAY,
    ORDER_TYPES,
    Parameter,
    Statement,
    day_offsets,
    statement,
    survivor,
)

#: Entries and exits as rows: (member, at, 1 or -1).
_CHANGES: Final = """
SELECT member_id, entered_at AS at, 1 AS step FROM {segment_members}
WHERE segment_id = {segment_id:UInt32}
UNION ALL
SELECT member_id, left_at, -1 FROM {segment_members}
WHERE segment_id = {segment_id:UInt32} AND left_at != 0
"""


def sizes(scope: Scope, segment_ids: Sequence[int]) -> Statement:
    """Return (segment, members now) of segments that have any."""
    return statement(
        scope,
        """
        SELECT segment_id, count() FROM {segment_members}
        WHERE segment_id IN {ids:Array(UInt32)} AND left_at = 0 GROUP BY segment_id
        """,
        ids=list(segment_ids),
    )


def last_change(scope: Scope) -> Statement:
    """Return when somebody entered or left a segment last, 0 if never."""
    return statement(scope, "SELECT max(greatest(entered_at, left_at)) FROM {segment_members}")


def newest_product(scope: Scope) -> Statement:
    """Return the highest id of a product, 0 if there is none."""
    return statement(scope, "SELECT max(id) FROM {products}")


def order_sources(scope: Scope) -> Statement:
    """Return the sources that named orders came from."""
    types = ", ".join(f"'{name}'" for name in ORDER_TYPES)
    return statement(
        scope,
        "SELECT DISTINCT toString(source) FROM {events}"  # noqa: S608 - constants of the warehouse, nothing else
        f" WHERE event_type IN ({types}) AND ifNull(order_id, '') != ''",
    )


def open_stays(scope: Scope, segment_ids: Sequence[int], member_ids: Sequence[int]) -> Statement:
    """Return (segment, member, entered at) of those of some who are in some segments."""
    return statement(
        scope,
        """
        SELECT segment_id, member_id, entered_at FROM {segment_members}
        WHERE segment_id IN {ids:Array(UInt32)} AND member_id IN {members:Array(UInt64)}
            AND left_at = 0
        """,
        ids=list(segment_ids),
        members=list(member_ids),
    )


def stays_of(scope: Scope, segment_ids: Sequence[int], member_id: int) -> Statement:
    """Return (segment, entered at, left at) of one member, the newest first."""
    return statement(
        scope,
        """
        SELECT segment_id, entered_at, left_at FROM {segment_members}
        WHERE segment_id IN {ids:Array(UInt32)} AND member_id = {member:UInt64}
        ORDER BY entered_at DESC, segment_id
        """,
        ids=list(segment_ids),
        member=member_id,
    )


class Place(NamedTuple):
    """Where a list goes on: past what happened to a member then."""

    at: int
    member_id: int


def members(scope: Scope, segment_id: int, past: Place | None, limit: int) -> Statement:
    """Return (member, entered at) of who is in a segment, who came last first."""
    return statement(
        scope,
        """
        SELECT member_id, entered_at FROM {segment_members}
        WHERE segment_id = {segment_id:UInt32} AND left_at = 0
            AND (entered_at, member_id) < ({at:Int64}, {past_id:UInt64})
        ORDER BY entered_at DESC, member_id DESC LIMIT {limit:UInt32}
        """,
        segment_id=segment_id,
        at=2**62 if past is None else past.at,
        past_id=0 if past is None else past.member_id,
        limit=limit,
    )


def changes(
    scope: Scope,
    segment_id: int,
    past: Place | None,
    limit: int,
    order: Literal["newest", "oldest"] = "newest",
) -> Statement:
    """Return (member, at, 1 entered or -1 left) of a segment in the order of time."""
    sign, direction = ("<", "DESC") if order == "newest" else (">", "ASC")
    place = past or Place(2**62 if order == "newest" else 0, 0)
    return statement(
        scope,
        f"""
        SELECT member_id, at, step FROM ({_CHANGES})
        WHERE (at, member_id) {sign} ({{at:Int64}}, {{past_id:UInt64}})
        ORDER BY at {direction}, member_id {direction} LIMIT {{limit:UInt32}}
        """,  # noqa: S608 - constants of this file, values are bound
        segment_id=segment_id,
        at=place.at,
        past_id=place.member_id,
        limit=limit,
    )


def changes_by_day(scope: Scope, segment_id: int, zone: ZoneInfo) -> Statement:
    """Return (day from 1970-01-01 in `zone`, entered, left) of days with any, in order."""
    return statement(
        scope,
        f"""
        SELECT {LOCAL_DAY} AS day, countIf(step = 1), countIf(step = -1)
        FROM (SELECT fromUnixTimestamp64Milli(at) AS occurred_at, step FROM ({_CHANGES}))
        GROUP BY day ORDER BY day
        """,  # noqa: S608 - constants, values are bound
        segment_id=segment_id,
        **day_offsets(zone),
    )


# --- who crosses the edge of a moving window -----------------------------------------------------

_AT: Final = "toUnixTimestamp64Milli(occurred_at)"


def crossing(scope: Scope, watch: Watch, start: Instant, end: Instant, limit: int) -> Statement:
    """Return one row: up to `limit` whose times lie from `start` to `end`, and the next time.

    The next is the least at or past `end` in milliseconds, 0 if there is none.
    """
    if watch.of == "carts":
        source = (
            "SELECT contact_id AS who, toUnixTimestamp64Milli("
            "arrayJoin(arrayConcat(added_at, changed_at))) AS time FROM {carts}"
        )
    elif watch.of == "attribute":
        table = "{contacts}" if watch.subject == "contact" else "{products}"
        source = (
            "SELECT id AS who, ifNull(toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull("  # noqa: S608 - constants, values are bound
            f"attributes[{{name:String}}], 3, 'UTC')), 0) AS time FROM {table} WHERE deleted = 0"
        )
    else:
        owner = survivor("contact_id") if watch.subject == "contact" else "product_id"
        if watch.of == "events":
            rows = "{events} WHERE event_type IN {names:Array(String)}"
        elif watch.of == "page_views":
            rows = "{activities} WHERE kind = 'page_view'"
        else:
            rows = "{activities} WHERE kind = 'event' AND name IN {names:Array(String)}"
        source = (
            f"SELECT {owner} AS who, {_AT} AS time FROM {rows}"  # noqa: S608 - constants, values are bound
            " AND occurred_at >= fromUnixTimestamp64Milli({start:Int64})"
        )
    parameters: dict[str, Parameter] = {}
    if "{names:" in source:
        parameters["names"] = list(watch.names)
    if "{name:" in source:
        parameters["name"] = watch.names[0]
    return statement(
        scope,
        f"""
        SELECT groupUniqArrayIf({limit:d})(who, time <= {{end:Int64}}),
            minIf(time, time >= {{end:Int64}})
        FROM ({source}) WHERE time >= {{start:Int64}} AND who != 0
        """,  # noqa: S608 - constants, values are bound
        start=int(start),
        end=int(end),
        **parameters,
    )
