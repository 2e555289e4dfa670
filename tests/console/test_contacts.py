"""The pages of contacts: found, read, changed, merged and taken apart again, erased."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from tests.console.house import Visitor, assert_accessible, text_of, watch_policy

_HOSTILE = '<script>alert("x")</script>'


def fill(owner: Visitor) -> tuple[int, int]:
    """Make two contacts, one with a cart; return their ids."""
    client = owner.api()
    for name, city in (("anna", _HOSTILE), ("ann", "Łódź")):
        body = {"email": f"{name}@example.com", "attributes": {"city": city, "tags": ["vip"]}}
        client.request("PUT", f"/api/v1/contacts/{name}", body)
    said = {"user_custom_id": "anna", "event_type": "add to cart", "product_id": "mug-1"}
    client.request("POST", "/api/v1/events", [said], Prefer="wait")
    ids = [client.get(f"/api/v1/contacts/{name}")["id"] for name in ("anna", "ann")]
    return ids[0], ids[1]


def test_contacts_are_found_and_shown_with_all_text_harmless(owner: Visitor) -> None:
    anna, _ = fill(owner)
    found = owner.get("/contacts", search="anna")
    assert "anna@example.com" in text_of(found)
    assert "ann@example.com" not in text_of(found).split()
    page = owner.get(f"/contacts/{anna}")
    assert page.status_code == 200
    assert _HOSTILE not in page.text
    assert "add to cart" in text_of(page)
    assert "mug-1" in text_of(page)
    assert "Nobody like that" in text_of(owner.get("/contacts", search="zzz"))
    assert owner.get("/contacts/999999").status_code == 404


def test_tags_lists_and_attributes_are_changed(owner: Visitor) -> None:
    anna, _ = fill(owner)
    owner.follow(owner.post(f"/contacts/{anna}/tags", {"add": "gold"}))
    owner.follow(owner.post(f"/contacts/{anna}/tags", {"remove": "vip"}))
    owner.follow(owner.post(f"/contacts/{anna}/attributes", {"name": "city", "value": "Brno"}))
    owner.follow(owner.post("/contact-lists", {"name": "Summer"}))
    client = owner.api()
    [made] = client.get("/api/v1/contact-lists")["results"]
    owner.follow(owner.post(f"/contacts/{anna}/lists", {"add": str(made["id"])}))
    known = client.get("/api/v1/contacts/anna")
    assert (known["attributes"]["city"], known["attributes"]["tags"]) == ("Brno", ["gold"])
    assert [one["name"] for one in known["lists"]] == ["Summer"]
    assert "anna@example.com" in text_of(owner.get("/contacts", list=str(made["id"])))


def test_a_merge_is_shown_first_done_and_undone(owner: Visitor) -> None:
    anna, ann = fill(owner)
    assert "anna@example.com" in text_of(owner.get(f"/contacts/{ann}/merge", search="anna"))
    assert "Łódź" in text_of(owner.get(f"/contacts/{ann}/merge", into=str(anna)))
    merged = owner.follow(owner.post(f"/contacts/{ann}/merge", {"into": str(anna)}))
    assert "Merged into this contact" in text_of(merged)
    undo = re.search(r"/contacts/merges/(\d+)/undo", merged.text)
    assert undo is not None
    undone = owner.follow(owner.post(f"/contacts/merges/{undo[1]}/undo"))
    assert "its own again" in text_of(undone)
    assert owner.api().get("/api/v1/contacts/ann")["id"] == ann


def test_a_contact_is_erased_after_a_question(owner: Visitor) -> None:
    anna, _ = fill(owner)
    assert "cannot be undone" in text_of(owner.get(f"/contacts/{anna}/delete"))
    owner.follow(owner.post(f"/contacts/{anna}/delete"))
    assert owner.get(f"/contacts/{anna}").status_code == 404


def test_the_list_follows_the_typing(
    owner: Visitor, open_browser: Callable[[Visitor], BrowserContext]
) -> None:
    fill(owner)
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/contacts"))
    assert_accessible(page)
    page.get_by_label("Search", exact=True).press_sequentially("łódź ann@")
    expect(page.get_by_text("Nobody like that")).to_be_visible()
    page.get_by_label("Search", exact=True).fill("ann@")
    expect(page.get_by_role("cell", name="ann@example.com").first).to_be_visible()
    page.get_by_role("link", name="ann@example.com").click()
    expect(page.get_by_role("heading", name="Attributes")).to_be_visible()
    assert_accessible(page)


def test_what_people_do_to_contacts_is_in_the_audit_log_without_what_it_says_of_them(
    owner: Visitor,
) -> None:
    anna, ann = fill(owner)
    owner.follow(owner.post(f"/contacts/{anna}/attributes", {"name": "city", "value": "Brno"}))
    owner.follow(owner.post("/contact-lists", {"name": "Summer"}))
    [made] = owner.api().get("/api/v1/contact-lists")["results"]
    owner.follow(owner.post(f"/contacts/{anna}/lists", {"add": str(made["id"])}))
    owner.follow(owner.post(f"/contacts/{anna}/tags", {"add": "gold"}))
    owner.follow(owner.post(f"/contacts/{ann}/delete"))
    log = owner.api().get("/api/v1/audit")["results"]
    assert [(one["action"], one["object_id"]) for one in log if "contact" in one["action"]] == [
        ("contact.deleted", str(ann)),
        ("contact.changed", str(anna)),
        ("contact_list.members_changed", str(made["id"])),
        ("contact_list.created", str(made["id"])),
        ("contact.changed", str(anna)),
    ]
    assert "Brno" not in str(log)
    assert "ann@example.com" not in str(log)


def test_a_list_is_renamed_archived_and_brought_back(
    owner: Visitor, open_browser: Callable[..., BrowserContext]
) -> None:
    anna, _ = fill(owner)
    page = open_browser(owner).new_page()
    watch_policy(page)
    page.goto(owner.path("/contacts"))
    page.get_by_role("link", name="Lists").click()
    expect(page.get_by_role("heading", name="No lists yet")).to_be_visible()
    page.get_by_label("Name of the list").fill("Summer")
    page.get_by_role("button", name="Make the list").click()
    owner.follow(owner.post("/contact-lists", {"name": "Winter"}))
    [summer] = [
        one["id"]
        for one in owner.api().get("/api/v1/contact-lists")["results"]
        if one["name"] == "Summer"
    ]
    owner.follow(owner.post(f"/contacts/{anna}/lists", {"add": str(summer)}))
    page.goto(owner.path("/contact-lists"))
    page.get_by_text("Rename Summer").click()
    page.get_by_label("New name").first.fill("Winter")
    page.get_by_role("button", name="Rename").click()
    wrong = page.locator("[aria-invalid='true']")
    expect(wrong).to_be_focused()
    assert_accessible(page)
    wrong.fill("Spring")
    wrong.press("Enter")
    expect(page.get_by_text("The list is called Spring now.")).to_be_visible()
    page.get_by_role("button", name="Archive Spring").click()
    expect(page.get_by_text("Spring is archived.")).to_be_visible()
    assert "Spring" not in text_of(owner.get("/contacts")).partition("API")[0]
    assert_accessible(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Spring is back.")).to_be_visible()
    assert "anna@example.com" in text_of(owner.get("/contacts", list=str(summer)))
    assert "Winter" not in text_of(owner.get("/contact-lists", search="spr")).partition("API")[0]


def test_a_list_without_a_name_or_of_a_name_taken_is_refused_in_place(owner: Visitor) -> None:
    owner.follow(owner.post("/contact-lists", {"name": "Summer"}))
    for name in ("", "Summer"):
        answer = owner.post("/contact-lists", {"name": name})
        assert answer.status_code in {400, 409}, name
        assert 'aria-invalid="true"' in answer.text
    assert owner.post("/contact-lists/999999/archive").status_code == 404
