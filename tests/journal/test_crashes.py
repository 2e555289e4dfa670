"""Acknowledged means durable: with real processes, kills, syncs and a disk that is full."""

import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from footfall.journal.sqlite import SqliteJournal
from tests.journal import child


def start(program: str, path: Path, *rest: str, under: tuple[str, ...] = ()) -> subprocess.Popen:
    command = [*under, sys.executable, "-m", child.__name__, program, str(path), *rest]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)


def all_records(journal: SqliteJournal) -> dict[int, object]:
    """Return what can be read, by position."""
    records: dict[int, object] = {}
    after = 0
    while batches := journal.read(after, 5_000):
        for batch in batches:
            values = msgspec.msgpack.decode(batch.payload)
            positions = range(batch.first_position, batch.last_position + 1)
            records |= zip(positions, values, strict=True)
        after = batches[-1].last_position
    return records


def run_and_kill(path: Path, run: int, chance: random.Random) -> list[dict]:
    """Return the lines of a run of `append_for_ever` that was killed after some of them."""
    process = start("append_for_ever", path, str(run))
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    # From here on at any moment: in the middle of a commit, a checkpoint, a frozen generation.
    timer = threading.Timer(chance.uniform(0, 0.4), process.send_signal, [signal.SIGKILL])
    timer.start()
    lines += process.stdout.readlines()
    timer.join()
    process.wait()
    return [json.loads(line) for line in lines if line.endswith("\n")]


def check_after_kill(journal: SqliteJournal, said: list[dict]) -> None:
    trimmed = max([line["trimmed"] for line in said if "trimmed" in line], default=0)
    records = all_records(journal)
    assert sorted(records) == list(range(min(records), journal.head() + 1))
    for line in said:
        if "name" in line and line["first"] > trimmed:
            stored = [records[p] for p in range(line["first"], line["last"] + 1)]
            assert stored == [[line["name"], i, line["size"]] for i in range(line["size"])]
    # What was not acknowledged is there as a whole or not at all, and nothing is there twice.
    untrimmed = [record for position, record in records.items() if position > trimmed + 200]
    assert len({(name, index) for name, index, _ in untrimmed}) == len(untrimmed)
    for before, after in pairwise(untrimmed):
        assert (after[0], after[1]) == (before[0], before[1] + 1) or (
            before[1] + 1 == before[2] and after[1] == 0
        )
    assert not untrimmed or untrimmed[-1][1] + 1 == untrimmed[-1][2]


async def answers_again(journal: SqliteJournal, said: list[dict]) -> None:
    for line in said:
        if "name" in line:
            places = await journal.submit(child.submission(line["name"], line["size"]))
            expected = range(line["first"], line["last"] + 1)
            assert places == [(position, True) for position in expected]


def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path):
    path, said = tmp_path / "journal.sqlite", []
    chance = random.Random(7)
    for run in range(10):
        said += run_and_kill(path, run, chance)
        journal = child.open_at(path)
        check_after_kill(journal, said)
        head = journal.head()
        asyncio.run(answers_again(journal, chance.sample(said, min(len(said), 40))))
        assert journal.head() == head
        journal.close()
    assert journal.head() > 1_000


def test_an_answer_comes_after_a_sync(tmp_path):
    tracer = shutil.which("strace")
    if tracer is None:
        pytest.skip("strace, which shows the syncs, is not installed")
    log = tmp_path / "calls"
    calls = "trace=fsync,fdatasync,write"
    process = start(
        "append_a_few", tmp_path / "j", under=(tracer, "-f", "-o", str(log), "-e", calls)
    )
    process.communicate()
    text = log.read_text()
    if process.returncode or "fdatasync" not in text:
        assert "PTRACE" in text or process.returncode, "no sync at all"
        pytest.skip("strace may not trace here")
    for turn in range(20):
        begin = text.index(f'asking\\": {turn}}}')
        between = text[begin : text.index(f'answered\\": {turn}}}')]
        assert "sync" in between
        assert "= 0" in between[between.index("sync") :]


def test_a_full_disk_refuses_whole_appends_and_is_got_over(tmp_path):
    process = start("meet_a_full_disk", tmp_path / "j")
    output, _ = process.communicate()
    assert process.returncode == 0
    *refusals, done = map(json.loads, output.splitlines())
    assert refusals == [{"refused": "journal_full", "retry": 5, "head": 10}] * 3
    assert done["places"] == [[position, False] for position in range(11, 22)]
    journal = child.open_at(tmp_path / "j")
    records = all_records(journal)
    assert list(records) == list(range(1, 22))
    assert records[12] == ["after", 0, 10]
    assert journal.waiting_bytes() == done["waiting"]
    journal.close()
