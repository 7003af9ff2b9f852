"""Where touching digits may be parted: the paths from top to bottom through a piece that cross the least ink.

A path may turn by 45 degrees, so it follows slanted writing. Through each column at half height goes one path, the
cheapest; columns where this is cheaper than around them are the cuts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.ink.planes import Mask, Relief

_ROWS = 32  # a path needs no finer look
_STEP_COST = 0.03  # of a full pixel of ink: straight is better
_APART_SHARE = 0.10  # of a digit's height: cuts that are nearer are one
_DEAREST = 3.2  # stroke widths of ink that a cut may cross
_DEAREST_WALL = 7.0  # the same between two valleys: round digits touch along a wall
_VALLEY_SHARE = 0.08  # of a digit's height: how deep the outline dips between two digits
_VALLEY_SHIFT_SHARE = 0.4  # how far a valley above and one below stand apart
_INKED = 0.35  # a path enters ink where it is darker
_SMALLEST_PART = 0.06  # of a digit's height, of a single stroke


class Cut(NamedTuple):
    """A path through a piece.

    Attributes
    ----------
    columns : (h,) float32, its column in each row.
    cost : the ink it crosses, in stroke widths.
    crossings : how often it enters ink: once where digits touch, twice through a 0.
    """

    columns: NDArray[np.float32]
    cost: float
    crossings: int


def find_cuts(ink: Relief, digit_px: float, stroke_px: float) -> list[Cut]:
    """Return the paths that may part a piece, from left to right.

    Parameters
    ----------
    ink : (h, w) float32 in [0, 1], the piece alone.
    digit_px : the height of the writing.
    stroke_px : the width of its strokes.
    """
    height, width = ink.shape
    scale = min(1.0, _ROWS / height)
    size = (max(3, round(width * scale)), max(3, round(height * scale)))
    small = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.float32)
    (down, up), (from_above, from_below) = _cheapest(np.stack([small, small[::-1]]))
    middle = size[1] // 2
    costs = (down[middle] + up[size[1] - 1 - middle] - small[middle]) / max(stroke_px * scale, 1.0)
    places = _minima(costs, max(1.0, _APART_SHARE * digit_px * scale))
    cuts = []
    for place in places:
        path = _path(from_above, from_below, middle, place)
        rows = np.linspace(0, size[1] - 1, height)
        columns = np.interp(rows, np.arange(size[1]), path + 0.5) * (width / size[0])
        cuts.append(Cut(columns.astype(np.float32), float(costs[place]), _crossings(ink, columns)))
    cuts = [*cuts, *_wall_cuts(ink, digit_px, stroke_px, [cut.columns[height // 2] for cut in cuts])]
    return _useful(
        sorted(cuts, key=lambda cut: float(cut.columns[height // 2])),
        ink,
        _SMALLEST_PART * digit_px * stroke_px,
    )


def _wall_cuts(ink: Relief, digit_px: float, stroke_px: float, taken: list[float]) -> list[Cut]:
    """Return straight cuts from a valley in the upper outline to one in the lower, where no other cut is near."""
    mask = ink > 0.5
    inked = mask.any(axis=0)
    height = len(ink)
    upper = np.where(inked, mask.argmax(axis=0), height)
    lower = np.where(inked, mask[::-1].argmax(axis=0), height)
    cuts: list[Cut] = []
    for above in _valleys(upper, _VALLEY_SHARE * digit_px):
        for below in _valleys(lower, _VALLEY_SHARE * digit_px):
            if abs(above - below) > _VALLEY_SHIFT_SHARE * digit_px:
                continue
            top, bottom = int(upper[above]), height - 1 - int(lower[below])
            if bottom <= top:
                continue
            columns = np.interp(np.arange(height), [top, bottom], [above + 0.5, below + 0.5])
            cost = float(ink[np.arange(height), columns.astype(int)].sum()) / stroke_px
            place = float(columns[height // 2])
            if cost <= _DEAREST_WALL and all(abs(place - other) >= 0.6 * stroke_px for other in taken):
                cuts.append(Cut(columns.astype(np.float32), cost, _crossings(ink, columns)))
                taken.append(place)
    return cuts


def _valleys(depths: NDArray[np.intp], least: float) -> list[int]:
    """Return the columns where an outline, given by its depth in each column, dips deeper than on both sides."""
    found: list[int] = []
    rise = np.minimum.accumulate(depths)  # the shallowest so far, from the left
    fall = np.minimum.accumulate(depths[::-1])[::-1]
    place = 1
    while place < len(depths) - 1:
        end = place
        while end + 1 < len(depths) and depths[end + 1] == depths[place]:
            end += 1
        is_peak = (
            depths[place - 1] < depths[place] and end + 1 < len(depths) and depths[end + 1] < depths[place]
        )
        if is_peak and depths[place] - rise[place] >= least and depths[place] - fall[place] >= least:
            found.append((place + end) // 2)
        place = end + 1
    return found


def _crossings(ink: Relief, columns: NDArray[np.floating[Any]]) -> int:
    places = np.clip(columns.astype(int), 0, ink.shape[1] - 1)
    inked = ink[np.arange(len(ink)), places] > _INKED
    return int(inked[0]) + int(np.count_nonzero(inked[1:] & ~inked[:-1]))


def _cheapest(inks: Relief) -> tuple[Relief, NDArray[np.int8]]:
    """Return the cost of the cheapest path from the top to each pixel, and the step that it came by, -1, 0 or 1.

    Parameters
    ----------
    inks : (N, h, w) float32, N pictures at once.
    """
    count, height, width = inks.shape
    costs = np.empty_like(inks)
    steps = np.zeros((count, height, width), np.int8)
    costs[:, 0] = inks[:, 0]
    slanted = np.full((count, width + 2), np.inf, np.float32)
    for row in range(1, height):
        above = costs[:, row - 1]
        slanted[:, 1:-1] = above + _STEP_COST
        left, right = slanted[:, :-2], slanted[:, 2:]
        best = np.minimum(np.minimum(left, right), above)
        steps[:, row] = np.where(best == above, 0, np.where(best == left, -1, 1))
        costs[:, row] = best + inks[:, row]
    return costs, steps


def _path(from_above: NDArray[np.int8], from_below: NDArray[np.int8], middle: int, place: int) -> Relief:
    height = len(from_above)
    path = np.empty(height, np.float32)
    path[middle] = place
    column = place
    for row in range(middle, 0, -1):
        column += int(from_above[row, column])
        path[row - 1] = column
    column = place
    for row in range(middle, height - 1):
        column += int(from_below[height - 1 - row, column])
        path[row + 1] = column
    return path


def _minima(costs: Relief, apart: float) -> list[int]:
    """Return the columns that are cheaper than all around them, the cheapest first choice, from left to right."""
    chosen: list[int] = []
    for place in np.argsort(costs, kind="stable").tolist():
        if costs[place] > _DEAREST:
            break
        around = costs[max(0, place - 1) : place + 2]
        if costs[place] <= around.min() and all(abs(place - other) >= apart for other in chosen):
            chosen.append(place)
    return sorted(chosen)


def _useful(cuts: list[Cut], ink: Relief, smallest: float) -> list[Cut]:
    """Return the cuts that leave some ink on both sides, and between each two of them."""
    total = float(ink.sum())
    kept: list[Cut] = []
    before = 0.0
    for cut in cuts:
        left = float((ink * left_of(cut, ink.shape)).sum())
        if total - left < smallest:
            break
        if left - before < smallest:
            if kept and cut.cost < kept[-1].cost:  # one cut is as good as its double
                kept[-1], before = cut, left
            continue
        kept.append(cut)
        before = left
    return kept


def left_of(cut: Cut, shape: tuple[int, ...]) -> Mask:
    """Return (h, w) uint8, 1 where a pixel lies left of the cut."""
    return (np.arange(shape[1])[None, :] + 0.5 < cut.columns[:, None]).astype(np.uint8)
