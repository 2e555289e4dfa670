"""Programs that the journal's tests run as processes of their own: `python child.py NAME PATH ...`.

They speak to the test in lines of JSON on standard output.
"""

import asyncio
import hashlib
import json
import os
import random
import resource
import sys
import time
from pathlib import Path

import msgspec

from footfall.journal.sqlite import SqliteJournal
from footfall.journal.types import Entry, JournalFull
from footfall.kernel.instants import Instant


def key(name: object) -> bytes:
    return hashlib.blake2b(str(name).encode(), digest_size=16).digest()


def open_at(path: Path, **changes: object) -> SqliteJournal:
    arguments = {
        "clock": lambda: Instant(time.time_ns() // 1_000_000),
        "max_waiting_bytes": 1 << 30,
        "disk_reserve_bytes": 0,
        "generation_keys": 500,
    }
    return SqliteJournal(path, **{**arguments, **changes})  # type: ignore[arg-type] - by name


def say(**line: object) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


def submission(name: str, size: int) -> list[Entry]:
    """Entries whose payload and key both follow from the submission's name."""
    return [
        Entry(key(f"{name}/{index}"), msgspec.msgpack.encode([name, index, size]))
        for index in range(size)
    ]


async def append_for_ever(path: Path, run: str) -> None:
    """Append from five callers and trim now and then, until killed."""
    journal = open_at(path)

    async def caller(number: int) -> None:
        chance = random.Random(f"{run}/{number}")
        for turn in range(1_000_000):
            name = f"{run}.{number}.{turn}"
            size = chance.choice([1, 1, 2, 30, 200])
            places = await journal.submit(submission(name, size))
            say(name=name, size=size, first=places[0].position, last=places[-1].position)
            if chance.random() < 0.02 and journal.head() > 3_000:
                through = journal.head() - 2_000
                say(trimmed=through)
                journal.trim(through)

    await asyncio.gather(*(caller(number) for number in range(5)))


async def append_a_few(path: Path) -> None:
    journal = open_at(path, generation_keys=4)  # with unsynced housekeeping in between
    for turn in range(20):
        say(asking=turn)
        await journal.submit(submission(str(turn), 3))
        say(answered=turn)
    journal.close()


async def meet_a_full_disk(path: Path) -> None:
    """Append while files cannot grow, and again when they can."""
    journal = open_at(path)
    await journal.submit(submission("before", 10))
    largest = max(file.stat().st_size for file in path.parent.iterdir())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 50_000, hard))
    large = Entry(key("large"), msgspec.msgpack.encode(os.urandom(900_000)))
    for _ in range(3):
        try:
            await journal.submit([large])
        except JournalFull as error:
            say(refused=error.code, retry=error.retry_after_seconds, head=journal.head())
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    places = await journal.submit([large, *submission("after", 10)])
    say(places=places, waiting=journal.waiting_bytes())
    journal.close()


if __name__ == "__main__":
    program, path, *rest = sys.argv[1:]
    asyncio.run(globals()[program](Path(path), *rest))
