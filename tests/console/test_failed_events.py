"""Failed events in the console: told in plain words, corrected by keyboard, sent again."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext

from tests.console.house import House, Visitor, assert_accessible, text_of, watch_policy

OpenBrowser = Callable[..., BrowserContext]


def fail(visitor: Visitor, product: str, **more: Any) -> None:
    event = {"event_type": "vieww", "product_id": product, "user_custom_id": "ann", **more}
    status, answer, _ = visitor.api().request("POST", "/api/v1/events", [event], Prefer="wait")
    assert status == 202, answer


def first_failed(visitor: Visitor) -> str:
    """Return the path of the newest failed event's page."""
    page = visitor.get("/failed-events").text
    start = page.index(visitor.path("/failed-events/"), page.index("What came"))
    return page[start : page.index('"', start)]


def test_where_nothing_failed_the_page_teaches(owner: Visitor) -> None:
    assert "Nothing was refused" in text_of(owner.get("/failed-events"))


def test_a_failed_event_is_corrected_by_keyboard_alone(
    owner: Visitor, open_browser: OpenBrowser
) -> None:
    fail(owner, "mug")
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/failed-events"))
    assert "An event type that there is not" in page.inner_text("main")
    assert_accessible(page)
    page.goto(owner.house.url + first_failed(owner))
    assert_accessible(page)
    area = page.get_by_label("Event", exact=True)
    while not area.evaluate("one => one === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text('{"event_type": "vie", "product_id": "mug"')
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("This is no JSON").wait_for()
    page.keyboard.press("Control+a")  # the first wrong field has the focus
    page.keyboard.insert_text(
        '{"event_type": "view", "product_id": "mug", "user_custom_id": "ann"}'
    )
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Accepted. It is the event").wait_for()
    assert_accessible(page)


def test_a_reason_is_replayed_as_a_whole_and_what_fails_again_stays(owner: Visitor) -> None:
    for product in ("mug", "pot"):
        fail(owner, product)
    answer = owner.post("/failed-events/replay", {"code": "unknown_event_type"})
    told = text_of(owner.follow(answer))
    assert "0 were accepted, 2 failed again" in told


def test_failed_events_are_put_away_and_brought_back(owner: Visitor) -> None:
    fail(owner, "mug")
    answer = owner.post("/failed-events/dismiss", {"code": "unknown_event_type"})
    told = text_of(owner.follow(answer))
    assert "1 dismissed" in told
    assert "Undo" in told
    back = {"code": "unknown_event_type", "again": "yes"}
    assert "1 wait again" in text_of(owner.follow(owner.post("/failed-events/dismiss", back)))


def test_payloads_are_shown_and_never_run(owner: Visitor, open_browser: OpenBrowser) -> None:
    hostile = "</textarea><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    fail(owner, hostile, event_id=hostile[:60])
    page = open_browser(owner).new_page()
    watch_policy(page)
    for path in (owner.path("/failed-events"), first_failed(owner)):
        page.goto(path)
        assert page.evaluate("window.hacked") is None
        assert page.locator("main script, main img").count() == 0
        assert_accessible(page)


def test_a_viewer_sends_nothing_again(house: House, owner: Visitor) -> None:
    fail(owner, "mug")
    path = first_failed(owner).removeprefix(owner.path(""))
    with house.visitor("viewer", owner.workspace) as viewer:
        assert "Send it again" not in text_of(viewer.get(path))
        good = {"payload": '{"event_type": "view", "product_id": "mug"}'}
        assert viewer.post(f"{path}/replay", good).status_code == 403
        assert viewer.post("/failed-events/dismiss", {"code": "x"}).status_code == 403
        assert viewer.post("/failed-events/replay", {"code": "x"}).status_code == 403
    with house.visitor("owner") as stranger:
        assert stranger.get(path).status_code == 404
