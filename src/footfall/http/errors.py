"""How errors look on the wire, in the two styles of decisions.md. Plain functions, usable anywhere.

The compatible API (`/api/public/`) answers as its clients expect; ours (`/api/v1/` and the rest)
with RFC 9457 problem details. The collector calls the same functions as the Litestar routes.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    ValidationException,
)

from footfall.kernel.errors import (
    Invalid,
    NotFound,
    Problem,
    TooLarge,
    UserError,
)

#: Of what clients of the compatible API and of its mobile SDKs ask.
COMPATIBLE_PREFIXES: Final = ("/api/public/", "/api/sdk/")
#: The key of the ASGI scope under which the edge leaves the request's id.
REQUEST_ID: Final = "footfall.request_id"

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode

#: What a compatible client finds under a field's name; everything else is a `detail`.
_FIELD_STATUSES: Final = frozenset({400, 409, 422})
_TITLES: Final = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Content too large",
    415: "Unsupported media type",
    429: "Too many requests",
    500: "Internal server error",
    503: "Service unavailable",
}


class MethodNotAllowed(UserError):
    """The path exists, the method on it does not."""

    status = 405
    code = "method_not_allowed"


class NotAcceptable(UserError):
    """The Accept header asks for an API version that there is not."""

    status = 406
    code = "unknown_version"


class UnsupportedMediaType(UserError):
    """The body is neither JSON nor JSON in gzip."""

    status = 415
    code = "unsupported_media_type"


class Rendered(NamedTuple):
    """A whole answer: what `http.response.start` and `http.response.body` carry."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def compatible_error(error: UserError) -> Rendered:
    """Return `error` as the compatible API says it: `{"detail"}`, or `{"field": [...]}` for 400."""
    status = 400 if error.status in _FIELD_STATUSES else error.status
    content: dict[str, Any]
    if status == 400:
        content = {}
        for problem in error.problems or (Problem("", error.code, error.message),):
            content.setdefault(_field(problem.pointer), []).append(problem.message)
    else:
        content = {"detail": error.message}
    return Rendered(status, _headers(error, b"application/json"), _encode(content))


def problem(error: UserError) -> Rendered:
    """Return `error` as RFC 9457 problem details with a stable `code`."""
    content = {
        "type": "about:blank",
        "title": _TITLES.get(error.status, "Error"),
        "status": error.status,
        "code": error.code,
        "detail": error.message,
        "errors": [
            {"pointer": found.pointer, "code": found.code, "message": found.message}
            for found in error.problems
        ],
    }
    return Rendered(error.status, _headers(error, b"application/problem+json"), _encode(content))


def rendered(error: UserError, path: str) -> Rendered:
    """Return `error` in the style of the API that `path` belongs to."""
    return compatible_error(error) if path.startswith(COMPATIBLE_PREFIXES) else problem(error)


def fault(request_id: str, path: str) -> Rendered:
    """Return the answer to a request that failed by our own fault; it tells the id and no more."""
    return rendered(internal_error(request_id), path)


def internal_error(request_id: str) -> UserError:
    """Return what can be said of a fault of our own: where our log tells more."""
    error = UserError(
        f"Something went wrong on our side. Our log tells more under {request_id}.",
        code="internal_error",
    )
    error.status = 500
    return error


def _field(pointer: str) -> str:
    if pointer.startswith("#"):
        return pointer[1:]
    first = pointer.removeprefix("/").split("/", 1)[0]
    return first.replace("~1", "/").replace("~0", "~") or "non_field_errors"


def _headers(error: UserError, media_type: bytes) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", media_type)]
    retry_after = getattr(error, "retry_after_seconds", None)
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    if error.status == 401:
        headers.append((b"www-authenticate", b"Token"))
    return headers


def _as_response(answer: Rendered, more_headers: dict[str, str] | None = None) -> Response[bytes]:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    media_type = headers.pop("content-type")
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=media_type,
        headers={**headers, **(more_headers or {})},
    )


def _from_user_error(request: Request[Any, Any, Any], error: UserError) -> Response[bytes]:
    return _as_response(rendered(error, f"{request.scope['path']}/"))


def _from_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    translated = _translated(error)
    if translated is None:
        return _from_fault(request, error)
    allow = error.headers if isinstance(error, MethodNotAllowedException) else None
    return _as_response(rendered(translated, f"{request.scope['path']}/"), allow)


def _translated(error: HTTPException) -> UserError | None:
    if isinstance(error, ValidationException):
        return _from_validation(error)
    if isinstance(error, MethodNotAllowedException):
        return MethodNotAllowed("This method is not allowed here.")
    match error.status_code:
        case 404:
            return NotFound("There is nothing at this address.")
        case 413:
            return TooLarge("The body of a request may have 1 MiB.")
        case status if 400 <= status < 500:
            return Invalid("The request could not be read.")
    return None


def _from_validation(error: ValidationException) -> UserError:
    messages: list[Any] = error.extra if isinstance(error.extra, list) else []
    problems = tuple(
        Problem(_pointer(found), "invalid_value", _message(found)) for found in messages
    )
    if not problems:
        return Invalid("The request could not be read.")
    return Invalid(" ".join(found.message for found in problems), problems=problems)


def _message(found: dict[str, Any]) -> str:
    message = str(found.get("message", "Invalid value"))
    # Litestar's message for a value that is missing is nothing but its name.
    if message == "'data'":
        return "The request needs a JSON body."
    if message.startswith("'"):
        return f"{message.strip(chr(39))} is required."
    return in_plain_words(message)


#: What the decoder calls the types of JSON, in its own order of appearance.
_TYPE_NAMES: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_SHOWN_CHARACTERS: Final = 64
_EXPECTED = re.compile(r"Expected `([a-z| ]+)`(?: (<=|>=) (-?[0-9]+)|, got `([a-z]+)`)?")
_FIELD = re.compile(r"Object (contains unknown|missing required) field `([^`]*)`")


def in_plain_words(message: str) -> str:
    """Return what the decoder says of a value of the wrong type, without names of Python's types.

    Other messages come back as they are; all end with a full stop.
    """
    message = message.rstrip(".")
    if (field := _FIELD.fullmatch(message)) is not None:
        missing = field[1] == "missing required"
        return f"The field {field[2]} is {'required' if missing else 'not known here'}."
    value = message.removeprefix("Invalid enum value ")
    if value != message:
        # As it was sent, so perhaps as long as the body.
        shown = value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…"
        return f"{shown} is none of the values that may stand here."
    found = _EXPECTED.fullmatch(message)
    if found is None:
        return f"{message}."
    wanted = " or ".join(
        _TYPE_NAMES.get(name, name) for name in found[1].split(" | ") if name != "null"
    )
    detail = ""
    if found[2] is not None:
        detail = f", {'at most' if found[2] == '<=' else 'at least'} {found[3]}"
    elif found[4] is not None:
        detail = f", got {_TYPE_NAMES.get(found[4], found[4])}"
    return f"Expected {wanted}{detail}."


def _pointer(found: dict[str, Any]) -> str:
    key = str(found.get("key", ""))
    field = _FIELD.fullmatch(str(found.get("message", "")))
    if key in {"", "data"}:
        return "" if field is None else f"/{field[2]}"
    if found.get("source") == "body":
        return "/" + key.replace(".", "/")
    return f"#{key}"


def _from_fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    request_id = str(request.scope.get(REQUEST_ID, "-"))
    _log.error("request %s %s failed", request_id, request.method, exc_info=error)
    return _as_response(fault(request_id, f"{request.scope['path']}/"))


#: For Litestar: every exception becomes an answer here and nowhere else.
EXCEPTION_HANDLERS: Final[dict[int | type[Exception], Callable[..., Response[bytes]]]] = {
    UserError: _from_user_error,
    HTTPException: _from_http_exception,
    Exception: _from_fault,
}
