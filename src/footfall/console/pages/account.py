"""My account: name, password, how the console looks, and where I am signed in."""

from typing import Any, Final

from babel import Locale
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal
from footfall.console.page_kit import Console, TheConsole

_ACCOUNT: Final = "/account"
_THEMES: Final = (("auto", "As this device"), ("light", "Light"), ("dark", "Dark"))
#: Ways of writing numbers and dates, offered by name; any other tag can be set by the API.
_LOCALES: Final = (
    *("cs", "da", "de", "de-AT", "de-CH", "en-GB", "en-US", "es", "fi", "fr", "hu", "it", "ja"),
    *("lt", "nb", "nl", "pl", "pt-BR", "pt-PT", "ro", "sk", "sv", "tr", "uk", "zh-Hans"),
)
#: What a browser calls itself by, the telling part first: most claim to be others, too.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return what a person calls that browser: `Firefox on Windows`."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or user_agent[:60] or "A browser without a name"


def _locales(chosen: str | None) -> list[tuple[str, str]]:
    """Return the choices: languages by their own names, the one that is chosen in any case."""
    tags = dict.fromkeys([*_LOCALES, *([chosen] if chosen else [])])
    return [("", "As this browser asks"), *((tag, _own_name(tag)) for tag in tags)]


def _own_name(tag: str) -> str:
    try:
        name = Locale.parse(tag, sep="-").display_name
    except (ValueError, LookupError):
        return tag
    return f"{name[:1].upper()}{name[1:]}" if name else tag


async def _account_page(
    console: Console,
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
) -> Response[str]:
    me = await console.api.get("/api/v1/me")
    sessions = await console.api.get("/api/v1/me/sessions")
    return console.page(
        "account/account.html",
        title="My account",
        status=status,
        problems=problems,
        me=me,
        given=given or {},
        themes=_THEMES,
        locales=_locales(me["preferences"]["locale"]),
        sessions=[
            {**one, "browser": browser_name(one["user_agent"])} for one in sessions["results"]
        ],
    )


@get("/w/{workspace_id:int}/account")
async def account(console: TheConsole) -> Response[str]:
    """Show what is mine."""
    return await _account_page(console)


@post("/w/{workspace_id:int}/account")
async def change_account(console: TheConsole) -> Response[str]:
    """Change my name and how the console looks."""
    body: dict[str, Any] = {
        "name": console.field("name"),
        "preferences": {
            "theme": console.field("theme"),
            "locale": console.field("locale") or None,
        },
    }
    try:
        await console.api.patch("/api/v1/me", body)
    except ApiRefusal as refusal:
        given = {"name": body["name"]}
        return await _account_page(
            console, status=refusal.status, problems=refusal.by_field, given=given
        )
    return console.go(console.url(_ACCOUNT), "Saved.")


@post("/w/{workspace_id:int}/account/password")
async def change_password(console: TheConsole) -> Response[str]:
    """Set a new password; every other session ends."""
    names = ("current_password", "new_password")
    # As typed: a password may begin or end with a blank.
    body = {name: str(console.form.get(name) or "") for name in names}
    try:
        await console.api.post("/api/v1/me/password", body)
    except ApiRefusal as refusal:
        return await _account_page(console, status=refusal.status, problems=refusal.by_field)
    return console.go(
        console.url(_ACCOUNT), "Your password is changed. All your other sessions have ended."
    )


@post("/w/{workspace_id:int}/account/sessions/end-others")
async def end_other_sessions(console: TheConsole) -> Response[str]:
    """Sign out everywhere but here."""
    await console.api.delete("/api/v1/me/sessions")
    return console.go(console.url(_ACCOUNT), "You are signed out everywhere else.")


@post("/w/{workspace_id:int}/account/sessions/{session_id:int}/end")
async def end_session(console: TheConsole, session_id: FromPath[int]) -> Response[str]:
    """Sign out there."""
    await console.api.delete(f"/api/v1/me/sessions/{session_id}")
    return console.go(console.url(_ACCOUNT), "That session has ended.")


ROUTES: Final[list[HTTPRouteHandler]] = [
    account,
    change_account,
    change_password,
    end_other_sessions,
    end_session,
]
