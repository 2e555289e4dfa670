"""HTML of shops' pages, with the snippets as the documentation gives them."""

import json
from typing import Any

from playwright.sync_api import ConsoleMessage, Page

STUB = "window.footfall=window.footfall||function(){(footfall.q=footfall.q||[]).push(arguments)};"


def shop_page(
    host: str, script: str = "", body: str = "", *, key: str = "ABC123", **settings: Any
) -> str:
    """Return a page with our own snippet; `script` runs right after it, before the SDK is there."""
    given = json.dumps({"apiKey": key, **settings})
    return (
        "<!doctype html><title>Mugs</title>"
        f"<script>{STUB}footfall('init',{given});{script}</script>"
        f'<script async src="{host}/widget.js"></script>{body}'
    )


def event(product_id: str = "mug-1", event_type: str = "add to cart", **more: Any) -> str:
    """Return the script of one product event."""
    fields = {"product_id": product_id, "event_type": event_type, **more}
    return f"footfall('product_event',{json.dumps(fields)});"


def heard_errors(tab: Page) -> list[str]:
    """Return a list that errors of the page's scripts and refusals of its policy will be put in."""
    errors: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if "Content Security" in said.text:
            errors.append(said.text)

    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", hear)
    return errors
