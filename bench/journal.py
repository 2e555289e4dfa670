"""How fast the embedded journal takes events: `python bench/journal.py [--known 10000000]`.

Prints events a second of
- batches: 1,000 keyed events per append, four appends at a time, over so many known keys;
- singles: 64 callers with one keyed event each, waiting for the answer before the next;
each beside the same without keys in the same run (the baseline), with the ratio, the
99th percentile of the answer time, and the process's memory.
"""

import argparse
import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from footfall.journal.api import open_journal
from footfall.journal.types import Entry, Journal
from footfall.kernel.instants import Instant

PAYLOAD = b"\xc5\x01\x2c" + bytes(300)  # msgpack bin of 300 bytes, an event of a usual size


def memory_mb(kind: str = "RssAnon") -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(kind))


def keyed(count: int) -> list[Entry]:
    keys = os.urandom(16 * count)
    return [Entry(keys[i : i + 16], PAYLOAD) for i in range(0, 16 * count, 16)]


def unkeyed(count: int) -> list[Entry]:
    return [Entry(None, PAYLOAD)] * count


async def run(
    journal: Journal, make: Callable[[int], list[Entry]], *, size: int, callers: int, seconds: float
) -> tuple[float, float]:
    """Return events a second and the 99th percentile of the answer time in milliseconds."""
    # Made before, so that only the journal is measured.
    ready = itertools.cycle([make(size) for _ in range(400)]) if make is unkeyed else None
    waits: list[float] = []
    spent_making = 0.0
    start = time.perf_counter()

    async def caller() -> None:
        nonlocal spent_making
        while time.perf_counter() - start < seconds:
            before = time.perf_counter()
            entries = next(ready) if ready else make(size)
            asked = time.perf_counter()
            spent_making += asked - before
            places = await journal.submit(entries)
            waits.append(time.perf_counter() - asked)
            assert len(places) == size

    await asyncio.gather(*(caller() for _ in range(callers)))
    took = time.perf_counter() - start
    journal.trim(journal.head())
    waits.sort()
    return len(waits) * size / took, waits[len(waits) * 99 // 100] * 1_000


async def fill(journal: Journal, count: int) -> None:
    small = b"\xc0"
    for _ in range(0, count, 10_000):
        keys = os.urandom(160_000)
        await journal.submit([Entry(keys[i : i + 16], small) for i in range(0, 160_000, 16)])
        journal.trim(journal.head())


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--known", type=int, default=1_000_000, help="keys known beforehand")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--folder", default=None, help="on the disk to measure")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder, "journal.sqlite")

        def reopen() -> Journal:
            return open_journal(
                path,
                clock=lambda: Instant(time.time_ns() // 1_000_000),
                max_waiting_bytes=8 << 30,
                disk_reserve_bytes=0,
            )

        journal = reopen()
        print(f"memory before: {memory_mb():.0f} MB anonymous")
        start = time.perf_counter()
        await fill(journal, arguments.known)
        took = time.perf_counter() - start
        print(f"fill: {arguments.known:,} keys at {arguments.known / took:,.0f}/s")
        journal.close()
        start = time.perf_counter()
        journal = reopen()
        took = time.perf_counter() - start
        print(f"open: {took:.2f} s, {memory_mb():.0f} MB anonymous")
        for name, size, callers in (
            ("batches of 1,000", 1_000, 4),
            ("batches of 10,000", 10_000, 2),
            ("singles", 1, 64),
        ):
            case = {"size": size, "callers": callers, "seconds": arguments.seconds}
            base, base_wait = await run(journal, unkeyed, **case)
            rate, wait = await run(journal, keyed, **case)
            print(
                f"{name}: {rate:,.0f} keyed events/s (p99 {wait:.1f} ms), "
                f"{rate / base:.2f} of unkeyed {base:,.0f}/s (p99 {base_wait:.1f} ms)"
            )
        journal.close()
        print(f"file: {path.stat().st_size / 1e6:,.0f} MB; memory: {memory_mb():.0f} MB anonymous")


if __name__ == "__main__":
    asyncio.run(main())
