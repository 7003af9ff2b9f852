"""A field of a form: where its printed frame really lies, near the box that someone measured."""

from __future__ import annotations

import cv2
import numpy as np

from digitrec.preprocessing.binarize import foreground_mask
from digitrec.preprocessing.normalize import PixelBox as Box
from digitrec.preprocessing.ops import GrayImage, Mask, downscale

# How far a frame may lie from the measured box: of the box's shorter side, and of the page's longer side.
_OFF_BOX_SHARE, _OFF_PAGE_SHARE = 0.35, 0.02
_LINE_SHARE = (
    0.85  # of the box's side: what runs straight as long as this, in two parts at most, is its frame
)
_LARGEST_SEEN_PX = 2400  # a frame's lines are seen at any size
_BREATH_SHARE = 0.12  # of the box's shorter side: writing may stand out where no frame was printed


def crop_form_field(page: GrayImage, box: Box) -> tuple[GrayImage, tuple[int, int]]:
    """Return what stands in a field, its printed frame left out, and x, y of where that was cut out.

    Parameters
    ----------
    page : (H, W) uint8.
    box : left, top, width, height in pixels, inside the page, a few per cent off.
    """
    left, top, width, height = box
    off = round(
        max(_OFF_BOX_SHARE * min(width, height), min(_OFF_PAGE_SHARE * max(page.shape), 0.5 * height))
    )
    rows = _span(top, height, off, page.shape[0])
    columns = _span(left, width, off, page.shape[1])
    part = page[rows, columns]
    seen = downscale(part, _LARGEST_SEEN_PX)
    scale = max(seen.shape) / max(part.shape)
    mask = foreground_mask(seen)
    across = _rows_of_lines(mask, _LINE_SHARE * width, scale)
    down = _rows_of_lines(np.ascontiguousarray(mask.T), _LINE_SHARE * height, scale)
    breath = round(_BREATH_SHARE * min(width, height))
    upper, lower = _inside(across, top - rows.start, height, part.shape[0], off=off, breath=breath)
    first, last = _inside(down, left - columns.start, width, part.shape[1], off=off, breath=breath)
    return part[upper:lower, first:last], (columns.start + first, rows.start + upper)


def _span(start: int, size: int, off: int, limit: int) -> slice:
    return slice(max(0, start - off), min(limit, start + size + off))


def _rows_of_lines(mask: Mask, least: float, scale: float) -> list[int]:
    """Return the rows along which a straight line of `least` runs; one that is tilted a little fills several.

    Parameters
    ----------
    mask : (H, W) uint8, seen at `scale`; the length and the rows are those of the page.
    """
    thick = np.asarray(cv2.dilate(mask, np.ones((3, 1), np.uint8)), np.uint8)
    run = np.ones((1, max(3, round(least * scale / 2))), np.uint8)
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return [round(row / scale) for row in np.flatnonzero(runs.sum(axis=1) >= least * scale).tolist()]


def _inside(lines: list[int], start: int, size: int, limit: int, *, off: int, breath: int) -> tuple[int, int]:
    """Return the rows between the lines next to where the box was measured, or the box's own with some more."""
    end = start + size
    before = [row for row in lines if abs(row - start) <= off]
    after = [row for row in lines if abs(row - end) <= off]
    first = max(before) + 1 if before else max(0, start - breath)
    last = min(after) if after else min(limit, end + breath)
    return (first, last) if last - first >= size // 2 else (max(0, start), min(limit, end))
