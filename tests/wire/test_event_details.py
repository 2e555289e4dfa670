"""One event in full, over HTTP."""

from typing import Any

from tests.ingest.stack import Stack
from tests.wire.till import Till


def _send(till: Till, **fields: Any) -> int:
    event = {"event_type": "view", "user_custom_id": "anna", "product_id": "mug-1", **fields}
    answer = till.send("/api/v1/events", [event])
    assert answer.json()["rejected"] == []
    return int(till.events()[-1]["id"])


def test_an_event_tells_what_is_still_current_and_what_came_later(till: Till) -> None:
    first = _send(till, data={"name": "Mug", "colour": "red"}, timestamp="2026-01-01T10:00:00Z")
    second = _send(till, data={"colour": "blue"}, timestamp="2026-01-02T10:00:00Z")
    detail = till.get(f"/api/v1/events/{first}")
    assert detail["event"]["product"]["custom_id"] == "mug-1"
    assert detail["event"]["attributes"] == {"name": "Mug", "colour": "red"}
    told = {one["attribute"]: (one["value"], one["is_current"]) for one in detail["changes"]}
    assert told == {"name": ("Mug", True), "colour": ("red", False)}
    [later] = [one for one in detail["changes"] if not one["is_current"]]
    assert later["present_occurred_at"] == "2026-01-02T10:00:00.000Z"
    assert [one["value"] for one in till.get(f"/api/v1/events/{second}")["changes"]] == ["blue"]


def test_an_event_tells_which_of_its_values_were_set_aside_and_why(till: Till) -> None:
    event_id = _send(till, data={"price": "cheap"})
    detail = till.get(f"/api/v1/events/{event_id}")
    assert detail["changes"] == []
    assert [(one["attribute"], one["code"]) for one in detail["set_aside"]] == [
        ("price", "not_a_number")
    ]


def test_an_activity_is_read_and_the_other_kind_is_not_found(till: Till) -> None:
    item = {"kind": "event", "name": "signed up", "user_custom_id": "anna"}
    answer = till.send("/api/v1/activities", [item])
    assert answer.json()["rejected"] == []
    [activity] = till.get("/api/v1/activities")["results"]
    detail = till.get(f"/api/v1/activities/{activity['id']}")
    assert detail["activity"] == activity
    assert till.ask("GET", f"/api/v1/events/{activity['id']}").status_code == 404


def test_an_event_of_another_workspace_is_not_found(till: Till, stack: Stack, app: Any) -> None:
    event_id = _send(till)
    assert Till(stack, app).ask("GET", f"/api/v1/events/{event_id}").status_code == 404
    for wrong in ("0", "999999", "x"):
        assert till.ask("GET", f"/api/v1/events/{wrong}").status_code == 404
