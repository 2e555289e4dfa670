"""Changes the type of an attribute that has values (decision 8): all of them, step by step."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import tzinfo
from typing import Final, NamedTuple

from sqlalchemy import Connection

from footfall.attributes.coercion import json_text
from footfall.attributes.logic import recast
from footfall.attributes.profiles import RAW_LIMIT
from footfall.attributes.types import Definition, Profile, SetAside
from footfall.kernel.instants import Instant

#: Objects per transaction: each holds the state's one write lock for some ten milliseconds.
STEP_OBJECTS: Final = 500


class Recast(NamedTuple):
    """What became of the values."""

    kept: int = 0  #: fit the new type
    set_aside: int = 0  #: did not fit; nothing is deleted


class Step(NamedTuple):
    """One step's outcome and where the next one begins; None after the last."""

    recast: Recast
    next_after: int | None


def recast_profile(
    profile: Profile,
    definition: Definition,
    *,
    object_id: int,
    zone: tzinfo,
    set_aside: list[SetAside],
) -> Recast:
    """Coerce the cell of `definition` in `profile` from its raw value; what does not fit is listed.

    Args:
        profile: Changed in place.
    """
    cell = profile.get(definition.name_std)
    if cell is None or cell.raw is None:
        return Recast()
    new, problem = recast(cell, definition, zone)
    profile[definition.name_std] = new
    if problem is None:
        return Recast(kept=1)
    set_aside.append(
        SetAside(
            definition.kind,
            object_id,
            definition.name,
            definition.name_std,
            json_text(cell.raw)[:RAW_LIMIT],
            problem.code,
            problem.message,
            Instant(cell.occurred_at),
            cell.position,
            cell.source,
        )
    )
    return Recast(set_aside=1)


def recast_all(
    open_step: Callable[[], AbstractContextManager[Connection]],
    step: Callable[[Connection, int], Step],
) -> Recast:
    """Return the sum of all steps, each in its own transaction.

    If one fails the earlier ones stay; the same change asked for again finishes the work.

    Args:
        open_step: Begins a transaction, committed at its end.
        step: Recasts the objects past an id.
    """
    kept = set_aside = 0
    after: int | None = 0
    while after is not None:
        with open_step() as conn:
            done, after = step(conn, after)
        kept += done.kept
        set_aside += done.set_aside
    return Recast(kept, set_aside)
