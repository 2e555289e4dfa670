"""HTTP of what arrives, as it arrives."""

from typing import Annotated, Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter, SkipValidation

from footfall.http.edge import record_id
from footfall.http.event_stream import EventStream
from footfall.http.paging import check_parameters
from footfall.http.services import TheCall
from footfall.ingest import parameters
from footfall.ingest.broadcast import Watched
from footfall.ingest.detail import (
    ActivityDetail,
    EventDetail,
    activity_detail,
    event_detail,
)
from footfall.ingest.parameters import (
    MAX_ID,
    ContactIdParameter,
    ContactParameter,
    EventTypeParameter,
    ProductIdParameter,
    ProductParameter,
    TheWarehouse,
)
from footfall.ingest.stream import Streams
from footfall.kernel.errors import Invalid

TheStreams = NamedDependency[SkipValidation[Streams]]
KINDS: Final = ("product_event", "event", "page_view", "screen")
PARAMETERS: Final = frozenset(
    {"kind", "event_type", "contact", "contact_id", "product", "product_id", "after"}
)


def watched(
    kind: str | None = None,
    event_type: str | None = None,
    contact: str | None = None,
    contact_id: int | None = None,
    product: str | None = None,
    product_id: int | None = None,
) -> Watched:
    """Return what the parameters of a request choose, checked."""
    return Watched(
        kind=parameters.one_of(kind, KINDS, "#kind", code="unknown_kind"),
        event_type=parameters.event_type(event_type),
        contact=parameters.custom_id(contact, "#contact"),
        contact_id=contact_id,
        product=parameters.custom_id(product, "#product"),
        product_id=product_id,
    )


def last_seen(request: Request[Any, Any, Any], after: int | None) -> int | None:
    """Return the last id that the reader has: by the header of one that comes back, else `after`.

    Raises:
        Invalid: The header is no id.
    """
    header = request.headers.get("last-event-id", "").strip()
    if not header:
        return after
    if not (header.isascii() and header.isdecimal() and int(header[:19]) <= MAX_ID):
        raise Invalid.at("#Last-Event-ID", "unknown_event_id", "It is not the id of an event.")
    return int(header[:19])


@get("/api/v1/events/stream", summary="Watch events arrive", tags=["events"])
async def stream_events(
    call: TheCall,
    request: Request[Any, Any, Any],
    streams: TheStreams,
    kind: Annotated[str | None, QueryParameter(description=f"One of: {', '.join(KINDS)}.")] = None,
    event_type: EventTypeParameter = None,
    contact: ContactParameter = None,
    contact_id: ContactIdParameter = None,
    product: ProductParameter = None,
    product_id: ProductIdParameter = None,
    after: Annotated[
        int | None,
        QueryParameter(ge=0, le=MAX_ID, description="Begin past this id; else now."),
    ] = None,
) -> EventStream:
    """Answer product events and activities as server-sent events, as soon as they are visible."""
    check_parameters(call, PARAMETERS)
    wanted = watched(kind, event_type, contact, contact_id, product, product_id)
    return streams.open(call.scope, wanted, last_seen(request, after))


@get(
    "/api/v1/events/{event_id:str}",
    sync_to_thread=True,
    summary="Read an event",
    tags=["events"],
)
def read_event(call: TheCall, warehouse: TheWarehouse, event_id: FromPath[str]) -> EventDetail:
    """Answer one product event, what it changed, and which of its values were set aside."""
    check_parameters(call, set())
    return event_detail(call.services.state, warehouse, call.scope, record_id(event_id))


@get(
    "/api/v1/activities/{activity_id:str}",
    sync_to_thread=True,
    summary="Read an activity",
    tags=["activities"],
)
def read_activity(
    call: TheCall, warehouse: TheWarehouse, activity_id: FromPath[str]
) -> ActivityDetail:
    """Answer one activity, what it changed, and which of its values were set aside."""
    check_parameters(call, set())
    return activity_detail(call.services.state, warehouse, call.scope, record_id(activity_id))


ROUTES: Final[list[HTTPRouteHandler]] = [stream_events, read_event, read_activity]
