"""Contrast normalization of a grayscale line image for the line model."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LINE_HEIGHT_PX = 48

_EXTREME_FRACTION = 0.005  # of the pixels may be outside the range of levels
_MIN_CONTRAST = 24.0  # gray levels; prevents that noise on a blank background is amplified
_CEILING = 1.25
_CLEAN_FRACTION = 0.2  # of the range of levels
_FLOOR = -0.25


def normalize_contrast(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the image with the background near 0 and the ink near 1, for either polarity.

    The background is the median level; the ink is on the side with the larger range of levels.

    Parameters
    ----------
    image : (H, W) uint8, at least 1 x 1.

    Returns
    -------
    (H, W) float32 in [-0.25, 1.25].
    """
    low, background, high = _levels(image)
    dark_range, light_range = background - low, high - background
    contrast = max(dark_range, light_range, _MIN_CONTRAST)
    polarity = 1.0 if dark_range >= light_range else -1.0
    levels = np.clip(polarity * (background - np.arange(256.0)) / contrast, _FLOOR, _CEILING).astype(
        np.float32
    )
    return np.asarray(cv2.LUT(image, levels), np.float32)


def background_level(image: NDArray[np.uint8]) -> int:
    """Return the gray level of the background of a (H, W) uint8 image, for padding.

    It is the median, as in `normalize_contrast`. In an image filled with bold writing the median is the soft edge of a
    stroke; then it is the level at the end opposite to the ink.
    """
    low, median, high = _levels(image)
    is_dark = median - low >= high - median  # the ink
    clean = high if is_dark else low
    return int(clean if abs(clean - median) > _CLEAN_FRACTION * (high - low) else median)


def _levels(image: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return the gray levels of the 0.5 %, 50 % and 99.5 % quantiles."""
    cumulative = np.cumsum(cv2.calcHist([image], [0], None, [256], [0, 256]), dtype=np.float64)
    fractions = np.array([_EXTREME_FRACTION, 0.5, 1.0 - _EXTREME_FRACTION])
    low, median, high = np.searchsorted(cumulative, fractions * float(cumulative[-1])).tolist()
    return float(low), float(median), float(high)
