"""Any image of a digit is normalized like MNIST, and a blank image is an error."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from digitrec import Recognizer
from digitrec.errors import BlankImageError
from digitrec.preprocessing.background import remove_salt_and_pepper
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.ops import GrayImage
from digitrec.preprocessing.ruled_lines import remove_ruled_lines
from sample_digits import crop_to_ink, draw_digit

TWO = draw_digit(2)


def noise_image(shape: tuple[int, int], mean: float, deviation: float, seed: int = 0) -> GrayImage:
    noise = np.random.default_rng(seed).normal(mean, deviation, shape)
    return np.clip(noise, 0, 255).astype(np.uint8)


def in_light(image: GrayImage, light: NDArray[np.float64]) -> GrayImage:
    return np.rint(image * light).astype(np.uint8)


def in_a_cell(image: GrayImage) -> GrayImage:
    cell = image.copy()
    cell[:9], cell[-7:], cell[:, :8] = 30, 45, 20
    return cell


def next_to_a_neighbor(image: GrayImage) -> GrayImage:
    neighbor = draw_digit(8)[:, 160:200]  # its right side, on the left
    crowded = image.copy()
    crowded[:, :40] = np.minimum(crowded[:, :40], neighbor)
    return crowded


SHADOW = cv2.GaussianBlur(np.where(np.arange(280) < 120, 0.55, 1.0).reshape(1, -1).repeat(280, 0), (0, 0), 5)
SLOPE = np.tile(np.linspace(0.35, 1.0, 280), (280, 1))

VARIATIONS: dict[str, Callable[[int], GrayImage]] = {
    "black on white": draw_digit,
    "white on black": lambda digit: np.uint8(255) - draw_digit(digit),
    "a hairline": lambda digit: draw_digit(digit, pen_px=2),
    "a thick marker": lambda digit: draw_digit(digit, pen_px=40),
    "very low contrast": lambda digit: draw_digit(digit, ink=236),
    "gray on gray": lambda digit: draw_digit(digit, ink=100, background=120),
    "a noisy sensor": lambda digit: np.clip(
        draw_digit(digit, ink=60, background=190) + np.random.default_rng(digit).normal(0, 25, (280, 280)), 0, 255
    ).astype(np.uint8),
    "specks of dust": lambda digit: np.where(
        np.random.default_rng(digit).random((280, 280)) < 0.005, 0, draw_digit(digit)
    ).astype(np.uint8),
    "a shadow with an edge": lambda digit: in_light(draw_digit(digit), SHADOW),
    "a lamp at one side": lambda digit: in_light(draw_digit(digit, ink=60), SLOPE),
    "chalk under a lamp": lambda digit: in_light(draw_digit(digit, ink=235, background=70), SLOPE),
    "a cell with dark borders": lambda digit: in_a_cell(draw_digit(digit)),
    "a faint pencil in a cell": lambda digit: in_a_cell(draw_digit(digit, ink=170, background=200, pen_px=9)),
    "a negative of a cell": lambda digit: np.uint8(255) - in_a_cell(draw_digit(digit)),
    "a neighbor at the edge": lambda digit: next_to_a_neighbor(draw_digit(digit, digit_px=150)),
    "a margin of two pixels": lambda digit: np.pad(crop_to_ink(draw_digit(digit)), 2, constant_values=255),
    "small in a corner": lambda digit: draw_digit(digit, pen_px=6, digit_px=70, center=(0.2, 0.2)),
    "small in a large photo": lambda digit: draw_digit(digit, 2000, 8, digit_px=90, center=(0.7, 0.3)),
    "28 pixels": lambda digit: cv2.resize(draw_digit(digit), (28, 28), interpolation=cv2.INTER_AREA),
    "14 pixels": lambda digit: cv2.resize(draw_digit(digit), (14, 14), interpolation=cv2.INTER_AREA),
    "a wide strip": lambda digit: np.pad(draw_digit(digit), ((0, 0), (600, 600)), constant_values=255),
    "out of focus": lambda digit: cv2.GaussianBlur(draw_digit(digit), (0, 0), 7),
    "a poor JPEG": lambda digit: cv2.imdecode(
        cv2.imencode(".jpg", draw_digit(digit, 64, 4), [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_GRAYSCALE
    ),
}  # fmt: skip

BLANKS: dict[str, GrayImage] = {
    "white image": np.full((280, 280), 255, np.uint8),
    "all black": np.zeros((280, 280), np.uint8),
    "all gray": np.full((50, 70), 77, np.uint8),
    "one dot of noise": cv2.circle(np.full((280, 280), 255, np.uint8), (100, 90), 2, 0, -1),
    "one pixel": np.pad(np.zeros((1, 1), np.uint8), 100, constant_values=255),
    "a tap of the pen": cv2.circle(np.full((280, 280), 255, np.uint8), (100, 90), 9, 0, -1),
    "a slope of light": np.tile(np.linspace(60, 220, 300), (200, 1)).astype(np.uint8),
    "noise": noise_image((300, 300), 150, 15),
    "coarse noise": cv2.GaussianBlur(noise_image((300, 300), 150, 40), (0, 0), 4),
    "a dark room": noise_image((200, 200), 3, 2),
    "an empty cell": in_a_cell(np.full((280, 280), 230, np.uint8)),
    "dust": np.where(np.random.default_rng(0).random((280, 280)) < 0.002, 0, 255).astype(np.uint8),
    "1 x 1": np.zeros((1, 1), np.uint8),
    "1 x 500": np.full((1, 500), 255, np.uint8),
    "500 x 1": np.zeros((500, 1), np.uint8),
    "3000 x 20": np.full((3000, 20), 255, np.uint8),
}


@pytest.mark.parametrize("name", BLANKS)
def test_a_blank_image_is_an_error(name: str) -> None:
    with pytest.raises(BlankImageError, match="a blank image"):
        normalize(BLANKS[name])


SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=90)


@settings(max_examples=150)
@given(arrays(np.uint8, SHAPES | st.sampled_from([(1, 500), (500, 1), (3000, 20), (20, 3000)])))
def test_any_gray_image_is_normalized_or_blank(image: GrayImage) -> None:
    try:
        result = normalize(image)
    except BlankImageError:
        return
    assert (result.shape, result.dtype) == ((28, 28), np.float32)
    assert np.isfinite(result).all()
    assert 0 <= result.min() <= result.max() == 1


@pytest.mark.parametrize("name", VARIATIONS)
def test_every_digit_is_read_in(name: str, recognizer: Recognizer) -> None:
    answers = [recognizer.predict(VARIATIONS[name](digit)).digit for digit in range(10)]
    assert answers == list(range(10))


@pytest.mark.parametrize(("side", "digit"), [("left", 3), ("left", 5), ("left", 8), ("right", 8)])
def test_a_ruled_line_next_to_a_digit_is_removed(side: str, digit: int) -> None:
    image = crop_to_ink(draw_digit(digit, 120, pen_px=8), margin_px=6)[:, 6:-6]
    ink = (255 - image).astype(np.float32) / 255
    rule = np.ones((len(ink), 5), np.float32)
    line = slice(0, 5) if side == "left" else slice(-5, None)
    ruled = np.hstack([rule, ink] if side == "left" else [ink, rule])
    erased = remove_ruled_lines(ruled, 0.2)
    assert not erased[:, line].any()
    assert erased.sum() > 0.8 * ink.sum()


def test_the_bar_of_a_seven_in_a_corner_is_not_a_ruled_line(recognizer: Recognizer) -> None:
    seven = draw_digit(7, digit_px=230)
    left, top, width, height = cv2.boundingRect((seven < 128).astype(np.uint8))
    canvas = np.full_like(seven, 255)
    canvas[3 : 3 + height, 278 - width : 278] = seven[top : top + height, left : left + width]
    assert recognizer.predict(canvas).digit == 7


@pytest.mark.parametrize("side_px", [24, 28, 31])
def test_a_bar_that_ends_before_the_edge_of_a_small_image_is_not_a_ruled_line(side_px: int) -> None:
    seven = np.zeros((side_px, side_px), np.float32)
    cv2.polylines(
        seven, [np.array([[1, 4], [side_px - 2, 4], [side_px // 3, side_px - 4]])], False, (1.0,), 2
    )
    seven[:, [0, -1]] = 0.0
    np.testing.assert_array_equal(remove_ruled_lines(seven, 0.2), seven)


def test_the_normalized_image_has_the_mnist_format() -> None:
    ink = normalize(TWO)
    assert ink.shape == (28, 28)
    assert ink.dtype == np.float32
    assert ink.min() == 0.0
    assert 0.95 < ink.max() <= 1.0
    rows, columns = np.flatnonzero((ink > 0.1).any(axis=1)), np.flatnonzero((ink > 0.1).any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    mass = ink.sum()
    assert abs((ink.sum(axis=1) @ np.arange(28)) / mass - 14) <= 0.5
    assert abs((ink.sum(axis=0) @ np.arange(28)) / mass - 14) <= 0.5


def test_position_polarity_and_pen_change_little() -> None:
    moved = np.roll(TWO, (20, -30), axis=(0, 1))
    expected = normalize(TWO)
    assert np.abs(normalize(moved) - expected).mean() < 0.02
    assert np.array_equal(normalize(np.uint8(255) - TWO), expected)
    ink = normalize(draw_digit(1, pen_px=3))  # a thin one keeps its length
    assert 15 < (ink > 0.3).any(axis=1).sum() <= 20


def test_a_five_with_a_detached_bar_stays_complete() -> None:
    five = np.full((280, 280), 255, np.uint8)
    cv2.ellipse(five, (130, 180), (45, 45), 0, -110, 140, 0, 14)
    cv2.line(five, (105, 80), (100, 125), 0, 14)
    cv2.line(five, (125, 70), (185, 66), 0, 14)  # the bar, written last and off
    ink = normalize(five)
    assert ink[:7].sum() > 5


def test_mnist_images_keep_their_accuracy(
    recognizer: Recognizer, mnist: dict[str, NDArray[np.uint8]]
) -> None:
    images, labels = mnist["x_test"][:800], mnist["y_test"][:800]
    raw = recognizer.classifier.probabilities((images[..., np.newaxis] / np.float32(255)).astype(np.float32))
    through = np.array([answer.digit for answer in recognizer.predict_many(list(images))])
    assert abs((through == labels).mean() - (raw.argmax(axis=1) == labels).mean()) <= 0.0025


@pytest.mark.parametrize("digit", range(10))
def test_salt_and_pepper_is_removed(digit: int, recognizer: Recognizer) -> None:
    small = cv2.resize(draw_digit(digit), (56, 56), interpolation=cv2.INTER_AREA)
    chance = np.random.default_rng(digit).random(small.shape)
    noisy = np.where(chance < 0.06, 0, np.where(chance > 0.94, 255, small)).astype(np.uint8)
    assert recognizer.predict(noisy).digit == digit


def test_thin_lines_the_grain_of_a_dark_image_and_tiny_images_have_no_salt() -> None:
    hairline = cv2.line(np.full((40, 40), 255, np.uint8), (20, 5), (22, 34), (0.0,), 1)
    for image in (hairline, noise_image((60, 60), 20, 6)):
        assert remove_salt_and_pepper(image) is image
    for shape in ((1, 1), (1, 9), (9, 1)):
        striped = (np.arange(shape[0] * shape[1]) % 2 * 255).astype(np.uint8).reshape(shape)
        for image in (np.zeros(shape, np.uint8), striped):
            assert remove_salt_and_pepper(image).shape == shape
