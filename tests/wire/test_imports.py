"""Rows P7 and P8 of the wire contract: import of products from a CSV, and its progress."""

import json
from typing import Any

import pytest

from tests.ingest.stack import Stack
from tests.wire.till import V2, Till

V1 = "*/*"
STATUS = {
    *("id", "status", "total_count", "succeeded", "failed", "started_at", "finished_at"),
    *("author", "rows_with_errors"),
}


def send(till: Till, csv: str, accept: str = V2, query: str = "", **fields: str) -> Any:
    return till.ask(
        "POST",
        f"/api/public/products/import/{query}",
        accept,
        files={"input_file": ("products.csv", csv)},
        data=fields,
    )


@pytest.mark.parametrize("accept", [V1, V2])
def test_a_csv_is_imported_in_the_background_and_its_progress_can_be_asked(
    till: Till, stack: Stack, accept: str
):
    answer = send(till, "custom_id,name,price\na,Mug,9.9\n,Nameless,1\n", accept)
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    import_id = answer.json()["data"]["import_id"]
    stack.import_worker().work()
    answer = till.get(f"/api/public/import/status/?import_id={import_id}", accept)
    assert answer["success"] is True
    data = answer["data"]
    assert set(data) == STATUS
    assert (data["id"], data["status"]) == (import_id, "finished")
    assert (data["total_count"], data["succeeded"], data["failed"]) == (2, 1, 1)
    assert data["author"] == "till"
    assert [row["row"] for row in data["rows_with_errors"]] == [3]
    assert till.get("/api/public/products-by-id/a/details/", accept)["price"] == 9.9


def test_without_an_id_all_imports_are_answered(till: Till):
    ids = [send(till, "custom_id\na\n").json()["data"]["import_id"] for _ in range(2)]
    found = till.get("/api/public/import/status/")["data"]
    assert [one["id"] for one in found] == ids[::-1]


@pytest.mark.parametrize(
    ("query", "character"),
    [("", ","), ("?separator=comma", ","), ("?separator=tab", "\t"), ("?separator=semicolon", ";")],
)
def test_the_separator_is_named_and_comma_by_default(
    till: Till, stack: Stack, query: str, character: str
):
    answer = send(till, f"custom_id{character}name\na{character}Mug\n", query=query)
    assert answer.status_code == 200, answer.text
    stack.import_worker().work()
    assert till.get("/api/public/products-by-id/a/details/")["name"] == "Mug"


def test_a_mapping_names_columns_otherwise(till: Till, stack: Stack):
    mapping = json.dumps({"Kod": "custom_id", "Tytul": "name", "Uwagi": None})
    answer = send(till, "Kod,Tytul,Uwagi\na,Mug,old\n", column_mapping=mapping)
    assert answer.status_code == 200, answer.text
    stack.import_worker().work()
    found = till.get("/api/public/products-by-id/a/details/")
    assert found["name"] == "Mug"
    assert "uwagi" not in found


@pytest.mark.parametrize(
    ("csv", "query", "fields", "field"),
    [
        ("custom_id;name\na;Mug\n", "", {}, "columns"),
        ("custom_id\na\n", "?separator=dot", {}, "separator"),
        ("custom_id\na\n", "", {"column_mapping": "{"}, "column_mapping"),
        ("custom_id\na\n", "", {"column_mapping": '{"other": "custom_id"}'}, "columns"),
        ("", "", {}, "non_field_errors"),
    ],
)
def test_what_cannot_be_imported_is_refused_under_a_field(
    till: Till, csv: str, query: str, fields: dict[str, str], field: str
):
    answer = send(till, csv, query=query, **fields)
    assert answer.status_code == 400
    assert list(answer.json()) == [field], answer.text
    assert till.get("/api/public/import/status/")["data"] in ([], [
        {**one, "status": "cancelled"}
        for one in till.get("/api/public/import/status/")["data"]
    ])  # fmt: skip


def test_a_form_without_the_file_is_refused(till: Till):
    answer = till.ask("POST", "/api/public/products/import/", files={"other": ("a.csv", "a")})
    assert answer.status_code == 400
    assert list(answer.json()) == ["input_file"]


def test_the_status_of_what_is_not_there_is_404(till: Till, stack: Stack, app: Any):
    others = send(Till(stack, app), "custom_id\na\n").json()["data"]["import_id"]
    for import_id in (others, "nothing"):
        answer = till.ask("GET", f"/api/public/import/status/?import_id={import_id}")
        assert answer.status_code == 404
        assert "detail" in answer.json()
