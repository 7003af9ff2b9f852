"""A field of a form: where its printed frame really lies, near the box that someone measured."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.ink.lines import Box
from digitrec.ink.page import ink_mask
from digitrec.ink.planes import Mask, Picture

# How far a frame may lie from the measured box: of the box's shorter side, and of the page's longer side.
_OFF_BOX_SHARE, _OFF_PAGE_SHARE = 0.35, 0.02
_LINE_SHARE = (
    0.85  # of the box's side: what runs straight as long as this, in two parts at most, is its frame
)
_BREATH_SHARE = 0.12  # of the box's shorter side: writing may stand out where no frame was printed


def cut_field(page: Picture, box: Box) -> tuple[Picture, tuple[int, int]]:
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
    mask = ink_mask(page[rows, columns])
    across, down = (
        _lines(mask, _LINE_SHARE * width),
        _lines(np.ascontiguousarray(mask.T), _LINE_SHARE * height),
    )
    breath = round(_BREATH_SHARE * min(width, height))
    upper, lower = _inside(across, top - rows.start, height, off, breath)
    first, last = _inside(down, left - columns.start, width, off, breath)
    return page[rows, columns][upper:lower, first:last], (columns.start + first, rows.start + upper)


def _span(start: int, size: int, off: int, limit: int) -> slice:
    return slice(max(0, start - off), min(limit, start + size + off))


def _lines(mask: Mask, least: float) -> NDArray[np.bool_]:
    """Return, for each row, whether a straight line runs along it; one that is tilted a little fills several."""
    thick = np.asarray(cv2.dilate(mask, np.ones((3, 1), np.uint8)), np.uint8)
    run = np.ones((1, max(3, round(least / 2))), np.uint8)
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(runs.sum(axis=1) >= least)


def _inside(lines: NDArray[np.bool_], start: int, size: int, off: int, breath: int) -> tuple[int, int]:
    """Return the rows between the lines next to where the box was measured, or the box's own with some more."""
    end = start + size
    before = [row for row in np.flatnonzero(lines).tolist() if abs(row - start) <= off]
    after = [row for row in np.flatnonzero(lines).tolist() if abs(row - end) <= off]
    first = max(before) + 1 if before else max(0, start - breath)
    last = min(after) if after else min(len(lines), end + breath)
    return (first, last) if last - first >= size // 2 else (max(0, start), min(len(lines), end))
