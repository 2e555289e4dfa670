"""What routes are given: the stores and ports of the process, and the request's own rights."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import parse_qsl

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from sqlalchemy import Connection

from footfall.http.admission import Admission
from footfall.http.background import Background
from footfall.http.headers import ApiVersion, api_version
from footfall.kernel.addresses import Network
from footfall.kernel.ids import ApiKeyId, SessionId
from footfall.kernel.instants import Clock, Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State

#: The key of the ASGI scope under which the guard leaves the proven rights.
ACCESS = "footfall.access"


class Actor(NamedTuple):
    """Who does something: a person in the console, a program with a token, the command line."""

    kind: Literal["user", "token", "operator"]
    id: int  #: 0 for the operator, who uses the command line on the machine itself
    name: str  #: for people: an e-mail address, or what the token is called


class Access(Protocol):
    """What the caller may do, proven by a token or a session.

    `footfall.workspaces.types.Access` is one.
    """

    @property
    def scope(self) -> Scope:
        """The workspace."""

    @property
    def actor(self) -> Actor:
        """Who calls."""

    @property
    def api_key_id(self) -> ApiKeyId | None:
        """Whose token it was; None for a person."""

    @property
    def may_read(self) -> bool:
        """Whether GET is allowed."""

    @property
    def may_write(self) -> bool:
        """Whether everything else is allowed."""

    @property
    def may_manage(self) -> bool:
        """Whether settings, keys and secrets are open: to an owner, or a token of all rights."""

    @property
    def session_id(self) -> SessionId | None:
        """In which session a person calls; None for a token."""

    @property
    def allowed_networks(self) -> tuple[Network, ...] | None:
        """From where the token may be used; None: from anywhere."""

    @property
    def requests_per_second(self) -> int | None:
        """How often the token may be used; None: as often as it likes."""


class Keyring(Protocol):
    """Knows tokens; `footfall.workspaces.keyring` holds the one there is, above this layer."""

    async def find_async(self, token: bytes) -> Access | None:
        """Return the rights of `token`, None if it is unknown or revoked."""


@dataclass(slots=True)
class Counters:
    """What has happened since the start. Plain integers, incremented where it happens."""

    events_accepted: int = 0
    events_repeated: int = 0
    events_refused: int = 0
    events_projected: int = 0
    events_failed: int = 0
    #: Answers of the Litestar routes and the collector, by status code.
    responses: dict[int, int] = field(default_factory=dict)

    def answered(self, status: int) -> None:
        """Count one answer."""
        self.responses[status] = self.responses.get(status, 0) + 1


class Receipt(NamedTuple):
    """When a REST write counts as said (decision 2): at once, after every event accepted so far."""

    now: Instant
    position: int


@dataclass(frozen=True, slots=True)
class Services:
    """The stores and ports of one process. Made by bootstrap."""

    state: State
    keyring: Keyring
    admission: Admission
    clock: Clock
    #: The last journal position; the tie position of REST writes.
    journal_head: Callable[[], int]
    #: Say that products or contacts were changed, so that their copies are made soon.
    changed: Callable[[], None]
    #: Wait until the snapshots that are dirty now are visible; False when the seconds are over.
    settled: Callable[[float], Awaitable[bool]]
    #: Wait until the projector has passed the journal's present head; False when they are over.
    caught_up: Callable[[float], Awaitable[bool]]
    counters: Counters
    new_request_id: Callable[[], str]
    #: Returns that many bytes nobody can guess.
    random_bytes: Callable[[int], bytes]
    #: Runs what goes on after its request was answered.
    background: Background = field(default_factory=Background)
    #: By name of the store: does nothing where it answers, and else raises. For `/readyz`.
    store_checks: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    #: By metric name without prefix: the present value. For `/metrics`.
    gauges: Mapping[str, Callable[[], float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, as a route sees it."""

    services: Services
    access: Access
    version: ApiVersion  #: of the compatible API
    url: str  #: full, as the caller would have to write it, without the query
    query: tuple[tuple[str, str], ...]  #: in order, decoded

    @property
    def scope(self) -> Scope:
        """The workspace that the token opens."""
        return self.access.scope

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a snapshot of the state store."""
        with self.services.state.read() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[tuple[Connection, Receipt]]:
        """Yield the request's one transaction, committed at the end, and when it counts as said."""
        with self.services.state.write() as conn:
            # Inside: the writer before us may have been given a later moment than we had outside.
            yield conn, Receipt(self.services.clock(), self.services.journal_head())

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a transaction of a write that is no single moment, such as one step of many."""
        with self.services.state.write() as conn:
            yield conn

    def parameter(self, name: str) -> str | None:
        """Return the first query parameter called `name`, None if there is none or it is blank."""
        for known, value in self.query:
            if known == name:
                return value.strip() or None
        return None


def call_of(services: Services, request: Request[Any, Any, Any]) -> Call:
    """Return the call that the guard has let in."""
    access: Access = request.scope[ACCESS]  # type: ignore[literal-required]  # our own key
    url = request.url
    forwarded = request.headers.get("x-forwarded-proto", "").lower()
    # Behind a proxy that ends TLS the caller's own scheme is in this header.
    scheme = forwarded if forwarded in {"http", "https"} else url.scheme
    host = request.headers.get("host") or url.netloc
    raw_path = request.scope["raw_path"].decode("ascii", "replace")
    return Call(
        services,
        access,
        api_version(request.headers.get("accept")),
        f"{scheme}://{host}{raw_path}",
        tuple(parse_qsl(request.scope["query_string"].decode(), keep_blank_values=True)),
    )


#: Annotate a route's parameter `call` with this.
TheCall = NamedDependency[SkipValidation[Call]]
#: Annotate a route's parameter `services` with this, where there is no token to make a call of.
TheServices = NamedDependency[SkipValidation[Services]]
