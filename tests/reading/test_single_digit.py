"""An image cut to its ink gives the digit that it gives with a margin, and two digits are not one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import BlankImageError, Recognizer
from digitrec.reading.ctc import SingleDigitPosterior
from digitrec.reading.single_digit import DigitViews, combine, view_digit
from sample_digits import crop_to_ink, draw_digit, draw_number


def variants(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return dark ink on light and the reverse, gray and binarized."""
    return [image, 255 - image, binarized(image), 255 - binarized(image)]


def views_of(digits: NDArray[np.float32], several: float = 0.0) -> DigitViews:
    """Return the views of an image for which the line model gives these probabilities."""
    return DigitViews((), np.zeros((28, 28), np.float32), SingleDigitPosterior(digits, 0.0), several)


def binarized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(image < 128, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("image", [np.zeros((50, 40), np.uint8), np.full((1, 1), 255, np.uint8)])
def test_an_image_of_one_level_is_blank(image: NDArray[np.uint8]) -> None:
    with pytest.raises(BlankImageError):
        view_digit(image, None)


def test_only_a_drawing_without_a_margin_is_normalized_twice() -> None:
    image = draw_digit(5)
    assert len(view_digit(image, None).normalized) == 1
    assert len(view_digit(binarized(crop_to_ink(image, 0)), None).normalized) == 2


def test_the_networks_agree_or_neither_is_sure() -> None:
    three, five = np.eye(10, dtype=np.float32)[[3, 5]]
    assert combine(three[np.newaxis], views_of(three), 0.5)[3] > 0.99
    conflict = combine(three[np.newaxis], views_of(five), 0.5)
    assert conflict[3] == pytest.approx(conflict[5])
    assert conflict[3] < 0.6
    assert combine(three[np.newaxis], views_of(five), 0.9).argmax() == 5


def test_an_image_of_several_digits_has_no_sure_digit() -> None:
    three = np.eye(10, dtype=np.float32)[3]
    assert combine(three[np.newaxis], views_of(three, several=1.0), 0.5) == pytest.approx(np.full(10, 0.1))


def test_without_a_line_model_the_digit_network_decides() -> None:
    outputs = np.array([[0.5, 0.5] + [0.0] * 8, [0.7, 0.3] + [0.0] * 8], np.float32)
    views = DigitViews((), np.zeros((28, 28), np.float32), None, 0.0)
    assert combine(outputs, views, 0.0)[:2] == pytest.approx([0.6, 0.4])


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


@pytest.mark.parametrize("margin_px", [0, 1, 8])
def test_binarized_mnist_digits_cut_to_their_ink_keep_their_digit(
    recognizer: Recognizer, mnist: dict[str, NDArray[np.uint8]], margin_px: int
) -> None:
    crops = []
    for image in mnist["x_test"][:300]:
        enlarged = cv2.resize(image, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
        binary = np.where(enlarged > 127, 0, 255).astype(np.uint8)
        crops.append(crop_to_ink(binary))
    cut = recognizer.predict_many([np.pad(c, margin_px, constant_values=255) for c in crops], errors="return")
    padded = recognizer.predict_many([np.pad(c, 60, constant_values=255) for c in crops])
    num_different = sum(
        isinstance(a, Exception) or a.digit != b.digit for a, b in zip(cut, padded, strict=True)
    )
    assert num_different <= 2


@pytest.mark.parametrize("margin_px", [0, 1, 2, 8, 40])
@pytest.mark.parametrize("step_px", [75, 100, 140])
def test_two_digits_are_not_accepted_as_one(recognizer: Recognizer, margin_px: int, step_px: int) -> None:
    images = [
        variant
        for number in range(0, 100, 3)
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
    for pair in rng.integers(0, len(mnist["x_test"]), (200, 2)):
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
