"""Reads request bodies: gzip, JSON, and everything that is nearly JSON. Pure.

Whatever comes, the outcome is a value that every store can hold or a UserError that says what is
wrong; never anything else.
"""

import zlib
from typing import Any, Final

import msgspec
from litestar import Request

from footfall.http.errors import COMPATIBLE_PREFIXES, UnsupportedMediaType
from footfall.kernel.errors import Invalid, TooLarge
from footfall.kernel.json_values import holds_nul, refuse_deep

#: Decision 24.
MAX_BODY_BYTES: Final = 1 << 20
#: Each one copies the rest of the body; many small ones would cost its length squared.
_MAX_GZIP_MEMBERS: Final = 100
_UTF8_MARK: Final = b"\xef\xbb\xbf"


def inflated(body: bytes, encoding: str | None, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return `body` without its Content-Encoding.

    Raises:
        UnsupportedMediaType: An encoding other than gzip.
        TooLarge: More than `max_bytes` inside.
        Invalid: Truncated or damaged gzip.
    """
    named = (encoding or "identity").strip().lower()
    if named not in {"gzip", "x-gzip"}:
        if named in {"identity", ""}:
            return body
        raise UnsupportedMediaType("Send the body as it is, or with Content-Encoding: gzip.")
    parts: list[bytes] = []
    left = max_bytes + 1
    rest = body
    try:
        while rest:  # gzip files may follow each other; together they are one body
            if len(parts) == _MAX_GZIP_MEMBERS:
                raise Invalid("The gzip body has too many parts.", code="malformed_gzip")
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(rest, left))
            left -= len(parts[-1])
            if left <= 0:
                raise TooLarge(f"The body of a request may have {max_bytes} bytes, unpacked.")
            if not member.eof:
                raise Invalid("The gzip body ends too early.", code="malformed_gzip")
            rest = member.unused_data
    except zlib.error as error:
        raise Invalid("The body is not gzip.", code="malformed_gzip") from error
    return b"".join(parts)


def decode_json(body: bytes, content_type: str | None = None) -> Any:
    """Return the JSON value in `body`, checked so that every store can hold it.

    Raises:
        Invalid: Not JSON, nested deeper than ten levels, or with a NUL character.
        UnsupportedMediaType: Not JSON, and not said to be.
    """
    try:
        value = msgspec.json.decode(body.removeprefix(_UTF8_MARK))
    except UnicodeDecodeError as error:
        raise Invalid("The body is not UTF-8.", code="malformed_json") from error
    except RecursionError as error:
        raise Invalid("Values may be nested ten levels deep.", code="nested_too_deeply") from error
    except msgspec.DecodeError as error:
        refuse_other_media(content_type)
        raise Invalid(f"The body is not JSON: {error}.", code="malformed_json") from error
    refuse_deep(value, "")
    if holds_nul(value):
        raise Invalid("Text must not hold the NUL character.", code="nul_character")
    return value


def refuse_other_media(content_type: str | None) -> None:
    """Refuse a body that is no JSON for its type, if it was said to be something else.

    Raises:
        UnsupportedMediaType: It was.
    """
    named = (content_type or "").partition(";")[0].strip().lower()
    if named and "json" not in named:
        raise UnsupportedMediaType("Send the body as JSON, with Content-Type: application/json.")


class JsonRequest(Request[Any, Any, Any]):
    """Litestar's request with our reading of bodies."""

    async def json(self) -> Any:
        """Return the JSON value of the body; see `decode_json` for what is refused."""
        headers = self.headers
        body = inflated(await self.body(), headers.get("content-encoding"))
        value = decode_json(body, headers.get("content-type"))
        # PHP writes an empty map as `[]`; compatible clients written in it do send that.
        if value == [] and self.scope["path"].startswith(COMPATIBLE_PREFIXES):
            return {}
        return value
