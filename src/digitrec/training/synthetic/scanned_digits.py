"""Digits as scanned, photographed or binarized: in boxes, on ruled lines, faint, small, or cut out tightly.

Each sample passes through the normalization of inference, so the network learns what it leaves behind: remains of
lines, thin or bold strokes, digits that lost an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.errors import BlankImageError
from digitrec.preprocessing.normalize import normalize
from digitrec.training.samples import Samples, from_pairs

Image = NDArray[np.float32]

_MIN_OVERLAP = 0.6  # of the normalized ink with that of the clean digit, as intersection over union
_INK_LEVEL = 0.3


def make_scanned_digits(digits: Samples, count: int, seed: int) -> Samples:
    """Return up to `count` samples made from random ones of `digits`.

    Samples whose normalized image is not the digit are skipped: the box was taken for it, or a half is lost.
    """
    rng = np.random.default_rng([seed, count])
    chosen = rng.integers(0, len(digits.labels), count)
    pairs = ((int(digits.labels[index]), digits.images[index]) for index in chosen)
    return from_pairs(_normalized(pairs, rng))


def _normalized(
    pairs: Iterable[tuple[int, NDArray[np.uint8]]], rng: np.random.Generator
) -> Iterator[tuple[int, Image]]:
    for label, digit in pairs:
        try:
            image = normalize(scan(digit, rng))
        except BlankImageError:
            continue
        if _overlap(image, digit) >= _MIN_OVERLAP:
            yield label, image


def _overlap(image: Image, digit: NDArray[np.uint8]) -> float:
    """Return the intersection over union of the ink, each dilated by one pixel."""
    first, second = (
        cv2.dilate((ink > _INK_LEVEL).astype(np.uint8), np.ones((3, 3))) > 0 for ink in (image, digit / 255)
    )
    return float(np.logical_and(first, second).sum() / max(1, np.logical_or(first, second).sum()))


def scan(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a normalized digit, (28, 28) uint8 with 255 for ink, as an (H, W) uint8 scan or photo of it."""
    ink = _enlarge(digit, rng)
    coverage = _place(ink, rng)
    lines = _ruled_lines(coverage.shape, rng) if rng.random() < 0.6 else np.zeros_like(coverage)
    background = _background(coverage.shape, rng)
    darkness = rng.uniform(0.25, 0.95)
    light = (
        background * (1 - np.float32(rng.uniform(0.2, 1.0)) * lines) * (1 - np.float32(darkness) * coverage)
    )
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 1.5))
    light = light + rng.normal(0.0, rng.uniform(0.0, 0.025), light.shape)
    image = np.clip(255 * light, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        _, image = cv2.threshold(image, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    elif rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_GRAYSCALE)
    return np.asarray(image, np.uint8)


def _enlarge(digit: NDArray[np.uint8], rng: np.random.Generator) -> Image:
    """Return the ink cropped to its box, at a random size, with a stroke of a random width and flow of ink."""
    left, top, width, height = cv2.boundingRect((digit > 50).astype(np.uint8))
    crop = np.pad(digit[top : top + height, left : left + width] / np.float32(255), 2)
    factor = np.exp(rng.uniform(np.log(0.9), np.log(5.0)))
    ink = cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    if factor > 2 and rng.random() < 0.6:  # a sharp edge, at a random level: a thinner or a bolder pen
        ink = 1 / (1 + np.exp(-12 * (ink - rng.uniform(0.25, 0.7))))
    if rng.random() < 0.3:
        flow = cv2.resize(rng.uniform(0.4, 1.3, (4, 4)), ink.shape[::-1], interpolation=cv2.INTER_CUBIC)
        ink = ink * flow
    return np.clip(ink, 0.0, 1.0).astype(np.float32)


def _place(ink: Image, rng: np.random.Generator) -> Image:
    """Return the ink with a margin on each side that may be nothing, or as large as the digit."""
    if rng.random() < 0.35:
        margins = rng.integers(0, 3, 4)
    else:
        margins = (max(ink.shape) * rng.uniform(0.0, 0.6, 4) * rng.uniform(0.3, 1.0)).astype(int)
    top, bottom, left, right = margins.tolist()
    return np.pad(ink, ((top, bottom), (left, right)))


def _ruled_lines(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Return the lines of a box or a form along some of the four edges, (H, W) float32 coverage."""
    height, width = shape
    size = max(shape)
    lines = np.zeros(shape, np.float32)
    thickness = max(1, round(rng.uniform(0.01, 0.06) * size))
    gray, tilt = rng.uniform(0.4, 1.0), rng.normal(0.0, 0.015)
    for side in np.flatnonzero(rng.random(4) < 0.6):
        extent, across = (height, width) if side < 2 else (width, height)
        offset = rng.uniform(0.0, 0.1) * extent
        position = offset if side % 2 == 0 else extent - 1 - offset
        ends = [(-2.0, position - tilt * across / 2), (across + 2.0, position + tilt * across / 2)]
        corners = [end if side < 2 else end[::-1] for end in ends]
        start, end = (tuple(int(value) for value in corner) for corner in corners)
        cv2.line(lines, start, end, (float(gray),), thickness, cv2.LINE_AA)
    if rng.random() < 0.2:  # dotted
        period = max(2, 2 * thickness)
        rows, columns = np.indices(shape)
        lines[(rows + columns) // period % 2 == 0] = 0.0
    return lines


def _background(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Return the brightness of an unevenly lit background, (H, W) float32 in [0, 1]."""
    level = rng.uniform(0.5, 1.0)
    shade = rng.uniform(1 - rng.uniform(0.0, 0.35), 1.0, (2, 2))
    return np.asarray(level * cv2.resize(shade, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
