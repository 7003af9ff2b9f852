"""Results in a format that cannot be appended to: the journal keeps the rows, and the file is written at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from digitrec.batch.journal import foreign_file_error
from digitrec.batch.task import RecognitionTask, Row


class BufferedOutput:
    """The part of `digitrec.batch.output.Output` that such formats share; each has its own `finish`."""

    buffers_rows = True

    def __init__(self, path: Path, task: RecognitionTask) -> None:
        self._path = path
        self._task = task

    def open(self, length: int, *, is_begun: bool) -> None:
        """Check that there is no file, or that this command has written it."""
        if self._path.exists() and not is_begun:
            raise foreign_file_error(self._path)

    def append(self, rows: Sequence[Row]) -> int:
        """Leave the rows to the journal; the returned size only shows that there are some."""
        return 1

    def close(self) -> None:
        """Do nothing: no file is open."""
