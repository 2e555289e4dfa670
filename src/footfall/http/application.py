"""Builds the Litestar application out of the features' routes. Called by bootstrap and tests."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from litestar import Litestar, Request, Router
from litestar.datastructures import State as AppState
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler

from footfall.http import openapi, operations, widget
from footfall.http.auth import guard
from footfall.http.bodies import MAX_BODY_BYTES, JsonRequest
from footfall.http.edge import AsgiApp, Edge
from footfall.http.errors import EXCEPTION_HANDLERS
from footfall.http.openapi import ExtraPaths, document_of
from footfall.http.services import Call, Services, call_of


def create_application(
    routes: Sequence[HTTPRouteHandler],
    services: Services,
    *,
    dependencies: Mapping[str, Any] | None = None,
    extra_paths: ExtraPaths | None = None,
    routers: Sequence[Router] = (),
) -> Edge:
    """Return the ASGI application of the REST API.

    Args:
        routes: Of all features, with whole paths; every one of them asks for a token.
        dependencies: What routes take by name besides `call` and `services`.
        extra_paths: OpenAPI path items of what is served in front of this application.
        routers: Of what is no API and lets people in by its own rules: the console. It calls the
            API through `api_app` of the application's state.
    """
    registry = operations.metrics_registry(services)

    def provide_call(request: Request[Any, Any, Any]) -> Call:
        return call_of(services, request)

    provided = {"services": services, "registry": registry, **(dependencies or {})}
    app = Litestar(
        route_handlers=[
            Router(
                path="/",
                route_handlers=list(routes),
                guards=[guard],
                dependencies={"call": Provide(provide_call, sync_to_thread=False)},
            ),
            Router(path="/", route_handlers=[*operations.routes, *openapi.routes, *widget.routes]),
            *routers,
        ],
        dependencies={name: _constant(value) for name, value in provided.items()},
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=JsonRequest,
        request_max_body_size=MAX_BODY_BYTES,
        state=AppState({"services": services}),
        openapi_config=None,
        # Every exception is answered and logged once, with its request's id, by our handlers.
        logging_config=None,
        debug=False,
    )
    app.state.openapi_document = cache(
        lambda: document_of([*routes, *operations.routes], ["call", *provided], extra_paths or {})
    )
    edge = Edge(cast("AsgiApp", app), services)
    app.state.api_app = edge
    return edge


def _constant(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)
