"""Folders of pictures, and the command in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bulk_steps import Bulk

from handwriting import draw_digit, png_bytes


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of the ten digits, in one and a half folders."""
    folder = tmp_path / "scans"
    (folder / "more").mkdir(parents=True)
    for digit in range(10):
        place = folder / "more" if digit > 5 else folder
        (place / f"{digit}.png").write_bytes(png_bytes(draw_digit(digit)))
    return folder


@pytest.fixture
def bulk(tmp_path: Path) -> Bulk:
    """Run `digitrec bulk` in the test's folder; `check` is the exit code that is expected."""

    def run(*arguments: object, check: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "digitrec", "bulk", *map(str, arguments), "--workers", "1"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == check, done.stderr
        return done

    return run
