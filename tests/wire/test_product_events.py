"""Product events in the compatible API: rows P4 to P6 of the wire contract, answered and read back.

Each payload is one that a known client sends, as the contract's section 3 has it.
"""

import base64
import gzip
import json
from typing import Any

import pytest

from tests.ingest.stack import NOW
from tests.wire.till import V2, Till

V1 = "*/*"
SEPTEMBER = 1_789_000_000  # 2026-09-10T00:26:40Z, before the stack's clock
SEPTEMBER_TEXT = "2026-09-10T00:26:40.000Z"
NOW_TEXT = "2027-01-15T08:00:00.000Z"


def create(till: Till, custom_id: str = "tee-1", **attributes: Any) -> int:
    answer = till.send("/api/public/products/", {"custom_id": custom_id, **attributes})
    product_id: int = answer.json()["id"]
    return product_id


def customer(till: Till, custom_id: str = "anna") -> int:
    answer = till.send("/api/public/users/", {"custom_id": custom_id})
    user_id: int = answer.json()["id"]
    return user_id


def by_custom_id(segment: str = "tee-1") -> str:
    return f"/api/public/products-by-id/{segment}/product_event/"


def test_the_documented_example_of_the_second_version(till: Till) -> None:
    """P4: a known product, an internal user id, per-occurrence data beside attributes."""
    product_id, user_id = create(till, name="Tee"), customer(till)
    answer = till.send(
        f"/api/public/products/{product_id}/product_event/",
        {
            "user_id": user_id,
            "event_type": "purchase",
            "timestamp": SEPTEMBER,
            "data": {
                "colour": "red",
                "price": 19.99,
                "custom_data": {"order_id": "o-7", "quantity": 2, "currency": "EUR", "gift": None},
            },
        },
    )
    [event] = till.events()
    assert (answer.status_code, answer.json()) == (201, {"id": event["id"]})
    assert answer.headers["content-type"] == "application/json"
    assert event == {
        "id": event["id"],
        "event_id": None,
        "event_type": "purchase",
        "occurred_at": SEPTEMBER_TEXT,
        "received_at": NOW_TEXT,
        "source": "api",
        "contact": {"id": user_id, "custom_id": "anna", "email": None, "key": None},
        "product": {"id": product_id, "custom_id": "tee-1", "name": "Tee"},
        "attributes": {"colour": "red", "price": 19.99},
        "custom_data": {"order_id": "o-7", "quantity": 2, "currency": "EUR", "gift": None},
        "unit_price": 19.99,
        "quantity": 2,
        "currency": "EUR",
        "order_id": "o-7",
        "session_id": None,
        "traffic": "visitor",
    }
    product = till.get(f"/api/public/products/{product_id}/")
    assert (product["colour"], product["price"]) == ("red", 19.99)
    assert not {"gift", "order_id", "quantity"} & product.keys()


def test_the_documented_example_by_custom_id_creates_the_product(till: Till) -> None:
    """P5: a product never seen, nameless; the contact is made of the shop's id, too."""
    answer = till.send(by_custom_id(), {"user_custom_id": "anna", "event_type": "view"})
    assert answer.status_code == 201
    [event] = till.events(contact="anna", product="tee-1")
    assert answer.json() == {"id": event["id"]}
    assert (event["occurred_at"], event["attributes"]) == (NOW_TEXT, {})
    assert event["custom_data"] is None
    assert till.get("/api/public/products-by-id/tee-1/details/")["name"] is None
    assert till.get("/api/public/users-by-id/anna/")["custom_id"] == "anna"


def test_the_address_without_a_product_takes_it_from_the_body(till: Till) -> None:
    """P6: a slip of the oldest documentation, served as an alias."""
    product_id = create(till)
    path = "/api/public/products/product_event/"
    for named in ({"id": product_id}, {"custom_id": "tee-1"}, {"product_id": "tee-1"}):
        answer = till.send(path, {"user_custom_id": "anna", "event_type": "view", **named})
        assert answer.status_code == 201
    assert len(till.events(product="tee-1")) == 3
    refused = till.send(path, {"user_custom_id": "anna", "event_type": "view"})
    assert refused.status_code == 400
    assert refused.json() == {"custom_id": ["Say which product: custom_id or id."]}


def test_the_first_version_has_its_own_names_for_people(till: Till) -> None:
    """Section 3.3: `client` is internal, `user_id` the shop's; the same body in v2 is another."""
    user_id = customer(till, "77")
    for event in (
        {"client": user_id},
        {"user_id": "77"},
        {"user_id": 77},
        {"client": str(user_id)},
    ):
        answer = till.send(by_custom_id(), {**event, "event_type": "view"}, V1)
        assert answer.status_code == 201, answer.text
    assert {event["contact"]["id"] for event in till.events()} == {user_id}
    assert len(till.events()) == 4
    unknown = till.send(by_custom_id(), {"user_id": 4711, "event_type": "view"}, V2)
    assert unknown.status_code == 404
    assert unknown.json() == {"detail": "There is no contact with the id 4711."}


@pytest.mark.parametrize(
    "accept", ["*/*; version=2", "*/*;version=2", "application/json; version=2"]
)
def test_magento_sends_both_ids_nulls_and_the_products_id_again(till: Till, accept: str) -> None:
    product_id, user_id = create(till, "123-45", name="Tee"), customer(till)
    guest = {"id": product_id, "user_id": None, "event_type": "view", "timestamp": SEPTEMBER}
    data = {
        "custom_id": "123-45",
        "name": "Tee, long",
        "price": 18.5,
        "product_url": "https://shop.test/tee",
        "image_url": "https://shop.test/tee.jpg",
        "category_name": "Tops",
        "quantity": 2,
        "sizes": '["S","M"]',
        "tax_class_id": "2",
        "manufacturer": None,
    }
    path = f"/api/public/products/{product_id}/product_event/"
    for people in (
        {"user_id": user_id, "user_custom_id": None},
        {"user_id": None, "user_custom_id": "anna"},
        {"user_id": user_id, "user_custom_id": "anna"},
        {"user_id": str(user_id), "user_custom_id": ""},
    ):
        answer = till.send(path, {**guest, **people, "data": data}, accept)
        assert answer.status_code == 201, answer.text
    events = till.events(contact="anna")
    assert [event["quantity"] for event in events] == [2] * 4
    assert events[0]["attributes"] == data
    product = till.get(f"/api/public/products/{product_id}/")
    assert (product["name"], product["sizes"]) == ("Tee", '["S","M"]')  # named later than the event
    assert (product["price"], product["tax_class_id"]) == (18.5, "2")
    assert not {"quantity", "manufacturer", "event_type"} & product.keys()
    nobody = till.send(path, {**guest, "user_custom_id": None, "data": data}, accept)
    assert (nobody.status_code, list(nobody.json())) == (400, ["user_custom_id"])


def test_prestashop_sends_its_whole_event_as_data(till: Till) -> None:
    data = {
        "event_type": "add to observation",
        "product_id": "123-45",
        "user_id": 77,
        "id": 3,
        "custom_id": "x",
        "client": 5,
        "timestamp": 4,
        "event_id": "e",
        "data": {"a": 1},
        "SKU": "S-1",
        "EAN": "590",
        "brand": "Acme",
        "size": None,
        "name": "Mug",
        "quantity": "1",
        "price": "12,50",
    }
    event = {"user_id": "77", "event_type": "add to observation", "timestamp": SEPTEMBER}
    answer = till.send(by_custom_id("123-45"), {**event, "data": data}, V1)
    [stored] = till.events()
    assert (answer.status_code, answer.json()) == (201, {"id": stored["id"]})
    assert (stored["unit_price"], stored["quantity"], stored["event_id"]) == (12.5, 1, None)
    assert stored["contact"]["custom_id"] == "77"
    product = till.get("/api/v1/products/123-45")
    assert product["attributes"] == {
        "sku": "S-1",
        "ean": "590",
        "brand": "Acme",
        "name": "Mug",
        "price": 12.5,
    }
    assert till.get("/api/v1/set-aside-values?kind=product")["results"] == []


@pytest.mark.parametrize("data", [None, [], {}, {"custom_data": None}])
def test_empty_data_is_nothing_in_each_spelling(till: Till, data: Any) -> None:
    """PHP writes an empty map as `[]`."""
    answer = till.send(by_custom_id(), {"user_custom_id": "a", "event_type": "view", "data": data})
    assert answer.status_code == 201
    [event] = till.events()
    assert (event["attributes"], event["custom_data"]) == ({}, None)


@pytest.mark.parametrize(
    "custom_data",
    [
        {"a": {"b": [1, {"c": None}]}, "empty": [], "text": "zażółć ☕", "big": 2**60},
        [],
        ["x"],
        "text",
        0,
        False,
    ],
)
def test_custom_data_comes_back_as_it_was_sent(till: Till, custom_data: Any) -> None:
    event = {"user_custom_id": "a", "event_type": "view", "data": {"custom_data": custom_data}}
    assert till.send(by_custom_id(), event).status_code == 201
    assert [found["custom_data"] for found in till.events()] == [custom_data]


@pytest.mark.parametrize(
    ("custom_id", "segment"),
    [
        ("123-45", "123-45"),
        ("a/b", "a%2Fb"),
        ("user@123", "user@123"),
        ("user@123", "user%40123"),
        (base64.b64encode(b"\xfb\xff\xfe?").decode(), "%2B%2F%2F%2BPw%3D%3D"),
        ("dXNlcg==", "dXNlcg=="),
        ("a+b", "a+b"),
        ("100%", "100%25"),
        ("a b", "a%20b"),
        ("☕", "%E2%98%95"),
        ("a" * 255, "a" * 255),
        ("product_event", "product_event"),
    ],
)
def test_custom_ids_in_addresses_are_kept_byte_for_byte(
    till: Till, custom_id: str, segment: str
) -> None:
    event = {"user_custom_id": custom_id, "event_type": "view"}
    assert till.send(by_custom_id(segment), event).status_code == 201
    [stored] = till.events(product=custom_id, contact=custom_id)
    assert (stored["product"]["custom_id"], stored["contact"]["custom_id"]) == (custom_id,) * 2
    for path in (f"/api/public/products-by-id/{segment}/details/", f"/api/v1/products/{segment}"):
        assert till.get(path)["id"] == stored["product"]["id"]
    for path in (f"/api/public/users-by-id/{segment}/", f"/api/v1/contacts/{segment}"):
        assert till.get(path)["id"] == stored["contact"]["id"]


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ("a" * 256, "This must have 1 to 255 characters."),
        ("%00", "This must not hold control characters."),
        ("%0A", "This must not hold control characters."),
        ("%FF", "The id in the path is not UTF-8."),
    ],
)
def test_a_custom_id_that_cannot_be_one_is_refused_and_kept(
    till: Till, segment: str, message: str
) -> None:
    answer = till.send(by_custom_id(segment), {"user_custom_id": "a", "event_type": "view"})
    assert (answer.status_code, answer.json()) == (400, {"custom_id": [message]})
    assert till.last_failed()["message"] == f"custom_id: {message}"
    assert till.get("/api/v1/products")["results"] == []


def test_all_sixteen_types_and_their_spellings(till: Till) -> None:
    types = [
        "click",
        "promo click",
        "view",
        "detail",
        "liking",
        "add to observation",
        "reservation",
        "add",
        "add to cart",
        "remove",
        "checkout",
        "checkout option",
        "order",
        "purchase",
        "return",
        "refund",
    ]
    for spelling in (*types, "Add_To_Cart", " PROMO-CLICK ", "checkout  option"):
        event = {"user_custom_id": "a", "event_type": spelling}
        assert till.send(by_custom_id(), event).status_code == 201
    stored = [event["event_type"] for event in till.events()]
    assert stored == [*types, "add to cart", "promo click", "checkout option"]


def test_an_unknown_type_is_refused_with_all_of_them_and_changes_nothing(till: Till) -> None:
    answer = till.send(
        by_custom_id(), {"user_custom_id": "a", "event_type": "vieww", "data": {"name": "Tee"}}
    )
    message = (
        '"vieww" is not an event type. Did you mean "view"? Use one of: click, promo click, view,'
        " detail, liking, add to observation, reservation, add, add to cart, remove, checkout,"
        " checkout option, order, purchase, return, refund."
    )
    assert (answer.status_code, answer.json()) == (400, {"event_type": [message]})
    failed = till.last_failed()
    expected = ("unknown_event_type", f"event_type: {message}")
    assert (failed["code"], failed["message"]) == expected
    assert json.loads(failed["payload"])["event_type"] == "vieww"
    assert till.get("/api/v1/products")["results"] == []
    assert till.get("/api/v1/contacts")["results"] == []


@pytest.mark.parametrize(
    ("timestamp", "occurred_at"),
    [
        (None, NOW_TEXT),
        (SEPTEMBER, SEPTEMBER_TEXT),
        (SEPTEMBER * 1000, SEPTEMBER_TEXT),
        (SEPTEMBER + 0.25, "2026-09-10T00:26:40.250Z"),
        (str(SEPTEMBER), SEPTEMBER_TEXT),
        ("2026-09-10T02:26:40+02:00", SEPTEMBER_TEXT),
        ("2026-09-10T00:26:40Z", SEPTEMBER_TEXT),
        ("2026-09-10", "2026-09-10T00:00:00.000Z"),
        (NOW + 23 * 3_600_000, NOW_TEXT),
    ],
)
def test_times_are_read_in_each_spelling(till: Till, timestamp: Any, occurred_at: str) -> None:
    event = {"user_custom_id": "a", "event_type": "view", "timestamp": timestamp}
    assert till.send(by_custom_id(), event).status_code == 201
    assert [found["occurred_at"] for found in till.events()] == [occurred_at]


@pytest.mark.parametrize("timestamp", [0, 946_684_799, NOW + 25 * 3_600_000, "soon", "", 1e30, -1])
def test_times_that_cannot_be_are_refused_by_name(till: Till, timestamp: Any) -> None:
    event = {"user_custom_id": "a", "event_type": "view", "timestamp": timestamp}
    answer = till.send(by_custom_id(), event)
    assert (answer.status_code, list(answer.json())) == (400, ["timestamp"])


def test_a_key_counts_once_wherever_it_stands(till: Till) -> None:
    event = {"user_custom_id": "a", "event_type": "view"}
    refused = till.send(
        by_custom_id(), {**event, "event_type": "x"}, **{"idempotency-key": "key-1"}
    )
    assert refused.status_code == 400  # and burns no key
    first = till.send(by_custom_id(), event, **{"idempotency-key": "key-1"})
    again = till.send(by_custom_id(), {**event, "event_id": "key-1"})
    other_product = till.send(by_custom_id("mug"), event, **{"idempotency-key": "key-1"})
    assert {answer.status_code for answer in (first, again, other_product)} == {201}
    assert first.json() == again.json() == other_product.json()
    assert [found["event_id"] for found in till.events()] == ["key-1"]
    long = till.send(by_custom_id(), {**event, "event_id": "k" * 65})
    assert long.json() == {"event_id": ["This must have 1 to 64 characters."]}


def test_ids_that_disagree_or_are_unknown(till: Till) -> None:
    """Decisions 5 and 6."""
    user_id = customer(till)
    both = {"user_id": user_id, "user_custom_id": "ben", "event_type": "view"}
    answer = till.send(by_custom_id(), both)
    assert answer.status_code == 400
    assert answer.json() == {
        "user_custom_id": [f"The contact with the id {user_id} has another custom id."]
    }
    for path, status, body in (
        ("999", 404, {"detail": "There is no product with the id 999."}),
        ("tee-1", 400, {"id": ["Expected an integer: our own id of the product."]}),
    ):
        answer = till.send(
            f"/api/public/products/{path}/product_event/",
            {"user_custom_id": "anna", "event_type": "view"},
        )
        assert (answer.status_code, answer.json()) == (status, body)
    assert till.events() == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, "non_field_errors"),
        (b"[]", 400, "non_field_errors"),
        (b"user_id=1&event_type=view", 400, "non_field_errors"),
        (b'{"user_custom_id": "a"}', 400, "event_type"),
        (b'{"user_custom_id": "a", "event_type": null}', 400, "event_type"),
        (b'{"user_custom_id": true, "event_type": "view"}', 400, "user_custom_id"),
        (b'{"user_custom_id": "a", "event_type": "view", "data": [1]}', 400, "data"),
        (b'{"user_custom_id": "a", "event_type": "view", "data": "x"}', 400, "data"),
        (b'{"event_type": "view"}', 400, "user_custom_id"),
        (b'{"email": "nobody", "event_type": "view"}', 400, "email"),
        (b'{"user_custom_id": "a", "event_type": "view", "x": "' + b"x" * (1 << 20), 413, "detail"),
        (
            b'{"user_custom_id": "a", "event_type": "view", "data": {"custom_data": "'
            + b"x" * 65_536
            + b'"}}',
            413,
            "detail",
        ),
    ],
)
def test_what_cannot_be_an_event_is_refused_by_name_and_kept(
    till: Till, body: bytes, status: int, field: str
) -> None:
    answer = till.send(by_custom_id(), body)
    assert (answer.status_code, list(answer.json())) == (status, [field])
    assert till.last_failed()["payload"].encode() == body[: 1 << 20]
    assert till.events() == []


def test_errors_before_the_body(till: Till) -> None:
    event = {"user_custom_id": "a", "event_type": "view"}
    nobody = till.send(by_custom_id(), event, authorization="Token nope")
    assert nobody.status_code == 401
    assert nobody.json() == {"detail": "Send a valid token: Authorization: Token <64 characters>."}
    third = till.send(by_custom_id(), event, "*/*; version=3")
    assert (third.status_code, list(third.json())) == (406, ["detail"])
    packed = till.send(by_custom_id(), b"x", **{"content-encoding": "br"})
    assert (packed.status_code, list(packed.json())) == (415, ["detail"])
    assert till.events() == []


def test_a_body_that_is_no_json_and_not_said_to_be_is_an_unsupported_type(till: Till) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for path, said in ((by_custom_id(), "detail"), ("/api/v1/events", "code")):
        answer = till.send(path, b"event_type=view&user_custom_id=a", **form)
        assert (answer.status_code, said in answer.json()) == (415, True)
        assert till.last_failed()["code"] == "unsupported_media_type"
        assert till.last_failed()["payload"] == "event_type=view&user_custom_id=a"
    assert till.events() == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_json_is_taken_whatever_it_is_called(till: Till, content_type: str) -> None:
    """Row P4: clients that send JSON as text, and curl, which calls everything a form."""
    event = b'{"user_custom_id": "a", "event_type": "view"}'
    headers = {"content-type": content_type} if content_type else {}
    assert till.send(by_custom_id(), event, **headers).status_code == 201


def test_a_wrong_method_is_told_the_right_ones(till: Till) -> None:
    for path, allowed in ((by_custom_id(), "POST"), ("/api/v1/events", "GET, HEAD, POST")):
        answer = till.ask("PUT", path, json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert till.ask("HEAD", "/api/v1/events").status_code == 200


def test_gzip_and_a_missing_slash_are_welcome(till: Till) -> None:
    event = gzip.compress(b'{"user_custom_id": "a", "event_type": "view"}')
    answer = till.send(by_custom_id().rstrip("/"), event, **{"content-encoding": "gzip"})
    assert answer.status_code == 201
    assert len(till.events()) == 1


def test_later_attributes_win_by_event_time_and_the_event_keeps_its_own(till: Till) -> None:
    """Section 3.5 with decisions 2 and 12."""
    for timestamp, price in ((SEPTEMBER, 12.0), (SEPTEMBER - 60, 10.0)):
        till.send(
            by_custom_id(),
            {
                "user_custom_id": "a",
                "event_type": "purchase",
                "timestamp": timestamp,
                "data": {"price": price, "stock": "many"},
            },
        )
    assert till.get("/api/v1/products/tee-1")["attributes"] == {"price": 12.0, "stock": "many"}
    assert [event["unit_price"] for event in till.events()] == [12, 10]


def test_a_value_that_does_not_fit_is_set_aside_and_the_event_stays(till: Till) -> None:
    """Decision 3."""
    event = {"user_custom_id": "a", "event_type": "view", "timestamp": SEPTEMBER}
    answer = till.send(by_custom_id(), {**event, "data": {"price": "cheap", "name": "Tee"}})
    assert answer.status_code == 201
    assert till.get("/api/v1/products/tee-1")["attributes"] == {"name": "Tee"}
    [aside] = till.get("/api/v1/set-aside-values?kind=product")["results"]
    assert (aside["attribute"], aside["raw"], aside["code"]) == ("price", '"cheap"', "not_a_number")
    assert till.events()[0]["attributes"] == {"price": "cheap", "name": "Tee"}


def test_people_are_told_apart_by_what_an_event_names(till: Till) -> None:
    """Decision 14, over the wire: the visitor's history goes to the known contact."""
    for people in (
        {"user_key": "abcdefghijkl"},
        {"email": "Anna@Shop.test "},
        {"user_custom_id": "anna", "email": "anna@shop.test", "user_key": "abcdefghijkl"},
    ):
        assert till.send(by_custom_id(), {**people, "event_type": "view"}).status_code == 201
    contacts = [event["contact"] for event in till.events()]
    assert contacts[0] == contacts[1] == contacts[2]
    assert contacts[0]["custom_id"] == "anna"
    assert (contacts[0]["email"], contacts[0]["key"]) == ("anna@shop.test", "abcdefghijkl")
    assert len(till.get("/api/v1/contacts")["results"]) == 1


def test_a_batch_tells_what_became_of_each_item(till: Till) -> None:
    item = {"user_custom_id": "a", "product_id": "tee-1", "event_type": "view"}
    items = [
        {**item, "event_id": "1"},
        {**item, "event_id": "1"},
        {**item, "event_type": "Purchase", "data": {"price": "2 EUR", "quantity": 3}},
        {**item, "event_type": "vieww"},
        {**item, "user_custom_id": None},
        {**item, "user_id": 4711},
        {**item, "timestamp": "soon"},
    ]
    answer = till.send("/api/v1/events", items)
    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["duplicates"]) == (2, 1)
    assert [(one["index"], one["code"]) for one in body["rejected"]] == [
        (3, "unknown_event_type"),
        (4, "contact_missing"),
        (5, "contact_not_found"),
        (6, "unreadable_timestamp"),
    ]
    assert [set(one) for one in body["rejected"]] == [{"index", "code", "message"}] * 4
    purchase = till.events()[1]
    assert (purchase["unit_price"], purchase["currency"], purchase["quantity"]) == (2, "EUR", 3)
    lines = "\n".join(json.dumps(one) for one in (items[0], item))
    packed = gzip.compress(lines.encode())
    again = till.send("/api/v1/events", packed, **{"content-encoding": "gzip"})
    assert again.json() == {"accepted": 1, "duplicates": 1, "rejected": []}
    keyed = [
        till.send("/api/v1/events", [item, item], **{"idempotency-key": "b"}).json()
        for _ in range(2)
    ]
    assert [answer["duplicates"] for answer in keyed] == [0, 2]
    assert till.get("/api/v1/events/count?group_by=event_type") == {
        "total": 5,
        "results": [{"event_type": "view", "count": 4}, {"event_type": "purchase", "count": 1}],
        "groups": 2,
    }


def test_the_key_of_a_batch_leaves_room_for_the_number_of_each_item(till: Till) -> None:
    item = {"user_custom_id": "a", "event_type": "view", "product_id": "p"}
    headers = {"idempotency-key": "k" * 60}
    refused = till.send("/api/v1/events", [item], **headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "wrong_length")
    assert refused.json()["errors"][0]["message"] == "This must have 1 to 59 characters."
    key = "k" * 59
    items = [item] * 100 + [{**item, "event_type": "vieww"}]
    sent = till.send("/api/v1/events", items, **{"idempotency-key": key})
    assert (sent.json()["accepted"], len(sent.json()["rejected"])) == (100, 1)
    failed = till.last_failed()
    assert failed["event_id"] == f"{key}#100"
    replayed = till.send(f"/api/v1/failed-events/{failed['id']}/replay", item)
    assert replayed.status_code == 200
    again = till.send("/api/v1/events", [item] * 101, **{"idempotency-key": key})
    assert again.json()["duplicates"] == 101
    assert [event["event_id"] for event in till.events()][-1] == f"{key}#100"
