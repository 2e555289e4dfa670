"""Opens files that are packed: gzip, Zstandard, or a ZIP with one file in it, told by their start.

Who sends a file decides how far it unfolds. `Bounds` end it before it fills memory or disk.
"""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, NamedTuple, cast

import zstandard

from footfall.kernel.errors import UserError

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZIP: Final = b"PK\x03\x04"
#: Each piece is unfolded whole, and four bytes may stand for 128 KiB: 32 MiB at the worst.
_PIECE_BYTES: Final = 1 << 10
_BUFFER_BYTES: Final = 1 << 17
#: A ZIP's list of contents ends with this record; a comment of 64 KiB at most may follow.
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_BYTES: Final = 22
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES: Final = 20
#: Python reads the whole list before the first file; one file needs some hundred bytes.
_MAX_ZIP_LIST_BYTES: Final = 1 << 18
#: What archivers of desktops add to the one file that was meant.
_ZIP_EXTRAS: Final = ("__MACOSX/", ".")
_EXCEL_LIST: Final = "[Content_Types].xml"


class FileUnreadable(UserError):
    """The file is missing, damaged, or not what its mapping says."""

    code = "unreadable_file"


class Bounds(NamedTuple):
    """How far a packed file may unfold."""

    total_bytes: int
    #: Times its packed size; honest tables reach some fifty.
    ratio: int = 200
    #: Up to here the ratio says nothing: a short file of blanks unfolds as far.
    free_bytes: int = 32 << 20


@contextmanager
def damages_said(name: str) -> Iterator[None]:
    """Say what a packed file raises that is cut or changed.

    Raises:
        FileUnreadable: With `name` in the message.
    """
    try:
        yield
    except (EOFError, OSError, zipfile.BadZipFile, zlib.error, zstandard.ZstdError) as error:
        raise FileUnreadable(
            f"{name} is damaged from here on: {error}. What came before it is stored;"
            " importing the whole file again adds the rest."
        ) from error


def opened(file: BinaryIO, bounds: Bounds | None = None) -> BinaryIO:
    """Return what is in `file`, unpacked, from its beginning.

    Args:
        bounds: None: whatever it unfolds to, as for an operator's own file.

    Raises:
        FileUnreadable: A ZIP of several files or with a password; while reading: past `bounds`.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    if start.startswith(_GZIP):
        found = cast("BinaryIO", gzip.GzipFile(fileobj=file))
    elif start == _ZSTD:
        found = io.BufferedReader(_Unzstd(file), _BUFFER_BYTES)
    elif start == _ZIP:
        found = _only_file_of(file)
    else:
        return file
    if bounds is None:
        return found
    return io.BufferedReader(_Bounded(found, file, bounds), _BUFFER_BYTES)


def _only_file_of(file: BinaryIO) -> BinaryIO:
    _check_zip_list(file)
    try:
        archive = zipfile.ZipFile(file)
        entries = [
            entry
            for entry in archive.infolist()
            if not entry.is_dir()
            and not entry.filename.startswith(_ZIP_EXTRAS)
            and "/." not in entry.filename
        ]
        if any(entry.filename == _EXCEL_LIST for entry in archive.infolist()):
            raise FileUnreadable("This is an Excel workbook. Save it as CSV (UTF-8) and send that.")
        if len(entries) != 1:
            raise FileUnreadable(f"This ZIP holds {len(entries)} files. Send one that holds one.")
        if entries[0].flag_bits & 1:
            raise FileUnreadable("This ZIP needs a password. Send one without.")
        return cast("BinaryIO", archive.open(entries[0]))
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as error:
        raise FileUnreadable(f"This ZIP is damaged: {error}.") from error


def _check_zip_list(file: BinaryIO) -> None:
    """Refuse a list of contents too long to be read for one file."""
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(max(0, size - _ZIP_END_BYTES - (1 << 16) - _ZIP64_LOCATOR_BYTES))
    tail = file.read()
    file.seek(0)
    # As Python looks for it: without a comment first, else the last that looks like it.
    place = len(tail) - _ZIP_END_BYTES
    if place < 0 or tail[place : place + 4] != _ZIP_END or tail[-2:] != b"\0\0":
        place = tail.rfind(_ZIP_END)
    if place < 0 or len(tail) - place < _ZIP_END_BYTES:
        raise FileUnreadable("This ZIP is damaged: its list of contents is missing.")
    (list_bytes,) = struct.unpack_from("<I", tail, place + 12)
    # The larger form has another length beside; one file of what we take never needs it.
    is_large = tail[max(0, place - _ZIP64_LOCATOR_BYTES) : place].startswith(_ZIP64_LOCATOR)
    if is_large or list_bytes > _MAX_ZIP_LIST_BYTES:
        raise FileUnreadable("This ZIP holds too many files. Send one that holds one.")


class _Bounded(io.RawIOBase):
    """What was unpacked, up to its bounds."""

    def __init__(self, unpacked: BinaryIO, packed: BinaryIO, bounds: Bounds) -> None:
        self._unpacked = unpacked
        self._packed = packed
        self._bounds = bounds
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]  # what BufferedReader hands over
        piece = self._unpacked.read(len(buffer))
        self._count += len(piece)
        bounds = self._bounds
        if self._count > bounds.total_bytes:
            raise FileUnreadable(
                f"Unpacked, this file has more than {bounds.total_bytes >> 20} MiB."
                " Send it in several parts."
            )
        # `tell` may be ahead by a buffer, which only makes the ratio smaller.
        if self._count > max(bounds.free_bytes, bounds.ratio * self._packed.tell()):
            raise FileUnreadable(
                f"This file unfolds to more than {bounds.ratio} times its size, as a trap would."
                " Send it unpacked."
            )
        buffer[: len(piece)] = piece
        return len(piece)


class _Unzstd(io.RawIOBase):
    """Decompressed Zstandard, of one frame or several; unlike the library's, it sees a cut end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]  # what BufferedReader hands over
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
        self._ready = memoryview(self._frame.decompress(piece))
        return True
