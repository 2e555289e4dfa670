"""What is copied into the warehouse, and what must not stand in the way of it."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import event, select

from footfall.contacts.api import delete_contact, get_contact
from footfall.ingest import queries, snapshots
from footfall.ingest.types import RefusedRecord
from footfall.state.api import State, insert_many
from footfall.state.schema import contacts, failed_events
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import scope_of
from tests.ingest.stack import NOW, Stack

_EVENT = {"event_type": "view", "product_id": "p", "user_custom_id": "anna"}


def test_a_contact_that_many_were_merged_into_can_be_deleted(stack: Stack) -> None:
    workspace = stack.workspace()
    stack.append([stack.record(workspace, _EVENT)])
    stack.projector.project_once()
    row = {"workspace_id": workspace.id, "profile": "{}", "revision": 1}
    row |= {"created_at": NOW, "updated_at": NOW, "key": None}
    with stack.state.write() as conn:
        anna = get_contact(conn, scope_of(workspace), "anna").id
        visitors = range(anna + 1, anna + 33_000)
        insert_many(
            conn, contacts, [{"id": visitor, "merged_into": anna, **row} for visitor in visitors]
        )
        delete_contact(conn, scope_of(workspace), "anna", now=NOW)
        assert len(queries.erasures(conn)) == 33_000


def test_large_profiles_are_copied_in_pieces(
    sqlite_state: State, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_OBJECTS_PER_READ", 5, raising=False)
    monkeypatch.setattr(snapshots, "STEP_BYTES", 50_000, raising=False)
    stack = Stack(tmp_path, sqlite_state, warehouse)
    workspace = stack.workspace()
    data = {"description": "x" * 9_000}
    stack.append(
        [
            stack.record(workspace, {**_EVENT, "product_id": f"p{number}", "data": data})
            for number in range(23)
        ]
    )
    stack.projector.project_once()

    def limit(raw: sqlite3.Connection, *_: object) -> None:
        raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 200_000)

    sqlite_state._reader.dispose()
    event.listen(sqlite_state._reader, "connect", limit)
    assert snapshots.copy_dirty_objects(sqlite_state, warehouse, NOW) == 24  # Anna, too
    assert warehouse.row_counts()["products"] == 23
    stack.close()


def test_a_refusal_is_kept_though_its_reason_holds_what_postgresql_cannot(stack: Stack) -> None:
    workspace = stack.workspace()
    refused = RefusedRecord(
        workspace.id, NOW, "api", 1, "v2", "custom_id:a\0", b"\0", "code", '"\0" is none.', None
    )
    stack.append([refused])
    stack.project()
    kept = select(failed_events.c.product_id, failed_events.c.payload, failed_events.c.message)
    with stack.state.read() as conn:
        assert conn.execute(kept).all() == [("custom_id:a\ufffd", b"\0", '"\ufffd" is none.')]
