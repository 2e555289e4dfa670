"""Statements that find the values a shop really has, on the warehouse."""

from typing import Final, Literal

from footfall.kernel.scope import Scope
from footfall.warehouse.api import Statement, statement

ValuesOf = Literal[
    "contact_attribute",
    "product_attribute",
    "tag",
    "category",
    "product",
    "event_name",
    "currency",
]

_LISTED: Final = "arrayJoin(JSONExtract(attributes[{name:String}], 'Array(String)'))"
#: SELECT of (value, label): each row is one object or event that has it.
_SOURCES: Final[dict[ValuesOf, str]] = {
    "contact_attribute": (
        "SELECT attributes[{name:String}] AS value, '' AS label FROM {contacts} WHERE deleted = 0"
    ),
    "product_attribute": (
        "SELECT attributes[{name:String}] AS value, '' AS label FROM {products} WHERE deleted = 0"
    ),
    "tag": (
        "SELECT arrayJoin(JSONExtract(attributes['tags'], 'Array(String)')) AS value, '' AS label"
        " FROM {contacts} WHERE deleted = 0"
    ),
    "category": (
        "SELECT arrayJoin(arrayDistinct(arrayPushBack("
        "JSONExtract(attributes['categories'], 'Array(String)'), attributes['category_name'])))"
        " AS value, '' AS label FROM {products} WHERE deleted = 0"
    ),
    "product": (
        "SELECT custom_id AS value, ifNull(name, '') AS label FROM {products} WHERE deleted = 0"
    ),
    "event_name": "SELECT name AS value, '' AS label FROM {activities} WHERE kind = 'event'",
    "currency": (
        "SELECT ifNull(currency, '') AS value, '' AS label FROM {events}"
        " WHERE event_type IN ('purchase', 'order')"
    ),
}


def values(
    scope: Scope, of: ValuesOf, name: str, search: str, limit: int, *, listed: bool
) -> Statement:
    """Return (value, label, how many have it), the commonest first.

    Args:
        listed: Whether the attribute holds lists, whose entries are meant.
    """
    source = _SOURCES[of]
    if listed:
        source = source.replace("attributes[{name:String}]", _LISTED)
    parameters = {"name": name} if "{name:String}" in source else {}
    return statement(
        scope,
        f"""
        SELECT value, any(label), count() AS number FROM ({source})
        WHERE value != '' AND length(value) <= 255 AND (
            positionCaseInsensitiveUTF8(value, {{search:String}}) > 0
            OR positionCaseInsensitiveUTF8(label, {{search:String}}) > 0
        )
        GROUP BY value ORDER BY number DESC, value LIMIT {{limit:UInt32}}
        """,  # noqa: S608 - constants of this file, values are bound
        search=search,
        limit=limit,
        **parameters,
    )
