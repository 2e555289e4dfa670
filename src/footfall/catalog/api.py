"""What others do with products."""

from collections.abc import Collection

from sqlalchemy import Connection

from footfall.catalog import queries
from footfall.catalog.book import ProductBook
from footfall.catalog.queries import mark_all_dirty
from footfall.catalog.types import ProductName
from footfall.kernel.ids import ProductId
from footfall.kernel.scope import Scope

__all__ = ["ProductBook", "mark_all_dirty", "product_ids", "product_names"]


def product_names(conn: Connection, scope: Scope, ids: Collection[int]) -> dict[int, ProductName]:
    """Return how these products are called, by id; deleted ones keep their names."""
    return {
        row.id: ProductName(ProductId(row.id), row.custom_id, row.name)
        for row in queries.names(conn, scope, ids)
    }


def product_ids(conn: Connection, scope: Scope, custom_ids: Collection[str]) -> list[int]:
    """Return the ids of the products with these custom ids; unknown ones are left out."""
    return queries.ids_of(conn, scope, custom_ids)
