"""Live: what shoppers do, as it arrives."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from footfall.console.page_kit import Console, TheConsole
from footfall.http.event_stream import EventStream
from footfall.ingest.api import EVENT_TYPES, KINDS, TheStreams, last_seen, watched

_encode = msgspec.json.Encoder(decimal_format="number").encode

#: Rows that the page begins with; the script keeps some more.
_FIRST_ROWS: Final = 50
_KIND_LABELS: Final = {
    "product_event": "Product events",
    "event": "Ordinary events",
    "page_view": "Page views",
    "screen": "Screens",
}
_FILTERS: Final = ("kind", "event_type", "contact", "product")


#: What only one of the two kinds of stored rows has.
_NEITHER: Final = {
    "kind": "product_event",
    "event_type": "",
    "name": "",
    "product": None,
    "url": "",
}


def shown_row(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a product event or an activity with the fields of both."""
    return {**_NEITHER, **stored}


@get("/w/{workspace_id:int}/live")
async def live(console: TheConsole) -> Response[str]:
    """Show the newest events; the page's script adds those that come."""
    chosen = {name: console.parameter(name) for name in _FILTERS}
    rows = await _newest(console, chosen)
    return console.page(
        "live/live.html",
        title="Live",
        active="live",
        rows=rows,
        newest_id=rows[0]["id"] if rows else 0,
        chosen=chosen,
        kinds=[("", "Everything"), *((kind, _KIND_LABELS[kind]) for kind in KINDS)],
        event_types=[("", "All"), *((name, name) for name in EVENT_TYPES)],
    )


async def _newest(console: Console, chosen: dict[str, str]) -> list[dict[str, Any]]:
    lists: list[tuple[str, dict[str, Any]]] = []
    shared = {"contact": chosen["contact"], "limit": _FIRST_ROWS}
    if chosen["kind"] in {"", "product_event"}:
        asked = {**shared, "event_type": chosen["event_type"], "product": chosen["product"]}
        lists.append(("/api/v1/events", asked))
    if chosen["kind"] != "product_event" and not (chosen["event_type"] or chosen["product"]):
        lists.append(("/api/v1/activities", {**shared, "kind": chosen["kind"]}))
    found = await asyncio.gather(*(console.api.get(*one) for one in lists))
    rows = [shown_row(row) for one in found for row in one["results"]]
    rows.sort(key=lambda row: int(row["id"]), reverse=True)
    return rows[:_FIRST_ROWS]


@get("/w/{workspace_id:int}/live/stream")
async def stream(
    console: TheConsole,
    streams: TheStreams,
    request: Request[Any, Any, Any],
    after: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> EventStream:
    """Send what arrives to the page's script, as the API does to programs."""
    kind, event_type, contact, product = (console.parameter(name) or None for name in _FILTERS)
    wanted = watched(kind=kind, event_type=event_type, contact=contact, product=product)
    return streams.open(console.access.scope, wanted, last_seen(request, after))


@get("/w/{workspace_id:int}/live/events/{event_id:int}")
async def event(console: TheConsole, event_id: FromPath[int]) -> Response[str]:
    """Show one product event in full."""
    detail = await console.api.get(f"/api/v1/events/{event_id}")
    return _detail_page(console, detail, detail["event"])


@get("/w/{workspace_id:int}/live/activities/{activity_id:int}")
async def activity(console: TheConsole, activity_id: FromPath[int]) -> Response[str]:
    """Show one activity in full."""
    detail = await console.api.get(f"/api/v1/activities/{activity_id}")
    return _detail_page(console, detail, detail["activity"])


def _detail_page(console: Console, detail: Any, stored: Any) -> Response[str]:
    changes = [{**change, "shown": _shown(change["value"])} for change in detail["changes"]]
    shown = {
        "detail": detail,
        "stored": shown_row(stored),
        "changes": changes,
        "pretty": msgspec.json.format(_encode(stored), indent=2).decode(),
    }
    if console.is_part:
        return console.part("live/event_panel.html", here=console.request.url.path, **shown)
    return console.page("live/event.html", title="Event", active="live", **shown)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()


ROUTES: Final[list[HTTPRouteHandler]] = [live, stream, event, activity]
