"""Folders of pictures, and the command in a process of its own."""

from __future__ import annotations

import os
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
    """Run `digitrec batch` in the test's folder; `check` is the exit code that is expected."""

    def run(*arguments: object, check: int = 0) -> subprocess.CompletedProcess[str]:
        here = [] if "--ray" in arguments else ["--workers", "1"]
        command = [sys.executable, "-m", "digitrec", "bulk", *map(str, arguments), *here]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == check, done.stderr
        return done

    return run


@pytest.fixture
def many(scans: Path, request: pytest.FixtureRequest) -> int:
    """A folder of 900 names of the ten pictures, or of as many as a test asks for: enough to be met in the middle."""
    count: int = getattr(request, "param", 900)
    (scans.parent / "many").mkdir()
    for number in range(count):
        os.link(next(scans.rglob(f"{number % 10}.png")), scans.parent / "many" / f"{number:03d}.png")
    return count
