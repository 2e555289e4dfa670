"""The migrations and the schema are the same database, on both engines."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from footfall.state import migrations
from footfall.state.api import State, open_state
from footfall.state.migrations import StateTooNewError
from footfall.state.schema import NEWEST_REVISION, metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql_url")


def test_migrations_build_exactly_the_schema(state: State) -> None:
    with state.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrations_name_keys_and_constraints_as_the_schema_does(state: State) -> None:
    with state.read() as conn:
        found = inspect(conn)
        for table in metadata.sorted_tables:
            key = found.get_pk_constraint(table.name)
            assert key["name"] == table.primary_key.name
            assert key["constrained_columns"] == [c.name for c in table.primary_key]


def test_a_second_migration_does_nothing(state: State) -> None:
    with state.read() as conn:
        before = inspect(conn).get_table_names()
    state.migrate()
    with state.write() as conn:
        migrations.upgrade(conn)
    with state.read() as conn:
        assert inspect(conn).get_table_names() == before
        assert conn.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_rows_of_the_first_version_survive(empty_url: str | None, tmp_path: Path) -> None:
    state = open_state(empty_url, tmp_path / "state.sqlite")
    with state.write() as conn:
        migrations.upgrade(conn, "0001")
        conn.execute(text("INSERT INTO workspaces VALUES (7, 'shop', 'UTC', 'EUR', 1)"))
        conn.execute(
            text("INSERT INTO api_keys VALUES (1, 7, 'key', 'read', :hash, 'abcdefgh', 1, NULL)"),
            {"hash": b"h" * 32},
        )
        conn.execute(
            text(
                "INSERT INTO attribute_definitions VALUES"
                " (1, 7, 'product', 'Size', 'size', 'string', NULL, false, 'defined', 1)"
            )
        )
        conn.execute(
            text(
                "INSERT INTO failed_events VALUES"
                " (1, 7, 1, 1, 'api', NULL, 'item', NULL, NULL, :payload, 'c', 'm', NULL, NULL)"
            ),
            {"payload": b"{}"},
        )

    state.migrate()

    with state.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        [workspace] = conn.execute(select(metadata.tables["workspaces"])).all()
        assert (workspace.id, workspace.name, workspace.currency) == (7, "shop", "EUR")
        assert len(workspace.identity_secret) == 64
        assert workspace.require_signed_contacts is False
        assert workspace.browser_attributes is None
        [key] = conn.execute(select(metadata.tables["api_keys"])).all()
        assert (key.workspace_id, key.token_hash) == (7, b"h" * 32)
        limits = (key.allowed_networks, key.requests_per_second, key.last_used_at)
        assert limits == (None, None, None)
        [definition] = conn.execute(select(metadata.tables["attribute_definitions"])).all()
        assert (definition.name_std, definition.source_rule) == ("size", "any")
        [failed] = conn.execute(select(metadata.tables["failed_events"])).all()
        assert (failed.payload, failed.kept_through) == (b"{}", None)
    with pytest.raises(IntegrityError), state.write() as conn:
        conn.execute(text("DELETE FROM workspaces"))
    state.close()


def test_stores_that_start_at_once_migrate_once(empty_url: str | None, tmp_path: Path) -> None:
    states = [open_state(empty_url, tmp_path / "state.sqlite") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(State.migrate, states))
    for state in states:
        with state.read() as conn:
            assert conn.scalar(text("SELECT version_num FROM alembic_version")) == NEWEST_REVISION
        state.close()


def test_the_schema_knows_the_newest_revision() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert script.get_heads() == [NEWEST_REVISION]


def test_a_store_of_a_newer_version_is_refused(state: State) -> None:
    with state.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StateTooNewError, match="9999"):
        state.migrate()
