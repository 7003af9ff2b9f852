"""Things that are no digit, for the network to learn what to refuse: made here, none of them collected.

Letters and signs, scribbles, two digits in one picture, and halves of digits. Held out for validation are whole
kinds of signs, so that a threshold is chosen by what the network has never seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.contract import BOX_SIZE_PX, NO_DIGIT
from digitrec.errors import BlankImageError
from digitrec.ink.normalize import fit_to_box, normalize
from digitrec.ink.render import Strokes, replay_on_canvas
from digitrec.training.handwriting import Figure, curve_through, write_all
from digitrec.training.samples import Samples, gather, join
from digitrec.training.symbols import SYMBOLS

Ink = NDArray[np.float32]

_LOST_PX = 4  # a pen's width, and rounding
_HELD_OUT = 6  # every sixth sign is kept for validation
# The half of a 1, a 4, a 7 or a 9 may be a 1 or a 0; half of one of these is nothing.
_HALVED = (0, 2, 3, 5)


class Counts(NamedTuple):
    """How many of each kind are made: `symbols` of every sign, the others in all."""

    symbols: int = 60
    scribbles: int = 1200
    pairs: int = 2500
    halves: int = 800

    def scaled(self, share: float) -> Counts:
        """Return the counts for a part of the training data, none of them 0."""
        return Counts(*(max(1, round(share * count)) for count in self))


def make_negatives(digits: Samples, counts: Counts, seed: int) -> tuple[Samples, Samples]:
    """Return samples of `NO_DIGIT` to learn from, and others to validate with.

    Parameters
    ----------
    digits : what pairs and halves are made of; of the validation part too.
    """
    training: list[Figure] = []
    validation: list[Figure] = []
    for number, figure in enumerate(SYMBOLS):
        part = validation if number % _HELD_OUT == seed % _HELD_OUT else training
        part.append(figure)
    rng = np.random.default_rng([seed, NO_DIGIT])
    others = join(
        render(((NO_DIGIT, _scribble(rng)) for _ in range(counts.scribbles)), rng),
        gather((NO_DIGIT, ink) for ink in _pairs(digits, counts.pairs, rng)),
        gather((NO_DIGIT, ink) for ink in _halves(digits, counts.halves, rng)),
    )
    held_out = np.arange(len(others.labels)) % (2 * _HELD_OUT) == 0
    return (
        join(render(write_all(training, counts.symbols, seed), rng), others.chosen(~held_out)),
        join(render(write_all(validation, counts.symbols, seed), rng), others.chosen(held_out)),
    )


def render(written: Iterable[tuple[int, Strokes]], rng: np.random.Generator) -> Samples:
    """Return the ink of strokes, each replayed on a canvas and normalised as a user's would be.

    A drawing of which the normalisation kept a part only is left out: the upright of a torn H is a 1.
    """
    inks = ((label, strokes, normalize(replay_on_canvas(strokes, rng))) for label, strokes in written)
    return gather((label, ink) for label, strokes, ink in inks if _is_whole(strokes, ink))


def _is_whole(strokes: Strokes, ink: Ink) -> bool:
    low, high = strokes.box
    width, height = (high - low) / max(float((high - low).max()), 1e-6) * BOX_SIZE_PX
    _, _, seen_width, seen_height = cv2.boundingRect((ink > 0).astype(np.uint8))
    return bool(seen_width > width - _LOST_PX and seen_height > height - _LOST_PX)


def _scribble(rng: np.random.Generator) -> Strokes:
    """Return one to three tangled strokes."""
    strokes = []
    for _ in range(rng.integers(1, 4)):
        points = rng.uniform(0.0, 1.0, (rng.integers(6, 12), 2)) * rng.uniform(0.6, 1.0, 2)
        strokes.append((curve_through(points) if rng.random() < 0.7 else points).astype(np.float32))
    return Strokes(tuple(strokes))


def _pairs(digits: Samples, count: int, rng: np.random.Generator) -> Iterator[Ink]:
    """Yield inks of two digits side by side, a few pixels apart to a few pixels over each other."""
    for left, right in rng.integers(0, len(digits.labels), (count, 2)):
        yield fit_to_box(_beside(_cut_out(digits.images[left]), _cut_out(digits.images[right]), rng))


def _beside(left: Ink, right: Ink, rng: np.random.Generator) -> Ink:
    gap, drop = int(rng.integers(-2, 5)), int(rng.integers(-3, 4))
    height = max(left.shape[0], right.shape[0]) + abs(drop)
    both = np.zeros((height, left.shape[1] + right.shape[1] + max(gap, 0)), np.float32)
    both[max(-drop, 0) :][: left.shape[0], : left.shape[1]] = left
    start = left.shape[1] + gap
    window = both[max(drop, 0) :][: right.shape[0], start : start + right.shape[1]]
    np.maximum(window, right[:, : window.shape[1]], out=window)
    return both


def _halves(digits: Samples, count: int, rng: np.random.Generator) -> Iterator[Ink]:
    """Yield the upper or the lower half of digits of which that is nothing."""
    candidates = digits.images[np.isin(digits.labels, _HALVED)]
    for image in candidates[rng.integers(0, len(candidates), count if len(candidates) else 0)]:
        ink = _cut_out(image)
        cut = round(ink.shape[0] * rng.uniform(0.42, 0.55))
        half = ink[:cut] if rng.random() < 0.5 else ink[-cut:]
        if half.any():
            yield fit_to_box(half)


def _cut_out(image: NDArray[np.uint8]) -> Ink:
    x, y, width, height = cv2.boundingRect(image)
    if not width:
        raise BlankImageError("expected a digit to make others of. Received: blank paper.")
    return np.asarray(image[y : y + height, x : x + width] / np.float32(255), np.float32)
