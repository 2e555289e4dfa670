"""Take the pictures of the README: `make screenshots` fills docs/screenshots.

Starts the demo on a folder of its own, becomes its owner as a newcomer would, and photographs the
console's key pages at both widths and in both themes.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

_TARGET: Final = Path(__file__).parents[1] / "docs" / "screenshots"
_PORTS: Final = ("8870", "8871")
_EVENTS: Final = "40000"
_PATIENCE_SECONDS: Final = 600
_SIZES: Final = {"wide": (1280, 860), "narrow": (390, 844)}
_FLAGS: Final = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic")
#: By the name of the picture: where it is taken, below the workspace.
_PAGES: Final = {
    "live": "/live",
    "products": "/products?sort=-last_30_days.views",
    "contacts": "/contacts",
    "attributes": "/attributes",
    "install": "/install",
    "import": "/transfer",
    "settings": "/settings",
}
#: Lists of which one entry is photographed, too: under which name, and which one.
_ONE_OF: Final = {
    "products": ("product", "tbody td a"),
    "contacts": ("contact", "tbody tr:has-text('@') a"),
}


def _wait_for(log: Path, words: str) -> str:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while words not in log.read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the demo did not say: {words}")
        time.sleep(0.1)  # what it prints is the only sign
    return log.read_text()


def _sign_in(browser: Browser, link: str) -> list[Any]:
    page = browser.new_page()
    page.goto(link)
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Password").fill("seven quiet geese fly")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/w/1/**")
    return list(page.context.cookies())


def _settle(page: Page) -> None:
    """Return when charts are drawn and pictures are there."""
    page.wait_for_load_state("load")
    for chart in page.locator("[data-chart]").all():
        chart.locator("canvas, svg").first.wait_for()


def _photograph(context: BrowserContext, base: str, suffix: str) -> None:
    page = context.new_page()
    for name, path in _PAGES.items():
        page.goto(f"{base}/w/1{path}")
        _settle(page)
        page.screenshot(path=_TARGET / f"{name}-{suffix}.png")
        if name in _ONE_OF:
            single, link = _ONE_OF[name]
            page.locator(f"main table {link}").first.click()
            page.wait_for_url(re.compile(rf"/{name}/\d+"))
            _settle(page)
            page.screenshot(path=_TARGET / f"{single}-{suffix}.png")
    page.close()


def main() -> int:
    """Take every picture anew; return the exit code."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("Chromium was not found. On Debian: apt-get install chromium")
        return 1
    _TARGET.mkdir(exist_ok=True)
    base = f"http://127.0.0.1:{_PORTS[0]}"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        where = ("--data-dir", f"{folder}/demo", "--port", _PORTS[0], "--shop-port", _PORTS[1])
        with log.open("wb") as output:
            demo = subprocess.Popen(
                [sys.executable, "-m", "footfall", "demo", *where, "--events", _EVENTS],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            said = _wait_for(log, "The history can be read")
            link = re.search(rf"{base}/welcome/\S+", said)
            assert link is not None
            with urllib.request.urlopen(f"{base}/readyz"), sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
                cookies = _sign_in(browser, link[0])
                for theme in ("light", "dark"):
                    for size, (width, height) in _SIZES.items():
                        context = browser.new_context(
                            color_scheme=theme,  # type: ignore[arg-type]  # one of Playwright's words
                            viewport={"width": width, "height": height},
                        )
                        context.add_cookies(cookies)
                        _photograph(context, base, f"{size}-{theme}")
                        context.close()
                browser.close()
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait()
    print(f"{len(list(_TARGET.glob('*.png')))} pictures are in docs/screenshots.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
