"""Values of the catalog that cross the door."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from msgspec import Raw, Struct

from footfall.attributes.filters import AttributeFilter
from footfall.attributes.types import Definition, Profile
from footfall.kernel.ids import ProductId
from footfall.kernel.instants import Instant


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it is now."""

    id: ProductId
    custom_id: str
    profile: Profile
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None
    revision: int

    @property
    def name(self) -> str | None:
        """The current name, None if nobody gave one."""
        cell = self.profile.get("name")
        return None if cell is None or cell.value is None else str(cell.value)

    @property
    def values(self) -> dict[str, Any]:
        """The current values by standard name; what has none is missing."""
        return {name: cell.value for name, cell in self.profile.items() if cell.value is not None}


class ProductName(Struct, frozen=True, gc=False):
    """What a list of events shows of a product; goes on the wire as it is."""

    id: int
    custom_id: str
    name: str | None


ProductState = Literal["living", "deleted", "all"]
PRODUCT_STATES: Final[tuple[ProductState, ...]] = get_args(ProductState)
#: What visitors did with a product in a time, as columns of a list and things to sort it by.
NumberName = Literal["views", "carts", "purchases", "revenue"]
NUMBER_NAMES: Final[tuple[NumberName, ...]] = get_args(NumberName)


@dataclass(frozen=True, slots=True)
class ProductOrder:
    """What a list is sorted by; products without a value come last either way, equals by id."""

    key: Definition | NumberName | Literal["id", "custom_id"] = "id"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ProductListing:
    """Which products a list shows, in which order."""

    #: Numbers are of visitors from then on.
    since: Instant
    search: str | None = None  #: in the name or custom id, in any case
    filters: Sequence[AttributeFilter] = ()
    state: ProductState = "living"
    order: ProductOrder = ProductOrder()
    currency: str | None = None  #: of the revenue that is sorted by
    segment_id: int | None = None  #: only those in it now


class CurrencyAmount(Struct, frozen=True):
    """An amount in one currency, an exact JSON number."""

    currency: str | None
    amount: Raw


class ProductNumbers(Struct, frozen=True):
    """What visitors did with a product in a time; each order is counted once."""

    views: int
    carts: int
    purchases: int  #: lines of orders
    revenue: list[CurrencyAmount]  #: never added up over currencies


class ListPlace(Struct, frozen=True, array_like=True):
    """Where a list goes on: past the product of this id and sort key."""

    key: str | None  #: as text; None: it has no value
    id: int
