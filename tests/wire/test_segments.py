"""Segments over REST: made, tried, explained, read, archived; and what is refused."""

import json
from typing import Any

import pytest

from tests.ingest.stack import Stack
from tests.wire.till import Till, application


class Shop(Till):
    def __init__(self, stack: Stack) -> None:
        super().__init__(stack, application(stack, clock=lambda: stack.now))
        self.stack = stack
        for who, what in (("anna", "view"), ("ben", "view"), ("ben", "purchase")):
            self.sell(who, what)

    def sell(self, who: str, what: str, product: str = "mug") -> None:
        said = {"user_custom_id": who, "event_type": what, "product_id": product}
        self.stack.append([self.stack.record(self.workspace, said)])
        self.settle()

    def settle(self) -> None:
        self.stack.projector.changed()
        self.stack.project()
        self.stack.segment_keeper.round_once(at_once=True)

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = self.ask(method, f"/api/v1{path}", "application/json", **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def made(self, condition: Any, subject: str = "contact", name: str = "some") -> Any:
        body = {"subject": subject, "name": name, "condition": condition}
        made = self.call("POST", "/segments", 201, json=body)
        self.stack.segment_keeper.round_once(at_once=True)
        return made


@pytest.fixture
def shop(stack: Stack) -> Shop:
    return Shop(stack)


VIEWED = {"type": "product_event", "event_types": ["view"]}
BOUGHT = {"type": "product_event", "event_types": ["purchase"]}
LOOKERS = {"type": "all", "of": [VIEWED, {"type": "not", "of": BOUGHT}]}


def names(rows: Any) -> list[str]:
    return [row["custom_id"] for row in rows]


def test_a_condition_is_tried_before_it_is_kept(shop: Shop) -> None:
    tried = shop.call(
        "POST", "/segments/preview", json={"subject": "contact", "condition": LOOKERS}
    )
    assert (tried["count"], names(tried["sample"])) == (1, ["anna"])
    products = {"subject": "product", "condition": BOUGHT}
    assert names(shop.call("POST", "/segments/preview", json=products)["sample"]) == ["mug"]
    assert shop.call("GET", "/segments")["results"] == []


def test_members_enter_and_leave_and_say_why(shop: Shop) -> None:
    segment = shop.made(LOOKERS)["id"]
    [member] = shop.call("GET", f"/segments/{segment}/members")["results"]
    anna = member["member"]["id"]
    assert names(shop.call("GET", f"/contacts?segment={segment}")["results"]) == ["anna"]
    assert shop.call("GET", f"/segments/{segment}")["size"] == 1
    [of_anna] = shop.call("GET", f"/contacts/by-id/{anna}/segments")["results"]
    assert of_anna["name"] == "some"
    why = shop.call("GET", f"/segments/{segment}/members/{anna}")
    assert why["is_member"]
    assert [(one["pointer"], one["fits"], one["value"]) for one in why["explanation"]["nodes"]] == [
        ("", True, None),
        ("/of/0", True, "1"),
        ("/of/1", True, None),
        ("/of/1/of", False, "0"),
    ]
    shop.sell("anna", "purchase")
    assert shop.call("GET", f"/segments/{segment}/members")["results"] == []
    changes = shop.call("GET", f"/segments/{segment}/changes")["results"]
    assert [one["change"] for one in changes] == ["left", "entered"]
    oldest = shop.call("GET", f"/segments/{segment}/changes?order=oldest&limit=1")
    assert oldest["results"][0]["change"] == "entered"
    rest = shop.call("GET", f"/segments/{segment}/changes?order=oldest&cursor={oldest['next']}")
    assert [one["change"] for one in rest["results"]] == ["left"]
    today = shop.call("GET", f"/segments/{segment}/sizes?days=2")["days"][-1]
    assert (today["size"], today["entered"], today["left"]) == (0, 1, 1)
    why = shop.call("GET", f"/segments/{segment}/members/{anna}")
    assert (why["is_member"], why["explanation"]["fits"], len(why["stays"])) == (False, False, 1)


def test_products_are_kept_too(shop: Shop) -> None:
    segment = shop.made(BOUGHT, "product")["id"]
    assert names(shop.call("GET", f"/products?segment={segment}")["results"]) == ["mug"]
    buyers = shop.made({**VIEWED, "products": {"segment": segment}}, name="of bought")["id"]
    shop.sell("cleo", "view", "tea")
    assert shop.call("GET", f"/segments/{buyers}")["size"] == 2
    shop.sell("ben", "purchase", "tea")
    assert shop.call("GET", f"/segments/{buyers}")["size"] == 3


def test_a_segment_is_changed_archived_and_brought_back(shop: Shop) -> None:
    segment = shop.made(LOOKERS)["id"]
    shop.call("PATCH", f"/segments/{segment}", json={"condition": BOUGHT, "name": "buyers"})
    shop.settle()
    found = shop.call("GET", f"/segments/{segment}/members")["results"]
    assert names([one["member"] for one in found]) == ["ben"]
    inner = {"type": "segment", "id": segment}
    outer = shop.made({"type": "not", "of": inner}, name="others")["id"]
    assert shop.call("GET", f"/segments/{outer}")["size"] == 1
    refused = shop.call("PATCH", f"/segments/{segment}", 409, json={"archived": True})
    assert refused["code"] == "segment_in_use"
    shop.call("PATCH", f"/segments/{outer}", json={"archived": True})
    shop.call("PATCH", f"/segments/{segment}", json={"archived": True})
    assert shop.call("GET", "/segments")["results"] == []
    assert len(shop.call("GET", "/segments?archived=true")["results"]) == 2
    shop.call("PATCH", f"/segments/{segment}", json={"archived": False})
    actions = [one["action"] for one in shop.call("GET", "/audit")["results"]]
    assert actions[:2] == ["segment.restored", "segment.archived"]


@pytest.mark.parametrize(
    ("condition", "pointer", "code"),
    [
        ({"type": "attribute", "name": "nope", "operator": "is"}, "/name", "unknown_attribute"),
        (
            {**VIEWED, "window": {"kind": "between", "start": "2026-02-01", "end": "2026-01-01"}},
            "/window",
            "impossible_window",
        ),
        ({"type": "all", "of": [VIEWED, {"type": "tag"}]}, "/of/1", "not_a_condition"),
        ({**VIEWED, "measure": {"value": "many"}}, "/measure/value", "not_a_condition"),
        ({"type": "segment", "id": 12345}, "/id", "unknown_segment"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    shop: Shop, condition: Any, pointer: str, code: str
) -> None:
    for path in ("/segments", "/segments/preview"):
        body = {"subject": "contact", "condition": condition}
        if path == "/segments":
            body["name"] = "wrong"
        [problem] = shop.call("POST", path, 400, json=body)["errors"]
        assert (problem["pointer"], problem["code"]) == (f"/condition{pointer}", code)


def test_a_thousand_groups_are_refused(shop: Shop) -> None:
    groups = '{"type":"not","of":' * 1_000 + json.dumps(VIEWED) + "}" * 1_000
    body = f'{{"subject":"contact","condition":{groups}}}'
    refused = shop.call(
        "POST", "/segments/preview", 400, content=body,
        headers={"content-type": "application/json"},
    )  # fmt: skip
    assert "nested" in json.dumps(refused)


def test_a_segment_cannot_contain_itself_through_another(shop: Shop) -> None:
    inner = shop.made(VIEWED)["id"]
    outer = shop.made({"type": "segment", "id": inner}, name="outer")["id"]
    circle = {"type": "all", "of": [BOUGHT, {"type": "segment", "id": outer}]}
    [problem] = shop.call("PATCH", f"/segments/{inner}", 400, json={"condition": circle})["errors"]
    assert (problem["pointer"], problem["code"]) == ("/condition/of/1/id", "contains_itself")


def test_names_are_needed_and_once(shop: Shop) -> None:
    shop.made(VIEWED)
    for name, code in ((" ", "required"), ("SOME", "name_taken"), ("x" * 256, "too_long")):
        body = {"subject": "contact", "name": name, "condition": VIEWED}
        assert shop.call("POST", "/segments", 400, json=body)["errors"][0]["code"] == code
    shop.call("GET", "/segments/999", 404)
    shop.call("GET", "/segments/999/members", 404)


def test_every_template_is_a_segment_that_can_be_made(shop: Shop) -> None:
    templates = shop.call("GET", "/segments/templates")["results"]
    assert len(templates) == 12
    for one in templates:
        made = shop.made(one["condition"], one["subject"], one["name"])
        assert shop.call("GET", f"/segments/{made['id']}")["problem"] is None
        assert shop.call("GET", f"/segments/{made['id']}")["size"] is not None


def test_values_that_the_shop_has_are_suggested(shop: Shop) -> None:
    shop.call("PUT", "/contacts/dora", 201, json={"attributes": {"city": "Łódź", "tags": ["vip"]}})
    shop.settle()

    def values(query: str) -> list[str]:
        found = shop.call("GET", f"/segments/values?{query}")["results"]
        return [one["value"] for one in found]

    assert values("of=contact_attribute&name=city&search=łó") == ["Łódź"]
    assert values("of=tag") == ["vip"]
    assert values("of=product&search=mu") == ["mug"]
    assert values("of=category") == []
    assert values("of=event_name") == []
    assert values("of=currency") == []
    shop.call("GET", "/segments/values?of=product_attribute&name=nope", 400)
