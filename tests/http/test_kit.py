"""The HTTP kit by itself: headers, cursors, bodies, errors, and the application around routes."""

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import get, post
from litestar.params import FromPath, JSONBody

from footfall.http.application import create_application
from footfall.http.auth import check_rights
from footfall.http.bodies import decode_json, inflated
from footfall.http.documentation import outline
from footfall.http.edge import Edge, decoded_segment
from footfall.http.errors import (
    NotAcceptable,
    UnsupportedMediaType,
    compatible_error,
    in_plain_words,
    problem,
)
from footfall.http.headers import api_version, preferred_wait, token_of
from footfall.http.paging import Cursor, packed_cursor, read_cursor, read_limit, read_page
from footfall.http.services import TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import (
    Invalid,
    NotFound,
    Problem,
    TooLarge,
    Unauthorized,
    Unavailable,
    UserError,
)
from footfall.state.api import State
from tests.wire.shops import Shop, World, open_town, services_of

MIB = 1 << 20


def refusal_of(read: Callable[..., object], *arguments: object) -> UserError | None:
    """Return why `read` refuses, None if it does not; whatever else it raises is a bug."""
    try:
        read(*arguments)
    except UserError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (None, 1),
        ("*/*", 1),
        ("application/json", 1),
        ("*/*; version=2", 2),
        ("*/*;version=2", 2),
        ('application/json; VERSION="2"; q=1', 2),
        ("text/html, */*; version=2", 2),
        ("*/*; version=1", 1),
    ],
)
def test_the_version_is_in_the_accept_header(accept: str | None, version: int) -> None:
    assert api_version(accept) == version


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(NotAcceptable):
        api_version("*/*; version=3")


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ("", None),
        ("return=minimal", None),
        ("waiting", None),
        ("wait=x", None),
        ("wait=-1", None),
        ("wait", 10),
        ("Wait", 10),
        ("wait=0", 0),
        ("wait=5", 5),
        ('wait="5"', 5),
        ("wait=2.5", 2.5),
        ("wait=100000", 60),
        ("return=minimal, wait=3; x", 3),
        ("respond-async, wait", 10),
        (' Wait = " 7 " ', 7),
        ("wait=", None),
        ("wait=" + " " * 400_000 + "x", None),  # at once, and not after minutes
    ],
)
def test_how_long_a_write_may_wait(prefer: str | None, seconds: float | None) -> None:
    assert preferred_wait(prefer) == seconds


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        ("Token abc", b"abc"),
        ("token  abc ", b"abc"),
        ("Bearer abc", b"abc"),
        ("Basic abc", None),
        ("Token", None),
        ("Token é", None),
    ],
)
def test_tokens_stand_behind_their_scheme(header: str | None, token: bytes | None) -> None:
    assert token_of(header) == token


def test_no_rights_without_a_token() -> None:
    with pytest.raises(Unauthorized):
        check_rights(None, "GET")


@given(st.integers(0, 2**63 - 2), st.booleans())
def test_a_cursor_comes_back_as_it_was(place: int, backward: bool) -> None:
    text = packed_cursor(Cursor(place, backward))
    assert read_cursor(text) == Cursor(place, backward)
    assert not set(text) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(st.text())
def test_any_other_text_is_a_broken_cursor(text: str) -> None:
    answer = refusal_of(read_cursor, text)
    assert answer is None or answer.code == "broken_cursor"


@given(st.lists(st.integers(1, 60), unique=True), st.integers(1, 7))
def test_pages_forth_and_back_hold_everything_once(ids: list[int], limit: int) -> None:
    ids.sort()

    def fetch(cursor: Cursor, wanted: int) -> list[int]:
        if cursor.backward:
            return [one for one in reversed(ids) if one < cursor.id][:wanted]
        return [one for one in ids if one > cursor.id][:wanted]

    page = read_page(Cursor(), limit, fetch, lambda one: one)
    forth = [list(page.results)]
    while page.next:
        page = read_page(page.next, limit, fetch, lambda one: one)
        forth.append(list(page.results))
    assert [one for part in forth for one in part] == ids
    back = [list(page.results)]
    while page.previous:
        page = read_page(page.previous, limit, fetch, lambda one: one)
        back.append(list(page.results))
        assert page.next is not None
        again = read_page(page.next, limit, fetch, lambda one: one)
        assert list(again.results) == back[-2]
    assert back == forth[::-1]


@pytest.mark.parametrize("text", ["0", "00", "-1", "x", "1.5", "²", " 1"])
def test_a_limit_is_a_whole_number_from_one(text: str) -> None:
    with pytest.raises(Invalid):
        read_limit(text, 5, 10)
    assert read_limit("9" * 5_000, 5, 10) == 10


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=0), inner),
    max_leaves=8,
)


@given(json_values)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    text = json.dumps(value).encode()
    refusal = refusal_of(decode_json, text)
    if refusal is None:
        assert decode_json(text) == value
    else:
        assert refusal.code == "nested_too_deeply"


@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda b: b'{"a":"' + b + b'"}'))
def test_any_bytes_are_json_or_the_callers_mistake(body: bytes) -> None:
    for content_type in (None, "application/json", "text/plain"):
        refusal = refusal_of(decode_json, body, content_type)
        assert refusal is None or (refusal.status in {400, 415} and refusal.message)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"NaN", "malformed_json"),
        (b'{"a": Infinity}', "malformed_json"),
        (b"1e999", "malformed_json"),
        (b'"\\ud800"', "malformed_json"),
        (b'"\xff"', "malformed_json"),
        (b'"\xed\xa0\x80"', "malformed_json"),
        (b"1" * 5_000, "malformed_json"),
        (b'{"a": "\\u0000"}', "nul_character"),
        (b'{"\\u0000": 1}', "nul_character"),
        (b"[" * 11 + b"]" * 11, "nested_too_deeply"),
        (b"[" * 100_000, "nested_too_deeply"),
    ],
)
def test_what_is_nearly_json_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_json(body, "application/json")
    assert caught.value.code == code


def test_huge_integers_stay_and_a_byte_order_mark_goes() -> None:
    assert decode_json(b'\xef\xbb\xbf{"a": [%d]}' % 2**70) == {"a": [2**70]}
    assert decode_json(b"[" * 10 + b"]" * 10)


def test_a_body_that_is_not_json_and_does_not_claim_to_be_is_an_unsupported_type() -> None:
    with pytest.raises(UnsupportedMediaType):
        decode_json(b"a=1", "application/x-www-form-urlencoded")
    assert decode_json(b'{"a":1}', "application/x-www-form-urlencoded") == {"a": 1}


def test_gzip_is_unpacked_up_to_the_limit() -> None:
    assert inflated(b"as it is", None) == b"as it is"
    assert inflated(gzip.compress(b"a") + gzip.compress(b"b"), "GZIP") == b"ab"
    assert len(inflated(gzip.compress(bytes(MIB)), "gzip")) == MIB
    with pytest.raises(TooLarge):
        inflated(gzip.compress(bytes(MIB + 1)), "gzip")
    with pytest.raises(UnsupportedMediaType):
        inflated(b"", "br")
    for broken in (gzip.compress(b"a" * 99)[:-9], b"\x1f\x8b", b"no", gzip.compress(b"a") + b"x"):
        with pytest.raises(Invalid):
            inflated(broken, "gzip")


@given(st.binary(max_size=64))
def test_a_path_segment_is_text_or_nothing(segment: bytes) -> None:
    try:
        text = decoded_segment("".join(f"%{byte:02X}" for byte in segment))
    except NotFound:
        return
    assert text.encode() == segment


def test_errors_of_the_compatible_api() -> None:
    two = Invalid(
        "Two.",
        problems=(
            Problem("/a/b", "x", "One."),
            Problem("/a", "x", "Two."),
            Problem("#c", "x", "!"),
        ),
    )
    assert compatible_error(two).status == 400
    assert json.loads(compatible_error(two).body) == {"a": ["One.", "Two."], "c": ["!"]}
    assert json.loads(compatible_error(Invalid("Plain.")).body) == {"non_field_errors": ["Plain."]}
    escaped = Invalid.at("/a~1b~0", "x", "Odd.")
    assert json.loads(compatible_error(escaped).body) == {"a/b~": ["Odd."]}
    full = compatible_error(Unavailable("Full.", retry_after_seconds=3))
    assert (full.status, json.loads(full.body)) == (503, {"detail": "Full."})
    assert (b"retry-after", b"3") in full.headers


def test_errors_of_our_api() -> None:
    answer = problem(Invalid.at("/a/0", "wrong", "Wrong."))
    assert answer.headers == [(b"content-type", b"application/problem+json")]
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "Bad request",
        "status": 400,
        "code": "wrong",
        "detail": "Wrong.",
        "errors": [{"pointer": "/a/0", "code": "wrong", "message": "Wrong."}],
    }
    assert (b"www-authenticate", b"Token") in problem(Unauthorized("Who?")).headers


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ("Expected `str`, got `null`", "Expected text, got null."),
        (
            "Expected `int | str | null`, got `bool`.",
            "Expected a whole number or text, got true or false.",
        ),
        ("Expected `object`, got `array`", "Expected an object, got a list."),
        ("Expected `int` <= 1000", "Expected a whole number, at most 1000."),
        ("Expected `int` >= 1", "Expected a whole number, at least 1."),
        ("Object contains unknown field `a`", "The field a is not known here."),
        ("Object missing required field `a`", "The field a is required."),
        ("Invalid enum value 'x'", "'x' is none of the values that may stand here."),
        ("Something else", "Something else."),
    ],
)
def test_people_are_told_of_wrong_types_in_plain_words(message: str, plain: str) -> None:
    assert in_plain_words(message) == plain


def test_the_outline_of_a_schema_is_readable_and_ends() -> None:
    schemas: dict[str, Any] = {
        "Tree": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": ["string", "null"], "description": "Its name."},
                "leaves": {"type": "array", "items": {"enum": ["a", 1]}},
                "trees": {"oneOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "null"}]},
            },
        }
    }
    shown = outline({"$ref": "#/components/schemas/Tree"}, schemas)
    assert shown.startswith(
        '{\n  "name": string or null   — Its name.\n  "leaves"?: ["a" | 1, …]\n  "trees"?: {\n'
    )
    assert '"trees"?: …\n' in shown


def test_the_whole_application(sqlite_state: State) -> None:
    with open_town(sqlite_state) as town:
        _check_operations(town.shop)
        _check_addresses(town.shop)
        _check_bodies(town.shop)


def _check_operations(shop: Shop) -> None:
    nobody = {"authorization": ""}
    assert shop.get("/healthz", headers=nobody).json() == {"status": "ok"}
    assert shop.get("/readyz", headers=nobody).json() == {"status": "ok", "stores": {}}
    metrics = shop.get("/metrics", headers=nobody)
    assert metrics.headers["content-type"].startswith("text/plain; version=")
    assert 'footfall_http_responses_total{status="200"} 2.0' in metrics.text
    document = shop.get("/api/v1/openapi.json", headers=nobody).json()
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    assert {"get", "put", "patch", "delete"} <= paths["/api/v1/products/{custom_id}"].keys()
    names = {one["name"] for one in paths["/api/v1/products"]["get"]["parameters"]}
    assert {"cursor", "filter", "limit", "search", "sort"} <= names
    assert "default" in paths["/api/v1/products"]["get"]["responses"]
    assert paths["/healthz"]["get"]["security"] == []
    page = shop.get("/api/v1/docs", headers=nobody)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in page.text
    assert "//" not in page.text.replace("https://shop", "")
    assert "/api/v1/set-aside-values" in page.text
    # What a person needs of an operation: what it does, what it takes, what it answers.
    assert "Answer the settings of the workspace that the token opens." in page.text
    assert "&quot;attributes&quot;?: {…}" in page.text
    assert "&quot;time_zone&quot;: string" in page.text
    assert "$ref" not in page.text
    assert "URL follows" not in page.text


def _check_addresses(shop: Shop) -> None:
    for path in ("/healthz", "/api/public/products/", "/api/v1/nope"):
        head, get_ = shop.ask("HEAD", path), shop.get(path)
        assert (head.status_code, head.content) == (get_.status_code, b"")
        assert head.headers["content-length"] == get_.headers["content-length"]
    for path, key in (("/api/public/nope/", "detail"), ("/api/v1/nope", "code"), ("/", "code")):
        missing = shop.get(path)
        assert (missing.status_code, key in missing.json()) == (404, True)
    wrong = shop.delete("/api/public/products/")
    assert (wrong.status_code, list(wrong.json())) == (405, ["detail"])
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "POST", "OPTIONS"}
    assert shop.get("/api/v1/workspace", headers={"x-request-id": "mine-1"}).headers[
        "x-request-id"
    ] == ("mine-1")
    assert shop.get("/api/v1/workspace").headers["x-request-id"] == "request-1"
    third = shop.get("/api/public/products/", headers={"accept": "*/*; version=3"})
    assert (third.status_code, list(third.json())) == (406, ["detail"])
    secure = shop.post("/api/public/products/", {"custom_id": "a"})
    assert secure.status_code == 201
    shop.post("/api/public/products/", {"custom_id": "b"})
    page = shop.get("/api/public/products/?limit=1", headers={"x-forwarded-proto": "https"})
    assert page.json()["next"].startswith("https://shop.test/api/public/products/?limit=1&cursor=")


def _check_bodies(shop: Shop) -> None:
    path = "/api/public/products/"
    for content, headers, status in (
        (b"", {}, 400),
        (b"null", {}, 400),
        (b"[1]", {}, 400),
        (b'{"custom_id": "\\ud800"}', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"x" * (MIB + 1), {}, 413),
        (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"content-encoding": "br"}, 415),
        (gzip.compress(bytes(MIB + 1)), {"content-encoding": "gzip"}, 413),
        (gzip.compress(b'{"custom_id": "z"}'), {"content-encoding": "gzip"}, 201),
    ):
        answer = shop.ask("POST", path, content=content, headers=headers)
        assert answer.status_code == status, answer.text
        if status in {413, 415}:
            assert list(answer.json()) == ["detail"]
        elif status == 400:
            assert list(answer.json()) == ["non_field_errors"]


@get("/api/v1/fails/{how:str}")
@in_thread
def fails(call: TheCall, how: FromPath[str]) -> dict[str, Any]:
    if how == "full":
        raise Unavailable("Full.", retry_after_seconds=2)
    raise ZeroDivisionError("secret")


@post("/api/v1/echo")
@in_thread
def echo(call: TheCall, data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    return data


def ask(app: Edge, path: str, token: str = "") -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # wider ASGI types
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            headers = {"authorization": f"Token {token}"}
            return await client.get(f"http://shop.test{path}", headers=headers)

    return asyncio.run(send())


def test_a_fault_of_ours_is_logged_and_not_shown(
    sqlite_state: State, caplog: pytest.LogCaptureFixture
) -> None:
    with open_town(sqlite_state) as town:
        token = town.shop.token
    app = create_application([fails, echo], services_of(sqlite_state, World()))
    failed = ask(app, "/api/v1/fails/how", token)
    assert failed.status_code == 500
    assert "request-1" in failed.json()["detail"]
    assert "secret" not in failed.text
    [record] = [one for one in caplog.records if one.levelname == "ERROR"]
    assert "request-1" in record.getMessage()
    assert record.exc_info is not None
    full = ask(app, "/api/v1/fails/full", token)
    assert (full.status_code, full.headers["retry-after"]) == (503, "2")
    assert full.json()["code"] == "unavailable"


def test_a_store_that_does_not_answer_is_named(sqlite_state: State) -> None:
    def broken() -> None:
        raise OSError("secret place")

    checks = {"state": lambda: None, "warehouse": broken}
    app = create_application([], services_of(sqlite_state, World(), store_checks=checks))
    answer = ask(app, "/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "stores": {"state": "ok", "warehouse": "unavailable"},
    }
    assert answer.headers["retry-after"] == "1"


def test_what_is_served_elsewhere_is_documented_too(sqlite_state: State) -> None:
    extra = {"/api/v1/echo": {"get": {"summary": "Else", "responses": {}, "tags": ["other"]}}}
    app = create_application([echo], services_of(sqlite_state, World()), extra_paths=extra)
    item = ask(app, "/api/v1/openapi.json").json()["paths"]["/api/v1/echo"]
    assert item["get"]["summary"] == "Else"
    assert "requestBody" in item["post"]
    assert "Else" in ask(app, "/api/v1/docs").text


def test_gauges_are_read_when_asked_for(sqlite_state: State) -> None:
    gauges = {"journal_waiting_bytes": lambda: 12.0}
    app = create_application([], services_of(sqlite_state, World(), gauges=gauges))
    assert "footfall_journal_waiting_bytes 12.0" in ask(app, "/metrics").text
