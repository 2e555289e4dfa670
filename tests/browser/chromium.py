"""The system's Chromium, driven by Playwright; nothing is downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
HOW_TO_INSTALL = (
    "Chromium was not found. On Debian: apt-get install chromium (`make test` does it when it may)."
    " To run without: FOOTFALL_TESTS_WITHOUT_CHROMIUM=1."
)


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Run a browser; skips the test where there is none and the environment says to go without."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None and os.environ.get("FOOTFALL_TESTS_WITHOUT_CHROMIUM"):
        pytest.skip("Chromium is missing, and FOOTFALL_TESTS_WITHOUT_CHROMIUM is set")
    assert executable, HOW_TO_INSTALL
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()
