"""Worker processes: a batch is answered even where one of them dies."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from bulk_steps import Bulk, count_lines, rows, start_bulk

from digitrec import ModelNotFoundError, Settings
from digitrec.batch.inputs import InputItem
from digitrec.batch.local_backend import run_local
from digitrec.batch.task import RecognitionTask
from handwriting import draw_digit, png_bytes


class Deadly(bytes):
    """A picture that ends the process which gets it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


def read(*batches: list[InputItem], settings: Settings | None = None) -> list[dict[str, Any]]:
    found = run_local(batches, RecognitionTask(), settings or Settings(), 1)
    return [row for told in found for row in told]


def good(digit: int) -> InputItem:
    return InputItem(str(digit), png_bytes(draw_digit(digit)))


def test_no_batches_give_no_rows() -> None:
    assert read() == []


def test_a_picture_that_kills_its_worker_is_an_error_and_the_others_are_read() -> None:
    told = read(
        [good(0), InputItem("deadly", Deadly(b"x")), good(2)], [good(3)], [good(4)], [good(5)], [good(6)]
    )
    assert [row["file"] for row in told] == ["0", "deadly", "2", "3", "4", "5", "6"]
    assert "died, twice" in told[1]["error"]
    assert [row.get("digit") for row in told] == [0, None, 2, 3, 4, 5, 6]


def test_a_model_that_cannot_be_served_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError):
        read([good(0)], settings=Settings(model_path=tmp_path / "nowhere.h5"))


@pytest.mark.skipif(
    sys.platform != "linux", reason="finds the processes in /proc, which is not on this system"
)
def test_a_worker_that_is_killed_costs_no_row(bulk: Bulk, many: int, tmp_path: Path) -> None:
    process = start_bulk(tmp_path, "r.jsonl", 100, "many", "--workers", 2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert count_lines(tmp_path / "r.jsonl") < many
    os.kill(int(workers[0]), signal.SIGKILL)
    assert process.wait(60) == 0
    process.communicate()
    assert [row["digit"] for row in rows(tmp_path / "r.jsonl")] == [number % 10 for number in range(many)]
