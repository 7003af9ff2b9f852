"""The images of the inputs: their names and their order."""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from digitrec import InvalidFieldError
from digitrec.batch.inputs import batched, count_inputs, iter_inputs, validate_inputs
from digitrec.batch.runner import BatchJob
from digitrec.batch.task import InputItem, RecognitionTask
from digitrec.cli.batch import _progress_bar


def names(*inputs: object) -> list[str]:
    return [item.name for item in iter_inputs([str(item) for item in inputs])]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "expected a folder.* Received: .*nowhere, which does not exist"),
        ("*.png", r"Received: .*\*.png, which does not exist"),
        ("list.csv", r"expected the column file in .*Received: \['path'\]"),
    ],
)
def test_input_that_is_none_is_rejected_before_the_run(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "list.csv").write_text("path\n0.png\n")
    with pytest.raises(InvalidFieldError, match=f"input: .*{message}"):
        validate_inputs([str(tmp_path / name)])


def test_empty_folder_has_no_images(tmp_path: Path) -> None:
    validate_inputs([str(tmp_path)])
    assert names(tmp_path) == []


def test_images_are_counted_but_not_in_a_tar_archive(scans: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "packed"), "zip", scans)
    assert count_inputs([str(scans), str(tmp_path / "*.zip")]) == 20
    shutil.make_archive(str(tmp_path / "packed"), "gztar", scans)
    assert count_inputs([str(scans), str(tmp_path / "packed.*")]) is None


def test_error_while_the_images_are_counted_is_left_to_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.csv").write_text("name\n1.png\n")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    job = BatchJob((str(tmp_path / "list.csv"),), tmp_path / "r.csv", RecognitionTask("digit"))
    with _progress_bar(job):
        for thread in threading.enumerate():
            if thread.name == "count":
                thread.join()
    assert "Error" not in terminal.getvalue()


def test_images_of_a_folder_are_found_recursively_and_in_order(scans: Path) -> None:
    for name in ("labels.csv", "Thumbs.db", "._1.png", ".DS_Store"):
        (scans / name).write_bytes(b"1")
    expected = [f"{scans}/{n}.png" for n in range(6)] + [f"{scans}/more/{n}.png" for n in range(6, 10)]
    assert names(scans) == expected


def test_glob_matches_images_and_folders_and_no_lists(scans: Path) -> None:
    (scans / "labels.csv").write_text("file,label\n9.png,9\n")
    assert names(scans / "*") == [*(f"{scans}/{n}.png" for n in range(6)), *names(scans / "more")]
    assert sorted(names(scans / "**" / "*.png")) == names(scans)


def test_existing_file_is_not_a_glob(tmp_path: Path) -> None:
    (tmp_path / "[1]*.png").write_bytes(b"")
    assert names(tmp_path / "[1]*.png") == [f"{tmp_path}/[1]*.png"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.txt", "0.png\n\n  more/7.png \n"),
        ("list.csv", "label,file\n0,0.png\n7,more/7.png\n"),
        ("list.jsonl", '{"file": "0.png"}\n{"file": "more/7.png", "label": "7"}\n'),
        ("list.txt", "{folder}/0.png\n{folder}/more/7.png\n"),
    ],
)
def test_list_is_relative_to_its_folder(scans: Path, name: str, text: str) -> None:
    (scans / name).write_text(text.replace("{folder}", str(scans)))
    assert names(scans / name) == [f"{scans}/0.png", f"{scans}/more/7.png"]


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        ("list.csv", "file,label\n0.png,0\n,1\n", "list.csv, line 3"),
        ("list.jsonl", '{"file": "0.png"}\n{"file": 7}\n', "list.jsonl, line 2"),
        ("list.jsonl", '{"file": "0.png"}\nfile\n', "list.jsonl, line 2"),
    ],
)
def test_line_without_a_name_is_one_error(tmp_path: Path, name: str, text: str, source: str) -> None:
    (tmp_path / name).write_text(text)
    first, second = iter_inputs([str(tmp_path / name)])
    assert (first.name, first.error) == (f"{tmp_path}/0.png", "")
    assert second.name == f"{tmp_path}/{source}"
    assert second.error.startswith("expected the name of a file")


def test_binary_list_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    (only,) = iter_inputs([str(tmp_path / "list.txt")])
    assert "expected a list of files in UTF-8" in only.error


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are not possible on this system")
def test_undecodable_names_stay_distinct(tmp_path: Path) -> None:
    for name in (b"\xe4.png", b"\xe5.png"):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(b"")
    assert names(tmp_path) == [f"{tmp_path}/\\xe4.png", f"{tmp_path}/\\xe5.png"]


def test_batches_are_bounded_in_number_and_in_bytes() -> None:
    items = [InputItem(str(number), b"x" * 3_000_000) for number in range(7)]
    assert [len(batch) for batch in batched(items, 32)] == [3, 3, 1]
    assert [len(batch) for batch in batched(items, 2)] == [2, 2, 2, 1]
    assert list(batched([], 2)) == []


def test_results_can_be_used_as_a_list(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("file,digit\n'=1.png,1\n''@2.png,2\n'3.png,3\n", encoding="utf-8")
    expected = [f"{tmp_path}/{name}" for name in ("=1.png", "'@2.png", "'3.png")]
    assert names(tmp_path / "r.csv") == expected
