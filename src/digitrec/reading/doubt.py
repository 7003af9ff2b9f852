"""What takes from a number's confidence: things among its digits, ink beside them, and digits that are cut off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS
from digitrec.ink.lines import Box
from digitrec.reading.scoring import touches_edge
from digitrec.reading.written import Written

SAME_PLACE = 0.5  # of the smaller box: two candidates that share so much are one digit
_SEPARATORS_SHARE = 0.4  # of the ink that is read: a number with more ink beside it is doubtful
_EDGE_COUNTS = 0.25  # how much of the ink at the edge counts, around a lone digit
# What is left of the confidence for a digit that the picture's edge cuts off. Where the digit is so high a share of the
# picture, that was cut out around it, and the edge cuts nothing off.
_CUT_OFF = 0.5
_FILLS_SHARE = 0.4


def all_are_digits(probabilities: Sequence[NDArray[np.float32]]) -> float:
    """Return the probability that none is a letter or a thing, which no other path could tell.

    Parameters
    ----------
    probabilities : (10,) of each digit on the path.
    """
    least = np.array([answer.min() for answer in probabilities])
    return float(np.prod(1.0 - len(LABELS) * least))


def share_agreed(digit: int, seen_by_predict: NDArray[np.float32]) -> float:
    """Return what is left of the confidence in a lone digit that `predict` reads otherwise: half, or more for a doubt.

    Parameters
    ----------
    seen_by_predict : (10,) probabilities.
    """
    return (1.0 + float(seen_by_predict[digit])) / 2


def share_read(boxes: Sequence[Box], written: Written, *, lone: bool = False) -> float:
    """Return 1, or less where more ink is passed over than a number's separators have, or digits are cut off.

    Around a lone digit, what runs into the picture's edge is a frame or a neighbour, and counts less.
    """
    edge_counts = _EDGE_COUNTS if lone else 1.0
    read = passed_over = 0.0
    there = np.array(boxes)
    for line, *_ in written.lines:
        for piece in line.pieces:
            if shared(piece.box, there).max() >= SAME_PLACE:
                read += piece.area
            else:
                passed_over += piece.area * (edge_counts if touches_edge(piece.box, written.shape) else 1.0)
    share = min(1.0, _SEPARATORS_SHARE * read / max(1.0, passed_over)) if read else 1.0
    return float(share * _CUT_OFF ** sum(_is_cut_off(box, written.shape) for box in boxes))


def _is_cut_off(box: Box, shape: tuple[int, ...]) -> bool:
    """Return whether a small part of a larger picture runs out of it: nobody photographs a digit so."""
    return touches_edge(box, shape) and box[3] < _FILLS_SHARE * shape[0]


def shared(one: Box, others: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the area that a box shares with each of (N, 4) others, as a share of the smaller of the two: (N,)."""
    corner, size = np.array(one[:2]), np.array(one[2:])
    ends = np.minimum(corner + size, others[:, :2] + others[:, 2:])
    width, height = np.maximum(0, ends - np.maximum(corner, others[:, :2])).T
    smaller = np.minimum(size.prod(), others[:, 2] * others[:, 3])
    return np.asarray(width * height / np.maximum(1, smaller))
