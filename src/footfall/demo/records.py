"""What actions become: journal records of a history, browser items of live shoppers. Pure."""

from collections.abc import Callable
from typing import Any

import msgspec

from footfall.demo.types import CURRENCY, Action, Product, Variant
from footfall.ingest.logic import key_hash
from footfall.ingest.types import ActivityRecord, EventRecord
from footfall.journal.types import Entry

_LANGUAGE = "en"
_encode = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder(decimal_format="number").encode


class RecordMaker:
    """Makes the journal entries of one history."""

    def __init__(
        self, workspace_id: int, *, received_at: int, shop_url: str, key_prefix: str
    ) -> None:
        """Prepare.

        Args:
            received_at: When the history is written, in milliseconds.
            shop_url: Where pages stand; only names them, nothing is fetched.
            key_prefix: Of event keys; the number of an action makes each unique.
        """
        self._workspace_id = workspace_id
        self._received_at = received_at
        self._shop_url = shop_url
        self._key_prefix = key_prefix
        self._number = 0

    def entry(self, action: Action) -> Entry:
        """Return the entry of the next action."""
        self._number += 1
        event_key = f"{self._key_prefix}{self._number}"
        record = self._event if action.kind == "product_event" else self._activity
        return Entry(key_hash(self._workspace_id, event_key), _encode(record(action, event_key)))

    def _event(self, action: Action, event_key: str) -> EventRecord:
        variant, shopper = action.variant, action.shopper
        assert variant is not None
        quantity = None if action.quantity is None else str(action.quantity)
        return EventRecord(
            self._workspace_id,
            self._received_at,
            action.at,
            action.name,
            action.sender,
            event_key,
            None,
            shopper.user_id,
            shopper.email,
            shopper.visitor_key,
            None,
            variant.id,
            _json(facts(action)).decode(),
            None,
            None if action.price is None else str(action.price),
            quantity,
            CURRENCY,
            action.order_id,
            action.session_id,
        )

    def _activity(self, action: Action, event_key: str) -> ActivityRecord:
        shopper, device = action.shopper, action.device
        is_page, is_update = action.kind == "page_view", action.kind == "update"
        attributes = _json(dict(action.attributes)).decode()
        return ActivityRecord(
            workspace_id=self._workspace_id,
            received_at=self._received_at,
            occurred_at=action.at,
            kind=action.kind,  # type: ignore[arg-type]  # product events do not come here
            name="" if is_page else action.name,
            source=action.sender,
            event_key=event_key,
            contact_id=None,
            user_custom_id=shopper.user_id,
            email=shopper.email,
            user_key=shopper.visitor_key,
            attributes="{}" if is_update else attributes,
            contact_attributes=attributes if is_update else "{}",
            url=f"{self._shop_url}{action.name}" if is_page else None,
            referrer=None,
            utm_source=None if action.campaign is None else "mail",
            utm_medium=None,
            utm_campaign=action.campaign,
            utm_term=None,
            utm_content=None,
            device_type=None if device is None else device.device_type,
            os=None if device is None else device.os,
            browser=None if device is None else device.browser,
            language=_LANGUAGE,
            session_id=action.session_id,
        )


def facts(action: Action) -> dict[str, Any]:
    """Return what a product event says besides who, what and when."""
    said: dict[str, Any] = {"price": action.price}
    if action.quantity is not None:
        said["quantity"] = action.quantity
    if action.order_id is not None:
        said["order_id"] = action.order_id
        said["currency"] = CURRENCY
    return said


def browser_item(
    action: Action, event_id: str, at: int, *, shop_url: str, sign: Callable[[str], str]
) -> dict[str, Any]:
    """Return an action as the browser SDK sends it.

    Args:
        at: When it happens by the browser's clock, in milliseconds.
        sign: Signs a customer id, as the shop's server does.
    """
    shopper = action.shopper
    item: dict[str, Any] = {
        "kind": action.kind,
        "id": event_id,
        "at": at,
        "visitor": shopper.visitor_key,
        "session": action.session_id,
    }
    if shopper.user_id is not None:
        item |= {"user_id": shopper.user_id, "signature": sign(shopper.user_id)}
        item["email"] = shopper.email
    if action.kind == "product_event":
        assert action.variant is not None
        item |= {"product_id": action.variant.id, "event_type": action.name}
        item["data"] = facts(action)
    elif action.kind == "update":
        item["contact"] = dict(action.attributes)
    else:
        is_page = action.kind == "page_view"
        item["data"] = dict(action.attributes)
        item["page"] = {"url": shop_url + (action.name if is_page else "/")}
        item["device"] = {"language": _LANGUAGE}
        if action.campaign is not None:
            item["page"] |= {"utm_source": "mail", "utm_campaign": action.campaign}
        if not is_page:
            item["name"] = action.name
    return item


def server_item(action: Action, event_id: str) -> dict[str, Any]:
    """Return an action as the shop's server sends it to `POST /api/v1/events`."""
    assert action.variant is not None
    return {
        "event_id": event_id,
        "event_type": action.name,
        "product_id": action.variant.id,
        "user_custom_id": action.shopper.user_id,
        "email": action.shopper.email,
        "timestamp": action.at,
        "data": facts(action),
    }


def catalog_attributes(product: Product, variant: Variant, *, shop_url: str) -> dict[str, Any]:
    """Return what the shop's server tells of a variant, which to Footfall is a product."""
    told: dict[str, Any] = {
        "name": variant.name,
        "description": product.text,
        "product_url": f"{shop_url}/product/{variant.id}",
        "image_url": f"{shop_url}/pictures/{variant.id}.svg",
        "price": variant.price,
        "currency": CURRENCY,
        "availability": "in stock",
        "category_name": product.category.name,
        "brand": product.brand,
        "group_id": variant.group_id,
        "color": variant.colour,
    }
    if variant.label not in {"", variant.colour}:
        told["size"] = variant.label
    return told
