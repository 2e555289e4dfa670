"""HTTP of failed events: look at them, group them, mend and replay them, put them away."""

from typing import Annotated, Any, Final, get_args

import msgspec
from litestar import Request, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation
from msgspec import Meta, Struct

from footfall.http.bodies import inflated
from footfall.http.edge import record_id
from footfall.http.headers import preferred_wait
from footfall.http.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CursorParameter,
    check_parameters,
    unpacked_cursor,
)
from footfall.http.services import TheCall
from footfall.ingest import failed, parameters
from footfall.ingest.collector import Advisor, Visibility
from footfall.ingest.failed import Correction, Replayed
from footfall.ingest.parameters import SinceParameter, SourceParameter, UntilParameter
from footfall.ingest.types import FailedEvent, FailedFilter, FailedGroup, FailedState
from footfall.journal.types import Journal

_FAILED_TAGS: Final = ["failed events"]
_STATES: Final[tuple[FailedState, ...]] = get_args(FailedState)
_decode_id: Final = msgspec.json.Decoder(Annotated[int, Meta(ge=0, le=2**63 - 2)]).decode

TheJournal = NamedDependency[SkipValidation[Journal]]
TheAdvisor = NamedDependency[SkipValidation[Advisor]]
TheVisibility = NamedDependency[SkipValidation[Visibility]]


class FailedEventPage(Struct, frozen=True):
    """Some failed events, the newest first."""

    results: list[FailedEvent]
    next: str | None


class FailedGroups(Struct, frozen=True):
    """Why input was refused; what waits most comes first."""

    results: list[FailedGroup]


class ReplayAnswer(Struct, frozen=True):
    """The event that a failed event became."""

    id: int


class ManyToReplay(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the failed events that wait to send again; what is not named does not matter."""

    code: str | None = None
    source: str | None = None
    cursor: str | None = None  #: `next` of the answer before


class Dismissal(Struct, frozen=True, forbid_unknown_fields=True):
    """Which failed events a person has seen: those of `ids`, or all of a reason."""

    dismissed: bool  #: false: have them wait again
    ids: Annotated[list[int], Meta(min_length=1, max_length=1_000)] | None = None
    code: str | None = None
    source: str | None = None


class DismissalAnswer(Struct, frozen=True):
    """How many failed events were put away, or brought back."""

    changed: int


@get("/api/v1/failed-events", sync_to_thread=True, summary="List failed events", tags=_FAILED_TAGS)
def list_failed_events(
    call: TheCall,
    cursor: CursorParameter = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    code: Annotated[str | None, QueryParameter(description="Why they failed.")] = None,
    source: SourceParameter = None,
    status: Annotated[
        str | None, QueryParameter(description=f"One of: {', '.join(_STATES)}.")
    ] = None,
    since: SinceParameter = None,
    until: UntilParameter = None,
    search: Annotated[
        str | None, QueryParameter(description="Text in the payload, message, product or key.")
    ] = None,
) -> FailedEventPage:
    """Answer refused input, the newest first; it is kept for 30 days, and 256 MiB of it at most."""
    known = {"cursor", "limit", "code", "source", "status", "from", "to", "search"}
    check_parameters(call, known)
    zone = parameters.zone_of(call, None)
    wanted = FailedFilter(
        code=code,
        source=parameters.source(source),
        state=parameters.one_of(status, _STATES, "#status", code="unknown_status"),
        since=parameters.instant(since, "#from", zone),
        until=parameters.instant(until, "#to", zone),
        text=search or None,
    )
    with call.read() as conn:
        results, next_before = failed.list_failed_events(
            conn, call.scope, wanted, before_id=parameters.before(cursor), limit=limit
        )
    return FailedEventPage(results, parameters.cursor_before(next_before))


@get(
    "/api/v1/failed-events/groups",
    sync_to_thread=True,
    summary="Count failed events by reason",
    tags=_FAILED_TAGS,
)
def group_failed_events(call: TheCall) -> FailedGroups:
    """Answer each reason and source with an example, what waits most first."""
    check_parameters(call, ())
    with call.read() as conn:
        return FailedGroups(failed.group_failed_events(conn, call.scope))


@patch(
    "/api/v1/failed-events",
    sync_to_thread=True,
    summary="Dismiss failed events, or have them wait again",
    tags=_FAILED_TAGS,
)
def dismiss_failed_events(call: TheCall, data: JSONBody[Dismissal]) -> DismissalAnswer:
    """Put away what a person has seen; nothing is deleted, and what was replayed stays so."""
    wanted = FailedFilter(code=data.code, source=parameters.source(data.source))
    with call.write() as (conn, receipt):
        return DismissalAnswer(
            failed.dismiss(
                conn,
                call.access,
                wanted,
                data.ids,
                dismissed=data.dismissed,
                now=receipt.now,
            )
        )


@post(
    "/api/v1/failed-events/replay",
    status_code=200,
    summary="Send failed events again",
    tags=_FAILED_TAGS,
)
async def replay_failed_events(
    call: TheCall, journal: TheJournal, advisor: TheAdvisor, data: JSONBody[ManyToReplay]
) -> Replayed:
    """Try the next 200 that wait, the oldest first; `next` goes on with those `left`."""
    return await failed.replay_many(
        call.services.state,
        journal,
        advisor,
        call.access,
        FailedFilter(code=data.code, source=parameters.source(data.source)),
        after_id=0 if data.cursor is None else unpacked_cursor(data.cursor, _decode_id),
        clock=call.services.clock,
    )


@get(
    "/api/v1/failed-events/{failed_id:str}",
    sync_to_thread=True,
    summary="Read a failed event",
    tags=_FAILED_TAGS,
)
def read_failed_event(call: TheCall, failed_id: FromPath[str]) -> FailedEvent:
    """Answer the payload as it was received, and why it was refused."""
    with call.read() as conn:
        return failed.get_failed_event(conn, call.scope, record_id(failed_id))


@post(
    "/api/v1/failed-events/{failed_id:str}/replay",
    status_code=200,
    summary="Send a failed event again",
    tags=_FAILED_TAGS,
)
async def replay_failed_event(
    call: TheCall,
    journal: TheJournal,
    advisor: TheAdvisor,
    visibility: TheVisibility,
    failed_id: FromPath[str],
    request: Request[Any, Any, Any],
    product: Annotated[
        str | None,
        QueryParameter(
            description="The shop's id, in place of the product that the address named."
        ),
    ] = None,
) -> ReplayAnswer:
    """Answer the `id` of the event it became. A body is taken in place of the kept payload."""
    body = inflated(await request.body(), request.headers.get("content-encoding"))
    position = await failed.replay(
        call.services.state,
        journal,
        advisor,
        call.access,
        record_id(failed_id),
        Correction(body or None, product),
        clock=call.services.clock,
    )
    # The edge waits for copies of changed objects; the event itself is waited for here.
    seconds = preferred_wait(request.headers.get("prefer"))
    if seconds is not None:
        await visibility.wait(position, seconds)
    return ReplayAnswer(position)


ROUTES: Final[list[HTTPRouteHandler]] = [
    list_failed_events,
    group_failed_events,
    dismiss_failed_events,
    replay_failed_events,
    read_failed_event,
    replay_failed_event,
]
