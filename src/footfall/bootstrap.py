"""Wires the stores, the projector and the application; the only place that reads the clock."""

import asyncio
import gc
import itertools
import logging
import secrets
import string
import time
from collections.abc import Callable, Sequence
from typing import Final

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from footfall.attributes.change_routes import ObjectsByKind
from footfall.attributes.routes import ROUTES as ATTRIBUTE_ROUTES
from footfall.catalog.api import ProductObjects
from footfall.catalog.routes import ROUTES as CATALOG_ROUTES
from footfall.console.page_kit import ConsoleServices
from footfall.console.routes import console_router
from footfall.contacts.api import ContactObjects
from footfall.contacts.routes import ROUTES as CONTACT_ROUTES
from footfall.http.admission import Admission
from footfall.http.application import create_application
from footfall.http.background import Background
from footfall.http.edge import AsgiApp
from footfall.http.rate_limit import RateLimiter
from footfall.http.services import Counters, Services
from footfall.ingest.activity_routes import ROUTES as ACTIVITY_ROUTES
from footfall.ingest.advice import StateAdvisor
from footfall.ingest.broadcast import Broadcast
from footfall.ingest.browser_collector import BrowserCollector
from footfall.ingest.collector import Collector
from footfall.ingest.intake import Intake
from footfall.ingest.mobile_collector import MobileCollector
from footfall.ingest.openapi import COLLECTOR_PATHS
from footfall.ingest.projector import Audience, Projector
from footfall.ingest.routes import ROUTES as INGEST_ROUTES
from footfall.ingest.stream import Streams
from footfall.journal.api import open_journal
from footfall.journal.types import Appended, Entry, Journal
from footfall.kernel.ids import Position
from footfall.kernel.instants import Instant
from footfall.segments.desk import SegmentDesk
from footfall.segments.keeper import SegmentKeeper
from footfall.segments.routes import ROUTES as SEGMENT_ROUTES
from footfall.settings import Settings
from footfall.state.api import State, StateUnavailable, open_state
from footfall.transfers.api import ImportDesk
from footfall.transfers.folder import ImportFolder
from footfall.transfers.routes import ROUTES as TRANSFER_ROUTES
from footfall.transfers.steps import Stores as ImportStores
from footfall.transfers.worker import ImportWorker
from footfall.warehouse.api import Warehouse, open_warehouse
from footfall.workspaces.api import (
    AppKeyring,
    Authenticator,
    Keyring,
    create_workspace,
    list_workspaces,
)
from footfall.workspaces.routes import ROUTES as WORKSPACE_ROUTES

#: What attributes are of.
OBJECTS: Final[ObjectsByKind] = {"product": ProductObjects(), "contact": ContactObjects()}
#: Of the REST API.
API_ROUTES: Final = [
    *WORKSPACE_ROUTES,
    *ATTRIBUTE_ROUTES,
    *CATALOG_ROUTES,
    *CONTACT_ROUTES,
    *INGEST_ROUTES,
    *ACTIVITY_ROUTES,
    *SEGMENT_ROUTES,
    *TRANSFER_ROUTES,
]
#: The workspace that a new data folder begins with.
FIRST_WORKSPACE = "default"
_TOKEN_CHARACTERS = string.ascii_letters + string.digits
_log = logging.getLogger(__name__)


def clock() -> Instant:
    """Return the present by the machine's clock."""
    return Instant(time.time_ns() // 1_000_000)


def new_token() -> str:
    """Return a new secret: 64 of 62 characters, 381 bits."""
    return "".join(secrets.choice(_TOKEN_CHARACTERS) for _ in range(64))


_PROCESS = secrets.token_hex(5)
_requests = itertools.count(1)


def new_request_id() -> str:
    """Return a new name for a request in the log: which process, and which request of it."""
    return f"{_PROCESS}-{next(_requests):x}"


def open_migrated_state(settings: Settings) -> State:
    """Return the state store, up to date, with at least one workspace in it.

    Raises:
        StateUnavailable: It cannot be opened; the message says why.
    """
    # Contacts and money are in it: for its owner only.
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = open_state(settings.state_url, settings.state_path)
    try:
        state.migrate()
        with state.read() as conn:
            empty = not list_workspaces(conn)
        if empty:
            with state.write() as conn:
                if not list_workspaces(conn):  # another command may have been quicker
                    create_workspace(
                        conn, FIRST_WORKSPACE, now=clock(), random_bytes=secrets.token_bytes
                    )
    except StateUnavailable as error:
        state.close()
        raise StateUnavailable(f"{error.message} {error.reason}".strip()) from error
    except BaseException:
        state.close()
        raise
    return state


class Runtime:
    """The open stores with the projector between them; one per data folder, under its lock."""

    def __init__(
        self, settings: Settings, state: State, journal: Journal, warehouse: Warehouse
    ) -> None:
        self.settings = settings
        self.state = state
        self.journal = journal
        self.warehouse = warehouse
        self.counters = Counters()
        self.background = Background()
        self.broadcast = Broadcast(state, time.monotonic)
        self.segment_keeper = SegmentKeeper(state, warehouse, clock=clock, monotonic=time.monotonic)
        self.projector = Projector(
            journal,
            state,
            warehouse,
            clock=clock,
            monotonic=time.monotonic,
            counters=self.counters,
            audience=Audience(
                published=[self.broadcast.published, self.segment_keeper.published],
                copied=[self.segment_keeper.copied],
                settled=[self.segment_keeper.settled],
            ),
        )
        self.import_folder = ImportFolder(settings.imports_path, settings.disk_reserve_bytes)
        self.import_worker = ImportWorker(
            ImportStores(
                state=state,
                folder=self.import_folder,
                append=self.append,
                journal_head=journal.head,
                changed=self.projector.changed,
                events_accepted=lambda: self.counters.events_accepted,
                clock=clock,
            ),
            monotonic=time.monotonic,
        )

    @classmethod
    def open(cls, settings: Settings) -> "Runtime":
        """Open the stores and start projecting. The caller holds the folder's lock."""
        state = open_migrated_state(settings)
        try:
            journal = open_journal(
                settings.journal_path,
                clock=clock,
                max_waiting_bytes=settings.max_waiting_bytes,
                disk_reserve_bytes=settings.disk_reserve_bytes,
            )
            try:
                warehouse = open_warehouse(settings.warehouse_url, settings.warehouse_path)
            except BaseException:
                journal.close()
                raise
        except BaseException:
            state.close()
            raise
        runtime = cls(settings, state, journal, warehouse)
        runtime.projector.start()
        return runtime

    def append(self, entries: Sequence[Entry]) -> list[Appended]:
        """Return the places of `entries`, which are on disk. For threads without an event loop.

        Raises:
            JournalFull: Nothing was written.
        """

        async def submit() -> list[Appended]:
            return await self.journal.submit(entries)

        return asyncio.run(submit())

    def wait_visible(self, position: Position, timeout_seconds: float) -> bool:
        """Return whether readers see everything up to `position` before the time is over."""
        return self.projector.wait_in_thread(position, timeout_seconds)

    def rebuild(self, timeout_seconds: float) -> bool:
        """Make the warehouse copies again; return whether all are there in time."""
        return self.projector.rebuild(timeout_seconds)

    def close(self) -> None:
        """Finish the batches under way and close the stores."""
        self.import_worker.stop()
        self.segment_keeper.stop()
        self.background.stop()
        self.projector.stop()
        self.journal.close()
        self.warehouse.close()
        self.state.close()

    def application(self) -> AsgiApp:
        """Return the ASGI application: the collectors, and behind them the REST API.

        Imports that wait are worked on from now, and segments are kept: a command that borrows the
        stores leaves both.
        """
        self.import_worker.start()
        self.segment_keeper.start()
        keyring = Keyring(self.state, clock)
        admission = Admission(RateLimiter(time.monotonic), self.settings.trusted_proxies)
        advisor = StateAdvisor(self.state)
        services = Services(
            state=self.state,
            keyring=keyring,
            admission=admission,
            clock=clock,
            journal_head=self.journal.head,
            changed=self.projector.changed,
            settled=self._settled,
            caught_up=lambda seconds: self.projector.wait(self.journal.head(), seconds),
            counters=self.counters,
            new_request_id=new_request_id,
            random_bytes=secrets.token_bytes,
            background=self.background,
            store_checks=self._store_checks(),
            gauges={
                "journal_waiting_bytes": self.journal.waiting_bytes,
                "journal_head_position": self.journal.head,
                "visible_position": lambda: self.projector.visible_position,
                "projector_lag_records": lambda: self.projector.lag,
            },
        )
        authenticator = Authenticator(self.state, clock, secrets.token_bytes)
        app = create_application(
            API_ROUTES,
            services,
            dependencies={
                "objects": OBJECTS,
                "warehouse": self.warehouse,
                "journal": self.journal,
                "advisor": advisor,
                "visibility": self.projector,
                "authenticator": authenticator,
                "desk": ImportDesk(self.import_folder, self.import_worker.wake),
                "segments": SegmentDesk(self.segment_keeper),
                "streams": Streams(self.broadcast, self.state, self.warehouse),
            },
            extra_paths=COLLECTOR_PATHS,
            routers=[
                console_router(
                    ConsoleServices(services, authenticator, self.settings.trusted_proxies)
                )
            ],
        )
        return self._collectors(app, keyring, admission, advisor)

    def _collectors(
        self, app: AsgiApp, keyring: Keyring, admission: Admission, advisor: StateAdvisor
    ) -> AsgiApp:
        collector = Collector(
            app,
            journal=self.journal,
            keyring=keyring,
            admission=admission,
            advisor=advisor,
            visibility=self.projector,
            counters=self.counters,
            clock=clock,
            new_request_id=new_request_id,
        )
        intake = Intake(
            journal=self.journal,
            keyring=AppKeyring(self.state, clock),
            limiter=RateLimiter(time.monotonic),
            counters=self.counters,
            clock=clock,
        )
        mobile = MobileCollector(
            collector,
            intake,
            counters=self.counters,
            clock=clock,
            new_request_id=new_request_id,
            random_bytes=secrets.token_bytes,
        )
        return BrowserCollector(
            mobile, intake, counters=self.counters, new_request_id=new_request_id
        )

    async def _settled(self, seconds: float) -> bool:
        """Return whether copies and segments show all changes before the time is over."""
        end = time.monotonic() + seconds
        if not await self.projector.wait(None, seconds):
            return False
        left = max(0.0, end - time.monotonic())
        return await asyncio.to_thread(self.segment_keeper.wait, left)

    def _store_checks(self) -> dict[str, Callable[[], None]]:
        return {
            "journal": self._check_journal,
            "state": self._check_state,
            "warehouse": self._check_warehouse,
            "projector": self._check_projector,
        }

    def _check_journal(self) -> None:
        self.journal.check()

    def _check_state(self) -> None:
        with self.state.read() as conn:
            list_workspaces(conn)

    def _check_warehouse(self) -> None:
        self.warehouse.version()

    def _check_projector(self) -> None:
        if self.projector.fault is not None:
            raise RuntimeError(self.projector.fault)


#: New objects between two looks for cycles. Python's 700 cost a fifth of the time of projecting,
#: where every batch makes some ten thousand objects and leaves no cycle.
_GC_THRESHOLD: Final = 50_000


#: How long answers under way are waited for. A client that reads none of its own would hold the
#: server for as long as it likes.
_STOP_SECONDS: Final = 10.0


async def serve(
    app: AsgiApp,
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Answer HTTP requests on `host` and `port` until `stop` is set.

    Args:
        on_stop: Called then, before open answers are waited for: ends those that have no end.

    Granian runs in this process, so that one process owns the embedded stores and one signal ends
    it (docs/decisions/0002-dependencies.md).
    """
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=2048,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        log_enabled=False,
    )
    gc.freeze()  # what is imported and wired stays: no need to look through it again
    gc.set_threshold(_GC_THRESHOLD)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        stopping.cancel()
    else:
        on_stop()
        server.stop()  # type: ignore[no-untyped-call]  # Granian's own gap
        _, waited_for = await asyncio.wait({serving}, timeout=_STOP_SECONDS)
        if waited_for:
            _log.warning("some clients did not read their answers to the end; they are left")
            serving.cancel()
            return
    await serving
