"""Changes of attributes that can be undone, and what a person has seen and put away."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing was seen and no change can be undone so far."""
    op.create_table(
        "attribute_changes",
        Column("id", Integer, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("kind", String(16), nullable=False),
        Column("name_std", String(64), nullable=False),
        Column("before", Text, nullable=False),
        Column("after", Text, nullable=False),
        Column("phase", String(16), nullable=False),
        Column("started_at", BigInteger, nullable=False),
        Column("leased_until", BigInteger, nullable=False),
        Column("finished_at", BigInteger),
        Column("after_id", BigInteger, nullable=False),
        Column("done", Integer, nullable=False),
        Column("total", Integer, nullable=False),
        Column("kept", Integer, nullable=False),
        Column("set_aside", Integer, nullable=False),
        Column("accepted", Integer, nullable=False),
        PrimaryKeyConstraint("id", name="pk_attribute_changes"),
    )
    op.create_index(
        "ix_attribute_changes_workspace_id_kind_name_std",
        "attribute_changes",
        ["workspace_id", "kind", "name_std"],
    )
    op.create_table(
        "attribute_values_before",
        Column("change_id", Integer, nullable=False),
        Column("object_id", BigInteger, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("kind", String(16), nullable=False),
        Column("cell", Text),
        Column("set_aside", Text),
        PrimaryKeyConstraint("change_id", "object_id", name="pk_attribute_values_before"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_attribute_values_before_workspace_id_kind_object_id",
        "attribute_values_before",
        ["workspace_id", "kind", "object_id"],
    )
    op.add_column("set_aside_values", Column("dismissed_at", BigInteger))
    op.create_index(
        "ix_set_aside_values_workspace_id_kind_name_std",
        "set_aside_values",
        ["workspace_id", "kind", "name_std"],
    )
    op.add_column("failed_events", Column("dismissed_at", BigInteger))
    op.create_index(
        "ix_failed_events_groups",
        "failed_events",
        ["workspace_id", "code", "source", "replayed_at", "dismissed_at", "failed_at"],
    )
