"""The door of the warehouse."""

from pathlib import Path

from footfall.warehouse.client import StatementTooSlow, Warehouse, WarehouseError
from footfall.warehouse.engine import Engine
from footfall.warehouse.guard import UnguardedStatement
from footfall.warehouse.schema import Relation
from footfall.warehouse.statements import (
    CURRENT_MEMBERS,
    LOCAL_DAY,
    ORDER_TYPES,
    Parameter,
    Statement,
    counted_once,
    day_offsets,
    order_lines,
    orders_once,
    same_contact,
    statement,
    survivor,
)

__all__ = [
    "CURRENT_MEMBERS",
    "LOCAL_DAY",
    "ORDER_TYPES",
    "Parameter",
    "Relation",
    "Statement",
    "StatementTooSlow",
    "UnguardedStatement",
    "Warehouse",
    "WarehouseError",
    "counted_once",
    "day_offsets",
    "open_warehouse",
    "order_lines",
    "orders_once",
    "same_contact",
    "statement",
    "survivor",
]


def open_warehouse(url: str | None, path: Path) -> Warehouse:
    """Return the warehouse, its schema brought up to date.

    Args:
        url: `clickhouse://user:password@host:port/database` or the same as `http://`, `https://`
            (`clickhouses://` is https too); the database exists. None: ClickHouse in this process.
        path: Directory of the engine in this process, made if missing; one per process, and no
            other process may have it open.

    Raises:
        WarehouseError: It cannot be opened.
    """
    if url is not None:
        return Warehouse(Engine(path=None, url=url))
    path.mkdir(parents=True, exist_ok=True)
    return Warehouse(Engine(path=path, url=None))
