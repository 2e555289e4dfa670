"""Rows of a file, one after the other in constant memory: CSV, TSV, JSON lines, Parquet.

CSV, TSV and JSON lines may be packed; see unpacking.py.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from footfall.ingest.mappings import Column, FileFormat
from footfall.ingest.unpacking import Bounds, FileUnreadable, damages_said, opened

_SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_PACKED_SUFFIXES = (".gz", ".zst", ".zip")
#: A file without line ends must not be read into memory as one line.
_MAX_ROW_CHARACTERS = 16 << 20
#: Stands in no cell of an honest file, so rows that differ have different content.
_CELL_END = "\x1f"
_PARQUET_BATCH_ROWS = 5_000
_UTF8_MARK = b"\xef\xbb\xbf"
_encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Layout(NamedTuple):
    """How the rows of a file are written down."""

    format: FileFormat | None = None  #: None: by the file's name
    header: bool = True
    delimiter: str | None = None  #: None: comma, or tab in "tsv"
    encoding: str = "utf-8"


class Row(NamedTuple):
    """One record of the file."""

    line: int  #: of its first line, from 1; in Parquet the row's number
    values: list[Any] | None  #: of the asked columns, in their order; None: unreadable
    content: bytes  #: all of it, to tell changed rows from unchanged ones
    problem: str = ""  #: why `values` is None


class RowReader:
    """The rows of one file, and how far into the file they are. Iterate once.

    Raises:
        FileUnreadable: While opening or iterating.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        columns: Sequence[Column],
        *,
        called: str | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        """Open the file.

        Args:
            columns: What `Row.values` holds, in this order.
            called: Its name in messages; None: its path.
            bounds: How far it may unfold; None: as far as it does.
        """
        self._path = called or str(path)
        self._layout = layout
        self._columns = columns
        self._bounds = bounds
        self._format = layout.format or _format_of(path)
        try:
            self._file = path.open("rb")
            self.total_bytes = path.stat().st_size
        except OSError as error:
            raise FileUnreadable(f"{self._path} cannot be read: {error.strerror}.") from error
        self._parquet_bytes = 0
        self._lines: list[str] = []  # text of the row being read, as it stands in the file
        self._row_characters = 0

    def bytes_read(self) -> int:
        """Return how many bytes of the file, compressed as it is, were needed so far."""
        return self._parquet_bytes or self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def text_of(self, row: Row) -> str:
        """Return the text of `row`, the one yielded last, with unreadable bytes replaced."""
        if self._lines:
            text = "".join(self._lines).rstrip("\r\n")
            return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return row.content.decode("utf-8", "replace")

    def __iter__(self) -> Iterator[Row]:
        with damages_said(self._path):
            match self._format:
                case "csv" | "tsv":
                    yield from self._delimited_rows()
                case "jsonl":
                    yield from self._json_rows()
                case "parquet":
                    yield from self._parquet_rows()

    def _lines_of(self, text: io.TextIOWrapper) -> Iterator[str]:
        """Yield the lines of `text`, each kept until its row is read."""
        while line := text.readline(_MAX_ROW_CHARACTERS):
            self._lines.append(line)
            self._row_characters += len(line)
            if self._row_characters >= _MAX_ROW_CHARACTERS:
                raise FileUnreadable(f"{self._path} has a row of more than 16 million characters.")
            yield line

    def _delimited_rows(self) -> Iterator[Row]:
        encoding = self._layout.encoding
        text = io.TextIOWrapper(
            opened(self._file, self._bounds),
            encoding="utf-8-sig" if encoding == "utf-8" else encoding,
            # A byte that is no text spoils its row, not the file.
            errors="replace" if encoding.startswith("utf-16") else "surrogateescape",
            newline="",
        )
        delimiter = self._layout.delimiter or ("\t" if self._format == "tsv" else ",")
        table = csv.reader(self._lines_of(text), delimiter=delimiter)
        header = next(table, None) if self._layout.header else None
        if header is None and self._layout.header:
            return
        places = self._places(header)
        width = len(header) if header is not None else None
        while True:
            self._lines.clear()
            self._row_characters = 0
            line = table.line_num + 1
            try:
                cells = next(table, None)
            except csv.Error as error:
                yield Row(line, None, b"", f"This is not a CSV row: {error}.")
                continue
            if cells is None:
                return
            if not cells:  # a blank line
                continue
            content = _CELL_END.join(cells).encode("utf-8", "surrogateescape")
            if width is None:
                width = len(cells)
                places = self._places_by_number(width)
            if len(cells) != width:
                problem = f"This row has {len(cells)} cells where {width} are expected."
                yield Row(line, None, b"", problem)
                continue
            yield Row(line, [cells[place] for place in places], content)

    def _places(self, header: list[str] | None) -> list[int]:
        if header is None:
            return []
        missing = [name for name in self._columns if isinstance(name, str) and name not in header]
        if missing:
            raise FileUnreadable(
                f"{self._path} has no column {_quoted(missing)}. Its columns: {_quoted(header)}."
            )
        self._places_by_number(len(header))
        return [
            column - 1 if isinstance(column, int) else header.index(column)
            for column in self._columns
        ]

    def _places_by_number(self, width: int) -> list[int]:
        numbers = [column for column in self._columns if isinstance(column, int)]
        if max(numbers, default=0) > width:
            raise FileUnreadable(
                f"{self._path} has {width} columns; the mapping asks for number {max(numbers)}."
            )
        return [number - 1 for number in numbers]

    def _json_rows(self) -> Iterator[Row]:
        getters = [_getter(column) for column in self._columns]
        lines = opened(self._file, self._bounds)
        number = 0
        while raw := lines.readline(_MAX_ROW_CHARACTERS):
            number += 1
            if len(raw) == _MAX_ROW_CHARACTERS:
                raise FileUnreadable(f"{self._path} has a row of more than 16 million bytes.")
            content = (raw.removeprefix(_UTF8_MARK) if number == 1 else raw).strip()
            if not content:
                continue
            try:
                members = _decode_object(content)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                yield Row(number, None, content, f"This is not a JSON object: {error}.")
                continue
            yield Row(number, [get(members) for get in getters], content)

    def _parquet_rows(self) -> Iterator[Row]:
        # Slow to import and rarely needed, so no other command pays for it.
        import pyarrow  # noqa: PLC0415 - see above
        import pyarrow.parquet  # noqa: PLC0415 - see above

        try:
            file = pyarrow.parquet.ParquetFile(self._file)
        except pyarrow.ArrowInvalid as error:
            raise FileUnreadable(f"{self._path} is not a Parquet file: {error}.") from error
        names = list(file.schema_arrow.names)
        missing = [c for c in self._columns if str(c).split(".")[0] not in names and c not in names]
        if missing:
            raise FileUnreadable(
                f"{self._path} has no column {_quoted(missing)}. Its columns: {_quoted(names)}."
            )
        getters = [_getter(column) for column in self._columns]
        number, count = 0, max(file.metadata.num_rows, 1)
        for batch in file.iter_batches(batch_size=_PARQUET_BATCH_ROWS):
            for members in batch.to_pylist():
                number += 1
                content = _encode({name: _plain(value) for name, value in members.items()})
                self._parquet_bytes = self.total_bytes * number // count
                yield Row(number, [_plain(get(members)) for get in getters], content)


def _format_of(path: Path) -> FileFormat:
    name = path.name.lower()
    for suffix in _PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    for suffix, file_format in _SUFFIXES.items():
        if name.endswith(suffix):
            return file_format
    raise FileUnreadable(
        f"{path.name} does not say what it is by its name; write `format` into the mapping:"
        ' "csv", "tsv", "jsonl" or "parquet".'
    )


def _quoted(names: Any) -> str:  # Any: names or numbers, in whatever holds them
    return ", ".join(f'"{name}"' for name in names)


def _getter(column: Column) -> Callable[[dict[str, Any]], Any]:
    """Return what reads `column` of a record: a member, or by dots a member of a member."""
    name = str(column)
    first, *inner = name.split(".")

    def by_path(members: dict[str, Any]) -> Any:  # Any: a JSON value
        if name in members:
            return members[name]
        value: Any = members.get(first)
        for step in inner:
            value = value.get(step) if isinstance(value, dict) else None
        return value

    return by_path if inner else lambda members: members.get(name)


def _plain(value: Any) -> Any:
    """Return a Parquet value as JSON types."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
