"""The attack suite: what counts as a finding, and its short form, which has none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from attack import Attack, Cost, Result, cases
from attacks import images, requests

import digitrec

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc on this system"),
]
CHEAP = Cost("input", "200", 1.0, 0.5, 100.0)
FINE = Result("mixed", Counter({"hostile 400": 5}), Counter({"answered": 9}), (5.0, 9.0, 9.0), 0, 0, 300.0)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({}, ""),
        ({"outcome": "422"}, ""),
        ({"outcome": "503"}, ""),
        ({"outcome": "500"}, "status 500"),
        ({"outcome": "cut"}, "the request was cut"),
        ({"cpu_s": 3.0}, "more than 2 s of CPU time"),
        ({"memory_mb": 301.0}, "more than 300 MB above an idle worker"),
    ],
)
def test_a_request_over_its_limit_is_a_finding(change: dict[str, Any], finding: str) -> None:
    assert replace(CHEAP, **change).finding(2.0) == finding


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({}, ""),
        ({"replaced": 1}, "1 processes gone"),
        ({"kills": 2}, "2 killed for memory"),
        ({"normal": Counter({"answered": 9, "503": 3})}, "normal requests: {'answered': 9, '503': 3}"),
        ({"normal": Counter()}, "normal requests: {}"),
        ({"waits_ms": (5.0, 9.0, 11_000.0)}, "a normal request took 11.0 s"),
        ({"peak_mb": 513.0}, "more than 512 MiB"),
        ({"outcomes": Counter({"hostile cut": 1})}, "unexpected: ['hostile cut']"),
        ({"outcomes": Counter({"500": 1})}, "unexpected: ['500']"),
        ({"outcomes": Counter({"normal 413": 1})}, "unexpected: ['normal 413']"),
    ],
)
def test_a_limit_that_an_attack_exceeds_is_a_finding(change: dict[str, Any], finding: str) -> None:
    assert replace(FINE, **change).finding(Attack("mixed", lambda port: Counter())) == finding


def test_inputs_stay_within_the_limits_that_they_test() -> None:
    assert max(Counter(case.name for case in cases()).values()) == 1
    for name, file in images.QUICK.items():
        assert len(file()) <= 10_000_000, name
    for name, request in requests.QUICK.items():
        assert len(request().partition(b"\r\n\r\n")[2]) <= 20_000_000, name


@pytest.mark.parametrize("part", ["1", "2"])
def test_the_short_form_has_no_finding(part: str) -> None:
    command = [sys.executable, "benchmarks/attack.py", "--short", "--part", part]
    environ = {**os.environ, "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1])}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 findings" in done.stdout
