"""Signing in and out, and the links that let people in."""

import asyncio
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from footfall.console.browser_state import (
    FORM_KEY,
    form_key_cookie,
    session_cookie,
)
from footfall.console.page_kit import (
    ConsoleServices,
    SignInNeeded,
    TheConsole,
    TheConsoleServices,
    checked_form,
    form_field,
    leading_to,
    plain_page,
    safe_target,
    signed_in,
)
from footfall.http.admission import caller_address
from footfall.http.edge import decoded_segment
from footfall.kernel.errors import Forbidden, UserError
from footfall.workspaces.api import (
    LONGEST_SESSION_MS,
    open_link,
    sign_out,
    start_session,
)
from footfall.workspaces.types import Link

_SESSION_SECONDS: Final = LONGEST_SESSION_MS // 1000


def _form_key(kit: ConsoleServices, request: Request[Any, Any, Any]) -> str:
    """Return the browser's form key, a new one where it has none of ours."""
    known = request.cookies.get(FORM_KEY, "")
    return known if 32 <= len(known) <= 64 else kit.services.random_bytes(24).hex()


def _address(kit: ConsoleServices, request: Request[Any, Any, Any]) -> str:
    address = caller_address(request.scope, kit.trusted_proxies)
    return "" if address is None else str(address)


def _sign_in_page(
    kit: ConsoleServices,
    request: Request[Any, Any, Any],
    *,
    target: str,
    email: str = "",
    problem: str = "",
    status: int = 200,
) -> Response[str]:
    key = _form_key(kit, request)
    page = plain_page(
        "entrance/sign_in.html",
        status=status,
        title="Sign in",
        hidden=form_field(key),
        target=target,
        email=email,
        problem=problem,
    )
    page.set_cookie(form_key_cookie(request, key))
    return page


@get("/sign-in", include_in_schema=False)
async def sign_in_form(
    kit: TheConsoleServices,
    request: Request[Any, Any, Any],
    target: Annotated[str, QueryParameter(name="next")] = "",
) -> Response[str]:
    """Ask who it is."""
    try:
        await signed_in(kit, request)
    except SignInNeeded:
        return _sign_in_page(kit, request, target=safe_target(target))
    return leading_to(request, safe_target(target))


@post("/sign-in", include_in_schema=False)
async def sign_in(kit: TheConsoleServices, request: Request[Any, Any, Any]) -> Response[str]:
    """Begin a session under a token that nobody can have known before."""
    try:
        form = await checked_form(request, request.cookies.get(FORM_KEY, ""))
    except Forbidden as error:
        return _sign_in_page(kit, request, target="/", problem=error.message, status=403)
    email, target = str(form.get("email") or ""), safe_target(str(form.get("next") or ""))
    try:
        token = await asyncio.to_thread(
            kit.authenticator.sign_in,
            email,
            str(form.get("password") or ""),
            address=_address(kit, request),
            user_agent=request.headers.get("user-agent", ""),
        )
    except UserError as error:
        return _sign_in_page(
            kit, request, target=target, email=email, problem=error.message, status=error.status
        )
    return leading_to(request, target, [session_cookie(request, token, _SESSION_SECONDS)])


@post("/sign-out", include_in_schema=False)
async def sign_out_of_here(
    kit: TheConsoleServices, request: Request[Any, Any, Any]
) -> Response[str]:
    """End this browser's session."""
    _, token = await signed_in(kit, request)
    await checked_form(request, token)

    def end() -> None:
        with kit.services.state.write() as conn:
            sign_out(conn, token)

    await asyncio.to_thread(end)
    return leading_to(request, "/sign-in", [session_cookie(request, "", 0)])


async def _link(kit: ConsoleServices, token: str) -> Link | None:
    def read() -> Link | None:
        with kit.services.state.read() as conn:
            return open_link(conn, token, kit.services.clock())

    return await asyncio.to_thread(read)


def _welcome_page(
    kit: ConsoleServices,
    request: Request[Any, Any, Any],
    link: Link | None,
    *,
    given: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    if link is None:
        return plain_page("entrance/ended.html", status=404, title="This link has ended")
    key = _form_key(kit, request)
    page = plain_page(
        "entrance/welcome.html",
        status=status,
        title="Choose a new password" if link.purpose == "reset" else "Welcome to Footfall",
        hidden=form_field(key),
        link=link,
        given=given or {},
        problems=problems or {},
    )
    page.set_cookie(form_key_cookie(request, key))
    return page


@get("/welcome/{token:str}", include_in_schema=False)
async def welcome(
    kit: TheConsoleServices, request: Request[Any, Any, Any], token: FromPath[str]
) -> Response[str]:
    """Show what a link is for; opening it uses nothing up, as mail programs look at links, too."""
    return _welcome_page(kit, request, await _link(kit, decoded_segment(token)))


@post("/welcome/{token:str}", include_in_schema=False)
async def accept(
    kit: TheConsoleServices, request: Request[Any, Any, Any], token: FromPath[str]
) -> Response[str]:
    """Let in whoever the link is for, and begin a session."""
    secret = decoded_segment(token)
    link = await _link(kit, secret)
    try:
        form = await checked_form(request, request.cookies.get(FORM_KEY, ""))
    except Forbidden as error:
        return _welcome_page(kit, request, link, problems={"": error.message}, status=403)
    given = {name: str(form.get(name) or "") for name in ("name", "email")}
    try:
        user = await asyncio.to_thread(
            kit.authenticator.accept_link,
            secret,
            password=str(form.get("password") or ""),
            name=given["name"],
            email=given["email"],
            address=_address(kit, request),
        )
    except UserError as error:
        problems = {one.pointer.strip("/"): one.message for one in error.problems}
        problems = problems or {"": error.message}
        return _welcome_page(
            kit, request, link, given=given, problems=problems, status=error.status
        )

    def begin() -> str:
        with kit.services.state.write() as conn:
            return start_session(
                conn,
                user.id,
                kit.services.clock(),
                kit.services.random_bytes,
                request.headers.get("user-agent", ""),
            )

    begun = await asyncio.to_thread(begin)
    return leading_to(request, "/", [session_cookie(request, begun, _SESSION_SECONDS)])


@get("/", include_in_schema=False)
async def first_page(kit: TheConsoleServices, request: Request[Any, Any, Any]) -> Response[str]:
    """Lead to the person's first workspace."""
    session, token = await signed_in(kit, request)
    if not session.memberships:
        return plain_page(
            "entrance/nowhere.html",
            title="No workspace",
            hidden=form_field(token),
            email=session.user.email,
        )
    return leading_to(request, f"/w/{session.memberships[0].workspace.id}/")


@post("/w/{workspace_id:int}/theme", include_in_schema=False)
async def choose_theme(console: TheConsole) -> Response[str]:
    """Keep the colours a person likes."""
    theme = console.field("theme")
    await console.api.patch("/api/v1/me", {"preferences": {"theme": theme}})
    return console.go(safe_target(console.field("next")))


ROUTES: Final[list[HTTPRouteHandler]] = [
    sign_in_form,
    sign_in,
    sign_out_of_here,
    welcome,
    accept,
    first_page,
    choose_theme,
]
