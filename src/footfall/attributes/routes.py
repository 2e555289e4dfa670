"""HTTP of attribute definitions, in both APIs."""

from typing import Any, Final

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody
from msgspec import Struct, field

from footfall.attributes import api
from footfall.attributes.answers import AttributeAnswer, shown_attribute
from footfall.attributes.change_routes import ROUTES as CHANGE_ROUTES
from footfall.attributes.set_aside_routes import ROUTES as SET_ASIDE_ROUTES
from footfall.attributes.types import Definition, ObjectKind, SourceRule
from footfall.attributes.workspace_copies import ROUTES as COPY_ROUTES
from footfall.http.paging import check_parameters
from footfall.http.services import Call, Receipt, TheCall
from footfall.http.threads import in_thread
from footfall.kernel.errors import Conflict, Invalid

_OWN: Final = ["attributes"]
_COMPATIBLE: Final = ["compatible attributes"]
#: The compatible API's words for the objects we have.
_KINDS: Final[dict[str, ObjectKind]] = {"product": "product", "clientuser": "contact"}
_CONTENT_TYPES: Final = {kind: name for name, kind in _KINDS.items()}


class AttributeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """An attribute to define."""

    kind: ObjectKind
    name: str
    value_type: str
    choices: list[str] = field(default_factory=list)  #: for `fixed`
    multiple: bool = False  #: for `fixed`: several at once
    source_rule: SourceRule = "any"  #: whose values count


class AttributeList(Struct, frozen=True):
    """Every attribute: the built-in ones, then by name."""

    results: list[AttributeAnswer]


def _defined(call: Call, body: AttributeBody) -> Definition:
    with call.write() as (conn, receipt):
        return _define(call, conn, receipt, body)


def _define(call: Call, conn: Any, receipt: Receipt, body: AttributeBody) -> Definition:
    try:
        made = api.define_attribute(
            conn,
            call.scope,
            body.kind,
            body.name,
            body.value_type,
            choices=body.choices,
            multiple=body.multiple,
            source_rule=body.source_rule,
            now=receipt.now,
        )
    except Conflict as error:
        if error.problems:
            raise
        raise Conflict.at("/name", error.code, error.message) from error
    api.record_definition(conn, call.access, receipt.now, "attribute.defined", None, made)
    return made


def compatible_attribute(definition: Definition) -> dict[str, Any]:
    """Return an attribute as compatible clients read it."""
    shown: dict[str, Any] = {
        "id": definition.id,
        "name": definition.name,
        "name_std": definition.name_std,
        "value_type": "json" if definition.value_type == "list" else definition.value_type,
        "content_type": _CONTENT_TYPES[definition.kind],
    }
    if definition.value_type == "fixed":
        shown["choices"] = definition.choices
        shown["allow_multiple_choices"] = definition.multiple
    return shown


@post(
    "/api/public/attributes",
    summary="Define an attribute",
    tags=_COMPATIBLE,
)
@in_thread
def create_attribute(call: TheCall, data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    """Take `content_type, name, value_type`, and for `fixed` both of its settings."""
    for name in ("content_type", "name", "value_type"):
        if not isinstance(data.get(name), str):
            raise Invalid.at(f"/{name}", "required", "This field is required and must be text.")
    kind = _KINDS.get(data["content_type"])
    if kind is None:
        raise Invalid.at(
            "/content_type", "unknown_content_type", "This must be product or clientuser."
        )
    choices: Any = data.get("choices") or []
    multiple: Any = data.get("allow_multiple_choices") or False
    if data["value_type"] == "fixed":
        for name in ("choices", "allow_multiple_choices"):
            if name not in data:
                raise Invalid.at(f"/{name}", "required", "A fixed attribute needs this field.")
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise Invalid.at("/choices", "wrong_type", "This must be a list of texts.")
    if not isinstance(multiple, bool):
        raise Invalid.at("/allow_multiple_choices", "wrong_type", "This must be true or false.")
    body = AttributeBody(kind, data["name"], data["value_type"], choices, multiple)
    return compatible_attribute(_defined(call, body))


@get(
    "/api/public/attributes",
    summary="List attributes",
    tags=_COMPATIBLE,
)
@in_thread
def list_attributes(call: TheCall) -> dict[str, Any]:
    """Answer every attribute at once; `?content_type=` keeps those of one kind of object."""
    wanted = call.parameter("content_type")
    if wanted is not None and wanted not in _KINDS:
        raise Invalid.at(
            "#content_type", "unknown_content_type", "This must be product or clientuser."
        )
    with call.read() as conn:
        found = [
            compatible_attribute(definition)
            for name, kind in _KINDS.items()
            if wanted in {None, name}
            for definition in api.load_definitions(conn, call.scope, kind).all()
        ]
    return {"count": len(found), "next": None, "previous": None, "results": found}


@get("/api/v1/attributes", summary="List attributes", tags=_OWN)
@in_thread
def list_own_attributes(call: TheCall, kind: FromQuery[ObjectKind | None] = None) -> AttributeList:
    """Answer every attribute of products, contacts or both."""
    check_parameters(call, {"kind"})
    kinds: tuple[ObjectKind, ...] = ("product", "contact") if kind is None else (kind,)
    with call.read() as conn:
        return AttributeList(
            [
                shown_attribute(definition)
                for one in kinds
                for definition in api.load_definitions(conn, call.scope, one).all()
            ]
        )


@post("/api/v1/attributes", summary="Define an attribute", tags=_OWN)
@in_thread
def define_own_attribute(call: TheCall, data: JSONBody[AttributeBody]) -> AttributeAnswer:
    """Define an attribute ahead of its first value; 409 where there is one of that name."""
    return shown_attribute(_defined(call, data))


ROUTES: Final[list[HTTPRouteHandler]] = [
    create_attribute,
    list_attributes,
    list_own_attributes,
    define_own_attribute,
    *CHANGE_ROUTES,
    *SET_ASIDE_ROUTES,
    *COPY_ROUTES,
]
