"""Import and export in the console: a file's way in, seen before it is stored, and lists out."""

from collections.abc import Callable
from typing import Any

import httpx
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
        exported = viewer.get("/transfer/export", list="products", format="csv")
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
