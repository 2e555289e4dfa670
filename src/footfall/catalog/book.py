"""The products one transaction works with: loaded together, changed in memory, saved together.

The projector opens one per batch and workspace, REST writes one per request; so there is one way
in which a product is created, revived and given values.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import msgspec
from sqlalchemy import Connection

from footfall.attributes.api import (
    Definitions,
    OpenObject,
    apply_values,
    record_set_aside,
)
from footfall.attributes.types import Revalue, SetAside
from footfall.catalog import queries
from footfall.catalog.types import Product
from footfall.kernel.ids import ProductId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import reserve_ids

_encode_profile = msgspec.json.Encoder().encode


class OpenProduct(OpenObject):
    """A product under change; made by ProductBook only."""

    __slots__ = ("custom_id",)

    def __init__(
        self,
        product_id: int,
        custom_id: str,
        profile_text: str | None,
        created_at: int,
        updated_at: int,
        deleted_at: int | None,
        revision: int,
    ) -> None:
        super().__init__(product_id, profile_text, created_at, updated_at, deleted_at, revision)
        self.custom_id = custom_id

    def as_product(self) -> Product:
        """Return the product as it stands now."""
        return Product(
            ProductId(self.id),
            self.custom_id,
            self.profile,
            Instant(self.created_at),
            Instant(self.updated_at),
            None if self.deleted_at is None else Instant(self.deleted_at),
            self.revision,
        )


def product_of(row: Sequence[Any]) -> Product:
    """Return the product in a row of `queries.OPEN_COLUMNS`."""
    return OpenProduct(*row).as_product()


class ProductBook:
    """The products of one workspace that a transaction may touch."""

    def __init__(
        self,
        conn: Connection,
        scope: Scope,
        definitions: Definitions,
        *,
        custom_ids: Collection[str] = (),
        ids: Collection[int] = (),
        now: Instant,
        zone: tzinfo,
    ) -> None:
        """Load every product named by `custom_ids` and `ids`, and set ids aside for the new ones.

        Args:
            now: Creation time of new products, day of new definitions; set anew with each event.
            zone: The workspace's, for dates and times that name none.
        """
        self._conn = conn
        self._scope = scope
        self._definitions = definitions
        self.now = now
        self._zone = zone
        self._by_custom_id: dict[str, OpenProduct] = {}
        self._by_id: dict[int, OpenProduct] = {}
        self._set_aside: list[SetAside] = []
        for row in queries.by_custom_id(conn, scope, custom_ids):
            self._open(row)
        if ids:
            for row in queries.by_id(conn, scope, [i for i in ids if i not in self._by_id]):
                self._open(row)
        missing = sum(1 for custom_id in custom_ids if custom_id not in self._by_custom_id)
        self._next_id = reserve_ids(conn, "product", missing) if missing else 0

    def _open(self, row: Sequence[Any]) -> None:
        product = OpenProduct(*row)
        self._by_custom_id[product.custom_id] = product
        self._by_id[product.id] = product

    def find(self, *, product_id: int | None, custom_id: str | None) -> OpenProduct | None:
        """Return the product with this id, or else this custom id; deleted ones too."""
        if product_id is not None:
            return self._by_id.get(product_id)
        return None if custom_id is None else self._by_custom_id.get(custom_id)

    def find_or_create(self, custom_id: str) -> OpenProduct:
        """Return the product with this custom id, which must be among those loaded for."""
        product = self._by_custom_id.get(custom_id)
        if product is None:
            product = OpenProduct(self._next_id, custom_id, None, self.now, self.now, None, 0)
            self._next_id += 1
            self._by_custom_id[custom_id] = product
            self._by_id[product.id] = product
        return product

    def revive(self, product: OpenProduct, moment: int) -> None:
        """Undelete `product` if `moment` is later than its deletion (decision 22)."""
        if product.deleted_at is not None and moment > product.deleted_at:
            product.deleted_at = None
            product.changed()

    def apply(
        self,
        product: OpenProduct,
        values: Mapping[str, Any],
        *,
        occurred_at: int,
        position: int,
        source: str,
        in_event: bool,
        permitted: Collection[str] | None = None,
    ) -> None:
        """Give `product` the attribute `values`, each where it is the latest (decision 2).

        Args:
            in_event: `null` is ignored and facts of the occurrence are no attributes; else it is
                a write of the profile, where `null` clears.
            permitted: Standard names that may be written; None: all.
        """
        changed = apply_values(
            product.profile,
            self._definitions,
            values,
            object_id=product.id,
            occurred_at=occurred_at,
            position=position,
            source=source,
            now=self.now,
            zone=self._zone,
            set_aside=self._set_aside,
            in_event=in_event,
            permitted=permitted,
        )
        product.touched = True
        if changed:
            product.visibly_changed = True

    def revalue(self, revalue: Revalue) -> None:
        """Let `revalue` change the profiles of all products loaded."""
        profiles = {product.id: product.profile for product in self._by_id.values()}
        for product_id in revalue(profiles):
            self._by_id[product_id].changed()

    def delete(self, product: OpenProduct) -> None:
        """Take `product` out of lists (decision 22); a later event or create revives it."""
        product.deleted_at = self.now
        product.changed()

    @property
    def set_aside(self) -> Sequence[SetAside]:
        """The values given so far that did not fit."""
        return self._set_aside

    def save(self) -> int:
        """Write every change; return how many products look different than before."""
        new_rows: list[dict[str, Any]] = []
        changed_rows: list[dict[str, Any]] = []
        dirty_rows: list[dict[str, Any]] = []
        workspace_id = self._scope.workspace_id
        for product in self._by_id.values():
            if not product.touched:
                continue
            if product.visibly_changed:
                product.revision += 1
                product.updated_at = self.now
                dirty_rows.append(
                    {
                        "workspace_id": workspace_id,
                        "kind": "product",
                        "object_id": product.id,
                        "revision": product.revision,
                    }
                )
            self._collect(product, new_rows, changed_rows)
        self._definitions.save(self._conn)
        queries.insert(self._conn, new_rows)
        queries.save(self._conn, changed_rows)
        queries.mark_dirty(self._conn, dirty_rows)
        record_set_aside(self._conn, self._scope, self._set_aside)
        return len(dirty_rows)

    def _collect(
        self,
        product: OpenProduct,
        new_rows: list[dict[str, Any]],
        changed_rows: list[dict[str, Any]],
    ) -> None:
        profile = product.profile
        name = profile.get("name")
        row: dict[str, Any] = {
            "id": product.id,
            "workspace_id": self._scope.workspace_id,
            "custom_id": product.custom_id,
            "created_at": product.created_at,
            "name": None if name is None else name.value,
            "profile": _encode_profile(profile).decode(),
            "updated_at": product.updated_at,
            "deleted_at": product.deleted_at,
            "revision": product.revision,
        }
        (new_rows if product.is_new else changed_rows).append(row)
