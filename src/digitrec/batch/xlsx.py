"""Results as an Excel workbook, with the doubtful ones marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import PatternFill

from digitrec.batch.buffered_output import BufferedOutput
from digitrec.batch.task import RecognitionTask, Row, is_accepted
from digitrec.control_characters import escape_controls
from digitrec.files import atomic_write
from digitrec.preprocessing.normalize import BLANK_MESSAGE

_DOUBTFUL = PatternFill("solid", fgColor="FFE699")


class XlsxOutput(BufferedOutput):
    """A workbook that is written at the end; the journal keeps its rows.

    A form has one column per field, and a field that needs checking has a yellow cell; the other tasks have the columns
    of a CSV file, and a rejected result has a yellow row.
    """

    def __init__(self, path: Path, task: RecognitionTask) -> None:
        super().__init__(path, task)
        self._form = task.form

    def finish(self, rows: Iterable[Row]) -> None:
        """Write the file, and replace an existing one."""
        workbook = Workbook(write_only=True)
        sheet = workbook.create_sheet("digitrec")
        sheet.freeze_panes = "B2"
        names = [cell.name for cell in self._form.cells] if self._form else []
        header = ["file", "accepted", *names, "violations", "error"] if self._form else self._task.columns
        sheet.append([_cell(sheet, name) for name in header])
        for row in rows:
            values = self._form_values(row) if self._form else self._values(row)
            sheet.append([_cell(sheet, value, is_doubtful=is_doubtful) for value, is_doubtful in values])
        with atomic_write(self._path) as tmp_path:
            workbook.save(tmp_path)

    def _values(self, row: Row) -> Iterator[tuple[Any, bool]]:
        for value in self._task.cells(row):
            yield value, not is_accepted(row)

    def _form_values(self, row: Row) -> Iterator[tuple[Any, bool]]:
        """Yield the value of each column, and whether it needs checking."""
        violations = row.get("violations", ())
        suspects = {name for violation in violations for name in violation["fields"]}
        yield row["file"], "error" in row
        yield is_accepted(row), not is_accepted(row)
        for cell in self._form.cells if self._form else ():
            result = row.get("fields", {}).get(cell.name, {"accepted": False})
            may_be_blank = not cell.required and result.get("error") == BLANK_MESSAGE
            is_sure = result.get("accepted", may_be_blank)
            yield result.get("text"), not is_sure or cell.name in suspects
        yield "\n".join(violation["message"] for violation in violations) or None, False
        yield row.get("error"), False


def _cell(sheet: Any, value: Any, *, is_doubtful: bool = False) -> WriteOnlyCell:
    text = "\n".join(map(escape_controls, value.split("\n"))) if isinstance(value, str) else value
    cell = WriteOnlyCell(sheet, text)
    if isinstance(text, str):
        cell.data_type = "s"  # never a formula
    if is_doubtful:
        cell.fill = _DOUBTFUL
    return cell
