"""What arrives as a file: packed, in old encodings, broken, and what is meant to do harm."""

import gzip
import io
import zipfile

import pytest
import zstandard

from footfall.transfers import folder
from tests.ingest.stack import Stack
from tests.transfers.conftest import Desk

TABLE = "custom_id,name\nmug-1,Żółty kubek\n"
PLAIN = TABLE.encode()


def zipped(*files: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        TABLE.encode("windows-1250"),
        TABLE.encode("iso-8859-2"),
        TABLE.encode("utf-16"),
        TABLE.encode("utf-16-le"),
        TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "\t").encode(),
        TABLE.replace("\n", "\r\n").encode(),
        gzip.compress(PLAIN, mtime=0),
        zstandard.ZstdCompressor().compress(PLAIN),
        zipped(("shop/katalog.csv", PLAIN), ("__MACOSX/x", b"junk")),
    ],
    ids=[
        *("utf-8", "with-mark", "windows-1250", "iso-8859-2", "utf-16", "utf-16-le"),
        *("semicolon", "tab", "crlf", "gzip", "zstd", "zip"),
    ],
)
def test_a_table_is_understood_however_it_was_saved(desk: Desk, content: bytes):
    ended = desk.run(content)
    assert (ended["succeeded"], ended["failed"]) == (1, 0)
    assert desk.products() == {"mug-1": {"name": "Żółty kubek"}}


def bomb(packed: bytes) -> bytes:
    assert len(packed) < 1 << 20
    return packed


ZEROS = b"0" * (64 << 20)


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        lambda content: zstandard.ZstdCompressor(level=1).compress(content),
        lambda content: zipped(("catalog.csv", content)),
    ],
    ids=["gzip", "zstd", "zip"],
)
def test_a_bomb_is_refused_and_leaves_no_file(desk: Desk, stack: Stack, pack):
    before = set(stack.import_folder.path_of("x").parent.glob("*"))
    answer = desk.try_upload(bomb(pack(ZEROS)))
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_file")
    assert "unfolds to more than" in answer.json()["detail"]
    assert set(stack.import_folder.path_of("x").parent.glob("*")) == before


def test_a_row_without_an_end_is_not_read_into_memory(desk: Desk):
    answer = desk.try_upload(b"custom_id\n" + b"0" * (17 << 20))
    assert "16 million" in answer.json()["detail"]
    [listed] = desk.get("/api/v1/imports")["results"]
    assert listed["status"] == "cancelled"


def test_a_file_that_breaks_on_its_way_keeps_what_came_before(desk: Desk):
    rows = "".join(f"sku-{number}\n" for number in range(300)).encode()
    ended = desk.run(b"custom_id\n" + rows + b"0" * (17 << 20))
    assert (ended["status"], ended["succeeded"]) == ("failed", 200)
    assert "16 million" in ended["problem"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(PLAIN * 100, mtime=0)[:-12], "damaged"),
        (b"PK\x03\x04 is no archive", "damaged"),
        (zipped(("a.csv", PLAIN), ("b.csv", PLAIN)), "holds 2 files"),
        (zipped(*((f"{n}.csv", b"") for n in range(6_000))), "too many files"),
        (zipped(("[Content_Types].xml", b""), ("xl/workbook.xml", b"")), "Excel"),
        (b"PAR1....", "Parquet"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text"),
        (b'[{"custom_id": "a"}]', "JSON lines"),
        (("," * 1_000).encode(), "1001 columns"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(desk: Desk, content: bytes, says: str):
    answer = desk.try_upload(content)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_file"), answer.text
    assert says in answer.json()["detail"]


def test_columns_of_one_name_and_of_none_are_told_apart(desk: Desk):
    added = desk.upload("custom_id,price,price,\na,1,2,3\n")["import"]
    assert added["headings"] == ["custom_id", "price", "price (2)", "Column 4"]
    desk.start(added["id"], **{**added["plan"], "columns": {
        "custom_id": "custom_id", "price (2)": "price"
    }})  # fmt: skip
    desk.finish(added["id"])
    assert desk.products() == {"a": {"price": 2.0}}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\katalog.csv", "katalog.csv"),
        ("/", "file"),
        ("<script>alert(1)</script>.csv", "script>.csv"),
        ("a\x7fb.csv", "a\ufffdb.csv"),
    ],
)
def test_a_file_name_is_shown_and_is_never_a_path(desk: Desk, stack: Stack, sent, shown):
    added = desk.upload(PLAIN, name=sent)["import"]
    assert added["file_name"] == shown
    assert stack.import_folder.path_of(added["id"]).name == added["id"]


def test_a_file_over_the_limit_is_refused_as_soon_as_it_is_over(desk: Desk, stack, monkeypatch):
    monkeypatch.setattr(folder, "MAX_UPLOAD_BYTES", 1_000)
    answer = desk.try_upload(b"x" * 2_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not list(stack.import_folder.path_of("x").parent.glob("*.part"))


def test_files_that_wait_are_bounded(desk: Desk, monkeypatch):
    desk.upload(PLAIN)
    monkeypatch.setattr(folder, "MAX_WAITING_BYTES", 10)
    answer = desk.try_upload(PLAIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "too_many_uploads")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"content": PLAIN}, 415, "unsupported_media_type"),
        ({"json": {}}, 415, "unsupported_media_type"),
        ({"data": {"file": "text"}, "files": {}}, 415, "unsupported_media_type"),
        (
            {
                "content": b"--x\r\nbroken",
                "headers": {"content-type": "multipart/form-data; boundary=x"},
            },
            400,
            "malformed_form",
        ),
        ({"files": {"note": (None, "no file")}}, 400, "required"),
    ],
)  # fmt: skip
def test_a_form_without_a_file_is_refused(desk: Desk, options, status, code):
    answer = desk.ask("POST", "/api/v1/imports", params={"kind": "products"}, **options)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
