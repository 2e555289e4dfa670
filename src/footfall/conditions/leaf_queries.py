"""Each leaf of a condition as SQL."""

from datetime import date
from decimal import Decimal
from typing import Final

from footfall.attributes.filters import OPERATORS, make_filter, operators_of
from footfall.attributes.types import Definition
from footfall.conditions.act_queries import (
    filter_sql,
    matching,
    members,
    present,
    relation_of,
    text_of,
    within,
)
from footfall.conditions.printing import (
    OnHistory,
    OnOwnSet,
    OnSnapshot,
    Printed,
    Printing,
    compared,
    is_true_of_zero,
)
from footfall.conditions.types import (
    MAX_DAYS,
    AgeTest,
    Attribute,
    Cart,
    Consent,
    History,
    InSegment,
    Leaf,
    Measure,
    OnList,
    OrdinaryEvents,
    PageViews,
    ProductEvents,
    ProductFilter,
    Sequence,
    Step,
    Tag,
)
from footfall.conditions.windows import (
    Bounds,
    bounds,
    duration_ms,
    local_day,
    shifted,
    start_of_day,
)
from footfall.kernel.errors import Invalid
from footfall.kernel.instants import HOUR_MS, MINUTE_MS, Instant, to_iso
from footfall.warehouse.api import order_lines

#: Of dates and instants, beside the operators that lists have.
RELATIVE: Final = ("in_last_days", "in_next_days", "more_than_days_ago")
ANNIVERSARY: Final = "anniversary_in_next_days"
_MILLISECONDS: Final = "toUnixTimestamp64Milli(occurred_at)"
_PIECES: Final = "toDecimal128(ifNull(quantity, 1), 4)"
_AMOUNT: Final = (
    f"toDecimal256(toDecimal128(ifNull(unit_price, 0), 4) * {_PIECES}, 8)"
    " * multiIf(part = 'line', 1, part IN ('refund', 'return'), -1, 0)"
)
_REVENUE_TYPES: Final = ("purchase", "order")


def printed(printing: Printing, leaf: Leaf, place: str) -> Printed:
    """Return a leaf as SQL; not of another segment, whose tree takes its place.

    Raises:
        Invalid: It names what there is not, or cannot be asked; with its place.
    """
    if printing.subject == "product" and not isinstance(leaf, Attribute | ProductEvents):
        raise Invalid.at(
            place, "not_of_products", "This is asked of contacts; this segment is of products."
        )
    if isinstance(leaf, Attribute):
        return _attribute(printing, leaf, place)
    if isinstance(leaf, ProductEvents | OrdinaryEvents | PageViews):
        return _history(printing, leaf, place)
    if isinstance(leaf, Sequence):
        return _sequence(printing, leaf, place)
    if isinstance(leaf, Cart):
        return _cart(printing, leaf, place)
    assert not isinstance(leaf, InSegment)
    return _standing(printing, leaf, place)


def _standing(printing: Printing, leaf: Tag | OnList | Consent, place: str) -> OnSnapshot:
    if isinstance(leaf, Tag):
        tags, name = "attributes['tags']", printing.bind("String", leaf.name)
        return OnSnapshot(f"has(JSONExtract({tags}, 'Array(String)'), {name})", tags)
    if isinstance(leaf, OnList):
        if leaf.id not in printing.vocabulary.lists:
            raise Invalid.at(f"{place}/id", "unknown_list", "There is no such list of contacts.")
        return OnSnapshot(f"has(list_ids, {printing.bind('UInt32', leaf.id)})")
    if leaf.channel == "email":
        return OnSnapshot("attributes['unsubscribed'] != 'true'", "attributes['unsubscribed']")
    return OnSnapshot("attributes['notifications'] = 'true'", "attributes['notifications']")


# --- attributes ---------------------------------------------------------------------------------


def operators(definition: Definition) -> tuple[str, ...]:
    """Return what may be asked of an attribute of the contact or product itself."""
    own: tuple[str, ...] = operators_of(definition)
    if definition.value_type == "date":
        return (*own, *RELATIVE, ANNIVERSARY)
    return (*own, *RELATIVE) if definition.value_type == "datetime" else own


def _attribute(printing: Printing, leaf: Attribute, place: str) -> OnSnapshot:
    definition = printing.vocabulary.attributes_of(printing.subject).get(leaf.name)
    if definition is None:
        whose = "Contacts" if printing.subject == "contact" else "Products"
        raise Invalid.at(
            f"{place}/name", "unknown_attribute", f'{whose} have no attribute "{leaf.name[:64]}".'
        )
    text = f"attributes[{printing.bind('String', definition.name_std)}]"
    allowed = operators(definition)
    if leaf.operator not in allowed:
        message = f"{definition.name} takes one of: {', '.join(allowed)}."
        raise Invalid.at(f"{place}/operator", "unknown_operator", message)
    if leaf.operator in OPERATORS:
        zone = printing.vocabulary.zone
        wanted = make_filter(definition, leaf.operator, text_of(leaf.value), zone, f"{place}/value")
        return OnSnapshot(filter_sql(printing, wanted), text)
    days = leaf.value
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_DAYS:
        raise Invalid.at(f"{place}/value", "not_days", f"Say how many days, 1 to {MAX_DAYS}.")
    return OnSnapshot(_relative(printing, definition, leaf.operator, days, text), text)


def _relative(
    printing: Printing, definition: Definition, operator: str, days: int, text: str
) -> str:
    zone, today = printing.vocabulary.zone, local_day(printing.now, printing.vocabulary.zone)
    if operator == ANNIVERSARY:
        days_of_year = printing.bind("Array(String)", _days_of_year(today, days))
        return f"(length({text}) = 10 AND substring({text}, 6, 5) IN {days_of_year})"
    first, past_last = shifted(today, 1 - days), shifted(today, days)
    if definition.value_type == "date":
        start, now, end = first.isoformat(), today.isoformat(), past_last.isoformat()
        until = "<="
    else:
        start, end = (to_iso(start_of_day(day, zone)) for day in (first, past_last))
        now, until = to_iso(printing.now), "<="
    if operator == "in_last_days":
        begin = printing.bind("String", start)
        return f"({text} >= {begin} AND {text} {until} {printing.bind('String', now)})"
    if operator == "in_next_days":
        begin = printing.bind("String", now)
        return f"({text} >= {begin} AND {text} < {printing.bind('String', end)})"
    return f"({text} != '' AND {text} < {printing.bind('String', start)})"


def _days_of_year(today: date, days: int) -> list[str]:
    """Return month and day of the next `days` days; 29 February falls on the 28th without one."""
    found = dict[str, None]()
    for ahead in range(min(days, 366)):
        day = shifted(today, ahead)
        found[day.isoformat()[5:]] = None
        is_short = day.month == 2 and day.day == 28 and shifted(day, 1).month == 3
        if is_short:
            found["02-29"] = None
    return list(found)


# --- what was done ------------------------------------------------------------------------------


def _history(printing: Printing, leaf: History, place: str) -> OnHistory | OnOwnSet:
    _check_measure(printing, leaf, place)
    if leaf.measure.of == "revenue":
        assert isinstance(leaf, ProductEvents)
        return _revenue(printing, leaf, place)
    meant = matching(printing, leaf, place)
    lies = within(printing, leaf.window, f"{place}/window")
    relation = relation_of(leaf)
    if leaf.occurrence != "any":
        return _first_or_last(printing, leaf, meant)
    mark = printing.mark(relation, meant if lies == "1" else f"{lies} AND {meant}")
    shown = (f"toString(countIf({mark}))", f"toString(maxIf({_MILLISECONDS}, {mark}))")
    measure = leaf.measure
    number, value = _measured(printing, measure, mark)
    if measure.of != "count":
        shown = (f"toString({number})", shown[1])
    exists = measure.of in ("count", "products") and (measure.operator, measure.value) == (
        "at_least",
        1,
    )
    zero = is_true_of_zero(measure.operator, measure.value)
    truth = compared(number, measure.operator, value)
    return OnHistory(relation, (mark,), truth, zero, exists, shown)


def _measured(printing: Printing, measure: Measure, mark: str) -> tuple[str, str]:
    """Return the SQL of what is added up, and of what it is compared with."""
    if measure.of == "quantity":
        value = printing.bind("String", f"{Decimal(str(measure.value)):f}")
        return f"sumIf({_PIECES}, {mark})", f"toDecimal128({value}, 4)"
    whole = printing.bind("Int64", int(measure.value))
    if measure.of == "count":
        return f"countIf({mark})", whole
    if measure.of == "products":
        return f"uniqExactIf(product_id, {mark})", whole
    who = Printing("contact", printing.vocabulary, printing.now).owner
    return f"uniqExactIf({who}, contact_id != 0 AND {mark})", whole


def _check_measure(printing: Printing, leaf: History, place: str) -> None:
    measure, at = leaf.measure, f"{place}/measure"
    own = isinstance(leaf, ProductEvents)
    if measure.of != "count" and not own:
        raise Invalid.at(f"{at}/of", "unknown_measure", "Only product events are added up so.")
    if (measure.of == "contacts") != (measure.of == "contacts" and printing.subject == "product"):
        message = "How many contacts did it is asked of products."
        raise Invalid.at(f"{at}/of", "unknown_measure", message)
    if measure.of == "products" and printing.subject == "product":
        message = "How many products it was is asked of contacts."
        raise Invalid.at(f"{at}/of", "unknown_measure", message)
    if measure.of in ("count", "products", "contacts") and (
        measure.value < 0 or measure.value != int(measure.value)
    ):
        raise Invalid.at(f"{at}/value", "not_a_count", "Say how often, in whole numbers from 0.")
    if leaf.occurrence != "any" and measure != Measure():
        message = "The first or last time is one time: there is nothing to count."
        raise Invalid.at(at, "first_or_count", message)
    if (measure.of == "revenue") != (measure.currency is not None):
        message = "Say in which currency." if measure.of == "revenue" else "Only revenue has one."
        raise Invalid.at(f"{at}/currency", "currency", message)
    if (
        measure.of == "revenue"
        and isinstance(leaf, ProductEvents)
        and any(name not in _REVENUE_TYPES for name in leaf.event_types)
    ):
        message = "Revenue is made of purchases and orders; what came back is taken off."
        raise Invalid.at(f"{place}/event_types", "no_revenue", message)


def _first_or_last(printing: Printing, leaf: History, meant: str) -> OnHistory:
    found: Bounds = bounds(leaf.window, printing.now, printing.vocabulary.zone)
    mark = printing.mark(relation_of(leaf), meant)
    at = f"{'min' if leaf.occurrence == 'first' else 'max'}If({_MILLISECONDS}, {mark})"
    # None at all is 0, which lies before every window that begins.
    parts = [f"countIf({mark}) > 0"]
    if found.start is not None:
        parts.append(f"{at} >= {printing.bind('Int64', int(found.start))}")
    if found.end is not None:
        parts.append(f"{at} < {printing.bind('Int64', int(found.end))}")
    shown = (f"toString(countIf({mark}))", f"toString({at})")
    return OnHistory(relation_of(leaf), (mark,), " AND ".join(parts), zero=False, shown=shown)


def _revenue(printing: Printing, leaf: ProductEvents, place: str) -> OnOwnSet:
    measure = leaf.measure
    # What is meant is chosen after orders were told apart: by product, property and time.
    plain = ProductEvents(("view",), leaf.products, leaf.properties)
    chosen = matching(printing, plain, place).removeprefix("event_type IN ('view')")
    parts = [chosen.removeprefix(" AND "), within(printing, leaf.window, f"{place}/window")]
    lines = order_lines(
        printing.base("events"),
        " AND ".join(part for part in parts if part) or "1",
        owner=printing.owner,
    )
    currency = printing.bind("String", measure.currency)
    value = printing.bind("String", f"{Decimal(str(measure.value)):f}")
    summed = f"SELECT owner AS who, sum({_AMOUNT}) AS amount FROM {lines}"  # noqa: S608 - every part is printed here, values are bound
    summed += f" WHERE currency = {currency} GROUP BY who"
    truth = compared("amount", measure.operator, f"toDecimal256({value}, 8)")
    zero = is_true_of_zero(measure.operator, measure.value)
    having = f"NOT ({truth})" if zero else truth
    return OnOwnSet(
        f"SELECT who FROM ({summed} HAVING {having})",  # noqa: S608 - every part is printed here, values are bound
        zero,
        f"SELECT who, toString(amount) AS text FROM ({summed})",  # noqa: S608 - every part is printed here, values are bound
    )


# --- sequences ----------------------------------------------------------------------------------


def _sequence(printing: Printing, leaf: Sequence, place: str) -> OnOwnSet:
    steps: list[tuple[str, Step, str]] = [("a", leaf.first, "first"), ("b", leaf.then, "then")]
    if leaf.not_then is not None:
        steps.append(("c", leaf.not_then, "not_then"))
    if leaf.not_within is not None and leaf.not_then is None:
        raise Invalid.at(f"{place}/not_within", "required", "Say what must not have followed.")
    relations = sorted({relation_of(step) for _, step, _ in steps})
    if leaf.same_product and relations != ["events"]:
        message = "Only product events can be about the same product."
        raise Invalid.at(f"{place}/same_product", "no_product", message)
    sources = []
    for relation in relations:
        flags = {"a": "0", "b": "0", "c": "0"}
        for name, step, where in steps:
            if relation_of(step) == relation:
                flags[name] = matching(printing, step, f"{place}/{where}")
        lies = within(printing, leaf.window, f"{place}/window")
        if lies != "1" and flags["a"] != "0":
            flags["a"] = f"{lies} AND {flags['a']}"
        owner = printing.owner
        number = "event_id" if relation == "events" else "activity_id"
        product = "product_id" if leaf.same_product else "0"
        source = printing.rows(
            relation, {name: flag for name, flag in flags.items() if flag != "0"}
        )
        sources.append(
            f"SELECT {owner} AS who, {product} AS product, {_MILLISECONDS} AS at, {number} AS n,"  # noqa: S608 - every part is printed here, values are bound
            f" ({flags['a']}) AS a, ({flags['b']}) AS b, ({flags['c']}) AS c"
            f" FROM {source}"
        )
    rows = " UNION ALL ".join(sources)
    return OnOwnSet(
        f"""
        SELECT who FROM (
            SELECT who, arraySort(groupArray((at, n, toUInt8(a), toUInt8(b), toUInt8(c)))) AS acts
            FROM ({rows}) GROUP BY who, product
        )
        WHERE {_follows(printing, leaf)}
        """,  # noqa: S608 - every part is printed here, values are bound
        zero=False,
    )


def _follows(printing: Printing, leaf: Sequence) -> str:
    """Return the SQL of: some b has an a before it, in time, and no c behind it.

    The nearest a and c decide: they are carried along the acts of one owner, forward and back.
    """
    times = "arrayMap(x -> if({flag} = 1, x.1, toInt64(0)), acts)"
    before = f"arrayFill(x -> x > 0, {times.format(flag='x.3')})"
    after = f"arrayReverseFill(x -> x > 0, {times.format(flag='x.5')})"
    parts = ["x.4 = 1", "before > 0"]
    if leaf.within is not None:
        longest = printing.bind("Int64", duration_ms(leaf.within))
        parts.append(f"x.1 - before <= {longest}")
    if leaf.not_then is not None:
        clear = "after = 0"
        if leaf.not_within is not None:
            length = duration_ms(leaf.not_within)
            clear = f"(after = 0 OR after - x.1 > {printing.bind('Int64', length)})"
            over = printing.bind("Int64", int(printing.now) - length)
            parts.append(f"x.1 <= {over}")
        parts.append(clear)
    return (
        f"arrayExists((x, before, after) -> {' AND '.join(parts)}, acts,"
        f" arrayPushFront(arrayPopBack({before}), toInt64(0)),"
        f" arrayPushBack(arrayPopFront({after}), toInt64(0)))"
    )


# --- carts --------------------------------------------------------------------------------------


def _cart(printing: Printing, leaf: Cart, place: str) -> OnOwnSet:
    parts = ["notEmpty(product_ids)"]
    if leaf.products is not None:
        parts += [
            f"arrayExists(x -> x IN ({chosen}), product_ids)"
            for chosen in _chosen(printing, leaf.products, f"{place}/products")
        ]
    worth = "0"
    if leaf.value is not None:
        currency = printing.bind("String", leaf.value.currency)
        worth = (
            f"arraySum((q, p, c) -> if(ifNull(c, '') = {currency},"
            " toDecimal128(q, 4) * toDecimal128(ifNull(p, 0), 4), toDecimal128(0, 8)),"
            " quantities, unit_prices, currencies)"
        )
        value = printing.bind("String", f"{Decimal(str(leaf.value.value)):f}")
        parts.append(compared(worth, leaf.value.operator, f"toDecimal128({value}, 8)"))
    if leaf.age is not None:
        parts.append(_age(printing, leaf.age, "arrayMin(added_at)"))
    if leaf.idle is not None:
        parts.append(_age(printing, leaf.idle, "arrayMax(changed_at)"))
    return OnOwnSet(
        f"SELECT contact_id FROM {{carts}} WHERE {' AND '.join(parts)}",  # noqa: S608 - every part is printed here, values are bound
        zero=False,
        shown="SELECT contact_id AS who, toString(length(product_ids)) AS text FROM {carts}",
    )


def _chosen(printing: Printing, wanted: ProductFilter, place: str) -> list[str]:
    if any(test.at == "then" for test in wanted.attributes):
        message = "What lies in a cart is asked as it is now."
        raise Invalid.at(f"{place}/attributes", "not_at_the_time", message)
    now = present(printing, wanted, place)
    found = [] if now is None else [now]
    if wanted.segment is not None:
        found.append(members(printing, wanted.segment, f"{place}/segment"))
    return found


def age_ms(test: AgeTest) -> int:
    """Return the age that is compared with."""
    return test.amount * (HOUR_MS if test.unit == "hours" else MINUTE_MS)


def _age(printing: Printing, test: AgeTest, column: str) -> str:
    sign = "<=" if test.operator == "at_least" else ">="
    return f"{column} {sign} {printing.instant(Instant(printing.now - age_ms(test)))}"
