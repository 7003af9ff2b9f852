"""Several digits in one picture: what is degenerate first, then lines, separators, constraints and strokes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import BlankImageError, InvalidFieldError, Recognizer, Strokes
from handwriting import DIGIT_STROKES, draw_digit

Picture = NDArray[np.uint8]


def _number(text: str, size_px: int = 120, step_px: int = 100, pen_px: float = 9) -> Picture:
    page = np.full((size_px + 40, step_px * len(text) + 40), 255, np.uint8)
    for place, sign in enumerate(text):
        digit = draw_digit(int(sign), size_px, pen_px, text_height_px=0.8 * size_px)
        window = page[20 : 20 + size_px, 20 + place * step_px : 20 + place * step_px + size_px]
        np.minimum(window, digit[:, : window.shape[1]], out=window)
    return page


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (160, 600)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_paper_is_an_error(recognizer: Recognizer, shape: tuple[int, int], level: int) -> None:
    with pytest.raises(BlankImageError):
        recognizer.read(np.full(shape, level, np.uint8))


def test_grainy_paper_gives_no_accepted_number(recognizer: Recognizer) -> None:
    paper = np.random.default_rng(0).integers(150, 210, (200, 300)).astype(np.uint8)
    try:
        reading = recognizer.read(paper)
    except BlankImageError:
        return
    assert not reading.accepted


@pytest.mark.parametrize("digit", range(10))
def test_a_single_digit_is_read_as_predict_reads_it(recognizer: Recognizer, digit: int) -> None:
    picture = draw_digit(digit)
    prediction, reading = recognizer.predict(picture), recognizer.read(picture)
    assert reading.text == str(prediction.digit)
    assert reading.accepted
    np.testing.assert_array_equal(reading.digits[0].probabilities, prediction.probabilities)
    np.testing.assert_array_equal(reading.digits[0].ink, prediction.ink)


@pytest.mark.parametrize("text", ["42", "2024", "0123456789"])
def test_digits_in_a_row_are_read_in_order(recognizer: Recognizer, text: str) -> None:
    reading = recognizer.read(_number(text))
    assert reading.text == text
    assert reading.accepted or len(text) > 4  # ten digits are ten chances to be wrong
    assert [digit.digit for digit in reading.digits] == [int(sign) for sign in text]


def test_white_on_black_reads_the_same(recognizer: Recognizer) -> None:
    assert recognizer.read(255 - _number("2358")).text == "2358"


def test_boxes_lie_around_the_digits_in_the_picture_s_own_pixels(recognizer: Recognizer) -> None:
    large = cv2.resize(_number("283"), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    for place, digit in enumerate(recognizer.read(large).digits):
        left, top, width, height = digit.box
        assert 3 * (20 + 100 * place) <= left + width / 2 <= 3 * (140 + 100 * place)
        assert top >= 0
        assert 0.7 * 3 * 96 <= height <= 1.3 * 3 * 96


def test_lines_are_separated_by_a_newline(recognizer: Recognizer) -> None:
    page = np.concatenate([_number("2358"), _number("6047")])
    assert recognizer.read(page).text == "2358\n6047"


def test_touching_digits_are_parted(recognizer: Recognizer) -> None:
    assert recognizer.read(_number("2358", step_px=62)).text == "2358"


def test_a_rule_a_dash_and_a_dot_are_no_digits(recognizer: Recognizer) -> None:
    page = np.concatenate([_number("23"), _number("58")], axis=1)
    middle = page.shape[1] // 2
    cv2.circle(page, (middle - 12, 122), 5, (0,), -1)
    cv2.line(page, (page.shape[1] - 30, 85), (page.shape[1] - 5, 85), (0,), 6)
    cv2.line(page, (0, 150), (page.shape[1], 150), (60,), 3)
    assert recognizer.read(page).text == "2358"


def test_a_digit_that_the_edge_of_a_large_picture_cuts_off_is_doubted(recognizer: Recognizer) -> None:
    page = np.full((600, 400), 255, np.uint8)
    page[300:420, 100:220] = draw_digit(0, 120, 9, text_height_px=96)
    assert recognizer.read(page).accepted
    cut_off = recognizer.read(page[:, 130:])
    assert cut_off.text  # it is read for what is left of it
    assert not cut_off.accepted
    assert recognizer.read(page[300:420, 112:]).accepted  # cut out along the number, as forms are


@pytest.mark.parametrize("text", ["738", "034", "692", "281"])
@pytest.mark.parametrize("left", [88, 95, 102])
def test_a_neighbour_that_the_picture_s_side_cuts_through_is_no_digit(
    recognizer: Recognizer, text: str, left: int
) -> None:
    cell = _number(text, step_px=80)[:, left : left + 130]
    assert recognizer.read(cell).text == text[1]


def test_digits_of_a_wide_picture_that_is_cut_closely_are_all_read(recognizer: Recognizer) -> None:
    picture = _number("02468")
    inked = np.flatnonzero((picture < 128).any(axis=0))
    assert recognizer.read(picture[:, inked[0] : inked[-1] + 1]).text == "02468"


def test_constraints_steer_the_way(recognizer: Recognizer) -> None:
    page = _number("2358")
    assert recognizer.read(page, length=4).text == "2358"
    assert recognizer.read(page, pattern="dd-dd").text == "23-58"
    assert recognizer.read(page, choices=["9358", "23-58", "1111"]).text == "23-58"
    assert len(recognizer.read(page, length=3).digits) == 3


def test_a_number_that_is_not_there_is_not_accepted(recognizer: Recognizer) -> None:
    reading = recognizer.read(_number("2358"), choices=["7691"])
    assert reading.text in {"7691", ""}
    assert not reading.accepted


def test_what_cannot_fit_gives_an_empty_text(recognizer: Recognizer) -> None:
    reading = recognizer.read(draw_digit(1), length=30)
    assert (reading.text, reading.confidence, reading.accepted, reading.digits) == ("", 0.0, False, ())


def test_confidences_lie_between_0_and_1(recognizer: Recognizer) -> None:
    reading = recognizer.read(_number("2358", step_px=62))
    for confidence in (reading.confidence, *(digit.confidence for digit in reading.digits)):
        assert 0.0 <= confidence <= 1.0


def test_threshold_overrides_the_card_s(recognizer: Recognizer) -> None:
    assert not recognizer.read(_number("2358", step_px=62), threshold=1.0).accepted
    with pytest.raises(InvalidFieldError, match="threshold"):
        recognizer.read(_number("2358"), threshold=2.0)


def test_strokes_are_read_by_the_pen_s_own_grouping(recognizer: Recognizer) -> None:
    lines = [
        np.array(stroke, np.float32) * 100 + (90 * place, 0)
        for place, sign in enumerate("4075")
        for stroke in DIGIT_STROKES[int(sign)]
    ]
    reading = recognizer.read(Strokes(tuple(line.astype(np.float32) for line in lines)))
    assert reading.text == "4075"
    assert reading.digits[1].box[0] == pytest.approx(90 + 20, abs=8)


@pytest.mark.parametrize("lines", [(), ([[5, 5]],)])
def test_strokes_without_extent_are_blank(recognizer: Recognizer, lines: tuple[list[list[int]], ...]) -> None:
    with pytest.raises(BlankImageError):
        recognizer.read(Strokes.from_lists(list(lines)))
