"""Contrast normalization of a line image: the one step between a grayscale line and the line network."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LINE_HEIGHT_PX = 48

_EXTREME_FRACTION = 0.005  # of the pixels may lie outside the range of levels
_MIN_CONTRAST = 24.0  # gray levels; noise on blank paper is not stretched to full ink
_CEILING = 1.25
_FLOOR = -0.25


def normalize_contrast(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the image with the paper near 0 and the ink near 1, whichever of the two is the darker.

    The paper is the median level; the ink is on the side where the levels reach farther from it.

    Parameters
    ----------
    image : (H, W) uint8, at least 1 x 1.

    Returns
    -------
    (H, W) float32 in [-0.25, 1.25].
    """
    cumulative = np.cumsum(np.bincount(image.ravel(), minlength=256))
    count = float(cumulative[-1])
    fractions = np.array([_EXTREME_FRACTION, 0.5, 1.0 - _EXTREME_FRACTION])
    low, paper, high = np.searchsorted(cumulative, fractions * count)
    dark_range, light_range = float(paper - low), float(high - paper)
    contrast = max(dark_range, light_range, _MIN_CONTRAST)
    sign = 1.0 if dark_range >= light_range else -1.0
    levels = np.clip(sign * (paper - np.arange(256.0)) / contrast, _FLOOR, _CEILING).astype(np.float32)
    return np.asarray(cv2.LUT(image, levels), np.float32)
