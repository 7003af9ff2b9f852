"""The best way through the candidates of a picture, steered by what a number may be, and how sure it is.

Places lie between the pieces of ink, in reading order. An edge leads from a place to a later one: a digit, with a score
for each of the ten, or a piece passed over. A path from the first to the last place is a reading; the sum over all
paths, by the forward algorithm, tells how sure the best one is (a semi-Markov conditional random field: Sarawagi,
Cohen, 2004).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS

_NEVER = -np.inf
_FIRST = np.zeros(1, np.intp)

Scores = NDArray[np.float64]


class Automaton(Protocol):
    """What a number may be: states, of which 0 is the first.

    No digit leads to one state from two, as in a list that is a tree; so all states move at once.
    """

    @property
    def ways(self) -> Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """For each digit, the states that it may come after, and those that it leads to from them."""

    @property
    def final(self) -> NDArray[np.bool_]:
        """(S,) bool: where a number may end."""

    @property
    def is_free(self) -> bool:
        """Whether it takes any digits in any number, by its only state."""


class Edge(NamedTuple):
    """A way from one place to a later one.

    Attributes
    ----------
    first, last : the places, first < last.
    scores : (10,) float64, of each digit; or (1,), of passing over what lies between.
    candidate : which candidate this is, for the one who made the edge; -1 where it passes over.
    """

    first: int
    last: int
    scores: Scores
    candidate: int = -1

    @property
    def is_digit(self) -> bool:
        """Whether this is a digit, and not passed over."""
        return len(self.scores) == len(LABELS)


class Step(NamedTuple):
    """An edge of a path, and the digit it is read as."""

    edge: Edge
    digit: int


class Lattice:
    """All edges between `places` places; a place is reached by edges from earlier ones only."""

    def __init__(self, places: int, edges: Iterable[Edge]) -> None:
        self.places = places
        self.edges = sorted(edges, key=lambda edge: (edge.first, edge.last))

    def best_path(self, asked: Automaton) -> list[Step] | None:
        """Return the digits of the best path that the automaton takes; None where it takes no path."""
        best = self._start(asked)
        came = np.zeros((*best.shape, 3), np.int32)  # the edge, the digit, and the state before
        for number, edge in enumerate(self.edges):
            for digit, targets, sources in _moves(edge, best[edge.first], asked, only_best=True):
                scores = best[edge.first, sources] + edge.scores[digit]
                better = scores > best[edge.last, targets]
                best[edge.last, targets[better]] = scores[better]
                came[edge.last, targets[better], :2] = number, digit
                came[edge.last, targets[better], 2] = sources[better]
        ends = np.where(asked.final, best[-1], _NEVER)
        state = int(ends.argmax())
        return None if ends[state] == _NEVER else self._steps(came, state)

    def _steps(self, came: NDArray[np.int32], state: int) -> list[Step]:
        steps = []
        place = self.places - 1
        while place:
            number, digit, state = came[place, state].tolist()
            edge = self.edges[number]
            place = edge.first
            if edge.is_digit:
                steps.append(Step(edge, digit))
        return steps[::-1]

    def total(self, asked: Automaton) -> float:
        """Return the logarithm of the sum over all paths that the automaton takes; -inf of none."""
        return float(np.logaddexp.reduce(self._before(asked)[-1][asked.final]))

    def total_of(self, digits: Sequence[int]) -> float:
        """Return the logarithm of the sum over all paths that read these digits."""
        sums = np.full((self.places, len(digits) + 1), _NEVER)
        sums[0, 0] = 0.0
        chosen = list(digits)
        for edge in self.edges:
            before, there = sums[edge.first], sums[edge.last]
            if edge.is_digit:
                there[1:] = np.logaddexp(there[1:], before[:-1] + edge.scores[chosen])
            else:
                np.logaddexp(there, before + edge.scores, out=there)
        return float(sums[-1, -1])

    def shares(self, asked: Automaton, total: float) -> list[Scores]:
        """Return, for each edge and digit, the share of all paths that take it; `total` is what is shared out."""
        before = self._before(asked)
        after = self._after(asked, before)
        shares = []
        for edge in self.edges:
            if asked.is_free:
                share = before[edge.first, 0] + edge.scores + after[edge.last, 0]
            else:
                share = np.full(len(edge.scores), _NEVER)
                for digit, targets, sources in _moves(edge, before[edge.first], asked):
                    ways = before[edge.first, sources] + after[edge.last, targets]
                    share[digit] = np.logaddexp.reduce(ways) + edge.scores[digit]
            shares.append(np.exp(np.minimum(share - total, 0.0)))
        return shares

    def _before(self, asked: Automaton) -> Scores:
        """Return (places, S): the logarithm of the sum over all paths to each place and state."""
        sums = self._start(asked)
        for edge in self.edges:
            there = sums[edge.last]
            if asked.is_free:
                there[0] = np.logaddexp(there[0], sums[edge.first, 0] + _any_digit(edge))
                continue
            for digit, targets, sources in _moves(edge, sums[edge.first], asked):
                there[targets] = np.logaddexp(there[targets], sums[edge.first, sources] + edge.scores[digit])
        return sums

    def _after(self, asked: Automaton, before: Scores) -> Scores:
        """Return (places, S): the logarithm of the sum over all paths from each place and state to the end.

        What no path leads to, by `before`, is left out.
        """
        sums = np.full((self.places, len(asked.final)), _NEVER)
        sums[-1, asked.final] = 0.0
        for edge in reversed(self.edges):  # they are sorted by where they begin
            here = sums[edge.first]
            if asked.is_free:
                here[0] = np.logaddexp(here[0], sums[edge.last, 0] + _any_digit(edge))
                continue
            for digit, targets, sources in _moves(edge, before[edge.first], asked):
                here[sources] = np.logaddexp(here[sources], sums[edge.last, targets] + edge.scores[digit])
        return sums

    def _start(self, asked: Automaton) -> Scores:
        sums = np.full((self.places, len(asked.final)), _NEVER)
        sums[0, 0] = 0.0
        return sums


def _any_digit(edge: Edge) -> float:
    highest = edge.scores.max()
    return float(highest + np.log(np.exp(edge.scores - highest).sum()))


def _moves(
    edge: Edge, reached: Scores, asked: Automaton, *, only_best: bool = False
) -> Iterable[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Yield, for each digit of an edge, the states that it leads to and those that it comes from.

    Of an automaton that takes any digits, the best path needs the edge's best digit only.

    Parameters
    ----------
    reached : (S,), -inf for the states that no path leads to.
    """
    if not edge.is_digit:
        (states,) = np.nonzero(reached > _NEVER)
        yield 0, states, states
    elif asked.is_free and only_best:
        yield int(edge.scores.argmax()), _FIRST, _FIRST
    else:
        for digit, (sources, targets) in enumerate(asked.ways):
            is_open = reached[sources] > _NEVER
            if is_open.any():
                yield digit, targets[is_open], sources[is_open]


def best_through(
    ends: Sequence[tuple[int, int]], scores: Sequence[float], skips: Sequence[float]
) -> list[float]:
    """Return, for each edge from place to place, the score of the best path that takes it.

    Parameters
    ----------
    ends : the first and the last place of each edge, in any order.
    scores : of each edge.
    skips : of passing over what lies between each place and the next; there is one place more.
    """
    edges: list[list[tuple[int, float]]] = [[(place + 1, score)] for place, score in enumerate(skips)]
    for (first, last), score in zip(ends, scores, strict=True):
        edges[first].append((last, score))
    before = [0.0] + [_NEVER] * len(skips)
    after = [_NEVER] * len(skips) + [0.0]
    for place, leaving in enumerate(edges):
        for last, score in leaving:
            before[last] = max(before[last], before[place] + score)
    for place in reversed(range(len(skips))):
        after[place] = max(after[last] + score for last, score in edges[place])
    return [before[first] + score + after[last] for (first, last), score in zip(ends, scores, strict=True)]
