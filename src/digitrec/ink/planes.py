"""The planes that the normalisation works on, and reducing them.

A picture is (H, W) uint8 grey. A relief is (H, W) float32, how much darker than the paper around it each
pixel is: 0 is paper, 1 is black on white. A mask is (H, W) uint8 of 0 and 1.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
Relief: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.uint8]


def reduce(picture: Picture, size_px: int) -> Picture:
    """Return the picture with its longer side at most `size_px`; smaller ones stay as they are."""
    height, width = picture.shape
    scale = size_px / max(height, width)
    if scale >= 1.0:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
