"""What is told of a visitor by the User-Agent, and at what cost."""

import timeit

import pytest

from footfall.ingest.user_agents import UNKNOWN, _agent_of, agent_of

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
_IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"


@pytest.mark.parametrize(
    ("text", "device_type", "os", "browser"),
    [
        (f"{_WINDOWS} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36", "desktop", "Windows", "Chrome"),
        (
            f"{_WINDOWS} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
            *("desktop", "Windows", "Edge"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            *("desktop", "Linux", "Firefox"),
        ),
        (f"{_MAC} AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15", "desktop", "macOS", "Safari"),
        (f"{_MAC} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36 OPR/111.0", "desktop", "macOS", "Opera"),
        (
            f"{_ANDROID} {_WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36",
            *("mobile", "Android", "Chrome"),
        ),
        (f"{_ANDROID} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36", "tablet", "Android", "Chrome"),
        (
            f"{_ANDROID} {_WEBKIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            *("mobile", "Android", "Samsung Internet"),
        ),
        (f"{_IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "mobile", "iOS", "Safari"),
        (f"{_IPHONE} CriOS/126.0 Mobile/15E148 Safari/604.1", "mobile", "iOS", "Chrome"),
        (f"{_IPAD} Version/17.5 Mobile/15E148 Safari/604.1", "tablet", "iOS", "Safari"),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/126.0.0.0 Safari/537.36",
            *("desktop", "Chrome OS", "Chrome"),
        ),
        ("something else", None, None, None),
    ],
)
def test_people_are_told_by_device_system_and_browser(
    text: str, device_type: str | None, os: str | None, browser: str | None
) -> None:
    assert agent_of(text.encode()) == (False, device_type, os, browser)


@pytest.mark.parametrize(
    "text",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)",
        "facebookexternalhit/1.1",
        f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/126.0.0.0 Safari/537.36",
    ],
)
def test_bots_are_known(text: str) -> None:
    assert agent_of(text.encode()).is_bot


def test_nothing_is_told_where_there_is_nothing() -> None:
    assert agent_of(None) == agent_of(b"") == UNKNOWN


@pytest.mark.parametrize("part", [b"(", b"a", b" ", b"bot/", b"\xff", b"Mozilla/5.0 (", b"a b;"])
def test_no_header_takes_long_however_it_is_made(part: bytes) -> None:
    header = (part * 65_536)[:65_536]
    _agent_of.cache_clear()
    agent_of(b"warm")
    costs = []
    for number in range(3):  # never the same one, so that each is looked at
        costs.append(timeit.timeit(lambda n=number: agent_of(b"%d" % n + header), number=1))
    assert min(costs) < 0.05


def test_of_long_headers_the_start_is_remembered_and_no_more() -> None:
    _agent_of.cache_clear()
    start = (_WINDOWS * 20).encode()
    for number in range(3):
        agent_of(start + b"%d" % number)
    assert _agent_of.cache_info().currsize == 1
