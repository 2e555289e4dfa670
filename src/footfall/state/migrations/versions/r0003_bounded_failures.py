"""Failed events: how many bytes a workspace has kept so far, so that there is a bound."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Count from now on; what was kept before goes with its age."""
    op.add_column("failed_events", Column("kept_through", BigInteger))
    op.create_index(
        "ix_failed_events_workspace_id_kept_through",
        "failed_events",
        ["workspace_id", "kept_through"],
    )
