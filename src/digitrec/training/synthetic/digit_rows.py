"""Compose digits in a row, apart or touching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


class ComposedRow(NamedTuple):
    """Digits in a row: the page, (h, w) float32 in [0, 1], whether any two touch, and image, top and left of each."""

    page: Image
    touches: bool
    digits: list[tuple[Image, int, int]]


@dataclass(frozen=True)
class LayoutParams:
    """Layout of the digits in a row; all lengths in pixels where the longer side of a digit is 20.

    Attributes
    ----------
    gap : minimum and maximum gap between two digits; negative gaps make bounding boxes overlap.
    baseline_jitter : maximum vertical offset of a digit.
    size : minimum and maximum scale of a digit.
    """

    gap: tuple[float, float] = (-3.0, 8.0)
    baseline_jitter: float = 3.0
    size: tuple[float, float] = (0.8, 1.2)


def shear(image: Image, shear: float) -> Image:
    """Return the image sheared by `shear` px per row, cropped to its ink."""
    height, width = image.shape
    margin = int(abs(shear) * height / 2) + 2
    matrix = np.array([[1, -shear, shear * height / 2], [0, 1, 0]], np.float32)
    sheared = cv2.warpAffine(np.pad(image, ((0, 0), (margin, margin))), matrix, (width + 2 * margin, height))
    columns = np.flatnonzero(sheared.max(axis=0) > 0.06)
    return np.asarray(sheared[:, columns[0] : columns[-1] + 1], np.float32)


def compose_row(images: Sequence[Image], layout: LayoutParams, rng: np.random.Generator) -> ComposedRow:
    """Return the images in a row, with a margin.

    Parameters
    ----------
    images : cropped digits, (h, w) float32, of one scale: the longer side of a digit is usually 20 px.
    """
    margin = 12
    digits: list[tuple[Image, int, int]] = []
    right = float(margin)
    for index, image in enumerate(images):
        digit = _resized(image, rng.uniform(*layout.size))
        top = (
            round(22 - digit.shape[0] / 2 + rng.uniform(-layout.baseline_jitter, layout.baseline_jitter))
            + margin
        )
        right += rng.uniform(*layout.gap) if index else 0.0
        left = max(0, round(right))
        digits.append((digit, top, left))
        right = float(left + digit.shape[1])
    page = np.zeros((44 + 2 * margin, round(right) + margin), np.float32)
    touches = False
    for image, top, left in digits:
        window = page[top : top + image.shape[0], left : left + image.shape[1]]
        dilated = cv2.dilate((window > 0.3).astype(np.uint8), np.ones((3, 3), np.uint8))
        touches |= bool((dilated[image[: window.shape[0], : window.shape[1]] > 0.3]).any())
        np.maximum(window, image[: window.shape[0], : window.shape[1]], out=window)
    return ComposedRow(page, touches, digits)


def _resized(image: Image, scale: float) -> Image:
    size = (max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.float32)


def render_clean(page: Image, scale: float) -> NDArray[np.uint8]:
    """Return a row of digits as (H, W) uint8, black on white, enlarged by `scale`."""
    image = 255.0 * (1.0 - np.clip(page, 0.0, 1.0))
    size = (round(page.shape[1] * scale), round(page.shape[0] * scale))
    interpolation = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.clip(cv2.resize(image, size, interpolation=interpolation), 0, 255).astype(np.uint8)
