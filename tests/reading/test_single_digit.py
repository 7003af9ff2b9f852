"""An image cut to its ink gives the digit that it gives with a margin, and two digits are not one."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import BlankImageError, Recognizer, Strokes
from digitrec.preprocessing.margins import pad_tight_drawing
from digitrec.reading.ctc import SingleDigitPosterior
from digitrec.reading.single_digit import combine
from sample_digits import crop_to_ink, draw_digit, draw_number


def variants(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return dark ink on light and the reverse, gray and binarized."""
    return [image, 255 - image, binarized(image), 255 - binarized(image)]


def binarized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(image < 128, 0, 255).astype(np.uint8)


def test_most_signs_do_not_look_like_digits(recognizer: Recognizer, eval_folder: Path) -> None:
    signs = (eval_folder / "not_digits.jsonl").read_text(encoding="utf-8").splitlines()[::15]
    drawings = [Strokes.from_lists(json.loads(sign)["strokes"]) for sign in signs]
    reasons = [prediction.reason for prediction in recognizer.predict_many(drawings)]
    assert reasons.count("no_digit") >= 0.7 * len(reasons)


def test_only_a_drawing_without_a_margin_is_padded() -> None:
    image = draw_digit(5)
    assert pad_tight_drawing(image) is None
    assert pad_tight_drawing(binarized(crop_to_ink(image, 0))) is not None


def test_the_networks_agree_or_neither_is_sure() -> None:
    three, five = np.eye(10, dtype=np.float32)[[3, 5]]
    assert combine(three, SingleDigitPosterior(three, 0.0), 0.5, several=0.0)[3] > 0.99
    conflict = combine(three, SingleDigitPosterior(five, 0.0), 0.5, several=0.0)
    assert conflict[3] == pytest.approx(conflict[5])
    assert conflict[3] < 0.6
    assert combine(three, SingleDigitPosterior(five, 0.0), 0.9, several=0.0).argmax() == 5


def test_an_image_of_several_digits_has_no_sure_digit() -> None:
    three = np.eye(10, dtype=np.float32)[3]
    combined = combine(three, SingleDigitPosterior(three, 0.0), 0.5, several=1.0)
    assert combined == pytest.approx(np.full(10, 0.1))


def test_without_a_line_model_the_digit_network_decides() -> None:
    output = np.array([0.6, 0.4] + [0.0] * 8, np.float32)
    assert combine(output, None, 0.0, several=0.0)[:2] == pytest.approx([0.6, 0.4])


@pytest.mark.parametrize("paper_px", [3, 30, 80])
@pytest.mark.parametrize("sides", [4, 3, 2])
@pytest.mark.parametrize("pen_px", [2, 5])
def test_a_box_around_a_digit_does_not_change_it(
    recognizer: Recognizer, pen_px: int, sides: int, paper_px: int
) -> None:
    images = []
    for digit in range(10):
        page = np.pad(crop_to_ink(draw_digit(digit)), 40, constant_values=255)
        height, width = page.shape
        corners = [(2, 2), (2, height - 3), (width - 3, height - 3), (width - 3, 2), (2, 2)]
        for start, end in pairwise(corners[: sides + 1]):
            cv2.line(page, start, end, 60, pen_px)
        images.append(np.pad(page, paper_px, constant_values=255))
    results = recognizer.predict_many(images)
    assert [result.digit for result in results] == list(range(10))
    assert sum(result.accepted for result in results) >= 9


@pytest.mark.parametrize("margin_px", [0, 1, 2, 8])
@pytest.mark.parametrize("pen_px", [8, 12, 18, 34])
def test_the_margin_does_not_change_the_digit(recognizer: Recognizer, pen_px: int, margin_px: int) -> None:
    """A bold 1 fills a gray image so far that its soft edges are most of the background: bold ones are binarized."""
    images, labels = [], []
    for digit in range(10):
        tight = crop_to_ink(draw_digit(digit, pen_px=pen_px), margin_px)
        images += variants(tight) if pen_px < 18 else [binarized(tight), 255 - binarized(tight)]
        labels += [digit] * (len(images) - len(labels))
    results = recognizer.predict_many(images, errors="return")
    assert [result if isinstance(result, Exception) else result.digit for result in results] == labels


@pytest.mark.parametrize("margin_px", [0, 8])
def test_binarized_mnist_digits_cut_to_their_ink_keep_their_digit(
    recognizer: Recognizer, mnist: dict[str, NDArray[np.uint8]], margin_px: int
) -> None:
    crops = []
    for image in mnist["x_test"][:100]:
        enlarged = cv2.resize(image, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
        binary = np.where(enlarged > 127, 0, 255).astype(np.uint8)
        crops.append(crop_to_ink(binary))
    cut = recognizer.predict_many([np.pad(c, margin_px, constant_values=255) for c in crops], errors="return")
    padded = recognizer.predict_many([np.pad(c, 60, constant_values=255) for c in crops])
    num_different = sum(
        isinstance(a, Exception) or a.digit != b.digit for a, b in zip(cut, padded, strict=True)
    )
    assert num_different <= 1


@pytest.mark.parametrize("margin_px", [0, 2, 40])
@pytest.mark.parametrize("step_px", [75, 100, 140])
def test_two_digits_are_not_accepted_as_one(recognizer: Recognizer, margin_px: int, step_px: int) -> None:
    images = [
        variant
        for number in range(0, 100, 7)
        for variant in variants(crop_to_ink(draw_number(f"{number:02}", step_px), margin_px))
    ]
    results = recognizer.predict_many(images)
    reasons = [result.reason for result in results]
    assert reasons.count(None) <= 0.03 * len(images)
    assert reasons.count("several_digits") >= 0.95 * (len(images) - reasons.count(None))


@pytest.mark.parametrize("gap_px", [2, 5, 12])
@pytest.mark.parametrize("scale", [1, 4])
def test_two_mnist_digits_are_rejected_as_several(
    recognizer: Recognizer, mnist: dict[str, NDArray[np.uint8]], scale: int, gap_px: int
) -> None:
    rng = np.random.default_rng(1)
    images = []
    for pair in rng.integers(0, len(mnist["x_test"]), (60, 2)):
        digits = [crop_to_ink(cv2.resize(255 - mnist["x_test"][i], None, fx=scale, fy=scale)) for i in pair]
        height = max(len(digit) for digit in digits)
        padding = [((0, height - len(digit)), (0, gap_px * scale)) for digit in digits]
        row = np.hstack([np.pad(*item, constant_values=255) for item in zip(digits, padding, strict=True)])
        images.append(np.pad(row, 10 * scale, constant_values=255))
    reasons = [result.reason for result in recognizer.predict_many(images)]
    assert reasons.count(None) <= 0.02 * len(images)
    assert reasons.count("several_digits") >= 0.95 * (len(images) - reasons.count(None))


def test_a_part_of_a_neighbor_does_not_count_as_a_digit(recognizer: Recognizer) -> None:
    page = draw_number("858", 130)
    middle = page[:, 110:310]  # the neighbors are cut through
    result = recognizer.predict(middle)
    assert (result.digit, result.accepted) == (5, True)


def test_digits_far_apart_are_several(recognizer: Recognizer) -> None:
    page = np.full((1000, 1000), 255, np.uint8)
    for row in range(0, 1000, 250):
        for column in range(0, 1000, 250):
            page[row : row + 200, column : column + 200] = cv2.resize(draw_digit(7), (200, 200))
    assert not recognizer.predict(page).accepted


def test_noise_and_blank_paper_are_blank_with_the_line_model(recognizer: Recognizer) -> None:
    rng = np.random.default_rng(3)
    for level in (60, 128, 250):
        with pytest.raises(BlankImageError):
            recognizer.predict(np.clip(rng.normal(level, 3, (90, 70)), 0, 255).astype(np.uint8))
