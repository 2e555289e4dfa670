"""Segments and who is in them."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from footfall.conditions.types import Condition, Subject
from footfall.kernel.instants import Instant


@dataclass(frozen=True, slots=True)
class Segment:
    """A named condition."""

    id: int
    subject: Subject
    name: str
    description: str
    condition: Condition
    created_at: Instant
    updated_at: Instant
    archived_at: Instant | None


@dataclass(frozen=True, slots=True)
class Upkept:
    """How a segment is kept."""

    size: int | None = None  #: members; None until they are counted after a start
    evaluated_at: Instant | None = None  #: members are who fitted then; None: not since the start
    problem: str | None = None  #: why it cannot be evaluated; its members are those of before


class Stay(NamedTuple):
    """From when to when somebody was in a segment."""

    segment_id: int
    member_id: int
    entered_at: Instant
    left_at: Instant | None  #: None: it is in


class Change(NamedTuple):
    """One entry or exit. Of one member they alternate, and no two have the same time."""

    segment_id: int
    member_id: int
    kind: Literal["entered", "left"]
    at: Instant
