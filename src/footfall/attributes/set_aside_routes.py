"""HTTP of values that were set aside: listed, grouped by reason, dismissed."""

from typing import Annotated, Final

import msgspec
from litestar import get, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from footfall.attributes import api
from footfall.attributes.answers import SetAsideAnswer, SetAsideGroup, shown_set_aside
from footfall.attributes.change_routes import TheObjects
from footfall.attributes.types import ObjectKind, SetAside
from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CursorParameter,
    check_parameters,
    packed_cursor,
    unpacked_cursor,
)
from footfall.http.services import TheCall
from footfall.http.threads import in_thread

_TAGS: Final = ["attributes"]

#: Reads where a page of set-aside values ends, as the store can hold it.
_decode_place: Final = msgspec.json.Decoder(
    tuple[
        Annotated[int, Meta(ge=0, le=2**63 - 1)],
        Annotated[str, Meta(max_length=255, pattern=r"^[^\x00]*$")],
    ]
).decode


class SetAsidePage(Struct, frozen=True):
    """Some values that were set aside, by object."""

    results: list[SetAsideAnswer]
    next: str | None


class SetAsideGroups(Struct, frozen=True):
    """What is set aside and not dismissed, the largest group first; 100 at most."""

    results: list[SetAsideGroup]


class Dismissal(Struct, frozen=True, forbid_unknown_fields=True):
    """Which values a person has seen; what is not named does not matter."""

    kind: ObjectKind
    dismissed: bool  #: false: list them again
    attribute: str | None = None  #: standard name
    code: str | None = None
    object_id: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class DismissalAnswer(Struct, frozen=True):
    """How many values were put away, or listed again."""

    changed: int


@get("/api/v1/set-aside-values", summary="List values that were set aside", tags=_TAGS)
@in_thread
def list_set_aside(
    call: TheCall,
    objects: TheObjects,
    kind: FromQuery[ObjectKind],
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    object_id: Annotated[
        int | None, QueryParameter(ge=1, le=2**53, description="Only its.")
    ] = None,
    attribute: Annotated[str | None, QueryParameter(description="Its standard name.")] = None,
    code: Annotated[str | None, QueryParameter(description="Why they do not fit.")] = None,
    dismissed: Annotated[
        bool | None, QueryParameter(description="Only those a person dismissed, or did not.")
    ] = None,
) -> SetAsidePage:
    """Answer the latest value of each object and attribute that did not fit the type."""
    check_parameters(
        call, {"kind", "cursor", "limit", "object_id", "attribute", "code", "dismissed"}
    )
    after = None if cursor is None else unpacked_cursor(cursor, _decode_place)
    with call.read() as conn:
        found = api.list_set_aside(
            conn,
            call.scope,
            kind,
            object_id=object_id,
            attribute=attribute,
            code=code,
            dismissed=dismissed,
            after=after,
            limit=limit + 1,
        )
        more = len(found) > limit
        found = found[:limit]
        names = objects[kind].custom_ids(conn, call.scope, {row.object_id for row in found})
    return SetAsidePage(shown_set_aside(found, names), _past(found[-1]) if more else None)


def _past(last: SetAside) -> str:
    return packed_cursor((last.object_id, last.name_std))


@get(
    "/api/v1/set-aside-values/groups",
    summary="Count values that were set aside, by attribute and reason",
    tags=_TAGS,
)
@in_thread
def group_set_aside(
    call: TheCall, objects: TheObjects, kind: FromQuery[ObjectKind | None] = None
) -> SetAsideGroups:
    """Answer each group with an example, and with what would mend it."""
    check_parameters(call, {"kind"})
    kinds: tuple[ObjectKind, ...] = ("product", "contact") if kind is None else (kind,)
    with call.read() as conn:
        return SetAsideGroups(
            [
                group
                for one in kinds
                for group in api.set_aside_groups(conn, call.scope, one, objects[one])
            ]
        )


@patch(
    "/api/v1/set-aside-values",
    summary="Dismiss values that were set aside, or list them again",
    tags=_TAGS,
)
@in_thread
def dismiss_set_aside(call: TheCall, data: JSONBody[Dismissal]) -> DismissalAnswer:
    """Put away what a person has seen; a newer value that does not fit is listed again."""
    with call.write() as (conn, receipt):
        return DismissalAnswer(
            api.dismiss_set_aside(
                conn,
                call.access,
                data.kind,
                attribute=data.attribute,
                code=data.code,
                object_id=data.object_id,
                dismissed=data.dismissed,
                now=receipt.now,
            )
        )


ROUTES: Final[list[HTTPRouteHandler]] = [list_set_aside, group_set_aside, dismiss_set_aside]
