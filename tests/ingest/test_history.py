"""Activities come back as they were sent, and a contact's history holds all that it did."""

from typing import Any

import msgspec
import pytest

from tests.ingest.stack import Stack
from tests.wire.till import Till, application

_START = 1_700_000_000_000  # 2023-11-14T22:13:20Z
_HOUR = 3_600_000


class Shop:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.till = Till(stack, application(stack))

    def activity(self, **fields: Any) -> Any:
        return self.stack.activity(self.till.workspace, **fields)

    def event(self, **fields: Any) -> Any:
        said = {"product_id": "p", "event_type": "view", **fields}
        return self.stack.record(self.till.workspace, said)

    def tell(self, *records: Any) -> list[int]:
        places = self.stack.append(records)
        self.stack.project()
        return [place.position for place in places]

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.till.ask("GET", f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, **filters: Any) -> list[int]:
        return [found["id"] for found in self.get("activities", **filters)["results"]]


@pytest.fixture
def shop(stack: Stack) -> Shop:
    return Shop(stack)


def test_an_activity_is_listed_as_it_was_sent(shop: Shop) -> None:
    [position] = shop.tell(
        shop.activity(
            name="signed up",
            event_key="x-1",
            user_custom_id="anna",
            source="browser",
            occurred_at=_START,
            session_id="s-1",
            url="https://shop.example/",
            utm_campaign="spring",
            device_type="mobile",
            traffic="staff",
            attributes='{"plan":"gold","n":1.50}',
        )
    )
    answer = shop.till.ask("GET", "/api/v1/activities")
    assert '"attributes":{"plan":"gold","n":1.50}' in answer.text
    [found] = answer.json()["results"]
    assert {name: value for name, value in found.items() if value is not None} == {
        "id": position,
        "event_id": "x-1",
        "kind": "event",
        "name": "signed up",
        "occurred_at": "2023-11-14T22:13:20.000Z",
        "received_at": "2027-01-15T08:00:00.000Z",
        "source": "browser",
        "contact": {"id": found["contact"]["id"], "custom_id": "anna", "email": None, "key": None},
        "session_id": "s-1",
        "url": "https://shop.example/",
        "utm_campaign": "spring",
        "device_type": "mobile",
        "traffic": "staff",
        "attributes": {"plan": "gold", "n": 1.5},
    }


def test_pages_show_every_activity_once_the_newest_first(shop: Shop) -> None:
    told = shop.tell(*(shop.activity(name=f"e{n}") for n in range(7)))
    seen: list[int] = []
    parameters: dict[str, Any] = {"limit": 3}
    while True:
        answer = shop.get("activities", **parameters)
        seen += [found["id"] for found in answer["results"]]
        if answer["next"] is None:
            break
        parameters["cursor"] = answer["next"]
        shop.tell(shop.activity(name="meanwhile"))
    assert seen == told[::-1]


def test_filters_choose_and_counts_agree(shop: Shop) -> None:
    a, b, c, d = shop.tell(
        shop.activity(name="a", user_custom_id="anna", occurred_at=_START, session_id="s"),
        shop.activity(kind="page_view", name="", user_key="k", occurred_at=_START + _HOUR),
        shop.activity(kind="screen", name="home", source="browser", occurred_at=_START + 2 * _HOUR),
        shop.activity(name="a", user_custom_id="anna", traffic="bot", occurred_at=_START),
    )
    anna = shop.get("activities")["results"][-1]["contact"]["id"]
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [d, c, b, a]),
        ({"kind": "page_view"}, [b]),
        ({"name": "a"}, [d, a]),
        ({"session": "s"}, [a]),
        ({"source": "browser"}, [c]),
        ({"contact": "anna"}, [d, a]),
        ({"contact_id": anna, "traffic": "visitor"}, [a]),
        ({"contact": "ben"}, []),
        ({"traffic": "bot"}, [d]),
        ({"from": str(_START + _HOUR), "to": str(_START + 2 * _HOUR)}, [b]),
    ]
    for filters, expected in cases:
        assert shop.ids(**filters) == expected, filters
        if "traffic" not in filters:
            filters["traffic"] = "all"
        assert shop.get("activities/count", **filters)["total"] == len(expected), filters
    assert shop.get("activities/count")["total"] == 3


def test_counts_by_group(shop: Shop) -> None:
    shop.tell(
        shop.activity(name="a", user_custom_id="anna", occurred_at=_START, session_id="s"),
        shop.activity(name="a", user_custom_id="ben", occurred_at=_START + 2 * _HOUR),
        shop.activity(kind="page_view", name="", user_custom_id="anna", occurred_at=_START),
    )

    def groups(group_by: str, **more: str) -> list[tuple[Any, int]]:
        found = shop.get("activities/count", group_by=group_by, **more)
        assert found["groups"] == len(found["results"])
        return [(row[group_by], row["count"]) for row in found["results"]]

    assert groups("name") == [("a", 2), ("", 1)]
    assert groups("kind") == [("event", 2), ("page_view", 1)]
    assert groups("contact") == [("anna", 2), ("ben", 1)]
    assert sorted(groups("session"), key=repr) == [("s", 1), (None, 2)]
    assert groups("day") == [("2023-11-14", 2), ("2023-11-15", 1)]
    assert groups("day", time_zone="Europe/Warsaw") == [("2023-11-14", 2), ("2023-11-15", 1)]


def test_a_history_holds_events_and_activities_also_of_merged_contacts(shop: Shop) -> None:
    told = shop.tell(
        shop.activity(kind="page_view", name="", user_key="k"),
        shop.event(user_key="k"),
        shop.event(user_custom_id="ben"),
        shop.activity(name="signed up", user_key="k", user_custom_id="anna"),
        shop.event(user_custom_id="anna", event_type="purchase"),
    )
    mine = [told[4], told[3], told[1], told[0]]
    history = shop.get("contacts/anna/history")
    assert [item["id"] for item in history["results"]] == mine
    kinds = [item["kind"] for item in history["results"]]
    assert kinds == ["product_event", "event", "product_event", "page_view"]
    newest, signed_up = history["results"][:2]
    assert (newest["event"]["event_type"], newest["activity"]) == ("purchase", None)
    assert (signed_up["event"], signed_up["activity"]["name"]) == (None, "signed up")
    contact_id = newest["event"]["contact"]["id"]
    assert shop.get(f"contacts/by-id/{contact_id}/history") == history
    seen, parameters = [], {"limit": 1}
    while True:
        page = shop.get("contacts/anna/history", **parameters)
        seen += [item["id"] for item in page["results"]]
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]
    assert seen == mine
    assert shop.till.ask("GET", "/api/v1/contacts/nobody/history").status_code == 404


def test_another_workspace_sees_nothing(stack: Stack) -> None:
    shop, rival = Shop(stack), Shop(stack)
    shop.tell(shop.activity(user_custom_id="anna"), shop.event(user_custom_id="anna"))
    contact_id = shop.get("activities")["results"][0]["contact"]["id"]
    assert rival.ids() == []
    assert rival.ids(contact="anna") == []
    assert rival.ids(contact_id=contact_id) == []
    assert rival.get("activities/count", traffic="all")["total"] == 0
    for path in ("contacts/anna", f"contacts/by-id/{contact_id}"):
        assert rival.till.ask("GET", f"/api/v1/{path}/history").status_code == 404


def test_events_are_listed_by_session_and_with_their_traffic(shop: Shop) -> None:
    event = shop.event(user_key="k")
    first, second = shop.tell(
        msgspec.structs.replace(event, session_id="s", traffic="staff"), event
    )
    found = shop.get("events")["results"]
    assert [(e["id"], e["session_id"], e["traffic"]) for e in found] == [
        (second, None, "visitor"),
        (first, "s", "staff"),
    ]
    assert [e["id"] for e in shop.get("events", session="s")["results"]] == [first]
    assert [e["id"] for e in shop.get("events", traffic="visitor")["results"]] == [second]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"kind": "update"}, "unknown_kind"),
        ({"group_by": "product"}, "unknown_parameter"),
        ({"product": "p"}, "unknown_parameter"),
        ({"traffic": "mine"}, "unknown_traffic"),
        ({"source": "moon"}, "unknown_source"),
    ],
)
def test_what_the_list_does_not_know_is_refused(
    shop: Shop, parameters: dict[str, str], code: str
) -> None:
    answer = shop.till.ask("GET", "/api/v1/activities", params=parameters)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
