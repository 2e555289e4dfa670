"""Failed events of our own API: found, grouped, replayed one by one and by reason, put away."""

from typing import Any

import pytest

from tests.ingest.stack import NOW, Stack
from tests.wire.till import Till

EVENTS = "/api/v1/events"
FAILED = "/api/v1/failed-events"


def fail(till: Till, product: str, event_type: str = "vieww", **more: Any) -> None:
    event = {"event_type": event_type, "product_id": product, "user_custom_id": "ann", **more}
    answer = till.send(EVENTS, [event])
    assert answer.json()["rejected"], answer.text


def listed(till: Till, **filters: str) -> list[dict[str, Any]]:
    answer = till.ask("GET", FAILED, params=filters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def ask(till: Till, method: str, path: str, body: Any) -> Any:
    answer = till.ask(method, f"{FAILED}{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_failed_events_are_found_by_what_is_known_of_them(till: Till) -> None:
    fail(till, "mug")
    fail(till, "cup%_\\", event_id="key-of-the-cup")
    fail(till, "pot", "view", timestamp="never")
    assert [len(listed(till, search=text)) for text in ("mug", "cup%_", "MUG", "key-of")] == [
        *(1, 1, 0, 1),
    ]
    [pot] = listed(till, code="bad_timestamp") or listed(till, search="never")
    assert (pot["field"], pot["dismissed_at"]) == ("timestamp", None)
    assert len(listed(till, source="api", status="waiting")) == 3
    assert listed(till, source="browser") == []
    assert listed(till, status="replayed") == []
    day = 86_400_000
    assert len(listed(till, **{"from": str(NOW - day), "to": str(NOW + day)})) == 3
    assert listed(till, **{"from": str(NOW + day)}) == []
    wrong = till.ask("GET", f"{FAILED}?status=lost")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "unknown_status")


def test_failed_events_are_grouped_by_reason(till: Till, stack: Stack, app: Any) -> None:
    for product in ("mug", "cup"):
        fail(till, product)
    fail(till, "pot", "view", timestamp="never")
    [most, other] = till.get(f"{FAILED}/groups")["results"]
    assert (most["code"], most["count"], most["waiting"]) == ("unknown_event_type", 2, 2)
    assert most["failed_id"] == listed(till, code=most["code"])[0]["id"]
    assert "vieww" in most["message"]
    assert other["count"] == 1
    assert Till(stack, app).get(f"{FAILED}/groups")["results"] == []


def test_all_of_a_reason_are_replayed_a_part_at_a_time(
    till: Till, stack: Stack, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall.ingest.failed.REPLAYED_AT_ONCE", 2)
    event = {"event_type": "view", "product_id": "mug", "user_custom_id": "ann"}
    for number in range(5):
        till.send(EVENTS, [{**event, "user_id": 10**9 + number}])
    [group] = till.get(f"{FAILED}/groups")["results"]
    rival = Till(stack, app)
    assert ask(rival, "POST", "/replay", {"code": group["code"]})["left"] == 0
    first = ask(till, "POST", "/replay", {"code": group["code"]})
    assert (first["replayed"], first["refused"], first["left"]) == (0, 2, 3)
    assert first["refusals"][0]["code"] == group["code"]
    second = ask(till, "POST", "/replay", {"code": group["code"], "cursor": first["next"]})
    last = ask(till, "POST", "/replay", {"code": group["code"], "cursor": second["next"]})
    assert (second["left"], last["left"], last["next"]) == (1, 0, None)
    assert till.get(f"{FAILED}/groups")["results"][0]["waiting"] == 5


def test_what_is_replayed_twice_counts_once(till: Till, stack: Stack) -> None:
    # Refused when they came, as nothing was right about them; a correction makes them good.
    fail(till, "mug")
    [failed] = listed(till)
    good = b'{"event_type": "view", "product_id": "mug", "user_custom_id": "ann"}'
    path = f"{FAILED}/{failed['id']}/replay"
    first = till.ask("POST", path, content=good)
    again = till.ask("POST", path, content=good)
    assert (first.status_code, again.status_code) == (200, 409)
    stack.project()
    assert [event["id"] for event in till.events()] == [first.json()["id"]]
    assert ask(till, "POST", "/replay", {})["replayed"] == 0
    [kept] = listed(till, status="replayed")
    assert kept["payload"] == failed["payload"]
    assert kept["replayed_event_id"] == first.json()["id"]


def test_the_whole_of_a_mended_reason_is_accepted_once(till: Till, stack: Stack) -> None:
    ann = till.ask("PUT", "/api/v1/contacts/ann", json={}).json()["id"]
    event = {"event_type": "view", "product_id": "mug", "user_id": ann + 1}
    for number in range(3):
        till.send(EVENTS, [{**event, "event_id": f"key-{number}"}])
    [group] = till.get(f"{FAILED}/groups")["results"]
    assert group["waiting"] == 3
    ben = till.ask("PUT", "/api/v1/contacts/ben", json={}).json()["id"]
    assert ben == ann + 1
    done = ask(till, "POST", "/replay", {"code": group["code"]})
    assert (done["replayed"], done["refused"], done["left"]) == (3, 0, 0)
    stack.project()
    assert len(till.events()) == 3
    again = ask(till, "POST", "/replay", {"code": group["code"]})
    assert (again["replayed"], again["left"]) == (0, 0)
    repeat = till.send(EVENTS, [{**event, "event_id": "key-0"}]).json()
    assert repeat["duplicates"] == 1


def test_a_person_puts_failed_events_away_and_brings_them_back(
    till: Till, stack: Stack, app: Any
) -> None:
    fail(till, "mug")
    fail(till, "cup")
    one = listed(till)[0]["id"]
    assert ask(Till(stack, app), "PATCH", "", {"dismissed": True, "ids": [one]})["changed"] == 0
    assert ask(till, "PATCH", "", {"dismissed": True, "ids": [one]}) == {"changed": 1}
    assert [event["id"] for event in listed(till, status="dismissed")] == [one]
    [group] = till.get(f"{FAILED}/groups")["results"]
    assert (group["count"], group["waiting"]) == (2, 1)
    code = "unknown_event_type"
    assert ask(till, "PATCH", "", {"dismissed": False, "code": code}) == {"changed": 1}
    assert len(listed(till, status="waiting")) == 2
