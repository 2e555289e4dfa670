"""Imports: files on their way into a workspace, with what became of their rows."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table; there were none before."""
    op.create_table(
        "imports",
        Column("number", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        Column("id", String(length=36), nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("kind", String(length=16), nullable=False),
        Column("status", String(length=16), nullable=False),
        Column("file_name", Text, nullable=False),
        Column("file_bytes", BigInteger, nullable=False),
        Column("headings", Text, nullable=False),
        Column("plan", Text, nullable=False),
        Column("counts", Text, nullable=False),
        Column("row_errors", Text, nullable=False),
        Column("problem", Text),
        Column("author", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("started_at", BigInteger),
        Column("finished_at", BigInteger),
        Column("journal_position", BigInteger, nullable=False),
        PrimaryKeyConstraint("number", name="pk_imports"),
        UniqueConstraint("id", name="uq_imports_id"),
    )
    op.create_index("ix_imports_workspace_id_number", "imports", ["workspace_id", "number"])
    op.create_index("ix_imports_status", "imports", ["status"])
