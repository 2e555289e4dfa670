"""Failed events: why input was refused, opened, corrected and sent again."""

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal
from footfall.console.browser_state import Undo
from footfall.console.page_kit import Console, TheConsole
from footfall.kernel.errors import Forbidden

_PAGE: Final = "/failed-events"
_API: Final = "/api/v1/failed-events"
_PER_PAGE: Final = 50
#: What people call the commonest reasons, and what to do; others say it in their message.
_REASONS: Final = {
    "unknown_event_type": (
        "An event type that there is not",
        "Correct the type where it is sent, or in each event here.",
    ),
    "malformed_json": ("Text that is no JSON", "Correct the sender; open one to see what came."),
    "required": ("A field is missing", "Open one, fill it in and send it again."),
    "wrong_type": ("A field of the wrong kind", "Open one to see which; correct the sender."),
    "bad_timestamp": ("A time that cannot be read", "Write times in ISO 8601 or Unix seconds."),
    "product_not_found": (
        "A product that was not known",
        "Create the product, then send all of them again.",
    ),
    "contact_not_found": (
        "A contact that was not known",
        "Send your own contact id instead of ours, or create the contact.",
    ),
    "contact_mismatch": (
        "Two ids of different contacts",
        "Send one of the ids, or those of one contact.",
    ),
    "no_contact": ("Nobody is named", "Add user_custom_id, email or user_key."),
    "no_product": ("No product is named", "Add product_id."),
    "too_large": ("Too large", "Send smaller bodies, or fewer events at once."),
}
_STATUSES: Final = (
    ("waiting", "Waiting"),
    ("replayed", "Sent again"),
    ("dismissed", "Dismissed"),
    ("", "All"),
)


def _title(code: str) -> str:
    return _REASONS[code][0] if code in _REASONS else code.replace("_", " ").capitalize()


def _advice(code: str) -> str:
    return _REASONS[code][1] if code in _REASONS else "Open one to see what is wrong with it."


@get("/w/{workspace_id:int}/failed-events")
async def failed_events(console: TheConsole) -> Response[str]:
    """Show the reasons, and the failed events of one of them or all."""
    code, status = console.parameter("code"), console.parameter("status", "waiting")
    chosen = {"code": code, "source": console.parameter("source"), "search": console.parameter("q")}
    groups = (await console.api.get(f"{_API}/groups"))["results"]
    wanted = {**chosen, "cursor": console.parameter("cursor"), "limit": _PER_PAGE}
    if status:
        wanted["status"] = status
    listing = await console.api.get(_API, wanted)
    return console.page(
        "failed_events/list.html",
        title="Failed events",
        active="failed-events",
        groups=groups,
        listing=listing,
        chosen=chosen,
        shown_status=status,
        statuses=_STATUSES,
        reason=_title,
        advice=_advice,
    )


def _pretty(payload: str) -> str:
    """Return JSON laid out, anything else as it is."""
    try:
        return msgspec.json.format(payload, indent=2)
    except msgspec.MsgspecError:
        return payload


async def _detail(
    console: Console,
    failed_id: int,
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
) -> Response[str]:
    found = await console.api.get(f"{_API}/{failed_id}")
    return console.page(
        "failed_events/detail.html",
        title=_title(found["code"]),
        active="failed-events",
        status=status,
        problems=problems,
        failed=found,
        payload=console.field("payload") or _pretty(found["payload"]),
        kept=_pretty(found["payload"]),
        advice=_advice(found["code"]),
    )


@get("/w/{workspace_id:int}/failed-events/{failed_id:int}")
async def failed_event(console: TheConsole, failed_id: FromPath[int]) -> Response[str]:
    """Show one failed event, with its payload to correct."""
    return await _detail(console, failed_id)


@post("/w/{workspace_id:int}/failed-events/{failed_id:int}/replay")
async def replay(console: TheConsole, failed_id: FromPath[int]) -> Response[str]:
    """Send one again, as corrected."""
    payload = console.field("payload")
    if not console.access.may_write:
        raise Forbidden("Only editors and owners send events again.")
    try:
        msgspec.json.decode(payload)
        told = await console.api.post(
            f"{_API}/{failed_id}/replay",
            msgspec.Raw(payload.encode()),
            {"product": console.field("product")},
        )
    except msgspec.MsgspecError as error:
        problems = {"payload": f"This is no JSON: {error}."}
        return await _detail(console, failed_id, status=400, problems=problems)
    except ApiRefusal as refusal:
        if refusal.status == 404:
            raise
        text = "; ".join(
            f"{name}: {message}" if name else message for name, message in refusal.by_field.items()
        )
        problems = {"payload": text or refusal.detail}
        return await _detail(console, failed_id, status=refusal.status, problems=problems)
    number = told["id"]
    return console.go(
        console.url(f"{_PAGE}/{failed_id}"), f"Accepted. It is the event {number} now."
    )


def _count(console: Console, name: str) -> int:
    text = console.field(name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


@post("/w/{workspace_id:int}/failed-events/replay", status_code=200)
async def replay_many(console: TheConsole) -> Response[str]:
    """Send the next of a reason again; the page asks on until none is left."""
    chosen = {"code": console.field("code"), "source": console.field("source")}
    body: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    if console.field("cursor"):
        body["cursor"] = console.field("cursor")
    told = await console.api.post(f"{_API}/replay", body)
    replayed = _count(console, "replayed") + told["replayed"]
    refused = _count(console, "refused") + told["refused"]
    totals = {"replayed": replayed, "refused": refused, "left": told["left"]}
    if told["next"] is None:
        number = console.format.number
        text = f"{number(replayed)} were accepted, {number(refused)} failed again."
        return console.go(console.url(_PAGE), text, tone="warn" if refused else "good")
    return console.page(
        "failed_events/progress.html",
        title="Sending them again",
        active="failed-events",
        chosen=chosen,
        cursor=told["next"],
        totals=totals,
    )


@post("/w/{workspace_id:int}/failed-events/dismiss")
async def dismiss(console: TheConsole) -> Response[str]:
    """Put one, or all of a reason, away, or have them wait again."""
    again = bool(console.field("again"))
    fields = {name: console.field(name) for name in ("code", "source", "id") if console.field(name)}
    body: dict[str, Any] = {"dismissed": not again}
    body |= {name: value for name, value in fields.items() if name != "id"}
    if _count(console, "id"):
        body["ids"] = [_count(console, "id")]
    told = await console.api.patch(_API, body)
    count = console.format.number(told["changed"])
    if again:
        return console.go(console.url(_PAGE), f"{count} wait again.")
    undo = Undo(console.url(f"{_PAGE}/dismiss"), {**fields, "again": "yes"})
    return console.go(console.url(_PAGE), f"{count} dismissed; none is deleted.", undo=undo)


ROUTES: Final[list[HTTPRouteHandler]] = [
    failed_events,
    replay_many,
    dismiss,
    failed_event,
    replay,
]
