"""Workspaces and their tokens, on both state engines."""

import hashlib
import itertools
from secrets import token_bytes

import pytest
from sqlalchemy import Connection, select

from footfall.kernel.errors import Conflict, Invalid, NotFound
from footfall.kernel.ids import WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.state.schema import api_keys
from footfall.workspaces.api import (
    authenticate,
    create_token,
    create_workspace,
    ensure_workspace,
    get_workspace,
    list_tokens,
    list_workspaces,
    revoke_token,
    scope_of,
    update_workspace,
    workspace_named,
)
from footfall.workspaces.logic import is_token, new_token

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
