"""Workspaces and their tokens, on both state engines."""

import hashlib
import itertools
import re
from secrets import token_bytes
from typing import Any

import pytest
from sqlalchemy import Connection, select

from footfall.kernel.errors import Conflict, Invalid, NotFound
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.state.schema import api_keys
from footfall.workspaces.api import (
    app_access,
    authenticate,
    create_app_key,
    create_token,
    create_workspace,
    ensure_workspace,
    get_workspace,
    list_app_keys,
    list_tokens,
    list_workspaces,
    revoke_app_key,
    revoke_token,
    rotate_identity_secret,
    scope_of,
    update_app_key,
    update_workspace,
    workspace_named,
)
from footfall.workspaces.logic import is_token, new_token
from footfall.workspaces.types import AppKey

NOW = Instant(1_700_000_000_000)
_seed = itertools.count()


def random_bytes(count: int) -> bytes:
    """Different every time, the same in every run."""
    return hashlib.shake_256(str(next(_seed)).encode()).digest(count)


def shop(conn: Connection, name: str = "shop") -> Scope:
    return scope_of(create_workspace(conn, name, now=NOW, random_bytes=token_bytes))


def test_a_created_workspace_is_found_by_id_and_name(state: State) -> None:
    with state.write() as conn:
        made = create_workspace(
            conn,
            " Buty ",
            time_zone="Europe/Warsaw",
            currency="pln",
            now=NOW,
            random_bytes=token_bytes,
        )
    with state.read() as conn:
        assert get_workspace(conn, made.id) == made == workspace_named(conn, "Buty")
        assert list_workspaces(conn) == [made]
        assert (made.name, made.time_zone, made.currency) == ("Buty", "Europe/Warsaw", "PLN")


def test_the_first_start_makes_a_default_workspace_once(state: State) -> None:
    with state.write() as conn:
        first = ensure_workspace(conn, NOW, token_bytes)
        assert first.name == "default"
        assert ensure_workspace(conn, NOW, token_bytes) == first
        assert len(list_workspaces(conn)) == 1


def test_a_name_is_taken_once(state: State) -> None:
    with state.write() as conn:
        shop(conn)
        other = shop(conn, "other")
        with pytest.raises(Conflict):
            shop(conn)
        with pytest.raises(Conflict):
            update_workspace(conn, other, name="shop")
        assert update_workspace(conn, other, name="other").name == "other"


@pytest.mark.parametrize(
    "settings",
    [
        {"name": ""},
        {"name": " \t"},
        {"name": "a\0b"},
        {"name": "\udcff"},
        {"name": "x" * 256},
        {"time_zone": "Europe/Nowhere"},
        {"time_zone": ""},
        {"time_zone": "Europe"},
        {"time_zone": "localtime"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "x" * 5000},
        {"currency": "EURO"},
        {"currency": ""},
        {"currency": "ÄÖÜ"},
    ],
)
def test_a_setting_that_cannot_be_is_refused(sqlite_state: State, settings: dict[str, str]) -> None:
    with sqlite_state.write() as conn:
        scope = shop(conn)
        with pytest.raises(Invalid) as refused:
            update_workspace(conn, scope, **settings)
        assert refused.value.problems[0].pointer == "/" + next(iter(settings))


def test_settings_not_given_stay(state: State) -> None:
    with state.write() as conn:
        scope = shop(conn)
        assert update_workspace(conn, scope, currency="EUR").time_zone == "UTC"
        assert update_workspace(conn, scope, time_zone="Asia/Tokyo").currency == "EUR"
        assert update_workspace(conn, scope, currency=None).currency is None


def test_what_is_not_there_is_said_not_to_be(sqlite_state: State) -> None:
    with sqlite_state.read() as conn:
        with pytest.raises(NotFound):
            get_workspace(conn, WorkspaceId(9))
        with pytest.raises(NotFound):
            workspace_named(conn, "none")


def test_a_token_has_64_letters_and_digits_and_is_stored_as_a_hash(state: State) -> None:
    with state.write() as conn:
        key, token = create_token(
            conn, shop(conn), "ci", "read-write", now=NOW, random_bytes=random_bytes
        )
        assert is_token(token.encode())
        assert key.token_start == token[:8]
        row = conn.execute(select(api_keys)).one()
        assert row.token_hash == hashlib.sha256(token.encode()).digest()
        assert token not in str(tuple(row))


def test_every_character_of_a_token_is_as_likely() -> None:
    counts: dict[str, int] = {}
    for _ in range(2_000):
        for character in new_token(random_bytes):
            counts[character] = counts.get(character, 0) + 1
    expected = 2_000 * 64 / 62
    assert len(counts) == 62
    assert all(0.85 * expected < count < 1.15 * expected for count in counts.values())


@pytest.mark.parametrize(
    ("scope", "may_read", "may_write"),
    [("read", True, False), ("write", False, True), ("read-write", True, True)],
)
def test_a_token_proves_its_workspace_and_its_rights(
    state: State, scope: str, may_read: bool, may_write: bool
) -> None:
    with state.write() as conn:
        shop(conn, "first")
        mine = shop(conn)
        update_workspace(conn, mine, time_zone="Europe/Warsaw")
        key, token = create_token(conn, mine, "k", scope, now=NOW, random_bytes=random_bytes)
        access = authenticate(conn, token.encode())
    assert access is not None
    assert access.scope == mine
    assert access.api_key_id == key.id
    assert (access.may_read, access.may_write) == (may_read, may_write)
    assert access.time_zone == "Europe/Warsaw"


@pytest.mark.parametrize("token", [b"", b"x" * 64, b"x" * 65, b"\xff" * 64, b"a" * 63 + b"\n"])
def test_an_unknown_token_proves_nothing(sqlite_state: State, token: bytes) -> None:
    with sqlite_state.read() as conn:
        assert authenticate(conn, token) is None


def test_a_revoked_token_proves_nothing_and_keeps_its_time(state: State) -> None:
    with state.write() as conn:
        scope = shop(conn)
        key, token = create_token(conn, scope, "k", "read", now=NOW, random_bytes=random_bytes)
        later = Instant(NOW + 5)
        assert [row.revoked_at for row in revoke_token(conn, scope, str(key.id), later)] == [later]
        assert authenticate(conn, token.encode()) is None
        again = revoke_token(conn, scope, "k", Instant(NOW + 9))
        assert [row.revoked_at for row in again] == [later]
        assert list_tokens(conn, scope) == again


def test_revoking_by_name_takes_every_key_of_that_name(sqlite_state: State) -> None:
    with sqlite_state.write() as conn:
        scope = shop(conn)
        for name in ("a", "b", "a"):
            create_token(conn, scope, name, "read", now=NOW, random_bytes=random_bytes)
        assert len(revoke_token(conn, scope, "a", NOW)) == 2
        assert [key.name for key in list_tokens(conn, scope) if key.revoked_at is None] == ["b"]


def test_an_unknown_scope_is_refused(sqlite_state: State) -> None:
    with sqlite_state.write() as conn, pytest.raises(Invalid):
        create_token(conn, shop(conn), "k", "admin", now=NOW, random_bytes=random_bytes)


def test_another_workspace_sees_and_revokes_nothing(state: State) -> None:
    with state.write() as conn:
        mine, other = shop(conn), shop(conn, "other")
        key, token = create_token(conn, mine, "k", "read", now=NOW, random_bytes=random_bytes)
        assert list_tokens(conn, other) == []
        with pytest.raises(NotFound):
            revoke_token(conn, other, str(key.id), NOW)
        with pytest.raises(NotFound):
            revoke_token(conn, other, "k", NOW)
        assert authenticate(conn, token.encode()) is not None


# --- app keys ---------------------------------------------------------------------------------


def app_key(conn: Connection, scope: Scope, name: str = "pages", **settings: Any) -> AppKey:
    return create_app_key(conn, scope, name, now=NOW, random_bytes=random_bytes, **settings)


def test_an_app_key_has_six_characters_and_opens_its_workspace(state: State) -> None:
    with state.write() as conn:
        scope = shop(conn)
        key = app_key(conn, scope, " pages ", allowed_origins=["https://Shop.example/"])
        assert re.fullmatch("[A-Za-z0-9]{6}", key.key)
        assert (key.name, key.allowed_origins) == ("pages", ("https://shop.example",))
        access = app_access(conn, key.key.encode())
        assert access is not None
        assert (access.scope, access.allowed_origins) == (scope, key.allowed_origins)
        assert authenticate(conn, key.key.encode()) is None
        assert list_app_keys(conn, scope) == [key]
        assert list_app_keys(conn, shop(conn, "rival")) == []


def test_a_key_that_any_workspace_has_or_had_is_not_given_again(state: State) -> None:
    same, other = b"\0" * 6, b"\1" * 6
    chance = iter([same, same, same, other])
    with state.write() as conn:
        scope, rival = shop(conn), shop(conn, "rival")
        first = create_app_key(conn, rival, "a", now=NOW, random_bytes=lambda _: next(chance))
        revoke_app_key(conn, rival, first.key, NOW)
        second = create_app_key(conn, scope, "b", now=NOW, random_bytes=lambda _: next(chance))
    assert (first.key, second.key) == ("aaaaaa", "bbbbbb")
    assert next(chance, None) is None


def test_a_revoked_app_key_opens_nothing_and_keeps_its_time(state: State) -> None:
    with state.write() as conn:
        scope = shop(conn)
        first, second = app_key(conn, scope, "pages"), app_key(conn, scope, "pages")
        other = app_key(conn, scope, "app")
        [revoked] = revoke_app_key(conn, scope, first.key, NOW)
        assert revoked.revoked_at == NOW
        later = Instant(NOW + 5)
        times = [key.revoked_at for key in revoke_app_key(conn, scope, "pages", later)]
        assert times == [NOW, later]
        for key in (first, second):
            assert app_access(conn, key.key.encode()) is None
        assert app_access(conn, other.key.encode()) is not None
        for unknown in ("nothing", first.key.swapcase()):
            with pytest.raises(NotFound):
                revoke_app_key(conn, scope, unknown, NOW)
        with pytest.raises(NotFound):
            revoke_app_key(conn, shop(conn, "rival"), other.key, NOW)
        with pytest.raises(NotFound):
            update_app_key(conn, shop(conn, "third"), other.key, name="stolen")


def test_settings_of_an_app_key_change_one_by_one(state: State) -> None:
    with state.write() as conn:
        scope = shop(conn)
        key = app_key(conn, scope, events_per_second=5).key
        changed = update_app_key(conn, scope, key, name="app")
        assert (changed.name, changed.events_per_second) == ("app", 5)
        origins = ["http://localhost:3000", "https://*.shop.example:443"]
        changed = update_app_key(conn, scope, key, allowed_origins=origins)
        assert changed.allowed_origins == ("http://localhost:3000", "https://*.shop.example")
        changed = update_app_key(conn, scope, key, allowed_origins=None, events_per_second=None)
        assert (changed.allowed_origins, changed.events_per_second) == (None, None)


@pytest.mark.parametrize(
    "origin",
    [
        *("", "shop.example", "https://", "https://*", "https://*.example", "https://*.*.a.b"),
        *("https://shop.example/path", "https://user@shop.example", "https://shop.example:port"),
        *("https://żółw.example", "null", "*", "https://shop..example", "https://a b.example"),
    ],
)
def test_what_is_no_origin_is_refused(sqlite_state: State, origin: str) -> None:
    with sqlite_state.write() as conn, pytest.raises(Invalid):
        app_key(conn, shop(conn), allowed_origins=[origin])


@pytest.mark.parametrize(
    "settings",
    [
        {"allowed_origins": []},
        {"allowed_origins": ["https://shop.example"] * 101},
        {"events_per_second": 0},
        {"events_per_second": 1_000_001},
        {"name": " "},
    ],
)
def test_settings_that_cannot_be_are_refused(sqlite_state: State, settings: Any) -> None:
    with sqlite_state.write() as conn, pytest.raises(Invalid):
        app_key(conn, shop(conn), **settings)


def test_the_rules_for_browsers_are_settings_of_the_workspace(state: State) -> None:
    with state.write() as conn:
        scope = shop(conn)
        key = app_key(conn, scope).key.encode()
        before = get_workspace(conn, scope.workspace_id)
        changed = update_workspace(
            conn, scope, require_signed_contacts=True, browser_attributes=["Color", "Color"]
        )
        assert changed.require_signed_contacts
        assert changed.browser_attributes == ("Color",)
        secret = rotate_identity_secret(conn, scope, token_bytes)
        assert re.fullmatch("[0-9a-f]{64}", secret)
        assert secret != before.identity_secret
        access = app_access(conn, key)
        assert access is not None
        assert (access.require_signed_contacts, access.identity_secret) == (True, secret.encode())
        assert secret not in repr(access) + repr(get_workspace(conn, scope.workspace_id))
        assert update_workspace(conn, scope, browser_attributes=None).browser_attributes is None
        for wrong in (["x"] * 501, [""], ["a\x00"]):
            with pytest.raises(Invalid):
                update_workspace(conn, scope, browser_attributes=wrong)
