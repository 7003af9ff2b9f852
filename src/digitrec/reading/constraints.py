"""What a number may be: of so many digits, of a pattern, or one of a list; as automata that steer the reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS
from digitrec.errors import InvalidFieldError

ANY_DIGIT = "d"
SEPARATORS = " -./,:()+"
MOST_DIGITS = 64

_MOST_ALLOWED = 100_000
_DIGITS = "0123456789"


@dataclass(frozen=True, eq=False)
class Constraint:
    """An automaton over digits, and how its numbers are spelled.

    Attributes
    ----------
    following : (S, 10) int32, the state that each digit leads to from each state, -1 where it may not come; 0 is the
        first state.
    final : (S,) bool, where a number may end.
    pattern : the pattern to spell a number by; None leaves it as it is read.
    spelled : how each allowed number is spelled, by its digits.
    """

    following: NDArray[np.int32]
    final: NDArray[np.bool_]
    pattern: str | None = None
    spelled: dict[str, str] | None = None

    @cached_property
    def ways(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """For each digit, the states that it may come after, and those that it leads to from them."""
        sources = [np.flatnonzero(self.following[:, digit] >= 0) for digit in LABELS]
        return [
            (states, self.following[states, digit].astype(np.intp)) for digit, states in enumerate(sources)
        ]

    @cached_property
    def is_free(self) -> bool:
        """Whether any number will do."""
        return len(self.final) == 1 and bool((self.following == 0).all())

    def spell(self, digits: str, as_read: str) -> str:
        """Return the text of a number of these digits, of which `as_read` keeps the picture's lines."""
        if self.spelled is not None:
            return self.spelled[digits]
        if self.pattern is None:
            return as_read
        left = iter(digits)
        return "".join(sign if sign in SEPARATORS else next(left) for sign in self.pattern)


ANY_NUMBER = Constraint(np.zeros((1, len(LABELS)), np.int32), np.ones(1, np.bool_))


def constraint(
    *, length: int | None = None, pattern: str | None = None, allowed: Iterable[str] | None = None
) -> Constraint:
    """Return what a number may be; without arguments anything.

    Parameters
    ----------
    length : how many digits it has.
    pattern : ``d`` for any digit, a digit for itself, and separators as they shall stand in the text.
    allowed : all numbers that it may be, with or without separators.

    Raises
    ------
    InvalidFieldError : more than one of them, or one that is not understood; it carries the argument's name.
    """
    given = {"length": length, "pattern": pattern, "allowed": allowed}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InvalidFieldError(
            names[1], f"expected only one of length, pattern and allowed. Received: {' and '.join(names)}."
        )
    if length is not None:
        return _of_choices([set(LABELS)] * _checked_length(length))
    if pattern is not None:
        return _of_pattern(pattern)
    if allowed is not None:
        return _of_list(allowed)
    return ANY_NUMBER


def _checked_length(length: object) -> int:
    if isinstance(length, (int, np.integer)) and not isinstance(length, bool) and 1 <= length <= MOST_DIGITS:
        return int(length)
    raise InvalidFieldError(
        "length", f"expected a whole number from 1 to {MOST_DIGITS}. Received: {length!r}."
    )


def _of_choices(choices: Sequence[set[int]], pattern: str | None = None) -> Constraint:
    following = np.full((len(choices) + 1, len(LABELS)), -1, np.int32)
    for state, digits in enumerate(choices):
        following[state, list(digits)] = state + 1
    final = np.zeros(len(choices) + 1, np.bool_)
    final[-1] = True
    return Constraint(following, final, pattern)


def _of_pattern(pattern: object) -> Constraint:
    expected = f"expected a pattern of '{ANY_DIGIT}', digits and separators ({SEPARATORS.strip()}), such as 'dd-dd'. "
    if not isinstance(pattern, str):
        raise InvalidFieldError("pattern", f"{expected}Received: {pattern!r}.")
    for sign in pattern:
        if sign not in ANY_DIGIT + _DIGITS + SEPARATORS:
            raise InvalidFieldError("pattern", f"{expected}Received: {pattern[:40]!r} with {sign!r}.")
    choices = [
        set(LABELS) if sign == ANY_DIGIT else {int(sign)} for sign in pattern if sign not in SEPARATORS
    ]
    if not 1 <= len(choices) <= MOST_DIGITS:
        raise InvalidFieldError(
            "pattern", f"{expected}Received: {len(choices)} digits. Give 1 to {MOST_DIGITS}."
        )
    return _of_choices(choices, pattern)


def _of_list(allowed: Iterable[str]) -> Constraint:
    spelled = _spelled(allowed)
    rows: list[list[int]] = [[-1] * len(LABELS)]
    ends = set()
    for digits in spelled:
        state = 0
        for digit in map(int, digits):
            if rows[state][digit] < 0:
                rows[state][digit] = len(rows)
                rows.append([-1] * len(LABELS))
            state = rows[state][digit]
        ends.add(state)
    final = np.zeros(len(rows), np.bool_)
    final[list(ends)] = True
    return Constraint(np.array(rows, np.int32), final, spelled=spelled)


def _spelled(allowed: Iterable[str]) -> dict[str, str]:
    """Return how each number is spelled, by its digits."""
    if isinstance(allowed, (str, bytes)) or not isinstance(allowed, Iterable):
        raise InvalidFieldError("allowed", f"expected a list of numbers as text. Received: {allowed!r:.60}.")
    spelled: dict[str, str] = {}
    for number in allowed:
        digits = _digits_of(number)
        if spelled.setdefault(digits, number) != number:
            raise InvalidFieldError(
                "allowed",
                f"expected each number once. Received: {spelled[digits]!r} and {number!r}. Keep one spelling.",
            )
        if len(spelled) > _MOST_ALLOWED:
            raise InvalidFieldError("allowed", f"expected at most {_MOST_ALLOWED:,} numbers. Received: more.")
    if not spelled:
        raise InvalidFieldError("allowed", "expected at least one number. Received: none.")
    return spelled


def _digits_of(number: object) -> str:
    digits = "".join(sign for sign in number if sign not in SEPARATORS) if isinstance(number, str) else ""
    if not 1 <= len(digits) <= MOST_DIGITS or not set(digits) <= set(_DIGITS):
        raise InvalidFieldError(
            "allowed",
            f"expected numbers as text, of digits and separators ({SEPARATORS.strip()}). Received: {number!r:.60}.",
        )
    return digits
