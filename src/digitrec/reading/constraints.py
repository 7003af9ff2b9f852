"""What a number may be: of so many digits, of a pattern, or one of a list; as automata that the decoding follows."""

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
MOST_SIGNS = 1_000_000  # of all allowed numbers together

_MOST_ALLOWED = 100_000
_DIGITS = "0123456789"
_WITHOUT_SEPARATORS = str.maketrans("", "", SEPARATORS)


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
    def is_free(self) -> bool:
        """Whether any number will do."""
        return len(self.final) == 1 and bool((self.following == 0).all())

    @cached_property
    def single_digits(self) -> NDArray[np.bool_]:
        """Which digits may be the whole number, (10,) bool."""
        after = self.following[0]
        return np.asarray((after >= 0) & self.final[after])

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
    return Constraint(*_automaton(list(spelled)), spelled=spelled)


def _automaton(numbers: list[str]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return `Constraint.following` and `Constraint.final` of a list of different numbers.

    The tree of what they begin with, and of that each level's equal states as one: what numbers end with is shared, too
    (Revuz, "Minimisation of acyclic deterministic automata in linear time", 1992).
    """
    signs = np.sort(np.array(numbers, f"S{max(map(len, numbers))}")).view(np.uint8).reshape(len(numbers), -1)
    lengths = np.count_nonzero(signs, axis=1)
    differs_at = np.concatenate([[-1], (signs[1:] != signs[:-1]).argmax(axis=1)])  # from the number before
    levels: list[NDArray[np.int32]] = []
    below = starts = np.empty(
        0, np.intp
    )  # the nodes that are one digit longer: the state of each, its first number
    for length in range(signs.shape[1], -1, -1):
        is_first = (differs_at < length) & (lengths >= length)
        node = np.cumsum(is_first) - 1
        rows = np.full((node[-1] + 1, len(LABELS) + 1), -1, np.int32)
        rows[node[starts], signs[starts, length] - ord("0") if len(starts) else starts] = below
        rows[node[lengths == length], -1] = 0
        level, below = _distinct(rows)
        levels.insert(0, level)
        starts = np.flatnonzero(is_first)
    firsts = np.cumsum(
        [len(level) for level in levels]
    )  # of the next level, when they are numbered from the root
    following = [
        np.where(level[:, :-1] < 0, -1, level[:, :-1] + first)
        for level, first in zip(levels, firsts, strict=True)
    ]
    return np.concatenate(following).astype(np.int32), np.concatenate(levels)[:, -1] == 0


def _distinct(rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return the different rows, and which of them each row is: where ten digits lead, and 0 where a number may end.

    Most states of a long list lead to one other at most: a number stands for each of these, which is ten times as fast.
    """
    children = rows[:, :-1]
    is_plain = np.count_nonzero(children >= 0, axis=1) <= 1
    only_child = children.max(axis=1).astype(np.int64) + 1
    key = (children.argmax(axis=1) * (only_child.max() + 1) + only_child) * 2 + rows[:, -1] + 1
    _, firsts, plain = np.unique(key[is_plain], return_index=True, return_inverse=True)
    others, other = np.unique(rows[~is_plain], axis=0, return_inverse=True)
    which = np.empty(len(rows), np.intp)
    which[is_plain], which[~is_plain] = plain, other.reshape(-1) + len(firsts)
    return np.concatenate([rows[is_plain][firsts], others]), which


def _spelled(allowed: Iterable[str]) -> dict[str, str]:
    """Return how each number is spelled, by its digits."""
    if isinstance(allowed, (str, bytes)) or not isinstance(allowed, Iterable):
        raise InvalidFieldError("allowed", f"expected a list of numbers as text. Received: {allowed!r:.60}.")
    spelled: dict[str, str] = {}
    signs = 0
    for number in allowed:
        digits = _digits_of(number)
        signs += len(number)
        if spelled.setdefault(digits, number) != number:
            raise InvalidFieldError(
                "allowed",
                f"expected each number once. Received: {spelled[digits]!r} and {number!r}. Keep one spelling.",
            )
        if len(spelled) > _MOST_ALLOWED:
            raise InvalidFieldError("allowed", f"expected at most {_MOST_ALLOWED:,} numbers. Received: more.")
        if signs > MOST_SIGNS:
            raise InvalidFieldError(
                "allowed",
                f"expected numbers of {MOST_SIGNS:,} signs together. Received: more. Give fewer, or a pattern.",
            )
    if not spelled:
        raise InvalidFieldError("allowed", "expected at least one number. Received: none.")
    return spelled


def _digits_of(number: object) -> str:
    digits = number.translate(_WITHOUT_SEPARATORS) if isinstance(number, str) else ""
    if not (1 <= len(digits) <= MOST_DIGITS and digits.isascii() and digits.isdigit()):
        raise InvalidFieldError(
            "allowed",
            f"expected numbers as text, of digits and separators ({SEPARATORS.strip()}). Received: {number!r:.60}.",
        )
    return digits
