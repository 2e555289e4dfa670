"""Rows become the same records that requests become, or rejects with a reason; none is lost."""

import csv
import gzip
import io
import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from footfall.ingest.importer import Importer
from footfall.ingest.mappings import load_preset, parse_mapping
from footfall.ingest.types import EventRecord
from footfall.ingest.unpacking import FileUnreadable
from footfall.kernel.instants import Instant, to_datetime, to_iso

NOW = Instant(1_790_000_000_000)
SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared_files = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the real files are not beside this tree, in ../shared/data"
)
decode = msgspec.msgpack.Decoder(EventRecord).decode

MAPPING = """
[time]
column = "when"
zone = "Europe/Warsaw"
[event_type]
column = "what"
values = { buy = "purchase" }
[contact]
custom_id = "who"
email = "mail"
[product]
custom_id = "sku"
[facts]
quantity = "n"
unit_price = "paid"
order_id = "order"
[attributes]
colour = "colour"
[custom_data]
note = "note"
[constants.facts]
currency = "PLN"
"""
HEADER = "when,what,who,mail,sku,n,paid,order,colour,note"
LINE = "2026-01-31 10:00,buy,c1,A@B.pl,s1,2,9.90,o1,red,hi"


def imported(path, mapping=MAPPING, max_rows=1000):
    if isinstance(mapping, str):
        mapping = parse_mapping(mapping, "test")
    importer = Importer(path, mapping, workspace_id=1, zone=ZoneInfo("UTC"), clock=lambda: NOW)
    chunks = list(importer.chunks(max_rows))
    entries = [entry for chunk in chunks for entry in chunk.entries]
    return [decode(entry.payload) for entry in entries], [r for c in chunks for r in c.rejects]


def write(tmp_path, *lines, name="events.csv"):
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_row_becomes_the_record_that_a_request_would(tmp_path):
    (record,), rejects = imported(write(tmp_path, HEADER, LINE))
    assert rejects == []
    assert record.event_key.startswith("import:")
    assert record == EventRecord(
        workspace_id=1,
        received_at=NOW,
        occurred_at=1769850000000,  # 09:00 UTC
        event_type="purchase",
        source="import",
        event_key=record.event_key,
        contact_id=None,
        user_custom_id="c1",
        email="a@b.pl",
        user_key=None,
        product_id=None,
        product_custom_id="s1",
        attributes='{"currency":"PLN","colour":"red","quantity":2,"order_id":"o1"}',
        custom_data='{"note":"hi","unit_price":9.9}',
        unit_price="9.9",
        quantity="2",
        currency="PLN",
        order_id="o1",
    )


def test_cells_that_say_nothing_are_not_sent(tmp_path):
    path = write(tmp_path, HEADER, "2026-01-31,view,, ,s1,,,,NULL,")
    (record,), _ = imported(path, 'missing = ["NULL"]\n' + MAPPING)
    assert (record.user_custom_id, record.email, record.quantity) == (None, None, None)
    assert record.attributes == '{"currency":"PLN"}'
    assert record.custom_data is None


REFUSALS = {
    "an unknown type": (LINE.replace("buy", "bought"), "unknown_event_type"),
    "no time": (LINE.replace("2026-01-31 10:00", ""), "missing_timestamp"),
    "a strange time": (LINE.replace("2026-01-31 10:00", "yesterday"), "unreadable_timestamp"),
    "a time in the future": (LINE.replace("2026", "2126"), "timestamp_in_future"),
    "a time before 2000": (LINE.replace("2026", "1926"), "timestamp_too_old"),
    "no product": (LINE.replace("s1", ""), "missing_product"),
    "a long product id": (LINE.replace("s1", "s" * 256), "wrong_length"),
    "too few cells": ("2026-01-31 10:00,buy", "unreadable_row"),
    "an e-mail without @": (LINE.replace("A@B.pl", "nobody"), "not_an_email"),
}


@pytest.mark.parametrize(("line", "code"), REFUSALS.values(), ids=REFUSALS)
def test_a_bad_row_is_refused_alone_with_its_line_and_text(tmp_path, line, code):
    records, rejects = imported(write(tmp_path, HEADER, LINE, line, LINE))
    assert len(records) == 2
    assert [(reject.line, reject.code, reject.content) for reject in rejects] == [(3, code, line)]
    assert rejects[0].message.endswith(".")


def test_bytes_that_are_no_text_spoil_their_row_only(tmp_path):
    path = tmp_path / "events.csv"
    spoilt = LINE.encode().replace(b"red", b"r\xff")
    path.write_bytes(b"\n".join([HEADER.encode(), LINE.encode(), spoilt, LINE.encode()]))
    records, rejects = imported(path)
    assert len(records) == 2
    assert (rejects[0].line, rejects[0].code) == (3, "invalid_text")
    json.dumps(rejects[0].content).encode()


def test_a_quoted_cell_may_hold_commas_quotes_and_line_ends(tmp_path):
    cell = '"red, ""very""\nred"'
    line = LINE.replace("red", cell)
    records, rejects = imported(write(tmp_path, HEADER, line, "x"))
    assert json.loads(records[0].attributes)["colour"] == 'red, "very"\nred'
    assert rejects[0].line == 4


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_cells(tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes(f"\ufeff{HEADER}\r\n{LINE}\r\n".encode())
    records, rejects = imported(path)
    assert (len(records), rejects) == (1, [])


@pytest.mark.parametrize("level", ["plain", "gz", "zst", "two zst frames"])
def test_compression_changes_nothing_not_even_the_keys(tmp_path, level):
    plain = f"{HEADER}\n{LINE}\n".encode() + f"{LINE}\n".encode() * 3000
    squeezed = {
        "plain": lambda: plain,
        "gz": lambda: gzip.compress(plain),
        "zst": lambda: zstandard.compress(plain),
        "two zst frames": lambda: zstandard.compress(plain[:99]) + zstandard.compress(plain[99:]),
    }[level]()
    path, reference = tmp_path / "events.csv.x", tmp_path / "events.csv"
    path.write_bytes(squeezed)
    reference.write_bytes(plain)
    mapping = 'format = "csv"\n' + MAPPING
    assert imported(path, mapping) == imported(reference, mapping)


@pytest.mark.parametrize("squeeze", [gzip.compress, zstandard.compress])
def test_a_cut_file_gives_what_is_whole_and_then_says_so(tmp_path, squeeze):
    random_cells = "\n".join(LINE.replace("hi", str(n * 7919 % 10007)) for n in range(5000))
    path = tmp_path / "events.csv.gz"
    path.write_bytes(squeeze(f"{HEADER}\n{random_cells}\n".encode())[:-200])
    importer = Importer(
        path,
        parse_mapping(MAPPING, "test"),
        workspace_id=1,
        zone=ZoneInfo("UTC"),
        clock=lambda: NOW,
    )
    stored = []
    with pytest.raises(FileUnreadable, match="damaged from here on"):
        stored.extend(chunk for chunk in importer.chunks(100))
    assert 0 < sum(len(chunk.entries) for chunk in stored) < 5000


def test_json_lines_keep_types_and_reach_inside_objects(tmp_path):
    mapping = """
[time]
column = "ts"
format = "unix"
[event_type]
value = "view"
[contact]
custom_id = "user.id"
[product]
custom_id = "aid"
[attributes]
sizes = "sizes"
"""
    path = write(
        tmp_path,
        '{"ts": 1659304800025, "user": {"id": 12.0}, "aid": 59625, "sizes": ["S", "M"]}',
        "",
        '{"ts": 1659304800, "aid": "x"}',
        '{"ts": 1659304800, ',
        "[1]",
        name="events.jsonl",
    )
    records, rejects = imported(path, 'whole_number_columns = ["user.id"]' + mapping)
    assert [record.occurred_at for record in records] == [1659304800025, 1659304800000]
    assert records[0].user_custom_id == "12"
    assert records[0].product_custom_id == "59625"
    assert json.loads(records[0].attributes) == {"sizes": ["S", "M"]}
    assert [(reject.line, reject.code) for reject in rejects] == [
        (4, "unreadable_row"),
        (5, "unreadable_row"),
    ]


def test_parquet_gives_typed_cells(tmp_path):
    path = tmp_path / "events.parquet"
    table = pyarrow.table(
        {
            "when": [datetime(2026, 1, 31, 9, tzinfo=UTC), None],
            "what": ["buy", "buy"],
            "who": [2**60, None],
            "mail": [None, None],
            "sku": ["s1", "s2"],
            "n": [2, 3],
            "paid": [Decimal("9.90"), None],
            "order": ["o1", None],
            "colour": [{"r": 1}, None],
            "note": [b"hi", None],
        }
    )
    pyarrow.parquet.write_table(table, path)
    records, rejects = imported(path)
    assert [reject.code for reject in rejects] == ["missing_timestamp"]
    assert to_iso(records[0].occurred_at) == "2026-01-31T09:00:00.000Z"
    assert records[0].user_custom_id == str(2**60)
    assert (records[0].unit_price, records[0].quantity) == ("9.9", "2")
    assert json.loads(records[0].attributes)["colour"] == {"r": 1}
    assert json.loads(records[0].custom_data)["note"] == "hi"


@pytest.mark.parametrize("name", ["events.csv", "events.parquet"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path, name):
    path = tmp_path / name
    if name.endswith("csv"):
        path.write_text("a,b\n1,2\n")
    else:
        pyarrow.parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), path)
    with pytest.raises(FileUnreadable, match=r'no column "when".*Its columns: "a", "b"'):
        imported(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileUnreadable, match=r"absent\.csv cannot be read"):
        imported(tmp_path / "absent.csv")


def test_an_empty_file_has_no_rows(tmp_path):
    assert imported(write(tmp_path)) == ([], [])


def keys(path, mapping=MAPPING, **options):
    return [record.event_key for record in imported(path, mapping, **options)[0]]


def test_a_file_that_has_grown_keeps_the_keys_of_its_old_rows_and_equal_rows_differ(tmp_path):
    before = keys(write(tmp_path, HEADER, LINE, LINE))
    after = keys(write(tmp_path, HEADER, LINE, LINE, LINE))
    assert len(set(after)) == 3
    assert after[:2] == before


def test_a_row_that_has_changed_has_another_key_even_in_a_column_that_is_not_read(tmp_path):
    before = keys(write(tmp_path, f"{HEADER},extra", f"{LINE},1"))
    after = keys(write(tmp_path, f"{HEADER},extra", f"{LINE},2"))
    assert before != after


def test_a_column_of_event_ids_gives_the_keys(tmp_path):
    path = write(tmp_path, f"{HEADER},id", f"{LINE},e-1", f"{LINE},")
    mapping = 'event_id = "id"\n' + MAPPING
    assert keys(path, mapping) == ["e-1"]
    assert imported(path, mapping)[1][0].code == "missing_event_id"


@given(
    rows=st.lists(st.lists(st.text(max_size=8), min_size=10, max_size=10), max_size=20),
    max_rows=st.integers(1, 7),
)
def test_every_row_is_stored_or_refused_and_chunks_do_not_matter(tmp_path_factory, rows, max_rows):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER.split(","))
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("any") / "events.csv"
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    records, rejects = imported(path, max_rows=max_rows)
    assert len(records) + len(rejects) == len(rows)
    assert (records, rejects) == imported(path, max_rows=1000)


@pytest.mark.parametrize(
    ("local", "instant"),
    [
        ("2011-03-27 00:59:00", "2011-03-27T00:59:00.000Z"),
        ("2011-03-27 02:00:00", "2011-03-27T01:00:00.000Z"),
        ("2011-10-30 01:30:00", "2011-10-30T00:30:00.000Z"),  # twice that night; the first is meant
        ("2011-10-30 02:00:00", "2011-10-30T02:00:00.000Z"),
    ],
)
def test_local_times_follow_the_clock_changes_of_their_zone(tmp_path, local, instant):
    path = write(
        tmp_path,
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
        f"536365,85123A,HOLDER,6,{local},2.55,17850.0,United Kingdom",
    )
    (record,), _ = imported(path, load_preset("uci-online-retail"))
    assert to_iso(record.occurred_at) == instant


@needs_shared_files
def test_the_taobao_file_has_the_published_counts():
    path = SHARED / "taobao-userbehavior" / "small_sample.csv.zst"
    records, rejects = imported(path, load_preset("taobao"))
    assert rejects == []
    assert Counter(record.event_type for record in records) == {
        "view": 89710,
        "add to cart": 5446,
        "add to observation": 2744,
        "purchase": 2101,
    }
    assert len({record.user_custom_id for record in records}) == 983
    assert len({record.product_custom_id for record in records}) == 64467


def thousandths(price: str) -> int:
    whole, _, fraction = price.partition(".")
    return int(whole + fraction.ljust(3, "0"))


@cache
def uk_day(occurred_at: int) -> str:
    local = to_datetime(Instant(occurred_at)).astimezone(ZoneInfo("Europe/London"))
    return local.date().isoformat()


@needs_shared_files
def test_the_uci_file_is_accounted_for_line_by_line():
    """Compared with a reading of the file that shares no code with ours."""
    path = SHARED / "uci-online-retail" / "online_retail.csv.zst"
    expected: Counter[str] = Counter()
    revenue: Counter[str] = Counter()  # by UK day, in thousandths of a pound
    with zstandard.open(path, "rt", encoding="utf-8", newline="") as text:
        for line in islice(csv.reader(text), 1, None):
            invoice, _, _, quantity, moment, price, _, _ = line
            if price.startswith("-"):
                expected["bad_debt"] += 1
            elif invoice.startswith("C"):
                expected["return"] += 1
            elif int(quantity) <= 0:
                expected["stock_correction"] += 1
            else:
                expected["purchase"] += 1
                revenue[moment[:10]] += thousandths(price) * int(quantity)
    importer = Importer(
        path,
        load_preset("uci-online-retail"),
        workspace_id=1,
        zone=ZoneInfo("UTC"),
        clock=lambda: NOW,
    )
    found: Counter[str] = Counter()
    known_keys = set()
    found_revenue: Counter[str] = Counter()
    for chunk in importer.chunks(5000):
        found.update(reject.code for reject in chunk.rejects)
        for entry in chunk.entries:
            record = decode(entry.payload)
            known_keys.add(entry.key_hash)
            found[record.event_type] += 1
            if record.event_type == "purchase":
                amount = thousandths(record.unit_price) * int(Decimal(record.quantity))
                found_revenue[uk_day(record.occurred_at)] += amount
            assert Decimal(record.quantity) > 0
            assert record.currency == "GBP"
            assert record.user_custom_id is None or record.user_custom_id.isdigit()
    kinds = {"bad_debt", "return", "stock_correction", "purchase"}
    assert found == {kind: expected[kind] for kind in kinds}
    assert sum(found.values()) == 541_909
    assert len(known_keys) == found["purchase"] + found["return"]
    assert found_revenue == revenue
    assert len(revenue) == 305
