"""Storage of forms, records and corrections in SQLite or PostgreSQL, by SQLAlchemy and Alembic."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from digitrec.storage.adaptations import Adaptations
from digitrec.storage.database import Database
from digitrec.storage.export import export_zip
from digitrec.storage.forms import Forms
from digitrec.storage.records import Records

__all__ = ["Storage"]

_PURGE_INTERVAL_S = 3600.0


class Storage:
    """A database and what is in it; safe to share between threads, and by processes that are forked after `open`.

    Parameters
    ----------
    url : of SQLAlchemy: ``sqlite:///digitrec.db`` or ``postgresql://...``.
    retention_days : older records are deleted; None keeps them.

    Raises
    ------
    SettingsError : the URL is invalid.
    """

    def __init__(self, url: str, retention_days: int | None = None) -> None:
        self._retention_days, self._purged_at = retention_days, -math.inf
        self.database = Database(url)
        self.forms = Forms(self.database)
        self.records = Records(self.database)
        self.adaptations = Adaptations(self.database)

    @classmethod
    def open(cls, url: str, retention_days: int | None = None) -> Storage:
        """Return the storage at `url`, upgraded to this version's tables and without expired records.

        Raises
        ------
        SettingsError : the URL is invalid.
        DatabaseUnavailableError : the database cannot be reached, or is that of a newer version.
        """
        storage = cls(url, retention_days)
        storage.database.upgrade()
        storage.delete_expired()
        storage.database.close()
        return storage

    def export(self) -> Iterator[bytes]:
        """Yield the parts of a ZIP archive with everything that is stored."""
        return export_zip(self)

    def delete_expired(self) -> None:
        """Delete the records that are older than the retention; at most once an hour."""
        if self._retention_days is not None and time.monotonic() - self._purged_at > _PURGE_INTERVAL_S:
            self._purged_at = time.monotonic()
            self.records.delete_expired(self._retention_days)
