"""`digitrec batch` end to end: one row per image, also after a kill."""

from __future__ import annotations

import csv
import json
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from batch_runs import Command, child_processes, count_lines, rows, start_batch, wait_for_end

from sample_digits import draw_digit, draw_number, png_bytes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["nowhere"], "digitrec: input: expected a folder"),
        (["scans/empty"], "expected images in scans/empty. Received: none"),
        (["scans", "--choices", "nowhere.txt"], "choices: expected a text file"),
        (
            ["scans", "--form", "scans/unknown.json"],
            "form.fields.mark.colour: expected only the fields kind, box",
        ),
        (["scans", "--model", "nowhere.h5"], "expected a model file"),
    ],
)
def test_invalid_argument_is_an_error_and_nothing_is_written(
    batch: Command, scans: Path, arguments: list[str], error: str
) -> None:
    (scans / "empty").mkdir()
    (scans / "unknown.json").write_text('{"fields": {"mark": {"box": [0, 0, 1, 1], "colour": 1}}}')
    assert error in batch(*arguments, "--output", "out/r.csv", check=1).stderr
    assert list(scans.parent.iterdir()) == [scans]


def test_rows_equal_those_of_predict_and_later_runs_add_new_images_alone(
    batch: Command, command: Command, scans: Path
) -> None:
    inputs = ("scans", "scans/0.png", "scans/*.png", "--output", "new/r.jsonl")
    done = batch(*inputs)
    assert "10 rows: 10 accepted, 0 rejected, 0 failed" in done.stderr
    assert "7 duplicate inputs skipped" in done.stderr
    output = scans.parent / "new" / "r.jsonl"
    results = rows(output)
    assert [row["digit"] for row in results] == list(range(10))
    predicted = command("predict", "--json", *(row["file"] for row in results))
    assert output.read_text() == predicted.stdout
    (scans / "0a.png").write_bytes(png_bytes(draw_digit(3)))
    assert "1 new in" in batch(*inputs).stderr
    assert "0 new in" in batch(*inputs).stderr
    assert output.read_text().startswith(predicted.stdout)
    assert [row["digit"] for row in rows(output)] == [*range(10), 3]


def test_bad_files_become_rows_and_the_exit_code_is_3(batch: Command, scans: Path) -> None:
    (scans / "corrupt.png").write_bytes((scans / "0.png").read_bytes()[:-400])
    (scans / "blank.png").write_bytes(png_bytes(np.full((99, 99), 255, np.uint8)))
    (scans / "list.txt").write_text("missing.png\n")
    done = batch("scans", "scans/list.txt", "--output", "r.jsonl", check=3)
    results = rows(scans.parent / "r.jsonl")
    errors = {Path(row["file"]).name: row["error"] for row in results if "error" in row}
    assert errors.keys() == {"corrupt.png", "blank.png", "missing.png"}
    assert "truncated or corrupt" in errors["corrupt.png"]
    assert "13 rows: 10 accepted, 0 rejected, 3 failed" in done.stderr
    assert "first error: scans/blank.png: expected a digit. Received: a blank image" in done.stderr
    batch("scans", "scans/list.txt", "--output", "r.jsonl", check=3)


def test_changed_command_is_rejected(batch: Command, scans: Path) -> None:
    batch("scans", "--output", "r.jsonl")
    for options in (["scans/more"], ["scans", "--task", "number"], ["scans", "--threshold", "0.5"]):
        done = batch(*options, "--output", "r.jsonl", check=1)
        assert "Name another output, or remove r.jsonl.journal" in done.stderr


def test_numbers_and_forms_equal_those_of_the_read_command(
    batch: Command, command: Command, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "n.png"), draw_number("2358"))
    fields = {
        "left": {"box": [0, 0, 0.5, 1], "length": 2},
        "right": {"box": [0.5, 0, 0.5, 1], "pattern": "d-d"},
    }
    (tmp_path / "form.json").write_text(json.dumps({"fields": fields}))
    for options in (["--length", "4"], ["--pattern", "dd-dd"], ["--form", "form.json"]):
        output = f"{options[0]}.jsonl".strip("-")
        batch("n.png", "--output", output, *options)
        assert (tmp_path / output).read_text() == command("read", "--json", "n.png", *options).stdout
    batch("n.png", "--output", "f.csv", "--form", "form.json")
    with (tmp_path / "f.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["file"], row["left"], row["right"], row["right.error"]) == ("n.png", "23", "5-8", "")
    assert row["left.transcript"]
    assert list(row)[:7] == ["file", "accepted", "fit", "error", "violations", "left", "left.transcript"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals, which are not on this system")
@pytest.mark.parametrize(
    ("number", "output"),
    [(signal.SIGKILL, "r.csv"), (signal.SIGINT, "r.jsonl"), (signal.SIGTERM, "r.jsonl")],
)
def test_stopped_run_leaves_no_worker_and_is_resumed(
    batch: Command, many_images: int, tmp_path: Path, number: signal.Signals, output: str
) -> None:
    process = start_batch(tmp_path, output, 100, "many", "--workers", 1)
    workers = child_processes(process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    before = count_lines(tmp_path / output) - output.endswith(".csv")
    assert 99 <= before < many_images
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "interrupted; run the same command to resume" in stderr
        assert "Traceback" not in stderr
        assert len(rows(tmp_path / output)) == before  # complete ones
    done = batch("many", "--output", output)
    assert f"{many_images:,} rows" in done.stderr
    assert " from earlier runs" in done.stderr
    if output.endswith(".csv"):
        with (tmp_path / output).open(newline="") as file:
            results = list(csv.DictReader(file))
    else:
        results = rows(tmp_path / output)
    expected = [(f"many/{count:03d}.png", count % 10) for count in range(many_images)]
    assert [(row["file"], int(row["digit"])) for row in results] == expected
    wait_for_end(workers)
