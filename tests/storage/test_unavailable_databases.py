"""A database that is locked, full, gone or damaged: a clear error, and nothing is lost or stored by half."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, make_url, text
from storage_testing import FORM, add_form, add_page, page, reading

from digitrec.errors import DatabaseUnavailableError, SettingsError
from digitrec.storage import Storage
from digitrec.storage.tables import StoredForm
from postgresql_server import PostgresqlServer


@pytest.mark.parametrize(
    "url",
    [
        "",
        "digitrec.db",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://localhost/digitrec",
        "postgresql+x://h/d",
    ],
)
def test_a_url_that_names_no_database_is_rejected_without_being_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="such as sqlite:///digitrec.db") as caught:
        Storage(url)
    assert not url or url not in str(caught.value).replace("sqlite:///digitrec.db", "")


def test_a_server_that_is_not_there_is_reported(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="needs pip install 'digitrec[postgresql]'")
    with pytest.raises(DatabaseUnavailableError, match="Received: none that answers"):
        Storage.open(f"postgresql://nobody@/nothing?host={tmp_path}")


def test_a_file_that_is_no_database_is_reported_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    with pytest.raises(DatabaseUnavailableError, match="a file that is not a database"):
        Storage.open(f"sqlite:///{path}")
    assert path.read_text() == "not a database " * 100


def test_a_folder_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError, match="none that answers"):
        Storage.open(f"sqlite:///{tmp_path}/missing/digitrec.db")


def test_a_locked_file_is_reported_and_can_be_read_meanwhile(tmp_path: Path) -> None:
    storage = Storage.open(f"sqlite:///{tmp_path}/digitrec.db?timeout=0.1")
    form = add_form(storage)
    other = sqlite3.connect(tmp_path / "digitrec.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(
        DatabaseUnavailableError, match="a lock that another program holds. Send the request again"
    ):
        storage.records.add(form, "a.jpg", "a" * 64, page(), None)
    assert len(storage.forms.summaries()) == 1
    other.execute("ROLLBACK")
    other.close()
    add_page(storage, form)
    storage.database.close()


def test_a_file_that_another_program_is_changing_is_opened(tmp_path: Path) -> None:
    Storage.open(f"sqlite:///{tmp_path}/digitrec.db").database.close()
    other = sqlite3.connect(tmp_path / "digitrec.db", isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN IMMEDIATE")
    storage = Storage(f"sqlite:///{tmp_path}/digitrec.db?timeout=0.1")
    assert storage.forms.summaries() == []
    other.execute("ROLLBACK")
    other.close()
    storage.database.close()


def test_a_locked_table_is_reported(postgresql: PostgresqlServer) -> None:
    url = postgresql.new_database()
    other = Storage.open(url)
    form = add_form(other)
    storage = Storage(f"{url}&options=-c%20lock_timeout%3D100ms")
    with other.database.write() as session:
        session.execute(text("LOCK TABLE records IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(DatabaseUnavailableError, match="a lock that another program holds"):
            storage.records.add(form, "a.jpg", "a" * 64, page(), None)
    add_page(storage, form)
    for each in (storage, other):
        each.database.close()


@contextmanager
def only_so_many_pages(count: int) -> Iterator[None]:
    """Let each new connection to a file keep it below `count` pages."""

    def limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {count}").close()

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def fill(storage: Storage, form: StoredForm) -> int:
    """Store records until the disk is full; return how many."""
    stored = 0
    with pytest.raises(DatabaseUnavailableError, match="a full disk. Free some space"):
        for index in range(1_000):
            storage.records.add(form, "", f"{index:064}", page(amount=reading("1234567890")), None)
            stored += 1
    assert 0 < stored < 1_000
    return stored


def assert_whole(storage: Storage, form: StoredForm, count: int) -> None:
    found = storage.records.page(form.id, limit=1_000)
    assert [int(record.sha256) for record in found] == list(range(count))
    assert {len(record.fields) for record in found} == {len(FORM.fields)}


def test_a_full_disk_is_reported_and_no_record_is_stored_by_half(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/digitrec.db"
    storage = Storage.open(url)
    form = add_form(storage)
    storage.database.close()
    with only_so_many_pages(25):
        full = Storage(url)
        stored = fill(full, form)
        full.database.close()
    assert_whole(storage, form, stored)
    add_page(storage, form)
    storage.database.close()


@pytest.fixture
def tablespace(postgresql: PostgresqlServer) -> Iterator[str]:
    """The URL of a database of PostgreSQL whose tables are on a disk of 1 MB."""
    psycopg = pytest.importorskip("psycopg", reason="needs pip install 'digitrec[postgresql]'")
    url, folder = postgresql.new_database(), tempfile.mkdtemp(dir=postgresql.folder)
    options = f"size=1m,mode=700,uid={postgresql.folder.stat().st_uid}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted on this system")
    maintenance = make_url(url).set(database="postgres").render_as_string()
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        yield f"{url}&options=-c%20default_tablespace%3Dsmall"
        connection.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")
        connection.execute("DROP TABLESPACE small")
    subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
def test_a_full_disk_of_a_server_is_reported_and_no_record_is_stored_by_half(tablespace: str) -> None:
    storage = Storage.open(tablespace)
    form = add_form(storage)
    stored = fill(storage, form)
    assert_whole(storage, form, stored)
    assert storage.forms.delete(form.id)
    storage.database.close()


def test_a_server_that_goes_in_mid_flight_loses_nothing_and_is_used_again(
    postgresql: PostgresqlServer,
) -> None:
    storage = Storage.open(postgresql.new_database())
    form = add_form(storage)
    kept = add_page(storage, form, "a")
    try:
        with (
            pytest.raises(DatabaseUnavailableError, match="none that answers"),
            storage.database.write() as session,
        ):
            session.execute(text("DELETE FROM forms"))
            postgresql.stop()
            session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailableError, match="none that answers"):
            add_page(storage, form, "b")
    finally:
        postgresql.start()
    add_page(storage, form, "b")
    assert [record.name for record in storage.records.page(form.id)] == ["a.jpg", "b.jpg"]
    assert storage.records.get(kept.id) is not None
    storage.database.close()
