"""How conditions are said to people: choices of the builder, and parts as sentences. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Choices = Sequence[tuple[str, str]]

#: What people do, in the past: "viewed".
DID: Final[Mapping[str, str]] = {
    "view": "viewed",
    "detail": "looked at details of",
    "click": "clicked",
    "promo click": "clicked a promotion of",
    "liking": "liked",
    "add to observation": "put on a wish list",
    "reservation": "reserved",
    "add": "added",
    "add to cart": "put into the cart",
    "remove": "took out of the cart",
    "checkout": "began to check out",
    "checkout option": "chose a checkout option for",
    "order": "ordered",
    "purchase": "bought",
    "return": "returned",
    "refund": "got a refund for",
}
EVENT_CHOICES: Final[Choices] = tuple(DID.items())
WINDOWS: Final[Choices] = (
    ("last", "in the last"),
    ("ago", "between"),
    ("since", "since"),
    ("between", "from"),
)
UNITS: Final[Choices] = (("days", "days"), ("hours", "hours"))
DURATION_UNITS: Final[Choices] = (("days", "days"), ("hours", "hours"), ("minutes", "minutes"))
AGE_UNITS: Final[Choices] = (("hours", "hours"), ("minutes", "minutes"))
COMPARED: Final[Choices] = (
    ("at_least", "at least"),
    ("at_most", "at most"),
    ("exactly", "exactly"),
)
BOUNDS: Final[Choices] = (("at_least", "at least"), ("at_most", "at most"))
MEASURES: Final[Mapping[str, Choices]] = {
    "contact": (
        ("count", "times"),
        ("products", "different products"),
        ("quantity", "pieces"),
        ("revenue", "spent, in"),
    ),
    "product": (
        ("count", "times"),
        ("contacts", "different contacts"),
        ("quantity", "pieces"),
        ("revenue", "revenue, in"),
    ),
}
OCCURRENCES: Final[Choices] = (
    ("any", "at any time"),
    ("first", "for the first time"),
    ("last", "for the last time"),
)
OPERATORS: Final[Mapping[str, str]] = {
    "is": "is",
    "is_not": "is not",
    "contains": "contains",
    "contains_any": "has",
    "at_least": "is at least",
    "at_most": "is at most",
    "before": "is before",
    "after": "is after",
    "has_value": "is known",
    "has_none": "is not known",
    "has": "has",
    "has_not": "has not",
    "in_last_days": "was in the last (days)",
    "in_next_days": "is in the next (days)",
    "more_than_days_ago": "was more than (days) ago",
    "anniversary_in_next_days": "has its anniversary in the next (days)",
}
FIELDS: Final[Choices] = (
    ("custom_data", "custom data"),
    ("attribute", "attribute of the event"),
    ("source", "source"),
    ("currency", "currency"),
    ("unit_price", "unit price"),
    ("quantity", "quantity"),
    ("url", "page address"),
    ("referrer", "came from (address)"),
    ("utm_source", "campaign source"),
    ("utm_medium", "campaign medium"),
    ("utm_campaign", "campaign name"),
    ("utm_term", "campaign term"),
    ("utm_content", "campaign content"),
    ("device_type", "device"),
    ("os", "system"),
    ("browser", "browser"),
    ("language", "language"),
)
PROPERTY_OPERATORS: Final[Choices] = tuple(
    (one, OPERATORS[one])
    for one in ("is", "is_not", "contains", "at_least", "at_most", "has_value", "has_none")
)
#: Parts that can be added, in the order they are used.
KINDS: Final[Mapping[str, Choices]] = {
    "contact": (
        ("product_event", "Did something with products"),
        ("not_product_event", "Did not do something with products"),
        ("attribute", "Has an attribute"),
        ("cart", "Has a cart"),
        ("sequence", "Did one thing, then another"),
        ("tag", "Has a tag"),
        ("list", "Is on a list"),
        ("consent", "May be written to"),
        ("event", "Did something else (event)"),
        ("page_view", "Looked at pages"),
        ("segment", "Is in another segment"),
        ("any", "A group of which one is enough"),
        ("all", "A group of which all must hold"),
    ),
    "product": (
        ("product_event", "Something was done with it"),
        ("not_product_event", "Something was not done with it"),
        ("attribute", "Has an attribute"),
        ("segment", "Is in another segment"),
        ("any", "A group of which one is enough"),
        ("all", "A group of which all must hold"),
    ),
}


def sentence(node: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> str:
    """Return a part of a condition in words.

    Args:
        names: Of `segments` and `lists`, by id.
    """
    kind = str(node["type"])
    if kind in _GROUPS:
        return _GROUPS[kind]
    if kind in ("product_event", "event", "page_view"):
        return _capital(f"{_act(node, names)}{_occurrence(node)}{_window(node)}{_measure(node)}")
    if kind == "sequence":
        return _sequence(node, names)
    return _cart(node, names) if kind == "cart" else _standing(kind, node, names)


_GROUPS: Final = {"all": "All of these", "any": "One of these", "not": "Not this"}


def _standing(kind: str, node: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> str:
    if kind == "attribute":
        value = "" if node.get("value") is None else f" {node['value']}"
        operator = OPERATORS.get(str(node["operator"]), str(node["operator"]))
        return _capital(f"{node['name']} {operator}{value}")
    if kind == "tag":
        return f"Has the tag {node['name']}"
    if kind == "list":
        return f"Is on the list {names['lists'].get(node['id'], node['id'])}"
    if kind == "consent":
        return "May get e-mails" if node["channel"] == "email" else "May get push messages"
    return f"Is in the segment {names['segments'].get(node['id'], node['id'])}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _act(node: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> str:
    if node["type"] == "event":
        act = f"did “{node['name']}”"
    elif node["type"] == "page_view":
        act = "looked at a page"
    else:
        act = " or ".join(DID[one] for one in node["event_types"])
        act += _products(node.get("products") or {}, names) or " any product"
    tested = [_property(one) for one in node.get("properties") or ()]
    return act + (f" where {' and '.join(tested)}" if tested else "")


def _property(one: Mapping[str, Any]) -> str:
    field = one.get("name") or dict(FIELDS)[one["field"]]
    value = "" if one.get("value") is None else f" {one['value']}"
    return f"{field} {OPERATORS[one.get('operator', 'is')]}{value}"


def _products(wanted: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> str:
    parts = []
    if wanted.get("ids"):
        shown = ", ".join(wanted["ids"][:5])
        parts.append(f" {shown}{' …' if len(wanted['ids']) > 5 else ''}")
    if wanted.get("category"):
        parts.append(f" products of {wanted['category']}")
    if wanted.get("segment"):
        parts.append(f" products in {names['segments'].get(wanted['segment'], 'a segment')}")
    for test in wanted.get("attributes") or ():
        value = "" if test.get("value") is None else f" {test['value']}"
        at = " at the time" if test.get("at") == "then" else ""
        parts.append(f" products whose {test['name']} {OPERATORS[test['operator']]}{value}{at}")
    return ",".join(parts)


def _occurrence(node: Mapping[str, Any]) -> str:
    which = node.get("occurrence", "any")
    return "" if which == "any" else f" for the {which} time"


def _window(node: Mapping[str, Any]) -> str:
    window = node.get("window")
    if not window:
        return ""
    unit = window.get("unit", "days")
    if window["kind"] == "last":
        return f" in the last {window['amount']} {unit}"
    if window["kind"] == "ago":
        return f" {window['min']} to {window['max']} {unit} ago"
    if window["kind"] == "since":
        return f" since {window['start']}"
    return f" from {window['start']} to {window['end']}"


def _measure(node: Mapping[str, Any]) -> str:
    measure = node.get("measure") or {}
    of, value = measure.get("of", "count"), measure.get("value", 1)
    number = int(value) if float(value).is_integer() else value
    operator = measure.get("operator", "at_least")
    if (of, operator, number) == ("count", "at_least", 1):
        return ""
    if (of, operator, number) == ("count", "exactly", 0):
        return ", never"
    what = {
        "count": "times",
        "products": "different products",
        "contacts": "different contacts",
        "quantity": "pieces",
        "revenue": f"{measure.get('currency', '')} in all",
    }[of]
    return f", {dict(COMPARED)[operator]} {number} {what}"


def _sequence(node: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> str:
    text = f"{_act(node['first'], names)}{_window(node)}, then {_act(node['then'], names)}"
    if node.get("within"):
        text += f" within {_duration(node['within'])}"
    if node.get("not_then"):
        text += f", and after that not {_act(node['not_then'], names)}"
        if node.get("not_within"):
            text += f" for {_duration(node['not_within'])}"
    return _capital(text + (", the same product" if node.get("same_product") else ""))


def _duration(duration: Mapping[str, Any]) -> str:
    return f"{duration['amount']} {duration.get('unit', 'days')}"


def _cart(node: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> str:
    text = "Has a cart"
    if node.get("products"):
        text += f" with{_products(node['products'], names)}"
    if node.get("value"):
        value = node["value"]
        text += f" worth {dict(BOUNDS)[value['operator']]} {value['value']} {value['currency']}"
    for key, what in (("age", "begun"), ("idle", "untouched for")):
        test = node.get(key)
        if test:
            unit = test.get("unit", "hours")
            text += f", {what} {dict(BOUNDS)[test['operator']]} {test['amount']} {unit}"
            text += " ago" if key == "age" else ""
    return text
