"""Products and contacts are found at once, who is called exactly so before the others."""

from typing import Any

import pytest

from tests.ingest.stack import Stack
from tests.wire.till import Till, application


class Shop:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.till = Till(stack, application(stack))
        self.ids: dict[str, int] = {}

    def put(self, kind: str, custom_id: str, **fields: Any) -> None:
        answer = self.till.ask("PUT", f"/api/v1/{kind}/{custom_id}", json=fields)
        assert answer.status_code in {200, 201}, answer.text
        self.ids[custom_id] = answer.json()["id"]

    def search(self, status: int = 200, **parameters: Any) -> Any:
        answer = self.till.ask("GET", "/api/v1/search", params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    def copy(self) -> None:
        self.stack.projector.changed()
        self.stack.project()


@pytest.fixture
def shop(stack: Stack) -> Shop:
    made = Shop(stack)
    for number in range(4):
        name = {"name": f"Blue mug {number}", "image_url": f"https://shop.example/{number}.png"}
        made.put("products", f"blue-{number}", attributes=name)
    made.put("products", "mug", attributes={"name": "Plain"})
    made.put("contacts", "anna", email="a@example.com", attributes={"first_name": "Anna"})
    made.put("contacts", "ben", email="ben@example.com", attributes={"last_name": "Mugler"})
    made.copy()
    return made


def test_both_kinds_are_found_by_a_part_of_their_names(shop: Shop) -> None:
    found = shop.search(q=" mug ")
    assert [one["custom_id"] for one in found["products"]] == [
        "mug",
        *map("blue-{}".format, range(4)),
    ]
    assert found["products"][1] == {
        "id": shop.ids["blue-0"],
        "custom_id": "blue-0",
        "name": "Blue mug 0",
        "image_url": "https://shop.example/0.png",
    }
    assert found["contacts"] == [
        {"id": shop.ids["ben"], "custom_id": "ben", "email": "ben@example.com", "name": "Mugler"}
    ]


def test_what_is_called_exactly_so_comes_first_though_few_are_shown(shop: Shop) -> None:
    [product] = shop.search(q="mug", limit=1)["products"]
    assert product["custom_id"] == "mug"
    assert len(shop.search(q="MUG", limit=2)["products"]) == 2


@pytest.mark.parametrize("known", ["anna", "a@example.com", "Anna"])
def test_a_contact_is_found_by_each_of_its_identifiers(shop: Shop, known: str) -> None:
    assert [one["id"] for one in shop.search(q=known)["contacts"]] == [shop.ids["anna"]]
    by_number = shop.search(q=str(shop.ids["anna"]))["contacts"]
    assert shop.ids["anna"] in [one["id"] for one in by_number]


def test_nothing_is_found_of_what_is_deleted_nor_by_any_odd_text(shop: Shop) -> None:
    assert shop.till.ask("DELETE", "/api/v1/products/mug").status_code in {200, 204}
    assert "mug" not in [one["custom_id"] for one in shop.search(q="mug")["products"]]
    for text in ("%", "9" * 30, "²", "' OR 1=1", "\\", " "):
        assert shop.search(q=text) == {"products": [], "contacts": []}, text


def test_another_workspace_finds_nothing(shop: Shop) -> None:
    other = Shop(shop.stack)
    for text in ("mug", "anna", str(shop.ids["anna"])):
        assert other.search(q=text) == {"products": [], "contacts": []}


def test_a_search_needs_a_text_and_shows_a_few(shop: Shop) -> None:
    shop.search(status=400)
    shop.search(status=400, q="")
    shop.search(status=400, q="m" * 257)
    shop.search(status=400, q="mug", limit=21)
    shop.search(status=400, q="mug", cursor="x")
