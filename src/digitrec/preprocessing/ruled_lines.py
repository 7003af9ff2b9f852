"""Remove form lines and cell borders: straight lines that run into the edge of the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.ops import Foreground, Mask, connected_components

Window: TypeAlias = tuple[slice, slice]

# All fractions are of the image's side along or across the line.
_MIN_RUN_FRACTION = 0.22  # length of a horizontal run; a line tilted by 3 degrees still has one
_MAX_THICKNESS_FRACTION = 0.19  # of a line that crosses the whole image
_EDGE_BAND_FRACTION = 0.16  # a line that crosses only a part runs into a corner, within this band ...
_MIN_EDGE_SPAN_FRACTION = 0.40  # ... for this long ...
_MAX_EDGE_THICKNESS_FRACTION = 0.13  # ... and is this thin
_MAX_BEND_FRACTION = 0.03  # mean deviation from a straight line
_MAX_SLOPE = 0.18  # 10 degrees
_LONG_RUN_FRACTION = 0.33  # of the width: a longer horizontal run is not a stroke of one digit among others
_SOFT_EDGE_PX = 9  # a long line is removed with its blurred edges
_MIN_SIDE_PX = 24  # in a smaller image it is the bar of a digit
_MIN_WIDTH_OF_GAP_PX = 32  # in a smaller image, a line that ends 1 px before the edge is the bar of a digit
_ONE_COMPONENT_FRACTION = 0.9  # of all ink
# An underline, in text heights.
_UNDERLINE_RUN = 1.1  # minimum length of one horizontal run
_EDGE_UNDERLINE_SPAN = 1.7  # minimum length if it reaches the side of the image
_FREE_UNDERLINE_SPAN = 3.0  # minimum length otherwise: the feet of touching digits form shorter lines
_UNDERLINE_THICKNESS = 0.3  # maximum
_STEM_RATIO = 1.6  # relative to the line's thickness: a higher vertical run is a stroke on the line
_MAX_UNDERLINES = 300
_MIN_DIGIT_FRACTION = 0.3  # of the component must be outside the lines
# A digit next to a vertical line is at least this high; a digit without its own stem is lower.
_FULL_HEIGHT_FRACTION = 0.75


def remove_ruled_lines(foreground: Foreground, threshold: float) -> Foreground:
    """Return the foreground without ruled lines; strokes that cross a line are kept.

    A bar of a digit that reaches both edges of a tightly cropped image is not a ruled line.

    Parameters
    ----------
    foreground : (H, W) float32, see `digitrec.preprocessing.ops`.
    threshold : minimum foreground of a pixel of a line.

    Returns
    -------
    (H, W) float32, 0 where a line was.
    """
    if min(foreground.shape) < _MIN_SIDE_PX:
        return foreground
    mask = (foreground > threshold).astype(np.uint8)
    if not _reaches_edge(mask):  # every ruled line does; few images have any ink there
        return foreground
    horizontal, vertical = _erasable_mask(mask), _erasable_mask(mask.T).T
    lines = horizontal | vertical
    if not lines.any() or _is_cut_tightly(mask, horizontal, vertical):
        return foreground
    return np.where(lines > 0, np.float32(0), foreground)


def _reaches_edge(mask: Mask) -> bool:
    return bool(mask[:2].any() or mask[-2:].any() or mask[:, :2].any() or mask[:, -2:].any())


def remove_long_lines(foreground: Foreground, threshold: float) -> Foreground:
    """Return the foreground without ruled lines and other horizontal lines of a third of the width.

    Without any, the argument itself is returned. The bar of a digit may be one of them: use the result for statistics
    only. Parameters are those of `remove_ruled_lines`.
    """
    rest = remove_ruled_lines(foreground, threshold)
    run = np.ones((1, max(5, round(_LONG_RUN_FRACTION * foreground.shape[1]))), np.uint8)
    mask = (foreground > threshold).astype(np.uint8)
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not runs.any():
        return rest
    return np.where(
        cv2.dilate(runs, np.ones((_SOFT_EDGE_PX, _SOFT_EDGE_PX), np.uint8)) > 0, np.float32(0), rest
    )


def remove_underlines(mask: Mask, text_height_px: float) -> Mask:
    """Return the mask of a text line without underlines: lines that are straight, level and longer than a digit's bar.

    A line is removed only where no stroke touches it, so that digits on it stay complete. If there are more lines than
    on any real page, all of them are kept.
    """
    runs = _find_runs(mask, _UNDERLINE_RUN * text_height_px)
    if runs is None:
        return mask
    left, width = runs.boxes[:, cv2.CC_STAT_LEFT], runs.boxes[:, cv2.CC_STAT_WIDTH]
    reaches_side = (left <= 2) | (left + width >= mask.shape[1] - 2)
    is_long = width >= np.where(reaches_side, _EDGE_UNDERLINE_SPAN, _FREE_UNDERLINE_SPAN) * text_height_px
    long_labels = np.flatnonzero(is_long[1:]) + 1
    if len(long_labels) > _MAX_UNDERLINES:
        return mask
    kept = mask.copy()
    for label in long_labels.tolist():
        line, box = runs.component(label)
        if float(line.sum()) / line.shape[1] > _UNDERLINE_THICKNESS * text_height_px:
            continue
        window = _expand_window(box, mask.shape, round(text_height_px))
        if not _is_straight(line, max(span.stop - span.start for span in window)):
            continue
        thickness = float(np.median(line.sum(axis=0)))
        stem = np.ones((round(_STEM_RATIO * thickness) + 2, 1), np.uint8)
        window = _expand_window(box, mask.shape, min(round(text_height_px), len(stem) + 2))
        strokes = cv2.morphologyEx(
            mask[window], cv2.MORPH_OPEN, stem, borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        kept[window] &= 1 - (
            _dilated(_pad_to_window(line, box, window)) & (1 - np.asarray(strokes, np.uint8))
        )
    return kept


class _Runs(NamedTuple):
    """Long horizontal runs in a mask, by connected components.

    Attributes
    ----------
    mask : (H, W) uint8 of 0 and 1.
    labels, boxes : see `ops.connected_components`; the rows next to a run are included, since a tilted line has a run
        in each of several rows.
    """

    mask: Mask
    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]

    def component(self, label: int) -> tuple[Mask, Window]:
        """Return the mask of one component, cropped, and its rows and columns."""
        left, top, width, height = (int(side) for side in self.boxes[label, :4])
        window = (slice(top, top + height), slice(left, left + width))
        return np.asarray(self.mask[window] * (self.labels[window] == label), np.uint8), window


def _find_runs(mask: Mask, min_px: float) -> _Runs | None:
    """Return the horizontal runs of at least `min_px`, or None."""
    run = np.ones((1, max(5, round(min_px))), np.uint8)
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not runs.any():
        return None
    bridged = np.asarray(cv2.dilate(runs, np.ones((3, 1), np.uint8)), np.uint8)
    _, labels, boxes = connected_components(bridged)
    return _Runs(np.asarray(runs, np.uint8), labels, boxes)


def _expand_window(window: Window, shape: tuple[int, ...], rows: int) -> Window:
    """Return a window in a mask of `shape`, expanded by `rows` rows and two columns on each side."""
    rows_in_page, columns = (
        slice(max(0, span.start - more), min(size, span.stop + more))
        for span, more, size in zip(window, (rows, 2), shape, strict=True)
    )
    return rows_in_page, columns


def _pad_to_window(line: Mask, window: Window, wider: Window) -> Mask:
    """Return the mask of a line, cropped to `window`, padded to the larger window `wider`."""
    top, left = (inner.start - outer.start for inner, outer in zip(window, wider, strict=True))
    padded = np.zeros([span.stop - span.start for span in wider], np.uint8)
    padded[top : top + line.shape[0], left : left + line.shape[1]] = line
    return padded


def _horizontal_lines(mask: Mask) -> Iterator[tuple[Mask, Window]]:
    """Yield the horizontal ruled lines in a mask, cropped, and their rows and columns."""
    height, width = mask.shape
    if not mask[:, [0, 1, -2, -1]].any():  # every ruled line reaches an edge; few images have any ink there
        return
    runs = _find_runs(np.ascontiguousarray(mask), _MIN_RUN_FRACTION * width)
    if runs is None:
        return
    left, span = runs.boxes[:, cv2.CC_STAT_LEFT], runs.boxes[:, cv2.CC_STAT_WIDTH]
    gap_px = int(width >= _MIN_WIDTH_OF_GAP_PX)
    starts_at_edge, ends_at_edge = left <= gap_px, left + span >= width - gap_px
    crosses = starts_at_edge & ends_at_edge
    reaches = (starts_at_edge | ends_at_edge) & (span >= _MIN_EDGE_SPAN_FRACTION * width)
    for label in (np.flatnonzero((crosses | reaches)[1:]) + 1).tolist():
        line, window = runs.component(label)
        if _is_ruled_line(line, window[0].start, height, crosses=bool(crosses[label])) and _is_straight(
            line, max(mask.shape)
        ):
            yield line, window


def _is_ruled_line(line: Mask, first_row: int, height: int, *, crosses: bool) -> bool:
    _, top, span, depth = cv2.boundingRect(line)
    top += first_row
    thickness = int(line.sum()) / span / height
    if crosses and thickness <= _MAX_THICKNESS_FRACTION:
        return True
    band = _EDGE_BAND_FRACTION * height
    # A tilted line reaches the adjacent edge, too; the bar of a 7 in a corner does not.
    at_top = top == 0 and depth <= band
    at_bottom = top + depth == height and top >= height - band
    return (at_top or at_bottom) and thickness <= _MAX_EDGE_THICKNESS_FRACTION


def _is_straight(line: Mask, longer_side: int) -> bool:
    """Return whether a horizontal line is nearly level, and straight except for lens distortion.

    Parameters
    ----------
    line : its mask, cropped.
    longer_side : of the image that it was cropped from.
    """
    thickness = line.sum(axis=0)
    columns = np.flatnonzero(thickness)
    centers = (np.arange(len(line)) @ line)[columns] / thickness[columns]
    x, y = columns - columns.mean(), centers - centers.mean()
    slope = float(x @ y) / float(x @ x)  # least squares; `np.polyfit` takes twice as long
    deviation = np.abs(y - slope * x).mean()
    return bool(abs(slope) <= _MAX_SLOPE and deviation <= max(1.0, _MAX_BEND_FRACTION * longer_side))


def _erasable_mask(mask: Mask) -> Mask:
    """Return the horizontal lines with their soft edges, without the pixels where a stroke crosses them."""
    erasable = np.zeros(mask.shape, np.uint8)
    for line, box in _horizontal_lines(mask):
        gap_px = int(line.sum(axis=0).max()) + 6
        window = _expand_window(box, mask.shape, gap_px + 2)
        grown = _dilated(_pad_to_window(line, box, window))
        erasable[window] |= grown & (1 - _crossings(grown, mask[window], gap_px))
    return erasable


def _dilated(line: Mask) -> Mask:
    return np.asarray(cv2.dilate(line, np.ones((5, 3), np.uint8)), np.uint8)


def _crossings(grown: Mask, mask: Mask, gap_px: int) -> Mask:
    """Return the pixels where a stroke continues on both sides of a line, at most `gap_px` px apart."""
    rest = np.ascontiguousarray(mask & (1 - grown))
    gap = np.ones((gap_px, 1), np.uint8)
    return np.asarray(
        cv2.morphologyEx(rest, cv2.MORPH_CLOSE, gap, borderType=cv2.BORDER_CONSTANT, borderValue=0), np.uint8
    )


def _is_cut_tightly(mask: Mask, horizontal: Mask, vertical: Mask) -> bool:
    """Return whether the ink is one digit that reaches all four edges, so that its bars look like lines.

    The ink outside the lines must then reach an edge itself, opposite to a line along the edge: the stem of a 7. A
    digit that only touches the border of its cell does not.
    """
    height, width = mask.shape
    _, labels, stats = connected_components(mask)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    left, top, breadth, depth, area = (int(value) for value in stats[largest])
    reaches_all = left <= 1 and top <= 1 and left + breadth >= width - 1 and top + depth >= height - 1
    if not reaches_all or area < _ONE_COMPONENT_FRACTION * int(mask.sum()):
        return False
    rest = ((labels == largest) & ((horizontal | vertical) == 0)).astype(np.uint8)
    if int(rest.sum()) < _MIN_DIGIT_FRACTION * area or _is_next_to_vertical_line(vertical, rest):
        return False
    return _reaches_past(horizontal, rest) and _reaches_past(vertical.T, rest.T)


def _is_next_to_vertical_line(verticals: Mask, rest: Mask) -> bool:
    """Return whether the rest is a whole digit next to a vertical line across the image, not a part of its stem."""
    if not (verticals[:2].any() and verticals[-2:].any()):
        return False
    _, _, stats = connected_components(rest)
    return bool(stats[1:, cv2.CC_STAT_HEIGHT].max() >= _FULL_HEIGHT_FRACTION * rest.shape[0])


def _reaches_past(lines: Mask, rest: Mask) -> bool:
    """Return whether the rest reaches top and bottom, or the one of them without a horizontal line along it."""
    if not lines.any():
        return True
    band = max(2, round(_EDGE_BAND_FRACTION * lines.shape[0]))
    lined_top, lined_bottom = bool(lines[:band].any()), bool(lines[-band:].any())
    top, bottom = bool(rest[:2].any()), bool(rest[-2:].any())
    return (top or lined_top) and (bottom or lined_bottom) and (top or bottom)
