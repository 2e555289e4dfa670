"""Exports: what is in the files, and what no spreadsheet may run."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow.parquet
import pytest

from footfall.transfers.exports import safe_cell
from tests.transfers.conftest import Desk


def exported(desk: Desk, name: str, **query: str) -> Any:
    answer = desk.ask("GET", f"/api/v1/exports/{name}", params=query)
    assert answer.status_code == 200, answer.text
    return answer


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_products_have_a_column_for_each_attribute_and_come_back_the_same(desk: Desk, rival: Desk):
    desk.run('custom_id,name,price,tags,color\na,"Mug, blue",9.9,x|y,blue\nb,,,,\n')
    answer = exported(desk, "products")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="products-')
    first, second = table(answer.text)
    assert (first["custom_id"], first["name"], first["price"]) == ("a", "Mug, blue", "9.9")
    assert (first["tags"], first["color"], second["name"]) == ('["x","y"]', "blue", "")
    rival.run(answer.text)
    assert rival.products() == desk.products()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str):
    assert safe_cell(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


@pytest.mark.parametrize("value", [-5, Decimal("-1.5"), 0, "5", "a=b", "", None])
def test_other_cells_stay_as_they_are(value: Any):
    assert safe_cell(value) == value


def test_formulas_are_neutral_in_csv_and_whole_in_json_lines(desk: Desk):
    formula = '=cmd|"/c calc"!A1'
    desk.ask("PUT", "/api/v1/products/a", json={"attributes": {"name": formula, "=x": "+1"}})
    [row] = table(exported(desk, "products").text)
    assert row["name"] == f"'{formula}"
    assert row["_x"] == "'+1"
    [line] = exported(desk, "products", format="jsonl").text.splitlines()
    assert json.loads(line)["name"] == formula


def test_parquet_has_types(desk: Desk):
    desk.run("custom_id,price\na,9.9\nb,\n")
    content = exported(desk, "products", format="parquet").content
    found = pyarrow.parquet.read_table(io.BytesIO(content))
    assert found.column("price").to_pylist() == [9.9, None]
    assert str(found.schema.field("created_at").type) == "timestamp[ms, tz=UTC]"


def test_events_come_with_the_filters_of_their_list_over_many_pages(desk: Desk):
    rows = "".join(f"2026-01-02,mug-{n},view,anna,1.5\n" for n in range(1_500))
    desk.run("time,sku,type,customer_id,price\n" + rows + "2026-01-03,x,purchase,ben,2\n", "events")
    found = table(exported(desk, "events", event_type="view").text)
    assert len({row["id"] for row in found}) == len(found) == 1_500
    assert {row["contact.custom_id"] for row in found} == {"anna"}
    [bought] = table(exported(desk, "events", event_type="purchase").text)
    assert (bought["product.custom_id"], bought["unit_price"]) == ("x", "2")
    parquet = exported(desk, "events", format="parquet").content
    amounts = pyarrow.parquet.read_table(io.BytesIO(parquet)).column("unit_price").to_pylist()
    assert amounts.count(Decimal("1.5000")) == 1_500


@pytest.mark.parametrize(
    "name", ["products", "contacts", "events", "activities", "failed-events", "audit"]
)
@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_every_list_is_a_file_also_an_empty_one(desk: Desk, name: str, file_format: str):
    answer = exported(desk, name, format=file_format)
    if file_format == "parquet":
        pyarrow.parquet.read_table(io.BytesIO(answer.content))


def test_excel_is_told_that_it_is_utf_8(desk: Desk):
    desk.run("custom_id\na\n")
    assert exported(desk, "products", mark="true").content.startswith(b"\xef\xbb\xbf")


def test_what_the_list_refuses_the_export_refuses(desk: Desk):
    answer = desk.ask("GET", "/api/v1/exports/events", params={"colour": "blue"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    assert desk.ask("GET", "/api/v1/exports/tokens").status_code == 404
    writer = desk.with_token("write")
    assert writer.ask("GET", "/api/v1/exports/contacts").status_code == 403


def test_an_export_holds_nothing_of_another_workspace_and_is_written_down(desk: Desk, rival: Desk):
    rival.run("e-mail\nanna@shop.test\n", "contacts")
    assert exported(desk, "contacts").text == ""
    assert [entry.action for entry in desk.audit()] == ["export.started"]
