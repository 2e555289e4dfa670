"""Settings: who may use the workspace, and the log of who changed what."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal, segment
from footfall.console.browser_state import Undo
from footfall.console.page_kit import Console, TheConsole

_USERS: Final = "/settings/users"
_ROLES: Final = (
    ("viewer", "Viewer: reads"),
    ("editor", "Editor: reads and changes"),
    ("owner", "Owner: also manages settings, keys and people"),
)
#: What the log may be about, as people say it.
_KINDS: Final = {
    "user": "User",
    "invitation": "Invitation",
    "workspace": "Workspace",
    "token": "API key",
    "app_key": "App key",
    "attribute": "Attribute",
    "product": "Product",
    "contact": "Contact",
    "contact_list": "Contact list",
    "failed_event": "Failed event",
    "import": "Import",
    "export": "Export",
}
_ACTORS: Final = {"user": "", "token": "API key", "operator": ""}


async def _users_page(
    console: Console,
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    made: dict[str, Any] | None = None,
) -> Response[str]:
    users = await console.api.get("/api/v1/users")
    invitations = await console.api.get("/api/v1/invitations")
    return console.page(
        "people/users.html",
        title="Users",
        active="settings",
        status=status,
        problems=problems,
        users=users["results"],
        invitations=invitations["results"],
        roles=_ROLES,
        made=made,
    )


@get("/w/{workspace_id:int}/settings/users")
async def users(console: TheConsole) -> Response[str]:
    """Show who is in, who is invited, and the way to invite."""
    return await _users_page(console)


@post("/w/{workspace_id:int}/settings/users/invite", status_code=200)
async def invite(console: TheConsole) -> Response[str]:
    """Make an invitation and show its link, this once."""
    body = {"email": console.field("email"), "role": console.field("role")}
    try:
        made = await console.api.post("/api/v1/invitations", body)
    except ApiRefusal as refusal:
        problems = refusal.by_field
        if refusal.code == "already_a_member":
            problems = {"email": refusal.detail}
        return await _users_page(console, status=refusal.status, problems=problems)
    return await _users_page(console, made=made)


@post("/w/{workspace_id:int}/settings/users/invitations/{invitation_id:int}/withdraw")
async def withdraw(console: TheConsole, invitation_id: FromPath[int]) -> Response[str]:
    """Let nobody in by an invitation any more."""
    await console.api.delete(f"/api/v1/invitations/{invitation_id}")
    return console.go(console.url(_USERS), "The invitation is withdrawn.")


async def _user_page(
    console: Console,
    user_id: int,
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    made: dict[str, Any] | None = None,
) -> Response[str]:
    found = await console.api.get("/api/v1/users")
    user = next((one for one in found["results"] if one["id"] == user_id), None)
    if user is None:
        raise ApiRefusal(404, {"detail": "There is no such user in this workspace."})
    owners = sum(one["role"] == "owner" for one in found["results"])
    return console.page(
        "people/user.html",
        title=user["name"],
        active="settings",
        status=status,
        problems=problems,
        user=user,
        roles=_ROLES,
        is_last_owner=user["role"] == "owner" and owners == 1,
        is_me=user_id == console.session.user.id,
        made=made,
    )


@get("/w/{workspace_id:int}/settings/users/{user_id:int}")
async def user(console: TheConsole, user_id: FromPath[int]) -> Response[str]:
    """Show one person and what an owner can do about them."""
    return await _user_page(console, user_id)


@post("/w/{workspace_id:int}/settings/users/{user_id:int}/role")
async def change_role(console: TheConsole, user_id: FromPath[int]) -> Response[str]:
    """Make somebody owner, editor or viewer; can be undone."""
    users = (await console.api.get("/api/v1/users"))["results"]
    before = next((one["role"] for one in users if one["id"] == user_id), "")
    try:
        changed = await console.api.patch(
            f"/api/v1/users/{user_id}", {"role": console.field("role")}
        )
    except ApiRefusal as refusal:
        problems = refusal.by_field
        if refusal.code == "last_owner":
            problems = {"role": refusal.detail}
        return await _user_page(console, user_id, status=refusal.status, problems=problems)
    if user_id == console.session.user.id and changed["role"] != "owner":
        return console.go(console.url("/"), f"You are {changed['role']} here now.")
    page = console.url(f"{_USERS}/{user_id}")
    undo = Undo(f"{page}/role", {"role": before}) if before != changed["role"] else None
    return console.go(page, f"{changed['email']} is {changed['role']} now.", undo=undo)


@post("/w/{workspace_id:int}/settings/users/{user_id:int}/reset-link", status_code=200)
async def make_reset_link(console: TheConsole, user_id: FromPath[int]) -> Response[str]:
    """Make a link to set a new password and show it, this once."""
    try:
        made = await console.api.post(f"/api/v1/users/{user_id}/reset-link")
    except ApiRefusal as refusal:
        return await _user_page(
            console, user_id, status=refusal.status, problems={"": refusal.detail}
        )
    return await _user_page(console, user_id, made=made)


@post("/w/{workspace_id:int}/settings/users/{user_id:int}/remove")
async def remove(console: TheConsole, user_id: FromPath[int]) -> Response[str]:
    """Take somebody out of the workspace."""
    try:
        await console.api.delete(f"/api/v1/users/{user_id}")
    except ApiRefusal as refusal:
        return await _user_page(
            console, user_id, status=refusal.status, problems={"": refusal.detail}
        )
    if user_id == console.session.user.id:
        return console.go("/")
    return console.go(console.url(_USERS), "They are no longer in this workspace.")


@get("/w/{workspace_id:int}/settings/audit")
async def audit(console: TheConsole) -> Response[str]:
    """Show who changed what, the newest first, chosen by who, what and when."""
    chosen = {
        name: console.parameter(name)
        for name in ("actor", "object_kind", "object_id", "action", "from", "to")
    }
    cursor = console.parameter("cursor")
    problems: dict[str, str] = {}
    log: dict[str, Any] = {"results": [], "next": None}
    try:
        log = await console.api.get("/api/v1/audit", {**chosen, "cursor": cursor, "limit": 50})
    except ApiRefusal as refusal:
        if refusal.status != 400:
            raise
        problems = refusal.by_field
    people = await _people(console)
    known = {actor for actor, _ in people}
    if chosen["actor"] and chosen["actor"] not in known:
        # Somebody who has left, or a key: chosen by a link of an entry.
        people.append((chosen["actor"], _actor_name(log["results"], chosen["actor"])))
    return console.page(
        "people/audit.html",
        title="Audit log",
        active="settings",
        status=400 if problems else 200,
        problems=problems,
        entries=[_entry(one) for one in log["results"]],
        chosen=chosen,
        people=people,
        kinds=[("", "Anything"), *_KINDS.items()],
        is_filtered=any(chosen.values()),
        next_url=_audit_url(console, {**chosen, "cursor": log["next"]}) if log["next"] else None,
        newest_url=_audit_url(console, chosen) if cursor else None,
    )


async def _people(console: Console) -> list[tuple[str, str]]:
    users = await console.api.get("/api/v1/users")
    found = [(f"user:{one['id']}", one["email"]) for one in users["results"]]
    return [("", "Anybody"), *found, ("operator", "Command line"), ("token", "Any API key")]


def _actor_name(entries: list[dict[str, Any]], actor: str) -> str:
    for entry in entries:
        if f"{entry['actor']['kind']}:{entry['actor']['id']}" == actor:
            return str(entry["actor"]["name"])
    return actor


def _audit_url(console: Console, parameters: dict[str, Any]) -> str:
    query = "&".join(f"{name}={segment(value)}" for name, value in parameters.items() if value)
    return console.url("/settings/audit") + (f"?{query}" if query else "")


def _entry(change: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the log with what a person reads of it."""
    before, after = change["before"] or {}, change["after"] or {}
    actor = change["actor"]
    # What was done to a part of an object names the part: identity_secret.rotated.
    kind, _, verb = str(change["action"]).partition(".")
    return {
        **change,
        "who": actor["name"],
        "who_kind": _ACTORS.get(actor["kind"], ""),
        "actor_key": "operator"
        if actor["kind"] == "operator"
        else f"{actor['kind']}:{actor['id']}",
        "kind": _KINDS.get(kind, kind.replace("_", " ").capitalize()),
        "what": verb.replace("_", " "),
        "fields": [(name, before.get(name), after.get(name)) for name in {**before, **after}],
        "was_there": change["before"] is not None,
        "is_there": change["after"] is not None,
    }


ROUTES: Final[list[HTTPRouteHandler]] = [
    users,
    invite,
    withdraw,
    user,
    change_role,
    make_reset_link,
    remove,
    audit,
]
