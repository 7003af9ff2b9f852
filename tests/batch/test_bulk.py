"""`digitrec batch` as it is used: every picture gets its row, once, whatever happens on the way."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from bulk_steps import Bulk, count_lines, rows, start_bulk

from handwriting import draw_digit, png_bytes


def test_a_missing_input_is_told_and_nothing_written(bulk: Bulk, tmp_path: Path) -> None:
    done = bulk("nowhere", "--output", "out/r.csv", check=1)
    assert done.stderr.startswith("digitrec: input: expected a folder")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_told_and_nothing_written(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "expected pictures in empty. Received: none" in bulk("empty", "--output", "r.csv", check=1).stderr
    assert [item.name for item in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--pattern", "dz"], "pattern: expected a pattern"),
        (["--length", "0"], "length: expected a whole number"),
        (["--choices", "nowhere.txt"], "allowed: expected a text file"),
        (["--fields", "unknown.json"], "fields.mark: expected the keys box"),
        (["--model", "nowhere.h5"], "expected a model file"),
    ],
)
def test_what_cannot_be_asked_is_told_and_nothing_written(
    bulk: Bulk, scans: Path, options: list[str], error: str
) -> None:
    (scans.parent / "unknown.json").write_text('{"mark": {"box": [0, 0, 1, 1], "colour": 1}}')
    assert error in bulk("scans", "--output", "r.csv", *options, check=1).stderr
    assert sorted(item.name for item in scans.parent.iterdir()) == ["scans", "unknown.json"]


def test_rows_are_those_of_predict_and_the_same_command_does_nothing_twice(bulk: Bulk, scans: Path) -> None:
    done = bulk("scans", "--output", "new/r.jsonl")
    output = scans.parent / "new" / "r.jsonl"
    told = rows(output)
    assert [row["digit"] for row in told] == list(range(10))
    command = [sys.executable, "-m", "digitrec", "predict", "--json", *(row["file"] for row in told)]
    predicted = subprocess.run(command, cwd=scans.parent, capture_output=True, text=True, check=True)
    assert output.read_text() == predicted.stdout
    assert "10 rows: 10 accepted, 0 not sure, 0 with an error" in done.stderr
    assert "0 read in" in bulk("scans", "--output", "new/r.jsonl").stderr
    assert output.read_text() == predicted.stdout


def test_new_pictures_are_added_by_the_same_command(bulk: Bulk, scans: Path) -> None:
    bulk("scans", "--output", "r.jsonl")
    (scans / "0a.png").write_bytes(png_bytes(draw_digit(3)))
    assert "1 read in" in bulk("scans", "--output", "r.jsonl").stderr
    assert [row["digit"] for row in rows(scans.parent / "r.jsonl")] == [*range(10), 3]


def test_bad_files_become_rows_and_the_exit_code_is_3(bulk: Bulk, scans: Path) -> None:
    (scans / "corrupt.png").write_bytes((scans / "0.png").read_bytes()[:-400])
    (scans / "blank.png").write_bytes(png_bytes(np.full((99, 99), 255, np.uint8)))
    (scans / "list.txt").write_text("missing.png\n")
    done = bulk("scans", "scans/list.txt", "--output", "r.jsonl", check=3)
    faults = {
        Path(row["file"]).name: row["error"] for row in rows(scans.parent / "r.jsonl") if "error" in row
    }
    assert faults.keys() == {"corrupt.png", "blank.png", "missing.png"}
    assert "truncated or corrupt" in faults["corrupt.png"]
    assert "13 rows: 10 accepted, 0 not sure, 3 with an error" in done.stderr
    assert "the first error: scans/blank.png: expected a digit. Received: blank paper" in done.stderr
    bulk("scans", "scans/list.txt", "--output", "r.jsonl", check=3)


def test_what_is_named_twice_is_read_once(bulk: Bulk, scans: Path) -> None:
    done = bulk("scans", "scans/0.png", "scans/*.png", "--output", "r.jsonl")
    assert len(rows(scans.parent / "r.jsonl")) == 10
    assert "7 named more than once, read once" in done.stderr


def test_a_changed_command_is_told(bulk: Bulk, scans: Path) -> None:
    bulk("scans", "--output", "r.jsonl")
    for options in (["scans/more"], ["scans", "--read"], ["scans", "--threshold", "0.5"]):
        assert (
            "Name another output, or remove r.jsonl.journal"
            in bulk(*options, "--output", "r.jsonl", check=1).stderr
        )


def test_archives_give_the_answers_of_their_files(bulk: Bulk, scans: Path) -> None:
    with zipfile.ZipFile(scans.parent / "a.zip", "w") as archive:
        for digit in range(6):
            archive.write(scans / f"{digit}.png", f"{digit}.png")
        archive.writestr("../7.png", b"")
    bulk("a.zip", "--output", "r.jsonl", check=3)
    told = rows(scans.parent / "r.jsonl")
    assert [(row["file"], row.get("digit")) for row in told[:-1]] == [(f"a.zip/{n}.png", n) for n in range(6)]
    assert "leads outside" in told[-1]["error"]


def number(text: str) -> np.ndarray:
    return np.hstack([draw_digit(int(sign), 100, 8) for sign in text])


def test_numbers_and_forms_are_read_as_by_the_read_command(bulk: Bulk, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "n.png"), number("2358"))
    fields = {
        "left": {"box": [0, 0, 0.5, 1], "length": 2},
        "right": {"box": [0.5, 0, 0.5, 1], "pattern": "d-d"},
    }
    (tmp_path / "fields.json").write_text(json.dumps(fields))
    for options in (["--length", "4"], ["--pattern", "dd-dd"], ["--fields", "fields.json"]):
        output = f"{options[0]}.jsonl".strip("-")
        bulk("n.png", "--output", output, *options)
        command = [sys.executable, "-m", "digitrec", "read", "--json", "n.png", *options]
        read = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert (tmp_path / output).read_text() == read.stdout
    bulk("n.png", "--output", "f.csv", "--fields", "fields.json")
    with (tmp_path / "f.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["file"], row["left"], row["right"], row["right.error"]) == ("n.png", "23", "5-8", "")
    assert row["left.transcript"]
    assert list(row)[:4] == ["file", "error", "left", "left.transcript"]


@pytest.mark.parametrize("output", ["r.jsonl", "r.csv"])
def test_after_a_kill_the_same_command_goes_on(bulk: Bulk, many: int, tmp_path: Path, output: str) -> None:
    process = start_bulk(tmp_path, output, 100, "many", "--workers", 1)
    process.kill()
    process.communicate(timeout=30)
    before = count_lines(tmp_path / output) - output.endswith(".csv")
    assert 99 <= before < many
    done = bulk("many", "--output", output)
    assert f"{many:,} rows" in done.stderr
    assert " were there before" in done.stderr
    names = [f"many/{count:03d}.png" for count in range(many)]
    if output.endswith(".csv"):
        with (tmp_path / output).open(newline="") as file:
            told = list(csv.DictReader(file))
    else:
        told = rows(tmp_path / output)
    assert [row["file"] for row in told] == names
    assert [int(row["digit"]) for row in told] == [count % 10 for count in range(many)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals, which are not on this system")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_whole_rows_and_the_same_command_goes_on(
    bulk: Bulk, many: int, tmp_path: Path, number: signal.Signals
) -> None:
    process = start_bulk(tmp_path, "r.jsonl", 100, "many", "--workers", 1)
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopped before the end; the same command goes on from here" in told
    assert "Traceback" not in told
    before = len(rows(tmp_path / "r.jsonl"))
    assert f"{many - before:,} read in" in bulk("many", "--output", "r.jsonl").stderr
    assert len({row["file"] for row in rows(tmp_path / "r.jsonl")}) == many


@pytest.mark.skipif(
    sys.platform != "linux", reason="finds the processes in /proc, which is not on this system"
)
def test_no_worker_outlives_a_killed_run(many: int, tmp_path: Path) -> None:
    process = start_bulk(tmp_path, "r.jsonl", 100, "many", "--workers", 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.communicate(timeout=30)
    end = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.05)
