"""Normalize a grayscale image of one digit to an MNIST-like 28 x 28 image."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np

from digitrec.constants import BOX_SIZE_PX, IMAGE_SIZE_PX
from digitrec.errors import BlankImageError
from digitrec.preprocessing.background import background_sigma, extract_foreground, noise_sigma
from digitrec.preprocessing.components import select_digit_components, touches_edge
from digitrec.preprocessing.ops import Foreground, GrayImage, Mask, downscale, nearest_rank_quantiles
from digitrec.preprocessing.ruled_lines import remove_ruled_lines

Box: TypeAlias = tuple[slice, slice]
PixelBox: TypeAlias = tuple[int, int, int, int]

WORKING_SIZE_PX = 128
# Relative to the background's brightness; what is fainter is noise and compression artifacts.
MIN_CONTRAST = 0.05
# A digit smaller than this in the reduced image is processed again in a crop at higher resolution.
SMALL_DIGIT_PX = 40
# Longer side in the reduced image; what is smaller is a speck.
MIN_DIGIT_PX = 4
INK_EDGE_LEVEL = 0.06  # of an anti-aliased edge; what is fainter is background

BLANK_MESSAGE = "expected a digit. Received: a blank image. Write larger or darker and send it again."
NOISE_SIGMAS = 4.0
# 900 photographed digits have a contrast of at least 5.6 sigmas, 56 of 60 images of coarse noise less than this.
_BACKGROUND_SIGMAS = 4.5
_DOT_FRACTION = 0.1  # of the image's longer side: a smaller compact spot is not a digit
_INK_LEVEL_QUANTILE = 0.75
_MIN_INK_LEVEL = 0.3


class NormalizedDigit(NamedTuple):
    """The digit in an image.

    Attributes
    ----------
    image : (28, 28) float32 in [0, 1], 0 is background.
    box : of the digit in the image that was normalized: left, top, width, height in pixels.
    is_alone : whether the image has no other ink, and the digit touches no edge.
    """

    image: Foreground
    box: PixelBox
    is_alone: bool


def normalize(image: GrayImage) -> Foreground:
    """Return the normalized image of the one digit in an image.

    Parameters
    ----------
    image : (H, W) uint8 of any size, either polarity, even or uneven illumination.

    Returns
    -------
    (28, 28) float32 in [0, 1], 0 is background, see `digitrec.constants`.

    Raises
    ------
    BlankImageError : the image has no ink.
    """
    return normalize_digit(image).image


def normalize_digit(image: GrayImage) -> NormalizedDigit:
    """Return the normalized image of the one digit in an image, and where it is; see `normalize`.

    Raises
    ------
    BlankImageError : the image has no ink.
    """
    reduced = downscale_for_processing(image)
    ink, box, is_all_ink = extract_digit(reduced)
    pixel_box = _to_image_pixels(box, reduced.shape, image.shape)
    if max(ink.shape) < SMALL_DIGIT_PX and reduced.shape != image.shape:
        crop, window = _crop_around(image, reduced.shape, box)
        reduced_crop = downscale_for_processing(crop)
        ink, box, _ = extract_digit(reduced_crop)
        left, top, width, height = _to_image_pixels(box, reduced_crop.shape, crop.shape)
        pixel_box = (left + window[1].start, top + window[0].start, width, height)
    is_alone = is_all_ink and not touches_edge(pixel_box, image.shape)
    return NormalizedDigit(fit_to_mnist_box(ink), pixel_box, is_alone)


def _to_image_pixels(box: Box, reduced: tuple[int, ...], shape: tuple[int, ...]) -> PixelBox:
    """Return a box in a reduced image of shape `reduced` in pixels of the image of shape `shape`."""
    (top, bottom), (left, right) = (
        (round(span.start * size / small), round(span.stop * size / small))
        for span, small, size in zip(box, reduced, shape, strict=True)
    )
    return left, top, right - left, bottom - top


def extract_digit(image: GrayImage) -> tuple[Foreground, Box, bool]:
    """Return the ink of the digit in a reduced image, its rows and columns, and whether it is all ink of the image.

    The ink is (h, w) float32 in [0, 1].

    Raises
    ------
    BlankImageError : the image has no ink, or only a speck.
    """
    foreground = extract_foreground(image)
    noise = noise_sigma(foreground)
    without_lines = remove_ruled_lines(foreground, max(MIN_CONTRAST, NOISE_SIGMAS * noise))
    weak, strong = hysteresis_levels(without_lines, noise)
    mask = select_digit_components(without_lines, weak, strong)
    if _is_speck(mask):
        raise BlankImageError(BLANK_MESSAGE)
    is_all_ink = without_lines is foreground and cv2.countNonZero(mask) == np.count_nonzero(foreground > weak)
    ink_level = estimate_ink_level(without_lines, mask)
    return *rescale_intensity(without_lines, mask, ink_level, noise), is_all_ink


def downscale_for_processing(image: GrayImage) -> GrayImage:
    """Reduce an image so that its longer side is at most 128 px; a smaller image is unchanged."""
    return downscale(image, WORKING_SIZE_PX)


def hysteresis_levels(foreground: Foreground, noise: float) -> tuple[float, float]:
    """Return the weak and the strong threshold of ink, see `select_digit_components`."""
    min_contrast = max(MIN_CONTRAST, NOISE_SIGMAS * noise)
    strong = max(min_contrast, otsu_threshold(foreground))
    return max(min_contrast, 0.5 * strong), strong


def _is_speck(mask: Mask) -> bool:
    """Return whether the mask is empty, too small to recognize, or a small dot."""
    _, _, width, height = cv2.boundingRect(mask)
    longer_side = max(width, height)
    is_compact = cv2.countNonZero(mask) > 0.6 * longer_side**2
    return longer_side < MIN_DIGIT_PX or (is_compact and longer_side < _DOT_FRACTION * max(mask.shape))


def estimate_ink_level(foreground: Foreground, mask: Mask) -> float:
    """Return the foreground level of the digit's strokes, without their soft edges.

    Raises
    ------
    BlankImageError : its contrast is not above the variation of the background.
    """
    (ink_level,) = nearest_rank_quantiles(foreground[mask > 0], _INK_LEVEL_QUANTILE)
    if ink_level < _BACKGROUND_SIGMAS * background_sigma(foreground, mask):
        raise BlankImageError(BLANK_MESSAGE)
    return ink_level


def rescale_intensity(
    foreground: Foreground, mask: Mask, ink_level: float, noise: float
) -> tuple[Foreground, Box]:
    """Return the ink under the mask, rescaled to [0, 1] and cropped at its soft edges, and its rows and columns.

    Parameters
    ----------
    foreground : (H, W) float32.
    mask : (H, W) uint8 of 0 and 1.
    ink_level : the foreground level that becomes 1.
    noise : the standard deviation of the background.

    Returns
    -------
    (h, w) float32 with h <= H and w <= W, and two slices.
    """
    background = min(2.0 * noise, 0.5 * ink_level)
    soft = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)
    window = _box(soft)
    ink = np.clip((foreground[window] - background) / (ink_level - background), 0.0, 1.0)
    ink *= soft[window]
    rows, columns = _box((ink > INK_EDGE_LEVEL).astype(np.uint8))
    top, left = window[0].start, window[1].start
    box = (slice(rows.start + top, rows.stop + top), slice(columns.start + left, columns.stop + left))
    return np.asarray(ink[rows, columns], np.float32), box


def _box(mask: Mask) -> Box:
    x, y, width, height = cv2.boundingRect(mask)
    return slice(y, y + height), slice(x, x + width)


def _crop_around(image: GrayImage, reduced: tuple[int, ...], box: Box) -> tuple[GrayImage, Box]:
    """Return the part of `image` around `box`, found in an image of shape `reduced`, and its rows and columns."""
    margin = 0.5 * SMALL_DIGIT_PX  # context for the background estimation
    rows, columns = (
        slice(max(0, int((span.start - margin) * scale)), min(size, int((span.stop + margin) * scale) + 1))
        for span, size, scale in zip(box, image.shape, np.divide(image.shape, reduced).tolist(), strict=True)
    )
    return image[rows, columns], (rows, columns)


def fit_to_mnist_box(ink: Foreground) -> Foreground:
    """Return cropped ink of any size in the format of MNIST: (28, 28) float32 in [0, 1].

    The longer side becomes 20 px, with the aspect ratio kept; then the center of mass is moved to pixel (14, 14), by
    whole pixels as in MNIST.
    """
    height, width = ink.shape
    scale = BOX_SIZE_PX / max(height, width)
    if scale != 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        interpolation = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        ink = np.asarray(cv2.resize(ink, size, interpolation=interpolation), np.float32)
    # Downscaling fades thin lines: rescale to 1, but do not amplify a smudge to a stroke.
    (ink_level,) = nearest_rank_quantiles(ink, 0.98)
    ink = np.clip(ink / max(ink_level, _MIN_INK_LEVEL), 0.0, 1.0)
    return _center_on_mass(np.asarray(ink, np.float32))


def _center_on_mass(ink: Foreground) -> Foreground:
    image = np.zeros((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.float32)
    total = float(ink.sum())
    corner = []
    for axis, size in enumerate(ink.shape):
        mass = float(ink.sum(axis=1 - axis) @ np.arange(size)) / total
        corner.append(min(max(round(IMAGE_SIZE_PX / 2 - mass), 0), IMAGE_SIZE_PX - size))
    top, left = corner
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image


def otsu_threshold(foreground: Foreground) -> float:
    """Return the foreground level that separates ink from background best (Otsu, 1979)."""
    top = max(float(foreground.max()), 1e-6)
    levels = cv2.convertScaleAbs(np.maximum(foreground, 0.0), alpha=255.0 / top)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(threshold) / 255.0 * top
