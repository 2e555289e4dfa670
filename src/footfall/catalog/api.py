"""What others do with products, and what REST does with them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from footfall.attributes.api import load_definitions, written_values
from footfall.attributes.types import Revalue, SetAside
from footfall.catalog import queries
from footfall.catalog.book import OpenProduct, ProductBook, product_of
from footfall.catalog.queries import mark_all_dirty
from footfall.catalog.types import Product, ProductName
from footfall.kernel.errors import NotFound
from footfall.kernel.identifiers import checked_id
from footfall.kernel.ids import ProductId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.workspaces.api import get_workspace

__all__ = [
    "ProductBook",
    "ProductKey",
    "ProductObjects",
    "SavedProduct",
    "change_product",
    "count_products",
    "delete_product",
    "get_product",
    "list_products",
    "mark_all_dirty",
    "prices_now",
    "product_ids",
    "product_names",
    "products_now",
    "put_product",
    "put_products",
    "revive_product",
]

#: An internal id, or the shop's custom id.
ProductKey = ProductId | str
#: Of the values' origin; browsers and feeds have others.
_SOURCE = "api"
#: What our own answers hold beside attributes, so that an answer can be sent back as it came.
_ANSWER_FRAME = frozenset({"id", "custom_id", "created_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class SavedProduct:
    """A product after a write."""

    product: Product
    created: bool  #: or revived
    set_aside: Sequence[SetAside]  #: values given that did not fit


def product_names(conn: Connection, scope: Scope, ids: Collection[int]) -> dict[int, ProductName]:
    """Return how these products are called, by id; deleted ones keep their names."""
    return {
        product_id: ProductName(product_id, custom_id, name)
        for product_id, custom_id, name in queries.names(conn, scope, ids)
    }


def product_ids(conn: Connection, scope: Scope, custom_ids: Collection[str]) -> list[int]:
    """Return the ids of the products with these custom ids; unknown ones are left out."""
    return queries.ids_of(conn, scope, custom_ids)


def get_product(
    conn: Connection, scope: Scope, key: ProductKey, *, deleted_too: bool = False
) -> Product:
    """Return one product.

    Raises:
        NotFound: There is none, or it is deleted and not `deleted_too`.
    """
    if isinstance(key, str):
        rows = queries.by_custom_id(conn, scope, [key])
    else:
        rows = queries.by_id(conn, scope, [key])
    product = product_of(rows[0]) if rows else None
    if product is None or (product.deleted_at is not None and not deleted_too):
        raise _not_found()
    return product


def products_now(conn: Connection, scope: Scope, ids: Collection[int]) -> dict[int, Product]:
    """Return these products by id as they are now; deleted ones are left out."""
    found = [product_of(row) for row in queries.by_id(conn, scope, ids)]
    return {product.id: product for product in found if product.deleted_at is None}


def prices_now(conn: Connection, scope: Scope, ids: Collection[int]) -> dict[int, tuple[Any, Any]]:
    """Return price and currency, None where there is none, of those of these that live, by id."""
    found = products_now(conn, scope, ids) if ids else {}
    return {one.id: (_value(one, "price"), _value(one, "currency")) for one in found.values()}


def _value(product: Product, name: str) -> Any:
    cell = product.profile.get(name)
    return None if cell is None else cell.value


def list_products(
    conn: Connection,
    scope: Scope,
    *,
    past_id: int = 0,
    backward: bool = False,
    limit: int,
    words: str | None = None,
) -> list[Product]:
    """Return up to `limit` living products past `past_id`, or before it if `backward`, by id.

    Args:
        words: Only those whose name or custom id holds this text, in any case.
    """
    rows = queries.page(conn, scope, past_id=past_id, backward=backward, limit=limit, words=words)
    return [product_of(row) for row in rows]


def count_products(conn: Connection, scope: Scope, *, words: str | None = None) -> int:
    """Return how many living products there are, as `list_products` chooses them."""
    return queries.count(conn, scope, words=words)


def put_product(
    conn: Connection,
    scope: Scope,
    custom_id: str,
    values: Mapping[str, Any],
    *,
    clears: bool = False,
    adds_tags: bool = False,
    now: Instant,
    position: int,
) -> SavedProduct:
    """Create the product, or update or revive the one that has this custom id.

    Args:
        values: Attributes by name as sent. What is missing stays.
        clears: Whether `null` clears a value; else it is passed over (decision 7).
        adds_tags: Whether tags are only ever added.
        position: The journal's head, which decides between values of one time (decision 2).

    Raises:
        Invalid: The custom id cannot be one.
    """
    custom_id = checked_id(custom_id, "/custom_id")
    book = _book(conn, scope, custom_ids=[custom_id], now=now)
    product = book.find_or_create(custom_id)
    created = product.is_new or product.deleted_at is not None
    if product.deleted_at is not None:
        # Said now, so after the deletion, also within the same millisecond.
        book.revive(product, max(now, product.deleted_at + 1))
    return _write(book, product, values, created, clears, adds_tags, now, position)


def put_products(
    conn: Connection,
    scope: Scope,
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    source: str,
    now: Instant,
    position: int,
) -> list[Sequence[SetAside]]:
    """Do what `put_product` does for many at once; return of each row the values that did not fit.

    Args:
        rows: Custom ids, checked, with attributes by name. The last word on a product counts.
        source: Of the values.
    """
    book = _book(conn, scope, custom_ids={custom_id for custom_id, _ in rows}, now=now)
    set_aside: list[Sequence[SetAside]] = []
    for custom_id, values in rows:
        product = book.find_or_create(custom_id)
        if product.deleted_at is not None:
            book.revive(product, max(now, product.deleted_at + 1))
        before = len(book.set_aside)
        written = written_values(
            values, product.profile, without=_ANSWER_FRAME, clears=False, adds_tags=False
        )
        book.apply(
            product, written, occurred_at=now, position=position, source=source, in_event=False
        )
        set_aside.append(book.set_aside[before:])
    book.save()
    return set_aside


def change_product(
    conn: Connection,
    scope: Scope,
    key: ProductKey,
    values: Mapping[str, Any],
    *,
    clears: bool = True,
    adds_tags: bool = False,
    now: Instant,
    position: int,
) -> SavedProduct:
    """Update a product; see `put_product`.

    Raises:
        NotFound: There is none, or it is deleted.
    """
    book, product = _opened(conn, scope, key, now)
    return _write(book, product, values, False, clears, adds_tags, now, position)


def delete_product(conn: Connection, scope: Scope, key: ProductKey, *, now: Instant) -> None:
    """Delete a product; it keeps id, name and history (decision 22).

    Raises:
        NotFound: There is none, or it is deleted.
    """
    book, product = _opened(conn, scope, key, now)
    book.delete(product)
    book.save()


def revive_product(conn: Connection, scope: Scope, key: ProductKey, *, now: Instant) -> Product:
    """Undo the deletion of a product and return it; a living one is returned as it is.

    Raises:
        NotFound: There never was one.
    """
    book, product = _opened(conn, scope, key, now, deleted_too=True)
    if product.deleted_at is not None:
        book.revive(product, max(now, product.deleted_at + 1))
        book.save()
    return product.as_product()


class ProductObjects:
    """Products, as far as a change of an attribute has to know them."""

    def count(self, conn: Connection, scope: Scope) -> int:
        """See `Objects`."""
        return queries.count_all(conn, scope)

    def ids_past(self, conn: Connection, scope: Scope, after_id: int, limit: int) -> list[int]:
        """See `Objects`."""
        return queries.ids_past(conn, scope, after_id, limit)

    def revalue(
        self,
        conn: Connection,
        scope: Scope,
        revalue: Revalue,
        ids: Collection[int],
        *,
        now: Instant,
        save: bool,
    ) -> None:
        """See `Objects`."""
        # Saving or not, no new products: a reading transaction will do.
        book = _book(conn, scope, ids=ids, now=now)
        book.revalue(revalue)
        if save:
            book.save()

    def custom_ids(
        self, conn: Connection, scope: Scope, ids: Collection[int]
    ) -> Mapping[int, str | None]:
        """See `Objects`."""
        return {i: name.custom_id for i, name in product_names(conn, scope, ids).items()}


def _not_found() -> NotFound:
    return NotFound("There is no such product.", code="product_not_found")


def _book(
    conn: Connection,
    scope: Scope,
    *,
    custom_ids: Collection[str] = (),
    ids: Collection[int] = (),
    now: Instant,
) -> ProductBook:
    return ProductBook(
        conn,
        scope,
        load_definitions(conn, scope, "product"),
        custom_ids=custom_ids,
        ids=ids,
        now=now,
        zone=ZoneInfo(get_workspace(conn, scope.workspace_id).time_zone),
    )


def _opened(
    conn: Connection, scope: Scope, key: ProductKey, now: Instant, *, deleted_too: bool = False
) -> tuple[ProductBook, OpenProduct]:
    """Return the product and the book it stands in; ids only, so that no new one is reserved."""
    ids = queries.ids_of(conn, scope, [key]) if isinstance(key, str) else [key]
    book = _book(conn, scope, ids=ids, now=now)
    product = book.find(product_id=ids[0], custom_id=None) if ids else None
    if product is None or (product.deleted_at is not None and not deleted_too):
        raise _not_found()
    return book, product


def _write(
    book: ProductBook,
    product: OpenProduct,
    values: Mapping[str, Any],
    created: bool,
    clears: bool,
    adds_tags: bool,
    now: Instant,
    position: int,
) -> SavedProduct:
    written = written_values(
        values, product.profile, without=_ANSWER_FRAME, clears=clears, adds_tags=adds_tags
    )
    book.apply(product, written, occurred_at=now, position=position, source=_SOURCE, in_event=False)
    book.save()
    return SavedProduct(product.as_product(), created, book.set_aside)
