"""What the console keeps in a person's browser: the session, the form key, and one notice."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from litestar import Request
from litestar.datastructures import Cookie
from msgspec import Struct, field

from footfall.workspaces.api import csrf_token

#: Over TLS with a prefix that keeps other hosts of the domain from setting it.
_SESSION: Final = "footfall_session"
_SECURE_SESSION: Final = "__Host-footfall_session"
#: Who is not signed in has a key of their own, which the sign-in form must bring back.
FORM_KEY: Final = "footfall_form"
NOTICE: Final = "footfall_notice"
_NOTICE_SECONDS: Final = 60
#: A cookie may hold 4,096 bytes.
_MAX_NOTICE_BYTES: Final = 2_500

Tone = Literal["good", "warn", "bad"]


class Undo(Struct, frozen=True):
    """A form that takes back what was just done."""

    action: str  #: path of ours
    fields: dict[str, str] = field(default_factory=dict)
    label: str = "Undo"


class Notice(Struct, frozen=True):
    """What is said once, on the next page."""

    text: str
    tone: Tone = "good"
    undo: Undo | None = None


def is_secure(request: Request[Any, Any, Any]) -> bool:
    """Return whether the browser reached us over TLS, perhaps through a proxy that ends it."""
    forwarded = request.headers.get("x-forwarded-proto", "").lower()
    return (forwarded or request.url.scheme) == "https"


def origin_of(request: Request[Any, Any, Any]) -> str:
    """Return the scheme and host by which the browser reached us."""
    scheme = "https" if is_secure(request) else "http"
    return f"{scheme}://{request.headers.get('host') or request.url.netloc}"


def session_token(request: Request[Any, Any, Any]) -> str | None:
    """Return the session's token that the browser brought, None if it brought none."""
    return request.cookies.get(_SECURE_SESSION if is_secure(request) else _SESSION)


def session_cookie(request: Request[Any, Any, Any], token: str, max_age_seconds: int) -> Cookie:
    """Return the cookie that keeps a session; with 0 seconds, the one that forgets it."""
    secure = is_secure(request)
    return Cookie(
        _SECURE_SESSION if secure else _SESSION,
        value=token,
        path="/",
        max_age=max_age_seconds,
        httponly=True,
        secure=secure,
        # Links from elsewhere open pages signed in; forms and frames of other sites do not.
        samesite="lax",
    )


def form_key_cookie(request: Request[Any, Any, Any], key: str) -> Cookie:
    """Return the cookie that the sign-in form's hidden field must fit."""
    return Cookie(
        FORM_KEY, value=key, path="/", httponly=True, secure=is_secure(request), samesite="lax"
    )


def fits(secret: str | None, sent: str | None) -> bool:
    """Return whether a form's token was made of the secret in the same browser's cookie."""
    if not secret or not sent:
        return False
    return hmac.compare_digest(csrf_token(secret).encode(), sent.encode())


def notice_cookie(request: Request[Any, Any, Any], secret: str, notice: Notice) -> Cookie:
    """Return the cookie that carries a notice to the next page, signed with the session."""
    body = msgspec.json.encode(notice)
    if len(body) > _MAX_NOTICE_BYTES:
        body = msgspec.json.encode(Notice(notice.text[:400], notice.tone))
    packed = urlsafe_b64encode(body).decode()
    return Cookie(
        NOTICE,
        value=f"{packed}.{_signature(secret, packed)}",
        path="/",
        max_age=_NOTICE_SECONDS,
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
    )


def read_notice(cookies: Mapping[str, str], secret: str) -> Notice | None:
    """Return the notice in the cookie, None if there is none or it is not ours."""
    packed, _, signature = cookies.get(NOTICE, "").partition(".")
    expected = _signature(secret, packed).encode()
    if not packed or not hmac.compare_digest(expected, signature.encode(errors="replace")):
        return None
    return msgspec.json.decode(urlsafe_b64decode(packed), type=Notice)


def _signature(secret: str, packed: str) -> str:
    return hmac.new(secret.encode(), b"notice " + packed.encode(), "sha256").hexdigest()
