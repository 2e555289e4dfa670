"""Serves the console's style, scripts and pictures under addresses that name their content."""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath

from footfall.kernel.errors import NotFound

_FOLDER: Final = Path(__file__).with_name("static")
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


class _Asset(NamedTuple):
    plain: bytes
    gzipped: bytes
    content_hash: str
    media_type: str


@cache
def _asset(name: str) -> _Asset | None:
    path = _FOLDER / name
    # A name without folders: nothing outside can be meant.
    if path.name != name or path.suffix not in _MEDIA_TYPES or not path.is_file():
        return None
    plain = path.read_bytes()
    content_hash = hashlib.sha256(plain).hexdigest()[:12]
    return _Asset(plain, gzip.compress(plain, 9, mtime=0), content_hash, _MEDIA_TYPES[path.suffix])


def asset_url(name: str) -> str:
    """Return the address of a file of ours, a new one whenever its content changes."""
    found = _asset(name)
    assert found is not None, f"the console has no file called {name}"
    return f"/assets/{found.content_hash}/{name}"


@get("/assets/{content_hash:str}/{name:str}", sync_to_thread=False, include_in_schema=False)
def asset(
    request: Request[Any, Any, Any], content_hash: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    """Return a file of the console; of this release only."""
    found = _asset(name) if len(name) <= 100 and "%" not in name else None
    if found is None or found.content_hash != content_hash:
        raise NotFound("There is nothing at this address.")
    headers = {
        "cache-control": _FOR_EVER,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }
    if found.media_type == "image/svg+xml":
        headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(found.gzipped, media_type=found.media_type, headers=headers)
    return Response(found.plain, media_type=found.media_type, headers=headers)


ROUTES: Final = [asset]
