"""The one attempt of a usual call moves into the call's own row: half as many rows are written.

Rows that exist stay as they are: without a `key_label` a call's attempts are looked for in their own table.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"

NUMBERS = ("attempt_started_ms", "attempt_ms", "first_byte_ms")


def upgrade() -> None:
    """Add the columns."""
    op.add_column("calls", sa.Column("key_label", sa.String(100)))
    for name in NUMBERS:
        op.add_column("calls", sa.Column(name, sa.Integer))


def downgrade() -> None:
    """Put the attempts into their own table again, and drop the columns."""
    op.execute(
        "INSERT OR IGNORE INTO attempts (call_id, number, provider, model, key_label, started_ms, elapsed_ms, "
        "first_byte_ms, cancelled, input_tokens, output_tokens) SELECT id, 1, provider, model, key_label, "
        "attempt_started_ms, attempt_ms, first_byte_ms, 0, input_tokens, output_tokens FROM calls "
        "WHERE key_label IS NOT NULL"
    )
    for name in (*reversed(NUMBERS), "key_label"):
        op.drop_column("calls", name)
