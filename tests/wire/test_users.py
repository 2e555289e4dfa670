"""Users in the compatible API: rows U1 to U8, U10 and U11 of the wire contract."""

from typing import Any

import pytest
from sqlalchemy import select

from footfall.state.schema import contact_erasures, contact_identities, contacts, dirty_objects
from tests.wire.shops import NOON_TEXT, Shop, Town, World, both_engines

#: The answer of the second version about whom nothing is known.
BARE: dict[str, Any] = {
    "custom_id": None,
    "user_key": None,
    "email": None,
    "phone_number": None,
    "first_name": None,
    "last_name": None,
    "name": None,
    "gender": "unknown",
    "status": "visitor",
    "score": None,
    "unsubscribed": False,
    "country": None,
    "region": None,
    "city": None,
    "tags": [],
    "notifications": None,
    "browser_language": None,
    "first_seen": NOON_TEXT,
    "last_seen": NOON_TEXT,
    "companies": [],
    "lists": [],
    "page_views": 0,
    "gravatar_url": None,
    "web_push_subscription": False,
    "created_at": NOON_TEXT,
    "updated_at": NOON_TEXT,
}
ANN = {
    "custom_id": "ann@1",
    "email": "ann@shop.test",
    "first_name": "Ann",
    "last_name": "Lee",
    "gender": "female",
    "phone_number": "+48123456789",
    "score": 3,
    "shoe_size": "38",
}
ANN_ANSWER = {**BARE, **ANN, "id": 1, "name": "Ann Lee", "status": "user"}


def create(shop: Shop, **body: Any) -> dict[str, Any]:
    answer = shop.post("/api/public/users/", body)
    assert answer.status_code in {200, 201}, answer.text
    user: dict[str, Any] = answer.json()
    return user


def names(user: dict[str, Any]) -> list[str]:
    return [tag["name"] for tag in user["tags"]]


@pytest.mark.parametrize("path", ["/api/public/users/", "/api/public/users-by-id/"])
def test_a_user_is_created_and_answered_in_the_second_version(shop: Shop, path: str) -> None:
    answer = shop.post(path, ANN)
    assert (answer.status_code, answer.json()) == (201, ANN_ANSWER)
    assert shop.get("/api/public/users/1/").json() == ANN_ANSWER
    assert shop.get("/api/public/users-by-id/ann@1/").json() == ANN_ANSWER


def test_the_first_version_has_its_own_names(shop: Shop) -> None:
    shop.accept = "*/*"
    body = {"user_id": "ann@1", "email": "ann@shop.test", "key": "abcdefghijkl", "Shoe size": 38}
    answer = shop.post("/api/public/users/", body)
    assert answer.status_code == 201
    user = answer.json()
    assert (user["user_id"], user["key"], user["email"]) == ("ann@1", "abcdefghijkl", body["email"])
    assert user["attributes"] == [
        {"id": 1, "name": "Shoe size", "name_std": "shoe_size", "value": "38"}
    ]
    assert not {"user_key", "shoe_size"} & user.keys()
    assert shop.get("/api/public/users-by-id/ann@1/").json() == user


def test_user_id_is_internal_in_the_second_version(shop: Shop) -> None:
    user = create(shop, user_id=5, email="ann@shop.test")
    assert user["custom_id"] is None
    assert "user_id" not in user


def test_numbers_are_taken_for_gender_and_status(shop: Shop) -> None:
    user = create(shop, custom_id="1", gender=2, status=1)
    assert (user["gender"], user["status"]) == ("male", "visitor")


def test_creating_a_known_user_updates_it_and_passes_over_nulls(shop: Shop) -> None:
    made = create(shop, **ANN)
    answer = shop.post("/api/public/users/", {"custom_id": "ann@1", "city": "Łódź", "email": None})
    assert (answer.status_code, answer.json()) == (200, {**made, "city": "Łódź"})


def test_a_user_without_identifiers_is_created(shop: Shop) -> None:
    assert create(shop, city="Łódź") == {**BARE, "id": 1, "city": "Łódź"}


@both_engines
def test_creation_tells_people_apart_as_events_do(shop: Shop) -> None:
    visitor = create(shop, user_key="abcdefghijkl", city="Łódź")
    known = create(shop, custom_id="ann@1", user_key="abcdefghijkl")
    assert known["id"] == visitor["id"]
    other = create(shop, email="ann@shop.test", score=7)
    assert other["id"] != known["id"]
    joined = create(shop, custom_id="ann@1", email="ann@shop.test")
    assert (joined["id"], joined["city"], joined["score"]) == (known["id"], "Łódź", 7)
    assert shop.get(f"/api/public/users/{other['id']}/").json() == joined
    assert shop.get("/api/public/users/").json()["count"] == 1


@pytest.mark.parametrize(("accept", "name"), [("*/*; version=2", "custom_id"), ("*/*", "user_id")])
def test_update_or_create_tells_which(shop: Shop, accept: str, name: str) -> None:
    shop.accept = accept
    path = "/api/public/users/update_or_create/"
    first = shop.post(path, {name: "ann@1", "tags": ["new"], "company_custom_id": "c1"})
    assert (first.status_code, first.json()) == (201, {"created": True, "id": 1})
    again = shop.post(path, {name: "ann@1", "first_name": "Ann", "tags": ["vip"]})
    assert (again.status_code, again.json()) == (200, {"created": False, "id": 1})
    assert names(shop.get("/api/public/users/1/").json()) == ["new", "vip"]
    refused = shop.post(path, {"first_name": "Ann", name: None})
    assert (refused.status_code, refused.json()) == (400, {name: ["This field is required."]})
    by_email = shop.post(path, {"email": "b@shop.test"})
    assert by_email.json() == {"created": True, "id": 2}


@both_engines
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_update_keeps_what_is_missing_and_clears_what_is_null(shop: Shop, method: str) -> None:
    made = create(shop, **ANN, tags=["a"])
    for path in ("/api/public/users/1/", "/api/public/users-by-id/ann%401/"):
        body = {"first_name": None, "shoe_size": None, "tags": ["b"], "custom_id": None}
        answer = shop.ask(method, path, json=body)
        changed = {**made, "first_name": None, "name": "Lee", "tags": answer.json()["tags"]}
        del changed["shoe_size"]
        assert (answer.status_code, answer.json()) == (200, changed)
        assert names(answer.json()) == ["a", "b"]


@pytest.mark.parametrize("accept", ["*/*; version=2", "*/*"])
def test_an_answer_can_be_sent_back_as_it_came(shop: Shop, accept: str) -> None:
    create(shop, **ANN, tags=["a"])
    shop.accept = accept
    user = shop.get("/api/public/users/1/").json()
    assert shop.put("/api/public/users/1/", user).json() == user


@both_engines
def test_an_email_moves_with_its_identity(shop: Shop) -> None:
    create(shop, custom_id="ann@1", email="old@shop.test")
    changed = shop.put("/api/public/users/1/", {"email": " New@Shop.test"}).json()
    assert changed["email"] == "new@shop.test"
    assert shop.get("/api/public/users/search/?email=old@shop.test").status_code == 404
    assert shop.get("/api/public/users/search/?email=NEW@shop.test").json() == changed
    assert create(shop, email="old@shop.test")["id"] == 2
    assert create(shop, email="new@shop.test")["id"] == 1
    cleared = shop.put("/api/public/users/1/", {"email": None}).json()
    assert cleared["email"] is None
    assert create(shop, email="new@shop.test")["id"] == 3


@both_engines
def test_a_custom_id_can_change_but_not_to_a_taken_one(shop: Shop) -> None:
    made = create(shop, custom_id="ann@1")
    create(shop, custom_id="bob@1")
    taken = shop.put("/api/public/users/1/", {"custom_id": "bob@1", "city": "Łódź"})
    assert taken.status_code == 400
    assert taken.json() == {"custom_id": ["Another contact has this custom id."]}
    assert shop.get("/api/public/users/1/").json() == made
    assert shop.put("/api/public/users/1/", {"custom_id": "ann/2"}).status_code == 200
    assert shop.get("/api/public/users-by-id/ann@1/").status_code == 404
    assert shop.get("/api/public/users-by-id/ann%2F2/").json()["id"] == 1
    assert create(shop, custom_id="ann@1")["id"] == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": ["a@b.test"]}, "email"),
        ({"email": "a" * 320 + "@b.test"}, "email"),
        ({"custom_id": {"a": 1}}, "custom_id"),
        ({"custom_id": True}, "custom_id"),
        ({"custom_id": "x" * 256}, "custom_id"),
        ({"custom_id": "a\nb"}, "custom_id"),
        ({"user_key": []}, "user_key"),
    ],
)
def test_a_wrong_identifier_is_refused_by_name(shop: Shop, body: Any, field: str) -> None:
    create(shop, custom_id="ann@1")
    for answer in (
        shop.post("/api/public/users/", body),
        shop.put("/api/public/users/1/", body),
        shop.post("/api/public/users/1/set_multiple_attributes/", body),
    ):
        if "user_key" in body and answer.status_code == 200:
            continue
        assert answer.status_code == 400
        assert list(answer.json()) == [field]
    assert shop.get("/api/public/users/").json()["count"] == 1


def test_search_by_email_answers_one_or_a_list(shop: Shop) -> None:
    first = create(shop, **ANN)
    create(shop, custom_id="bob@1")
    shop.put("/api/public/users-by-id/bob@1/", {"email": "ann@shop.test"})
    assert shop.get("/api/public/users/search/?email=ann@shop.test").json() == first
    for many in ("true", "1", "True"):
        found = shop.get(f"/api/public/users/search/?email=ann@shop.test&many={many}").json()
        assert [one["id"] for one in found] == [1, 2]
    assert shop.get("/api/public/users/search/?email=x@y.test&many=true").json() == []
    missing = shop.get("/api/public/users/search/?email=x@y.test")
    assert (missing.status_code, missing.json()) == (404, {"detail": "There is no such user."})
    assert list(shop.get("/api/public/users/search/?email=x").json()) == ["email"]
    assert shop.get("/api/public/users/search/").status_code == 400


def test_search_by_key_phone_and_custom_id(shop: Shop) -> None:
    user = create(shop, **ANN, user_key="abcdefghijkl")
    assert shop.get("/api/public/users/search/?key=abcdefghijkl").json() == user
    assert shop.get("/api/public/users/search/?key=nobody").status_code == 404
    page = shop.get("/api/public/users/search/?phone_number=%2B48123456789").json()
    assert page == {"count": 1, "next": None, "previous": None, "results": [user]}
    assert shop.get("/api/public/users-by-id/search/?user_id=ann%401").json() == user


def test_a_plus_that_is_not_encoded_is_one(shop: Shop) -> None:
    """Integrations put addresses and numbers into the query as they are."""
    user = create(shop, **{**ANN, "email": "ann+shop@shop.test"})
    assert shop.get("/api/public/users/search/?email=ann+shop@shop.test").json() == user
    page = shop.get("/api/public/users/search/?phone_number=+48123456789").json()
    assert page["results"] == [user]
    spaced = create(shop, custom_id="b", phone_number="+48 600 100 200")
    page = shop.get("/api/public/users/search/?phone_number=%2B48%20600%20100%20200").json()
    assert page["results"] == [spaced]


def test_an_empty_map_may_be_written_as_an_empty_list(shop: Shop) -> None:
    """PHP does so."""
    made = create(shop, **ANN)
    for path in ("/api/public/users/1/", "/api/public/users-by-id/ann@1/set_multiple_attributes/"):
        method = "POST" if "set" in path else "PUT"
        answer = shop.ask(method, path, json=[])
        assert (answer.status_code, answer.json()) == (200, made)
    refused = shop.post("/api/public/products/", [])
    assert refused.json() == {"custom_id": ["This field is required."]}
    assert shop.put("/api/v1/contacts/ann@1", []).status_code == 400


def test_lists_are_paged(shop: Shop) -> None:
    made = [create(shop, custom_id=f"u{number}") for number in range(3)]
    page = shop.get("/api/public/users?page_size=2").json()
    assert (page["count"], page["results"]) == (3, made[:2])
    rest = shop.get(page["next"]).json()
    assert rest["results"] == made[2:]
    assert shop.get(rest["previous"]).json()["results"] == made[:2]
    assert shop.get("/api/public/users/?search=first_seen&min=1&max=2").status_code == 400


def test_attributes_are_set_one_by_one_or_together(shop: Shop) -> None:
    create(shop, **ANN)
    for path in ("/api/public/users/1/", "/api/public/users-by-id/ann@1/"):
        one = shop.post(f"{path}set_attribute/", {"attribute": "shoe_size", "value": 39})
        assert (one.status_code, one.json()["shoe_size"]) == (200, "39")
        many = shop.post(f"{path}set_multiple_attributes/", {"city": "Łódź", "shoe_size": None})
        assert (many.status_code, many.json()["city"]) == (200, "Łódź")
        assert "shoe_size" not in many.json()
    mail = shop.post(
        "/api/public/users/1/set_attribute/", {"attribute": "email", "value": "a@b.test"}
    )
    assert mail.json()["email"] == "a@b.test"


@both_engines
def test_a_deleted_user_loses_everything_at_once(shop: Shop, town: Town) -> None:
    create(shop, **ANN, user_key="abcdefghijkl", birthday="x")
    visitor = create(shop, email="second@shop.test", city="Łódź")
    create(shop, custom_id="ann@1", email="second@shop.test")
    assert shop.delete("/api/public/users-by-id/ann@1/").status_code == 204
    for user_id in (1, visitor["id"]):
        assert shop.get(f"/api/public/users/{user_id}/").status_code == 404
        assert shop.put(f"/api/public/users/{user_id}/", {"city": "x"}).status_code == 404
        assert shop.delete(f"/api/public/users/{user_id}/").status_code == 404
    assert shop.get("/api/public/users/search/?key=abcdefghijkl").status_code == 404
    with town.state.read() as conn:
        rows = conn.execute(select(contacts)).all()
        identities = conn.execute(select(contact_identities)).all()
        erasures = conn.execute(select(contact_erasures.c.contact_id)).scalars().all()
        dirty = conn.execute(select(dirty_objects.c.object_id, dirty_objects.c.revision)).all()
    assert identities == []
    assert sorted(erasures) == [1, visitor["id"]]
    for row in rows:
        assert (row.custom_id, row.key, row.email, row.phone_number) == (None,) * 4
        assert row.profile == "{}"
        assert row.deleted_at is not None
        assert (row.id, row.revision) in [tuple(one) for one in dirty]
    again = create(shop, custom_id="ann@1", email="ann@shop.test")
    assert again["id"] not in {1, visitor["id"]}
    assert (again["city"], again["first_name"]) == (None, None)


def test_a_deletion_waits_for_events_accepted_before(shop: Shop, world: World) -> None:
    made = create(shop, **ANN)
    world.catches_up = False
    answer = shop.delete("/api/public/users/1/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert list(answer.json()) == ["detail"]
    assert shop.get("/api/public/users/1/").json() == made


@both_engines
def test_the_other_workspace_sees_no_users(shop: Shop, rival: Shop) -> None:
    mine = create(shop, **ANN, user_key="abcdefghijkl")
    theirs = create(rival, custom_id="ann@1")
    assert theirs["id"] != mine["id"]
    assert rival.get("/api/public/users/").json()["results"] == [theirs]
    for query in (
        "email=ann@shop.test",
        "key=abcdefghijkl",
        "email=ann@shop.test&many=true",
        "phone_number=%2B48123456789",
    ):
        answer = rival.get(f"/api/public/users/search/?{query}")
        body = answer.json()
        assert answer.status_code == 404 or body == [] or body["results"] == []
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        path = f"/api/public/users/{mine['id']}/"
        options = {} if method in {"GET", "DELETE"} else {"json": {"city": "x"}}
        assert rival.ask(method, path, **options).status_code == 404
    path = f"/api/public/users/{mine['id']}/set_attribute/"
    assert rival.post(path, {"attribute": "city", "value": "x"}).status_code == 404
    assert rival.get(f"/api/v1/contacts/by-id/{mine['id']}").status_code == 404
    assert rival.delete(f"/api/v1/contacts/by-id/{mine['id']}").status_code == 404
    assert rival.get("/api/v1/contacts?email=ann@shop.test").json()["results"] == []
    assert rival.get("/api/v1/contacts?key=abcdefghijkl").json()["results"] == []
    assert [one["id"] for one in rival.get("/api/v1/contacts").json()["results"]] == [theirs["id"]]
    assert shop.get(f"/api/public/users/{mine['id']}/").json() == mine
