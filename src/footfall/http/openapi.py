"""The OpenAPI document of our API, and the routes that serve it and its page."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from footfall import __version__
from footfall.http.documentation import METHODS, documentation_page
from footfall.http.errors import COMPATIBLE_PREFIXES

DOCUMENT_PATH: Final = "/api/v1/openapi.json"
#: Path items of operations that Litestar does not serve itself.
ExtraPaths = Mapping[str, Mapping[str, Any]]

_DESCRIPTION: Final = (
    "Send `Authorization: Token <64 characters>` with every request. Errors are RFC 9457 problem"
    " details with a stable `code`. `Prefer: wait` on a write answers when it is visible."
)

_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "code", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable."},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "RFC 6901 into the body; `#name`: a query parameter.",
                    },
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_OWN_ERROR: Final = {
    "description": "Problem details",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_COMPATIBLE_ERROR: Final = {
    "description": '`{"detail"}`, or for 400 messages by field',
    "content": {"application/json": {"schema": {"type": "object"}}},
}
#: The framework's stock phrases, said plainly.
_SUCCESSES: Final = {
    "Request fulfilled, document follows": "Done.",
    "Document created, URL follows": "Created.",
    "Request fulfilled, nothing follows": "Done; the answer has no body.",
}
_UNREADY: Final = {"503": {"description": "Not ready"}}
_TOKEN: Final = SecurityScheme(
    type="apiKey",
    name="Authorization",
    security_scheme_in="header",
    description="`Token ` and the 64 characters.",
)


def document_of(
    routes: Sequence[HTTPRouteHandler], dependencies: Sequence[str], extra_paths: ExtraPaths
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `routes` and `extra_paths`.

    Args:
        dependencies: Names of what routes take that is no parameter of theirs.
    """
    # An application that serves nothing: a serving one would add pages that load foreign scripts.
    app = Litestar(
        list(routes),
        logging_config=None,
        dependencies={name: _placeholder() for name in dependencies},
        openapi_config=OpenAPIConfig(
            title="Footfall",
            use_handler_docstrings=True,
            version=__version__,
            description=_DESCRIPTION,
            security=[{"token": []}],
            components=Components(security_schemes={"token": _TOKEN}),
        ),
    )
    document: dict[str, Any] = dict(app.openapi_schema.to_schema())
    paths: dict[str, Any] = {path: dict(item) for path, item in document["paths"].items()}
    for path, item in extra_paths.items():
        paths[path] = {**paths.get(path, {}), **item}
    for path, item in paths.items():
        for method in METHODS:
            if method in item:
                item[method] = _with_errors(path, item[method])
    document["paths"] = dict(sorted(paths.items()))
    document["components"].setdefault("schemas", {})["Problem"] = _PROBLEM
    return document


def _with_errors(path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation with what it answers when it does not do what was asked."""
    # The framework documents answers of its own that our error handlers never give.
    responses = {
        status: {**found, "description": _SUCCESSES.get(found["description"], found["description"])}
        for status, found in operation["responses"].items()
        if status < "400"
    }
    if path.startswith("/api/"):
        compatible = path.startswith(COMPATIBLE_PREFIXES)
        responses["default"] = _COMPATIBLE_ERROR if compatible else _OWN_ERROR
        return {**operation, "responses": responses}
    return {**operation, "responses": {**responses, **_UNREADY}, "security": []}


def _placeholder() -> Provide:
    return Provide(lambda: None, sync_to_thread=False)  # Litestar wants each name its own


@get(DOCUMENT_PATH, sync_to_thread=False, include_in_schema=False)
def openapi_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the OpenAPI document."""
    return Response(
        msgspec.json.encode(request.app.state.openapi_document()),
        media_type="application/vnd.oai.openapi+json",
    )


@get("/api/v1/docs", sync_to_thread=False, include_in_schema=False)
def documentation(request: Request[Any, Any, Any]) -> Response[str]:
    """Return a page that lists every operation."""
    return Response(
        documentation_page(request.app.state.openapi_document(), DOCUMENT_PATH),
        media_type="text/html",
        headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


routes = [openapi_document, documentation]
