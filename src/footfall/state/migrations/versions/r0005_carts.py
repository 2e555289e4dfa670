"""Carts: what events did to them, for as long as it counts."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; `footfall rebuild` fills it with what was stored before."""
    op.create_table(
        "cart_changes",
        Column(
            "position",
            BigInteger().with_variant(Integer, "sqlite"),
            nullable=False,
            autoincrement=False,
        ),
        Column("workspace_id", Integer, nullable=False),
        Column("contact_id", BigInteger, nullable=False),
        Column("occurred_at", BigInteger, nullable=False),
        Column("product_id", BigInteger, nullable=False),
        Column("event_type", String(length=16), nullable=False),
        Column("quantity", Text),
        Column("unit_price", Text),
        Column("currency", String(length=3)),
        Column("order_id", Text),
        PrimaryKeyConstraint("position", name="pk_cart_changes"),
    )
    op.create_index(
        "ix_cart_changes_contact_id_occurred_at", "cart_changes", ["contact_id", "occurred_at"]
    )
