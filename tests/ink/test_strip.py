"""Lines of writing as strips of one height."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec.ink.lines import Line, Piece, make_line
from digitrec.ink.strip import MARGIN_PX, STRIP_HEIGHT_PX, make_strip


def _line(*boxes: tuple[int, int, int, int], digit_px: float) -> Line:
    pieces = [Piece(number, box, box[2] * box[3], number) for number, box in enumerate(boxes, 1)]
    return make_line(pieces, digit_px)


def _page(line: Line, shape: tuple[int, int]) -> np.ndarray:
    page = np.zeros(shape, np.float32)
    for piece in line.pieces:
        left, top, width, height = piece.box
        page[top : top + height, left : left + width] = 1.0
    return page


def test_a_single_pixel_gives_a_strip() -> None:
    line = _line((0, 0, 1, 1), digit_px=1.0)
    strip = make_strip(_page(line, (1, 1)), line)
    assert strip.ink.shape[0] == STRIP_HEIGHT_PX
    assert strip.ink.max() > 0.5


@pytest.mark.parametrize("digit_px", [12, 60, 100])
def test_digits_come_out_20_px_high_in_the_middle_whatever_their_size(digit_px: int) -> None:
    line = _line((7, 5, digit_px // 4, digit_px), (90, 5, digit_px // 4, digit_px), digit_px=digit_px)
    strip = make_strip(_page(line, (digit_px + 20, 200)), line)
    rows = np.flatnonzero(strip.ink.max(axis=1) > 0.5)
    assert len(rows) == pytest.approx(20, abs=1)
    assert rows.mean() == pytest.approx(STRIP_HEIGHT_PX / 2 - 0.5, abs=1)


def test_a_place_on_the_page_is_found_on_the_strip() -> None:
    line = _line((30, 10, 6, 60), (150, 10, 6, 60), digit_px=60)
    strip = make_strip(_page(line, (80, 200)), line)
    second = np.flatnonzero(strip.ink[STRIP_HEIGHT_PX // 2] > 0.5)[-1]
    assert strip.column(153) == pytest.approx(second, abs=1.5)
    assert strip.column(30) == pytest.approx(MARGIN_PX)


def test_a_rising_line_is_made_level() -> None:
    boxes = [(60 * place, 200 - 20 * place, 10, 60) for place in range(8)]
    line = _line(*boxes, digit_px=60)
    strip = make_strip(_page(line, (280, 500)), line)
    tops = [
        np.flatnonzero(strip.ink[:, round(strip.column(left + 5))] > 0.5)[0] for left in range(0, 480, 60)
    ]
    assert np.ptp(tops) <= 2


def test_what_lies_above_and_below_the_line_is_not_on_its_strip() -> None:
    line = _line((10, 100, 10, 60), (60, 100, 10, 60), digit_px=60)
    page = _page(line, (300, 100))
    page[:30] = page[250:] = 1.0
    np.testing.assert_array_equal(make_strip(page, line).ink, make_strip(_page(line, (300, 100)), line).ink)
