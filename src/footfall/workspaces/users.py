"""People of a workspace: who they are, what they may do there, how they want the console."""

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from footfall.http.services import Access
from footfall.kernel.errors import Conflict, NotFound
from footfall.kernel.ids import UserId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.workspaces import logic, user_queries
from footfall.workspaces.audit import record_change
from footfall.workspaces.types import Member, Membership, Preferences, Role, User


def get_user(conn: Connection, user_id: UserId) -> User:
    """Return one user, of whichever workspace.

    Raises:
        NotFound: There is none of that id.
    """
    found = user_queries.user_by_id(conn, user_id)
    if found is None:
        raise NotFound("There is no such user.")
    return found[0]


def members(conn: Connection, scope: Scope) -> list[Member]:
    """Return the people of the workspace, by e-mail."""
    return user_queries.all_members(conn, scope)


def get_member(conn: Connection, scope: Scope, user_id: UserId) -> Member:
    """Return one person of the workspace.

    Raises:
        NotFound: The workspace has no such person.
    """
    found = user_queries.member(conn, scope, user_id)
    if found is None:
        raise NotFound("There is no such user in this workspace.")
    return found


def member_named(conn: Connection, scope: Scope, email: str) -> Member:
    """Return the person of the workspace with that e-mail address.

    Raises:
        NotFound: The workspace has no such person.
    """
    wanted = email.strip().lower()
    for member in user_queries.all_members(conn, scope):
        if member.user.email == wanted:
            return member
    raise NotFound(f"There is no user {wanted} in this workspace.")


def list_workspaces_of(conn: Connection, user_id: UserId) -> list[Membership]:
    """Return the workspaces that the user is in, by name, and as what."""
    return user_queries.memberships_of(conn, user_id)


def add_member(conn: Connection, access: Access, user_id: UserId, role: Role, now: Instant) -> None:
    """Let a user into the workspace who is known to be the one, such as who has created it."""
    user_queries.insert_membership(conn, access.scope, user_id, role, now)
    # Who made one owns their other workspaces, perhaps not this.
    user_queries.delete_resets(conn, user_id)
    user = get_user(conn, user_id)
    record_change(
        conn,
        access,
        now,
        action="user.joined",
        object_kind="user",
        object_id=str(user_id),
        object_name=user.email,
        before=None,
        after={"role": role},
    )


def change_role(
    conn: Connection, access: Access, user_id: UserId, role: str, now: Instant
) -> Member:
    """Return the person of the workspace with the new role, which counts from their next request.

    Of who is no owner any more, the invitations and reset links end.

    Raises:
        NotFound: The workspace has no such person.
        Invalid: There is no such role.
        Conflict: The workspace would be left without an owner.
    """
    wanted = logic.checked_role(role)
    before = get_member(conn, access.scope, user_id)
    if wanted != "owner":
        _keep_an_owner(conn, access.scope, before)
        # Or they could let themselves in again by what they made before.
        user_queries.delete_links_made_by(conn, access.scope, user_id)
    user_queries.update_membership(conn, access.scope, user_id, wanted)
    record_change(
        conn,
        access,
        now,
        action="user.role_changed",
        object_kind="user",
        object_id=str(user_id),
        object_name=before.user.email,
        before={"role": before.role},
        after={"role": wanted},
    )
    return get_member(conn, access.scope, user_id)


def remove_member(conn: Connection, access: Access, user_id: UserId, now: Instant) -> None:
    """Take a person out of the workspace; from their next request on they see nothing of it.

    Their invitations and reset links end. Who was in no other workspace cannot sign in any more; a
    new invitation makes them a new account of the same number.

    Raises:
        NotFound: The workspace has no such person.
        Conflict: The workspace would be left without an owner.
    """
    before = get_member(conn, access.scope, user_id)
    _keep_an_owner(conn, access.scope, before)
    user_queries.delete_membership(conn, access.scope, user_id)
    user_queries.delete_resets(conn, user_id)
    user_queries.delete_links_made_by(conn, access.scope, user_id)
    if not user_queries.memberships_of(conn, user_id):
        user_queries.update_user(conn, user_id, {"disabled_at": now})
        user_queries.delete_sessions_but(conn, user_id, None)
    record_change(
        conn,
        access,
        now,
        action="user.removed",
        object_kind="user",
        object_id=str(user_id),
        object_name=before.user.email,
        before={"role": before.role},
        after=None,
    )


def _keep_an_owner(conn: Connection, scope: Scope, member: Member) -> None:
    if member.role == "owner" and not user_queries.other_owner_exists(conn, scope, member.user.id):
        raise Conflict(
            "This is the only owner. Make somebody else an owner first.", code="last_owner"
        )


def set_preferences(
    conn: Connection,
    user_id: UserId,
    *,
    theme: str | UnsetType = UNSET,
    locale: str | UnsetType | None = UNSET,
) -> User:
    """Return the user with the given preferences; what is not given stays.

    Raises:
        Invalid: There is no such theme, or that is no language tag.
    """
    known = get_user(conn, user_id).preferences
    chosen = Preferences(
        known.theme if theme is UNSET else logic.checked_theme(theme),
        known.locale if locale is UNSET else logic.checked_locale(locale),
    )
    column = user_queries.preferences_column(chosen)
    user_queries.update_user(conn, user_id, {"preferences": column})
    return get_user(conn, user_id)


def rename_user(conn: Connection, user_id: UserId, name: str) -> User:
    """Return the user, by another name.

    Raises:
        Invalid: A name that cannot be.
    """
    user_queries.update_user(conn, user_id, {"name": logic.checked_name(name)})
    return get_user(conn, user_id)
