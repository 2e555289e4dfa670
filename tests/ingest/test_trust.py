"""What browsers may say: below the server, and nothing about who is who without a signature."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from footfall.attributes.api import TypeChange, change_attribute, list_set_aside
from footfall.catalog.api import ProductObjects
from footfall.state.schema import workspaces
from footfall.workspaces.api import operator_access, scope_of
from footfall.workspaces.types import Workspace
from tests.ingest.stack import NOW, Stack

_START = 1_700_000_000_000


def api(stack: Stack, shop: Workspace, **fields: Any) -> Any:
    return stack.activity(shop, **{"kind": "update", **_texts(fields)})


def browser(stack: Stack, shop: Workspace, **fields: Any) -> Any:
    untrusted = {"kind": "update", "source": "browser", "trusted": False}
    return stack.activity(shop, **{**untrusted, **_texts(fields)})


def _texts(fields: dict[str, Any]) -> dict[str, Any]:
    said = fields.pop("contact", {})
    return {**fields, "contact_attributes": msgspec.json.encode(said).decode()}


def bought(stack: Stack, shop: Workspace, source: str, **fields: Any) -> Any:
    said = {"product_id": "p", "event_type": "view", "user_key": "k", **fields}
    return msgspec.structs.replace(
        stack.record(shop, said), source=source, trusted=source != "browser"
    )


def tell(stack: Stack, *records: Any) -> None:
    """Project records one by one, as if minutes lay between them."""
    for record in records:
        stack.append([record])
        stack.projector.project_once()
    stack.projector.publish_once()


def aside(stack: Stack, shop: Workspace, kind: Any = "contact") -> list[tuple[str, str, str]]:
    with stack.state.read() as conn:
        rows = list_set_aside(conn, scope_of(shop), kind, limit=100)
    return [(row.name_std, row.raw, row.code) for row in rows]


def values(stack: Stack, shop: Workspace) -> list[tuple[Any, dict[str, Any]]]:
    return [
        (custom_id, {name: value for name, (value, _) in cells.items() if name != "user_key"})
        for custom_id, cells in stack.profiles(shop)
    ]


ATTACKS = {
    "an unsigned user_id with another e-mail": (
        [{"user_custom_id": "A", "user_key": "evil", "email": "evil@x.pl"}],
        [("email", '"evil@x.pl"', "unsigned")],
    ),
    "an e-mail known under the visitor key of the contact": (
        [{"user_custom_id": "A", "user_key": "evil"}, {"user_key": "evil", "email": "evil@x.pl"}],
        [("email", '"evil@x.pl"', "unsigned")],
    ),
    "a newer time": (
        [{"user_custom_id": "A", "email": "evil@x.pl", "occurred_at": NOW + 10**9}],
        [("email", '"evil@x.pl"', "unsigned")],
    ),
    "an e-mail first, the user_id later": (
        [{"user_key": "evil", "email": "evil@x.pl"}, {"user_key": "evil", "user_custom_id": "A"}],
        [],
    ),
    "a phone number": (
        [{"user_custom_id": "A", "contact": {"Phone number": "+48 666"}}],
        [("phone_number", '"+48 666"', "unsigned")],
    ),
    "a phone number of a visitor who becomes somebody": (
        [
            {"user_key": "evil", "contact": {"phone_number": "+48 666"}},
            {"user_key": "evil", "user_custom_id": "A"},
        ],
        [],
    ),
    "an e-mail among the attributes": (
        [{"user_custom_id": "A", "contact": {"email": "evil@x.pl", "E_mail": "x"}}],
        [],
    ),
    "an e-mail cleared": ([{"user_custom_id": "A", "contact": {"phone_number": None}}], []),
}


@pytest.mark.parametrize(("said", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_no_browser_changes_a_known_address_or_number_without_a_signature(
    stack: Stack, said: list[dict[str, Any]], expected: list[Any]
) -> None:
    shop = stack.workspace()
    known = {"user_custom_id": "A", "email": "a@x.pl", "contact": {"phone_number": "+48 1"}}
    tell(stack, api(stack, shop, occurred_at=_START, **known))
    tell(stack, *(browser(stack, shop, **fields) for fields in said))
    [victim] = [found for custom_id, found in values(stack, shop) if custom_id == "A"]
    assert (victim["email"], victim["phone_number"]) == ("a@x.pl", "+48 1")
    assert aside(stack, shop) == expected
    # The address that was refused names nobody who has a custom id.
    tell(stack, api(stack, shop, kind="event", email="evil@x.pl"))
    [event] = stack.activities(shop)
    assert event["contact"][0] is None


def test_a_known_address_survives_the_shops_own_later_one_of_another_visitor(
    stack: Stack,
) -> None:
    shop = stack.workspace()
    tell(
        stack,
        api(stack, shop, user_custom_id="A", email="a@x.pl", occurred_at=_START),
        # Subscribes to the newsletter: the shop's server vouches for this address.
        api(stack, shop, user_key="evil", email="evil@x.pl", occurred_at=_START + 1),
        browser(stack, shop, user_key="evil", user_custom_id="A"),
        browser(stack, shop, user_key="evil", kind="page_view", name=""),
    )
    assert values(stack, shop) == [("A", {"email": "a@x.pl"}), (None, {"email": "evil@x.pl"})]
    [view] = stack.activities(shop)
    assert view["contact"][0] == "A"  # the key points to whom it named last


def test_an_unsigned_address_and_number_are_taken_where_none_is_known(stack: Stack) -> None:
    shop = stack.workspace()
    said = {"email": "a@x.pl", "contact": {"phone_number": 48, "first_name": "Anna"}}
    tell(stack, browser(stack, shop, user_custom_id="A", user_key="k", **said))
    tell(stack, browser(stack, shop, user_key="k", **said))
    expected = {"email": "a@x.pl", "phone_number": "48", "first_name": "Anna"}
    assert values(stack, shop) == [("A", expected)]
    tell(stack, api(stack, shop, kind="event", email="a@x.pl"))
    assert stack.activities(shop)[0]["contact"][0] == "A"
    assert aside(stack, shop) == []


def test_a_signed_address_and_number_count_by_time_like_the_servers(stack: Stack) -> None:
    shop = stack.workspace()

    def signed(email: str, number: str, at: int) -> Any:
        said = {"email": email, "contact": {"phone_number": number, "city": number}}
        return browser(stack, shop, user_custom_id="A", occurred_at=at, trusted=True, **said)

    server = {"email": "b@x.pl", "contact": {"phone_number": "2", "city": "2"}}
    tell(
        stack,
        signed("c@x.pl", "3", _START + 3),
        api(stack, shop, user_custom_id="A", occurred_at=_START + 2, **server),
        signed("a@x.pl", "1", _START + 1),
    )
    # The city is no identity: there the browser ranks below, signed or not.
    assert values(stack, shop) == [("A", {"email": "c@x.pl", "phone_number": "3", "city": "2"})]


def test_somebody_new_at_a_known_browser_gets_an_address_of_their_own(stack: Stack) -> None:
    shop = stack.workspace()
    tell(
        stack,
        browser(stack, shop, user_key="k", user_custom_id="A", email="a@x.pl"),
        browser(stack, shop, user_key="k", user_custom_id="B", email="b@x.pl"),
    )
    assert values(stack, shop) == [("A", {"email": "a@x.pl"}), ("B", {"email": "b@x.pl"})]
    assert aside(stack, shop) == []


def test_where_signatures_are_required_an_unsigned_user_id_names_nobody(stack: Stack) -> None:
    shop = stack.workspace()
    with stack.state.write() as conn:
        conn.execute(
            update(workspaces)
            .where(workspaces.c.id == shop.id)
            .values(require_signed_contacts=True)
        )
    tell(
        stack,
        browser(stack, shop, user_custom_id="A", user_key="k", kind="event", name="a"),
        browser(stack, shop, user_custom_id="A", kind="event", name="b"),
        bought(stack, shop, "browser", user_custom_id="A"),
        browser(stack, shop, user_custom_id="A", kind="event", name="c", trusted=True),
    )
    who = {row["name"]: row["contact"] and row["contact"][0] for row in stack.activities(shop)}
    assert who == {"a": None, "b": None, "c": "A"}
    assert stack.events(shop)[0]["contact"][2] == "k"
    assert aside(stack, shop) == [("user_id", '"A"', "unsigned")]


@st.composite
def _said(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What server and browser say of two people, each with one address by each of them."""
    history = []
    for number in range(draw(st.integers(1, 5))):
        person = draw(st.sampled_from("AB"))
        by_browser = draw(st.booleans())
        fields: dict[str, Any] = {"by_browser": by_browser, "occurred_at": _START + number}
        fields["user_custom_id"] = person
        if draw(st.booleans()):
            fields["user_key"] = f"key {person}"
        if draw(st.booleans()):
            fields["email"] = f"{person.lower()}{'.b' if by_browser else ''}@x.pl"
        said = draw(st.dictionaries(st.sampled_from(["city", "size"]), st.integers(0, 9)))
        history.append({**fields, "contact": {k: f"{v}{number}" for k, v in said.items()}})
    return history


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=_said(), chance=st.randoms(use_true_random=False))
def test_server_and_browser_may_speak_in_any_order(
    stack: Stack, history: list[dict[str, Any]], chance: Any
) -> None:
    outcomes = []
    for _ in range(3):
        shop = stack.workspace()
        for fields in history:
            said = dict(fields)
            say = browser if said.pop("by_browser") else api
            stack.append([say(stack, shop, **said)])
            stack.projector.project_once()
        outcomes.append((values(stack, shop), stack.contacts(shop)))
        chance.shuffle(history)
    stack.projector.publish_once()
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_products_show_a_browsers_values_only_where_nobody_else_gave_one(stack: Stack) -> None:
    events = [
        ("browser", {"price": 1, "colour": "pink", "size": "L"}, 9),
        ("api", {"price": 2, "colour": None}, 1),
        ("import", {"colour": "red"}, 2),
        ("browser", {"size": "M"}, 3),
    ]
    outcomes = set()
    for order in itertools.permutations(events):
        shop = stack.workspace()
        stack.append(
            [
                bought(stack, shop, source, data=said, timestamp=_START + at)
                for source, said, at in order
            ]
        )
        stack.project()
        outcomes.add(repr(sorted(stack.products(shop)["p"].items())))
    expected = {
        "price": (2.0, _START + 1),
        "colour": ("red", _START + 2),
        "size": ("L", _START + 9),
    }
    assert outcomes == {repr(sorted(expected.items()))}


def _set_rule(stack: Stack, shop: Workspace, name: str, **change: Any) -> None:
    change_attribute(
        stack.state,
        operator_access(shop),
        ProductObjects(),
        "product",
        name,
        TypeChange(**change),
        clock=lambda: NOW,
    )


def test_a_source_rule_lets_one_kind_of_source_write(stack: Stack) -> None:
    shop = stack.workspace()
    tell(stack, bought(stack, shop, "api", data={"colour": "red", "price": "1"}))
    _set_rule(stack, shop, "colour", source_rule="api only")
    _set_rule(stack, shop, "price", source_rule="feed only")
    said = {"colour": "blue", "price": "2 PLN"}
    tell(stack, *(bought(stack, shop, source, data=said) for source in ("import", "browser")))
    assert {n: v for n, (v, _) in stack.products(shop)["p"].items()} == {
        "colour": "red",
        "price": 2.0,
        "currency": "PLN",
    }
    tell(stack, bought(stack, shop, "api", data={"colour": "green", "price": "3"}))
    assert {n: v for n, (v, _) in stack.products(shop)["p"].items()} == {
        "colour": "green",
        "price": 2.0,
        "currency": "PLN",
    }
    assert aside(stack, shop, "product") == [
        ("colour", '"blue"', "source_not_allowed"),
        ("price", '"3"', "source_not_allowed"),
    ]


def test_browsers_write_only_the_attributes_on_the_list(stack: Stack) -> None:
    shop = stack.workspace()
    with stack.state.write() as conn:
        conn.execute(
            update(workspaces)
            .where(workspaces.c.id == shop.id)
            .values(browser_attributes='["Colour", "price"]')
        )
    said = {"colour": "red", "price": "2 PLN", "name": "Mug", "brand new": 1, "product_id": "p"}
    tell(stack, bought(stack, shop, "browser", data=said))
    assert {n: v for n, (v, _) in stack.products(shop)["p"].items()} == {
        "colour": "red",
        "price": 2.0,
    }
    assert [(name, code) for name, _, code in aside(stack, shop, "product")] == [
        ("brand_new", "not_allowed_from_browser"),
        ("name", "not_allowed_from_browser"),
    ]
    tell(stack, bought(stack, shop, "api", data=said))
    assert stack.products(shop)["p"]["brand_new"][0] == "1"
