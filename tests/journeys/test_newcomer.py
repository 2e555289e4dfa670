"""A newcomer: from `footfall serve` in an empty folder to the page of the first product."""

import re
import shlex
import subprocess
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import open_chromium
from tests.journeys.shop import COMMAND_TIMEOUT_SECONDS, Shop


@pytest.mark.timeout(300)
def test_the_first_event_shows_without_a_manual(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    began = time.monotonic()
    shop.start()
    while "Ready." not in shop.log():  # the link is printed a moment after the first answer
        assert shop.process is not None
        assert shop.process.poll() is None, shop.log()
        time.sleep(0.05)
    link = re.search(r"http://\S+/welcome/\S+", shop.log())
    assert link is not None, shop.log()
    with open_chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(20_000)
        page.goto(link[0])
        page.get_by_label("E-mail address").fill("ada@example.com")
        page.get_by_label("Your name").fill("Ada")
        page.get_by_label("Password").fill("seven quiet geese fly")
        page.get_by_role("button", name="Go on").click()
        state = page.locator("#first-event")
        expect(state).to_contain_text("Waiting for the first event")
        page.get_by_role("button", name="Make a token for this line").click()
        line = page.get_by_role("region", name="curl line")
        expect(line).to_contain_text("curl http://")
        expect(line).not_to_contain_text("$TOKEN")
        # Gone after a reload: what turns green is the very page that was waiting.
        page.evaluate("window.neverReloaded = true")
        command = shlex.split(line.inner_text().replace("\\\n", " "))
        sent = subprocess.run(
            [*command, "--silent", "--fail-with-body"],
            check=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
        )
        assert '"accepted":1' in sent.stdout, sent.stdout
        expect(state).to_contain_text("Events arrive. The newest: view of Blue mug.")
        expect(state).to_have_class(re.compile(r"\bgood\b"))
        assert page.evaluate("window.neverReloaded")
        seconds = time.monotonic() - began
        page.get_by_role("link", name="Open Live").click()
        row = page.locator("#live tbody tr")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("Blue mug")
        row.get_by_role("link").first.click()
        page.get_by_role("link", name="Blue mug").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Blue mug")
    # Said, not asserted: it depends on what else the machine does.
    print(f"first event seen after {seconds:.1f} s of the machine")
