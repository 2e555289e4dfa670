"""What an uploaded file is: its encoding, separator and columns. Reads all of it once."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from footfall.ingest.api import Bounds, FileUnreadable, Layout, RowReader, damages_said, opened
from footfall.transfers.types import SEPARATORS, ImportPlan, Separator

#: Of a packed file. Forty times the largest upload would be a day of work; see also the ratio.
BOUNDS: Final = Bounds(total_bytes=2 << 30)
_PIECE_BYTES: Final = 1 << 18
#: Enough to see the header and the first rows.
_HEAD_BYTES: Final = 1 << 20
#: Twice the attributes that a workspace may define (decision 9).
_MAX_COLUMNS: Final = 1_000
_LOOKED_AT_ROWS: Final = 20
#: Letters of Polish that the two usual 8-bit encodings write by different bytes: ąśźĄŚŹ.
_LATIN2: Final = b"\xb1\xb6\xbc\xa1\xa6\xac"
_WINDOWS: Final = b"\xb9\x9c\x9f\xa5\x8c\x8f"
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Detected(NamedTuple):
    """What a file is."""

    format: Literal["csv", "jsonl"]
    separator: Separator
    encoding: str
    headings: list[str]
    rows: int  #: counted in lines


def detect(path: Path, name: str, separator: Separator | None) -> Detected:
    """Return what the file is.

    Args:
        name: What the person calls it, for messages.
        separator: Of a CSV; None: the one that fits best.

    Raises:
        FileUnreadable: It is empty, damaged, no table, or unfolds too far.
    """
    with damages_said(name), path.open("rb") as file:
        head, encoding, lines = _looked_through(opened(file, BOUNDS))
    if not head.strip(b"\xef\xbb\xbf \t\r\n\0\xff\xfe"):
        raise FileUnreadable("This file is empty.")
    _refuse_other_formats(head, encoding)
    text = head.decode(encoding, "replace")
    start = text.lstrip()[:1]
    if start == "[":
        raise FileUnreadable("This is a JSON array. Send JSON lines: one object on each line.")
    if start == "{":
        if encoding != "utf-8":
            raise FileUnreadable("JSON lines must be UTF-8.")
        return Detected("jsonl", "comma", encoding, _members(text), lines)
    found = separator or _separator_of(text)
    cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATORS[found]), [])
    if len(cells) > _MAX_COLUMNS:
        raise FileUnreadable(f"This file has {len(cells)} columns; there may be {_MAX_COLUMNS}.")
    return Detected("csv", found, encoding, _headings(cells), max(lines - 1, 0))


def layout_of(plan: ImportPlan) -> Layout:
    """Return how the file of `plan` is read."""
    return Layout(plan.format, delimiter=SEPARATORS[plan.separator], encoding=plan.encoding)


def rows_of(path: Path, name: str, plan: ImportPlan, headings: Sequence[str]) -> RowReader:
    """Return the rows of an uploaded file, all columns in their order."""
    columns = headings if plan.format == "jsonl" else range(1, len(headings) + 1)
    return RowReader(path, layout_of(plan), list(columns), called=name, bounds=BOUNDS)


def _looked_through(file: Any) -> tuple[bytes, str, int]:  # Any: whatever unpacks
    """Return the beginning, the encoding, and how many lines there are."""
    head, lines, last = b"", 0, b""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    odd: Counter[int] = Counter()
    while piece := file.read(_PIECE_BYTES):
        if len(head) < _HEAD_BYTES:
            head += piece
        lines += piece.count(b"\n")
        last = piece[-1:]
        if is_utf8:
            try:
                utf8.decode(piece)
            except UnicodeDecodeError:
                is_utf8 = False
        if not piece.isascii():
            for byte in _LATIN2 + _WINDOWS:
                odd[byte] += piece.count(byte)
    if last not in {b"\n", b""}:
        lines += 1
    return head, _encoding_of(head, is_utf8, odd), lines


def _encoding_of(head: bytes, is_utf8: bool, odd: "Counter[int]") -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:2_000]
    if len(sample) > 3:
        for name, place in (("utf-16-le", 1), ("utf-16-be", 0)):
            zeros = sample[place::2].count(0)
            if zeros > len(sample) // 4 and sample[1 - place :: 2].count(0) == 0:
                return name
    if is_utf8:
        return "utf-8"
    latin2, windows = (sum(odd[byte] for byte in some) for some in (_LATIN2, _WINDOWS))
    return "iso-8859-2" if latin2 > windows else "windows-1250"


def _refuse_other_formats(head: bytes, encoding: str) -> None:
    named = {b"PAR1": "Parquet", b"%PDF": "PDF", b"\xd0\xcf\x11\xe0": "Excel (.xls)"}
    for start, what in named.items():
        if head.startswith(start):
            raise FileUnreadable(f"This is a {what} file. Send CSV or JSON lines.")
    if not encoding.startswith("utf-16") and b"\0" in head[:2_000]:
        raise FileUnreadable("This is no text. Send CSV or JSON lines.")


def _separator_of(text: str) -> Separator:
    """Return the separator by which the first rows are the same and have the most cells."""
    best: tuple[int, int, Separator] = (0, 0, "comma")
    lines = text.split("\n")[: _LOOKED_AT_ROWS * 2]
    for name, character in SEPARATORS.items():
        widths: list[int] = []
        try:
            for row in csv.reader(lines, delimiter=character):
                widths += [len(row)] if row else []
        except csv.Error:
            continue
        widths = widths[:_LOOKED_AT_ROWS]
        if widths and widths[0] > 1:
            alike = sum(width == widths[0] for width in widths)
            best = max(best, (alike, widths[0], name), key=lambda found: found[:2])
    return best[2]


def _headings(cells: Sequence[str]) -> list[str]:
    """Return the header's cells, each with a name and no two the same."""
    found: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = cell.removeprefix("\ufeff").strip() or f"Column {place}"
        number, unique = 1, name
        while unique in found:
            number += 1
            unique = f"{name} ({number})"
        found.append(unique)
    return found


def _members(text: str) -> list[str]:
    """Return the members of the first objects, in the order they come."""
    found: dict[str, None] = {}
    for line in text.splitlines()[: _LOOKED_AT_ROWS * 5]:
        try:
            found.update(dict.fromkeys(_decode_object(line.strip().encode())))
        except (msgspec.DecodeError, UnicodeError):
            continue  # the row will be told of as one that failed
    return list(found)[:_MAX_COLUMNS]
