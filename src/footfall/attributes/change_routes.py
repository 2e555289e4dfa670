"""HTTP of one attribute in our own API: what it is, changes of its type, and their undo."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from footfall.attributes import api
from footfall.attributes.answers import (
    AttributeDetail,
    TypeChange,
    TypeChangeAnswer,
)
from footfall.attributes.mending import Retried
from footfall.attributes.types import Change, Definition, ObjectKind, Objects
from footfall.http.edge import decoded_segment
from footfall.http.headers import prefers_async
from footfall.http.paging import check_parameters
from footfall.http.services import Call, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import NotFound

_TAGS: Final = ["attributes"]
_KINDS: Final[dict[str, ObjectKind]] = {"product": "product", "contact": "contact"}

#: By kind; given by bootstrap, as products and contacts are above this feature.
ObjectsByKind = Mapping[ObjectKind, Objects]
TheObjects = NamedDependency[SkipValidation[ObjectsByKind]]


def _kind(segment: str) -> ObjectKind:
    kind = _KINDS.get(segment)
    if kind is None:
        raise NotFound("Attributes are of a product or a contact.")
    return kind


@get("/api/v1/attributes/{kind:str}/{name:str}", summary="Read an attribute", tags=_TAGS)
@in_thread
def read_attribute(call: TheCall, kind: FromPath[str], name: FromPath[str]) -> AttributeDetail:
    """Answer the definition, how many values are set aside, and the changes of its type."""
    with call.read() as conn:
        return api.attribute_detail(
            conn, call.scope, _kind(kind), decoded_segment(name), call.services.clock()
        )


@patch(
    "/api/v1/attributes/{kind:str}/{name:str}",
    summary="Change an attribute",
    tags=_TAGS,
)
@in_thread
def change_attribute(
    call: TheCall,
    objects: TheObjects,
    request: Request[Any, Any, Any],
    kind: FromPath[str],
    name: FromPath[str],
    data: JSONBody[TypeChange],
    preview: FromQuery[bool] = False,
) -> Response[TypeChangeAnswer]:
    """Coerce all current values again and count those that fit; `preview=true` only counts.

    With `Prefer: respond-async` the answer is 202 while the work goes on; reading the attribute
    tells how far it has come.
    """
    check_parameters(call, {"preview"})
    state, clock, of = call.services.state, call.services.clock, objects[_kind(kind)]
    attribute = decoded_segment(name)
    if preview:
        answer = api.preview_change(
            state, call.scope, of, _kind(kind), attribute, data, now=clock()
        )
        return Response(answer)
    changed, change = api.begin_change(
        state, call.access, of, _kind(kind), attribute, data, clock=clock
    )
    return _worked_off(call, of, request, changed, change)


@post(
    "/api/v1/attributes/{kind:str}/{name:str}/undo",
    status_code=200,
    summary="Undo the last change of an attribute's type",
    tags=_TAGS,
)
@in_thread
def undo_change(
    call: TheCall,
    objects: TheObjects,
    request: Request[Any, Any, Any],
    kind: FromPath[str],
    name: FromPath[str],
) -> Response[TypeChangeAnswer]:
    """Bring back the former type, every value and what was set aside; later values count again."""
    state, clock, of = call.services.state, call.services.clock, objects[_kind(kind)]
    change = api.begin_undo(state, call.access, of, _kind(kind), decoded_segment(name), clock=clock)
    return _worked_off(call, of, request, change.before, change)


def _worked_off(
    call: Call,
    objects: Objects,
    request: Request[Any, Any, Any],
    attribute: Definition,
    change: Change | None,
) -> Response[TypeChangeAnswer]:
    services = call.services
    if change is None:
        return Response(api.changed_answer(attribute, None, services.clock()))
    begun = change
    if prefers_async(request.headers.get("prefer")):
        services.background.start(
            f"attribute change {begun.id}",
            lambda stopping: _in_background(call, objects, begun, stopping),
        )
        return Response(
            api.changed_answer(attribute, begun, services.clock()),
            status_code=202,
            headers={"preference-applied": "respond-async"},
        )
    done = api.finish(services.state, call.scope, objects, begun, clock=services.clock)
    return Response(api.changed_answer(attribute, done, services.clock()))


def _in_background(call: Call, objects: Objects, change: Change, stopping: Any) -> None:
    services = call.services
    try:
        api.finish(
            services.state, call.scope, objects, change, clock=services.clock, stopping=stopping
        )
    finally:
        services.changed()


@post(
    "/api/v1/attributes/{kind:str}/{name:str}/retry",
    status_code=200,
    summary="Try an attribute's set-aside values again",
    tags=_TAGS,
)
@in_thread
def retry_values(
    call: TheCall, objects: TheObjects, kind: FromPath[str], name: FromPath[str]
) -> Retried:
    """Accept those that fit now, each by its own time, and take them off the list."""
    return api.retry_set_aside(
        call.services.state,
        call.access,
        objects[_kind(kind)],
        _kind(kind),
        decoded_segment(name),
        call.services.clock,
    )


ROUTES: Final[list[HTTPRouteHandler]] = [
    read_attribute,
    change_attribute,
    undo_change,
    retry_values,
]
