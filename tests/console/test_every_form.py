"""Every form of the console: refused from other sites, other workspaces and those who may not."""

from collections.abc import Iterator

import pytest
from httpx import Client
from litestar.handlers import HTTPRouteHandler

from footfall.console.routes import PAGES
from footfall.workspaces.api import csrf_token
from tests.console.house import House, Visitor

_WITHIN = "/w/{workspace_id:int}"


def forms() -> list[str]:
    """Return the paths, below a workspace, of all pages that change something."""
    return sorted(
        path.removeprefix(_WITHIN)
        for page in PAGES
        if isinstance(page, HTTPRouteHandler) and "POST" in page.http_methods
        for path in page.paths
        if path.startswith(_WITHIN)
    )


def pages() -> list[str]:
    """Return the paths, below a workspace, of all pages that show something."""
    return sorted(
        path.removeprefix(_WITHIN)
        for page in PAGES
        if isinstance(page, HTTPRouteHandler) and "GET" in page.http_methods
        for path in page.paths
        if path.startswith(_WITHIN)
    )


def filled(path: str) -> str:
    """Return a path with something in the place of each parameter."""
    parts = []
    for part in path.split("/"):
        is_number = part.endswith((":int}", "_id:str}"))
        parts.append(("1" if is_number else "x") if part.startswith("{") else part)
    return "/".join(parts)


#: What everybody may do for themselves, whatever their role: below these paths.
_OWN = ("/theme", "/account", "/search", "/products/columns", "/contacts/columns")


@pytest.fixture(scope="module")
def owner(house: House) -> Iterator[Visitor]:
    with house.visitor("owner") as visitor:
        yield visitor


@pytest.fixture(scope="module")
def viewer(house: House, owner: Visitor) -> Iterator[Visitor]:
    """A viewer of the owner's workspace."""
    with house.visitor("viewer", owner.workspace) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def stranger(house: House) -> Iterator[Visitor]:
    """An owner of another workspace."""
    with house.visitor("owner") as visitor:
        yield visitor


@pytest.mark.parametrize("path", forms())
def test_a_form_without_its_token_is_refused(owner: Visitor, path: str):
    answer = owner.http.post(owner.path(filled(path)), data={"name": "x"})
    assert answer.status_code == 403, path


@pytest.mark.parametrize("path", forms())
def test_a_form_of_another_workspace_is_not_there(owner: Visitor, stranger: Visitor, path: str):
    fields = {"csrf_token": csrf_token(stranger.session)}
    answer = stranger.http.post(owner.path(filled(path)), data=fields)
    assert answer.status_code == 404, path


@pytest.mark.parametrize("path", pages())
def test_a_page_of_another_workspace_is_not_there(owner: Visitor, stranger: Visitor, path: str):
    answer = stranger.http.get(owner.path(filled(path)))
    assert answer.status_code == 404, path


@pytest.mark.parametrize("path", pages())
def test_a_page_is_shown_to_nobody_without_a_session(house: House, owner: Visitor, path: str):
    with Client(base_url=house.url) as browser:
        answer = browser.get(owner.path(filled(path)))
    assert answer.status_code == 303, path
    assert answer.headers["location"].startswith("/sign-in"), path


@pytest.mark.parametrize("path", [path for path in forms() if not path.startswith(_OWN)])
def test_a_viewer_changes_nothing(viewer: Visitor, path: str):
    answer = viewer.post(filled(path), {"name": "x", "email": "x@example.com"})
    assert answer.status_code in {403, 404}, (path, answer.status_code)
