"""The ink of a page, its limits, and fragments of broken ruled lines."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec.preprocessing.binarize import PageLimits, TooMuchInkError, _broken_ruled_lines, binarize_page


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


def test_a_page_over_its_limits_is_an_error() -> None:
    page = np.full((200, 400), 255, np.uint8)
    page[40:140, 40:360:20] = 0
    assert len(binarize_page(page).boxes) == 17
    for limits in (PageLimits(components=15), PageLimits(page_px=1000)):
        small = cv2.resize(page, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
        with pytest.raises(TooMuchInkError):
            binarize_page(small if limits.page_px == 1000 else page, limits=limits)


@pytest.mark.parametrize("side", [2399, 2400, 2401, 2999, 4807])
def test_the_largest_page_is_within_the_limits_whatever_it_is_reduced_from(side: int) -> None:
    page = np.full((side, side), 255, np.uint8)
    for left in range(100, side - 100, 400):
        cv2.ellipse(page, (left, side // 2), (15, 30), 0, 0, 360, (0,), 8)
    assert len(binarize_page(page).boxes) > 2
