"""Values of imports that cross the door."""

from typing import Any, Literal

from msgspec import Struct, field

from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import Instant

ImportKind = Literal["events", "products", "contacts"]
#: "uploaded": waits for a person to say what the columns hold, and to start it.
ImportStatus = Literal["uploaded", "queued", "running", "finished", "failed", "cancelled"]
Separator = Literal["comma", "tab", "semicolon", "pipe"]

SEPARATORS: dict[Separator, str] = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|"}


class ImportPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the rows of a file become events, products or contacts."""

    format: Literal["csv", "jsonl"] = "csv"
    separator: Separator = "comma"
    encoding: str = "utf-8"
    #: What each column holds: an identifier or fact by its name in the REST API, else an attribute;
    #: in events `data.NAME` is the product's and `custom_data.NAME` the event's. Others are left.
    columns: dict[str, str] = field(default_factory=dict)
    #: Of events: the type of every row, where no column says it.
    event_type: str | None = None
    #: Of events: cell -> type; other cells must name one of the sixteen themselves.
    event_types: dict[str, str] = field(default_factory=dict)
    #: Of events: "iso", "unix" or strptime's; None: ISO 8601, Unix, and day.month.year.
    time_format: str | None = None
    time_zone: str | None = None  #: of times that name none; None: the workspace's
    currency: str | None = None  #: of events whose row names none


class RowError(Struct, frozen=True):
    """A row that was not taken as it stands, and why."""

    row: int  #: line of the file, from 1
    code: str
    message: str


class Counts(Struct, frozen=True):
    """What became of the rows so far."""

    total: int  #: of the file; counted in lines until the last row was read
    succeeded: int = 0
    failed: int = 0
    repeated: int = 0  #: events that were known before
    set_aside: int = 0  #: values that did not fit; their rows succeeded

    @property
    def done(self) -> int:
        """How many rows were read."""
        return self.succeeded + self.failed + self.repeated


class Import(Struct, frozen=True):
    """One file on its way into a workspace."""

    number: int  #: order in which they came
    id: str  #: UUID
    workspace_id: WorkspaceId
    kind: ImportKind
    status: ImportStatus
    file_name: str  #: as it was sent; no path is made of it
    file_bytes: int
    headings: list[str]  #: the columns of the file, in order, each name once
    plan: ImportPlan
    counts: Counts
    row_errors: list[RowError]  #: the first fifty
    problem: str | None  #: why it failed as a whole
    author: str
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    #: The journal's head when the counts were written: what an event repeats that stands behind it
    #: was stored by this import, just before a crash.
    journal_position: int


class PreviewRow(Struct, frozen=True):
    """A row of the file, and what would become of it."""

    row: int
    cells: list[Any]
    becomes: dict[str, Any] | None  #: None: the row would fail
    problems: list[RowError]  #: why it fails, or which values would be set aside
