"""Segments of contacts and of products."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add segments; who is in them is in the warehouse."""
    op.create_table(
        "segments",
        Column("id", Integer, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("subject", String(length=16), nullable=False),
        Column("name", String(length=255), nullable=False),
        Column("description", Text, nullable=False),
        Column("condition", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("archived_at", BigInteger),
        PrimaryKeyConstraint("id", name="pk_segments"),
    )
    op.create_index("ix_segments_workspace_id", "segments", ["workspace_id"])
