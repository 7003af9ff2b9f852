from __future__ import annotations

import numpy as np
import pytest

from digitrec import InvalidFieldError
from digitrec.reading.constraints import UNCONSTRAINED, make_constraint


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"length": 0}, "length: expected a whole number"),
        ({"length": True}, "length: expected a whole number"),
        ({"length": 65}, "length: expected a whole number"),
        ({"pattern": "ddx"}, "pattern: .* Received: 'ddx' with 'x'"),
        ({"pattern": "--"}, "pattern: .* Received: 0 digits"),
        ({"pattern": 5}, "pattern: .* Received: 5"),
        ({"choices": []}, "allowed: expected at least one"),
        ({"choices": "12"}, "allowed: expected a list"),
        ({"choices": ["1a"]}, "allowed: expected numbers as text"),
        ({"choices": [12]}, "allowed: expected numbers as text"),
        ({"choices": ["12", "1-2"]}, "allowed: expected each number once"),
        ({"length": 2, "pattern": "dd"}, "pattern: expected only one"),
    ],
)
def test_what_is_no_constraint_is_told(arguments: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidFieldError, match=fault):
        make_constraint(**arguments)  # type: ignore[arg-type]


def test_without_arguments_any_number_will_do() -> None:
    assert make_constraint().is_unconstrained


def test_numbers_are_spelled_as_the_pattern_and_the_list_have_them() -> None:
    assert make_constraint(pattern="(dd) 7-d").format("4271", "4271") == "(42) 7-1"
    assert make_constraint(choices=["1.200,50", "7"]).format("120050", "120050") == "1.200,50"
    assert make_constraint(length=2).format("42", "4\n2") == "4\n2"


@pytest.mark.parametrize("seed", range(10))
def test_a_list_takes_its_numbers_and_no_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = [str(number) for number in rng.integers(0, 10 ** rng.integers(1, 6), 200)]
    listed = set(numbers[: int(rng.integers(1, 150))])
    asked = make_constraint(choices=sorted(listed))
    for number in numbers:
        assert _takes(asked, tuple(map(int, number))) == (number in listed)
    assert not _takes(asked, ())


def test_what_numbers_end_with_is_kept_once() -> None:
    all_zip_codes = make_constraint(choices=[f"{number:05d}" for number in range(100_000)])
    assert len(all_zip_codes.accepting) == len(make_constraint(length=5).accepting)


def _takes(asked: object, way: tuple[int, ...]) -> bool:
    state = 0
    for digit in way:
        state = int(asked.transitions[state, digit])  # type: ignore[attr-defined]
        if state < 0:
            return False
    return bool(asked.accepting[state])  # type: ignore[attr-defined]


def test_any_number_takes_everything() -> None:
    assert _takes(UNCONSTRAINED, ())
    assert _takes(UNCONSTRAINED, (1, 2, 3))
