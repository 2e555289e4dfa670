"""Every page that links lead to: open to all, true to its policy, and deaf to what people type."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page

from footfall.workspaces.api import csrf_token
from tests.console.house import House, Visitor, assert_accessible, watch_policy

#: Runs if a page shows it as anything but text.
_HOSTILE = "\"'><img src=x onerror='window.hacked=1'><script>window.hacked=1</script>{{7*7}}"
#: What tells pages of one kind apart: their numbers and names stand for each other.
_NUMBER = re.compile(r"/\d+(?=/|$)")
_NAMES = re.compile(
    r"(/(?:products|contacts|attributes/\w+|failed-events|transfer/\w+)/)(?!new\b)[^/?#]+"
)
#: A desk and a phone.
_WIDTHS = (1280, 390)
_THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: Of one kind of page, with different parameters.
_PER_SHAPE = 1
_DOWNLOAD = re.compile(r"\.(csv|jsonl|parquet|png|json)\b|[?&]format=|/export/")


def populate(visitor: Visitor) -> None:
    """Fill a workspace with a bit of everything, hostile names among it."""
    api = visitor.api()
    events = [
        {
            "user_custom_id": "anna",
            "email": "anna@example.com",
            "product_id": "mug-1",
            "event_type": event_type,
            "event_id": f"first-{event_type}",
            "data": {
                "name": "Blue mug",
                "price": price,
                "currency": "PLN",
                "category_name": "Kitchen",
                "group_id": "mugs",
                "tags": ["new"],
                "size": "L",
            },
            "custom_data": {"price": 9.9, "quantity": 1, "currency": "PLN", "order_id": "o-1"},
        }
        for event_type, price in (("view", 9.9), ("add to cart", 9.9), ("purchase", "cheap"))
    ]
    hostile = {
        "user_custom_id": _HOSTILE,
        "product_id": _HOSTILE,
        "event_type": "view",
        "data": {
            "name": _HOSTILE,
            "description": _HOSTILE,
            "image_url": "javascript:window.hacked=1",
            "product_url": "javascript:window.hacked=1",
            "colour of <b>it</b>": _HOSTILE,
            "price": _HOSTILE,
        },
        "custom_data": {"note": _HOSTILE},
    }
    refused = {"user_custom_id": "anna", "product_id": "mug-1", "event_type": _HOSTILE}
    status, answer, _ = api.request(
        "POST", "/api/v1/events", [*events, hostile, refused], Prefer="wait"
    )
    assert status == 202, answer
    status, answer, _ = api.request(
        "PUT",
        "/api/v1/contacts/anna",
        {"attributes": {"first_name": _HOSTILE}, "email": "anna@example.com"},
    )
    assert status in {200, 201}, answer
    api.close()
    uploaded = visitor.http.post(
        visitor.path("/transfer/imports"),
        params={"kind": "products", "csrf_token": csrf_token(visitor.session)},
        files={"file": (f"{_HOSTILE}.csv", f"custom_id,name\nmug-2,{_HOSTILE}\n")},
    )
    assert uploaded.status_code == 303, uploaded.text


@pytest.fixture(scope="module")
def owner(house: House) -> Iterator[Visitor]:
    """An owner whose workspace has a bit of everything."""
    with house.visitor("owner") as visitor:
        populate(visitor)
        yield visitor


def shape_of(target: str) -> str:
    """Return what pages of one kind have in common."""
    path = urlsplit(target).path
    return _NAMES.sub(r"\1*", _NUMBER.sub("/#", path)).rstrip("/")


def walk(page: Page, visitor: Visitor) -> Iterator[str]:
    """Open one page of each kind that links lead to, and yield its address."""
    home = visitor.path("/")
    # An attribute whose type may be changed shows more than one that is built in.
    waiting = [home, visitor.path("/account"), visitor.path("/attributes/product/size")]
    seen: dict[str, int] = {}
    while waiting:
        target = waiting.pop(0)
        shape = shape_of(target)
        if seen.get(shape, 0) >= _PER_SHAPE:
            continue
        seen[shape] = seen.get(shape, 0) + 1
        answer = page.goto(target)
        assert answer is not None
        assert answer.status == 200, (target, answer.status)
        yield target
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
        waiting += [
            link.partition("#")[0]
            for link in links
            if link.startswith(visitor.path("/")) and not _DOWNLOAD.search(link)
        ]


@pytest.mark.timeout(600)
def test_every_page_is_open_to_all_and_runs_nothing_it_was_given(
    owner: Visitor, open_browser: Callable[..., BrowserContext]
):
    # Colours that fade over would be measured on their way from one theme to the other.
    page = open_browser(owner, reduced_motion="reduce").new_page()
    watch_policy(page)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    visited = []
    for target in walk(page, owner):
        visited.append(target)
        for width, theme in itertools.product(_WIDTHS, _THEMES):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme)
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (target, theme)
        assert page.evaluate("window.hacked") is None, target
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, target
        assert not faults, (target, faults)
        dangerous = page.eval_on_selector_all(
            "a[href^='javascript:' i], img[src^='javascript:' i]", "all => all.length"
        )
        assert dangerous == 0, target
    kinds = {shape_of(target) for target in visited}
    for area in ("live", "products", "contacts", "attributes", "failed-events", "settings"):
        assert any(f"/{area}" in kind for kind in kinds), (area, sorted(kinds))
    for named in ("/products/#", "/products/new", "/imports/*", "/contacts/#", "/failed-events/#"):
        assert any(kind.endswith(named) for kind in kinds), (named, sorted(kinds))
