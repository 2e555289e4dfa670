"""Pages of the catalog: the list of products, and one product with what visitors did with it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal, segment
from footfall.console.browser_state import Undo
from footfall.console.charts import Theme, product_chart, script_url, summary_of
from footfall.console.page_kit import Console, TheConsole, TheConsoleServices
from footfall.console.vega import picture
from footfall.kernel.errors import Forbidden

_ROWS: Final = 50
_DEFAULT_COLUMNS: Final = ("price", "availability", "last_30_days.views", "last_30_days.purchases")
_NUMBERS: Final[Mapping[str, str]] = {
    "last_30_days.views": "Views",
    "last_30_days.carts": "Carts",
    "last_30_days.purchases": "Purchases",
    "last_30_days.revenue": "Revenue",
}
#: How a filter is said in words; which type takes which is the API's to say.
OPERATORS: Final[Mapping[str, str]] = {
    "is": "is",
    "is_not": "is not",
    "contains": "contains",
    "at_least": "is at least",
    "at_most": "is at most",
    "before": "is before",
    "after": "is after",
    "has_value": "has a value",
    "has_none": "has no value",
}
_STATES: Final = (("living", "In the catalog"), ("deleted", "Deleted"), ("all", "All"))
_COLUMNS_SECONDS: Final = 365 * 86_400
#: Attributes that the head of a product's page shows in its own way.
_IN_HEAD: Final = frozenset({"name", "image_url", "tags", "categories", "category_name"})

#: Words of attributes' names that are not written as words are.
_ABBREVIATED: Final = {"url": "URL", "gtin": "GTIN"}

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class _Query(dict[str, Any]):
    """What the list is asked for, as its address says it."""

    def url(self, console: Console, **changed: Any) -> str:
        """Return the address of the list with some of it changed; empty values are left out."""
        pairs: list[tuple[str, str]] = []
        for name, value in {**self, **changed}.items():
            values = value if isinstance(value, list) else [value]
            pairs += [(name, one) for one in values if one not in {"", None}]
        query = urlencode(pairs)
        return console.url(f"/products?{query}" if query else "/products")


def _cookie(console: Console) -> str:
    return f"footfall_columns_{console.workspace.id}"


def _columns(console: Console, known: Mapping[str, Any]) -> list[str]:
    """Return the columns this person chose in this browser; what is gone is left out."""
    kept = console.request.cookies.get(_cookie(console))
    chosen = _DEFAULT_COLUMNS if kept is None else kept.split(".and.")
    return [name for name in chosen if name in known or name in _NUMBERS]


async def _attributes(console: Console) -> dict[str, Any]:
    answer = await console.api.get("/api/v1/attributes", {"kind": "product"})
    return {one["name_std"]: one for one in answer["results"]}


@get("/w/{workspace_id:int}/products", include_in_schema=False)
async def products(console: TheConsole) -> Response[str]:
    """Show the catalog, narrowed and sorted as the address says."""
    known = await _attributes(console)
    columns = _columns(console, known)
    filters = [one for one in console.request.query_params.getall("filter", []) if one]
    added = console.parameter("attribute")
    if added:
        text = f"{added}:{console.parameter('operator', 'is')}"
        value = console.parameter("value")
        filters.append(f"{text}:{value}" if value else text)
    named = ("search", "sort", "state", "segment")
    query = _Query({name: console.parameter(name) for name in named}, filter=filters)
    problems: Mapping[str, str] = {}
    asked = {
        **query,
        # The currency stands beside the price.
        "columns": ",".join(dict.fromkeys(["name", "image_url", "currency", *columns])),
        "cursor": console.parameter("cursor"),
        "limit": _ROWS,
    }
    try:
        listing, segments = await asyncio.gather(
            console.api.get("/api/v1/products", asked),
            console.api.get("/api/v1/segments", {"subject": "product"}),
        )
    except ApiRefusal as refusal:
        if refusal.status != 400:
            raise
        problems = refusal.by_field
        listing = {"results": [], "next": None, "total": 0}
        segments = {"results": []}
    shown = {
        "listing": listing,
        "columns": [(name, _label(name, known)) for name in columns],
        "next_url": query.url(console, cursor=listing["next"]) if listing["next"] else None,
        "known": known,
    }
    if console.is_part and console.parameter("cursor"):
        return console.part("products/more.html", **shown)
    return console.page(
        "products/list.html",
        title="Products",
        active="products",
        problems=problems,
        query=query,
        filters=[(_in_words(one, known), _without(query, one, console)) for one in filters],
        sort_url=lambda name: query.url(
            console, sort=f"-{name}" if query["sort"] == name else name, cursor=""
        ),
        operators=list(OPERATORS.items()),
        states=_STATES,
        numbers=_NUMBERS,
        segments=segments["results"],
        is_narrowed=bool(query["search"] or filters or query["state"] or query["segment"]),
        **shown,
    )


def _label(name: str, known: Mapping[str, Any]) -> str:
    return _NUMBERS.get(name) or label_of(known[name]["name"])


def label_of(name: str) -> str:
    """Return an attribute's name as a label says it."""
    words = " ".join(_ABBREVIATED.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


def _in_words(text: str, known: Mapping[str, Any]) -> str:
    name, _, rest = text.partition(":")
    operator, _, value = rest.partition(":")
    label = _label(name, known) if name in known else name
    return " ".join(part for part in (label, OPERATORS.get(operator, operator), value) if part)


def _without(query: _Query, text: str, console: Console) -> str:
    return query.url(console, filter=[one for one in query["filter"] if one != text])


@post("/w/{workspace_id:int}/products/columns", include_in_schema=False)
async def choose_columns(console: TheConsole) -> Response[str]:
    """Remember which columns this browser shows."""
    known = await _attributes(console)
    chosen = [name for name in console.fields("column") if name in known or name in _NUMBERS]
    cookie = Cookie(
        key=_cookie(console),
        value=".and.".join(chosen[:20]),
        path=console.url("/products"),
        max_age=_COLUMNS_SECONDS,
        httponly=True,
        samesite="lax",
    )
    return console.go(console.url("/products"), cookies=[cookie])


@get("/w/{workspace_id:int}/products/new", include_in_schema=False)
async def new_product(console: TheConsole) -> Response[str]:
    """Show the form of a new product."""
    return await _form(console, None, {})


@get("/w/{workspace_id:int}/products/{product_id:int}", include_in_schema=False)
async def product(console: TheConsole, product_id: FromPath[int]) -> Response[str]:
    """Show one product: what it is, and what visitors did with it."""
    path = f"/api/v1/products/by-id/{product_id}"
    found = await console.api.get(path, {"state": "all"})
    if "deleted_at" in found:
        return console.page(
            "products/deleted.html",
            title=found["name"] or found["custom_id"],
            active="products",
            product=found,
        )
    values, numbers, aside, variants = await asyncio.gather(
        console.api.get(f"{path}/attributes"),
        console.api.get(f"{path}/statistics"),
        console.api.get(
            "/api/v1/set-aside-values", {"kind": "product", "object_id": product_id, "limit": 50}
        ),
        _variants(console, found),
    )
    return console.page(
        "products/product.html",
        title=found["name"] or found["custom_id"],
        active="products",
        product=found,
        values=[one for one in values["results"] if one["name_std"] not in _IN_HEAD],
        numbers=numbers,
        aside=aside["results"],
        variants=variants,
        chart=console.url(f"/charts/products/{product_id}"),
        chart_script=script_url(),
        summary=summary_of(numbers, console.format),
    )


async def _variants(console: Console, product: Mapping[str, Any]) -> list[Any]:
    group = product["attributes"].get("group_id")
    if not group:
        return []
    alike = await console.api.get(
        "/api/v1/products",
        {"filter": f"group_id:is:{group}", "columns": "name,image_url,price", "limit": 50},
    )
    return [one for one in alike["results"] if one["id"] != product["id"]]


@get("/w/{workspace_id:int}/products/{product_id:int}/edit", include_in_schema=False)
async def edit_product(console: TheConsole, product_id: FromPath[int]) -> Response[str]:
    """Show the form of a product."""
    found = await console.api.get(f"/api/v1/products/by-id/{product_id}")
    return await _form(console, found, {})


async def _form(
    console: Console,
    found: Any,
    problems: Mapping[str, str],
    written: Mapping[str, str] | None = None,
) -> Response[str]:
    known = await _attributes(console)
    values = {} if found is None else found["attributes"]
    texts = {name: _as_text(one, values.get(name)) for name, one in known.items()}
    return console.page(
        "products/form.html",
        title="New product" if found is None else f"Edit {found['name'] or found['custom_id']}",
        active="products",
        status=400 if problems else 200,
        problems=problems,
        product=found,
        definitions=list(known.values()),
        texts={**texts, **(written or {})},
        label_of=label_of,
        choices_of=lambda one: [("", "–"), *((choice, choice) for choice in one["choices"])],
        custom_id=console.field("custom_id"),
    )


def _is_list(definition: Mapping[str, Any]) -> bool:
    return definition["value_type"] == "list" or bool(definition["multiple"])


def _as_text(definition: Mapping[str, Any], value: Any) -> str:
    """Return a value as the form's field holds it; several with a line each."""
    if value is None:
        return ""
    if _is_list(definition):
        return "\n".join(str(one) for one in value)
    if definition["value_type"] == "json":
        return _encode(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _as_value(definition: Mapping[str, Any], text: str) -> Any:
    """Return what a field means; empty clears, and what is no JSON is the API's to refuse."""
    if text == "":
        return None
    if _is_list(definition):
        return [line.strip() for line in text.splitlines() if line.strip()]
    if definition["value_type"] == "json":
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


@post("/w/{workspace_id:int}/products/new", include_in_schema=False)
async def create_product(console: TheConsole) -> Response[str]:
    """Create a product, or update the one that has this id."""
    custom_id = console.field("custom_id")
    if not console.access.may_write:
        raise Forbidden("Viewers change nothing; ask an owner for the role of an editor.")
    if not custom_id:
        return await _form(console, None, {"custom_id": "Give it the id that your shop uses."})
    return await _save(console, None, f"/api/v1/products/{segment(custom_id)}")


@post("/w/{workspace_id:int}/products/{product_id:int}/edit", include_in_schema=False)
async def save_product(console: TheConsole, product_id: FromPath[int]) -> Response[str]:
    """Change what was changed in the form."""
    found = await console.api.get(f"/api/v1/products/by-id/{product_id}")
    return await _save(console, found, f"/api/v1/products/{segment(found['custom_id'])}")


async def _save(console: Console, found: Any, path: str) -> Response[str]:
    known = await _attributes(console)
    before = {} if found is None else found["attributes"]
    written = {name: console.field(f"value-{name}").replace("\r\n", "\n") for name in known}
    changed = {
        name: _as_value(one, written[name])
        for name, one in known.items()
        if f"value-{name}" in console.form and written[name] != _as_text(one, before.get(name))
    }
    try:
        saved = await console.api.put(path, {"attributes": changed})
    except ApiRefusal as refusal:
        if refusal.status != 400:
            raise
        return await _form(console, found, {"": refusal.detail, **refusal.by_field}, written)
    target = console.url(f"/products/{saved['id']}")
    refused = [f"{one['name']}: {one['message']}" for one in saved["set_aside"]]
    if refused:
        return console.go(target, "Saved, but for " + " ".join(refused)[:500], tone="warn")
    return console.go(target, "Saved." if found else "The product is in the catalog.")


@post("/w/{workspace_id:int}/products/{product_id:int}/delete", include_in_schema=False)
async def delete_product(console: TheConsole, product_id: FromPath[int]) -> Response[str]:
    """Take a product out of the catalog, with the way back beside the notice."""
    found = await console.api.get(f"/api/v1/products/by-id/{product_id}")
    await console.api.delete(f"/api/v1/products/{segment(found['custom_id'])}")
    name = (found["name"] or found["custom_id"])[:100]
    undo = Undo(console.url(f"/products/{product_id}/revive"))
    return console.go(console.url("/products"), f"{name} is deleted.", undo=undo)


@post("/w/{workspace_id:int}/products/{product_id:int}/revive", include_in_schema=False)
async def revive_product(console: TheConsole, product_id: FromPath[int]) -> Response[str]:
    """Undo a deletion."""
    await console.api.post(f"/api/v1/products/by-id/{product_id}/revive")
    return console.go(console.url(f"/products/{product_id}"), "It is back in the catalog.")


def _theme(console: Console) -> Theme:
    return "dark" if console.parameter("theme") == "dark" else "light"


async def _chart(console: Console, product_id: int) -> str:
    path = f"/api/v1/products/by-id/{product_id}"
    found, numbers = await asyncio.gather(
        console.api.get(path), console.api.get(f"{path}/statistics")
    )
    title = found["name"] or found["custom_id"]
    # The first chart loads the library, which takes most of a second.
    return await asyncio.to_thread(
        product_chart, numbers, title, theme=_theme(console), locale=str(console.format.locale)
    )


@get("/w/{workspace_id:int}/charts/products/{product_id:int}/chart.json", include_in_schema=False)
async def chart_spec(console: TheConsole, product_id: FromPath[int]) -> Response[str]:
    """Return a product's chart as a Vega-Lite specification."""
    spec = await _chart(console, product_id)
    return Response(spec, media_type="application/json", headers={"cache-control": "no-store"})


@get("/w/{workspace_id:int}/charts/products/{product_id:int}/chart.png", include_in_schema=False)
async def chart_picture(
    console: TheConsole, kit: TheConsoleServices, product_id: FromPath[int]
) -> Response[bytes]:
    """Return the same chart as a picture."""
    spec = await _chart(console, product_id)
    async with kit.drawing:
        png = await asyncio.to_thread(picture, spec)
    headers = {"cache-control": "private, max-age=60", "x-content-type-options": "nosniff"}
    return Response(png, media_type="image/png", headers=headers)


ROUTES: Final[list[HTTPRouteHandler]] = [
    products,
    choose_columns,
    new_product,
    create_product,
    product,
    edit_product,
    save_product,
    delete_product,
    revive_product,
    chart_spec,
    chart_picture,
]
