"""A real Chromium, shops' pages on an origin of their own, and servers that take what is sent."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import open_chromium
from tests.browser.recorder import PageServer, Recorder


# Playwright's loop counts as running as long as it is open, so other packages' tests could not run
# theirs: it is closed between the modules of this package.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def site() -> Iterator[PageServer]:
    """The shop's site."""
    server = PageServer()
    yield server
    server.close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A server that records; on another origin than the site."""
    server = Recorder()
    yield server
    server.close()


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """Begin browsers with nothing in them: no cookies, no storage."""
    contexts: list[BrowserContext] = []

    def begin() -> BrowserContext:
        context = chromium.new_context()
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context

    yield begin
    for context in contexts:
        context.close()


@pytest.fixture
def browser(open_browser: Callable[[], BrowserContext]) -> BrowserContext:
    """A browser with nothing in it."""
    return open_browser()


@pytest.fixture
def tab(browser: BrowserContext) -> Page:
    """A tab of it."""
    return browser.new_page()
