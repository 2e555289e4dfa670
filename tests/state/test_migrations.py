"""The migrations and the schema are the same database, on both engines."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

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
