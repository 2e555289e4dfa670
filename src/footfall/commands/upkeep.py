"""`footfall doctor` and `footfall rebuild`."""

import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from footfall import __version__
from footfall.bootstrap import clock, open_migrated_state
from footfall.control import FolderBusy, FolderLock, ServerFault, Status, open_gateway, owner_of
from footfall.ingest.logic import EARLIEST
from footfall.kernel.errors import Unavailable
from footfall.kernel.instants import Instant, to_iso
from footfall.settings import Settings
from footfall.warehouse.client import WarehouseError
from footfall.workspaces.api import list_tokens, list_workspaces, scope_of

#: This many bytes over the reserve are called little: a day of a busy shop.
_LITTLE_BYTES = 1 << 30


class Check(NamedTuple):
    """One thing looked at."""

    subject: str
    finding: str
    advice: str = ""  #: what to do; empty if all is well


def examine(settings: Settings) -> int:
    """Print what is found, and what to do about it; return 1 if anything is to be done."""
    checks = list(_checks(settings))
    width = max(len(check.subject) for check in checks)
    for check in checks:
        mark = "!!" if check.advice else "ok"
        print(f"{mark}  {check.subject.ljust(width)}  {check.finding}")
        if check.advice:
            print(f"    {' ' * width}  -> {check.advice}")
    wrong = sum(1 for check in checks if check.advice)
    print(f"{wrong} of {len(checks)} need attention." if wrong else "All is well.")
    return 1 if wrong else 0


def rebuild(settings: Settings) -> int:
    """Make the warehouse's copies of products and contacts again."""
    with open_gateway(settings) as gateway:
        gateway.rebuild(lambda step: print(step, file=sys.stderr, flush=True))
    print("Rebuilt the copies of products and contacts.")
    return 0


def _checks(settings: Settings) -> Iterator[Check]:
    versions = f"Footfall {__version__}, Python {platform.python_version()}"
    yield Check("versions", f"{versions}, SQLite {sqlite3.sqlite_version}")
    yield _server(settings)
    yield _disk(settings)
    newest = Instant(0)
    try:
        with closing(open_migrated_state(settings)) as state, state.read() as conn:
            workspaces = list_workspaces(conn)
            keys = [key for w in workspaces for key in list_tokens(conn, scope_of(w))]
    except (Unavailable, OSError) as error:
        advice = "Look at FOOTFALL_STATE_URL, or at rights and space of the data folder."
        yield Check("state", str(error), advice)
    else:
        usable = sum(1 for key in keys if key.revoked_at is None)
        newest = max([w.created_at for w in workspaces] + [key.created_at for key in keys])
        yield Check("state", f"workspaces: {len(workspaces)}, tokens in use: {usable}")
    yield _clock(newest)
    yield from _journal_and_warehouse(settings)


def _server(settings: Settings) -> Check:
    lock = FolderLock.take(settings.lock_path)
    if lock is None:
        return Check("server", f"{owner_of(settings.lock_path)} owns {settings.data_dir}")
    lock.close()
    return Check("server", f"not running; nobody owns {settings.data_dir}")


def _disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.data_dir).free
    spare = free - settings.disk_reserve_bytes
    finding = f"{free / (1 << 30):,.1f} GiB free, {spare / (1 << 30):,.1f} GiB over the reserve"
    if spare <= 0:
        return Check("disk", finding, "Events are refused until there is space: free some now.")
    if spare < _LITTLE_BYTES:
        return Check("disk", finding, "Free some space before events are refused.")
    return Check("disk", finding)


def _clock(newest: Instant) -> Check:
    now = clock()
    if now < max(newest, EARLIEST):
        advice = f"Set the clock: {to_iso(newest)} has been already. Events would be refused."
        return Check("clock", f"{to_iso(now)} UTC", advice)
    return Check("clock", f"{to_iso(now)} UTC")


def _journal_and_warehouse(settings: Settings) -> Iterator[Check]:
    try:
        with open_gateway(settings) as gateway:
            status = gateway.status()
    except FolderBusy as error:
        yield Check("journal", "not reached", f"{error}")
    except ServerFault as error:
        yield Check("journal", "not reached", f"{error}; the server's log says more.")
    except (Unavailable, WarehouseError, OSError, sqlite3.Error) as error:
        advice = (
            "Look at FOOTFALL_WAREHOUSE_URL, or at the rights and the space of the data folder."
        )
        yield Check("warehouse", str(error), advice)
    else:
        yield _journal(status)
        engine = f"ClickHouse {status.warehouse_version}"
        yield Check("warehouse", f"{engine}, {status.event_count:,} events")


def _journal(status: Status) -> Check:
    behind = status.journal_head - status.visible_through
    finding = (
        f"{status.journal_head:,} records accepted, {behind:,} not visible yet,"
        f" {status.waiting_bytes / (1 << 20):,.1f} MiB waiting"
    )
    return Check("journal", finding)
