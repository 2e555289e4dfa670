"""Product events of a made-up shop: a few products sell a lot, most a little."""

import json
import random
from typing import Any

PRODUCTS = 10_000
CONTACTS = 20_000
#: 2026-01-01; a new event every 10 milliseconds.
_START = 1_767_225_600_000
_TYPES = ["view"] * 90 + ["add to cart"] * 6 + ["add to observation"] * 2 + ["purchase"] * 2


def shop_event(number: int, chance: random.Random) -> dict[str, Any]:
    """Return an item of a batch, without a key."""
    product = int(PRODUCTS * chance.random() ** 3)
    return {
        "user_custom_id": f"customer-{int(CONTACTS * chance.random() ** 2)}",
        "product_id": f"sku-{product}",
        "event_type": chance.choice(_TYPES),
        "timestamp": _START + 10 * number,
        "data": {
            "name": f"Stoneware mug no. {product}",
            "price": 5 + product % 90 + 0.99,
            "category_name": f"Kitchen/Mugs/{product % 40}",
            "product_url": f"https://shop.example/p/stoneware-mug-{product}",
        },
    }


def shop_events(count: int, seed: int, *, keyed: bool) -> list[dict[str, Any]]:
    """Return `count` items; those of another seed have other keys."""
    chance = random.Random(seed)
    events = [shop_event(number, chance) for number in range(count)]
    if keyed:
        for event in events:
            event["event_id"] = f"{chance.getrandbits(128):032x}"
    return events


def batch_bodies(count: int, size: int, seed: int, *, keyed: bool) -> list[bytes]:
    """Return bodies of `POST /api/v1/events` with `size` events each, `count` events in all."""
    events = shop_events(count, seed, keyed=keyed)
    return [json.dumps(events[i : i + size]).encode() for i in range(0, count, size)]
