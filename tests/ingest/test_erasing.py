"""Deleted contacts: unreadable at once, erased soon after, and nobody waits for it."""

import time
from collections.abc import Iterator

import pytest

from footfall.contacts.api import delete_contact
from footfall.ingest import erasing, queries
from footfall.state.api import insert_many
from footfall.state.schema import contact_erasures
from footfall.warehouse.api import Warehouse, statement
from footfall.workspaces.api import scope_of
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack

_ANNA = {"event_type": "view", "product_id": "p", "user_custom_id": "anna"}
_BEN = {**_ANNA, "user_custom_id": "ben"}


@pytest.fixture
def idle_engine(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A warehouse that takes deletions up and carries none out."""
    warehouse._command("SYSTEM STOP MERGES events")
    yield warehouse
    warehouse._command("SYSTEM START MERGES events")


def delete_anna(stack: Stack, workspace: Workspace) -> None:
    with stack.state.write() as conn:
        delete_contact(conn, scope_of(workspace), "anna", now=NOW)


def send(stack: Stack, workspace: Workspace, *events: dict[str, str]) -> None:
    stack.append([stack.record(workspace, event) for event in events])


def readable(stack: Stack, workspace: Workspace) -> int:
    count = statement(scope_of(workspace), "SELECT count() FROM {events}")
    return int(stack.warehouse.rows(count)[0][0])


def waiting(stack: Stack) -> int:
    with stack.state.read() as conn:
        return len(queries.erasures(conn))


def erase_all(stack: Stack) -> None:
    while not stack.projector.eraser.erase_once():
        time.sleep(0.02)


def test_events_are_visible_though_an_erasure_takes_its_time(
    stack: Stack, idle_engine: Warehouse
) -> None:
    workspace = stack.workspace()
    send(stack, workspace, _ANNA, _BEN)
    stack.project()
    delete_anna(stack, workspace)
    send(stack, workspace, _BEN)
    stack.project()
    assert not stack.projector.eraser.erase_once()
    send(stack, workspace, _BEN)
    stack.project()
    assert readable(stack, workspace) == 3
    assert stack.projector.lag == 0
    assert idle_engine.row_counts()["events"] == 4


def test_an_erasure_survives_crashes_and_is_hidden_all_the_while(
    stack: Stack, idle_engine: Warehouse
) -> None:
    workspace = stack.workspace()
    send(stack, workspace, _ANNA, _BEN)
    stack.project()
    delete_anna(stack, workspace)
    for begun in (False, True):
        idle_engine.hide_contacts({})  # as a process that has just begun
        stack.restart()
        stack.projector.eraser.hide()
        assert readable(stack, workspace) == 1
        if begun:
            stack.projector.eraser.erase_once()
    assert waiting(stack) == 1
    idle_engine._command("SYSTEM START MERGES events")
    erase_all(stack)
    assert waiting(stack) == 0
    assert idle_engine.row_counts()["events"] == 1
    assert readable(stack, workspace) == 1


def test_a_server_finishes_what_another_left(stack: Stack) -> None:
    workspace = stack.workspace()
    send(stack, workspace, _ANNA, _BEN)
    stack.project()
    delete_anna(stack, workspace)
    stack.restart()
    stack.projector.start()
    try:
        assert readable(stack, workspace) == 1
        while waiting(stack):
            time.sleep(0.02)
    finally:
        stack.projector.stop()
    assert stack.warehouse.row_counts()["events"] == 1


def test_events_on_their_way_when_their_contact_is_deleted_are_erased_too(stack: Stack) -> None:
    workspace = stack.workspace()
    send(stack, workspace, _ANNA)
    stack.project()
    send(stack, workspace, _ANNA)
    stack.projector.project_once()
    delete_anna(stack, workspace)
    assert not stack.projector.eraser.erase_once()
    assert waiting(stack) == 1
    stack.projector.publish_once()
    assert readable(stack, workspace) == 0
    erase_all(stack)
    assert stack.warehouse.row_counts()["events"] == 0
    assert waiting(stack) == 0


def test_more_deleted_contacts_than_a_statement_has_parameters(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "CONTACTS_PER_ERASURE", 70_000)
    workspace = stack.workspace()
    erasure = {"workspace_id": workspace.id, "requested_at": NOW}
    with stack.state.write() as conn:
        insert_many(
            conn,
            contact_erasures,
            [{"contact_id": number, **erasure} for number in range(1, 70_001)],
        )
    erase_all(stack)
    assert waiting(stack) == 0
