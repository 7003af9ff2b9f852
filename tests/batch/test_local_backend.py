"""Worker processes: no rows are lost if one of them dies."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from batch_runs import child_processes, count_lines, rows, start_batch

from digitrec import ModelNotFoundError
from digitrec.batch.local_backend import run_local
from digitrec.batch.task import InputItem, RecognitionTask
from digitrec.files import packaged_model_path
from sample_digits import draw_digit, png_bytes


class Deadly(bytes):
    """An image that kills the process that unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


def read(*batches: list[InputItem], model: Path | None = None) -> list[dict[str, Any]]:
    batch_rows = run_local(batches, RecognitionTask(), model or packaged_model_path(), 1)
    return [row for rows in batch_rows for row in rows]


def good(digit: int) -> InputItem:
    return InputItem(str(digit), png_bytes(draw_digit(digit)))


@pytest.mark.slow
def test_image_that_kills_its_worker_is_an_error_and_the_others_are_read() -> None:
    results = read(
        [good(0), InputItem("deadly", Deadly(b"x")), good(2)], [good(3)], [good(4)], [good(5)], [good(6)]
    )
    assert [row["file"] for row in results] == ["0", "deadly", "2", "3", "4", "5", "6"]
    assert "died, twice" in results[1]["error"]
    assert [row.get("digit") for row in results] == [0, None, 2, 3, 4, 5, 6]


def test_model_error_is_raised_and_no_batches_give_no_rows(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError):
        read([good(0)], model=tmp_path / "nowhere.h5")
    assert read() == []


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux", reason="finds the processes in /proc, which is not on this system"
)
def test_killed_worker_loses_no_row(many_images: int, tmp_path: Path) -> None:
    process = start_batch(tmp_path, "r.jsonl", 100, "many", "--workers", 2)
    children = child_processes(process)
    workers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert count_lines(tmp_path / "r.jsonl") < many_images
    os.kill(int(workers[0]), signal.SIGKILL)
    assert process.wait(60) == 0
    process.communicate()
    digits = [row["digit"] for row in rows(tmp_path / "r.jsonl")]
    assert digits == [number % 10 for number in range(many_images)]
