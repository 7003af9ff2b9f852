"""The soak test in its short form: no error, no growth; a kill costs what was in hand, and a stop nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import digitrec

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="gunicorn and /proc: not on this system")
def test_the_short_soak_finds_nothing() -> None:
    command = [sys.executable, "benchmarks/soak.py", "--requests", "2000", "--seconds", "8"]
    environ = {**os.environ, "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1])}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nyes ") == 5
    assert "\nNO " not in done.stdout
