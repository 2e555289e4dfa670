"""Contract rows E1, E2 and V1, and our own batches of activities."""

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from tests.ingest.stack import NOW, Stack
from tests.wire.till import V2, Till, application

V1 = "*/*"


@pytest.fixture
def stack(tmp_path: Path, sqlite_state: State, warehouse: Warehouse) -> Iterator[Stack]:
    """Stores with a projector that runs, as in a server."""
    made = Stack(tmp_path, sqlite_state, warehouse)
    made.projector.start()
    yield made
    made.projector.stop()
    made.close()


@pytest.fixture
def till(stack: Stack) -> Till:
    return Till(stack, application(stack))


def post(till: Till, path: str, body: Any, accept: str = V2, **headers: str) -> httpx.Response:
    return till.ask(
        "POST", f"/api/{path}", accept, json=body, headers={"prefer": "wait=30", **headers}
    )


def stored(till: Till) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = till.get("/api/v1/activities")["results"]
    return found


def user(till: Till, custom_id: str) -> int:
    answer = till.ask("PUT", f"/api/v1/contacts/{custom_id}", json={})
    contact_id: int = answer.json()["id"]
    return contact_id


def test_an_event_of_an_internal_id_in_both_versions(till: Till) -> None:
    contact_id = user(till, "anna")
    body = {"name": "Signed up", "timestamp": 1_700_000_000, "data": {"plan": "gold"}}
    second = post(till, "public/events/", {**body, "user_id": contact_id})
    first = post(till, "public/events/", {**body, "client": contact_id}, V1)
    assert (second.status_code, first.status_code) == (201, 201)
    ids = [first.json()["id"], second.json()["id"]]
    assert [found["id"] for found in stored(till)] == ids
    for found in stored(till):
        assert (found["kind"], found["name"], found["source"]) == ("event", "Signed up", "api")
        assert found["contact"]["custom_id"] == "anna"
        assert found["attributes"] == {"plan": "gold"}
        assert found["occurred_at"] == "2023-11-14T22:13:20.000Z"


@pytest.mark.parametrize(
    ("accept", "name"), [(V1, "user_id"), (V2, "user_custom_id")], ids=["v1", "v2"]
)
def test_an_event_of_a_custom_id_in_the_body_makes_the_contact(
    till: Till, accept: str, name: str
) -> None:
    answer = post(till, "public/events", {"name": "a", name: "ben", "data": []}, accept)
    assert (answer.status_code, answer.json()["created"]) == (201, True)
    assert answer.headers["preference-applied"] == "wait"
    assert stored(till)[0]["contact"]["custom_id"] == "ben"


@pytest.mark.parametrize("accept", [V1, V2])
def test_an_event_by_path_is_of_a_known_contact_only(till: Till, accept: str) -> None:
    contact_id = user(till, "user%40123%2Fa")
    for path in ("users-by-id/user%40123%2Fa", f"users/{contact_id}"):
        answer = post(till, f"public/{path}/events/", {"name": "a", "user_key": "k"}, accept)
        assert answer.status_code == 201, answer.text
        assert stored(till)[0]["contact"]["custom_id"] == "user@123/a"
    for path in ("users-by-id/nobody", "users/999999", "users/none"):
        answer = post(till, f"public/{path}/events/", {"name": "a"}, accept)
        assert answer.status_code == 404
        assert set(answer.json()) == {"detail"}
    assert len(stored(till)) == 2


def test_a_contact_of_an_event_just_accepted_is_known(till: Till, stack: Stack) -> None:
    stack.append([stack.activity(till.workspace, user_custom_id="new")])
    answer = post(till, "public/users-by-id/new/events/", {"name": "a"})
    assert answer.status_code == 201


def test_created_says_whether_the_name_came_for_the_first_time(till: Till, stack: Stack) -> None:
    def send(name: str, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = post(
            till, "public/events/", {"name": name, "user_custom_id": "anna", **more}
        ).json()
        return answer

    first = send("a", event_id="once")
    assert first["created"]
    assert not send("a")["created"]
    assert send("b")["created"]
    assert send("a", event_id="once") == first  # the repeat is answered like the first
    rival = Till(stack, application(stack))
    body = {"name": "a", "user_custom_id": "anna"}
    assert post(rival, "public/events/", body).json()["created"]
    # Another process knows it from the state store.
    again = Till.__new__(Till)
    again.__dict__.update(till.__dict__, _app=application(stack))
    assert not post(again, "public/events/", body).json()["created"]


def test_of_two_at_once_one_is_the_first(till: Till) -> None:
    async def send_all() -> list[Any]:
        transport = httpx.ASGITransport(till._app)  # type: ignore[arg-type]  # wider ASGI types
        headers = {"authorization": f"Token {till.token}", "accept": V2}
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
            body = {"name": "race", "user_custom_id": "anna"}
            return await asyncio.gather(
                *(http.post("/api/public/events/", json=body, headers=headers) for _ in range(8))
            )

    answers = [answer.json() for answer in asyncio.run(send_all())]
    first = min(answers, key=lambda answer: answer["id"])
    assert [answer for answer in answers if answer["created"]] == [first]


def test_a_page_view_keeps_address_campaign_and_title(till: Till) -> None:
    url = "https://shop.example/mugs?utm_source=news&utm_campaign=spring%20sale"
    body = {"url": url, "path": "/mugs", "title": "Mugs", "referrer": "https://x.example/"}
    for version, who in ((V1, {"user_id": "anna"}), (V2, {"user_key": "abcdefghijkl"})):
        answer = post(till, "public/site-views/", {**body, **who, "timestamp": NOW}, version)
        assert (answer.status_code, set(answer.json())) == (201, {"id"})
        found = stored(till)[0]
        assert (found["kind"], found["name"], found["url"]) == ("page_view", "", url)
        assert (found["utm_source"], found["utm_campaign"]) == ("news", "spring sale")
        assert found["referrer"] == "https://x.example/"
        assert found["attributes"] == {"path": "/mugs", "title": "Mugs"}


WRONG = {
    "no name": ("events", {"user_custom_id": "a"}, 400, "name"),
    "a blank name": ("events", {"user_custom_id": "a", "name": ""}, 400, "name"),
    "a long name": ("events", {"user_custom_id": "a", "name": "x" * 256}, 400, "name"),
    "nobody": ("events", {"name": "a"}, 400, "user_id"),
    "an unknown id of ours": ("events", {"name": "a", "user_id": 999_999}, 404, "detail"),
    "a time ahead": (
        "events",
        {"name": "a", "user_custom_id": "a", "timestamp": NOW + 10**9},
        400,
        "timestamp",
    ),
    "a list of attributes": (
        "events",
        {"name": "a", "user_custom_id": "a", "data": [1]},
        400,
        "data",
    ),
    "no address": ("site-views", {"user_custom_id": "a"}, 400, "url"),
}


@pytest.mark.parametrize(("path", "body", "status", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_kept(
    till: Till, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    answer = post(till, f"public/{path}/", body)
    assert (answer.status_code, set(answer.json())) == (status, {field}), answer.text
    probe = {"name": "probe", "user_custom_id": "probe"}
    assert post(till, "public/events/", probe).status_code == 201
    failed = till.last_failed()
    assert failed["wire_format"] in {"event_v2", "view_v2"}
    assert len(stored(till)) == 1


def test_no_json_is_kept_and_mended(till: Till) -> None:
    user(till, "anna")
    path = "/api/public/users-by-id/anna/events/"
    answer = till.ask("POST", path, content=b'{"name": ', headers={"prefer": "wait=30"})
    assert answer.status_code == 400
    answer = post(till, "public/users-by-id/anna/events/", {"name": ""})
    assert answer.status_code == 400
    post(till, "public/events/", {"name": "probe", "user_custom_id": "anna"})
    failed = till.last_failed()
    assert failed["payload"] == '{"name":"","user_custom_id":"anna"}'
    mended = failed["payload"].replace('""', '"mended"')
    answer = till.ask(
        "POST",
        f"/api/v1/failed-events/{failed['id']}/replay",
        content=mended,
        headers={"prefer": "wait=30"},
    )
    assert answer.status_code == 200, answer.text
    assert [found["name"] for found in stored(till)] == ["mended", "probe"]


def test_too_large_a_body_is_refused_and_kept(till: Till) -> None:
    answer = till.ask("POST", "/api/public/events/", content=b" " * ((1 << 20) + 1))
    assert answer.status_code == 413
    assert set(answer.json()) == {"detail"}


def test_the_same_key_counts_once(till: Till) -> None:
    body = {"name": "a", "user_custom_id": "anna"}
    ids = {
        post(till, "public/events/", body, **{"idempotency-key": "k"}).json()["id"]
        for _ in range(2)
    }
    assert len(ids) == len(stored(till)) == 1


def test_a_batch_stores_what_is_right(till: Till) -> None:
    items = [
        {"name": "a", "user_custom_id": "anna", "event_id": "1", "data": {"x": 1}},
        {"kind": "screen", "name": "home", "user_key": "k", "session_id": "s", "os": "iOS"},
        {"kind": "page_view", "email": "a@b.pl", "url": "/x", "utm_term": "t"},
        {"kind": "update", "user_custom_id": "anna", "contact": {"first_name": "Anna"}},
        {"name": "a"},
        {"kind": "jump", "user_key": "k"},
        {"name": "a", "user_id": 999_999},
        {"name": "a", "user_custom_id": "anna", "contact": {"email": "x@y.pl"}},
        {"name": "a", "user_custom_id": "anna", "event_id": "1"},
    ]
    answer = post(till, "v1/activities", items)
    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["duplicates"]) == (4, 1)
    assert [(error["index"], error["code"]) for error in body["rejected"]] == [
        (4, "contact_missing"),
        (5, "wrong_type"),
        (6, "contact_not_found"),
        (7, "identifier"),
    ]
    assert [found["kind"] for found in stored(till)] == ["page_view", "screen", "event"]
    assert till.get("/api/v1/contacts/anna")["attributes"]["first_name"] == "Anna"
    failed = till.get("/api/v1/failed-events")["results"]
    assert {found["wire_format"] for found in failed} == {"activity"}
    [nobody] = [found for found in failed if found["code"] == "contact_missing"]
    answer = till.ask(
        "POST", f"/api/v1/failed-events/{nobody['id']}/replay", json={"name": "b", "user_key": "k"}
    )
    assert answer.status_code == 200, answer.text


def test_lines_and_gzip_are_read_and_no_batch_is_kept(till: Till) -> None:
    lines = b'{"name": "a", "user_key": "k"}\n{"name": "b", "user_key": "k"}\n'
    answer = till.ask(
        "POST",
        "/api/v1/activities",
        content=gzip.compress(lines),
        headers={"content-encoding": "gzip", "prefer": "wait=30"},
    )
    assert answer.json()["accepted"] == 2
    answer = till.ask("POST", "/api/v1/activities", content=b"name=a")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    post(till, "public/events/", {"name": "probe", "user_custom_id": "anna"})
    assert till.last_failed()["wire_format"] == "body"


def test_a_key_that_may_only_read_stores_nothing(till: Till) -> None:
    answer = till.ask("POST", "/api/public/events/", headers={"authorization": "Token nope"})
    assert answer.status_code == 401
