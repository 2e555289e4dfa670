"""What somebody with bad intent sends to the console, beyond a wrong workspace or no token."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from footfall.workspaces.api import csrf_token
from tests.console.house import House, Visitor

HOSTILE = "x\"'><img src=x onerror=hacked()><script>hacked()</script>{{7777*7777}}"
#: What stands in a page only where that text became more than text. Prepared by a quote that ends
#: an attribute, or as an element.
RUNS = re.compile(r"<img src=x|<script>hacked|x\"'>|x&#34;'>|60481729")


def find(visitor: Visitor, path: str) -> int:
    """Return the id of the only object of a list of the API."""
    api = visitor.api()
    [found] = api.every(path)
    api.close()
    return int(found["id"])


@pytest.fixture
def rival(house: House) -> Iterator[Visitor]:
    """An owner of another workspace."""
    with house.visitor("owner") as visitor:
        yield visitor


def test_names_of_settings_lists_tags_and_files_are_text(owner: Visitor) -> None:
    api = owner.api()
    contact = "/api/v1/contacts/anna"
    assert api.request("PUT", contact, {"attributes": {HOSTILE: HOSTILE}}, Prefer="wait")[0] == 201
    assert api.request("PATCH", "/api/v1/me", {})[0] == 403
    number = find(owner, "/api/v1/contacts")
    owner.post(f"/contacts/{number}/tags", {"add": HOSTILE})
    listed = owner.post("/contact-lists", {"name": HOSTILE})
    list_id = listed.headers["location"].rpartition("=")[2]
    owner.post(f"/contacts/{number}/lists", {"add": list_id})
    assert api.request("POST", "/api/v1/tokens", {"name": HOSTILE, "scope": "read"})[0] == 201
    assert api.request("POST", "/api/v1/app-keys", {"name": HOSTILE})[0] == 201
    assert api.request("PATCH", "/api/v1/workspace", {"name": HOSTILE})[0] == 200
    uploaded = owner.http.post(
        owner.path("/transfer/imports"),
        params={"kind": "products", "csrf_token": csrf_token(owner.session)},
        files={"file": (f"{HOSTILE}.csv", f"sku;{HOSTILE}\n{HOSTILE};1\n")},
    )
    api.close()
    shown = 0
    for path in (
        f"/contacts/{number}",
        f"/contacts/{number}/merge",
        f"/contacts?list={list_id}",
        "/contact-lists",
        "/settings/api-keys",
        "/settings/app-keys",
        "/settings/workspaces",
        "/settings/audit",
        "/settings",
        "/attributes?kind=contact",
        "/install",
        "/transfer",
        uploaded.headers["location"].removeprefix(owner.path("")),
    ):
        page = owner.http.get(owner.path(path), follow_redirects=True)
        assert page.status_code == 200, path
        assert not RUNS.search(page.text), path
        shown += "&lt;script&gt;hacked()" in page.text
    assert shown == 13


def test_other_workspaces_numbers_in_ones_own_forms_reach_nothing(
    owner: Visitor, rival: Visitor
) -> None:
    api = owner.api()
    for kind, name in (("products", "mug"), ("contacts", "anna"), ("contacts", "ben")):
        body = {"attributes": {}}
        assert api.request("PUT", f"/api/v1/{kind}/{name}", body, Prefer="wait")[0] == 201
    product = find(owner, "/api/v1/products")
    anna, ben = (int(one["id"]) for one in api.every("/api/v1/contacts"))
    token = int(api.request("GET", "/api/v1/tokens")[1]["results"][0]["id"])
    owner.post("/contact-lists", {"name": "VIP"})
    vip = int(api.request("GET", "/api/v1/contact-lists")[1]["results"][0]["id"])
    for path, fields in (
        (f"/products/{product}/edit", {"value-name": "stolen"}),
        (f"/products/{product}/delete", {}),
        (f"/products/{product}/revive", {}),
        (f"/contacts/{anna}/attributes", {"name": "first_name", "value": "stolen"}),
        (f"/contacts/{anna}/tags", {"add": "stolen"}),
        (f"/contacts/{anna}/lists", {"add": str(vip)}),
        (f"/contact-lists/{vip}/rename", {"name": "stolen"}),
        (f"/contact-lists/{vip}/archive", {}),
        (f"/contact-lists/{vip}/restore", {}),
        (f"/contacts/{anna}/merge", {"into": str(ben)}),
        (f"/contacts/{anna}/delete", {}),
        (f"/settings/api-keys/{token}", {"name": "stolen"}),
        (f"/settings/api-keys/{token}/revoke", {}),
    ):
        answer = rival.post(path, fields)
        assert answer.status_code == 404, (path, answer.status_code)
    for path in (
        f"/products/{product}",
        f"/contacts/{anna}",
        f"/charts/products/{product}/chart.png",
    ):
        assert rival.get(path).status_code == 404, path
    own = rival.api()
    assert own.request("PUT", "/api/v1/contacts/eve", {"attributes": {}}, Prefer="wait")[0] == 201
    eve = find(rival, "/api/v1/contacts")
    for path, fields in (
        (f"/contacts/{eve}/merge", {"into": str(anna)}),
        (f"/contacts/{eve}/lists", {"add": str(vip)}),
    ):
        assert rival.post(path, fields).status_code == 404, path
    assert "stolen" not in str(api.request("GET", "/api/v1/products/mug"))
    assert {one["custom_id"] for one in api.every("/api/v1/contacts")} == {"anna", "ben"}
    api.close()
    own.close()


def test_a_password_is_in_no_page_not_even_in_the_calls_of_the_api(owner: Visitor) -> None:
    fields = {"current_password": "a guess of mine", "new_password": "nine blue mugs here"}
    answer = owner.post("/account/password", fields)
    assert answer.status_code == 400
    assert "/api/v1/me/password" in answer.text
    for password in fields.values():
        assert password not in answer.text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_choice_of_colours_leads_to_no_other_site(owner: Visitor, target: str) -> None:
    for headers in ({}, {"hx-request": "true"}):
        answer = owner.http.post(
            owner.path("/theme"),
            data={"csrf_token": csrf_token(owner.session), "theme": "dark", "next": target},
            headers=headers,
        )
        led = answer.headers.get("location") or answer.headers["hx-redirect"]
        assert led == "/"


@pytest.mark.parametrize("value", ["x", "x.y", "e30=.", "e30=.\u00e9", "."])
def test_a_notice_that_is_not_ours_is_not_shown(owner: Visitor, value: str) -> None:
    cookie = f"footfall_session={owner.session}; footfall_notice={value}"
    answer = owner.http.get(owner.path("/account"), headers={"cookie": cookie.encode("latin-1")})
    assert answer.status_code == 200
    assert 'class="notice' not in answer.text


def test_the_token_of_another_sessions_forms_is_no_token(owner: Visitor, rival: Visitor) -> None:
    foreign = csrf_token(rival.session)
    by_field = owner.http.post(owner.path("/theme"), data={"csrf_token": foreign})
    by_header = owner.http.post(owner.path("/theme"), headers={"x-csrf-token": foreign})
    # As another site's form could be sent, whose body is like a form of ours.
    as_text = owner.http.post(
        owner.path("/theme"),
        content=f"csrf_token={csrf_token(owner.session)}",
        headers={"content-type": "text/plain"},
    )
    in_address = owner.http.post(
        owner.path("/theme"), params={"csrf_token": csrf_token(owner.session)}
    )
    foreign_site = owner.http.post(
        owner.path("/theme"),
        data={"csrf_token": csrf_token(owner.session)},
        headers={"sec-fetch-site": "cross-site"},
    )
    for answer in (by_field, by_header, as_text, in_address, foreign_site):
        assert answer.status_code == 403


def test_a_number_that_is_too_long_is_a_mistake_and_no_fault(owner: Visitor) -> None:
    api = owner.api()
    assert api.request("PUT", "/api/v1/contacts/anna", {"attributes": {}}, Prefer="wait")[0] == 201
    api.close()
    anna, long = find(owner, "/api/v1/contacts"), "9" * 5_000
    for answer in (
        owner.get(f"/contacts/{anna}/merge", into=long),
        owner.post(f"/contacts/{anna}/merge", {"into": long}),
        owner.post(f"/contacts/{anna}/lists", {"add": long}),
        owner.get(f"/contacts/{long}"),
        owner.get(f"/products/{long}"),
        owner.http.get(f"/w/{long}/"),
        owner.get("/live/stream", after=long),
        owner.post("/settings/api-keys", {"name": "x", "requests_per_second": long}),
        owner.post("/settings/app-keys", {"name": "x", "events_per_second": long}),
    ):
        assert answer.status_code < 500, (answer.request.method, answer.url.path[:30])


def test_of_two_undos_at_once_one_counts(owner: Visitor) -> None:
    api = owner.api()
    for name in ("anna", "ben"):
        body = {"attributes": {}}
        assert api.request("PUT", f"/api/v1/contacts/{name}", body, Prefer="wait")[0] == 201
    anna, ben = (int(one["id"]) for one in api.every("/api/v1/contacts"))
    with ThreadPoolExecutor(4) as pool:
        merge = f"/api/v1/contacts/by-id/{anna}/merge"
        merged = list(pool.map(lambda _: api_status(owner, merge, {"into": ben}), range(4)))
        merges = api.request("GET", f"/api/v1/contacts/by-id/{ben}/merges")[1]["results"]
        undo = f"/api/v1/contacts/merges/{merges[0]['id']}/undo"
        undone = list(pool.map(lambda _: api_status(owner, undo, None), range(4)))
    assert len(merges) == 1
    assert [max(merged), max(undone)] < [500, 500]
    assert sum(status < 300 for status in undone) == 1
    assert {one["custom_id"] for one in api.every("/api/v1/contacts")} == {"anna", "ben"}
    api.close()


def api_status(visitor: Visitor, path: str, body: object) -> int:
    """Return how the API answers a write, over a connection of its own."""
    api = visitor.api()
    status = int(api.request("POST", path, body)[0])
    api.close()
    return status


def test_the_page_of_uploads_holds_no_form_of_any_size_in_memory(owner: Visitor) -> None:
    token = csrf_token(owner.session)
    # In the body it would be read before it is known whose it is.
    for content_type in ("application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=x"):
        answer = owner.http.post(
            owner.path("/transfer/imports"),
            content=f"csrf_token={token}",
            headers={"content-type": content_type},
        )
        assert (answer.status_code, "This form is too old" in answer.text) == (403, True)
