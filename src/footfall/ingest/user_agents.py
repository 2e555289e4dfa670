"""What a User-Agent header tells: a bot or not, which kind of device, system and browser. Pure.

Browsers have frozen most of this header, so a few rules tell what is left in it; versions are not
kept. Bots come and go, so the list of them is a library's (docs/decisions/0002-dependencies.md).
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from crawleruseragents import is_crawler

#: Longer than any browser's; what is beyond would only cost time.
_MAX_CHARACTERS: Final = 512


class Agent(NamedTuple):
    """What a visitor came with; None where it does not say."""

    is_bot: bool
    device_type: str | None  #: "desktop", "mobile", "tablet"
    os: str | None
    browser: str | None


UNKNOWN: Final = Agent(False, None, None, None)

# The first that fits counts: browsers name their forebears, too.
_BROWSERS: Final = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|OPT/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Yandex", r"YaBrowser/"),
    ("Vivaldi", r"Vivaldi/"),
    ("Facebook", r"FBA[NV]/"),
    ("Instagram", r"Instagram "),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Safari/"),
    ("Internet Explorer", r"MSIE |Trident/"),
)
_SYSTEMS: Final = (
    ("iOS", r"iPhone|iPad|iPod"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("Chrome OS", r"CrOS"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)
_DEVICES: Final = (
    ("tablet", r"iPad|Tablet|PlayBook|Silk/|Android(?!.*Mobile)"),
    ("mobile", r"Mobi|iPhone|iPod|Android"),
    ("desktop", r"Windows|Macintosh|X11|CrOS|Linux"),
)


def _rules(named: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(pattern)) for name, pattern in named)


_BROWSER_RULES: Final = _rules(_BROWSERS)
_SYSTEM_RULES: Final = _rules(_SYSTEMS)
_DEVICE_RULES: Final = _rules(_DEVICES)


def agent_of(user_agent: bytes | None) -> Agent:
    """Return what a User-Agent header tells; nothing where there is none."""
    # Cut before it is remembered: anybody may send headers of hundreds of kilobytes.
    return _agent_of(user_agent[:_MAX_CHARACTERS]) if user_agent else UNKNOWN


# A shop's visitors share a few thousand spellings. Unknown ones cost 0.3 ms for the list of bots.
@lru_cache(maxsize=8192)
def _agent_of(user_agent: bytes) -> Agent:
    text = user_agent.decode("latin-1")
    return Agent(
        is_crawler(text),
        _first(_DEVICE_RULES, text),
        _first(_SYSTEM_RULES, text),
        _first(_BROWSER_RULES, text),
    )


def _first(rules: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str | None:
    return next((name for name, pattern in rules if pattern.search(text)), None)
