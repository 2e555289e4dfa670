"""Every table of the first version."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None

_key = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _workspaces()
    _attributes()
    _contacts()
    _projection()


def _workspaces() -> None:
    op.create_table(
        "workspaces",
        Column("id", Integer, nullable=False),
        Column("name", String(length=255), nullable=False),
        Column("time_zone", String(length=64), nullable=False),
        Column("currency", String(length=3)),
        Column("created_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name="pk_workspaces"),
        UniqueConstraint("name", name="uq_workspaces_name"),
    )
    op.create_table(
        "api_keys",
        Column("id", Integer, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("name", String(length=255), nullable=False),
        Column("scope", String(length=16), nullable=False),
        Column("token_hash", LargeBinary(length=32), nullable=False),
        Column("token_start", String(length=8), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("revoked_at", BigInteger),
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_api_keys_workspace_id"),
        PrimaryKeyConstraint("id", name="pk_api_keys"),
        UniqueConstraint("token_hash", name="uq_api_keys_token_hash"),
    )
    op.create_table(
        "id_counters",
        Column("kind", String(length=16), nullable=False),
        Column("next_id", BigInteger, nullable=False),
        PrimaryKeyConstraint("kind", name="pk_id_counters"),
    )


def _attributes() -> None:
    op.create_table(
        "attribute_definitions",
        Column("id", Integer, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("kind", String(length=16), nullable=False),
        Column("name", String(length=255), nullable=False),
        Column("name_std", String(length=64), nullable=False),
        Column("value_type", String(length=16), nullable=False),
        Column("choices", Text),
        Column("multiple", Boolean, nullable=False),
        Column("origin", String(length=16), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name="pk_attribute_definitions"),
        UniqueConstraint(
            "workspace_id",
            "kind",
            "name_std",
            name="uq_attribute_definitions_workspace_id_kind_name_std",
        ),
    )
    op.create_table(
        "set_aside_values",
        Column("workspace_id", Integer, nullable=False),
        Column("kind", String(length=16), nullable=False),
        Column("object_id", BigInteger, nullable=False),
        Column("name_std", String(length=255), nullable=False),
        Column("name", Text, nullable=False),
        Column("raw", Text, nullable=False),
        Column("code", String(length=32), nullable=False),
        Column("message", Text, nullable=False),
        Column("occurred_at", BigInteger, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("source", String(length=16), nullable=False),
        PrimaryKeyConstraint(
            "workspace_id", "kind", "object_id", "name_std", name="pk_set_aside_values"
        ),
    )


def _contacts() -> None:
    op.create_table(
        "contacts",
        Column("id", _key, autoincrement=False, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("custom_id", String(length=255)),
        Column("key", String(length=255)),
        Column("email", Text),
        Column("phone_number", Text),
        Column("profile", Text, nullable=False),
        Column("merged_into", BigInteger),
        Column("created_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("deleted_at", BigInteger),
        Column("revision", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name="pk_contacts"),
    )
    op.create_index("ix_contacts_merged_into", "contacts", ["merged_into"])
    op.create_index("ix_contacts_workspace_id_email", "contacts", ["workspace_id", "email"])
    op.create_index("ix_contacts_workspace_id_id", "contacts", ["workspace_id", "id"])
    op.create_index(
        "ix_contacts_workspace_id_phone_number", "contacts", ["workspace_id", "phone_number"]
    )
    op.create_table(
        "contact_identities",
        Column("workspace_id", Integer, nullable=False),
        Column("kind", String(length=16), nullable=False),
        Column("value", String(length=320), nullable=False),
        Column("contact_id", BigInteger, nullable=False),
        PrimaryKeyConstraint("workspace_id", "kind", "value", name="pk_contact_identities"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_contact_identities_contact_id", "contact_identities", ["contact_id"])
    op.create_table(
        "contact_merges",
        Column("id", Integer, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("merged_id", BigInteger, nullable=False),
        Column("survivor_id", BigInteger, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("merged_at", BigInteger, nullable=False),
        Column("before", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_contact_merges"),
    )
    op.create_index(
        "ix_contact_merges_workspace_id_survivor_id",
        "contact_merges",
        ["workspace_id", "survivor_id"],
    )
    op.create_table(
        "contact_erasures",
        Column("contact_id", _key, autoincrement=False, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("requested_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("contact_id", name="pk_contact_erasures"),
    )


def _projection() -> None:
    op.create_table(
        "products",
        Column("id", _key, autoincrement=False, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("custom_id", String(length=255), nullable=False),
        Column("name", Text),
        Column("profile", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("deleted_at", BigInteger),
        Column("revision", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name="pk_products"),
        UniqueConstraint("workspace_id", "custom_id", name="uq_products_workspace_id_custom_id"),
    )
    op.create_index("ix_products_workspace_id_id", "products", ["workspace_id", "id"])
    op.create_table(
        "dirty_objects",
        Column("workspace_id", Integer, nullable=False),
        Column("kind", String(length=16), nullable=False),
        Column("object_id", BigInteger, nullable=False),
        Column("revision", BigInteger, nullable=False),
        PrimaryKeyConstraint("workspace_id", "kind", "object_id", name="pk_dirty_objects"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "projected_ranges",
        Column("first_position", _key, autoincrement=False, nullable=False),
        Column("last_position", BigInteger, nullable=False),
        Column("resolved", LargeBinary, nullable=False),
        PrimaryKeyConstraint("first_position", name="pk_projected_ranges"),
    )
    op.create_table(
        "cursors",
        Column("name", String(length=32), nullable=False),
        Column("position", BigInteger, nullable=False),
        PrimaryKeyConstraint("name", name="pk_cursors"),
    )
    op.create_table(
        "failed_events",
        Column("id", _key, nullable=False),
        Column("workspace_id", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("failed_at", BigInteger, nullable=False),
        Column("source", String(length=16), nullable=False),
        Column("api_key_id", Integer),
        Column("wire_format", String(length=16), nullable=False),
        Column("product_id", Text),
        Column("event_key", Text),
        Column("payload", LargeBinary, nullable=False),
        Column("code", String(length=64), nullable=False),
        Column("message", Text, nullable=False),
        Column("replayed_at", BigInteger),
        Column("replayed_position", BigInteger),
        PrimaryKeyConstraint("id", name="pk_failed_events"),
    )
    op.create_index("ix_failed_events_failed_at", "failed_events", ["failed_at"])
    op.create_index("ix_failed_events_workspace_id_id", "failed_events", ["workspace_id", "id"])
