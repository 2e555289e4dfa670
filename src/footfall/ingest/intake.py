"""Lets browsers and mobile apps in by their app key, and journals what they bring.

Whoever reads a shop's page knows its app key. So the key opens one workspace for writing and
nothing else; pages of other origins are turned away, floods refused before they are read.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from footfall.http.bodies import MAX_BODY_BYTES, inflated
from footfall.http.edge import Receive
from footfall.http.rate_limit import RateLimiter
from footfall.http.services import Counters
from footfall.ingest.asgi import (
    Headers,
    Oversized,
    explained,
    header,
    read_body,
)
from footfall.ingest.browser import Body, Sending, alone, records_of
from footfall.ingest.logic import key_hash
from footfall.ingest.types import Doing, RefusedRecord
from footfall.ingest.user_agents import Agent
from footfall.journal.types import Entry, Journal
from footfall.kernel.errors import Forbidden, Unauthorized, UserError
from footfall.kernel.instants import Clock
from footfall.workspaces.api import AppKeyring, origin_allowed
from footfall.workspaces.types import AppAccess

#: Of a refused request: more than the SDK sends, and less than would push out what others had kept.
KEPT_BYTES: Final = 64 << 10

_encode_record = msgspec.msgpack.Encoder().encode


class Outcome(NamedTuple):
    """What became of the items of a request."""

    accepted: int
    duplicates: int
    rejected: Sequence[tuple[int, UserError]]  #: (index, why)
    unsigned: Sequence[int]  #: indexes of items stored without their user_id


class Intake:
    """What the collectors of browsers and apps share behind their wire formats."""

    def __init__(
        self,
        *,
        journal: Journal,
        keyring: AppKeyring,
        limiter: RateLimiter,
        counters: Counters,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._keyring = keyring
        self._limiter = limiter
        self._counters = counters
        self._clock = clock

    async def access(self, key: bytes) -> AppAccess:
        """Return what the app key allows.

        Raises:
            Unauthorized: It is unknown or revoked.
        """
        access = self._keyring.find(key) or await self._keyring.find_async(key)
        if access is None:
            raise Unauthorized("There is no such app key, or it was revoked.")
        return access

    def admit(self, access: AppAccess) -> None:
        """Let a request in, before its body is read.

        Raises:
            Throttled: The key is over its limit.
        """
        self._limiter.admit(access.app_key_id, access.events_per_second)

    async def body(self, access: AppAccess, headers: Headers, receive: Receive) -> bytes:
        """Return the body of a request; one that cannot be had is kept.

        Raises:
            UserError: Too large, too slow, or packed in a way that we do not know.
        """
        payload = b""
        try:
            payload = await read_body(headers, receive, MAX_BODY_BYTES)
            return inflated(payload, header(headers, b"content-encoding"), MAX_BODY_BYTES)
        except UserError as error:
            await self.keep(access, error.start if isinstance(error, Oversized) else payload, error)
            raise

    async def keep(self, access: AppAccess, payload: bytes, error: UserError) -> None:
        """Journal a refused request, so that it can be mended and replayed."""
        await self._journal.submit(
            [_refused(access.scope.workspace_id, self._clock(), payload, error)]
        )
        self._counters.events_refused += 1

    async def store(self, access: AppAccess, agent: Agent, payload: bytes, body: Body) -> Outcome:
        """Journal the items of a request, the refused ones, too.

        Args:
            payload: `body` as a browser writes it, of which refused items are kept.
        """
        self._limiter.owe(access.app_key_id, access.events_per_second, len(body.items) - 1)
        received_at = self._clock()
        sending = Sending(
            access.scope.workspace_id,
            received_at,
            ZoneInfo(access.time_zone),
            access.identity_secret,
            access.require_signed_contacts,
            body.skew_ms(received_at),
            agent,
        )
        entries: list[Entry] = []
        own: list[int] = []  # which entries are the items' own
        rejected: list[tuple[int, UserError]] = []
        unsigned: list[int] = []
        for index, item in enumerate(body.items):
            try:
                read = records_of(item, sending)
            except UserError as error:
                rejected.append((index, error))
                continue
            if read.unsigned_user_id is not None:
                unsigned.append(index)
            entries += map(entry_of, read.records)
            own.append(len(entries) - 1)
        if rejected:
            indexes = [index for index, _ in rejected]
            kept = [payload] if len(body.items) == 1 else alone(payload, indexes)
            for (_, wrong), one in zip(rejected, kept, strict=True):
                entries.append(_refused(sending.workspace_id, received_at, one, wrong))
        appended = await self._journal.submit(entries) if entries else []
        repeats = sum(appended[place].repeated for place in own)
        self._counters.events_accepted += len(own) - repeats
        self._counters.events_repeated += repeats
        self._counters.events_refused += len(rejected)
        return Outcome(len(own) - repeats, repeats, rejected, unsigned)


def check_origin(access: AppAccess, origin: str | None) -> None:
    """Do nothing for a page that may use the key.

    A request without an origin comes from no page: browsers always send one.

    Raises:
        Forbidden: The key does not allow pages of this origin.
    """
    if origin is not None and not origin_allowed(origin, access.allowed_origins):
        raise Forbidden(
            f"This app key is not for pages of {origin[:255]}.", code="origin_not_allowed"
        )


def entry_of(record: Doing) -> Entry:
    """Return the record as the journal takes it, known by its event key."""
    key = record.event_key
    return Entry(
        None if key is None else key_hash(record.workspace_id, key), _encode_record(record)
    )


def _refused(workspace_id: int, received_at: int, payload: bytes, error: UserError) -> Entry:
    record = RefusedRecord(
        workspace_id,
        received_at,
        "browser",
        None,
        "browser",
        None,
        payload[:KEPT_BYTES],
        error.code,
        explained(error),
        None,
    )
    return Entry(None, _encode_record(record))
