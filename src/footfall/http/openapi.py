"""The OpenAPI document of our API and a page to read it by, without a script or a foreign host."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from footfall import __version__
from footfall.http.errors import COMPATIBLE_PREFIX

DOCUMENT_PATH: Final = "/api/v1/openapi.json"
_METHODS: Final = ("get", "post", "put", "patch", "delete")
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
        for method in _METHODS:
            if method in item:
                item[method] = _with_errors(path, item[method])
    document["paths"] = dict(sorted(paths.items()))
    document["components"].setdefault("schemas", {})["Problem"] = _PROBLEM
    return document


def _with_errors(path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation with what it answers when it does not do what was asked."""
    # The framework documents answers of its own that our error handlers never give.
    responses = {
        status: found for status, found in operation["responses"].items() if status < "400"
    }
    if path.startswith("/api/"):
        compatible = path.startswith(COMPATIBLE_PREFIX)
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
        documentation_page(request.app.state.openapi_document()),
        media_type="text/html",
        headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def documentation_page(document: Mapping[str, Any]) -> str:
    """Return the document as one HTML page."""
    title = escape(f"{document['info']['title']} API {document['info']['version']}")
    sections: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["other"])[0]
                sections.setdefault(tag, []).append(_operation(path, method, item[method]))
    links = " · ".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in sorted(sections))
    body = "".join(
        f'<h2 id="{escape(tag)}">{escape(tag)}</h2>{"".join(sections[tag])}'
        for tag in sorted(sections)
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1><p>{_prose(document['info'].get('description', ''))}</p>"
        f'<p><a href="{DOCUMENT_PATH}">OpenAPI document</a></p><nav>{links}</nav>{body}'
        "</main></body></html>"
    )


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;margin:0}"
    "main{max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "details{border:1px solid #d8d8d8;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}"
    "summary{cursor:pointer}code,pre{font:14px/1.4 ui-monospace,monospace}"
    "pre{background:#f6f6f6;padding:.6rem;overflow:auto}"
    "b{display:inline-block;min-width:4.5rem}h2{text-transform:capitalize}"
    "table{border-collapse:collapse}td,th{padding:.1rem .8rem .1rem 0;text-align:left}"
)


def _prose(text: str) -> str:
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    summary = _prose(operation.get("summary") or "")
    description = _prose(operation.get("description") or "")
    return (
        f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code> {summary}</summary>"
        f"<p>{description}</p>{_parameters(operation.get('parameters') or [])}"
        f"{_request_body(operation.get('requestBody'))}{_responses(operation['responses'])}"
        "</details>"
    )


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(found['name'])}</code></td><td>{escape(found['in'])}"
        f"{', required' if found.get('required') else ''}</td>"
        f"<td>{_prose(found.get('description') or '')}</td></tr>"
        for found in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _request_body(body: Mapping[str, Any] | None) -> str:
    if not body:
        return ""
    shown = msgspec.json.format(msgspec.json.encode(body.get("content", {})), indent=2).decode()
    return f"<p>Body</p><pre>{escape(shown)}</pre>"


def _responses(responses: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(status)}</code></td>"
        f"<td>{_prose(found.get('description') or '')}</td></tr>"
        for status, found in responses.items()
    )
    return f"<table>{rows}</table>"


routes = [openapi_document, documentation]
