"""Generate non-digits for the reject class.

Letters and symbols, scribbles and drawings, two digits in one image, and halves of digits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import NON_DIGIT_LABEL
from digitrec.preprocessing.normalize import fit_to_mnist_box
from digitrec.preprocessing.strokes import Strokes
from digitrec.training.augmentation import crop_to_ink
from digitrec.training.characters import Character
from digitrec.training.samples import Samples, concatenate, from_pairs
from digitrec.training.synthetic.strokes import (
    GlyphTemplate,
    curve_through,
    rasterize_and_normalize,
    sample_all,
)
from digitrec.training.synthetic.symbol_templates import SYMBOL_TEMPLATES

Image = NDArray[np.float32]

_VALIDATION_EVERY = 12  # one symbol class in 12 is for validation
# Half of a 1, 4, 7 or 9 may look like a 1 or a 0; half of one of these is not a digit.
_HALVABLE_DIGITS = (0, 2, 3, 5)
# Letters and signs that people would take for a digit when they stand alone.
_LOOKALIKES = frozenset("BDGIOSZbgijloqsyz!'(),/;>[\\]`|}")


class NonDigitCounts(NamedTuple):
    """Number of samples of each kind: `symbols` for each symbol, the others in total."""

    symbols: int = 60
    scribbles: int = 1200
    drawings: int = 2500
    pairs: int = 2500
    halves: int = 800

    def scaled(self, fraction: float) -> NonDigitCounts:
        """Return the counts for a fraction of the training data, each at least 1."""
        return NonDigitCounts(*(max(1, round(fraction * count)) for count in self))


def split_symbol_classes(seed: int) -> tuple[list[GlyphTemplate], list[GlyphTemplate]]:
    """Return the symbols for training and for validation. No class is in both."""
    train: list[GlyphTemplate] = []
    validation: list[GlyphTemplate] = []
    for number, (name, drawings) in enumerate(SYMBOL_TEMPLATES.items()):
        part = validation if number % _VALIDATION_EVERY == seed % _VALIDATION_EVERY else train
        part += [GlyphTemplate(name, NON_DIGIT_LABEL, drawing) for drawing in drawings]
    return train, validation


def make_non_digits(
    symbols: Sequence[GlyphTemplate], digits: Samples, counts: NonDigitCounts, seed: int
) -> Samples:
    """Return samples with the label `NON_DIGIT_LABEL`; pairs and halves are made from `digits`."""
    rng = np.random.default_rng([seed, NON_DIGIT_LABEL])
    return concatenate(
        rasterize_and_normalize(sample_all(symbols, counts.symbols, seed), rng),
        rasterize_and_normalize(((NON_DIGIT_LABEL, _scribble(rng)) for _ in range(counts.scribbles)), rng),
        rasterize_and_normalize(((NON_DIGIT_LABEL, _drawing(rng)) for _ in range(counts.drawings)), rng),
        from_pairs((NON_DIGIT_LABEL, image) for image in _pairs(digits, counts.pairs, rng)),
        from_pairs((NON_DIGIT_LABEL, image) for image in _halves(digits, counts.halves, rng)),
    )


def render_non_digits(characters: Iterable[Character], per_label: int, seed: int) -> Samples:
    """Return at most `per_label` characters of each label as non-digits, without digits and what looks like one."""
    rng = np.random.default_rng([seed, per_label])
    by_label: dict[str, list[Character]] = defaultdict(list)
    for character in characters:
        if not character.label.isdigit() and character.label not in _LOOKALIKES:
            by_label[character.label].append(character)
    chosen = (
        same_label[index]
        for same_label in by_label.values()
        for index in rng.permutation(len(same_label))[:per_label]
    )
    return rasterize_and_normalize(((NON_DIGIT_LABEL, Strokes(item.strokes)) for item in chosen), rng)


def _scribble(rng: np.random.Generator) -> Strokes:
    """Return one to three tangled strokes."""
    strokes = []
    for _ in range(rng.integers(1, 4)):
        points = rng.uniform(0.0, 1.0, (rng.integers(6, 12), 2)) * rng.uniform(0.6, 1.0, 2)
        strokes.append((curve_through(points) if rng.random() < 0.7 else points).astype(np.float32))
    return Strokes(tuple(strokes))


def _drawing(rng: np.random.Generator) -> Strokes:
    """Return a drawing of three to six shapes: lines, polygons, arcs, ellipses and zigzags."""
    return Strokes(tuple(_shape(rng).astype(np.float32) for _ in range(rng.integers(3, 7))))


def _shape(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return one stroke of a random kind, size and place in the unit square."""
    kind = int(rng.integers(5))
    center, size = rng.uniform(0.2, 0.8, 2), rng.uniform(0.08, 0.45, 2)
    if kind == 0:  # line
        angles = np.array([0.0, np.pi])
    elif kind == 1:  # polygon
        corners = int(rng.integers(3, 7))
        angles = np.linspace(0.0, 2 * np.pi, corners + 1)
    elif kind == 2:  # zigzag
        count = int(rng.integers(4, 9))
        steps = np.stack([np.linspace(-1.0, 1.0, count), np.resize([-0.5, 0.5], count)], axis=1)
        return center + steps * size
    else:  # arc, ellipse
        angles = np.linspace(0.0, rng.uniform(1.5, 5.0) if kind == 3 else 2 * np.pi, 24)
    angles = angles + rng.uniform(0.0, 2 * np.pi)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * size
    return center + points + rng.normal(0.0, 0.01, points.shape)


def _pairs(digits: Samples, count: int, rng: np.random.Generator) -> Iterator[Image]:
    """Yield images of two digits side by side, from a few pixels apart to slightly overlapping."""
    for left, right in rng.integers(0, len(digits.labels), (count, 2)):
        yield fit_to_mnist_box(
            _join_side_by_side(_cropped(digits.images[left]), _cropped(digits.images[right]), rng)
        )


def _join_side_by_side(left: Image, right: Image, rng: np.random.Generator) -> Image:
    gap, offset = int(rng.integers(-2, 5)), int(rng.integers(-3, 4))
    height = max(left.shape[0], right.shape[0]) + abs(offset)
    joined = np.zeros((height, left.shape[1] + right.shape[1] + max(gap, 0)), np.float32)
    joined[max(-offset, 0) :][: left.shape[0], : left.shape[1]] = left
    start = left.shape[1] + gap
    window = joined[max(offset, 0) :][: right.shape[0], start : start + right.shape[1]]
    np.maximum(window, right[:, : window.shape[1]], out=window)
    return joined


def _halves(digits: Samples, count: int, rng: np.random.Generator) -> Iterator[Image]:
    """Yield the upper or lower half of digits whose halves are not digits."""
    candidates = digits.images[np.isin(digits.labels, _HALVABLE_DIGITS)]
    for digit in candidates[rng.integers(0, len(candidates), count if len(candidates) else 0)]:
        image = _cropped(digit)
        cut = round(image.shape[0] * rng.uniform(0.42, 0.55))
        half = image[:cut] if rng.random() < 0.5 else image[-cut:]
        if half.any():
            yield fit_to_mnist_box(half)


def _cropped(image: NDArray[np.uint8]) -> Image:
    return crop_to_ink(np.asarray(image / np.float32(255), np.float32))
