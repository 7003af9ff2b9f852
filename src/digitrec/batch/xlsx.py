"""Results as an Excel workbook, with the doubtful ones marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import PatternFill

from digitrec.batch.task import RecognitionTask, Row, is_accepted
from digitrec.control_characters import escape_controls
from digitrec.preprocessing.normalize import BLANK_MESSAGE

if TYPE_CHECKING:
    from digitrec.forms.template import Form

_DOUBTFUL = PatternFill("solid", fgColor="FFE699")


def write_workbook(path: Path, task: RecognitionTask, rows: Iterable[Row]) -> None:
    """Write a workbook of the rows.

    A form has one column per field, and a field that needs checking has a yellow cell; the other tasks have the columns
    of a CSV file, and a rejected result has a yellow row.
    """
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("digitrec")
    sheet.freeze_panes = "B2"
    form = task.form
    names = [cell.name for cell in form.cells] if form else []
    header = ["file", "accepted", *names, "violations", "error"] if form else task.columns
    sheet.append([_cell(sheet, name) for name in header])
    for row in rows:
        values = (
            _form_values(form, row) if form else [(cell, not is_accepted(row)) for cell in task.cells(row)]
        )
        sheet.append([_cell(sheet, value, is_doubtful=is_doubtful) for value, is_doubtful in values])
    workbook.save(path)


def _form_values(form: Form, row: Row) -> Iterator[tuple[Any, bool]]:
    """Yield the value of each column, and whether it needs checking."""
    violations = row.get("violations", ())
    suspects = {name for violation in violations for name in violation["fields"]}
    yield row["file"], "error" in row
    yield is_accepted(row), not is_accepted(row)
    for cell in form.cells:
        result = row.get("fields", {}).get(cell.name, {"accepted": False})
        may_be_blank = not cell.required and result.get("error") == BLANK_MESSAGE
        is_suspect = cell.name in suspects and not result.get("checked_at")  # nobody has confirmed it
        yield result.get("text"), is_suspect or not result.get("accepted", may_be_blank)
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
