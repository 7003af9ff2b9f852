"""Folders of images, and the commands of digitrec in such a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from batch_runs import Command
from click.testing import CliRunner, Result

from digitrec.cli.main import main
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
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command of digitrec in the test's folder; `check` is the exit code that is expected."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, check: int = 0) -> Result:
        result = CliRunner().invoke(main, list(map(str, arguments)))
        assert result.exit_code == check, result.output
        return result

    return run


@pytest.fixture
def batch(command: Command) -> Command:
    """Run `digitrec batch` with one worker in the test's folder."""
    return lambda *arguments, check=0: command("batch", *arguments, "--workers", 1, check=check)


@pytest.fixture
def many_images(scans: Path, request: pytest.FixtureRequest) -> int:
    """Create a folder with 600 links to the ten images, or with as many as the parameter says; return the number."""
    count: int = getattr(request, "param", 600)
    (scans.parent / "many").mkdir()
    for number in range(count):
        os.link(next(scans.rglob(f"{number % 10}.png")), scans.parent / "many" / f"{number:03d}.png")
    return count
