"""Files come in whole, once, with a server and without, and every row is accounted for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.shop import Shop

MAPPING = """
[time]
column = "time"
[event_type]
column = "type"
[contact]
custom_id = "who"
[product]
custom_id = "sku"
"""
HEADER = "time,type,who,sku\n"


def rows(first: int, last: int) -> str:
    return "".join(
        f"2026-01-{n % 28 + 1:02} 10:00:00,view,c{n % 3},s{n}\n" for n in range(first, last)
    )


@pytest.fixture
def files(tmp_path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "map.toml").write_text(MAPPING)
    (folder / "events.csv").write_text(HEADER + rows(0, 50))
    return folder


def import_file(shop: Shop, folder: Path, name: str = "events.csv", **options):
    arguments = ("import", "events", str(folder / name), "--mapping", str(folder / "map.toml"))
    return shop.command(*arguments, **options)


def test_events_are_visible_when_the_import_returns_and_a_second_run_adds_nothing(shop, files):
    client = shop.client(shop.new_token())
    assert import_file(shop, files).stdout == "50 rows: 50 stored, 0 repeated, 0 rejected\n"
    assert client.get("/api/v1/events/count")["total"] == 50
    assert import_file(shop, files).stdout == "50 rows: 0 stored, 50 repeated, 0 rejected\n"
    assert client.get("/api/v1/events/count")["total"] == 50
    assert list(files.glob("*.rejects.jsonl")) == []
    (files / "events.csv").write_text(HEADER + rows(0, 60))
    assert import_file(shop, files).stdout == "60 rows: 10 stored, 50 repeated, 0 rejected\n"
    first = client.get("/api/v1/events", contact="c1", limit=1)["results"][0]
    assert first["source"] == "import"
    client.close()


def test_what_was_imported_without_a_server_is_there_when_one_starts(shop, files):
    token = shop.new_token()
    shop.stop()
    assert "50 stored" in import_file(shop, files).stdout
    assert "50 repeated" in import_file(shop, files).stdout
    shop.start()
    client = shop.client(token)
    assert client.get("/api/v1/events/count")["total"] == 50
    assert "50 repeated" in import_file(shop, files).stdout
    client.close()


def test_rejects_lie_beside_the_file_with_line_reason_and_text(shop, files):
    bad = "yesterday,view,c1,s1\n"
    (files / "events.csv").write_text(HEADER + rows(0, 3) + bad + rows(3, 5))
    result = import_file(shop, files)
    assert result.stdout.splitlines() == [
        "6 rows: 5 stored, 0 repeated, 1 rejected",
        "  1 unreadable_timestamp",
        f"Rejected rows with their reasons: {files / 'events.csv.rejects.jsonl'}",
    ]
    (reject,) = map(json.loads, (files / "events.csv.rejects.jsonl").read_text().splitlines())
    assert reject["line"] == 5
    assert reject["code"] == "unreadable_timestamp"
    assert "yesterday" in reject["message"]
    assert reject["content"] == bad.strip()


def test_rejects_go_to_the_data_folder_where_the_files_folder_takes_none(shop, files):
    (files / "events.csv").write_text(HEADER + "yesterday,view,c1,s1\n")
    (files / "events.csv.rejects.jsonl").mkdir()  # stops root, too
    result = import_file(shop, files)
    place = shop.data_dir / "rejects" / "events.csv.rejects.jsonl"
    assert str(place) in result.stdout
    assert json.loads(place.read_text())["line"] == 2


def test_an_import_that_was_killed_is_continued_by_the_same_command(shop, files):
    (files / "events.csv").write_text(HEADER + rows(0, 60_000))
    client = shop.client(shop.new_token())
    arguments = ("import", "events", files / "events.csv", "--mapping", files / "map.toml")
    importing = subprocess.Popen(
        [sys.executable, "-m", "footfall", *arguments, "--data-dir", shop.data_dir],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    importing.stderr.readline()  # the first tenth is read
    importing.kill()
    importing.communicate()
    result = import_file(shop, files).stdout
    assert result.startswith("60,000 rows: ")
    assert result.endswith("0 rejected\n")
    assert client.get("/api/v1/events/count")["total"] == 60_000
    client.close()


def test_another_workspace_gets_its_own_copy(shop, files):
    shop.new_workspace("other")
    import_file(shop, files)
    arguments = (str(files / "events.csv"), "--mapping", str(files / "map.toml"))
    result = shop.command("import", "events", *arguments, "--workspace", "other")
    assert "50 stored" in result.stdout
    client = shop.client(shop.new_token(workspace="other"))
    assert client.get("/api/v1/events/count")["total"] == 50
    client.close()
