"""Sessions: which browser is whose. A cookie holds the token, the store only its hash."""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from footfall.kernel.errors import NotFound
from footfall.kernel.ids import SessionId, UserId
from footfall.kernel.instants import DAY_MS, MINUTE_MS, Instant
from footfall.state.api import State
from footfall.workspaces import logic, user_queries
from footfall.workspaces.types import Session

#: A session that nobody used for so long is over: a holiday, not a lost laptop.
IDLE_SESSION_MS: Final = 14 * DAY_MS
#: And so is every one after so long, used or not.
LONGEST_SESSION_MS: Final = 90 * DAY_MS
#: Written so often at most: a page is many requests, and one writes at a time.
_SEEN_EVERY_MS: Final = MINUTE_MS
#: Browsers take some 150; who sends more is none.
_MAX_USER_AGENT_CHARACTERS: Final = 400
_CSRF_CONTEXT: Final = b"footfall csrf 1"
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]+")


def start_session(
    conn: Connection,
    user_id: UserId,
    now: Instant,
    random_bytes: Callable[[int], bytes],
    user_agent: str,
) -> str:
    """Return the token of a new session, never one that a browser has brought.

    Args:
        user_id: Whose password was given just now, or who was let in by a link.
        user_agent: As the browser calls itself, to tell sessions apart.
    """
    user_queries.delete_old_sessions(conn, now, Instant(now - IDLE_SESSION_MS))
    token = logic.new_secret(random_bytes)
    user_queries.insert_session(
        conn,
        user_id,
        logic.token_hash(token.encode()),
        now,
        Instant(now + LONGEST_SESSION_MS),
        _UNPRINTABLE.sub(" ", user_agent)[:_MAX_USER_AGENT_CHARACTERS],
    )
    user_queries.update_user(conn, user_id, {"last_seen_at": now})
    return token


def session_of(conn: Connection, token: str, now: Instant) -> Session | None:
    """Return the session of a cookie's token, None if there is none or it is over."""
    if not logic.is_secret(token):
        return None
    session = user_queries.session_by_hash(conn, logic.token_hash(token.encode()))
    return session if session is not None and _is_live(session, now) else None


def mark_seen(state: State, session: Session, now: Instant) -> None:
    """Note that the session is in use; writes once a minute at most."""
    if now - session.last_seen_at >= _SEEN_EVERY_MS:
        with state.write() as conn:
            user_queries.mark_seen(conn, session.id, session.user.id, now)


def sessions_of(conn: Connection, user_id: UserId, now: Instant) -> list[Session]:
    """Return the user's sessions, the last used first; without memberships."""
    return [
        session for session in user_queries.sessions_of(conn, user_id) if _is_live(session, now)
    ]


def _is_live(session: Session, now: Instant) -> bool:
    return now < session.expires_at and now - session.last_seen_at < IDLE_SESSION_MS


def sign_out(conn: Connection, token: str) -> None:
    """End the session of a cookie's token, if there is one."""
    user_queries.delete_session(conn, logic.token_hash(token.encode()))


def sign_out_everywhere(
    conn: Connection, user_id: UserId, *, keep: SessionId | None = None
) -> None:
    """End all sessions of the user but the one to keep."""
    user_queries.delete_sessions_but(conn, user_id, keep)


def end_session(conn: Connection, user_id: UserId, session_id: SessionId) -> None:
    """End one session of the user.

    Raises:
        NotFound: They have no such session.
    """
    known: Sequence[Session] = user_queries.sessions_of(conn, user_id)
    if all(session.id != session_id for session in known):
        raise NotFound("There is no such session.")
    user_queries.delete_sessions(conn, user_id, [session_id])


def csrf_token(session_token: str) -> str:
    """Return what forms of that session carry: 64 hexadecimal digits, of no use without it."""
    return hmac.new(session_token.encode(), _CSRF_CONTEXT, hashlib.sha256).hexdigest()
