"""How the rows of a list are written into a file, page after page: CSV, JSON lines, Parquet. Pure.

Rows come as the list answers them, one JSON object each.
"""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

import msgspec

from footfall.attributes.types import Definition

ExportFormat = Literal["csv", "jsonl", "parquet"]
MEDIA_TYPES: Final[dict[ExportFormat, str]] = {
    "csv": "text/csv",  # the framework adds the charset
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
#: Spreadsheets run a text that begins so. An apostrophe before it makes it text again.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARK: Final = "\ufeff"
#: Shown apart where a row names a contact or product: present however many rows name none.
_NAMED: Final = {
    "contact": ("id", "custom_id", "email", "key"),
    "product": ("id", "custom_id", "name"),
}
_AMOUNTS: Final = frozenset({"unit_price", "quantity"})
_AMOUNT: Final = Decimal("0.0001")
#: Fewer make files that are slow to read; more, and each waits in memory.
_ROW_GROUP_ROWS: Final = 20_000
_decode: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class Writer(Protocol):
    """Writes one file."""

    def page(self, rows: Sequence[msgspec.Raw]) -> bytes:
        """Return the bytes that these rows add to the file; perhaps none yet."""

    def end(self) -> bytes:
        """Return the last bytes."""


def writer_of(
    file_format: ExportFormat, definitions: Sequence[Definition], *, mark: bool
) -> Writer:
    """Return a writer.

    Args:
        definitions: Of the attributes that get a column each; none: attributes are one JSON text.
        mark: Whether a CSV begins with the byte order mark by which Excel knows UTF-8.
    """
    if file_format == "jsonl":
        return _JsonLines()
    if file_format == "csv":
        return _Csv(definitions, mark)
    return _Parquet(definitions)


class _JsonLines:
    def page(self, rows: Sequence[msgspec.Raw]) -> bytes:
        return b"".join(bytes(row) + b"\n" for row in rows)

    def end(self) -> bytes:
        return b""


def columns_of(row: dict[str, Any], definitions: Sequence[Definition]) -> list[str]:
    """Return the columns of a table whose rows are like `row`."""
    names: list[str] = []
    for name, value in row.items():
        if name == "attributes" and definitions:
            names += [one.name_std for one in definitions if one.name_std not in row]
        elif name in _NAMED and (value is None or isinstance(value, dict)):
            names += [f"{name}.{part}" for part in _NAMED[name]]
        else:
            names.append(name)
    return names


def cells_of(row: dict[str, Any], columns: Sequence[str]) -> list[Any]:
    """Return the cells of a row; lists and objects as JSON text."""
    attributes = row.get("attributes")
    cells: list[Any] = []
    for column in columns:
        value = row.get(column)
        if column not in row:
            outer, dot, inner = column.partition(".")
            if dot and outer in _NAMED:
                value = (row.get(outer) or {}).get(inner)
            elif isinstance(attributes, dict):
                value = attributes.get(column)
        cells.append(_encode(value).decode() if isinstance(value, dict | list) else value)
    return cells


def safe_cell(value: Any) -> Any:
    """Return a cell as no spreadsheet runs it; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


class _Csv:
    def __init__(self, definitions: Sequence[Definition], mark: bool) -> None:
        self._definitions = definitions
        self._columns: list[str] | None = None
        self._mark = _MARK if mark else ""

    def page(self, rows: Sequence[msgspec.Raw]) -> bytes:
        text = io.StringIO()
        table = csv.writer(text)
        for raw in rows:
            row = _decode(raw)
            if self._columns is None:
                self._columns = columns_of(row, self._definitions)
                text.write(self._mark)
                table.writerow([safe_cell(name) for name in self._columns])
            table.writerow([safe_cell(cell) for cell in cells_of(row, self._columns)])
        return text.getvalue().encode()

    def end(self) -> bytes:
        return b""


class _Parquet:
    def __init__(self, definitions: Sequence[Definition]) -> None:
        # Slow to import and rarely needed, so nobody else pays for it.
        import pyarrow  # noqa: PLC0415 - see above
        import pyarrow.parquet  # noqa: PLC0415 - see above

        self._arrow = pyarrow
        self._definitions = definitions
        self._columns: list[str] = []
        self._rows: list[list[Any]] = []
        self._sink = io.BytesIO()
        self._writer: Any = None

    def page(self, rows: Sequence[msgspec.Raw]) -> bytes:
        for raw in rows:
            row = _decode(raw)
            if not self._columns:
                self._columns = columns_of(row, self._definitions)
            self._rows.append(cells_of(row, self._columns))
        if len(self._rows) >= _ROW_GROUP_ROWS:
            self._write()
        return self._taken()

    def end(self) -> bytes:
        self._write()
        self._writer.close()
        return self._taken()

    def _write(self) -> None:
        arrow = self._arrow
        fields = [(name, self._type_of(name)) for name in self._columns]
        schema = arrow.schema(fields)
        if self._writer is None:
            self._writer = arrow.parquet.ParquetWriter(self._sink, schema)
        arrays = [
            arrow.array([_typed(row[place], kind, arrow) for row in self._rows], type=kind)
            for place, (_, kind) in enumerate(fields)
        ]
        self._writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
        self._rows.clear()

    def _taken(self) -> bytes:
        made = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return made

    def _type_of(self, column: str) -> Any:  # Any: pyarrow's types have no types
        arrow = self._arrow
        if column == "id" or column.endswith((".id", "_count")):
            return arrow.int64()
        if column in _AMOUNTS:
            return arrow.decimal128(18, 4)
        if column in {"created_at", "updated_at", "occurred_at", "received_at", "failed_at"}:
            return arrow.timestamp("ms", tz="UTC")
        for definition in self._definitions:
            if definition.name_std == column:
                named = {
                    "float": arrow.float64(),
                    "integer": arrow.int64(),
                    "boolean": arrow.bool_(),
                }
                return named.get(definition.value_type, arrow.string())
        return arrow.string()


def _typed(value: Any, kind: Any, arrow: Any) -> Any:  # Any: a JSON value, pyarrow's type
    if value is None:
        return None
    types = arrow.types
    if types.is_timestamp(kind):
        return datetime.fromisoformat(value)
    if types.is_decimal(kind):
        return Decimal(value).quantize(_AMOUNT)
    if types.is_floating(kind):
        return float(value)
    if types.is_string(kind):
        return value if isinstance(value, str) else _encode(value).decode()
    return value
