"""Calls the REST API from within the process, with the rights of the person who is signed in.

A page can do nothing that the API cannot, and shows the calls it was made of.
"""

import shlex
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from footfall.http.edge import AsgiApp, Message
from footfall.http.services import ACCESS, Access

#: Amounts of money must not become binary fractions on their way to the page.
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
#: After a write the next page must show it: the copies of products and contacts are made by then,
#: unless an import keeps them busy. Nobody should wait for that.
_WAIT: Final = (b"prefer", b"wait=2")
_ASYNC: Final = (b"prefer", b"respond-async")

#: Query parameters by name; None is left out, a sequence is repeated.
Parameters = Mapping[str, Any]


class RecordedCall(NamedTuple):
    """A call that the page was made of."""

    method: str
    target: str  #: path and query
    body: str | None  #: JSON text

    def curl(self, origin: str) -> str:
        """Return the line that does the same from a terminal, with a token of one's own."""
        parts = ["curl", "-H", "'Authorization: Token '$TOKEN"]
        if self.method != "GET":
            parts += ["-X", self.method]
        if self.body is not None:
            parts += ["-H", shlex.quote("Content-Type: application/json")]
            parts += ["-d", shlex.quote(self.body)]
        return " ".join([*parts, shlex.quote(origin + self.target)])


class ApiRefusal(Exception):
    """The API said no; holds its problem details (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or "This did not work."))
        self.status = status
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail") or "This did not work.")
        self.problem = problem

    @property
    def by_field(self) -> dict[str, str]:
        """Return what is wrong by the name of the field, the whole under the empty name."""
        found: dict[str, str] = {}
        for error in self.problem.get("errors") or []:
            pointer = str(error.get("pointer", ""))
            name = pointer.removeprefix("#").strip("/").split("/", 1)[0]
            message = str(error.get("message", ""))
            found[name] = f"{found[name]} {message}" if name in found else message
        if not found:
            found[""] = self.detail
        return found


class Answer(NamedTuple):
    """A whole answer of the API."""

    status: int
    headers: dict[str, str]  #: by lower-cased name
    body: bytes


class ApiCaller:
    """The REST API as one person may use it, for one page."""

    def __init__(self, app: AsgiApp, access: Access, request_id: str) -> None:
        self._app = app
        self._access = access
        self._request_id = request_id
        self.calls: list[RecordedCall] = []

    async def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Return the decoded answer; a number with a fraction is a Decimal.

        Args:
            path: Whole, its segments encoded as `segment` does.

        Raises:
            ApiRefusal: It answered an error.
        """
        return await self._json("GET", path, parameters, None)

    async def post(self, path: str, body: Any = None, parameters: Parameters | None = None) -> Any:
        """Do the same with a JSON body; None: without one."""
        return await self._json("POST", path, parameters, body)

    async def begin(self, method: str, path: str, body: Any = None) -> Any:
        """Do the same with `Prefer: respond-async`: long work goes on after the answer."""
        return await self._json(method, path, None, body, prefer=_ASYNC)

    async def put(self, path: str, body: Any, parameters: Parameters | None = None) -> Any:
        """Do the same with a JSON body."""
        return await self._json("PUT", path, parameters, body)

    async def patch(self, path: str, body: Any, parameters: Parameters | None = None) -> Any:
        """Do the same with a JSON body."""
        return await self._json("PATCH", path, parameters, body)

    async def delete(self, path: str, parameters: Parameters | None = None) -> Any:
        """Do the same without a body."""
        return await self._json("DELETE", path, parameters, None)

    async def _json(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        body: Any,
        *,
        prefer: tuple[bytes, bytes] | None = None,
    ) -> Any:
        encoded = None if body is None else _encode(body)
        answer = await self._call(method, path, parameters, encoded, prefer or _WAIT)
        value = _decode(answer.body) if answer.body else None
        if answer.status >= 400:
            raise ApiRefusal(answer.status, value if isinstance(value, dict) else {})
        return value

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        body: bytes | None,
        prefer: tuple[bytes, bytes],
    ) -> Answer:
        query = urlencode(_listed(parameters or {}))
        target = f"{path}?{query}" if query else path
        self.calls.append(RecordedCall(method, target, _without_passwords(body)))
        headers = [
            (b"host", b"localhost"),
            (b"accept", b"application/json"),
            (b"x-request-id", self._request_id.encode()),
        ]
        if body is not None:
            headers.append((b"content-type", b"application/json"))
            headers.append((b"content-length", str(len(body)).encode()))
        if method != "GET":
            headers.append(prefer)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": None,
            "server": ("localhost", 80),
            "state": {},
            "extensions": {},
            ACCESS: self._access,
        }
        return await answered(self._app, scope, body or b"")


async def answered(app: AsgiApp, scope: dict[str, Any], body: bytes) -> Answer:
    """Return what an ASGI application answers to one whole request."""
    requested = False
    start: Message = {}
    parts: list[bytes] = []

    async def receive() -> Message:
        nonlocal requested
        if requested:
            return {"type": "http.disconnect"}
        requested = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(parts))


def segment(text: str | int) -> str:
    """Return `text` as one segment of a path, whatever is in it."""
    return quote(str(text), safe="")


def _listed(parameters: Parameters) -> Sequence[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.items():
        values = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, _text(one)) for one in values if one is not None and one != ""]
    return pairs


def _without_passwords(body: bytes | None) -> str | None:
    """Return a body as it may stand in a page: pages are looked at over shoulders, and kept."""
    if body is None:
        return None
    value = msgspec.json.decode(body)
    if isinstance(value, dict) and any(name.endswith("password") for name in value):
        shown = {name: "..." if name.endswith("password") else one for name, one in value.items()}
        return _encode(shown).decode()
    return body.decode()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
