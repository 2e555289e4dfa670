"""Answers the console's errors as pages that say what to do."""

import logging
from collections.abc import Callable
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException

from footfall.console.api_calls import ApiRefusal
from footfall.console.page_kit import (
    SignInNeeded,
    leading_to,
    plain_page,
    safe_target,
    sign_in_path,
)
from footfall.http.errors import REQUEST_ID
from footfall.kernel.errors import UserError

_log = logging.getLogger(__name__)
_TITLES: Final = {
    403: "You may not do this",
    404: "There is nothing here",
    413: "This is too large",
    429: "That was too often",
    503: "Not ready",
}


def _sign_in(request: Request[Any, Any, Any], error: SignInNeeded) -> Response[str]:
    target = safe_target(error.target)
    return leading_to(request, sign_in_path("" if target == "/" else target))


def _refused(request: Request[Any, Any, Any], status: int, text: str) -> Response[str]:
    # For htmx a line that stands where its part of the page would.
    is_part = request.headers.get("hx-request") == "true"
    title = _TITLES.get(status, "That did not work")
    template = "kit/refused_part.html" if is_part else "kit/refusal.html"
    return plain_page(template, status=status, title=title, text=text)


def _from_api(request: Request[Any, Any, Any], error: ApiRefusal) -> Response[str]:
    if error.status >= 500 and error.status != 503:
        _log.error("request %s: the API failed", request.scope.get(REQUEST_ID, "-"))
    return _refused(request, error.status, error.detail)


def _from_user_error(request: Request[Any, Any, Any], error: UserError) -> Response[str]:
    return _refused(request, error.status, error.message)


def _from_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    if error.status_code in {404, 405}:
        return _refused(request, 404, "The address may be wrong, or what was here is gone.")
    if error.status_code == 413:
        return _refused(request, 413, "A form may have 1 MiB.")
    if 400 <= error.status_code < 500:
        return _refused(request, error.status_code, "What was sent could not be read.")
    return _from_fault(request, error)


def _from_fault(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    request_id = str(request.scope.get(REQUEST_ID, "-"))
    _log.error("request %s %s failed", request_id, request.method, exc_info=error)
    text = f"Something went wrong on our side. The server's log tells more under {request_id}."
    return _refused(request, 500, text)


#: For the console's routes: every exception becomes a page here and nowhere else.
EXCEPTION_HANDLERS: Final[dict[int | type[Exception], Callable[..., Response[str]]]] = {
    SignInNeeded: _sign_in,
    ApiRefusal: _from_api,
    UserError: _from_user_error,
    HTTPException: _from_http_exception,
    Exception: _from_fault,
}
