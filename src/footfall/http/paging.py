"""Cursor paging over things ordered by a growing id. Pure; the statements are the features'.

A cursor says which side of which id a page lies on. It is opaque and URL-safe, and stays good
when things before or after it come and go.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar.params import QueryParameter

from footfall.http.services import Call
from footfall.kernel.errors import Invalid

T = TypeVar("T")
S = TypeVar("S")
#: Annotate the parameter `cursor` of our API's lists with this.
CursorParameter = Annotated[
    str | None,
    QueryParameter(description="`next` of an earlier answer; the list goes on from there."),
]

#: The compatible API's (wire contract, section 1).
COMPATIBLE_LIMIT = 100
#: Ours.
DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
#: Ids as the stores hold them.
_decode_place = msgspec.json.Decoder(
    tuple[Annotated[int, msgspec.Meta(ge=0, le=2**63 - 2)], bool]
).decode


class Cursor(NamedTuple):
    """Where a page lies: past `id`, or before it when `backward`."""

    id: int = 0
    backward: bool = False


def packed_cursor(place: Any) -> str:
    """Return `place`, a JSON value, as callers see it: opaque and safe in URLs."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def unpacked_cursor(text: str, decode: Callable[[bytes], T]) -> T:
    """Return the place that was packed into `text`.

    Args:
        decode: Of msgspec, for the shape the place must have.

    Raises:
        Invalid: Not one of ours.
    """
    try:
        packed = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return decode(packed)
    except (ValueError, RecursionError) as error:  # every error of both decoders is a ValueError
        raise Invalid.at(
            "#cursor", "broken_cursor", "This is no cursor. Take `next` from an earlier answer."
        ) from error


def read_cursor(text: str | None) -> Cursor:
    """Return the cursor packed into `text`, the beginning for None.

    Raises:
        Invalid: Not one of ours.
    """
    return Cursor() if text is None else Cursor(*unpacked_cursor(text, _decode_place))


def check_parameters(
    call: Call, known: Collection[str], *, repeatable: Collection[str] = ()
) -> None:
    """Refuse parameters that would be passed over: a filter misspelt is a wrong answer.

    Raises:
        Invalid: One that is not `known`, or one given twice that is not `repeatable`.
    """
    names = [name for name, _ in call.query]
    for name in names:
        if name not in known:
            raise Invalid.at(
                f"#{name}", "unknown_parameter", f"Use one of: {', '.join(sorted(known))}."
            )
        if name not in repeatable and names.count(name) > 1:
            raise Invalid.at(f"#{name}", "repeated_parameter", "This may be given once.")


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
    return f"{call.url}?{urlencode([*kept, ('cursor', packed_cursor(cursor))])}"


def own_page(
    cursor: str | None,
    limit: int,
    fetch: Fetch[T],
    id_of: Callable[[T], int],
    show: Callable[[T], S],
) -> tuple[list[S], str | None]:
    """Return (results, next) of a page as our API answers; `next` is taken back as `?cursor=`."""
    page = read_page(read_cursor(cursor), limit, fetch, id_of)
    return (
        [show(found) for found in page.results],
        None if page.next is None else packed_cursor(page.next),
    )
