"""Find the text lines of an image, and cut out each as a straight line image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.errors import BlankImageError
from digitrec.preprocessing.binarize import (
    BinarizedPage,
    binarize_page,
    estimate_text_height,
    whole_image_page,
)
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX, background_level
from digitrec.preprocessing.ops import GrayImage

# Lengths are in text heights.
_MIN_TALL_FRACTION = 0.45  # of the text height: smaller components do not start a line
_MIN_OVERLAP_FRACTION = 0.4  # of the smaller height: components of one line overlap vertically by this much
_MAX_COMMA_FRACTION = 0.7  # of the height of the digit before it
_COMMA_REACH = 2.0  # from this digit to the one after the comma
_REACH = 1.0  # up and down from the line's center: farther foreground is not part of the line
_CURVED_FROM = 5.0  # a line of this length may be curved
_GUTTER_FRACTION = 2.2  # of background between two columns
_MIN_LINES_OF_COLUMNS = 2  # at least
_MAX_OFFSET_FRACTION = 0.1  # of a component at the edge, above or below the line that it belongs to
_MIN_VISIBLE_FRACTION = 0.5  # of the tallest whole line's height: a lower one at the edge is cut off by it
_MARGIN_PX = 10
_PADDING_FRACTION = 0.12  # of an image's height


@dataclass(frozen=True, eq=False)
class TextLine:
    """A text line of a binarized page.

    Attributes
    ----------
    components : its component IDs in the page's labels, from left to right.
    boxes : (N, 4) float64, left, top, width, height of each component in the image's pixels.
    text_height_px : the height of its digits in the image.
    """

    components: NDArray[np.intp]
    boxes: NDArray[np.float64]
    text_height_px: float

    @property
    def y(self) -> float:
        """The median y of its components' centers."""
        return float(np.median(self.boxes[:, 1] + self.boxes[:, 3] / 2))


@dataclass(frozen=True, eq=False)
class LineImage:
    """A text line cut out of an image, straightened.

    Attributes
    ----------
    image : (48, W) uint8, in the polarity of the source image.
    left, scale : x of the first column in the source image, and columns per pixel of it.
    """

    image: GrayImage
    left: float
    scale: float

    def x(self, column: float) -> float:
        """Return the x of a column in the source image."""
        return self.left + column / self.scale


def find_text_lines(
    image: GrayImage, *, keep_ruled_lines: bool = False, single_line: bool = False
) -> tuple[BinarizedPage, list[TextLine]]:
    """Return the binarized image and its lines, column by column, each from top to bottom; none where it looks blank.

    Parameters
    ----------
    image : (H, W) uint8, either polarity.
    keep_ruled_lines : see `binarize_page`.
    single_line : return one line with all ink.

    Raises
    ------
    TooMuchInkError : the image has too many components.
    """
    try:
        page = binarize_page(image, keep_ruled_lines=keep_ruled_lines)
    except BlankImageError:
        return whole_image_page(image), []
    if single_line:
        return page, [_text_line(page, np.arange(1, len(page.boxes)))]
    return page, _lines_of(page)


def _lines_of(page: BinarizedPage) -> list[TextLine]:
    groups = [_without_cut_off_parts(page, np.array(members, np.intp)) for members in _groups(page.boxes)]
    starts = _column_starts(page.boxes, groups)
    columns: list[list[TextLine]] = [[] for _ in range(len(starts) + 1)]
    for members in groups:
        column = np.searchsorted(starts, page.boxes[members, cv2.CC_STAT_LEFT], side="right")
        for index in np.unique(column).tolist():
            columns[index].append(_text_line(page, members[column == index]))
    sorted_lines = [line for lines in columns for line in sorted(lines, key=lambda line: line.y)]
    return _without_cut_off_lines(sorted_lines, page)


def _is_at_edge(boxes: NDArray[np.int32], page: BinarizedPage) -> NDArray[np.bool_]:
    """Return which components reach the top or the bottom of the page."""
    top, bottom = boxes[:, cv2.CC_STAT_TOP], boxes[:, cv2.CC_STAT_TOP] + boxes[:, cv2.CC_STAT_HEIGHT]
    return np.asarray((top <= 1) | (bottom >= page.labels.shape[0] - 1), np.bool_)


def _without_cut_off_parts(page: BinarizedPage, members: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the components of a line without parts of other lines: those beyond its digits that reach the edge."""
    boxes = page.boxes[members]
    top, height = boxes[:, cv2.CC_STAT_TOP], boxes[:, cv2.CC_STAT_HEIGHT]
    is_at_edge = _is_at_edge(boxes, page)
    is_whole_digit = ~is_at_edge & (height >= _MIN_TALL_FRACTION * page.text_height_px)
    if not is_whole_digit.any():
        return members
    slack = _MAX_OFFSET_FRACTION * page.text_height_px
    highest, lowest = top[is_whole_digit].min() - slack, (top + height)[is_whole_digit].max() + slack
    overlaps = (top + height > highest) & (top < lowest)
    return np.asarray(members[~is_at_edge | overlaps], np.intp)


def _without_cut_off_lines(lines: list[TextLine], page: BinarizedPage) -> list[TextLine]:
    """Return the lines without the low parts of lines that the top or the bottom of the page cuts off."""
    whole = [line for line in lines if not _is_cut_off(page.boxes[line.components], page)]
    min_px = _MIN_VISIBLE_FRACTION * max((line.text_height_px for line in whole), default=0.0)
    return [line for line in lines if line in whole or line.text_height_px >= min_px]


def _is_cut_off(boxes: NDArray[np.int32], page: BinarizedPage) -> bool:
    """Return whether most of a line, by area, reaches the top or the bottom of the page."""
    areas = boxes[:, cv2.CC_STAT_AREA]
    return bool(areas[_is_at_edge(boxes, page)].sum() > areas.sum() / 2)


def _text_line(page: BinarizedPage, members: NDArray[np.intp]) -> TextLine:
    boxes = page.boxes[members]
    order = np.argsort(2 * boxes[:, cv2.CC_STAT_LEFT] + boxes[:, cv2.CC_STAT_WIDTH], kind="stable")
    with_background = np.concatenate([np.zeros((1, 5), np.int32), boxes[order]])
    text_height_px = estimate_text_height(with_background) / page.scale
    return TextLine(members[order], with_background[1:, :4] / page.scale, text_height_px)


def _column_starts(boxes: NDArray[np.int32], groups: list[NDArray[np.intp]]) -> list[int]:
    """Return the x where each column but the first starts: after a gutter without foreground that two lines cross."""
    least = _GUTTER_FRACTION * estimate_text_height(boxes)
    left, right = boxes[1:, 0], boxes[1:, 0] + boxes[1:, 2]
    order = np.argsort(left)
    reached = np.maximum.accumulate(right[order])
    found = []
    for start, end in zip(reached[:-1].tolist(), left[order][1:].tolist(), strict=True):
        crossed = sum(
            bool((boxes[members, 0] < start).any() and (boxes[members, 0] >= end).any()) for members in groups
        )
        if end - start >= least and crossed >= _MIN_LINES_OF_COLUMNS:
            found.append(end)
    return found


def _groups(boxes: NDArray[np.int32]) -> Iterator[list[int]]:
    """Yield the component IDs of each line.

    Parameters
    ----------
    boxes : (N, 5) int32, left, top, width, height and area of each component; row 0 is the background.
    """
    page_px = estimate_text_height(boxes)
    component_ids = np.arange(1, len(boxes))
    is_big = boxes[1:, cv2.CC_STAT_HEIGHT] >= _MIN_TALL_FRACTION * page_px
    box_list: list[list[int]] = boxes.tolist()
    spans = [(top, top + height) for _, top, _, height, _ in box_list]
    lines: list[list[int]] = []
    for component_id in sorted(component_ids[is_big].tolist(), key=lambda item: int(boxes[item, 0])):
        overlaps = [
            max(_overlap(spans[component_id], spans[end]) for end in _ends(line, component_id, box_list))
            for line in lines
        ]
        if overlaps and max(overlaps) >= _MIN_OVERLAP_FRACTION:
            lines[int(np.argmax(overlaps))].append(component_id)
        else:
            lines.append([component_id])
    small = component_ids[~is_big]
    distances = np.array([_distances(boxes, small, line) for line in lines])
    for index, component_id in enumerate(small.tolist()):
        nearest = int(distances[:, index].argmin())
        lines[nearest].append(component_id)
        distances[nearest] = np.minimum(distances[nearest], _distances(boxes, small, [component_id]))
    yield from lines


def _ends(line: list[int], component_id: int, boxes: list[list[int]]) -> list[int]:
    """Return the last component of a line; if it is a large comma before this component, also the digit before it."""
    left, _, width, height, _ = boxes[line[-2:][0]]
    is_comma = boxes[line[-1]][cv2.CC_STAT_HEIGHT] < _MAX_COMMA_FRACTION * height
    is_near = boxes[component_id][0] - (left + width) < _COMMA_REACH * height
    return line[-2:] if is_comma and is_near else line[-1:]


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the overlap of two spans (start, stop) as a fraction of the shorter one."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared / min(one[1] - one[0], other[1] - other[0])


def _distances(boxes: NDArray[np.int32], small: NDArray[np.intp], line: list[int]) -> NDArray[np.float64]:
    """Return the distance of each small component from the nearest component of a line; y counts double."""
    middles = boxes[small, :2] + boxes[small, 2:4] / 2
    starts, ends = boxes[line, :2], boxes[line, :2] + boxes[line, 2:4]
    gaps = np.maximum(0, np.maximum(starts - middles[:, None], middles[:, None] - ends))
    return np.asarray((gaps @ (1.0, 2.0)).min(axis=1), np.float64)


def line_width(line: TextLine, height_px: float) -> int:
    """Return the maximum width of the line image that `straighten` returns, in pixels."""
    left, right = line.boxes[:, 0].min(), (line.boxes[:, 0] + line.boxes[:, 2]).max()
    return round(float(right - left) * height_px / line.text_height_px) + 2 * _MARGIN_PX


def straighten(image: GrayImage, line: TextLine, height_px: float) -> LineImage:
    """Return a text line cut out of its image along its baseline.

    Parameters
    ----------
    image : (H, W) uint8.
    height_px : the text height in the line image of 48 px; the rest shows what is above and below the line.
    """
    boxes = line.boxes
    middle = _fit_center_line(boxes, line.text_height_px)
    at = np.polyval(middle, boxes[:, 0] + boxes[:, 2] / 2)
    above = np.minimum(_REACH * line.text_height_px, at - boxes[:, 1]).max()
    below = np.minimum(_REACH * line.text_height_px, boxes[:, 1] + boxes[:, 3] - at).max()
    middle[-1] += (below - above) / 2
    scale = height_px / max(above + below, 1.0)
    left = max(boxes[:, 0].min() - _MARGIN_PX / scale, -2 / scale)
    right = min((boxes[:, 0] + boxes[:, 2]).max() + _MARGIN_PX / scale, image.shape[1] + 2 / scale)
    width = max(4, round((right - left) * scale))
    xs = left + (np.arange(width) + 0.5) / scale
    ys = (
        np.polyval(middle, xs)
        + ((np.arange(LINE_HEIGHT_PX) + 0.5 - LINE_HEIGHT_PX / 2) / scale)[:, np.newaxis]
    )
    return LineImage(_sample(image, xs, ys, scale), left, scale)


def image_as_line(image: GrayImage) -> LineImage:
    """Return the full image as a line image, padded with background, since a crop may touch its text.

    Parameters
    ----------
    image : (H, W) uint8.
    """
    around = image.shape[0] * _PADDING_FRACTION
    scale = LINE_HEIGHT_PX / (image.shape[0] + 2 * around)
    width = max(4, round((image.shape[1] + 2 * around) * scale))
    xs = (np.arange(width) + 0.5) / scale - around
    ys = ((np.arange(LINE_HEIGHT_PX) + 0.5) / scale - around)[:, np.newaxis] + np.zeros(width)
    line = _sample(image, xs, ys, scale)
    is_outside = (xs < 0) | (xs >= image.shape[1]) | (ys < 0) | (ys >= image.shape[0])
    line[is_outside] = background_level(image)
    return LineImage(line, -around, scale)


def _fit_center_line(boxes: NDArray[np.float64], text_height_px: float) -> NDArray[np.float64]:
    """Return the polynomial through the centers of a line's digits: constant, linear, or quadratic for long lines."""
    big = boxes[boxes[:, 3] >= _MIN_TALL_FRACTION * text_height_px]
    big = big if len(big) else boxes
    xs, ys = big[:, 0] + big[:, 2] / 2, big[:, 1] + big[:, 3] / 2
    extent = float(np.ptp(xs))
    if len(xs) < 3 or extent < 3 * text_height_px:
        return np.array([float(np.average(ys, weights=big[:, 3]))])
    degree = 2 if len(xs) > 6 and extent > _CURVED_FROM * text_height_px else 1
    return np.asarray(np.polyfit(xs, ys, degree, w=np.sqrt(big[:, 3])), np.float64)


def _sample(image: GrayImage, xs: NDArray[np.float64], ys: NDArray[np.float64], scale: float) -> GrayImage:
    """Return the image resampled at x (W,), y (48, W); `scale` is the number of samples per pixel."""
    top = int(np.clip(ys.min() - 1, 0, image.shape[0] - 1))
    left = int(np.clip(xs.min() - 1, 0, image.shape[1] - 1))
    part = image[top : max(top + 1, int(ys.max()) + 2), left : max(left + 1, int(xs.max()) + 2)]
    scale_x = scale_y = 1.0
    if scale < 1.0:
        size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
        scale_x, scale_y = size[0] / part.shape[1], size[1] / part.shape[0]
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    map_x = np.broadcast_to((xs - left) * scale_x - 0.5, ys.shape).astype(np.float32)
    map_y = ((ys - top) * scale_y - 0.5).astype(np.float32)
    return np.asarray(
        cv2.remap(part, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
