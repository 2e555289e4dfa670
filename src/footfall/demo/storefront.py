"""The demo shop's pages: how they are made, and how its server reports to Footfall."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Litestar, MediaType, Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.datastructures import State as AppState
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import SkipValidation

from footfall.demo.accounts import Accounts, Customer, PlacedOrder, Session
from footfall.demo.delivery import Outbox
from footfall.demo.records import server_item
from footfall.demo.types import CURRENCY, Catalog, Variant
from footfall.demo.visits import Line, Order, purchases
from footfall.http.edge import AsgiApp
from footfall.kernel.errors import Forbidden, UserError
from footfall.kernel.instants import Clock

_COOKIE: Final = "shop_session"
_COOKIE_SECONDS: Final = 30 * 86_400
_encode = msgspec.json.Encoder(decimal_format="number").encode

#: A call of the browser SDK: its name and what it is given.
SdkCall = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Shop:
    """What the pages are made of."""

    catalog: Catalog
    accounts: Accounts
    outbox: Outbox
    sign: Callable[[str], str]  #: proves to Footfall who is logged in
    app_key: str
    footfall_url: str
    clock: Clock
    templates: Environment

    async def report(self, order: Order, event_type: str) -> None:
        """Tell Footfall of an order from the shop's server, now or as soon as it listens."""
        items = [
            # The product in a key of its own: a part of an order may be sent back later.
            server_item(action, event_key(order.id, event_type, line.variant))
            for line, action in zip(order.lines, purchases(order, event_type), strict=True)
        ]
        await asyncio.to_thread(self.outbox.send, items)


class Page:
    """One request, and what the answer shows."""

    def __init__(self, shop: Shop, request: Request[Any, Any, Any]) -> None:
        self.shop = shop
        self._cookie = request.cookies.get(_COOKIE)
        self.session: Session = shop.accounts.session(self._cookie)
        self._path = request.url.path
        self._is_renewed = False

    def show(
        self,
        template: str,
        *,
        title: str,
        calls: Sequence[SdkCall] = (),
        pushes: Sequence[Mapping[str, Any]] = (),
        status_code: int = 200,
        **values: Any,
    ) -> Response[str]:
        """Return a page.

        Args:
            calls: Made to the SDK when the page is open.
            pushes: Pushed to the page's data layer.
            values: For the template.
        """
        notices, self.session.notices = self.session.notices, []
        html = self.shop.templates.get_template(template).render(
            title=title,
            path=self._path,
            categories=self.shop.catalog.categories,
            customer=self.session.customer,
            cart_count=sum(self.session.cart.values()),
            wish_count=len(self.session.wishes),
            notices=notices,
            footfall_url=self.shop.footfall_url,
            script={"settings": self._settings(), "calls": calls, "pushes": pushes},
            **values,
        )
        headers = {
            "content-security-policy": _policy(self.shop.footfall_url),
            "cache-control": "no-store",
            "referrer-policy": "strict-origin-when-cross-origin",
            "x-content-type-options": "nosniff",
        }
        return Response(html, media_type=MediaType.HTML, status_code=status_code, headers=headers)

    def log_in(self, customer: Customer) -> None:
        """Make the session that customer's, under a cookie that nobody can have known before."""
        self.session.customer = customer
        self._is_renewed = True

    def log_out(self) -> None:
        """Begin an empty session; the cookie of the one before opens nothing any more."""
        self.session = Session()
        self._is_renewed = True

    def go(self, path: str, notice: str | None = None) -> Response[str]:
        """Remember the session and lead to another page.

        Args:
            notice: Said there.
        """
        if notice is not None:
            self.session.notices.append(notice)
        if self._is_renewed:
            self.shop.accounts.forget(self._cookie)
        kept = self.shop.accounts.keep(self._cookie, self.session)
        # Lax: forms of other sites come without it, so they can order nothing.
        cookie = Cookie(_COOKIE, value=kept, httponly=True, samesite="lax", max_age=_COOKIE_SECONDS)
        headers = {"location": path}
        return Response(
            "", media_type=MediaType.HTML, status_code=303, headers=headers, cookies=[cookie]
        )

    def cart_lines(self) -> tuple[Line, ...]:
        """Return what is in the cart, at today's prices."""
        variants = self.shop.catalog.variants
        cart = self.session.cart.items()
        return tuple(Line(variants[key], variants[key].price, number) for key, number in cart)

    def _settings(self) -> dict[str, Any]:
        shop, customer = self.shop, self.session.customer
        settings: dict[str, Any] = {
            "apiKey": shop.app_key,
            "host": shop.footfall_url,
            "adapters": ["ga4"],
        }
        if customer is not None:
            settings |= {
                "user_id": customer.user_id,
                "signature": shop.sign(customer.user_id),
                "email": customer.email,
                "first_name": customer.first_name,
            }
        return settings


def event_key(order_id: str, occasion: str, variant: Variant) -> str:
    """Return the id of what is said of a line of an order, the same whenever it is said again."""
    # Ids of variants can be longer than an event key may be.
    line = blake2b(variant.id.encode(), digest_size=8).hexdigest()
    return f"{order_id}-{occasion}-{line}"


def line_facts(line: Line, order_id: str | None = None) -> dict[str, Any]:
    """Return what the browser says of a line of a cart or an order."""
    said = {"product_id": line.variant.id, "price": line.price, "quantity": line.quantity}
    return said if order_id is None else {**said, "order_id": order_id, "currency": CURRENCY}


def purchase_calls(placed: PlacedOrder) -> list[SdkCall]:
    """Return what the page after an order says; the same ids each time it is opened."""
    order = placed.order
    return [
        (
            "product_event",
            {
                "event_type": "purchase",
                "event_id": event_key(order.id, "thanks", line.variant),
                **line_facts(line, order.id),
            },
        )
        for line in order.lines
    ]


def begin_checkout(lines: Sequence[Line]) -> dict[str, Any]:
    """Return the push that shops with Google Analytics 4 make when a checkout begins."""
    return {
        "event": "begin_checkout",
        "ecommerce": {
            "currency": CURRENCY,
            "value": sum((line.price * line.quantity for line in lines), Decimal(0)),
            "items": [
                {
                    "item_id": line.variant.id,
                    "item_name": line.variant.name,
                    "price": line.price,
                    "quantity": line.quantity,
                }
                for line in lines
            ],
        },
    }


def create_storefront(
    routes: Sequence[HTTPRouteHandler], shop_of: Callable[[Environment], Shop]
) -> AsgiApp:
    """Return the ASGI application of the shop.

    Args:
        routes: Its pages and forms.
        shop_of: Makes the shop with the templates given.
    """
    shop = shop_of(_templates())

    def provide_page(request: Request[Any, Any, Any]) -> Page:
        return Page(shop, request)

    app = Litestar(
        route_handlers=list(routes),
        dependencies={
            "page": Provide(provide_page, sync_to_thread=False),
            "shop": Provide(lambda: shop, sync_to_thread=False),
        },
        guards=[_refuse_foreign_forms],
        exception_handlers={HTTPException: _refuse, UserError: _refuse},
        state=AppState({"shop": shop}),
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    return cast("AsgiApp", app)


def _refuse_foreign_forms(
    connection: ASGIConnection[Any, Any, Any, Any], route: BaseRouteHandler
) -> None:
    """Refuse forms in pages of others: they could log somebody in as somebody else.

    Other ports of this machine are the same site, so the cookie's `SameSite` does not tell them.
    """
    origin = connection.headers.get("origin")  # browsers say it with each form, programs need not
    is_foreign = origin is not None and urlsplit(origin).netloc != connection.headers.get("host")
    if is_foreign and isinstance(route, HTTPRouteHandler) and "POST" in route.http_methods:
        raise Forbidden("This form is not one of this shop's pages.")


def _refuse(request: Request[Any, Any, Any], error: HTTPException | UserError) -> Response[str]:
    """Answer a page that says what is wrong and leads on."""
    status = error.status_code if isinstance(error, HTTPException) else error.status
    missing = status in {404, 405}
    title = "This page is not here" if missing else "That did not work"
    text = error.message if isinstance(error, UserError) else ""
    page = Page(request.app.state["shop"], request)
    return page.show("refusal.html", title=title, text=text, status_code=status)


def _policy(footfall_url: str) -> str:
    """Return a content security policy without inline scripts: the SDK must live with it."""
    return (
        f"default-src 'none'; script-src 'self' {footfall_url}; connect-src {footfall_url};"
        " img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("footfall.demo"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = _money
    environment.filters["data_block"] = _data_block
    return environment


def _money(amount: Decimal) -> str:
    return f"€{amount:,.2f}"


def _data_block(value: object) -> str:
    """Return JSON that cannot end the element it stands in."""
    return _encode(value).decode().replace("<", "\\u003c")


#: Annotate a route's parameter `page` with this.
ThePage = NamedDependency[SkipValidation[Page]]
#: Annotate a route's parameter `shop` with this, where there is no page.
TheShop = NamedDependency[SkipValidation[Shop]]
