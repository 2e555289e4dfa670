"""Tells who a token or an app key is, quickly, for every request."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection

from footfall.http.services import Actor
from footfall.kernel.addresses import network_of
from footfall.kernel.ids import ApiKeyId
from footfall.kernel.instants import MINUTE_MS, SECOND_MS, Clock, Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State, StateUnavailable
from footfall.workspaces import queries
from footfall.workspaces.logic import is_app_key, is_token, token_hash
from footfall.workspaces.types import Access, ApiKey, AppAccess

#: How long an answer counts: a revoked token is refused, and a new one admitted, within it.
FRESH_MS: Final = SECOND_MS
#: Answers kept. Refused tokens have their own few places, so that guessing evicts no real one.
KNOWN_TOKENS: Final = 10_000
REFUSED_TOKENS: Final = 1_000

#: How exactly the last use of a token is known: a write a minute costs nothing.
USE_MS: Final = MINUTE_MS

_Rights = TypeVar("_Rights")
_log = logging.getLogger(__name__)


def authenticate(conn: Connection, token: bytes) -> Access | None:
    """Return what `token` allows, or None if it is unknown or revoked."""
    found = queries.live_key(conn, token_hash(token)) if is_token(token) else None
    return None if found is None else _access(*found)


def _access(key: ApiKey, time_zone: str) -> Access:
    networks = key.allowed_networks
    return Access(
        scope=Scope(key.workspace_id),
        actor=Actor("token", key.id, key.name),
        api_key_id=key.id,
        may_read=key.scope != "write",
        may_write=key.scope != "read",
        may_manage=key.scope == "read-write",
        time_zone=time_zone,
        allowed_networks=None if networks is None else tuple(map(network_of, networks)),
        requests_per_second=key.requests_per_second,
    )


def app_access(conn: Connection, key: bytes) -> AppAccess | None:
    """Return what the app key allows, or None if it is unknown or revoked."""
    found = queries.live_app_key(conn, key.decode()) if is_app_key(key) else None
    if found is None:
        return None
    app_key, workspace = found
    return AppAccess(
        scope=Scope(workspace.id),
        app_key_id=app_key.id,
        allowed_origins=app_key.allowed_origins,
        events_per_second=app_key.events_per_second,
        time_zone=workspace.time_zone,
        identity_secret=workspace.identity_secret.encode(),
        require_signed_contacts=workspace.require_signed_contacts,
    )


class _Memory(Generic[_Rights]):
    """Remembers for a second what tokens allow. Used on one event loop."""

    def __init__(
        self,
        state: State,
        clock: Clock,
        is_possible: Callable[[bytes], bool],
        look_up: Callable[[Connection, bytes], _Rights | None],
    ) -> None:
        self._state = state
        self._clock = clock
        self._is_possible = is_possible
        self._look_up_in = look_up
        # Both: token -> (when it was looked up, the answer), the oldest look-up first.
        self._known: dict[bytes, tuple[int, _Rights]] = {}
        self._refused: dict[bytes, int] = {}
        self._running: dict[bytes, asyncio.Future[_Rights | None]] = {}

    def find(self, token: bytes) -> _Rights | None:
        """Return what `token` allows if that was looked up within the last second, else None."""
        known = self._known.get(token)
        # A clock that was set back makes an answer stale, not everlasting.
        if known is not None and 0 <= self._clock() - known[0] < FRESH_MS:
            return known[1]
        return None

    async def find_async(self, token: bytes) -> _Rights | None:
        """Return what `token` allows, or None if it is unknown or revoked.

        Where no fresh answer is known it is looked up on a thread, once for all who wait for it.

        Raises:
            StateUnavailable: The state store does not answer.
        """
        access = self.find(token)
        if access is not None or not self._is_possible(token):
            return access
        refused_at = self._refused.get(token)
        if refused_at is not None and 0 <= self._clock() - refused_at < FRESH_MS:
            return None
        running = self._running.get(token)
        if running is None:
            running = asyncio.ensure_future(self._look_up(token))
            self._running[token] = running
            running.add_done_callback(lambda _: self._running.pop(token, None))
        # Shielded: one client that hangs up must not cancel the look-up of the others.
        return await asyncio.shield(running)

    async def _look_up(self, token: bytes) -> _Rights | None:
        # Taken before reading, so that what changes meanwhile is seen a second from now at most.
        asked_at = self._clock()
        access = await asyncio.to_thread(self._read, token)
        self._known.pop(token, None)
        self._refused.pop(token, None)
        if access is None:
            self._refused[token] = asked_at
            if len(self._refused) > REFUSED_TOKENS:
                del self._refused[next(iter(self._refused))]
        else:
            self._known[token] = (asked_at, access)
            if len(self._known) > KNOWN_TOKENS:
                del self._known[next(iter(self._known))]
        return access

    def _read(self, token: bytes) -> _Rights | None:
        with self._state.read() as conn:
            return self._look_up_in(conn, token)


class Keyring(_Memory[Access]):
    """Knows the tokens of the REST API, and notes when each was used last."""

    def __init__(self, state: State, clock: Clock) -> None:
        super().__init__(state, clock, is_token, self._look_up_key)
        #: Uses that are not in the store yet; threads put them in and take them out.
        self._used: deque[tuple[ApiKeyId, Instant]] = deque()
        self._noting = False

    def _look_up_key(self, conn: Connection, token: bytes) -> Access | None:
        found = queries.live_key(conn, token_hash(token))
        if found is None:
            return None
        key, time_zone = found
        now = self._clock()
        # Of a clock that was set back, too: a use to come would hide all until then.
        if key.last_used_at is None or not 0 <= now - key.last_used_at < USE_MS:
            self._used.append((key.id, now))
        return _access(key, time_zone)

    async def _look_up(self, token: bytes) -> Access | None:
        access = await super()._look_up(token)
        if self._used and not self._noting:
            # One thread at most, and nobody waits for it: the store's writer may be busy.
            self._noting = True
            asyncio.get_running_loop().run_in_executor(None, self._note_uses)
        return access

    def _note_uses(self) -> None:
        try:
            while used := dict(self._taken()):
                with self._state.write() as conn:
                    queries.note_uses(conn, used)
        except StateUnavailable as error:
            # They are noted with a later use; who calls needs no store that can be written.
            _log.warning("the last use of some tokens is not noted: %s", error)
        finally:
            self._noting = False

    def _taken(self) -> Iterator[tuple[ApiKeyId, Instant]]:
        while self._used:
            yield self._used.popleft()


class AppKeyring(_Memory[AppAccess]):
    """Knows the app keys of browsers and mobile apps."""

    def __init__(self, state: State, clock: Clock) -> None:
        super().__init__(state, clock, is_app_key, app_access)
