"""Transactions of the state store keep their promises on both engines."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from footfall.kernel.errors import Invalid
from footfall.state import engine
from footfall.state.api import (
    State,
    StateUnavailable,
    insert_missing,
    one_of,
    open_state,
    reserve_ids,
    upsert,
)
from footfall.state.schema import cursors, dirty_objects, workspaces


def position(conn: Connection, name: str = "state") -> int | None:
    return conn.scalar(select(cursors.c.position).where(cursors.c.name == name))


def set_position(conn: Connection, value: int, name: str = "state") -> None:
    upsert(conn, cursors, [{"name": name, "position": value}])


def test_what_is_written_is_read(state: State) -> None:
    with state.write() as conn:
        set_position(conn, 5)
    with state.read() as conn:
        assert position(conn) == 5


def test_an_error_rolls_everything_back(state: State) -> None:
    def fail() -> None:
        with state.write() as conn:
            set_position(conn, 5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with state.read() as conn:
        assert position(conn) is None


def test_a_reader_sees_one_snapshot(state: State) -> None:
    with state.write() as conn:
        set_position(conn, 1)
    with state.read() as reading:
        assert position(reading) == 1
        with state.write() as writing:
            set_position(writing, 2)
        assert position(reading) == 1
    with state.read() as conn:
        assert position(conn) == 2


def test_a_reader_cannot_write(state: State) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), state.read() as conn:
        set_position(conn, 1)


def test_a_reader_is_not_kept_waiting_by_a_writer(state: State) -> None:
    with state.write() as writing:
        set_position(writing, 1)
        with state.read() as reading:
            assert position(reading) is None


def test_read_modify_write_loses_no_update(state: State) -> None:
    with state.write() as conn:
        set_position(conn, 0)

    def add_one(_: int) -> None:
        with state.write() as conn:
            set_position(conn, (position(conn) or 0) + 1)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add_one, range(60)))
    with state.read() as conn:
        assert position(conn) == 60


def test_two_processes_writers_take_turns(state: State) -> None:
    # A second State has its own turnstile, as another process would.
    other = open_state(state._writer.url.render_as_string(hide_password=False), Path())
    with state.write() as conn:
        set_position(conn, 0)

    def add_ten(mine: State) -> None:
        for _ in range(10):
            with mine.write() as conn:
                set_position(conn, (position(conn) or 0) + 1)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add_ten, [state, other]))
    other.close()
    with state.read() as conn:
        assert position(conn) == 20


def test_a_writer_waits_for_another_process_only_so_long(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 50)
    other = open_state(state._writer.url.render_as_string(hide_password=False), Path())
    with state.write(), pytest.raises(StateUnavailable), other.write():
        pass
    with other.write() as conn:
        set_position(conn, 1)
    other.close()


def test_a_longer_value_does_not_match_its_beginning(state: State) -> None:
    with state.write() as conn:
        upsert(conn, cursors, [{"name": "n" * 32, "position": 1}])
        found = [
            conn.scalars(select(cursors.c.name).where(one_of(conn, cursors.c.name, names))).all()
            for names in (["n" * 33], ["n" * 32, "m"])
        ]
    assert found == [[], ["n" * 32]]


def test_writers_are_admitted_in_the_order_they_came(state: State) -> None:
    admitted: list[int] = []
    threads = []

    def write(number: int) -> None:
        with state.write():
            admitted.append(number)

    with state.write():
        for number in range(8):
            thread = threading.Thread(target=write, args=(number,))
            thread.start()
            threads.append(thread)
            while len(state._turnstile._waiting) <= number:
                thread.join(0.001)
    for thread in threads:
        thread.join()
    assert admitted == list(range(8))


def test_a_second_write_inside_a_write_is_a_bug_and_not_a_deadlock(state: State) -> None:
    with state.write(), pytest.raises(RuntimeError, match="already inside"), state.write():
        pass
    with state.write() as conn:
        set_position(conn, 1)


def test_ids_are_reserved_in_neighbouring_runs_and_never_twice(state: State) -> None:
    with state.write() as conn:
        assert reserve_ids(conn, "contact", 3) == 1
        assert reserve_ids(conn, "contact", 2) == 4
        assert reserve_ids(conn, "product", 1) == 1
    with state.write() as conn:
        assert reserve_ids(conn, "contact", 1) == 6


def test_upsert_overwrites_what_was_named_and_keeps_the_rest(state: State) -> None:
    key = {"workspace_id": 1, "kind": "contact"}
    rows = [{**key, "object_id": number, "revision": 1} for number in range(3)]
    with state.write() as conn:
        upsert(conn, dirty_objects, rows)
        upsert(conn, dirty_objects, [{**key, "object_id": 1, "revision": 7}])
        upsert(conn, dirty_objects, [])
        found = conn.execute(
            select(dirty_objects.c.object_id, dirty_objects.c.revision).order_by("object_id")
        )
        assert [tuple(row) for row in found] == [(0, 1), (1, 7), (2, 1)]


#: A workspace's row; what is not here may be null.
SHOP = {
    "name": "shop",
    "time_zone": "UTC",
    "created_at": 1,
    "identity_secret": "5" * 64,
    "require_signed_contacts": False,
}


def test_insert_missing_leaves_what_exists(state: State) -> None:
    with state.write() as conn:
        insert_missing(conn, workspaces, [SHOP])
        insert_missing(conn, workspaces, [{**SHOP, "time_zone": "Europe/Warsaw"}])
        assert conn.execute(select(workspaces.c.time_zone)).scalars().all() == ["UTC"]


def test_instants_are_stored_whole(state: State) -> None:
    far = 2**62 + 1
    with state.write() as conn:
        set_position(conn, far)
        assert position(conn) == far


@pytest.mark.parametrize("url", ["mysql://h/db", "sqlite://", "sqlite:///:memory:", "nonsense", ""])
def test_a_url_of_no_known_engine_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        open_state(url, tmp_path / "state.sqlite")


def test_a_plain_postgresql_url_gets_our_driver(postgresql_url: str) -> None:
    opened = open_state(postgresql_url.replace("+psycopg", ""), Path())
    with opened.write() as conn:
        assert conn.scalar(select(func.count()).select_from(text("pg_class"))) > 0
    opened.close()


def test_an_unreachable_server_is_an_outage_and_not_a_bug() -> None:
    opened = open_state("postgresql+psycopg://nobody@127.0.0.1:1/none", Path())
    with pytest.raises(StateUnavailable), opened.read():
        pass
    with pytest.raises(StateUnavailable), opened.write():
        pass


def test_a_server_that_never_answers_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine._PATIENCE, "connect_timeout", 2)  # the least that the driver takes
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        opened = open_state(f"postgresql+psycopg://nobody@127.0.0.1:{port}/none", Path())
        with pytest.raises(StateUnavailable, match="right now") as refused, opened.read():
            pass
    assert "timeout" in refused.value.reason


def test_patience_with_a_server_is_bounded_unless_the_url_says_otherwise(
    postgresql_url: str,
) -> None:
    for more, expected in (("", "30"), ("?keepalives_idle=7", "7")):
        opened = open_state(postgresql_url + more, Path())
        with opened.read() as conn:
            raw = conn.connection.driver_connection
            assert raw is not None
            options = {o.keyword.decode(): o.val for o in raw.pgconn.info if o.val is not None}
        opened.close()
        assert options["keepalives_idle"] == expected.encode()
        assert options["connect_timeout"] == b"10"
        assert options["tcp_user_timeout"] == b"30000"


def test_a_connection_lost_in_a_transaction_is_an_outage_and_is_replaced(
    postgresql_url: str,
) -> None:
    opened = open_state(postgresql_url, Path())
    opened.migrate()
    with pytest.raises(StateUnavailable), opened.write() as conn:
        conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with opened.write() as conn:
        set_position(conn, 1)
    opened.close()


def test_connections_lost_between_transactions_go_unnoticed(postgresql_url: str) -> None:
    opened, other = open_state(postgresql_url, Path()), open_state(postgresql_url, Path())
    opened.migrate()
    with opened.write(), opened.read() as conn:
        position(conn)
    with other.write() as conn:
        lost = conn.execute(
            text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid != pg_backend_pid()"
            )
        ).all()
    assert lost == [(True,), (True,)]
    with opened.write() as conn:
        set_position(conn, 1)
    with opened.read() as conn:
        assert position(conn) == 1
    opened.close()
    other.close()


def test_a_full_disk_is_an_outage_that_leaves_no_trace(sqlite_state: State) -> None:
    rows = [{"name": f"{number:032}", "position": number} for number in range(1000)]
    with sqlite_state.write() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StateUnavailable), sqlite_state.write() as conn:
        upsert(conn, cursors, rows)
    with sqlite_state.write() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count = 1000000")
        assert conn.scalar(select(func.count()).select_from(cursors)) == 0


def test_sqlite_syncs_each_commit_and_checks_references(sqlite_state: State) -> None:
    with sqlite_state.write() as conn:
        assert conn.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_statement_that_is_wrong_stays_our_error(state: State) -> None:
    with pytest.raises(DBAPIError), state.write() as conn:
        conn.execute(text("SELECT nothing FROM nowhere"))


def test_uniqueness_holds(state: State) -> None:
    with pytest.raises(DBAPIError), state.write() as conn:
        conn.execute(insert(workspaces), [SHOP, SHOP])
    with state.write() as conn:
        conn.execute(insert(workspaces), [SHOP])
        assert conn.execute(update(workspaces).values(currency="EUR")).rowcount == 1
