"""The embedded journal on a real file: order, repeats, limits, trimming, agreement with a model."""

import asyncio
import sqlite3
import struct
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.journal.api import open_journal
from footfall.journal.sqlite import COMMIT_BYTES, READ_BYTES, SqliteJournal
from footfall.journal.types import Entry, JournalFull
from footfall.kernel.errors import Unavailable
from footfall.kernel.instants import DAY_MS, SECOND_MS
from tests.journal.child import key
from tests.journal.test_crashes import all_records

START = 1_770_000_000_000


@dataclass
class Desk:
    """What a journal is opened with; tests turn the clock and fill the disk."""

    path: Path
    now: int = START
    free: int = 1 << 40
    settings: dict = field(default_factory=dict)

    def open(self, **settings) -> SqliteJournal:
        arguments = {
            "clock": lambda: self.now,
            "max_waiting_bytes": 1 << 30,
            "disk_reserve_bytes": 1_000,
            "free_bytes": lambda: self.free,
            "generation_keys": 4,
        }
        return SqliteJournal(self.path, **{**arguments, **self.settings, **settings})


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "journal.sqlite")


def record(value: object, key_name: object = None) -> Entry:
    return Entry(None if key_name is None else key(key_name), msgspec.msgpack.encode(value))


def append(journal: SqliteJournal, *submissions: list[Entry]) -> list[list[tuple[int, bool]]]:
    """Submit all at once and return the answers."""

    async def submit_all():
        return await asyncio.gather(*[journal.submit(entries) for entries in submissions])

    return asyncio.run(submit_all())


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for work of the writer that nobody is told of; the test's timeout ends it."""
    pause = threading.Event()
    while not condition():
        pause.wait(0.002)


def rows(desk: Desk, table: str) -> int:
    with closing(sqlite3.connect(desk.path)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_positions_grow_from_one_and_stay_together_per_submission(desk):
    journal = desk.open()
    answers = append(journal, [record("a"), record("b")], [record("c")], [])
    assert answers == [[(1, False), (2, False)], [(3, False)], []]
    assert journal.head() == 3
    assert all_records(journal) == {1: "a", 2: "b", 3: "c"}
    journal.close()


def test_a_repeated_key_gets_the_first_position_and_writes_nothing(desk):
    journal = desk.open()
    assert append(journal, [record("a", 1), record("b", 1), record("c", 2)]) == [
        [(1, False), (1, True), (2, False)]
    ]
    waiting = journal.waiting_bytes()
    assert append(journal, [record("d", 2)], [record("e", 1)]) == [[(2, True)], [(1, True)]]
    assert (journal.head(), journal.waiting_bytes()) == (2, waiting)
    assert all_records(journal) == {1: "a", 2: "c"}
    journal.close()


def test_the_same_key_from_two_callers_at_once_counts_once(desk):
    journal = desk.open()
    answers = append(journal, *[[record(number, "same")] for number in range(50)])
    assert sorted(answers) == [[(1, False)]] + [[(1, True)]] * 49
    journal.close()


def test_a_key_of_the_wrong_length_fails_its_caller_and_the_journal_goes_on(desk):
    journal = desk.open()
    with pytest.raises(ValueError, match="16 bytes"):
        append(journal, [Entry(b"short", b"\xc0")])
    assert append(journal, [record("a")]) == [[(1, False)]]
    journal.close()


def test_large_submissions_are_read_back_in_bounded_pieces(desk):
    journal = desk.open()
    large = [Entry(None, msgspec.msgpack.encode(bytes([n]) * 300_000)) for n in range(60)]
    small = [record(number) for number in range(12_000)]
    append(journal, large, small)
    first = journal.read(0, 1_000_000)
    assert READ_BYTES <= sum(len(batch.payload) for batch in first) <= READ_BYTES + (1 << 20)
    records = all_records(journal)
    assert [records[position] for position in range(61, 12_061)] == list(range(12_000))
    rows_of_small = journal.read(60, 12_000)
    assert max(b.last_position - b.first_position + 1 for b in rows_of_small) == 5_000
    journal.close()


def test_a_read_starts_within_a_batch_and_ends_near_the_limit(desk):
    journal = desk.open()
    for number in range(5):
        append(journal, [record(number), record(number)])
    assert [b.first_position for b in journal.read(3, 3)] == [3, 5]
    assert [b.first_position for b in journal.read(4, 1)] == [5]
    assert journal.read(10, 1) == []
    journal.close()


def test_too_much_waiting_is_refused_at_once_until_it_is_trimmed(desk):
    journal = desk.open(max_waiting_bytes=1_000)
    append(journal, [record("x" * 900)])
    with pytest.raises(JournalFull) as refusal:
        append(journal, [record("y" * 200)])
    assert refusal.value.retry_after_seconds >= 1
    journal.trim(1)
    assert journal.waiting_bytes() == 0
    assert append(journal, [record("y" * 200)]) == [[(2, False)]]
    journal.close()


def test_what_is_queued_counts_as_waiting(desk):
    journal = desk.open(max_waiting_bytes=1_000)

    async def submit_three() -> None:
        first = journal.submit([record("x" * 600)])
        with pytest.raises(JournalFull):
            journal.submit([record("x" * 600)])
        await first

    asyncio.run(submit_three())
    assert journal.head() == 1
    journal.close()


def test_below_the_disk_reserve_appends_are_refused_until_there_is_room(desk):
    journal = desk.open()
    desk.free, desk.now = 999, desk.now + SECOND_MS
    append(journal, [record("seen only now")])
    with pytest.raises(JournalFull, match="disk"):
        append(journal, [record("refused")])
    desk.free, desk.now = 1_000, desk.now + SECOND_MS

    def accepted() -> bool:
        try:
            append(journal, [record("again")])
        except JournalFull:
            return False
        return True

    wait_until(accepted)
    assert all_records(journal) == {1: "seen only now", 2: "again"}
    journal.close()


def test_room_inside_the_file_counts_when_the_disk_is_below_its_reserve(desk):
    journal = desk.open()
    megabyte = Entry(None, msgspec.msgpack.encode(bytes(1 << 20)))
    append(journal, *[[megabyte] * 10] * 7)
    journal.trim(70)
    wait_until(lambda: rows(desk, "batches") == 0)
    desk.free, desk.now = 0, desk.now + SECOND_MS
    append(journal, [record("looked at the disk")])
    assert append(journal, [record("accepted")]) == [[(72, False)]]
    journal.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_disk_that_cannot_be_measured_stops_the_writer_and_keeps_nobody_waiting(desk):
    broken = False

    def free() -> int:
        if broken:
            raise OSError(5, "Input/output error")
        return 1 << 40

    journal = desk.open(free_bytes=free)
    append(journal, [record(1)])
    journal.check()
    broken = True
    desk.now += 2 * SECOND_MS
    with pytest.raises(OSError, match="Input/output"):
        append(journal, [record(2)])
    journal.close()
    with pytest.raises(Unavailable, match="writer has stopped"):
        journal.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_keys_that_cannot_be_remembered_stop_the_writer_after_the_commit(desk):
    journal = desk.open()

    def no_memory(rows: object, now: object) -> None:
        raise MemoryError

    journal._keys.remember = no_memory
    assert append(journal, [record(1, "a"), record(2)]) == [[(1, False), (2, False)]]
    journal.close()
    with closing(desk.open()) as reopened:
        assert append(reopened, [record(1, "a"), record(3)]) == [[(1, True), (3, False)]]
        assert all_records(reopened) == {1: 1, 2: 2, 3: 3}


def test_positions_are_not_reused_after_everything_was_trimmed(desk):
    journal = desk.open()
    append(journal, [record(number) for number in range(7)])
    journal.trim(7)
    wait_until(lambda: rows(desk, "batches") == 0)
    journal.close()
    journal = desk.open()
    assert (journal.head(), journal.waiting_bytes()) == (7, 0)
    assert append(journal, [record("next")]) == [[(8, False)]]
    journal.close()


def test_a_trim_inside_a_batch_keeps_the_batch(desk):
    journal = desk.open()
    append(journal, [record("a"), record("b")])
    waiting = journal.waiting_bytes()
    journal.trim(1)
    journal.trim(0)
    assert (journal.read(1, 10)[0].first_position, journal.waiting_bytes()) == (1, waiting)
    journal.close()


def test_a_trim_just_before_closing_is_remembered(desk):
    journal = desk.open()
    append(journal, [record("a")])
    append(journal, [record("b")])
    journal.trim(1)
    journal.close()
    journal = desk.open()
    assert list(all_records(journal)) == [2]
    assert journal.waiting_bytes() == len(journal.read(0, 1)[0].payload)
    journal.close()


def test_listeners_hear_of_each_commit_and_cannot_stop_it(desk, caplog):
    journal, heard = desk.open(), []

    def broken(head: int) -> None:
        raise RuntimeError(head)

    journal.on_append(broken)
    journal.on_append(heard.append)
    append(journal, [record("a"), record("b")])
    append(journal, [record("c")])
    journal.close()
    assert heard == [2, 3]
    assert "listener" in caplog.text


def test_closing_answers_what_is_queued_and_refuses_the_rest(desk):
    journal = desk.open()

    async def close_with_work() -> list:
        waiting = [journal.submit([record(number)]) for number in range(20)]
        journal.close()
        journal.close()
        with pytest.raises(Unavailable):
            journal.submit([record("late")])
        return await asyncio.gather(*waiting)

    assert asyncio.run(close_with_work()) == [[(number, False)] for number in range(1, 21)]


def test_closing_works_after_the_loop_is_gone(desk, caplog):
    journal, closed = desk.open(), threading.Event()
    journal.on_append(lambda _: closed.wait())  # holds the writer after its first commit
    append(journal, [record("first")])
    loop = asyncio.new_event_loop()

    async def submit() -> None:
        for _ in range(3):  # in two commits, each with nobody left to answer
            journal.submit([record("x" * (COMMIT_BYTES // 2))])

    loop.run_until_complete(submit())
    loop.close()
    closed.set()
    journal.close()
    assert "stopped" not in caplog.text
    journal = desk.open()
    assert journal.head() == 4
    journal.close()


def test_a_cancelled_caller_does_not_disturb_the_others(desk):
    journal = desk.open()

    async def cancel_one() -> list:
        first, second = journal.submit([record("a")]), journal.submit([record("b")])
        first.cancel()
        return await second

    assert asyncio.run(cancel_one()) == [(2, False)]
    journal.close()


def test_two_threads_read_while_one_appends(desk):
    journal = desk.open()
    found: list[dict] = []

    def follow() -> None:
        records: dict[int, object] = {}
        while len(records) < 300:
            for batch in journal.read(len(records), 50):
                values = msgspec.msgpack.decode(batch.payload)
                records |= zip(range(batch.first_position, 301), values, strict=False)
        found.append(records)

    threads = [threading.Thread(target=follow) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 301, 3):
        append(journal, [record(n) for n in range(number, number + 3)])
    for thread in threads:
        thread.join()
    assert found == [{number: number for number in range(1, 301)}] * 2
    journal.close()


def test_a_group_larger_than_one_commit_is_written_in_order(desk):
    journal, heads = desk.open(), []
    journal.on_append(heads.append)
    large = [record("x" * (COMMIT_BYTES // 3))]
    answers = append(journal, *[large] * 10)
    assert answers == [[(number, False)] for number in range(1, 11)]
    assert len(heads) >= 4
    journal.close()


def test_keys_that_look_alike_to_the_index_are_told_apart(desk):
    """They share their slot, the part of the key kept in it, and all bits of the filter."""
    journal = desk.open()
    alike = [struct.pack("=4I", 1 + (number << 20), 2, 3 << 8, 4 << 8) for number in range(12)]
    for number, its_key in enumerate(alike, 1):
        assert append(journal, [Entry(its_key, b"\xc0")]) == [[(number, False)]]
    answers = append(journal, [Entry(its_key, b"\xc0") for its_key in alike])
    assert answers == [[(number, True) for number in range(1, 13)]]
    journal.close()


def test_keys_stay_known_through_frozen_generations_and_restarts(desk):
    journal = desk.open()
    for number in range(100):
        append(journal, [record(number), record(number, number)])
    for _ in range(2):
        wait_until(lambda: rows(desk, "key_generations") >= 20)
        answers = append(journal, [record("again", number) for number in range(100)])
        assert answers == [[(2 * number + 2, True) for number in range(100)]]
        journal.close()
        journal = desk.open()
    journal.close()


def test_keys_older_than_thirty_days_are_dropped_and_younger_ones_kept(desk):
    journal = desk.open()
    for number in range(40):
        append(journal, [record(number, number)])
    wait_until(lambda: rows(desk, "key_generations") == 9)
    desk.now += 30 * DAY_MS
    for number in (40, 41):
        append(journal, [record(number, number)])
        wait_until(lambda: journal._keys.next_step() is None)
    assert append(journal, [record("kept", 0)]) == [[(1, True)]]
    desk.now += 1
    before = rows(desk, "key_log")
    for number in range(42, 60):
        append(journal, [record(number, number)])
        wait_until(lambda: journal._keys.next_step() is None)
    assert rows(desk, "key_log") < before
    assert append(journal, [record("new", 0), record("kept", 45)]) == [[(61, False), (46, True)]]
    journal.close()
    journal = desk.open()
    assert append(journal, [record("kept", 0), record("kept", 45)]) == [[(61, True), (46, True)]]
    journal.close()


def test_the_door_opens_a_journal_with_the_real_disk(tmp_path):
    limits = {"max_waiting_bytes": 1_000, "disk_reserve_bytes": 1}
    journal = open_journal(tmp_path / "j", clock=lambda: START, **limits)
    assert append(journal, [record("a", 1)]) == [[(1, False)]]
    journal.close()


entries = st.tuples(st.none() | st.integers(0, 30), st.integers(0, 100))
operations = st.one_of(
    st.tuples(st.just("submit"), st.lists(st.lists(entries, max_size=6), min_size=1, max_size=4)),
    st.tuples(st.just("trim"), st.integers(0, 60)),
    st.tuples(st.just("read"), st.tuples(st.integers(0, 60), st.integers(1, 10))),
    st.tuples(st.just("days"), st.integers(1, 20)),
    st.tuples(st.just("reopen"), st.none()),
)


@dataclass
class Model:
    """A journal in two dictionaries."""

    records: dict[int, object] = field(default_factory=dict)
    keys: dict[int, tuple[int, int]] = field(default_factory=dict)
    trimmed: int = 0

    def check_answers(self, submissions: list, answers: list, now: int) -> None:
        for submission, places in zip(submissions, answers, strict=True):
            for (name, value), (position, repeated) in zip(submission, places, strict=True):
                first, at = self.keys.get(name, (None, 0))
                if first is not None and (repeated or at + 30 * DAY_MS >= now):
                    assert (position, repeated) == (first, True)
                    continue
                # Unknown, or so old that it may be forgotten.
                assert (position, repeated) == (len(self.records) + 1, False)
                self.records[position] = value
                if name is not None:
                    self.keys[name] = (position, now)


def read_some(journal: SqliteJournal, model: Model, after: int, max_records: int) -> None:
    batches = journal.read(after, max_records)
    past = max(after, model.trimmed)
    if past >= len(model.records):
        assert batches == []
        return
    assert batches[0].first_position <= past + 1 <= batches[0].last_position
    before_last = batches[-1].first_position - 1
    assert before_last - past < max_records
    for batch in batches:
        positions = range(batch.first_position, batch.last_position + 1)
        assert msgspec.msgpack.decode(batch.payload) == [model.records[p] for p in positions]


@settings(deadline=None, max_examples=60)
@given(st.lists(operations, max_size=25))
def test_it_agrees_with_a_trivial_model(steps):
    with tempfile.TemporaryDirectory() as folder:
        desk, model = Desk(Path(folder, "j")), Model()
        journal = desk.open()
        for name, detail in steps:
            match name:
                case "submit":
                    asked = [[record(value, k) for k, value in group] for group in detail]
                    model.check_answers(detail, append(journal, *asked), desk.now)
                case "trim":
                    journal.trim(detail)
                    model.trimmed = max(model.trimmed, min(detail, journal.head()))
                case "read":
                    read_some(journal, model, *detail)
                case "days":
                    desk.now += detail * DAY_MS
                case "reopen":
                    journal.close()
                    journal = desk.open()
            assert journal.head() == len(model.records)
            left = sum(len(batch.payload) for batch in journal.read(0, 10_000))
            assert journal.waiting_bytes() == left
        journal.close()
