"""The migrations make the tables that the code declares, on both servers, and can be undone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from storage_testing import add_form

from digitrec.errors import DatabaseUnavailableError
from digitrec.storage import Storage
from digitrec.storage.tables import SCHEMA_VERSION, Base


def test_the_tables_of_the_migrations_are_those_of_the_code(storage: Storage) -> None:
    with storage.database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == SCHEMA_VERSION


def test_an_upgrade_again_changes_nothing(storage: Storage) -> None:
    add_form(storage)
    storage.database.upgrade()
    assert len(storage.forms.summaries()) == 1


def test_a_downgrade_removes_the_tables_and_an_upgrade_makes_them_again(storage: Storage) -> None:
    add_form(storage)
    storage.database.downgrade("base")
    with pytest.raises(DatabaseUnavailableError, match="Received: none. Run: digitrec database upgrade"):
        storage.forms.summaries()
    storage.database.upgrade()
    assert storage.forms.summaries() == []
    with storage.database.read() as session:
        assert set(inspect(session.connection()).get_table_names()) == {
            *Base.metadata.tables,
            "alembic_version",
        }


def test_servers_that_start_at_once_upgrade_once(database_url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        storages = list(pool.map(Storage.open, [database_url] * 3))
    assert [storage.forms.summaries() for storage in storages] == [[], [], []]
    for storage in storages:
        storage.database.close()


def test_a_database_of_a_newer_version_is_not_touched(storage: Storage, database_url: str) -> None:
    with storage.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailableError, match="migration 0001. Received: 9999. Update digitrec"):
        add_form(storage)
    with pytest.raises(DatabaseUnavailableError, match="'9999'. Update digitrec"):
        Storage.open(database_url)
    with pytest.raises(DatabaseUnavailableError, match="'9999'. Update digitrec"):
        storage.database.downgrade("base")
