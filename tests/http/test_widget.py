"""The browser SDK as it is served: addresses, caching, encodings, and what is no file of it."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import footfall.http
from footfall.http.widget import shipped
from footfall.state.api import State
from tests.wire.shops import Shop, open_town

FOLDER = Path(footfall.http.__file__).parent / "static" / "widget"
RELEASE = json.loads((FOLDER / "manifest.json").read_text())["release"]


@pytest.fixture
def shop(sqlite_state: State) -> Iterator[Shop]:
    with open_town(sqlite_state) as town:
        yield town.shop


def fetch(shop: Shop, path: str, **headers: str) -> httpx.Response:
    nobody = {"authorization": "", "accept-encoding": "identity"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return shop.get(path, headers={**nobody, **named})


@pytest.mark.parametrize(
    ("path", "file", "content_type"),
    [
        ("/widget.js", f"{RELEASE}/widget.js", "text/javascript; charset=utf-8"),
        ("/widget.d.ts", "widget.d.ts", "application/typescript; charset=utf-8"),
        *(
            (f"/widget/{RELEASE}/{name}", f"{RELEASE}/{name}", "text/javascript; charset=utf-8")
            for name in ("widget.js", "ga4.js", "segment.js")
        ),
    ],
)
def test_every_file_is_served_to_everybody_from_any_origin(
    shop: Shop, path: str, file: str, content_type: str
):
    answer = fetch(shop, path)
    assert answer.status_code == 200
    assert answer.content == (FOLDER / file).read_bytes()
    assert answer.headers["content-type"] == content_type
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["vary"] == "accept-encoding"


def test_the_address_with_the_release_may_be_kept_and_the_plain_one_only_shortly(shop: Shop):
    kept = fetch(shop, f"/widget/{RELEASE}/widget.js")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert fetch(shop, "/widget.js").headers["cache-control"] == "public, max-age=300"


def test_a_browser_that_has_the_file_is_told_so(shop: Shop):
    etag = fetch(shop, "/widget.js").headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        again = fetch(shop, "/widget.js", if_none_match=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    assert fetch(shop, "/widget.js", if_none_match='"other"').status_code == 200


def test_it_is_gzipped_for_those_who_take_it(shop: Shop):
    zipped = fetch(shop, "/widget.js", accept_encoding="gzip, br")
    plain = fetch(shop, "/widget.js")
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert zipped.content == plain.content  # the client has unpacked it
    assert zipped.headers["etag"] != plain.headers["etag"]


def test_the_core_is_small(shop: Shop):
    assert len(gzip.compress(shipped().files["widget.js"].plain, 9)) <= 6144


@pytest.mark.parametrize(
    "path",
    [
        "/widget/000000000000/widget.js",
        f"/widget/{RELEASE}/widget.d.ts",
        f"/widget/{RELEASE}/manifest.json",
        f"/widget/{RELEASE}/..%2Fmanifest.json",
        f"/widget/{RELEASE}",
        "/widget",
    ],
)
def test_nothing_else_is_served(shop: Shop, path: str):
    assert fetch(shop, path).status_code == 404
