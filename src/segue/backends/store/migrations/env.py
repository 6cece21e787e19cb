"""What Alembic runs to apply migrations: always over the connection that the store hands it."""

from alembic import context

from segue.backends.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
)
# The store has opened the transaction: all steps and the version that they reach become true together or not at all.
context.run_migrations()
