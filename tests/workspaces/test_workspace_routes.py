"""Workspaces listed, created and copied over HTTP, and changes of settings written down."""

import asyncio
import dataclasses
from collections.abc import Iterator
from secrets import token_bytes
from typing import Any

import pytest

from footfall.attributes import queries as attribute_queries
from footfall.attributes.routes import define_own_attribute
from footfall.attributes.workspace_copies import ROUTES as COPY_ROUTES
from footfall.http.application import create_application
from footfall.state.api import State
from footfall.workspaces.api import (
    create_token,
    list_app_keys,
    list_tokens,
    scope_of,
    workspace_named,
)
from footfall.workspaces.routes import ROUTES
from tests.wire.shops import World, services_of
from tests.workspaces.people import House, scope_in
from tests.workspaces.test_user_routes import Person


class Office:
    """A house whose people ask over HTTP."""

    def __init__(self, state: State, runner: asyncio.Runner) -> None:
        self.house = House(state)
        self.runner = runner
        services = services_of(state, World())
        self.app = create_application(
            [*ROUTES, *COPY_ROUTES, define_own_attribute],
            services,
            dependencies={"authenticator": self.house.door},
        )

    def person(self, role: Any, workspace: str = "shop") -> Person:
        user = self.house.joined(role, workspace)
        return Person(self.runner, self.app, self.house.access(user, workspace))

    def program(self, scope: str = "read-write") -> tuple[Person, str]:
        """Return a client without a session, and a token for it."""
        with self.house.state.write() as conn:
            _, token = create_token(
                conn,
                scope_in(conn),
                "program",
                scope,
                now=self.house.clock(),
                random_bytes=token_bytes,
            )
        return Person(self.runner, self.app, None), token

    def changes(self, person: Person) -> list[dict[str, Any]]:
        """Return the audit log, the oldest first, without how people came in."""
        found: list[dict[str, Any]] = person.ask("GET", "/api/v1/audit")[1]["results"]
        return [one for one in found[::-1] if not one["action"].startswith(("user.", "invit"))]


@pytest.fixture
def office(state: State) -> Iterator[Office]:
    with asyncio.Runner() as runner:
        yield Office(state, runner)


def test_people_see_the_workspaces_they_are_in_and_tokens_their_own(office: Office) -> None:
    office.house.workspace("rival")
    person = office.person("viewer")
    status, found = person.ask("GET", "/api/v1/workspaces")
    assert status == 200
    assert [(one["name"], one["role"]) for one in found["results"]] == [("shop", "viewer")]
    program, token = office.program("read")
    found = program.ask("GET", "/api/v1/workspaces", token=token)[1]
    assert [(one["name"], one["role"]) for one in found["results"]] == [("shop", None)]


def test_who_owns_a_workspace_creates_others_and_owns_them(office: Office) -> None:
    owner = office.person("owner")
    body = {"name": " Łódź ", "time_zone": "Europe/Warsaw", "currency": "pln"}
    status, made = owner.ask("POST", "/api/v1/workspaces", body)
    assert status == 201
    assert (made["name"], made["time_zone"], made["currency"], made["role"]) == (
        *("Łódź", "Europe/Warsaw", "PLN", "owner"),
    )
    names = [one["name"] for one in owner.ask("GET", "/api/v1/workspaces")[1]["results"]]
    assert sorted(names) == ["shop", "Łódź"]
    assert owner.ask("POST", "/api/v1/workspaces", body)[1]["code"] == "workspace_exists"
    status, refused = owner.ask("POST", "/api/v1/workspaces", {"name": "x", "time_zone": "Mars"})
    assert (status, refused["errors"][0]["pointer"]) == (400, "/time_zone")


def test_nobody_else_creates_or_copies_workspaces(office: Office) -> None:
    shop = office.house.workspace().id
    rival = office.house.workspace("rival").id
    program, token = office.program()
    for path in ("/api/v1/workspaces", f"/api/v1/workspaces/{shop}/copy"):
        for role in ("viewer", "editor"):
            assert office.person(role).ask("POST", path, {"name": "x"})[0] == 403
        status, refused = program.ask("POST", path, {"name": "x"}, token=token)
        assert (status, refused["code"]) == (403, "people_only")
    owner = office.person("owner")
    for no_workspace in (rival, 9_999, "x", "9" * 18):
        assert owner.ask("POST", f"/api/v1/workspaces/{no_workspace}/copy")[0] == 404
    assert len(owner.ask("GET", "/api/v1/workspaces")[1]["results"]) == 1


def test_an_owner_of_one_who_only_views_the_workspace_at_hand_may_create_others(
    office: Office,
) -> None:
    rival = office.house.workspace("rival")
    user = office.house.joined("viewer", "rival")
    office.house.member_of(user, "shop", "owner")
    viewer = Person(office.runner, office.app, office.house.access(user, "rival"))
    assert viewer.ask("POST", "/api/v1/workspaces", {"name": "mine"})[0] == 201
    assert viewer.ask("POST", f"/api/v1/workspaces/{rival.id}/copy")[0] == 403
    shop = office.house.workspace()
    assert viewer.ask("POST", f"/api/v1/workspaces/{shop.id}/copy")[0] == 201


def test_a_copy_has_the_settings_and_nothing_else(office: Office) -> None:
    owner = office.person("owner")
    settings = {
        "time_zone": "Europe/Warsaw",
        "currency": "PLN",
        "require_signed_contacts": True,
        "browser_attributes": ["Size"],
    }
    assert owner.ask("PATCH", "/api/v1/workspace", settings)[0] == 200
    size = {"kind": "product", "name": "Size", "value_type": "fixed", "choices": ["S", "M"]}
    assert owner.ask("POST", "/api/v1/attributes", {**size, "source_rule": "api only"})[0] == 201
    color = {"kind": "contact", "name": "Colour", "value_type": "fixed", "choices": ["red", "ink"]}
    assert owner.ask("POST", "/api/v1/attributes", {**color, "multiple": True})[0] == 201
    key = {"name": "pages", "allowed_origins": ["https://shop.example"], "events_per_second": 9}
    first = owner.ask("POST", "/api/v1/app-keys", key)[1]["key"]
    gone = owner.ask("POST", "/api/v1/app-keys", {"name": "gone"})[1]["key"]
    owner.ask("DELETE", f"/api/v1/app-keys/{gone}")
    owner.ask("POST", "/api/v1/tokens", {"name": "till"})
    office.person("editor")

    shop = office.house.workspace()
    status, copy = owner.ask("POST", f"/api/v1/workspaces/{shop.id}/copy")
    assert (status, copy["name"], copy["role"]) == (201, "shop (test)", "owner")
    with office.house.state.read() as conn:
        shop, made = workspace_named(conn, "shop"), workspace_named(conn, "shop (test)")
        for name in settings:
            assert getattr(made, name) == getattr(shop, name), name
        assert made.identity_secret != shop.identity_secret
        old, new = scope_of(shop), scope_of(made)
        for kind in ("product", "contact"):
            both = [attribute_queries.stored_definitions(conn, scope, kind) for scope in (old, new)]
            there, here = ([dataclasses.replace(row, id=0) for row in rows] for rows in both)
            assert there == here != []
        [copied] = list_app_keys(conn, new)
        assert copied.key != first
        assert (copied.name, copied.allowed_origins, copied.events_per_second) == (
            *("pages", ("https://shop.example",), 9),
        )
        assert list_tokens(conn, new) == []
    assert owner.ask("POST", f"/api/v1/workspaces/{shop.id}/copy")[1]["name"] == "shop (test 2)"


def test_changes_of_settings_are_written_down_without_secrets(office: Office) -> None:
    owner = office.person("owner")
    secret = owner.ask("POST", "/api/v1/identity-secret")[1]["identity_secret"]
    owner.ask("PATCH", "/api/v1/workspace", {"name": "Shop", "time_zone": "UTC"})
    owner.ask("PATCH", "/api/v1/workspace", {"name": "Shop"})
    token = owner.ask("POST", "/api/v1/tokens", {"name": "till", "requests_per_second": 5})[1]
    owner.ask("PATCH", f"/api/v1/tokens/{token['id']}", {"allowed_networks": ["10.0.0.0/8"]})
    for _ in range(2):
        owner.ask("DELETE", f"/api/v1/tokens/{token['id']}")
    key = owner.ask("POST", "/api/v1/app-keys", {"name": "pages"})[1]["key"]
    owner.ask("PATCH", f"/api/v1/app-keys/{key}", {"events_per_second": 7})
    for _ in range(2):
        owner.ask("DELETE", f"/api/v1/app-keys/{key}")
    found = office.changes(owner)
    assert [one["action"] for one in found] == [
        "identity_secret.rotated",
        "workspace.changed",
        *("token.created", "token.changed", "token.revoked"),
        *("app_key.created", "app_key.changed", "app_key.revoked"),
    ]
    assert (found[1]["before"], found[1]["after"]) == ({"name": "shop"}, {"name": "Shop"})
    assert found[0]["object_kind"] == "identity_secret"
    assert found[3]["before"] == {"allowed_networks": None}
    assert found[3]["after"] == {"allowed_networks": ["10.0.0.0/8"]}
    assert found[5]["object_id"] == key
    shown = str(found)
    assert secret not in shown
    assert token["token"] not in shown
