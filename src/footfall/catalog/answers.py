"""What our API says of a product. Pure."""

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from footfall.attributes.api import Definitions, SetAsideAnswer, shown_set_aside
from footfall.attributes.types import SetAside
from footfall.catalog.types import Product, ProductNumbers
from footfall.kernel.instants import Instant, to_iso


class ProductAnswer(Struct, frozen=True):
    """A product."""

    id: int
    custom_id: str
    name: str | None
    attributes: dict[str, Any]
    created_at: str
    updated_at: str
    deleted_at: str | UnsetType = UNSET
    #: What visitors did in the last 30 days, if the list was asked for it.
    last_30_days: ProductNumbers | UnsetType = UNSET
    #: After a write: values that did not fit their attribute's type and were set aside.
    set_aside: list[SetAsideAnswer] | UnsetType = UNSET


class ValueAnswer(Struct, frozen=True):
    """One attribute of a product: the value that counts, and who said it when."""

    name: str
    name_std: str
    value_type: str
    value: Any  #: null: cleared, or set aside by a change of type
    raw: Any  #: as it was sent
    source: str
    occurred_at: str


class ProductValues(Struct, frozen=True):
    """Every attribute that a product has or had a value of."""

    results: list[ValueAnswer]


def shown_product(
    product: Product,
    *,
    columns: Collection[str] | None = None,
    numbers: ProductNumbers | UnsetType = UNSET,
    set_aside: Sequence[SetAside] | None = None,
) -> ProductAnswer:
    """Return a product as our API shows it.

    Args:
        columns: Standard names of the attributes to show; None: all.
        set_aside: After a write, what did not fit.
    """
    return ProductAnswer(
        product.id,
        product.custom_id,
        product.name,
        {
            name: value
            for name, value in product.values.items()
            if columns is None or name in columns
        },
        to_iso(product.created_at),
        to_iso(product.updated_at),
        UNSET if product.deleted_at is None else to_iso(product.deleted_at),
        numbers,
        UNSET if set_aside is None else shown_set_aside(set_aside),
    )


def shown_values(product: Product, definitions: Definitions) -> ProductValues:
    """Return the values of a product in the order of the definitions."""
    return ProductValues(
        [
            ValueAnswer(
                definition.name,
                definition.name_std,
                definition.value_type,
                cell.value,
                cell.raw,
                cell.source,
                to_iso(Instant(cell.occurred_at)),
            )
            for definition in definitions.all()
            if (cell := product.profile.get(definition.name_std)) is not None
        ]
    )
