"""People, invitations, one's own account and the audit log over HTTP, as the console asks."""

import asyncio
from collections.abc import Iterator
from secrets import token_bytes
from typing import Any

import httpx
import pytest

from footfall.http.application import create_application
from footfall.http.edge import AsgiApp
from footfall.http.services import ACCESS
from footfall.state.api import State
from footfall.workspaces.account_routes import ROUTES as ACCOUNT_ROUTES
from footfall.workspaces.api import create_token
from footfall.workspaces.routes import ROUTES
from footfall.workspaces.types import Access, User
from footfall.workspaces.user_routes import ROUTES as USER_ROUTES
from tests.wire.shops import World, services_of
from tests.workspaces.people import ADDRESS, PASSWORD, House

OTHER_PASSWORD = "two red plates in a box"
OWNERS_ONLY = [
    ("GET", "/api/v1/users", None),
    ("PATCH", "/api/v1/users/{user}", {"role": "owner"}),
    ("DELETE", "/api/v1/users/{user}", None),
    ("POST", "/api/v1/users/{user}/reset-link", None),
    ("GET", "/api/v1/invitations", None),
    ("POST", "/api/v1/invitations", {"email": "x@shop.example", "role": "owner"}),
    ("DELETE", "/api/v1/invitations/{invitation}", None),
]
ONES_OWN = [
    ("GET", "/api/v1/me", None),
    ("PATCH", "/api/v1/me", {"name": "New"}),
    ("POST", "/api/v1/me/password", {"current_password": PASSWORD, "new_password": PASSWORD}),
    ("GET", "/api/v1/me/sessions", None),
    ("DELETE", "/api/v1/me/sessions", None),
    ("DELETE", "/api/v1/me/sessions/{session}", None),
]


class Person:
    """Asks with the rights of somebody who is signed in."""

    def __init__(self, runner: asyncio.Runner, app: AsgiApp, access: Access | None) -> None:
        self.access = access
        self._run = runner.run

        async def with_rights(scope: Any, receive: Any, send: Any) -> None:
            await app(scope if access is None else {**scope, ACCESS: access}, receive, send)

        transport = httpx.ASGITransport(app=with_rights)
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://shop.test", trust_env=False
        )

    def ask(self, method: str, path: str, json: Any = None, token: str = "") -> tuple[int, Any]:
        """Return (status, decoded body)."""
        headers = {"authorization": f"Token {token}"} if token else {}
        answer: httpx.Response = self._run(
            self._client.request(method, path, json=json, headers=headers)
        )
        assert answer.status_code < 500, answer.text
        return answer.status_code, answer.json() if answer.content else None


class Console:
    """A house whose people ask over HTTP."""

    def __init__(self, state: State, runner: asyncio.Runner) -> None:
        self.house = House(state)
        services = services_of(state, World(now=self.house.clock.now))
        self.app: Any = create_application(
            ROUTES, services, dependencies={"authenticator": self.house.door}
        )
        self._runner = runner
        self.owner = self.house.owner()

    def as_user(self, user: User, workspace: str = "shop") -> Person:
        """Return what a user who signs in now can ask."""
        return Person(self._runner, self.app, self.house.access(user, workspace))

    def as_program(self) -> Person:
        """Return what anybody with a token can ask."""
        return Person(self._runner, self.app, None)


@pytest.fixture
def console(sqlite_state: State) -> Iterator[Console]:
    with asyncio.Runner() as runner:
        yield Console(sqlite_state, runner)


def test_every_route_of_people_is_asked_here() -> None:
    asked = {(method, path.count("/")) for method, path, _ in [*OWNERS_ONLY, *ONES_OWN]}
    for route in [*USER_ROUTES, *ACCOUNT_ROUTES]:
        [path] = route.paths
        if path != "/api/v1/audit":
            assert all((str(method), path.count("/")) in asked for method in route.http_methods)


def test_a_token_can_do_nothing_with_accounts(console: Console) -> None:
    house = console.house
    scope = house.operator().scope
    with house.state.write() as conn:
        _, token = create_token(
            conn,
            scope,
            "backend",
            "read-write",
            now=house.clock(),
            random_bytes=token_bytes,
        )
    program = console.as_program()
    ids = {"user": console.owner.id, "invitation": 1, "session": 1}
    for method, path, body in [*OWNERS_ONLY, *ONES_OWN]:
        status, problem = program.ask(method, path.format(**ids), body, token)
        assert (status, problem["code"]) == (403, "people_only"), (method, path)
    assert program.ask("GET", "/api/v1/audit", token=token)[0] == 200


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_owners_manage_people(console: Console, role: Any) -> None:
    person = console.as_user(user := console.house.joined(role))
    console.house.invitation("ann@shop.example", "viewer")
    ids = {"user": user.id, "invitation": 2}
    for method, path, body in [*OWNERS_ONLY, ("GET", "/api/v1/audit", None)]:
        status, problem = person.ask(method, path.format(**ids), body)
        assert (status, problem["code"]) == (403, "forbidden"), (method, path)
    status, me = person.ask("GET", "/api/v1/me")
    assert (status, me["workspaces"][0]["role"]) == (200, role)


def test_an_owner_of_another_workspace_reaches_nobody(console: Console) -> None:
    rival = console.as_user(console.house.joined("owner", "second"), "second")
    console.house.invitation("ann@shop.example", "viewer")
    _, invited = console.as_user(console.owner).ask("GET", "/api/v1/invitations")
    assert len(invited["results"]) == 1
    sessions = console.as_user(console.owner).ask("GET", "/api/v1/me/sessions")[1]["results"]
    ids = {
        "user": console.owner.id,
        "invitation": invited["results"][0]["id"],
        "session": sessions[0]["id"],
    }
    for method, path, body in [*OWNERS_ONLY, *ONES_OWN]:
        if "{" in path:
            assert rival.ask(method, path.format(**ids), body)[0] == 404, (method, path)
    assert "olga" not in str(rival.ask("GET", "/api/v1/users")[1])
    assert rival.ask("GET", "/api/v1/invitations")[1] == {"results": []}
    assert "olga" not in str(rival.ask("GET", "/api/v1/audit")[1])


def test_an_invitation_by_http_lets_somebody_in(console: Console) -> None:
    owner = console.as_user(console.owner)
    status, made = owner.ask(
        "POST", "/api/v1/invitations", {"email": "Ann@shop.example", "role": "viewer"}
    )
    assert status == 201
    [listed] = owner.ask("GET", "/api/v1/invitations")[1]["results"]
    assert listed == {name: made[name] for name in listed}
    token = made["path"].removeprefix("/welcome/")
    assert token not in str(listed)
    ann = console.house.door.accept_link(token, name="Ann", password=PASSWORD, address=ADDRESS)
    assert owner.ask("GET", "/api/v1/invitations")[1] == {"results": []}
    status, changed = owner.ask("PATCH", f"/api/v1/users/{ann.id}", {"role": "editor"})
    assert (status, changed["role"]) == (200, "editor")
    assert owner.ask("DELETE", f"/api/v1/users/{ann.id}") == (204, None)
    assert [u["email"] for u in owner.ask("GET", "/api/v1/users")[1]["results"]] == [
        "olga@shop.example"
    ]
    log = owner.ask("GET", "/api/v1/audit")[1]["results"]
    assert [(entry["action"], entry["actor"]["name"]) for entry in log] == [
        ("user.removed", "olga@shop.example"),
        ("user.role_changed", "olga@shop.example"),
        ("user.joined", "ann@shop.example"),
        ("invitation.created", "olga@shop.example"),
        ("user.joined", "olga@shop.example"),
    ]
    assert (log[1]["before"], log[1]["after"]) == ({"role": "viewer"}, {"role": "editor"})
    assert token not in str(log)


def test_a_withdrawn_invitation_is_gone(console: Console) -> None:
    owner = console.as_user(console.owner)
    _, made = owner.ask("POST", "/api/v1/invitations", {"email": "a@b", "role": "viewer"})
    assert owner.ask("DELETE", f"/api/v1/invitations/{made['id']}") == (204, None)
    assert owner.ask("DELETE", f"/api/v1/invitations/{made['id']}")[0] == 404
    assert owner.ask("DELETE", "/api/v1/invitations/x")[0] == 404


def test_a_reset_link_by_http_opens_the_account(console: Console) -> None:
    other = console.house.joined("viewer")
    owner = console.as_user(console.owner)
    status, made = owner.ask("POST", f"/api/v1/users/{other.id}/reset-link")
    assert (status, made["email"]) == (201, other.email)
    token = made["path"].removeprefix("/welcome/")
    console.house.door.accept_link(token, password=OTHER_PASSWORD, address=ADDRESS)
    assert console.house.sign_in(other.email, OTHER_PASSWORD)


def test_a_viewer_changes_their_own_account(console: Console) -> None:
    user = console.house.joined("viewer")
    person = console.as_user(user)
    body = {"name": "Vera", "preferences": {"theme": "dark", "locale": "pl"}}
    status, me = person.ask("PATCH", "/api/v1/me", body)
    assert (status, me["name"], me["preferences"]) == (200, "Vera", body["preferences"])
    _, me = person.ask("PATCH", "/api/v1/me", {"preferences": {"locale": None}})
    assert me["preferences"] == {"theme": "dark", "locale": None}
    for wrong in (
        {"name": ""},
        {"preferences": {"theme": "pink"}},
        {"preferences": {"locale": "../etc"}},
        {"email": "other@shop.example"},
    ):
        assert person.ask("PATCH", "/api/v1/me", wrong)[0] == 400
    assert person.ask("PATCH", "/api/v1/workspace", {"name": "mine"})[0] == 403


def test_a_new_password_needs_the_present_one(console: Console) -> None:
    user = console.house.joined("viewer")
    elsewhere = console.house.sign_in(user.email)
    person = console.as_user(user)
    path = "/api/v1/me/password"
    body = {"current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}
    status, problem = person.ask("POST", path, body)
    assert (status, problem["errors"][0]["pointer"]) == (400, "/current_password")
    body = {"current_password": PASSWORD, "new_password": "1234567890"}
    status, problem = person.ask("POST", path, body)
    assert (status, problem["errors"][0]["pointer"]) == (400, "/new_password")
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert person.ask("POST", path, body) == (204, None)
    assert console.house.session(elsewhere) is None
    assert len(person.ask("GET", "/api/v1/me/sessions")[1]["results"]) == 1


def test_one_sees_and_ends_ones_sessions(console: Console) -> None:
    console.house.sign_in(console.owner.email)
    owner = console.as_user(console.owner)
    console.house.sign_in(console.owner.email)
    first, here, last = owner.ask("GET", "/api/v1/me/sessions")[1]["results"]
    assert [first["current"], here["current"], last["current"]] == [False, True, False]
    assert first["user_agent"] == "Browser/1"
    assert owner.ask("DELETE", f"/api/v1/me/sessions/{first['id']}") == (204, None)
    assert owner.ask("DELETE", "/api/v1/me/sessions") == (204, None)
    [left] = owner.ask("GET", "/api/v1/me/sessions")[1]["results"]
    assert left == here


def test_the_audit_log_comes_in_pages(console: Console) -> None:
    for number in range(5):
        console.house.invitation(f"a{number}@shop.example", "viewer")
    owner = console.as_user(console.owner)
    everything = owner.ask("GET", "/api/v1/audit")[1]
    assert everything["next"] is None
    found, path = [], "/api/v1/audit?limit=2"
    while path:
        page = owner.ask("GET", path)[1]
        found += page["results"]
        path = page["next"] and f"/api/v1/audit?limit=2&cursor={page['next']}"
    assert found == everything["results"]
    assert len(found) == 6
    one = f"/api/v1/audit?actor=user:{console.owner.id}"
    assert [entry["action"] for entry in owner.ask("GET", one)[1]["results"]] == ["user.joined"]
    assert len(owner.ask("GET", "/api/v1/audit?actor=operator")[1]["results"]) == 5
    assert owner.ask("GET", "/api/v1/audit?to=2000-01-01")[1]["results"] == []
    for wrong in ("actor=ann", "actor=user:x", "from=soon", "cursor=x", "who=ann"):
        assert owner.ask("GET", f"/api/v1/audit?{wrong}")[0] == 400
