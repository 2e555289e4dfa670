"""Our own API: products, contacts, the workspace's settings, and what surrounds them."""

import pytest

from footfall.kernel.instants import Instant
from footfall.workspaces.api import revoke_token
from tests.wire.shops import NOON, Shop, Town, World, both_engines


@both_engines
def test_a_product_is_put_read_patched_and_deleted(shop: Shop) -> None:
    put = shop.put("/api/v1/products/mug%2F1", {"attributes": {"name": "Mug", "price": "2 EUR"}})
    made = {
        "id": 1,
        "custom_id": "mug/1",
        "name": "Mug",
        "attributes": put.json()["attributes"],
        "created_at": "2026-01-01T12:00:00.000Z",
        "updated_at": "2026-01-01T12:00:00.000Z",
    }
    assert (put.status_code, put.json()) == (201, {**made, "set_aside": []})
    assert (made["attributes"]["name"], made["attributes"]["price"]) == ("Mug", 2.0)
    assert shop.get("/api/v1/products/mug%2F1").json() == made
    assert shop.get("/api/v1/products/by-id/1/").json() == made
    again = shop.put("/api/v1/products/mug%2F1", {"attributes": {"price": "?", "name": None}})
    assert again.status_code == 200
    assert again.json()["name"] is None
    assert again.json()["set_aside"][0]["code"] == "not_a_number"
    patched = shop.patch("/api/v1/products/mug%2F1", {"attributes": {"name": "Cup"}})
    assert (patched.status_code, patched.json()["name"]) == (200, "Cup")
    assert shop.patch("/api/v1/products/nope", {"attributes": {}}).status_code == 404
    assert shop.delete("/api/v1/products/mug%2F1").status_code == 204
    assert shop.get("/api/v1/products/mug%2F1").json()["code"] == "product_not_found"
    assert shop.put("/api/v1/products/mug%2F1", {}).status_code == 201


@pytest.mark.parametrize("kind", ["products", "contacts"])
def test_a_thing_may_be_called_like_a_part_of_the_address(shop: Shop, kind: str) -> None:
    made = shop.put(f"/api/v1/{kind}/by-id", {"attributes": {"name": "Tricky"}})
    assert (made.status_code, made.json()["custom_id"]) == (201, "by-id")
    for path in ("by-id", "by-id/", f"by-id/{made.json()['id']}"):
        found = shop.get(f"/api/v1/{kind}/{path}")
        assert (found.status_code, found.json()["custom_id"]) == (200, "by-id")
    assert shop.patch(f"/api/v1/{kind}/by-id", {}).status_code == 200
    assert shop.delete(f"/api/v1/{kind}/by-id").status_code == 204


def test_lists_go_on_at_the_cursor(shop: Shop) -> None:
    for number in range(3):
        shop.put(f"/api/v1/products/p{number}", {"attributes": {"name": f"Thing {number}"}})
        shop.put(f"/api/v1/contacts/c{number}", {})
    for path in ("products", "contacts"):
        first = shop.get(f"/api/v1/{path}?limit=2").json()
        assert [one["id"] for one in first["results"]] == [1, 2]
        rest = shop.get(f"/api/v1/{path}?limit=2&cursor={first['next']}").json()
        assert ([one["id"] for one in rest["results"]], rest["next"]) == ([3], None)
        for wrong in ("limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=%00"):
            refused = shop.get(f"/api/v1/{path}?{wrong}")
            assert refused.status_code == 400
            assert refused.headers["content-type"] == "application/problem+json"


@both_engines
def test_a_contact_is_put_read_patched_and_deleted(shop: Shop) -> None:
    body = {"email": "Ann@shop.test", "key": "abcdefghijkl", "attributes": {"city": "Łódź"}}
    put = shop.put("/api/v1/contacts/ann%401", body)
    made = {
        "id": 1,
        "custom_id": "ann@1",
        "email": "ann@shop.test",
        "key": "abcdefghijkl",
        "phone_number": None,
        "attributes": {"city": "Łódź"},
        "created_at": "2026-01-01T12:00:00.000Z",
        "updated_at": "2026-01-01T12:00:00.000Z",
    }
    assert (put.status_code, put.json()) == (201, {**made, "set_aside": []})
    for path in ("ann@1", "by-id/1"):
        assert shop.get(f"/api/v1/contacts/{path}").json() == {**made, "lists": []}
    for query in ("email=ann@shop.test", "key=abcdefghijkl"):
        assert shop.get(f"/api/v1/contacts?{query}").json()["results"] == [made]
    patched = shop.patch("/api/v1/contacts/ann@1", {"email": None, "attributes": {"city": None}})
    assert (patched.json()["email"], patched.json()["attributes"]) == (None, {})
    assert shop.get("/api/v1/contacts?email=ann@shop.test").json()["results"] == []
    among = shop.patch("/api/v1/contacts/ann@1", {"attributes": {"Email": "a@b.test"}})
    assert among.json()["errors"][0]["pointer"] == "/attributes/Email"
    assert shop.delete("/api/v1/contacts/ann@1").status_code == 204
    assert shop.get("/api/v1/contacts/by-id/1").status_code == 404
    assert shop.get("/api/v1/contacts").json() == {"results": [], "next": None}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"attribute": {}}, "/attribute"),
        ({"attributes": []}, "/attributes"),
        ([], ""),
        ("x", ""),
        (None, ""),
    ],
)
def test_a_body_of_the_wrong_shape_is_explained(shop: Shop, body: object, pointer: str) -> None:
    answer = shop.put("/api/v1/products/p", body)
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["status"] == 400
    assert [found["pointer"] for found in problem["errors"]] == [pointer]
    assert problem["errors"][0]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "products?name=mug",
        "contacts?custom_id=anna",
        "attributes?type=product",
        "set-aside-values?kind=product&product=p",
    ],
)
def test_a_filter_that_there_is_not_is_refused_and_not_passed_over(shop: Shop, path: str) -> None:
    answer = shop.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    twice = shop.get("/api/v1/products?search=a&search=b")
    assert (twice.status_code, twice.json()["code"]) == (400, "repeated_parameter")


@both_engines
def test_settings_are_read_and_changed(shop: Shop, rival: Shop) -> None:
    before = shop.get("/api/v1/workspace").json()
    assert before == {
        "id": shop.scope.workspace_id,
        "name": "shop",
        "time_zone": "UTC",
        "currency": None,
        "created_at": "2026-01-01T12:00:00.000Z",
        "require_signed_contacts": False,
        "browser_attributes": None,
    }
    changes = {"time_zone": "Europe/Warsaw", "currency": "pln"}
    changed = shop.patch("/api/v1/workspace/", changes)
    assert changed.status_code == 200
    assert changed.json() == {**before, "time_zone": "Europe/Warsaw", "currency": "PLN"}
    assert shop.patch("/api/v1/workspace", {}).json() == changed.json()
    assert rival.get("/api/v1/workspace").json()["time_zone"] == "UTC"
    for wrong in ({"time_zone": "Mars"}, {"currency": "zloty"}, {"colour": "red"}, {"name": ""}):
        assert shop.patch("/api/v1/workspace", wrong).status_code == 400
    taken = shop.patch("/api/v1/workspace", {"name": "rival"})
    assert (taken.status_code, taken.json()["code"]) == (409, "workspace_exists")
    assert shop.patch("/api/v1/workspace", {"currency": None}).json()["currency"] is None


WRITES = [
    ("POST", "/api/public/products/", {"custom_id": "a"}),
    ("POST", "/api/public/users/update_or_create/", {"custom_id": "a"}),
    ("POST", "/api/public/attributes/", {"content_type": "product", "name": "a"}),
    ("PUT", "/api/v1/products/a", {}),
    ("PATCH", "/api/v1/workspace", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_every_write_can_wait_until_it_is_visible(
    shop: Shop, world: World, method: str, path: str, body: dict[str, str]
) -> None:
    body = {"value_type": "string", **body} if "content_type" in body else body
    waited = shop.ask(method, path, json=body, headers={"prefer": "wait=5"})
    assert waited.status_code < 300
    assert waited.headers["preference-applied"] == "wait"
    assert world.waited == [5.0]
    world.settles = False
    body = {**body, "name": "other"} if "content_type" in body else body
    late = shop.ask(method, path, json=body, headers={"prefer": "return=minimal, wait"})
    assert late.status_code < 300
    assert "preference-applied" not in late.headers
    assert world.waited == [5.0, 10.0]


def test_nothing_waits_for_reads_and_refused_writes(shop: Shop, world: World) -> None:
    shop.get("/api/v1/workspace", headers={"prefer": "wait"})
    shop.put("/api/v1/products/a", [], headers={"prefer": "wait"})
    assert world.waited == []


def test_rights_of_keys(town: Town) -> None:
    scope = town.shop.scope
    reader, writer = town.with_key(scope, "read"), town.with_key(scope, "write")
    assert reader.get("/api/public/products/").status_code == 200
    for method, path, body in WRITES:
        refused = reader.ask(method, path, json=body)
        assert refused.status_code == 403
    compatible = reader.post("/api/public/products/", {"custom_id": "a"})
    assert compatible.json() == {"detail": "This token may not write."}
    assert writer.post("/api/public/products/", {"custom_id": "a"}).status_code == 201
    assert writer.get("/api/public/products/").status_code == 403
    assert writer.get("/api/v1/products/a").json()["code"] == "forbidden"


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer"])
def test_tokens_are_taken_in_each_spelling(shop: Shop, scheme: str) -> None:
    headers = {"AUTHORIZATION": f"{scheme} {shop.token}"}
    assert shop.get("/api/public/products/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "authorization", ["", "Token", "Token x", "Basic eA==", "Token " + "a" * 64, "Token é"]
)
def test_without_a_known_token_nothing_is_told(shop: Shop, authorization: str) -> None:
    headers = {"authorization": authorization.encode()}
    for path, key in (("/api/public/products/", "detail"), ("/api/v1/products", "code")):
        answer = shop.get(path, headers=headers)  # type: ignore[arg-type]  # bytes, on purpose
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Token"
        assert key in answer.json()
    # Nor is a body read before the token is known.
    big = shop.ask("POST", "/api/public/products/", content=b"{", headers=headers)
    assert big.status_code == 401


def test_a_revoked_token_ends_within_a_second(town: Town) -> None:
    client = town.with_key(town.shop.scope, "read")
    assert client.get("/api/v1/workspace").status_code == 200
    with town.state.write() as conn:
        revoke_token(conn, town.shop.scope, "test", NOON)
    town.world.now = Instant(NOON + 1_000)
    assert client.get("/api/v1/workspace").status_code == 401


def test_writes_move_the_projector(shop: Shop, world: World) -> None:
    before = world.changes
    shop.put("/api/v1/products/a", {})
    assert world.changes == before + 1
    shop.get("/api/v1/products/a")
    assert world.changes == before + 1


FULL_RIGHTS = [
    ("POST", "/api/v1/app-keys", {"name": "pages"}),
    ("PATCH", "/api/v1/workspace", {"name": "stolen"}),
    ("PATCH", "/api/v1/app-keys/{key}", {"name": "stolen"}),
    ("DELETE", "/api/v1/app-keys/{key}", None),
    ("GET", "/api/v1/identity-secret", None),
    ("POST", "/api/v1/identity-secret", None),
]


def test_keys_and_the_identity_secret_are_for_tokens_that_may_read_and_write(town: Town) -> None:
    shop = town.shop
    key = shop.post("/api/v1/app-keys", {"name": "pages"}).json()
    before = [shop.get(f"/api/v1/{path}").json() for path in ("app-keys", "identity-secret")]
    for scope in ("read", "write"):
        client = town.with_key(shop.scope, scope)
        for method, path, body in FULL_RIGHTS:
            refused = client.ask(method, path.format(key=key["key"]), json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), path
    reader = town.with_key(shop.scope, "read")
    assert reader.get("/api/v1/app-keys").json() == {"results": [key]}
    after = [shop.get(f"/api/v1/{path}").json() for path in ("app-keys", "identity-secret")]
    assert after == before


def test_app_keys_are_made_changed_and_revoked(shop: Shop, rival: Shop) -> None:
    body = {"name": "pages", "allowed_origins": ["https://Shop.example"], "events_per_second": 5}
    made = shop.post("/api/v1/app-keys", body)
    assert made.status_code == 201
    key = made.json()["key"]
    assert made.json() == {
        "key": key,
        "name": "pages",
        "allowed_origins": ["https://shop.example"],
        "events_per_second": 5,
        "created_at": "2026-01-01T12:00:00.000Z",
        "revoked_at": None,
    }
    address = f"/api/v1/app-keys/{key}"
    changed = shop.patch(address, {"events_per_second": None})
    assert changed.json() == {**made.json(), "events_per_second": None}
    for wrong in ({"allowed_origins": ["shop"]}, {"events_per_second": 0}, {"colour": "red"}):
        assert shop.patch(address, wrong).status_code == 400
        assert shop.post("/api/v1/app-keys", {"name": "x", **wrong}).status_code == 400
    for method in ("PATCH", "DELETE"):
        assert rival.ask(method, address, json={}).status_code == 404
        assert shop.ask(method, "/api/v1/app-keys/pages", json={}).status_code == 404
    assert shop.delete(address).status_code == 204
    [revoked] = shop.get("/api/v1/app-keys").json()["results"]
    assert revoked == {**changed.json(), "revoked_at": "2026-01-01T12:00:00.000Z"}
