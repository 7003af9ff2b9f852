"""What the line network tells of one place on a line: whether a digit has its middle there, and which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS
from digitrec.ink.lines import Box
from digitrec.ink.strip import Strip
from digitrec.model.line_network import COLUMN_PX, NOTHING, LineNetwork

_LEAST = 1e-3
_AT_PX = 2.5  # from the middle of a candidate: there the network is asked which digit it is ...
_BESIDE_PX = 4.0  # ... and from here on whether another digit has its middle in the candidate
_SIDE_PX = 1.0  # at a candidate's sides, where its neighbour's middle may be
_MOST_AT_ONCE = 1 << 20  # of the network's answers, each for so many boxes

NOTHING_TOLD = (np.zeros(len(LABELS)), 0.0)


class Middles:
    """The line network's answer for one line, by places on the page."""

    def __init__(self, network: LineNetwork, strip: Strip) -> None:
        self._strip = strip
        self._logs = np.log(np.maximum(network.middles(strip.ink), _LEAST)).astype(np.float64)
        self._columns = (np.arange(len(self._logs)) + 0.5) * COLUMN_PX

    def of_digits(self, boxes: Sequence[Box]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what is told in the middle of each of N boxes, and beside it.

        Returns
        -------
        (N, 10) the logarithm of each digit's probability, and (N,) the probability, in [0, 1], that another digit has
        its middle in the box.
        """
        digits, beside = np.empty((len(boxes), NOTHING)), np.empty(len(boxes))
        for some in self._few_at_once(len(boxes)):
            digits[some], beside[some] = self._of_few(boxes[some])
        return digits, beside

    def _of_few(self, boxes: Sequence[Box]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        left, right = self._sides(boxes)
        distance = np.abs(self._columns - (left + right) / 2)
        at = distance <= np.maximum(_AT_PX, distance.min(axis=1, keepdims=True))
        beside = (distance > _BESIDE_PX) & self._within(left, right)
        digits = np.where(at[..., np.newaxis], self._logs[:, :NOTHING], -np.inf).max(axis=1)
        return digits, 1.0 - np.exp(np.where(beside, self._logs[:, NOTHING], 0.0).min(axis=1))

    def of_nothing(self, boxes: Sequence[Box]) -> NDArray[np.float64]:
        """Return (N,), the logarithm of the probability that no digit has its middle in each of N boxes."""
        least = np.empty(len(boxes))
        for some in self._few_at_once(len(boxes)):
            within = self._within(*self._sides(boxes[some]))
            least[some] = np.where(within, self._logs[:, NOTHING], 0.0).min(axis=1)
        return least

    def _few_at_once(self, count: int) -> Iterator[slice]:
        """Yield slices of so many boxes, short enough that a table of them and all answers stays small."""
        step = max(1, _MOST_AT_ONCE // self._logs.size)
        return (slice(start, start + step) for start in range(0, count, step))

    def _sides(self, boxes: Sequence[Box]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where on the strip the boxes begin and end, (N, 1) each."""
        left, _, width, _ = np.array(boxes, np.float64).reshape(-1, 4).T[..., np.newaxis]
        return self._strip.column(left), self._strip.column(left + width)

    def _within(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((self._columns > left + _SIDE_PX) & (self._columns < right - _SIDE_PX))
