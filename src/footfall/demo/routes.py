"""The addresses of the demo shop."""

from decimal import Decimal
from importlib.resources import files
from typing import Annotated, Final

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter, URLEncodedBody

from footfall.demo.accounts import PlacedOrder, customer_of, put_into_cart
from footfall.demo.pictures import picture
from footfall.demo.storefront import (
    Page,
    ThePage,
    TheShop,
    begin_checkout,
    purchase_calls,
)
from footfall.demo.types import Catalog, Product, Variant
from footfall.demo.visits import Order
from footfall.kernel.errors import Invalid

_Form = URLEncodedBody[dict[str, str]]
_MAX_FOUND: Final = 60
_MAX_QUERY_CHARACTERS: Final = 100
_POPULAR: Final = (
    *("alder-mug", "skerry-wool-blanket", "tarn-lantern", "lumen-table-lamp"),
    *("heath-plant-pot", "skerry-backpack", "tarn-notebook", "alder-building-blocks"),
)
#: Stands for its category on the first page.
_ONE_OF_EACH: Final = (
    *("skerry-carafe", "tarn-teapot", "heath-pendant-lamp", "lumen-cushion"),
    *("alder-fountain-pen", "skerry-watering-can", "tarn-weekender", "lumen-kite"),
)
_ASSETS: Final = {"shop.css": "text/css", "shop.js": "text/javascript", "icon.svg": "image/svg+xml"}
#: Where a login may lead; anything else could be somebody's trap.
_AFTER_LOGIN: Final = frozenset({"/", "/checkout", "/orders", "/wish-list"})


@get("/", sync_to_thread=False)
def home(page: ThePage) -> Response[str]:
    """Show the categories and some products."""
    products = page.shop.catalog.products
    shown = [products[key] for key in _ONE_OF_EACH]
    popular = [products[key] for key in _POPULAR]
    return page.show("home.html", title="Things for every day", shown=shown, popular=popular)


@get("/category/{slug:str}", sync_to_thread=False)
def category(page: ThePage, slug: FromPath[str]) -> Response[str]:
    """List the products of one category."""
    catalog = page.shop.catalog
    chosen = next((one for one in catalog.categories if one.slug == slug), None)
    if chosen is None:
        raise NotFoundException
    products = [one for one in catalog.products.values() if one.category is chosen]
    return page.show("category.html", title=chosen.name, category=chosen, products=products)


@get("/search", sync_to_thread=False)
def search(page: ThePage, words: Annotated[str, QueryParameter(name="q")] = "") -> Response[str]:
    """List what has all the words in its name, category or text."""
    wanted = words.strip()[:_MAX_QUERY_CHARACTERS]
    found = _found(page.shop.catalog, wanted.lower().split())
    calls = [("event.search", {"query": wanted, "results": len(found)})] if wanted else []
    title = f"Search: {wanted}" if wanted else "Search"
    return page.show("search.html", title=title, calls=calls, query=wanted, products=found)


def _found(catalog: Catalog, words: list[str]) -> list[Product]:
    if not words:
        return []
    named = (
        (f"{one.name} {one.category.name} {one.text}".lower(), one)
        for one in catalog.products.values()
    )
    return [one for text, one in named if all(word in text for word in words)][:_MAX_FOUND]


@get("/product/{variant_id:str}", sync_to_thread=False)
def product(page: ThePage, variant_id: FromPath[str]) -> Response[str]:
    """Show one variant of a product and lead to the others."""
    variant = _variant(page.shop.catalog, variant_id)
    shown = page.shop.catalog.product_of(variant)
    view = {
        "product_id": variant.id,
        "event_type": "view",
        "name": variant.name,
        "price": variant.price,
        "category_name": shown.category.name,
        "group_id": shown.id,
    }
    return page.show(
        "product.html",
        title=variant.name,
        calls=[("product_event", view)],
        product=shown,
        variant=variant,
        wished=variant.id in page.session.wishes,
    )


@get("/pictures/{name:str}", sync_to_thread=False)
def picture_of(shop: TheShop, name: FromPath[str]) -> Response[str]:
    """Draw a variant."""
    variant = _variant(shop.catalog, name.removesuffix(".svg"))
    drawing = picture(shop.catalog.product_of(variant), variant)
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    return Response(drawing, media_type="image/svg+xml", headers=headers)


@get("/assets/{name:str}", sync_to_thread=False)
def asset(name: FromPath[str]) -> Response[bytes]:
    """Serve the style and the script."""
    media_type = _ASSETS.get(name)
    if media_type is None:
        raise NotFoundException
    content = (files("footfall.demo") / "assets" / name).read_bytes()
    headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


@get("/wish-list", sync_to_thread=False)
def wish_list(page: ThePage) -> Response[str]:
    """Show what was put aside."""
    variants = [page.shop.catalog.variants[key] for key in page.session.wishes]
    return page.show("wish_list.html", title="Wish list", variants=variants)


@post("/wish-list", sync_to_thread=False)
def change_wish_list(page: ThePage, data: _Form) -> Response[str]:
    """Put a variant on the wish list, or take it off if it is there."""
    variant = _variant(page.shop.catalog, data.get("variant", ""))
    wishes = page.session.wishes
    if variant.id in wishes:
        wishes.remove(variant.id)
        return page.go("/wish-list", f"{variant.name} is off your wish list.")
    wishes.append(variant.id)
    return page.go(f"/product/{variant.id}", f"{variant.name} is on your wish list.")


@get("/cart", sync_to_thread=False)
def cart(page: ThePage) -> Response[str]:
    """Show the cart."""
    lines = page.cart_lines()
    return page.show("cart.html", title="Cart", lines=lines, total=_total(page))


@post("/cart", sync_to_thread=False)
def add_to_cart(page: ThePage, data: _Form) -> Response[str]:
    """Put one piece into the cart."""
    variant = _variant(page.shop.catalog, data.get("variant", ""))
    put_into_cart(page.session, variant)
    return page.go("/cart", f"{variant.name} is in your cart.")


@post("/cart/remove", sync_to_thread=False)
def remove_from_cart(page: ThePage, data: _Form) -> Response[str]:
    """Take all pieces of one variant out of the cart."""
    variant = _variant(page.shop.catalog, data.get("variant", ""))
    page.session.cart.pop(variant.id, None)
    return page.go("/cart", f"{variant.name} is no longer in your cart.")


@get("/checkout", sync_to_thread=False)
def checkout(page: ThePage) -> Response[str]:
    """Ask who orders."""
    if not page.session.cart:
        return page.go("/cart")
    return _checkout(page)


@post("/checkout")
async def place_order(page: ThePage, data: _Form) -> Response[str]:
    """Place the order and report it from the shop's server; the next page reports it, too."""
    lines = page.cart_lines()
    if not lines:
        return page.go("/cart")
    if page.session.customer is None:
        try:
            page.log_in(customer_of(data.get("email", ""), data.get("first_name", "")))
        except Invalid:
            return _checkout(page, data, status_code=400)
    placed = page.shop.accounts.place(page.session, lines, page.shop.clock())
    await page.shop.report(placed.order, "purchase")
    return page.go(f"/orders/{placed.order.id}/thanks")


def _checkout(
    page: Page, data: dict[str, str] | None = None, *, status_code: int = 200
) -> Response[str]:
    lines = page.cart_lines()
    return page.show(
        "checkout.html",
        title="Checkout",
        pushes=[begin_checkout(lines)] if data is None else [],
        status_code=status_code,
        lines=lines,
        total=_total(page),
        given=data,
    )


@get("/orders", sync_to_thread=False)
def orders(page: ThePage) -> Response[str]:
    """List the customer's orders."""
    if page.session.customer is None:
        return page.go("/login?next=/orders")
    return page.show(
        "orders.html",
        title="Your orders",
        orders=page.shop.accounts.orders_of(page.session.customer),
    )


@get("/orders/{order_id:str}", sync_to_thread=False)
def order(page: ThePage, order_id: FromPath[str]) -> Response[str]:
    """Show one of the customer's orders."""
    placed = _order(page, order_id)
    return page.show("order.html", title="Your order", placed=placed, thanks=False)


@get("/orders/{order_id:str}/thanks", sync_to_thread=False)
def thanks(page: ThePage, order_id: FromPath[str]) -> Response[str]:
    """Confirm an order; the browser reports it, as the shop's server has."""
    placed = _order(page, order_id)
    return page.show(
        "order.html",
        title="Thank you for your order",
        calls=purchase_calls(placed),
        placed=placed,
        thanks=True,
    )


@post("/orders/{order_id:str}/return")
async def send_back(page: ThePage, order_id: FromPath[str], data: _Form) -> Response[str]:
    """Take a line back and repay it; the shop's server reports both."""
    placed = _order(page, order_id)
    line = next((one for one in placed.order.lines if one.variant.id == data.get("variant")), None)
    if line is None:
        raise NotFoundException
    if line.variant.id not in placed.sent_back:
        placed.sent_back.add(line.variant.id)
        back = Order(order_id, page.shop.clock(), placed.order.buyer, (line,))
        for event_type in ("return", "refund"):
            await page.shop.report(back, event_type)
    return page.go(f"/orders/{order_id}", f"{line.variant.name} is on its way back to us.")


@get("/login", sync_to_thread=False)
def login_form(
    page: ThePage, target: Annotated[str, QueryParameter(name="next")] = "/"
) -> Response[str]:
    """Ask for an e-mail address."""
    return page.show("login.html", title="Log in", next=_safe(target), given=None)


@post("/login", sync_to_thread=False)
def login(page: ThePage, data: _Form) -> Response[str]:
    """Log in whoever gives an address; a demo has no passwords."""
    target = _safe(data.get("next", "/"))
    try:
        customer = customer_of(data.get("email", ""), data.get("first_name", ""))
    except Invalid:
        return page.show("login.html", title="Log in", status_code=400, next=target, given=data)
    page.log_in(customer)
    return page.go(target, f"Hello, {customer.first_name}.")


@post("/logout", sync_to_thread=False)
def logout(page: ThePage) -> Response[str]:
    """Forget the customer, the cart and the wish list in this browser."""
    page.log_out()
    return page.go("/", "You are logged out.")


def _variant(catalog: Catalog, variant_id: str) -> Variant:
    variant = catalog.variants.get(variant_id)
    if variant is None:
        raise NotFoundException
    return variant


def _order(page: Page, order_id: str) -> PlacedOrder:
    placed = page.shop.accounts.order(order_id, page.session.customer)
    if placed is None:
        raise NotFoundException
    return placed


def _total(page: Page) -> Decimal:
    return sum((line.price * line.quantity for line in page.cart_lines()), Decimal(0))


def _safe(target: str) -> str:
    return target if target in _AFTER_LOGIN else "/"


ROUTES: Final[tuple[HTTPRouteHandler, ...]] = (
    *(home, category, search, product, picture_of, asset, wish_list, change_wish_list),
    *(cart, add_to_cart, remove_from_cart, checkout, place_order, orders, order, thanks),
    *(send_back, login_form, login, logout),
)
