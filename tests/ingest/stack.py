"""Journal, state and warehouse with a projector between them, driven step by step."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from secrets import token_bytes
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from footfall.catalog import queries as product_queries
from footfall.catalog.book import OpenProduct
from footfall.contacts import queries as contact_queries
from footfall.contacts.opened import contact_of
from footfall.http.services import Counters
from footfall.ingest.broadcast import Broadcast
from footfall.ingest.formats import record_of
from footfall.ingest.inserting import Inserter
from footfall.ingest.logic import key_hash
from footfall.ingest.projector import Audience, Projector
from footfall.ingest.types import ActivityRecord, EventRecord
from footfall.journal.api import open_journal
from footfall.journal.types import Appended, Entry
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.segments.keeper import SegmentKeeper
from footfall.state.api import State
from footfall.transfers.folder import ImportFolder
from footfall.transfers.steps import Stores as ImportStores
from footfall.transfers.worker import ImportWorker
from footfall.warehouse.api import Warehouse, statement
from footfall.workspaces.api import create_workspace, scope_of
from footfall.workspaces.types import Workspace

NOW = Instant(1_800_000_000_000)


class Stack:
    """Real stores; the projector's threads do not run, its steps are called."""

    def __init__(self, folder: Path, state: State, warehouse: Warehouse) -> None:
        self.now = NOW
        self.state = state
        self.warehouse = warehouse
        self.journal = open_journal(
            folder / "journal.sqlite",
            clock=lambda: NOW,
            max_waiting_bytes=1 << 30,
            disk_reserve_bytes=0,
        )
        self._names = itertools.count(1)
        self.import_folder = ImportFolder(folder / "imports", 0)
        self.restart()

    def restart(self) -> None:
        """Forget what the projector holds in memory, as a crash does."""
        self.broadcast = Broadcast(self.state, time.monotonic)
        self.segment_keeper = SegmentKeeper(
            self.state, self.warehouse, clock=lambda: self.now, monotonic=time.monotonic
        )
        self.projector = Projector(
            self.journal,
            self.state,
            self.warehouse,
            clock=lambda: self.now,
            monotonic=time.monotonic,
            counters=Counters(),
            audience=Audience(
                published=[self.broadcast.published, self.segment_keeper.published],
                copied=[self.segment_keeper.copied],
                settled=[self.segment_keeper.settled],
            ),
        )
        self.projector.load_cursors()
        self.projector.take_up_open_ranges()

    def import_worker(self) -> ImportWorker:
        """Return a new worker, as a new process has it; its thread does not run."""
        stores = ImportStores(
            state=self.state,
            folder=self.import_folder,
            append=self._append_entries,
            journal_head=self.journal.head,
            changed=lambda: None,
            events_accepted=lambda: 0,
            clock=lambda: NOW,
        )
        return ImportWorker(stores, monotonic=time.monotonic)

    def _append_entries(self, entries: Sequence[Entry]) -> list[Appended]:
        async def submit() -> list[Appended]:
            return await self.journal.submit(entries)

        return asyncio.run(submit())

    def insert_through(self, warehouse: Any) -> None:
        """Have the projector insert into `warehouse`, which passes on to the real one."""
        self.projector._inserter = Inserter(warehouse, self.projector._refuse)

    def workspace(self) -> Workspace:
        with self.state.write() as conn:
            return create_workspace(
                conn, f"shop {next(self._names)}", now=NOW, random_bytes=token_bytes
            )

    def record(self, workspace: Workspace, event: dict[str, Any]) -> EventRecord:
        """Return the record of a batch item."""
        return record_of(
            msgspec.json.encode(event),
            "item",
            workspace_id=workspace.id,
            received_at=self.now,
            source="api",
            zone=ZoneInfo(workspace.time_zone),
        )

    def activity(self, workspace: Workspace, **fields: Any) -> ActivityRecord:
        """Return a record with these fields: by default an ordinary event of nobody, now."""
        nothing: dict[str, Any] = dict.fromkeys(ActivityRecord.__struct_fields__[:-3])
        nothing |= {"workspace_id": workspace.id, "received_at": self.now, "occurred_at": self.now}
        nothing |= {"kind": "event", "name": "signed up", "source": "api"}
        return ActivityRecord(
            **{**nothing, "attributes": "{}", "contact_attributes": "{}", **fields}
        )

    def append(self, records: Sequence[Any]) -> list[Appended]:
        """Journal records (or raw payloads) as one submission."""

        return self._append_entries([self._entry(record) for record in records])

    @staticmethod
    def _entry(record: Any) -> Entry:
        if isinstance(record, bytes):
            return Entry(None, record)
        key = getattr(record, "event_key", None)
        hashed = None if key is None else key_hash(record.workspace_id, key)
        return Entry(hashed, msgspec.msgpack.encode(record))

    def project(self) -> None:
        """Bring everything journaled into state and warehouse."""
        while self.projector.behind:
            self.projector.project_once()
        self.projector.publish_once()

    def events(self, workspace: Workspace) -> list[dict[str, Any]]:
        """Return the stored events with names instead of ids, in event-id order."""
        with self.state.read() as conn:
            scope = scope_of(workspace)
            people = self._people(conn, scope)
            products = {p.id: p.custom_id for p in self._products(conn, scope)}
        rows = self.warehouse.rows(
            statement(
                scope_of(workspace),
                "SELECT event_id, event_type, toUnixTimestamp64Milli(occurred_at), contact_id,"
                " product_id, toString(unit_price), attributes FROM {events} AS e"
                " ORDER BY event_id",
            )
        )
        return [
            {
                "event_type": row[1],
                "occurred_at": row[2],
                "contact": people.get(row[3]),
                "product": products[row[4]],
                "unit_price": row[5],
                "attributes": row[6],
            }
            for row in rows
        ]

    def activities(self, workspace: Workspace, *more: str) -> list[dict[str, Any]]:
        """Return the stored activities with names instead of ids, in the order of their ids.

        Args:
            more: Columns to show besides.
        """
        scope = scope_of(workspace)
        with self.state.read() as conn:
            people = self._people(conn, scope)
        names = ("kind", "name", "url", "utm_source", "language", "session_id", "traffic", *more)
        columns = ", ".join(("contact_id", "toUnixTimestamp64Milli(occurred_at)", "attributes"))
        columns += ", " + ", ".join(
            f"toString({name})" if name in {"kind", "traffic"} else name for name in names
        )
        rows = self.warehouse.rows(
            statement(scope, f"SELECT {columns} FROM {{activities}} AS a ORDER BY activity_id")
        )
        return [
            {
                "contact": people.get(contact_id),
                "occurred_at": occurred_at,
                "attributes": attributes,
                **dict(zip(names, rest, strict=True)),
            }
            for contact_id, occurred_at, attributes, *rest in rows
        ]

    def profiles(self, workspace: Workspace) -> list[tuple[Any, dict[str, Any]]]:
        """Return (custom id, value and time by attribute) of living contacts, sorted."""
        scope = scope_of(workspace)
        with self.state.read() as conn:
            ids = contact_queries.ids_past(conn, scope, 0, 10_000)
            contacts = [contact_of(row) for row in contact_queries.by_id(conn, scope, ids)]
        return sorted(
            (
                (
                    contact.custom_id,
                    {n: (cell.value, cell.occurred_at) for n, cell in contact.profile.items()},
                )
                for contact in contacts
                if contact.merged_into is None and contact.deleted_at is None
            ),
            key=repr,
        )

    def products(self, workspace: Workspace) -> dict[str, dict[str, tuple[Any, int]]]:
        """Return (value, time) by attribute by custom id, of living products."""
        with self.state.read() as conn:
            return {
                product.custom_id: {
                    name: (cell.value, cell.occurred_at) for name, cell in product.profile.items()
                }
                for product in self._products(conn, scope_of(workspace))
                if product.deleted_at is None
            }

    def contacts(self, workspace: Workspace) -> list[tuple[Any, ...]]:
        """Return every living contact with all its identifiers, sorted."""
        scope = scope_of(workspace)
        with self.state.read() as conn:
            people = self._people(conn, scope)
            rows = contact_queries.names(conn, scope, list(people))
            living = [row.id for row in rows if row.merged_into is None]
        return sorted((people[contact_id] for contact_id in living), key=repr)

    def _products(self, conn: Any, scope: Scope) -> list[Any]:
        ids = product_queries.ids_past(conn, scope, 0, 10_000)
        return [OpenProduct(*row).as_product() for row in product_queries.by_id(conn, scope, ids)]

    def _people(self, conn: Any, scope: Scope) -> dict[int, tuple[Any, ...]]:
        ids = contact_queries.ids_past(conn, scope, 0, 10_000)
        rows = {row.id: row for row in contact_queries.names(conn, scope, ids)}
        known: dict[int, list[tuple[str, str]]] = {}
        for kind, value, owner in contact_queries.identities_of(conn, scope, ids):
            known.setdefault(owner, []).append((kind, value))
        people = {}
        for contact_id, row in rows.items():
            survivor = rows[row.merged_into or contact_id]
            if row.merged_into is not None:
                assert survivor.merged_into is None, "merges are flat"
            people[contact_id] = (
                survivor.custom_id,
                survivor.email,
                survivor.key,
                tuple(sorted(known.get(survivor.id, []))),
            )
        return people

    def close(self) -> None:
        self.journal.close()
