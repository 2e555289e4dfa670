"""Where uploaded files wait for their import: private, bounded, named by us alone."""

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from footfall.kernel.errors import TooLarge, Unavailable

#: The compatible API's limit (row P7 of its contract), of what is sent.
MAX_UPLOAD_BYTES: Final = 200 << 20
#: Of all files that wait: ten of the largest.
MAX_WAITING_BYTES: Final = 2_000 << 20
_PART: Final = ".part"
#: How often the disk is looked at while a file arrives.
_CHECK_BYTES: Final = 8 << 20


class ImportFolder:
    """The folder of uploaded files; `<id>` is one that arrived, `<id>.part` one that arrives."""

    def __init__(self, path: Path, disk_reserve_bytes: int) -> None:
        self._path = path
        self._disk_reserve_bytes = disk_reserve_bytes

    def path_of(self, import_id: str) -> Path:
        """Return the file of an import; `import_id` was made by us."""
        return self._path / import_id

    def begin(self, import_id: str) -> "Arriving":
        """Return a new, empty file that takes what is uploaded.

        Raises:
            Unavailable: Too many files wait, or the disk is nearly full.
        """
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.check_room(0)
        path = self._path / f"{import_id}{_PART}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return Arriving(self, path, os.fdopen(descriptor, "wb"))

    def check_room(self, more_bytes: int) -> None:
        """Do nothing while there is room for `more_bytes`.

        Raises:
            Unavailable: There is not.
        """
        waiting = sum(entry.stat().st_size for entry in os.scandir(self._path))
        if waiting + more_bytes > MAX_WAITING_BYTES:
            raise Unavailable(
                "Too many uploaded files wait for their import. Start or cancel some.",
                code="too_many_uploads",
                retry_after_seconds=60,
            )
        if shutil.disk_usage(self._path).free - more_bytes < self._disk_reserve_bytes:
            raise Unavailable("The disk is nearly full.", code="disk_full", retry_after_seconds=60)

    def remove(self, import_id: str) -> None:
        """Delete the file of an import, if it is there."""
        self.path_of(import_id).unlink(missing_ok=True)

    def sweep(self, needed: Collection[str]) -> None:
        """Delete every file but those of the imports `needed`. When nothing is arriving."""
        if not self._path.is_dir():
            return
        for path in list(self._path.iterdir()):
            if path.name not in needed:
                path.unlink(missing_ok=True)


class Arriving:
    """A file that is being uploaded."""

    def __init__(self, folder: ImportFolder, path: Path, file: BinaryIO) -> None:
        self._folder = folder
        self._file = file
        self.path = path
        self.bytes = 0
        self._checked_at = 0

    def write(self, piece: bytes) -> None:
        """Add what came next.

        Raises:
            TooLarge: It is more than an upload may have.
            Unavailable: There is no room for more.
        """
        self.bytes += len(piece)
        if self.bytes > MAX_UPLOAD_BYTES:
            raise too_large()
        if self.bytes - self._checked_at > _CHECK_BYTES:
            self._checked_at = self.bytes
            self._folder.check_room(len(piece))
        self._file.write(piece)

    def keep(self) -> None:
        """Give it its final name; on disk when this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.rename(self.path.with_suffix(""))

    def close(self) -> None:
        """Delete it, unless it was kept."""
        with suppress(OSError):  # of a full disk: what is in the buffer is not wanted any more
            self._file.close()
        self.path.unlink(missing_ok=True)


def too_large() -> TooLarge:
    """Return the refusal of a file that is too large."""
    return TooLarge(f"A file may have {MAX_UPLOAD_BYTES >> 20} MiB. Send it packed or in parts.")
