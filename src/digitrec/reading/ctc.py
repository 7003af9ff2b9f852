"""CTC decoding: the most probable digits, their probability, and their alignment to columns.

The line model is trained with connectionist temporal classification (CTC; Graves et al., ICML 2006): the probability of
a text is the sum over all paths that spell it, with one class per column, repeated classes merged and blanks removed.
Separators and other marks separate digits as a blank does. So the digits of a number have the probability of a CTC with
eleven classes: ten digits, and everything else as blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS
from digitrec.model.line_alphabet import BLANK, LINE_CLASSES, OTHER_MARK
from digitrec.reading.constraints import Constraint

Probabilities = NDArray[np.float64]

FLOOR = 1e-12
NON_DIGIT = len(LABELS)
_BEAM_WIDTH = 12
_NEAR_BEST = 0.1  # of the best beam's probability: the least probable candidate
_MIN_PROBABILITY = 1e-4  # a less probable class does not extend a prefix
_KINDS = NON_DIGIT + 1  # of a column
_MAX_NODES = 1000  # kept from one column to the next; a pattern of 64 digits has fewer
_EMPTY_COLUMN = 1.0 - 1e-5  # non-digit probability: adjacent columns like this are merged


class Span(NamedTuple):
    """The columns of one digit: start, stop (exclusive), and the column where it is most probable."""

    start: int
    stop: int
    peak: int


class Character(NamedTuple):
    """A character of `LINE_CLASSES`, and the column where it is most probable."""

    text: str
    column: int


class SingleDigitPosterior(NamedTuple):
    """What the columns of an image say about one digit.

    Attributes
    ----------
    digits : (10,) float64, the probability that the text is this digit alone.
    empty : the probability that there is no digit.
    """

    digits: Probabilities
    empty: float

    @property
    def several(self) -> float:
        """The probability that there are several digits, in [0, 1]."""
        return max(0.0, 1.0 - float(self.digits.sum()) - self.empty)


def class_probabilities(logits: NDArray[np.float32]) -> Probabilities:
    """Return the softmax of (T, 24) logits."""
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def digit_probabilities(classes: Probabilities, other_mark_factor: float = 1.0) -> Probabilities:
    """Return (T, 11): the digits' probabilities and that of everything else, for (T, 24) class probabilities.

    `other_mark_factor` corrects the prior of other marks, which may be more frequent in the training lines than where
    the line model is used (Saerens, Latinne, Decaestecker, "Adjusting the outputs of a classifier to new a priori
    probabilities", 2002).
    """
    other_marks = classes[:, [LINE_CLASSES.index(OTHER_MARK)]]
    digits = classes[:, :NON_DIGIT] / (1.0 - (1.0 - other_mark_factor) * other_marks)
    columns = np.concatenate([digits, 1.0 - digits.sum(axis=1, keepdims=True)], axis=1)
    return np.asarray(np.maximum(columns, FLOOR), np.float64)


def candidates(columns: Probabilities, constraint: Constraint) -> list[str]:
    """Return the digit strings that (T, 11) columns may show, the most probable one first.

    With a constraint, only the string of the best path that it accepts, if there is one.
    """
    if constraint.is_unconstrained:
        return _beam_search(columns)
    digits = _best_path(columns, constraint)
    return [] if digits is None else [digits]


def _beam_search(columns: Probabilities) -> list[str]:
    """Return some of the most probable strings, the best first, by prefix beam search (Hannun et al., 2014)."""
    beams = {"": (1.0, 0.0)}  # probability of each prefix ending in a non-digit, and in its last digit
    for column in columns.tolist():  # Python's floats take a third of the time of NumPy's
        non_digit = column[NON_DIGIT]
        likely = [item for item in enumerate(column[:NON_DIGIT]) if item[1] > _MIN_PROBABILITY]
        longer: dict[str, list[float]] = {}
        for prefix, (apart, merged) in beams.items():
            own = longer.setdefault(prefix, [0.0, 0.0])
            own[0] += (apart + merged) * non_digit
            if prefix:
                own[1] += merged * column[int(prefix[-1])]
            for digit, probability in likely:
                repeated = prefix and int(prefix[-1]) == digit
                new = longer.setdefault(f"{prefix}{digit}", [0.0, 0.0])
                new[1] += (apart if repeated else apart + merged) * probability
        best = sorted(longer.items(), key=lambda item: -sum(item[1]))[:_BEAM_WIDTH]
        total = sum(sum(pair) for _, pair in best)
        beams = {prefix: (pair[0] / total, pair[1] / total) for prefix, pair in best}
    best_of_all = max(map(sum, beams.values()))
    return [prefix for prefix, pair in beams.items() if sum(pair) >= _NEAR_BEST * best_of_all]


def log_probability(columns: Probabilities, digits: Sequence[str | int]) -> float:
    """Return the log probability of a string or of classes, summed over all alignments (forward algorithm)."""
    states, may_skip = _states(digits)
    scores = np.zeros(len(states))
    scores[:2] = columns[0, states[:2]]
    total = 0.0
    for column in columns[1:]:
        moved = scores.copy()
        moved[1:] += scores[:-1]
        moved[2:] += scores[:-2] * may_skip[2:]
        scores = moved * column[states]
        scale = scores.sum()
        if scale <= 0.0:
            return -np.inf
        scores /= scale
        total += float(np.log(scale))
    end = scores[-2:].sum()
    return total + float(np.log(end)) if end > 0.0 else -np.inf


def single_digit_posterior(columns: Probabilities) -> SingleDigitPosterior:
    """Return the probability of each single digit and of no digit (forward algorithm, all digits at once)."""
    empty, within, after = 1.0, np.zeros(NON_DIGIT), np.zeros(NON_DIGIT)
    for column in columns:
        non_digit = column[NON_DIGIT]
        after = (after + within) * non_digit
        within = (within + empty) * column[:NON_DIGIT]
        empty *= non_digit
    return SingleDigitPosterior(within + after, float(empty))


def _states(digits: Sequence[str | int]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the class of each CTC state of a string, and whether the state may be entered from two states before."""
    states = np.full(2 * len(digits) + 1, NON_DIGIT, np.intp)
    states[1::2] = [int(digit) for digit in digits]
    may_skip = np.zeros(len(states), np.bool_)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    return states, may_skip


def align(columns: Probabilities, digits: str) -> list[Span]:
    """Return the span of each digit in the most probable alignment (Viterbi); needs enough columns."""
    states, may_skip = _states(digits)
    logs = np.log(columns)[:, states]
    scores = np.full(len(states), -np.inf)
    scores[:2] = logs[0, :2]
    moves = np.zeros((len(columns), len(states)), np.intp)
    for index in range(1, len(columns)):
        ways = np.full((3, len(states)), -np.inf)
        ways[0] = scores
        ways[1, 1:] = scores[:-1]
        ways[2, 2:] = np.where(may_skip[2:], scores[:-2], -np.inf)
        moves[index] = ways.argmax(axis=0)
        scores = ways.max(axis=0) + logs[index]
    state = len(states) - 1 if len(states) < 2 or scores[-1] >= scores[-2] else len(states) - 2
    path = np.empty(len(columns), np.intp)
    for index in range(len(columns) - 1, -1, -1):
        path[index] = state
        state -= moves[index, state]
    spans = []
    for index, digit in enumerate(digits):
        inside = np.flatnonzero(path == 2 * index + 1)
        peak = inside[columns[inside, int(digit)].argmax()]
        spans.append(Span(int(inside[0]), int(inside[-1]) + 1, int(peak)))
    return spans


def characters(classes: Probabilities, digits: str, spans: Sequence[Span]) -> list[Character]:
    """Return all characters of a line: its digits, and the most probable other characters between them."""
    others = classes[:, NON_DIGIT:].argmax(axis=1) + NON_DIGIT
    changes = np.flatnonzero(np.diff(others)) + 1
    found = [Character(digit, span.peak) for digit, span in zip(digits, spans, strict=True)]
    edges = [0, *(edge for span in spans for edge in (span.start, span.stop)), len(others)]
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        inside = changes[(changes > start) & (changes < stop)].tolist()
        for first, last in pairwise([start, *inside, stop]):
            if last > first and others[first] != BLANK:
                peak = first + int(classes[first:last, others[first]].argmax())
                found.append(Character(LINE_CLASSES[others[first]], peak))
    return sorted(found, key=lambda character: character.column)


def _best_path(columns: Probabilities, constraint: Constraint) -> str | None:
    """Return the digits of the most probable path that the automaton accepts (Viterbi); None if there is none.

    A node is a state of the automaton with the last column's digit or non-digit. For large automata only the most
    probable nodes are kept.
    """
    keys, scores = np.zeros(1, np.int64) + NON_DIGIT, np.zeros(1)
    steps: list[tuple[NDArray[np.int64], NDArray[np.intp]]] = []
    for logs in np.log(columns):
        keys, scores, parents = _next_nodes(keys, scores, logs, constraint.transitions)
        steps.append((keys, parents))
    scores = np.where(constraint.accepting[keys // _KINDS], scores, -np.inf)
    node = int(scores.argmax())
    if scores[node] == -np.inf:
        return None
    path = [NON_DIGIT]
    for keys, parents in reversed(steps):
        path.append(int(keys[node] % _KINDS))
        node = int(parents[node])
    return "".join(str(kind) for after, kind in pairwise(path) if kind not in (after, NON_DIGIT))[::-1]


def _next_nodes(
    keys: NDArray[np.int64], scores: Probabilities, logs: Probabilities, transitions: NDArray[np.int32]
) -> tuple[NDArray[np.int64], Probabilities, NDArray[np.intp]]:
    """Return the nodes after one more column: their keys, scores and parents."""
    states, kinds = np.divmod(keys, _KINDS)
    targets = np.where(np.arange(NON_DIGIT) == kinds[:, np.newaxis], -1, transitions[states])
    entering, digits = np.nonzero(targets >= 0)
    stays = np.flatnonzero(kinds != NON_DIGIT)
    parents = np.concatenate([np.arange(len(keys)), stays, entering])
    found = np.concatenate(
        [
            states * _KINDS + NON_DIGIT,
            keys[stays],
            targets[entering, digits].astype(np.int64) * _KINDS + digits,
        ]
    )
    reached = scores[parents] + logs[found % _KINDS]
    order = np.lexsort((-reached, found))
    is_best = np.ones(len(order), np.bool_)
    is_best[1:] = found[order[1:]] != found[order[:-1]]
    best = order[is_best]
    if len(best) > _MAX_NODES:
        best = best[np.argpartition(-reached[best], _MAX_NODES)[:_MAX_NODES]]
    return found[best], np.asarray(reached[best], np.float64), parents[best]


def merge_empty_columns(columns: Probabilities) -> Probabilities:
    """Return the columns with adjacent empty ones merged: probabilities stay, and decoding is faster."""
    empty = columns[:, NON_DIGIT] >= _EMPTY_COLUMN
    keep = ~(empty & np.concatenate([[False], empty[:-1]]))
    return np.asarray(columns[keep], np.float64)
