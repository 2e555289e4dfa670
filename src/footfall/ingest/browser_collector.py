"""Takes events off the wire of browsers: a bare ASGI application, as the collector is."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from footfall.http.cors import preflight, readable_by
from footfall.http.edge import AsgiApp, AsgiScope, Receive, Send
from footfall.http.errors import MethodNotAllowed, Rendered, problem
from footfall.http.services import Counters
from footfall.ingest.asgi import JSON, Headers, explained, header, respond
from footfall.ingest.browser import opened
from footfall.ingest.intake import Intake, Outcome, check_origin
from footfall.ingest.user_agents import agent_of
from footfall.kernel.errors import UserError
from footfall.workspaces.types import AppAccess

_PREFIX: Final = b"/api/browser/"
_PATH: Final = re.compile(rb"/api/browser/v1/events/([^/]{1,64})/?")
_ALLOW: Final = (b"allow", b"POST, OPTIONS")

_encode = msgspec.json.Encoder().encode


class BrowserCollector:
    """The ASGI application; one per process, in front of the others."""

    def __init__(
        self,
        app: AsgiApp,
        intake: Intake,
        *,
        counters: Counters,
        new_request_id: Callable[[], str],
    ) -> None:
        self._app = app
        self._intake = intake
        self._counters = counters
        self._new_request_id = new_request_id

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request that a browser sends events with; pass every other one on."""
        match = None
        if scope["type"] == "http" and scope["raw_path"].startswith(_PREFIX):
            match = _PATH.fullmatch(scope["raw_path"])
        if match is None:
            await self._app(scope, receive, send)
            return
        key = match[1]
        # Of a key that nobody has, everybody may know so.
        readable = readable_by(None, restricted=False)

        def render(error: UserError) -> Rendered:
            refusal = problem(error)
            return refusal._replace(headers=[*refusal.headers, *readable])

        async def handle(headers: Headers, receive: Receive) -> Rendered:
            nonlocal readable
            access = await self._intake.access(key)
            origin = header(headers, b"origin")
            readable = []  # for pages of other origins
            check_origin(access, origin)
            restricted = access.allowed_origins is not None
            readable = readable_by(origin, restricted=restricted)
            if scope["method"] == "POST":
                return Rendered(
                    202, [JSON, *readable], await self._events(access, headers, receive)
                )
            if scope["method"] == "OPTIONS":
                return Rendered(204, preflight(origin, restricted=restricted), b"")
            refusal = render(MethodNotAllowed("Only POST is allowed here."))
            return refusal._replace(headers=[*refusal.headers, _ALLOW])

        await respond(handle, scope, receive, send, self._counters, self._new_request_id, render)

    async def _events(self, access: AppAccess, headers: Headers, receive: Receive) -> bytes:
        intake = self._intake
        intake.admit(access)
        payload = await intake.body(access, headers, receive)
        try:
            body = opened(payload)
        except UserError as error:
            await intake.keep(access, payload, error)
            raise
        agent = agent_of(headers.get(b"user-agent"))
        return _encode(_told(await intake.store(access, agent, payload, body)))


def _told(outcome: Outcome) -> dict[str, object]:
    told: dict[str, object] = {
        "accepted": outcome.accepted,
        "duplicates": outcome.duplicates,
        "rejected": [
            {"index": index, "code": error.code, "message": explained(error)}
            for index, error in outcome.rejected
        ],
    }
    if outcome.unsigned:
        told["set_aside"] = [
            {
                "index": index,
                "code": "unsigned",
                "message": "user_id: This workspace believes it only with a signature.",
            }
            for index in outcome.unsigned
        ]
    return told
