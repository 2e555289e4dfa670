"""What can change who fits a condition: which events, copies and times. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

from footfall.conditions.api import age_ms, duration_ms, edges, filters_on_products
from footfall.conditions.types import (
    Act,
    Attribute,
    Cart,
    Condition,
    InSegment,
    Leaf,
    OrdinaryEvents,
    PageViews,
    ProductEvents,
    ProductFilter,
    ProductStep,
    Sequence,
    Subject,
    Vocabulary,
    leaves,
)
from footfall.warehouse.api import ORDER_TYPES

_UTM: Final = "utm_"
#: Of dates: they change at midnight; of times, also from one instant to the next.
_BY_DAY: Final = frozenset({"in_last_days", "in_next_days", "more_than_days_ago"})
_ANNIVERSARY: Final = "anniversary_in_next_days"
_BY_INSTANT: Final = frozenset({"in_last_days", "in_next_days"})


@dataclass(frozen=True, slots=True)
class Watch:
    """Times whose passing may change something: `amount_ms` after each of them."""

    subject: Subject
    of: Literal["events", "page_views", "ordinary_events", "carts", "attribute"]
    names: tuple[str, ...]  #: event types, names of events, or the one attribute
    amount_ms: int


@dataclass(frozen=True, slots=True)
class Interest:
    """What can change who fits."""

    event_types: frozenset[str] = frozenset()
    event_names: frozenset[str] = frozenset()  #: of ordinary events
    page_views: bool = False
    activities: bool = False  #: any of them, as visits are told by them
    snapshots: bool = False  #: copies of the contact or product itself
    carts: bool = False
    filters: tuple[ProductFilter, ...] = ()  #: on the present of products
    segments: frozenset[int] = frozenset()  #: of products, that filters name
    attributes: frozenset[tuple[Subject, str]] = frozenset()
    watches: frozenset[Watch] = frozenset()
    at_midnight: bool = False

    def __or__(self, other: "Interest") -> "Interest":
        """Return what either cares for."""
        return Interest(
            self.event_types | other.event_types,
            self.event_names | other.event_names,
            self.page_views or other.page_views,
            self.activities or other.activities,
            self.snapshots or other.snapshots,
            self.carts or other.carts,
            (*self.filters, *(one for one in other.filters if one not in self.filters)),
            self.segments | other.segments,
            self.attributes | other.attributes,
            self.watches | other.watches,
            self.at_midnight or other.at_midnight,
        )


def interest_of(subject: Subject, condition: Condition, vocabulary: Vocabulary) -> Interest:
    """Return what can change who fits; segments of the same kind are looked into."""
    found = Interest()
    for leaf in leaves(condition):
        if isinstance(leaf, InSegment):
            known = vocabulary.segments.get(leaf.id)
            if known is not None:
                found |= interest_of(subject, known.condition, vocabulary)
        else:
            found |= _of_leaf(subject, leaf, vocabulary) | _of_products(leaf)
    return found


def _of_products(leaf: Leaf) -> Interest:
    filters = [wanted for _, wanted in filters_on_products(leaf)]
    present = [
        wanted
        for wanted in filters
        if wanted.category is not None or any(test.at == "now" for test in wanted.attributes)
    ]
    names = {test.name for wanted in filters for test in wanted.attributes}
    if any(wanted.category is not None for wanted in filters):
        names |= {"category_name", "categories"}
    return Interest(
        filters=tuple(present),
        segments=frozenset(wanted.segment for wanted in filters if wanted.segment is not None),
        attributes=frozenset(("product", name) for name in names),
    )


def _of_leaf(subject: Subject, leaf: Leaf, vocabulary: Vocabulary) -> Interest:
    if isinstance(leaf, Attribute):
        return _of_attribute(subject, leaf, vocabulary)
    if isinstance(leaf, ProductEvents | OrdinaryEvents | PageViews):
        found = _of_act(leaf)
        if isinstance(leaf, ProductEvents) and leaf.measure.of == "revenue":
            found |= Interest(event_types=frozenset(ORDER_TYPES))
        moving = edges(leaf.window)
        return found | _crossed(
            subject,
            leaf,
            [edge.amount for edge in moving if edge.unit == "milliseconds"],
            at_midnight=any(edge.unit == "days" for edge in moving),
        )
    if isinstance(leaf, Sequence):
        found = _of_act(leaf.first) | _of_act(leaf.then)
        moving = edges(leaf.window)
        found |= _crossed(
            subject,
            leaf.first,
            [edge.amount for edge in moving if edge.unit == "milliseconds"],
            at_midnight=any(edge.unit == "days" for edge in moving),
        )
        if leaf.not_then is not None:
            found |= _of_act(leaf.not_then)
        if leaf.not_within is not None:
            found |= _crossed(subject, leaf.then, [duration_ms(leaf.not_within)])
        return found
    if isinstance(leaf, Cart):
        ages = [age_ms(test) for test in (leaf.age, leaf.idle) if test is not None]
        watches = frozenset(Watch(subject, "carts", (), age) for age in ages)
        return Interest(carts=True, watches=watches)
    return Interest(snapshots=True)


def _of_attribute(subject: Subject, leaf: Attribute, vocabulary: Vocabulary) -> Interest:
    definition = vocabulary.attributes_of(subject).get(leaf.name)
    watches: set[Watch] = set()
    is_instant = definition is not None and definition.value_type == "datetime"
    if definition is not None and is_instant and leaf.operator in _BY_INSTANT:
        watches.add(Watch(subject, "attribute", (definition.name_std,), 0))
    return Interest(
        snapshots=True,
        attributes=frozenset({(subject, leaf.name)}),
        watches=frozenset(watches),
        at_midnight=leaf.operator in _BY_DAY or leaf.operator == _ANNIVERSARY,
    )


def _of_act(act: Act) -> Interest:
    by_visit = any(one.field.startswith(_UTM) for one in act.properties)
    if isinstance(act, ProductEvents | ProductStep):
        return Interest(event_types=frozenset(act.event_types), activities=by_visit)
    if isinstance(act, OrdinaryEvents) or hasattr(act, "name"):
        return Interest(event_names=frozenset({act.name}))
    return Interest(page_views=True)


def _crossed(
    subject: Subject, act: Act, amounts: list[int], *, at_midnight: bool = False
) -> Interest:
    of: Literal["events", "page_views", "ordinary_events"] = "events"
    names: tuple[str, ...]
    if isinstance(act, ProductEvents | ProductStep):
        names = tuple(sorted(set(act.event_types)))
    elif hasattr(act, "name"):
        of, names = "ordinary_events", (act.name,)
    else:
        of, names = "page_views", ()
    watches = frozenset(Watch(subject, of, names, amount) for amount in amounts)
    return Interest(watches=watches, at_midnight=at_midnight)
