"""The best way through the candidates of a picture: edges with scores, steered by what a number may be.

Places lie between the pieces of ink, in reading order. An edge leads from a place to a later one: a digit, with a score
for each of the ten, or a piece passed over. A path from the first to the last place is a reading; the sum over all
paths, by the forward algorithm, tells how sure the best one is (a semi-Markov conditional random field: Sarawagi,
Cohen, 2004).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS

_NEVER = -np.inf


class Automaton(Protocol):
    """What a number may be: states, of which 0 is the first."""

    @property
    def following(self) -> NDArray[np.int32]:
        """(S, 10) int32: the state that each digit leads to, -1 where it may not come."""

    @property
    def final(self) -> NDArray[np.bool_]:
        """(S,) bool: where a number may end."""


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
    scores: NDArray[np.float64]
    candidate: int = -1

    @property
    def is_digit(self) -> bool:
        """Whether this is a digit, and not passed over."""
        return len(self.scores) == len(LABELS)


class Step(NamedTuple):
    """An edge of a path, and the digit it is read as."""

    edge: Edge
    digit: int


@dataclass(frozen=True)
class Free:
    """Any number of digits."""

    following: NDArray[np.int32]
    final: NDArray[np.bool_]


FREE = Free(np.zeros((1, len(LABELS)), np.int32), np.ones(1, np.bool_))


def text_automaton(digits: Sequence[int]) -> Free:
    """Return the automaton that takes these digits in a row and nothing else."""
    following = np.full((len(digits) + 1, len(LABELS)), -1, np.int32)
    following[np.arange(len(digits)), list(digits)] = np.arange(1, len(digits) + 1)
    final = np.zeros(len(digits) + 1, np.bool_)
    final[-1] = True
    return Free(following, final)


class Lattice:
    """All edges between `places` places."""

    def __init__(self, places: int, edges: Iterable[Edge]) -> None:
        self.places = places
        self.edges = sorted(edges, key=lambda edge: (edge.first, edge.last))

    def best_path(self, automaton: Automaton = FREE) -> list[Step] | None:
        """Return the digits of the best path that the automaton takes; None where it takes no path."""
        following, final = np.asarray(automaton.following), np.asarray(automaton.final)
        best = np.full((self.places, len(final)), _NEVER)
        best[0, 0] = 0.0
        came: dict[tuple[int, int], tuple[int, int, int]] = {}
        for number, edge in enumerate(self.edges):
            (states,) = np.nonzero(best[edge.first] > _NEVER)
            for digit, targets, sources in _moves(edge, states, following):
                scores = best[edge.first, sources] + edge.scores[digit]
                better = scores > best[edge.last, targets]
                for source, target, score in zip(
                    sources[better], targets[better], scores[better], strict=True
                ):
                    if score > best[edge.last, target]:
                        best[edge.last, target] = score
                        came[edge.last, int(target)] = (number, digit, int(source))
        ends = np.where(final, best[-1], _NEVER)
        state = int(ends.argmax())
        if ends[state] == _NEVER:
            return None
        return self._steps(came, state)

    def _steps(self, came: dict[tuple[int, int], tuple[int, int, int]], state: int) -> list[Step]:
        steps = []
        place = self.places - 1
        while place:
            number, digit, state = came[place, state]
            edge = self.edges[number]
            place = edge.first
            if edge.is_digit:
                steps.append(Step(edge, digit))
        return steps[::-1]

    def total(self, automaton: Automaton = FREE) -> float:
        """Return the logarithm of the sum over all paths that the automaton takes; -inf of none."""
        return float(np.logaddexp.reduce(self.sums(automaton)[-1][np.asarray(automaton.final)]))

    def sums(self, automaton: Automaton = FREE) -> NDArray[np.float64]:
        """Return (places, S) float64: the logarithm of the sum over all paths to each place and state."""
        following, final = np.asarray(automaton.following), np.asarray(automaton.final)
        sums = np.full((self.places, len(final)), _NEVER)
        sums[0, 0] = 0.0
        for edge in self.edges:
            (states,) = np.nonzero(sums[edge.first] > _NEVER)
            if len(final) == 1 and len(states):
                gain = np.logaddexp.reduce(edge.scores)
                sums[edge.last, 0] = np.logaddexp(sums[edge.last, 0], sums[edge.first, 0] + gain)
                continue
            for digit, targets, sources in _moves(edge, states, following):
                np.logaddexp.at(sums[edge.last], targets, sums[edge.first, sources] + edge.scores[digit])
        return sums


    def shares(self, automaton: Automaton, total: float) -> list[NDArray[np.float64]]:
        """Return, for each edge and digit, the share of all paths that take it; `total` is what is shared out."""
        before, after = self.sums(automaton), self._sums_after(automaton)
        following = np.asarray(automaton.following)
        shares = []
        for edge in self.edges:
            share = np.full(len(edge.scores), _NEVER)
            (states,) = np.nonzero(before[edge.first] > _NEVER)
            for digit, targets, sources in _moves(edge, states, following):
                ways = before[edge.first, sources] + after[edge.last, targets]
                share[digit] = np.logaddexp.reduce(ways) + edge.scores[digit]
            shares.append(np.exp(np.minimum(share - total, 0.0)))
        return shares

    def _sums_after(self, automaton: Automaton) -> NDArray[np.float64]:
        """Return (places, S) float64: the logarithm of the sum over all paths from each place and state to the end."""
        following, final = np.asarray(automaton.following), np.asarray(automaton.final)
        sums = np.full((self.places, len(final)), _NEVER)
        sums[-1, final] = 0.0
        every_state = np.arange(len(final))
        for edge in reversed(self.edges):  # they are sorted by where they begin
            for digit, targets, sources in _moves(edge, every_state, following):
                ways = sums[edge.last, targets] + edge.scores[digit]
                sums[edge.first, sources] = np.logaddexp(sums[edge.first, sources], ways)
        return sums


def _moves(
    edge: Edge, states: NDArray[np.intp], following: NDArray[np.int32]
) -> Iterable[tuple[int, NDArray[np.int32], NDArray[np.intp]]]:
    """Yield, for each digit of an edge, the states that it leads to and those that it comes from."""
    if not len(states):
        return
    if not edge.is_digit:
        yield 0, states.astype(np.int32), states
        return
    for digit in LABELS:
        targets = following[states, digit]
        open_ways = targets >= 0
        if open_ways.any():
            yield digit, targets[open_ways], states[open_ways]
