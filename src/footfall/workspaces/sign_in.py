"""Lets people in by their password. Passwords are hashed here, between transactions, not in one.

There is one writer for the whole store, and a hash takes longer than a thousand statements.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from footfall.http.services import Actor
from footfall.kernel.errors import Conflict, Invalid, NotFound
from footfall.kernel.identifiers import checked_email
from footfall.kernel.ids import SessionId, UserId
from footfall.kernel.instants import Clock, Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.workspaces import logic, queries, user_queries
from footfall.workspaces.audit import record_of
from footfall.workspaces.links import open_link
from footfall.workspaces.passwords import Passwords, Throttle, checked_password
from footfall.workspaces.sessions import start_session
from footfall.workspaces.types import Link, Role, User
from footfall.workspaces.users import get_user


class WrongCredentials(Invalid):
    """The e-mail address or the password is wrong; which of them is not said."""

    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class LinkEnded(NotFound):
    """The link lets nobody in: it is unknown, was used or withdrawn, or is too old."""

    code = "link_ended"

    def __init__(self) -> None:
        super().__init__("This link was used already or is too old. Ask for a new one.")


class Authenticator:
    """Proves people by their passwords. One per process, for its threads.

    Args:
        random_bytes: Returns that many bytes nobody can guess.
        passwords: Hashes them.
        throttle: Bounds how often they are guessed.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        *,
        passwords: Passwords | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self._state = state
        self._clock = clock
        self._random_bytes = random_bytes
        self._passwords = passwords or Passwords()
        self._throttle = throttle or Throttle()

    def sign_in(self, email: str, password: str, *, address: str, user_agent: str) -> str:
        """Return the token of a new session.

        Args:
            address: Of the network, whence the request comes.

        Raises:
            WrongCredentials: Said, and as slowly, of an unknown address, too.
            TooManyAttempts: Nothing was looked at.
        """
        try:
            email = checked_email(email)
        except Invalid:
            email = ""  # nobody's
        user, stored, rehashed = self._proven(email, password, address)
        with self._state.write() as conn:
            now = self._clock()
            # Changed or removed while we hashed: the password that was given is no longer theirs.
            if _active(conn, user.email) != (user.id, stored):
                raise WrongCredentials
            if rehashed is not None:
                user_queries.update_user(conn, user.id, {"password_hash": rehashed})
            return start_session(conn, user.id, now, self._random_bytes, user_agent)

    def change_password(
        self, user_id: UserId, current: str, new: str, *, keep: SessionId | None, address: str
    ) -> None:
        """Set a new password and end the user's sessions, all but the one to keep.

        Raises:
            Invalid: `current` is not theirs, or `new` may not be chosen.
            TooManyAttempts: Nothing was looked at.
        """
        with self._state.read() as conn:
            email = get_user(conn, user_id).email
        new = checked_password(new, email, "/new_password")
        try:
            user, stored, _ = self._proven(email, current, address)
        except WrongCredentials as error:
            raise Invalid.at(
                "/current_password", "wrong_password", "This is not your present password."
            ) from error
        password_hash = self._passwords.hash(new)
        with self._state.write() as conn:
            if _active(conn, user.email) != (user.id, stored):
                raise Conflict("Your account was changed meanwhile. Sign in and try again.")
            now = self._clock()
            _set_password(conn, user, password_hash, keep)
            for known in user_queries.memberships_of(conn, user.id):
                _record(conn, Scope(known.workspace.id), user, now, "user.password_changed")

    def accept_link(
        self,
        token: str,
        *,
        password: str,
        name: str = "",
        email: str = "",
        address: str,
    ) -> User:
        """Return the user who the link lets in, for whom a session may be started now.

        A reset sets the password and ends all their sessions. An invitation of somebody with an
        account asks for their password. Everybody else gets an account.

        Args:
            password: The new one, or the present one of who has an account and is invited.
            name: Of who gets an account.
            email: Of the first owner; the others' is in the link.
            address: Of the network, whence the request comes.

        Raises:
            LinkEnded: It lets nobody in.
            Invalid: A name, e-mail address or password that cannot be, or a wrong password.
            TooManyAttempts: Nothing was looked at.
        """
        with self._state.read() as conn:
            link = open_link(conn, token, self._clock())
        if link is None:
            raise LinkEnded
        wanted = link.email or checked_email(email)
        if link.has_account and link.purpose == "invitation":
            try:
                _, password_hash, _ = self._proven(wanted, password, address)
            except WrongCredentials as error:
                raise Invalid.at(
                    "/password",
                    "wrong_password",
                    f"This is not the present password of {wanted}.",
                ) from error
        else:
            if link.purpose != "reset":
                name = logic.checked_name(name)
            password_hash = self._passwords.hash(checked_password(password, wanted))
        with self._state.write() as conn:
            now = self._clock()
            # Read again: somebody else may have been quicker with the same link.
            still = open_link(conn, token, now)
            if still is None or still.has_account != link.has_account:
                raise LinkEnded
            user_queries.mark_used(conn, link.id, now)
            return _let_in(conn, link, wanted, name, password_hash, now)

    def _proven(self, email: str, password: str, address: str) -> tuple[User, str, str | None]:
        """Return (user, hash of their password, a better hash of it if there is one)."""
        self._throttle.admit(email, address, self._clock())
        with self._state.read() as conn:
            found = user_queries.user_by_email(conn, email)
        user, stored = found if found is not None else (None, None)
        if user is not None and user.disabled_at is not None:
            stored = None
        if not self._passwords.matches(stored, password) or user is None or stored is None:
            raise WrongCredentials
        self._throttle.succeeded(email, address)
        outdated = self._passwords.is_outdated(stored)
        return user, stored, self._passwords.hash(password) if outdated else None


def _active(conn: Connection, email: str) -> tuple[UserId, str] | None:
    found = user_queries.user_by_email(conn, email)
    if found is None or found[0].disabled_at is not None:
        return None
    return found[0].id, found[1]


def _set_password(conn: Connection, user: User, password_hash: str, keep: SessionId | None) -> None:
    user_queries.update_user(conn, user.id, {"password_hash": password_hash})
    user_queries.delete_sessions_but(conn, user.id, keep)
    user_queries.delete_resets(conn, user.id)


def _let_in(
    conn: Connection, link: Link, email: str, name: str, password_hash: str, now: Instant
) -> User:
    if link.purpose == "reset":
        assert link.user_id is not None  # every reset has one
        assert link.workspace is not None
        user = get_user(conn, link.user_id)
        _set_password(conn, user, password_hash, None)
        _record(conn, Scope(link.workspace.id), user, now, "user.password_reset")
        return user
    known = _active(conn, email)
    if known is None:
        user_id = _new_account(conn, email, name, password_hash, now)
    elif known[1] == password_hash:
        user_id = known[0]
    else:
        raise LinkEnded  # their password was changed between the look at it and this
    if link.workspace is not None:
        scopes = [Scope(link.workspace.id)]
    else:
        scopes = [Scope(workspace.id) for workspace in queries.all_workspaces(conn)]
    user = get_user(conn, user_id)
    for scope in scopes:
        _join(conn, scope, user, link.role or "owner", now)
    return user


def _new_account(
    conn: Connection, email: str, name: str, password_hash: str, now: Instant
) -> UserId:
    former = user_queries.user_by_email(conn, email)
    if former is None:
        return user_queries.insert_user(conn, email, name, password_hash, now)
    columns = {"name": name, "password_hash": password_hash, "disabled_at": None}
    user_queries.update_user(conn, former[0].id, columns)
    return former[0].id


def _join(conn: Connection, scope: Scope, user: User, role: Role, now: Instant) -> None:
    if user_queries.member(conn, scope, user.id) is not None:
        return  # let in by somebody else since they were invited, and as what those said
    user_queries.insert_membership(conn, scope, user.id, role, now)
    # Who made one owns their other workspaces, perhaps not this.
    user_queries.delete_resets(conn, user.id)
    _record(conn, scope, user, now, "user.joined", {"role": role})


def _record(
    conn: Connection,
    scope: Scope,
    user: User,
    now: Instant,
    action: str,
    after: dict[str, object] | None = None,
) -> None:
    """Write down what the user did to their own account."""
    record_of(
        conn,
        scope,
        Actor("user", user.id, user.email),
        now,
        action=action,
        object_kind="user",
        object_id=str(user.id),
        object_name=user.email,
        before=None,
        after=after,
    )
