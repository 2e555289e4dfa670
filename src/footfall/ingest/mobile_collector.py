"""Takes events off the wire of mobile apps, whose SDK speaks the compatible wire format."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import unquote

import msgspec

from footfall.http.edge import AsgiApp, AsgiScope, Receive, Send
from footfall.http.errors import MethodNotAllowed, Rendered, compatible_error
from footfall.http.headers import token_of
from footfall.http.services import Counters
from footfall.ingest.asgi import JSON, Headers, header, respond
from footfall.ingest.browser import Body, Item
from footfall.ingest.intake import Intake, check_origin
from footfall.ingest.mobile import event_of, notice_of, ping_of
from footfall.ingest.user_agents import Agent
from footfall.kernel.errors import Invalid, UserError
from footfall.kernel.instants import Clock
from footfall.workspaces.api import random_text
from footfall.workspaces.types import AppAccess

_PREFIX: Final = b"/api/sdk/"
_PATH: Final = re.compile(
    rb"/api/sdk/v1/(?:(ping|event|product_event|screen_event)"
    rb"|(push-notification|in-app-message)/([^/]{1,255})/(displayed|clicked|dismissed))/?"
)
#: As long as the cookie's.
VISITOR_KEY_CHARACTERS: Final = 12

_encode = msgspec.json.Encoder().encode


class _Call(NamedTuple):
    """What a request's path says."""

    address: str
    notice: tuple[str, str, str] | None  #: channel, id, action


class MobileCollector:
    """The ASGI application; one per process, in front of the others."""

    def __init__(
        self,
        app: AsgiApp,
        intake: Intake,
        *,
        counters: Counters,
        clock: Clock,
        new_request_id: Callable[[], str],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._app = app
        self._intake = intake
        self._counters = counters
        self._clock = clock
        self._new_request_id = new_request_id
        self._random_bytes = random_bytes

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request of an app's SDK; pass every other one on."""
        call = _recognised(scope)
        if call is None:
            await self._app(scope, receive, send)
            return

        async def handle(headers: Headers, receive: Receive) -> Rendered:
            return await self._answer(call, scope["method"], headers, receive)

        await respond(
            handle, scope, receive, send, self._counters, self._new_request_id, compatible_error
        )

    async def _answer(
        self, call: _Call, method: str, headers: Headers, receive: Receive
    ) -> Rendered:
        if method != "POST":
            refusal = compatible_error(MethodNotAllowed("Only POST is allowed here."))
            return refusal._replace(headers=[*refusal.headers, (b"allow", b"POST")])
        intake = self._intake
        access = await intake.access(token_of(header(headers, b"authorization")) or b"")
        check_origin(access, header(headers, b"origin"))
        intake.admit(access)
        payload = await intake.body(access, headers, receive)
        user_key = header(headers, b"x-user-key") or None
        os: str | None = None
        try:
            if call.address == "ping":
                item, os = ping_of(payload, user_key, self._clock())
                item.visitor = item.visitor or random_text(
                    VISITOR_KEY_CHARACTERS, self._random_bytes
                )
            else:
                item = self._item(call, payload, user_key)
        except UserError as error:
            await intake.keep(access, payload, error)
            raise
        told = await self._stored(access, item, os)
        if call.address == "ping":
            return Rendered(200, [JSON], _encode({"user": {"key": item.visitor}}))
        return Rendered(202, [JSON], _encode(told))

    def _item(self, call: _Call, payload: bytes, user_key: str | None) -> Item:
        if user_key is None:
            raise Invalid.at(
                "#X-User-Key",
                "contact_missing",
                "Say whose event this is: the X-User-Key header holds what a ping answered.",
            )
        if call.notice is not None:
            return notice_of(*call.notice, payload, user_key, self._clock())
        return event_of(call.address, payload, user_key, self._clock())

    async def _stored(self, access: AppAccess, item: Item, os: str | None) -> dict[str, int]:
        agent = Agent(is_bot=False, device_type="mobile", os=os, browser=None)
        kept = _encode({"events": [item]})
        outcome = await self._intake.store(access, agent, kept, Body([item], None))
        for _, error in outcome.rejected:
            raise error
        return {"accepted": outcome.accepted, "duplicates": outcome.duplicates}


def _recognised(scope: AsgiScope) -> _Call | None:
    """Return what the path says if it is one of ours."""
    if scope["type"] != "http" or not scope["raw_path"].startswith(_PREFIX):
        return None
    match = _PATH.fullmatch(scope["raw_path"])
    if match is None:
        return None
    if match[1] is not None:
        return _Call(match[1].decode(), None)
    channel, notice_id, action = (unquote(match[number].decode("latin-1")) for number in (2, 3, 4))
    return _Call(channel, (channel, notice_id, action))
