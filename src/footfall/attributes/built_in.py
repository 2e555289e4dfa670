"""The attributes every workspace has from the start, and the names that never are attributes."""

from collections.abc import Mapping, Sequence
from typing import Final

from footfall.attributes.types import Definition, ObjectKind, ValueType
from footfall.kernel.instants import Instant

#: Decision 9: identifiers and the frame of an event, in standard spelling.
RESERVED: Final = frozenset(
    {
        "id",
        "product_id",
        "custom_id",
        "event_type",
        "event_id",
        "user_id",
        "user_custom_id",
        "client",
        "timestamp",
        "data",
        "custom_data",
    }
)
#: Decision 9: facts of the occurrence, which inside an event say nothing about the product.
EVENT_FACTS: Final = frozenset({"quantity", "order_id", "currency"})

_PRODUCT: Final[Sequence[tuple[str, ValueType]]] = (
    ("name", "string"),
    ("description", "string"),
    ("product_url", "string"),
    ("image_url", "string"),
    ("price", "float"),
    ("currency", "string"),
    ("availability", "fixed"),
    ("category_name", "string"),
    ("brand", "string"),
    ("gtin", "string"),
    ("group_id", "string"),
    ("tags", "list"),
    ("categories", "list"),
)
_CONTACT: Final[Sequence[tuple[str, ValueType]]] = (
    ("email", "string"),
    ("phone_number", "string"),
    ("first_name", "string"),
    ("last_name", "string"),
    ("name", "string"),
    ("gender", "fixed"),
    ("status", "fixed"),
    ("score", "integer"),
    ("unsubscribed", "boolean"),
    ("country", "string"),
    ("region", "string"),
    ("city", "string"),
    ("tags", "list"),
    ("notifications", "boolean"),
    ("browser_language", "string"),
    ("first_seen", "datetime"),
    ("last_seen", "datetime"),
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "availability": ("in stock", "out of stock", "preorder", "backorder"),
    "gender": ("unknown", "male", "female"),
    "status": ("visitor", "user"),
}


def _definitions(
    kind: ObjectKind, first_id: int, rows: Sequence[tuple[str, ValueType]]
) -> Mapping[str, Definition]:
    # Ids below zero can never meet one that the state store gave; they stay when rows are added.
    return {
        name: Definition(
            id=first_id - place,
            kind=kind,
            name=name,
            name_std=name,
            value_type=value_type,
            choices=_CHOICES.get(name, ()),
            multiple=False,
            origin="built-in",
            created_at=Instant(0),
        )
        for place, (name, value_type) in enumerate(rows)
    }


#: By kind, then by standard name.
BUILT_IN: Final[Mapping[ObjectKind, Mapping[str, Definition]]] = {
    "product": _definitions("product", -1, _PRODUCT),
    "contact": _definitions("contact", -1001, _CONTACT),
}
