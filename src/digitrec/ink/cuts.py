"""Where touching digits may be parted: the paths from top to bottom through a piece that cross the least ink.

A path may turn by 45 degrees, so it follows slanted writing. Through each column at half height goes one path, the
cheapest; columns where this is cheaper than around them are the cuts.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.ink.page import Allowance
from digitrec.ink.planes import Relief

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


def find_cuts(ink: Relief, digit_px: float, stroke_px: float, tries: Allowance) -> list[Cut]:
    """Return the paths that may part a piece, from left to right.

    Parameters
    ----------
    ink : (h, w) float32 in [0, 1], the piece alone.
    digit_px : the height of the writing.
    stroke_px : the width of its strokes.
    tries : how many paths may still be looked at.

    Raises
    ------
    TooMuchInkError : more paths than that.
    """
    height, width = ink.shape
    scale = min(1.0, _ROWS / height)
    size = (max(3, round(width * scale)), max(3, round(height * scale)))
    small = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.float32)
    (down, up), (from_above, from_below) = _cheapest(np.stack([small, small[::-1]]))
    middle = size[1] // 2
    costs = (down[middle] + up[size[1] - 1 - middle] - small[middle]) / max(stroke_px * scale, 1.0)
    places = _minima(costs, max(1.0, _APART_SHARE * digit_px * scale))
    tries.take(len(places))
    cuts = []
    for place in places:
        path = _path(from_above, from_below, middle, place)
        rows = np.linspace(0, size[1] - 1, height)
        columns = np.interp(rows, np.arange(size[1]), path + 0.5) * (width / size[0])
        cuts.append(Cut(columns.astype(np.float32), float(costs[place]), _crossings(ink, columns)))
    cuts = [
        *cuts,
        *_wall_cuts(ink, digit_px, stroke_px, [float(cut.columns[height // 2]) for cut in cuts], tries),
    ]
    return _useful(
        sorted(cuts, key=lambda cut: float(cut.columns[height // 2])),
        ink,
        _SMALLEST_PART * digit_px * stroke_px,
    )


def _wall_cuts(
    ink: Relief, digit_px: float, stroke_px: float, taken: list[float], tries: Allowance
) -> list[Cut]:
    """Return straight cuts from a valley in the upper outline to one in the lower, where no other cut is near."""
    mask = ink > 0.5
    inked = mask.any(axis=0)
    height = len(ink)
    upper = np.where(inked, mask.argmax(axis=0), height)
    lower = np.where(inked, mask[::-1].argmax(axis=0), height)
    above_all, below_all = (_valleys(outline, _VALLEY_SHARE * digit_px) for outline in (upper, lower))
    shift = _VALLEY_SHIFT_SHARE * digit_px
    taken = sorted(taken)
    cuts: list[Cut] = []
    for above in above_all:
        for below in below_all[bisect_left(below_all, above - shift) :]:
            if below - above > shift:
                break
            top, bottom = int(upper[above]), height - 1 - int(lower[below])
            if bottom <= top:
                continue
            tries.take(1)
            columns = np.interp(np.arange(height), [top, bottom], [above + 0.5, below + 0.5])
            place = float(columns[height // 2])
            if _is_near(place, taken, 0.6 * stroke_px):
                continue
            cost = float(ink[np.arange(height), columns.astype(int)].sum()) / stroke_px
            if cost <= _DEAREST_WALL:
                cuts.append(Cut(columns.astype(np.float32), cost, _crossings(ink, columns)))
                insort(taken, place)
    return cuts


def _is_near(place: float, taken: list[float], apart: float) -> bool:
    """Return whether a place is nearer than `apart` to one of those in order that are taken."""
    after = bisect_left(taken, place)
    return any(abs(place - other) < apart for other in taken[max(0, after - 1) : after + 1])


def _valleys(depths: NDArray[np.intp], least: float) -> list[int]:
    """Return the columns where an outline, given by its depth in each column, dips deeper than on both sides."""
    starts = np.flatnonzero(np.diff(depths, prepend=depths[0] - 1))  # of each level stretch
    levels = depths[starts]
    is_peak = np.zeros(len(levels), np.bool_)
    is_peak[1:-1] = (levels[1:-1] > levels[:-2]) & (levels[1:-1] > levels[2:])
    shallowest_left = np.minimum.accumulate(levels)
    shallowest_right = np.minimum.accumulate(levels[::-1])[::-1]
    is_peak &= levels - np.maximum(shallowest_left, shallowest_right) >= least
    ends = np.append(starts[1:], len(depths)) - 1
    return [int(middle) for middle in ((starts + ends) // 2)[is_peak]]


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
    around = np.pad(costs, 1, constant_values=np.inf)
    is_least = (costs <= _DEAREST) & (costs <= around[:-2]) & (costs <= around[2:])
    places = np.flatnonzero(is_least)
    blocked = np.zeros(len(costs), np.bool_)
    reach = math.ceil(apart) - 1
    chosen: list[int] = []
    for place in places[np.argsort(costs[places], kind="stable")].tolist():
        if not blocked[place]:
            chosen.append(place)
            blocked[max(0, place - reach) : place + reach + 1] = True
    return sorted(chosen)


def _useful(cuts: list[Cut], ink: Relief, smallest: float) -> list[Cut]:
    """Return the cuts that leave some ink on both sides, and between each two of them."""
    if not cuts:
        return []
    total = float(ink.sum())
    sums = np.zeros((ink.shape[0], ink.shape[1] + 1))
    np.cumsum(ink, axis=1, out=sums[:, 1:])
    left_of = sums[np.arange(len(ink)), columns_left(cuts, ink.shape[1])].sum(axis=1).tolist()
    kept: list[Cut] = []
    before = 0.0
    for cut, left in zip(cuts, left_of, strict=True):
        if total - left < smallest:
            break
        if left - before < smallest:
            if kept and cut.cost < kept[-1].cost:  # one cut is as good as its double
                kept[-1], before = cut, left
            continue
        kept.append(cut)
        before = left
    return kept


def columns_left(cuts: list[Cut], width: int) -> NDArray[np.intp]:
    """Return how many of `width` pixels lie left of each cut, in each row: (N, h)."""
    columns = np.stack([cut.columns for cut in cuts]).astype(np.float64)
    return np.clip(np.ceil(columns - 0.5), 0, width).astype(np.intp)
