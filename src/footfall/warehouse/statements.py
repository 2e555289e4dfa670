"""Statements that read shop rows: built here from templates, checked again by the executor."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from footfall.kernel.instants import utc_offsets
from footfall.kernel.scope import Scope
from footfall.warehouse.guard import WORKSPACE_PARAMETER, UnguardedStatement, guarded
from footfall.warehouse.schema import RELATIONS, SURVIVORS, Relation

Parameter = str | int | float | None | Sequence[str] | Sequence[int]

_MARKER: Final = re.compile(r"\{([^{}:]*)\}")
_COLUMN: Final = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT on the rows of one workspace. Made by `statement`, run by `Warehouse.rows`."""

    sql: str  #: final text; values are `{name:Type}` parameters
    parameters: Mapping[str, Parameter]
    scope: Scope
    relations: frozenset[Relation]


def statement(scope: Scope, template: str, /, **parameters: Parameter) -> Statement:
    """Return the statement of `template` in the workspace of `scope`.

    Args:
        scope: Whose rows; also binds `{workspace_id:UInt32}`.
        template: A SELECT. Names relations as `{events}`, `{products}`, `{contacts}` or
            `{contact_aliases}` where a table stands (`FROM {events} AS e`), values as
            `{name:Type}`. No comments, no semicolon, no SETTINGS or FORMAT.
        parameters: Values of the template's `{name:Type}`. Instants go in as integer milliseconds:
            `fromUnixTimestamp64Milli({since:Int64})`.

    Raises:
        UnguardedStatement: An unknown marker, or a parameter that would be the workspace.
    """
    if WORKSPACE_PARAMETER in parameters:
        raise UnguardedStatement("the workspace comes from the scope")
    used: set[Relation] = set()

    def expand(match: re.Match[str]) -> str:
        for relation in RELATIONS:
            if match[1] == relation:
                used.add(relation)
                return guarded(relation)
        raise UnguardedStatement(f"{match[0]} names no relation")

    sql = _MARKER.sub(expand, template)
    return Statement(sql, MappingProxyType(dict(parameters)), scope, frozenset(used))


def survivor(column: str) -> str:
    """Return the SQL of the contact that `column`'s contact was merged into, itself if none.

    Defeats the sort key: to find one contact's events, use `same_contact`.
    """
    if _COLUMN.fullmatch(column) is None:
        raise UnguardedStatement(f"{column!r} is no column")
    return f"dictGetOrDefault('{SURVIVORS}', 'survivor_id', {column}, {column})"


#: SELECT of who is in a segment now; binds `segment_id`.
CURRENT_MEMBERS: Final = (
    "SELECT member_id FROM {segment_members} WHERE segment_id = {segment_id:UInt32} AND left_at = 0"
)

#: Where a statement needs the order of an event as text; none is empty.
_ORDER: Final = "ifNull(order_id, '')"
#: Best first: of the sources that report an order, the first one is read.
_RANK: Final = "transform(toString(source), ['api', 'import'], [1, 2], 3)"


def orders_once(condition: str) -> str:
    """Return the SQL of a condition on an event: its order is read from this event's source.

    The same order may be reported by the shop's server, by a file and by the browser. Per order
    and type of event only the source counts that ranks highest among those that have any: api,
    import, browser. An event without an order id always counts.

    Args:
        condition: On the columns of `events`: which of them take part at all.
    """
    best = (
        f"SELECT {_ORDER}, event_type, min({_RANK}) FROM {{events}}"  # noqa: S608 - constants, and the caller's
        f" WHERE {_ORDER} != '' AND ({condition}) GROUP BY {_ORDER}, event_type"
    )
    return f"({_ORDER} = '' OR ({_ORDER}, event_type, {_RANK}) IN ({best}))"


#: Events that say what was sold or taken back.
_OF_ORDERS: Final = "event_type IN ('purchase', 'order', 'refund', 'return')"
_LINE: Final = (
    "product_id, occurred_at, contact_id, event_type, currency, unit_price, quantity, named"
)


def order_lines(
    condition: str, chosen: str = "1", orders: str | None = None, owner: str | None = None
) -> str:
    """Return the SQL of a subquery: events of orders, each order once, and what each is to revenue.

    Columns: product_id, occurred_at, contact_id, event_type, currency, unit_price, quantity,
    `named` (the order id, empty if none) and `part`: 'line', 'refund', 'return', or '' for what
    adds nothing. Decisions 1 and 12: sources as in `orders_once`; `order` events are lines only
    where the order has no purchase; a `return` counts only where no refund of the same order and
    product does. All of it is decided among all lines of an order.

    Args:
        condition: On the columns of `events`: which of them take part at all.
        chosen: On the same: which of these are returned.
        orders: Name of the Array(String) parameter that holds the orders of the chosen events, if
            the caller knows them; to find them out costs the engine as much as the rest.
        owner: SQL on the columns of `events`. All is decided among the lines of one owner then,
            who is returned as `owner`.
    """
    line, named_by = _LINE, "named"
    source = f"*, {_ORDER} AS named"
    if owner is not None:
        line, named_by = f"{_LINE}, owner", "owner, named"
        source += f", {owner} AS owner"
    taken = f"{_OF_ORDERS} AND ({condition})"
    if orders is not None:
        taken += f" AND (({chosen}) OR order_id IN {{{orders}:Array(String)}})"
    elif chosen != "1":
        named = f"SELECT order_id FROM {{events}} WHERE {taken} AND {_ORDER} != '' AND ({chosen})"  # noqa: S608 - constants, and the caller's
        taken += f" AND (({chosen}) OR order_id IN ({named}))"
    return f"""(
        SELECT {line}, multiIf(
            event_type = 'order', if(is_purchased, '', 'line'),
            event_type = 'return', if(is_refunded, '', 'return'),
            event_type = 'refund', 'refund',
            'line'
        ) AS part
        FROM (
            SELECT {line}, is_chosen, is_purchased, named = '' OR ranked = best AS is_best,
                named != '' AND max(event_type = 'refund' AND ranked = best)
                    OVER (PARTITION BY {named_by}, product_id) AS is_refunded
            FROM (
                SELECT {line}, is_chosen, ranked,
                    min(ranked) OVER (PARTITION BY {named_by}, event_type) AS best,
                    named != '' AND max(event_type = 'purchase')
                        OVER (PARTITION BY {named_by}) AS is_purchased
                FROM (
                    SELECT {source}, {_RANK} AS ranked, ({chosen}) AS is_chosen
                    FROM {{events}} WHERE {taken}
                )
            )
        )
        WHERE is_chosen AND is_best
    )"""  # noqa: S608 - constants, and the caller's


#: The day of `occurred_at`, counted from 1970-01-01, in the zone whose `day_offsets` are bound. The
#: engine could tell it from the zone's name, but keeps 5 MB for each zone it ever used, and has
#: rules of its own age.
LOCAL_DAY = (
    "intDiv(toUnixTimestamp64Milli(occurred_at) + transform("
    "roundDown(toUnixTimestamp64Milli(occurred_at), {offset_starts:Array(Int64)}),"
    " {offset_starts:Array(Int64)}, {offsets:Array(Int64)}, toInt64(0)), 86400000)"
)


def day_offsets(zone: ZoneInfo) -> dict[str, Parameter]:
    """Return the parameters of LOCAL_DAY that make its days those of `zone`."""
    table = utc_offsets(zone)
    return {
        "offset_starts": [start for start, _ in table],
        "offsets": [offset for _, offset in table],
    }


#: What the source of an event is worth where several report the same order; the least counts.
ORDER_RANK: Final = _RANK
ORDER_TYPES: Final = ("order", "purchase", "return", "refund")


def counted_once(owner: str, condition: str) -> str:
    """Return the SQL of a condition on an event: no better source reports its order for its owner.

    As `orders_once`, but among the events of one owner only; so what others did changes nothing.

    Args:
        owner: SQL on the columns of `events`.
        condition: On the same: which of them take part at all.
    """
    of_orders = f"event_type IN {ORDER_TYPES!r} AND {_ORDER} != '' AND ({condition})"
    # Most shops report from one source: then the innermost is empty, and nothing else is read.
    # It asks for the source and not for its rank, which is a text made of every row.
    doubtful = f"SELECT order_id FROM {{events}} WHERE source != 'api' AND {of_orders}"  # noqa: S608 - constants, and the caller's
    best = (
        f"SELECT {owner} AS owner, {_ORDER} AS named, event_type, min({_RANK}) FROM {{events}}"  # noqa: S608 - constants, and the caller's
        f" WHERE order_id IN ({doubtful}) AND {of_orders} GROUP BY owner, named, event_type"
    )
    return (
        f"(event_type NOT IN {ORDER_TYPES!r} OR {_ORDER} = '' OR source = 'api'"
        f" OR ({owner}, {_ORDER}, event_type, {_RANK}) IN ({best}))"
    )


def same_contact(column: str, parameter: str) -> str:
    """Return the SQL of a condition: `column` is the contact or one that was merged into it.

    Prunes by the sort key.

    Args:
        column: A contact id.
        parameter: Name of the UInt64 parameter that holds the surviving contact.
    """
    if _COLUMN.fullmatch(column) is None or _COLUMN.fullmatch(parameter) is None:
        raise UnguardedStatement(f"{column!r} or {parameter!r} is no name")
    value = f"{{{parameter}:UInt64}}"
    merged = f"FROM {{contact_aliases}} WHERE survivor_id = {value}"
    return f"{column} IN (SELECT {value} UNION ALL SELECT contact_id {merged})"
