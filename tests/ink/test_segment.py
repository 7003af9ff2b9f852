"""Pieces cut wherever two digits may touch, and joined wherever they may be one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from digitrec.ink.lines import Line, Piece, joined_box
from digitrec.ink.page import Budget, TooMuchInkError, find_ink
from digitrec.ink.segment import candidate_ends, segment


def _line(owners: list[int], widths: list[int]) -> Line:
    lefts = np.cumsum([0, *widths])
    pieces = [
        Piece(number, (int(left), 0, width, 60), 1, owner)
        for number, (left, width, owner) in enumerate(zip(lefts[:-1], widths, owners, strict=True))
    ]
    return Line(tuple(pieces), 60.0, (0.0, 30.0))


def _by_every_pair(line: Line) -> list[tuple[int, int]]:
    found = []
    for first in range(len(line.pieces)):
        for last in range(first + 1, len(line.pieces) + 1):
            run = line.pieces[first:last]
            outside = [line.pieces[place] for place in (first - 1, last) if 0 <= place < len(line.pieces)]
            owners = {piece.owner for piece in run}
            is_whole = len(owners) == 1 and not owners & {piece.owner for piece in outside}
            is_small = joined_box(run)[2] <= 1.8 * 60 and len(run) <= 5
            if len(run) == 1 or is_small or is_whole:
                found.append((first, last))
    return found


def test_a_line_of_one_piece_has_one_candidate() -> None:
    assert list(candidate_ends(_line([1], [400]))) == [(0, 1)]


@pytest.mark.parametrize("seed", range(20))
def test_candidates_are_those_that_every_pair_tried_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 40))
    owners = np.sort(rng.integers(0, max(1, count // 4), count)).tolist()
    if seed % 2:
        rng.shuffle(owners)
    line = _line(owners, rng.integers(2, 80, count).tolist())
    assert list(candidate_ends(line)) == _by_every_pair(line)


def _comb(teeth: int) -> np.ndarray:
    page = np.full((120, 40 + 30 * teeth), 255, np.uint8)
    page[50:58, 20:-20] = 0
    for tooth in range(teeth):
        cv2.line(page, (25 + 30 * tooth, 20), (35 + 30 * tooth, 100), (0,), 6)
    return page


@pytest.mark.parametrize("teeth", [1, 2, 5, 12])
def test_the_parts_of_a_piece_have_all_of_its_ink_each_pixel_once(teeth: int) -> None:
    page = find_ink(_comb(teeth))
    found = segment(page)
    pieces = [piece for line in found.lines for piece in line.pieces]
    assert sum(piece.area for piece in pieces) == page.boxes[1:, cv2.CC_STAT_AREA].sum()
    for piece in pieces:
        rows, columns = np.nonzero((found.labels == piece.number) & (page.labels > 0))
        assert len(rows) == piece.area
        left, top, width, height = piece.box
        assert (rows.min(), columns.min()) == (top, left)
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (height, width)


def test_pieces_over_their_budget_are_an_error() -> None:
    page = find_ink(_comb(12))
    for budget in (Budget(piece_px=1000), Budget(candidates=3)):
        with pytest.raises(TooMuchInkError):
            segment(page, budget)
