"""Crop an image to the box of a form that it shows, with paper around the box.

`digitrec.preprocessing.ruled_lines` removes the lines of a box where they reach the edge of the image. Paper around the
box hides them from it, and the box looks like a part of the digit.
"""

from __future__ import annotations

import cv2
import numpy as np

from digitrec.errors import BlankImageError
from digitrec.preprocessing.background import extract_foreground, noise_sigma
from digitrec.preprocessing.normalize import hysteresis_levels, normalize_digit
from digitrec.preprocessing.ops import GrayImage, Mask, downscale

_WORKING_SIZE_PX = 256
_MIN_SIDE_PX, _MIN_ASPECT = 20, 0.4  # of a frame
_MAX_AREA_FRACTION = 0.85  # of the image; the lines of a larger one reach the edge
_GAP_PX = 5  # between the dots of a line
_BAND_FRACTION = 0.12  # of a side: a line along it may be tilted
_MIN_COVERAGE = 0.9  # of a side by its line
_MIN_ROW_COVERAGE = 0.4  # of a row of pixels in a line
_MIN_DIGIT_FRACTION = 0.25  # of the frame's height
_CLEARANCE = 0.02  # of the frame's longer side


def crop_to_frame(image: GrayImage) -> GrayImage | None:
    """Return the part of an image inside a frame with its lines; None if there is no frame around a digit.

    The frame is the bounding box of all ink, with lines along at least two sides that meet. The digit does not touch
    it.

    Parameters
    ----------
    image : (H, W) uint8.
    """
    reduced = downscale(image, _WORKING_SIZE_PX)
    foreground = extract_foreground(reduced)
    weak, _ = hysteresis_levels(foreground, noise_sigma(foreground))
    mask = (foreground > weak).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(mask)
    is_small = min(width, height) < max(_MIN_SIDE_PX, _MIN_ASPECT * max(width, height))
    if is_small or width * height > _MAX_AREA_FRACTION * mask.size:
        return None
    lines = _line_widths(mask[top : top + height, left : left + width])
    if not any(lines[turn] and lines[turn - 1] for turn in range(4)):
        return None
    scale_y, scale_x = (size / small for size, small in zip(image.shape, reduced.shape, strict=True))
    above, right, below, before = lines
    crop = image[
        round((top + above) * scale_y) : round((top + height - below) * scale_y),
        round((left + before) * scale_x) : round((left + width - right) * scale_x),
    ]
    return crop if _has_free_digit(crop) else None


def _line_widths(mask: Mask) -> list[int]:
    """Return the width of the line along each side in px: top, right, bottom and left; 0 without a line."""
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((_GAP_PX, _GAP_PX), np.uint8))
    widths = []
    for turns in range(4):
        turned = np.rot90(closed, turns)
        band = turned[: max(2, round(_BAND_FRACTION * len(turned)))]
        has_line = band.any(axis=0).mean() >= _MIN_COVERAGE
        rows = np.flatnonzero(band.mean(axis=1) >= _MIN_ROW_COVERAGE)
        widths.append(int(rows[-1]) + 2 if has_line and len(rows) else int(has_line))
    return widths


def _has_free_digit(crop: GrayImage) -> bool:
    """Return whether there is a digit that touches no side: a 7 in its bounding box looks like a frame, too."""
    try:
        left, top, width, height = normalize_digit(crop).box
    except BlankImageError:
        return False
    clearance = min(left, top, crop.shape[1] - left - width, crop.shape[0] - top - height)
    return height >= _MIN_DIGIT_FRACTION * len(crop) and clearance >= _CLEARANCE * max(crop.shape)
