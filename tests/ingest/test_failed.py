"""Failed events take so much room and no more, whatever is sent."""

import pytest
from sqlalchemy import select

from footfall.ingest import failed_queries
from footfall.ingest.types import RefusedRecord
from footfall.state.schema import failed_events
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack


def refused(workspace: Workspace, payload: bytes) -> RefusedRecord:
    return RefusedRecord(
        workspace.id, NOW, "api", 1, "v2", None, payload, "malformed_json", "No JSON.", None
    )


def kept(stack: Stack, workspace: Workspace) -> list[bytes]:
    found = select(failed_events.c.payload).where(failed_events.c.workspace_id == workspace.id)
    with stack.state.read() as conn:
        return list(conn.scalars(found.order_by(failed_events.c.id)))


@pytest.mark.parametrize("batch", [1, 4, 50])
def test_of_each_workspace_the_newest_failed_events_are_kept_up_to_a_size(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(failed_queries, "MAX_FAILED_BYTES", 60_000)
    broken, other = stack.workspace(), stack.workspace()
    stack.append([refused(other, b"the only one")])
    payloads = [b"%05d" % number * 1_800 for number in range(20)]
    for start in range(0, 20, batch):
        stack.append([refused(broken, payload) for payload in payloads[start : start + batch]])
        stack.project()
        assert sum(map(len, kept(stack, broken))) <= 60_000
    assert kept(stack, broken) == payloads[-6:]
    assert kept(stack, other) == [b"the only one"]


def test_many_failed_events_without_a_payload_are_bounded_too(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed_queries, "MAX_FAILED_BYTES", 100_000)
    workspace = stack.workspace()
    stack.append([refused(workspace, b"") for _ in range(300)])
    stack.project()
    assert len(kept(stack, workspace)) == 100
