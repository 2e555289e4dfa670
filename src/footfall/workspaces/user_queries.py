"""Every statement on people: users, memberships, sessions, one-time links and the audit log."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from footfall.http.services import Actor
from footfall.kernel.ids import LinkId, SessionId, UserId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.schema import (
    audit_log,
    memberships,
    one_time_links,
    sessions,
    users,
    workspaces,
)
from footfall.workspaces.queries import workspace_of_row
from footfall.workspaces.types import (
    AuditEntry,
    AuditFilter,
    Link,
    Member,
    Membership,
    Preferences,
    Purpose,
    Role,
    Session,
    User,
)

_decode_preferences = msgspec.json.Decoder(Preferences).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def has_active_user(conn: Connection) -> bool:
    """Return whether anybody can sign in."""
    found = conn.execute(select(users.c.id).where(users.c.disabled_at.is_(None)).limit(1))
    return found.first() is not None


def insert_user(
    conn: Connection, email: str, name: str, password_hash: str, now: Instant
) -> UserId:
    """Add a user and return their id."""
    columns = {
        "email": email,
        "name": name,
        "password_hash": password_hash,
        "created_at": now,
        "preferences": "{}",
    }
    return UserId(conn.execute(users.insert().returning(users.c.id), columns).scalar_one())


def update_user(conn: Connection, user_id: UserId, columns: dict[str, Any]) -> None:
    """Set the given columns of one user."""
    conn.execute(update(users).where(users.c.id == user_id).values(columns))


def preferences_column(preferences: Preferences) -> str:
    """Return how preferences stand in their column."""
    return msgspec.json.encode(preferences).decode()


def user_by_id(conn: Connection, user_id: UserId) -> tuple[User, str] | None:
    """Return one user and the hash of their password."""
    return _user_and_hash(conn.execute(select(users).where(users.c.id == user_id)).one_or_none())


def user_by_email(conn: Connection, email: str) -> tuple[User, str] | None:
    """Return one user and the hash of their password."""
    return _user_and_hash(conn.execute(select(users).where(users.c.email == email)).one_or_none())


def insert_membership(
    conn: Connection, scope: Scope, user_id: UserId, role: Role, now: Instant
) -> None:
    """Make the user a member of the workspace."""
    columns = {
        "user_id": user_id,
        "workspace_id": scope.workspace_id,
        "role": role,
        "created_at": now,
    }
    conn.execute(memberships.insert(), columns)


def update_membership(conn: Connection, scope: Scope, user_id: UserId, role: Role) -> None:
    """Set the role of a member of the workspace."""
    conn.execute(update(memberships).where(_is_member(scope, user_id)).values(role=role))


def delete_membership(conn: Connection, scope: Scope, user_id: UserId) -> None:
    """End the user's membership in the workspace."""
    conn.execute(delete(memberships).where(_is_member(scope, user_id)))


def _is_member(scope: Scope, user_id: UserId) -> ColumnElement[bool]:
    return and_(memberships.c.workspace_id == scope.workspace_id, memberships.c.user_id == user_id)


def all_members(conn: Connection, scope: Scope) -> list[Member]:
    """Return the members of the workspace, by e-mail."""
    return [_member(row) for row in conn.execute(_members(scope).order_by(users.c.email))]


def member(conn: Connection, scope: Scope, user_id: UserId) -> Member | None:
    """Return one member of the workspace."""
    row = conn.execute(_members(scope).where(users.c.id == user_id)).one_or_none()
    return None if row is None else _member(row)


def _members(scope: Scope) -> Select[Any]:
    return (
        select(users, memberships.c.role, memberships.c.created_at.label("since"))
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.workspace_id == scope.workspace_id)
    )


def other_owner_exists(conn: Connection, scope: Scope, user_id: UserId) -> bool:
    """Return whether the workspace has an owner besides the user."""
    found = conn.execute(
        select(memberships.c.user_id).where(
            memberships.c.workspace_id == scope.workspace_id,
            memberships.c.role == "owner",
            memberships.c.user_id != user_id,
        )
    )
    return found.first() is not None


def memberships_of(conn: Connection, user_id: UserId) -> list[Membership]:
    """Return the workspaces that the user is in, by name, and as what."""
    rows = conn.execute(
        select(workspaces, memberships.c.role)
        .join(memberships, memberships.c.workspace_id == workspaces.c.id)
        .where(memberships.c.user_id == user_id)
        .order_by(workspaces.c.name)
    )
    return [Membership(workspace_of_row(row), row.role) for row in rows]


def insert_session(
    conn: Connection,
    user_id: UserId,
    token_hash: bytes,
    now: Instant,
    expires_at: Instant,
    user_agent: str,
) -> None:
    """Add a session."""
    columns = {
        "token_hash": token_hash,
        "user_id": user_id,
        "created_at": now,
        "last_seen_at": now,
        "expires_at": expires_at,
        "user_agent": user_agent,
    }
    conn.execute(sessions.insert(), columns)


def session_by_hash(conn: Connection, token_hash: bytes) -> Session | None:
    """Return a session, over or not, of a user who may sign in."""
    statement = _sessions().where(
        sessions.c.token_hash == token_hash, users.c.disabled_at.is_(None)
    )
    row = conn.execute(statement).one_or_none()
    return None if row is None else _session(row, tuple(memberships_of(conn, UserId(row.id))))


def sessions_of(conn: Connection, user_id: UserId) -> list[Session]:
    """Return the user's sessions, over or not, the last used first; without memberships."""
    rows = conn.execute(
        _sessions()
        .where(sessions.c.user_id == user_id)
        .order_by(sessions.c.last_seen_at.desc(), sessions.c.id.desc())
    )
    return [_session(row, ()) for row in rows]


def _sessions() -> Select[Any]:
    return select(
        users,
        sessions.c.id.label("session_id"),
        sessions.c.created_at.label("began_at"),
        sessions.c.last_seen_at.label("used_at"),
        sessions.c.expires_at,
        sessions.c.user_agent,
    ).join(users, users.c.id == sessions.c.user_id)


def mark_seen(conn: Connection, session_id: SessionId, user_id: UserId, now: Instant) -> None:
    """Note that the session and its user were seen."""
    conn.execute(update(sessions).where(sessions.c.id == session_id).values(last_seen_at=now))
    conn.execute(update(users).where(users.c.id == user_id).values(last_seen_at=now))


def delete_session(conn: Connection, token_hash: bytes) -> None:
    """End the session of that token, if there is one."""
    conn.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def delete_sessions(conn: Connection, user_id: UserId, session_ids: Sequence[SessionId]) -> None:
    """End these sessions of the user."""
    conn.execute(
        delete(sessions).where(sessions.c.user_id == user_id, sessions.c.id.in_(session_ids))
    )


def delete_sessions_but(conn: Connection, user_id: UserId, keep: SessionId | None) -> None:
    """End the user's sessions, all but the one to keep."""
    ended = sessions.c.user_id == user_id
    if keep is not None:
        ended = and_(ended, sessions.c.id != keep)
    conn.execute(delete(sessions).where(ended))


def delete_old_sessions(conn: Connection, now: Instant, unseen_since: Instant) -> None:
    """Delete every session that is over."""
    over = (sessions.c.expires_at <= now) | (sessions.c.last_seen_at <= unseen_since)
    conn.execute(delete(sessions).where(over))


def insert_link(conn: Connection, token_hash: bytes, **columns: Any) -> LinkId:
    """Add a one-time link and return its id."""
    values = {"token_hash": token_hash, **columns}
    statement = one_time_links.insert().returning(one_time_links.c.id)
    return LinkId(conn.execute(statement, values).scalar_one())


def link_by_hash(conn: Connection, token_hash: bytes) -> Link | None:
    """Return a link, used or over or not."""
    return _link(conn.execute(_links().where(one_time_links.c.token_hash == token_hash)).first())


def link_by_id(conn: Connection, scope: Scope, link_id: LinkId) -> Link | None:
    """Return a link of the workspace, used or over or not."""
    statement = _links().where(
        one_time_links.c.workspace_id == scope.workspace_id, one_time_links.c.id == link_id
    )
    return _link(conn.execute(statement).first())


def open_invitations(conn: Connection, scope: Scope, now: Instant) -> list[Link]:
    """Return the workspace's invitations that can be accepted, oldest first."""
    rows = conn.execute(
        _links()
        .where(
            one_time_links.c.workspace_id == scope.workspace_id,
            one_time_links.c.purpose == "invitation",
            one_time_links.c.used_at.is_(None),
            one_time_links.c.expires_at > now,
        )
        .order_by(one_time_links.c.id)
    )
    return [link for row in rows if (link := _link(row)) is not None]


def _links() -> Select[Any]:
    account = users.alias("account")
    known = and_(account.c.email == one_time_links.c.email, account.c.disabled_at.is_(None))
    names = ("purpose", "email", "role", "user_id", "expires_at", "used_at", "created_by")
    return (
        select(
            workspaces,
            one_time_links.c.id.label("link_id"),
            one_time_links.c.created_at.label("made_at"),
            *(one_time_links.c[name] for name in names),
            account.c.id.label("account_id"),
        )
        .select_from(one_time_links)
        .outerjoin(workspaces, workspaces.c.id == one_time_links.c.workspace_id)
        .outerjoin(account, known)
    )


def mark_used(conn: Connection, link_id: LinkId, now: Instant) -> None:
    """Let nobody in by the link any more."""
    conn.execute(update(one_time_links).where(one_time_links.c.id == link_id).values(used_at=now))


def delete_owner_links(conn: Connection) -> None:
    """End the links for the first owner."""
    conn.execute(delete(one_time_links).where(one_time_links.c.purpose == "owner"))


def delete_links_for(conn: Connection, scope: Scope, purpose: Purpose, email: str) -> None:
    """End the workspace's unused links of that purpose for that address."""
    conn.execute(
        delete(one_time_links).where(
            one_time_links.c.workspace_id == scope.workspace_id,
            one_time_links.c.purpose == purpose,
            one_time_links.c.email == email,
            one_time_links.c.used_at.is_(None),
        )
    )


def delete_resets(conn: Connection, user_id: UserId) -> None:
    """End the unused links by which the user's password can be set, of every workspace."""
    conn.execute(
        delete(one_time_links).where(
            one_time_links.c.user_id == user_id, one_time_links.c.used_at.is_(None)
        )
    )


def delete_links_made_by(conn: Connection, scope: Scope, user_id: UserId) -> None:
    """End the workspace's unused links that the user has made, and all resets, whose accounts may
    open it wherever they were made."""
    conn.execute(
        delete(one_time_links).where(
            or_(
                one_time_links.c.workspace_id == scope.workspace_id,
                one_time_links.c.purpose == "reset",
            ),
            one_time_links.c.created_by == user_id,
            one_time_links.c.used_at.is_(None),
        )
    )


def delete_link(conn: Connection, scope: Scope, link_id: LinkId) -> None:
    """End one link of the workspace."""
    conn.execute(
        delete(one_time_links).where(
            one_time_links.c.workspace_id == scope.workspace_id, one_time_links.c.id == link_id
        )
    )


def delete_old_links(conn: Connection, before: Instant) -> None:
    """Delete every link that was over before that moment."""
    conn.execute(delete(one_time_links).where(one_time_links.c.expires_at < before))


def insert_audit_entry(
    conn: Connection,
    scope: Scope,
    actor: Actor,
    now: Instant,
    *,
    action: str,
    object_kind: str,
    object_id: str,
    object_name: str | None,
    before: str | None,
    after: str | None,
) -> None:
    """Add an entry to the workspace's audit log."""
    columns = {
        "workspace_id": scope.workspace_id,
        "at": now,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "action": action,
        "object_kind": object_kind,
        "object_id": object_id,
        "object_name": object_name,
        "before": before,
        "after": after,
    }
    conn.execute(audit_log.insert(), columns)


def delete_old_audit_entries(conn: Connection, scope: Scope, before: Instant, limit: int) -> None:
    """Delete entries of the workspace from before that moment, so many at most."""
    old = (
        select(audit_log.c.id)
        .where(audit_log.c.workspace_id == scope.workspace_id, audit_log.c.at < before)
        .order_by(audit_log.c.at)
        .limit(limit)
    )
    conn.execute(delete(audit_log).where(audit_log.c.id.in_(old.scalar_subquery())))


def audit_entries(
    conn: Connection, scope: Scope, chosen: AuditFilter, before_id: int | None, limit: int
) -> list[AuditEntry]:
    """Return entries of the workspace's audit log, the newest first."""
    statement = select(audit_log).where(audit_log.c.workspace_id == scope.workspace_id)
    for column, value in (
        (audit_log.c.actor_kind, chosen.actor_kind),
        (audit_log.c.actor_id, chosen.actor_id),
        (audit_log.c.object_kind, chosen.object_kind),
        (audit_log.c.object_id, chosen.object_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if chosen.action is not None:
        is_group = chosen.action.endswith(".")
        same = audit_log.c.action == chosen.action
        begins = func.substr(audit_log.c.action, 1, len(chosen.action)) == chosen.action
        statement = statement.where(begins if is_group else same)
    if chosen.since is not None:
        statement = statement.where(audit_log.c.at >= chosen.since)
    if chosen.until is not None:
        statement = statement.where(audit_log.c.at < chosen.until)
    if before_id is not None:
        statement = statement.where(audit_log.c.id < before_id)
    rows = conn.execute(statement.order_by(audit_log.c.id.desc()).limit(limit))
    return [_audit_entry(row) for row in rows]


def _user(row: Row[Any]) -> User:
    return User(
        id=UserId(row.id),
        email=row.email,
        name=row.name,
        created_at=Instant(row.created_at),
        last_seen_at=_instant(row.last_seen_at),
        disabled_at=_instant(row.disabled_at),
        preferences=_decode_preferences(row.preferences),
    )


def _user_and_hash(row: Row[Any] | None) -> tuple[User, str] | None:
    return None if row is None else (_user(row), row.password_hash)


def _member(row: Row[Any]) -> Member:
    return Member(_user(row), row.role, Instant(row.since))


def _session(row: Row[Any], known: tuple[Membership, ...]) -> Session:
    return Session(
        id=SessionId(row.session_id),
        user=_user(row),
        memberships=known,
        created_at=Instant(row.began_at),
        last_seen_at=Instant(row.used_at),
        expires_at=Instant(row.expires_at),
        user_agent=row.user_agent,
    )


def _link(row: Row[Any] | None) -> Link | None:
    if row is None:
        return None
    return Link(
        id=LinkId(row.link_id),
        purpose=row.purpose,
        email=row.email,
        workspace=None if row.id is None else workspace_of_row(row),
        role=row.role,
        user_id=None if row.user_id is None else UserId(row.user_id),
        created_at=Instant(row.made_at),
        expires_at=Instant(row.expires_at),
        used_at=_instant(row.used_at),
        created_by=None if row.created_by is None else UserId(row.created_by),
        has_account=row.account_id is not None,
    )


def _audit_entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=Instant(row.at),
        actor=Actor(row.actor_kind, row.actor_id, row.actor_name),
        action=row.action,
        object_kind=row.object_kind,
        object_id=row.object_id,
        object_name=row.object_name,
        before=None if row.before is None else _decode_object(row.before),
        after=None if row.after is None else _decode_object(row.after),
    )


def _instant(column: int | None) -> Instant | None:
    return None if column is None else Instant(column)
