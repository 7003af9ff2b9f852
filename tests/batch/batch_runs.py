"""Run `digitrec batch` in a process of its own, and read its results."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Command = Callable[..., Result]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def start_batch(folder: Path, output: str, min_lines: int, *arguments: object) -> subprocess.Popen[str]:
    """Start a run, and return it when it has written at least `min_lines` lines."""
    command = [sys.executable, "-m", "digitrec", "batch", *map(str, arguments), "--output", output]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while count_lines(folder / output) < min_lines:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)
    return process


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def child_processes(process: subprocess.Popen[str]) -> list[str]:
    """Return the processes that a process has started; none where there is no /proc."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return path.read_text().split() if path.exists() else []


def wait_for_end(processes: list[str]) -> None:
    end = time.monotonic() + 60
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < end
        time.sleep(0.05)
