"""What the printers of leaves share: parameters, whose history is read, and leaves on histories."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from footfall.conditions.types import Subject, Vocabulary
from footfall.kernel.instants import Instant
from footfall.warehouse.api import Parameter, counted_once, survivor

Relation = Literal["events", "activities"]
#: Parameter that holds who is asked about, where not everybody is.
IDS = "ids"
#: Parameter that holds them and the contacts that were merged into them.
OWN = "own_ids"


#: Column of `Printing.rows`: whether no better source reports the order of the event.
ONCE = "counts_once"


@dataclass(slots=True)
class Printing:
    """One statement that is being printed, and the values it binds."""

    subject: Subject
    vocabulary: Vocabulary
    now: Instant
    few: bool = False  #: whether only those in the parameter `ids` are asked about
    parameters: dict[str, Parameter] = field(default_factory=dict)
    _known: dict[tuple[str, str], str] = field(default_factory=dict)
    _marks: dict[tuple[Relation, str], str] = field(default_factory=dict)
    numbers: int = 0

    def mark(self, relation: Relation, condition: str) -> str:
        """Return the column that says of each row of a history whether `condition` holds.

        The condition is printed once then, however often it is used: to plan a statement costs the
        engine as much as to run it, and the more the longer it is.
        """
        return self._marks.setdefault((relation, condition), f"m{len(self._marks)}")

    def marked(self, relation: Relation, marks: Iterable[str]) -> dict[str, str]:
        """Return the conditions of `marks` by their columns."""
        wanted = set(marks)
        return {
            name: condition
            for (of, condition), name in self._marks.items()
            if of == relation and name in wanted
        }

    def bind(self, kind: str, value: Parameter) -> str:
        """Return the parameter of a value; equal values are one, so that equal leaves are."""
        known = self._known.get((kind, repr(value)))
        if known is None:
            name = f"v{len(self.parameters)}"
            self.parameters[name] = value
            known = self._known[kind, repr(value)] = f"{{{name}:{kind}}}"
        return known

    def instant(self, moment: Instant) -> str:
        """Return an instant, as `occurred_at` is compared with it."""
        return f"fromUnixTimestamp64Milli({self.bind('Int64', int(moment))})"

    @property
    def owner(self) -> str:
        """Return whose an event is, as SQL on the columns of `events`."""
        return survivor("contact_id") if self.subject == "contact" else "product_id"

    def rows(self, relation: Relation, columns: Mapping[str, str]) -> str:
        """Return what stands behind FROM: the rows of a history of which any of `columns` is true.

        The order check is long, and the engine plans a text as often as it stands there: so it is a
        column of a subquery, where a condition asks for it.

        Args:
            columns: Conditions by the name under which they are selected from these rows.
        """
        base, either = self.base(relation), " OR ".join(columns)
        if not any(ONCE in condition for condition in columns.values()):
            return f"{{{relation}}} WHERE {base} AND ({either})"
        check = counted_once(self.owner, base)
        possible = "1"  # of a few, all are read
        if not self.few:
            meant = sorted({condition.replace(ONCE, "1") for condition in columns.values()})
            possible = " OR ".join(f"({condition})" for condition in meant)
        return (
            f"(SELECT *, {check} AS {ONCE} FROM {{{relation}}} WHERE {base} AND ({possible}))"  # noqa: S608 - every part is printed in this feature, values are bound
            f" WHERE {either}"
        )

    def base(self, relation: Relation, *, by_contact: bool = False) -> str:
        """Return the condition that every row of a history has to fulfil.

        Args:
            by_contact: Whether rows are told apart by contact, whatever the subject.
        """
        parts = ["traffic = 'visitor'"]
        if self.subject == "contact" or by_contact or relation == "activities":
            parts.append("contact_id != 0")
        if self.few and self.subject == "contact":
            parts.append(f"contact_id IN {{{OWN}:Array(UInt64)}}")
        elif self.few and relation == "events" and not by_contact:
            parts.append(f"product_id IN {{{IDS}:Array(UInt64)}}")
        return " AND ".join(parts)


@dataclass(frozen=True, slots=True)
class OnHistory:
    """A test of what one did, made while the rows of a history are added up by owner."""

    relation: Relation
    marks: tuple[str, ...]  #: made by `Printing.mark`: rows that can matter have one of them
    truth: str  #: SQL on aggregates of these rows
    zero: bool  #: what is true of those who have no such row
    #: Whether `truth` is just that there is such a row.
    existence: bool = False
    #: What is shown to say why: aggregates as text.
    shown: Sequence[str] = ()

    @property
    def flag(self) -> str:
        """Return what is true of those only who differ from those without a row."""
        return f"NOT ({self.truth})" if self.zero else f"({self.truth})"


@dataclass(frozen=True, slots=True)
class OnOwnSet:
    """A test that takes a subquery of its own."""

    chosen: str  #: SELECT of the owners who differ from those without a row
    zero: bool
    shown: str | None = None  #: SELECT of (who, text) to say why


@dataclass(frozen=True, slots=True)
class OnSnapshot:
    """A test on the columns of a contact or product."""

    truth: str
    shown: str | None = None  #: SQL of a text to say why


Printed = OnHistory | OnOwnSet | OnSnapshot


def compared(number: str, operator: str, value: str) -> str:
    """Return the SQL of a comparison of a measure."""
    sign = {"at_least": ">=", "at_most": "<=", "exactly": "="}[operator]
    return f"{number} {sign} {value}"


def is_true_of_zero(operator: str, value: float) -> bool:
    """Return what a comparison says of nothing."""
    return {"at_least": value <= 0, "at_most": value >= 0, "exactly": value == 0}[operator]


def combined(parts: Sequence[OnHistory], word: Literal["AND", "OR"]) -> OnHistory:
    """Return one test of several on the same history."""
    if len(parts) == 1:
        return parts[0]
    return OnHistory(
        relation=parts[0].relation,
        marks=tuple(dict.fromkeys(mark for part in parts for mark in part.marks)),
        truth=f" {word} ".join(f"({part.truth})" for part in parts),
        zero=(all if word == "AND" else any)(part.zero for part in parts),
    )


def negated(part: OnHistory) -> OnHistory:
    """Return the contrary test."""
    return OnHistory(part.relation, part.marks, f"NOT ({part.truth})", not part.zero)
