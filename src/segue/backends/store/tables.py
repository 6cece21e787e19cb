"""The tables of the store. A change here needs a migration beside it; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Ids of calls begin with their time, so rows keyed by them are written at the end of one tree, and the same order lists
# the newest first: no row number, no second index and no foreign key are paid for with every call.
CALLS = Table(
    "calls",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("operation", String(100), nullable=False),
    Column("surface", String(50), nullable=False),
    Column("caller_id", String(100), nullable=False),
    Column("caller_name", String(200), nullable=False),
    Column("requested_model", String(200), nullable=False),
    Column("provider", String(100)),  # who answered; null when nobody did
    Column("model", String(200)),
    Column("status", Integer, nullable=False),
    Column("code", String(100), nullable=False),
    Column("streamed", Boolean(create_constraint=False), nullable=False),
    Column("started_at", BigInteger, nullable=False),  # milliseconds since 1970-01-01 UTC
    Column("elapsed_ms", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("input_tokens", BigInteger),  # of all attempts that reported them
    Column("output_tokens", BigInteger),
    Column("cost_billionths", BigInteger),
    Column("currency", String(3)),
    Column("tags", Text),  # a JSON object of texts; null when there are none
    Column("user", String(200), nullable=False),
    # The attempt of a call that its first attempt answered, as nearly all are: `provider` and `model` above are whom it
    # asked, the tokens are its own, and it has no row in `attempts`. Null where the attempts have rows.
    Column("key_label", String(100)),
    Column("attempt_started_ms", Integer),  # after the call's own start
    Column("attempt_ms", Integer),
    Column("first_byte_ms", Integer),
    Column("charges", Text),  # JSON: for each attempt with a known cost its number and its `segue.core.money.Charge`
    sqlite_with_rowid=False,
)

# What was tried in calls that took more than the usual one attempt, or got no answer.
ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("call_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),  # 1 is the first
    Column("provider", String(100), nullable=False),
    Column("model", String(200), nullable=False),
    Column("key_label", String(100), nullable=False),
    Column("started_ms", Integer, nullable=False),  # after the call's own start
    Column("elapsed_ms", Integer, nullable=False),
    Column("first_byte_ms", Integer),
    Column("kind", String(50)),  # of the failure; null after a success or when the caller went away
    Column("status", Integer),
    Column("message", String(500)),
    Column("executed", String(10)),
    Column("cancelled", Boolean(create_constraint=False), nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    sqlite_with_rowid=False,
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("last4", String(4), nullable=False),
    Column("admin", Boolean(create_constraint=False), nullable=False),
    Column("created_at", BigInteger, nullable=False),  # milliseconds since 1970-01-01 UTC, as the two below
    Column("revoked_at", BigInteger),
    Column("expires_at", BigInteger),
)

# Answers that a caller may go on from (`segue.backends.store.responses`). Two vendors may give the same id.
RESPONSES = Table(
    "responses",
    METADATA,
    Column("caller_id", String(100), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("created_at", BigInteger, nullable=False),  # milliseconds since 1970-01-01 UTC, as the next
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("record", LargeBinary, nullable=False),  # JSON: the items of its conversation
    Column("answer", LargeBinary, nullable=False),  # JSON: the body of the answer
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("key", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)
