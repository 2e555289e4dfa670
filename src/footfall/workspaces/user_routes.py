"""HTTP of a workspace's people, of invitations to it, and of its audit log."""

from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from litestar import delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from footfall.http.auth import check_manages
from footfall.http.edge import record_id
from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Cursor,
    CursorParameter,
    check_parameters,
    packed_cursor,
    read_cursor,
)
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Forbidden, Invalid
from footfall.kernel.ids import LinkId, UserId
from footfall.kernel.instants import Instant, instant_of_text, to_iso
from footfall.workspaces import api
from footfall.workspaces.types import AuditEntry, AuditFilter, Link, Member, Role

_USERS: Final = ["users"]
_INVITATIONS: Final = ["invitations"]
_AUDIT: Final = ["audit log"]
_ACTOR_KINDS: Final = ("user", "token", "operator")
_AUDIT_PARAMETERS: Final = {
    *("actor", "action", "object_kind", "object_id", "from", "to", "cursor", "limit"),
}


class UserAnswer(Struct, frozen=True):
    """A person of the workspace."""

    id: int
    email: str
    name: str
    role: Role
    since: str  #: when they came in
    last_seen_at: str | None  #: in any workspace


class UserList(Struct, frozen=True):
    """Everybody in the workspace, by e-mail."""

    results: list[UserAnswer]


class RoleBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody shall be."""

    role: str  #: owner, editor or viewer


class InvitationAnswer(Struct, frozen=True):
    """An invitation that can still be accepted."""

    id: int
    email: str
    role: Role
    created_at: str
    expires_at: str


class InvitationList(Struct, frozen=True):
    """Every invitation that can still be accepted, oldest first."""

    results: list[InvitationAnswer]


class NewInvitationBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to invite."""

    email: str
    role: str  #: owner, editor or viewer


class NewInvitationAnswer(Struct, frozen=True):
    """An invitation just made, with its link, which is not shown again."""

    id: int
    email: str
    role: Role
    created_at: str
    expires_at: str
    path: str  #: of the page that they open, below the address of this server


class ResetLinkAnswer(Struct, frozen=True):
    """A link by which somebody sets a new password; it is not shown again."""

    email: str
    expires_at: str
    path: str  #: of the page that they open, below the address of this server


class AuditActor(Struct, frozen=True):
    """Who made a change."""

    kind: str  #: user, token, or operator: the command line
    id: int
    name: str  #: as it was then


class ChangeAnswer(Struct, frozen=True):
    """A change that somebody made."""

    id: int
    at: str
    actor: AuditActor
    action: str
    object_kind: str
    object_id: str
    object_name: str | None
    before: dict[str, Any] | None  #: only the fields that changed
    after: dict[str, Any] | None  #: only the fields that changed


class ChangePage(Struct, frozen=True):
    """Some changes, the newest first."""

    results: list[ChangeAnswer]
    next: str | None


def _shown(member: Member) -> UserAnswer:
    user = member.user
    seen = None if user.last_seen_at is None else to_iso(user.last_seen_at)
    return UserAnswer(user.id, user.email, user.name, member.role, to_iso(member.since), seen)


def _shown_invitation(link: Link) -> InvitationAnswer:
    assert link.email is not None  # every invitation has both
    assert link.role is not None
    return InvitationAnswer(
        link.id, link.email, link.role, to_iso(link.created_at), to_iso(link.expires_at)
    )


def _shown_change(entry: AuditEntry) -> ChangeAnswer:
    return ChangeAnswer(
        entry.id,
        to_iso(entry.at),
        AuditActor(*entry.actor),
        entry.action,
        entry.object_kind,
        entry.object_id,
        entry.object_name,
        entry.before,
        entry.after,
    )


def _check_owner(call: Call) -> None:
    """Do nothing for an owner in person: a token that leaks must not let anybody into the console.

    Raises:
        Forbidden: Anybody else.
    """
    if call.access.actor.kind == "token":
        raise Forbidden("This is for people who are signed in, not for tokens.", code="people_only")
    check_manages(call.access)


@get("/api/v1/users", summary="List users", tags=_USERS)
@in_thread
def list_users(call: TheCall) -> UserList:
    """Answer who may use this workspace's console; to owners who are signed in."""
    _check_owner(call)
    with call.read() as conn:
        return UserList([_shown(member) for member in api.members(conn, call.scope)])


@patch("/api/v1/users/{user_id:str}", summary="Change a user's role", tags=_USERS)
@in_thread
def change_role(call: TheCall, user_id: FromPath[str], data: JSONBody[RoleBody]) -> UserAnswer:
    """Make them owner, editor or viewer; the last owner stays one."""
    _check_owner(call)
    with call.write() as (conn, receipt):
        return _shown(
            api.change_role(conn, call.access, UserId(record_id(user_id)), data.role, receipt.now)
        )


@delete("/api/v1/users/{user_id:str}", status_code=204, summary="Remove a user", tags=_USERS)
@in_thread
def remove_user(call: TheCall, user_id: FromPath[str]) -> None:
    """Take them out of this workspace, at once; the last owner stays."""
    _check_owner(call)
    with call.write() as (conn, receipt):
        api.remove_member(conn, call.access, UserId(record_id(user_id)), receipt.now)


@post(
    "/api/v1/users/{user_id:str}/reset-link",
    summary="Make a link to set a new password",
    tags=_USERS,
)
@in_thread
def make_reset_link(call: TheCall, user_id: FromPath[str]) -> ResetLinkAnswer:
    """Answer a link to hand to them; good for a day, once. Their present password stays until then.

    Only for people whose every workspace the caller owns: the link opens them all.
    """
    _check_owner(call)
    with call.write() as (conn, receipt):
        link, token = api.password_reset_link(
            conn,
            call.access,
            UserId(record_id(user_id)),
            receipt.now,
            call.services.random_bytes,
        )
    return ResetLinkAnswer(link.email or "", to_iso(link.expires_at), api.link_path(token))


@get("/api/v1/invitations", summary="List invitations", tags=_INVITATIONS)
@in_thread
def list_invitations(call: TheCall) -> InvitationList:
    """Answer those that can still be accepted, without their links."""
    _check_owner(call)
    with call.read() as conn:
        links = api.invitations(conn, call.scope, call.services.clock())
    return InvitationList([_shown_invitation(link) for link in links])


@post("/api/v1/invitations", summary="Invite somebody", tags=_INVITATIONS)
@in_thread
def invite(call: TheCall, data: JSONBody[NewInvitationBody]) -> NewInvitationAnswer:
    """Answer a link to hand to them; good for a week, once. An earlier one for them ends."""
    _check_owner(call)
    with call.write() as (conn, receipt):
        link, token = api.invite(
            conn, call.access, data.email, data.role, receipt.now, call.services.random_bytes
        )
    made = _shown_invitation(link)
    return NewInvitationAnswer(
        made.id, made.email, made.role, made.created_at, made.expires_at, api.link_path(token)
    )


@delete(
    "/api/v1/invitations/{invitation_id:str}",
    status_code=204,
    summary="Withdraw an invitation",
    tags=_INVITATIONS,
)
@in_thread
def withdraw_invitation(call: TheCall, invitation_id: FromPath[str]) -> None:
    """Let nobody in by its link any more."""
    _check_owner(call)
    with call.write() as (conn, receipt):
        link_id = LinkId(record_id(invitation_id))
        api.withdraw_invitation(conn, call.access, link_id, receipt.now)


@get("/api/v1/audit", summary="List changes", tags=_AUDIT)
@in_thread
def list_changes(
    call: TheCall,
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    actor: Annotated[
        str | None,
        QueryParameter(description="Who: user:3 or token:7, by id, or operator."),
    ] = None,
    action: Annotated[
        str | None,
        QueryParameter(description="What: user.invited, or all of a kind by `user.`."),
    ] = None,
    object_kind: Annotated[str | None, QueryParameter(description="Of what: product.")] = None,
    object_id: Annotated[str | None, QueryParameter(description="Of which one.")] = None,
    since: Annotated[
        str | None,
        QueryParameter(name="from", description="From this time on: ISO 8601 or Unix seconds."),
    ] = None,
    until: Annotated[
        str | None, QueryParameter(name="to", description="Before this time, written like `from`.")
    ] = None,
) -> ChangePage:
    """Answer who changed what, the newest first; kept for two years. To owners and full tokens."""
    check_manages(call.access)
    check_parameters(call, _AUDIT_PARAMETERS)
    place = read_cursor(cursor)
    actor_kind, actor_id = _actor(actor)
    with call.read() as conn:
        zone = ZoneInfo(api.get_workspace(conn, call.scope.workspace_id).time_zone)
        chosen = AuditFilter(
            actor_kind=actor_kind,
            actor_id=actor_id,
            action=action or None,
            object_kind=object_kind or None,
            object_id=object_id or None,
            since=_instant(since, "#from", zone),
            until=_instant(until, "#to", zone),
        )
        before_id = place.id if place.backward else None
        found, more = api.list_changes(conn, call.scope, chosen, before_id=before_id, limit=limit)
    following = None if more is None else packed_cursor(Cursor(more, backward=True))
    return ChangePage([_shown_change(entry) for entry in found], following)


def _actor(text: str | None) -> tuple[str | None, int | None]:
    if not text:
        return None, None
    kind, colon, number = text.partition(":")
    known = kind in _ACTOR_KINDS and len(number) <= 9
    if not known or (colon and not (number.isascii() and number.isdecimal())):
        raise Invalid.at("#actor", "not_an_actor", "Write user:3, token:7 or operator.")
    return kind, int(number) if number else None


def _instant(text: str | None, pointer: str, zone: ZoneInfo) -> Instant | None:
    if not text:
        return None
    found = instant_of_text(text, zone)
    if found is None:
        raise Invalid.at(pointer, "unreadable_time", "Write a time as ISO 8601 or in Unix seconds.")
    return found


ROUTES: Final[list[HTTPRouteHandler]] = [
    list_users,
    change_role,
    remove_user,
    make_reset_link,
    list_invitations,
    invite,
    withdraw_invitation,
    list_changes,
]
