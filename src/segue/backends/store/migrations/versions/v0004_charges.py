"""What each attempt of a call cost, item by item, with the price's source and date."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("calls", sa.Column("charges", sa.Text))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("calls", "charges")
