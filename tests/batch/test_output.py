"""The results and their journal: each row once, wherever a run was killed."""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitrec import InvalidFieldError, OutputError
from digitrec.batch.journal import Journal, journal_path
from digitrec.batch.output import as_cell, from_cell, output_at
from digitrec.batch.summary import RowCounts, Summary
from digitrec.batch.task import RecognitionTask
from digitrec.forms.template import Form
from digitrec.preprocessing.normalize import BLANK_MESSAGE

ROW = {"file": 'a, "b"\n.png', "digit": 7, "confidence": 0.5, "accepted": True, "reason": None}
FAILED = {"file": "c.png", "error": "expected an image"}


DIGIT = RecognitionTask()


def write(path: Path, *rows: dict[str, Any], command: str = "a", task: RecognitionTask = DIGIT) -> int:
    """Write rows as a run does; return the size of the results."""
    output = output_at(path, task)
    with (
        Journal(journal_path(path), {"input": command}, keep_rows=output.buffers_rows) as journal,
        closing(output),
    ):
        output.open(journal.length, is_begun=journal.is_begun)
        journal.begin()
        journal.add(list(rows), output.append(list(rows)))
        output.finish(journal.rows())
        return journal.length


def table(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_other_output_suffix_and_missing_packages_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match=r"expected an output named .csv, .jsonl, .parquet or .xlsx"):
        output_at(tmp_path / "results.xls", RecognitionTask())
    for name in ("parquet", "xlsx"):
        monkeypatch.setitem(sys.modules, f"digitrec.batch.{name}", None)
        with pytest.raises(OutputError, match=rf"pip install 'digitrec\[{name}\]'"):
            output_at(tmp_path / f"r.{name}", RecognitionTask())


def test_results_of_two_runs_are_one_table(tmp_path: Path) -> None:
    for row in (ROW, FAILED):
        write(tmp_path / "r.csv", row)
    assert table(tmp_path / "r.csv") == [
        ["file", "digit", "confidence", "accepted", "reason", "error"],
        [ROW["file"], "7", "0.5", "true", "", ""],
        ["c.png", "", "", "", "", "expected an image"],
    ]
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pip install 'digitrec[parquet]'")
    for row in (ROW, FAILED):
        write(tmp_path / "r.parquet", row)
    assert parquet.read_table(tmp_path / "r.parquet").to_pylist() == [
        {**ROW, "error": None},
        {**FAILED, "digit": None, "confidence": None, "accepted": None, "reason": None},
    ]


TEXT = st.text(st.sampled_from("=+-@\t\r\n＝＋－＠'\",; 1a")) | st.text(
    st.characters(exclude_categories=["Cs"])
)


@given(names=st.lists(TEXT, min_size=1))
def test_table_has_no_formulas_and_every_name_is_restored(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.csv")
        output = output_at(path, RecognitionTask())
        with closing(output):
            output.open(0, is_begun=False)
            output.append([{"file": name, "error": f"={name}"} for name in names])
        _, *rows = table(path)
    assert len(rows) == len(names)
    for name, row in zip(names, rows, strict=True):
        assert (from_cell(row[0]), from_cell(row[-1])) == (name, f"={name}")
        for cell in row:
            assert not re.match(r"[=@\t\r\n＝＠＋－]|[+-](?![\d \-./,:()+]*\Z)", cell)


@pytest.mark.parametrize("text", ["-12", "+41 44-1", "1=", "a.png", "'", "'a", ""])
def test_results_and_usual_names_are_unchanged_in_a_table(text: str) -> None:
    assert as_cell(text) == from_cell(text) == text


def test_run_is_resumed_after_names_that_begin_like_formulas(tmp_path: Path) -> None:
    rows = [{**ROW, "file": "=1.png"}, {**FAILED, "file": "@2.png"}]
    for row in rows:
        write(tmp_path / "r.csv", row)
    with Journal(tmp_path / "r.csv.journal", {"input": "a"}, keep_rows=False) as journal:
        assert [journal.has(str(row["file"])) for row in rows] == [True, True]
    assert [line[0] for line in table(tmp_path / "r.csv")] == ["file", "'=1.png", "'@2.png"]
    write(tmp_path / "r.jsonl", *rows)
    assert '"file": "=1.png"' in (tmp_path / "r.jsonl").read_text()


def test_control_characters_are_escaped_in_the_summary() -> None:
    counts = RowCounts().plus([{"file": "a\n\x1b[2Jb.png", "error": "expected an image"}])
    *_, line = Summary(counts, 0, 0, 1.0).text("r.csv").split("\n")
    assert line == r"first error: a\n\x1b[2Jb.png: expected an image"


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
@pytest.mark.parametrize("rest", [b"torn", b'torn, "\n and half a row', b"c.png,,,,complete\n"])
def test_incomplete_rows_are_truncated(tmp_path: Path, name: str, rest: bytes) -> None:
    write(tmp_path / name, ROW)
    complete = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(complete + rest)
    write(tmp_path / name, FAILED)
    assert (tmp_path / name).read_bytes().startswith(complete)
    assert (tmp_path / name).read_bytes().count(b"c.png") == 1


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_foreign_file_is_not_changed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious\n")
    with pytest.raises(OutputError, match="one that this command did not begin"):
        write(tmp_path / name, ROW)
    assert (tmp_path / name).read_text() == "precious\n"


def test_results_that_lost_rows_are_rejected(tmp_path: Path) -> None:
    length = write(tmp_path / "r.csv", ROW)
    (tmp_path / "r.csv").write_bytes((tmp_path / "r.csv").read_bytes()[:9])
    with pytest.raises(
        OutputError, match=rf"expected the {length} bytes.*Received: 9. .*remove r.csv.journal"
    ):
        write(tmp_path / "r.csv", FAILED)
    (tmp_path / "r.csv").unlink()
    with pytest.raises(OutputError, match="Received: 0"):
        write(tmp_path / "r.csv", FAILED)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_kill_before_the_first_commit_loses_nothing(tmp_path: Path, suffix: str) -> None:
    path, complete = tmp_path / f"r{suffix}", tmp_path / f"complete{suffix}"
    with (
        Journal(journal_path(path), {"input": "a"}) as journal,
        closing(output_at(path, RecognitionTask())) as output,
    ):
        output.open(journal.length, is_begun=journal.is_begun)
        journal.begin()
        output.append([FAILED])
    write(path, ROW)
    write(complete, ROW)
    assert path.read_bytes() == complete.read_bytes()


def test_concurrent_run_invalid_journal_and_other_command_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "text.csv.journal").write_text("longer than the header of an SQLite file\n" * 9)
    with pytest.raises(OutputError, match="expected a journal at"):
        write(tmp_path / "text.csv", ROW)
    path = tmp_path / "r.csv"
    write(path, ROW)
    another = pytest.raises(OutputError, match="one that another run writes")
    with Journal(journal_path(path), {"input": "a"}), another:
        write(path, FAILED)
    with pytest.raises(OutputError, match=r"Received: another input. Name another output, or remove"):
        write(path, FAILED, command="b")


@contextmanager
def full_disk() -> Iterator[None]:
    """Let every write of this process fail."""
    resource = pytest.importorskip("resource", reason="no limit of file sizes on this system")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "record",
    [Journal.begin, lambda journal: journal.add([{"file": "a.png"}], 9)],
    ids=["the begin", "a row"],
)
def test_full_disk_is_reported(tmp_path: Path, record: Callable[[Journal], None]) -> None:
    with (
        Journal(tmp_path / "r.csv.journal", {}) as journal,
        full_disk(),
        pytest.raises(OutputError, match=r"expected a journal at .*r\.csv\.journal\. Received: "),
    ):
        record(journal)


def test_journal_has_names_and_counts_and_takes_a_row_once(tmp_path: Path) -> None:
    write(tmp_path / "r.jsonl", ROW, FAILED, {**ROW, "file": "d.png", "accepted": False})
    with Journal(tmp_path / "r.jsonl.journal", {"input": "a"}) as journal:
        assert [journal.has(name) for name in (ROW["file"], "c.png", "e.png")] == [True, True, False]
        assert journal.counts == (1, 1, 1, "c.png: expected an image")
    with pytest.raises(OutputError):
        write(tmp_path / "r.jsonl", ROW)


NUMBER = {"text": "14052006", "transcript": "14/05/2006", "confidence": 0.5, "accepted": True}
FIELDS = {
    "day": {"box": [0, 0, 1, 0.5]},
    "=sum": {"box": [0, 0.5, 0.5, 0.5]},
    "digit": {"box": [0.5, 0.5, 0.5, 0.5]},
}
FORM = RecognitionTask("form", form=Form(fields=FIELDS).prepare())


@pytest.mark.parametrize("name", ["r.csv", "r.parquet"])
def test_table_of_numbers_has_the_transcripts(tmp_path: Path, name: str) -> None:
    fields = {name: {**NUMBER, "text": name} for name in FIELDS}
    write(tmp_path / f"number-{name}", {"file": "a.png", **NUMBER}, FAILED, task=RecognitionTask("number"))
    write(tmp_path / f"form-{name}", {"file": "a.png", "fields": fields}, FAILED, task=FORM)
    number, failed = records(tmp_path / f"number-{name}")
    assert number == {"file": "a.png", **NUMBER, "error": None}
    assert failed == {**dict.fromkeys(NUMBER), **FAILED}
    record, failed = records(tmp_path / f"form-{name}")
    assert list(record) == list(failed) == list(FORM.columns)
    for field in FIELDS:
        assert (record[field], record[f"{field}.transcript"], failed[field]) == (field, "14/05/2006", None)


def records(path: Path) -> list[dict[str, object]]:
    """Return the rows by the names of their columns, with cells as in JSON."""
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet", reason="needs pip install 'digitrec[parquet]'")
        return list(parquet.read_table(path).to_pylist())
    known = {"": None, "true": True, "0.5": 0.5}
    names, *lines = ([known.get(cell, from_cell(cell)) for cell in line] for line in table(path))
    return [dict(zip(names, line, strict=True)) for line in lines]


def test_duplicate_columns_are_rejected(tmp_path: Path) -> None:
    task = RecognitionTask("form", form=Form(fields={"error": {"box": [0, 0, 1, 1]}}).prepare())
    with pytest.raises(InvalidFieldError, match="Received: 'error' twice"):
        output_at(tmp_path / "r.csv", task)
    output_at(tmp_path / "r.jsonl", task)


def test_a_workbook_marks_what_needs_checking_and_has_no_formulas(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="needs pip install 'digitrec[xlsx]'")
    right, doubtful = {**NUMBER, "text": "14"}, {**NUMBER, "text": "15", "accepted": False}
    read = dict.fromkeys(FIELDS, right)
    violation = {"fields": ["digit"], "message": "expected a number of 1 to 6."}
    rows = [
        {"file": "=a.png", "fields": {**read, "=sum": doubtful}, "violations": [violation]},
        {"file": "b.png", "fields": {**read, "day": {"error": "blank"}}, "violations": []},
        {"file": "c\x0b.png", "error": "expected an image"},
    ]
    write(tmp_path / "r.xlsx", *rows, task=FORM)
    header, *lines = openpyxl.load_workbook(tmp_path / "r.xlsx").active.iter_rows()
    names = ["file", "accepted", "day", "=sum", "digit", "violations", "error"]
    assert [cell.value for cell in header] == names
    values = ["=a.png", False, "14", "15", "14", violation["message"], None]
    assert [cell.value for cell in lines[0]] == values
    assert {cell.data_type for line in (header, *lines) for cell in line if cell.value} == {"s"}
    marked = [[cell.column for cell in line if cell.fill.fill_type] for line in lines]
    assert marked == [[2, 4, 5], [2, 3], [1, 2, 3, 4, 5]]
    assert lines[2][0].value == "c\\x0b.png"


def test_a_workbook_marks_an_error_in_a_field_that_is_not_required_unless_it_is_blank(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="needs pip install 'digitrec[xlsx]'")
    form = Form(fields={"mark": {"box": [0, 0, 1, 1], "required": False}})
    output = output_at(tmp_path / "r.xlsx", RecognitionTask("form", form=form))
    errors = (BLANK_MESSAGE, "expected an image of at most 1,000 pixels.")
    output.finish({"file": "a.png", "fields": {"mark": {"error": error}}} for error in errors)
    lines = list(openpyxl.load_workbook(tmp_path / "r.xlsx").active.iter_rows(min_row=2))
    assert [line[2].fill.fill_type for line in lines] == [None, "solid"]


def test_a_workbook_of_digits_has_the_columns_of_csv(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="needs pip install 'digitrec[xlsx]'")
    write(tmp_path / "r.xlsx", ROW, FAILED)
    header, first, second = openpyxl.load_workbook(tmp_path / "r.xlsx").active.iter_rows(values_only=True)
    assert header == RecognitionTask().columns
    assert first[:2] == (ROW["file"], ROW["digit"])
    assert second[-1] == FAILED["error"]
