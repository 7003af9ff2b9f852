"""Reading numbers: degenerate images, lines, separators, constraints and strokes."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import BlankImageError, InvalidFieldError, Recognizer, Strokes
from digitrec.reading.confidence import MAX_WITHOUT_AGREEMENT
from sample_digits import DIGIT_STROKES, crop_to_ink, draw_digit, draw_number, write_number


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (160, 600)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_image_is_an_error(recognizer: Recognizer, shape: tuple[int, int], level: int) -> None:
    with pytest.raises(BlankImageError):
        recognizer.read(np.full(shape, level, np.uint8))


def test_noise_gives_no_accepted_number(recognizer: Recognizer) -> None:
    image = np.random.default_rng(0).integers(150, 210, (200, 300)).astype(np.uint8)
    try:
        reading = recognizer.read(image)
    except BlankImageError:
        return
    assert not reading.accepted


@pytest.mark.parametrize("digit", range(10))
def test_single_digit_is_read_as_by_predict(recognizer: Recognizer, digit: int) -> None:
    image = draw_digit(digit)
    prediction, reading = recognizer.predict(image), recognizer.read(image)
    assert reading.text == str(prediction.digit)
    assert reading.accepted
    np.testing.assert_array_equal(reading.digits[0].normalized_image, prediction.normalized_image)
    np.testing.assert_array_equal(reading.digits[0].probabilities, prediction.probabilities)


@pytest.mark.parametrize("text", ["42", "2024", "0123456789"])
def test_digits_in_a_row_are_read_in_order(recognizer: Recognizer, text: str) -> None:
    reading = recognizer.read(draw_number(text))
    assert reading.text == text
    assert reading.accepted or len(text) > 4  # ten digits are ten possible errors
    assert [digit.digit for digit in reading.digits] == [int(char) for char in text]


def test_boxes_surround_the_digits_in_pixels_of_the_image(recognizer: Recognizer) -> None:
    large = cv2.resize(draw_number("283"), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    for position, digit in enumerate(recognizer.read(large).digits):
        left, top, width, height = digit.box
        assert 3 * (20 + 100 * position) <= left + width / 2 <= 3 * (140 + 100 * position)
        assert top >= 0
        assert 0.7 * 3 * 96 <= height <= 1.3 * 3 * 96


@pytest.mark.parametrize("height_px", [8, 9, 10])
@pytest.mark.parametrize("text", ["283", "4071", "19", "555"])
def test_text_lower_than_the_training_lines_is_not_accepted(
    recognizer: Recognizer, text: str, height_px: int
) -> None:
    scale = height_px / 96
    small = cv2.resize(draw_number(text), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert recognizer.read(small).confidence <= MAX_WITHOUT_AGREEMENT


def test_white_on_black_touching_digits_and_lines_are_read(recognizer: Recognizer) -> None:
    assert recognizer.read(255 - draw_number("2358")).text == "2358"
    page = np.concatenate([draw_number("2358"), draw_number("6047")])
    assert recognizer.read(page).text == "2358\n6047"
    touching = recognizer.read(draw_number("2358", step_px=62))
    assert touching.text == "2358"
    for confidence in (touching.confidence, *(digit.confidence for digit in touching.digits)):
        assert 0.0 <= confidence <= 1.0


def test_ruled_lines_dashes_and_dots_are_not_digits(recognizer: Recognizer) -> None:
    page = np.concatenate([draw_number("23"), draw_number("58")], axis=1)
    middle = page.shape[1] // 2
    cv2.circle(page, (middle - 12, 122), 5, (0,), -1)
    cv2.line(page, (page.shape[1] - 30, 85), (page.shape[1] - 5, 85), (0,), 6)
    cv2.line(page, (0, 150), (page.shape[1], 150), (60,), 3)
    assert recognizer.read(page).text == "2358"


@pytest.mark.parametrize("gray_level", [100, 150, 180])
@pytest.mark.parametrize("line", [(0, 136, 399, 137), (40, 122, 340, 120), (396, 0, 396, 139)])
def test_pencil_is_read_beside_printed_lines_that_are_much_darker(
    recognizer: Recognizer, gray_level: int, line: tuple[int, int, int, int]
) -> None:
    written = np.full((140, 400), 255, np.uint8)
    write_number(written, "28047", 30, 45, size_px=65, step_px=65, pen_px=4)
    page = (gray_level + (230 - gray_level) * (written / 255.0)).astype(np.uint8)
    cv2.line(page, line[:2], line[2:], (30,), 5)
    reading = recognizer.read(page)
    assert reading.text == "28047"
    assert reading.accepted


def test_digit_cut_off_by_the_edge_of_a_large_image_is_rejected(recognizer: Recognizer) -> None:
    page = np.full((600, 400), 255, np.uint8)
    page[300:420, 100:220] = draw_digit(0, 120, 9, digit_px=96)
    assert recognizer.read(page).accepted
    cut_off = recognizer.read(page[:, 130:])
    assert cut_off.text  # the visible part is read
    assert not cut_off.accepted
    assert recognizer.read(page[300:420, 112:]).accepted  # cropped to the number, as form fields are


@pytest.mark.parametrize("text", ["738", "034", "692", "281"])
@pytest.mark.parametrize("left", [88, 95, 102])
def test_neighbor_cut_off_by_the_edge_is_ignored(recognizer: Recognizer, text: str, left: int) -> None:
    cell = draw_number(text, step_px=80)[:, left : left + 130]
    assert recognizer.read(cell).text == text[1]


@pytest.mark.parametrize("scale", [1, 8])
@pytest.mark.parametrize("pen_px", [6, 14, 24])
@pytest.mark.parametrize("text", ["7", "8", "10", "33", "71", "96", "402"])
def test_digits_cut_to_their_ink_are_all_read(
    recognizer: Recognizer, text: str, pen_px: int, scale: int
) -> None:
    page = np.full((160, 360), 255, np.uint8)
    write_number(page, text, 20, 20, size_px=120, step_px=90, pen_px=pen_px)
    image = cv2.resize(crop_to_ink(page), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    reading, inverted = recognizer.read(image), recognizer.read(255 - image)
    assert (reading.text, inverted.text) == (text, text)
    lefts = [digit.box[0] / scale for digit in reading.digits]
    assert lefts == pytest.approx([90 * position for position in range(len(text))], abs=30)
    for left, top, width, height in (digit.box for digit in reading.digits):
        assert height > 0.8 * image.shape[0]
        assert left >= 0 <= top
        assert left + width <= image.shape[1]
        assert top + height <= image.shape[0]


def test_dividers_of_a_row_of_boxes_are_not_read_and_rarely_doubted(recognizer: Recognizer) -> None:
    texts = ("24061987", "16290501", "7035")
    pages = list(product(texts, (0, 8), (40, 64, 100)))
    readings = [recognizer.read(draw_boxes(text, gap_px, cell_px)) for text, gap_px, cell_px in pages]
    assert [reading.text for reading in readings] == [text for text, _, _ in pages]
    assert sum(reading.confidence <= MAX_WITHOUT_AGREEMENT for reading in readings) <= 2


def draw_boxes(text: str, gap_px: int, cell_px: int) -> NDArray[np.uint8]:
    """Return digits in boxes of one size, which share their sides if the gap is 0."""
    page = np.full((cell_px + 40, len(text) * (cell_px + gap_px) + 40), 255, np.uint8)
    write_number(page, text, 20, 20, size_px=cell_px, step_px=cell_px + gap_px, pen_px=0.06 * cell_px)
    for left in range(20, 20 + len(text) * (cell_px + gap_px), cell_px + gap_px):
        cv2.rectangle(page, (left, 20), (left + cell_px, 20 + cell_px), (0,), 2)
    return page


def test_constraints_guide_the_search(recognizer: Recognizer) -> None:
    page = draw_number("2358")
    assert recognizer.read(page, length=4).text == "2358"
    assert recognizer.read(page, pattern="dd-dd").text == "23-58"
    assert recognizer.read(page, choices=["9358", "23-58", "1111"]).text == "23-58"
    assert len(recognizer.read(page, length=3).digits) == 3


def test_absent_number_and_impossible_constraint_are_not_accepted(recognizer: Recognizer) -> None:
    reading = recognizer.read(draw_number("2358"), choices=["7691"])
    assert reading.text in {"7691", ""}
    assert not reading.accepted
    reading = recognizer.read(draw_digit(1), length=30)
    assert (reading.text, reading.confidence, reading.accepted, reading.digits) == ("", 0.0, False, ())


@pytest.mark.parametrize("pen_px", [2, 5])
@pytest.mark.parametrize("length", range(1, 21))
def test_a_length_is_met_or_there_is_no_number(recognizer: Recognizer, length: int, pen_px: int) -> None:
    image = np.full((60, 110), 255, np.uint8)
    image[8:52, 20 : 20 + pen_px] = image[35:52, 80 : 80 + pen_px] = 0
    reading = recognizer.read(image, length=length)
    assert len(reading.digits) == len(reading.text) in (0, length)


def test_threshold_overrides_that_of_the_card(recognizer: Recognizer) -> None:
    assert not recognizer.read(draw_number("2358", step_px=62), threshold=1.0).accepted
    with pytest.raises(InvalidFieldError, match="threshold"):
        recognizer.read(draw_number("2358"), threshold=2.0)


def test_strokes_are_read_with_boxes_in_their_units(recognizer: Recognizer) -> None:
    lines = [
        np.array(stroke, np.float32) * 100 + (90 * position, 0)
        for position, char in enumerate("4075")
        for stroke in DIGIT_STROKES[int(char)]
    ]
    reading = recognizer.read(Strokes(tuple(line.astype(np.float32) for line in lines)))
    assert reading.text == "4075"
    assert reading.digits[1].box[0] == pytest.approx(90 + 20, abs=8)


@pytest.mark.parametrize("lines", [[], [[[5, 5]]]])
def test_strokes_without_extent_are_blank(recognizer: Recognizer, lines: list[list[list[int]]]) -> None:
    with pytest.raises(BlankImageError):
        recognizer.read(Strokes.from_lists(lines))
