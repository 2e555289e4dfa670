"""Products in the console: found, shown with their numbers, written, deleted and brought back."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.console.house import House, Visitor, assert_accessible, text_of, watch_policy

_SALE = {"unit_price": 10, "quantity": 2, "currency": "EUR", "order_id": "o1"}


def populate(visitor: Visitor) -> dict[str, int]:
    """Fill a workspace; return ids of products by the shop's."""
    api = visitor.api()
    for number in range(60):
        attributes = {"name": f"Mug {number:02}", "price": number, "group_id": f"g{number // 2}"}
        path = f"/api/v1/products/mug-{number}"
        assert api.request("PUT", path, {"attributes": attributes})[0] == 201
    seen = {"user_custom_id": "anna", "product_id": "mug-1"}
    events = [{**seen, "event_type": "view"}] * 3
    events += [{**seen, "event_type": "purchase", "data": {"custom_data": _SALE}}]
    events += [{**seen, "event_type": "view", "data": {"price": "cheap"}}]
    assert api.request("POST", "/api/v1/events", events, Prefer="wait=30")[0] == 202
    found = {one["custom_id"]: one["id"] for one in api.every("/api/v1/products")}
    api.close()
    return found


@pytest.fixture(scope="module")
def shop(house: House) -> Iterator[tuple[Visitor, dict[str, int]]]:
    with house.visitor("owner") as visitor:
        yield visitor, populate(visitor)


def test_the_list_is_searched_filtered_sorted_and_goes_on(
    shop: tuple[Visitor, dict[str, int]],
) -> None:
    visitor, _ = shop
    page = visitor.get("/products", sort="-price")
    shown = text_of(page)
    assert "60 products" in shown
    assert shown.index("Mug 59") < shown.index("Mug 10")
    assert "Mug 05" not in shown
    assert "Show more" in shown
    assert "1 product found" in text_of(visitor.get("/products", search="MUG 07"))
    narrowed = text_of(visitor.get("/products", attribute="price", operator="at_least", value="58"))
    assert "2 products found" in narrowed
    assert "Price is at least 58" in narrowed
    wrong = visitor.get("/products", attribute="price", operator="contains", value="5")
    assert "takes one of" in text_of(wrong)
    assert "No product is like that" in text_of(visitor.get("/products", search="nothing"))


def test_chosen_columns_are_remembered(shop: tuple[Visitor, dict[str, int]]) -> None:
    visitor, _ = shop
    page = visitor.follow(visitor.post("/products/columns", {"column": "group_id"}))
    assert "Group id" in text_of(page)
    assert "Availability" not in page.text.partition("<thead>")[2]


def test_a_product_shows_its_numbers_its_values_and_its_variants(
    shop: tuple[Visitor, dict[str, int]],
) -> None:
    visitor, ids = shop
    shown = text_of(visitor.get(f"/products/{ids['mug-1']}"))
    for told in ("Views 4", "Purchases 1", "€20.00", "anna", "Mug 00", "not a number", "cheap"):
        assert told.lower() in shown.lower(), told
    assert visitor.get("/products/999999").status_code == 404


def test_a_product_is_created_edited_deleted_and_brought_back(owner: Visitor) -> None:
    made = owner.follow(
        owner.post(
            "/products/new", {"custom_id": "a/b", "value-name": "Lamp", "value-tags": "x\ny"}
        )
    )
    assert "The product is in the catalog." in text_of(made)
    path = made.url.path.removeprefix(owner.path(""))
    edited = owner.follow(owner.post(f"{path}/edit", {"value-price": "12,50", "value-name": ""}))
    shown = text_of(edited)
    assert "12.5" in shown
    assert "Lamp" not in shown
    assert "x" in shown
    partly = owner.follow(owner.post(f"{path}/edit", {"value-price": "cheap"}))
    assert "Saved, but for" in text_of(partly)
    listed = owner.follow(owner.post(f"{path}/delete"))
    assert "is deleted" in text_of(listed)
    assert f"{owner.path(path)}/revive" in listed.text
    assert "This product is deleted" in text_of(owner.get(path))
    assert "a/b" in text_of(owner.get("/products", state="deleted"))
    assert "It is back" in text_of(owner.follow(owner.post(f"{path}/revive")))
    assert owner.post("/products/new", {"custom_id": ""}).status_code == 400
    log = owner.get("/settings/audit", object_kind="product")
    for what in ("created", "changed", "deleted", "revived"):
        assert what in text_of(log).lower(), what


def test_addresses_that_run_are_neither_links_nor_pictures(owner: Visitor) -> None:
    values = {"value-image_url": "javascript:alert(1)", "value-product_url": "JavaScript:alert(1)"}
    values |= {"value-name": "<script>alert(1)</script>", "value-description": "data:text/html,x"}
    page = owner.follow(owner.post("/products/new", {"custom_id": "bad", **values}))
    for place in (page, owner.get("/products")):
        assert place.status_code == 200
        assert "<script>alert" not in place.text
        for wrong in ('href="javascript', 'href="JavaScript', 'src="javascript', 'href="data'):
            assert wrong not in place.text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chart_is_drawn_by_the_pages_own_policy(
    shop: tuple[Visitor, dict[str, int]],
    open_browser: Callable[..., BrowserContext],
    theme: str,
) -> None:
    visitor, ids = shop
    page = open_browser(visitor, color_scheme=theme).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    watch_policy(page)
    page.goto(visitor.path(f"/products/{ids['mug-1']}"))
    expect(page.locator("[data-chart] canvas")).to_be_visible(timeout=60_000)
    assert_accessible(page)
    assert not faults
    colours = page.evaluate(
        "(() => { const canvas = document.querySelector('[data-chart] canvas');"
        " const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
        " const seen = new Set(); for (let i = 0; i < all.length; i += 4)"
        " seen.add(`${all[i]},${all[i + 1]},${all[i + 2]}`); return [...seen]; })()"
    )
    assert len(colours) > 10, "axes and lines are drawn"
    ground = "255,255,255" if theme == "light" else "26,34,38"
    words = "69,82,90" if theme == "light" else "185,198,204"
    assert {ground, words} <= set(colours)


def test_a_chart_is_a_picture_too_and_nobody_elses(
    shop: tuple[Visitor, dict[str, int]], owner: Visitor
) -> None:
    visitor, ids = shop
    path = f"/charts/products/{ids['mug-1']}/chart"
    spec = visitor.get(f"{path}.json").json()
    [rows] = spec["datasets"].values() if "datasets" in spec else [spec["data"]["values"]]
    assert sum(row["number"] for row in rows if row["what"] == "Views") == 4
    assert spec["encoding"]["y"]["axis"]["values"] == [0, 1, 2, 3, 4], "no halves of events"
    picture = visitor.get(f"{path}.png")
    assert picture.content.startswith(b"\x89PNG")
    assert owner.get(f"{path}.png").status_code == 404
    assert owner.get(f"{path}.json").status_code == 404


def test_search_as_you_type_and_more_on_the_way_down(
    shop: tuple[Visitor, dict[str, int]], open_browser: Callable[..., BrowserContext]
) -> None:
    visitor, _ = shop
    page = open_browser(visitor).new_page()
    page.goto(visitor.path("/products"))
    expect(page.locator("tbody tr")).to_have_count(51)
    page.locator("tbody tr").last.scroll_into_view_if_needed()
    expect(page.locator("tbody tr")).to_have_count(60)
    page.get_by_label("Name or id").press_sequentially("mug 3")
    expect(page.locator("tbody tr")).to_have_count(10)
    assert "search=mug+3" in page.url or "search=mug%203" in page.url


def test_a_product_that_nobody_looked_at_says_so_instead_of_an_empty_chart(owner: Visitor) -> None:
    api = owner.api()
    made = api.request("PUT", "/api/v1/products/mug-1", {"attributes": {"name": "Mug"}})[1]
    page = owner.get(f"/products/{made['id']}")
    assert "Nobody viewed, put into a cart or bought it" in text_of(page)
    assert "data-chart" not in page.text
