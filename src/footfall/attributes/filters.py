"""Narrows and sorts lists by attribute: what a filter says, as the warehouse's SQL. Pure.

Conditions read the column `attributes` of a snapshot, the canonical text of each value. Each is
true or false, never null, so that a filter and its opposite share out the objects between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, Literal, get_args

from footfall.attributes.coercion import CoercionError, canonical_text, coerce
from footfall.attributes.definitions import Definitions
from footfall.attributes.types import Definition, ValueType
from footfall.kernel.errors import Invalid
from footfall.warehouse.api import Parameter

Operator = Literal[
    "is",
    "is_not",
    "contains",
    "at_least",
    "at_most",
    "before",
    "after",
    "has_value",
    "has_none",
]
OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
#: Of one list; each reads the attributes of every object once more.
MAX_FILTERS: Final = 20

#: Of a text; a cursor holds them, and travels in an address.
SORTED_CHARACTERS: Final = 100

_PRESENCE: Final[tuple[Operator, ...]] = ("has_value", "has_none")
_NUMBER: Final[tuple[Operator, ...]] = ("is", "is_not", "at_least", "at_most")
_BY_TYPE: Final[Mapping[ValueType, tuple[Operator, ...]]] = {
    "string": ("is", "is_not", "contains"),
    "integer": _NUMBER,
    "float": _NUMBER,
    "boolean": ("is", "is_not"),
    "date": ("is", "is_not", "before", "after"),
    "datetime": ("before", "after"),
    "fixed": ("is", "is_not"),
    "json": ("contains",),
    "list": ("contains",),
}
_NUMBERS: Final[Mapping[str, tuple[str, str]]] = {
    "integer": ("toInt64OrNull", "Int64"),
    "float": ("toFloat64OrNull", "Float64"),
}
_COMPARISONS: Final[Mapping[Operator, str]] = {
    "is": "=",
    "at_least": ">=",
    "at_most": "<=",
    "before": "<",
    "after": ">",
}


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """One condition on one attribute. Made by `read_filter`."""

    definition: Definition
    operator: Operator
    #: As the warehouse compares it; None where the operator takes none.
    value: str | int | float | None


def operators_of(definition: Definition) -> tuple[Operator, ...]:
    """Return what a filter on this attribute may ask."""
    if definition.value_type == "fixed" and definition.multiple:
        return ("contains", *_PRESENCE)
    return (*_BY_TYPE[definition.value_type], *_PRESENCE)


def read_filters(
    definitions: Definitions, texts: Sequence[str], zone: tzinfo
) -> list[AttributeFilter]:
    """Return what each of `texts` asks: `name:operator`, or `name:operator:value`.

    Args:
        zone: The workspace's, for dates and times that name none.

    Raises:
        Invalid: An attribute or operator that there is not, or a value that is none.
    """
    if len(texts) > MAX_FILTERS:
        raise Invalid.at("#filter", "too_many_filters", f"A list takes {MAX_FILTERS} filters.")
    return [_read(definitions, text, zone) for text in texts]


def _read(definitions: Definitions, text: str, zone: tzinfo) -> AttributeFilter:
    name, _, rest = text.partition(":")
    word, _, raw = rest.partition(":")
    definition = definitions.get(name.strip())
    if definition is None:
        raise Invalid.at(
            "#filter",
            "unknown_attribute",
            f'There is no attribute "{name[:64]}". Write name:operator:value.',
        )
    return make_filter(definition, word.strip(), raw, zone, "#filter")


def make_filter(
    definition: Definition, word: str, raw: str, zone: tzinfo, place: str
) -> AttributeFilter:
    """Return the filter on an attribute that `word`, an operator, and a value as text ask for.

    Args:
        zone: The workspace's, for dates and times that name none.
        place: Where errors point to.

    Raises:
        Invalid: The attribute has no such operator, or the value does not fit its type.
    """
    allowed = operators_of(definition)
    operator = next((one for one in allowed if one == word), None)
    if operator is None:
        raise Invalid.at(
            place,
            "unknown_operator",
            f"A filter on {definition.name_std} takes one of: {', '.join(allowed)}.",
        )
    if operator in _PRESENCE:
        return AttributeFilter(definition, operator, None)
    if not raw.strip():
        raise Invalid.at(place, "required", f"Say what {definition.name_std} is compared with.")
    try:
        return AttributeFilter(definition, operator, _value(definition, operator, raw, zone))
    except CoercionError as error:
        raise Invalid.at(place, error.code, f"{definition.name_std}: {error.message}") from error


def _value(definition: Definition, operator: Operator, raw: str, zone: tzinfo) -> str | int | float:
    if operator == "contains" and definition.value_type != "fixed":
        return raw.strip()
    value: Any = coerce(definition, raw.strip(), zone)
    if definition.value_type in _NUMBERS:
        number: int | float = value
        return number
    if operator == "contains":
        return str(value[0])
    return canonical_text(definition, value)


def condition(wanted: AttributeFilter, number: int) -> tuple[str, dict[str, Parameter]]:
    """Return the SQL of a filter and its values.

    Args:
        number: Tells the parameters of several filters of one statement apart.
    """
    name, value = f"attribute_{number}", f"wanted_{number}"
    text = f"attributes[{{{name}:String}}]"
    bound: dict[str, Parameter] = {name: wanted.definition.name_std}
    value_type = wanted.definition.value_type
    if wanted.operator in _PRESENCE:
        nothing = "('', '[]')" if _is_several(wanted.definition) else "('')"
        negation = "NOT " if wanted.operator == "has_value" else ""
        return f"{text} {negation}IN {nothing}", bound
    bound[value] = wanted.value
    if wanted.operator == "contains":
        return _contains(wanted.definition, text, value), bound
    if wanted.operator == "is_not":
        same, _ = condition(AttributeFilter(wanted.definition, "is", wanted.value), number)
        return f"NOT {same}", bound
    sign = _COMPARISONS[wanted.operator]
    if value_type in _NUMBERS:
        cast, kind = _NUMBERS[value_type]
        return f"ifNull({cast}({text}) {sign} {{{value}:{kind}}}, 0)", bound
    if value_type == "string":
        return f"(lowerUTF8({text}) {sign} lowerUTF8({{{value}:String}}))", bound
    # Dates and instants are written so that their text sorts as they do.
    return f"({text} != '' AND {text} {sign} {{{value}:String}})", bound


def _is_several(definition: Definition) -> bool:
    return definition.value_type == "list" or definition.multiple


def _contains(definition: Definition, text: str, value: str) -> str:
    if not _is_several(definition):
        return f"(positionCaseInsensitiveUTF8({text}, {{{value}:String}}) > 0)"
    entries = f"JSONExtract({text}, 'Array(String)')"
    return f"arrayExists(x -> lowerUTF8(x) = lowerUTF8({{{value}:String}}), {entries})"


def sort_key(definition: Definition, parameter: str) -> tuple[str, str]:
    """Return the SQL of what objects are sorted by, null where there is no value, and its type.

    Args:
        parameter: Name of the String parameter that holds the attribute's standard name.
    """
    text = f"attributes[{{{parameter}:String}}]"
    if definition.value_type in _NUMBERS:
        cast, kind = _NUMBERS[definition.value_type]
        return f"{cast}({text})", kind
    return f"nullIf(leftUTF8(lowerUTF8({text}), {SORTED_CHARACTERS}), '')", "String"
