"""What `footfall demo` is made of."""

from footfall.demo.accounts import Accounts
from footfall.demo.catalog import build_catalog
from footfall.demo.delivery import BrowserLine, DeliveryFailed, Line, Outbox, ShopServer, signature
from footfall.demo.live import live_steps
from footfall.demo.records import RecordMaker, browser_item, server_item
from footfall.demo.routes import ROUTES
from footfall.demo.simulation import Simulation
from footfall.demo.storefront import Shop, create_storefront

__all__ = [
    "ROUTES",
    "Accounts",
    "BrowserLine",
    "DeliveryFailed",
    "Line",
    "Outbox",
    "RecordMaker",
    "Shop",
    "ShopServer",
    "Simulation",
    "browser_item",
    "build_catalog",
    "create_storefront",
    "live_steps",
    "server_item",
    "signature",
]
