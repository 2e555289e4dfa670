"""A real Chromium, shops' pages on an origin of their own, and servers that take what is sent."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.recorder import PageServer, Recorder

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
HOW_TO_INSTALL = (
    "Chromium was not found. On Debian: apt-get install chromium (`make test` does it when it may)."
    " To run without: FOOTFALL_TESTS_WITHOUT_CHROMIUM=1."
)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and os.environ.get("FOOTFALL_TESTS_WITHOUT_CHROMIUM"):
        pytest.skip("Chromium is missing, and FOOTFALL_TESTS_WITHOUT_CHROMIUM is set")
    assert found, HOW_TO_INSTALL
    return found


# Playwright's loop counts as running as long as it is open, so other packages' tests could not run
# theirs: it is closed between the modules of this package.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    executable = _chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


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
