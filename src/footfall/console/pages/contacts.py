"""Pages of contacts: the list, and one contact with what it did, has and was merged from."""

import asyncio
from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal
from footfall.console.browser_state import Undo
from footfall.console.page_kit import Console, TheConsole

_ROWS: Final = 50
_SORTS: Final = (
    ("-last_seen", "Seen last"),
    ("-created", "Newest"),
    ("name", "Name"),
)
#: Products of a timeline whose pictures are looked up; each is a call.
_PICTURES: Final = 12
#: Of an id of ours; more would not fit the store.
_MAX_DIGITS: Final = 18


def called(contact: Mapping[str, Any]) -> str:
    """Return what a contact is called: by name, address or id of the shop's, else a visitor."""
    known = contact.get("attributes") or {}
    name = known.get("name") or " ".join(
        str(known[part]) for part in ("first_name", "last_name") if known.get(part)
    )
    return str(name or contact["email"] or contact["custom_id"] or f"Visitor {contact['id']}")


@get("/w/{workspace_id:int}/contacts", include_in_schema=False)
async def contacts(console: TheConsole) -> Response[str]:
    """Show the contacts that the address asks for, who was seen last first."""
    query = {
        "search": console.parameter("search"),
        "list": console.parameter("list"),
        "tag": console.parameter("tag"),
        "segment": console.parameter("segment"),
        "sort": console.parameter("sort", "-last_seen"),
    }
    problems: Mapping[str, str] = {}
    try:
        found = await console.api.get(
            "/api/v1/contacts", {**query, "cursor": console.parameter("cursor"), "limit": _ROWS}
        )
    except ApiRefusal as refusal:
        if refusal.status not in {400, 404}:
            raise
        problems = {"": refusal.detail}
        found = {"results": [], "next": None, "total": 0}
    lists, known = await asyncio.gather(
        console.api.get("/api/v1/contact-lists"),
        console.api.get("/api/v1/segments", {"subject": "contact"}),
    )
    following = None
    if found["next"]:
        asked = {name: value for name, value in query.items() if value}
        following = console.url(f"/contacts?{urlencode({**asked, 'cursor': found['next']})}")
    return console.page(
        "contacts/list.html",
        title="Contacts",
        active="contacts",
        problems=problems,
        query=query,
        found=found,
        lists=lists["results"],
        segments=known["results"],
        sorts=_SORTS,
        called=called,
        next_url=following,
        is_narrowed=any(query[name] for name in ("search", "list", "tag", "segment")),
    )


@get("/w/{workspace_id:int}/contacts/{contact_id:int}", include_in_schema=False)
async def contact(console: TheConsole, contact_id: FromPath[int]) -> Response[str]:
    """Show one contact; of a merged one, the one it was merged into."""
    return await _contact_page(console, contact_id)


async def _contact_page(
    console: Console,
    contact_id: int,
    *,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    path = f"/api/v1/contacts/by-id/{contact_id}"
    found, history, cart, values, merges, lists, own_segments = await asyncio.gather(
        console.api.get(path),
        console.api.get(f"{path}/history", {"limit": _ROWS, "cursor": console.parameter("cursor")}),
        console.api.get(f"{path}/cart"),
        console.api.get(f"{path}/attributes"),
        console.api.get(f"{path}/merges"),
        console.api.get("/api/v1/contact-lists"),
        console.api.get(f"{path}/segments"),
    )
    own_lists = {one["id"] for one in found["lists"]}
    pictures = {line["product"]["id"]: line["image_url"] for line in cart["items"]}
    pictures |= await _pictures(console, history["results"], pictures)
    following = None
    if history["next"]:
        following = console.url(f"/contacts/{contact_id}?{urlencode({'cursor': history['next']})}")
    return console.page(
        "contacts/contact.html",
        title=called(found),
        active="contacts",
        status=status,
        problems=problems,
        contact=found,
        days=_days(console, history["results"]),
        next_url=following,
        cart=cart,
        values=values["results"],
        merges=merges["results"],
        segments=own_segments["results"],
        other_lists=[one for one in lists["results"] if one["id"] not in own_lists],
        pictures=pictures,
    )


async def _pictures(
    console: Console, items: list[dict[str, Any]], known: Mapping[int, Any]
) -> dict[int, Any]:
    """Return the pictures of the first products of a timeline, by the product's id."""
    wanted = dict.fromkeys(
        item["event"]["product"]["id"] for item in items if item["event"] is not None
    )
    ids = [one for one in wanted if one not in known][:_PICTURES]

    async def one(product_id: int) -> Any:
        try:
            product = await console.api.get(f"/api/v1/products/by-id/{product_id}")
        except ApiRefusal:  # deleted: the timeline shows its name
            return None
        return product["attributes"].get("image_url")

    return dict(zip(ids, await asyncio.gather(*(one(each) for each in ids)), strict=True))


def _days(console: Console, items: list[dict[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Return what a contact did by day, and within it by visit; both as they came."""

    def session(item: dict[str, Any]) -> str | None:
        known: str | None = (item["event"] or item["activity"])["session_id"]
        return known

    return [
        (day, [(key, list(some)) for key, some in groupby(list(of_day), key=session)])
        for day, of_day in groupby(items, key=lambda item: console.format.day(item["occurred_at"]))
    ]


async def _changed(
    console: Console, contact_id: int, path: str, body: Any, notice: str, method: str = "post"
) -> Response[str]:
    send = console.api.patch if method == "patch" else console.api.post
    try:
        await send(path, body)
    except ApiRefusal as refusal:
        if refusal.status == 404:
            raise
        problems = {"": " ".join(refusal.by_field.values())}
        return await _contact_page(console, contact_id, problems=problems, status=refusal.status)
    return console.go(console.url(f"/contacts/{contact_id}"), notice)


@post("/w/{workspace_id:int}/contacts/{contact_id:int}/attributes", include_in_schema=False)
async def change_attribute(console: TheConsole, contact_id: FromPath[int]) -> Response[str]:
    """Give the contact one value, or clear it where the field is empty."""
    name = console.field("name")
    body = {"attributes": {name: console.field("value") or None}}
    path = f"/api/v1/contacts/by-id/{contact_id}"
    return await _changed(console, contact_id, path, body, f"Changed {name}.", "patch")


@post("/w/{workspace_id:int}/contacts/{contact_id:int}/tags", include_in_schema=False)
async def change_tags(console: TheConsole, contact_id: FromPath[int]) -> Response[str]:
    """Add a tag, or remove one."""
    body = {
        "add": [one for one in console.fields("add") if one.strip()],
        "remove": console.fields("remove"),
    }
    path = f"/api/v1/contacts/by-id/{contact_id}/tags"
    return await _changed(console, contact_id, path, body, "Changed the tags.")


@post("/w/{workspace_id:int}/contacts/{contact_id:int}/lists", include_in_schema=False)
async def change_lists(console: TheConsole, contact_id: FromPath[int]) -> Response[str]:
    """Put the contact on a list, or take it off."""
    verb = "remove" if console.field("remove") else "add"
    number = console.field(verb)
    path = f"/api/v1/contact-lists/{_number(number)}/members"
    return await _changed(console, contact_id, path, {verb: [contact_id]}, "Changed the lists.")


def _number(text: str) -> int:
    """Return an id as it was sent, that of nothing where it can be none."""
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else 0


@get("/w/{workspace_id:int}/contacts/{contact_id:int}/merge", include_in_schema=False)
async def merge_form(console: TheConsole, contact_id: FromPath[int]) -> Response[str]:
    """Find the other contact, and show what a merge would do."""
    path = f"/api/v1/contacts/by-id/{contact_id}"
    found = await console.api.get(path)
    search, into = console.parameter("search"), console.parameter("into")
    others: list[Any] = []
    preview = None
    problems: Mapping[str, str] = {}
    if into.isdecimal():
        try:
            preview = await console.api.post(
                f"{path}/merge", {"into": _number(into)}, {"preview": True}
            )
        except ApiRefusal as refusal:
            problems = {"": " ".join(refusal.by_field.values())}
    elif search:
        answer = await console.api.get("/api/v1/contacts", {"search": search, "limit": 20})
        others = [one for one in answer["results"] if one["id"] != found["id"]]
    return console.page(
        "contacts/merge.html",
        title=f"Merge {called(found)}",
        active="contacts",
        problems=problems,
        contact=found,
        others=others,
        search=search,
        preview=preview,
        called=called,
    )


@post("/w/{workspace_id:int}/contacts/{contact_id:int}/merge", include_in_schema=False)
async def merge(console: TheConsole, contact_id: FromPath[int]) -> Response[str]:
    """Merge the contact into the other one."""
    into = console.field("into")
    path = f"/api/v1/contacts/by-id/{contact_id}/merge"
    try:
        done = await console.api.post(path, {"into": _number(into)})
    except ApiRefusal as refusal:
        if refusal.status == 404:
            raise
        return await _contact_page(
            console, contact_id, problems=refusal.by_field, status=refusal.status
        )
    undo = Undo(console.url(f"/contacts/merges/{done['merge']['id']}/undo"))
    survivor = console.url(f"/contacts/{done['contact']['id']}")
    return console.go(survivor, "Merged into this contact.", undo=undo)


@post("/w/{workspace_id:int}/contacts/merges/{merge_id:int}/undo", include_in_schema=False)
async def undo_merge(console: TheConsole, merge_id: FromPath[int]) -> Response[str]:
    """Make two contacts of one again."""
    try:
        undone = await console.api.post(f"/api/v1/contacts/merges/{merge_id}/undo")
    except ApiRefusal as refusal:
        if refusal.status in {403, 404}:
            raise
        return console.go(console.url("/contacts"), refusal.detail, tone="bad")
    return console.go(
        console.url(f"/contacts/{undone['contact']['id']}"),
        f"This contact is its own again; {called(undone['survivor'])} has the rest.",
    )


@get("/w/{workspace_id:int}/contacts/{contact_id:int}/delete", include_in_schema=False)
async def delete_form(console: TheConsole, contact_id: FromPath[int]) -> Response[str]:
    """Say what an erasure takes away, and ask."""
    found = await console.api.get(f"/api/v1/contacts/by-id/{contact_id}")
    return console.page(
        "contacts/delete.html",
        title=f"Erase {called(found)}",
        active="contacts",
        contact=found,
    )


@post("/w/{workspace_id:int}/contacts/{contact_id:int}/delete", include_in_schema=False)
async def delete(console: TheConsole, contact_id: FromPath[int]) -> Response[str]:
    """Erase the contact."""
    await console.api.delete(f"/api/v1/contacts/by-id/{contact_id}")
    return console.go(console.url("/contacts"), "Erased the contact.")


ROUTES: Final[list[HTTPRouteHandler]] = [
    contacts,
    contact,
    change_attribute,
    change_tags,
    change_lists,
    merge_form,
    merge,
    undo_merge,
    delete_form,
    delete,
]
