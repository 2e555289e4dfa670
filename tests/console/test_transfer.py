"""Import and export in the console: a file's way in, seen before it is stored, and lists out."""

import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from footfall.workspaces.api import csrf_token
from tests.console.house import House, Visitor, assert_accessible, watch_policy

CATALOG = "sku;Nazwa;Cena\nmug-1;Blue mug;12,50 PLN\n;Nameless;3\n"


def test_a_catalog_is_uploaded_looked_at_and_imported(
    owner: Visitor, open_browser: Callable[..., BrowserContext], tmp_path: Any
):
    path = tmp_path / "katalog.csv"
    path.write_text(CATALOG)
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/transfer"))
    assert_accessible(page)
    page.locator("#field-file").set_input_files(path)
    page.get_by_role("button", name="Upload and look").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Blue mug")
    assert_accessible(page)
    page.get_by_label("Cena").fill("")
    page.get_by_label("Cena").press("Tab")
    expect(preview).not_to_contain_text("12.5")
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("finished", exact=True)).to_be_visible()
    expect(page.locator("#progress")).to_contain_text("names no product")
    assert_accessible(page)
    page.goto(owner.path("/transfer"))
    expect(page.get_by_role("link", name="katalog.csv")).to_be_visible()


def upload(visitor: Visitor, content: str, **token: str) -> httpx.Response:
    return visitor.http.post(
        visitor.path("/transfer/imports"),
        params={"kind": "products", **token},
        files={"file": ("katalog.csv", content)},
    )


def test_an_upload_from_elsewhere_is_refused_before_it_is_read(owner: Visitor):
    assert upload(owner, CATALOG).status_code == 403
    assert upload(owner, CATALOG, csrf_token="x").status_code == 403


def test_a_file_that_is_no_table_is_told_beside_the_field(owner: Visitor):
    answer = upload(owner, "", csrf_token=csrf_token(owner.session))
    assert answer.status_code == 400
    assert "This file is empty" in answer.text


def test_a_viewer_uploads_nothing_and_exports_what_they_see(house: House, owner: Visitor):
    api = owner.api()
    api.request("PUT", "/api/v1/products/a", {"attributes": {"name": "=1+1"}}, Prefer="wait")
    with house.visitor("viewer", owner.workspace) as viewer:
        answer = upload(viewer, CATALOG, csrf_token=csrf_token(viewer.session))
        assert answer.status_code == 403
        exported = viewer.get("/transfer/export", export_list="products", format="csv")
    assert exported.headers["content-disposition"].startswith("attachment")
    assert "'=1+1" in exported.text


def test_an_import_of_another_workspace_is_not_there(house: House, owner: Visitor):
    added = upload(owner, CATALOG, csrf_token=csrf_token(owner.session))
    path = added.headers["location"].removeprefix(owner.path(""))
    with house.visitor("owner") as other:
        assert other.get(path).status_code == 404
        for form in ("/preview", "/start", "/cancel"):
            assert other.post(path + form, {}).status_code == 404
    assert owner.get(path).status_code == 200


def test_a_cancelled_import_is_listed_as_one(owner: Visitor):
    added = upload(owner, CATALOG, csrf_token=csrf_token(owner.session))
    path = added.headers["location"].removeprefix(owner.path(""))
    listed = owner.follow(owner.post(f"{path}/cancel", {}))
    assert "cancelled" in listed.text


def links(page: httpx.Response, file_format: str) -> list[str]:
    """Return where the export menus of a page lead to for a format."""
    found = map(unescape, re.findall(r'href="([^"]*/transfer/export[?][^"]*)"', page.text))
    return [one for one in found if f"format={file_format}" in one]


def files(visitor: Visitor, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Return what the menus of a page give as JSON lines."""
    page = visitor.get(path, **query)
    assert page.status_code == 200
    answers = [visitor.http.get(link) for link in links(page, "jsonl")]
    assert [one.status_code for one in answers] == [200] * len(answers)
    return [[json.loads(line) for line in one.text.splitlines()] for one in answers]


def test_the_menu_of_a_list_of_products_gives_what_is_found_in_its_order(owner: Visitor):
    api = owner.api()
    for name, price, color in (("a", 3, "red"), ("b", 9, "red"), ("c", 5, "red"), ("d", 4, "blue")):
        body = {"attributes": {"name": f"Mug {name}", "price": price, "color": color}}
        api.request("PUT", f"/api/v1/products/{name}", body, Prefer="wait")
    asked = {"search": "mug", "filter": ["price:at_least:4", "color:is:red"], "sort": "-price"}
    [found] = files(owner, "/products", **asked)
    assert [one["custom_id"] for one in found] == ["b", "c"]
    [link] = links(owner.get("/products", **asked), "csv")
    table = list(csv.DictReader(io.StringIO(owner.http.get(link).text.removeprefix("\ufeff"))))
    assert [(one["custom_id"], one["price"]) for one in table] == [("b", "9.0"), ("c", "5.0")]
    entries = api.get("/api/v1/audit", action="export.started")["results"]
    assert entries[0]["after"]["filter"] == asked["filter"]


def test_the_menu_of_contacts_keeps_to_the_list_that_is_shown(owner: Visitor):
    api = owner.api()
    for name in ("anna", "ben", "cleo"):
        api.request("PUT", f"/api/v1/contacts/{name}", {"email": f"{name}@example.com"})
    owner.post("/contact-lists", {"name": "Summer"})
    [made] = api.get("/api/v1/contact-lists")["results"]
    for name in ("anna", "cleo"):
        contact = api.get(f"/api/v1/contacts/{name}")["id"]
        owner.follow(owner.post(f"/contacts/{contact}/lists", {"add": str(made["id"])}))
    [found] = files(owner, "/contacts", list=str(made["id"]), sort="name")
    assert [one["custom_id"] for one in found] == ["anna", "cleo"]


def test_the_menus_of_events_failures_values_and_changes_give_what_their_pages_show(owner: Visitor):
    api = owner.api()
    api.request(
        "POST", "/api/v1/attributes", {"kind": "product", "name": "until", "value_type": "date"}
    )
    said = [
        {"user_custom_id": "anna", "event_type": kind, "product_id": "mug", "data": {"until": "x"}}
        for kind in ("view", "view", "purchase", "nonsense")
    ]
    api.request("POST", "/api/v1/events", said, Prefer="wait")
    [viewed] = files(owner, "/live", event_type="view")
    assert [one["event_type"] for one in viewed] == ["view", "view"]
    assert files(owner, "/live", kind="page_view") == [[]]
    [failed] = files(owner, "/failed-events", q="nonsense")
    assert [one["code"] for one in failed] == ["unknown_event_type"]
    [aside] = files(owner, "/attributes/set-aside")
    assert [(one["name"], one["raw"]) for one in aside] == [("until", '"x"')]
    [changes] = files(owner, "/settings/audit", object_kind="attribute")
    assert {one["object_kind"] for one in changes} == {"attribute"}


@pytest.mark.parametrize("chosen", ["set-aside-values:contact", "failed-events", "audit"])
def test_each_list_of_the_export_page_has_a_file(owner: Visitor, chosen: str):
    page = owner.get("/transfer")
    assert f'<option value="{chosen}">' in page.text
    answer = owner.get("/transfer/export", export_list=chosen, format="jsonl")
    assert answer.status_code == 200


def test_the_menu_follows_a_list_that_is_narrowed_in_place(
    owner: Visitor, open_browser: Callable[..., BrowserContext]
):
    api = owner.api()
    for name in ("red", "blue"):
        body = {"attributes": {"name": f"{name} mug"}}
        api.request("PUT", f"/api/v1/products/{name}", body, Prefer="wait")
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/products"))
    page.get_by_label("Name or id").fill("blue")
    expect(page.get_by_text("red mug")).to_have_count(0)
    page.get_by_text("Export", exact=True).click()
    assert_accessible(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON lines").click()
    lines = download.value.path().read_text().splitlines()
    assert [json.loads(line)["custom_id"] for line in lines] == ["blue"]


def test_an_upload_says_how_far_it_is_and_can_be_cancelled(
    owner: Visitor, open_browser: Callable[..., BrowserContext], tmp_path: Any
):
    path = tmp_path / "catalog.csv"
    rows = (f"sku-{number},A mug with a long name\n" for number in range(20_000))
    path.write_text("custom_id,name\n" + "".join(rows))
    context = open_browser(owner)
    page = context.new_page()
    watch_policy(page)
    network = context.new_cdp_session(page)
    page.goto(owner.path("/transfer"))
    page.locator("#field-file").set_input_files(path)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    network.send("Network.emulateNetworkConditions", slow)
    page.get_by_role("button", name="Upload and look").click()
    bar = page.get_by_role("progressbar")
    expect(bar).to_be_visible()
    expect(page.get_by_text(re.compile("% sent"))).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Cancel the upload").click()
    expect(page.get_by_text("Cancelled. Nothing of the file was kept.")).to_be_visible()
    expect(bar).to_be_hidden()
    assert owner.api().get("/api/v1/imports")["results"] == []
    network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    page.get_by_role("button", name="Upload and look").click()
    expect(page.locator("#preview")).to_contain_text("A mug with a long name")


def test_what_is_wrong_with_an_upload_is_told_in_place(
    owner: Visitor, open_browser: Callable[..., BrowserContext], tmp_path: Any
):
    path = tmp_path / "empty.csv"
    path.write_text("")
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/transfer"))
    page.locator("#field-file").set_input_files(path)
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_text("This file is empty")).to_be_visible()
    expect(page.locator("#field-file")).to_be_focused()
    assert_accessible(page)
