"""The background and polarity of a drawing, the ink of a page, its limits, and fragments of ruled lines."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec.preprocessing import background
from digitrec.preprocessing.binarize import TooMuchInkError, _broken_ruled_lines, binarize_page
from digitrec.preprocessing.normalize import downscale_for_processing
from sample_digits import draw_digit

CANVASES = [
    downscale_for_processing(draw_digit(digit, pen_px=pen)) for digit in range(10) for pen in (6, 18, 30)
]


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 9), (60, 64)])
def test_the_median_is_that_of_numpy(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    assert background.median(values) == np.median(values[::2, ::2])


@pytest.mark.parametrize("tone", [0, 255])
def test_a_blank_image_is_uniform(tone: int) -> None:
    assert background.uniform_background_level(np.full((128, 128), tone, np.uint8)) == tone


def test_drawings_have_a_uniform_background() -> None:
    assert {background.uniform_background_level(canvas) for canvas in CANVASES} == {255}


@pytest.mark.parametrize(
    "shade",
    [
        np.tile(np.linspace(0.6, 1.0, 128), (128, 1)),
        np.where(np.arange(128) < 55, 0.9, 1.0) * np.ones((128, 1)),
        np.where(np.arange(128) < 20, 0.98, 1.0) * np.ones((128, 1)),
    ],
    ids=["a slope", "a shadow", "a faint band"],
)
def test_a_shaded_background_is_not_uniform(shade: np.ndarray) -> None:
    assert background.uniform_background_level(np.rint(CANVASES[0] * shade).astype(np.uint8)) == 0


def test_ink_wider_than_a_stroke_has_no_uniform_background() -> None:
    canvas = np.full((128, 128), 255, np.uint8)
    canvas[:60] = 0
    assert background.uniform_background_level(canvas) == 0


def test_the_foreground_equals_that_of_the_general_method(monkeypatch: pytest.MonkeyPatch) -> None:
    short = [background.correct_shading(canvas) for canvas in CANVASES]
    monkeypatch.setattr(background, "uniform_background_level", lambda image: 0)
    for canvas, foreground in zip(CANVASES, short, strict=True):
        assert np.abs(foreground - background.correct_shading(canvas)).max() < 0.02


@pytest.mark.parametrize("inverted", [False, True], ids=["dark ink", "light ink"])
@pytest.mark.parametrize("light", [(0, 0, -30), (20, -20, -15), (40, -40, 0), (40, -40, -30)], ids=str)
def test_the_polarity_is_found_under_uneven_light(light: tuple[int, int, int], inverted: bool) -> None:
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    light_field = 110 + light[0] * x + light[1] * y + light[2] * (x * x + y * y)
    ink = cv2.GaussianBlur(
        1 - downscale_for_processing(draw_digit(6, pen_px=40)) / 255, (0, 0), 3
    )  # a marker, out of focus
    noise = np.random.default_rng(0).normal(0, 1.5, ink.shape)
    photo = np.clip(light_field * (1 - 0.45 * ink) + noise, 0, 255).astype(np.uint8)
    assert (background.normalize_polarity(255 - photo if inverted else photo) == photo).all()


def _by_every_pair(boxes: NDArray[np.int32], digit_px: float) -> NDArray[np.bool_]:
    width, height = boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT]
    middle = boxes[:, cv2.CC_STAT_TOP] + height / 2
    flat = (height <= 0.22 * digit_px) & (width >= height)
    flat[0] = False
    level = np.abs(middle[:, None] - middle[None, :]) <= 0.1 * digit_px
    return flat & ((level & flat) @ width >= 2.0 * digit_px)


def test_the_background_has_no_fragments() -> None:
    assert not _broken_ruled_lines(np.zeros((1, 5), np.int32), 60.0).any()


@pytest.mark.parametrize("seed", range(20))
def test_fragments_equal_a_comparison_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = rng.integers(1, 60, (rng.integers(1, 400), 5)).astype(np.int32)
    boxes[:, cv2.CC_STAT_TOP] *= rng.integers(1, 12)
    boxes[:, cv2.CC_STAT_HEIGHT] //= 3
    for digit_px in (4.0, 15.0, 35.0, 60.0, 61.7):
        np.testing.assert_array_equal(_broken_ruled_lines(boxes, digit_px), _by_every_pair(boxes, digit_px))


def test_a_page_of_too_many_components_is_an_error() -> None:
    page = np.full((200, 400), 255, np.uint8)
    page[40:140, 40:360:20] = 0
    assert len(binarize_page(page).boxes) == 17
    with pytest.raises(TooMuchInkError):
        binarize_page(np.tile(page, (5, 5)))
