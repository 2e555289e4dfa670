"""What the API says of segments."""

from typing import Any, Literal

from msgspec import Raw, Struct

from footfall.conditions.api import written
from footfall.conditions.types import Subject
from footfall.kernel.instants import to_iso
from footfall.segments.explaining import Explanation
from footfall.segments.types import Segment, Upkept


class SegmentAnswer(Struct, frozen=True):
    """A segment, and how it is kept."""

    id: int
    subject: Subject
    name: str
    description: str
    condition: Raw
    size: int | None  #: members; null until they are counted after a start
    evaluated_at: str | None  #: members are who fitted then
    problem: str | None  #: why it cannot be evaluated; its members are those of before
    created_at: str
    updated_at: str
    archived_at: str | None


class SegmentList(Struct, frozen=True):
    """Segments by name."""

    results: list[SegmentAnswer]


class Preview(Struct, frozen=True):
    """Who fits a condition now."""

    count: int
    sample: list[Any]  #: some of them, the newest first: how they are called


class Member(Struct, frozen=True):
    """Somebody who is in a segment."""

    member: Any  #: how the contact or product is called
    entered_at: str


class MemberPage(Struct, frozen=True):
    """Some members, who came last first."""

    results: list[Member]
    next: str | None


class ChangeAnswer(Struct, frozen=True):
    """An entry or exit."""

    member: Any  #: how the contact or product is called; null: it is gone
    member_id: int
    change: Literal["entered", "left"]
    at: str


class ChangePage(Struct, frozen=True):
    """Some entries and exits."""

    results: list[ChangeAnswer]
    next: str | None


class DaySize(Struct, frozen=True, gc=False):
    """One day of a segment."""

    day: str  #: YYYY-MM-DD
    size: int  #: members at its end
    entered: int
    left: int


class Sizes(Struct, frozen=True):
    """How many were in a segment at the end of each day."""

    time_zone: str
    days: list[DaySize]


class StayAnswer(Struct, frozen=True, gc=False):
    """From when to when somebody was in a segment."""

    entered_at: str
    left_at: str | None  #: null: it is in


class Why(Struct, frozen=True):
    """Whether somebody is in a segment, and why."""

    member: Any
    is_member: bool  #: as the segment is kept; what is explained is the present
    stays: list[StayAnswer]  #: the newest first
    explanation: Explanation


class SegmentOfMember(Struct, frozen=True):
    """A segment that a contact or product is in."""

    id: int
    name: str
    entered_at: str


class SegmentsOfMember(Struct, frozen=True):
    """The segments that a contact or product is in, by name."""

    results: list[SegmentOfMember]


def shown_segment(segment: Segment, upkept: Upkept) -> SegmentAnswer:
    """Return a segment as the API shows it."""
    return SegmentAnswer(
        segment.id,
        segment.subject,
        segment.name,
        segment.description,
        Raw(written(segment.condition)),
        upkept.size,
        None if upkept.evaluated_at is None else to_iso(upkept.evaluated_at),
        upkept.problem,
        to_iso(segment.created_at),
        to_iso(segment.updated_at),
        None if segment.archived_at is None else to_iso(segment.archived_at),
    )
