"""Digits in a row, near or touching: for what the digit network learns from rows, and for measuring reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Ink = NDArray[np.float32]


class NumberImage(NamedTuple):
    """A picture of a number.

    Attributes
    ----------
    picture : (H, W) uint8.
    label : what it says.
    touches : whether two of its digits touch.
    """

    picture: NDArray[np.uint8]
    label: str
    touches: bool


class ComposedRow(NamedTuple):
    """Digits in a row: the page, (h, w) float32 in [0, 1], whether any two touch, and ink, top and left of each."""

    page: Ink
    touches: bool
    digits: list[tuple[Ink, int, int]]


@dataclass(frozen=True)
class LayoutParams:
    """How digits stand in a row; all lengths in px where a digit's longer side is 20.

    Attributes
    ----------
    gap : the least and the greatest paper between two digits; below 0 their ink comes nearer than their boxes.
    drop : how far a digit may stand above or below the line.
    size : the smallest and the largest digit, as a share.
    """

    gap: tuple[float, float] = (-3.0, 8.0)
    drop: float = 3.0
    size: tuple[float, float] = (0.8, 1.2)


def shear(ink: Ink, shear: float) -> Ink:
    """Return the ink leaning by `shear` px a row, cut out."""
    height, width = ink.shape
    margin = int(abs(shear) * height / 2) + 2
    turn = np.array([[1, -shear, shear * height / 2], [0, 1, 0]], np.float32)
    leaning = cv2.warpAffine(np.pad(ink, ((0, 0), (margin, margin))), turn, (width + 2 * margin, height))
    columns = np.flatnonzero(leaning.max(axis=0) > 0.06)
    return np.asarray(leaning[:, columns[0] : columns[-1] + 1], np.float32)


def compose_row(inks: Sequence[Ink], spacing: LayoutParams, rng: np.random.Generator) -> ComposedRow:
    """Return the inks in a row, with a margin.

    Parameters
    ----------
    inks : cut-out digits, (h, w) float32, of one scale: 20 px is a digit's usual longer side.
    """
    margin = 12
    digits: list[tuple[Ink, int, int]] = []
    right = float(margin)
    for index, ink in enumerate(inks):
        digit = _sized(ink, rng.uniform(*spacing.size))
        top = round(22 - digit.shape[0] / 2 + rng.uniform(-spacing.drop, spacing.drop)) + margin
        right += rng.uniform(*spacing.gap) if index else 0.0
        left = max(0, round(right))
        digits.append((digit, top, left))
        right = float(left + digit.shape[1])
    page = np.zeros((44 + 2 * margin, round(right) + margin), np.float32)
    touches = False
    for ink, top, left in digits:
        window = page[top : top + ink.shape[0], left : left + ink.shape[1]]
        near = cv2.dilate((window > 0.3).astype(np.uint8), np.ones((3, 3), np.uint8))
        touches |= bool((near[ink[: window.shape[0], : window.shape[1]] > 0.3]).any())
        np.maximum(window, ink[: window.shape[0], : window.shape[1]], out=window)
    return ComposedRow(page, touches, digits)


def _sized(ink: Ink, scale: float) -> Ink:
    size = (max(2, round(ink.shape[1] * scale)), max(2, round(ink.shape[0] * scale)))
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_LINEAR), np.float32)


def render_clean(page: Ink, scale: float) -> NDArray[np.uint8]:
    """Return a row of digits as black on white, enlarged by `scale`."""
    picture = 255.0 * (1.0 - np.clip(page, 0.0, 1.0))
    size = (round(page.shape[1] * scale), round(page.shape[0] * scale))
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.clip(cv2.resize(picture, size, interpolation=how), 0, 255).astype(np.uint8)
