"""The life of a change of an attribute: begun, worked off step by step, undone.

A step is one transaction, so a process may end between any two. What is left then says so, and the
same wish again goes on from there.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from footfall.attributes import queries
from footfall.attributes.definitions import Definitions
from footfall.attributes.recasting import Measure, recast_held, restored
from footfall.attributes.types import (
    Change,
    Counts,
    Definition,
    Held,
    ObjectKind,
    Objects,
    Phase,
    Profile,
    SetAside,
)
from footfall.kernel.errors import Conflict, NotFound
from footfall.kernel.instants import Clock, Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State, StateUnavailable
from footfall.workspaces.api import get_workspace

#: Objects per transaction: each holds the state's one write lock for some ten milliseconds.
STEP_OBJECTS: Final = 500
#: A step takes milliseconds, or seconds behind other writers; who says nothing so long is gone.
LEASE_MS: Final = 15_000

Decide = Callable[[int, Held], Held]  # object id, what it holds -> what it is to hold


def measure_of(conn: Connection, scope: Scope, definition: Definition) -> Measure:
    """Return what values of an attribute are measured by in this workspace."""
    workspace = get_workspace(conn, scope.workspace_id)
    # The allow-list is of product attributes.
    permitted = workspace.browser_attributes if definition.kind == "product" else None
    return Measure(definition, ZoneInfo(workspace.time_zone), permitted)


def definition_of(conn: Connection, scope: Scope, kind: ObjectKind, name: str) -> Definition:
    """Return the attribute that `name`, in any spelling, means.

    Raises:
        NotFound: There is none.
    """
    stored = queries.stored_definitions(conn, scope, kind)
    known = Definitions(scope, kind, stored).get(name)
    if known is None:
        raise NotFound("There is no such attribute.", code="attribute_not_found")
    return known


def begin_change(
    conn: Connection,
    scope: Scope,
    objects: Objects,
    known: Definition,
    changed: Definition,
    now: Instant,
) -> Change:
    """Store the changed definition and return its change, to be worked off by `finish`.

    A change that was interrupted, asked for again, is taken up where it stopped.

    Raises:
        Conflict: Another change of the attribute is not finished.
    """
    last = latest(conn, scope, known)
    if last is not None and not last.is_finished:
        return _taken_up(conn, scope, last, "changing", now, same=same_type(last.after, changed))
    queries.update_definition(conn, scope, changed)
    begun = Change(
        id=0,
        kind=known.kind,
        name_std=known.name_std,
        before=known,
        after=changed,
        phase="changing",
        started_at=now,
        leased_until=Instant(now + LEASE_MS),
        finished_at=None,
        after_id=0,
        done=0,
        total=objects.count(conn, scope),
        counts=Counts(),
    )
    return dataclasses.replace(begun, id=queries.insert_change(conn, scope, begun))


def begin_undo(
    conn: Connection, scope: Scope, objects: Objects, known: Definition, now: Instant
) -> Change:
    """Give an attribute its former type again and return the change, to be worked off by `finish`.

    Raises:
        Conflict: There is no change that can be undone, or it is not finished.
    """
    last = latest(conn, scope, known)
    if last is None or last.phase == "undone":
        raise Conflict("No change of this attribute is left to undo.", code="nothing_to_undo")
    if not last.is_finished:
        return _taken_up(conn, scope, last, "undoing", now, same=True)
    before = dataclasses.replace(
        last.before,
        name=known.name,
        # A rule that was set in the same request goes back with it; one set since stays.
        source_rule=last.before.source_rule
        if known.source_rule == last.after.source_rule
        else known.source_rule,
    )
    queries.update_definition(conn, scope, before)
    begun = dataclasses.replace(
        last,
        before=before,
        phase="undoing",
        leased_until=Instant(now + LEASE_MS),
        finished_at=None,
        after_id=0,
        done=0,
        total=objects.count(conn, scope),
    )
    queries.update_change(conn, scope, begun)
    return begun


def latest(conn: Connection, scope: Scope, known: Definition) -> Change | None:
    """Return the newest change of an attribute, None if its type never changed."""
    return next(iter(queries.latest_changes(conn, scope, known.kind, known.name_std, 1)), None)


def same_type(one: Definition, other: Definition) -> bool:
    """Return whether every value fits both or neither, and is stored the same."""
    return (one.value_type, one.choices, one.multiple) == (
        other.value_type,
        other.choices,
        other.multiple,
    )


def _taken_up(
    conn: Connection, scope: Scope, last: Change, phase: Phase, now: Instant, *, same: bool
) -> Change:
    """Return an interrupted change, to go on with; refuse any other wish meanwhile."""
    told = f"{last.done:,} of {last.total:,} objects are done."
    if last.leased_until > now:
        raise Conflict(
            f"A change of this attribute is running: {told} Ask again when it has finished.",
            code="attribute_change_running",
        )
    if last.phase != phase or not same:
        wish = (
            "undoing it" if last.phase == "undoing" else f'the change to "{last.after.value_type}"'
        )
        raise Conflict(
            f"A change of this attribute was interrupted: {told} Ask for {wish} again first.",
            code="attribute_change_interrupted",
        )
    taken = dataclasses.replace(last, leased_until=Instant(now + LEASE_MS))
    queries.update_change(conn, scope, taken)
    return taken


def finish(
    state: State,
    scope: Scope,
    objects: Objects,
    change: Change,
    *,
    clock: Clock,
    stopping: Callable[[], bool] = lambda: False,
) -> Change:
    """Work a change off, each step in its own transaction, and return it as it is then.

    Args:
        stopping: Whether to leave the rest to a later call.
    """
    while not change.is_finished:
        if stopping():
            return _released(state, scope, change)
        try:
            with state.write() as conn:
                change = _step(conn, scope, objects, change.id, clock())
        except BaseException:
            # Whoever asks next need not wait for the lease. If the store is gone, they do.
            with suppress(StateUnavailable):
                _released(state, scope, change)
            raise
    return change


def _released(state: State, scope: Scope, change: Change) -> Change:
    with state.write() as conn:
        stored = _stored(conn, scope, change.id)
        free = dataclasses.replace(stored, leased_until=Instant(0))
        queries.update_change(conn, scope, free)
    return free


def _stored(conn: Connection, scope: Scope, change_id: int) -> Change:
    found = queries.change_by_id(conn, scope, change_id)
    assert found is not None  # changes are never deleted
    return found


def _step(conn: Connection, scope: Scope, objects: Objects, change_id: int, now: Instant) -> Change:
    """Do the next step of a change, and store how far it has come."""
    change = _stored(conn, scope, change_id)
    if change.is_finished:
        return change  # by somebody who took it up meanwhile
    ids = objects.ids_past(conn, scope, change.after_id, STEP_OBJECTS)
    counts = change.counts
    if change.phase == "changing":
        held, found = recast_objects(conn, scope, objects, change.after, ids, now=now)
        queries.keep_before(conn, scope, change, held)
        counts += found
    else:
        _restore(conn, scope, objects, change, ids, now)
    more = len(ids) == STEP_OBJECTS
    ended: Phase = "done" if change.phase == "changing" else "undone"
    if not more and ended == "undone":
        queries.forget_before(conn, scope, change)
    change = dataclasses.replace(
        change,
        phase=change.phase if more else ended,
        leased_until=Instant(now + LEASE_MS),
        finished_at=None if more else now,
        after_id=ids[-1] if ids else change.after_id,
        done=change.done + len(ids),
        counts=counts,
    )
    queries.update_change(conn, scope, change)
    return change


def recast_objects(
    conn: Connection,
    scope: Scope,
    objects: Objects,
    definition: Definition,
    ids: Collection[int],
    *,
    now: Instant,
    save: bool = True,
    listed: list[SetAside] | None = None,
) -> tuple[dict[int, Held], Counts]:
    """Coerce these objects' values again; return what they held before, and what became of it.

    Args:
        save: False to see what would happen.
        listed: Takes the values that do not fit.
    """
    measure = measure_of(conn, scope, definition)
    counts = Counts()

    def decide(object_id: int, held: Held) -> Held:
        nonlocal counts
        new, found = recast_held(held, measure, object_id)
        counts += found
        if found.set_aside and new.aside is not None and listed is not None:
            listed.append(new.aside)
        return new

    before = move(conn, scope, objects, definition, ids, decide, now=now, save=save)
    return before, counts


def _restore(
    conn: Connection,
    scope: Scope,
    objects: Objects,
    change: Change,
    ids: Collection[int],
    now: Instant,
) -> None:
    measure = measure_of(conn, scope, change.before)
    before = queries.held_before(conn, scope, change, ids)
    nothing = Held(None, None)

    def decide(object_id: int, held: Held) -> Held:
        return restored(held, before.get(object_id, nothing), measure, object_id)

    move(conn, scope, objects, change.before, ids, decide, now=now)


def move(
    conn: Connection,
    scope: Scope,
    objects: Objects,
    definition: Definition,
    ids: Collection[int],
    decide: Decide,
    *,
    now: Instant,
    save: bool = True,
    recopies: bool = True,
) -> dict[int, Held]:
    """Let `decide` say what these objects hold of an attribute; return what they held before.

    Those that hold nothing are passed over.

    Args:
        recopies: Whether the type changed: then the text of a copy may be another one, though the
            value is equal.
    """
    name = definition.name_std
    asides = queries.set_aside_of(conn, scope, definition.kind, name, ids)
    before: dict[int, Held] = {}
    listed: dict[int, SetAside | None] = {}

    def revalue(profiles: Mapping[int, Profile]) -> list[int]:
        for object_id, profile in profiles.items():
            held = Held(profile.get(name), asides.get(object_id))
            if held.cell is None and held.aside is None:
                continue
            before[object_id] = held
            new = decide(object_id, held)
            if new.cell is None:
                profile.pop(name, None)
            else:
                profile[name] = new.cell
            if new.aside != held.aside:
                listed[object_id] = new.aside
        return [
            object_id
            for object_id, held in before.items()
            if recopies or profiles[object_id].get(name) is not held.cell
        ]

    objects.revalue(conn, scope, revalue, ids, now=now, save=save)
    if save and listed:
        queries.put_set_aside(conn, scope, definition.kind, name, listed)
    return before
