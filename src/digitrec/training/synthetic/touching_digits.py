"""Training samples from touching digits: digits split from their neighbors, and unsplit pairs.

Rows of training digits, many of them touching, are split as `read` splits a number that the line model has located.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from digitrec.constants import NON_DIGIT_LABEL
from digitrec.errors import BlankImageError
from digitrec.preprocessing.binarize import binarize_page
from digitrec.reading.alignment import locate_characters
from digitrec.training.augmentation import crop_to_ink
from digitrec.training.samples import Samples, concatenate, from_pairs
from digitrec.training.synthetic.digit_rows import (
    ComposedRow,
    Image,
    LayoutParams,
    compose_row,
    render_clean,
    shear,
)

_LENGTHS = (2, 6)  # digits in a row, upper bound exclusive
_POSITION_SIGMA_PX = 2.0  # standard deviation of the line model's position, for digits of 20 px
_MERGED_FRACTION = 0.4  # of the rows: two neighbors are merged


def make_touching_digit_samples(digits: Samples, count: int, seed: int) -> Samples:
    """Return the samples from `count` rows: digits, and at most as many of `NON_DIGIT_LABEL`.

    Parameters
    ----------
    digits : samples from which the rows are composed.
    """
    rng = np.random.default_rng([seed, count])
    samples = from_pairs(sample for _ in range(count) for sample in _split_row(_make_row(digits, rng), rng))
    others = samples.non_digits()
    chosen = rng.permutation(len(others.labels))[: len(samples.digits().labels)]
    return concatenate(samples.digits(), others.subset(chosen))


def _make_row(digits: Samples, rng: np.random.Generator) -> tuple[ComposedRow, list[int]]:
    """Return digits in a row, with the slant and spacing of one writer, and their labels."""
    indices = rng.integers(0, len(digits.labels), rng.integers(*_LENGTHS))
    slant = rng.normal(0.0, 0.15)
    images = [
        shear(crop_to_ink(np.asarray(digits.images[index] / np.float32(255))), -slant + rng.normal(0.0, 0.05))
        for index in indices
    ]
    min_gap = rng.uniform(-4.0, 0.0)
    spacing = LayoutParams((min_gap, min_gap + rng.uniform(1.0, 6.0)), rng.uniform(0.0, 4.0), (0.75, 1.25))
    return compose_row(images, spacing, rng), digits.labels[indices].tolist()


def _split_row(row: tuple[ComposedRow, list[int]], rng: np.random.Generator) -> Iterator[tuple[int, Image]]:
    """Yield the label and the normalized image of each digit of a row; a merged pair is a non-digit."""
    (raster, _, placements), labels = row
    image = render_clean(raster, rng.uniform(1.0, 4.0))
    try:
        page = binarize_page(image)
    except BlankImageError:
        return
    centers = [
        left + image.shape[1] / 2 + rng.normal(0.0, _POSITION_SIGMA_PX) for image, _, left in placements
    ]
    if rng.random() < _MERGED_FRACTION:
        first = int(rng.integers(len(centers) - 1))
        centers[first : first + 2] = [sum(centers[first : first + 2]) / 2]
        labels = [*labels[:first], NON_DIGIT_LABEL, *labels[first + 2 :]]
    scale = image.shape[1] / raster.shape[1] * page.scale
    characters = locate_characters(page, np.arange(1, len(page.boxes)), [x * scale for x in sorted(centers)])
    yield from (
        (label, character.ink)
        for label, character in zip(labels, characters, strict=True)
        if character.ink.any()
    )
