"""Copies the latest state of products, contacts and carts into the warehouse."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from footfall.attributes.api import Definitions, canonical_text, load_definitions
from footfall.attributes.types import Cell, ObjectKind
from footfall.catalog import api as catalog
from footfall.contacts import api as contacts
from footfall.contacts.cart import CartItem
from footfall.contacts.types import KEY_CELL
from footfall.ingest import queries
from footfall.ingest.types import Copied
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.money import round_money
from footfall.state.api import State, reserve_ids
from footfall.warehouse.api import Relation, Warehouse
from footfall.warehouse.types import AliasRow, CartRow, ContactRow, ProductRow
from footfall.workspaces.api import get_workspace, scope_of

#: Copied by one insert, unless their profiles are large.
OBJECTS_PER_STEP = 5_000
CARTS_PER_STEP = 2_000
#: Of profiles in one insert: they are in memory several times over, and SQLite hands on 1 GB at
#: most at once.
STEP_BYTES = 16 << 20
#: Read at once, before their size is known; then more.
_OBJECTS_PER_READ = 250

_decode_profile = msgspec.json.Decoder(dict[str, Cell]).decode


def _untold(_copied: Copied) -> None:
    """Take what nobody wants to hear of."""


def copy_dirty_objects(
    state: State,
    warehouse: Warehouse,
    now: Instant,
    told: Callable[[Copied], None] = _untold,
) -> int:
    """Insert one snapshot of every object marked dirty; return how many there were.

    Args:
        told: Of the copies, once they are there.

    What changes meanwhile stays dirty. A crash in between inserts the same version again, which
    the relations fold into one.
    """
    products = _copy_kind(state, warehouse, "product", told)
    people = _copy_kind(state, warehouse, "contact", told)
    return products + people + _copy_carts(state, warehouse, now, told)


def _copy_kind(
    state: State, warehouse: Warehouse, kind: ObjectKind, told: Callable[[Copied], None]
) -> int:
    copied = 0
    relations: dict[Relation, list[Struct]]
    while True:
        with state.read() as conn:
            dirty, is_last = _dirty(conn, kind)
            if kind == "product":
                relations = {"products": product_rows(conn, dirty)}
            else:
                relations = {
                    "contacts": contact_rows(conn, dirty),
                    "contact_aliases": aliases(dirty),
                }
        if not dirty:
            return copied
        for relation, rows in relations.items():
            if rows:
                warehouse.insert(relation, rows, token=None)
        if relations.get("contact_aliases"):
            warehouse.reload_aliases()
        # Before they are clean: told twice after a crash, not never.
        told(_told_of(kind, dirty))
        with state.write() as conn:
            queries.clean(
                conn,
                [
                    {
                        "workspace_id": workspace_id,
                        "kind": kind,
                        "object_id": object_id,
                        "revision": revision,
                    }
                    for workspace_id, object_id, revision, *_ in dirty
                ],
            )
        copied += len(dirty)
        if is_last:
            return copied


def _dirty(conn: Connection, kind: ObjectKind) -> tuple[list[list[Any]], bool]:
    """Return as many dirty objects as one step takes, and whether they are all there are."""
    ids = queries.dirty_ids(conn, kind, OBJECTS_PER_STEP)
    read = queries.dirty_products if kind == "product" else queries.dirty_contacts
    dirty: list[list[Any]] = []
    at_once, place, size = _OBJECTS_PER_READ, 0, 0
    while place < len(ids) and size < STEP_BYTES:
        rows = read(conn, ids[place : place + at_once])
        place += at_once
        dirty += rows
        bytes_read = sum([len(profile) for _, _, _, profile, *_ in rows])
        size += bytes_read
        if bytes_read < STEP_BYTES // 8:
            at_once *= 2
    return dirty, place >= len(ids) < OBJECTS_PER_STEP


class _Texts:
    """Canonical texts of profiles, with each workspace's definitions loaded once."""

    def __init__(self, conn: Connection, kind: ObjectKind) -> None:
        self._conn = conn
        self._kind = kind
        self._definitions: dict[int, Definitions] = {}

    def of(self, workspace_id: int, profile: str) -> dict[str, str]:
        definitions = self._definitions.get(workspace_id)
        if definitions is None:
            scope = scope_of(get_workspace(self._conn, WorkspaceId(workspace_id)))
            definitions = load_definitions(self._conn, scope, self._kind)
            self._definitions[workspace_id] = definitions
        texts: dict[str, str] = {}
        for name_std, cell in _decode_profile(profile).items():
            if cell.value is not None and name_std != KEY_CELL:
                definition = definitions.get(name_std)
                if definition is not None:
                    texts[name_std] = canonical_text(definition, cell.value)
        return texts


def product_rows(conn: Connection, dirty: Sequence[Sequence[Any]]) -> list[Struct]:
    """Return the warehouse rows of `queries.dirty_products`."""
    texts = _Texts(conn, "product")
    return [
        ProductRow(
            workspace_id,
            product_id,
            custom_id,
            name,
            texts.of(workspace_id, profile),
            created_at / 1000,
            int(deleted_at is not None),
            revision,
        )
        for (
            workspace_id,
            product_id,
            _,
            profile,
            custom_id,
            name,
            created_at,
            deleted_at,
            revision,
        ) in dirty
    ]


def contact_rows(conn: Connection, dirty: Sequence[Sequence[Any]]) -> list[Struct]:
    """Return the warehouse rows of `queries.dirty_contacts`; merged ones count as deleted."""
    texts = _Texts(conn, "contact")
    lists = contacts.lists_by_contact(conn, [row[1] for row in dirty])
    rows: list[Struct] = []
    for (
        workspace_id,
        contact_id,
        _,
        profile,
        custom_id,
        email,
        key,
        created_at,
        deleted_at,
        merged_into,
        revision,
        _,
    ) in dirty:
        gone = deleted_at is not None or merged_into is not None
        rows.append(
            ContactRow(
                workspace_id,
                contact_id,
                custom_id,
                email,
                key,
                {} if gone else texts.of(workspace_id, profile),
                created_at / 1000,
                int(gone),
                revision,
                [] if gone else lists.get(contact_id, []),
            )
        )
    return rows


def _told_of(kind: ObjectKind, dirty: Sequence[Sequence[Any]]) -> Copied:
    ids = [(row[0], row[1]) for row in dirty]
    if kind == "product":
        return Copied(kind, ids)
    # Deleted, merged, or merged once.
    divided = {row[0] for row in dirty if row[8] is not None or row[9] is not None or row[11]}
    return Copied(kind, ids, frozenset(divided))


def _copy_carts(
    state: State, warehouse: Warehouse, now: Instant, told: Callable[[Copied], None]
) -> int:
    copied = 0
    while True:
        with state.read() as conn:
            carts = contacts.carts_to_copy(conn, now, CARTS_PER_STEP)
        if not carts:
            return copied
        with state.write() as conn:
            # Not the clock, which may be put back: the newest copy has to count.
            rows = _cart_rows(conn, carts, reserve_ids(conn, "cart copy", 1))
        warehouse.insert("carts", rows, token=None)
        told(Copied("cart", [(cart[0], cart[1]) for cart in carts]))
        with state.write() as conn:
            queries.clean(
                conn,
                [
                    {
                        "workspace_id": workspace_id,
                        "kind": "cart",
                        "object_id": contact_id,
                        "revision": revision,
                    }
                    for workspace_id, contact_id, revision, _ in carts
                ],
            )
        copied += len(carts)
        if len(carts) < CARTS_PER_STEP:
            return copied


def _cart_rows(
    conn: Connection, carts: Sequence[tuple[int, int, int, list[CartItem]]], version: int
) -> list[Struct]:
    prices: dict[int, dict[int, tuple[Any, Any]]] = {}
    for workspace_id in {cart[0] for cart in carts}:
        scope = scope_of(get_workspace(conn, WorkspaceId(workspace_id)))
        unpriced = {
            item.product_id
            for cart in carts
            if cart[0] == workspace_id
            for item in cart[3]
            if item.unit_price is None
        }
        prices[workspace_id] = catalog.prices_now(conn, scope, unpriced)
    rows: list[Struct] = []
    for workspace_id, contact_id, _, items in carts:
        present = prices[workspace_id]
        priced = [_price(item, present) for item in items]
        rows.append(
            CartRow(
                workspace_id,
                contact_id,
                [item.product_id for item in items],
                [f"{item.quantity:f}" for item in items],
                [price for price, _ in priced],
                [currency for _, currency in priced],
                [item.added_at / 1000 for item in items],
                [item.last_changed_at / 1000 for item in items],
                version,
            )
        )
    return rows


def _price(item: CartItem, present: dict[int, tuple[Any, Any]]) -> tuple[str | None, str | None]:
    """Return what an item costs, by its events or else as its product does now."""
    if item.unit_price is not None:
        return f"{item.unit_price:f}", item.currency
    price, currency = present.get(item.product_id, (None, None))
    amount = None if price is None else round_money(Decimal(str(price)))
    return None if amount is None else f"{amount:f}", currency


def aliases(dirty: Sequence[Sequence[Any]]) -> list[Struct]:
    """Return the alias rows of those of `queries.dirty_contacts` that are or were merged.

    Whose merge was undone is an alias of itself: the relation keeps the newest row of each.
    """
    return [
        AliasRow(workspace_id, contact_id, merged_into or contact_id, revision)
        for workspace_id, contact_id, *_, merged_into, revision, was_merged in dirty
        if merged_into is not None or was_merged
    ]


def mark_all_dirty(conn: Connection) -> None:
    """Have every product and contact of every workspace copied again."""
    catalog.mark_all_dirty(conn)
    contacts.mark_all_dirty(conn)
    contacts.mark_all_carts_dirty(conn)
