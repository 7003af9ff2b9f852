"""Folders of images, and the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from batch_runs import BatchCommand

from sample_digits import draw_digit, png_bytes


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of the ten digits, some of them in a subfolder."""
    folder = tmp_path / "scans"
    (folder / "more").mkdir(parents=True)
    for digit in range(10):
        parent = folder / "more" if digit > 5 else folder
        (parent / f"{digit}.png").write_bytes(png_bytes(draw_digit(digit)))
    return folder


@pytest.fixture
def batch(tmp_path: Path) -> BatchCommand:
    """Run `digitrec batch` in the test's folder; `check` is the exit code that is expected."""

    def run(*arguments: object, check: int = 0) -> subprocess.CompletedProcess[str]:
        workers = [] if "--ray-address" in arguments else ["--workers", "1"]
        command = [sys.executable, "-m", "digitrec", "batch", *map(str, arguments), *workers]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == check, done.stderr
        return done

    return run


@pytest.fixture
def many_images(scans: Path, request: pytest.FixtureRequest) -> int:
    """Create a folder with 900 links to the ten images, or with as many as the parameter says; return the number."""
    count: int = getattr(request, "param", 900)
    (scans.parent / "many").mkdir()
    for number in range(count):
        os.link(next(scans.rglob(f"{number % 10}.png")), scans.parent / "many" / f"{number:03d}.png")
    return count
