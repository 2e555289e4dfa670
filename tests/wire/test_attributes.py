"""Attribute definitions: rows A1 and A2 of the wire contract, and our own API with type changes."""

from typing import Any

import pytest

from tests.wire.shops import Shop, both_engines


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
    assert preview.json() | {"attribute": None} == {
        "attribute": None,
        "preview": True,
        "kept": 2,
        "set_aside": 1,
    }
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
    for kind, feature in (("product", "catalog"), ("contact", "contacts")):
        monkeypatch.setattr(f"footfall.{feature}.api.STEP_OBJECTS", 1)
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
