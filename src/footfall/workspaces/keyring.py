"""Tells who a token is, quickly, for every request."""

import asyncio
from typing import Final

from sqlalchemy import Connection

from footfall.kernel.instants import SECOND_MS, Clock
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.workspaces import queries
from footfall.workspaces.logic import is_token, token_hash
from footfall.workspaces.types import Access

#: How long an answer counts: a revoked token is refused, and a new one admitted, within it.
FRESH_MS: Final = SECOND_MS
#: Answers kept. Refused tokens have their own few places, so that guessing evicts no real one.
KNOWN_TOKENS: Final = 10_000
REFUSED_TOKENS: Final = 1_000


def authenticate(conn: Connection, token: bytes) -> Access | None:
    """Return what `token` allows, or None if it is unknown or revoked."""
    found = queries.live_key(conn, token_hash(token)) if is_token(token) else None
    if found is None:
        return None
    key, time_zone = found
    return Access(
        scope=Scope(key.workspace_id),
        api_key_id=key.id,
        may_read=key.scope != "write",
        may_write=key.scope != "read",
        time_zone=time_zone,
    )


class Keyring:
    """Remembers for a second what tokens allow. Used on one event loop."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        # Both: token -> (when it was looked up, the answer), the oldest look-up first.
        self._known: dict[bytes, tuple[int, Access]] = {}
        self._refused: dict[bytes, int] = {}
        self._running: dict[bytes, asyncio.Future[Access | None]] = {}

    def find(self, token: bytes) -> Access | None:
        """Return what `token` allows if that was looked up within the last second, else None."""
        known = self._known.get(token)
        # A clock that was set back makes an answer stale, not everlasting.
        if known is not None and 0 <= self._clock() - known[0] < FRESH_MS:
            return known[1]
        return None

    async def find_async(self, token: bytes) -> Access | None:
        """Return what `token` allows, or None if it is unknown or revoked.

        Where no fresh answer is known it is looked up on a thread, once for all who wait for it.

        Raises:
            StateUnavailable: The state store does not answer.
        """
        access = self.find(token)
        if access is not None or not is_token(token):
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

    async def _look_up(self, token: bytes) -> Access | None:
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

    def _read(self, token: bytes) -> Access | None:
        with self._state.read() as conn:
            return authenticate(conn, token)
