"""What the OpenAPI document says of the routes that the collector serves. Data only."""

from typing import Any, Final

from footfall.ingest.types import EVENT_TYPES

_TAG: Final = ["events"]
_COMPATIBLE_TAG: Final = ["compatible product events"]
_EVENT_TYPE: Final = {"type": "string", "enum": list(EVENT_TYPES)}
_TIMESTAMP: Final = {
    "type": ["number", "string", "null"],
    "description": "Unix seconds or milliseconds, or ISO 8601; now if missing.",
}
_ATTRIBUTES: Final = {
    "type": ["object", "null"],
    "description": "Product attributes by name; `custom_data` in it stays with this event.",
}
_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait` or `wait=SECONDS`, up to 60: answer when the event is visible.",
    "schema": {"type": "string"},
}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 64 characters, of a batch 59; the same key counts once.",
    "schema": {"type": "string"},
}
_ID: Final = {"type": ["string", "integer", "null"]}

_SINGLE_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["event_type"],
    "properties": {
        "user_id": {
            **_ID,
            "description": "Our id of the contact; with version 1, the shop's id.",
        },
        "user_custom_id": {**_ID, "description": "The shop's id of the contact."},
        "client": {**_ID, "description": "With version 1: our id of the contact."},
        "email": {"type": ["string", "null"]},
        "user_key": {"type": ["string", "null"], "description": "A visitor key."},
        "event_type": _EVENT_TYPE,
        "timestamp": _TIMESTAMP,
        "event_id": {**_ID, "description": "The sender's key; the same key counts once."},
        "data": _ATTRIBUTES,
    },
}
_BATCH_EVENT: Final = {
    "type": "object",
    "required": ["product_id", "event_type"],
    "properties": {
        "user_custom_id": {**_ID, "description": "The shop's id of the contact."},
        "user_id": {"type": ["integer", "null"], "description": "Our id of the contact."},
        "user_key": {"type": ["string", "null"], "description": "A visitor key."},
        "email": {"type": ["string", "null"]},
        "product_id": {"type": ["string", "integer"], "description": "The shop's id."},
        "event_type": _EVENT_TYPE,
        "timestamp": _TIMESTAMP,
        "event_id": {**_ID, "description": "The sender's key; the same key counts once."},
        "data": _ATTRIBUTES,
    },
}


def _answer(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _single(parameter: str, kind: str, description: str) -> dict[str, Any]:
    named = {
        "name": parameter,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": kind},
    }
    suffix = f"By{parameter.title().replace('_', '')}"
    return _recording(suffix, [named], _SINGLE_EVENT)


def _recording(suffix: str, named: list[dict[str, Any]], schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "tags": _COMPATIBLE_TAG,
            "operationId": f"RecordProductEvent{suffix}",
            "summary": "Record a product event",
            "description": "Answers with the event's id when it is safely stored.",
            "parameters": [*named, _KEY, _PREFER],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema}},
            },
            "responses": {"201": _answer("Stored.", {"id": {"type": "integer"}})},
        }
    }


_REJECTED: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "index": {"type": "integer"},
            "code": {"type": "string"},
            "message": {"type": "string"},
        },
    },
}

_WITH_PRODUCT: Final = {
    **_SINGLE_EVENT,
    "properties": {
        "custom_id": {**_ID, "description": "The shop's id of the product."},
        "id": {**_ID, "description": "Our id of the product."},
        **_SINGLE_EVENT["properties"],
    },
}

_TEXT: Final = {"type": ["string", "null"]}
_PAGE: Final = dict.fromkeys(
    (
        *("url", "referrer"),
        *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
    ),
    _TEXT,
)
_BROWSER_ITEM: Final = {
    "type": "object",
    "required": ["kind", "id", "at"],
    "properties": {
        "kind": {
            "type": "string",
            "enum": ["product_event", "event", "page_view", "screen", "update"],
        },
        "id": {**_ID, "description": "The sender's key; the same key counts once."},
        "at": {"type": "number", "description": "Unix milliseconds by the browser's clock."},
        "visitor": {**_TEXT, "description": "The visitor key."},
        "session": _TEXT,
        "user_id": {**_ID, "description": "The shop's id of the contact."},
        "signature": {
            **_TEXT,
            "description": "Hex HMAC-SHA256 of `user_id` under the identity secret.",
        },
        "email": _TEXT,
        "contact": {"type": ["object", "null"], "description": "Contact attributes by name."},
        "name": {**_TEXT, "description": "Of an event or a screen."},
        "product_id": {**_ID, "description": "Of a product event: the shop's id."},
        "event_type": {"type": ["string", "null"], "description": "Of a product event."},
        "data": _ATTRIBUTES,
        "page": {"type": ["object", "null"], "properties": _PAGE},
        "device": {"type": ["object", "null"], "properties": {"language": _TEXT}},
        "traffic": {**_TEXT, "description": "`staff` for the shop's own people."},
    },
}
_BROWSER_PATHS: Final[dict[str, dict[str, Any]]] = {
    "/api/browser/v1/events/{app_key}": {
        "post": {
            "tags": ["browser events"],
            "operationId": "RecordBrowserEvents",
            "summary": "Record up to 100 events of a browser",
            "description": (
                "Needs no token: the app key may write and nothing else. Any content type is read"
                " as JSON. Wrong events are rejected, the others stored."
            ),
            "security": [],
            "parameters": [
                {
                    "name": "app_key",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{6}$"},
                }
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["events"],
                            "properties": {
                                "sent_at": {
                                    "type": ["number", "null"],
                                    "description": "Unix milliseconds by the browser's clock.",
                                },
                                "events": {
                                    "type": "array",
                                    "maxItems": 100,
                                    "items": _BROWSER_ITEM,
                                },
                            },
                        }
                    }
                },
            },
            "responses": {
                "202": _answer(
                    "Stored, but for the rejected ones.",
                    {
                        "accepted": {"type": "integer"},
                        "duplicates": {"type": "integer"},
                        "rejected": _REJECTED,
                    },
                )
            },
        }
    },
}


def _mobile(summary: str, name: str, properties: dict[str, Any], *path: str) -> dict[str, Any]:
    user_key = {
        "name": "X-User-Key",
        "in": "header",
        "required": False,
        "description": "The visitor key that a ping answered.",
        "schema": {"type": "string"},
    }
    named = [
        {"name": part, "in": "path", "required": True, "schema": {"type": "string"}}
        for part in path
    ]
    schema = {"type": "object", "properties": properties}
    stored = {"accepted": {"type": "integer"}, "duplicates": {"type": "integer"}}
    responses = {"202": _answer("Stored.", stored)}
    if name == "Ping":
        user = {"type": "object", "properties": {"key": {"type": "string"}}}
        responses = {"200": _answer("Stored.", {"user": user})}
    return {
        "post": {
            "tags": ["mobile SDKs"],
            "operationId": f"Mobile{name}",
            "summary": summary,
            "description": "The token is an app key: `Authorization: Token ABC123`.",
            "parameters": [*named, user_key],
            "requestBody": {
                "required": not path,
                "content": {"application/json": {"schema": schema}},
            },
            "responses": responses,
        }
    }


_MOBILE_EVENT: Final[dict[str, Any]] = {
    "event": {"type": "string", "description": "Its name; `product` for a product event."},
    "timestamp": _TIMESTAMP,
    "event_type": {"type": ["string", "null"], "description": "Of a product event."},
    "data": {"type": ["object", "null"], "description": "`custom_id` in it names the product."},
}
_MOBILE_PATHS: Final = {
    "/api/sdk/v1/ping": _mobile(
        "Say who uses the app",
        "Ping",
        {"customer": {"type": "object"}, "device": {"type": ["object", "null"]}},
    ),
    "/api/sdk/v1/event": _mobile("Record an event of an app", "Event", _MOBILE_EVENT),
    "/api/sdk/v1/product_event": _mobile(
        "Record a product event of an app", "ProductEvent", _MOBILE_EVENT
    ),
    "/api/sdk/v1/screen_event": _mobile(
        "Record that a screen of an app was opened", "ScreenEvent", _MOBILE_EVENT
    ),
    **{
        f"/api/sdk/v1/{channel}/{{notice_id}}/{action}": _mobile(
            f"Record that a notice was {action}",
            f"{channel.title().replace('-', '')}{action.title()}",
            {"url": _TEXT},
            "notice_id",
        )
        for channel in ("push-notification", "in-app-message")
        for action in ("displayed", "clicked", "dismissed")
    },
}

_WHOSE: Final[dict[str, Any]] = {
    "user_id": {**_ID, "description": "Our id of the contact; with version 1, the shop's id."},
    "user_custom_id": {**_ID, "description": "The shop's id of the contact."},
    "client": {**_ID, "description": "With version 1: our id of the contact."},
    "email": _TEXT,
    "user_key": {**_TEXT, "description": "A visitor key."},
}
_OCCURRENCE: Final[dict[str, Any]] = {
    "timestamp": _TIMESTAMP,
    "event_id": {**_ID, "description": "The sender's key; the same key counts once."},
    "data": {"type": ["object", "null"], "description": "Attributes of this occurrence."},
}
_NAME: Final = {"type": ["string", "integer"], "description": "1 to 255 characters."}
_CREATED: Final = {
    "type": "boolean",
    "description": "Whether this is the first event of that name in the workspace.",
}


def _ordinary(suffix: str, in_path: dict[str, Any] | None, whose: dict[str, Any]) -> dict[str, Any]:
    """Return what the document says of a route for ordinary events."""
    return {
        "post": {
            "tags": ["compatible events"],
            "operationId": f"RecordEvent{suffix}",
            "summary": "Record an ordinary event",
            "description": "Answers with the event's id when it is safely stored.",
            "parameters": [*([in_path] if in_path else []), _KEY, _PREFER],
            "requestBody": _json_body(["name"], {"name": _NAME, **whose, **_OCCURRENCE}),
            "responses": {"201": _answer("Stored.", {"id": _INTEGER, "created": _CREATED})},
        }
    }


def _json_body(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _in_path(name: str, kind: str, description: str) -> dict[str, Any]:
    schema = {"type": kind}
    named = {"name": name, "in": "path", "required": True}
    return {**named, "description": description, "schema": schema}


_INTEGER: Final = {"type": "integer"}
_ACTIVITY: Final = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["event", "page_view", "screen", "update"]},
        "name": {**_ID, "description": "Of an event or a screen, 1 to 255 characters."},
        "user_custom_id": {**_ID, "description": "The shop's id of the contact."},
        "user_id": {"type": ["integer", "null"], "description": "Our id of the contact."},
        "user_key": {**_TEXT, "description": "A visitor key."},
        "email": _TEXT,
        **_OCCURRENCE,
        "contact": {"type": ["object", "null"], "description": "Contact attributes by name."},
        "session_id": _TEXT,
        **_PAGE,
        **dict.fromkeys(("device_type", "os", "browser", "language"), _TEXT),
    },
}
_ACTIVITY_PATHS: Final[dict[str, dict[str, Any]]] = {
    "/api/public/events": _ordinary("", None, _WHOSE),
    "/api/public/users/{user_id}/events": _ordinary(
        "OfUser", _in_path("user_id", "string", "Our id of the contact."), {}
    ),
    "/api/public/users-by-id/{custom_id}/events": _ordinary(
        "OfCustomId", _in_path("custom_id", "string", "The shop's id of the contact."), {}
    ),
    "/api/public/site-views": {
        "post": {
            "tags": ["compatible events"],
            "operationId": "RecordSiteView",
            "summary": "Record a page view",
            "description": "Answers with the page view's id when it is safely stored.",
            "parameters": [_KEY, _PREFER],
            "requestBody": _json_body(
                ["url"],
                {
                    **dict.fromkeys(("url", "path", "title", "referrer"), _TEXT),
                    **_WHOSE,
                    **_OCCURRENCE,
                },
            ),
            "responses": {"201": _answer("Stored.", {"id": _INTEGER})},
        }
    },
    "/api/v1/activities": {
        "post": {
            "tags": ["activities"],
            "operationId": "RecordActivities",
            "summary": "Record up to 10,000 activities",
            "description": (
                "Takes a JSON array or JSON lines, up to 16 MiB, also with"
                " `Content-Encoding: gzip`. Wrong items are rejected, the others stored."
            ),
            "parameters": [_KEY, _PREFER],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"type": "array", "items": _ACTIVITY}},
                    "application/x-ndjson": {"schema": {"type": "string"}},
                },
            },
            "responses": {
                "202": _answer(
                    "Stored, but for the rejected ones.",
                    {"accepted": _INTEGER, "duplicates": _INTEGER, "rejected": _REJECTED},
                )
            },
        }
    },
}

COLLECTOR_PATHS: Final[dict[str, dict[str, Any]]] = {
    **_ACTIVITY_PATHS,
    **_BROWSER_PATHS,
    **_MOBILE_PATHS,
    "/api/public/products/product_event": _recording("", [], _WITH_PRODUCT),
    "/api/public/products/{product_id}/product_event": _single(
        "product_id", "integer", "Our id of the product."
    ),
    "/api/public/products-by-id/{custom_id}/product_event": _single(
        "custom_id", "string", "The shop's id; an unknown one makes the product."
    ),
    "/api/v1/events": {
        "post": {
            "tags": _TAG,
            "operationId": "RecordEvents",
            "summary": "Record up to 10,000 product events",
            "description": (
                "Takes a JSON array or JSON lines, up to 16 MiB, also with"
                " `Content-Encoding: gzip`. Wrong events are rejected, the others stored."
            ),
            "parameters": [_KEY, _PREFER],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"type": "array", "items": _BATCH_EVENT}},
                    "application/x-ndjson": {"schema": {"type": "string"}},
                },
            },
            "responses": {
                "202": _answer(
                    "Stored, but for the rejected ones.",
                    {
                        "accepted": {"type": "integer"},
                        "duplicates": {"type": "integer"},
                        "rejected": _REJECTED,
                    },
                )
            },
        }
    },
}
