"""The record of calls with their attempts, API keys and settings."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | Sequence[str] | None = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "calls",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(100), nullable=False),
        sa.Column("surface", sa.String(50), nullable=False),
        sa.Column("caller_id", sa.String(100), nullable=False),
        sa.Column("caller_name", sa.String(200), nullable=False),
        sa.Column("requested_model", sa.String(200), nullable=False),
        sa.Column("provider", sa.String(100)),
        sa.Column("model", sa.String(200)),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("streamed", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("elapsed_ms", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("cost_billionths", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("tags", sa.Text),
        sa.Column("user", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempts",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("key_label", sa.String(100), nullable=False),
        sa.Column("started_ms", sa.Integer, nullable=False),
        sa.Column("elapsed_ms", sa.Integer, nullable=False),
        sa.Column("first_byte_ms", sa.Integer),
        sa.Column("kind", sa.String(50)),
        sa.Column("status", sa.Integer),
        sa.Column("message", sa.String(500)),
        sa.Column("executed", sa.String(10)),
        sa.Column("cancelled", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.PrimaryKeyConstraint("call_id", "number", name="pk_attempts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("admin", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("settings", "api_keys", "attempts", "calls"):
        op.drop_table(table)
