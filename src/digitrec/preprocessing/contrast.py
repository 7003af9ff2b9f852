"""Contrast normalization of a line image: the one step between a grayscale line and the line network."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LINE_HEIGHT_PX = 48

_EXTREME_FRACTION = 0.005  # of the pixels may lie outside the range of levels
_MIN_CONTRAST = 24.0  # gray levels; noise on blank paper is not stretched to full ink
_CEILING = 1.25
_CLEAN_SHARE = 0.2  # of the range of levels, between the median and the clean end
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
    low, paper, high = _levels(image)
    dark_range, light_range = paper - low, high - paper
    contrast = max(dark_range, light_range, _MIN_CONTRAST)
    sign = 1.0 if dark_range >= light_range else -1.0
    levels = np.clip(sign * (paper - np.arange(256.0)) / contrast, _FLOOR, _CEILING).astype(np.float32)
    return np.asarray(cv2.LUT(image, levels), np.float32)


def background_level(image: NDArray[np.uint8]) -> int:
    """Return the level of the paper of a (H, W) uint8 image as `normalize_contrast` takes it, or a clean sheet's.

    Of bold writing that fills the image, the median is a stroke's soft edge; the paper is the far end of the levels.
    """
    low, middle, high = _levels(image)
    is_dark = middle - low >= high - middle  # the ink
    clean = high if is_dark else low
    return int(clean if abs(clean - middle) > _CLEAN_SHARE * (high - low) else middle)


def _levels(image: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return the levels of the darkest and the lightest parts, and the median between them."""
    cumulative = np.cumsum(cv2.calcHist([image], [0], None, [256], [0, 256]), dtype=np.float64)
    fractions = np.array([_EXTREME_FRACTION, 0.5, 1.0 - _EXTREME_FRACTION])
    low, middle, high = np.searchsorted(cumulative, fractions * float(cumulative[-1])).tolist()
    return float(low), float(middle), float(high)
