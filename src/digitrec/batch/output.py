"""The file with the results: CSV or JSON lines that grow with each batch, or Parquet written at the end."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from digitrec.batch.spreadsheet import as_cell
from digitrec.batch.task import RecognitionTask, Row
from digitrec.errors import InvalidFieldError, OutputError

_SUFFIXES = (".csv", ".jsonl", ".parquet")


class Output(Protocol):
    """Where rows go; what is there may be added to after `open`, until `close`."""

    buffers_rows: bool
    """Whether the journal shall keep them until `finish`."""

    def open(self, length: int, *, is_begun: bool) -> None:
        """Go on where the results were whole, `length` bytes after their beginning.

        Parameters
        ----------
        is_begun : whether this command has begun the results before; what is there is another's, else.

        Raises
        ------
        OutputError : what is there is not what was left there.
        """

    def append(self, rows: Sequence[Row]) -> int:
        """Write the rows; return how many bytes the results now have."""

    def finish(self, rows: Iterable[Row]) -> None:
        """Make the results whole; `rows` are those that the journal kept."""

    def close(self) -> None:
        """Let go of the file."""


def output_at(path: Path, task: RecognitionTask) -> Output:
    """Return the output that a file's name asks for; nothing is written yet.

    Raises
    ------
    OutputError : the name is of another kind, or what writes that kind is not installed.
    InvalidFieldError : two columns of a table would have the same name.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise OutputError(
            f"expected an output named .csv, .jsonl or .parquet. Received: {path.name!r}. Name it so."
        )
    if suffix == ".jsonl":
        return TextOutput(path, _json_lines)
    _require_own_columns(task)
    if suffix == ".csv":
        return TextOutput(path, lambda rows: _table(map(task.cells, rows)), _table([task.columns]))
    try:
        from digitrec.batch.parquet import ParquetOutput  # noqa: PLC0415 - pyarrow is an extra
    except ImportError as error:
        raise OutputError(
            f"expected pyarrow, which writes Parquet ({error}). Run: pip install 'digitrec[parquet]'"
        ) from error
    return ParquetOutput(path, task)


class TextOutput:
    """Lines that are appended to a file.

    Parameters
    ----------
    written : gives the lines of some rows.
    heading : the line before the first of them.
    """

    buffers_rows = False

    def __init__(self, path: Path, written: Callable[[Sequence[Row]], str], heading: str = "") -> None:
        self._path = path
        self._written = written
        self._heading = heading
        self._file: IO[bytes] | None = None

    def open(self, length: int, *, is_begun: bool) -> None:
        """Go on where the file was whole; what a kill left half-written behind that is cut off."""
        present = self._path.stat().st_size if self._path.exists() else 0
        if present < length or (present and not is_begun):
            raise _another_file(self._path, length, present)
        try:
            self._file = self._path.open("r+b" if self._path.exists() else "w+b")
            self._file.truncate(length)
            self._file.seek(length)
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def append(self, rows: Sequence[Row]) -> int:
        """Write the rows; return how many bytes the file now has."""
        file = self._opened()
        text = self._written(rows)
        try:
            file.write(((self._heading if file.tell() == 0 else "") + text).encode())
            file.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from error
        return file.tell()

    def finish(self, rows: Iterable[Row]) -> None:
        """Wait until the disk has it all."""
        os.fsync(self._opened().fileno())

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError("expected an output that is open. Call open first.")
        return self._file

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def _require_own_columns(task: RecognitionTask) -> None:
    columns = task.columns
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise InvalidFieldError(
            "fields",
            f"expected a column for each. Received: {twice[0]!r} twice. Rename a field, or write .jsonl.",
        )


def _another_file(path: Path, length: int, present: int) -> OutputError:
    if not length:
        return OutputError(
            f"expected no file at {path} yet. Received: one that this command did not begin. "
            "Name another output, or remove it."
        )
    return OutputError(
        f"expected the {length:,} bytes that were written to {path}. Received: {present:,}. "
        f"Put the file back, or remove {path.name}.journal to begin anew."
    )


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"expected to write {path}. Received: {error.strerror}. Mend that, or name another output."
    )


def _json_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _table(lines: Iterable[Sequence[Any]]) -> str:
    return "".join(_line(cells) for cells in lines)


def _line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([_as_text(cell) for cell in cells])  # its own line end makes it quote \r, too
    return text.getvalue().removesuffix("\r\n") + "\n"


def _as_text(cell: Any) -> Any:
    """Return true and false as JSON and every spreadsheet spell them, and text that is no formula."""
    if isinstance(cell, bool):
        return str(cell).lower()
    return as_cell(cell) if isinstance(cell, str) else cell
