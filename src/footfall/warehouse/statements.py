"""Statements that read shop rows: built here from templates, checked again by the executor."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

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


def orders_once(condition: str) -> str:
    """Return the SQL of a condition on an event: its order is read from this event's source.

    The same order may be reported by the shop's server, by a file and by the browser. Per order
    and type of event only the source counts that ranks highest among those that have any: api,
    import, browser. An event without an order id always counts.

    Args:
        condition: On the columns of `events`: which of them take part at all.
    """
    rank = "transform(toString(source), ['api', 'import'], [1, 2], 3)"
    named = "ifNull(order_id, '')"
    best = (
        f"SELECT {named}, event_type, min({rank}) FROM {{events}}"  # noqa: S608 - constants, and the caller's
        f" WHERE {named} != '' AND ({condition}) GROUP BY {named}, event_type"
    )
    return f"({named} = '' OR ({named}, event_type, {rank}) IN ({best}))"


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
