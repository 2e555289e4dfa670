"""Attribute definitions: rows A1 and A2 of the wire contract, and our own API with type changes."""

from typing import Any

import pytest

from footfall.kernel.instants import Instant
from tests.wire.shops import Shop, Town, both_engines


def test_an_attribute_is_defined_as_the_vendor_documents(shop: Shop) -> None:
    answer = shop.post(
        "/api/public/attributes/",
        {"content_type": "clientuser", "name": "API string attribute", "value_type": "string"},
    )
    defined = {
        "id": 1,
        "name": "API string attribute",
        "name_std": "api_string_attribute",
        "value_type": "string",
        "content_type": "clientuser",
    }
    assert (answer.status_code, answer.json()) == (201, defined)
    page = shop.get("/api/public/attributes/?content_type=clientuser").json()
    assert page["results"][-1] == defined
    assert page["count"] == len(page["results"])
    assert (page["next"], page["previous"]) == (None, None)


def test_a_fixed_attribute_has_choices(shop: Shop) -> None:
    body = {
        "content_type": "product",
        "name": "Size",
        "value_type": "fixed",
        "choices": ["S", "M"],
        "allow_multiple_choices": True,
    }
    answer = shop.post("/api/public/attributes/", body)
    assert answer.status_code == 201
    assert answer.json() == {**body, "id": 1, "name_std": "size"}
    product = {"custom_id": "a", "size": ["s", "M"]}
    assert shop.post("/api/public/products/", product).json()["size"] == ["S", "M"]
    del body["allow_multiple_choices"]
    refused = shop.post("/api/public/attributes/", {**body, "name": "Fit"})
    assert list(refused.json()) == ["allow_multiple_choices"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a" * 33}, "name"),
        ({"name": "!!"}, "name"),
        ({"name": "product_id"}, "name"),
        ({"name": "Price"}, "name"),
        ({"name": None}, "name"),
        ({"value_type": "list"}, "value_type"),
        ({"value_type": 5}, "value_type"),
        ({"content_type": "deal"}, "content_type"),
        ({"content_type": None}, "content_type"),
        ({"value_type": "fixed", "allow_multiple_choices": False}, "choices"),
        ({"value_type": "fixed", "choices": [], "allow_multiple_choices": False}, "choices"),
        ({"value_type": "fixed", "choices": [1], "allow_multiple_choices": False}, "choices"),
        ({"value_type": "fixed", "choices": "S", "allow_multiple_choices": False}, "choices"),
        (
            {"value_type": "fixed", "choices": ["S"], "allow_multiple_choices": "no"},
            "allow_multiple_choices",
        ),
    ],
)
def test_a_wrong_definition_is_refused_by_name(shop: Shop, change: Any, field: str) -> None:
    body = {"content_type": "product", "name": "Size", "value_type": "string", **change}
    answer = shop.post("/api/public/attributes/", body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@both_engines
def test_a_changed_type_is_tried_on_all_values(shop: Shop, rival: Shop) -> None:
    for number, weight in enumerate(["300", "1 kg", None, "2.5"]):
        shop.put(f"/api/v1/products/p{number}", {"attributes": {"weight": weight, "color": "red"}})
    rival.put("/api/v1/products/p0", {"attributes": {"weight": "heavy"}})
    path = "/api/v1/attributes/product/Weight"
    preview = shop.patch(f"{path}?preview=true", {"value_type": "float"})
    assert preview.status_code == 200
    told = preview.json()
    assert (told["preview"], told["kept"], told["set_aside"], told["change"]) == (True, 2, 1, None)
    [reason] = told["reasons"]
    assert (reason["code"], reason["count"]) == ("not_a_number", 1)
    [sample] = told["sample"]
    assert (sample["raw"], sample["custom_id"]) == ('"1 kg"', "p1")
    assert shop.get("/api/v1/set-aside-values?kind=product").json()["results"] == []
    assert shop.get("/api/v1/products/p0").json()["attributes"]["weight"] == "300"
    changed = shop.patch(path, {"value_type": "float"}).json()
    assert (changed["kept"], changed["set_aside"], changed["preview"]) == (2, 1, False)
    assert changed["attribute"]["value_type"] == "float"
    values = [
        shop.get(f"/api/v1/products/p{number}").json()["attributes"].get("weight")
        for number in range(4)
    ]
    assert values == [300.0, None, None, 2.5]
    [aside] = shop.get("/api/v1/set-aside-values?kind=product").json()["results"]
    assert (aside["raw"], aside["attribute"], aside["code"]) == ('"1 kg"', "weight", "not_a_number")
    # Nothing was deleted: the value comes back with a type that takes it.
    back = shop.patch(path, {"value_type": "string"}).json()
    assert (back["kept"], back["set_aside"]) == (3, 0)
    assert shop.get("/api/v1/products/p1").json()["attributes"]["weight"] == "1 kg"
    assert rival.get("/api/v1/products/p0").json()["attributes"]["weight"] == "heavy"


@both_engines
def test_types_of_contact_attributes_change_too(shop: Shop) -> None:
    shop.put("/api/v1/contacts/ann", {"attributes": {"born": "2000-01-31", "since": 5}})
    shop.put("/api/v1/contacts/bob", {"attributes": {"born": "long ago"}})
    changed = shop.patch("/api/v1/attributes/contact/born", {"value_type": "date"}).json()
    assert (changed["kept"], changed["set_aside"]) == (1, 1)
    attributes = shop.get("/api/v1/contacts/bob").json()["attributes"]
    assert attributes == {}
    page = shop.get("/api/v1/set-aside-values?kind=contact&limit=1").json()
    assert (len(page["results"]), page["next"]) == (1, None)


def test_a_change_in_many_steps_reaches_everything(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        shop.put(f"/api/v1/products/p{number}", {"attributes": {"weight": str(number)}})
        shop.put(f"/api/v1/contacts/c{number}", {"attributes": {"weight": str(number)}})
    monkeypatch.setattr("footfall.attributes.changes.STEP_OBJECTS", 1)
    for kind in ("product", "contact"):
        changed = shop.patch(f"/api/v1/attributes/{kind}/weight", {"value_type": "integer"})
        assert changed.json()["kept"] == 3
    assert shop.get("/api/v1/products/p2").json()["attributes"]["weight"] == 2
    assert shop.get("/api/v1/contacts/c2").json()["attributes"]["weight"] == 2


def test_what_cannot_change_says_so(shop: Shop) -> None:
    price = shop.patch("/api/v1/attributes/product/price", {"value_type": "string"})
    assert (price.status_code, price.json()["code"]) == (409, "built_in_attribute")
    missing = shop.patch("/api/v1/attributes/product/nope", {"value_type": "string"})
    assert (missing.status_code, missing.json()["code"]) == (404, "attribute_not_found")
    shop.post("/api/v1/attributes", {"kind": "product", "name": "w", "value_type": "string"})
    wrong = shop.patch("/api/v1/attributes/product/w", {"value_type": "money"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/value_type")


def test_our_own_definitions(shop: Shop) -> None:
    body = {"kind": "contact", "name": "Shoe size", "value_type": "integer"}
    answer = shop.post("/api/v1/attributes", body)
    assert answer.status_code == 201
    assert answer.json() == {
        **body,
        "id": 1,
        "name_std": "shoe_size",
        "choices": [],
        "multiple": False,
        "origin": "defined",
        "created_at": "2026-01-01T12:00:00.000Z",
        "source_rule": "any",
    }
    again = shop.post("/api/v1/attributes", {**body, "name": "SHOE-SIZE"})
    assert (again.status_code, again.json()["code"]) == (409, "attribute_exists")
    assert again.headers["content-type"] == "application/problem+json"
    listed = shop.get("/api/v1/attributes?kind=contact").json()["results"]
    assert listed[-1] == answer.json()
    assert {one["kind"] for one in shop.get("/api/v1/attributes").json()["results"]} == {
        "product",
        "contact",
    }
    assert shop.get("/api/v1/attributes?kind=deal").status_code == 400


@both_engines
def test_set_aside_values_are_paged(shop: Shop) -> None:
    for number in range(3):
        shop.put(f"/api/v1/products/p{number}", {"attributes": {"price": f"x{number}"}})
    seen: list[str] = []
    cursor = ""
    while True:
        page = shop.get(f"/api/v1/set-aside-values?kind=product&limit=1{cursor}").json()
        seen += [one["raw"] for one in page["results"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == ['"x0"', '"x1"', '"x2"']
    only = shop.get("/api/v1/set-aside-values?kind=product&object_id=2").json()["results"]
    assert [one["raw"] for one in only] == ['"x1"']
    assert shop.get("/api/v1/set-aside-values?kind=product&cursor=x").status_code == 400
    assert shop.get("/api/v1/set-aside-values").status_code == 400


@both_engines
def test_the_other_workspace_sees_no_attributes(shop: Shop, rival: Shop) -> None:
    shop.put("/api/v1/products/p", {"attributes": {"weight": "1", "price": "x"}})
    for path in ("/api/v1/attributes", "/api/public/attributes"):
        names = [one["name_std"] for one in rival.get(path).json()["results"]]
        assert "weight" not in names
        assert "price" in names
    assert rival.get("/api/v1/set-aside-values?kind=product").json()["results"] == []
    patched = rival.patch("/api/v1/attributes/product/weight", {"value_type": "float"})
    assert patched.status_code == 404


@both_engines
def test_source_rules_are_set_for_own_and_built_in_attributes(shop: Shop, rival: Shop) -> None:
    body = {"kind": "product", "name": "Margin", "value_type": "float", "source_rule": "api only"}
    assert shop.post("/api/v1/attributes", body).json()["source_rule"] == "api only"
    changed = shop.patch("/api/v1/attributes/product/margin", {"source_rule": "feed only"}).json()
    assert changed["attribute"]["source_rule"] == "feed only"
    assert changed["attribute"]["value_type"] == "float"
    for rule in ("api only", "feed only"):
        answer = shop.patch("/api/v1/attributes/product/price", {"source_rule": rule})
        assert answer.json()["attribute"]["source_rule"] == rule

    def rules(of: Shop) -> dict[str, str]:
        listed = of.get("/api/v1/attributes?kind=product").json()["results"]
        return {found["name_std"]: found["source_rule"] for found in listed}

    assert {n: r for n, r in rules(shop).items() if r != "any"} == {
        "margin": "feed only",
        "price": "feed only",
    }
    assert set(rules(rival).values()) == {"any"}
    answer = shop.put(
        "/api/v1/products/mug", {"attributes": {"price": 1, "margin": 2, "name": "a"}}
    )
    assert answer.json()["attributes"] == {"name": "a"}
    assert {row["code"] for row in answer.json()["set_aside"]} == {"source_not_allowed"}
    typed = shop.patch("/api/v1/attributes/product/margin", {"value_type": "integer"}).json()
    assert typed["attribute"]["source_rule"] == "feed only"
    for name, wrong in (
        ("product/price", {"value_type": "string"}),
        ("product/price", {}),
        ("product/price", {"source_rule": "mine"}),
        ("contact/email", {"source_rule": "api only"}),
    ):
        assert shop.patch(f"/api/v1/attributes/{name}", wrong).status_code in {400, 409}


def groups(shop: Shop) -> list[dict[str, Any]]:
    answer = shop.get("/api/v1/set-aside-values/groups")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


@both_engines
def test_a_change_of_type_is_undone(shop: Shop, rival: Shop) -> None:
    for number, weight in enumerate(["300", "1 kg"]):
        shop.put(f"/api/v1/products/p{number}", {"attributes": {"weight": weight}})
    path = "/api/v1/attributes/product/weight"
    changed = shop.patch(path, {"value_type": "float"}).json()["change"]
    assert (changed["state"], changed["done"], changed["total"]) == ("done", 2, 2)
    assert (changed["from_type"], changed["to_type"], changed["can_undo"]) == (
        "string",
        "float",
        True,
    )
    assert rival.post(f"{path}/undo").status_code == 404
    assert shop.get(path).json()["set_aside"] == 1
    undone = shop.post(f"{path}/undo")
    assert undone.status_code == 200
    assert undone.json()["attribute"]["value_type"] == "string"
    assert shop.get("/api/v1/products/p1").json()["attributes"]["weight"] == "1 kg"
    detail = shop.get(path).json()
    assert (detail["set_aside"], detail["attribute"]["origin"]) == (0, "automatic")
    [change] = detail["changes"]
    assert (change["state"], change["can_undo"]) == ("undone", False)
    again = shop.post(f"{path}/undo")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_undo")
    assert shop.get("/api/v1/attributes/order/weight").status_code == 404
    assert rival.get(path).status_code == 404


def test_a_change_goes_on_after_its_answer_and_tells_how_far_it_is(town: Town, shop: Shop) -> None:
    for number in range(3):
        shop.put(f"/api/v1/products/p{number}", {"attributes": {"weight": str(number)}})
    path = "/api/v1/attributes/product/weight"
    answer = shop.patch(path, {"value_type": "integer"}, headers={"prefer": "respond-async"})
    assert (answer.status_code, answer.json()["change"]["state"]) == (202, "changing")
    assert answer.headers["preference-applied"] == "respond-async"
    town.services.background.wait()
    [change] = shop.get(path).json()["changes"]
    assert (change["state"], change["done"], change["kept"]) == ("done", 3, 3)
    back = shop.post(f"{path}/undo", headers={"prefer": "respond-async"})
    assert (back.status_code, back.json()["change"]["state"]) == (202, "undoing")
    town.services.background.wait()
    assert shop.get("/api/v1/products/p2").json()["attributes"]["weight"] == "2"


def test_a_second_change_is_refused_while_one_runs(
    town: Town, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("/api/v1/products/p", {"attributes": {"weight": "1"}})
    town.services.background.stop()  # so that a change begins and gets no further
    path = "/api/v1/attributes/product/weight"
    shop.patch(path, {"value_type": "integer"}, headers={"prefer": "respond-async"})
    town.services.background.wait()
    assert shop.get(path).json()["changes"][0]["state"] == "interrupted"
    other = shop.patch(path, {"value_type": "boolean"})
    assert (other.status_code, other.json()["code"]) == (409, "attribute_change_interrupted")
    finished = shop.patch(path, {"value_type": "integer"}).json()
    assert (finished["kept"], finished["change"]["state"]) == (1, "done")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"value_type": "integer", "choices": ["1"]}, "not_fixed"),
        ({"multiple": True}, "not_fixed"),
        ({"value_type": "fixed"}, "choices_required"),
        ({"name": "Height"}, "another_attribute"),
        ({"name": ""}, "wrong_length"),
        ({}, "required"),
    ],
)
def test_a_change_that_cannot_be_is_refused(shop: Shop, wish: dict[str, Any], code: str) -> None:
    shop.put("/api/v1/products/p", {"attributes": {"weight": "1"}})
    answer = shop.patch("/api/v1/attributes/product/weight", wish)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_a_definition_is_edited_without_naming_all_of_it(shop: Shop) -> None:
    body = {"kind": "product", "name": "size", "value_type": "fixed", "choices": ["S", "M"]}
    shop.post("/api/v1/attributes", body)
    path = "/api/v1/attributes/product/size"
    for wish in ({"name": "Size"}, {"multiple": True}, {"choices": ["S", "M", "L"]}):
        assert shop.patch(path, wish).status_code == 200
    found = shop.get(path).json()["attribute"]
    assert (found["name"], found["value_type"]) == ("Size", "fixed")
    assert (found["choices"], found["multiple"]) == (["S", "M", "L"], True)


@both_engines
def test_each_group_of_set_aside_values_says_what_mends_it(shop: Shop, rival: Shop) -> None:
    for name, value_type, more in (
        ("size", "fixed", {"choices": ["S"]}),
        ("weight", "integer", {}),
        ("margin", "float", {"source_rule": "feed only"}),
        ("seen", "datetime", {}),
    ):
        body = {"kind": "product", "name": name, "value_type": value_type, **more}
        assert shop.post("/api/v1/attributes", body).status_code == 201
    for number, size in enumerate(["XXL", "xl", "XL"]):
        shop.put(f"/api/v1/products/p{number}", {"attributes": {"size": size}})
    said = {"weight": "1.5", "margin": 0.3, "seen": "never", "price": "cheap"}
    shop.put("/api/v1/products/p0", {"attributes": said})
    found = {group["attribute"]: group for group in groups(shop)}
    assert {name: group["mend"] for name, group in found.items()} == {
        "size": {"action": "add_choices", "change": {"choices": ["S", "XXL", "xl"]}},
        "weight": {"action": "change_type", "change": {"value_type": "float"}},
        "margin": {"action": "allow_source", "change": {"source_rule": "any"}},
        "seen": {"action": "change_type", "change": {"value_type": "string"}},
        "price": None,
    }
    assert (found["size"]["count"], found["price"]["custom_id"]) == (3, "p0")
    for name in ("size", "weight", "seen"):
        path = f"/api/v1/attributes/product/{name}"
        assert shop.patch(path, found[name]["mend"]["change"]).status_code == 200
    path = "/api/v1/attributes/product/margin"
    assert rival.post(f"{path}/retry").status_code == 404
    shop.patch(path, found["margin"]["mend"]["change"])
    assert shop.post(f"{path}/retry").json() == {"accepted": 1, "left": 0}
    shown = shop.get("/api/v1/products/p0").json()["attributes"]
    assert shown == {"size": "XXL", "weight": 1.5, "margin": 0.3, "seen": "never"}
    assert [group["attribute"] for group in groups(shop)] == ["price"]
    assert groups(rival) == []


def test_a_value_tried_again_counts_by_its_own_time(town: Town, shop: Shop) -> None:
    body = {"kind": "product", "name": "weight", "value_type": "integer"}
    shop.post("/api/v1/attributes", body)
    shop.put("/api/v1/products/p", {"attributes": {"weight": "heavy"}})
    town.world.now = Instant(town.world.now + 1)
    shop.put("/api/v1/products/p", {"attributes": {"weight": 5}})
    changed = shop.patch("/api/v1/attributes/product/weight", {"value_type": "string"}).json()
    assert (changed["kept"], changed["accepted"]) == (1, 1)
    assert shop.get("/api/v1/products/p").json()["attributes"]["weight"] == "5"
    assert groups(shop) == []


@both_engines
def test_what_a_person_dismissed_is_listed_again_with_the_next_value(
    shop: Shop, rival: Shop
) -> None:
    for number in range(2):
        shop.put(f"/api/v1/products/p{number}", {"attributes": {"price": "cheap"}})
    seen = {"kind": "product", "attribute": "price", "dismissed": True}
    assert rival.patch("/api/v1/set-aside-values", seen).json() == {"changed": 0}
    assert shop.patch("/api/v1/set-aside-values", seen).json() == {"changed": 2}
    assert groups(shop) == []
    listed = "/api/v1/set-aside-values?kind=product"
    assert shop.get(f"{listed}&dismissed=false").json()["results"] == []
    assert len(shop.get(f"{listed}&dismissed=true&attribute=price").json()["results"]) == 2
    shop.put("/api/v1/products/p1", {"attributes": {"price": "dear"}})
    assert [group["raw"] for group in groups(shop)] == ['"dear"']
    back = {**seen, "dismissed": False, "object_id": 1}
    assert shop.patch("/api/v1/set-aside-values", back).json() == {"changed": 1}
    assert [group["count"] for group in groups(shop)] == [2]
