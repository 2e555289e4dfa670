"""The figures: each function measures one thing and returns lines of the table."""

import asyncio
import itertools
import json
import os
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
from tests.journeys.shop import Shop, product_event_path

from bench.events import batch_bodies, shop_events
from bench.load import Outcome, drive, request
from bench.stand import (
    REAL_FILES,
    Metrics,
    anonymous_mb,
    chdb_alone,
    cpu_seconds,
    echoing,
    serving,
)
from footfall.bootstrap import clock, open_migrated_state
from footfall.ingest import queries
from footfall.ingest.formats import record_of
from footfall.journal.api import open_journal
from footfall.journal.types import Entry, Journal
from footfall.kernel.instants import zone
from footfall.settings import Settings
from footfall.workspaces.api import list_workspaces

SINGLE_CONNECTIONS = 64
BATCH_CONNECTIONS = 4
BATCH_SIZE = 1_000
VERSION_2 = "*/*; version=2"


class Line(NamedTuple):
    """A line of the table."""

    figure: str
    value: str
    ratio: str  #: to the baseline of the same run
    target: str
    meets: bool | None  #: None: told, not asked for


class Plan(NamedTuple):
    """How much to measure."""

    folder: Path
    runs: int
    seconds: float  #: about, of each run under load
    known_keys: int


# --- single events ------------------------------------------------------------------------------


def single_requests(token: str, count: int, seed: int) -> list[bytes]:
    """Return keyed events of the compatible API, one a request."""
    made = []
    for event in shop_events(count, seed, keyed=True):
        path = product_event_path(event.pop("product_id"))
        made.append(request(path, token, json.dumps(event).encode(), Accept=VERSION_2))
    return made


def single_events(plan: Plan) -> list[Line]:
    """Keyed single-event requests beside a bare echo of the same bodies."""
    echoed: list[float] = []
    whole: list[float] = []
    drains: list[float] = []
    loads: list[Outcome] = []
    with serving(plan.folder / "singles") as shop, echoing() as echo_port:
        token = shop.new_token()
        with closing(Metrics(shop)) as metrics:
            warm_up = single_requests(token, 3_000, 0)
            rate = 3_000 / accepted(shop.port, warm_up, 201).seconds
            accepted(echo_port, warm_up, 201)
            metrics.wait_until_visible()
            for seed in range(1, plan.runs + 1):
                requests = single_requests(token, int(rate * plan.seconds), seed)
                echo = accepted(echo_port, requests, 201)
                echoed.append(len(requests) / echo.seconds)
                load = accepted(shop.port, requests, 201)
                drains.append(metrics.wait_until_visible())
                whole.append(len(requests) / (load.seconds + drains[-1]))
                loads.append(load)
        counted = shop.client(token).get("/api/v1/events/count")["total"]
        assert counted == 3_000 + sum(len(load.waits) for load in loads), counted
    ratio = statistics.median(whole) / statistics.median(echoed)
    drain = statistics.median(drains)
    load = loads[0]
    return [
        Line("bare echo, requests/s", f"{statistics.median(echoed):,.0f}", "1", "", None),
        Line(
            f"keyed single events/s until visible, {SINGLE_CONNECTIONS} connections",
            f"{statistics.median(whole):,.0f}",
            f"{ratio:.2f} of echo",
            ">= 0.35",
            ratio >= 0.35,
        ),
        Line(
            "the same, accepted/s; p50, p99 of the answer",
            f"{statistics.median(len(o.waits) / o.seconds for o in loads):,.0f}",
            f"{load.wait_ms(0.5):.1f} ms, {load.wait_ms(0.99):.1f} ms",
            "",
            None,
        ),
        Line(
            "drain after the last answer, s",
            f"{drain:.2f}",
            f"worst {max(drains):.2f}",
            "<= 2",
            max(drains) <= 2,
        ),
    ]


def accepted(
    port: int, requests: Sequence[bytes], status: int, connections: int = SINGLE_CONNECTIONS
) -> Outcome:
    """Return what came of requests that must all be answered with `status`."""
    outcome = drive(port, requests, connections=connections)
    assert outcome.statuses.keys() == {status}, outcome.statuses
    return outcome


# --- batches ------------------------------------------------------------------------------------


def batches(plan: Plan) -> list[Line]:
    """Batches accepted, without keys and with keys beside as many known ones."""
    settings = Settings(data_dir=plan.folder / "batches")
    filled = _know_keys(settings, plan.known_keys)
    rates: dict[bool, list[float]] = {False: [], True: []}
    reading: list[float] = []
    with serving(settings.data_dir) as shop:
        token = shop.new_token()
        with closing(Metrics(shop)) as metrics:
            for seed, keyed in itertools.product(range(plan.runs + 1), (False, True)):
                rate = 40_000 if not keyed else 25_000
                size = int(rate * plan.seconds / 2) if seed else 10_000
                bodies = batch_bodies(size, BATCH_SIZE, seed, keyed=keyed)
                requests = [request("/api/v1/events", token, body) for body in bodies]
                load = accepted(shop.port, requests, 202, BATCH_CONNECTIONS)
                metrics.wait_until_visible()
                if seed:  # the first is a warm-up
                    rates[keyed].append(size / load.seconds)
                    reading.append(_read_per_second(bodies, size))
    baseline = statistics.median(reading)
    lines = [
        Line(
            f"json.loads of the same batches of {BATCH_SIZE:,}, events/s",
            f"{baseline:,.0f}",
            "1",
            "",
            None,
        )
    ]
    for keyed, target in ((False, 60_000), (True, 20_000)):
        rate_found = statistics.median(rates[keyed])
        name = f"with keys over {filled:,} known keys" if keyed else "without keys"
        lines.append(
            Line(
                f"batches accepted {name}, events/s",
                f"{rate_found:,.0f}",
                f"{rate_found / baseline:.2f} of json.loads",
                f">= {target:,}",
                rate_found >= target,
            )
        )
    return lines


def _open_journal(settings: Settings) -> Journal:
    return open_journal(
        settings.journal_path, clock=clock, max_waiting_bytes=8 << 30, disk_reserve_bytes=0
    )


def _know_keys(settings: Settings, count: int) -> int:
    """Fill the journal with random keys and pretend that their events were projected."""
    state = open_migrated_state(settings)
    journal = _open_journal(settings)

    async def fill() -> None:
        for _ in range(0, count, 10_000):
            keys = os.urandom(160_000)
            await journal.submit([Entry(keys[i : i + 16], b"\xc0") for i in range(0, 160_000, 16)])
            journal.trim(journal.head())

    asyncio.run(fill())
    with state.write() as conn:
        for cursor in ("state", "warehouse"):
            queries.move_cursor(conn, cursor, journal.head())
    filled = int(journal.head())
    journal.close()
    state.close()
    return filled


# --- projecting and importing -------------------------------------------------------------------


def projecting(plan: Plan) -> list[Line]:
    """A backlog in the journal, until all of it is visible; then the import beside it."""
    rates = []
    reading = []
    for run in range(plan.runs):
        settings = Settings(data_dir=plan.folder / f"backlog-{run}")
        events = shop_events(int(20_000 * plan.seconds), run, keyed=True)
        bodies = [json.dumps(event).encode() for event in events]
        reading.append(_read_per_second(bodies, len(events)))
        _leave_backlog(settings, bodies)
        with serving(settings.data_dir) as shop, closing(Metrics(shop)) as metrics:
            rates.append(_projected_per_second(metrics))
    projected = statistics.median(rates)
    yardstick = statistics.median(reading)
    lines = [
        Line("json.loads of the same events, events/s", f"{yardstick:,.0f}", "1", "", None),
        Line(
            "projected from a backlog, events/s",
            f"{projected:,.0f}",
            f"{projected / yardstick:.2f} of json.loads",
            ">= 20,000",
            projected >= 20_000,
        ),
    ]
    return [*lines, *_importing(plan, projected)]


def _leave_backlog(settings: Settings, bodies: list[bytes]) -> None:
    state = open_migrated_state(settings)
    with state.read() as conn:
        workspace = list_workspaces(conn)[0]
    state.close()
    utc = zone("UTC")
    assert utc is not None
    encode = msgspec.msgpack.Encoder().encode
    entries = [
        Entry(
            None,
            encode(
                record_of(
                    body,
                    "item",
                    workspace_id=workspace.id,
                    received_at=clock(),
                    source="api",
                    zone=utc,
                )
            ),
        )
        for body in bodies
    ]
    journal = _open_journal(settings)

    async def fill() -> None:
        for first in range(0, len(entries), 1_000):
            await journal.submit(entries[first : first + 1_000])

    asyncio.run(fill())
    journal.close()


def _projected_per_second(metrics: Metrics) -> float:
    """Return the rate at which a backlog of events alone becomes visible."""
    first = metrics.read()["visible_position"]
    took = metrics.wait_until_visible()
    assert took > 1, "the backlog was too short to be measured"
    return (metrics.read()["visible_position"] - first) / took


def _read_per_second(bodies: Sequence[bytes], events: int) -> float:
    """Return how many events Python's own decoder reads per second: the machine's yardstick."""
    start = time.perf_counter()
    for body in bodies:
        json.loads(body)
    return events / (time.perf_counter() - start)


def _importing(plan: Plan, projected: float) -> list[Line]:
    path = REAL_FILES / "uci-online-retail" / "online_retail.csv.zst"
    if not path.exists():
        return [Line("import of UCI Online Retail", "not measured", "the file is absent", "", None)]
    with serving(plan.folder / "uci") as shop:
        start = time.perf_counter()
        told = _import(shop, path, plan.folder, "uci-online-retail")
        rate = 541_909 / (time.perf_counter() - start)
    assert told.startswith("541,909 rows"), told
    return [
        Line(
            "import of UCI Online Retail until visible, lines/s",
            f"{rate:,.0f}",
            f"{rate / projected:.2f} of projecting",
            ">= 0.8",
            rate / projected >= 0.8,
        )
    ]


def _import(shop: Shop, path: Path, folder: Path, preset: str) -> str:
    link = folder / path.name  # rejects are written beside it
    if not link.exists():
        link.symlink_to(path)
    return shop.command("import", "events", str(link), "--preset", preset).stdout


# --- delay --------------------------------------------------------------------------------------


def delay(plan: Plan) -> list[Line]:
    """Accepted to visible at a steady 2,000 events a second."""
    rate = 2_000
    with serving(plan.folder / "delay") as shop:
        token = shop.new_token()
        chance = random.Random(1)
        requests = single_requests(token, int(rate * plan.seconds * 2), chance.getrandbits(32))
        with closing(Metrics(shop)) as metrics:
            accepted(shop.port, single_requests(token, 2_000, 0), 201)
            metrics.wait_until_visible()
            seen: list[tuple[float, float]] = []
            looked = 0.0

            def look() -> None:
                nonlocal looked
                if time.perf_counter() - looked >= 0.02:
                    position = metrics.read()["visible_position"]
                    looked = time.perf_counter()
                    seen.append((looked, position))

            load = drive(
                shop.port,
                requests,
                connections=SINGLE_CONNECTIONS,
                per_second=rate,
                keep_bodies=True,
                tick=look,
            )
            last = max(json.loads(body)["id"] for _, body in load.bodies)
            while seen[-1][1] < last:
                look()
    delays = sorted(_delays(load.bodies, seen))
    p50, p99 = (delays[int(len(delays) * q)] * 1_000 for q in (0.5, 0.99))
    return [
        Line(
            f"accepted to visible at {rate:,} events/s, p99, ms (looked at every 20 ms)",
            f"{p99:,.0f}",
            f"{p99 / p50:.1f} of the median, {p50:,.0f}",
            "< 500",
            p99 < 500,
        ),
        Line(
            "the same run: p99 of the answer, ms",
            f"{load.wait_ms(0.99):.1f}",
            f"median {load.wait_ms(0.5):.1f}",
            "",
            None,
        ),
    ]


def _delays(bodies: list[tuple[float, bytes]], seen: list[tuple[float, float]]) -> list[float]:
    accepted = sorted((json.loads(body)["id"], when) for when, body in bodies)
    delays = []
    looks = iter(seen)
    when_seen, position = next(looks)
    for event_id, when in accepted:
        while position < event_id:
            when_seen, position = next(looks)
        delays.append(max(when_seen - when, 0.0))
    return delays


# --- rest ---------------------------------------------------------------------------------------


def footprint(plan: Plan) -> list[Line]:
    """Memory after an import of real events, use of an idle processor, and the time to start."""
    path = REAL_FILES / "taobao-userbehavior" / "small_sample.csv.zst"
    data_dir = plan.folder / "taobao"
    alone = [chdb_alone(plan.folder / f"chdb-{run}") for run in range(plan.runs)]
    opening = statistics.median(seconds for seconds, _ in alone)
    engine_mb = statistics.median(mb for _, mb in alone)
    lines = []
    with serving(data_dir) as shop:
        if path.exists():
            _import(shop, path, plan.folder, "taobao")
            memory = anonymous_mb(shop)
            lines.append(
                Line(
                    "anonymous memory after the Taobao import, MB",
                    f"{memory:.0f}",
                    f"{memory / engine_mb:.1f} of chDB alone",
                    "< 250",
                    memory < 250,
                )
            )
        else:
            lines.append(Line("memory after Taobao", "not measured", "no file", "", None))
        time.sleep(10)  # merges of what was imported are work, not idling
        before = cpu_seconds(shop)
        time.sleep(20)
        idle = (cpu_seconds(shop) - before) / 20
        lines.append(Line("idle, % of a core", f"{idle:.2%}", "", "< 1 %", idle < 0.01))
    starts = []
    for _ in range(plan.runs):
        begun = time.perf_counter()
        with serving(data_dir):
            starts.append(time.perf_counter() - begun)
    ready = statistics.median(starts)
    lines.append(
        Line(
            "start to /readyz, s",
            f"{ready:.2f}",
            f"{ready / opening:.1f} of opening chDB alone ({opening:.2f} s)",
            "<= 5",
            ready / opening <= 5,
        )
    )
    return lines
