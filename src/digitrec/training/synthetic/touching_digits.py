"""Training samples from touching digits: digits split from their neighbors, and unsplit pairs.

Rows of training digits, many of them touching, are split as `read` splits a number that the line model has located.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import NON_DIGIT_LABEL
from digitrec.errors import BlankImageError
from digitrec.preprocessing.binarize import binarize_page
from digitrec.reading.character_ink import locate_characters
from digitrec.training.augmentation import crop_to_ink
from digitrec.training.samples import Samples, concatenate, from_pairs

Image = NDArray[np.float32]

_LENGTHS = (2, 6)  # digits in a row, upper bound exclusive
_POSITION_SIGMA_PX = 2.0  # standard deviation of the line model's position, for digits of 20 px
_MERGED_FRACTION = 0.4  # of the rows: two neighbors are merged
_DIGIT_SIZES = (0.75, 1.25)
_MARGIN_PX = 12


class _Row(NamedTuple):
    """Digits in a row: the page, (h, w) float32 in [0, 1], the x of each digit's center, and the labels."""

    page: Image
    centers: list[float]
    labels: list[int]


def make_touching_digit_samples(digits: Samples, count: int, seed: int) -> Samples:
    """Return the samples from `count` rows of `digits`: digits, and at most as many of `NON_DIGIT_LABEL`."""
    rng = np.random.default_rng([seed, count])
    samples = from_pairs(sample for _ in range(count) for sample in _split_row(_make_row(digits, rng), rng))
    others = samples.non_digits()
    chosen = rng.permutation(len(others.labels))[: len(samples.digits().labels)]
    return concatenate(samples.digits(), others.subset(chosen))


def _make_row(digits: Samples, rng: np.random.Generator) -> _Row:
    """Return digits in a row, with the slant and spacing of one writer."""
    indices = rng.integers(0, len(digits.labels), rng.integers(*_LENGTHS))
    slant = rng.normal(0.0, 0.15)
    images = [
        _shear(
            crop_to_ink(np.asarray(digits.images[index] / np.float32(255))), -slant + rng.normal(0.0, 0.05)
        )
        for index in indices
    ]
    min_gap = rng.uniform(-4.0, 0.0)  # negative gaps make bounding boxes overlap
    max_gap, max_offset = min_gap + rng.uniform(1.0, 6.0), rng.uniform(0.0, 4.0)
    placed: list[tuple[Image, int, int]] = []
    right = float(_MARGIN_PX)
    for index, image in enumerate(images):
        digit = _resized(image, rng.uniform(*_DIGIT_SIZES))
        top = round(22 - digit.shape[0] / 2 + rng.uniform(-max_offset, max_offset)) + _MARGIN_PX
        right += rng.uniform(min_gap, max_gap) if index else 0.0
        left = max(0, round(right))
        placed.append((digit, top, left))
        right = float(left + digit.shape[1])
    page = np.zeros((44 + 2 * _MARGIN_PX, round(right) + _MARGIN_PX), np.float32)
    for image, top, left in placed:
        window = page[top : top + image.shape[0], left : left + image.shape[1]]
        np.maximum(window, image[: window.shape[0], : window.shape[1]], out=window)
    centers = [left + image.shape[1] / 2 for image, _, left in placed]
    return _Row(page, centers, digits.labels[indices].tolist())


def _shear(image: Image, shear: float) -> Image:
    """Return the image sheared by `shear` px per row, cropped to its ink."""
    height, width = image.shape
    margin = int(abs(shear) * height / 2) + 2
    matrix = np.array([[1, -shear, shear * height / 2], [0, 1, 0]], np.float32)
    sheared = cv2.warpAffine(np.pad(image, ((0, 0), (margin, margin))), matrix, (width + 2 * margin, height))
    columns = np.flatnonzero(sheared.max(axis=0) > 0.06)
    return np.asarray(sheared[:, columns[0] : columns[-1] + 1], np.float32)


def _resized(image: Image, scale: float) -> Image:
    size = (max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _render(page: Image, scale: float) -> NDArray[np.uint8]:
    """Return a row of digits as (H, W) uint8, black on white, enlarged by `scale`, at least 1."""
    image = 255.0 * (1.0 - np.clip(page, 0.0, 1.0))
    size = (round(page.shape[1] * scale), round(page.shape[0] * scale))
    return np.clip(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def _split_row(row: _Row, rng: np.random.Generator) -> Iterator[tuple[int, Image]]:
    """Yield the label and the normalized image of each digit of a row; a merged pair is a non-digit."""
    labels = row.labels
    image = _render(row.page, rng.uniform(1.0, 4.0))
    try:
        page = binarize_page(image)
    except BlankImageError:
        return
    centers = [center + rng.normal(0.0, _POSITION_SIGMA_PX) for center in row.centers]
    if rng.random() < _MERGED_FRACTION:
        first = int(rng.integers(len(centers) - 1))
        centers[first : first + 2] = [sum(centers[first : first + 2]) / 2]
        labels = [*labels[:first], NON_DIGIT_LABEL, *labels[first + 2 :]]
    scale = image.shape[1] / row.page.shape[1] * page.scale
    characters = locate_characters(page, np.arange(1, len(page.boxes)), [x * scale for x in sorted(centers)])
    yield from (
        (label, character.ink)
        for label, character in zip(labels, characters, strict=True)
        if character.ink.any()
    )
