import logging
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.ingest import types as ingest
from footfall.kernel.ids import ContactId, WorkspaceId
from footfall.kernel.money import round_money
from footfall.kernel.scope import Scope
from footfall.warehouse import client, schema
from footfall.warehouse.api import Warehouse, WarehouseError, open_warehouse, statement
from footfall.warehouse.client import _by_months
from footfall.warehouse.types import ActivityRow, AliasRow, ContactRow, ProductRow
from tests.warehouse.conftest import MOMENT, MakeEvent

ONE = Scope(WorkspaceId(1))
LAWS = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MONTH = 2_629_800.0  # seconds, on average


def read(warehouse: Warehouse, columns: str) -> list[tuple[Any, ...]]:
    return warehouse.rows(statement(ONE, f"SELECT {columns} FROM {{events}} ORDER BY event_id"))


def test_the_enum_has_the_types_of_ingest_in_their_order() -> None:
    assert schema.EVENT_TYPES == ingest.EVENT_TYPES


def test_an_event_comes_back_as_it_went_in(warehouse: Warehouse, event: MakeEvent) -> None:
    row = event(
        event_key="k\\'\"\n\t\u2028😀",
        unit_price="99999999999999.9999",
        quantity="-0.0001",
        currency="PLN",
        order_id="o-1",
        attributes='{"a": "\\u0000\\\\ \'x\'"}',
        custom_data='{"n": null}',
        event_type="add to observation",
        event_id=2**53 - 1,
        contact_id=0,
    )
    warehouse.insert("events", [row], token="t")
    assert read(
        warehouse,
        "event_key, unit_price, quantity, currency, order_id, attributes, custom_data, event_type,"
        " event_id, contact_id, product_id, source, toUnixTimestamp64Milli(received_at)",
    ) == [
        (
            row.event_key,
            Decimal("99999999999999.9999"),
            Decimal("-0.0001"),
            "PLN",
            "o-1",
            row.attributes,
            row.custom_data,
            "add to observation",
            2**53 - 1,
            0,
            9,
            "api",
            round(MOMENT * 1000),
        )
    ]


def test_snapshots_come_back_as_they_went_in(warehouse: Warehouse) -> None:
    attributes = {"żółć": "a'b\\\n", "price": "1.5"}
    warehouse.insert(
        "products", [ProductRow(1, 3, "sku/%2F", None, attributes, 1.5, 0, 1)], token=None
    )
    warehouse.insert(
        "contacts", [ContactRow(1, 4, None, "a@b.pl", "k", attributes, 1.5, 1, 1)], token=None
    )
    stamp = "toUnixTimestamp64Milli(created_at), deleted, version"
    product = f"SELECT id, custom_id, name, attributes, {stamp} FROM {{products}}"
    contact = f"SELECT id, custom_id, email, key, attributes, {stamp} FROM {{contacts}}"
    assert warehouse.rows(statement(ONE, product)) == [(3, "sku/%2F", None, attributes, 1500, 0, 1)]
    assert warehouse.rows(statement(ONE, contact)) == [
        (4, None, "a@b.pl", "k", attributes, 1500, 1, 1)
    ]


@LAWS
@given(instants=st.lists(st.integers(946_684_800_000, 4_102_444_800_000), min_size=1, max_size=40))
def test_instants_are_exact_to_the_millisecond(
    warehouse: Warehouse, event: MakeEvent, instants: list[int]
) -> None:
    warehouse._command("TRUNCATE TABLE events")
    rows = [event(occurred_at=i / 1000, received_at=i / 1000) for i in instants]
    warehouse.insert("events", rows, token=None)
    found = read(
        warehouse, "toUnixTimestamp64Milli(occurred_at), toUnixTimestamp64Milli(received_at)"
    )
    assert found == [(i, i) for i in instants]


@LAWS
@given(
    amounts=st.lists(
        st.decimals(-(10**14) + 1, 10**14 - 1, allow_nan=False, allow_infinity=False),
        min_size=1,
        max_size=40,
    )
)
def test_money_rounded_by_the_kernel_is_stored_to_the_last_place(
    warehouse: Warehouse, event: MakeEvent, amounts: list[Decimal]
) -> None:
    warehouse._command("TRUNCATE TABLE events")
    rounded = [amount for given in amounts if (amount := round_money(given)) is not None]
    warehouse.insert("events", [event(unit_price=f"{a:f}") for a in rounded], token=None)
    assert [price for (price,) in read(warehouse, "unit_price")] == rounded


def test_a_token_counts_once(warehouse: Warehouse, event: MakeEvent) -> None:
    rows = [event() for _ in range(10)]
    for token in ("a", "a", "b"):
        warehouse.insert("events", rows, token=token)
    assert warehouse.row_counts()["events"] == 20
    warehouse.insert("events", [], token="c")
    assert warehouse.row_counts()["events"] == 20


def test_three_hundred_months_in_one_batch_count_once(
    warehouse: Warehouse, event: MakeEvent
) -> None:
    rows = [event(occurred_at=946_700_000 + n * MONTH) for n in range(300)]
    random.Random(7).shuffle(rows)
    pieces = _by_months(rows)
    assert len(pieces) == 6
    # As after a crash in the middle: some pieces are there, the whole is repeated.
    warehouse.insert("events", rows, token="wide")
    warehouse.insert("events", rows, token="wide")
    found = read(warehouse, "event_id, toUnixTimestamp64Milli(occurred_at)")
    assert found == sorted((r.event_id, round(r.occurred_at * 1000)) for r in rows)


@given(times=st.lists(st.floats(946_684_800, 4_102_444_800), min_size=1, max_size=200))
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_batch_is_cut_by_months_without_loss_and_always_alike(
    event: MakeEvent, times: list[float]
) -> None:
    rows = [event(occurred_at=t) for t in times]
    pieces = _by_months(rows)
    assert sorted(id(r) for piece in pieces for r in piece) == sorted(id(r) for r in rows)
    assert _by_months(rows) == pieces
    for piece in pieces:
        assert len({_year_month(r.occurred_at) for r in piece}) <= 50  # type: ignore[attr-defined]  # all events


def _year_month(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m")


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_type": "vieww"},
        {"unit_price": "dear"},
        {"unit_price": "1e30"},
        {"attributes": None},
        {"contact_id": -1},
        {"received_at": "yesterday"},
    ],
    ids=str,
)
def test_one_wrong_row_refuses_the_batch_and_the_reason_stays_in_the_log(
    warehouse: Warehouse,
    event: MakeEvent,
    caplog: pytest.LogCaptureFixture,
    wrong: dict[str, Any],
) -> None:
    with (
        caplog.at_level(logging.ERROR, "footfall.warehouse"),
        pytest.raises(WarehouseError) as caught,
    ):
        warehouse.insert("events", [event(), event(**wrong), event()], token="t")
    assert not caught.value.transient
    assert str(caught.value) == "The warehouse could not insert into events."
    assert "DB::Exception" in caplog.text
    assert warehouse.row_counts()["events"] == 0
    warehouse.insert("events", [event()], token="t")
    assert warehouse.row_counts()["events"] == 1


def test_a_statement_the_engine_refuses_is_our_error(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError) as caught:
        warehouse.rows(statement(ONE, "SELECT no_such_column FROM {events}"))
    assert "no_such_column" not in str(caught.value)
    assert not caught.value.transient


def test_text_that_is_none_is_refused_and_not_tried_again(
    warehouse: Warehouse, event: MakeEvent
) -> None:
    with pytest.raises(WarehouseError) as caught:
        warehouse.insert("events", [event(attributes="\ud800")], token=None)
    assert not caught.value.transient


def test_a_full_disk_is_worth_another_try(
    warehouse: Warehouse, event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with pytest.raises(WarehouseError) as caught:
        warehouse.insert("events", [event()], token=None)
    assert caught.value.transient


def test_a_server_that_does_not_answer_is_a_transient_error(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError) as caught:
        open_warehouse("clickhouse://someone:secret@127.0.0.1:9/shop", tmp_path)
    assert caught.value.transient
    assert "secret" not in str(caught.value)


def test_ids_of_a_range_are_those_that_are_there(warehouse: Warehouse, event: MakeEvent) -> None:
    rows = [event(workspace_id=n % 3 + 1, event_id=n) for n in (1, 2, 5, 9, 10, 11)]
    warehouse.insert("events", rows, token=None)
    assert warehouse.positions_between(2, 10) == {2, 5, 9, 10}
    assert warehouse.positions_between(6, 8) == set()


def erase(warehouse: Warehouse, *contact_ids: int) -> None:
    while not warehouse.erase_contacts(ONE.workspace_id, [ContactId(i) for i in contact_ids]):
        time.sleep(0.02)


def test_erased_contacts_have_no_events_in_their_workspace(
    warehouse: Warehouse, event: MakeEvent
) -> None:
    warehouse.insert("events", [event(contact_id=c) for c in (1, 2, 3, 0)], token=None)
    warehouse.insert("events", [event(contact_id=1, workspace_id=2)], token=None)
    erase(warehouse)
    assert warehouse.row_counts()["events"] == 5
    erase(warehouse, 1, 3)
    assert [c for (c,) in read(warehouse, "contact_id")] == [2, 0]
    assert warehouse.row_counts()["events"] == 3


def test_contacts_with_events_in_more_months_than_one_erasure_takes_are_erased_whole(
    warehouse: Warehouse, event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MONTHS_PER_ERASURE", 2)
    months = [MOMENT + month * 31 * 86_400 for month in range(5)]
    rows = [event(contact_id=c, occurred_at=moment) for moment in months for c in (1, 2)]
    warehouse.insert("events", rows, token=None)
    erase(warehouse, 1)
    assert [c for (c,) in read(warehouse, "contact_id")] == [2] * 5


def test_what_hidden_contacts_did_is_not_read_in_their_workspace(
    warehouse: Warehouse, event: MakeEvent
) -> None:
    rows = [event(contact_id=c, workspace_id=w) for c in (1, 2, 3) for w in (1, 2)]
    warehouse.insert("events", rows, token=None)
    warehouse.hide_contacts({ONE.workspace_id: [ContactId(1), ContactId(3)]})
    assert [c for (c,) in read(warehouse, "contact_id")] == [2]
    assert (
        len(warehouse.rows(statement(Scope(WorkspaceId(2)), "SELECT contact_id FROM {events}")))
        == 3
    )
    warehouse.hide_contacts({ONE.workspace_id: [ContactId(i) for i in range(2, 60_000)]})
    assert [c for (c,) in read(warehouse, "contact_id")] == [1]
    warehouse.hide_contacts({})
    assert len(read(warehouse, "contact_id")) == 3


def test_emptied_snapshots_keep_the_events(warehouse: Warehouse, event: MakeEvent) -> None:
    warehouse.insert("events", [event()], token=None)
    nowhere = [None] * 12
    activity = ActivityRow(
        1, 2, None, MOMENT, MOMENT, 1, "event", "a", "api", *nowhere, "bot", "{}"
    )
    warehouse.insert("activities", [activity], token=None)
    warehouse.insert("products", [ProductRow(1, 1, "p", None, {}, 0.0, 0, 1)], token=None)
    warehouse.insert("contacts", [ContactRow(1, 1, None, None, None, {}, 0.0, 0, 1)], token=None)
    warehouse.insert("contact_aliases", [AliasRow(1, 1, 2, 1)], token=None)
    assert set(warehouse.row_counts().values()) == {1}
    warehouse.empty_snapshots()
    counts = warehouse.row_counts()
    assert counts == {
        "events": 1,
        "activities": 1,
        "products": 0,
        "contacts": 0,
        "contact_aliases": 0,
    }


def test_threads_read_and_write_side_by_side(warehouse: Warehouse, event: MakeEvent) -> None:
    batches = [[event() for _ in range(20)] for _ in range(40)]

    def write(part: int) -> None:
        for number, rows in enumerate(batches[part::2]):
            warehouse.insert("events", rows, token=f"{part}-{number}")

    def count() -> None:
        for _ in range(20):
            seen = warehouse.rows(statement(ONE, "SELECT count() FROM {events}"))[0][0]
            assert seen % 20 == 0

    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(write, part) for part in (0, 1)] + [pool.submit(count) for _ in "1234"]
    for done in work:
        done.result()
    assert warehouse.row_counts()["events"] == 800


def in_a_process_of_its_own(path: Path, script: str) -> str:
    """Run `script` with `warehouse` open at `path`; a process can open one path only."""
    lines = (
        "import sys, pathlib, json",
        "from footfall.warehouse.api import open_warehouse, WarehouseError",
        "from footfall.warehouse.types import EventRow",
        "def event(id):",
        "    return EventRow(1, id, None, 1.5e9, 1.5e9, 1, 1, 'view', 'api',",
        "                    None, None, None, None, '{}', None)",
        "warehouse = open_warehouse(None, pathlib.Path(sys.argv[1]))",
        script,
        "warehouse.close()",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_opening_again_finds_everything_and_builds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a folder with spaces & żółć"
    fill = "warehouse.insert('events', [event(1), event(2)], token='a')"
    tell = (
        "print(sorted(warehouse.positions_between(0, 9)),"
        " warehouse._write('SELECT count(), max(version) FROM schema_versions', {}))"
    )
    again = fill + "\n" + tell
    assert in_a_process_of_its_own(path, fill + "\n" + tell) == "[1, 2] [(3, 3)]"
    # The dedup log outlives the process, too.
    assert in_a_process_of_its_own(path, again) == "[1, 2] [(3, 3)]"


def test_a_schema_of_the_future_is_not_opened(tmp_path: Path) -> None:
    in_a_process_of_its_own(tmp_path, "warehouse._command('INSERT INTO schema_versions SELECT 99')")
    with pytest.raises(AssertionError, match=r"newer version of Footfall"):
        in_a_process_of_its_own(tmp_path, "")


def test_after_a_cut_deduplication_log_the_ids_say_what_is_there(tmp_path: Path) -> None:
    in_a_process_of_its_own(
        tmp_path, "warehouse.insert('events', [event(n) for n in range(1, 6)], token='a')"
    )
    logs = list(tmp_path.rglob("deduplication_log_*.txt"))
    assert logs
    for log in logs:
        log.unlink()
    # The same token is taken again: without a look at the ids everything would be there twice.
    repair = (
        "warehouse.insert('events', [event(6)], token='b')\n"
        "there = warehouse.positions_between(1, 8)\n"
        "warehouse.insert('events', [event(n) for n in range(1, 9) if n not in there], token='c')\n"
        "print(sorted(there), warehouse.row_counts()['events'])\n"
        "warehouse.insert('events', [event(n) for n in range(1, 6)], token='a')\n"
        "print(warehouse.row_counts()['events'])"
    )
    assert in_a_process_of_its_own(tmp_path, repair) == "[1, 2, 3, 4, 5, 6] 8\n13"


def test_a_closed_warehouse_says_so(tmp_path: Path) -> None:
    script = (
        "warehouse.close()\n"
        "try: warehouse.row_counts()\n"
        "except WarehouseError as error: print(error)"
    )
    assert in_a_process_of_its_own(tmp_path, script) == "The warehouse is closed."
