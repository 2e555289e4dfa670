"""The other workspace sees nothing: every list and every get of the OpenAPI document is asked.

A new route cannot be forgotten here: it is in the document, and if it takes a parameter that this
test does not know, the test fails and says so.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest

from tests.journeys.shop import Client, Shop

#: In every text that the first workspace stores, and in none of the second's.
MARK = "of-the-first"
#: Names that mean one thing in each workspace.
SHARED = "same-in-both"
#: They need no token, and tell of no workspace.
OPEN_TO_ALL = {"/healthz", "/readyz", "/metrics"}
#: It does not end; tests/ingest/test_stream.py asks it.
ENDLESS = {"/api/v1/events/stream"}
_PLACEHOLDER = re.compile(r"{(\w+)}")


class Workspace(NamedTuple):
    """A workspace and the ids of what is in it."""

    client: Client
    parameters: dict[str, list[str]]  #: values for each parameter that names something
    cursors: dict[str, str]  #: of each list of our own API


def _fill(client: Client, name: str) -> None:
    """Store something of every kind."""
    for kind in ("product", "contact"):
        definition = {"kind": kind, "name": f"size_{name}", "value_type": "integer"}
        assert client.request("POST", "/api/v1/attributes", definition)[0] == 201
    events = [
        {
            "event_type": "purchase",
            "user_custom_id": contact,
            "email": f"{contact}@{name}.example",
            "user_key": f"key-{contact}-{name}",
            "product_id": product,
            "event_id": f"{product}-{number}",
            "data": {
                "name": f"Mug {name}",
                f"size_{name}": f"wrong {name}",
                "custom_data": {"note": f"note {name}"},
            },
        }
        for number in range(3)
        for contact, product in ((f"anna {name}", f"mug {name}"), (SHARED, SHARED))
    ]
    assert client.request("POST", "/api/v1/tokens", {"name": f"till {name}"})[0] == 201
    app_key = {"name": name, "allowed_origins": [f"https://{name}.example"]}
    status, made, _ = client.request("POST", "/api/v1/app-keys", app_key)
    assert status == 201
    items = [
        {
            "kind": kind,
            "id": f"{kind}-1",
            "at": 1_700_000_000_000,
            "visitor": f"visitor-{name}",
            "session": f"session-{name}",
            "user_id": f"anna {name}",
            "name": f"signed up {name}" if kind == "event" else None,
            "page": {"url": f"https://{name}.example/"},
        }
        for kind in ("event", "page_view")
    ]
    path = f"/api/browser/v1/events/{made['key']}"
    origin = f"https://{name}.example"
    answer = client.request("POST", path, {"events": items}, Origin=origin)
    assert (answer[0], answer[1]["accepted"]) == (202, 2), answer
    broken = {"event_type": f"vieww {name}", "user_custom_id": name, "product_id": name}
    answer = client.request("POST", "/api/v1/events", [*events, broken], Prefer="wait=60")
    assert (answer[0], answer[1]["accepted"]) == (202, len(events)), answer
    assert answer[2]["preference-applied"] == "wait"
    for contact in (f"anna {name}", SHARED):
        attributes = {
            "first_name": f"Anna {name}",
            "phone_number": f"+48 {name}",
            f"size_{name}": f"wrong {name}",
        }
        path = f"/api/public/users-by-id/{quote(contact)}/"
        answer = client.request("PUT", path, attributes, Accept="*/*; version=2")
        assert answer[0] in {200, 201}, answer
    _fill_lists(client, name)


def _fill_lists(client: Client, name: str) -> None:
    """Store a cart, a list with somebody on it, a tag, a merge and an uploaded file."""
    anna = f"/api/v1/contacts/{quote(f'anna {name}')}"
    event = {"event_type": "add to cart", "user_custom_id": f"anna {name}"}
    status, _, _ = client.request(
        "POST", "/api/v1/events", [{**event, "product_id": f"mug {name}"}], Prefer="wait=60"
    )
    assert status == 202
    double = f"/api/v1/contacts/{quote(f'double {name}')}"
    assert client.request("PUT", double, {"attributes": {}}, Prefer="wait=60")[0] == 201
    anna_id, double_id = client.get(anna)["id"], client.get(double)["id"]
    merge = f"/api/v1/contacts/by-id/{double_id}/merge"
    assert client.request("POST", merge, {"into": anna_id}, Prefer="wait=60")[0] == 200
    assert (
        client.request("POST", f"{anna}/tags", {"add": [f"tag {name}"]}, Prefer="wait=60")[0] == 200
    )
    status, made, _ = client.request("POST", "/api/v1/contact-lists", {"name": f"list {name}"})
    assert status == 201
    members = f"/api/v1/contact-lists/{made['id']}/members"
    status, _, _ = client.request("POST", members, {"add": [anna_id]}, Prefer="wait=60")
    assert status == 200
    for subject in ("contact", "product"):
        condition = {"type": "product_event", "event_types": ["purchase"]}
        segment = {"subject": subject, "name": f"{subject}s {name}", "condition": condition}
        status, made, _ = client.request("POST", "/api/v1/segments", segment, Prefer="wait=60")
        assert (status, made["problem"]) == (201, None)
    file = (
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}.csv"\r\n\r\n'
        f"custom_id,name\nnew {name},{name}\n\r\n--b--\r\n"
    )
    answer = client.request(
        "POST",
        "/api/v1/imports?kind=products",
        file.encode(),
        Content_Type="multipart/form-data; boundary=b",
    )
    assert answer[0] in {200, 201}, answer


def _known(client: Client, name: str) -> Workspace:
    products = list(client.every("/api/v1/products"))
    contacts = list(client.every("/api/v1/contacts"))
    failed = list(client.every("/api/v1/failed-events"))
    product_ids = [str(product["id"]) for product in products]
    contact_ids = [str(contact["id"]) for contact in contacts]
    custom_ids = [f"anna {name}", f"mug {name}", SHARED]
    parameters = {
        "custom_id": custom_ids,
        "product_id": product_ids,
        "user_id": [*contact_ids, *custom_ids],  # of /users-by-id/search: the shop's id
        "contact_id": contact_ids,
        "event_id": [str(one["id"]) for one in client.every("/api/v1/events")],
        "activity_id": [str(one["id"]) for one in client.every("/api/v1/activities")],
        "failed_id": [str(event["id"]) for event in failed],
        "object_id": [*product_ids, *contact_ids],
        "contact": custom_ids,
        "product": custom_ids,
        "email": [f"anna {name}@{name}.example"],
        "key": [f"key-anna {name}-{name}", client.get("/api/v1/app-keys")["results"][0]["key"]],
        "notice_id": ["7"],
        "workspace_id": [str(client.get("/api/v1/workspace")["id"])],
        "token_id": [str(token["id"]) for token in client.get("/api/v1/tokens")["results"]],
        "import_id": [str(one["id"]) for one in client.get("/api/v1/imports")["results"]],
        "list_id": [str(one["id"]) for one in client.get("/api/v1/contact-lists")["results"]],
        "list": [str(one["id"]) for one in client.get("/api/v1/contact-lists")["results"]],
        "segment_id": [str(one["id"]) for one in client.get("/api/v1/segments")["results"]],
        "segment": [str(one["id"]) for one in client.get("/api/v1/segments")["results"]],
        "member_id": [*contact_ids, *product_ids],
        "subject": ["contact"],
        "days": ["7"],
        "order": ["oldest"],
        "of": ["product", "tag", "event_name", "category", "currency"],
        "merge_id": [
            str(merge["id"])
            for merge in client.get(f"/api/v1/contacts/{quote(f'anna {name}')}/merges")["results"]
        ],
        "tag": [f"tag {name}"],
        "archived": ["true"],
        "status": ["waiting"],
        "dismissed": ["false"],
        "attribute": [f"size_{name}"],
        "separator": [","],
        "list_name": ["products", "contacts", "events", "failed-events", "audit"],
        "format": ["csv"],
        "mark": ["true"],
        "app_key": [],  # opens its workspace to everybody, by design
        "phone_number": [f"+48 {name}"],
        "search": [f"Mug {name}"],
        "q": [f"Mug {name}", f"anna {name}"],
        "filter": [f"name:contains:{name}"],
        "sort": ["-name", "last_30_days.views"],
        "columns": ["name,last_30_days.revenue"],
        "state": ["all"],
        "currency": ["EUR"],
        "kind": ["product", "contact", "event"],
        "session": [f"session-{name}"],
        "traffic": ["all"],
        "orders": ["once"],
        "event_type": ["purchase"],
        "source": ["api"],
        "code": ["unknown_event_type"],
        "from": ["2020-01-01"],
        "to": ["2199-01-01"],
        "time_zone": ["Europe/Warsaw"],
        "group_by": ["product", "contact", "day", "event_type", "name", "kind", "session"],
        "limit": ["1"],
        "actor": ["token:1"],
        "action": ["user."],
        "object_kind": ["product"],
        "preview": ["false"],
        "cursor": [],  # asked by hand: a cursor belongs to its list
    }
    cursors = {}
    for path in ("/api/v1/products", "/api/v1/contacts", "/api/v1/events", "/api/v1/activities"):
        cursors[path] = client.get(path, limit=1)["next"]
        assert cursors[path]
    return Workspace(client, parameters, cursors)


class Workspaces(NamedTuple):
    first: Workspace
    second: Workspace
    thief: Workspace  #: writes, so that the others keep what they have


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspaces]:
    """Three filled workspaces of one server."""
    shop = Shop(tmp_path_factory.mktemp("isolation") / "shop")
    shop.start()
    try:
        found = []
        for name in (MARK, "of-another", "of-a-thief"):
            shop.new_workspace(name)
            shop.command("users", "invite", f"ann@{name}.example", "--workspace", name)
            client = shop.client(shop.new_token(workspace=name))
            _fill(client, name)
            found.append(_known(client, name))
        yield Workspaces(*found)
    finally:
        if shop.process is not None:
            shop.kill()


#: Parameters of the compatible API that the document does not tell.
_UNDOCUMENTED = {
    "/api/public/products/search": ["custom_id", "search"],
    "/api/public/products-by-id/search": ["custom_id", "product_id"],
    "/api/public/users/search": ["email", "key", "phone_number", "user_id", "custom_id"],
    "/api/public/users-by-id/search": ["user_id", "custom_id", "email", "key"],
    "/api/public/import/status": ["import_id"],
}
#: For people who are signed in, not for tokens: tests/workspaces/test_user_routes.py asks them.
_OF_PEOPLE = ("/api/v1/users", "/api/v1/invitations", "/api/v1/me")


def _requests(document: dict[str, Any], method: str, known: Workspace) -> Iterator[tuple[str, str]]:
    """Yield (path in the document, address) with everything that the workspace has for it."""
    for path, item in document["paths"].items():
        unasked = path in OPEN_TO_ALL | ENDLESS or path.startswith(_OF_PEOPLE)
        if method not in item or unasked:
            continue
        addresses = [path]
        for name in _PLACEHOLDER.findall(path):
            values = _values(known, path, name)
            addresses = [
                address.replace(f"{{{name}}}", quote(value, safe=""))
                for address in addresses
                for value in values
            ]
        parameters = [p for p in item[method].get("parameters", []) if p["in"] == "query"]
        required = [p["name"] for p in parameters if p.get("required")]
        names = [p["name"] for p in parameters] + _UNDOCUMENTED.get(path, [])
        for address in addresses:
            if not required:
                yield path, address
            for name in names:
                for value in _values(known, path, name):
                    query = {r: _values(known, path, r)[0] for r in required} | {name: value}
                    yield path, f"{address}?{urlencode(query)}"


def _values(known: Workspace, path: str, name: str) -> list[str]:
    if name == "name":  # of an attribute, or of an ordinary event
        return [f"size_{MARK}" if "attributes" in path else f"signed up {MARK}"]
    assert name in known.parameters, f"tell this test what {name} of {path} may be"
    return known.parameters[name]


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else json.dumps(body)


def test_no_list_and_no_get_shows_anything_of_another_workspace(
    workspaces: Workspaces,
) -> None:
    first, second, _ = workspaces
    document = first.client.get("/api/v1/openapi.json")
    told: set[str] = set()
    asked: set[str] = set()
    for version in ("*/*", "*/*; version=2"):
        for path, address in _requests(document, "get", first):
            asked.add(path)
            own = first.client.request("GET", address, Accept=version)
            assert own[0] < 500, (address, own)
            if own[0] == 200 and MARK in _text(own[1]):
                told.add(path)
            status, body, _ = second.client.request("GET", address, Accept=version)
            assert status < 500, (address, body)
            shown = _text(body)
            # A refusal may repeat what it was asked.
            assert status != 200 or MARK not in shown, (address, body)
    # The test is worth something only where the owner is shown what the other is not.
    silent = asked - told - {"/api/v1/events/count", "/api/v1/identity-secret"}
    silent -= {"/api/v1/segments/{segment_id}/sizes"}  # numbers only, too
    silent -= {"/api/public/import/status"}  # numbers only; tests/transfers asks a rival's
    assert not silent, f"these showed their own workspace nothing: {silent}"


def test_counts_and_cursors_of_another_workspace_lead_nowhere(
    workspaces: Workspaces,
) -> None:
    first, second, _ = workspaces
    assert first.client.get("/api/v1/events/count")["total"] == 7
    assert second.client.get("/api/v1/events/count")["total"] == 7
    for name in ("contact", "product"):
        for value in (f"anna {MARK}", f"mug {MARK}"):
            assert second.client.get("/api/v1/events/count", **{name: value})["total"] == 0
    for group in ("product", "contact", "day", "event_type"):
        body = second.client.get("/api/v1/events/count", group_by=group)
        assert body["total"] == 7
        assert MARK not in json.dumps(body)
    for path, cursor in first.cursors.items():
        status, body, _ = second.client.request("GET", f"{path}?{urlencode({'cursor': cursor})}")
        assert status in {200, 400}
        assert MARK not in json.dumps(body)


#: About the workspace that asks, whatever the request says.
_OF_THE_ASKING = {
    *("/api/v1/workspace", "/api/v1/identity-secret", "/api/v1/app-keys", "/api/v1/tokens"),
    *("/api/v1/attributes", "/api/public/attributes"),
}


def test_no_write_reaches_into_another_workspace(workspaces: Workspaces) -> None:
    first, _, thief = workspaces
    document = first.client.get("/api/v1/openapi.json")
    before = _everything(first)
    bodies = {"put": {"name": "stolen"}, "patch": {"name": "stolen"}, "delete": None}
    bodies["post"] = {"attribute": "name", "value": "stolen", "name": "stolen", "kind": "product"}
    bodies["post"] |= {"value_type": "string", "event_type": "view", "user_custom_id": "thief"}
    reached = 0
    for method, body in bodies.items():
        for path, address in _requests(document, method, first):
            if path in _OF_THE_ASKING:
                continue
            answer = thief.client.request(method.upper(), address, body, Accept="*/*; version=2")
            assert answer[0] < 500, (address, answer)
            reached += 1
    assert reached > 40
    probe = [{"event_type": "view", "user_custom_id": "thief", "product_id": "mug"}]
    assert thief.client.request("POST", "/api/v1/events", probe, Prefer="wait=60")[0] == 202
    assert _everything(first) == before


def _everything(workspace: Workspace) -> dict[str, Any]:
    kinds = ("events", "activities", "products", "contacts", "failed-events")
    lists = [f"/api/v1/{kind}" for kind in kinds]
    found = {path: list(workspace.client.every(path)) for path in lists}
    single = ("attributes", "workspace", "app-keys", "identity-secret", "contact-lists", "imports")
    for path in (f"/api/v1/{name}" for name in single):
        found[path] = workspace.client.get(path)
    segments = workspace.client.get("/api/v1/segments")["results"]
    found["segments"] = [{**one, "evaluated_at": None} for one in segments]
    tokens = workspace.client.get("/api/v1/tokens")["results"]
    found["tokens"] = [{**token, "last_used_at": None} for token in tokens]
    for kind in ("product", "contact"):
        path = "/api/v1/set-aside-values"
        found[f"{path} {kind}"] = list(workspace.client.every(path, kind=kind))
    return found
