"""Form lines and cell borders: found by their straight run into the picture's edge, and erased."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Relief: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.uint8]

# All shares are of the picture's side along or across the line.
_MIN_RUN_SHARE = 0.22  # a straight run this long starts a line; a tilt of 3 degrees still leaves one
_MIN_EDGE_SPAN_SHARE = 0.40  # a line that does not cross the whole picture runs along its edge for this long
_EDGE_BAND_SHARE = 0.16
_MAX_THICKNESS_SHARE = 0.19
_MAX_EDGE_THICKNESS_SHARE = 0.13
_MIN_SIDE_PX = 24  # smaller pictures hold a digit's own bar, never a legible form


def erase_rules(relief: Relief, threshold: float) -> Relief:
    """Return the relief without ruled lines, strokes that cross a line kept.

    Parameters
    ----------
    relief : (H, W) float32, how much darker than paper.
    threshold : relief from which a pixel may belong to a line.

    Returns
    -------
    (H, W) float32, 0 where a line was.
    """
    if min(relief.shape) < _MIN_SIDE_PX:
        return relief
    mask = (relief > threshold).astype(np.uint8)
    rules = find_horizontal_rules(mask) | find_horizontal_rules(mask.T).T
    if not rules.any():
        return relief
    return np.where(rules > 0, np.float32(0), relief)


def find_horizontal_rules(mask: Mask) -> Mask:
    """Return the pixels of horizontal lines in a mask of dark pixels, both (H, W) uint8 of 0 and 1."""
    height, width = mask.shape
    mask = np.ascontiguousarray(mask)
    run = np.ones((1, max(5, round(_MIN_RUN_SHARE * width))), np.uint8)
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not runs.any():
        return runs
    bridged = cv2.dilate(runs, np.ones((3, 1), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bridged, connectivity=8)
    rules = np.zeros_like(mask)
    for label in range(1, count):
        line = (labels == label) & (runs > 0)
        if _is_rule(stats[label], int(line.sum()), height, width):
            rules |= _erasable(line.astype(np.uint8), mask)
    return rules


def _is_rule(stats: NDArray[np.int32], area: int, height: int, width: int) -> bool:
    left, top, span, depth = (int(value) for value in stats[:4])
    thickness = area / span / height
    touches = (left <= 1) + (left + span >= width - 1)
    if touches == 2 and thickness <= _MAX_THICKNESS_SHARE:
        return True
    band = _EDGE_BAND_SHARE * height
    in_edge_band = top + depth <= band or top >= height - band
    return (
        in_edge_band
        and touches >= 1
        and span >= _MIN_EDGE_SPAN_SHARE * width
        and thickness <= _MAX_EDGE_THICKNESS_SHARE
    )


def _erasable(line: Mask, mask: Mask) -> Mask:
    """Return the line with its soft edge, less the places where a stroke crosses it."""
    grown = cv2.dilate(line, np.ones((5, 3), np.uint8))
    rest = mask & (1 - grown)
    thickness = int(line.sum(axis=0).max()) + 6
    crossing = cv2.morphologyEx(
        rest, cv2.MORPH_CLOSE, np.ones((thickness, 1), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(grown & (1 - crossing), np.uint8)
