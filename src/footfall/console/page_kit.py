"""What a page of the console is given: who is signed in, the API, and ways to answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie, FormMultiDict
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from markupsafe import Markup, escape

from footfall.console.api_calls import ApiCaller
from footfall.console.browser_state import (
    NOTICE,
    Notice,
    Tone,
    Undo,
    fits,
    notice_cookie,
    origin_of,
    read_notice,
    session_token,
)
from footfall.console.formatting import Formatter, locale_of
from footfall.console.rendering import PAGE_HEADERS, templates
from footfall.http.auth import SAFE_METHODS
from footfall.http.edge import AsgiApp
from footfall.http.errors import REQUEST_ID
from footfall.http.services import Access, Services
from footfall.kernel.addresses import Network
from footfall.kernel.errors import Forbidden, NotFound
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import to_datetime
from footfall.workspaces.api import Authenticator, csrf_token, mark_seen, session_of
from footfall.workspaces.types import Session, Workspace

#: The key of a page's `opt` by which it takes a body of any size, and reads that itself.
TAKES_UPLOAD: Final = "takes_upload"


class Entry(NamedTuple):
    """A page in the navigation."""

    key: str  #: what a page calls itself as `active`
    label: str
    path: str  #: below the workspace
    icon: str


#: Pages in the order of a marketer's day, then what a developer sets up.
NAVIGATION: Final[Sequence[Sequence[Entry]]] = (
    (
        Entry("live", "Live", "/live", "live"),
        Entry("products", "Products", "/products", "box"),
        Entry("contacts", "Contacts", "/contacts", "people"),
        Entry("segments", "Segments", "/segments", "segments"),
    ),
    (
        Entry("install", "Install", "/install", "install"),
        Entry("attributes", "Attributes", "/attributes", "tag"),
        Entry("failed-events", "Failed events", "/failed-events", "warning"),
        Entry("transfer", "Import and export", "/transfer", "transfer"),
        Entry("settings", "Settings", "/settings", "settings"),
    ),
)


class SignInNeeded(Exception):
    """Nobody is signed in; holds where they wanted to go."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """What the console is made of. Made by bootstrap."""

    services: Services
    authenticator: Authenticator
    #: Whose word about the caller's address counts.
    trusted_proxies: tuple[Network, ...] = ()
    #: Pictures drawn at once: each is a process of 90 MB, and waits on a thread of those that all
    #: requests share.
    drawing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))


class WorkspaceChoice(NamedTuple):
    """A workspace of the person's."""

    id: int
    name: str
    role: str
    time_zone: str
    currency: str | None


class Console:
    """One request of a person who is signed in, within one workspace."""

    def __init__(
        self,
        kit: ConsoleServices,
        request: Request[Any, Any, Any],
        session: Session,
        token: str,
        access: Access,
        form: FormMultiDict,
    ) -> None:
        self.services = kit.services
        self.authenticator = kit.authenticator
        self.request = request
        self.session = session
        self.access = access
        self.form = form
        self._token = token
        self.workspaces = [_choice(known.workspace, known.role) for known in session.memberships]
        self.workspace = next(one for one in self.workspaces if one.id == access.scope.workspace_id)
        request_id = str(request.scope.get(REQUEST_ID, "-"))
        self.api = ApiCaller(cast("AsgiApp", request.app.state.api_app), access, request_id)
        self.format = Formatter(
            locale_of(session.user.preferences.locale, request.headers.get("accept-language", "")),
            ZoneInfo(self.workspace.time_zone),
            to_datetime(kit.services.clock()),
        )

    @property
    def origin(self) -> str:
        """Return the scheme and host by which the browser reached us."""
        return origin_of(self.request)

    @property
    def is_part(self) -> bool:
        """Return whether htmx asks for a part of the page that is open."""
        return (
            self.request.headers.get("hx-request") == "true"
            and self.request.headers.get("hx-history-restore-request") != "true"
        )

    def parameter(self, name: str, default: str = "") -> str:
        """Return a query parameter without blanks around it."""
        value = self.request.query_params.get(name)
        return default if value is None else str(value).strip()

    def field(self, name: str, default: str = "") -> str:
        """Return a field of the form without blanks around it."""
        value = self.form.get(name)
        return value.strip() if isinstance(value, str) else default

    def fields(self, name: str) -> list[str]:
        """Return every value of a field that may come several times."""
        return [value for value in self.form.getall(name, []) if isinstance(value, str)]

    def url(self, path: str) -> str:
        """Return the address of a page of this workspace; `path` begins with a slash."""
        return f"/w/{self.workspace.id}{path}"

    def page(
        self,
        template: str,
        *,
        title: str,
        active: str = "",
        status: int = 200,
        problems: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response[str]:
        """Return a whole page.

        Args:
            template: Extends `kit/page.html`.
            active: Key of the entry of the navigation that it belongs to.
            problems: What is wrong with the form, by field; the whole under the empty name.
            values: For the template.
        """
        notice = read_notice(self.request.cookies, self._token)
        html = self._render(
            template,
            title=title,
            active=active,
            problems=problems or {},
            notice=notice,
            navigation=NAVIGATION,
            **values,
        )
        response = Response(
            html, media_type=MediaType.HTML, status_code=status, headers=dict(PAGE_HEADERS)
        )
        if NOTICE in self.request.cookies:
            response.delete_cookie(NOTICE)
        return response

    def part(self, template: str, *, status: int = 200, **values: Any) -> Response[str]:
        """Return a part of a page, for htmx to put in its place."""
        html = self._render(template, problems=values.pop("problems", None) or {}, **values)
        return Response(
            html, media_type=MediaType.HTML, status_code=status, headers=dict(PAGE_HEADERS)
        )

    def _render(self, template: str, **values: Any) -> str:
        environment = templates()
        theme = self.session.user.preferences.theme
        return environment.get_template(template).render(
            console=self,
            workspace=self.workspace,
            workspaces=self.workspaces,
            person=self.session.user,
            access=self.access,
            theme=None if theme == "auto" else theme,
            csrf=csrf_token(self._token),
            csrf_field=self._csrf_field,
            url=self.url,
            path=self.request.url.path,
            origin=self.origin,
            api_calls=self.api.calls,
            fmt=self.format,
            **values,
        )

    def _csrf_field(self) -> Markup:
        """Return the hidden field that every form of ours carries."""
        return Markup('<input type="hidden" name="csrf_token" value="{}">').format(
            csrf_token(self._token)
        )

    def go(
        self,
        url: str,
        notice: str | None = None,
        *,
        tone: Tone = "good",
        undo: Undo | None = None,
        cookies: Sequence[Cookie] = (),
    ) -> Response[str]:
        """Lead to another page of ours, which says the notice once.

        Args:
            undo: A form beside the notice that takes back what was done.
        """
        kept = list(cookies)
        if notice is not None:
            kept.append(notice_cookie(self.request, self._token, Notice(notice, tone, undo)))
        return leading_to(self.request, url, kept)


def leading_to(
    request: Request[Any, Any, Any], url: str, cookies: Sequence[Cookie] = ()
) -> Response[str]:
    """Return the answer that opens another page, whoever asked: the browser or htmx in it."""
    is_htmx = request.headers.get("hx-request") == "true"
    headers = {"hx-redirect": url} if is_htmx else {"location": url}
    return Response(
        "",
        media_type=MediaType.HTML,
        status_code=200 if is_htmx else 303,
        headers={**headers, "cache-control": "no-store"},
        cookies=list(cookies),
    )


def safe_target(target: str | None) -> str:
    """Return `target` if it is a page of ours, else the first page.

    Browsers read `//`, `\\` and control characters in ways that lead elsewhere.
    """
    text = target or ""
    is_ours = text.startswith("/w/") and "\\" not in text and text.isprintable()
    return text if is_ours else "/"


async def signed_in(kit: ConsoleServices, request: Request[Any, Any, Any]) -> tuple[Session, str]:
    """Return the browser's session and its token.

    Raises:
        SignInNeeded: It has none that lives.
    """
    token = session_token(request)
    session = None if token is None else await asyncio.to_thread(_session, kit, token)
    if session is None or token is None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise SignInNeeded(target if request.method == "GET" else "")
    return session, token


def _session(kit: ConsoleServices, token: str) -> Session | None:
    now = kit.services.clock()
    with kit.services.state.read() as conn:
        session = session_of(conn, token, now)
    if session is not None:
        mark_seen(kit.services.state, session, now)
    return session


async def checked_form(request: Request[Any, Any, Any], secret: str) -> FormMultiDict:
    """Return the form sent, empty for a request that changes nothing.

    Raises:
        Forbidden: It is not from a page of ours in this browser (CSRF).
    """
    if request.method in SAFE_METHODS:
        return FormMultiDict()
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise _foreign_form()
    sent = request.headers.get("x-csrf-token")
    is_upload = bool(request.route_handler.opt.get(TAKES_UPLOAD))
    if sent is not None and not fits(secret, sent):
        raise _foreign_form()
    if is_upload and sent is None:
        # Not read before it is known whose it is; the address carries the token then.
        sent = str(request.query_params.get("csrf_token") or "")
        if not fits(secret, sent):
            raise _foreign_form()
    if is_upload:
        return FormMultiDict()  # the page reads the upload itself
    form = await request.form()
    if sent is None and not fits(secret, _one(form, "csrf_token")):
        raise _foreign_form()
    return form


def _one(form: FormMultiDict, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) else None


def _foreign_form() -> Forbidden:
    return Forbidden(
        "This form is too old or was not sent from this page. Load the page again and repeat it.",
        code="foreign_form",
    )


def _choice(workspace: Workspace, role: str) -> WorkspaceChoice:
    return WorkspaceChoice(
        workspace.id, workspace.name, role, workspace.time_zone, workspace.currency
    )


def provider(kit: ConsoleServices) -> Callable[..., Any]:
    """Return the dependency that makes a `Console` of a request to `/w/{workspace_id}/...`."""

    async def provide_console(request: Request[Any, Any, Any]) -> Console:
        session, token = await signed_in(kit, request)
        access = session.access(WorkspaceId(int(request.path_params["workspace_id"])))
        if access is None:
            # Also where it exists: strangers need not learn which do.
            raise NotFound("There is no such workspace, or you are not in it.")
        form = await checked_form(request, token)
        return Console(kit, request, session, token, access, form)

    return provide_console


def plain_page(template: str, *, status: int = 200, **values: Any) -> Response[str]:
    """Return a page for somebody who is not signed in."""
    html = templates().get_template(template).render(theme=None, **values)
    return Response(html, media_type=MediaType.HTML, status_code=status, headers=dict(PAGE_HEADERS))


def sign_in_path(target: str) -> str:
    """Return the address of the sign-in page that leads on to `target`."""
    return f"/sign-in?next={quote(target, safe='')}" if target else "/sign-in"


def form_field(secret: str) -> Markup:
    """Return the hidden field of a form for somebody who is not signed in."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(
        escape(csrf_token(secret))
    )


#: Annotate a page's parameter `console` with this.
TheConsole = NamedDependency[SkipValidation[Console]]
#: Annotate the parameter `kit` with this, where nobody need be signed in.
TheConsoleServices = NamedDependency[SkipValidation[ConsoleServices]]
