"""What request headers ask for. Plain functions; the collector uses them too."""

import re
from functools import lru_cache
from typing import Final, Literal

from footfall.http.errors import NotAcceptable

ApiVersion = Literal[1, 2]

#: Decision 19.
DEFAULT_WAIT_SECONDS: Final = 10.0
MAX_WAIT_SECONDS: Final = 60.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VERSION = re.compile(r';\s*version\s*=\s*"?([^\s;,"]*)', re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?")
#: Every request's header is read before anybody knows who sends it; no honest one is longer.
_MAX_PREFER_CHARACTERS: Final = 1_000


@lru_cache(maxsize=256)  # clients send a handful of spellings, each of them very often
def api_version(accept: str | None) -> ApiVersion:
    """Return which compatible API the Accept header asks for; without a version it is the first.

    Raises:
        NotAcceptable: A version other than 1 and 2.
    """
    found = _VERSION.search(accept) if accept else None
    if found is None or found[1] == "1":
        return 1
    if found[1] == "2":
        return 2
    raise NotAcceptable("There are version=1 and version=2; the Accept header asks for neither.")


def preferred_wait(prefer: str | None) -> float | None:
    """Return how many seconds `Prefer: wait` grants for a write to be visible, or None if absent.

    `wait` alone means 10 seconds; more than 60 are 60 (decision 19).
    """
    if prefer is None or len(prefer) > _MAX_PREFER_CHARACTERS:
        return None
    for preference in prefer.split(","):
        # No pattern for all of it: one that allows blanks everywhere tries every way to share them.
        name, equals, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() != "wait":
            continue
        seconds = value.strip().strip('"').strip()
        if not equals:
            return DEFAULT_WAIT_SECONDS
        if _SECONDS.fullmatch(seconds):
            return min(float(seconds), MAX_WAIT_SECONDS)
    return None


def prefers_async(prefer: str | None) -> bool:
    """Return whether `Prefer: respond-async` asks for an answer before the work is done."""
    if prefer is None or len(prefer) > _MAX_PREFER_CHARACTERS:
        return False
    named = (preference.partition(";")[0] for preference in prefer.split(","))
    return any(name.strip().lower() == "respond-async" for name in named)


def token_of(authorization: str | None) -> bytes | None:
    """Return the token of an Authorization header, or None where it holds none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() not in {"token", "bearer"} or not token.isascii():
        return None
    return token.encode() or None


def sound_request_id(sent: str | None) -> str | None:
    """Return the request id that the caller sent, None if it sent none that a log can hold."""
    return sent if sent is not None and _REQUEST_ID.fullmatch(sent) else None
