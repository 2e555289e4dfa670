"""A server with people in it, and ways to visit its pages: without scripts, and in Chromium."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.chromium import open_chromium
from tests.console.house import House, Visitor


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server for the module; its first workspace is empty, `house.new_workspace` makes more."""
    made = House(tmp_path_factory.mktemp("house") / "footfall")
    yield made
    made.close()


@pytest.fixture
def owner(house: House) -> Iterator[Visitor]:
    """An owner, signed in, in a workspace of the test's own."""
    with house.visitor("owner") as visitor:
        yield visitor


# Playwright's loop counts as running as long as it is open, so other packages' tests could not run
# theirs: it is closed behind this package.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Callable[[Visitor], BrowserContext]]:
    """Open browsers that are signed in as a visitor, and notice what the page's policy forbids."""
    contexts: list[BrowserContext] = []

    def begin(visitor: Visitor, **options: object) -> BrowserContext:
        context = chromium.new_context(base_url=visitor.house.url, **options)  # type: ignore[arg-type]  # Playwright's own options
        context.set_default_timeout(20_000)
        context.add_cookies(visitor.cookies())
        contexts.append(context)
        return context

    yield begin
    for context in contexts:
        context.close()
