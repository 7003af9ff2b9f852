"""Pen strokes -> candidate digits: the pen says itself where a stroke ends, and a digit is made of whole strokes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.ink.lines import Box, Line, Piece, find_lines, joined_box, make_line
from digitrec.ink.normalize import normalize
from digitrec.ink.page import FULL_BUDGET, Budget
from digitrec.ink.planes import Mask, Relief, label_pieces
from digitrec.ink.render import Strokes, draw_on_canvas
from digitrec.ink.segment import Candidate, candidate_ends

_DIGIT_PX = 50  # how high the writing is made
_PEN_PX = 5
_LARGEST_PX = 4000
_LONGEST_PX = 300_000  # of all strokes: a digit takes a few hundred
_MARGIN_PX = 8
PEN_BUDGET = FULL_BUDGET._replace(page_px=(_LARGEST_PX + 3 * _MARGIN_PX) ** 2)


@dataclass(frozen=True, eq=False)
class PennedPage:
    """The strokes of a page by lines, as `digitrec.ink.segment.Segmented` has a picture's.

    Attributes
    ----------
    lines : from top to bottom; each piece is one stroke, its number 1 for the first.
    strokes : all of them.
    shape : (H, W) of the page that boxes lie on.
    scale : what a length of the strokes is multiplied by to get that on the page.
    origin : x, y of the page's corner, in the strokes' unit.
    """

    lines: tuple[Line, ...]
    strokes: Strokes
    shape: tuple[int, int]
    scale: float
    origin: tuple[float, float]

    def candidates(self, line: Line) -> list[Candidate]:
        """Return all candidates of a line that have any extent."""
        has_extent = [bool(np.ptp(self._stroke(piece), axis=0).any()) for piece in line.pieces]
        return [
            Candidate(first, last, joined_box(line.pieces[first:last]), partial(self._ink, line, first, last))
            for first, last in candidate_ends(line)
            if any(has_extent[first:last])
        ]

    @cached_property
    def drawn(self) -> Mask:
        """The page's ink, (H, W) uint8 of 0 and 1, as if it had been a picture."""
        return _drawn(_on_page(self.strokes, self.origin, self.scale), self.shape)

    def _ink(self, line: Line, first: int, last: int) -> Relief:
        strokes = Strokes(tuple(self._stroke(piece) for piece in line.pieces[first:last]))
        return normalize(draw_on_canvas(strokes))

    def _stroke(self, piece: Piece) -> NDArray[np.float32]:
        return self.strokes.lines[piece.number - 1]


def segment_strokes(strokes: Strokes, budget: Budget = PEN_BUDGET) -> PennedPage:
    """Return the lines of a drawing, which has an extent; none where there is more ink than the budget has.

    Parameters
    ----------
    budget : of which `pieces`, a stroke each, counts here.
    """
    low, high = strokes.box
    extent = float((high - low).max())
    heights = np.sort([float(np.ptp(line, axis=0).max()) for line in strokes.lines])
    scale = _DIGIT_PX / float(heights[round(0.75 * (len(heights) - 1))] or heights[-1] or extent)
    scale = min(scale, _LARGEST_PX / extent)
    origin = low - _MARGIN_PX / scale
    width, height = np.ceil((high - origin) * scale).astype(int) + _MARGIN_PX
    blank = PennedPage((), strokes, (int(height), int(width)), scale, (float(origin[0]), float(origin[1])))
    if len(strokes.lines) > budget.pieces or _length(strokes) * scale > _LONGEST_PX:
        return blank
    paths = _on_page(strokes, origin, scale)
    owners = _touching(paths, (int(height), int(width)))
    sides = [_box(path) for path in paths]
    boxes = np.array([(0, 0, 0, 0, 0), *((*box, _PEN_PX * max(box[2:])) for box in sides)], np.int32)
    pieces = [
        Piece(number, box, int(boxes[number, 4]), owner)
        for number, (box, owner) in enumerate(zip(sides, owners, strict=True), 1)
    ]
    lines = (make_line([pieces[number - 1] for number in members], px) for members, px in find_lines(boxes))
    ordered = sorted(lines, key=lambda line: float(np.median([p.box[1] + p.box[3] / 2 for p in line.pieces])))
    return replace(blank, lines=tuple(ordered))


def _length(strokes: Strokes) -> float:
    """Return how long all strokes are together, the way between two of them left out."""
    return sum(float(np.abs(np.diff(line, axis=0)).sum()) for line in strokes.lines)


def _box(path: NDArray[np.int32]) -> Box:
    left, top = path.min(axis=0) - _PEN_PX // 2
    width, height = np.ptp(path, axis=0) + _PEN_PX
    return int(left), int(top), int(width), int(height)


def _touching(paths: list[NDArray[np.int32]], shape: tuple[int, int]) -> list[int]:
    """Return a number for each stroke; those whose ink hangs together have the same."""
    _, labels, _ = label_pieces(_drawn(paths, shape))
    return [int(labels[min(path[0, 1], shape[0] - 1), min(path[0, 0], shape[1] - 1)]) for path in paths]


def _on_page(
    strokes: Strokes, origin: Sequence[float] | NDArray[np.float32], scale: float
) -> list[NDArray[np.int32]]:
    return [
        np.rint((line - np.asarray(origin, np.float32)) * scale).astype(np.int32) for line in strokes.lines
    ]


def _drawn(paths: list[NDArray[np.int32]], shape: tuple[int, int]) -> Mask:
    canvas = np.zeros(shape, np.uint8)
    for path in paths:
        points = np.repeat(path, 2, axis=0) if len(path) == 1 else path
        cv2.polylines(canvas, [points.reshape(-1, 1, 2)], False, (1.0,), _PEN_PX)
    return canvas
