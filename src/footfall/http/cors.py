"""Which headers let pages of other origins send to us and read our answers. Pure."""

from typing import Final

Headers = list[tuple[bytes, bytes]]

#: Two hours: the longest that every browser remembers.
_MAX_AGE: Final = (b"access-control-max-age", b"7200")
_VARY: Final = (b"vary", b"Origin")
_EXPOSED: Final = (b"access-control-expose-headers", b"Retry-After")
_ANY: Final = [(b"access-control-allow-origin", b"*"), _VARY, _EXPOSED]
_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"Content-Type, Content-Encoding, X-Request-ID"),
    _MAX_AGE,
]


def readable_by(origin: str | None, *, restricted: bool) -> Headers:
    """Return the headers that let a page of `origin`, which is an allowed one, read an answer.

    Args:
        restricted: Whether there are origins that are not allowed; else the answer is for all.
    """
    if origin is None or not restricted:
        return _ANY
    return [(b"access-control-allow-origin", origin.encode("latin-1")), _VARY, _EXPOSED]


def preflight(origin: str | None, *, restricted: bool) -> Headers:
    """Return the headers that answer OPTIONS: what a page of an allowed origin may send."""
    return [*readable_by(origin, restricted=restricted), *_PREFLIGHT]
