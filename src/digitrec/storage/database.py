"""The connection to the database: transactions, migrations, and its errors as digitrec's own."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from digitrec.errors import DatabaseUnavailableError, SettingsError
from digitrec.storage.tables import SCHEMA_VERSION, Base

# Unless the URL has others. For SQLite Python's sqlite3 waits for a lock as long, unless the URL has a `timeout`.
_POSTGRESQL_OPTIONS = {"connect_timeout": "5", "options": "-c lock_timeout=5s"}
_MIGRATION_LOCK = 5_205_307  # any number that is digitrec's own
_UPGRADE = "Run: digitrec database upgrade"
_REASONS = (  # by the message of SQLite, or the SQLSTATE of PostgreSQL
    (r"locked|55P03|40P01", "a lock that another program holds", "Send the request again."),
    (r"disk is full|53100", "a full disk", "Free some space, then send the request again."),
    (r"no such table|no such column|42P01|42703", "a database without digitrec's tables", _UPGRADE),
    (r"readonly|read-only|25006", "a database that cannot be written", "Let the server write to it."),
    (r"not a database|malformed", "a file that is not a database, or a damaged one", "Restore it."),
)


class Database:
    """Transactions on the database at a URL; see `digitrec.storage.Storage`."""

    def __init__(self, url: str) -> None:
        self._engine = _make_engine(_parsed(url))
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")

    def read(self) -> AbstractContextManager[Session]:
        """Begin a transaction that only reads; raises DatabaseUnavailableError."""
        return _transaction(self._engine)

    def write(self) -> AbstractContextManager[Session]:
        """Begin a transaction that is committed at the end of the block; raises DatabaseUnavailableError."""
        return _transaction(self._writer)

    def upgrade(self) -> None:
        """Create the tables, or bring them to this version; raises DatabaseUnavailableError."""
        self._migrate(command.upgrade, "head")

    def downgrade(self, version: str) -> None:
        """Bring the tables to an earlier version; ``base`` is none at all."""
        self._migrate(command.downgrade, version)

    def close(self) -> None:
        """Close all connections, before the process forks; the next transaction opens one again."""
        self._engine.dispose()

    def delete_all(self) -> None:
        """Delete everything that is stored."""
        with self.write() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))

    def _migrate(self, migrate: Callable[[Config, str], None], version: str) -> None:
        config = Config()
        config.set_main_option("script_location", "digitrec.storage:migrations")
        try:
            with _translated_errors(), self._writer.begin() as connection:
                if connection.dialect.name == "postgresql":  # several servers may start at once
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
                config.attributes["connection"] = connection
                migrate(config, version)
        except CommandError as error:
            raise DatabaseUnavailableError(
                f"expected a database of migration {SCHEMA_VERSION} or an earlier one. Received: {error}. "
                "Update digitrec, or name another version."
            ) from error
        finally:
            self.close()


@contextmanager
def _transaction(engine: Engine) -> Iterator[Session]:
    with _translated_errors(), Session(engine, expire_on_commit=False) as session, session.begin():
        _check_version(session.connection())
        yield session


def _check_version(connection: Connection) -> None:
    """Check that nobody has upgraded or downgraded the database meanwhile."""
    version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if version != SCHEMA_VERSION:
        known = isinstance(version, str) and version > SCHEMA_VERSION
        raise DatabaseUnavailableError(
            f"expected a database of migration {SCHEMA_VERSION}. Received: {version or 'none'}. "
            + ("Update digitrec." if known else _UPGRADE)
        )


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeoutError) as error:
        source = getattr(error, "orig", None)
        described = f"{source} {getattr(source, 'sqlstate', '')}"
        received, advice = next(
            (words for pattern, *words in _REASONS if re.search(pattern, described)),
            ("none that answers", "Send the request again in some seconds."),
        )
        raise DatabaseUnavailableError(
            f"expected to use the database. Received: {received}. {advice}"
        ) from error


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            query = {**_POSTGRESQL_OPTIONS, **parsed.query}
            return parsed.set(drivername="postgresql+psycopg", query=query)
        if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
            return parsed
    except ArgumentError:
        pass
    raise SettingsError(
        "expected a database such as sqlite:///digitrec.db or postgresql://NAME:PASSWORD@HOST/digitrec. "
        "Received: another URL. Correct DIGITREC_DATABASE_URL."
    )


def _make_engine(url: URL) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=True)
    except ImportError as error:
        raise SettingsError(
            f"expected the driver of {url.drivername}. Received: {error}. Run: pip install 'digitrec[postgresql]'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own
    for pragma in ("foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    with suppress(sqlite3.OperationalError):
        # SQLite does not wait for the lock here, but the mode is the file's, and the next connection sets it.
        connection.execute("PRAGMA journal_mode = WAL").close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins with reading could not wait for the lock to write.
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
