"""Serves the browser SDK: built files of web/sdk that are part of the package.

`/widget.js` is what snippets name; it changes with an upgrade, so browsers keep it shortly. What
is under `/widget/<release>/` never changes, because the release is a hash of it.
"""

import gzip
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath

from footfall.kernel.errors import NotFound

#: Long enough for one visit; an upgrade reaches every shop within it.
_SHORT: Final = "public, max-age=300"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
#: The framework adds the charset to text itself.
_JAVASCRIPT: Final = "text/javascript"
_TYPESCRIPT: Final = "application/typescript; charset=utf-8"
_CORE: Final = "widget.js"
_TYPES: Final = "widget.d.ts"


class _File(NamedTuple):
    plain: bytes
    gzipped: bytes
    etag: str


class Release(NamedTuple):
    """The SDK that this package ships."""

    name: str
    files: dict[str, _File]


@cache
def shipped() -> Release:
    """Return the files of the SDK by name, read once."""
    folder = files("footfall.http") / "static" / "widget"
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    release: str = manifest["release"]
    found = {name: _read((folder / release / name).read_bytes()) for name in manifest["files"]}
    found[_TYPES] = _read((folder / _TYPES).read_bytes())
    return Release(release, found)


def _read(plain: bytes) -> _File:
    etag = hashlib.sha256(plain).hexdigest()[:16]
    return _File(plain, gzip.compress(plain, 9, mtime=0), etag)


def _answer(request: Request[Any, Any, Any], name: str, caching: str) -> Response[bytes]:
    file = shipped().files[name]
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    # The same file in two encodings is two representations (RFC 9110, 8.8.1).
    etag = f'"{file.etag}-gzip"' if zipped else f'"{file.etag}"'
    headers = {
        "cache-control": caching,
        "etag": etag,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
        # Shops load it from their own origins, also as a module or under cross-origin isolation.
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    known = request.headers.get("if-none-match", "")
    if known == "*" or etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
        return Response(b"", status_code=304, headers=headers)
    if zipped:
        headers["content-encoding"] = "gzip"
    media_type = _TYPESCRIPT if name == _TYPES else _JAVASCRIPT
    body = file.gzipped if zipped else file.plain
    return Response(body, media_type=media_type, headers=headers)


@get("/widget.js", sync_to_thread=False, include_in_schema=False)
def core(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the SDK's core."""
    return _answer(request, _CORE, _SHORT)


@get("/widget.d.ts", sync_to_thread=False, include_in_schema=False)
def types(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the SDK's types."""
    return _answer(request, _TYPES, _SHORT)


@get("/widget/{release:str}/{name:str}", sync_to_thread=False, include_in_schema=False)
def released(
    request: Request[Any, Any, Any], release: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    """Return a file of the release that this package ships; of no other."""
    if release != shipped().name or name not in shipped().files or name == _TYPES:
        raise NotFound("There is nothing at this address.")
    return _answer(request, name, _FOR_EVER)


routes = [core, types, released]
