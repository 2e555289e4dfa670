"""Products in the compatible API: rows P1 to P3 of the wire contract, and P9 by analogy."""

from typing import Any

import pytest

from tests.wire.shops import NOON_TEXT, Shop, World, both_engines

#: What a product looks like about which nothing but its custom id is known.
BARE: dict[str, Any] = {
    "name": None,
    "description": None,
    "product_url": None,
    "image_url": None,
    "price": None,
    "currency": None,
    "availability": None,
    "category_name": None,
    "brand": None,
    "gtin": None,
    "group_id": None,
    "tags": [],
    "categories": [],
    "created_at": NOON_TEXT,
    "updated_at": NOON_TEXT,
}
MUG = {
    "custom_id": "mug-1",
    "name": "Mug",
    "product_url": "https://shop.test/mug",
    "image_url": "https://shop.test/mug.jpg",
    "price": 12.5,
    "category_name": "Kitchen",
    "glaze": "celadon",
}


def create(shop: Shop, custom_id: str, **attributes: Any) -> dict[str, Any]:
    answer = shop.post("/api/public/products/", {"custom_id": custom_id, **attributes})
    assert answer.status_code in {200, 201}, answer.text
    product: dict[str, Any] = answer.json()
    return product


@pytest.mark.parametrize("path", ["/api/public/products/", "/api/public/products-by-id/"])
@pytest.mark.parametrize("accept", ["*/*; version=2", "*/*;version=2", "*/*"])
def test_a_product_is_created_with_any_attributes(shop: Shop, path: str, accept: str) -> None:
    answer = shop.post(path, MUG, headers={"accept": accept})
    assert answer.status_code == 201
    assert answer.json() == {**BARE, **MUG, "id": 1}
    assert list(answer.json())[:3] == ["id", "custom_id", "name"]


@both_engines
def test_creating_a_known_custom_id_updates_it(shop: Shop) -> None:
    first = create(shop, **MUG)
    answer = shop.post("/api/public/products/", {"custom_id": "mug-1", "price": 11, "name": None})
    assert answer.status_code == 200
    assert answer.json() == {**first, "price": 11.0}


def test_nulls_of_the_plugins_are_passed_over_at_creation(shop: Shop) -> None:
    answer = shop.post("/api/public/products/", {**MUG, "brand": None, "ean": None, "tags": None})
    assert answer.json() == {**BARE, **MUG, "id": 1}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"name": "Mug"}, {"custom_id": ["This field is required."]}),
        ({"custom_id": ""}, {"custom_id": ["This field is required."]}),
        ({"custom_id": None}, {"custom_id": ["This field is required."]}),
        ({"custom_id": ["a"]}, {"custom_id": ["This must be text."]}),
        ({"custom_id": True}, {"custom_id": ["This must be text."]}),
        ({"custom_id": "a" * 256}, {"custom_id": ["This must have 1 to 255 characters."]}),
        ({"custom_id": "a\n"}, {"custom_id": ["This must not hold control characters."]}),
    ],
)
def test_a_product_needs_a_custom_id(shop: Shop, body: Any, answer: Any) -> None:
    refused = shop.post("/api/public/products/", body)
    assert (refused.status_code, refused.json()) == (400, answer)
    assert shop.get("/api/public/products/").json()["count"] == 0


@pytest.mark.parametrize(
    ("custom_id", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("a b", "a%20b"),
        ("mug☕", "mug%E2%98%95"),
        ("user@123", "user@123"),
        ("dXNlcg==", "dXNlcg=="),
        ("123-45", "123-45"),
        ("..", "%2E%2E"),
        ("?x=1&y", "%3Fx%3D1%26y"),
        (" blanks ", "%20blanks%20"),
        ("a" * 255, "a" * 255),
        ("search", "%73earch"),
    ],
)
def test_custom_ids_are_kept_byte_for_byte(shop: Shop, custom_id: str, segment: str) -> None:
    made = create(shop, custom_id)
    assert made["custom_id"] == custom_id
    for path in (f"/api/public/products-by-id/{segment}/details/", f"/api/v1/products/{segment}"):
        answer = shop.get(path)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["id"], answer.json()["custom_id"]) == (made["id"], custom_id)


@both_engines
def test_custom_ids_are_case_sensitive(shop: Shop) -> None:
    assert create(shop, "A")["id"] != create(shop, "a")["id"]


def test_a_numeric_custom_id_is_its_text(shop: Shop) -> None:
    made = shop.post("/api/public/products/", {"custom_id": 123}).json()
    assert made["custom_id"] == "123"
    assert shop.get("/api/public/products-by-id/123/details/").json() == made


def test_a_product_is_read_in_each_spelling_of_its_address(shop: Shop) -> None:
    made = create(shop, **MUG)
    for path in (
        "/api/public/products-by-id/mug-1/details/",
        "/api/public/products-by-id/mug-1/details",
        "/api/public/products-by-id/mug-1/",
        f"/api/public/products/{made['id']}/",
        f"/api/public/products/{made['id']}",
        f"/api/public/products/{made['id']}/details/",
    ):
        assert shop.get(path).json() == made


@pytest.mark.parametrize(
    "path",
    [
        "/api/public/products/999/",
        "/api/public/products/99999999999999999999999/",
        "/api/public/products/mug-1/",
        "/api/public/products/-1/",
        "/api/public/products-by-id/nope/details/",
        "/api/public/products-by-id/%FF/details/",
        "/api/public/products-by-id/%00/details/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_an_unknown_product_is_not_found(shop: Shop, method: str, path: str) -> None:
    if method != "GET":
        path = path.replace("details/", "")
    answer = shop.ask(method, path, **({"json": {"a": 1}} if method == "PUT" else {}))
    assert answer.status_code == 404
    assert list(answer.json()) == ["detail"]


@both_engines
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_update_keeps_what_is_missing_and_clears_what_is_null(shop: Shop, method: str) -> None:
    made = create(shop, **MUG)
    answer = shop.ask(
        method,
        "/api/public/products-by-id/mug-1/",
        json={"price": None, "glaze": None, "name": "Big mug", "weight": 300},
    )
    assert answer.status_code == 200
    changed = {**made, "name": "Big mug", "price": None, "weight": "300"}
    del changed["glaze"]
    assert answer.json() == changed
    assert shop.get(f"/api/public/products/{made['id']}/").json() == changed


def test_an_answer_can_be_sent_back_as_it_came(shop: Shop) -> None:
    made = create(shop, **MUG, tags=["new"], categories=["a", "b"])
    assert [tag["name"] for tag in made["tags"]] == ["new"]
    assert shop.put(f"/api/public/products/{made['id']}/", made).json() == made
    names = {one["name_std"] for one in shop.get("/api/public/attributes/").json()["results"]}
    assert not names & {"id", "custom_id", "created_at", "updated_at"}


@both_engines
def test_tags_are_only_added(shop: Shop) -> None:
    create(shop, "mug-1", tags=["a", {"id": 5, "name": "b"}])
    answer = shop.put("/api/public/products-by-id/mug-1/", {"tags": ["c", "a"]})
    assert [tag["name"] for tag in answer.json()["tags"]] == ["a", "b", "c"]


def test_the_custom_id_of_a_product_is_fixed(shop: Shop) -> None:
    create(shop, "mug-1", name="Mug")
    answer = shop.put("/api/public/products-by-id/mug-1/", {"custom_id": "mug-2", "name": "Cup"})
    assert answer.status_code == 400
    assert answer.json() == {"custom_id": ["The custom id of a product cannot be changed."]}
    assert shop.get("/api/public/products-by-id/mug-1/details/").json()["name"] == "Mug"


def test_update_or_create_tells_which(shop: Shop) -> None:
    for path in ("/api/public/products/update_or_create/", "/api/public/products/update_or_create"):
        answer = shop.post(path, {"custom_id": "mug-1", "price": "3,50", "name": None})
        created = path.endswith("/")
        assert (answer.status_code, answer.json()) == (
            201 if created else 200,
            {"created": created, "id": 1},
        )
    assert shop.get("/api/public/products/1/").json()["price"] == 3.5


def test_attributes_are_set_one_by_one_or_together(shop: Shop) -> None:
    create(shop, "mug-1", glaze="celadon")
    one = shop.post(
        "/api/public/products-by-id/mug-1/set_attribute/", {"attribute": "glaze", "value": "ash"}
    )
    assert (one.status_code, one.json()["glaze"]) == (200, "ash")
    many = shop.post("/api/public/products/1/set_multiple_attributes/", {"glaze": None, "price": 2})
    assert many.status_code == 200
    assert "glaze" not in many.json()
    assert many.json()["price"] == 2.0
    for body in ({"value": 1}, {"attribute": ""}, {"attribute": 5, "value": 1}):
        refused = shop.post("/api/public/products/1/set_attribute/", body)
        assert refused.json() == {"attribute": ["This field is required."]}
    refused = shop.post("/api/public/products/1/set_attribute/", {"attribute": "glaze"})
    assert refused.json() == {"value": ["This field is required."]}


@both_engines
def test_a_deleted_product_leaves_lists_and_comes_back(shop: Shop) -> None:
    made = create(shop, **MUG)
    assert shop.delete("/api/public/products-by-id/mug-1/").status_code == 204
    assert shop.get(f"/api/public/products/{made['id']}/").status_code == 404
    assert shop.delete(f"/api/public/products/{made['id']}/").status_code == 404
    assert shop.put(f"/api/public/products/{made['id']}/", {"name": "x"}).status_code == 404
    assert shop.get("/api/public/products/").json()["count"] == 0
    again = shop.post("/api/public/products/", {"custom_id": "mug-1"})
    assert (again.status_code, again.json()) == (201, made)
    assert shop.get("/api/public/products/").json()["results"] == [made]


@both_engines
def test_a_value_that_does_not_fit_is_set_aside_and_the_rest_is_taken(shop: Shop) -> None:
    answer = shop.post(
        "/api/public/products/", {"custom_id": "mug-1", "price": "cheap", "name": "Mug"}
    )
    assert answer.status_code == 201
    assert (answer.json()["price"], answer.json()["name"]) == (None, "Mug")
    [aside] = shop.get("/api/v1/set-aside-values?kind=product").json()["results"]
    assert (aside["object_id"], aside["attribute"], aside["raw"]) == (1, "price", '"cheap"')
    assert aside["code"] == "not_a_number"


@both_engines
def test_the_later_of_two_writes_wins_also_within_one_millisecond(shop: Shop, world: World) -> None:
    create(shop, "mug-1", price=1)
    assert create(shop, "mug-1", price=2)["price"] == 2.0
    assert shop.put("/api/public/products/1/", {"price": None}).json()["price"] is None
    assert create(shop, "mug-1", price=4)["price"] == 4.0


@both_engines
def test_lists_are_paged_both_ways_by_following_urls(shop: Shop) -> None:
    made = [create(shop, f"p{number}", name=f"Thing {number}") for number in range(5)]
    create(shop, "other")
    page = shop.get("/api/public/products/?limit=2&search=thing").json()
    assert page["count"] == 5
    assert page["previous"] is None
    seen = [page["results"]]
    while page["next"]:
        assert "/api/public/products/?limit=2&search=thing&cursor=" in page["next"]
        page = shop.get(page["next"]).json()
        seen.append(page["results"])
    assert [one for part in seen for one in part] == made
    assert [len(part) for part in seen] == [2, 2, 1]
    back = [page["results"]]
    while page["previous"]:
        page = shop.get(page["previous"]).json()
        back.append(page["results"])
    assert back == seen[::-1]


def test_a_page_holds_at_most_100(shop: Shop) -> None:
    for number in range(101):
        create(shop, f"p{number}")
    for query in ("", "?limit=500", "?page_size=100"):
        page = shop.get(f"/api/public/products/{query}").json()
        assert (len(page["results"]), page["count"]) == (100, 101)
        assert len(shop.get(page["next"]).json()["results"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("cursor=%21", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCxmYWxzZV0", "cursor"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=%C2%B2", "limit"),
        ("page_size=x", "page_size"),
        ("search=%00", "non_field_errors"),
        ("search=%ED%A0%80", "non_field_errors"),
    ],
)
def test_a_broken_query_is_refused_by_name(shop: Shop, query: str, field: str) -> None:
    answer = shop.get(f"/api/public/products/?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@both_engines
def test_products_are_found_by_name_or_custom_id(shop: Shop) -> None:
    mug = create(shop, **MUG)
    create(shop, "100%_wool", name="Scarf")
    for query in ("search=MUG", "name=mug", "query=ug"):
        assert shop.get(f"/api/public/products/search/?{query}").json()["results"] == [mug]
    assert shop.get("/api/public/products/search/?custom_id=mug-1").json() == mug
    found = shop.get("/api/public/products/search/?search=0%25_").json()["results"]
    assert [one["custom_id"] for one in found] == ["100%_wool"]
    assert shop.get("/api/public/products/search/?search=1_0").json()["results"] == []
    assert shop.get("/api/public/products/search/?custom_id=x").status_code == 404
    assert shop.get("/api/public/products/search/").status_code == 400


@both_engines
def test_the_other_workspace_sees_no_products(shop: Shop, rival: Shop) -> None:
    mine = create(shop, **MUG)
    theirs = create(rival, "mug-1", name="Theirs")
    assert theirs["id"] != mine["id"]
    assert rival.get("/api/public/products/").json()["results"] == [theirs]
    assert rival.get("/api/public/products/search/?search=celadon").json()["results"] == []
    for path in (
        f"/api/public/products/{mine['id']}/",
        f"/api/v1/products/by-id/{mine['id']}",
    ):
        assert rival.get(path).status_code == 404
    for method in ("PUT", "PATCH", "DELETE"):
        path = f"/api/public/products/{mine['id']}/"
        assert rival.ask(method, path, json={"name": "x"}).status_code == 404
    assert [one["id"] for one in rival.get("/api/v1/products").json()["results"]] == [theirs["id"]]
    assert shop.get(f"/api/public/products/{mine['id']}/").json() == mine
