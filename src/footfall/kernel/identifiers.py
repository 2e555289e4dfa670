"""Identifiers as shops send them: which text may be one, and how it is compared. Pure."""

import re
from typing import Final

from footfall.kernel.errors import Invalid

#: Decision 6.
MAX_CUSTOM_ID_CHARACTERS: Final = 255
#: RFC 5321, section 4.5.3.1: 64 + "@" + 255.
MAX_EMAIL_CHARACTERS: Final = 320
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def checked_id(value: str | int, pointer: str) -> str:
    """Return a custom id, key or order id as text, byte for byte (decision 6).

    Raises:
        Invalid: Empty, over 255 characters, or with control characters.
    """
    text = value if type(value) is str else str(value)
    if not 0 < len(text) <= MAX_CUSTOM_ID_CHARACTERS:
        raise Invalid.at(pointer, "wrong_length", "This must have 1 to 255 characters.")
    # isprintable() is a quick yes for nearly all ids; it refuses a few harmless blanks, too.
    if not text.isprintable() and _CONTROL.search(text):
        raise Invalid.at(pointer, "control_character", "This must not hold control characters.")
    return text


def checked_email(value: str, pointer: str = "/email") -> str:
    """Return an e-mail address as it is compared: without blanks around, in lower case."""
    text = value.strip().lower()
    name, _, domain = text.rpartition("@")
    if not name or not domain or len(text) > MAX_EMAIL_CHARACTERS or _CONTROL.search(text):
        raise Invalid.at(pointer, "not_an_email", "This is not an e-mail address.")
    return text
