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
    for line in lines:
        chosen = boxes[[0, *line]]
        chosen[0] = 0
        yield line, writing_height(chosen)


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


def make_line(pieces: list[Piece], digit_px: float) -> Line:
    """Return the pieces as a line, from left to right."""
    ordered = sorted(pieces, key=lambda piece: piece.box[0] + piece.box[2] / 2)
    big = [piece for piece in ordered if piece.box[3] >= _BIG_SHARE * digit_px] or ordered
    xs = np.array([piece.box[0] + piece.box[2] / 2 for piece in big])
    ys = np.array([piece.box[1] + piece.box[3] / 2 for piece in big])
    slope, offset = np.polyfit(xs, ys, 1) if len(big) > 2 and np.ptp(xs) > 3 * digit_px else (0.0, ys.mean())
    return Line(tuple(ordered), digit_px, (float(slope), float(offset)))
