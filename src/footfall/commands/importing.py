"""`footfall import events`."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from footfall.bootstrap import clock, open_migrated_state
from footfall.control import Gateway, ServerFault, open_gateway
from footfall.ingest.importer import Importer, Reject
from footfall.ingest.mappings import Mapping
from footfall.journal.types import Appended, Entry
from footfall.kernel.errors import Unavailable
from footfall.kernel.ids import Position
from footfall.kernel.instants import zone
from footfall.settings import Settings
from footfall.workspaces.api import workspace_named

#: Rows that travel together: one commit of the journal, some 2 MB.
_CHUNK_ROWS = 5_000
#: How long a full journal or disk may refuse the same rows before the import gives up.
_PATIENCE_SECONDS = 300
#: How long nothing may become visible before the import stops waiting for it.
_STALLED_SECONDS = 60
_WAIT_SECONDS = 2.0


def import_events(settings: Settings, path: Path, mapping: Mapping, workspace_name: str) -> int:
    """Import a file and say what became of every row."""
    with closing(open_migrated_state(settings)) as state, state.read() as conn:
        workspace = workspace_named(conn, workspace_name)
    time_zone = zone(workspace.time_zone)
    assert time_zone is not None
    importer = Importer(path, mapping, workspace_id=workspace.id, zone=time_zone, clock=clock)
    with (
        RejectFile(path, settings.data_dir / "rejects") as rejects,
        open_gateway(settings) as gateway,
        ImportProgress(importer.total_bytes) as progress,
        closing(Run(gateway, rejects, progress)) as run,
    ):
        for chunk in importer.chunks(_CHUNK_ROWS):
            run.take(chunk.entries, chunk.rejects, chunk.bytes_read)
        run.finish()
    print(run.summary())
    return 0


class RejectFile:
    """Where refused rows are written, one JSON object a line; made when there is the first one."""

    def __init__(self, imported: Path, fallback_folder: Path) -> None:
        self._beside = imported.with_name(f"{imported.name}.rejects.jsonl")
        self._fallback = fallback_folder / self._beside.name
        self._file: BinaryIO | None = None
        self.path: Path | None = None  #: None while there is no reject

    def write(self, rejects: Sequence[Reject]) -> None:
        """Add `rejects`."""
        if not rejects:
            return
        if self._file is None:
            self._file = self._open()
        encode = msgspec.json.Encoder().encode
        for reject in rejects:
            self._file.write(encode(reject._asdict()) + b"\n")

    def _open(self) -> BinaryIO:
        try:
            file = self._beside.open("wb")
            self.path = self._beside
        except OSError:  # a folder of somebody else's, or read-only
            self._fallback.parent.mkdir(parents=True, exist_ok=True)
            file = self._fallback.open("wb")
            self.path = self._fallback
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


class ImportProgress:
    """A bar with rate and time left on a terminal; elsewhere a line at every tenth of the file."""

    def __init__(self, total_bytes: int) -> None:
        console = Console(stderr=True)
        self._total_bytes = max(total_bytes, 1)
        self._console = console
        self._tenths = 0
        self._rows = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,} a second, left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("Importing", total=self._total_bytes, rows=0, rate=0)

    def advance(self, rows: int, bytes_read: int) -> None:
        """Say that `rows` more were read, up to `bytes_read` of the file."""
        self._rows += rows
        elapsed = self._bar.tasks[0].elapsed or 0.0
        rate = round(self._rows / elapsed) if elapsed > 0 else 0
        self._bar.update(self._task, completed=bytes_read, rows=self._rows, rate=rate)
        tenths = 10 * bytes_read // self._total_bytes
        if not self._console.is_terminal and tenths > self._tenths:
            self._tenths = tenths
            self._console.print(f"{10 * tenths} %: {self._rows:,} rows, {rate:,} a second")

    def waiting(self) -> None:
        """Say that all rows are stored and not all visible."""
        self._bar.update(self._task, description="Making visible")
        if not self._console.is_terminal:
            self._console.print("All rows are stored; waiting until they are visible.")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()


class Run:
    """Sends chunks on, one while the next is being read, and counts what becomes of them."""

    def __init__(self, gateway: Gateway, rejects: RejectFile, progress: ImportProgress) -> None:
        self._gateway = gateway
        self._rejects = rejects
        self._progress = progress
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="append")
        self._underway: Future[list[Appended]] | None = None
        self._last = Position(0)
        self.stored = 0
        self.repeated = 0
        self.rejected: Counter[str] = Counter()

    def take(self, entries: list[Entry], rejects: list[Reject], bytes_read: int) -> None:
        """Send `entries` on when those before are on disk; write `rejects`."""
        self._settle()
        self._underway = self._thread.submit(self._append, entries)
        self._rejects.write(rejects)
        self.rejected.update(reject.code for reject in rejects)
        self._progress.advance(len(entries) + len(rejects), bytes_read)

    def finish(self) -> None:
        """Return when every event can be read.

        Raises:
            ServerFault: Everything is stored, and none of it became visible for a minute.
        """
        self._settle()
        self._progress.waiting()
        wait_until_visible(self._gateway, self._last)

    def summary(self) -> str:
        """Return what became of every row."""
        rejected = self.rejected.total()
        total = self.stored + self.repeated + rejected
        counts = f"{self.stored:,} stored, {self.repeated:,} repeated, {rejected:,} rejected"
        lines = [f"{total:,} rows: {counts}"]
        lines += [f"  {count:,} {code}" for code, count in self.rejected.most_common()]
        if self._rejects.path is not None:
            lines.append(f"Rejected rows with their reasons: {self._rejects.path}")
        return "\n".join(lines)

    def close(self) -> None:
        """Wait for what is under way."""
        self._thread.shutdown()

    def _settle(self) -> None:
        if self._underway is None:
            return
        for place in self._underway.result():
            if place.repeated:
                self.repeated += 1
            else:
                self.stored += 1
            self._last = max(self._last, place.position)
        self._underway = None

    def _append(self, entries: list[Entry]) -> list[Appended]:
        return append_patiently(self._gateway, entries) if entries else []


def append_patiently(gateway: Gateway, entries: Sequence[Entry]) -> list[Appended]:
    """Return the places of `entries`, which are on disk.

    Raises:
        Unavailable: They have been refused for minutes.
    """
    waited = 0
    while True:
        try:
            return gateway.append(entries)
        except Unavailable as error:
            # A full journal empties itself while we wait; a full disk may not.
            if waited >= _PATIENCE_SECONDS:
                raise
            time.sleep(error.retry_after_seconds)
            waited += error.retry_after_seconds


def wait_until_visible(
    gateway: Gateway, position: Position, ended: threading.Event | None = None
) -> bool:
    """Return whether everything up to `position` can be read; False only if `ended` came before.

    Raises:
        ServerFault: Nothing became visible for a minute.
    """
    seen, waited = -1, 0.0
    while not gateway.wait_visible(position, _WAIT_SECONDS):
        if ended is not None and ended.is_set():
            return False
        now_seen = gateway.status().visible_through
        waited = 0.0 if now_seen > seen else waited + _WAIT_SECONDS
        seen = now_seen
        if waited >= _STALLED_SECONDS:
            raise ServerFault(
                "everything is stored, but nothing becomes visible; footfall doctor may say why"
            )
    return True
