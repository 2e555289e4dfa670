"""Values of the catalog that cross the door."""

from dataclasses import dataclass

from msgspec import Struct

from footfall.attributes.types import Profile
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


class ProductName(Struct, frozen=True, gc=False):
    """What a list of events shows of a product; goes on the wire as it is."""

    id: int
    custom_id: str
    name: str | None
