"""The OpenAPI document as one HTML page, without a script or a foreign host. Pure."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

METHODS: Final = ("get", "post", "put", "patch", "delete")
#: What most people come for; the other sections follow by name.
_FIRST: Final[tuple[str, ...]] = (
    "events",
    "activities",
    "reports",
    "failed events",
    "products",
    "contacts",
    "attributes",
    "workspace",
)
#: Schemas that hold themselves would never end.
_DEEPEST: Final = 5

_Schemas = Mapping[str, Mapping[str, Any]]

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;overflow-wrap:anywhere}"
    "main{max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "details{border:1px solid #8886;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}"
    "summary{cursor:pointer}summary span{opacity:.75}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}"
    "pre{background:#8881;padding:.6rem;white-space:pre-wrap}"
    "b{display:inline-block;min-width:4.5rem}h2:first-letter{text-transform:uppercase}"
    "dt{margin-top:.4rem}dd{margin:0 0 0 1.2rem}h3{font-size:1rem;margin:.8rem 0 0}"
    "nav a{display:inline-block;margin-right:.8rem}"
)


def documentation_page(document: Mapping[str, Any], document_path: str) -> str:
    """Return the page that lists every operation of an OpenAPI document."""
    title = escape(f"{document['info']['title']} API {document['info']['version']}")
    schemas: _Schemas = document.get("components", {}).get("schemas", {})
    sections: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["other"])[0]
                sections.setdefault(tag, []).append(_operation(path, method, item[method], schemas))
    tags = [tag for tag in _FIRST if tag in sections]
    tags += sorted(tag for tag in sections if tag not in _FIRST)
    links = " ".join(f'<a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in tags)
    body = "".join(
        f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>{"".join(sections[tag])}' for tag in tags
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1><p>{_prose(document['info'].get('description', ''))}</p>"
        f'<p><a href="{document_path}">OpenAPI document</a></p><nav>{links}</nav>{body}'
        "</main></body></html>"
    )


def _anchor(tag: str) -> str:
    return escape(tag.replace(" ", "-"))


def _prose(text: str) -> str:
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )


def _operation(path: str, method: str, operation: Mapping[str, Any], schemas: _Schemas) -> str:
    description = _prose(operation.get("description") or "")
    return (
        f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code>"
        f" <span>{_prose(operation.get('summary') or '')}</span></summary>"
        f"<p>{description}</p>{_parameters(operation.get('parameters') or [])}"
        f"{_contents('Body', operation.get('requestBody') or {}, schemas)}"
        f"{_responses(operation['responses'], schemas)}</details>"
    )


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<dt><code>{escape(found['name'])}</code> ({escape(found['in'])}"
        f"{', required' if found.get('required') else ''})</dt>"
        f"<dd>{_prose(found.get('description') or '')}</dd>"
        for found in parameters
    )
    return f"<h3>Parameters</h3><dl>{rows}</dl>" if rows else ""


def _responses(responses: Mapping[str, Any], schemas: _Schemas) -> str:
    return "".join(
        _contents(
            f"{'Any other status' if status == 'default' else status}: {found['description']}",
            found,
            schemas,
        )
        for status, found in responses.items()
    )


def _contents(heading: str, holder: Mapping[str, Any], schemas: _Schemas) -> str:
    contents = holder.get("content") or {}
    if not contents and "description" not in holder:
        return ""
    shown = "".join(
        f"<pre>{escape(outline(content.get('schema') or {}, schemas))}</pre>"
        for media_type, content in contents.items()
        if "json" in media_type
    )
    return f"<h3>{_prose(heading)}</h3>{shown}"


def outline(schema: Mapping[str, Any], schemas: _Schemas, indent: int = 0) -> str:
    """Return the shape of the values that a JSON schema takes, for people; optional names get `?`.

    Args:
        schemas: By name, what `$ref` may point to.
        indent: How deep inside other values this one lies.
    """
    if indent > _DEEPEST:
        return "…"
    if "$ref" in schema:
        return outline(schemas[schema["$ref"].rpartition("/")[2]], schemas, indent)
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        return " or ".join(outline(choice, schemas, indent) for choice in choices)
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kinds = schema.get("type", "any value")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(_kind(kind, schema, schemas, indent) for kind in kinds)


def _kind(kind: str, schema: Mapping[str, Any], schemas: _Schemas, indent: int) -> str:
    if kind == "array":
        return f"[{outline(schema.get('items') or {}, schemas, indent)}, …]"
    if kind == "object" and schema.get("properties"):
        lines = "\n".join(_lines(schema, schemas, indent + 1))
        return f"{{\n{lines}\n{'  ' * indent}}}"
    return "{…}" if kind == "object" else kind


def _lines(schema: Mapping[str, Any], schemas: _Schemas, indent: int) -> Iterator[str]:
    required = schema.get("required") or ()
    for name, value in schema["properties"].items():
        mark = "" if name in required else "?"
        said = f"   — {value['description']}" if value.get("description") else ""
        yield f'{"  " * indent}"{name}"{mark}: {outline(value, schemas, indent)}{said}'
