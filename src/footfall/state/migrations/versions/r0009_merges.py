"""Merges of contacts: why they were made, and whether they were undone."""

from alembic import op
from sqlalchemy import BigInteger, Column, String

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Every merge so far was made by an event."""
    with op.batch_alter_table("contact_merges") as merges:
        merges.add_column(
            Column("cause", String(length=16), nullable=False, server_default="event")
        )
        merges.add_column(Column("undone_at", BigInteger))
    with op.batch_alter_table("contact_merges") as merges:
        merges.alter_column("cause", server_default=None)
    op.create_index("ix_contact_merges_merged_id", "contact_merges", ["merged_id"])
