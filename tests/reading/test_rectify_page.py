"""Rectification of a page in a photo: other images, then any position, rotation and perspective."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import Recognizer
from digitrec.reading.page import rectify_page
from sample_digits import draw_digit

Image = NDArray[np.uint8]


def _page() -> Image:
    """Return a page of 300 x 200 px with a digit whose box is about (120, 70, 60, 60)."""
    page = np.full((200, 300), 225, np.uint8)
    np.minimum(page[70:130, 120:180], draw_digit(8, 60, 5, digit_px=48), out=page[70:130, 120:180])
    return page


def _on_table(corners: list[tuple[float, float]], table: int = 70) -> Image:
    photo = np.full((480, 640), table, np.uint8)
    photo[:, ::7] -= 10  # wood
    source = np.array([[0, 0], [300, 0], [300, 200], [0, 200]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, np.array(corners, np.float32))
    cv2.warpPerspective(_page(), matrix, (640, 480), dst=photo, borderMode=cv2.BORDER_TRANSPARENT)
    return photo


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (60, 60), (400, 600)])
@pytest.mark.parametrize("level", [0, 200, 255])
def test_uniform_image_has_no_page(shape: tuple[int, int], level: int) -> None:
    assert rectify_page(np.full(shape, level, np.uint8)) is None


def test_page_that_fills_the_image_and_bright_patch_without_writing_are_no_pages() -> None:
    assert rectify_page(cv2.resize(_page(), (900, 600))) is None
    photo = np.full((480, 640), 70, np.uint8)
    photo[100:380, 120:520] = 225
    assert rectify_page(photo) is None


@pytest.mark.parametrize("digit", [0, 1, 4, 7, 8])
def test_bold_light_digit_on_dark_is_not_a_page(digit: int) -> None:
    assert rectify_page(255 - draw_digit(digit, 400, 90, digit_px=320)) is None


@pytest.mark.parametrize(
    "corners",
    [
        [(120, 100), (520, 100), (520, 370), (120, 370)],
        [(150, 80), (540, 140), (500, 400), (110, 340)],  # rotated
        [(200, 110), (450, 120), (560, 400), (90, 390)],  # seen from below
        [(100, 140), (500, 90), (540, 380), (130, 330)],
    ],
)
def test_page_is_rectified(corners: list[tuple[float, float]]) -> None:
    photo = _on_table(corners)
    page = rectify_page(photo)
    assert page is not None
    height, width = page.image.shape
    small = cv2.resize(page.image, (300, 200), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - _page()).mean() < 12
    box = (round(0.4 * width), round(0.35 * height), round(0.2 * width), round(0.3 * height))
    left, top, box_width, box_height = page.box_in_photo(box)
    inside = photo[top : top + box_height, left : left + box_width]
    assert inside.min() < 60  # the digit
    assert 20 < box_width < 200
    assert 20 < box_height < 200


def test_digit_on_a_page_is_located_in_the_photo(recognizer: Recognizer) -> None:
    reading = recognizer.read(_on_table([(150, 80), (540, 140), (500, 400), (110, 340)]))
    assert reading.text == "8"
    left, top, width, height = reading.digits[0].box
    assert left < 325 < left + width
    assert top < 240 < top + height
