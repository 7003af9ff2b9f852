"""The journal of a batch run, with which the same command resumes a killed run.

It is an SQLite database next to the results, NAME.journal. It records the names of completed images, the size of the
results after the last completed batch, and the command. Each batch is one transaction: a killed run loses only batches
that were not written, and no row is written twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from digitrec.batch.summary import RowCounts
from digitrec.batch.task import Row
from digitrec.errors import OutputError

_FORMAT = 2  # version of the journal and of the rows
_TABLES = """
    CREATE TABLE IF NOT EXISTS done (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, row TEXT);
    CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value);
"""


def journal_path(output: Path) -> Path:
    """Return the path of the journal for the results at `output`."""
    return output.with_name(f"{output.name}.journal")


class Journal:
    """The journal of one output, for one run at a time.

    Parameters
    ----------
    path : the database; created if missing.
    command : what distinguishes this command from another, as JSON types.
    keep_rows : whether to store the rows, too, for results that are written at the end.

    Raises
    ------
    OutputError : the journal belongs to another command, is used by another run, or is not a journal.
    """

    def __init__(self, path: Path, command: Mapping[str, Any], *, keep_rows: bool = False) -> None:
        self._path = path
        self._keep_rows = keep_rows
        with self._translated_errors():
            self._database = sqlite3.connect(path, timeout=0.5, isolation_level=None)
            try:
                self._open(json.loads(json.dumps({"format": _FORMAT, **command})))
            except BaseException:  # the lock would stay until the exception is gone
                self._database.close()
                raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    @property
    def length(self) -> int:
        """The size in bytes of the results after the last completed batch."""
        return int(self._state("length") or 0)

    @property
    def is_begun(self) -> bool:
        """Whether the results were begun; a run may be killed before its first rows are recorded."""
        return bool(self._state("begun"))

    def begin(self) -> None:
        """Record that the results are begun."""
        with self._translated_errors():
            self._set("begun", 1)

    @property
    def counts(self) -> RowCounts:
        """The counts of the completed rows."""
        return RowCounts(**json.loads(self._state("counts") or "{}"))

    def has(self, name: str) -> bool:
        """Return whether the image of this name has a row."""
        return self._database.execute("SELECT 1 FROM done WHERE name = ?", (name,)).fetchone() is not None

    def names(self) -> Iterator[str]:
        """Yield the names of all images that have a row."""
        return (name for (name,) in self._database.execute("SELECT name FROM done ORDER BY number"))

    def add(self, rows: Sequence[Row], length: int) -> None:
        """Record that these rows are in the results, which are now `length` bytes long."""
        counts = self.counts.plus(rows)
        values = [(row["file"], json.dumps(row) if self._keep_rows else None) for row in rows]
        with self._translated_errors():
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO done (name, row) VALUES (?, ?)", values)
            self._set("length", length)
            self._set("counts", json.dumps(counts._asdict()))
            self._database.execute("COMMIT")

    def rows(self) -> Iterator[Row]:
        """Yield the stored rows, in the order in which they were added."""
        for (text,) in self._database.execute("SELECT row FROM done ORDER BY number"):
            yield json.loads(text)

    def _open(self, command: Mapping[str, Any]) -> None:
        # One run at a time, and no shared memory, which network file systems do not support.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        # Commits survive a kill without waiting for the disk; only a power failure may lose the last ones.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)
        stored = self._state("command")
        if stored is None:
            self._set("command", json.dumps(command))
            return
        before = json.loads(stored)
        changed = sorted(key for key in {*before, *command} if before.get(key) != command.get(key))
        if changed:
            raise OutputError(
                f"expected the command that {self._path} was begun with. Received: another {' and '.join(changed)}. "
                f"Name another output, or remove {self._path.name} and the results."
            )

    def _state(self, key: str) -> Any:
        found = self._database.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if found is None else found[0]

    def _set(self, key: str, value: object) -> None:
        self._database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise OutputError(
                    f"expected {self._path} to be free. Received: one that another run writes. "
                    "Wait for that run, or name another output."
                ) from error
            raise OutputError(
                f"expected a journal at {self._path}. Received: {error}. "
                "Name another output, or remove it and the results."
            ) from error
