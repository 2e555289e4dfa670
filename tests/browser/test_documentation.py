"""The reference of the browser SDK says what its sources say."""

import re
from pathlib import Path

from footfall.ingest.types import EVENT_TYPES

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference/sdk.md").read_text()
GUIDE = (ROOT / "docs/how-to/browser-sdk.md").read_text()
TYPES = (ROOT / "web/sdk/widget.d.ts").read_text()
CALLS = (ROOT / "web/sdk/src/calls.ts").read_text()


def section(heading: str) -> str:
    return REFERENCE.split(f"## {heading}\n")[1].split("\n## ")[0]


def members(interface: str) -> set[str]:
    """Return the names that an interface of the types declares."""
    body = re.search(rf"interface {interface} .*?\{{\n(.*?)\n\}}", TYPES, re.DOTALL)
    assert body
    return set(re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE))


def test_every_setting_is_in_the_table_in_the_types_and_in_the_code():
    table, beneath = section("Settings").split("\n\n", 2)[1:]
    documented = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    identity = {"user_id", "signature", "email"}
    assert documented == members("FootfallSettings") | identity
    accepted = re.search(r'SETTINGS =\s+"([^"]+)"', CALLS)
    assert accepted
    unused = set(re.findall(r"`(\w+)`", beneath))
    # `onLoad` is a function, and functions are no attributes.
    assert set(accepted[1].split()) == documented - identity - {"onLoad"} | unused


def test_every_call_is_in_the_table():
    code = set(re.findall(r'call == "([\w.]+)"', CALLS)) - {"resetAuth"}
    table = section("Calls")
    for call in code:
        assert f'footfall("{call}"' in table, call
    assert set(re.findall(r'footfall\("([\w.]+)"', table)) == code | {"event.NAME"}


def test_the_event_types_are_the_servers():
    declared = re.search(r"type FootfallEventType =\n(.*?);", TYPES, re.DOTALL)
    assert declared
    assert re.findall(r'"([a-z ]+)"', declared[1]) == list(EVENT_TYPES)
    listed = GUIDE.split("There are sixteen types: ")[1].split(". ")[0]
    assert re.findall(r"`([a-z ]+)`", listed) == list(EVENT_TYPES)
