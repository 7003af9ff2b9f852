"""The results and their journal: each row once, whatever was cut off where."""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitrec import InvalidFieldError, OutputError
from digitrec.batch.journal import Journal, journal_path
from digitrec.batch.output import output_at
from digitrec.batch.spreadsheet import as_cell, from_cell
from digitrec.batch.summary import RowCounts, Summary
from digitrec.batch.task import RecognitionTask
from digitrec.forms import parse_form

ROW = {"file": 'a, "b"\n.png', "digit": 7, "confidence": 0.5, "accepted": True}
FAULT = {"file": "c.png", "error": "expected an image"}


def write(path: Path, *rows: dict[str, object], command: str = "a") -> int:
    """Write rows as a run does; return the results' length."""
    output = output_at(path, RecognitionTask())
    with (
        Journal(journal_path(path), {"input": command}, keep_rows=output.keeps_rows) as journal,
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


def test_another_kind_of_output_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"expected an output named .csv, .jsonl or .parquet"):
        output_at(tmp_path / "results.xlsx", RecognitionTask())


def test_a_table_has_its_heading_once_and_survives_any_name(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", ROW)
    write(tmp_path / "r.csv", FAULT)
    assert table(tmp_path / "r.csv") == [
        ["file", "digit", "confidence", "accepted", "error"],
        [ROW["file"], "7", "0.5", "true", ""],
        ["c.png", "", "", "", "expected an image"],
    ]


TEXT = st.text(st.sampled_from("=+-@\t\r\n＝＋－＠'\",; 1a")) | st.text(
    st.characters(exclude_categories=["Cs"])
)


@given(names=st.lists(TEXT, min_size=1))
def test_no_text_of_a_table_is_a_formula_and_every_name_is_read_back(names: list[str]) -> None:
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


@pytest.mark.parametrize("answer", ["-12", "+41 44-1", "1=", "a.png", "'", "'a", ""])
def test_an_answer_and_a_usual_name_stand_in_a_table_as_they_are(answer: str) -> None:
    assert as_cell(answer) == from_cell(answer) == answer


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_name_that_begins_like_a_formula_has_an_apostrophe(sign: str) -> None:
    assert as_cell(f"{sign}cmd|' /C calc'!A0") == f"'{sign}cmd|' /C calc'!A0"
    assert from_cell(as_cell(f"'{sign}a")) == f"'{sign}a"


def test_a_run_goes_on_after_names_that_begin_like_formulas(tmp_path: Path) -> None:
    rows = [{**ROW, "file": "=1.png"}, {**FAULT, "file": "@2.png"}]
    for row in rows:
        write(tmp_path / "r.csv", row)
    with Journal(tmp_path / "r.csv.journal", {"input": "a"}, keep_rows=False) as journal:
        assert [journal.has(str(row["file"])) for row in rows] == [True, True]
    assert [line[0] for line in table(tmp_path / "r.csv")] == ["file", "'=1.png", "'@2.png"]
    write(tmp_path / "r.jsonl", *rows)
    assert '"file": "=1.png"' in (tmp_path / "r.jsonl").read_text()


def test_a_name_does_not_break_out_of_its_line_of_the_summary() -> None:
    tally = RowCounts().plus([{"file": "a\n\x1b[2Jb.png", "error": "expected an image"}])
    *_, line = Summary(tally, 0, 0, 1.0).text("r.csv").split("\n")
    assert line == r"the first error: a\n\x1b[2Jb.png: expected an image"


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
@pytest.mark.parametrize("left_behind", [b"torn", b'torn, "\n and half a row', b"c.png,,,,whole\n"])
def test_what_the_journal_does_not_know_is_cut_off(tmp_path: Path, name: str, left_behind: bytes) -> None:
    write(tmp_path / name, ROW)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole + left_behind)
    write(tmp_path / name, FAULT)
    assert (tmp_path / name).read_bytes().startswith(whole)
    assert (tmp_path / name).read_bytes().count(b"c.png") == 1


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_a_file_that_no_run_began_is_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious\n")
    with pytest.raises(OutputError, match="one that this command did not begin"):
        write(tmp_path / name, ROW)
    assert (tmp_path / name).read_text() == "precious\n"


def test_results_that_lost_rows_are_told(tmp_path: Path) -> None:
    length = write(tmp_path / "r.csv", ROW)
    (tmp_path / "r.csv").write_bytes((tmp_path / "r.csv").read_bytes()[:9])
    with pytest.raises(
        OutputError, match=rf"expected the {length} bytes.*Received: 9. .*remove r.csv.journal"
    ):
        write(tmp_path / "r.csv", FAULT)
    (tmp_path / "r.csv").unlink()
    with pytest.raises(OutputError, match="Received: 0"):
        write(tmp_path / "r.csv", FAULT)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_kill_before_the_first_rows_are_noted_costs_nothing(tmp_path: Path, suffix: str) -> None:
    path, whole = tmp_path / f"r{suffix}", tmp_path / f"whole{suffix}"
    with (
        Journal(journal_path(path), {"input": "a"}) as journal,
        closing(output_at(path, RecognitionTask())) as output,
    ):
        output.open(journal.length, is_begun=journal.is_begun)
        journal.begin()
        output.append([FAULT])
    write(path, ROW)
    write(whole, ROW)
    assert path.read_bytes() == whole.read_bytes()


def test_another_command_is_told(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", ROW)
    with pytest.raises(OutputError, match=r"Received: another input. Name another output, or remove"):
        write(tmp_path / "r.csv", FAULT, command="b")


def test_a_second_run_at_the_same_time_is_told(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "r.csv.journal", {}),
        pytest.raises(OutputError, match="one that another run writes"),
    ):
        Journal(tmp_path / "r.csv.journal", {})


def test_a_journal_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.csv.journal").write_text(
        "notes of mine, and more than SQLite would take for a short file\n" * 9
    )
    with pytest.raises(OutputError, match="expected a journal at"):
        Journal(tmp_path / "r.csv.journal", {})


@contextmanager
def full_disk() -> Iterator[None]:
    """Let this process write nothing into any file."""
    resource = pytest.importorskip("resource", reason="no limit of file sizes on this system")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "note",
    [Journal.begin, lambda journal: journal.add([{"file": "a.png"}], 9)],
    ids=["the begin", "a row"],
)
def test_a_disk_without_room_for_the_journal_is_told(tmp_path: Path, note: Callable[[Journal], None]) -> None:
    with (
        Journal(tmp_path / "r.csv.journal", {}) as journal,
        full_disk(),
        pytest.raises(OutputError, match=r"expected a journal at .*r\.csv\.journal\. Received: "),
    ):
        note(journal)


def test_the_journal_knows_names_and_how_rows_came_out(tmp_path: Path) -> None:
    write(tmp_path / "r.jsonl", ROW, FAULT, {**ROW, "file": "d.png", "accepted": False})
    with Journal(tmp_path / "r.jsonl.journal", {"input": "a"}) as journal:
        assert [journal.has(name) for name in (ROW["file"], "c.png", "e.png")] == [True, True, False]
        assert journal.tally == (1, 1, 1, "c.png: expected an image")


def test_a_row_is_not_written_twice(tmp_path: Path) -> None:
    write(tmp_path / "r.jsonl", ROW)
    with pytest.raises(OutputError):
        write(tmp_path / "r.jsonl", ROW)


NUMBER = {"text": "14052006", "transcript": "14/05/2006", "confidence": 0.5, "accepted": True}
FIELDS = {"day": {"box": [0, 0, 1, 1]}, "=sum": {"box": [0, 0, 1, 1]}}
FORM = RecognitionTask("form", fields=parse_form(FIELDS))


@pytest.mark.parametrize(
    ("question", "row"),
    [
        (RecognitionTask("number"), NUMBER),
        (FORM, {"fields": {name: {**NUMBER, "text": name} for name in FIELDS}}),
    ],
    ids=["number", "form"],
)
@pytest.mark.parametrize("name", ["r.csv", "r.parquet"])
def test_a_table_of_numbers_has_what_stands_on_the_paper(
    tmp_path: Path, task: RecognitionTask, row: dict[str, object], name: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="needs pip install 'digitrec[parquet]'")
    written = [{"file": "a.png", **row}, {"file": "b.png", "error": "expected an image"}]
    output = output_at(tmp_path / name, task)
    with closing(output):
        output.open(0, is_begun=False)
        output.append(written)
        output.finish(written)
    names, first, second = cells_of(tmp_path / name)
    assert list(map(from_cell, names)) == list(task.columns)
    marked = [index for index, column in enumerate(names) if column.endswith("transcript")]
    assert len(marked) == len(row.get("fields", "."))
    for index in marked:
        text = from_cell(names[index].removesuffix(".transcript")) if task.fields else "14052006"
        assert first[index - 1 : index + 3] == [text, "14/05/2006", 0.5, True]
        assert second[index] is None


def cells_of(path: Path) -> list[list[object]]:
    """Return the heading and the rows, their cells as JSON has them."""
    if path.suffix == ".parquet":
        found = pytest.importorskip("pyarrow.parquet").read_table(path)
        return [found.column_names, *(list(row.values()) for row in found.to_pylist())]
    known = {"": None, "true": True, "0.5": 0.5}
    names, *lines = table(path)
    return [names, *([known.get(cell, from_cell(cell)) for cell in line] for line in lines)]


def test_columns_of_the_same_name_are_told(tmp_path: Path) -> None:
    task = RecognitionTask("form", fields=parse_form({"error": {"box": [0, 0, 1, 1]}}))
    with pytest.raises(InvalidFieldError, match="Received: 'error' twice"):
        output_at(tmp_path / "r.csv", task)
    output_at(tmp_path / "r.jsonl", task)


def test_parquet_is_written_whole_and_anew(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pip install 'digitrec[parquet]'")
    write(tmp_path / "r.parquet", ROW)
    write(tmp_path / "r.parquet", FAULT)
    assert parquet.read_table(tmp_path / "r.parquet").to_pylist() == [
        {**ROW, "error": None},
        {**FAULT, "digit": None, "confidence": None, "accepted": None},
    ]


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "digitrec.batch.parquet", None)
    with pytest.raises(OutputError, match=r"pip install 'digitrec\[parquet\]'"):
        output_at(tmp_path / "r.parquet", RecognitionTask())
