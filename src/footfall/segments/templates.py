"""Conditions that shops use most, filled in with what the shop has."""

from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.json import encode

from footfall.conditions.types import Subject
from footfall.kernel.scope import Scope
from footfall.segments.value_queries import ValuesOf, values
from footfall.state.api import State
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import get_workspace

_DAYS: Final = {"kind": "last", "unit": "days"}
_BOUGHT: Final = ["purchase", "order"]
_CARTED: Final = ["add to cart", "add"]
_LOOKED: Final = ["view", "detail"]


class SegmentTemplate(Struct, frozen=True):
    """A ready condition."""

    key: str
    name: str
    description: str
    subject: Subject
    condition: Raw


class SegmentTemplates(Struct, frozen=True):
    """Ready conditions, those that are used most first."""

    results: list[SegmentTemplate]


#: Key, name, description, subject and condition.
_Row = tuple[str, str, str, Subject, dict[str, Any]]


def _last(days: int) -> dict[str, Any]:
    return {**_DAYS, "amount": days}


def _did(types: list[str], **more: Any) -> dict[str, Any]:
    return {"type": "product_event", "event_types": types, **more}


def _never(types: list[str], **more: Any) -> dict[str, Any]:
    return {"type": "not", "of": _did(types, **more)}


def _count(number: int, operator: str = "at_least") -> dict[str, Any]:
    return {"of": "count", "operator": operator, "value": number}


def _all(*parts: Any) -> dict[str, Any]:
    return {"type": "all", "of": list(parts)}


def _of_baskets(category: str, products: tuple[str, str]) -> list[_Row]:
    """Return those about what was looked at and left."""
    first, second = products
    return [
        (
            "abandoned-cart",
            "Abandoned cart in the last 3 days",
            "Something lies in the cart, untouched for an hour, and nothing was bought since.",
            "contact",
            _all(
                {"type": "cart", "idle": {"operator": "at_least", "amount": 1, "unit": "hours"}},
                _did(_CARTED, window=_last(3)),
                _never(_BOUGHT, window=_last(3)),
            ),
        ),
        (
            "viewed-twice",
            "Viewed a category twice without buying",
            "Looked at products of one category at least twice this week and bought none of them.",
            "contact",
            _all(
                _did(
                    _LOOKED,
                    products={"category": category},
                    window=_last(7),
                    measure=_count(2),
                ),
                _never(_BOUGHT, products={"category": category}, window=_last(7)),
            ),
        ),
        (
            "bought-a-not-b",
            "Bought one product, not another",
            "Has the first of two products that go together.",
            "contact",
            _all(
                _did(_BOUGHT, products={"ids": [first]}),
                _never(_BOUGHT, products={"ids": [second]}),
            ),
        ),
    ]


def _of_buyers(currency: str) -> list[_Row]:
    """Return those about who buys how much."""
    return [
        (
            "lapsed-buyers",
            "Lapsed buyers",
            "Bought once, but not in the last 90 days.",
            "contact",
            _all(_did(_BOUGHT), _never(_BOUGHT, window=_last(90))),
        ),
        (
            "big-spenders",
            "Big spenders",
            "Spent at least 500 in the last year, less what came back.",
            "contact",
            _did(
                _BOUGHT,
                window=_last(365),
                measure={
                    "of": "revenue",
                    "operator": "at_least",
                    "value": 500,
                    "currency": currency,
                },
            ),
        ),
        (
            "first-time-buyers",
            "First purchase in the last 30 days",
            "Bought for the first time within the last 30 days.",
            "contact",
            _did(_BOUGHT, occurrence="first", window=_last(30)),
        ),
        (
            "repeat-buyers",
            "Repeat buyers",
            "Bought at least three times in the last year.",
            "contact",
            _did(_BOUGHT, window=_last(365), measure=_count(3)),
        ),
    ]


def _of_wishers() -> list[_Row]:
    """Return those about who looks, wishes and sends back."""
    return [
        (
            "browsers",
            "Looking around, never bought",
            "Viewed at least five different products this month and never bought anything.",
            "contact",
            _all(
                _did(
                    _LOOKED,
                    window=_last(30),
                    measure={"of": "products", "operator": "at_least", "value": 5},
                ),
                _never(_BOUGHT),
            ),
        ),
        (
            "wishers",
            "Wished for, not bought",
            "Put a product on the wish list in the last 30 days and did not buy that product.",
            "contact",
            _all(
                {
                    "type": "any",
                    "of": [
                        _did(["liking"], window=_last(30)),
                        _did(["add to observation"], window=_last(30)),
                    ],
                },
                {
                    "type": "not",
                    "of": {
                        "type": "sequence",
                        "first": {
                            "type": "product_event",
                            "event_types": ["liking", "add to observation"],
                        },
                        "then": {"type": "product_event", "event_types": _BOUGHT},
                        "same_product": True,
                    },
                },
            ),
        ),
        (
            "returners",
            "Sends much back",
            "Returned or was refunded at least twice in the last 180 days.",
            "contact",
            _did(["return", "refund"], window=_last(180), measure=_count(2)),
        ),
    ]


def _of_others() -> list[_Row]:
    """Return those about who may be written to, and about products."""
    return [
        (
            "subscribers-not-buying",
            "Subscribers who did not buy lately",
            "May be written to, has bought before, nothing in the last 60 days.",
            "contact",
            _all(
                {"type": "consent", "channel": "email"},
                {"type": "attribute", "name": "email", "operator": "has_value"},
                _did(_BOUGHT),
                _never(_BOUGHT, window=_last(60)),
            ),
        ),
        (
            "often-abandoned",
            "Products that are carted and not bought",
            "Put into carts at least 10 times in the last 30 days and never bought in that time.",
            "product",
            _all(
                _did(_CARTED, window=_last(30), measure=_count(10)),
                _never(_BOUGHT, window=_last(30)),
            ),
        ),
    ]


def filled_templates(state: State, warehouse: Warehouse, scope: Scope) -> SegmentTemplates:
    """Return the twelve templates, with the shop's own currency, category and products."""
    with state.read() as conn:
        workspace = get_workspace(conn, scope.workspace_id)
    currency = workspace.currency or _commonest(warehouse, scope, "currency", 1, "EUR")[0]
    category = _commonest(warehouse, scope, "category", 1, "Shoes")[0]
    first, second = _commonest(warehouse, scope, "product", 2, "product-1", "product-2")
    rows = [
        *_of_baskets(category, (first, second)),
        *_of_buyers(currency),
        *_of_wishers(),
        *_of_others(),
    ]
    return SegmentTemplates(
        [
            SegmentTemplate(key, name, description, subject, Raw(encode(tree)))
            for key, name, description, subject, tree in rows
        ]
    )


def _commonest(
    warehouse: Warehouse, scope: Scope, of: ValuesOf, number: int, *examples: str
) -> list[str]:
    rows = warehouse.rows(values(scope, of, "", "", number, listed=False))
    found = [row[0] for row in rows]
    return [*found, *examples[len(found) :]][: max(number, len(examples))]
