"""What a bulk run has done, on disk, so that the same command goes on after a kill.

It stands beside the results as NAME.journal, an SQLite database: which pictures have a row, how far the results were
whole when they got it, and which command it was. One transaction a batch, so that a kill loses at most batches that
were not written yet, and none is written twice.
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

_FORMAT = 2  # of the journal, and of the rows in the results
_TABLES = """
    CREATE TABLE IF NOT EXISTS done (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, row TEXT);
    CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value);
"""


def journal_path(output: Path) -> Path:
    """Return where the journal of the results at `output` is."""
    return output.with_name(f"{output.name}.journal")


class Journal:
    """The journal of one output, for one run at a time.

    Parameters
    ----------
    path : the database; made where it is missing.
    command : what tells this command from another, as JSON's own types.
    keep_rows : whether the rows stand in the journal too, for results that are written at the end.

    Raises
    ------
    OutputError : the journal is of another command, in use by another run, or no journal.
    """

    def __init__(self, path: Path, command: Mapping[str, Any], *, keep_rows: bool = False) -> None:
        self._path = path
        self._keep_rows = keep_rows
        with self._errors_named():
            self._database = sqlite3.connect(path, timeout=0.5, isolation_level=None)
            self._open(json.loads(json.dumps({"format": _FORMAT, **command})))

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    @property
    def length(self) -> int:
        """How many bytes of the results are whole."""
        return int(self._state("length") or 0)

    @property
    def is_begun(self) -> bool:
        """Whether the results were begun: a kill may come before the first rows are noted here."""
        return bool(self._state("begun"))

    def begin(self) -> None:
        """Note that the results are begun."""
        with self._errors_named():
            self._set("begun", 1)

    @property
    def tally(self) -> RowCounts:
        """How the rows that are done came out."""
        return RowCounts(**json.loads(self._state("tally") or "{}"))

    def has(self, name: str) -> bool:
        """Return whether the picture of this name has a row."""
        return self._database.execute("SELECT 1 FROM done WHERE name = ?", (name,)).fetchone() is not None

    def names(self) -> Iterator[str]:
        """Give the names of all pictures that have a row."""
        return (name for (name,) in self._database.execute("SELECT name FROM done ORDER BY number"))

    def add(self, rows: Sequence[Row], length: int) -> None:
        """Note that these rows are in the results, which now are `length` bytes long."""
        tally = self.tally.plus(rows)
        kept = [(row["file"], json.dumps(row) if self._keep_rows else None) for row in rows]
        with self._errors_named():
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO done (name, row) VALUES (?, ?)", kept)
            self._set("length", length)
            self._set("tally", json.dumps(tally._asdict()))
            self._database.execute("COMMIT")

    def rows(self) -> Iterator[Row]:
        """Give the rows that were kept, in the order in which they were added."""
        for (text,) in self._database.execute("SELECT row FROM done ORDER BY number"):
            yield json.loads(text)

    def _open(self, command: Mapping[str, Any]) -> None:
        # One run at a time, and no shared memory, which a disk over the network does not have.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        # A commit is safe from a kill without waiting for the disk; only a power cut may take the last ones back.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)
        known = self._state("command")
        if known is None:
            self._set("command", json.dumps(command))
            return
        before = json.loads(known)
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
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._entry_error(error) from error

    def _entry_error(self, error: sqlite3.Error) -> OutputError:
        if "locked" in str(error):
            return OutputError(
                f"expected {self._path} to be free. Received: one that another run writes. "
                "Wait for that, or name another output."
            )
        return OutputError(
            f"expected a journal at {self._path}. Received: {error}. Name another output, or remove it and the results."
        )
