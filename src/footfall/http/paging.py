"""Cursor paging over things ordered by a growing id. Pure; the statements are the features'.

A cursor says which side of which id a page lies on. It is opaque and URL-safe, and stays good
when things before or after it come and go.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

from footfall.http.services import Call
from footfall.kernel.errors import Invalid

T = TypeVar("T")

#: The compatible API's (wire contract, section 1).
COMPATIBLE_LIMIT = 100
#: Ours.
DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
_MAX_ID = 2**63 - 1


class Cursor(NamedTuple):
    """Where a page lies: past `id`, or up to it (exclusive) when `backward`."""

    id: int = 0
    backward: bool = False

    def text(self) -> str:
        """Return the cursor as callers see it."""
        plain = f"{'b' if self.backward else 'a'}{self.id}"
        return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> Cursor:
    """Return the cursor written in `text`, the beginning for None.

    Raises:
        Invalid: Not one of ours.
    """
    if text is None:
        return Cursor()
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (Base64Error, ValueError):
        plain = ""
    side, number = plain[:1], plain[1:]
    if side in {"a", "b"} and number.isdecimal() and len(number) <= 19 and int(number) <= _MAX_ID:
        return Cursor(int(number), side == "b")
    raise Invalid.at(
        "#cursor", "broken_cursor", "This is no cursor. Take `next` from an earlier answer."
    )


def read_limit(text: str | None, default: int, maximum: int, name: str = "limit") -> int:
    """Return how many results to give; more than `maximum` are `maximum`.

    Raises:
        Invalid: Not a whole number from 1.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or not text.strip("0"):
        raise Invalid.at(f"#{name}", "not_a_limit", "This must be a whole number from 1.")
    return min(int(text[:9]), maximum)


class Page(NamedTuple, Generic[T]):
    """Some of the results, in order, and the cursors of what lies on either side."""

    results: Sequence[T]
    next: Cursor | None
    previous: Cursor | None


#: Returns up to `limit` things on the cursor's side, nearest to the cursor first.
Fetch = Callable[[Cursor, int], Sequence[T]]


def read_page(cursor: Cursor, limit: int, fetch: Fetch[T], id_of: Callable[[T], int]) -> Page[T]:
    """Return the page at `cursor`; fetches one thing more, to know if another page follows."""
    found = list(fetch(cursor, limit + 1))
    more = len(found) > limit
    found = found[:limit]
    if cursor.backward:
        found.reverse()
        # We came from there, so there was something; at worst that page is empty by now.
        after: Cursor | None = Cursor(max(cursor.id - 1, 0))
        before = Cursor(id_of(found[0]), backward=True) if more else None
    else:
        after = Cursor(id_of(found[-1])) if more else None
        before = Cursor(cursor.id + 1, backward=True) if cursor.id > 0 else None
    return Page(found, after, before)


def compatible_page(
    call: Call, fetch: Fetch[T], id_of: Callable[[T], int], count: int, show: Callable[[T], Any]
) -> dict[str, Any]:
    """Return a page as the compatible API answers: `next` and `previous` are whole URLs or null."""
    name = "page_size" if call.parameter("page_size") else "limit"
    limit = read_limit(call.parameter(name), COMPATIBLE_LIMIT, COMPATIBLE_LIMIT, name)
    page = read_page(read_cursor(call.parameter("cursor")), limit, fetch, id_of)
    return {
        "count": count,
        "next": _url(call, page.next),
        "previous": _url(call, page.previous),
        "results": [show(found) for found in page.results],
    }


def _url(call: Call, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    kept = [(name, value) for name, value in call.query if name != "cursor"]
    return f"{call.url}?{urlencode([*kept, ('cursor', cursor.text())])}"


def own_page(
    cursor: str | None,
    limit: int,
    fetch: Fetch[T],
    id_of: Callable[[T], int],
    show: Callable[[T], Any],
) -> dict[str, Any]:
    """Return a page as our API answers: `next` is taken back as `?cursor=`."""
    page = read_page(read_cursor(cursor), limit, fetch, id_of)
    return {
        "results": [show(found) for found in page.results],
        "next": None if page.next is None else page.next.text(),
    }
