"""Things that are no digit, for the network to learn what to refuse: made here, none of them collected.

Letters and signs, scribbles, two digits in one picture, and halves of digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import NON_DIGIT_LABEL
from digitrec.preprocessing.normalize import fit_to_mnist_box
from digitrec.preprocessing.strokes import Strokes
from digitrec.training.augmentation import crop_to_ink
from digitrec.training.samples import Samples, from_pairs, join
from digitrec.training.synthetic.strokes import (
    GlyphTemplate,
    curve_through,
    rasterize_and_normalize,
    sample_all,
)
from digitrec.training.synthetic.symbol_templates import SYMBOL_TEMPLATES

Ink = NDArray[np.float32]

_HELD_OUT = 12  # one kind of signs in so many is kept for validation
# The half of a 1, a 4, a 7 or a 9 may be a 1 or a 0; half of one of these is nothing.
_HALVED = (0, 2, 3, 5)


class NonDigitCounts(NamedTuple):
    """How many of each kind are made: `symbols` of every sign, the others in all."""

    symbols: int = 60
    scribbles: int = 1200
    pairs: int = 2500
    halves: int = 800

    def scaled(self, share: float) -> NonDigitCounts:
        """Return the counts for a part of the training data, none of them 0."""
        return NonDigitCounts(*(max(1, round(share * count)) for count in self))


def split_symbol_classes(seed: int) -> tuple[list[GlyphTemplate], list[GlyphTemplate]]:
    """Return the signs to learn, and those to validate with: whole kinds, with all that looks like them."""
    learned: list[GlyphTemplate] = []
    held_out: list[GlyphTemplate] = []
    for number, (kind, drawings) in enumerate(SYMBOL_TEMPLATES.items()):
        part = held_out if number % _HELD_OUT == seed % _HELD_OUT else learned
        part += [GlyphTemplate(kind, NON_DIGIT_LABEL, drawing) for drawing in drawings]
    return learned, held_out


def make_non_digits(
    signs: Sequence[GlyphTemplate], digits: Samples, counts: NonDigitCounts, seed: int
) -> Samples:
    """Return samples of `NON_DIGIT_LABEL`.

    Parameters
    ----------
    signs : the letters and signs to write.
    digits : what pairs and halves are made of.
    """
    rng = np.random.default_rng([seed, NON_DIGIT_LABEL])
    return join(
        rasterize_and_normalize(sample_all(signs, counts.symbols, seed), rng),
        rasterize_and_normalize(((NON_DIGIT_LABEL, _scribble(rng)) for _ in range(counts.scribbles)), rng),
        from_pairs((NON_DIGIT_LABEL, ink) for ink in _pairs(digits, counts.pairs, rng)),
        from_pairs((NON_DIGIT_LABEL, ink) for ink in _halves(digits, counts.halves, rng)),
    )


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
        yield fit_to_mnist_box(_join_side_by_side(_ink(digits.images[left]), _ink(digits.images[right]), rng))


def _join_side_by_side(left: Ink, right: Ink, rng: np.random.Generator) -> Ink:
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
        ink = _ink(image)
        cut = round(ink.shape[0] * rng.uniform(0.42, 0.55))
        half = ink[:cut] if rng.random() < 0.5 else ink[-cut:]
        if half.any():
            yield fit_to_mnist_box(half)


def _ink(image: NDArray[np.uint8]) -> Ink:
    return crop_to_ink(np.asarray(image / np.float32(255), np.float32))
