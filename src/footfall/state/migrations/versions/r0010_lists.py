"""Named lists of contacts."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add lists and who is on them."""
    op.create_table(
        "contact_lists",
        Column("id", Integer, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("name", String(length=255), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("archived_at", BigInteger),
        PrimaryKeyConstraint("id", name="pk_contact_lists"),
    )
    op.create_index("ix_contact_lists_workspace_id", "contact_lists", ["workspace_id"])
    op.create_table(
        "contact_list_members",
        Column("list_id", Integer, nullable=False, autoincrement=False),
        Column("contact_id", BigInteger, nullable=False, autoincrement=False),
        Column("workspace_id", Integer, nullable=False),
        Column("added_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("list_id", "contact_id", name="pk_contact_list_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_contact_list_members_contact_id", "contact_list_members", ["contact_id"])
