"""Events and failed events over HTTP, in process: the collector and the REST routes behind it."""

import asyncio
from base64 import b64decode
from collections.abc import Callable
from secrets import token_bytes
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from sqlalchemy import select

from footfall.http.admission import Admission
from footfall.http.application import create_application
from footfall.http.rate_limit import RateLimiter
from footfall.http.services import Counters, Services
from footfall.ingest import failed_queries
from footfall.ingest.advice import StateAdvisor
from footfall.ingest.collector import Collector
from footfall.ingest.failed import Correction, replay
from footfall.ingest.routes import ROUTES
from footfall.ingest.stream import Streams
from footfall.ingest.types import EventRecord
from footfall.kernel.ids import Position
from footfall.state.schema import failed_events
from footfall.workspaces.api import (
    Keyring,
    create_token,
    operator_access,
    scope_of,
    update_workspace,
)
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack

MAY = 1_777_593_600_000  # 2026-05-01T00:00:00Z


class Shop:
    """A workspace and a client with its token; each request runs in an event loop of its own."""

    def __init__(self, stack: Stack, scope: str = "read-write") -> None:
        self.stack = stack
        self.workspace: Workspace = stack.workspace()
        self.scope = scope_of(self.workspace)
        with stack.state.write() as conn:
            _, self.token = create_token(
                conn,
                self.scope,
                "test",
                scope,
                now=NOW,
                random_bytes=lambda count: bytes([self.workspace.id % 62] * count),
            )
        self.app = _application(stack)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Token {self.token}", **options.pop("headers", {})}

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(send())

    def get(self, path: str, **parameters: Any) -> Any:
        found = self.request("GET", f"/api/v1/{path}", params=parameters)
        assert found.status_code == 200, found.text
        return found.json()

    def refused(self, path: str, **parameters: Any) -> Any:
        """Return (pointer, code) of the one thing that is wrong."""
        answer = self.request("GET", f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        [error] = answer.json()["errors"]
        assert error["message"]
        return error["pointer"], error["code"]

    def post(self, path: str, payload: bytes | Any = b"", **options: Any) -> httpx.Response:
        content = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        return self.request("POST", path, content=content, **options)

    def tell(self, *events: dict[str, Any]) -> None:
        filled = [{"product_id": "p", "event_type": "view", "user_key": "k", **e} for e in events]
        answer = self.post("/api/v1/events", filled)
        assert answer.json()["rejected"] == []
        self.stack.project()

    def fail(self, payload: bytes | Any, path: str = "products-by-id/p", **headers: str) -> int:
        """Send an event that is refused; return the id of the failed event."""
        answer = self.post(f"/api/public/{path}/product_event/", payload, headers=headers)
        assert answer.status_code >= 400
        self.stack.project()
        failed_id: int = self.get("failed-events")["results"][0]["id"]
        return failed_id

    def replay(self, failed_id: int, payload: bytes | Any = b"", **options: Any) -> httpx.Response:
        answer = self.post(f"/api/v1/failed-events/{failed_id}/replay", payload, **options)
        self.stack.project()
        return answer


def _application(stack: Stack) -> Collector:
    async def at_once(_: float) -> bool:
        return True

    keyring = Keyring(stack.state, lambda: NOW)
    admission = Admission(RateLimiter(lambda: 0.0))
    counters = Counters()
    advisor = StateAdvisor(stack.state)
    services = Services(
        state=stack.state,
        keyring=keyring,
        admission=admission,
        clock=lambda: NOW,
        journal_head=stack.journal.head,
        changed=lambda: None,
        settled=at_once,
        caught_up=at_once,
        counters=counters,
        new_request_id=lambda: "request",
        random_bytes=token_bytes,
    )
    app: Any = create_application(
        ROUTES,
        services,
        dependencies={
            "warehouse": stack.warehouse,
            "journal": stack.journal,
            "advisor": advisor,
            "visibility": stack.projector,
            "streams": Streams(stack.broadcast, stack.state, stack.warehouse),
        },
    )
    return Collector(
        app,
        journal=stack.journal,
        keyring=keyring,
        admission=admission,
        advisor=advisor,
        visibility=stack.projector,
        counters=counters,
        clock=lambda: NOW,
        new_request_id=lambda: "request",
    )


@pytest.fixture
def shop(stack: Stack) -> Shop:
    return Shop(stack)


def test_following_next_lists_every_event_newest_first(shop: Shop) -> None:
    shop.tell(*({"timestamp": MAY + number} for number in range(7)))
    seen: list[int] = []
    parameters: dict[str, Any] = {"limit": 3}
    while True:
        answer = shop.get("events", **parameters)
        assert set(answer) == {"results", "next"}
        seen += [event["id"] for event in answer["results"]]
        if answer["next"] is None:
            break
        assert quote(answer["next"], safe="") == answer["next"]
        parameters["cursor"] = answer["next"]
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)


def test_an_item_has_exactly_the_promised_names(shop: Shop) -> None:
    shop.tell({"user_custom_id": "anna", "data": {"price": 2.5, "custom_data": {"a": None}}})
    [event] = shop.get("events")["results"]
    assert " ".join(event) == (
        "id event_id event_type occurred_at received_at source contact product attributes"
        " custom_data unit_price quantity currency order_id session_id traffic"
    )
    assert list(event["contact"]) == ["id", "custom_id", "email", "key"]
    assert list(event["product"]) == ["id", "custom_id", "name"]
    assert (event["attributes"], event["custom_data"]) == ({"price": 2.5}, {"a": None})
    assert event["unit_price"] == 2.5


def test_counts_say_total_groups_and_the_grouped_key(shop: Shop) -> None:
    shop.tell(
        {"user_custom_id": "anna", "product_id": "a", "timestamp": MAY},
        {"user_custom_id": "anna", "product_id": "b", "timestamp": MAY, "event_type": "add"},
        {"user_custom_id": "anna", "product_id": "a", "timestamp": MAY},
    )
    [event, *_] = shop.get("events")["results"]
    assert shop.get("events/count") == {"total": 3, "results": [], "groups": 0}
    assert shop.get("events/count", group_by="event_type") == {
        "total": 3,
        "results": [{"event_type": "view", "count": 2}, {"event_type": "add", "count": 1}],
        "groups": 2,
    }
    assert shop.get("events/count", group_by="event_type", limit=1) == {
        "total": 3,
        "results": [{"event_type": "view", "count": 2}],
        "groups": 2,
    }
    [largest, _] = shop.get("events/count", group_by="product")["results"]
    assert largest == {"product": "a", "product_id": event["product"]["id"], "count": 2}
    assert shop.get("events/count", group_by="contact")["results"] == [
        {"contact": "anna", "contact_id": event["contact"]["id"], "count": 3}
    ]
    assert shop.get("events/count", group_by="day")["results"] == [
        {"day": "2026-05-01", "count": 3}
    ]


def test_days_and_dates_begin_in_the_workspace_or_the_named_zone(shop: Shop) -> None:
    with shop.stack.state.write() as conn:
        update_workspace(conn, shop.scope, time_zone="Europe/Warsaw")  # +02:00 in May
    evening = MAY - 3_600_000  # 2026-05-01 01:00 in Warsaw, 30 April 23:00 UTC
    shop.tell({"timestamp": evening})
    first_of_may = [{"day": "2026-05-01", "count": 1}]
    assert shop.get("events/count", group_by="day")["results"] == first_of_may
    in_utc = shop.get("events/count", group_by="day", time_zone="UTC")["results"]
    assert in_utc == [{"day": "2026-04-30", "count": 1}]
    for parameters, expected in [
        ({"from": "2026-05-01"}, 1),
        ({"from": "2026-05-01", "time_zone": "UTC"}, 0),
        ({"to": "2026-05-01"}, 0),
        ({"from": "2026-05-01T01:00:00+02:00", "to": "2026-05-01T01:00:00.001+02:00"}, 1),
        ({"from": "2026-05-01T01:00"}, 1),
        ({"from": "2026-04-30T23:00:00.001Z"}, 0),
        ({"from": str(evening), "to": str(evening + 1)}, 1),
        ({"from": str(evening // 1000), "to": str(evening // 1000 + 1)}, 1),
        ({"from": "-5", "to": "99999999999999"}, 1),
    ]:
        assert shop.get("events/count", **parameters)["total"] == expected, parameters
        assert len(shop.get("events", **parameters)["results"]) == expected, parameters


def test_custom_ids_choose_byte_for_byte(shop: Shop) -> None:
    names = ["a b", "ä/ü%20", "😀", "A b"]
    shop.tell(*({"product_id": name, "user_custom_id": name} for name in names))
    for name in names:
        [event] = shop.get("events", product=name, contact=name)["results"]
        assert (event["product"]["custom_id"], event["contact"]["custom_id"]) == (name, name)


WRONG: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a type": ({"event_type": "vieww"}, ("#event_type", "unknown_event_type")),
    "a source": ({"source": "fax"}, ("#source", "unknown_source")),
    "a time": ({"from": "yesterday"}, ("#from", "unreadable_time")),
    "no time": ({"to": ""}, ("#to", "unreadable_time")),
    "not a number": ({"to": "nan"}, ("#to", "unreadable_time")),
    "a zone": ({"time_zone": "Mars/Phobos"}, ("#time_zone", "unknown_time_zone")),
    "the machine's zone": ({"time_zone": "localtime"}, ("#time_zone", "unknown_time_zone")),
    "a path as zone": ({"time_zone": "../../etc/passwd"}, ("#time_zone", "unknown_time_zone")),
    "an empty contact": ({"contact": ""}, ("#contact", "wrong_length")),
    "an empty product": ({"product": ""}, ("#product", "wrong_length")),
    "an id that is none": ({"contact_id": "x"}, ("#contact_id", "invalid_value")),
    "a huge id": ({"product_id": 2**64}, ("#product_id", "invalid_value")),
    "a negative id": ({"product_id": -1}, ("#product_id", "invalid_value")),
    "no limit": ({"limit": 0}, ("#limit", "invalid_value")),
    "a misspelt filter": ({"contcat": "anna"}, ("#contcat", "unknown_parameter")),
    "a filter twice": ({"product": ["a", "b"]}, ("#product", "repeated_parameter")),
}


@pytest.mark.parametrize(("parameters", "expected"), WRONG.values(), ids=WRONG)
def test_a_wrong_parameter_is_named(
    shop: Shop, parameters: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert shop.refused("events", **parameters) == expected
    assert shop.refused("events/count", **parameters) == expected


def test_a_wrong_cursor_limit_or_grouping_is_named(shop: Shop) -> None:
    for cursor in ("x", "====", "WzEsdHJ1ZV0", "eyJiZWZvcmUiOi0xfQ"):
        assert shop.refused("events", cursor=cursor) == ("#cursor", "broken_cursor")
        assert shop.refused("failed-events", cursor=cursor) == ("#cursor", "broken_cursor")
    assert shop.refused("failed-events", reason="x") == ("#reason", "unknown_parameter")
    assert shop.refused("events", limit=1001) == ("#limit", "invalid_value")
    assert shop.refused("events/count", limit=100_001) == ("#limit", "invalid_value")
    assert shop.refused("events/count", group_by="colour") == ("#group_by", "unknown_grouping")


def test_another_workspace_sees_and_replays_nothing(stack: Stack, shop: Shop) -> None:
    other = Shop(stack)
    shop.tell({"user_custom_id": "anna"})
    failed_id = shop.fail({"user_id": "anna", "event_type": "vieww"})
    assert other.get("events") == {"results": [], "next": None}
    assert other.get("events/count", group_by="contact")["total"] == 0
    assert other.get("failed-events") == {"results": [], "next": None}
    assert other.request("GET", f"/api/v1/failed-events/{failed_id}").status_code == 404
    mended = {"user_id": "anna", "event_type": "view"}
    assert other.replay(failed_id, mended).status_code == 404
    assert shop.get(f"failed-events/{failed_id}")["replayed_at"] is None


def test_tokens_open_what_their_scope_allows(stack: Stack) -> None:
    for scope, reads, replays in (("read", 200, 403), ("write", 403, 404)):
        limited = Shop(stack, scope)
        for path in ("events", "events/count", "failed-events"):
            assert limited.request("GET", f"/api/v1/{path}").status_code == reads
        assert limited.replay(1_000_000).status_code == replays
    limited.token = "0" * 64
    assert limited.request("GET", "/api/v1/events").status_code == 401


def test_refused_input_is_shown_as_it_came(shop: Shop) -> None:
    payload = b'{"user_id": "anna", "event_type": "vi\xffew"}'
    failed_id = shop.fail(payload, "products-by-id/sh%2Foe", **{"idempotency-key": "i-1"})
    shown = shop.get(f"failed-events/{failed_id}")
    assert b64decode(shown.pop("payload_base64")) == payload
    assert shown.pop("message")
    assert shown == {
        "id": failed_id,
        "failed_at": "2027-01-15T08:00:00.000Z",
        "source": "api",
        "code": "malformed_json",
        "wire_format": "v1",
        "product": "custom_id:sh/oe",
        "event_id": "i-1",
        "payload": '{"user_id": "anna", "event_type": "vi\ufffdew"}',
        "replayed_at": None,
        "replayed_event_id": None,
        "dismissed_at": None,
        "field": None,
    }


def test_failed_events_are_paged_newest_first_and_chosen_by_code(shop: Shop) -> None:
    kept = [shop.fail(b"{"), shop.fail({"event_type": "view"}), shop.fail(b"[")]
    first = shop.get("failed-events", limit=2)
    assert [failed["id"] for failed in first["results"]] == kept[:0:-1]
    second = shop.get("failed-events", limit=2, cursor=first["next"])
    assert ([failed["id"] for failed in second["results"]], second["next"]) == (kept[:1], None)
    [only] = shop.get("failed-events", code="contact_missing")["results"]
    assert only["id"] == kept[1]


def test_a_corrected_payload_is_accepted_once(shop: Shop) -> None:
    failed_id = shop.fail({"user_id": "anna", "event_type": "vieww", "timestamp": MAY / 1000})
    accepted = shop.replay(
        failed_id, {"user_id": "anna", "event_type": "view", "timestamp": MAY / 1000}
    )
    assert accepted.status_code == 200
    [event] = shop.get("events")["results"]
    assert accepted.json() == {"id": event["id"]}
    assert event["contact"]["custom_id"] == "anna"
    assert event["product"]["custom_id"] == "p"
    assert (event["event_id"], event["occurred_at"]) == (None, "2026-05-01T00:00:00.000Z")
    shown = shop.get(f"failed-events/{failed_id}")
    assert shown["replayed_event_id"] == event["id"]
    assert shown["replayed_at"] is not None
    again = shop.replay(failed_id)
    assert (again.status_code, again.json()["code"]) == (409, "already_replayed")
    assert shop.get("events/count")["total"] == 1


def test_what_still_fails_says_why_and_is_kept_once(shop: Shop) -> None:
    failed_id = shop.fail({"user_id": "anna", "event_type": "vieww"})
    same = shop.replay(failed_id)
    assert (same.status_code, same.json()["code"]) == (400, "unknown_event_type")
    worse = shop.replay(failed_id, b"{")
    assert (worse.status_code, worse.json()["code"]) == (400, "malformed_json")
    nobody = shop.replay(failed_id, {"client": 10**9, "event_type": "view"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "contact_not_found")
    [failed] = shop.get("failed-events")["results"]
    assert (failed["id"], failed["replayed_at"]) == (failed_id, None)
    assert shop.get("events/count")["total"] == 0


def test_the_wire_format_of_the_request_is_kept(shop: Shop) -> None:
    version_2 = {"accept": "*/*; version=2"}
    first = shop.fail({"user_custom_id": "anna", "event_type": "x"}, **version_2)
    assert shop.replay(first, {"user_custom_id": "anna", "event_type": "view"}).status_code == 200
    item = {"user_custom_id": "ben", "product_id": "p", "event_type": "x"}
    shop.post("/api/v1/events", [item])
    shop.stack.project()
    [second, _] = shop.get("failed-events")["results"]
    assert second["wire_format"] == "item"
    assert shop.replay(second["id"], {**item, "event_type": "add"}).status_code == 200
    names = [event["contact"]["custom_id"] for event in shop.get("events")["results"]]
    assert names == ["ben", "anna"]


def test_a_body_that_could_not_be_split_is_not_replayed(shop: Shop) -> None:
    shop.post("/api/v1/events", b"nonsense")
    shop.stack.project()
    [failed] = shop.get("failed-events")["results"]
    assert failed["wire_format"] == "body"
    answer = shop.replay(failed["id"], b"{}")
    assert (answer.status_code, answer.json()["code"]) == (400, "not_replayable")


def test_a_wrong_product_in_the_address_can_be_replaced(shop: Shop) -> None:
    event = {"user_id": "anna", "event_type": "view"}
    unknown, no_number = shop.fail(event, "products/4711"), shop.fail(event, "products/abc")
    assert shop.replay(unknown).json()["code"] == "product_not_found"
    assert shop.replay(no_number).json()["errors"][0]["pointer"] == "#product"
    for failed_id in (unknown, no_number):
        assert shop.replay(failed_id, params={"product": "shoe"}).status_code == 200
    assert [e["product"]["custom_id"] for e in shop.get("events")["results"]] == ["shoe", "shoe"]


def test_the_senders_key_counts_in_a_replay(shop: Shop) -> None:
    wrong = {"user_id": "anna", "event_type": "x", "event_id": "e-1"}
    failed_id = shop.fail(wrong)
    right = {**wrong, "event_type": "view"}
    sent = shop.post("/api/public/products-by-id/p/product_event/", right).json()["id"]
    assert shop.replay(failed_id, right).json() == {"id": sent}
    assert [event["event_id"] for event in shop.get("events")["results"]] == ["e-1"]


def test_a_request_key_that_was_too_long_does_not_fail_the_replay(shop: Shop) -> None:
    event = {"user_id": "anna", "event_type": "view"}
    failed_id = shop.fail(event, **{"idempotency-key": "k" * 65})
    assert shop.replay(failed_id).status_code == 200
    assert shop.get("events")["results"][0]["event_id"] is None


def test_a_crash_after_the_append_does_not_double_the_event(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_id = shop.fail({"user_id": "anna", "event_type": "x"})
    right = {"user_id": "anna", "event_type": "view"}

    def crash(*_: Any) -> bool:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        # The power cut comes between the two stores; there is no other way to stand there.
        broken.setattr(failed_queries, "mark_replayed", crash)
        assert shop.replay(failed_id, right).status_code == 500
    [event] = shop.get("events")["results"]
    assert shop.get(f"failed-events/{failed_id}")["replayed_at"] is None
    assert shop.replay(failed_id, right).json() == {"id": event["id"]}
    assert shop.get("events/count")["total"] == 1
    assert shop.get(f"failed-events/{failed_id}")["replayed_event_id"] == event["id"]


def test_two_replays_at_once_make_one_event(shop: Shop) -> None:
    failed_id = shop.fail({"user_id": "anna", "event_type": "x"})
    correction = Correction(msgspec.json.encode({"user_id": "anna", "event_type": "view"}))
    advisor = StateAdvisor(shop.stack.state)

    async def twice() -> list[Position | BaseException]:
        once: Callable[[], Any] = lambda: replay(  # noqa: E731 - the same call, made twice
            shop.stack.state,
            shop.stack.journal,
            advisor,
            operator_access(shop.workspace),
            failed_id,
            correction,
            clock=lambda: NOW,
        )
        return await asyncio.gather(once(), once(), return_exceptions=True)

    answers = asyncio.run(twice())
    shop.stack.project()
    [event] = shop.get("events")["results"]
    assert event["id"] in answers
    outcomes = sorted(getattr(answer, "code", "accepted") for answer in answers)
    assert outcomes == ["accepted", "already_replayed"]


def test_an_accepted_event_that_found_no_place_can_be_mended(shop: Shop) -> None:
    record = EventRecord(
        workspace_id=shop.workspace.id,
        received_at=NOW,
        occurred_at=MAY,
        event_type="purchase",
        source="api",
        event_key="e-1",
        contact_id=None,
        user_custom_id="anna",
        email=None,
        user_key=None,
        product_id=4711,
        product_custom_id=None,
        attributes='{"price":2}',
        custom_data='{"note":"hi"}',
        unit_price="2",
        quantity=None,
        currency=None,
        order_id=None,
    )
    shop.stack.append([record])
    shop.stack.project()
    [failed] = shop.get("failed-events")["results"]
    assert (failed["wire_format"], failed["code"]) == ("record", "product_not_found")
    shown = msgspec.json.decode(failed["payload"])
    assert shown == {
        "event_type": "purchase",
        "user_custom_id": "anna",
        "timestamp": MAY,
        "event_id": "e-1",
        "data": {"price": 2, "custom_data": {"note": "hi"}},
    }
    assert msgspec.msgpack.decode(b64decode(failed["payload_base64"]), type=EventRecord) == record
    assert shop.replay(failed["id"]).status_code == 404
    accepted = shop.replay(failed["id"], {**shown, "product_id": "shoe"})
    assert accepted.status_code == 200
    [event] = shop.get("events")["results"]
    assert (event["id"], event["event_id"]) == (accepted.json()["id"], "e-1")
    assert (event["product"]["custom_id"], event["unit_price"]) == ("shoe", 2)
    assert event["custom_data"] == {"note": "hi"}


def test_an_id_that_is_none_is_not_found(shop: Shop) -> None:
    for failed_id in ("0", "999999", "abc", "9" * 30):
        assert shop.request("GET", f"/api/v1/failed-events/{failed_id}").status_code == 404
        assert shop.post(f"/api/v1/failed-events/{failed_id}/replay").status_code == 404
    with shop.stack.state.read() as conn:
        assert conn.execute(select(failed_events)).all() == []


def test_the_routes_are_documented(shop: Shop) -> None:
    document = shop.request("GET", "/api/v1/openapi.json").json()
    listed = document["paths"]["/api/v1/events"]["get"]["parameters"]
    assert {"from", "to", "contact", "cursor", "limit"} <= {found["name"] for found in listed}
    assert "call" not in {found["name"] for found in listed}
    assert "/api/v1/failed-events/{failed_id}/replay" in document["paths"]
