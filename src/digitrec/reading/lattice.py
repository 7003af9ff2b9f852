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
from digitrec.reading.constraints import Levels, Ways

_NEVER = -np.inf

Scores = NDArray[np.float64]


class Automaton(Protocol):
    """What a number may be: states, of which 0 is the first.

    The states that so many digits lead to follow those that fewer lead to.
    """

    @property
    def ways(self) -> Ways:
        """All ways from one state to another, ordered by where they lead."""

    @property
    def ways_back(self) -> Ways:
        """The same, ordered by where they come from."""

    @property
    def levels(self) -> Levels:
        """Which states, and which ways, belong to how many digits."""

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
        self._sums: dict[Automaton, Scores] = {}
        self._most_before: list[int] = [0] * places  # the most digits of a path from the first place to each
        self._most_after: list[int] = [0] * places  # the same to the last
        for edge in self.edges:
            digits = self._most_before[edge.first] + edge.is_digit
            self._most_before[edge.last] = max(self._most_before[edge.last], digits)
        for edge in reversed(self.edges):
            digits = self._most_after[edge.last] + edge.is_digit
            self._most_after[edge.first] = max(self._most_after[edge.first], digits)

    def moves(self, asked: Automaton) -> int:
        """Return how many steps the automaton has along all edges: what the time for a path grows with."""
        along_edges = sum(int(span.stop - span.start) for span in self._spans(asked))
        return along_edges + self.places * self._states(asked)

    def best_path(self, asked: Automaton) -> list[Step] | None:
        """Return the digits of the best path that the automaton takes; None where it takes no path."""
        best = self._start(asked)
        spans = self._spans(asked)
        for edge, span in zip(self.edges, spans, strict=True):
            there = best[edge.last]
            if asked.is_free or not edge.is_digit:
                there[span] = np.maximum(there[span], best[edge.first, span] + edge.scores.max())
            else:
                ways = asked.ways.of(span)
                _put(
                    np.maximum, there, best[edge.first, ways.sources] + edge.scores[ways.digits], ways.targets
                )
        ends = np.where(self._final(asked), best[-1], _NEVER)
        state = int(ends.argmax())
        return None if ends[state] == _NEVER else self._steps(best, spans, asked, state)

    def _steps(self, best: Scores, spans: Sequence[slice], asked: Automaton, state: int) -> list[Step]:
        """Return the digits of the path that gave the best score of the last place and `state`."""
        arriving: list[list[tuple[Edge, slice]]] = [[] for _ in range(self.places)]
        for edge, span in zip(self.edges, spans, strict=True):
            arriving[edge.last].append((edge, span))
        steps = []
        place = self.places - 1
        while place:
            edge, digit, state = next(
                (edge, *way)
                for edge, span in arriving[place]
                if (way := _way_that_gives(best, edge, span, state, asked)) is not None
            )
            place = edge.first
            if edge.is_digit:
                steps.append(Step(edge, digit))
        return steps[::-1]

    def total(self, asked: Automaton) -> float:
        """Return the logarithm of the sum over all paths that the automaton takes; -inf of none."""
        return float(np.logaddexp.reduce(self._before(asked)[-1][self._final(asked)]))

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
        after = self._after(asked)
        shares = []
        for edge, span in zip(self.edges, self._spans(asked), strict=True):
            if asked.is_free:
                share = before[edge.first, 0] + edge.scores + after[edge.last, 0]
                shares.append(np.exp(np.minimum(share - total, 0.0)))
            elif edge.is_digit:
                ways = asked.ways.of(span)
                share = before[edge.first, ways.sources] + after[edge.last, ways.targets] - total
                weights = np.exp(share + edge.scores[ways.digits])
                shares.append(np.minimum(np.bincount(ways.digits, weights, len(LABELS)), 1.0))
            else:
                share = before[edge.first, span] + after[edge.last, span] - total
                shares.append(np.minimum(np.exp(share + edge.scores).sum(keepdims=True), 1.0))
        return shares

    def _before(self, asked: Automaton) -> Scores:
        """Return (places, S): the logarithm of the sum over all paths to each place and state."""
        if asked in self._sums:
            return self._sums[asked]
        sums = self._start(asked)
        for edge, span in zip(self.edges, self._spans(asked), strict=True):
            there = sums[edge.last]
            if asked.is_free or not edge.is_digit:
                there[span] = np.logaddexp(there[span], sums[edge.first, span] + _any_digit(edge))
            else:
                ways = asked.ways.of(span)
                scores = sums[edge.first, ways.sources] + edge.scores[ways.digits]
                _put(np.logaddexp, there, scores, ways.targets)
        self._sums[asked] = sums
        return sums

    def _after(self, asked: Automaton) -> Scores:
        """Return (places, S): the logarithm of the sum over all paths from each place and state to the end."""
        sums = np.full((self.places, self._states(asked)), _NEVER)
        sums[-1, self._final(asked)] = 0.0
        spans = self._spans(asked)
        for edge, span in zip(
            reversed(self.edges), reversed(spans), strict=True
        ):  # sorted by where they begin
            here = sums[edge.first]
            if asked.is_free or not edge.is_digit:
                here[span] = np.logaddexp(here[span], sums[edge.last, span] + _any_digit(edge))
            else:
                ways = asked.ways_back.of(span)
                scores = sums[edge.last, ways.targets] + edge.scores[ways.digits]
                _put(np.logaddexp, here, scores, ways.sources)
        return sums

    def _start(self, asked: Automaton) -> Scores:
        sums = np.full((self.places, self._states(asked)), _NEVER)
        sums[0, 0] = 0.0
        return sums

    def _states(self, asked: Automaton) -> int:
        """Return how many of the automaton's states so many digits lead to as a path has at most."""
        ends = asked.levels.states
        return ends[min(self._most_before[-1], len(ends) - 1)]

    def _final(self, asked: Automaton) -> NDArray[np.bool_]:
        return asked.final[: self._states(asked)]

    def _spans(self, asked: Automaton) -> list[slice]:
        """Return, for each edge, the ways along it that a path from the first to the last place can take: a slice of
        the automaton's ways for a digit, and of its states for what is passed over.
        """
        if asked.is_free:
            return [slice(0, 1)] * len(self.edges)
        states, ways, left = asked.levels
        fewest = [
            next((n for n, least in enumerate(left) if least <= more), len(left)) for more in self._most_after
        ]
        most = [min(digits, len(left) - 1) for digits in self._most_before]
        spans = []
        for edge in self.edges:
            first = max(fewest[edge.last], fewest[edge.first] + edge.is_digit)
            last = min(most[edge.last], most[edge.first] + edge.is_digit)
            ends = ways if edge.is_digit else states
            start = ends[first - 1] if 0 < first <= last else 0
            spans.append(slice(start, max(start, ends[last]) if first <= last else start))
        return spans


def _any_digit(edge: Edge) -> float:
    highest = edge.scores.max()
    return float(highest + np.log(np.exp(edge.scores - highest).sum()))


def _put(join: np.ufunc, there: Scores, scores: Scores, targets: NDArray[np.intp]) -> None:
    """Join scores to those that are there; equal targets follow each other."""
    if not len(targets):
        return
    starts = np.flatnonzero(np.diff(targets, prepend=-1))
    reached = targets[starts]
    there[reached] = join(there[reached], join.reduceat(scores, starts))


def _way_that_gives(
    best: Scores, edge: Edge, span: slice, state: int, asked: Automaton
) -> tuple[int, int] | None:
    """Return the digit by which an edge gives the best score of a state where it leads, and the state before it; None
    where another edge does.
    """
    score = best[edge.last, state]
    if asked.is_free or not edge.is_digit:
        gives = span.start <= state < span.stop and best[edge.first, state] + edge.scores.max() == score
        return (int(edge.scores.argmax()), state) if gives else None
    ways = asked.ways.of(span)
    ways = ways.of(slice(*np.searchsorted(ways.targets, [state, state + 1])))
    given = np.flatnonzero(best[edge.first, ways.sources] + edge.scores[ways.digits] == score)
    if not len(given):
        return None
    way = given[ways.digits[given].argmin()]
    return int(ways.digits[way]), int(ways.sources[way])


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
