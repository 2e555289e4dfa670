"""What a token looks like, and which names and settings a workspace may have. Pure."""

import hashlib
import re
import string
from collections.abc import Callable
from typing import Final

from footfall.kernel.errors import Invalid
from footfall.kernel.instants import zone
from footfall.kernel.money import currency_of
from footfall.workspaces.types import KeyScope

TOKEN_CHARACTERS: Final = 64
MAX_NAME_CHARACTERS: Final = 255
MAX_TIME_ZONE_CHARACTERS: Final = 64

_ALPHABET = string.ascii_letters + string.digits
_TOKEN = re.compile(rb"[A-Za-z0-9]{64}")
#: Control characters, and halves of characters as a badly set terminal passes them on.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SCOPES: Final[dict[str, KeyScope]] = {
    "read": "read",
    "write": "write",
    "read-write": "read-write",
}


def new_token(random_bytes: Callable[[int], bytes]) -> str:
    """Return a new token: 64 letters and digits, 381 bits of chance.

    Args:
        random_bytes: Returns that many bytes nobody can guess, such as `secrets.token_bytes`.
    """
    characters: list[str] = []
    while len(characters) < TOKEN_CHARACTERS:
        # 248 is four times 62: bytes past it would make the first letters likelier.
        characters += [
            _ALPHABET[byte % 62] for byte in random_bytes(TOKEN_CHARACTERS) if byte < 248
        ]
    return "".join(characters[:TOKEN_CHARACTERS])


def is_token(token: bytes) -> bool:
    """Return whether `token` could be one of ours."""
    return _TOKEN.fullmatch(token) is not None


def token_hash(token: bytes) -> bytes:
    """Return what is stored in place of `token`."""
    return hashlib.sha256(token).digest()


def checked_name(name: str) -> str:
    """Return `name` without blanks around it.

    Raises:
        Invalid: Nothing is left, it is over 255 characters, or has control characters.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or _CONTROL.search(name):
        raise Invalid.at(
            "/name", "wrong_name", "A name must have 1 to 255 characters, none of them a control."
        )
    return name


def checked_time_zone(name: str) -> str:
    """Return `name` if it is an IANA time zone.

    Raises:
        Invalid: It is not, or it is `localtime`, which means something else on each machine.
    """
    known = len(name) <= MAX_TIME_ZONE_CHARACTERS and name != "localtime" and zone(name)
    if not known:
        raise Invalid.at(
            "/time_zone", "unknown_time_zone", "A time zone is an IANA name such as Europe/Warsaw."
        )
    return name


def checked_currency(code: str) -> str:
    """Return `code` in capitals.

    Raises:
        Invalid: It cannot be an ISO 4217 code.
    """
    currency = currency_of(code)
    if currency is None:
        raise Invalid.at(
            "/currency", "unknown_currency", "A currency is a three-letter ISO 4217 code, EUR."
        )
    return currency


def checked_scope(name: str) -> KeyScope:
    """Return `name` as the scope of a key.

    Raises:
        Invalid: It is none of read, write and read-write.
    """
    scope = _SCOPES.get(name)
    if scope is None:
        raise Invalid.at("/scope", "unknown_scope", "A scope is read, write or read-write.")
    return scope
