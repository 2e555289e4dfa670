"""Attributes: what they are, changes of their types, and values that were set aside."""

from typing import Any, Final
from urllib.parse import unquote

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal, segment
from footfall.console.browser_state import Undo
from footfall.console.page_kit import Console, TheConsole
from footfall.console.wording import TYPE_NAMES
from footfall.kernel.errors import Forbidden

_ATTRIBUTES: Final = "/attributes"
#: "list" is for built-in attributes only.
_TYPE_CHOICES: Final = tuple((key, label) for key, label in TYPE_NAMES.items() if key != "list")
_RULES: Final = (
    ("any", "Everybody's values"),
    ("feed only", "Only feeds and imported files"),
    ("api only", "Only your server"),
)
_KINDS: Final = (("product", "Products"), ("contact", "Contacts"))
_WORDS: Final[dict[str, Any]] = {
    "types": TYPE_NAMES,
    "type_choices": _TYPE_CHOICES,
    "rules": dict(_RULES),
}
_NEW_WORDS: Final[dict[str, Any]] = {**_WORDS, "rule_choices": _RULES, "kinds": _KINDS}
#: Values of one attribute that its page shows.
_SHOWN_VALUES: Final = 50


def _kind(console: Console) -> str:
    return "contact" if console.parameter("kind") == "contact" else "product"


def _address(kind: str, name: str) -> str:
    return f"/api/v1/attributes/{segment(kind)}/{segment(unquote(name))}"


def _page_of(console: Console, kind: str, name: str) -> str:
    return console.url(f"{_ATTRIBUTES}/{segment(kind)}/{segment(unquote(name))}")


@get("/w/{workspace_id:int}/attributes")
async def attributes(console: TheConsole) -> Response[str]:
    """List the attributes of products or contacts."""
    kind, search = _kind(console), console.parameter("q")
    found = (await console.api.get("/api/v1/attributes", {"kind": kind}))["results"]
    groups = (await console.api.get("/api/v1/set-aside-values/groups", {"kind": kind}))["results"]
    set_aside: dict[str, int] = {}
    for group in groups:
        set_aside[group["attribute"]] = set_aside.get(group["attribute"], 0) + group["count"]
    wanted = search.casefold()
    return console.page(
        "attributes/list.html",
        title="Attributes",
        active="attributes",
        kind=kind,
        search=search,
        attributes=[
            one for one in found if wanted in one["name"].casefold() or wanted in one["name_std"]
        ],
        set_aside=set_aside,
        **_NEW_WORDS,
    )


def _new_page(
    console: Console, status: int = 200, problems: dict[str, str] | None = None
) -> Response[str]:
    return console.page(
        "attributes/new.html",
        title="Define an attribute",
        active="attributes",
        status=status,
        problems=problems,
        kind=console.field("kind") or _kind(console),
        **_NEW_WORDS,
    )


@get("/w/{workspace_id:int}/attributes/new")
async def new_attribute(console: TheConsole) -> Response[str]:
    """Show the form of a new attribute."""
    return _new_page(console)


def _choices(console: Console) -> list[str]:
    return [line.strip() for line in console.field("choices").splitlines() if line.strip()]


@post("/w/{workspace_id:int}/attributes/new")
async def define_attribute(console: TheConsole) -> Response[str]:
    """Define an attribute."""
    value_type = console.field("value_type")
    body = {
        "kind": console.field("kind"),
        "name": console.field("name"),
        "value_type": value_type,
        "choices": _choices(console) if value_type == "fixed" else [],
        "multiple": value_type == "fixed" and bool(console.field("multiple")),
        "source_rule": console.field("source_rule") or "any",
    }
    try:
        made = await console.api.post("/api/v1/attributes", body)
    except ApiRefusal as refusal:
        return _new_page(console, refusal.status, refusal.by_field)
    return console.go(
        _page_of(console, made["kind"], made["name_std"]), f"“{made['name']}” is defined."
    )


async def _detail(
    console: Console,
    kind: str,
    name: str,
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    preview: Any = None,
) -> Response[str]:
    detail = await console.api.get(_address(kind, name))
    attribute = detail["attribute"]
    chosen = {"kind": kind, "attribute": attribute["name_std"], "dismissed": False}
    values = await console.api.get("/api/v1/set-aside-values", {**chosen, "limit": _SHOWN_VALUES})
    groups = await console.api.get("/api/v1/set-aside-values/groups", {"kind": kind})
    return console.page(
        "attributes/detail.html",
        title=attribute["name"],
        active="attributes",
        status=status,
        problems=problems,
        kind=kind,
        attribute=attribute,
        changes=detail["changes"],
        waiting=detail["set_aside"],
        values=values["results"],
        groups=[one for one in groups["results"] if one["attribute"] == attribute["name_std"]],
        preview=preview,
        here=_page_of(console, kind, name),
        **_NEW_WORDS,
    )


@get("/w/{workspace_id:int}/attributes/{kind:str}/{name:str}")
async def attribute(console: TheConsole, kind: FromPath[str], name: FromPath[str]) -> Response[str]:
    """Show an attribute."""
    return await _detail(console, kind, name)


@get("/w/{workspace_id:int}/attributes/{kind:str}/{name:str}/progress")
async def progress(console: TheConsole, kind: FromPath[str], name: FromPath[str]) -> Response[str]:
    """Show how far the newest change is, as a part of the attribute's page."""
    detail = await console.api.get(_address(kind, name))
    change = detail["changes"][0] if detail["changes"] else None
    if change is None or change["state"] not in ("changing", "undoing"):
        return console.go(_page_of(console, kind, name))
    return console.part(
        "attributes/progress.html", change=change, here=_page_of(console, kind, name)
    )


def _wish(console: Console) -> dict[str, Any]:
    value_type = console.field("value_type")
    wish: dict[str, Any] = {"value_type": value_type}
    if value_type == "fixed":
        wish |= {"choices": _choices(console), "multiple": bool(console.field("multiple"))}
    return wish


@post("/w/{workspace_id:int}/attributes/{kind:str}/{name:str}/preview", status_code=200)
async def preview_change(
    console: TheConsole, kind: FromPath[str], name: FromPath[str]
) -> Response[str]:
    """Show what a change of type would do, and ask."""
    wish = _wish(console)
    try:
        told = await console.api.patch(_address(kind, name), wish, {"preview": True})
    except ApiRefusal as refusal:
        return await _detail(console, kind, name, status=refusal.status, problems=refusal.by_field)
    return await _detail(console, kind, name, preview=told)


@post("/w/{workspace_id:int}/attributes/{kind:str}/{name:str}/change")
async def change_type(
    console: TheConsole, kind: FromPath[str], name: FromPath[str]
) -> Response[str]:
    """Change the type; large catalogs go on behind the page."""
    try:
        await console.api.begin("PATCH", _address(kind, name), _wish(console))
    except ApiRefusal as refusal:
        return await _detail(console, kind, name, status=refusal.status, problems=refusal.by_field)
    return console.go(_page_of(console, kind, name), "The type is changed.")


@post("/w/{workspace_id:int}/attributes/{kind:str}/{name:str}/rule")
async def change_rule(
    console: TheConsole, kind: FromPath[str], name: FromPath[str]
) -> Response[str]:
    """Change whose values count, and the spelling of the name."""
    body = {"source_rule": console.field("source_rule")}
    if console.field("name"):
        body["name"] = console.field("name")
    try:
        await console.api.patch(_address(kind, name), body)
    except ApiRefusal as refusal:
        return await _detail(console, kind, name, status=refusal.status, problems=refusal.by_field)
    return console.go(_page_of(console, kind, name), "Saved. Values to come follow it.")


@post("/w/{workspace_id:int}/attributes/{kind:str}/{name:str}/undo")
async def undo_change(
    console: TheConsole, kind: FromPath[str], name: FromPath[str]
) -> Response[str]:
    """Take the newest change of type back."""
    try:
        await console.api.begin("POST", f"{_address(kind, name)}/undo")
    except ApiRefusal as refusal:
        return await _detail(console, kind, name, status=refusal.status, problems=refusal.by_field)
    return console.go(_page_of(console, kind, name), "The former type is back, with its values.")


@get("/w/{workspace_id:int}/attributes/set-aside")
async def set_aside(console: TheConsole) -> Response[str]:
    """Show what was set aside, by attribute and reason, with what mends it."""
    groups = await console.api.get("/api/v1/set-aside-values/groups")
    return console.page(
        "attributes/set_aside.html",
        title="Values set aside",
        active="attributes",
        groups=groups["results"],
        **_WORDS,
    )


@post("/w/{workspace_id:int}/attributes/set-aside/mend")
async def mend(console: TheConsole) -> Response[str]:
    """Do what makes a group's values fit, and try them again."""
    kind, name, code = (console.field(each) for each in ("kind", "attribute", "code"))
    groups = await console.api.get("/api/v1/set-aside-values/groups", {"kind": kind})
    found = [one for one in groups["results"] if (one["attribute"], one["code"]) == (name, code)]
    back = console.url(f"{_ATTRIBUTES}/set-aside")
    if not console.access.may_write:
        raise Forbidden("Only editors and owners mend values.")
    if not found or found[0]["mend"] is None:
        return console.go(back, "Nothing of it is left to mend.", tone="warn")
    wanted = found[0]["mend"]
    try:
        if wanted["action"] == "allow_browsers":
            await console.api.patch("/api/v1/workspace", wanted["change"])
        elif wanted["action"] in ("change_type", "add_choices"):
            await console.api.begin("PATCH", _address(kind, name), wanted["change"])
            undo = Undo(f"{_page_of(console, kind, name)}/undo")
            return console.go(
                _page_of(console, kind, name), f"“{name}” takes these values now.", undo=undo
            )
        elif wanted["action"] == "allow_source":
            await console.api.patch(_address(kind, name), wanted["change"])
        told = await console.api.post(f"{_address(kind, name)}/retry")
    except ApiRefusal as refusal:
        return console.go(back, refusal.detail, tone="bad")
    accepted = console.format.number(told["accepted"])
    return console.go(back, f"Accepted {accepted} of “{name}”.")


@post("/w/{workspace_id:int}/attributes/set-aside/dismiss")
async def dismiss(console: TheConsole) -> Response[str]:
    """Put a group away, or list it again."""
    again = bool(console.field("again"))
    fields = {name: console.field(name) for name in ("kind", "attribute", "code")}
    await console.api.patch("/api/v1/set-aside-values", {**fields, "dismissed": not again})
    here = console.url(f"{_ATTRIBUTES}/set-aside")
    if again:
        return console.go(here, "Listed again.")
    undo = Undo(f"{here}/dismiss", {**fields, "again": "yes"})
    return console.go(
        here, "Dismissed. A newer value that does not fit is listed again.", undo=undo
    )


@get("/w/{workspace_id:int}/attributes/browsers")
async def browsers(console: TheConsole) -> Response[str]:
    """Show which product attributes pages may write."""
    return await _browsers_page(console)


async def _browsers_page(
    console: Console, status: int = 200, problems: dict[str, str] | None = None
) -> Response[str]:
    workspace = await console.api.get("/api/v1/workspace")
    groups = await console.api.get("/api/v1/set-aside-values/groups", {"kind": "product"})
    return console.page(
        "attributes/browsers.html",
        title="What pages may write",
        active="attributes",
        status=status,
        problems=problems,
        allowed=workspace["browser_attributes"],
        refused=[one for one in groups["results"] if one["code"] == "not_allowed_from_browser"],
    )


@post("/w/{workspace_id:int}/attributes/browsers")
async def change_browsers(console: TheConsole) -> Response[str]:
    """Change which product attributes pages may write."""
    names = [line.strip() for line in console.field("names").splitlines() if line.strip()]
    allowed = None if console.field("which") == "any" else names
    try:
        await console.api.patch("/api/v1/workspace", {"browser_attributes": allowed})
    except ApiRefusal as refusal:
        problems = {"names": refusal.detail}
        return await _browsers_page(console, refusal.status, problems)
    return console.go(console.url(f"{_ATTRIBUTES}/browsers"), "Saved. Values to come follow it.")


ROUTES: Final[list[HTTPRouteHandler]] = [
    attributes,
    new_attribute,
    define_attribute,
    set_aside,
    mend,
    dismiss,
    browsers,
    change_browsers,
    attribute,
    progress,
    preview_change,
    change_type,
    change_rule,
    undo_change,
]
