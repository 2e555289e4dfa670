"""What a token looks like, and which names and settings a workspace may have. Pure."""

import hashlib
import re
import string
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from footfall.kernel.addresses import Network, covers, network_of, written
from footfall.kernel.errors import Forbidden, Invalid
from footfall.kernel.instants import zone
from footfall.kernel.money import currency_of
from footfall.workspaces.types import KeyScope, Role, Theme

TOKEN_CHARACTERS: Final = 64
SECRET_CHARACTERS: Final = 43
#: As long as the compatible snippet's; a name that everybody can read, not a secret.
APP_KEY_CHARACTERS: Final = 6
#: More than a shop has sites, with test systems and all.
MAX_ORIGINS: Final = 100
#: More than a shop's programs run on; each request of the token looks through them.
MAX_NETWORKS: Final = 100
#: More than one process takes in a second by far.
MAX_EVENTS_PER_SECOND: Final = 1_000_000
MAX_REQUESTS_PER_SECOND: Final = 1_000_000
#: As many as there can be definitions (decision 9).
MAX_BROWSER_ATTRIBUTES: Final = 500
MAX_NAME_CHARACTERS: Final = 255
MAX_TIME_ZONE_CHARACTERS: Final = 64

_ALPHABET = string.ascii_letters + string.digits
_TOKEN = re.compile(rb"[A-Za-z0-9]{64}")
_SECRET = re.compile(r"[A-Za-z0-9]{43}")
_APP_KEY = re.compile(rb"[A-Za-z0-9]{6}")
#: Scheme, perhaps a wildcard, host, perhaps a port. Apps have schemes of their own.
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<wildcard>\*\.)?"
    r"(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_LABELS = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
#: A host has 253 characters at most (RFC 1035); the rest is for scheme and port.
_MAX_ORIGIN_CHARACTERS: Final = 300
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
#: Control characters, and halves of characters as a badly set terminal passes them on.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SCOPES: Final[dict[str, KeyScope]] = {
    "read": "read",
    "write": "write",
    "read-write": "read-write",
}
_ROLES: Final[tuple[Role, ...]] = ("owner", "editor", "viewer")
_THEMES: Final[tuple[Theme, ...]] = ("auto", "light", "dark")
#: Language, perhaps script, perhaps region: pl, en-GB, zh-Hant-TW.
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")


def new_token(random_bytes: Callable[[int], bytes]) -> str:
    """Return a new token: 64 letters and digits, 381 bits of chance.

    Args:
        random_bytes: Returns that many bytes nobody can guess, such as `secrets.token_bytes`.
    """
    return random_text(TOKEN_CHARACTERS, random_bytes)


def random_text(length: int, random_bytes: Callable[[int], bytes]) -> str:
    """Return `length` letters and digits, each as likely as the others."""
    characters: list[str] = []
    while len(characters) < length:
        # 248 is four times 62: bytes past it would make the first letters likelier.
        characters += [_ALPHABET[byte % 62] for byte in random_bytes(length) if byte < 248]
    return "".join(characters[:length])


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """Return the secret of a session or of a one-time link: 43 letters and digits, 256 bits."""
    return random_text(SECRET_CHARACTERS, random_bytes)


def is_secret(text: str) -> bool:
    """Return whether `text` could be the secret of a session or of a one-time link."""
    return _SECRET.fullmatch(text) is not None


def is_token(token: bytes) -> bool:
    """Return whether `token` could be one of ours."""
    return _TOKEN.fullmatch(token) is not None


def is_app_key(key: bytes) -> bool:
    """Return whether `key` could be an app key of ours."""
    return _APP_KEY.fullmatch(key) is not None


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


def checked_role(name: str) -> Role:
    """Return `name` as a role.

    Raises:
        Invalid: It is none of owner, editor and viewer.
    """
    for role in _ROLES:
        if name == role:
            return role
    raise Invalid.at("/role", "unknown_role", "A role is owner, editor or viewer.")


def checked_theme(name: str) -> Theme:
    """Return `name` as a theme.

    Raises:
        Invalid: It is none of auto, light and dark.
    """
    for theme in _THEMES:
        if name == theme:
            return theme
    raise Invalid.at("/theme", "unknown_theme", "A theme is auto, light or dark.")


def checked_locale(tag: str | None) -> str | None:
    """Return `tag` if it looks like a language tag; None stands for what the browser asks for.

    Raises:
        Invalid: It does not.
    """
    if tag is not None and _LOCALE.fullmatch(tag) is None:
        raise Invalid.at("/locale", "unknown_locale", "A language is a tag such as pl or en-GB.")
    return tag


def checked_networks(networks: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the networks as people write them, without repeats; None stands for any.

    Raises:
        Invalid: No network at all, over a hundred, or one that is none.
    """
    if networks is None:
        return None
    if not 0 < len(networks) <= MAX_NETWORKS:
        raise Invalid.at(
            "/allowed_networks", "wrong_length", "Name 1 to 100 networks; null allows any."
        )
    try:
        return tuple(dict.fromkeys(written(network_of(text)) for text in networks))
    except ValueError as error:
        raise Invalid.at("/allowed_networks", "wrong_network", str(error)) from None


def checked_requests_per_second(number: int | None) -> int | None:
    """Return the limit; None stands for no limit.

    Raises:
        Invalid: Less than one, or more than any server takes.
    """
    if number is not None and not 0 < number <= MAX_REQUESTS_PER_SECOND:
        raise Invalid.at(
            "/requests_per_second",
            "out_of_range",
            "A limit is 1 to 1,000,000 requests a second; null is no limit.",
        )
    return number


def check_networks_within(
    own: tuple[Network, ...] | None, networks: tuple[str, ...] | None
) -> None:
    """Do nothing where these networks are all among the `own` of who gives them to a token.

    Raises:
        Forbidden: One is not.
    """
    if own is None:
        return
    if networks is None or not all(covers(own, network_of(text)) for text in networks):
        raise Forbidden.at(
            "/allowed_networks",
            "more_than_own",
            "The token you call with is for certain networks; others get no more than those.",
        )


def check_limit_within(own: int | None, limit: int | None) -> None:
    """Do nothing where this limit is at most the `own` of who gives it to a token.

    Raises:
        Forbidden: It is more.
    """
    if own is not None and (limit is None or limit > own):
        raise Forbidden.at(
            "/requests_per_second",
            "more_than_own",
            f"The token you call with may send {own} requests a second; others get no more.",
        )


def checked_origins(origins: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the origins as browsers write them, without repeats; None stands for any.

    Raises:
        Invalid: No origin at all, over a hundred, or one that is none.
    """
    if origins is None:
        return None
    if not 0 < len(origins) <= MAX_ORIGINS:
        raise Invalid.at(
            "/allowed_origins", "wrong_length", "Name 1 to 100 origins; null allows any."
        )
    return tuple(dict.fromkeys(_checked_origin(origin) for origin in origins))


def _checked_origin(text: str) -> str:
    match = _ORIGIN.fullmatch(text.strip().lower())
    # A wildcard right before a top-level domain would let in half the world.
    if match is None or (match["wildcard"] and "." not in match["host"]):
        raise Invalid.at(
            "/allowed_origins",
            "wrong_origin",
            "An origin is scheme, host and perhaps port, such as https://shop.example,"
            " https://*.shop.example or http://localhost:3000; hosts with other letters in their"
            " xn-- form.",
        )
    origin = f"{match['scheme']}://{match['wildcard'] or ''}{match['host']}"
    port = match["port"]
    return origin if port in {None, _DEFAULT_PORTS.get(match["scheme"])} else f"{origin}:{port}"


def origin_allowed(origin: str, allowed: tuple[str, ...] | None) -> bool:
    """Return whether a page of `origin` may use a key with these allowed origins.

    A wildcard stands for one or more labels of the host, not for none.
    """
    if allowed is None or origin in allowed:
        return True
    # Not remembered if too long: anybody may send headers of hundreds of kilobytes.
    return len(origin) <= _MAX_ORIGIN_CHARACTERS and _fits_wildcard(origin, allowed)


@lru_cache(maxsize=4096)  # a shop's pages have a handful of origins, each sent very often
def _fits_wildcard(origin: str, allowed: tuple[str, ...]) -> bool:
    for pattern in allowed:
        start, wildcard, end = pattern.partition("*")
        inside = origin[len(start) : len(origin) - len(end)]
        if wildcard and origin == f"{start}{inside}{end}" and _LABELS.fullmatch(inside):
            return True
    return False


def checked_events_per_second(number: int | None) -> int | None:
    """Return the limit; None stands for no limit.

    Raises:
        Invalid: Less than one, or more than any server takes.
    """
    if number is not None and not 0 < number <= MAX_EVENTS_PER_SECOND:
        raise Invalid.at(
            "/events_per_second",
            "out_of_range",
            "A limit is 1 to 1,000,000 events a second; null is no limit.",
        )
    return number


def checked_browser_attributes(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the names of product attributes that browsers may write; None stands for any.

    Raises:
        Invalid: Too many, or a name that cannot be one.
    """
    if names is None:
        return None
    if len(names) > MAX_BROWSER_ATTRIBUTES:
        raise Invalid.at("/browser_attributes", "wrong_length", "Name 500 attributes at most.")
    for name in names:
        if not 0 < len(name) <= MAX_NAME_CHARACTERS or _CONTROL.search(name):
            raise Invalid.at(
                "/browser_attributes",
                "wrong_name",
                "A name must have 1 to 255 characters, none of them a control.",
            )
    return tuple(dict.fromkeys(names))
