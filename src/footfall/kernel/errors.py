"""Errors of the person who called us. Everything else is ours: logged, and shown as a 500."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the input."""

    pointer: str  #: RFC 6901 into the body, "" for all of it; "#name": a query parameter
    code: str  #: stable, snake_case
    message: str  #: what is wrong and what to do


class UserError(Exception):
    """The caller's mistake: said with a stable code, kept where it is a product event, never paged.

    Args:
        message: One sentence, plain words, without internals.
        code: Stable snake_case name; defaults to the class's.
        problems: Where in the input, if it is known.
    """

    status = 400
    code = "invalid_request"

    def __init__(
        self, message: str, *, code: str | None = None, problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems
        if code is not None:
            self.code = code

    @classmethod
    def at(cls, pointer: str, code: str, message: str) -> Self:
        """Return the error for one wrong place."""
        return cls(message, code=code, problems=(Problem(pointer, code, message),))


class Invalid(UserError):
    """The input has the wrong shape or a value that cannot be."""


class Unauthorized(UserError):
    """No token, or one that is unknown or revoked."""

    status = 401
    code = "unauthorized"


class Forbidden(UserError):
    """A known token whose scope does not allow this."""

    status = 403
    code = "forbidden"


class NotFound(UserError):
    """Nothing in this workspace has that id."""

    status = 404
    code = "not_found"


class Conflict(UserError):
    """The wish contradicts what is stored."""

    status = 409
    code = "conflict"


class TooLarge(UserError):
    """Over a limit of decision 24."""

    status = 413
    code = "too_large"


class Unavailable(UserError):
    """Nothing is wrong with the request; we cannot take it now. Retry after the seconds given."""

    status = 503
    code = "unavailable"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after_seconds: int = 1
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds
