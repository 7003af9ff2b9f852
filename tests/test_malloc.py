"""A program starts again with malloc's options, once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from digitrec import malloc

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc: not on this system")

SCRIPT = """
import os, sys
print("start", os.getpid(), flush=True)
from digitrec import malloc
malloc.restart_with({"DIGITREC_TEST_A": "1", "DIGITREC_TEST_B": "2"})
print(os.environ["DIGITREC_TEST_A"], os.environ["DIGITREC_TEST_B"], sys.argv[1:])
"""


def lines(**variables: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT, "an argument", "*"]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **variables}
    ).stdout.splitlines()


def test_a_program_starts_again_once_as_the_same_process() -> None:
    first, second, *rest = lines()
    assert first == second
    assert rest == ["1 2 ['an argument', '*']"]


def test_a_variable_that_is_set_keeps_its_value() -> None:
    assert lines(DIGITREC_TEST_A="9")[-1] == "9 2 ['an argument', '*']"
    assert lines(DIGITREC_TEST_A="9", DIGITREC_TEST_B="")[1:] == ["9  ['an argument', '*']"]  # no new start


@pytest.mark.parametrize("options", [malloc.SMALL_HEAP, malloc.KEEP_LARGE_BLOCKS])
def test_the_options_are_numbers(options: dict[str, str]) -> None:
    assert all(name.startswith("MALLOC_") and value.isdecimal() for name, value in options.items())
