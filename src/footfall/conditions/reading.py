"""Reads conditions from JSON, and says what is wrong with them and where.

Two steps, so that a form can show all mistakes at once: `read_condition` knows the shape of the
tree, `problems` what the workspace has.
"""

import re
from typing import Any, Final

import msgspec

from footfall.conditions.leaf_queries import printed
from footfall.conditions.printing import Printing
from footfall.conditions.types import (
    All,
    AnyOf,
    Condition,
    InSegment,
    Not,
    ProductFilter,
    Subject,
    Vocabulary,
    leaves,
)
from footfall.kernel.errors import Invalid, Problem
from footfall.kernel.instants import Instant

#: Groups within groups; people lose the thread long before.
MAX_DEPTH: Final = 10
#: Leaves of a condition, those of the segments it names included; each costs the engine some
#: milliseconds of planning.
MAX_LEAVES: Final = 100
#: Levels of JSON that a leaf has below itself, at most: filter, attribute, value.
_LEAF_LEVELS: Final = 6
MAX_BYTES: Final = 64 * 1024

_PLACE: Final = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+|\.\.\.)\]")
_encode: Final = msgspec.json.Encoder().encode


def read_condition(raw: bytes | str) -> Condition:
    """Return the condition written in JSON.

    Raises:
        Invalid: It is none; the pointer is the place in the tree.
    """
    if len(raw) > MAX_BYTES:
        raise Invalid.at("", "too_long", "A condition may have 64 KiB.")
    try:
        tree = msgspec.json.decode(raw)
    except RecursionError as error:
        raise _too_deep("") from error
    except msgspec.DecodeError as error:
        raise Invalid.at("", "not_json", "This is not JSON.") from error
    _refuse_deep(tree)
    try:
        return msgspec.convert(tree, Condition)  # type: ignore[no-any-return]  # of a union it says Any
    except msgspec.ValidationError as error:
        pointer, what = _told(str(error))
        raise Invalid.at(pointer, "not_a_condition", what) from error


def written(condition: Condition) -> bytes:
    """Return the JSON that `read_condition` reads back."""
    return _encode(condition)


def _too_deep(pointer: str) -> Invalid:
    message = f"Groups may be nested {MAX_DEPTH} deep; this one is too deep."
    return Invalid.at(pointer, "nested_too_deeply", message)


def _refuse_deep(tree: Any) -> None:
    """Do nothing for a tree of bounded depth and size."""
    waiting: list[tuple[Any, str, int]] = [(tree, "", 0)]
    found = 0
    while waiting:
        node, pointer, depth = waiting.pop()
        if not isinstance(node, dict) or "of" not in node or node.get("type") not in _GROUPS:
            found += 1
            if found > MAX_LEAVES:
                message = f"A condition may have {MAX_LEAVES} parts."
                raise Invalid.at(pointer, "too_many_parts", message)
            _refuse_deep_leaf(node, pointer)
            continue
        if depth == MAX_DEPTH:
            raise _too_deep(pointer)
        inner = node["of"]
        if isinstance(inner, list):
            waiting += [
                (one, f"{pointer}/of/{place}", depth + 1) for place, one in enumerate(inner)
            ]
        else:
            waiting.append((inner, f"{pointer}/of", depth + 1))


_GROUPS: Final = ("all", "any", "not")


def _refuse_deep_leaf(leaf: Any, pointer: str) -> None:
    level = [leaf]
    for _ in range(_LEAF_LEVELS):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    if any(isinstance(one, dict | list) for one in level):
        raise _too_deep(pointer)


def _told(message: str) -> tuple[str, str]:
    """Return pointer and sentence of a decoder's message."""
    match = _PLACE.fullmatch(message)
    assert match is not None  # it matches everything
    steps = [a or b for a, b in _STEP.findall(match["path"] or "")]
    what = match["what"].rstrip(".")
    return "".join(f"/{step}" for step in steps), f"{what[:1].upper()}{what[1:]}."


def problems(
    condition: Condition,
    subject: Subject,
    vocabulary: Vocabulary,
    now: Instant,
    *,
    own_id: int | None = None,
) -> list[Problem]:
    """Return everything that keeps `condition` from being asked, in the order of the tree.

    Args:
        own_id: The segment whose condition it will be, so that it cannot contain itself.
    """
    checking = _Checking(Printing(subject, vocabulary, now), own_id)
    checking.walk(condition, "")
    if not checking.found and checking.leaves > MAX_LEAVES:
        message = f"With the segments it names, this has more than {MAX_LEAVES} parts."
        checking.found.append(Problem("", "too_many_parts", message))
    return checking.found


def checked(
    raw: bytes | str,
    subject: Subject,
    vocabulary: Vocabulary,
    now: Instant,
    *,
    own_id: int | None = None,
) -> Condition:
    """Return the condition written in JSON, if it can be asked.

    Raises:
        Invalid: With every problem and its place in the tree.
    """
    condition = read_condition(raw)
    found = problems(condition, subject, vocabulary, now, own_id=own_id)
    if found:
        raise Invalid(found[0].message, code=found[0].code, problems=tuple(found))
    return condition


class _Checking:
    """One walk over a tree."""

    def __init__(self, printing: Printing, own_id: int | None) -> None:
        self._printing = printing
        self._own_id = own_id
        self.found: list[Problem] = []
        self.leaves = 0

    def walk(self, node: Condition, place: str) -> None:
        """Note what is wrong in `node` and below it."""
        if isinstance(node, All | AnyOf | Not):
            if isinstance(node, All | AnyOf):
                for number, one in enumerate(node.of):
                    self.walk(one, f"{place}/of/{number}")
            else:
                self.walk(node.of, f"{place}/of")
            return
        if isinstance(node, InSegment):
            self._segment(node, place)
            return
        self.leaves += 1
        try:
            printed(self._printing, node, place)
        except Invalid as error:
            self.found += error.problems
        self._products(node, place)

    def _segment(self, node: InSegment, place: str) -> None:
        vocabulary = self._printing.vocabulary
        known = vocabulary.segments.get(node.id)
        if known is None or known.subject != self._printing.subject:
            message = f"There is no such segment of {self._printing.subject}s."
            self.found.append(Problem(f"{place}/id", "unknown_segment", message))
            return
        inner = reached(node.id, vocabulary)
        if self._own_id is not None and self._own_id in inner:
            message = f'"{known.name}" contains this segment: it cannot contain itself.'
            self.found.append(Problem(f"{place}/id", "contains_itself", message))
            return
        self.leaves += inner[node.id]

    def _products(self, node: Condition, place: str) -> None:
        """Refuse what contains the own segment of products by way of a filter on products."""
        for pointer, wanted in filters_on_products(node, place):
            if wanted.segment is None or self._own_id is None:
                continue
            if self._own_id in reached(wanted.segment, self._printing.vocabulary):
                message = "A segment cannot contain itself."
                self.found.append(Problem(f"{pointer}/segment", "contains_itself", message))


def filters_on_products(node: Condition, place: str = "") -> list[tuple[str, ProductFilter]]:
    """Return the filters on products of a leaf, with their places."""
    found = []
    for name in ("products", "first", "then", "not_then"):
        part = getattr(node, name, None)
        pointer = f"{place}/{name}"
        if name != "products":
            part, pointer = getattr(part, "products", None), f"{pointer}/products"
        if part is not None:
            found.append((pointer, part))
    return found


def named_segments(condition: Condition) -> set[int]:
    """Return the segments that a condition names itself."""
    found = set()
    for leaf in leaves(condition):
        if isinstance(leaf, InSegment):
            found.add(leaf.id)
        for _, wanted in filters_on_products(leaf):
            if wanted.segment is not None:
                found.add(wanted.segment)
    return found


def reached(segment_id: int, vocabulary: Vocabulary) -> dict[int, int]:
    """Return every segment that is needed to know one, itself too, with its count of leaves."""
    found: dict[int, int] = {}
    waiting = [segment_id]
    while waiting:
        one = waiting.pop()
        known = vocabulary.segments.get(one)
        if one in found or known is None:
            continue
        found[one] = len(leaves(known.condition))
        waiting += named_segments(known.condition)
    found[segment_id] = sum(found.values())
    return found
