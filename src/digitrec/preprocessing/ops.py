"""The planes that the normalisation works on, and what is done to them everywhere.

A picture is (H, W) uint8 grey. A relief is (H, W) float32, how much darker than the paper around it each
pixel is: 0 is paper, 1 is black on white. A mask is (H, W) uint8 of 0 and 1.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

GrayImage: TypeAlias = NDArray[np.uint8]
Foreground: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.uint8]


def disable_opencv_threads() -> None:
    """Let OpenCV work in the thread that calls it, everywhere in this process; for programs, not for libraries.

    Pictures of 128 px gain nothing from more: with two threads on two cores the pieces of a mask take 0.11 ms of
    processor time instead of 0.04, and wait for the other thread besides.
    """
    cv2.setNumThreads(1)


def downscale(picture: GrayImage, size_px: int) -> GrayImage:
    """Return the picture with its longer side at most `size_px`; smaller ones stay as they are."""
    height, width = picture.shape
    scale = size_px / max(height, width)
    if scale >= 1.0:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def nearest_rank_quantiles(values: NDArray[np.generic], *shares: float) -> list[float]:
    """Return, for each share from 0 to 1, the value that this share of the values lie below (nearest rank).

    np.percentile, which interpolates, takes some 20 microseconds longer; a picture needs several of these.
    """
    ordered = np.sort(values, axis=None)
    return [float(ordered[round(share * (ordered.size - 1))]) for share in shares]


def connected_components(mask: Mask) -> tuple[int, NDArray[np.int32], NDArray[np.int32]]:
    """Return the 8-connected pieces of a mask: how many, the paper being the first, labels, and boxes.

    Returns
    -------
    N, (H, W) int32 labels from 0, paper, to N - 1, and (N, 5) int32: left, top, width, height, area.
    """
    # Grana's block-based algorithm (2010) takes half as long as the one that OpenCV chooses by itself.
    count, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    return count, np.asarray(labels, np.int32), np.asarray(stats, np.int32)
