"""Crop a form field: find its printed frame near the given box."""

from __future__ import annotations

import cv2
import numpy as np

from digitrec.preprocessing.binarize import foreground_mask
from digitrec.preprocessing.normalize import PixelBox as Box
from digitrec.preprocessing.ops import GrayImage, Mask, downscale

# How far the frame may be from the given box: of the box's shorter side, and of the page's longer side.
_MAX_OFFSET_OF_BOX, _MAX_OFFSET_OF_PAGE = 0.35, 0.02
# Of the box's side: a straight run of this length, in at most two parts, is a line of the frame.
_MIN_LINE_FRACTION = 0.85
_WORKING_SIZE_PX = 2400  # lines are found at any size
_MARGIN_FRACTION = 0.12  # of the box's shorter side: added where no frame line was found


def crop_form_field(page: GrayImage, box: Box) -> tuple[GrayImage, tuple[int, int]]:
    """Return the image inside a field's printed frame, and the x, y of its upper left corner on the page.

    Parameters
    ----------
    page : (H, W) uint8.
    box : left, top, width, height in pixels, inside the page; it may be off by a few percent.
    """
    left, top, width, height = box
    offset = round(
        max(_MAX_OFFSET_OF_BOX * min(width, height), min(_MAX_OFFSET_OF_PAGE * max(page.shape), 0.5 * height))
    )
    rows = _span(top, height, offset, page.shape[0])
    columns = _span(left, width, offset, page.shape[1])
    part = page[rows, columns]
    reduced = downscale(part, _WORKING_SIZE_PX)
    scale = max(reduced.shape) / max(part.shape)
    mask = foreground_mask(reduced)
    line_rows = _find_line_rows(mask, _MIN_LINE_FRACTION * width, scale)
    line_columns = _find_line_rows(np.ascontiguousarray(mask.T), _MIN_LINE_FRACTION * height, scale)
    margin = round(_MARGIN_FRACTION * min(width, height))
    upper, lower = _inside(line_rows, top - rows.start, height, part.shape[0], offset=offset, margin=margin)
    first, last = _inside(
        line_columns, left - columns.start, width, part.shape[1], offset=offset, margin=margin
    )
    return part[upper:lower, first:last], (columns.start + first, rows.start + upper)


def _span(start: int, size: int, offset: int, limit: int) -> slice:
    return slice(max(0, start - offset), min(limit, start + size + offset))


def _find_line_rows(mask: Mask, min_px: float, scale: float) -> list[int]:
    """Return the rows that contain a straight line of at least `min_px`; a tilted line takes several rows.

    Parameters
    ----------
    mask : (H, W) uint8, reduced by `scale`. `min_px` and the returned rows are in pixels of the page.
    """
    thickened = np.asarray(cv2.dilate(mask, np.ones((3, 1), np.uint8)), np.uint8)
    run = np.ones((1, max(3, round(min_px * scale / 2))), np.uint8)
    runs = cv2.morphologyEx(thickened, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return [round(row / scale) for row in np.flatnonzero(runs.sum(axis=1) >= min_px * scale).tolist()]


def _inside(
    lines: list[int], start: int, size: int, limit: int, *, offset: int, margin: int
) -> tuple[int, int]:
    """Return first and last row between the frame's lines near the box, or the box itself with a margin."""
    end = start + size
    before = [row for row in lines if abs(row - start) <= offset]
    after = [row for row in lines if abs(row - end) <= offset]
    first = max(before) + 1 if before else max(0, start - margin)
    last = min(after) if after else min(limit, end + margin)
    return (first, last) if last - first >= size // 2 else (max(0, start), min(limit, end))
