"""Lines of writing: which pieces of ink stand in a row, how high its digits are, and along what it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.ink.page import writing_height

Box: TypeAlias = tuple[int, int, int, int]

# All shares are of the height of a line's digits.
_BIG_SHARE = 0.45  # lower pieces do not start a line
_OVERLAP_SHARE = 0.4  # of the lower one's height: pieces of a line lie this much side by side


@dataclass(frozen=True)
class Piece:
    """Ink that is never parted.

    Attributes
    ----------
    number : in the page's labels.
    box : left, top, width, height on the page.
    area : its pixels.
    owner : the number of the connected piece that it was cut from.
    cut : the ink in stroke widths that was cut through to part it from the piece before; 0 where there was paper.
    crossings : how often that cut enters ink.
    sliced : the mean of its ink, in [0, 1], where the picture's left or right side cuts through it; 0 where none does.
    """

    number: int
    box: Box
    area: int
    owner: int
    cut: float = 0.0
    crossings: int = 0
    sliced: float = 0.0


@dataclass(frozen=True, eq=False)
class Line:
    """A line of writing.

    Attributes
    ----------
    pieces : from left to right.
    digit_px : the height of its digits.
    middle : (2,) slope and offset of the line through the middle of its digits.
    """

    pieces: tuple[Piece, ...]
    digit_px: float
    middle: tuple[float, float]


def joined_box(pieces: Sequence[Piece]) -> Box:
    """Return the box around pieces."""
    left = min(piece.box[0] for piece in pieces)
    top = min(piece.box[1] for piece in pieces)
    right = max(piece.box[0] + piece.box[2] for piece in pieces)
    bottom = max(piece.box[1] + piece.box[3] for piece in pieces)
    return left, top, right - left, bottom - top


def find_lines(boxes: NDArray[np.int32]) -> Iterator[tuple[list[int], float]]:
    """Yield the numbers of the pieces of each line, and the height of its digits.

    Parameters
    ----------
    boxes : (N, 5) int32, left, top, width, height and area of each piece; the first row is the paper's.
    """
    page_px = writing_height(boxes)
    numbers = np.arange(1, len(boxes))
    tops, heights = boxes[:, cv2.CC_STAT_TOP], boxes[:, cv2.CC_STAT_HEIGHT]
    is_big = heights[numbers] >= _BIG_SHARE * page_px
    lines: list[list[int]] = []
    for number in sorted(numbers[is_big].tolist(), key=lambda item: int(boxes[item, 0])):
        overlaps = [_overlap(tops, heights, number, line[-1]) for line in lines]
        if overlaps and max(overlaps) >= _OVERLAP_SHARE:
            lines[int(np.argmax(overlaps))].append(number)
        else:
            lines.append([number])
    for number in numbers[~is_big].tolist():
        nearest = min(lines, key=lambda line: _distance(boxes, number, line))
        nearest.append(number)
    for line in lines:
        chosen = boxes[[0, *line]]
        chosen[0] = 0
        yield line, writing_height(chosen)


def _overlap(tops: NDArray[np.int32], heights: NDArray[np.int32], one: int, other: int) -> float:
    low = max(tops[one], tops[other])
    high = min(tops[one] + heights[one], tops[other] + heights[other])
    return float(high - low) / float(min(heights[one], heights[other]))


def _distance(boxes: NDArray[np.int32], number: int, line: list[int]) -> float:
    """Return how far a small piece lies from the nearest piece of a line, up or down counting double."""
    x, y = boxes[number, 0] + boxes[number, 2] / 2, boxes[number, 1] + boxes[number, 3] / 2
    others = boxes[line]
    across = np.maximum(0, np.maximum(others[:, 0] - x, x - others[:, 0] - others[:, 2]))
    down = np.maximum(0, np.maximum(others[:, 1] - y, y - others[:, 1] - others[:, 3]))
    return float((across + 2 * down).min())


def make_line(pieces: list[Piece], digit_px: float) -> Line:
    """Return the pieces as a line, from left to right."""
    ordered = sorted(pieces, key=lambda piece: piece.box[0] + piece.box[2] / 2)
    big = [piece for piece in ordered if piece.box[3] >= _BIG_SHARE * digit_px] or ordered
    xs = np.array([piece.box[0] + piece.box[2] / 2 for piece in big])
    ys = np.array([piece.box[1] + piece.box[3] / 2 for piece in big])
    slope, offset = np.polyfit(xs, ys, 1) if len(big) > 2 and np.ptp(xs) > 3 * digit_px else (0.0, ys.mean())
    return Line(tuple(ordered), digit_px, (float(slope), float(offset)))
