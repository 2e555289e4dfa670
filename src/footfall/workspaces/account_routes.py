"""HTTP of the signed-in person's own account. Whatever their role, they may change it."""

from typing import Any, Final

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import Connection

from footfall.http.auth import OWN_ACCOUNT
from footfall.http.edge import record_id
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Forbidden
from footfall.kernel.ids import SessionId, UserId
from footfall.kernel.instants import to_iso
from footfall.workspaces import api
from footfall.workspaces.types import Role, Theme

_TAGS: Final = ["my account"]
_OWN: Final[dict[str, Any]] = {OWN_ACCOUNT: True}

TheAuthenticator = NamedDependency[SkipValidation[api.Authenticator]]


class PreferencesAnswer(Struct, frozen=True):
    """How the console shall look."""

    theme: Theme
    locale: str | None  #: language tag; null: as the browser asks


class MyWorkspace(Struct, frozen=True):
    """A workspace that the person is in."""

    id: int
    name: str
    role: Role


class MeAnswer(Struct, frozen=True):
    """The person who is signed in."""

    id: int
    email: str
    name: str
    created_at: str
    preferences: PreferencesAnswer
    workspaces: list[MyWorkspace]


class PreferencesBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Preferences to change; what is missing stays."""

    theme: str | UnsetType = UNSET
    locale: str | UnsetType | None = UNSET


class MeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of one's account; what is missing stays."""

    name: str | UnsetType = UNSET
    preferences: PreferencesBody | UnsetType = UNSET


class PasswordBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A new password, and the present one."""

    current_password: str
    new_password: str


class SessionAnswer(Struct, frozen=True):
    """A browser that the person has signed in with."""

    id: int
    user_agent: str
    created_at: str
    last_seen_at: str
    expires_at: str
    current: bool  #: whether it is the one that asks


class SessionList(Struct, frozen=True):
    """Every session that is not over, the last used first."""

    results: list[SessionAnswer]


def _person(call: Call) -> UserId:
    if call.access.actor.kind != "user":
        raise Forbidden("This is for people who are signed in, not for tokens.", code="people_only")
    return UserId(call.access.actor.id)


def _me(conn: Connection, user_id: UserId) -> MeAnswer:
    user = api.get_user(conn, user_id)
    return MeAnswer(
        user.id,
        user.email,
        user.name,
        to_iso(user.created_at),
        PreferencesAnswer(user.preferences.theme, user.preferences.locale),
        [
            MyWorkspace(known.workspace.id, known.workspace.name, known.role)
            for known in api.list_workspaces_of(conn, user_id)
        ],
    )


@get("/api/v1/me", summary="Read my account", tags=_TAGS)
@in_thread
def read_me(call: TheCall) -> MeAnswer:
    """Answer who is signed in, and their workspaces."""
    user_id = _person(call)
    with call.read() as conn:
        return _me(conn, user_id)


@patch("/api/v1/me", summary="Change my account", tags=_TAGS, opt=_OWN)
@in_thread
def change_me(call: TheCall, data: JSONBody[MeBody]) -> MeAnswer:
    """Change what is given."""
    user_id = _person(call)
    with call.writing() as conn:
        if data.name is not UNSET:
            api.rename_user(conn, user_id, data.name)
        if data.preferences is not UNSET:
            wanted = data.preferences
            api.set_preferences(conn, user_id, theme=wanted.theme, locale=wanted.locale)
        return _me(conn, user_id)


@post("/api/v1/me/password", status_code=204, summary="Change my password", tags=_TAGS, opt=_OWN)
@in_thread
def change_password(
    call: TheCall, authenticator: TheAuthenticator, data: JSONBody[PasswordBody]
) -> None:
    """Set a new password; all other sessions end."""
    user_id = _person(call)
    authenticator.change_password(
        user_id,
        data.current_password,
        data.new_password,
        keep=call.access.session_id,
        address=f"user {user_id}",  # signed in, so it matters who tries, not whence
    )


@get("/api/v1/me/sessions", summary="List my sessions", tags=_TAGS)
@in_thread
def list_sessions(call: TheCall) -> SessionList:
    """Answer the browsers that I have signed in with, the last used first."""
    user_id = _person(call)
    with call.read() as conn:
        found = api.sessions_of(conn, user_id, call.services.clock())
    return SessionList(
        [
            SessionAnswer(
                session.id,
                session.user_agent,
                to_iso(session.created_at),
                to_iso(session.last_seen_at),
                to_iso(session.expires_at),
                session.id == call.access.session_id,
            )
            for session in found
        ]
    )


@delete(
    "/api/v1/me/sessions", status_code=204, summary="End my other sessions", tags=_TAGS, opt=_OWN
)
@in_thread
def end_other_sessions(call: TheCall) -> None:
    """Sign out everywhere but here."""
    user_id = _person(call)
    with call.writing() as conn:
        api.sign_out_everywhere(conn, user_id, keep=call.access.session_id)


@delete(
    "/api/v1/me/sessions/{session_id:str}",
    status_code=204,
    summary="End one of my sessions",
    tags=_TAGS,
    opt=_OWN,
)
@in_thread
def end_session(call: TheCall, session_id: FromPath[str]) -> None:
    """Sign out there."""
    user_id = _person(call)
    with call.writing() as conn:
        api.end_session(conn, user_id, SessionId(record_id(session_id)))


ROUTES: Final[list[HTTPRouteHandler]] = [
    read_me,
    change_me,
    change_password,
    list_sessions,
    end_other_sessions,
    end_session,
]
