"""Pages of segments: the list, one segment, why somebody is in it, and the builder."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console import segment_words as words
from footfall.console.api_calls import ApiRefusal
from footfall.console.browser_state import Undo
from footfall.console.charts import Theme, script_url, segment_chart
from footfall.console.page_kit import Console, TheConsole, TheConsoleServices
from footfall.console.segment_draft import (
    Draft,
    changed,
    condition_of,
    missing,
    problems_by_part,
    read_draft,
    rooted,
    shown,
)
from footfall.console.vega import picture

_ROWS: Final = 25
_DAYS: Final = 30
_SUPERSEDED: Final = "superseded"
_SUBJECTS: Final = ("contact", "product")


def _name(one: Mapping[str, Any]) -> str:
    """Return what a contact or product in an answer about members is called."""
    named = one.get("name") or one.get("email") or one.get("custom_id")
    return str(named or f"Visitor {one['id']}")


def _member_url(console: Console, subject: str, member_id: int) -> str:
    return console.url(f"/{subject}s/{member_id}")


async def _known_names(console: Console) -> dict[str, dict[int, str]]:
    segments, lists = await asyncio.gather(
        console.api.get("/api/v1/segments", {"archived": "true"}),
        console.api.get("/api/v1/contact-lists"),
    )
    return {
        "segments": {one["id"]: one["name"] for one in segments["results"]},
        "lists": {one["id"]: one["name"] for one in lists["results"]},
    }


@get("/w/{workspace_id:int}/segments", include_in_schema=False)
async def segments(console: TheConsole) -> Response[str]:
    """Show the segments by name."""
    query = {
        "search": console.parameter("search"),
        "subject": console.parameter("subject"),
        "archived": console.parameter("archived"),
    }
    asked = {name: value for name, value in query.items() if value}
    if query["subject"] not in _SUBJECTS:
        asked.pop("subject", None)
    found = await console.api.get("/api/v1/segments", asked)
    return console.page(
        "segments/list.html",
        title="Segments",
        active="segments",
        query=query,
        found=found["results"],
        is_narrowed=bool(asked),
    )


# --- the builder -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Built:
    """What the builder shows: a draft, and what the API says of it."""

    subject: str
    draft: Draft
    problems: dict[str, str]
    answer: Any = None

    @property
    def beside(self) -> dict[str, str]:
        """Return what is wrong by the part that it is shown beside."""
        return problems_by_part(self.draft, self.problems)

    @property
    def tree(self) -> Any:
        """Return the draft for the template."""
        return shown(self.draft)


def _form_draft(console: Console) -> Draft:
    fields = [(name, value) for name, value in console.form.multi_items() if isinstance(value, str)]
    return read_draft(fields)


def _subject(text: str) -> str:
    return text if text in _SUBJECTS else "contact"


def _placed(refusal: ApiRefusal) -> dict[str, str]:
    """Return what is wrong by the place of the field in the condition."""
    found: dict[str, str] = {}
    for error in refusal.problem.get("errors") or []:
        pointer = str(error["pointer"]).removeprefix("/condition")
        message = str(error["message"])
        if error["code"] == "not_a_condition":
            message = "This is not filled in yet, or not a number where one is needed."
        found[pointer] = f"{found[pointer]} {message}" if pointer in found else message
    return found or {"": refusal.detail}


async def _built(console: Console, subject: str, draft: Draft, own_id: int | None) -> _Built:
    """Return a draft with how many fit it, or with what is wrong with it."""
    lacking = missing(draft)
    if lacking:
        return _Built(subject, draft, lacking)
    body = {"subject": subject, "condition": condition_of(draft), "id": own_id}
    try:
        answer = await console.api.post("/api/v1/segments/preview", body)
    except ApiRefusal as refusal:
        if refusal.code == _SUPERSEDED:
            return _Built(subject, draft, {})
        if refusal.status != 400:
            raise
        return _Built(subject, draft, _placed(refusal))
    return _Built(subject, draft, {}, answer)


async def _choices(console: Console, subject: str) -> dict[str, Any]:
    """Return what the builder's lists offer."""
    contact, product, lists, known = await asyncio.gather(
        console.api.get("/api/v1/attributes", {"kind": "contact"}),
        console.api.get("/api/v1/attributes", {"kind": "product"}),
        console.api.get("/api/v1/contact-lists"),
        console.api.get("/api/v1/segments"),
    )
    return {
        "words": words,
        "attributes": {
            "contact": {one["name"]: one for one in contact["results"]},
            "product": {one["name"]: one for one in product["results"]},
        },
        "own_attributes": (contact if subject == "contact" else product)["results"],
        "lists": lists["results"],
        "segments": known["results"],
        "operators": _operators,
    }


#: As conditions take them; what does not fit is said beside the part.
_TEXTS: Final = ("is", "is_not", "contains")
_NUMBERS: Final = ("is", "is_not", "at_least", "at_most")
_TIMES: Final = ("before", "after", "in_last_days", "in_next_days", "more_than_days_ago")
_BY_TYPE: Final[Mapping[str, tuple[str, ...]]] = {
    "integer": _NUMBERS,
    "float": _NUMBERS,
    "boolean": ("is", "is_not"),
    "fixed": ("is", "is_not"),
    "date": ("is", "is_not", *_TIMES, "anniversary_in_next_days"),
    "datetime": _TIMES,
    "list": ("contains",),
    "json": (),
}


def _operators(attribute: Mapping[str, Any] | None, *, moving: bool = True) -> words.Choices:
    """Return the operators of an attribute; all that there are of one that is not chosen."""
    names: tuple[str, ...] = _TEXTS
    if attribute is not None:
        names = _BY_TYPE.get(attribute["value_type"], _TEXTS)
        if attribute["value_type"] == "fixed" and attribute.get("allow_multiple_choices"):
            names = ("contains",)
    wanted = [one for one in names if moving or not one.endswith(("_days", "_days_ago"))]
    return [(one, words.OPERATORS[one]) for one in (*wanted, "has_value", "has_none")]


async def _builder_page(
    console: Console,
    built: _Built,
    *,
    segment: Mapping[str, Any] | None,
    name: str,
    description: str,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    return console.page(
        "segments/builder.html",
        title=segment["name"] if segment else "New segment",
        active="segments",
        status=status,
        problems=problems,
        segment=segment,
        name=name,
        description=description,
        built=built,
        whole=True,
        called=_name,
        member_url=lambda one: _member_url(console, built.subject, one["id"]),
        **await _choices(console, built.subject),
    )


@get("/w/{workspace_id:int}/segments/new", include_in_schema=False)
async def new_segment(console: TheConsole) -> Response[str]:
    """Offer templates, or open the builder with one of them."""
    templates = (await console.api.get("/api/v1/segments/templates"))["results"]
    key = console.parameter("template")
    chosen = next((one for one in templates if one["key"] == key), None)
    if chosen is None and key != "blank":
        return console.page(
            "segments/templates.html",
            title="New segment",
            active="segments",
            templates=templates,
        )
    subject = chosen["subject"] if chosen else _subject(console.parameter("subject"))
    draft = rooted(chosen["condition"]) if chosen else {"type": "all", "of": []}
    return await _builder_page(
        console,
        await _built(console, subject, draft, None),
        segment=None,
        name=chosen["name"] if chosen else "",
        description=chosen["description"] if chosen else "",
    )


@get("/w/{workspace_id:int}/segments/{segment_id:int}/edit", include_in_schema=False)
async def edit_segment(console: TheConsole, segment_id: FromPath[int]) -> Response[str]:
    """Open the builder with a segment."""
    found = await console.api.get(f"/api/v1/segments/{segment_id}")
    built = await _built(console, found["subject"], rooted(found["condition"]), segment_id)
    return await _builder_page(
        console, built, segment=found, name=found["name"], description=found["description"]
    )


@post("/w/{workspace_id:int}/segments/builder", include_in_schema=False)
async def build(console: TheConsole) -> Response[str]:
    """Answer a change in the builder: its parts anew, or only how many fit."""
    own_id = int(console.field("segment_id")) if console.field("segment_id").isdecimal() else None
    action = console.field("action")
    if action.startswith("add:"):
        # What to add is chosen beside the button.
        action += f":{console.field('new' + action.removeprefix('add:'))}"
    draft = changed(_form_draft(console), action)
    built = await _built(console, _subject(console.field("subject")), draft, own_id)
    if not console.is_part:
        found = None
        if own_id is not None:
            found = await console.api.get(f"/api/v1/segments/{own_id}")
        return await _builder_page(
            console,
            built,
            segment=found,
            name=console.field("name"),
            description=console.field("description"),
        )
    values: dict[str, Any] = {
        "built": built,
        "whole": False,
        "oob": False,
        "called": _name,
        "member_url": lambda one: _member_url(console, built.subject, one["id"]),
    }
    if console.parameter("part") == "answer":
        if built.answer is None and not built.problems:
            # A newer question is on its way, and its answer is the one to show.
            return Response("", status_code=204, media_type="text/html")
        return console.part("segments/answered.html", **values)
    return console.part("segments/built.html", **values, **await _choices(console, built.subject))


@post("/w/{workspace_id:int}/segments/builder/why/{member_id:int}", include_in_schema=False)
async def why_built(console: TheConsole, member_id: FromPath[int]) -> Response[str]:
    """Explain for one who fits, or does not, the draft that is being built."""
    draft = _form_draft(console)
    body = {
        "subject": _subject(console.field("subject")),
        "condition": condition_of(draft),
        "member_id": member_id,
    }
    found, names = await asyncio.gather(
        console.api.post("/api/v1/segments/explanation", body), _known_names(console)
    )
    return console.part("segments/why_part.html", explanation=found, names=names, words=words)


@get("/w/{workspace_id:int}/segments/values", include_in_schema=False)
async def values(console: TheConsole) -> Response[str]:
    """Answer the options that a field of the builder suggests."""
    search = console.parameter(console.parameter("field"))
    asked = {"of": console.parameter("of"), "name": console.parameter("name"), "search": search}
    try:
        found = await console.api.get("/api/v1/segments/values", asked)
    except ApiRefusal as refusal:
        if refusal.status != 400:
            raise
        found = {"results": []}  # of an attribute that is not chosen yet
    return console.part("segments/values.html", found=found["results"])


async def _save(console: Console, segment: Mapping[str, Any] | None) -> Response[str]:
    draft = _form_draft(console)
    subject = segment["subject"] if segment else _subject(console.field("subject"))
    name, description = console.field("name"), console.field("description")
    body = {"name": name, "description": description, "condition": condition_of(draft)}
    lacking = missing(draft)
    problems: Mapping[str, str] = {}
    try:
        if lacking:
            built = _Built(subject, draft, lacking)
        elif segment is None:
            saved = await console.api.post("/api/v1/segments", {**body, "subject": subject})
            return console.go(console.url(f"/segments/{saved['id']}"), "The segment is kept now.")
        else:
            await console.api.patch(f"/api/v1/segments/{segment['id']}", body)
            return console.go(console.url(f"/segments/{segment['id']}"), "Saved.")
    except ApiRefusal as refusal:
        if refusal.status not in {400, 409}:
            raise
        own_id = None if segment is None else segment["id"]
        built = await _built(console, subject, draft, own_id)
        problems = {field: text for field, text in refusal.by_field.items() if field != "condition"}
    return await _builder_page(
        console,
        built,
        segment=segment,
        name=name,
        description=description,
        problems=problems,
        status=400,
    )


@post("/w/{workspace_id:int}/segments/new", include_in_schema=False)
async def create_segment(console: TheConsole) -> Response[str]:
    """Keep what was built under a name."""
    return await _save(console, None)


@post("/w/{workspace_id:int}/segments/{segment_id:int}/edit", include_in_schema=False)
async def save_segment(console: TheConsole, segment_id: FromPath[int]) -> Response[str]:
    """Keep what was changed."""
    return await _save(console, await console.api.get(f"/api/v1/segments/{segment_id}"))


# --- one segment -----------------------------------------------------------------------------


@get("/w/{workspace_id:int}/segments/{segment_id:int}", include_in_schema=False)
async def segment(console: TheConsole, segment_id: FromPath[int]) -> Response[str]:
    """Show a segment: what it asks, its size over time, who is in it, who came and went."""
    path = f"/api/v1/segments/{segment_id}"
    found, sizes, members, changes, names = await asyncio.gather(
        console.api.get(path),
        console.api.get(f"{path}/sizes", {"days": _DAYS}),
        console.api.get(
            f"{path}/members", {"limit": _ROWS, "cursor": console.parameter("members")}
        ),
        console.api.get(
            f"{path}/changes", {"limit": _ROWS, "cursor": console.parameter("changes")}
        ),
        _known_names(console),
    )
    here = console.url(f"/segments/{segment_id}")
    return console.page(
        "segments/segment.html",
        title=found["name"],
        active="segments",
        segment=found,
        sizes=sizes,
        members=members["results"],
        changes=changes["results"],
        members_url=_next(here, "members", members["next"]),
        changes_url=_next(here, "changes", changes["next"]),
        names=names,
        words=words,
        called=_name,
        chart=console.url(f"/charts/segments/{segment_id}"),
        chart_script=script_url(),
        summary=_summary(console, sizes),
        member_url=lambda member_id: _member_url(console, found["subject"], member_id),
    )


def _next(here: str, name: str, cursor: str | None) -> str | None:
    return f"{here}?{urlencode({name: cursor})}#{name}" if cursor else None


def _summary(console: Console, sizes: Mapping[str, Any]) -> str:
    days, fmt = sizes["days"], console.format
    entered = sum(day["entered"] for day in days)
    left = sum(day["left"] for day in days)
    return (
        f"From {fmt.day(days[0]['day'])} to {fmt.day(days[-1]['day'])}: {fmt.number(entered)}"
        f" came in, {fmt.number(left)} left, {fmt.number(days[-1]['size'])} are in now."
    )


@get(
    "/w/{workspace_id:int}/segments/{segment_id:int}/members/{member_id:int}",
    include_in_schema=False,
)
async def why(
    console: TheConsole, segment_id: FromPath[int], member_id: FromPath[int]
) -> Response[str]:
    """Show why a contact or product is in a segment, or is not."""
    found, answer, names = await asyncio.gather(
        console.api.get(f"/api/v1/segments/{segment_id}"),
        console.api.get(f"/api/v1/segments/{segment_id}/members/{member_id}"),
        _known_names(console),
    )
    return console.page(
        "segments/why.html",
        title=f"{_name(answer['member'])} and {found['name']}",
        active="segments",
        segment=found,
        why=answer,
        explanation=answer["explanation"],
        names=names,
        words=words,
        member_url=_member_url(console, found["subject"], member_id),
    )


@post("/w/{workspace_id:int}/segments/{segment_id:int}/archive", include_in_schema=False)
async def archive_segment(console: TheConsole, segment_id: FromPath[int]) -> Response[str]:
    """Archive a segment, with the way back beside the notice."""
    found = await console.api.get(f"/api/v1/segments/{segment_id}")
    try:
        await console.api.patch(f"/api/v1/segments/{segment_id}", {"archived": True})
    except ApiRefusal as refusal:
        if refusal.status != 409:
            raise
        return console.go(console.url(f"/segments/{segment_id}"), refusal.detail, tone="bad")
    undo = Undo(console.url(f"/segments/{segment_id}/restore"))
    text = f"{found['name'][:100]} is archived."
    return console.go(console.url("/segments"), text, undo=undo)


@post("/w/{workspace_id:int}/segments/{segment_id:int}/restore", include_in_schema=False)
async def restore_segment(console: TheConsole, segment_id: FromPath[int]) -> Response[str]:
    """Keep an archived segment again."""
    target = console.url(f"/segments/{segment_id}")
    try:
        await console.api.patch(f"/api/v1/segments/{segment_id}", {"archived": False})
    except ApiRefusal as refusal:
        if refusal.status not in {400, 409}:
            raise
        return console.go(target, refusal.detail, tone="bad")
    return console.go(target, "The segment is kept again.")


async def _chart(console: Console, segment_id: int) -> str:
    path = f"/api/v1/segments/{segment_id}"
    found, sizes = await asyncio.gather(
        console.api.get(path), console.api.get(f"{path}/sizes", {"days": _DAYS})
    )
    theme: Theme = "dark" if console.parameter("theme") == "dark" else "light"
    return await asyncio.to_thread(
        segment_chart, sizes, found["name"], theme=theme, locale=str(console.format.locale)
    )


@get("/w/{workspace_id:int}/charts/segments/{segment_id:int}/chart.json", include_in_schema=False)
async def chart_spec(console: TheConsole, segment_id: FromPath[int]) -> Response[str]:
    """Return a segment's size over time as a Vega-Lite specification."""
    spec = await _chart(console, segment_id)
    return Response(spec, media_type="application/json", headers={"cache-control": "no-store"})


@get("/w/{workspace_id:int}/charts/segments/{segment_id:int}/chart.png", include_in_schema=False)
async def chart_picture(
    console: TheConsole, kit: TheConsoleServices, segment_id: FromPath[int]
) -> Response[bytes]:
    """Return the same chart as a picture."""
    spec = await _chart(console, segment_id)
    async with kit.drawing:
        png = await asyncio.to_thread(picture, spec)
    headers = {"cache-control": "private, max-age=60", "x-content-type-options": "nosniff"}
    return Response(png, media_type="image/png", headers=headers)


ROUTES: Final[list[HTTPRouteHandler]] = [
    segments,
    new_segment,
    edit_segment,
    build,
    why_built,
    values,
    create_segment,
    save_segment,
    segment,
    why,
    archive_segment,
    restore_segment,
    chart_spec,
    chart_picture,
]
