"""`digitrec batch` end to end: one row per image, also after a kill."""

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
from batch_runs import BatchCommand, count_lines, rows, start_batch

from sample_digits import draw_digit, png_bytes


def test_missing_input_is_an_error_and_nothing_is_written(batch: BatchCommand, tmp_path: Path) -> None:
    done = batch("nowhere", "--output", "out/r.csv", check=1)
    assert done.stderr.startswith("digitrec: input: expected a folder")
    assert list(tmp_path.iterdir()) == []


def test_empty_folder_is_an_error_and_nothing_is_written(batch: BatchCommand, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "expected images in empty. Received: none" in batch("empty", "--output", "r.csv", check=1).stderr
    assert [item.name for item in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--pattern", "dz"], "pattern: expected a pattern"),
        (["--length", "0"], "length: expected a whole number"),
        (["--choices", "nowhere.txt"], "choices: expected a text file"),
        (["--form", "unknown.json"], "fields.mark: expected the keys box"),
        (["--model", "nowhere.h5"], "expected a model file"),
    ],
)
def test_invalid_option_is_an_error_and_nothing_is_written(
    batch: BatchCommand, scans: Path, options: list[str], error: str
) -> None:
    (scans.parent / "unknown.json").write_text('{"mark": {"box": [0, 0, 1, 1], "colour": 1}}')
    assert error in batch("scans", "--output", "r.csv", *options, check=1).stderr
    assert sorted(item.name for item in scans.parent.iterdir()) == ["scans", "unknown.json"]


def test_rows_equal_those_of_predict_and_a_second_run_adds_none(batch: BatchCommand, scans: Path) -> None:
    done = batch("scans", "--output", "new/r.jsonl")
    output = scans.parent / "new" / "r.jsonl"
    results = rows(output)
    assert [row["digit"] for row in results] == list(range(10))
    command = [sys.executable, "-m", "digitrec", "predict", "--json", *(row["file"] for row in results)]
    predicted = subprocess.run(command, cwd=scans.parent, capture_output=True, text=True, check=True)
    assert output.read_text() == predicted.stdout
    assert "10 rows: 10 accepted, 0 low confidence, 0 failed" in done.stderr
    assert "0 new in" in batch("scans", "--output", "new/r.jsonl").stderr
    assert output.read_text() == predicted.stdout


def test_second_run_adds_new_images(batch: BatchCommand, scans: Path) -> None:
    batch("scans", "--output", "r.jsonl")
    (scans / "0a.png").write_bytes(png_bytes(draw_digit(3)))
    assert "1 new in" in batch("scans", "--output", "r.jsonl").stderr
    assert [row["digit"] for row in rows(scans.parent / "r.jsonl")] == [*range(10), 3]


def test_bad_files_become_rows_and_the_exit_code_is_3(batch: BatchCommand, scans: Path) -> None:
    (scans / "corrupt.png").write_bytes((scans / "0.png").read_bytes()[:-400])
    (scans / "blank.png").write_bytes(png_bytes(np.full((99, 99), 255, np.uint8)))
    (scans / "list.txt").write_text("missing.png\n")
    done = batch("scans", "scans/list.txt", "--output", "r.jsonl", check=3)
    errors = {
        Path(row["file"]).name: row["error"] for row in rows(scans.parent / "r.jsonl") if "error" in row
    }
    assert errors.keys() == {"corrupt.png", "blank.png", "missing.png"}
    assert "truncated or corrupt" in errors["corrupt.png"]
    assert "13 rows: 10 accepted, 0 low confidence, 3 failed" in done.stderr
    assert "first error: scans/blank.png: expected a digit. Received: a blank image" in done.stderr
    batch("scans", "scans/list.txt", "--output", "r.jsonl", check=3)


def test_duplicate_inputs_are_read_once(batch: BatchCommand, scans: Path) -> None:
    done = batch("scans", "scans/0.png", "scans/*.png", "--output", "r.jsonl")
    assert len(rows(scans.parent / "r.jsonl")) == 10
    assert "7 duplicate inputs skipped" in done.stderr


def test_changed_command_is_rejected(batch: BatchCommand, scans: Path) -> None:
    batch("scans", "--output", "r.jsonl")
    for options in (["scans/more"], ["scans", "--task", "number"], ["scans", "--threshold", "0.5"]):
        assert (
            "Name another output, or remove r.jsonl.journal"
            in batch(*options, "--output", "r.jsonl", check=1).stderr
        )


def test_archives_give_the_rows_of_their_files(batch: BatchCommand, scans: Path) -> None:
    with zipfile.ZipFile(scans.parent / "a.zip", "w") as archive:
        for digit in range(6):
            archive.write(scans / f"{digit}.png", f"{digit}.png")
        archive.writestr("../7.png", b"")
    batch("a.zip", "--output", "r.jsonl", check=3)
    results = rows(scans.parent / "r.jsonl")
    assert [(row["file"], row.get("digit")) for row in results[:-1]] == [
        (f"a.zip/{n}.png", n) for n in range(6)
    ]
    assert "leads outside" in results[-1]["error"]


def number(text: str) -> np.ndarray:
    return np.hstack([draw_digit(int(char), 100, 8) for char in text])


def test_numbers_and_forms_equal_those_of_the_read_command(batch: BatchCommand, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "n.png"), number("2358"))
    fields = {
        "left": {"box": [0, 0, 0.5, 1], "length": 2},
        "right": {"box": [0.5, 0, 0.5, 1], "pattern": "d-d"},
    }
    (tmp_path / "fields.json").write_text(json.dumps(fields))
    for options in (["--length", "4"], ["--pattern", "dd-dd"], ["--form", "fields.json"]):
        output = f"{options[0]}.jsonl".strip("-")
        batch("n.png", "--output", output, *options)
        command = [sys.executable, "-m", "digitrec", "read", "--json", "n.png", *options]
        read = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert (tmp_path / output).read_text() == read.stdout
    batch("n.png", "--output", "f.csv", "--form", "fields.json")
    with (tmp_path / "f.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["file"], row["left"], row["right"], row["right.error"]) == ("n.png", "23", "5-8", "")
    assert row["left.transcript"]
    assert list(row)[:4] == ["file", "error", "left", "left.transcript"]


@pytest.mark.parametrize("output", ["r.jsonl", "r.csv"])
def test_killed_run_is_resumed(batch: BatchCommand, many_images: int, tmp_path: Path, output: str) -> None:
    process = start_batch(tmp_path, output, 100, "many", "--workers", 1)
    process.kill()
    process.communicate(timeout=30)
    before = count_lines(tmp_path / output) - output.endswith(".csv")
    assert 99 <= before < many_images
    done = batch("many", "--output", output)
    assert f"{many_images:,} rows" in done.stderr
    assert " from earlier runs" in done.stderr
    names = [f"many/{count:03d}.png" for count in range(many_images)]
    if output.endswith(".csv"):
        with (tmp_path / output).open(newline="") as file:
            results = list(csv.DictReader(file))
    else:
        results = rows(tmp_path / output)
    assert [row["file"] for row in results] == names
    assert [int(row["digit"]) for row in results] == [count % 10 for count in range(many_images)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals, which are not on this system")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_has_complete_rows_and_is_resumed(
    batch: BatchCommand, many_images: int, tmp_path: Path, number: signal.Signals
) -> None:
    process = start_batch(tmp_path, "r.jsonl", 100, "many", "--workers", 1)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; run the same command to resume" in stderr
    assert "Traceback" not in stderr
    before = len(rows(tmp_path / "r.jsonl"))
    assert f"{many_images - before:,} new in" in batch("many", "--output", "r.jsonl").stderr
    assert len({row["file"] for row in rows(tmp_path / "r.jsonl")}) == many_images


@pytest.mark.skipif(
    sys.platform != "linux", reason="finds the processes in /proc, which is not on this system"
)
def test_no_worker_outlives_a_killed_run(many_images: int, tmp_path: Path) -> None:
    process = start_batch(tmp_path, "r.jsonl", 100, "many", "--workers", 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.communicate(timeout=30)
    end = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.05)
