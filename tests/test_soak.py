"""The soak test in its short form: every request gets a prediction, and the memory does not grow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from soak import exceeded

import digitrec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("outcomes", "samples_mb", "findings"),
    [
        ({"answered": 9}, [100.0, 110.0, 104.0], []),
        ({"answered": 9, "cut": 1}, [100.0, 100.0], ["expected a prediction"]),
        ({"answered": 9, "503": 1}, [100.0, 100.0], ["expected a prediction"]),
        ({}, [100.0, 106.0], ["expected a prediction", "expected less than 5%"]),
    ],
)
def test_a_limit_that_is_exceeded_is_a_finding(
    outcomes: dict[str, int], samples_mb: list[float], findings: list[str]
) -> None:
    found = exceeded(Counter(outcomes), samples_mb)
    assert len(found) == len(findings)
    assert all(text.startswith(start) for text, start in zip(found, findings, strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="gunicorn: not on this system")
def test_the_short_soak_has_no_finding() -> None:
    command = [sys.executable, "benchmarks/soak.py", "--requests", "2000", "--seconds", "8"]
    environ = {**os.environ, "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1])}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("\n0 findings\n")
