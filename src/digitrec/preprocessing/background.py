"""Background estimation: salt-and-pepper noise, polarity, shading and noise level."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.ops import Foreground, GrayImage, Mask, downscale, nearest_rank_quantiles

_SIGMA_OF_MEDIAN_DEVIATION = 1.4826  # of a normal distribution
_NOISE_KERNEL = np.outer((1.0, -2.0, 1.0), (1.0, -2.0, 1.0)).astype(np.float32)  # amplifies white noise by 6
COARSE_SIZE_PX = 48  # enough to estimate the background
_RIDGE = np.diag(np.full(6, 1e-3, np.float32))  # keeps the equations solvable for one row or column of pixels
_SHADING_ITERATIONS = 8
_BACKGROUND_ITERATIONS = 5
_BACKGROUND_TOLERANCE = 0.97
_INK_WEIGHT = np.float32(0.01)
# The polarity is clear if deviations to one side are larger than to the other by this factor.
_ONE_SIDED = 2.5
_UNDECIDED = 0.35
# A drawn or binarized image has a background of one level, at least this fraction of it; a photo has shading.
_UNIFORM_FRACTION = 0.1
# The same factor as `_ONE_SIDED`, for a photo after its smooth shading is subtracted.
_ONE_SIDED_SHADING = 1.33
# Of a uniform background: pixels slightly darker than its level, such as soft edges.
_MAX_SHADED_FRACTION = 0.02
# Isolated pixels are at most 1 % of each scan, photo or drawing that was measured, and more with impulse noise.
_MAX_ISOLATED_FRACTION = 0.011
_MIN_IMPULSE = 128  # gray levels; the noise of a dark image is weaker, and `noise_sigma` has to measure it


def extract_foreground(image: GrayImage) -> Foreground:
    """Return how much darker each pixel is than the background, for either polarity: (H, W) float32, at most 1."""
    clean = remove_salt_and_pepper(image)
    level = uniform_background_level(clean)
    return _foreground_on_uniform(clean, level) if level else correct_shading(normalize_polarity(clean))


def remove_salt_and_pepper(image: GrayImage) -> GrayImage:
    """Return the image without salt-and-pepper noise; without noise, the image itself.

    A 3 x 3 median filter removes impulses but also thin lines, so it is applied only if many pixels differ strongly
    from all of their neighbors.
    """
    lightest, darkest = int(image.max()), int(image.min())
    if lightest - darkest < _MIN_IMPULSE:
        return image
    middle = (lightest + darkest) // 2
    _, light = cv2.threshold(image, middle, 1, cv2.THRESH_BINARY)
    num_light = cv2.boxFilter(light, cv2.CV_8U, (3, 3), None, (-1, -1), False, cv2.BORDER_REPLICATE)
    # Of nine pixels one is light around an isolated light one, and eight around a dark one.
    num_isolated = np.count_nonzero(num_light == 8 - 7 * light)
    if num_isolated <= _MAX_ISOLATED_FRACTION * image.size:
        return image
    return np.asarray(cv2.medianBlur(image, 3), np.uint8)


def normalize_polarity(image: GrayImage, size_px: int = COARSE_SIZE_PX) -> GrayImage:
    """Return the image with dark ink on a light background, for either polarity.

    The background is the median of each neighborhood; ink deviates from it to one side. If pixels deviate to both
    sides, as for a bold digit, the background is the majority of the image, and if that is unclear too, of its edge.
    """
    small = downscale(image, size_px)
    size = min(2 * (min(small.shape) // 4) + 1, 25)
    deviation = small.astype(np.int16) - cv2.medianBlur(small, max(3, size))
    # The border of a cell distorts the median next to it.
    inside = deviation[_inset(small.shape[0]), _inset(small.shape[1])]
    lowest, lighter = nearest_rank_quantiles(inside, 0.01, 0.99)
    darker = -lowest
    ink_is_light = lighter > darker
    if lighter / _ONE_SIDED < darker < lighter * _ONE_SIDED:
        lightness = _ink_lightness(small)
        ink_is_light = not _background_is_light(small) if lightness is None else lightness > 1.0
    return np.asarray(255 - image, np.uint8) if ink_is_light else image


def _background_is_light(image: GrayImage) -> bool:
    low, high = nearest_rank_quantiles(image, 0.005, 0.995)
    light = image > (low + high) / 2
    light_fraction = float(light.mean())
    if _UNDECIDED < light_fraction < 1 - _UNDECIDED:
        light_fraction = float(np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]]).mean())
    return light_fraction > 0.5


def _ink_lightness(image: GrayImage) -> float | None:
    """Return the ratio of deviations to the light and to the dark side in a photo, after its shading is subtracted.

    None if the image has no shading, or the ratio is unclear.
    """
    counts = np.bincount(image.ravel())[[image.min(), image.max()]]
    if counts.max() >= _UNIFORM_FRACTION * image.size:
        return None
    deviation = image - _fit_shading(image)
    lowest, lighter = nearest_rank_quantiles(
        deviation[_inset(image.shape[0]), _inset(image.shape[1])], 0.01, 0.99
    )
    lightness = max(lighter, 1e-3) / max(-lowest, 1e-3)
    return None if 1 / _ONE_SIDED_SHADING < lightness < _ONE_SIDED_SHADING else lightness


def _fit_shading(image: GrayImage) -> Foreground:
    """Return a quadratic surface fitted to the image without its ink, of either polarity: (H, W) float32.

    Least absolute deviations, by iteratively reweighted least squares (Schlossmacher, 1973).
    """
    terms = _quadratic_terms(*image.shape)
    values = image.ravel().astype(np.float32)
    weights = np.ones_like(values)
    for _ in range(_SHADING_ITERATIONS):
        surface = _surface(terms, values, weights)
        weights = 1 / np.maximum(np.abs(values - surface), np.float32(2.0))
    return surface.reshape(image.shape)


def correct_shading(image: GrayImage) -> Foreground:
    """Return how much darker each pixel is than the background around it: (H, W) float32, 0 is background, at most 1.

    The image is divided by the background's brightness, as illumination is multiplicative. The brightness is estimated
    twice, by a gray closing wider than any stroke (Serra, "Image Analysis and Mathematical Morphology", 1982): of the
    image, which follows sharp shadows but takes a dark corner for ink, and of the image divided by its smooth shading,
    which does the reverse. Ink is dark in both. Background brighter than its surroundings is negative.
    """
    level = uniform_background_level(image)
    if level:  # a drawing on a screen has no shading, and estimating it takes a third of the time
        return _foreground_on_uniform(image, level)
    foreground = np.minimum(
        _foreground_over_closing(image), _foreground_over_closing(image / fit_background(image))
    )
    # The closing is above the mean of a noisy background; the median of the image corrects that.
    return np.asarray(foreground - max(0.0, median(foreground)), np.float32)


def uniform_background_level(image: GrayImage) -> int:
    """Return the gray level of a uniform background, the lightest of the image; 0 if it is not uniform.

    That level is the majority of the image, nearly no pixel is slightly darker, and it occurs within a stroke's width
    of every pixel. `correct_shading` would give the same foreground within a few thousandths.
    """
    level = int(image.max())
    background = np.count_nonzero(image == level)
    num_shaded = np.count_nonzero(image >= math.ceil(_BACKGROUND_TOLERANCE * level)) - background
    if 2 * background <= image.size or num_shaded > _MAX_SHADED_FRACTION * image.size:
        return 0
    return level if cv2.dilate(image, _closing_window(image)).min() == level else 0


def _foreground_on_uniform(image: GrayImage, level: int) -> Foreground:
    return np.asarray(cv2.LUT(image, _foreground_over(level)), np.float32)


@lru_cache(maxsize=8)
def _foreground_over(level: int) -> Foreground:
    """Return the foreground of every gray level on a background of one level, (256,) float32."""
    return (1.0 - np.arange(256, dtype=np.float32) / np.float32(level)).astype(np.float32)


def _closing_window(brightness: NDArray[np.generic]) -> Mask:
    size = max(brightness.shape) * 2 // 5 | 1
    return np.ones((size, size), np.uint8)


def _foreground_over_closing(brightness: NDArray[np.uint8 | np.float64]) -> Foreground:
    background = cv2.morphologyEx(brightness, cv2.MORPH_CLOSE, _closing_window(brightness))
    return np.asarray(1.0 - brightness / np.maximum(background, np.float32(1e-3)), np.float32)


def fit_background(image: GrayImage) -> Foreground:
    """Return a quadratic surface fitted to the background, (H, W) float32, at least 1.

    Least squares with asymmetric weights (Eilers, 2003): pixels below the surface, ink or shadow, get almost no weight
    in the next iteration.
    """
    small = downscale(image, COARSE_SIZE_PX)
    terms = _quadratic_terms(*small.shape)
    values = small.ravel().astype(np.float32)
    weights = np.ones_like(values)
    for _ in range(_BACKGROUND_ITERATIONS):
        surface = _surface(terms, values, weights)
        is_ink = values < _BACKGROUND_TOLERANCE * surface
        previous_weights, weights = weights, np.where(is_ink, _INK_WEIGHT, np.float32(1.0))
        if np.array_equal(weights, previous_weights):
            break
    surface = np.maximum(surface, 1.0).reshape(small.shape).astype(np.float32)
    return np.asarray(cv2.resize(surface, image.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _surface(terms: Foreground, values: Foreground, weights: Foreground) -> Foreground:
    """Return the weighted least-squares fit of the terms to the values, (N,) float32."""
    weighted = terms * weights
    coefficients = np.linalg.solve(weighted @ terms.T + _RIDGE, weighted @ values)
    return np.asarray(coefficients @ terms, np.float32)


@lru_cache(maxsize=32)
def _quadratic_terms(height: int, width: int) -> Foreground:
    """Return 1, x, y, xy, xx, yy at every pixel, x and y in [-1, 1]: (6, h * w) float32."""
    rows, columns = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    y, x = (axis.ravel() for axis in np.meshgrid(rows, columns, indexing="ij"))
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y]).astype(np.float32)


def noise_sigma(foreground: Foreground) -> float:
    """Return the standard deviation of the pixel noise, in units of the foreground.

    Immerkaer's kernel ("Fast noise variance estimation", 1996) ignores slopes, and so shadows; the median instead of
    his mean ignores strokes, too.
    """
    response = cv2.filter2D(foreground, cv2.CV_32F, _NOISE_KERNEL, borderType=cv2.BORDER_REPLICATE)
    return _median(np.abs(response[::2, ::2])) * _SIGMA_OF_MEDIAN_DEVIATION / 6.0


def background_sigma(foreground: Foreground, mask: Mask) -> float:
    """Return the standard deviation of the background outside the mask, stains included."""
    near_ink = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    background = foreground[::2, ::2][near_ink[::2, ::2] == 0]
    if background.size == 0:
        return 0.0
    return _median(np.abs(background - _median(background))) * _SIGMA_OF_MEDIAN_DEVIATION


def _inset(size: int) -> slice:
    return slice(size // 8, size - size // 8)


def median(values: Foreground) -> float:
    """Return the median of every fourth value, which is as good and faster."""
    return _median(values[::2, ::2])


def _median(values: Foreground) -> float:
    """Return the median; if most values are 0, as in a drawing, by counting.

    Otherwise by sorting, which takes a third of the time of `np.median`.
    """
    if 2 * np.count_nonzero(values) < values.size:
        return 0.0
    ordered, middle = np.sort(values, axis=None), values.size // 2
    return float(ordered[middle] if values.size % 2 else (ordered[middle - 1] + ordered[middle]) / 2)
