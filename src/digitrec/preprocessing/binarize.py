"""Binarize a page: all ink of an image, at a scale at which digits are about 60 px high.

The steps are those of `digitrec.preprocessing.normalize`, with these differences: the scale depends on the text height
and not on the image, the background is estimated locally, and every component is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    rescale,
)
from digitrec.preprocessing.ruled_lines import remove_long_lines, remove_ruled_lines, remove_underlines

_TEXT_HEIGHT_PX = 60  # target height of digits: a pen stroke is a few pixels wide
_SMOOTHING = 0.024  # of the text height; lines of a security pattern are thinner than pen strokes
# Hysteresis, relative to Otsu's threshold: faint parts of a stroke are kept if a part of it is above `_HIGH`.
_LOW, _HIGH = 0.75, 1.15
_FIRST_PASS_PX = 400  # longer side; six digits fill it with about 50 px each
_MIN_HEIGHT_FRACTION = 0.75  # of the target height: smaller writing gets a second pass at a larger scale
_MAX_PAGE_PX = 2400
_MAX_SCALE = 2.5
_BACKGROUND_PX = 160  # longer side, enough to estimate the background
_CLOSING_FRACTION = 0.4  # of that image's shorter side: wider than any stroke
_MAX_CELL_ASPECT = 1.4  # width / height of an image of one digit, which may have vertical cell borders
_INK_LEVEL_QUANTILE = 0.75
_INK_THRESHOLD = 0.5
# Fragments of a broken ruled line, in text heights: maximum height, vertical distance, and minimum total width.
_FRAGMENT_HEIGHT, _FRAGMENT_OFFSET, _FRAGMENT_TOTAL_WIDTH = 0.22, 0.1, 2.0
_SPECK_FRACTION = 0.1  # of the text height: smaller components are dust


_MAX_COMPONENTS = 300  # of ink: an ordinary number has a tenth of them, a page of print or a photo more
_BAND_PX = 1 << 20  # labels that are looked up at once: NumPy converts them to 64-bit indices


class TooMuchInkError(Exception):
    """The image has more ink than a number; raised before it is processed further."""


@dataclass(frozen=True, eq=False)
class BinarizedPage:
    """The ink of an image and its connected components.

    Attributes
    ----------
    ink : (H, W) float32 in [0, 1], 0 is background, soft edges kept.
    labels : (H, W) int32, the label of each pixel's component, 0 for the background.
    boxes : (N, 5) int32, left, top, width, height and area of each component; the first row is the background.
    text_height_px : the median height of the components, weighted by area.
    scale : pixels of the page per pixel of the image.
    """

    ink: Foreground
    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]
    text_height_px: float
    scale: float


def binarize_page(image: GrayImage, *, keep_ruled_lines: bool = False) -> BinarizedPage:
    """Return the ink of an image, at a scale at which digits are about 60 px high, if the image is large enough.

    Parameters
    ----------
    image : (H, W) uint8 of any size, either polarity, even or uneven illumination.
    keep_ruled_lines : whether possible cell borders are kept in an image that is not much wider than high.

    Raises
    ------
    BlankImageError : the image has no ink.
    TooMuchInkError : the page has more than 300 components.
    """
    longer_side = max(image.shape)
    page = _page(image, min(1.0, _FIRST_PASS_PX / longer_side), keep_ruled_lines=keep_ruled_lines)
    if page.text_height_px < _MIN_HEIGHT_FRACTION * _TEXT_HEIGHT_PX:
        scale = page.scale * _TEXT_HEIGHT_PX / page.text_height_px
        scale = min(scale, _MAX_SCALE, _MAX_PAGE_PX / longer_side)
        page = _page(image, scale, keep_ruled_lines=keep_ruled_lines)
    if len(page.boxes) - 1 > _MAX_COMPONENTS:
        raise TooMuchInkError
    return page


def whole_image_page(image: GrayImage) -> BinarizedPage:
    """Return the ink of an image without enough background for `binarize_page`, such as a tight crop."""
    scaled = downscale(image, _FIRST_PASS_PX)
    ink = np.clip(normalize_contrast(scaled), 0.0, 1.0)
    _, labels, boxes = connected_components((ink > _INK_THRESHOLD).astype(np.uint8))
    return BinarizedPage(ink, labels, boxes, float(scaled.shape[0]), scaled.shape[1] / image.shape[1])


def foreground_mask(image: GrayImage) -> Mask:
    """Return the pixels of ink at the scale of the image, (H, W) uint8 of 0 and 1, ruled lines included."""
    foreground = _extract_foreground(image)
    return _mask(foreground, max(MIN_CONTRAST, NOISE_SIGMAS * noise_sigma(foreground)))


def _page(image: GrayImage, scale: float, *, keep_ruled_lines: bool) -> BinarizedPage:
    scaled = rescale(image, scale)
    foreground = _extract_foreground(scaled)
    noise = noise_sigma(foreground)
    min_contrast = max(MIN_CONTRAST, NOISE_SIGMAS * noise)
    if not keep_ruled_lines and scaled.shape[1] <= _MAX_CELL_ASPECT * scaled.shape[0]:
        foreground = remove_ruled_lines(foreground, min_contrast)
    mask = _mask(foreground, min_contrast)
    text_height_px = estimate_text_height(connected_components(mask)[2])
    mask = remove_underlines(mask, text_height_px)
    _, labels, boxes = connected_components(mask)
    text_height_px = estimate_text_height(boxes)
    if text_height_px < MIN_DIGIT_PX:
        raise BlankImageError(BLANK_MESSAGE)
    labels, boxes = _without_specks(labels, boxes, text_height_px)
    if len(boxes) < 2:
        raise BlankImageError(BLANK_MESSAGE)
    return BinarizedPage(_to_ink(foreground, labels, noise), labels, boxes, text_height_px, scale)


def _extract_foreground(image: GrayImage) -> Foreground:
    """Return how much darker each pixel is than the background around it, see `background.correct_shading`."""
    coarse_px = round(COARSE_SIZE_PX * max(image.shape) / min(image.shape))
    dark = normalize_polarity(remove_salt_and_pepper(image), coarse_px)
    reduced = downscale(dark, _BACKGROUND_PX)
    small, shading = reduced.astype(np.float32), fit_background(reduced)
    background = np.minimum(_closing(small), _closing(np.asarray(small / shading, np.float32)) * shading)
    background = np.asarray(
        cv2.resize(background, dark.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32
    )
    np.divide(dark, np.maximum(background, 1.0, out=background), out=background)
    foreground = np.subtract(1.0, background, out=background)
    foreground -= max(0.0, median(foreground))
    return np.asarray(foreground, np.float32)


def _closing(brightness: Foreground) -> Foreground:
    reach = max(9, round(_CLOSING_FRACTION * min(brightness.shape))) | 1
    return np.asarray(cv2.morphologyEx(brightness, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)))


def _mask(foreground: Foreground, min_contrast: float) -> Mask:
    """Return the pixels of ink: hysteresis around Otsu's threshold, after smoothing by a fraction of a stroke."""
    smooth = np.asarray(cv2.GaussianBlur(foreground, (0, 0), _SMOOTHING * _TEXT_HEIGHT_PX), np.float32)
    threshold = max(min_contrast, otsu_threshold(smooth))
    rest = remove_long_lines(smooth, threshold)
    if rest is not smooth:  # printed lines can be much darker than writing in pencil
        threshold = float(np.clip(otsu_threshold(rest), min_contrast, threshold))
    mask = (smooth > _LOW * threshold).astype(np.uint8)
    count, labels, _ = connected_components(mask)
    is_strong = np.zeros(count, np.uint8)
    for band in _bands(labels.shape):
        is_strong[labels[band][smooth[band] > _HIGH * threshold]] = 1
    is_strong[0] = 0
    return np.asarray(_take_by_label(is_strong, labels), np.uint8)


def _take_by_label(values: NDArray[np.generic], labels: NDArray[np.int32]) -> NDArray[np.generic]:
    """Return `values[labels]`, computed in bands to save memory."""
    found = np.empty(labels.shape, values.dtype)
    for band in _bands(labels.shape):
        found[band] = values.take(labels[band])
    return found


def _bands(shape: tuple[int, ...]) -> Iterator[slice]:
    rows = max(1, _BAND_PX // shape[1])
    return (slice(start, start + rows) for start in range(0, shape[0], rows))


def estimate_text_height(boxes: NDArray[np.int32]) -> float:
    """Return the median height of the components, weighted by area; 0 without any.

    Specks and dashes hardly count: a component has at most the weight of a square of its height.
    """
    heights = boxes[1:, cv2.CC_STAT_HEIGHT].astype(np.int64)
    if not len(heights):
        return 0.0
    order = np.argsort(heights)
    cumulative = np.cumsum(np.minimum(boxes[1:, cv2.CC_STAT_AREA], heights**2)[order])
    return float(heights[order[np.searchsorted(cumulative, cumulative[-1] / 2)]])


def _without_specks(
    labels: NDArray[np.int32], boxes: NDArray[np.int32], text_height_px: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    keep = sides >= max(2.0, _SPECK_FRACTION * text_height_px)
    keep &= ~_broken_ruled_lines(boxes, text_height_px)
    keep[0] = False
    if keep[1:].all():
        return labels, boxes
    new_labels = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    kept = np.concatenate([boxes[:1], boxes[keep]])
    return np.asarray(_take_by_label(new_labels, labels), np.int32), kept


def _broken_ruled_lines(boxes: NDArray[np.int32], text_height_px: float) -> NDArray[np.bool_]:
    """Return which components are fragments of a broken ruled line: flat, and long together with others in line."""
    width, height = boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT]
    is_flat = (height <= _FRAGMENT_HEIGHT * text_height_px) & (width >= height)
    is_flat[0] = False
    indices = np.flatnonzero(is_flat)
    centers = 2 * boxes[indices, cv2.CC_STAT_TOP] + height[indices]  # in half pixels, to stay with integers
    indices, centers = indices[np.argsort(centers)], np.sort(centers)
    cumulative_width = np.concatenate([[0], np.cumsum(width[indices], dtype=np.int64)])
    reach = int(2 * _FRAGMENT_OFFSET * text_height_px)
    above, below = (
        np.searchsorted(centers, centers - reach),
        np.searchsorted(centers, centers + reach, "right"),
    )
    is_fragment = np.zeros(len(boxes), np.bool_)
    is_fragment[indices] = (
        cumulative_width[below] - cumulative_width[above] >= _FRAGMENT_TOTAL_WIDTH * text_height_px
    )
    return is_fragment


def _to_ink(foreground: Foreground, labels: NDArray[np.int32], noise: float) -> Foreground:
    (ink_level,) = nearest_rank_quantiles(foreground[labels > 0], _INK_LEVEL_QUANTILE)
    background = min(2.0 * noise, 0.5 * ink_level)
    return np.asarray(
        np.clip((foreground - background) / max(ink_level - background, 1e-6), 0.0, 1.0), np.float32
    )
