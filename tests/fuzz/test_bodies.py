"""Bodies that are wrong in every way we know, and in ways that Hypothesis finds."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import (
    BATCH,
    SINGLE,
    VERSION_2,
    Target,
    assert_explained,
    assert_kept,
)
from tests.journeys.shop import Shop

EVENT = {"event_type": "view", "user_custom_id": "anna"}
ITEM = {**EVENT, "product_id": "mug-1"}


def _event(**more: Any) -> bytes:
    return json.dumps({**EVENT, **more}).encode()


def _with(value: str, name: str = "x") -> bytes:
    """Return an event with `value`, JSON text or nearly, as an attribute."""
    return f'{{"event_type":"view","user_custom_id":"anna","data":{{"{name}":{value}}}}}'.encode()


def _zeros(megabytes: int) -> bytes:
    """Return so many MB of zeros, packed a thousand times smaller."""
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


DEEP = b"[" * 100_000 + b"]" * 100_000

#: name: (body, headers, status, a code of the failed event)
REFUSED_SINGLES: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "1 MiB and a byte": (b"{" + b" " * (1 << 20), {}, 413, "too_large"),
    "100,000 brackets in a value": (_with(DEEP.decode()), {}, 400, "nested_too_deeply"),
    "100,000 brackets": (DEEP, {}, 400, ""),
    "100,000 open braces": (b'{"data":' * 100_000, {}, 400, ""),
    "eleven levels": (_with("[" * 11 + "]" * 11), {}, 400, "nested_too_deeply"),
    "nothing": (b"", {}, 400, ""),
    "no JSON": (b"event_type=view", {}, 400, "malformed_json"),
    "cut JSON": (_event()[:-1], {}, 400, "malformed_json"),
    "an array": (b"[]", {}, 400, "wrong_type"),
    "null": (b"null", {}, 400, "wrong_type"),
    "UTF-16": (_event().decode().encode("utf-16"), {}, 400, "malformed_json"),
    "no UTF-8": (_with('"\xff\xfe"').decode().encode("latin-1"), {}, 400, "malformed_json"),
    "a surrogate in UTF-8": (_with('"') + b"\xed\xa0\x80", {}, 400, "malformed_json"),
    "half a character": (_with('"\\ud800"'), {}, 400, "malformed_json"),
    "NUL in a value": (_with('"\\u0000"'), {}, 400, "nul_character"),
    "NUL deep in a value": (_with('[{"a":["\\u0000"]}]'), {}, 400, "nul_character"),
    "NUL in a name": (_with("1", "a\\u0000"), {}, 400, "nul_character"),
    "NUL as it is": (_event() + b"\x00", {}, 400, "malformed_json"),
    "NaN": (_with("NaN"), {}, 400, "malformed_json"),
    "Infinity": (_with("-Infinity"), {}, 400, "malformed_json"),
    "a decimal with an exponent of 400": (_with("1e400"), {}, 400, ""),
    "1,001 attributes": (
        _event(data={f"a{n}": n for n in range(1_001)}),
        {},
        400,
        "too_many_attributes",
    ),
    "custom_data over 64 KiB": (
        _event(data={"custom_data": {"x": "y" * 65_536}}),
        {},
        413,
        "too_large",
    ),
    "no type": (b'{"user_custom_id":"anna"}', {}, 400, "required"),
    "an unknown type": (_event(event_type="vieww"), {}, 400, "unknown_event_type"),
    "nobody": (b'{"event_type":"view"}', {}, 400, "contact_missing"),
    "a blank type": (_event(event_type=" "), {}, 400, "unknown_event_type"),
    "an id of 256 characters": (_event(user_custom_id="x" * 256), {}, 400, "wrong_length"),
    "an id with a control character": (_event(user_custom_id="a\nb"), {}, 400, "control_character"),
    "an id that is a list": (_event(user_custom_id=["a"]), {}, 400, "wrong_type"),
    "an id with NUL": (_event(user_custom_id="a\0"), {}, 400, "control_character"),
    "no e-mail": (_event(email="anna"), {}, 400, "not_an_email"),
    "an event id of 65 characters": (_event(event_id="x" * 65), {}, 400, "wrong_length"),
    "an internal id past 2^63": (_event(user_id=2**63), {}, 400, ""),
    "an internal id nobody has": (_event(user_id=2**63 - 1), {}, 404, "contact_not_found"),
    "an internal id of 4,000 digits": (_event(user_id="1" * 4_000), {}, 400, "wrong_type"),
    "a time in 1999": (_event(timestamp=900_000_000), {}, 400, "timestamp_too_old"),
    "a time in 2100": (_event(timestamp=4_102_444_800), {}, 400, "timestamp_in_future"),
    "a time of 1e300": (_event(timestamp=1e300), {}, 400, "unreadable_timestamp"),
    "a time that is words": (_event(timestamp="yesterday"), {}, 400, "unreadable_timestamp"),
    "data that are a list": (_event(data=[1]), {}, 400, "wrong_type"),
    "cut gzip": (gzip.compress(_event())[:-9], {"Content_Encoding": "gzip"}, 400, "malformed_gzip"),
    "no gzip": (_event(), {"Content_Encoding": "gzip"}, 400, "malformed_gzip"),
    "an encoding we do not know": (_event(), {"Content_Encoding": "br"}, 415, ""),
    "a version we do not know": (_event(), {"Accept": "*/*; version=3"}, 406, "unknown_version"),
    "a request key of 65 characters": (_event(), {"Idempotency_Key": "k" * 65}, 400, ""),
}


@pytest.mark.parametrize("name", REFUSED_SINGLES)
def test_a_bad_event_is_refused_explained_and_kept(target: Target, name: str) -> None:
    body, headers, status, code = REFUSED_SINGLES[name]
    answer = target.send(body, **headers)
    assert answer[0] == status, answer
    assert_explained(*answer)
    [failed] = target.newest_failed(1)
    assert_kept(failed, body)
    assert code in {"", failed["code"]}, failed["code"]


@pytest.mark.parametrize("path", [SINGLE, BATCH])
def test_a_gzip_bomb_is_refused_without_unpacking_it(target: Target, path: str) -> None:
    bomb = _zeros(512)
    assert len(bomb) < 1 << 20
    answer = target.send(bomb, path, Content_Encoding="gzip")
    assert answer[0] == 413
    assert_explained(*answer)
    [failed] = target.newest_failed(1)
    assert failed["code"] == "too_large"


REFUSED_BATCHES: dict[str, tuple[bytes, int, str]] = {
    "16 MiB and a byte": (b"[" + b" " * (16 << 20), 413, "too_large"),
    "100,000 brackets": (DEEP, 400, ""),
    "no JSON": (b"%PDF-1.4", 400, "malformed_json"),
    "a string": (b'"view"', 400, "malformed_json"),
    "a cut array": (b"[" + json.dumps(ITEM).encode(), 400, "malformed_json"),
    "nothing": (b"", 400, "malformed_json"),
    "10,001 events": (json.dumps([0] * 10_001).encode(), 413, "too_large"),
    "no UTF-8": (b'["\xff"]', 400, ""),
}


@pytest.mark.parametrize("name", REFUSED_BATCHES)
def test_a_bad_batch_is_refused_explained_and_kept(target: Target, name: str) -> None:
    body, status, code = REFUSED_BATCHES[name]
    answer = target.send(body, BATCH)
    if answer[0] == 202:  # read item by item: the items are what is wrong
        assert answer[1]["accepted"] == 0
        assert answer[1]["rejected"]
    else:
        assert answer[0] == status, answer
        assert_explained(*answer)
    [failed] = target.newest_failed(1)
    assert code in {"", failed["code"]}, failed["code"]


def test_each_bad_item_of_a_batch_is_kept_and_the_good_ones_go_through(target: Target) -> None:
    bad = {
        name: body.replace(b"{", b'{"product_id":"mug-1",', 1)
        for name, (body, headers, status, _) in REFUSED_SINGLES.items()
        # What breaks the line or the request itself is no item.
        if not headers
        and status == 400
        and body.startswith(b"{")
        and body.isascii()
        and b"\x00" not in body
        and not name.startswith(("cut", "100,000"))
    }
    assert len(bad) > 20
    good = [json.dumps({**ITEM, "event_id": f"between-{i}"}).encode() for i in range(len(bad))]
    lines = [line for pair in zip(good, bad.values(), strict=True) for line in pair]
    status, answer, _ = target.send(b"\n".join(lines), BATCH)
    assert status == 202
    assert answer["accepted"] == len(good)
    assert [refused["index"] for refused in answer["rejected"]] == list(range(1, 2 * len(bad), 2))
    assert all(refused["code"] and refused["message"] for refused in answer["rejected"])
    for failed, sent in zip(target.newest_failed(len(bad)), bad.values(), strict=True):
        assert_kept(failed, sent)


ACCEPTED_SINGLES: dict[str, bytes] = {
    "ten levels": _with("[" * 9 + "]" * 9),
    "an integer of 4,000 digits": _with("9" * 4_000),
    "a price of 4,000 digits": _with("9" * 4_000, "price"),
    "a price of 1e308": _with("1e308", "price"),
    "a quantity of -1e-300": _with("-1e-300", "quantity"),
    "a date that is none": _with('"2026-02-31"', "bought_on"),
    "1,000 attributes": _event(data={f"b{n}": n for n in range(1_000)}),
    "a value of 20,000 characters": _event(data={"name": "x" * 20_000}),
    "a blank user id beside a key": _event(user_custom_id="", user_key="k"),
    "names that are SQL": _event(data={"'; DROP TABLE events; --": "\\'\"%s{x:String}"}),
    "a name without characters": _event(data={"": 1}),
    "emoji and marks from right to left": _event(user_custom_id="\u202e🧺\u200d"),
    "the same name twice": _with('1,"x":2'),
    "gzip of nothing but a name": _event(data={"\ufeff": None}),
}


@pytest.mark.parametrize("name", ACCEPTED_SINGLES)
def test_an_odd_event_is_stored_as_it_is(target: Target, name: str) -> None:
    status, answer, _ = target.send(ACCEPTED_SINGLES[name], Prefer="wait=60")
    assert status == 201, answer
    newest = target.client.get("/api/v1/events", limit=1)["results"][0]
    assert newest["id"] == answer["id"]
    sent = json.loads(ACCEPTED_SINGLES[name]).get("data") or {}
    assert newest["attributes"] == sent


def test_a_batch_over_three_hundred_months_is_stored_whole(tmp_path: Path) -> None:
    # On a server of its own: so many months make the others' warehouse slow.
    shop = Shop(tmp_path / "shop")
    shop.start()
    try:
        client = shop.client(shop.new_token())
        items = [
            {
                **ITEM,
                "timestamp": f"{2000 + month // 12}-{month % 12 + 1:02}-15T12:00:00Z",
                "event_id": f"month-{month}",
            }
            for month in range(300)
        ]
        status, answer, headers = client.request("POST", BATCH, items, Prefer="wait=60")
        assert (status, answer["accepted"], answer["rejected"]) == (202, 300, [])
        assert headers["preference-applied"] == "wait"
        by_day = client.get("/api/v1/events/count", group_by="day")
        assert (by_day["total"], len(by_day["results"])) == (300, 300)
        client.close()
    finally:
        shop.kill()


# --- what Hypothesis finds ----------------------------------------------------------------------

FIELDS = (
    "event_type",
    "user_custom_id",
    "user_id",
    "user_key",
    "email",
    "timestamp",
    "event_id",
    "product_id",
    "data",
    "custom_data",
    "price",
    "quantity",
    "order_id",
    "currency",
)
TEXTS = st.text(max_size=20) | st.sampled_from(["view", "anna", "a@b.example", "0", "1e5", " "])
NUMBERS = (
    st.integers(-(2**70), 2**70)
    | st.integers(-3, 3)
    | st.floats()
    | st.integers(0, 10**40).map(lambda exponent: 10 ** (exponent % 4_000))
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)
EVENTS = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["view", "purchase", "Add_To_Cart"]) | VALUES},
    optional={name: VALUES for name in FIELDS if name != "event_type"},
)
#: JSON with what JSON forbids (NaN, half characters), and bytes that are none.
BODIES = (
    EVENTS.map(lambda event: json.dumps(event).encode())
    | EVENTS.map(lambda event: json.dumps(event, ensure_ascii=False).encode(errors="surrogatepass"))
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=200)
    | st.tuples(EVENTS, st.integers(0, 200), st.binary(max_size=3)).map(
        lambda parts: _spliced(json.dumps(parts[0]).encode(), parts[1], parts[2])
    )
)
FUZZ = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _spliced(body: bytes, place: int, more: bytes) -> bytes:
    return body[:place] + more + body[place + len(more) :]


def test_any_body_of_an_event_is_accepted_or_refused_explained_and_kept(target: Target) -> None:
    refused: list[bytes] = []

    @FUZZ
    @given(body=BODIES, accept=st.sampled_from([VERSION_2, "*/*"]), packed=st.booleans())
    def send(body: bytes, accept: str, packed: bool) -> None:
        headers = {"Accept": accept, **({"Content-Encoding": "gzip"} if packed else {})}
        sent = gzip.compress(body, mtime=0) if packed else body
        answer = target.client.request("POST", SINGLE, sent, **headers)
        if answer[0] == 201:
            assert answer[1]["id"] > 0
            return
        assert_explained(*answer)
        refused.append(body)

    send()
    assert len(refused) > 50
    kept = target.newest_failed(len(refused))
    for failed, body in zip(kept, refused, strict=True):
        assert_kept(failed, body)


def test_any_batch_counts_each_of_its_items_once(target: Target) -> None:
    rejected: list[bytes] = []
    products = st.fixed_dictionaries({"product_id": st.just("mug-1")})

    @settings(FUZZ, max_examples=120)
    @given(items=st.lists(st.tuples(EVENTS, products).map(lambda p: {**p[1], **p[0]}), max_size=8))
    def send(items: list[dict[str, Any]]) -> None:
        lines = [json.dumps(item).encode() for item in items]
        status, answer, headers = target.client.request("POST", BATCH, b"\n".join(lines))
        if not items:
            assert_explained(status, answer, headers)
            rejected.append(b"")
            return
        assert status == 202, answer
        refused = [item["index"] for item in answer["rejected"]]
        assert answer["accepted"] + answer["duplicates"] + len(refused) == len(items)
        rejected.extend(lines[index] for index in refused)

    send()
    assert len(rejected) > 50
    kept = target.newest_failed(len(rejected))
    for failed, line in zip(kept, rejected, strict=True):
        assert_kept(failed, line)


# --- browsers -----------------------------------------------------------------------------------

#: Of an item that would be taken, so that one thing at a time is wrong.
BROWSER_ITEM: dict[str, Any] = {
    "kind": "product_event",
    "id": None,
    "at": 1_767_268_800_000,
    "visitor": "k3mPq8sTv1Yz",
    "product_id": "mug-1",
    "event_type": "view",
}
#: name: (fields in place of the item's, the code)
REFUSED_ITEMS: dict[str, tuple[str, str]] = {
    "NUL in a value": (r'"data":{"x":"\u0000"}', "nul_character"),
    "NUL in a name": (r'"data":{"\u0000":1}', "nul_character"),
    "NUL in an address": (r'"kind":"page_view","page":{"url":"\u0000"}', "nul_character"),
    "NUL in a contact": (r'"contact":{"first_name":"\u0000"}', "nul_character"),
    "NUL in a visitor key": (r'"visitor":"\u0000"', "control_character"),
    "NUL in a session": (r'"session":"a\u0000"', "control_character"),
    "NUL in a user id": (r'"user_id":"\u0000"', "control_character"),
    "eleven levels": ('"data":{"x":' + "[" * 11 + "]" * 11 + "}", "nested_too_deeply"),
    "eleven levels in a contact": ('"contact":{"x":' + "[" * 11 + "]" * 11 + "}", ""),
    "100,000 brackets": ('"data":{"x":' + "[" * 100_000 + "]" * 100_000 + "}", ""),
    "half a character": (r'"data":{"x":"\ud800"}', ""),
    "a time of 4,000 digits": ('"at":' + "9" * 4_000, ""),
    "a time of 1e308": ('"at":1e308', "unreadable_timestamp"),
    "a time of minus infinity": ('"at":-1e999', ""),
    "a signature that is no text": ('"user_id":"a","signature":7', "wrong_type"),
    "a signature of other letters": (r'"user_id":"a","signature":"\u017c"', "bad_signature"),
    "a session of 65 characters": (f'"session":"{"s" * 65}"', "wrong_length"),
    "1,001 attributes": ('"data":{' + ",".join(f'"a{n}":1' for n in range(1_001)) + "}", ""),
    "a page that is none": ('"kind":"page_view","page":[]', "wrong_type"),
    "a name of 256 characters": (f'"kind":"event","name":"{"n" * 256}"', "wrong_length"),
}


def _browser_path(target: Target) -> str:
    return f"/api/browser/v1/events/{target.app_key}"


@pytest.mark.parametrize("name", REFUSED_ITEMS)
def test_a_bad_item_of_a_browser_is_rejected_explained_and_kept(target: Target, name: str) -> None:
    wrong, code = REFUSED_ITEMS[name]
    # Of a field that comes twice, the second counts.
    item = json.dumps(BROWSER_ITEM)[:-1] + "," + wrong + "}"
    body = f'{{"events":[{item}]}}'.encode()
    status, answer, headers = target.send(body, _browser_path(target))
    if status == 202:
        [rejected] = answer["rejected"]
        assert (answer["accepted"], answer["duplicates"]) == (0, 0)
        assert code in {"", rejected["code"]}, rejected
    else:
        assert_explained(status, answer, headers)
        assert code in {"", answer["code"]}, answer
    [failed] = target.newest_failed(1)
    assert_kept(failed, body[: 64 << 10])


@pytest.mark.parametrize(
    ("body", "packed"),
    [
        (_zeros(512), True),
        (b'{"events":[]}', True),
        (b"{" + b" " * (1 << 20), False),
        (DEEP, False),
    ],
    ids=["a gzip bomb", "no gzip", "1 MiB and a byte", "100,000 brackets"],
)
def test_a_bad_body_of_a_browser_is_refused_explained_and_kept(
    target: Target, body: bytes, packed: bool
) -> None:
    encoding = {"Content_Encoding": "gzip"} if packed else {}
    assert_explained(*target.send(body, _browser_path(target), **encoding))
    [failed] = target.newest_failed(1)
    assert_kept(failed, body[: 64 << 10])


def test_any_body_of_a_browser_counts_each_of_its_items_once_or_is_refused(target: Target) -> None:
    kept: list[int] = []
    names = (*BROWSER_ITEM, "session", "user_id", "signature", "email", "contact", "name", "data")
    changes = st.dictionaries(
        st.sampled_from((*names, "page", "device", "traffic")), VALUES, max_size=3
    )
    items = changes.map(lambda change: {**BROWSER_ITEM, **change})
    bodies = st.fixed_dictionaries(
        {"events": st.lists(items | VALUES, max_size=5)}, optional={"sent_at": VALUES}
    )

    @settings(FUZZ, max_examples=150)
    @given(body=bodies.map(lambda body: json.dumps(body).encode()) | BODIES)
    def send(body: bytes) -> None:
        status, answer, headers = target.client.request("POST", _browser_path(target), body)
        if status != 202:
            assert_explained(status, answer, headers)
            kept.append(1)
            return
        count = len(json.loads(body)["events"])
        assert answer["accepted"] + answer["duplicates"] + len(answer["rejected"]) == count
        assert all(refused["code"] and refused["message"] for refused in answer["rejected"])
        kept.append(len(answer["rejected"]))

    [before] = target.newest_failed(1)
    send()
    assert sum(kept) > 50
    newest = target.newest_failed(sum(kept))
    assert {failed["source"] for failed in newest} == {"browser"}
    assert min(failed["id"] for failed in newest) == before["id"] + 1
