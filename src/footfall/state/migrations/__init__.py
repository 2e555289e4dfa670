"""Brings the tables of the state store to the newest revision, forward only.

A revision is a hand-written module in `versions`; together they build exactly
`footfall.state.schema`, which a test checks on both engines. There is no way down: a downgrade
would have to invent or throw away a shop's rows, so the way back is a backup.
"""

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


class StateTooNewError(RuntimeError):
    """The store has a revision that this version of Footfall does not know."""


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run what is missing, inside the transaction of `connection`.

    On SQLite that connection must not enforce foreign keys: where a column is changed, Alembic
    drops the table and renames its copy, which SQLite takes for the loss of every row. They are
    checked here in the end.

    Args:
        revision: The last to run; tests stop at an older one to begin with its tables.

    Raises:
        StateTooNewError: A newer version of Footfall has written the store.
    """
    script = ScriptDirectory(str(Path(__file__).parent))
    head = script.get_current_head()
    here = MigrationContext.configure(connection).get_current_heads()
    if here == (head,):
        return
    unknown = set(here) - {revision.revision for revision in script.walk_revisions()}
    if unknown:
        raise StateTooNewError(
            f"The state store has revision {', '.join(sorted(unknown))}, which this version of"
            f" Footfall does not know (its newest is {head}). Start the newer version again."
        )

    def steps(found: Any, _context: MigrationContext) -> Any:  # Alembic's own shapes
        # What `alembic upgrade head` does, without its files and its reading of settings.
        return script._upgrade_revs(revision, found)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
    if connection.dialect.name == "sqlite":
        lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if lost:
            raise RuntimeError(f"a migration broke the foreign keys of {lost[0][0]}")
