"""Form lines and cell borders: found by their straight run into the picture's edge, and erased."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.ops import Foreground, Mask, connected_components

Window: TypeAlias = tuple[slice, slice]

# All shares are of the picture's side along or across the line.
_MIN_RUN_SHARE = 0.22  # a straight run this long starts a line; a tilt of 3 degrees still leaves one
_MAX_THICKNESS_SHARE = 0.19  # of a line that crosses the whole picture
_EDGE_BAND_SHARE = 0.16  # a line that does not cross it all runs into a corner, within this band ...
_MIN_EDGE_SPAN_SHARE = 0.40  # ... for this long ...
_MAX_EDGE_THICKNESS_SHARE = 0.13  # ... and is this thin
_MAX_BEND_SHARE = 0.03  # mean departure from straight
_MAX_SLOPE = 0.18  # 10 degrees
_MIN_SIDE_PX = 24  # smaller pictures hold a digit's own bar, never a legible form
_ONE_PIECE_SHARE = 0.9  # of all ink
# A rule under a line of writing, in heights of its digits.
_LONG_RUN_DIGITS = 1.1
_LONG_SPAN_DIGITS = 1.7  # where it runs into the picture's side, and where it does not:
_FREE_SPAN_DIGITS = 3.0  # the feet of touching digits make a line, too
_LONG_THICKNESS = 0.3
_STEM_SHARE = 1.6  # of a rule's thickness: what is higher is a stroke on it
_MOST_LONG_RULES = 300
_DIGIT_SHARE = 0.3  # of the piece must be no line
# Beside an upright rule the digit is as high as this share of the picture; beside its own stem less of it is.
_BESIDE_RULE_SHARE = 0.75


def remove_ruled_lines(relief: Foreground, threshold: float) -> Foreground:
    """Return the relief without ruled lines, strokes that cross a line kept.

    A bar that runs from edge to edge because the picture was cut tightly around the digit is no line.

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
    if not _reaches_edge(mask):  # every rule does, and few pictures have one
        return relief
    across, down = _erasable(mask), _erasable(mask.T).T
    lines = across | down
    if not lines.any() or _is_cut_tightly(mask, across, down):
        return relief
    return np.where(lines > 0, np.float32(0), relief)


def _reaches_edge(mask: Mask) -> bool:
    return bool(mask[:2].any() or mask[-2:].any() or mask[:, :2].any() or mask[:, -2:].any())


def remove_underlines(mask: Mask, digit_px: float) -> Mask:
    """Return the mask of a line of writing without what is straight, level and longer than any digit's own bar.

    Only where nothing hangs on a rule it goes: a digit that stands on it, or is crossed by it, stays whole. Where there
    are more rules than on any page, all of them stay.
    """
    runs = _runs(mask, _LONG_RUN_DIGITS * digit_px)
    if runs is None:
        return mask
    left, width = runs.boxes[:, cv2.CC_STAT_LEFT], runs.boxes[:, cv2.CC_STAT_WIDTH]
    reaches_side = (left <= 2) | (left + width >= mask.shape[1] - 2)
    is_long = width >= np.where(reaches_side, _LONG_SPAN_DIGITS, _FREE_SPAN_DIGITS) * digit_px
    numbers = np.flatnonzero(is_long[1:]) + 1
    if len(numbers) > _MOST_LONG_RULES:
        return mask
    kept = mask.copy()
    for number in numbers.tolist():
        line, box = runs.line(number)
        if float(line.sum()) / line.shape[1] > _LONG_THICKNESS * digit_px:
            continue
        around = _widened(box, mask.shape, round(digit_px))
        if not _is_straight(line, max(span.stop - span.start for span in around)):
            continue
        thickness = float(np.median(line.sum(axis=0)))
        stem = np.ones((round(_STEM_SHARE * thickness) + 2, 1), np.uint8)
        window = _widened(box, mask.shape, min(round(digit_px), len(stem) + 2))
        strokes = cv2.morphologyEx(
            mask[window], cv2.MORPH_OPEN, stem, borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        kept[window] &= 1 - (_grown(_moved(line, box, window)) & (1 - np.asarray(strokes, np.uint8)))
    return kept


class _Runs(NamedTuple):
    """What runs level for long in a mask, by connected pieces.

    Attributes
    ----------
    mask : (H, W) uint8 of 0 and 1. labels, boxes : see `planes.label_pieces`; the rows next to the runs included,
        since the pixels of a tilted line lie in steps, each a run of its own.
    """

    mask: Mask
    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]

    def line(self, number: int) -> tuple[Mask, Window]:
        """Return one piece, cut out, and its rows and columns."""
        left, top, width, height = (int(side) for side in self.boxes[number, :4])
        window = (slice(top, top + height), slice(left, left + width))
        return np.asarray(self.mask[window] * (self.labels[window] == number), np.uint8), window


def _runs(mask: Mask, least_px: float) -> _Runs | None:
    """Return what runs level for `least_px` and more; None where nothing does."""
    run = np.ones((1, max(5, round(least_px))), np.uint8)
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not runs.any():
        return None
    bridged = np.asarray(cv2.dilate(runs, np.ones((3, 1), np.uint8)), np.uint8)
    _, labels, boxes = connected_components(bridged)
    return _Runs(np.asarray(runs, np.uint8), labels, boxes)


def _widened(window: Window, shape: tuple[int, ...], rows: int) -> Window:
    """Return a window in a mask of `shape` with so many rows more on both sides, and two columns."""
    rows_in_page, columns = (
        slice(max(0, span.start - more), min(size, span.stop + more))
        for span, more, size in zip(window, (rows, 2), shape, strict=True)
    )
    return rows_in_page, columns


def _moved(line: Mask, window: Window, wider: Window) -> Mask:
    """Return a line that was cut out as `window` with the paper around it that `wider` has."""
    before = [inner.start - outer.start for inner, outer in zip(window, wider, strict=True)]
    after = [outer.stop - inner.stop for inner, outer in zip(window, wider, strict=True)]
    return np.pad(line, list(zip(before, after, strict=True)))


def _horizontal_lines(mask: Mask) -> Iterator[tuple[Mask, Window]]:
    """Yield the straight lines in a mask of dark pixels that may be rules, cut out, and their rows and columns."""
    height, width = mask.shape
    if not mask[:, [0, 1, -2, -1]].any():  # every rule runs into an edge, and few pictures have one
        return
    runs = _runs(np.ascontiguousarray(mask), _MIN_RUN_SHARE * width)
    if runs is None:
        return
    left, span = runs.boxes[:, cv2.CC_STAT_LEFT], runs.boxes[:, cv2.CC_STAT_WIDTH]
    starts_at_edge, ends_at_edge = left <= 1, left + span >= width - 1
    crosses = starts_at_edge & ends_at_edge
    reaches = (starts_at_edge | ends_at_edge) & (span >= _MIN_EDGE_SPAN_SHARE * width)
    for number in (np.flatnonzero((crosses | reaches)[1:]) + 1).tolist():
        line, window = runs.line(number)
        if _lies_like_a_rule(line, window[0].start, height, crosses=bool(crosses[number])) and _is_straight(
            line, max(mask.shape)
        ):
            yield line, window


def _lies_like_a_rule(line: Mask, first_row: int, height: int, *, crosses: bool) -> bool:
    _, top, span, depth = cv2.boundingRect(line)
    top += first_row
    thickness = int(line.sum()) / span / height
    if crosses and thickness <= _MAX_THICKNESS_SHARE:
        return True
    band = _EDGE_BAND_SHARE * height
    # A tilted rule leaves through one edge and comes in through the next; the bar of a 7 in a corner does not.
    at_top = top == 0 and depth <= band
    at_bottom = top + depth == height and top >= height - band
    return (at_top or at_bottom) and thickness <= _MAX_EDGE_THICKNESS_SHARE


def _is_straight(line: Mask, longer_side: int) -> bool:
    """Return whether a horizontal line is about level, and as straight as a lens leaves it.

    Parameters
    ----------
    line : cut out. longer_side : of what it was cut out of.
    """
    thickness = line.sum(axis=0)
    columns = np.flatnonzero(thickness)
    middle = (np.arange(len(line)) @ line)[columns] / thickness[columns]
    slope, offset = np.polyfit(columns, middle, 1)
    departure = np.abs(middle - slope * columns - offset).mean()
    return bool(abs(slope) <= _MAX_SLOPE and departure <= max(1.0, _MAX_BEND_SHARE * longer_side))


def _erasable(mask: Mask) -> Mask:
    """Return the horizontal lines with their soft edges, less the places where a stroke crosses them."""
    erasable = np.zeros(mask.shape, np.uint8)
    for line, box in _horizontal_lines(mask):
        across = int(line.sum(axis=0).max()) + 6
        window = _widened(box, mask.shape, across + 2)
        grown = _grown(_moved(line, box, window))
        erasable[window] |= grown & (1 - _crossings(grown, mask[window], across))
    return erasable


def _grown(line: Mask) -> Mask:
    return np.asarray(cv2.dilate(line, np.ones((5, 3), np.uint8)), np.uint8)


def _crossings(grown: Mask, mask: Mask, across: int) -> Mask:
    """Return the places where a stroke goes on at both sides of a line, `across` px apart at most."""
    rest = np.ascontiguousarray(mask & (1 - grown))
    gap = np.ones((across, 1), np.uint8)
    return np.asarray(
        cv2.morphologyEx(rest, cv2.MORPH_CLOSE, gap, borderType=cv2.BORDER_CONSTANT, borderValue=0), np.uint8
    )


def _is_cut_tightly(mask: Mask, across: Mask, down: Mask) -> bool:
    """Return whether the ink is one digit that reaches all four edges, so that its bars look like lines.

    What is no line must then reach an edge by itself, the one opposite to a line along the edge: the stem of
    a 7. A digit that merely touches its cell's border does not.
    """
    height, width = mask.shape
    _, labels, stats = connected_components(mask)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    left, top, breadth, depth, area = (int(value) for value in stats[largest])
    reaches_all = left <= 1 and top <= 1 and left + breadth >= width - 1 and top + depth >= height - 1
    if not reaches_all or area < _ONE_PIECE_SHARE * int(mask.sum()):
        return False
    rest = ((labels == largest) & ((across | down) == 0)).astype(np.uint8)
    if int(rest.sum()) < _DIGIT_SHARE * area or _stands_beside(down, rest):
        return False
    return _reaches_past(across, rest) and _reaches_past(down.T, rest.T)


def _stands_beside(uprights: Mask, rest: Mask) -> bool:
    """Return whether the rest is a whole digit beside an upright that crosses the picture, not hung on its stem."""
    if not (uprights[:2].any() and uprights[-2:].any()):
        return False
    _, _, stats = connected_components(rest)
    return bool(stats[1:, cv2.CC_STAT_HEIGHT].max() >= _BESIDE_RULE_SHARE * rest.shape[0])


def _reaches_past(lines: Mask, rest: Mask) -> bool:
    """Return whether the rest reaches top and bottom, or the one of them that no horizontal line is along."""
    if not lines.any():
        return True
    band = max(2, round(_EDGE_BAND_SHARE * lines.shape[0]))
    lined_top, lined_bottom = bool(lines[:band].any()), bool(lines[-band:].any())
    top, bottom = bool(rest[:2].any()), bool(rest[-2:].any())
    return (top or lined_top) and (bottom or lined_bottom) and (top or bottom)
