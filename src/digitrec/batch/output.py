"""The file of results: CSV or JSON lines that grow with each batch, or Parquet or Excel, written at the end."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from digitrec.batch.task import RecognitionTask, Row
from digitrec.errors import InvalidFieldError, OutputError
from digitrec.files import atomic_write

_SUFFIXES = (".csv", ".jsonl", ".parquet", ".xlsx")
# The first characters of a formula (OWASP, CSV injection), also in full width. Digits with separators, such as -12,
# are results.
_FORMULA = re.compile(r"'*([=@\t\r\n＝＠＋－]|[+-](?![\d \-./,:()+]*\Z))")


def output_at(path: Path, task: RecognitionTask) -> TextOutput | BufferedOutput:
    """Return the output for the suffix of `path`, without writing anything.

    Call `open`, then `append` any number of times, `finish`, and `close`.

    Raises
    ------
    OutputError : another suffix, or the package that writes the format is not installed.
    InvalidFieldError : two columns of a table would have the same name.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise OutputError(
            f"expected an output named .csv, .jsonl, .parquet or .xlsx. Received: {path.name!r}. Rename it."
        )
    if suffix == ".jsonl":
        return TextOutput(path, _json_lines)
    _check_columns(task)
    if suffix == ".csv":
        return TextOutput(path, lambda rows: _csv_lines(map(task.cells, rows)), _csv_lines([task.columns]))
    if suffix == ".xlsx":
        try:
            from digitrec.batch.xlsx import write_workbook  # noqa: PLC0415 - openpyxl is an extra
        except ImportError as error:
            raise OutputError(
                f"expected openpyxl, which writes Excel files ({error}). Run: pip install 'digitrec[xlsx]'"
            ) from error
        return BufferedOutput(path, task, write_workbook)
    try:
        from digitrec.batch.parquet import write_parquet  # noqa: PLC0415 - pyarrow is an extra
    except ImportError as error:
        raise OutputError(
            f"expected pyarrow, which writes Parquet ({error}). Run: pip install 'digitrec[parquet]'"
        ) from error
    return BufferedOutput(path, task, write_parquet)


class BufferedOutput:
    """A format that cannot be appended to: the journal keeps the rows, and the file is written at the end.

    Parameters
    ----------
    write : writes rows to a file.
    """

    buffers_rows = True

    def __init__(
        self, path: Path, task: RecognitionTask, write: Callable[[Path, RecognitionTask, Iterable[Row]], None]
    ) -> None:
        self._path = path
        self._task = task
        self._write = write

    def open(self, length: int, *, is_begun: bool) -> None:
        """Check that there is no file, or that this command has begun it."""
        if self._path.exists() and not is_begun:
            raise _foreign_file_error(self._path)

    def append(self, rows: Sequence[Row]) -> int:
        """Leave the rows to the journal; the returned size only shows that there are some."""
        return 1

    def finish(self, rows: Iterable[Row]) -> None:
        """Write the rows, and replace an existing file."""
        with atomic_write(self._path) as tmp_path:
            self._write(tmp_path, self._task, rows)

    def close(self) -> None:
        """Do nothing: no file is open."""


class TextOutput:
    """Lines that are appended to a file.

    Parameters
    ----------
    format_rows : returns the lines of some rows.
    header : the first line of the file.
    """

    buffers_rows = False

    def __init__(self, path: Path, format_rows: Callable[[Sequence[Row]], str], header: str = "") -> None:
        self._path = path
        self._format_rows = format_rows
        self._header = header
        self._file: IO[bytes] | None = None

    def open(self, length: int, *, is_begun: bool) -> None:
        """Continue after the first `length` bytes; incomplete rows after them are truncated.

        Parameters
        ----------
        is_begun : whether this command has begun the results before; if not, an existing file belongs to another.
        """
        present = self._path.stat().st_size if self._path.exists() else 0
        if present and not is_begun:
            raise _foreign_file_error(self._path)
        if present < length:
            raise OutputError(
                f"expected the {length:,} bytes that were written to {self._path}. Received: {present:,}. "
                f"Restore the file, or remove {self._path.name}.journal to start again."
            )
        try:
            self._file = self._path.open("r+b" if self._path.exists() else "w+b")
            self._file.truncate(length)
            self._file.seek(length)
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def append(self, rows: Sequence[Row]) -> int:
        """Write the rows; return the size of the file in bytes."""
        file = self._opened()
        text = self._format_rows(rows)
        try:
            file.write(((self._header if file.tell() == 0 else "") + text).encode())
            file.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from error
        return file.tell()

    def finish(self, rows: Iterable[Row]) -> None:
        """Wait until the file is on disk."""
        os.fsync(self._opened().fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError("expected an open output. Call open first.")
        return self._file


def as_cell(text: str) -> str:
    """Return `text`, with an apostrophe before it where a spreadsheet would run it as a formula.

    An apostrophe is also added before apostrophes of `text` itself, so that `from_cell` restores every text.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """Return the text from which `as_cell` made `cell`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _check_columns(task: RecognitionTask) -> None:
    columns = task.columns
    duplicates = sorted({column for column in columns if columns.count(column) > 1})
    if duplicates:
        raise InvalidFieldError(
            "form.fields",
            f"expected different column names. Received: {duplicates[0]!r} twice. "
            "Rename a field, or write .jsonl.",
        )


def _foreign_file_error(path: Path) -> OutputError:
    """Return the error for results that are not in the journal: another command, or a person, has written them."""
    return OutputError(
        f"expected no file at {path}. Received: one that this command did not begin. "
        "Name another output, or remove it."
    )


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"expected to write {path}. Received: {error.strerror}. Fix this, or name another output."
    )


def _json_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    return "".join(_csv_line(cells) for cells in rows)


def _csv_line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(
        [_csv_value(cell) for cell in cells]
    )  # with its line end "\r\n" it quotes "\r", too
    return text.getvalue().removesuffix("\r\n") + "\n"


def _csv_value(cell: Any) -> Any:
    """Return booleans as JSON and spreadsheets spell them, and text that is not a formula."""
    if isinstance(cell, bool):
        return str(cell).lower()
    return as_cell(cell) if isinstance(cell, str) else cell
