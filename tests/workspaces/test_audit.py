"""The audit log keeps what changed, and nothing that must not be kept."""

from decimal import Decimal
from secrets import token_bytes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.http.services import Actor
from footfall.kernel.instants import DAY_MS, Instant
from footfall.state.api import State
from footfall.workspaces import audit
from footfall.workspaces.api import create_workspace_as_operator, list_changes, record_change
from footfall.workspaces.types import AuditEntry, AuditFilter
from tests.workspaces.people import NOW, House

EVERYTHING = AuditFilter()


@pytest.fixture
def house(state: State) -> House:
    return House(state)


def entries(
    house: House, chosen: AuditFilter = EVERYTHING, workspace: str = "shop"
) -> list[AuditEntry]:
    """Return the log of a workspace, the newest first."""
    scope = house.operator(workspace).scope
    with house.state.read() as conn:
        return list_changes(conn, scope, chosen, before_id=None, limit=1000)[0]


def change(
    house: House,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    workspace: str = "shop",
    action: str = "product.changed",
    object_id: str = "mug-1",
) -> None:
    """Write down a change of a product."""
    access = house.operator(workspace)
    with house.state.write() as conn:
        record_change(
            conn,
            access,
            house.clock(),
            action=action,
            object_kind=action.partition(".")[0],
            object_id=object_id,
            object_name="Blue mug",
            before=before,
            after=after,
        )


def test_a_workspace_made_on_the_command_line_begins_its_log_with_that(house: House) -> None:
    with house.state.write() as conn:
        create_workspace_as_operator(
            conn,
            "Łódź",
            time_zone="Europe/Warsaw",
            currency="PLN",
            now=NOW,
            random_bytes=token_bytes,
        )
    [entry] = entries(house, workspace="Łódź")
    assert (entry.action, entry.actor.kind) == ("workspace.created", "operator")
    assert entry.after is not None
    assert entry.after["time_zone"] == "Europe/Warsaw"


def test_only_what_differs_is_kept(house: House) -> None:
    change(house, {"name": "Mug", "price": 1, "old": 2}, {"name": "Mug", "price": 3, "new": None})
    [entry] = entries(house)
    assert (entry.before, entry.after) == ({"price": 1, "old": 2}, {"price": 3})
    assert entry.actor == Actor("operator", 0, "command line")
    assert (entry.at, entry.object_id, entry.object_name) == (NOW, "mug-1", "Blue mug")


def test_no_change_is_no_entry(house: House) -> None:
    change(house, {"name": "Mug"}, {"name": "Mug"})
    change(house, {"name": "Mug"}, {"name": "Mug", "size": None})
    assert entries(house) == []


def test_what_was_made_and_what_is_gone_are_whole(house: House) -> None:
    change(house, None, {"name": "Mug", "tags": ["a", {"b": Decimal("1.5")}]})
    change(house, {"name": "Mug"}, None)
    gone, made = entries(house)
    assert (made.before, made.after) == (None, {"name": "Mug", "tags": ["a", {"b": "1.5"}]})
    assert (gone.before, gone.after) == ({"name": "Mug"}, None)


def test_secrets_are_never_kept_but_that_they_changed_is(house: House) -> None:
    change(
        house,
        {"identity_secret": "abc123", "nested": {"API_Token": "abc123"}, "secret_set": True},
        {"identity_secret": "xyz789", "nested": [{"password": "xyz789"}], "secret_set": False},
    )
    [entry] = entries(house)
    assert "abc123" not in repr(entry)
    assert "xyz789" not in repr(entry)
    assert entry.before is not None
    assert entry.before["identity_secret"] == audit.HIDDEN
    assert entry.before["secret_set"] is True


def test_long_values_are_cut(house: House) -> None:
    change(house, {"text": "x" * 1000, "list": ["y" * 3000]}, {f"f{n}": n for n in range(150)})
    [entry] = entries(house)
    assert entry.before is not None
    assert entry.after is not None
    assert entry.before["text"] == "x" * 500 + "…"
    assert len(entry.before["list"]) == 501
    assert len(entry.after) == 101
    assert entry.after["…"] == "50 more"


def test_old_entries_go_and_nothing_pushes_out_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_DELETED_AT_ONCE", 2)
    for number in range(3):
        change(house, None, {"n": number})
    change(house, None, {"n": 0}, workspace="other")
    house.clock.move(audit.KEPT_MS)
    change(house, None, {"n": 3})
    assert len(entries(house)) == 4
    house.clock.move(1)
    change(house, None, {"n": 4})
    assert [entry.after for entry in entries(house)] == [{"n": 4}, {"n": 3}, {"n": 2}]
    change(house, None, {"n": 5})
    assert [entry.after for entry in entries(house)] == [{"n": 5}, {"n": 4}, {"n": 3}]
    assert len(entries(house, workspace="other")) == 1


def test_filters_choose_and_no_other_workspace_is_shown(house: House) -> None:
    for number, action in enumerate(("product.changed", "product.deleted", "contact.merged")):
        change(house, None, {"n": number}, action=action, object_id=f"id-{number}")
        house.clock.move(DAY_MS)
    change(house, None, {"n": 9}, workspace="other")

    def chosen(**which: Any) -> list[Any]:
        return [(entry.after or {})["n"] for entry in entries(house, AuditFilter(**which))]

    assert chosen() == [2, 1, 0]
    assert chosen(action="product.deleted") == [1]
    assert chosen(action="product.") == [1, 0]
    assert chosen(action="product") == []
    assert chosen(object_kind="contact") == [2]
    assert chosen(object_kind="product", object_id="id-0") == [0]
    assert chosen(actor_kind="user") == []
    assert chosen(actor_kind="operator", actor_id=0) == [2, 1, 0]
    assert chosen(since=Instant(NOW + DAY_MS)) == [2, 1]
    assert chosen(until=Instant(NOW + DAY_MS)) == [0]


_fields = st.dictionaries(st.sampled_from("abcd"), st.one_of(st.none(), st.integers(0, 2)))


@given(before=_fields, after=_fields)
def test_before_with_the_change_is_after(before: dict[str, Any], after: dict[str, Any]) -> None:
    kept = audit.difference(before, after)
    same = {name: value for name, value in before.items() if name not in kept[0]}
    assert _said(same | kept[1]) == _said(after)
    assert all(before.get(name) != after.get(name) for name in {*kept[0], *kept[1]})


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is null: a field that is missing is no different."""
    return {name: value for name, value in fields.items() if value is not None}
