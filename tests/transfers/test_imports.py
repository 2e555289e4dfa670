"""Imports over the own API: what arrives, what is seen before, what is stored, who may see it."""

import stat

import pytest

from footfall.transfers import queries
from tests.ingest.stack import Stack
from tests.transfers.conftest import Desk

CATALOG = "sku;Nazwa;Cena;color\nmug-1;Blue mug;12,50 PLN;blue\nmug-2;Red mug;9;\n"


def test_a_catalog_is_read_by_the_names_of_its_columns(desk: Desk):
    answer = desk.upload(CATALOG, name="katalog.csv")
    found = answer["import"]
    assert found["status"] == "uploaded"
    assert found["plan"]["separator"] == "semicolon"
    assert found["plan"]["columns"] == {
        "sku": "custom_id",
        "Nazwa": "name",
        "Cena": "price",
        "color": "color",
    }
    first, second = answer["preview"]
    assert first["cells"] == ["mug-1", "Blue mug", "12,50 PLN", "blue"]
    assert first["becomes"] == {
        "custom_id": "mug-1",
        "attributes": {"name": "Blue mug", "price": 12.5, "currency": "PLN", "color": "blue"},
    }
    assert second["row"] == 3
    assert desk.products() == {}, "nothing is stored before it is started"


def test_a_started_import_stores_its_rows_and_deletes_the_file(desk: Desk, stack: Stack):
    added = desk.upload(CATALOG)["import"]
    path = stack.import_folder.path_of(added["id"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert desk.start(added["id"])["status"] == "queued"
    ended = desk.finish(added["id"])
    assert (ended["status"], ended["total_count"], ended["succeeded"]) == ("finished", 2, 2)
    assert ended["started_at"]
    assert ended["finished_at"]
    assert desk.products()["mug-1"]["price"] == 12.5
    assert "color" not in desk.products()["mug-2"], "a blank cell says nothing"
    assert not path.exists()


def test_rows_that_fail_leave_the_others_alone_and_are_told_with_their_line(desk: Desk):
    ended = desk.run("custom_id,price\na,1\n,2\nb,cheap\nc,3,4\nd,5\n")
    assert (ended["succeeded"], ended["failed"], ended["set_aside"]) == (3, 2, 1)
    told = {(error["row"], error["code"]) for error in ended["rows_with_errors"]}
    assert told == {(3, "missing_product"), (4, "not_a_number"), (5, "unreadable_row")}
    assert set(desk.products()) == {"a", "b", "d"}


def test_at_most_fifty_rows_are_told(desk: Desk):
    ended = desk.run("custom_id,name\n" + ",nameless\n" * 60)
    assert ended["failed"] == 60
    assert len(ended["rows_with_errors"]) == 50


def test_importing_a_catalog_again_changes_nothing(desk: Desk):
    desk.run(CATALOG)
    before = desk.products()
    desk.run(CATALOG)
    assert desk.products() == before


def test_contacts_are_told_apart_as_everywhere(desk: Desk):
    ended = desk.run(
        "e-mail,customer_id,first_name\nAnna@Shop.test,anna,Anna\nanna@shop.test,,Ania\n,,Nobody\n",
        "contacts",
    )
    assert (ended["succeeded"], ended["failed"]) == (2, 1)
    [anna] = desk.contacts()
    assert (anna["custom_id"], anna["email"]) == ("anna", "anna@shop.test")
    assert anna["attributes"]["first_name"] == "Ania"


def test_events_are_stored_once_however_often_their_file_is_imported(desk: Desk):
    history = (
        "time,customer_id,sku,type,price,qty\n"
        "2026-01-02 10:00,anna,mug-1,purchase,9.90,2\n"
        "02.01.2026 11:00,ben,mug-1,view,,\n"
        "2026-01-02 12:00,ben,mug-1,stare,,\n"
    )
    first = desk.run(history, "events")
    assert (first["succeeded"], first["failed"], first["repeated"]) == (2, 1, 0)
    again = desk.run(history, "events")
    assert (again["succeeded"], again["failed"], again["repeated"]) == (0, 1, 2)
    kinds = [(event["event_type"], event["source"]) for event in desk.events()]
    assert kinds == [("purchase", "import"), ("view", "import")]
    assert desk.events()[0]["unit_price"] == 9.9


def test_a_history_without_a_column_of_types_needs_one_for_all_rows(desk: Desk):
    orders = "date,sku,customer_id\n2026-01-02,mug-1,anna\n"
    answer = desk.upload(orders, "events")
    assert answer["preview"][0]["becomes"] is None
    import_id, plan = answer["import"]["id"], answer["import"]["plan"]
    refused = desk.ask("POST", f"/api/v1/imports/{import_id}/start", json=plan)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/event_type"
    desk.start(import_id, **{**plan, "event_type": "purchase"})
    assert desk.finish(import_id)["succeeded"] == 1


def test_the_preview_of_a_plan_stores_nothing_and_shows_what_would_be_set_aside(desk: Desk):
    desk.ask("POST", "/api/v1/attributes", json={
        "kind": "product", "name": "size", "value_type": "integer"
    })  # fmt: skip
    added = desk.upload("code,size\na,12\nb,large\n")["import"]
    plan = {**added["plan"], "columns": {"code": "custom_id", "size": "size"}}
    answer = desk.ask("POST", f"/api/v1/imports/{added['id']}/preview", json=plan)
    good, bad = answer.json()["rows"]
    assert good["becomes"]["attributes"] == {"size": 12}
    assert bad["becomes"]["attributes"] == {}
    assert [problem["row"] for problem in bad["problems"]] == [3]
    assert desk.products() == {}


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"sku": "custom_id", "weight": "weight"}, "unknown_column"),
        ({"sku": "custom_id", "Nazwa": "custom_id"}, "repeated_target"),
        ({"Nazwa": "name"}, "missing_identifier"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(desk: Desk, columns, code):
    added = desk.upload(CATALOG)["import"]
    plan = {**added["plan"], "columns": columns}
    for what in ("preview", "start"):
        answer = desk.ask("POST", f"/api/v1/imports/{added['id']}/{what}", json=plan)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_json_lines_keep_their_types(desk: Desk):
    desk.run('{"custom_id": "a", "tags": ["x", "y"], "price": 2.5}\n[1]\n{"custom_id": 7}\n')
    assert desk.products() == {"a": {"tags": ["x", "y"], "price": 2.5}, "7": {}}


def test_a_file_of_nothing_but_a_header_is_finished_at_once(desk: Desk):
    ended = desk.run("custom_id,name\n")
    assert (ended["status"], ended["total_count"], ended["succeeded"]) == ("finished", 0, 0)


def test_two_imports_are_carried_out_one_after_the_other(desk: Desk):
    ids = []
    for name in ("a", "b"):
        added = desk.upload(f"custom_id\n{name}\n")["import"]
        desk.start(added["id"])
        ids.append(added["id"])
    desk.finish(ids[0])
    assert {desk.get(f"/api/v1/imports/{one}")["status"] for one in ids} == {"finished"}
    assert set(desk.products()) == {"a", "b"}
    assert [one["id"] for one in desk.get("/api/v1/imports")["results"]] == ids[::-1]


def test_a_cancelled_import_keeps_what_it_stored_and_loses_its_file(desk: Desk, stack: Stack):
    added = desk.upload(CATALOG)["import"]
    desk.start(added["id"])
    assert desk.ask("DELETE", f"/api/v1/imports/{added['id']}").json()["status"] == "cancelled"
    assert desk.finish(added["id"])["status"] == "cancelled"
    assert desk.products() == {}
    assert not stack.import_folder.path_of(added["id"]).exists()
    again = desk.ask("DELETE", f"/api/v1/imports/{added['id']}")
    assert (again.status_code, again.json()["code"]) == (409, "import_ended")
    late = desk.ask("POST", f"/api/v1/imports/{added['id']}/start")
    assert (late.status_code, late.json()["code"]) == (409, "import_started")


def test_nobody_sees_or_touches_the_import_of_another_workspace(desk: Desk, rival: Desk):
    import_id = desk.upload(CATALOG)["import"]["id"]
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/preview"),
        ("POST", "/start"),
    ):
        answer = rival.ask(method, f"/api/v1/imports/{import_id}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "import_not_found"), path
    assert rival.get("/api/v1/imports")["results"] == []
    assert desk.get(f"/api/v1/imports/{import_id}")["status"] == "uploaded"


def test_an_import_goes_on_where_a_crash_ended_it(desk: Desk, stack: Stack, monkeypatch):
    stack.import_worker().work()  # what other tests left
    monkeypatch.setattr("footfall.transfers.steps.STEP_ROWS", 2)
    lines = "".join(f"2026-01-02,sku-{n},view,c\n" for n in range(7))
    added = desk.upload("time,sku,type,customer_id\n" + lines, "events")["import"]
    desk.start(added["id"])
    calls = 0
    advance = queries.advance

    def crash(*args, **fields):
        nonlocal calls
        calls += 1
        if calls == 3:  # two steps are noted; of the third only the journal knows
            raise KeyboardInterrupt
        return advance(*args, **fields)

    monkeypatch.setattr(queries, "advance", crash)
    with pytest.raises(KeyboardInterrupt):
        stack.import_worker().work()
    monkeypatch.setattr(queries, "advance", advance)
    under_way = desk.get(f"/api/v1/imports/{added['id']}")
    assert (under_way["status"], under_way["succeeded"]) == ("running", 4)
    ended = desk.finish(added["id"])
    assert (ended["status"], ended["succeeded"], ended["repeated"]) == ("finished", 7, 0)
    assert len(desk.events()) == 7


def test_files_that_nobody_needs_are_deleted_at_the_start(desk: Desk, stack: Stack):
    needed = desk.upload(CATALOG)["import"]["id"]
    stray = stack.import_folder.path_of("0").with_suffix(".part")
    stray.write_bytes(b"half a file")
    stack.import_worker().tidy()
    assert not stray.exists()
    assert stack.import_folder.path_of(needed).exists()


def test_who_may_only_read_sees_imports_and_begins_none(desk: Desk):
    desk.upload(CATALOG)
    reader = desk.with_token("read")
    assert len(reader.get("/api/v1/imports")["results"]) == 1
    assert reader.try_upload(CATALOG).status_code == 403


def test_an_import_is_in_the_audit_log(desk: Desk):
    added = desk.upload(CATALOG, name="katalog.csv")["import"]
    desk.start(added["id"])
    [entry] = desk.audit()
    assert (entry.action, entry.object_id) == ("import.started", added["id"])
