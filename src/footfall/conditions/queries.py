"""Prints condition trees: one SELECT for everybody, or one for a few and many conditions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from footfall.conditions.act_queries import present
from footfall.conditions.leaf_queries import printed
from footfall.conditions.printing import (
    IDS,
    OWN,
    OnHistory,
    OnOwnSet,
    OnSnapshot,
    Printed,
    Printing,
    Relation,
    combined,
    negated,
)
from footfall.conditions.types import (
    All,
    AnyOf,
    Condition,
    InSegment,
    Leaf,
    Not,
    ProductFilter,
    Subject,
    Vocabulary,
    leaves,
)
from footfall.kernel.errors import Invalid
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.warehouse.api import Statement, statement

#: Shown while a condition is typed.
SAMPLE: Final = 8
_TABLES: Final = {"contact": "{contacts}", "product": "{products}"}
_ALIASES: Final[dict[Relation, str]] = {"events": "e", "activities": "s"}


@dataclass(slots=True)
class _Few:
    """Flags of histories that become columns of one row per owner."""

    flags: dict[Relation, dict[str, str]] = field(default_factory=dict)
    marks: dict[Relation, set[str]] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)  #: SELECTs of (who, text)

    def column(self, relation: Relation, expression: str, marks: Sequence[str]) -> str:
        known = self.flags.setdefault(relation, {})
        self.marks.setdefault(relation, set()).update(marks)
        name = known.setdefault(expression, f"{_ALIASES[relation]}{len(known)}")
        return f"{_ALIASES[relation]}.{name}"


class _Tree:
    """The printer of one statement's trees."""

    def __init__(self, printing: Printing) -> None:
        self.printing = printing
        self.few = _Few() if printing.few else None

    def sql(self, node: Condition, place: str = "") -> str:
        """Return the condition on the columns of contacts or products."""
        found = self._node(node, place)
        return found if isinstance(found, str) else self._close(found)

    def _node(self, node: Condition, place: str) -> OnHistory | str:
        """Return a tree as SQL, or still open for neighbours on the same history."""
        if isinstance(node, InSegment):
            known = self.printing.vocabulary.segments.get(node.id)
            if known is None or known.subject != self.printing.subject:
                message = f"There is no such segment of {self.printing.subject}s."
                raise Invalid.at(f"{place}/id", "unknown_segment", message)
            return self._node(known.condition, place)
        if isinstance(node, Not):
            inner = self._node(node.of, f"{place}/of")
            return negated(inner) if isinstance(inner, OnHistory) else f"NOT ({inner})"
        if isinstance(node, All):
            return self._group(node.of, "AND", place)
        if isinstance(node, AnyOf):
            return self._group(node.of, "OR", place)
        leaf = printed(self.printing, node, place)
        return leaf if isinstance(leaf, OnHistory) else self._leaf(leaf)

    def _group(
        self, nodes: Sequence[Condition], word: Literal["AND", "OR"], place: str
    ) -> OnHistory | str:
        found = [self._node(node, f"{place}/of/{number}") for number, node in enumerate(nodes)]
        if not found:
            return "1" if word == "AND" else "0"
        parts = [part for part in found if isinstance(part, str)]
        open_parts: dict[Relation, list[OnHistory]] = {}
        for part in found:
            if isinstance(part, OnHistory):
                open_parts.setdefault(part.relation, []).append(part)
        together = [combined(some, word) for some in open_parts.values()]
        if not parts and len(together) == 1:
            return together[0]
        parts += [self._close(one) for one in together]
        return "(" + f" {word} ".join(f"({part})" for part in parts) + ")"

    def _close(self, part: OnHistory) -> str:
        """Return the test of a history as a condition on who is asked about."""
        if self.few is not None:
            column = self.few.column(part.relation, part.flag, part.marks)
            return f"{column} = {0 if part.zero else 1}"
        printing = self.printing
        source = f"SELECT who FROM ({_rows(printing, part.relation, part.marks)})"  # noqa: S608 - every part is printed in this feature, values are bound
        if not part.existence:
            source += f" GROUP BY who HAVING {part.flag}"
        return f"id {'NOT ' if part.zero else ''}IN ({source})"

    def _leaf(self, leaf: OnSnapshot | OnOwnSet) -> str:
        if isinstance(leaf, OnSnapshot):
            return leaf.truth
        return f"id {'NOT ' if leaf.zero else ''}IN ({leaf.chosen})"

    def tables(self) -> str:
        """Return what the columns of the conditions come from."""
        printing = self.printing
        source = f"{_TABLES[printing.subject]} AS c"
        if self.few is None:
            return source
        for relation, flags in self.few.flags.items():
            alias = _ALIASES[relation]
            columns = ", ".join(f"{flag} AS {name}" for flag, name in flags.items())
            rows = _rows(printing, relation, self.few.marks[relation])
            source += (
                f" LEFT JOIN (SELECT who, {columns} FROM ({rows}) GROUP BY who) AS {alias}"  # noqa: S608 - every part is printed in this feature, values are bound
                f" ON {alias}.who = c.id"
            )
        for number, text in enumerate(self.few.shown):
            source += f" LEFT JOIN ({text}) AS t{number} ON t{number}.who = c.id"
        return source


def _rows(printing: Printing, relation: Relation, marks: Iterable[str]) -> str:
    """Return the SELECT of the rows of a history that have any of `marks`, with owner and marks."""
    marked = printing.marked(relation, marks)
    columns = "".join(f", ({condition}) AS {name}" for name, condition in marked.items())
    return f"SELECT *, {printing.owner} AS who{columns} FROM {printing.rows(relation, marked)}"  # noqa: S608 - every part is printed in this feature, values are bound


def _made(scope: Scope, printing: Printing, template: str) -> Statement:
    return statement(scope, template, **printing.parameters)


def everybody(
    scope: Scope, subject: Subject, condition: Condition, vocabulary: Vocabulary, now: Instant
) -> Statement:
    """Return one row: how many living contacts or products fit, and the newest few of them.

    Raises:
        Invalid: The condition names what there is not; with its place in the tree.
    """
    printing = Printing(subject, vocabulary, now)
    fits = _Tree(printing).sql(condition)
    return _made(
        scope,
        printing,
        f"""
        SELECT count(), arrayMap(x -> -x, groupArraySorted({SAMPLE})(-toInt64(id)))
        FROM {_TABLES[subject]} WHERE deleted = 0 AND {fits}
        """,  # noqa: S608 - every part is printed in this feature, values are bound
    )


def matching(
    scope: Scope, subject: Subject, condition: Condition, vocabulary: Vocabulary, now: Instant
) -> Statement:
    """Return the id of every living contact or product that fits, in order.

    Raises:
        Invalid: The condition names what there is not; with its place in the tree.
    """
    printing = Printing(subject, vocabulary, now)
    fits = _Tree(printing).sql(condition)
    return _made(
        scope,
        printing,
        f"SELECT id FROM {_TABLES[subject]} WHERE deleted = 0 AND {fits} ORDER BY id",  # noqa: S608 - every part is printed in this feature, values are bound
    )


def difference(
    scope: Scope,
    subject: Subject,
    condition: Condition,
    vocabulary: Vocabulary,
    now: Instant,
    segment_id: int,
) -> Statement:
    """Return (id, 0) of who fits and is no member of a segment, (id, since when) of the reverse.

    Raises:
        Invalid: The condition names what there is not; with its place in the tree.
    """
    printing = Printing(subject, vocabulary, now)
    fits = _Tree(printing).sql(condition)
    printing.parameters["segment_id"] = segment_id
    return _made(
        scope,
        printing,
        f"""
        SELECT id, max(since) FROM (
            SELECT id, toInt64(0) AS since, 1 AS side
            FROM {_TABLES[subject]} WHERE deleted = 0 AND {fits}
            UNION ALL
            SELECT member_id, entered_at, -1 FROM {{segment_members}}
            WHERE segment_id = {{segment_id:UInt32}} AND left_at = 0
        )
        GROUP BY id HAVING sum(side) != 0
        """,  # noqa: S608 - every part is printed in this feature, values are bound
    )


def chosen_products(
    scope: Scope,
    filters: Sequence[ProductFilter],
    vocabulary: Vocabulary,
    now: Instant,
    ids: Sequence[int],
) -> Statement:
    """Return (number of the filter, product): which products fit now which of some filters.

    Args:
        filters: At least one; each asks something of the present.
        ids: Only these products are looked at; none: all there are.

    Raises:
        Invalid: A filter names what there is not.
    """
    printing = Printing("product", vocabulary, now)
    parts = []
    for number, wanted in enumerate(filters):
        chosen = present(printing, wanted)
        assert chosen is not None
        among = f" AND id IN {{{IDS}:Array(UInt64)}}" if ids else ""
        parts.append(chosen.replace("SELECT id", f"SELECT {number}, id", 1) + among)
    if ids:
        printing.parameters[IDS] = list(ids)
    return _made(scope, printing, " UNION ALL ".join(parts))


def few(
    scope: Scope,
    subject: Subject,
    conditions: Sequence[Condition],
    vocabulary: Vocabulary,
    now: Instant,
    ids: Sequence[int],
    merged: Sequence[int],
) -> Statement:
    """Return (id, truth of each condition as 0 or 1) of those of `ids` that live, in order.

    Args:
        merged: Every contact that was merged into one of `ids`. The caller knows them at hand; to
            have the engine find them in each subquery doubled the time.

    Raises:
        Invalid: A condition names what there is not; with its place: its number, then the tree.
    """
    printing = Printing(subject, vocabulary, now, few=True)
    printing.parameters |= {IDS: list(ids), OWN: [*ids, *merged]}
    tree = _Tree(printing)
    truths = [
        f"toUInt8({tree.sql(condition, f'/{number}')})"
        for number, condition in enumerate(conditions)
    ]
    columns = ", ".join(["id", *truths])
    return _made(
        scope,
        printing,
        f"""
        SELECT {columns} FROM {tree.tables()}
        WHERE id IN {{{IDS}:Array(UInt64)}} AND deleted = 0 ORDER BY id
        """,  # noqa: S608 - every part is printed in this feature, values are bound
    )


def explained(
    scope: Scope,
    subject: Subject,
    condition: Condition,
    vocabulary: Vocabulary,
    now: Instant,
    wanted_id: int,
    merged: Sequence[int],
) -> Statement:
    """Return one row if `wanted_id` lives: for each leaf its truth, its value, when last.

    Three columns for each of `leaves(condition)`: 0 or 1; a text, empty if there is nothing to
    show; milliseconds as text, empty or 0 if there is no time. A leaf of another segment has its
    truth alone.

    Args:
        merged: Every contact that was merged into `wanted_id`.

    Raises:
        Invalid: The condition names what there is not.
    """
    printing = Printing(subject, vocabulary, now, few=True)
    printing.parameters |= {IDS: [wanted_id], OWN: [wanted_id, *merged]}
    tree = _Tree(printing)
    columns = [part for leaf in leaves(condition) for part in _shown(tree, leaf)]
    return _made(
        scope,
        printing,
        f"""
        SELECT {", ".join(columns) or "1"} FROM {tree.tables()}
        WHERE id IN {{{IDS}:Array(UInt64)}} AND deleted = 0
        """,  # noqa: S608 - every part is printed in this feature, values are bound
    )


def _shown(tree: _Tree, leaf: Leaf) -> tuple[str, str, str]:
    truth = f"toUInt8({tree.sql(leaf)})"
    if isinstance(leaf, InSegment):
        return truth, "''", "''"
    found: Printed = printed(tree.printing, leaf, "")
    assert tree.few is not None
    if isinstance(found, OnHistory):
        number, last = (
            tree.few.column(found.relation, shown, found.marks) for shown in found.shown
        )
        return truth, number, last
    if isinstance(found, OnSnapshot):
        return truth, found.shown or "''", "''"
    if found.shown is None:
        return truth, "''", "''"
    tree.few.shown.append(found.shown)
    return truth, f"t{len(tree.few.shown) - 1}.text", "''"
