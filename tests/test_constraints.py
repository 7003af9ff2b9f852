from __future__ import annotations

import numpy as np
import pytest

from digitrec import InvalidFieldError
from digitrec.reading.constraints import ANY_NUMBER, constraint
from digitrec.reading.lattice import Edge, Lattice


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"length": 0}, "length: expected a whole number"),
        ({"length": True}, "length: expected a whole number"),
        ({"length": 65}, "length: expected a whole number"),
        ({"pattern": "ddx"}, "pattern: .* Received: 'ddx' with 'x'"),
        ({"pattern": "--"}, "pattern: .* Received: 0 digits"),
        ({"pattern": 5}, "pattern: .* Received: 5"),
        ({"allowed": []}, "allowed: expected at least one"),
        ({"allowed": "12"}, "allowed: expected a list"),
        ({"allowed": ["1a"]}, "allowed: expected numbers as text"),
        ({"allowed": [12]}, "allowed: expected numbers as text"),
        ({"allowed": ["12", "1-2"]}, "allowed: expected each number once"),
        ({"length": 2, "pattern": "dd"}, "pattern: expected only one"),
    ],
)
def test_what_is_no_constraint_is_told(arguments: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidFieldError, match=fault):
        constraint(**arguments)  # type: ignore[arg-type]


def test_without_arguments_any_number_will_do() -> None:
    assert constraint().is_free


def test_numbers_are_spelled_as_the_pattern_and_the_list_have_them() -> None:
    assert constraint(pattern="(dd) 7-d").spell("4271", "4271") == "(42) 7-1"
    assert constraint(allowed=["1.200,50", "7"]).spell("120050", "120050") == "1.200,50"
    assert constraint(length=2).spell("42", "4\n2") == "4\n2"


def _lattice() -> Lattice:
    """Return two places that read 1 and 7, and a way over both that reads 4; the 7 is nearly a 1."""
    one, seven, four = (np.full(10, -9.0) for _ in range(3))
    one[1], seven[7], seven[1], four[4] = -0.1, -0.5, -1.0, -0.3
    skips = [Edge(place, place + 1, np.array([-8.0])) for place in range(2)]
    return Lattice(3, [Edge(0, 1, one, 0), Edge(1, 2, seven, 1), Edge(0, 2, four, 2), *skips])


@pytest.mark.parametrize(
    ("arguments", "digits"),
    [({}, [4]), ({"length": 2}, [1, 7]), ({"pattern": "d1"}, [1, 1]), ({"allowed": ["11", "99"]}, [1, 1])],
)
def test_the_best_way_is_the_best_that_is_allowed(arguments: dict[str, object], digits: list[int]) -> None:
    path = _lattice().best_path(constraint(**arguments))  # type: ignore[arg-type]
    assert path is not None
    assert [step.digit for step in path] == digits


def test_no_way_is_none() -> None:
    assert _lattice().best_path(constraint(length=3)) is None


@pytest.mark.parametrize("arguments", [{}, {"length": 2}, {"pattern": "1d"}, {"allowed": ["17", "4", "71"]}])
def test_shares_and_totals_are_those_of_all_ways_counted_out(arguments: dict[str, object]) -> None:
    asked, lattice = constraint(**arguments), _lattice()  # type: ignore[arg-type]
    ways: dict[tuple[int, ...], float] = {}
    for first in lattice.edges:
        if first.first != 0:
            continue
        for digit, score in enumerate(first.scores.tolist()):
            read = (digit,) if first.is_digit else ()
            if first.last == 2:
                ways[read] = float(np.logaddexp(ways.get(read, -np.inf), score))
                continue
            for second in (edge for edge in lattice.edges if edge.first == 1):
                for other, more in enumerate(second.scores.tolist()):
                    both = (*read, other) if second.is_digit else read
                    ways[both] = float(np.logaddexp(ways.get(both, -np.inf), score + more))
    allowed = {way: score for way, score in ways.items() if _takes(asked, way)}
    assert lattice.total(asked) == pytest.approx(np.logaddexp.reduce(list(allowed.values())))
    for way, score in ways.items():
        assert lattice.total_of(way) == pytest.approx(score)
    shares = lattice.shares(asked, lattice.total(asked))
    last = sum(share.sum() for edge, share in zip(lattice.edges, shares, strict=True) if edge.last == 2)
    assert last == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_list_takes_its_numbers_and_no_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = [str(number) for number in rng.integers(0, 10 ** rng.integers(1, 6), 200)]
    listed = set(numbers[: int(rng.integers(1, 150))])
    asked = constraint(allowed=sorted(listed))
    for number in numbers:
        assert _takes(asked, tuple(map(int, number))) == (number in listed)
    assert not _takes(asked, ())


def test_what_numbers_end_with_is_kept_once() -> None:
    all_zip_codes = constraint(allowed=[f"{number:05d}" for number in range(100_000)])
    assert len(all_zip_codes.final) == len(constraint(length=5).final)


@pytest.mark.parametrize("arguments", [{"length": 7}, {"allowed": ["1", "12", "345", "9876543"]}])
def test_states_are_in_the_order_of_the_digits_before_them(arguments: dict[str, object]) -> None:
    asked = constraint(**arguments)  # type: ignore[arg-type]
    digits = {0: 0}
    for state, following in enumerate(asked.following.tolist()):
        digits |= {after: digits[state] + 1 for after in following if after >= 0}
    assert [digits[state] for state in range(len(digits))] == sorted(digits.values())
    assert asked.levels.states[-1] == len(asked.final)
    assert asked.levels.ways[-1] == len(asked.ways.targets)


def test_a_list_of_longer_numbers_than_there_are_places_for_has_no_way() -> None:
    assert _lattice().best_path(constraint(allowed=["123", "4567"])) is None
    path = _lattice().best_path(constraint(allowed=["123", "17"]))
    assert path is not None
    assert [step.digit for step in path] == [1, 7]
    assert _lattice().total(constraint(allowed=["123", "17"])) == pytest.approx(_lattice().total_of([1, 7]))


def _takes(asked: object, way: tuple[int, ...]) -> bool:
    state = 0
    for digit in way:
        state = int(asked.following[state, digit])  # type: ignore[attr-defined]
        if state < 0:
            return False
    return bool(asked.final[state])  # type: ignore[attr-defined]


def test_any_number_takes_everything() -> None:
    assert _takes(ANY_NUMBER, ())
    assert _takes(ANY_NUMBER, (1, 2, 3))
