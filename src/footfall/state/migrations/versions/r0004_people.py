"""People: users, memberships, sessions, one-time links, and the log of what they changed."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add five tables; there is nobody yet."""
    _users()
    _sessions()
    _one_time_links()
    _audit_log()


def _reference(table: str, column: str, other: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _users() -> None:
    op.create_table(
        "users",
        Column("id", Integer, nullable=False),
        Column("email", String(length=320), nullable=False),
        Column("name", String(length=255), nullable=False),
        Column("password_hash", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("last_seen_at", BigInteger),
        Column("disabled_at", BigInteger),
        Column("preferences", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_users"),
        UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_table(
        "memberships",
        Column("user_id", Integer, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("role", String(length=16), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        _reference("memberships", "user_id", "users"),
        _reference("memberships", "workspace_id", "workspaces"),
        PrimaryKeyConstraint("user_id", "workspace_id", name="pk_memberships"),
    )
    op.create_index("ix_memberships_workspace_id", "memberships", ["workspace_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        Column("id", Integer, nullable=False),
        Column("token_hash", LargeBinary(length=32), nullable=False),
        Column("user_id", Integer, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("last_seen_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("user_agent", Text, nullable=False),
        _reference("sessions", "user_id", "users"),
        PrimaryKeyConstraint("id", name="pk_sessions"),
        UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])


def _one_time_links() -> None:
    op.create_table(
        "one_time_links",
        Column("id", Integer, nullable=False),
        Column("token_hash", LargeBinary(length=32), nullable=False),
        Column("purpose", String(length=16), nullable=False),
        Column("email", String(length=320)),
        Column("workspace_id", Integer),
        Column("role", String(length=16)),
        Column("user_id", Integer),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("used_at", BigInteger),
        Column("created_by", Integer),
        _reference("one_time_links", "workspace_id", "workspaces"),
        _reference("one_time_links", "user_id", "users"),
        _reference("one_time_links", "created_by", "users"),
        PrimaryKeyConstraint("id", name="pk_one_time_links"),
        UniqueConstraint("token_hash", name="uq_one_time_links_token_hash"),
    )
    op.create_index("ix_one_time_links_workspace_id", "one_time_links", ["workspace_id"])


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        Column("id", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("actor_kind", String(length=16), nullable=False),
        Column("actor_id", Integer, nullable=False),
        Column("actor_name", Text, nullable=False),
        Column("action", String(length=64), nullable=False),
        Column("object_kind", String(length=32), nullable=False),
        Column("object_id", Text, nullable=False),
        Column("object_name", Text),
        Column("before", Text),
        Column("after", Text),
        PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_workspace_id_id", "audit_log", ["workspace_id", "id"])
    op.create_index("ix_audit_log_workspace_id_at", "audit_log", ["workspace_id", "at"])
    op.create_index(
        "ix_audit_log_workspace_id_object_kind_object_id",
        "audit_log",
        ["workspace_id", "object_kind", "object_id"],
    )
