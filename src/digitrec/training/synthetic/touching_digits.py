"""What reading a number shows the digit network: digits parted from their neighbours, and two that were not parted.

Rows of training digits, many of them touching, are parted as `read` parts a number that the line reader has found.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from digitrec.constants import NON_DIGIT_LABEL
from digitrec.errors import BlankImageError
from digitrec.preprocessing.binarize import binarize_page
from digitrec.reading.alignment import locate_characters
from digitrec.training.augmentation import crop_to_ink
from digitrec.training.samples import Samples, from_pairs, join
from digitrec.training.synthetic.digit_rows import (
    ComposedRow,
    Ink,
    LayoutParams,
    compose_row,
    render_clean,
    shear,
)

_LENGTHS = (2, 6)  # digits in a row, the last one excluded
_OFF_PX = 2.0  # the standard deviation of where the line reader sees a digit, where its longer side is 20 px
_MERGED = 0.4  # of the rows: two neighbours are taken for one digit


def make_touching_digit_samples(digits: Samples, count: int, seed: int) -> Samples:
    """Return what the cuts make of `count` rows: digits, and as many things of `NON_DIGIT_LABEL` at most.

    Parameters
    ----------
    digits : what the rows are made of.
    """
    rng = np.random.default_rng([seed, count])
    found = from_pairs(sample for _ in range(count) for sample in _split_row(_row(digits, rng), rng))
    others = found.others()
    chosen = rng.permutation(len(others.labels))[: len(found.digits().labels)]
    return join(found.digits(), others.chosen(chosen))


def _row(digits: Samples, rng: np.random.Generator) -> tuple[ComposedRow, list[int]]:
    """Return digits in a row, as one hand slants and spaces them, and which they are."""
    places = rng.integers(0, len(digits.labels), rng.integers(*_LENGTHS))
    slant = rng.normal(0.0, 0.15)
    inks = [
        shear(crop_to_ink(np.asarray(digits.images[place] / np.float32(255))), -slant + rng.normal(0.0, 0.05))
        for place in places
    ]
    nearest = rng.uniform(-4.0, 0.0)
    spacing = LayoutParams((nearest, nearest + rng.uniform(1.0, 6.0)), rng.uniform(0.0, 4.0), (0.75, 1.25))
    return compose_row(inks, spacing, rng), digits.labels[places].tolist()


def _split_row(row: tuple[ComposedRow, list[int]], rng: np.random.Generator) -> Iterator[tuple[int, Ink]]:
    """Yield the label and the ink of each digit of a row; where two are taken for one, that is no digit."""
    (drawn, _, placed), labels = row
    picture = render_clean(drawn, rng.uniform(1.0, 4.0))
    try:
        page = binarize_page(picture)
    except BlankImageError:
        return
    middles = [left + ink.shape[1] / 2 + rng.normal(0.0, _OFF_PX) for ink, _, left in placed]
    if rng.random() < _MERGED:
        first = int(rng.integers(len(middles) - 1))
        middles[first : first + 2] = [sum(middles[first : first + 2]) / 2]
        labels = [*labels[:first], NON_DIGIT_LABEL, *labels[first + 2 :]]
    scale = picture.shape[1] / drawn.shape[1] * page.scale
    places = locate_characters(page, np.arange(1, len(page.boxes)), [x * scale for x in sorted(middles)])
    yield from ((label, place.ink) for label, place in zip(labels, places, strict=True) if place.ink.any())
