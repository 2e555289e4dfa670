"""Makes pages of templates: one environment, one set of headers."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from footfall.console.assets import asset_url
from footfall.console.wording import source_name, type_name

#: Nothing runs or styles a page but our own files. Pictures are the shop's, wherever they lie.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https: http:;"
    " connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
PAGE_HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    # The shop's picture servers need not know which page of ours shows them.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_encode = msgspec.json.Encoder(decimal_format="number").encode
_WEB_SCHEMES: Final = ("https://", "http://")


@cache
def templates() -> Environment:
    """Return the environment of all pages, made at the first one."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["json"] = json_text
    environment.filters["pretty_json"] = pretty_json
    environment.filters["web_url"] = web_url
    environment.filters["type_name"] = type_name
    environment.filters["source_name"] = source_name
    environment.globals["asset"] = asset_url
    return environment


def json_text(value: object) -> Markup:
    """Return JSON that may stand in a page: it ends neither an element nor an attribute."""
    text = _encode(value).decode()
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return Markup(text.replace("'", "\\u0027"))  # noqa: S704 - made harmless above


def pretty_json(value: object) -> str:
    """Return a JSON value, or JSON text, over several lines; text that is no JSON as it is."""
    if isinstance(value, str):
        try:
            msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
        text = value.encode()
    else:
        text = _encode(value)
    return msgspec.json.format(text, indent=2).decode()


def web_url(value: Any) -> str:
    """Return `value` if a browser may open it as a link or a picture, else nothing.

    Shops' catalogs come from anywhere; `javascript:` and `data:` addresses run in our page.
    """
    text = str(value or "").strip()
    return text if text.lower().startswith(_WEB_SCHEMES) else ""
