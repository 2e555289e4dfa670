"""Why a contact or product fits a condition or does not."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from footfall.conditions.api import explained, written
from footfall.conditions.types import (
    All,
    AnyOf,
    Condition,
    Not,
    Subject,
    Vocabulary,
    placed,
)
from footfall.contacts.api import merge_groups
from footfall.kernel.errors import NotFound
from footfall.kernel.instants import Instant, to_iso
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

_decode = Decoder(dict[str, Any]).decode
_COLUMNS = 3  # of each leaf


class ExplainedNode(Struct, frozen=True):
    """One group or leaf of a condition."""

    pointer: str  #: its place in the condition (RFC 6901), "" for all of it
    fits: bool
    condition: dict[str, Any]  #: of a leaf as it stands; of a group only its type
    value: str | None  #: of a leaf: what decided, as text; null: nothing there
    last_at: str | None  #: of what was done: when last


class Explanation(Struct, frozen=True):
    """Whether somebody fits, and each part of why, groups before what they hold."""

    fits: bool
    nodes: list[ExplainedNode]


def explain(
    state: State,
    warehouse: Warehouse,
    scope: Scope,
    subject: Subject,
    condition: Condition,
    vocabulary: Vocabulary,
    now: Instant,
    member_id: int,
    timeout_seconds: float,
) -> Explanation:
    """Return why a living contact or product fits now or does not.

    Raises:
        NotFound: There is no such contact or product, or it was deleted or merged.
        Invalid: The condition names what there is not.
        StatementTooSlow: It took too long.
    """
    merged: list[int] = []
    if subject == "contact":
        with state.read() as conn:
            _, merged = merge_groups(conn, scope, [member_id])
    rows = warehouse.rows(
        explained(scope, subject, condition, vocabulary, now, member_id, merged),
        timeout_seconds=timeout_seconds,
    )
    if not rows:
        raise NotFound(f"There is no such {subject}.", code="member_not_found")
    nodes = placed(condition)
    leaves = [pointer for pointer, node in nodes if not isinstance(node, All | AnyOf | Not)]
    columns = {
        pointer: rows[0][number * _COLUMNS : (number + 1) * _COLUMNS]
        for number, pointer in enumerate(leaves)
    }
    truths: dict[str, bool] = {}
    for pointer, node in reversed(nodes):
        truths[pointer] = _truth(node, pointer, truths, columns)
    return Explanation(
        truths[""], [_shown(pointer, node, truths, columns) for pointer, node in nodes]
    )


def _truth(
    node: Condition, pointer: str, truths: Mapping[str, bool], columns: Mapping[str, Any]
) -> bool:
    if isinstance(node, Not):
        return not truths[f"{pointer}/of"]
    if isinstance(node, All | AnyOf):
        inner = [truths[f"{pointer}/of/{number}"] for number in range(len(node.of))]
        return all(inner) if isinstance(node, All) else any(inner)
    return bool(columns[pointer][0])


def _shown(
    pointer: str, node: Condition, truths: Mapping[str, bool], columns: Mapping[str, Any]
) -> ExplainedNode:
    fits = truths[pointer]
    if isinstance(node, All | AnyOf | Not):
        kind = {All: "all", AnyOf: "any", Not: "not"}[type(node)]
        return ExplainedNode(pointer, fits, {"type": kind}, None, None)
    _, value, last = columns[pointer]
    at = to_iso(Instant(int(last))) if last and int(last) else None
    return ExplainedNode(pointer, fits, _decode(written(node)), value or None, at)
