"""The attack suite: what it counts, and its short form, in which no input and no attack is a finding."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attack import Course, _faults, made_cases
from attacks.case import Case, Request
from attacks.child import _judged, _measured
from attacks.connections import Attack

import digitrec
from digitrec.errors import BlankImageError

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc on this system"),
]
SOUND = Course("mixed", {"hostile 400": 5, "normal 200": 5}, 1.0, 10, 0, 5.0, 9.0, 9.0, 0, 0, 300.0)


def judged(attempt: Callable[[], str], case: Case | None = None) -> str:
    case = case or Case("input", "reason", bytes)
    return _judged(case, "predict", b"", _measured(attempt), 1.0).finding


def fail(error: Exception) -> str:
    raise error


def burn() -> str:
    while True:
        pass


def end() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def test_what_is_cheap_is_no_finding() -> None:
    assert judged(lambda: "answered 7") == ""
    assert judged(lambda: fail(BlankImageError("expected a digit"))) == ""
    assert judged(lambda: "503 expected at most") == ""


def test_what_is_not_ours_is_a_finding() -> None:
    assert "ZeroDivisionError" in judged(lambda: fail(ZeroDivisionError()))
    assert judged(lambda: "500 an internal error") == "status 500"
    assert judged(end) == "killed by SIGKILL"


def test_memory_on_top_is_a_finding() -> None:
    assert judged(lambda: str(np.ones(30_000_000).sum())) == ""
    assert judged(lambda: str(np.ones(45_000_000).sum())) == "more than 300 MB above an idle worker"


def test_processor_time_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attacks.child._MOST_CPU_S", 1)
    assert judged(burn) == "killed by its 1 s of processor time"
    assert judged(lambda: str(sum(range(1_000_000))), Case("input", "", bytes, cpu_s=0.001)).startswith(
        "more than"
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, ""),
        ({"replaced": 1}, "1 processes gone"),
        ({"kills": 2}, "2 killed for memory"),
        ({"lost": 3}, "3 of 10 normal requests lost"),
        ({"asked": 0}, "0 of 0 normal requests lost"),
        ({"slowest_ms": 11_000.0}, "a normal request took 11.0 s"),
        ({"peak_mb": 513.0}, "more than 512 MiB"),
        ({"outcomes": {"hostile cut": 1}}, "unexpected: {'hostile cut': 1}"),
        ({"outcomes": {"500": 1}}, "unexpected: {'500': 1}"),
        ({"outcomes": {"normal 413": 1}}, "unexpected: {'normal 413': 1}"),
    ],
)
def test_a_bound_that_is_broken_over_http_is_a_finding(change: dict[str, Any], fault: str) -> None:
    assert _faults(Attack("mixed", "", lambda port: Counter()), replace(SOUND, **change)) == fault


def test_every_input_has_a_name_of_its_own_and_a_reason() -> None:
    cases = made_cases()
    assert [name for name, count in Counter(case.name for case in cases).items() if count > 1] == []
    assert all(case.reason for case in cases)


@pytest.mark.parametrize(
    "name", ["PNG: 800,000 chunks", "JPEG: 240 scans", "TIFF: 9,000 strips", "GIF: 600,000 frames"]
)
def test_an_input_is_the_same_each_time(name: str) -> None:
    makers = [case.make for cases in (made_cases(), made_cases()) for case in cases if case.name == name]
    assert len({make() for make in makers}) == 1


def test_inputs_stay_within_the_limits_that_they_test() -> None:
    for case in made_cases():
        if not case.is_heavy:
            given = case.make()
            size, limit = (
                (len(given.body), 20_000_000) if isinstance(given, Request) else (len(given), 10_000_000)
            )
            assert size <= limit, case.name


@pytest.mark.parametrize("part", ["1", "2"])
def test_the_short_form_finds_nothing(part: str) -> None:
    command = [sys.executable, "benchmarks/attack.py", "--short", "--part", part]
    environ = {**os.environ, "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1])}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 findings" in done.stdout
