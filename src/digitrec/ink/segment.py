"""A picture with several digits -> candidate digits, in reading order: more than there are, the network chooses.

Every piece of ink is cut wherever it may be two digits (`digitrec.ink.cuts`), and neighbouring pieces are joined
wherever they may be one. What comes out is a lattice: places between pieces, candidates that lead from one place to a
later one, and any piece may also be passed over as no digit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.ink.cuts import Cut, columns_left, find_cuts
from digitrec.ink.lines import Box, Line, Piece, find_lines, joined_box, make_line
from digitrec.ink.normalize import EDGE_OF_INK, fit_to_box
from digitrec.ink.page import FULL_BUDGET, Allowance, Budget, Page, TooMuchInkError
from digitrec.ink.planes import Relief

# All shares are of the height of a line's digits.
_CUT_WIDTH_SHARE = 0.5  # narrower pieces are one digit, or less
_WIDEST_SHARE = 1.8  # of a candidate made of several pieces
_MOST_PIECES = 5  # in a candidate
_SHARED_STROKES = 0.5  # stroke widths of ink beyond a cut that both sides have
_TRIES = 4  # for each candidate: paths that are looked at where a piece may be cut
_SOLID = 0.5  # ink that is fainter joins nothing: strokes that are near have soft edges in common


@dataclass(frozen=True, eq=False)
class Candidate:
    """Neighbouring pieces that may be one digit.

    Attributes
    ----------
    first, last : the places before and after it; piece number i of a line lies between places i and i + 1.
    box : left, top, width, height on the page.
    ink : gives its (28, 28) float32 in [0, 1]; made when it is asked for, since not every candidate is looked at.
    """

    first: int
    last: int
    box: Box
    ink: Callable[[], Relief]


@dataclass(frozen=True, eq=False)
class Segmented:
    """The lines of a page, and its ink by pieces.

    Attributes
    ----------
    lines : from top to bottom.
    ink : (H, W) float32 in [0, 1].
    labels : (H, W) int32, soft edges included: the number of the piece that a pixel belongs to.
    count : of numbers.
    families : the numbers of the pieces that each connected piece was cut into, by its own number.
    stroke_px : the width of the strokes.
    """

    lines: tuple[Line, ...]
    ink: Relief
    labels: NDArray[np.int32]
    count: int
    families: dict[int, list[int]]
    stroke_px: float

    def candidates(self, line: Line) -> list[Candidate]:
        """Return all candidates of a line, ordered by where they begin and end."""
        return [self._candidate(line, first, last) for first, last in candidate_ends(line)]

    def _candidate(self, line: Line, first: int, last: int) -> Candidate:
        return Candidate(
            first, last, joined_box(line.pieces[first:last]), partial(self._ink, line, first, last)
        )

    def _ink(self, line: Line, first: int, last: int) -> Relief:
        left, top, width, height = joined_box(line.pieces[first:last])
        margin = 1 + round(_SHARED_STROKES * self.stroke_px)
        rows = slice(max(0, top - 1), top + height + 1)
        columns = slice(max(0, left - margin), left + width + margin)
        chosen = np.zeros(self.count, np.float32)
        chosen[[piece.number for piece in line.pieces[first:last]]] = 1.0
        keep = chosen.take(self.labels[rows, columns])
        if line.pieces[first].cut or (last < len(line.pieces) and line.pieces[last].cut):
            keep = self._with_shared_ink(keep, line.pieces[first:last], (rows, columns))
        ink = self.ink[rows, columns] * keep
        x, y, breadth, depth = cv2.boundingRect((ink > EDGE_OF_INK).astype(np.uint8))
        return fit_to_box(ink[y : y + depth, x : x + breadth])

    def _with_shared_ink(
        self, keep: Relief, pieces: tuple[Piece, ...], window: tuple[slice, slice]
    ) -> Relief:
        """Return the mask of a candidate that was cut off, with the stroke that it may share with its neighbour.

        Two noughts that touch have one wall between them; each of them alone needs it. What is near without hanging on
        the candidate is its neighbour's alone.
        """
        reach = 2 * round(_SHARED_STROKES * self.stroke_px) + 1
        near = np.asarray(cv2.dilate(keep, np.ones((1, reach), np.uint8)), np.float32)
        owned = np.zeros(self.count, np.float32)
        owned[list({number for piece in pieces for number in self.families[piece.owner]})] = 1.0
        near = np.asarray(near * owned.take(self.labels[window]), np.float32)
        inked = (near * self.ink[window] > _SOLID).astype(np.uint8)
        solid = np.asarray(cv2.connectedComponents(inked)[1], np.int32)
        hangs_on = np.zeros(int(solid.max()) + 1, np.float32)
        hangs_on[solid[keep > 0]] = 1.0
        hangs_on[0] = 0.0  # the paper
        shared = np.asarray(cv2.dilate(hangs_on.take(solid), np.ones((3, 3), np.uint8)), np.float32)
        return np.asarray(np.maximum(keep, shared * near))


def segment(page: Page, budget: Budget = FULL_BUDGET) -> Segmented:
    """Return the lines of a page and their pieces, cut wherever two digits may touch.

    Parameters
    ----------
    budget : of which `piece_px` and `candidates`, which are no fewer than parts, count here.

    Raises
    ------
    TooMuchInkError : the pieces are larger, or are cut into more parts, than the budget has.
    """
    widths, heights = page.boxes[1:, cv2.CC_STAT_WIDTH], page.boxes[1:, cv2.CC_STAT_HEIGHT]
    if int(widths.astype(np.int64) @ heights) > budget.piece_px:
        raise TooMuchInkError
    parts, tries = Allowance(budget.candidates), Allowance(_TRIES * budget.candidates)
    labels = page.labels.copy()
    stroke_px = _stroke_width(page.labels)
    pieces: list[list[Piece]] = [[] for _ in page.boxes]
    count = len(page.boxes)
    lines = list(find_lines(page.boxes))
    for members, digit_px in lines:
        for number in members:
            whole, cuts = _cuts(page, number, digit_px, stroke_px, tries)
            parts.take(len(cuts) + 1)
            if cuts:
                pieces[number], count = _parts(labels, page.labels, whole, cuts, count)
            else:
                pieces[number] = [whole]
    grown = cv2.dilate(labels.astype(np.float32), np.ones((3, 3), np.uint8))
    np.copyto(labels, grown, where=labels == 0, casting="unsafe")
    del grown
    families = {owner: [piece.number for piece in parts] for owner, parts in enumerate(pieces)}
    sliced = _ink_at_sides(page.ink, labels, count)
    found = (
        make_line(
            [
                replace(piece, sliced=float(sliced[piece.number]))
                for number in members
                for piece in pieces[number]
            ],
            px,
        )
        for members, px in lines
    )
    return Segmented(tuple(sorted(found, key=_height_on_page)), page.ink, labels, count, families, stroke_px)


def _ink_at_sides(ink: Relief, labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Return the mean ink of each number in the page's first and last column, (count,), 0 where it has none there."""
    sides = labels[:, [0, -1]].ravel()
    total = np.bincount(sides, ink[:, [0, -1]].ravel(), count)
    return np.asarray(total / np.maximum(1, np.bincount(sides, minlength=count)))


def _height_on_page(line: Line) -> float:
    return float(np.median([piece.box[1] + piece.box[3] / 2 for piece in line.pieces]))


def candidate_ends(line: Line) -> Iterator[tuple[int, int]]:
    """Yield where each candidate of a line begins and ends: a few pieces, or all that one connected piece was cut into.

    The places are in order; there are no more than six candidates that begin at one.
    """
    pieces = line.pieces
    whole_from, whole_to = 0, 0
    for first in range(len(pieces)):
        if first == whole_to:
            whole_from = first
            while whole_to < len(pieces) and pieces[whole_to].owner == pieces[first].owner:
                whole_to += 1
        nearest = min(first + _MOST_PIECES, len(pieces))
        for last in range(first + 1, nearest + 1):
            is_small = joined_box(pieces[first:last])[2] <= _WIDEST_SHARE * line.digit_px
            if last == first + 1 or is_small or (first == whole_from and last == whole_to):
                yield first, last
        if first == whole_from and whole_to > nearest:
            yield first, whole_to


def _stroke_width(labels: NDArray[np.int32]) -> float:
    """Return the width of the strokes in px: twice the ink's area over its outline."""
    mask = (labels > 0).astype(np.uint8)
    inner = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return max(1.0, 2.0 * int(mask.sum()) / max(1, int(mask.sum()) - int(inner.sum())))


def _cuts(
    page: Page, number: int, digit_px: float, stroke_px: float, tries: Allowance
) -> tuple[Piece, list[Cut]]:
    """Return a connected piece, and where it may be cut."""
    left, top, width, height, area = (int(value) for value in page.boxes[number])
    whole = Piece(number, (left, top, width, height), area, number)
    if width < _CUT_WIDTH_SHARE * digit_px or height < _CUT_WIDTH_SHARE * digit_px:
        return whole, []
    window = _window(whole)
    own = page.labels[window] == number
    return whole, find_cuts(np.where(own, page.ink[window], np.float32(0)), digit_px, stroke_px, tries)


def _window(piece: Piece) -> tuple[slice, slice]:
    left, top, width, height = piece.box
    return slice(top, top + height), slice(left, left + width)


def _parts(
    labels: NDArray[np.int32], whole_labels: NDArray[np.int32], whole: Piece, cuts: list[Cut], count: int
) -> tuple[list[Piece], int]:
    """Return a connected piece in parts, and how many numbers are given out; the parts' numbers go into `labels`."""
    window = _window(whole)
    own = whole_labels[window] == whole.number
    height, width = own.shape
    crossed = columns_left(cuts, width)
    right_of = np.zeros((height, width + 1), np.int32)
    for columns in crossed:
        right_of[np.arange(height), columns] += 1
    right_of = np.cumsum(right_of, axis=1, out=right_of)[:, :width]
    labels[window][own] = right_of[own] + count
    in_order = np.sort(crossed, axis=0)  # slanted cuts may cross each other
    starts, ends = [0, *in_order.min(axis=1).tolist()], [*in_order.max(axis=1).tolist(), width]
    parts = []
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        part = own[:, start:end] & (right_of[:, start:end] == place)
        area = int(np.count_nonzero(part))
        if not area:
            continue
        x, y, breadth, depth = cv2.boundingRect(part.astype(np.uint8))
        box = (whole.box[0] + start + x, whole.box[1] + y, breadth, depth)
        cut = (cuts[place - 1].cost, cuts[place - 1].crossings) if place else (0.0, 0)
        parts.append(Piece(count + place, box, area, whole.number, *cut))
    return parts, count + len(cuts) + 1
