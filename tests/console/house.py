"""A real server process, its people, and their browsers."""

import itertools
import re
import secrets
import time
from html import unescape
from pathlib import Path
from typing import Any, Self

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from footfall.bootstrap import clock
from footfall.kernel.ids import WorkspaceId
from footfall.workspaces.api import (
    add_member,
    csrf_token,
    operator_access,
    start_session,
    workspace_named,
)
from footfall.workspaces.user_queries import insert_user
from tests.journeys.shop import Client, Shop

_numbers = itertools.count(1)
_SERIOUS = {"serious", "critical"}
_STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: Says in the page what its policy forbade; added before any script of the page.
_WATCH = """
window.forbidden = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.forbidden.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


class House:
    """A server of the console."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.shop = Shop(data_dir, **environment)
        self.shop.start()
        while "Ready." not in self.shop.log():  # it greets the first owner before
            assert self.shop.process is not None
            assert self.shop.process.poll() is None, self.shop.log()
            time.sleep(0.05)
        self.url = f"http://127.0.0.1:{self.shop.port}"

    def new_workspace(self) -> str:
        """Return the name of a new, empty workspace."""
        name = f"shop {next(_numbers)}"
        self.shop.new_workspace(name)
        return name

    def visitor(self, role: str, workspace: str | None = None) -> "Visitor":
        """Return a new person of that role in a workspace, a new one if none is named.

        Signed in past the sign-in page, which has tests of its own.
        """
        name = workspace or self.new_workspace()
        email = f"{role}{next(_numbers)}@example.com"
        with self.shop._writing() as conn:
            shop = workspace_named(conn, name)
            user_id = insert_user(conn, email, email.partition("@")[0], "no hash", clock())
            add_member(conn, operator_access(shop), user_id, role, clock())
            token = start_session(conn, user_id, clock(), secrets.token_bytes, "tests")
        return Visitor(self, shop.id, name, token, email)

    def close(self) -> None:
        if self.shop.process is not None:
            self.shop.kill()


class Visitor:
    """A person with a session, as a browser without scripts: keeps cookies, fills in forms."""

    def __init__(
        self, house: House, workspace_id: WorkspaceId, workspace: str, session: str, email: str
    ) -> None:
        self.house = house
        self.workspace_id = workspace_id
        self.workspace = workspace
        self.session = session
        self.email = email
        self.http = httpx.Client(base_url=house.url, timeout=60)
        self.http.cookies.set("footfall_session", session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def path(self, path: str) -> str:
        return f"/w/{self.workspace_id}{path}"

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """Open a page of the workspace; redirects are not followed."""
        return self.http.get(self.path(path), params=parameters)

    def post(self, path: str, fields: dict[str, Any] | None = None) -> httpx.Response:
        """Send a form of the workspace, as a page of ours would."""
        form = {"csrf_token": csrf_token(self.session), **(fields or {})}
        return self.http.post(self.path(path), data=form)

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Return the page that a form led to."""
        assert answer.status_code == 303, (answer.status_code, text_of(answer))
        return self.http.get(answer.headers["location"])

    def api(self, scope: str = "read-write") -> Client:
        """Return the REST API with a token of this workspace."""
        return self.house.shop.client(
            self.house.shop.new_token(workspace=self.workspace, scope=scope)
        )

    def cookies(self) -> list[Any]:
        """Return the session for a real browser."""
        return [{"name": "footfall_session", "value": self.session, "url": self.house.url}]


def text_of(answer: httpx.Response) -> str:
    """Return what can be read on a page, blanks folded."""
    without_code = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without_code)).split())


def watch_policy(page: Page) -> None:
    """Have the page remember what its content security policy forbids; before it is opened."""
    page.add_init_script(_WATCH)


def assert_accessible(page: Page) -> None:
    """Assert that axe finds nothing serious on the open page, nor the policy anything forbidden."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": _STANDARDS}})
    serious = [
        f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'] for node in one['nodes']]}"
        for one in found.response["violations"]
        if one["impact"] in _SERIOUS
    ]
    assert not serious, (page.url, serious)
    assert page.evaluate("window.forbidden ?? []") == [], page.url
