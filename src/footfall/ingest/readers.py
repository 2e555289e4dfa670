"""Rows of a file, one after the other in constant memory: CSV, TSV, JSON lines, Parquet.

CSV, TSV and JSON lines may be gzip or Zstandard, told by their first bytes.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec
import zstandard

from footfall.ingest.mappings import Column, FileFormat, Mapping
from footfall.kernel.errors import UserError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
#: Stands in no cell of an honest file, so rows that differ have different content.
_CELL_END = "\x1f"
_PARQUET_BATCH_ROWS = 5_000
#: Compressed pieces are small, because one may unfold to a hundred times its size.
_PIECE_BYTES = 1 << 14
_BUFFER_BYTES = 1 << 17
_encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class FileUnreadable(UserError):
    """The file is missing, damaged, or not what its mapping says."""

    code = "unreadable_file"


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

    def __init__(self, path: Path, mapping: Mapping) -> None:
        self._path = path
        self._mapping = mapping
        self._columns = mapping.columns()
        self._format = mapping.format or _format_of(path)
        try:
            self._file = path.open("rb")
            self.total_bytes = path.stat().st_size
        except OSError as error:
            raise FileUnreadable(f"{path} cannot be read: {error.strerror}.") from error
        self._parquet_bytes = 0
        self._lines: list[str] = []  # text of the row being read, as it stands in the file

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
        try:
            match self._format:
                case "csv" | "tsv":
                    yield from self._delimited_rows()
                case "jsonl":
                    yield from self._json_rows()
                case "parquet":
                    yield from self._parquet_rows()
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError, OSError) as error:
            raise FileUnreadable(
                f"{self._path} is damaged from here on: {error}. What came before it is stored;"
                " the same command with the whole file adds the rest."
            ) from error

    def _bytes(self) -> BinaryIO:
        start = self._file.read(4)
        self._file.seek(0)
        if start.startswith(_GZIP):
            return cast("BinaryIO", gzip.open(self._file, "rb"))
        if start == _ZSTD:
            return io.BufferedReader(_Unzstd(self._file), _BUFFER_BYTES)
        return self._file

    def _delimited_rows(self) -> Iterator[Row]:
        text = io.TextIOWrapper(
            self._bytes(),
            # A byte that is no text spoils its row, not the file.
            encoding="utf-8-sig" if self._mapping.encoding == "utf-8" else self._mapping.encoding,
            errors="surrogateescape",
            newline="",
        )

        def lines() -> Iterator[str]:
            for line in text:
                self._lines.append(line)
                yield line

        delimiter = self._mapping.delimiter or ("\t" if self._format == "tsv" else ",")
        table = csv.reader(lines(), delimiter=delimiter)
        header = next(table, None) if self._mapping.header else None
        if header is None and self._mapping.header:
            return
        places = self._places(header)
        width = len(header) if header is not None else None
        while True:
            self._lines.clear()
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
        for number, raw in enumerate(self._bytes(), 1):
            content = raw.strip()
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


class _Unzstd(io.RawIOBase):
    """Decompressed Zstandard, of one frame or several; unlike the library's, it sees a cut end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # Any: what RawIOBase hands over
        while not self._ready and self._advance():
            pass
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _advance(self) -> bool:
        """Decompress the next piece; return False at the end."""
        finished = self._frame is None or self._frame.eof
        rest = self._frame.unused_data if self._frame is not None and finished else b""
        piece = rest or self._file.read(_PIECE_BYTES)
        if not piece:
            if not finished:
                raise EOFError("it ends in the middle of compressed data")
            return False
        if self._frame is None or finished:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = self._frame.decompress(piece)
        return True


def _format_of(path: Path) -> FileFormat:
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
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
