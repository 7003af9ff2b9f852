from __future__ import annotations

import numpy as np
import pytest

from digitrec import InvalidFieldError
from digitrec.reading.constraints import UNCONSTRAINED, make_constraint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length: expected a whole number"),
        ({"length": True}, "length: expected a whole number"),
        ({"length": 65}, "length: expected a whole number"),
        ({"pattern": "ddx"}, "pattern: .* Received: 'ddx' with 'x'"),
        ({"pattern": "--"}, "pattern: .* Received: 0 digits"),
        ({"pattern": 5}, "pattern: .* Received: 5"),
        ({"choices": []}, "choices: expected at least one"),
        ({"choices": "12"}, "choices: expected a list"),
        ({"choices": ["1a"]}, "choices: expected numbers as text"),
        ({"choices": [12]}, "choices: expected numbers as text"),
        ({"choices": ["12", "1-2"]}, "choices: expected each number once"),
        ({"length": 2, "pattern": "dd"}, "pattern: expected only one"),
    ],
)
def test_invalid_constraint_is_rejected(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidFieldError, match=message):
        make_constraint(**arguments)  # type: ignore[arg-type]


def test_numbers_are_formatted_as_in_the_pattern_or_list() -> None:
    assert make_constraint(pattern="(dd) 7-d").format("4271", "4271") == "(42) 7-1"
    assert make_constraint(choices=["1.200,50", "7"]).format("120050", "120050") == "1.200,50"
    assert make_constraint(length=2).format("42", "4\n2") == "4\n2"


@pytest.mark.parametrize("seed", range(10))
def test_list_accepts_only_its_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = [str(number) for number in rng.integers(0, 10 ** rng.integers(1, 6), 200)]
    listed = set(numbers[: int(rng.integers(1, 150))])
    constraint = make_constraint(choices=sorted(listed))
    for number in numbers:
        assert _accepts(constraint, tuple(map(int, number))) == (number in listed)
    assert not _accepts(constraint, ())


def test_common_suffixes_are_stored_once() -> None:
    all_zip_codes = make_constraint(choices=[f"{number:05d}" for number in range(100_000)])
    assert len(all_zip_codes.accepting) == len(make_constraint(length=5).accepting)


def _accepts(constraint: object, digits: tuple[int, ...]) -> bool:
    state = 0
    for digit in digits:
        state = int(constraint.transitions[state, digit])  # type: ignore[attr-defined]
        if state < 0:
            return False
    return bool(constraint.accepting[state])  # type: ignore[attr-defined]


def test_unconstrained_accepts_everything() -> None:
    assert make_constraint().is_unconstrained
    assert _accepts(UNCONSTRAINED, ())
    assert _accepts(UNCONSTRAINED, (1, 2, 3))
