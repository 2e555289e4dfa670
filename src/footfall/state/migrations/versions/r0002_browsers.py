"""Browsers: app keys, signed contacts, source rules, and the names of ordinary events."""

import secrets

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    column,
    false,
    select,
    table,
    update,
)

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what browsers need to the tables of 0001."""
    _settings()
    _app_keys()
    with op.batch_alter_table("attribute_definitions") as definitions:
        definitions.add_column(
            Column("source_rule", String(length=16), nullable=False, server_default="any")
        )
    with op.batch_alter_table("attribute_definitions") as definitions:
        definitions.alter_column("source_rule", server_default=None)
    op.create_table(
        "activity_names",
        Column("workspace_id", Integer, nullable=False),
        Column("name", String(length=255), nullable=False),
        Column("first_position", BigInteger, nullable=False),
        PrimaryKeyConstraint("workspace_id", "name", name="pk_activity_names"),
        sqlite_with_rowid=False,
    )


def _settings() -> None:
    with op.batch_alter_table("workspaces") as workspaces:
        workspaces.add_column(Column("identity_secret", String(length=64)))
        workspaces.add_column(
            Column("require_signed_contacts", Boolean, nullable=False, server_default=false())
        )
        workspaces.add_column(Column("browser_attributes", Text))
    conn = op.get_bind()
    known = table("workspaces", column("id"), column("identity_secret"))
    for workspace_id in conn.scalars(select(known.c.id)).all():
        conn.execute(
            update(known)
            .where(known.c.id == workspace_id)
            .values(identity_secret=secrets.token_hex(32))
        )
    with op.batch_alter_table("workspaces") as workspaces:
        workspaces.alter_column("identity_secret", existing_type=String(64), nullable=False)
        workspaces.alter_column(
            "require_signed_contacts", existing_type=Boolean, server_default=None
        )


def _app_keys() -> None:
    op.create_table(
        "app_keys",
        Column("id", Integer, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("name", String(length=255), nullable=False),
        Column("key", String(length=6), nullable=False),
        Column("allowed_origins", Text),
        Column("events_per_second", Integer),
        Column("created_at", BigInteger, nullable=False),
        Column("revoked_at", BigInteger),
        ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_app_keys_workspace_id_workspaces"
        ),
        PrimaryKeyConstraint("id", name="pk_app_keys"),
        UniqueConstraint("key", name="uq_app_keys_key"),
    )
    op.create_index("ix_app_keys_workspace_id", "app_keys", ["workspace_id"])
