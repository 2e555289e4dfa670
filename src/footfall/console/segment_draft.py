"""A condition as it stands in the builder's form: unfinished, with fields named by their places.

The name of each field is the RFC 6901 pointer of its value in the condition, such as
`/of/0/window/amount`: the form is read without a second description of the tree, and a mistake
finds its field. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

#: A draft is a JSON object like the condition's, whose leaves may still be text.
Draft = dict[str, Any]

#: Values that are numbers, by the last part of their place.
_NUMBERS: Final = frozenset({"amount", "min", "max", "id", "segment"})
_LISTS: Final = frozenset({"event_types", "ids"})
_NUMERIC_PARENTS: Final = frozenset({"measure", "value"})
#: What a new part of each kind begins with.
NEW_PARTS: Final[Mapping[str, Draft]] = {
    "product_event": {
        "type": "product_event",
        "event_types": ["view"],
        "window": {"kind": "last", "amount": 30, "unit": "days"},
    },
    "not_product_event": {
        "type": "not",
        "of": {
            "type": "product_event",
            "event_types": ["purchase"],
            "window": {"kind": "last", "amount": 30, "unit": "days"},
        },
    },
    "attribute": {"type": "attribute", "name": "", "operator": "has_value"},
    "cart": {"type": "cart"},
    "sequence": {
        "type": "sequence",
        "first": {"type": "product_event", "event_types": ["view"]},
        "then": {"type": "product_event", "event_types": ["purchase"]},
        "within": {"amount": 7, "unit": "days"},
    },
    "tag": {"type": "tag", "name": ""},
    "list": {"type": "list"},
    "consent": {"type": "consent", "channel": "email"},
    "event": {"type": "event", "name": ""},
    "page_view": {"type": "page_view"},
    "segment": {"type": "segment"},
    "any": {"type": "any", "of": []},
    "all": {"type": "all", "of": []},
}
#: Parts of a leaf that are chosen to be there; and what they begin with.
NEW_DETAILS: Final[Mapping[str, Any]] = {
    "window": {"kind": "last", "amount": 30, "unit": "days"},
    "measure": {"of": "count", "operator": "at_least", "value": 2},
    "products": {"category": ""},
    "attributes": {"name": "", "operator": "is", "value": "", "at": "now"},
    "properties": {"field": "custom_data", "name": "", "operator": "is", "value": ""},
    "within": {"amount": 1, "unit": "days"},
    "not_within": {"amount": 1, "unit": "days"},
    "not_then": {"type": "product_event", "event_types": ["purchase"]},
    "value": {"operator": "at_least", "value": 100, "currency": "EUR"},
    "age": {"operator": "at_least", "amount": 1, "unit": "hours"},
    "idle": {"operator": "at_least", "amount": 1, "unit": "hours"},
}
_MANY: Final = frozenset({"attributes", "properties"})
#: Fields that another choice takes away: of a window by its kind.
_WINDOW_FIELDS: Final = {
    "last": ("amount", "unit"),
    "ago": ("min", "max", "unit"),
    "since": ("start",),
    "between": ("start", "end"),
}
_WINDOW_DEFAULTS: Final = {"amount": 30, "min": 1, "max": 30, "unit": "days"}
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}[.,][0-9]{1,9}")
_MAX_ENTRIES: Final = 1_000


def read_draft(fields: Iterable[tuple[str, str]]) -> Draft:
    """Return the draft that stands in a form; fields with other names are passed over."""
    found: Draft = {}
    for name, text in fields:
        if name.startswith("/"):
            _put(found, name[1:].split("/"), text.strip())
    return _tidy(found) if found else {"type": "all", "of": []}


def _put(tree: Draft, path: list[str], text: str) -> None:
    for part in path[:-1]:
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            return  # two fields that contradict each other: nobody's form has them
        tree = inner
    name = path[-1]
    if name in _LISTS:
        known = tree.setdefault(name, [])
        if isinstance(known, list) and text and len(known) < _MAX_ENTRIES:
            known += [one.strip() for one in text.split(",") if one.strip()]
    elif name not in tree:
        tree[name] = text


def _tidy(node: Any, name: str = "", parent: str = "") -> Any:
    """Return a draft with its numbers as numbers and its numbered entries as lists."""
    if isinstance(node, list):
        return list(dict.fromkeys(node))
    if isinstance(node, str):
        if name == "same_product":
            return node == "true"
        is_number = name in _NUMBERS or (name == "value" and parent in _NUMERIC_PARENTS)
        return _number(node) if is_number else node
    if node.get("type") in ("all", "any") or name in _MANY:
        inner = node.get("of", {}) if "type" in node else node
        entries = sorted((int(key), one) for key, one in inner.items() if key.isdecimal())
        of = [_tidy(one, "", "") for _, one in entries]
        return {"type": node["type"], "of": of} if "type" in node else of
    tidied = {key: _tidy(one, key, name) for key, one in node.items()}
    if name == "window":
        kind = tidied.get("kind", "last")
        wanted = _WINDOW_FIELDS.get(kind, ())
        return {
            "kind": kind,
            **{one: tidied.get(one, _WINDOW_DEFAULTS.get(one, "")) for one in wanted},
        }
    return tidied


def _number(text: str) -> int | float | str:
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text.replace(",", "."))
    return text


def condition_of(draft: Draft) -> Any:
    """Return the JSON to ask the API about: what was left empty is left out."""
    return _full(draft)


def _full(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {
            key: _full(one)
            for key, one in node.items()
            if one not in ("", None) and not (key == "ids" and one == [])
        }
        if node.get("type") == "attribute" or "at" in node:
            kept["value"] = _scalar(node.get("operator", ""), node.get("value", ""))
            if kept["value"] == "":
                del kept["value"]
        return kept
    if isinstance(node, list):
        return [_full(one) for one in node]
    return node


def _scalar(operator: str, value: Any) -> Any:
    """Return a value as its operator takes it: days are a number."""
    if operator.endswith(("_days", "_days_ago")) and isinstance(value, str):
        return _number(value)
    return value


def changed(draft: Draft, action: str) -> Draft:
    """Return the draft after a button was pressed: `add:PLACE:KIND`, `remove:PLACE` and others.

    `negate:PLACE` turns a part into its contrary, `group:PLACE` puts it into a group of its own,
    `detail:PLACE:NAME` adds a part to a leaf. An action of a place that is not there does nothing.
    """
    made = deepcopy(draft)
    verb, _, rest = action.partition(":")
    place, _, kind = rest.partition(":")
    node = found_at(made, place)
    if node is None:
        return made
    if verb == "add" and kind in NEW_PARTS and isinstance(node.get("of"), list):
        node["of"].append(deepcopy(NEW_PARTS[kind]))
    elif verb == "detail" and kind in NEW_DETAILS:
        _add_detail(node, kind)
    elif verb == "remove":
        return _removed(made, place)
    elif verb == "negate":
        _replace(made, place, node["of"] if node.get("type") == "not" else _not(node))
    elif verb == "group":
        _replace(made, place, {"type": "any", "of": [deepcopy(node)]})
    return made


def _not(node: Draft) -> Draft:
    return {"type": "not", "of": deepcopy(node)}


def _add_detail(node: Draft, kind: str) -> None:
    if kind in _MANY:
        owner = node
        if kind == "attributes":
            owner = node.setdefault("products", {})
        owner.setdefault(kind, []).append(deepcopy(NEW_DETAILS[kind]))
    else:
        node.setdefault(kind, deepcopy(NEW_DETAILS[kind]))


def _removed(draft: Draft, place: str) -> Draft:
    if not place:
        return {"type": "all", "of": []}
    outer, _, last = place.rpartition("/")
    owner = found_at(draft, outer)
    if isinstance(owner, list):
        del owner[int(last)]
    elif owner is not None:
        owner.pop(last, None)
        if owner.get("type") == "not":  # nothing is left that would be denied
            return _removed(draft, outer)
    return draft


def _replace(draft: Draft, place: str, node: Draft) -> None:
    if not place:
        draft.clear()
        draft.update(deepcopy(node))
        return
    outer, _, last = place.rpartition("/")
    owner = found_at(draft, outer)
    if isinstance(owner, list):
        owner[int(last)] = deepcopy(node)
    elif owner is not None:
        owner[last] = deepcopy(node)


def found_at(draft: Any, place: str) -> Any:
    """Return what stands at a place of a draft, None if there is nothing."""
    for part in place.split("/")[1:]:
        if isinstance(draft, list):
            draft = draft[int(part)] if part.isdecimal() and int(part) < len(draft) else None
        elif isinstance(draft, dict):
            draft = draft.get(part)
        else:
            return None
    return draft


def rooted(condition: Draft) -> Draft:
    """Return a condition whose outermost part is a group, as the builder shows it."""
    if condition.get("type") in ("all", "any"):
        return condition
    return {"type": "all", "of": [condition]}


class Shown(dict[str, Any]):
    """A part of a draft as templates read it: what is not there is None."""

    def __missing__(self, key: str) -> None:
        """Return None."""


def shown(draft: Any) -> Any:
    """Return a draft whose parts answer None for what is not there."""
    if isinstance(draft, dict):
        return Shown({key: shown(one) for key, one in draft.items()})
    return [shown(one) for one in draft] if isinstance(draft, list) else draft


_NEEDED: Final[Mapping[str, tuple[str, str]]] = {
    "product_event": ("event_types", "Choose what was done."),
    "attribute": ("name", "Choose an attribute."),
    "tag": ("name", "Say which tag."),
    "list": ("id", "Choose a list."),
    "event": ("name", "Say which event."),
    "segment": ("id", "Choose a segment."),
}


def missing(draft: Draft, place: str = "") -> dict[str, str]:
    """Return what is not filled in yet, by the place of the part."""
    found: dict[str, str] = {}
    needed = _NEEDED.get(str(draft.get("type")))
    if needed is not None and not draft.get(needed[0]):
        found[place] = needed[1]
    inner = draft.get("of")
    if isinstance(inner, list):
        for number, one in enumerate(inner):
            found |= missing(one, f"{place}/of/{number}")
    elif isinstance(inner, dict):
        found |= missing(inner, f"{place}/of")
    for name in ("first", "then", "not_then"):
        if isinstance(draft.get(name), dict):
            found |= missing(draft[name], f"{place}/{name}")
    return found


def problems_by_part(draft: Draft, problems: Mapping[str, str]) -> dict[str, str]:
    """Return problems by the place of the group or leaf they are in, not of the field."""
    places = _parts(draft, "")
    found: dict[str, str] = {}
    for pointer, text in problems.items():
        place = pointer
        while place and place not in places:
            place = place.rpartition("/")[0]
        found[place] = f"{found[place]} {text}" if place in found else text
    return found


def _parts(draft: Draft, place: str) -> set[str]:
    inner = draft.get("of")
    found = {place}
    if isinstance(inner, list):
        for number, one in enumerate(inner):
            found |= _parts(one, f"{place}/of/{number}")
    elif isinstance(inner, dict):
        found |= _parts(inner, f"{place}/of")
    return found
