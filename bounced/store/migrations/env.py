"""Run the migrations inside the transaction that `bounced.store.migrate` began."""

from alembic import context

from bounced.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
