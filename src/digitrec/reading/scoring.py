"""What speaks for a candidate being one digit, and for a piece of ink being none: features and their weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS
from digitrec.ink.lines import Box, Line, Piece
from digitrec.ink.segment import Candidate

_LEAST = 1e-5

# By digit: what the digit network says of a candidate, and the line network of its place.
LOGS = ("log_probability", "log_middle")
DIGIT_FEATURES = (
    "log_is_digit", "middle_beside", "digit", "cut", "cut_cost", "wall", "crossings", "not_cut", "joined", "gap",
    "low", "high", "wide", "off_line", "edge", "edge_of_square", "sliced", "sliced_in_square",
)  # fmt: skip
SKIP_FEATURES = (
    "log_no_middle", "skipped", "size", "size_squared", "flat", "at_edge", "skip_cut_cost", "skip_cut", "below",
    "thin_at_edge", "side_of_square", "skip_sliced",
)  # fmt: skip
WHOLE_FEATURES = ("middle_beside", "whole", "picture_wide", "outside", "outside_inner", "low", "wide")
NAMES = (*LOGS, *DIGIT_FEATURES, *SKIP_FEATURES, *WHOLE_FEATURES[1:5])
_ORDER = {name: index for index, name in enumerate(NAMES)}

# Made by: python scripts/fit_reading.py mnist.npz --strokes pendigits-orig.tra
# Those of the picture's sides and of the whole were fitted again, the others held: --count 3000 --only edge sliced ...
WEIGHTS = {
    "log_probability": 0.632, "log_middle": 0.791, "log_is_digit": 0.926, "middle_beside": -2.545,
    "digit": 1.153, "cut": -0.064, "cut_cost": -1.422, "wall": 0.804, "crossings": -0.22, "not_cut": 0.964,
    "joined": -1.988, "gap": -1.339, "low": -1.293, "high": -2.101, "wide": -6.446, "off_line": -4.042,
    "edge": -0.367, "edge_of_square": -2.728, "sliced": -1.487, "sliced_in_square": -1.257,
    "log_no_middle": 1.645, "skipped": -1.087, "size": -2.083, "size_squared": -0.253, "flat": 3.116,
    "at_edge": -0.939, "skip_cut_cost": 2.127, "skip_cut": -2.112, "below": 1.373, "thin_at_edge": -0.068,
    "side_of_square": -0.211, "skip_sliced": -0.393, "whole": 1.534, "picture_wide": -3.471, "outside": -1.924,
    "outside_inner": -2.831,
}  # fmt: skip
WEIGHT_VECTOR = np.array([WEIGHTS[name] for name in NAMES])
LOG_WEIGHTS = WEIGHT_VECTOR[: len(LOGS)]


def digit_logs(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (N, 10): the logarithm of each digit's probability, that of no digit taken off."""
    least = probabilities.min(axis=1, keepdims=True)
    return np.asarray(np.log(np.maximum(probabilities - least, _LEAST)), np.float64)


def refusal_logs(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (N,): the logarithm of the probability that it is a digit at all."""
    return np.asarray(np.log(np.maximum(1.0 - len(LABELS) * probabilities.min(axis=1), 1e-3)), np.float64)


def candidate_features(candidate: Candidate, line: Line, shape: tuple[int, ...]) -> list[float]:
    """Return the features of a candidate from "digit" on, in the order of `DIGIT_FEATURES`."""
    pieces = line.pieces[candidate.first : candidate.last]
    left, top, width, height = candidate.box
    px = line.digit_px
    inside = {piece.number for piece in pieces}
    outer = [piece.cut for piece in pieces if piece.cut and piece.number - 1 not in inside]
    inner = [piece.cut for piece in pieces if piece.cut and piece.number - 1 in inside]
    gaps = [
        (after.box[0] - before.box[0] - before.box[2]) / px
        for before, after in pairwise(pieces)
        if before.owner != after.owner
    ]
    sliced = max(piece.sliced for piece in pieces)
    tall = float(np.log(height / px))
    off_line = abs(top + height / 2 - line.middle[0] * (left + width / 2) - line.middle[1]) / px
    return [
        1.0,
        float(len(outer)),
        sum(min(cut, 2.0) for cut in outer),
        sum(max(0.0, cut - 2.0) for cut in outer),
        sum(max(0, piece.crossings - 1) for piece in pieces if piece.number - 1 not in inside),
        sum(max(0.0, 2.0 - cut) for cut in inner),
        float(len(gaps)),
        sum(max(0.0, gap) for gap in gaps),
        min(0.0, tall) ** 2,
        max(0.0, tall) ** 2,
        max(0.0, width / max(px, height) - 0.8),
        off_line**2,
        float(_at_side(candidate.box, shape)),
        _at_side(candidate.box, shape) * _squareness(shape),
        sliced,
        sliced * _squareness(shape),
    ]


def skip_features(piece: Piece, line: Line, shape: tuple[int, ...]) -> list[float]:
    """Return the features of a piece that is passed over from "skipped" on, in the order of `SKIP_FEATURES`."""
    left, top, width, height = piece.box
    px = line.digit_px
    size = min(max(width, height) / px, 2.0)
    below = (top + height / 2 - line.middle[0] * (left + width / 2) - line.middle[1]) / px
    return [
        1.0,
        size,
        size**2,
        float(height < 0.4 * px and width > 1.5 * height),
        float(touches_edge(piece.box, shape)),
        min(piece.cut, 3.0),
        float(piece.cut > 0),
        float(below > 0.2 and size < 0.6),
        float(width < 0.2 * px and height > 0.8 * px and touches_edge(piece.box, shape)),
        _at_side(piece.box, shape) * _squareness(shape),
        piece.sliced,
    ]


def _at_side(box: Box, shape: tuple[int, ...]) -> bool:
    return box[0] <= 1 or box[0] + box[2] >= shape[1] - 1


def _squareness(shape: tuple[int, ...]) -> float:
    """Return 1 for a picture as wide as high or less, which was cut out around one digit, 0 for one twice as wide."""
    return min(1.0, max(0.0, 2.0 - shape[1] / shape[0]))


def touches_edge(box: Box, shape: tuple[int, ...]) -> bool:
    """Return whether a box reaches an edge of the page."""
    left, top, width, height = box
    return left <= 1 or top <= 1 or left + width >= shape[1] - 1 or top + height >= shape[0] - 1


def whole_features(
    box: Box, outside: Sequence[Piece], ink_area: int, digit_px: float, shape: tuple[int, ...]
) -> list[float]:
    """Return the features of the picture as one digit from "whole" on, in the order of `WHOLE_FEATURES`.

    Parameters
    ----------
    box : the digit's. outside : what is not part of it, of `ink_area` px of ink in all.
    """
    tall = float(np.log(box[3] / digit_px))
    inside = max(1, ink_area - sum(piece.area for piece in outside))
    inner = sum(piece.area for piece in outside if not touches_edge(piece.box, shape))
    return [
        1.0,
        min(max(0.0, shape[1] / shape[0] - 1.0), 2.0),
        min(1.0, sum(piece.area for piece in outside) / inside),
        min(1.0, inner / inside),
        min(0.0, tall) ** 2,
        max(0.0, box[2] / box[3] - 0.8),
    ]


def in_order(names: Sequence[str], values: Sequence[float]) -> NDArray[np.float64]:
    """Return (F,) float64, the values at their places in `NAMES`, 0 elsewhere."""
    features = np.zeros(len(NAMES))
    features[[place_of(name) for name in names]] = values
    return features


def place_of(name: str) -> int:
    """Return the place of a feature in `NAMES`."""
    return _ORDER[name]
