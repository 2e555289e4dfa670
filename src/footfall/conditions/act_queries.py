"""Which events are meant: conditions on the rows of `events` and `activities`."""

from typing import Final

from footfall.attributes.filters import AttributeFilter, condition, make_filter
from footfall.attributes.types import Definition
from footfall.conditions.printing import ONCE, Printing, Relation
from footfall.conditions.types import (
    Act,
    AttributeTest,
    EventStep,
    OrdinaryEvents,
    PageStep,
    PageViews,
    ProductEvents,
    ProductFilter,
    ProductStep,
    Property,
    Scalar,
    Window,
)
from footfall.conditions.windows import NoTime, bounds
from footfall.kernel.errors import Invalid
from footfall.warehouse.api import ORDER_TYPES, survivor

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
#: Fields that only page views and ordinary events have.
_OF_ACTIVITIES: Final = (
    "attribute",
    "url",
    "referrer",
    "device_type",
    "os",
    "browser",
    "language",
    *UTM,
)
_OF_EVENTS: Final = ("custom_data", "currency", "unit_price", "quantity")
_NUMBERS: Final = ("unit_price", "quantity")
_NUMBER: Final = "'^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$'"
_TRUE: Final = "('true', 'yes', 'on', '1')"
_FALSE: Final = "('false', 'no', 'off', '0')"
#: What an event may carry and be asked for "at the time": the warehouse has it as it was sent.
_THEN: Final = ("string", "fixed", "integer", "float", "boolean", "date")


def relation_of(act: Act) -> Relation:
    """Return the history that holds such events."""
    return "events" if isinstance(act, ProductEvents | ProductStep) else "activities"


def matching(printing: Printing, act: Act, place: str = "") -> str:
    """Return the condition on a row of its history: it is meant by `act`, at any time.

    It is on the columns of `Printing.rows`.

    Raises:
        Invalid: It names what there is not; with its place below `place`.
    """
    parts: list[str] = []
    if isinstance(act, ProductEvents | ProductStep):
        types = ", ".join(f"'{name}'" for name in dict.fromkeys(act.event_types))
        parts.append(f"event_type IN ({types})")
        are_orders = any(name in ORDER_TYPES for name in act.event_types)
        if are_orders and not printing.vocabulary.has_one_order_source:
            parts.append(ONCE)
        if act.products is not None:
            parts += _products(printing, act.products, f"{place}/products")
    elif isinstance(act, OrdinaryEvents | EventStep):
        parts.append(f"kind = 'event' AND name = {printing.bind('String', act.name)}")
    else:
        assert isinstance(act, PageViews | PageStep)
        parts.append("kind = 'page_view'")
    for number, asked in enumerate(act.properties):
        where = f"{place}/properties/{number}"
        parts.append(_property(printing, relation_of(act), asked, where))
    return " AND ".join(parts)


def within(printing: Printing, window: Window | None, place: str = "") -> str:
    """Return the condition that a row lies in a window, "1" for ever.

    Raises:
        Invalid: The window's times are none, or it ends before it begins.
    """
    try:
        found = bounds(window, printing.now, printing.vocabulary.zone)
    except NoTime as error:
        raise Invalid.at(
            place, "not_a_time", f'"{error}" is no date (YYYY-MM-DD) and no time (ISO 8601).'
        ) from error
    if found.start is not None and found.end is not None and found.end <= found.start:
        raise Invalid.at(place, "impossible_window", "This window ends before it begins.")
    parts: list[str] = []
    if found.start is not None:
        parts.append(f"occurred_at >= {printing.instant(found.start)}")
    if found.end is not None:
        parts.append(f"occurred_at < {printing.instant(found.end)}")
    return " AND ".join(parts) or "1"


# --- products -----------------------------------------------------------------------------------


def _products(printing: Printing, wanted: ProductFilter, place: str) -> list[str]:
    parts = []
    now = present(printing, wanted, place)
    if now is not None:
        parts.append(f"product_id IN ({now})")
    for number, test in enumerate(wanted.attributes):
        if test.at == "then":
            parts.append(_then(printing, test, f"{place}/attributes/{number}"))
    if wanted.segment is not None:
        parts.append(f"product_id IN ({members(printing, wanted.segment, f'{place}/segment')})")
    return parts


def members(printing: Printing, segment_id: int, place: str) -> str:
    """Return the SELECT of the products that are in a segment now, as it is kept.

    Raises:
        Invalid: There is no such segment of products.
    """
    known = printing.vocabulary.segments.get(segment_id)
    if known is None or known.subject != "product":
        raise Invalid.at(place, "unknown_segment", "There is no such segment of products.")
    number = printing.bind("UInt32", segment_id)
    return f"SELECT member_id FROM {{segment_members}} WHERE segment_id = {number} AND left_at = 0"  # noqa: S608 - every part is a constant of this file, values are bound


def present(printing: Printing, wanted: ProductFilter, place: str = "") -> str | None:
    """Return the SELECT of the products that fit now, None if nothing is asked of the present.

    Segments are not looked at. Deleted products keep what they had: their history counts.

    Raises:
        Invalid: It names what there is not.
    """
    parts: list[str] = []
    if wanted.ids:
        parts.append(f"custom_id IN {printing.bind('Array(String)', list(wanted.ids))}")
    if wanted.category is not None:
        name = printing.bind("String", wanted.category)
        parts.append(
            f"(lowerUTF8(attributes['category_name']) = lowerUTF8({name}) OR arrayExists("
            f"x -> lowerUTF8(x) = lowerUTF8({name}),"
            " JSONExtract(attributes['categories'], 'Array(String)')))"
        )
    for number, test in enumerate(wanted.attributes):
        if test.at == "now":
            parts.append(_now(printing, test, f"{place}/attributes/{number}"))
    return f"SELECT id FROM {{products}} WHERE {' AND '.join(parts)}" if parts else None  # noqa: S608 - every part is printed in this file, values are bound


def _definition(printing: Printing, name: str, place: str) -> Definition:
    found = printing.vocabulary.product_attributes.get(name)
    if found is None:
        raise Invalid.at(
            f"{place}/name", "unknown_attribute", f'Products have no attribute "{name[:64]}".'
        )
    return found


def text_of(value: Scalar) -> str:
    """Return a value as people write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def filter_sql(printing: Printing, wanted: AttributeFilter) -> str:
    """Return the condition of a filter on the columns of a snapshot."""
    sql, bound = condition(wanted, printing.numbers)
    printing.numbers += 1
    printing.parameters |= bound
    return sql


def _now(printing: Printing, test: AttributeTest, place: str) -> str:
    definition = _definition(printing, test.name, place)
    wanted = make_filter(
        definition, test.operator, text_of(test.value), printing.vocabulary.zone, place
    )
    return filter_sql(printing, wanted)


def _then(printing: Printing, test: AttributeTest, place: str) -> str:
    """Return the condition on what the event carried, read as its type writes it.

    The raw payload may spell the name in its own way, and the value as the sender likes: what
    reads as no value of the type is missing.
    """
    definition = _definition(printing, test.name, place)
    if definition.value_type not in _THEN or definition.multiple:
        message = f'"{definition.name}" can be asked as it is now, not as it was at the time.'
        raise Invalid.at(place, "not_at_the_time", message)
    wanted = make_filter(
        definition, test.operator, text_of(test.value), printing.vocabulary.zone, place
    )
    name = printing.bind("String", definition.name_std)
    spelled = "replaceRegexpAll(lowerUTF8(x.1), '[^\\\\pL\\\\pN\\\\pM]+', '_')"
    raw = f"arrayFirst(x -> {spelled} = {name}, JSONExtractKeysAndValuesRaw(attributes)).2"
    return _read_as(printing, definition, wanted, _unquoted(raw))


def _unquoted(raw: str) -> str:
    """Return the text of a JSON value: of a string itself, of null and of nothing none."""
    return f"multiIf({raw} = 'null', '', startsWith({raw}, '\"'), JSONExtractString({raw}), {raw})"


def _read_as(printing: Printing, definition: Definition, wanted: AttributeFilter, text: str) -> str:
    if wanted.operator in ("has_value", "has_none"):
        return f"{text} {'!=' if wanted.operator == 'has_value' else '='} ''"
    if definition.value_type in ("string", "fixed"):
        return _text_test(printing, wanted.operator, text, str(wanted.value))
    if definition.value_type in ("integer", "float"):
        number = float(wanted.value or 0)
        return _number_test(printing, wanted.operator, text, number)
    if definition.value_type == "boolean":
        own, other = (_TRUE, _FALSE) if wanted.value == "true" else (_FALSE, _TRUE)
        assert own != other
        same = f"lowerUTF8({text}) IN {own}"
        return f"NOT {same}" if wanted.operator == "is_not" else same
    day = f"if(match({text}, '^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'), left({text}, 10), '')"
    value = printing.bind("String", str(wanted.value))
    if wanted.operator in ("is", "is_not"):
        sign = "=" if wanted.operator == "is" else "!="
        return f"{day} {sign} {value}"
    return f"({day} != '' AND {day} {'<' if wanted.operator == 'before' else '>'} {value})"


# --- the event itself ---------------------------------------------------------------------------


def _text_test(printing: Printing, operator: str, text: str, wanted: str) -> str:
    value = printing.bind("String", wanted)
    if operator == "contains":
        return f"positionUTF8(lowerUTF8({text}), lowerUTF8({value})) > 0"
    sign = "=" if operator == "is" else "!="
    return f"lowerUTF8({text}) {sign} lowerUTF8({value})"


def _number_test(printing: Printing, operator: str, text: str, wanted: float) -> str:
    value = printing.bind("Float64", wanted)
    number = f"if(match({text}, {_NUMBER}), toFloat64OrNull({text}), NULL)"
    if operator == "is_not":
        return f"NOT ifNull({number} = {value}, 0)"
    sign = {"is": "=", "at_least": ">=", "at_most": "<="}[operator]
    return f"ifNull({number} {sign} {value}, 0)"


def _property(printing: Printing, relation: Relation, asked: Property, place: str) -> str:
    _check(relation, asked, place)
    if relation == "events" and asked.field in UTM:
        return _of_visit(printing, asked)
    return _tested(printing, asked, _property_text(printing, relation, asked))


def _check(relation: Relation, asked: Property, place: str) -> None:
    of_product = relation == "events"
    wrong = _OF_EVENTS if not of_product else tuple(set(_OF_ACTIVITIES) - set(UTM))
    if asked.field in wrong:
        whom = "A product event has" if of_product else "Only product events have"
        what = asked.field.replace("_", " ")
        message = f"{whom} no {what}." if of_product else f"{whom} a {what}."
        raise Invalid.at(f"{place}/field", "unknown_field", message)
    named = asked.field in ("custom_data", "attribute")
    if named and not asked.name.strip():
        raise Invalid.at(f"{place}/name", "required", "Say which key is meant.")
    if asked.operator in ("has_value", "has_none"):
        return
    if asked.value is None or asked.value == "":
        raise Invalid.at(f"{place}/value", "required", "Say what it is compared with.")
    if asked.operator in ("at_least", "at_most") or asked.field in _NUMBERS:
        _number(asked.value, f"{place}/value")


def _number(value: Scalar, place: str) -> float:
    try:
        number = float(text_of(value))
    except ValueError:
        number = float("nan")
    if not abs(number) < 1e15:
        raise Invalid.at(place, "not_a_number", "This must be a number.")
    return number


def _property_text(printing: Printing, relation: Relation, asked: Property) -> str:
    if asked.field in ("custom_data", "attribute"):
        column = "ifNull(custom_data, '')" if relation == "events" else "attributes"
        path = ", ".join(printing.bind("String", part) for part in asked.name.split("."))
        return _unquoted(f"JSONExtractRaw({column}, {path})")
    if asked.field in _NUMBERS:
        return f"ifNull(toString({asked.field}), '')"
    return f"ifNull(toString({asked.field}), '')"


def _tested(printing: Printing, asked: Property, text: str) -> str:
    if asked.operator in ("has_value", "has_none"):
        return f"{text} {'!=' if asked.operator == 'has_value' else '='} ''"
    is_number = isinstance(asked.value, int | float) and not isinstance(asked.value, bool)
    if asked.operator in ("at_least", "at_most") or asked.field in _NUMBERS:
        return _number_test(printing, asked.operator, text, float(text_of(asked.value)))
    if is_number and asked.operator != "contains":
        return _number_test(printing, asked.operator, text, float(text_of(asked.value)))
    return _text_test(printing, asked.operator, text, text_of(asked.value))


def _of_visit(printing: Printing, asked: Property) -> str:
    """Return the condition that the visit of a product event came with such a UTM parameter."""
    positive = {"is_not": "is", "has_none": "has_value"}.get(asked.operator, asked.operator)
    tested = _tested(
        printing,
        Property(asked.field, positive, asked.value),  # type: ignore[arg-type]  # of two literals
        f"ifNull(toString({asked.field}), '')",
    )
    who = survivor("contact_id")
    visits = (
        f"SELECT {who}, ifNull(session_id, '') FROM {{activities}}"  # noqa: S608 - every part is printed in this file, values are bound
        f" WHERE {printing.base('activities', by_contact=True)} AND ifNull(session_id, '') != ''"
        f" AND {tested}"
    )
    found = f"({who}, ifNull(session_id, '')) IN ({visits})"
    return found if positive == asked.operator else f"NOT {found}"
