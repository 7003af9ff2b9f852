"""How Alembic runs the migrations: in the transaction of `digitrec.storage.database.Database`."""

from __future__ import annotations

from alembic import context

from digitrec.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
