"""The steps of one import: some rows in one transaction, and with them how far it has come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from footfall.attributes.types import SetAside
from footfall.catalog.api import put_products
from footfall.contacts.api import put_contacts
from footfall.ingest.api import Row, RowMapper, entry_of_row
from footfall.journal.types import Appended, Entry
from footfall.kernel.errors import UserError
from footfall.kernel.instants import Clock
from footfall.state.api import State
from footfall.transfers import queries
from footfall.transfers.api import SOURCE, value_error
from footfall.transfers.detection import rows_of
from footfall.transfers.folder import ImportFolder
from footfall.transfers.logic import ContactRow, ObjectMapper, ProductRow, event_mapping
from footfall.transfers.types import Import, RowError
from footfall.workspaces.api import get_workspace, scope_of

#: A transaction of some 20 ms: what waits for the state store waits no longer.
STEP_ROWS: Final = 200
#: The compatible API's limit (row P8 of its contract).
MAX_ROW_ERRORS: Final = 50

Outcome = Literal["more", "end", "cancelled"]


@dataclass(frozen=True, slots=True)
class Stores:
    """What imports read and write. Made by bootstrap."""

    state: State
    folder: ImportFolder
    #: Returns the places of events, which are on disk.
    append: Callable[[Sequence[Entry]], list[Appended]]
    journal_head: Callable[[], int]
    #: Say that products or contacts were changed.
    changed: Callable[[], None]
    #: Return how many events were accepted since the start.
    events_accepted: Callable[[], int]
    clock: Clock


class Steps:
    """One import, from where it has come so far."""

    def __init__(self, stores: Stores, found: Import) -> None:
        """Open the file and pass over the rows that are done.

        Raises:
            FileUnreadable: It is gone, or ends before them.
        """
        self._stores = stores
        self._found = found
        self._counts = found.counts
        self._errors = list(found.row_errors)
        self._head = found.journal_position
        #: Events behind this were stored by a step that a crash kept from being noted.
        self._unnoted_past = found.journal_position if found.started_at is not None else None
        with stores.state.read() as conn:
            workspace = get_workspace(conn, found.workspace_id)
        self._scope = scope_of(workspace)
        self._mapper = ObjectMapper(found.plan, found.headings)
        columns = (
            found.headings
            if found.plan.format == "jsonl"
            else list(range(1, len(found.headings) + 1))
        )
        if found.kind == "events":
            mapping = event_mapping(found.plan, found.headings)
            zone = ZoneInfo(workspace.time_zone)
            self._events = RowMapper(mapping, workspace.id, zone, columns)
        path = stores.folder.path_of(found.id)
        self._reader = rows_of(path, found.file_name, found.plan, found.headings)
        self._rows: Iterator[tuple[int, Row]] = enumerate(self._reader, 1)
        for _ in islice(self._rows, found.counts.done):
            pass

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def take(self) -> Outcome:
        """Import the next rows; "end" when there were none left.

        Raises:
            FileUnreadable: From here on; what came before is stored.
            Unavailable: A store is away; nothing of this step is noted.
        """
        rows = list(islice(self._rows, STEP_ROWS))
        if not rows:
            self._counts = msgspec.structs.replace(self._counts, total=self._counts.done)
            return "end" if self._note() else "cancelled"
        if self._found.kind == "events":
            noted = self._take_events(rows)
        else:
            noted = self._take_objects(rows)
        return "more" if noted else "cancelled"

    def _take_events(self, rows: Sequence[tuple[int, Row]]) -> bool:
        received_at = self._stores.clock()
        entries: list[Entry] = []
        for number, row in rows:
            try:
                entries.append(entry_of_row(self._events, number, row, received_at))
            except UserError as error:
                self._fail(row, error.code, error.message)
            except UnicodeEncodeError:
                message = "This row holds bytes that are not text in the file's encoding."
                self._fail(row, "invalid_text", message)
        places = self._stores.append(entries) if entries else []
        unnoted = self._unnoted_past
        repeated = sum(
            place.repeated and (unnoted is None or place.position <= unnoted) for place in places
        )
        self._count(succeeded=len(entries) - repeated, repeated=repeated)
        self._unnoted_past = None
        self._head = self._stores.journal_head()
        return self._note()

    def _take_objects(self, rows: Sequence[tuple[int, Row]]) -> bool:
        products: list[ProductRow] = []
        contacts: list[ContactRow] = []
        good: list[Row] = []
        for _, row in rows:
            try:
                if self._found.kind == "products":
                    products.append(self._mapper.product(row))
                else:
                    contacts.append(self._mapper.contact(row))
            except UserError as error:
                self._fail(row, error.code, error.message)
            else:
                good.append(row)
        stores = self._stores
        set_aside: list[Sequence[SetAside]]
        with stores.state.write() as conn:
            now, position = stores.clock(), stores.journal_head()
            if products:
                set_aside = put_products(
                    conn, self._scope, products, source=SOURCE, now=now, position=position
                )
            else:
                set_aside = put_contacts(
                    conn, self._scope, contacts, source=SOURCE, now=now, position=position
                )
            for row, values in zip(good, set_aside, strict=True):
                for value in values:
                    self._tell(value_error(row.line, value))
            self._count(succeeded=len(good), set_aside=sum(map(len, set_aside)))
            # With the rows, so that both are there after a crash, or neither.
            return queries.advance(
                conn,
                self._found.number,
                counts=self._counts,
                row_errors=self._errors,
                journal_position=position,
            )

    def _note(self) -> bool:
        with self._stores.state.write() as conn:
            return queries.advance(
                conn,
                self._found.number,
                counts=self._counts,
                row_errors=self._errors,
                journal_position=self._head,
            )

    def _count(self, *, succeeded: int = 0, repeated: int = 0, set_aside: int = 0) -> None:
        counts = self._counts
        self._counts = msgspec.structs.replace(
            counts,
            succeeded=counts.succeeded + succeeded,
            repeated=counts.repeated + repeated,
            set_aside=counts.set_aside + set_aside,
            # Lines are more than rows where cells have line ends, and fewer never.
            total=max(counts.total, counts.done),
        )

    def _fail(self, row: Row, code: str, message: str) -> None:
        self._counts = msgspec.structs.replace(self._counts, failed=self._counts.failed + 1)
        self._tell(RowError(row.line, code, message))

    def _tell(self, error: RowError) -> None:
        if len(self._errors) < MAX_ROW_ERRORS:
            self._errors.append(error)
