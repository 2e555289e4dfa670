"""API tokens: from where and how often they may be used, and when they last were."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; what was there before stays without limits."""
    op.add_column("api_keys", Column("allowed_networks", Text))
    op.add_column("api_keys", Column("requests_per_second", Integer))
    op.add_column("api_keys", Column("last_used_at", BigInteger))
