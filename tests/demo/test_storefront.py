"""The shop works like one, says to Footfall what a shop says, and its pages can be used by all."""

import asyncio
import hmac
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from tests.demo.conftest import SECRET

PAGES = (
    *("/", "/category/lighting", "/product/skerry-rug-140-x-200-cm", "/search?q=wool", "/search"),
    *("/search?q=nothing+like+it", "/wish-list", "/cart", "/login", "/nowhere"),
)
ADA = {"email": "Ada.Lind@example.com", "first_name": ""}


class Outline(HTMLParser):
    """What assistive software goes by."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.title = ""
        self.scripts = ""
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag):
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data):
        if self._inside and self._inside[-1] == "title" and "svg" not in self._inside:
            self.title += data
        if self._inside and self._inside[-1] == "script":
            self.scripts += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def block(response):
    """Return what the page tells the SDK."""
    (text,) = re.findall(r'id="shop-page">(.*?)</script>', response.text, re.DOTALL)
    return json.loads(text)


def shopping(open_door):
    """Run a test's visit."""

    def run(visit):
        async def whole():
            async with open_door() as browser:
                return await visit(browser)

        return asyncio.run(whole())

    return run


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_a_title_one_heading_landmarks_and_names_for_all_it_asks(open_door, path):
    async def visit(browser):
        return await browser.get(path)

    response = shopping(open_door)(visit)
    assert response.status_code == (404 if path == "/nowhere" else 200)
    outline = Outline(response.text)
    assert outline.title.endswith(" – Little Harbour")
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("h1")) == len(outline.all("main")) == 1
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {label["for"] for label in outline.all("label")}
    for field in outline.all("input"):
        assert field.get("type") == "hidden" or field["id"] in labelled
    assert all("alt" in image for image in outline.all("img"))
    # Two navigations or more are told apart by their names.
    assert all(nav.get("aria-label") for nav in outline.all("nav"))


@pytest.mark.parametrize("path", PAGES)
def test_no_script_style_or_handler_stands_in_a_page(open_door, path):
    async def visit(browser):
        return await browser.get(path)

    response = shopping(open_door)(visit)
    outline = Outline(response.text)
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    host = block(response)["settings"]["host"]
    assert f"script-src 'self' {host};" in policy
    for script in outline.all("script"):
        assert "src" in script or script["type"] == "application/json"
    assert not outline.all("style")
    for _, attributes in outline.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_every_link_and_picture_of_the_shop_leads_somewhere(open_door):
    async def visit(browser):
        found = {"/"}
        looked_at = set()
        for path in ("/", "/category/plants", "/product/alder-plant-pot-12-cm", "/search?q=mug"):
            outline = Outline((await browser.get(path)).text)
            found |= {a["href"] for a in outline.all("a")} | {i["src"] for i in outline.all("img")}
            found |= {link["href"] for link in outline.all("link")}
        for path in sorted(found):
            if path.startswith("/"):
                assert (await browser.get(path)).status_code == 200, path
                looked_at.add(path)
        return looked_at

    assert len(shopping(open_door)(visit)) > 80


def test_a_product_page_reports_a_view_and_its_buttons_carry_their_events(open_door):
    async def visit(browser):
        return await browser.get("/product/alder-mug-ink")

    response = shopping(open_door)(visit)
    (call,) = block(response)["calls"]
    assert call[0] == "product_event"
    assert call[1]["event_type"] == "view"
    assert call[1]["product_id"] == "alder-mug-ink"
    assert call[1]["price"] == 12.9
    events = {
        attributes["data-footfall-event"]: attributes
        for _, attributes in Outline(response.text).tags
        if "data-footfall-event" in attributes
    }
    assert set(events) == {"add to cart", "add to observation"}
    assert {each["data-product-id"] for each in events.values()} == {"alder-mug-ink"}
    assert events["add to cart"]["data-attr-price"] == "12.90"


def test_an_order_is_reported_by_the_server_and_by_the_page_after_it_with_one_order_id(
    open_door, till
):
    async def visit(browser):
        for variant in ("alder-mug-ink", "alder-mug-ink", "tarn-lantern"):
            await browser.post("/cart", data={"variant": variant})
        checkout = await browser.get("/checkout")
        thanks = await browser.post("/checkout", data=ADA)
        return checkout, thanks, await browser.get(thanks.url.path), await browser.get("/cart")

    checkout, thanks, again, cart = shopping(open_door)(visit)
    (push,) = block(checkout)["pushes"]
    assert push["event"] == "begin_checkout"
    assert [item["quantity"] for item in push["ecommerce"]["items"]] == [2, 1]
    assert push["ecommerce"]["value"] == round(2 * 12.9 + 43.9, 2)
    said = till.events()
    assert [(e["event_type"], e["product_id"], e["data"]["quantity"]) for e in said] == [
        ("purchase", "alder-mug-ink", 2),
        ("purchase", "tarn-lantern", 1),
    ]
    page = block(thanks)
    calls = [fields for _, fields in page["calls"]]
    assert [c["order_id"] for c in calls] == [e["data"]["order_id"] for e in said]
    assert [c["price"] for c in calls] == [e["data"]["price"] for e in said]
    # Opened again, it says the same with the same ids, which count once.
    assert block(again)["calls"] == page["calls"]
    assert page["settings"]["user_id"] == said[0]["user_custom_id"]
    assert "Your cart is empty" in cart.text


def test_an_order_is_confirmed_and_reported_later_where_footfall_does_not_take_it(open_door, till):
    till.status = 503

    async def visit(browser):
        await browser.post("/cart", data={"variant": "tarn-lantern"})
        return await browser.post("/checkout", data=ADA)

    thanks = shopping(open_door)(visit)
    assert thanks.status_code == 200
    assert "Thank you" in thanks.text
    with till.arrived:
        till.status = 202
        assert till.arrived.wait_for(lambda: till.taken, 30)
    assert till.taken[0]["product_id"] == "tarn-lantern"


def test_what_is_sent_back_is_reported_once_with_the_order_id_of_its_purchase(open_door, till):
    async def visit(browser):
        await browser.post("/cart", data={"variant": "tarn-lantern"})
        thanks = await browser.post("/checkout", data=ADA)
        order = thanks.url.path.removesuffix("/thanks")
        await browser.post(f"{order}/return", data={"variant": "tarn-lantern"})
        shown = await browser.post(f"{order}/return", data={"variant": "tarn-lantern"})
        other = await browser.post(f"{order}/return", data={"variant": "alder-mug-ink"})
        return shown, other

    shown, other = shopping(open_door)(visit)
    assert "sent back" in shown.text
    assert other.status_code == 404
    assert [e["event_type"] for e in till.events()] == ["purchase", "return", "refund"]
    assert len({e["data"]["order_id"] for e in till.events()}) == 1
    assert len({e["event_id"] for e in till.events()}) == 3


def test_a_login_gives_a_signed_id_that_is_the_same_next_time(open_door):
    async def visit(browser):
        first = await browser.post("/login", data={**ADA, "next": "/wish-list"})
        out = await browser.post("/logout")
        again = await browser.post("/login", data={**ADA, "email": "ada.lind@EXAMPLE.com "})
        return first, out, again

    first, out, again = shopping(open_door)(visit)
    settings = block(first)["settings"]
    assert first.url.path == "/wish-list"
    assert settings["email"] == "ada.lind@example.com"
    assert settings["first_name"] == "Ada"
    proof = hmac.new(SECRET.encode(), settings["user_id"].encode(), "sha256").hexdigest()
    assert settings["signature"] == proof
    assert "user_id" not in block(out)["settings"]
    assert block(again)["settings"] == settings


def test_a_logout_leaves_nothing_for_whoever_comes_next(open_door):
    async def visit(browser):
        await browser.post("/login", data=ADA)
        await browser.post("/cart", data={"variant": "alder-mug-ink"})
        await browser.post("/wish-list", data={"variant": "alder-mug-oat"})
        await browser.post("/logout")
        return [(await browser.get(path)).text for path in ("/cart", "/wish-list")]

    cart, wishes = shopping(open_door)(visit)
    assert "Your cart is empty" in cart
    assert "Your wish list is empty" in wishes


def test_an_order_is_shown_to_nobody_but_its_customer(open_door):
    async def visit(browser):
        await browser.post("/cart", data={"variant": "alder-mug-ink"})
        thanks = await browser.post("/checkout", data=ADA)
        async with open_door() as stranger:
            await stranger.post("/login", data={"email": "eve@example.com"})
            strange = await stranger.get(thanks.url.path)
            own = await stranger.get("/orders")
        return strange, own, await browser.get("/orders")

    strange, own, ours = shopping(open_door)(visit)
    assert strange.status_code == 404
    assert "You have not ordered anything" in own.text
    assert "1 product, €12.90" in ours.text


@pytest.mark.parametrize("path", ["/login", "/checkout"])
def test_what_is_no_address_is_said_at_the_field_and_kept(open_door, path):
    async def visit(browser):
        await browser.post("/cart", data={"variant": "alder-mug-ink"})
        return await browser.post(path, data={"email": "ada", "first_name": "Ada"})

    response = shopping(open_door)(visit)
    assert response.status_code == 400
    (field,) = [f for f in Outline(response.text).all("input") if f.get("id") == "email"]
    assert field["value"] == "ada"
    assert field["aria-invalid"] == "true"
    assert f'id="{field["aria-describedby"]}"' in response.text


def test_a_login_leads_only_into_the_shop(open_door):
    async def visit(browser):
        return await browser.post("/login", data={**ADA, "next": "//evil.example/"})

    assert shopping(open_door)(visit).url.path == "/"


def test_a_cookie_from_before_a_login_opens_nothing_after_it(open_door):
    async def visit(browser):
        await browser.post("/cart", data={"variant": "alder-mug-ink"})
        planted = browser.cookies["shop_session"]
        await browser.post("/login", data=ADA)
        logged_in = browser.cookies["shop_session"]
        await browser.post("/logout")
        cart, orders = [], []
        for cookie in (planted, logged_in):
            browser.cookies.set("shop_session", cookie, domain="shop.test", path="/")
            cart.append("Your cart is empty." in (await browser.get("/cart")).text)
            orders.append("Log in" in (await browser.get("/orders")).text)
        return {planted, logged_in}, cart, orders

    cookies, cart, orders = shopping(open_door)(visit)
    assert (len(cookies), cart, orders) == (2, [True, True], [True, True])


def test_a_form_in_somebody_elses_page_is_refused(open_door):
    async def visit(browser):
        origins = ("http://shop.test", "https://evil.example", "http://shop.test:9", "null")
        answers = [
            await browser.post("/login", data=ADA, headers={"origin": origin}) for origin in origins
        ]
        return [answer.status_code for answer in answers]

    assert shopping(open_door)(visit) == [200, 403, 403, 403]


def test_what_people_write_stays_text(open_door):
    async def visit(browser):
        return await browser.get("/search", params={"q": '</script><b title="x">'})

    response = shopping(open_door)(visit)
    assert block(response)["calls"] == [
        ["event.search", {"query": '</script><b title="x">', "results": 0}]
    ]
    assert "<b " not in response.text


def test_an_unknown_variant_is_no_server_fault(open_door):
    async def visit(browser):
        answers = [await browser.post(p, data={"variant": "x"}) for p in ("/cart", "/wish-list")]
        return [*answers, await browser.get("/pictures/x.svg"), await browser.get("/assets/x")]

    assert {a.status_code for a in shopping(open_door)(visit)} == {404}


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_fields_stand_out_from_what_is_behind_them(scheme):
    css = (files("footfall.demo") / "assets" / "shop.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    tones = dict(re.findall(r"--([\w-]+): (#\w{6});", light if scheme == "light" else dark))
    for text in ("text", "quiet", "accent", "error"):
        for ground in ("ground", "sheet", "soft"):
            assert contrast(tones[text], tones[ground]) >= 4.5, (text, ground)
    assert contrast(tones["on-accent"], tones["accent"]) >= 4.5
    for ground in ("ground", "sheet"):
        assert contrast(tones["field"], tones[ground]) >= 3, ground
