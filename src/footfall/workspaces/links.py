"""One-time links: for the first owner, for people who are invited, for a forgotten password."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from footfall.http.services import Access
from footfall.kernel.errors import Conflict, Forbidden, NotFound
from footfall.kernel.identifiers import checked_email
from footfall.kernel.ids import LinkId, UserId
from footfall.kernel.instants import DAY_MS, Instant
from footfall.kernel.scope import Scope
from footfall.workspaces import logic, user_queries
from footfall.workspaces.audit import record_change
from footfall.workspaces.types import Link
from footfall.workspaces.users import get_member

#: Each start makes a new one, and who starts a server is there.
_OWNER_MS: Final = DAY_MS
#: It may lie in a mailbox over a weekend.
_INVITATION_MS: Final = 7 * DAY_MS
#: It opens an account that is in use, so it does not lie around.
_RESET_MS: Final = DAY_MS
#: So long a link that is over stays in the store.
_KEPT_MS: Final = 30 * DAY_MS


def link_path(token: str) -> str:
    """Return the path of the page that the link opens, whatever it is for."""
    return f"/welcome/{token}"


def first_owner_link(
    conn: Connection, now: Instant, random_bytes: Callable[[int], bytes]
) -> str | None:
    """Return the token of a new link for the first owner, None if somebody can sign in already.

    The earlier ones end.
    """
    if user_queries.has_active_user(conn):
        return None
    user_queries.delete_owner_links(conn)
    token = logic.new_secret(random_bytes)
    user_queries.insert_link(
        conn,
        logic.token_hash(token.encode()),
        purpose="owner",
        created_at=now,
        expires_at=now + _OWNER_MS,
    )
    return token


def open_link(conn: Connection, token: str, now: Instant) -> Link | None:
    """Return what the link is for, None if it lets nobody in: unknown, used, withdrawn or old."""
    if not logic.is_secret(token):
        return None
    link = user_queries.link_by_hash(conn, logic.token_hash(token.encode()))
    if link is None or link.used_at is not None or link.expires_at <= now:
        return None
    if link.purpose == "owner" and user_queries.has_active_user(conn):
        return None
    return link


def invite(
    conn: Connection,
    access: Access,
    email: str,
    role: str,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> tuple[Link, str]:
    """Return an invitation to the workspace and its token, which is not shown again.

    An earlier one for that address ends.

    Raises:
        Invalid: That is no e-mail address, or there is no such role.
        Conflict: They are in the workspace already.
    """
    address = checked_email(email)
    wanted = logic.checked_role(role)
    known = user_queries.user_by_email(conn, address)
    if known is not None and user_queries.member(conn, access.scope, known[0].id) is not None:
        raise Conflict(f"{address} is in this workspace already.", code="already_a_member")
    user_queries.delete_links_for(conn, access.scope, "invitation", address)
    link, token = _made(
        conn,
        access,
        now,
        random_bytes,
        purpose="invitation",
        email=address,
        role=wanted,
        expires_at=now + _INVITATION_MS,
    )
    record_change(
        conn,
        access,
        now,
        action="invitation.created",
        object_kind="invitation",
        object_id=str(link.id),
        object_name=address,
        before=None,
        after={"email": address, "role": wanted},
    )
    return link, token


def invitations(conn: Connection, scope: Scope, now: Instant) -> list[Link]:
    """Return the workspace's invitations that can still be accepted, oldest first."""
    return user_queries.open_invitations(conn, scope, now)


def withdraw_invitation(conn: Connection, access: Access, link_id: LinkId, now: Instant) -> None:
    """Let nobody in by that invitation any more.

    Raises:
        NotFound: The workspace has no such invitation, or it was accepted.
    """
    link = user_queries.link_by_id(conn, access.scope, link_id)
    if link is None or link.purpose != "invitation" or link.used_at is not None:
        raise NotFound("There is no such invitation.")
    user_queries.delete_link(conn, access.scope, link_id)
    record_change(
        conn,
        access,
        now,
        action="invitation.withdrawn",
        object_kind="invitation",
        object_id=str(link.id),
        object_name=link.email,
        before={"email": link.email, "role": link.role},
        after=None,
    )


def password_reset_link(
    conn: Connection,
    access: Access,
    user_id: UserId,
    now: Instant,
    random_bytes: Callable[[int], bytes],
) -> tuple[Link, str]:
    """Return a link by which a person of the workspace sets a new password, and its token.

    An earlier one ends. Their present password stays good until the link is used.

    Raises:
        NotFound: The workspace has no such person.
        Forbidden: They are in a workspace that the caller does not own, which it would open, too.
    """
    user = get_member(conn, access.scope, user_id).user
    if access.actor.kind == "user":
        owned = {
            known.workspace.id
            for known in user_queries.memberships_of(conn, UserId(access.actor.id))
            if known.role == "owner"
        }
        theirs = {known.workspace.id for known in user_queries.memberships_of(conn, user_id)}
        if not theirs <= owned:
            raise Forbidden(
                f"{user.email} is in a workspace that you do not own, too. Whoever runs the server"
                " can make such a link: footfall users reset-link."
            )
    user_queries.delete_resets(conn, user_id)
    link, token = _made(
        conn,
        access,
        now,
        random_bytes,
        purpose="reset",
        email=user.email,
        user_id=user_id,
        expires_at=now + _RESET_MS,
    )
    record_change(
        conn,
        access,
        now,
        action="user.reset_link_created",
        object_kind="user",
        object_id=str(user_id),
        object_name=user.email,
        before=None,
        after=None,
    )
    return link, token


def _made(
    conn: Connection,
    access: Access,
    now: Instant,
    random_bytes: Callable[[int], bytes],
    **columns: object,
) -> tuple[Link, str]:
    user_queries.delete_old_links(conn, Instant(now - _KEPT_MS))
    token = logic.new_secret(random_bytes)
    link_id = user_queries.insert_link(
        conn,
        logic.token_hash(token.encode()),
        workspace_id=access.scope.workspace_id,
        created_at=now,
        created_by=access.actor.id if access.actor.kind == "user" else None,
        **columns,
    )
    link = user_queries.link_by_id(conn, access.scope, link_id)
    assert link is not None  # just added
    return link, token
