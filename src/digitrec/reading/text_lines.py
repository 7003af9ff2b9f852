"""From a page of ink to its lines of writing, each straightened and as high as the line reader sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.binarize import BinarizedPage, estimate_text_height
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX, background_level
from digitrec.preprocessing.ops import GrayImage

# All shares are of the height of a line's digits.
_BIG_SHARE = 0.45  # lower pieces do not start a line
_OVERLAP_SHARE = 0.4  # of the lower one's height: pieces of a line lie this much side by side
_REACH = 1.0  # up and down from a line's middle: what is farther is no part of the line
_CURVED_FROM = 5.0  # a line as long as this may be curved
_GUTTER_SHARE = 2.2  # of paper between two columns
_LINES_OF_COLUMNS = 2  # at least
_MARGIN_PX = 10
_PAPER_AROUND = 0.12  # of an image's height


@dataclass(frozen=True, eq=False)
class TextLine:
    """A line of writing on a page of ink.

    Attributes
    ----------
    pieces : the numbers of its pieces of ink in the page's labels, from left to right.
    boxes : (N, 4) float64, left, top, width, height of each piece in the image's own pixels.
    digit_px : the height of its digits in the image.
    """

    pieces: NDArray[np.intp]
    boxes: NDArray[np.float64]
    digit_px: float

    @property
    def y(self) -> float:
        """The median height on the page of its pieces' middles."""
        return float(np.median(self.boxes[:, 1] + self.boxes[:, 3] / 2))


@dataclass(frozen=True, eq=False)
class LineImage:
    """A line, straightened.

    Attributes
    ----------
    image : (48, W) uint8, light or dark as the image that it was cut out of.
    left, scale : x in that image of the first column, and columns for each of that image's.
    """

    image: GrayImage
    left: float
    scale: float

    def x(self, column: float) -> float:
        """Return x in the image that the line was cut out of, of a column of the line."""
        return self.left + column / self.scale


def find_text_lines(page: BinarizedPage) -> list[TextLine]:
    """Return the lines of a page, column by column, each from top to bottom."""
    groups = [np.array(members, np.intp) for members in _groups(page.boxes)]
    starts = _column_starts(page.boxes, groups)
    columns: list[list[TextLine]] = [[] for _ in range(len(starts) + 1)]
    for members in groups:
        column = np.searchsorted(starts, page.boxes[members, cv2.CC_STAT_LEFT], side="right")
        for number in np.unique(column).tolist():
            columns[number].append(_text_line(page, members[column == number]))
    return [line for lines in columns for line in sorted(lines, key=lambda line: line.y)]


def _text_line(page: BinarizedPage, members: NDArray[np.intp]) -> TextLine:
    boxes = page.boxes[members]
    order = np.argsort(2 * boxes[:, cv2.CC_STAT_LEFT] + boxes[:, cv2.CC_STAT_WIDTH], kind="stable")
    with_paper = np.concatenate([np.zeros((1, 5), np.int32), boxes[order]])
    digit_px = estimate_text_height(with_paper) / page.scale
    return TextLine(members[order], with_paper[1:, :4] / page.scale, digit_px)


def _column_starts(boxes: NDArray[np.int32], groups: list[NDArray[np.intp]]) -> list[int]:
    """Return x where each column but the first starts: behind a gutter that no ink, but two lines at least, cross."""
    least = _GUTTER_SHARE * estimate_text_height(boxes)
    left, right = boxes[1:, 0], boxes[1:, 0] + boxes[1:, 2]
    order = np.argsort(left)
    reached = np.maximum.accumulate(right[order])
    found = []
    for start, end in zip(reached[:-1].tolist(), left[order][1:].tolist(), strict=True):
        crossed = sum(
            bool((boxes[members, 0] < start).any() and (boxes[members, 0] >= end).any()) for members in groups
        )
        if end - start >= least and crossed >= _LINES_OF_COLUMNS:
            found.append(end)
    return found


def _groups(boxes: NDArray[np.int32]) -> Iterator[list[int]]:
    """Yield the numbers of the pieces of each line.

    Parameters
    ----------
    boxes : (N, 5) int32, left, top, width, height and area of each piece; the first row is the paper's.
    """
    page_px = estimate_text_height(boxes)
    numbers = np.arange(1, len(boxes))
    is_big = boxes[1:, cv2.CC_STAT_HEIGHT] >= _BIG_SHARE * page_px
    spans = [(top, top + height) for _, top, _, height, _ in boxes.tolist()]
    lines: list[list[int]] = []
    for number in sorted(numbers[is_big].tolist(), key=lambda item: int(boxes[item, 0])):
        overlaps = [_overlap(spans[number], spans[line[-1]]) for line in lines]
        if overlaps and max(overlaps) >= _OVERLAP_SHARE:
            lines[int(np.argmax(overlaps))].append(number)
        else:
            lines.append([number])
    small = numbers[~is_big]
    distances = np.array([_distances(boxes, small, line) for line in lines])
    for place, number in enumerate(small.tolist()):
        nearest = int(distances[:, place].argmin())
        lines[nearest].append(number)
        distances[nearest] = np.minimum(distances[nearest], _distances(boxes, small, [number]))
    yield from lines


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return how much two spans, each from its first row to behind its last, share, as a share of the shorter one."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared / min(one[1] - one[0], other[1] - other[0])


def _distances(boxes: NDArray[np.int32], small: NDArray[np.intp], line: list[int]) -> NDArray[np.float64]:
    """Return how far each small piece lies from the nearest piece of a line, up or down counting double."""
    middles = boxes[small, :2] + boxes[small, 2:4] / 2
    starts, ends = boxes[line, :2], boxes[line, :2] + boxes[line, 2:4]
    gaps = np.maximum(0, np.maximum(starts - middles[:, None], middles[:, None] - ends))
    return np.asarray((gaps @ (1.0, 2.0)).min(axis=1), np.float64)


def line_width(line: TextLine, writing_px: float) -> int:
    """Return how many columns `straighten` gives a line at most."""
    left, right = line.boxes[:, 0].min(), (line.boxes[:, 0] + line.boxes[:, 2]).max()
    return round(float(right - left) * writing_px / line.digit_px) + 2 * _MARGIN_PX


def straighten(image: GrayImage, line: TextLine, writing_px: float) -> LineImage:
    """Return a line cut out of the image that it was found in.

    Parameters
    ----------
    image : (H, W) uint8.
    writing_px : how high the line's writing becomes, of 48 px: what stands above and below shows what belongs to it.
    """
    boxes = line.boxes
    middle = _middle(boxes, line.digit_px)
    at = np.polyval(middle, boxes[:, 0] + boxes[:, 2] / 2)
    above = np.minimum(_REACH * line.digit_px, at - boxes[:, 1]).max()
    below = np.minimum(_REACH * line.digit_px, boxes[:, 1] + boxes[:, 3] - at).max()
    middle[-1] += (below - above) / 2
    scale = writing_px / max(above + below, 1.0)
    left = max(boxes[:, 0].min() - _MARGIN_PX / scale, -2 / scale)
    right = min((boxes[:, 0] + boxes[:, 2]).max() + _MARGIN_PX / scale, image.shape[1] + 2 / scale)
    width = max(4, round((right - left) * scale))
    xs = left + (np.arange(width) + 0.5) / scale
    ys = (
        np.polyval(middle, xs)
        + ((np.arange(LINE_HEIGHT_PX) + 0.5 - LINE_HEIGHT_PX / 2) / scale)[:, np.newaxis]
    )
    return LineImage(_sampled(image, xs, ys, scale), left, scale)


def lean(line: LineImage, slant: float) -> LineImage:
    """Return the line leaned around its middle row by `slant` pixels for each row; it has the same columns."""
    matrix = np.array([[1.0, slant, -slant * LINE_HEIGHT_PX / 2], [0.0, 1.0, 0.0]], np.float32)
    image = cv2.warpAffine(line.image, matrix, line.image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    return LineImage(np.asarray(image, np.uint8), line.left, line.scale)


def whole_line(image: GrayImage) -> LineImage:
    """Return the image itself as a line, with some paper around: it may be cut along its writing.

    Parameters
    ----------
    image : (H, W) uint8.
    """
    around = image.shape[0] * _PAPER_AROUND
    scale = LINE_HEIGHT_PX / (image.shape[0] + 2 * around)
    width = max(4, round((image.shape[1] + 2 * around) * scale))
    xs = (np.arange(width) + 0.5) / scale - around
    ys = ((np.arange(LINE_HEIGHT_PX) + 0.5) / scale - around)[:, np.newaxis] + np.zeros(width)
    line = _sampled(image, xs, ys, scale)
    is_outside = (xs < 0) | (xs >= image.shape[1]) | (ys < 0) | (ys >= image.shape[0])
    line[is_outside] = background_level(image)
    return LineImage(line, -around, scale)


def _middle(boxes: NDArray[np.float64], digit_px: float) -> NDArray[np.float64]:
    """Return the polynomial through the middles of a line's digits: level, sloped, or curved where it is long."""
    big = boxes[boxes[:, 3] >= _BIG_SHARE * digit_px]
    big = big if len(big) else boxes
    xs, ys = big[:, 0] + big[:, 2] / 2, big[:, 1] + big[:, 3] / 2
    extent = float(np.ptp(xs))
    if len(xs) < 3 or extent < 3 * digit_px:
        return np.array([float(np.average(ys, weights=big[:, 3]))])
    degree = 2 if len(xs) > 6 and extent > _CURVED_FROM * digit_px else 1
    return np.asarray(np.polyfit(xs, ys, degree, w=np.sqrt(big[:, 3])), np.float64)


def _sampled(image: GrayImage, xs: NDArray[np.float64], ys: NDArray[np.float64], scale: float) -> GrayImage:
    """Return the image at x (W,), y (48, W), `scale` pixels for each of its own."""
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
