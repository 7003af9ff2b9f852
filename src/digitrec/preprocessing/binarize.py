"""From a picture of any size to all of its ink: what `normalize` does for one digit, for a page of them.

The steps are those of `digitrec.preprocessing.normalize`. What differs: the size follows the writing and not the
picture, paper is looked at in the neighbourhood and not across the picture, and every piece stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.errors import BlankImageError
from digitrec.preprocessing.background import (
    COARSE_SIZE_PX,
    fit_background,
    median,
    noise_sigma,
    normalize_polarity,
    remove_salt_and_pepper,
)
from digitrec.preprocessing.contrast import normalize_contrast
from digitrec.preprocessing.normalize import (
    BLANK_MESSAGE,
    MIN_CONTRAST,
    MIN_DIGIT_PX,
    NOISE_SIGMAS,
    otsu_threshold,
)
from digitrec.preprocessing.ops import (
    Foreground,
    GrayImage,
    Mask,
    connected_components,
    downscale,
    nearest_rank_quantiles,
)
from digitrec.preprocessing.ruled_lines import remove_ruled_lines, remove_underlines

_DIGIT_PX = 60  # how high digits are made: a pen stroke is a few pixels wide then
_SMOOTHING = 0.024  # of a digit's height; a security pattern's lines are thinner than a pen's
_WEAK, _STRONG = (
    0.75,
    1.15,
)  # of Otsu's threshold: how faint a part of a stroke may be that is somewhere this dark
_FIRST_LOOK_PX = 400  # the longer side; six digits fill it with some 50 px each
_SMALL_SHARE = 0.75  # of the size that a look wants digits at: smaller writing is looked at again, nearer
_LARGEST_PAGE_PX = 2400
_LARGEST_ZOOM = 2.5  # above 1 nothing is gained but finer cuts
_PAPER_PX = 160  # the longer side of what is enough to tell paper by
_PAPER_REACH_SHARE = 0.4  # of that picture's shorter side: wider than any stroke
_SQUARE = 1.4  # times as wide as high a picture of one digit may be, and its frame have upright sides
_FULL_INK_RANK = 0.75
_HALF_INK = 0.5
# A broken rule, in heights of digits: its shreds are this low, at one height within this, and this long together.
_FLAT_SHARE, _LEVEL_SHARE, _RULE_DIGITS = 0.22, 0.1, 2.0
_SPECK_SHARE = 0.1  # of the writing's height: smaller pieces are dust


class TooMuchInkError(Exception):
    """There is more in the image than a number has; found before any work is done on it."""


class PageLimits(NamedTuple):
    """The most that one look at an image may take; an ordinary number takes a tenth of any.

    Attributes
    ----------
    page_px : pixels of the page.
    pieces : connected pieces of ink: more are a page of print, or a photo.
    piece_px : pixels of the boxes around them, each counted for itself.
    strip_px : columns of all lines, as high as the line reader sees them.
    """

    page_px: int = (_LARGEST_PAGE_PX + 1) ** 2  # sides are rounded
    pieces: int = 300
    piece_px: int = 10_000_000
    strip_px: int = 5_000


PAGE_LIMITS = PageLimits()
_BAND_PX = 1 << 20  # that labels are looked up for at once: NumPy makes indices of 64 bits of them


@dataclass(frozen=True, eq=False)
class BinarizedPage:
    """All ink of a picture.

    Attributes
    ----------
    ink : (H, W) float32 in [0, 1], 0 is paper, soft edges kept.
    labels : (H, W) int32, 0 is paper, else the number of the piece of ink.
    boxes : (N, 5) int32, left, top, width, height and area of each piece; the first row is the paper's.
    digit_px : the height of the writing, that most of the ink has.
    scale : what a length in the picture is multiplied by to get that on the page.
    """

    ink: Foreground
    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]
    digit_px: float
    scale: float


def binarize_page(
    image: GrayImage, budget: PageLimits = PAGE_LIMITS, *, keep_rules: bool = False
) -> BinarizedPage:
    """Return all ink of a picture, at a size where digits are some 60 px high, or as large as they come.

    Parameters
    ----------
    image : (H, W) uint8 of any size, either polarity, even or uneven light.
    keep_rules : whether what may be the frame of a cell stays, in an image that is not much wider than high.
    budget : of which `page_px` and `pieces` count here.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    TooMuchInkError : the ink needs a larger page, or is in more pieces, than the budget has.
    """
    longer_side = max(image.shape)
    page = _page(image, min(1.0, _FIRST_LOOK_PX / longer_side), keep_rules=keep_rules)
    if page.digit_px >= _SMALL_SHARE * _DIGIT_PX:
        return _within(page, budget)
    nearer = min(page.scale * _DIGIT_PX / page.digit_px, _LARGEST_ZOOM, _LARGEST_PAGE_PX / longer_side)
    if image.size * nearer**2 > budget.page_px:
        raise TooMuchInkError
    return _within(_page(image, nearer, keep_rules=keep_rules), budget)


def whole_image_page(image: GrayImage) -> BinarizedPage:
    """Return what stands out of an image that has no paper to tell ink by, such as one that is cut along its ink."""
    picture = _scaled(image, min(1.0, _FIRST_LOOK_PX / max(image.shape)))
    ink = np.clip(normalize_contrast(picture), 0.0, 1.0)
    _, labels, boxes = connected_components((ink > _HALF_INK).astype(np.uint8))
    return BinarizedPage(ink, labels, boxes, float(picture.shape[0]), picture.shape[1] / image.shape[1])


def _within(page: BinarizedPage, budget: PageLimits) -> BinarizedPage:
    if len(page.boxes) - 1 > budget.pieces:
        raise TooMuchInkError
    return page


def foreground_mask(picture: GrayImage) -> Mask:
    """Return the pixels of ink in a picture as it is, (H, W) uint8 of 0 and 1, rules included."""
    relief = _relief(picture)
    return _mask(relief, max(MIN_CONTRAST, NOISE_SIGMAS * noise_sigma(relief)))


def _page(image: GrayImage, scale: float, *, keep_rules: bool) -> BinarizedPage:
    picture = _scaled(image, scale)
    relief = _relief(picture)
    grain = noise_sigma(relief)
    faintest = max(MIN_CONTRAST, NOISE_SIGMAS * grain)
    if not keep_rules and picture.shape[1] <= _SQUARE * picture.shape[0]:
        relief = remove_ruled_lines(relief, faintest)
    mask = _mask(relief, faintest)
    digit_px = estimate_text_height(connected_components(mask)[2])
    mask = remove_underlines(mask, digit_px)
    digit_px = estimate_text_height(connected_components(mask)[2])
    if digit_px < MIN_DIGIT_PX:
        raise BlankImageError(BLANK_MESSAGE)
    count, labels, boxes = _without_specks(mask, digit_px)
    if count < 2:
        raise BlankImageError(BLANK_MESSAGE)
    return BinarizedPage(_level(relief, labels, grain), labels, boxes, digit_px, scale)


def _scaled(image: GrayImage, scale: float) -> GrayImage:
    if scale == 1.0:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def _relief(picture: GrayImage) -> Foreground:
    """Return how much darker than the paper around it each pixel is, see `paper.remove_shading`."""
    seen_px = round(COARSE_SIZE_PX * max(picture.shape) / min(picture.shape))
    dark = normalize_polarity(remove_salt_and_pepper(picture), seen_px)
    seen = downscale(dark, _PAPER_PX)
    small, shade = seen.astype(np.float32), fit_background(seen)
    paper = np.minimum(_closing(small), _closing(np.asarray(small / shade, np.float32)) * shade)
    paper = np.asarray(cv2.resize(paper, dark.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    np.divide(dark, np.maximum(paper, 1.0, out=paper), out=paper)
    relief = np.subtract(1.0, paper, out=paper)
    relief -= max(0.0, median(relief))
    return np.asarray(relief, np.float32)


def _closing(brightness: Foreground) -> Foreground:
    reach = max(9, round(_PAPER_REACH_SHARE * min(brightness.shape))) | 1
    return np.asarray(cv2.morphologyEx(brightness, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)))


def _mask(relief: Foreground, faintest: float) -> Mask:
    """Return the pixels of ink: hysteresis around Otsu's threshold, in a picture smoothed by a part of a stroke."""
    smooth = np.asarray(cv2.GaussianBlur(relief, (0, 0), _SMOOTHING * _DIGIT_PX), np.float32)
    threshold = max(faintest, otsu_threshold(smooth))
    mask = (smooth > _WEAK * threshold).astype(np.uint8)
    count, labels, _ = connected_components(mask)
    is_strong = np.zeros(count, np.uint8)
    for band in _bands(labels.shape):
        is_strong[labels[band][smooth[band] > _STRONG * threshold]] = 1
    is_strong[0] = 0
    return np.asarray(_looked_up(is_strong, labels), np.uint8)


def _looked_up(values: NDArray[np.generic], labels: NDArray[np.int32]) -> NDArray[np.generic]:
    """Return the value of each pixel's label, of the labels' shape."""
    found = np.empty(labels.shape, values.dtype)
    for band in _bands(labels.shape):
        found[band] = values.take(labels[band])
    return found


def _bands(shape: tuple[int, ...]) -> Iterator[slice]:
    rows = max(1, _BAND_PX // shape[1])
    return (slice(start, start + rows) for start in range(0, shape[0], rows))


def estimate_text_height(boxes: NDArray[np.int32]) -> float:
    """Return the height that half of the ink reaches: that of the digits, whatever specks lie around; 0 of none."""
    heights, areas = boxes[1:, cv2.CC_STAT_HEIGHT], boxes[1:, cv2.CC_STAT_AREA]
    if not len(heights):
        return 0.0
    order = np.argsort(heights)
    half = np.searchsorted(np.cumsum(areas[order]), areas.sum() / 2)
    return float(heights[order[half]])


def _without_specks(mask: Mask, digit_px: float) -> tuple[int, NDArray[np.int32], NDArray[np.int32]]:
    count, labels, boxes = connected_components(mask)
    sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    keep = sides >= max(2.0, _SPECK_SHARE * digit_px)
    keep &= ~_broken_ruled_lines(boxes, digit_px)
    keep[0] = False
    if keep[1:].all():
        return count, labels, boxes
    numbers = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    kept = np.concatenate([boxes[:1], boxes[keep]])
    return len(kept), np.asarray(_looked_up(numbers, labels), np.int32), kept


def _broken_ruled_lines(boxes: NDArray[np.int32], digit_px: float) -> NDArray[np.bool_]:
    """Return which pieces are what is left of a broken rule: flat, and at one height with others or long."""
    width, height = boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT]
    flat = (height <= _FLAT_SHARE * digit_px) & (width >= height)
    flat[0] = False
    numbers = np.flatnonzero(flat)
    middle = 2 * boxes[numbers, cv2.CC_STAT_TOP] + height[numbers]  # in half pixels, which are whole numbers
    numbers, middle = numbers[np.argsort(middle)], np.sort(middle)
    together = np.concatenate([[0], np.cumsum(width[numbers], dtype=np.int64)])
    reach = int(2 * _LEVEL_SHARE * digit_px)
    above, below = np.searchsorted(middle, middle - reach), np.searchsorted(middle, middle + reach, "right")
    shreds = np.zeros(len(boxes), np.bool_)
    shreds[numbers] = together[below] - together[above] >= _RULE_DIGITS * digit_px
    return shreds


def _level(relief: Foreground, labels: NDArray[np.int32], grain: float) -> Foreground:
    (full,) = nearest_rank_quantiles(relief[labels > 0], _FULL_INK_RANK)
    paper = min(2.0 * grain, 0.5 * full)
    return np.asarray(np.clip((relief - paper) / max(full - paper, 1e-6), 0.0, 1.0), np.float32)
