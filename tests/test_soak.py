"""The soak test in its short form: no error, no growth; a kill costs what was in hand, and a stop nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from soak import Course, Memory, bounds
from steady_load import ANSWERED, CUT, REFUSED, Outcome

import digitrec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
GOOD, CUT_OFF = Outcome(ANSWERED, 1.0, 0.1, 200), Outcome(CUT, 1.0, 0.1)
SOUND = Course(
    steady=[GOOD],
    after_kill=[GOOD, CUT_OFF],
    after_stop=[GOOD, Outcome(REFUSED, 9.0, 0.1)],
    samples=[Memory(100, 50), Memory(104, 50)],
    steady_s=1.0,
    killed=1.0,
    held=1,
    whole_s=0.5,
    status=0,
    stop_s=0.5,
)


def test_a_sound_course_breaks_no_bound() -> None:
    assert all(bounds(SOUND).values())


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"steady": [GOOD, CUT_OFF]}, "every steady request is answered"),
        ({"steady": [Outcome(ANSWERED, 1.0, 0.1, 503)]}, "every steady request is answered"),
        ({"samples": [Memory(100, 50), Memory(106, 50)]}, "memory grows by less than 5%"),
        ({"held": 0}, "no more is cut than the killed worker held"),
        ({"whole_s": 2.5}, "whole again within 2.0 s"),
        ({"after_kill": [Outcome(REFUSED, 3.5, 0.1)]}, "whole again within 2.0 s"),
        ({"after_stop": [CUT_OFF]}, "SIGTERM cuts nothing"),
        ({"status": 1}, "SIGTERM cuts nothing"),
    ],
)
def test_a_bound_that_is_broken_is_told(change: dict[str, Any], broken: str) -> None:
    assert [claim for claim, holds in bounds(replace(SOUND, **change)).items() if not holds] == [broken]


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
