"""What query parameters of lists, counts and reports mean."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from msgspec import Meta, Struct
from msgspec.json import Decoder

from footfall.http.paging import packed_cursor, unpacked_cursor
from footfall.http.services import Call
from footfall.ingest.logic import canonical_event_type
from footfall.ingest.types import EVENT_TYPES, SOURCES, Traffic
from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_id
from footfall.kernel.instants import Instant, instant_of_text, zone
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import get_workspace

MAX_ID: Final = 2**63 - 1
#: The year 2200: the warehouse's times end there, and no event is later.
_LAST_INSTANT: Final = 7_258_118_400_000
_TrafficChoice = Literal["visitor", "bot", "staff", "all"]
_TRAFFIC_CHOICES: Final[tuple[_TrafficChoice, ...]] = get_args(_TrafficChoice)

TheWarehouse = NamedDependency[SkipValidation[Warehouse]]
_Choice = TypeVar("_Choice", bound=str)

ContactParameter = Annotated[str | None, QueryParameter(description="The shop's id of a contact.")]
ContactIdParameter = Annotated[
    int | None, QueryParameter(ge=0, le=MAX_ID, description="Our id of a contact.")
]
ProductParameter = Annotated[str | None, QueryParameter(description="The shop's id of a product.")]
ProductIdParameter = Annotated[
    int | None, QueryParameter(ge=0, le=MAX_ID, description="Our id of a product.")
]
EventTypeParameter = Annotated[
    str | None, QueryParameter(description=f"One of: {', '.join(EVENT_TYPES)}.")
]
SourceParameter = Annotated[
    str | None, QueryParameter(description=f"One of: {', '.join(SOURCES)}.")
]
SinceParameter = Annotated[
    str | None,
    QueryParameter(
        name="from",
        description="Events from this time on: ISO 8601, a date, Unix seconds or milliseconds.",
    ),
]
UntilParameter = Annotated[
    str | None,
    QueryParameter(name="to", description="Events before this time, written like `from`."),
]
ZoneParameter = Annotated[
    str | None,
    QueryParameter(description="IANA name; where days begin. By default the workspace's."),
]
SessionParameter = Annotated[str | None, QueryParameter(description="A visit of a browser.")]
TrafficParameter = Annotated[
    str | None,
    QueryParameter(
        description=(
            f"One of: {', '.join(_TRAFFIC_CHOICES)}. Lists show all by default, counts visitors."
        )
    ),
]


class _Place(Struct, frozen=True):
    """Where a list that begins with the newest goes on."""

    before: Annotated[int, Meta(ge=0, le=MAX_ID)]


_decode_place: Final = Decoder(_Place).decode


def before(cursor: str | None) -> int | None:
    """Return the id before which a list goes on, None from the newest."""
    return unpacked_cursor(cursor, _decode_place).before if cursor else None


def cursor_before(position: int | None) -> str | None:
    """Return the cursor that `before` reads."""
    return None if position is None else packed_cursor(_Place(position))


def zone_of(call: Call, name: str | None) -> ZoneInfo:
    """Return where days begin: by name, or in the workspace."""
    if name is None:
        with call.read() as conn:
            return ZoneInfo(get_workspace(conn, call.scope.workspace_id).time_zone)
    found = zone(name)
    if found is None:
        raise Invalid.at(
            "#time_zone", "unknown_time_zone", "Use an IANA name such as Europe/Warsaw."
        )
    return found


def custom_id(text: str | None, pointer: str) -> str | None:
    """Return an id that the shop gave, checked."""
    return None if text is None else checked_id(text, pointer)


def event_type(text: str | None) -> str | None:
    """Return one of EVENT_TYPES, for any spelling of it."""
    if text is None:
        return None
    try:
        return canonical_event_type(text)
    except Invalid as error:
        raise Invalid.at("#event_type", error.code, error.message) from None


def source(text: str | None) -> str | None:
    """Return one of SOURCES."""
    return one_of(text, SOURCES, "#source", code="unknown_source")


def traffic(text: str | None, default: Traffic | None) -> Traffic | None:
    """Return whose visits are meant, None for everybody's."""
    chosen = one_of(text, _TRAFFIC_CHOICES, "#traffic", code="unknown_traffic")
    if chosen is None:
        return default
    return None if chosen == "all" else chosen


def one_of(
    text: str | None, choices: Sequence[_Choice], pointer: str, *, code: str
) -> _Choice | None:
    """Return the choice that a parameter names.

    Raises:
        Invalid: It is none of them.
    """
    if text is None:
        return None
    for choice in choices:
        if text == choice:
            return choice
    raise Invalid.at(pointer, code, f"Use one of: {', '.join(choices)}.")


def instant(text: str | None, pointer: str, days_in: ZoneInfo) -> Instant | None:
    """Return the time that a parameter names; far ones are the first or last there is."""
    if text is None:
        return None
    found = instant_of_text(text.strip(), days_in)
    if found is None:
        raise Invalid.at(
            pointer,
            "unreadable_time",
            "Use ISO 8601 (with + written as %2B), a date, Unix seconds or milliseconds.",
        )
    return Instant(min(max(found, 0), _LAST_INSTANT))
