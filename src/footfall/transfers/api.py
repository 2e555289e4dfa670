"""What REST and the console do with imports."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from footfall.attributes.api import apply_values, load_definitions, written_values
from footfall.attributes.types import ObjectKind, Profile, SetAside
from footfall.http.services import Access
from footfall.ingest.api import Row, RowMapper
from footfall.kernel.errors import Conflict, Invalid, NotFound, UserError
from footfall.kernel.instants import Instant, to_iso
from footfall.kernel.scope import Scope
from footfall.transfers import queries
from footfall.transfers.detection import Detected, rows_of
from footfall.transfers.folder import ImportFolder
from footfall.transfers.logic import ObjectMapper, check_plan, event_mapping
from footfall.transfers.suggestions import suggested_columns
from footfall.transfers.types import (
    Counts,
    Import,
    ImportKind,
    ImportPlan,
    PreviewRow,
    RowError,
)
from footfall.workspaces.api import get_workspace, record_change

#: Enough to see whether the columns are the right ones.
PREVIEW_ROWS = 20
#: Of the values that an import writes.
SOURCE = "import"
_decode_attributes = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class ImportDesk:
    """What imports need of the process besides its stores."""

    folder: ImportFolder
    #: Say that there is an import to work on.
    wake: Callable[[], None]


def new_id(random_bytes: Callable[[int], bytes]) -> str:
    """Return an id for an import."""
    return str(UUID(bytes=random_bytes(16), version=4))


def suggested_plan(kind: ImportKind, detected: Detected) -> ImportPlan:
    """Return how a file would be read if nobody knew better."""
    return ImportPlan(
        format=detected.format,
        separator=detected.separator,
        encoding=detected.encoding,
        columns=suggested_columns(kind, detected.headings),
    )


def add_import(
    conn: Connection,
    scope: Scope,
    import_id: str,
    kind: ImportKind,
    *,
    file_name: str,
    file_bytes: int,
    detected: Detected,
    plan: ImportPlan,
    author: str,
    now: Instant,
) -> Import:
    """Return the import of a file that has arrived; it waits until `start_import`."""
    return queries.add(
        conn,
        Import(
            number=0,
            id=import_id,
            workspace_id=scope.workspace_id,
            kind=kind,
            status="uploaded",
            file_name=file_name,
            file_bytes=file_bytes,
            headings=detected.headings,
            plan=plan,
            counts=Counts(detected.rows),
            row_errors=[],
            problem=None,
            author=author,
            created_at=now,
            started_at=None,
            finished_at=None,
            journal_position=0,
        ),
    )


def get_import(conn: Connection, scope: Scope, import_id: str) -> Import:
    """Return one import.

    Raises:
        NotFound: There is none of that id.
    """
    found = queries.find(conn, scope, import_id)
    if found is None:
        raise NotFound("There is no such import.", code="import_not_found")
    return found


def list_imports(
    conn: Connection,
    scope: Scope,
    *,
    before: int | None = None,
    limit: int,
    kind: ImportKind | None = None,
    started: bool = False,
) -> list[Import]:
    """Return imports, the newest first.

    Args:
        before: Only those with smaller numbers.
        started: Leave out those that wait for a person.
    """
    return queries.page(conn, scope, before=before, limit=limit, kind=kind, started=started)


def start_import(
    conn: Connection, access: Access, import_id: str, plan: ImportPlan | None, now: Instant
) -> Import:
    """Queue an import that waits; the caller wakes the worker after the commit.

    Args:
        plan: None: as it was suggested.

    Raises:
        NotFound: There is none of that id.
        Conflict: It was started before.
        Invalid: The plan cannot be carried out.
    """
    found = get_import(conn, access.scope, import_id)
    chosen = found.plan if plan is None else plan
    check_plan(found.kind, chosen, found.headings)
    changed = queries.change_status(
        conn, access.scope, import_id, ["uploaded"], status="queued", plan=chosen
    )
    if not changed:
        raise Conflict(f"This import is {found.status} already.", code="import_started")
    record_change(
        conn,
        access,
        now,
        action="import.started",
        object_kind="import",
        object_id=import_id,
        object_name=found.file_name,
        before=None,
        after={"kind": found.kind, "file_name": found.file_name, "rows": found.counts.total},
    )
    return get_import(conn, access.scope, import_id)


def cancel_import(conn: Connection, access: Access, import_id: str, now: Instant) -> Import:
    """Stop an import; what it has stored stays. The caller removes the file after the commit.

    Raises:
        NotFound: There is none of that id.
        Conflict: It has ended.
    """
    found = get_import(conn, access.scope, import_id)
    changed = queries.change_status(
        conn,
        access.scope,
        import_id,
        ["uploaded", "queued", "running"],
        status="cancelled",
        finished_at=now,
    )
    if not changed:
        raise Conflict(f"This import is {found.status} already.", code="import_ended")
    record_change(
        conn,
        access,
        now,
        action="import.cancelled",
        object_kind="import",
        object_id=import_id,
        object_name=found.file_name,
        before={"status": found.status},
        after={"status": "cancelled"},
    )
    return get_import(conn, access.scope, import_id)


def preview(
    conn: Connection,
    scope: Scope,
    desk: ImportDesk,
    found: Import,
    plan: ImportPlan,
    now: Instant,
) -> list[PreviewRow]:
    """Return what the first rows would become; nothing is stored.

    Raises:
        Invalid: The plan cannot be carried out.
        Conflict: The file is gone, as the import has ended.
        FileUnreadable: The file is not what the plan says.
    """
    check_plan(found.kind, plan, found.headings)
    zone = ZoneInfo(get_workspace(conn, scope.workspace_id).time_zone)
    reads = _Reads(conn, scope, found, plan, zone, now)
    shown: list[PreviewRow] = []
    for number, row in enumerate(_first_rows(desk, found, plan), 1):
        becomes: dict[str, Any] | None = None
        try:
            becomes, set_aside = reads.row(number, row)
            problems = [value_error(row.line, value) for value in set_aside]
        except UserError as error:
            problems = [RowError(row.line, error.code, error.message)]
        shown.append(PreviewRow(row.line, _cells(row.values), becomes, problems))
    return shown


def first_rows(desk: ImportDesk, found: Import, plan: ImportPlan) -> list[PreviewRow]:
    """Return the first rows as they stand in the file.

    Raises:
        Conflict: The file is gone, as the import has ended.
        FileUnreadable: The file is not what the plan says.
    """
    rows = _first_rows(desk, found, plan)
    return [PreviewRow(row.line, _cells(row.values), None, []) for row in rows]


def _first_rows(desk: ImportDesk, found: Import, plan: ImportPlan) -> list[Row]:
    if found.status not in {"uploaded", "queued", "running"}:
        raise Conflict(f"This import is {found.status}; its file is not kept.", code="import_ended")
    path = desk.folder.path_of(found.id)
    with closing(rows_of(path, found.file_name, plan, found.headings)) as rows:
        return list(islice(rows, PREVIEW_ROWS))


def value_error(row: int, value: SetAside) -> RowError:
    """Return what is told of a value that did not fit, in the list of a file's rows."""
    return RowError(row, value.code, f"{value.name}: {value.message}")


def _cells(values: Sequence[Any] | None) -> list[Any]:
    return [
        cell.encode(errors="replace").decode() if isinstance(cell, str) else cell
        for cell in values or ()
    ]


class _Reads:
    """Reads rows as the worker will, for people to see."""

    def __init__(
        self,
        conn: Connection,
        scope: Scope,
        found: Import,
        plan: ImportPlan,
        zone: ZoneInfo,
        now: Instant,
    ) -> None:
        self._kind = found.kind
        self._zone = zone
        self._now = now
        self._objects = ObjectMapper(plan, found.headings)
        if found.kind == "events":
            self._events = RowMapper(
                event_mapping(plan, found.headings),
                scope.workspace_id,
                zone,
                found.headings if plan.format == "jsonl" else range(1, len(found.headings) + 1),
            )
        else:
            kind: ObjectKind = "product" if found.kind == "products" else "contact"
            # Never saved: what they learn of new names ends with the preview.
            self._definitions = load_definitions(conn, scope, kind)

    def row(self, number: int, row: Row) -> tuple[dict[str, Any], list[SetAside]]:
        """Return what a row becomes, and its values that would be set aside.

        Raises:
            UserError: It would fail.
        """
        if self._kind == "events":
            try:
                record = self._events.record(number, row, self._now)
                record_text = record.attributes.encode()
            except UnicodeEncodeError as error:
                raise Invalid(
                    "This row holds bytes that are not text in the file's encoding.",
                    code="invalid_text",
                ) from error
            shown = {
                "event_type": record.event_type,
                "timestamp": to_iso(Instant(record.occurred_at)),
                "product_id": record.product_custom_id,
                "user_custom_id": record.user_custom_id,
                "email": record.email,
                "user_key": record.user_key,
                "unit_price": record.unit_price,
                "quantity": record.quantity,
                "currency": record.currency,
                "order_id": record.order_id,
                "data": _decode_attributes(record_text),
            }
            return {name: value for name, value in shown.items() if value is not None}, []
        if self._kind == "products":
            custom_id, values = self._objects.product(row)
            attributes, set_aside = self._coerced(values)
            return {"custom_id": custom_id, "attributes": attributes}, set_aside
        identifiers, values = self._objects.contact(row)
        attributes, set_aside = self._coerced(values)
        named = {
            "custom_id": identifiers.custom_id,
            "email": identifiers.email,
            "user_key": identifiers.key,
        }
        shown = {name: value for name, value in named.items() if value is not None}
        return {**shown, "attributes": attributes}, set_aside

    def _coerced(self, values: dict[str, Any]) -> tuple[dict[str, Any], list[SetAside]]:
        profile: Profile = {}
        set_aside: list[SetAside] = []
        written = written_values(values, profile, without=(), clears=False, adds_tags=False)
        apply_values(
            profile,
            self._definitions,
            written,
            object_id=0,
            occurred_at=self._now,
            position=0,
            source=SOURCE,
            now=self._now,
            zone=self._zone,
            set_aside=set_aside,
            in_event=False,
        )
        return {name: cell.value for name, cell in profile.items()}, set_aside
