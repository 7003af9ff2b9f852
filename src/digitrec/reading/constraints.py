"""Constraints on a number (length, pattern, choices) as finite automata over digits, for the decoder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS
from digitrec.errors import InvalidFieldError

ANY_DIGIT = "d"
PATTERN_SEPARATORS = " -./,:()+"
MAX_DIGITS = 64
MAX_CHARS = 1_000_000  # of all choices together

_MAX_CHOICES = 100_000
_DIGITS = "0123456789"
_WITHOUT_SEPARATORS = str.maketrans("", "", PATTERN_SEPARATORS)


@dataclass(frozen=True, eq=False)
class Constraint:
    """A finite automaton over digits, and how an accepted number is formatted.

    Attributes
    ----------
    transitions : (S, 10) int32, the next state for each state and digit, -1 for none; state 0 is the start.
    accepting : (S,) bool, the accepting states.
    pattern : for the formatting; None leaves the text as it was read.
    formatted : the text of each choice, by its digits.
    """

    transitions: NDArray[np.int32]
    accepting: NDArray[np.bool_]
    pattern: str | None = None
    formatted: dict[str, str] | None = None

    @cached_property
    def is_unconstrained(self) -> bool:
        """Whether every number is accepted."""
        return len(self.accepting) == 1 and bool((self.transitions == 0).all())

    @cached_property
    def single_digits(self) -> NDArray[np.bool_]:
        """Which digits are accepted as a number of one digit, (10,) bool."""
        after = self.transitions[0]
        return np.asarray((after >= 0) & self.accepting[after])

    def accepts(self, digits: str) -> bool:
        """Return whether the number with these digits is accepted."""
        state = 0
        for digit in digits:
            state = int(self.transitions[state, int(digit)])
            if state < 0:
                return False
        return bool(self.accepting[state])

    def format(self, digits: str, as_read: str) -> str:
        """Return the text of these digits; without a pattern or choices, `as_read`, which keeps line breaks."""
        if self.formatted is not None:
            return self.formatted[digits]
        if self.pattern is None:
            return as_read
        left = iter(digits)
        return "".join(char if char in PATTERN_SEPARATORS else next(left) for char in self.pattern)


UNCONSTRAINED = Constraint(np.zeros((1, len(LABELS)), np.int32), np.ones(1, np.bool_))


def make_constraint(
    *, length: int | None = None, pattern: str | None = None, choices: Iterable[str] | None = None
) -> Constraint:
    """Return a constraint; without arguments, one that accepts every number.

    Parameters
    ----------
    length : how many digits it has.
    pattern : ``d`` for any digit, a digit for itself, and separators as they should appear in the text.
    choices : all numbers that it may be, with or without separators.

    Raises
    ------
    InvalidFieldError : more than one argument, or an invalid one; it carries the argument's name.
    """
    given = {"length": length, "pattern": pattern, "choices": choices}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InvalidFieldError(
            names[1], f"expected only one of length, pattern and choices. Received: {' and '.join(names)}."
        )
    if length is not None:
        return _of_digit_sets([set(LABELS)] * _checked_length(length))
    if pattern is not None:
        return _of_pattern(pattern)
    if choices is not None:
        formatted = _formats(choices)
        return Constraint(*_automaton(list(formatted)), formatted=formatted)
    return UNCONSTRAINED


def _checked_length(length: object) -> int:
    if isinstance(length, (int, np.integer)) and not isinstance(length, bool) and 1 <= length <= MAX_DIGITS:
        return int(length)
    raise InvalidFieldError(
        "length", f"expected a whole number from 1 to {MAX_DIGITS}. Received: {length!r}."
    )


def _of_digit_sets(digit_sets: Sequence[set[int]], pattern: str | None = None) -> Constraint:
    transitions = np.full((len(digit_sets) + 1, len(LABELS)), -1, np.int32)
    for state, digits in enumerate(digit_sets):
        transitions[state, list(digits)] = state + 1
    accepting = np.zeros(len(digit_sets) + 1, np.bool_)
    accepting[-1] = True
    return Constraint(transitions, accepting, pattern)


def _of_pattern(pattern: object) -> Constraint:
    expected = (
        f"expected a pattern of '{ANY_DIGIT}', digits and separators ({PATTERN_SEPARATORS.strip()}), such as "
        "'dd-dd'. "
    )
    if not isinstance(pattern, str):
        raise InvalidFieldError("pattern", f"{expected}Received: {pattern!r}.")
    for char in pattern:
        if char not in ANY_DIGIT + _DIGITS + PATTERN_SEPARATORS:
            raise InvalidFieldError("pattern", f"{expected}Received: {pattern[:40]!r} with {char!r}.")
    digit_sets = [
        set(LABELS) if char == ANY_DIGIT else {int(char)}
        for char in pattern
        if char not in PATTERN_SEPARATORS
    ]
    if not 1 <= len(digit_sets) <= MAX_DIGITS:
        raise InvalidFieldError(
            "pattern", f"{expected}Received: {len(digit_sets)} digits. Give 1 to {MAX_DIGITS}."
        )
    return _of_digit_sets(digit_sets, pattern)


def _automaton(numbers: list[str]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return `Constraint.transitions` and `Constraint.accepting` of a list of distinct numbers.

    A trie whose equal states are merged level by level
    (Revuz, "Minimisation of acyclic deterministic automata in linear time", 1992).
    """
    chars = np.sort(np.array(numbers, f"S{max(map(len, numbers))}")).view(np.uint8).reshape(len(numbers), -1)
    lengths = np.count_nonzero(chars, axis=1)
    differs_at = np.concatenate([[-1], (chars[1:] != chars[:-1]).argmax(axis=1)])  # from the number before
    levels: list[NDArray[np.int32]] = []
    below = starts = np.empty(
        0, np.intp
    )  # the nodes that are one digit longer: the state of each, its first number
    for length in range(chars.shape[1], -1, -1):
        is_first = (differs_at < length) & (lengths >= length)
        node = np.cumsum(is_first) - 1
        rows = np.full((node[-1] + 1, len(LABELS) + 1), -1, np.int32)
        rows[node[starts], chars[starts, length] - ord("0") if len(starts) else starts] = below
        rows[node[lengths == length], -1] = 0
        level, below = _distinct(rows)
        levels.insert(0, level)
        starts = np.flatnonzero(is_first)
    firsts = np.cumsum(
        [len(level) for level in levels]
    )  # of the next level, when they are numbered from the root
    transitions = [
        np.where(level[:, :-1] < 0, -1, level[:, :-1] + first)
        for level, first in zip(levels, firsts, strict=True)
    ]
    return np.concatenate(transitions).astype(np.int32), np.concatenate(levels)[:, -1] == 0


def _distinct(rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return the distinct rows, and the index of each row in them: ten transitions, and 0 for an accepting state.

    Most states of a long list have at most one transition. They are compared by one integer, which is ten times faster.
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


def _formats(choices: Iterable[str]) -> dict[str, str]:
    """Return the text of each choice, by its digits."""
    if isinstance(choices, (str, bytes)) or not isinstance(choices, Iterable):
        raise InvalidFieldError("choices", f"expected a list of numbers as text. Received: {choices!r:.60}.")
    formatted: dict[str, str] = {}
    chars = 0
    for number in choices:
        digits = _digits_of(number)
        chars += len(number)
        if formatted.setdefault(digits, number) != number:
            raise InvalidFieldError(
                "choices",
                f"expected each number once. Received: {formatted[digits]!r} and {number!r}. Keep one spelling.",
            )
        if len(formatted) > _MAX_CHOICES:
            raise InvalidFieldError("choices", f"expected at most {_MAX_CHOICES:,} numbers. Received: more.")
        if chars > MAX_CHARS:
            raise InvalidFieldError(
                "choices",
                f"expected numbers of {MAX_CHARS:,} characters together. Received: more. Give fewer, or a pattern.",
            )
    if not formatted:
        raise InvalidFieldError("choices", "expected at least one number. Received: none.")
    return formatted


def _digits_of(number: object) -> str:
    digits = number.translate(_WITHOUT_SEPARATORS) if isinstance(number, str) else ""
    if not (1 <= len(digits) <= MAX_DIGITS and digits.isascii() and digits.isdigit()):
        raise InvalidFieldError(
            "choices",
            f"expected numbers as text, of digits and separators ({PATTERN_SEPARATORS.strip()}). "
            f"Received: {number!r:.60}.",
        )
    return digits
