"""How Alembic reaches the store: with the connection ``Store.upgrade`` hands it."""

from alembic import context

from serving.tables import STORE

context.configure(connection=context.config.attributes["connection"], target_metadata=STORE, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
