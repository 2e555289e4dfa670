"""Changes of attributes' types: their undo, their steps, and what an end in between leaves."""

import dataclasses
from itertools import count
from secrets import token_bytes
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.attributes import api, changes
from footfall.attributes.types import Change
from footfall.catalog import queries
from footfall.catalog.api import ProductObjects, put_product
from footfall.catalog.book import product_of
from footfall.contacts.api import ContactObjects, delete_contact, put_contact
from footfall.contacts.logic import Identifiers
from footfall.kernel.errors import Conflict
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.state.schema import attribute_values_before
from footfall.workspaces.api import create_workspace, operator_access, scope_of

START = Instant(1_700_000_000_000)
PRODUCTS = ProductObjects()
_names = count(1)


class Shelf:
    """The products of a new workspace, each with at most one attribute, `size`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.now = START
        with state.write() as conn:
            name = f"shelf {next(_names)}"
            made = create_workspace(conn, name, now=START, random_bytes=token_bytes)
            self.scope: Scope = scope_of(made)
            self.access = operator_access(made)
            api.define_attribute(conn, self.scope, "product", "size", "string", now=START)

    def clock(self) -> Instant:
        self.now = Instant(self.now + 1)
        return self.now

    def put(self, product: str, raw: Any) -> None:
        with self.state.write() as conn:
            now = self.clock()
            put_product(conn, self.scope, product, {"size": raw}, clears=True, now=now, position=7)

    def change(self, **wish: Any) -> Any:
        return api.change_attribute(
            self.state,
            self.access,
            PRODUCTS,
            "product",
            "size",
            api.TypeChange(**wish),
            clock=self.clock,
        )

    def begin(self, **wish: Any) -> Change:
        wished = api.TypeChange(**wish)
        place = (self.state, self.access, PRODUCTS, "product", "size")
        _, change = api.begin_change(*place, wished, clock=self.clock)
        assert change is not None
        return change

    def undo(self) -> Change:
        begun = api.begin_undo(
            self.state, self.access, PRODUCTS, "product", "size", clock=self.clock
        )
        return self.finish(begun)

    def finish(self, change: Change, **more: Any) -> Change:
        return api.finish(self.state, self.scope, PRODUCTS, change, clock=self.clock, **more)

    def held(self) -> dict[str, tuple[Any, Any]]:
        """Return by product its cell and its set-aside value, and the type under `""`."""
        with self.state.read() as conn:
            ids = queries.ids_past(conn, self.scope, 0, 1_000)
            rows = [product_of(row) for row in queries.by_id(conn, self.scope, ids)]
            asides = {
                row.object_id: dataclasses.replace(row, object_id=0)
                for row in api.list_set_aside(conn, self.scope, "product", limit=1_000)
            }
            known = api.definition_of(conn, self.scope, "product", "size")
        found: dict[str, tuple[Any, Any]] = {
            product.custom_id: (repr(product.profile.get("size")), asides.get(product.id))
            for product in rows
        }
        found[""] = (dataclasses.replace(known, id=0), None)
        return found


TYPES: list[dict[str, Any]] = [
    {"value_type": "integer"},
    {"value_type": "float"},
    {"value_type": "boolean"},
    {"value_type": "date"},
    {"value_type": "json"},
    {"value_type": "string"},
    {"value_type": "fixed", "choices": ["S", "1"]},
    {"value_type": "fixed", "choices": ["S", "m"], "multiple": True},
]
VALUES = st.sampled_from([1, "1", 1.5, True, "S", "m", ["S", "m"], "2024-01-31", {"a": 1}, None])
NAMES = ["a", "b", "c", "d"]
shelves = st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, min_size=1, max_size=2))
both = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def filled(state: State, values: dict[str, Any], first: dict[str, Any]) -> Shelf:
    shelf = Shelf(state)
    if first["value_type"] != "string":
        shelf.change(**first)
    for product in NAMES:
        for raw in values.get(product, []):
            shelf.put(product, raw)
    return shelf


@both
@given(shelves, st.sampled_from(TYPES), st.sampled_from(TYPES))
def test_a_change_and_its_undo_leave_everything_as_it_was(
    state: State, values: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    shelf = filled(state, values, first)
    before = shelf.held()
    if shelf.change(**second).change is None:
        return  # the type it had
    assert shelf.undo().phase == "undone"
    assert shelf.held() == before


@both
@given(
    shelves,
    st.dictionaries(st.sampled_from([*NAMES, "e"]), VALUES),
    st.sampled_from(TYPES),
    st.sampled_from(TYPES),
)
def test_what_is_said_between_a_change_and_its_undo_counts_as_if_the_type_had_stayed(
    state: State,
    values: dict[str, Any],
    later: dict[str, Any],
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    changed, stayed = filled(state, values, first), filled(state, values, first)
    stayed.now = changed.now
    if changed.change(**second).change is None:
        return
    stayed.now = changed.now
    for shelf in (changed, stayed):
        for product, raw in sorted(later.items(), key=lambda item: item[0]):
            shelf.put(product, raw)
    changed.undo()
    assert changed.held() == stayed.held()


def test_of_the_changes_of_an_attribute_the_newest_is_undone_and_only_once(state: State) -> None:
    shelf = filled(state, {"a": ["1"], "b": ["x"]}, {"value_type": "string"})
    shelf.change(value_type="integer", source_rule="api only")
    integers = shelf.held()
    shelf.change(value_type="boolean")
    shelf.undo()
    assert shelf.held() == integers
    with pytest.raises(Conflict) as refused:
        shelf.undo()
    assert refused.value.code == "nothing_to_undo"


def test_a_source_rule_set_with_the_type_goes_back_with_it(sqlite_state: State) -> None:
    shelf = filled(sqlite_state, {"a": ["1"]}, {"value_type": "string"})
    before = shelf.held()
    shelf.change(value_type="integer", source_rule="api only")
    shelf.undo()
    assert shelf.held()["a"] == before["a"]
    assert shelf.held()[""][0].source_rule == "any"
    shelf.change(value_type="integer", source_rule="api only")
    shelf.change(source_rule="feed only")
    shelf.undo()
    assert shelf.held()[""][0].source_rule == "feed only"


def test_a_change_that_ended_in_between_is_finished_by_asking_again(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "STEP_OBJECTS", 2)
    values = {name: ["1" if name < "c" else name] for name in NAMES}
    whole = filled(state, values, {"value_type": "string"})
    ended = filled(state, values, {"value_type": "string"})
    before = ended.held()
    whole.change(value_type="integer")
    steps = iter([False, True])
    stopped = ended.finish(ended.begin(value_type="integer"), stopping=lambda: next(steps))
    assert (stopped.phase, stopped.done, stopped.total) == ("changing", 2, 4)
    ended.now = whole.now
    with pytest.raises(Conflict) as refused:
        ended.begin(value_type="boolean")
    assert refused.value.code == "attribute_change_interrupted"
    with pytest.raises(Conflict, match="2 of 4"):
        ended.undo()
    answer = ended.change(value_type="integer")
    assert (answer.kept, answer.set_aside, answer.change.done) == (2, 2, 4)
    assert ended.held() == whole.held()
    ended.undo()
    assert ended.held() == before


def test_a_process_that_was_killed_holds_a_change_until_its_lease_is_over(
    sqlite_state: State,
) -> None:
    shelf = filled(sqlite_state, {"a": ["1"]}, {"value_type": "string"})
    shelf.begin(value_type="integer")  # and nothing more
    for wish in ({"value_type": "integer"}, {"value_type": "float"}):
        with pytest.raises(Conflict) as refused:
            shelf.begin(**wish)
        assert refused.value.code == "attribute_change_running"
    shelf.now = Instant(shelf.now + changes.LEASE_MS)
    assert shelf.change(value_type="integer").change.state == "done"


def test_a_step_that_fails_leaves_the_change_to_whoever_asks_again(
    sqlite_state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = filled(sqlite_state, {"a": ["1"]}, {"value_type": "string"})

    def broken(*_: Any, **__: Any) -> None:
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(changes, "recast_objects", broken)
        with pytest.raises(OSError, match="disk"):
            shelf.change(value_type="integer")
    assert shelf.change(value_type="integer").kept == 1


def test_what_a_deleted_contact_held_before_a_change_is_erased(state: State) -> None:
    shelf = Shelf(state)
    scope, contacts = shelf.scope, ContactObjects()
    with state.write() as conn:
        anna = Identifiers(custom_id="anna")
        put_contact(conn, scope, anna, {"born": "2000-01-31"}, now=START, position=1)
    place = (state, shelf.access, contacts, "contact", "born")
    api.change_attribute(*place, api.TypeChange(value_type="date"), clock=shelf.clock)

    def kept() -> int:
        with state.read() as conn:
            mine = attribute_values_before.c.workspace_id == scope.workspace_id
            return len(conn.execute(attribute_values_before.select().where(mine)).all())

    assert kept() == 1
    with state.write() as conn:
        delete_contact(conn, scope, "anna", now=shelf.clock())
    assert kept() == 0
    api.finish(
        state,
        scope,
        contacts,
        api.begin_undo(*place, clock=shelf.clock),
        clock=shelf.clock,
    )
