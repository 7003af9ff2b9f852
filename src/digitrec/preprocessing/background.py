"""What is paper: free of a bad channel's noise, which side of grey it is on, how it is lit, how grainy it is."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.ops import Foreground, GrayImage, Mask, downscale, nearest_rank_quantiles

_SIGMA_OF_MEDIAN_DEVIATION = 1.4826  # of a normal distribution
_GRAIN_MASK = np.outer((1.0, -2.0, 1.0), (1.0, -2.0, 1.0)).astype(np.float32)  # amplifies white noise by 6
COARSE_SIZE_PX = 48  # enough to see paper by
_RIDGE = np.diag(np.full(6, 1e-3, np.float32))  # keeps one row or column of pixels solvable
_PAPER_TOLERANCE = 0.97
_INK_WEIGHT = np.float32(0.01)
# Pixels may depart from their neighbourhood to the other side by this much and still not count.
_ONE_SIDED = 2.5
_UNDECIDED = 0.35
# What is drawn or binarised has paper of one tone, at least this much of it; the paper of a photo has shade.
_ONE_TONE_SHARE = 0.1
# Less its smooth shade, a photo departs to its ink's side further than this many times as to the other.
_ONE_SIDED_SHADE = 1.33
# Of an even paper, what is neither its tone nor 3 % darker: soft edges.
_MOST_SHADED = 0.02
# Lone pixels are at most 1 % of any scan, photo or drawing that was measured, and more with impulse noise.
_MOST_LONE_PIXELS = 0.011
_IMPULSE = 128  # levels; the grain of a dark picture is weaker, and `noise_sigma` needs to see it
# Counts a pixel's eight neighbours, and itself so that it can be told from them.
_ALL_OTHERS, _ITSELF = 8, 16
_NEIGHBOURS = np.array([[1, 1, 1], [1, _ITSELF, 1], [1, 1, 1]], np.float32)


def extract_foreground(picture: GrayImage) -> Foreground:
    """Return how far each pixel departs from its paper to the ink's side: (H, W) float32, 0 is paper, at most 1."""
    clean = remove_salt_and_pepper(picture)
    tone = uniform_background_level(clean)
    return _foreground_on_uniform(clean, tone) if tone else correct_shading(normalize_polarity(clean))


def remove_salt_and_pepper(picture: GrayImage) -> GrayImage:
    """Return the picture without salt and pepper; where there is none, the picture itself.

    A median of 3 x 3 takes impulses away, and hairlines with them: only a picture with many lone pixels, far from
    all of their neighbours, goes through it.
    """
    lightest, darkest = int(picture.max()), int(picture.min())
    if lightest - darkest < _IMPULSE:
        return picture
    middle = (lightest + darkest) // 2
    _, light = cv2.threshold(picture, middle, 1, cv2.THRESH_BINARY)
    around = cv2.filter2D(light, cv2.CV_8U, _NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
    lone = np.count_nonzero((around == _ITSELF) | (around == _ALL_OTHERS))
    if lone <= _MOST_LONE_PIXELS * picture.size:
        return picture
    return np.asarray(cv2.medianBlur(picture, 3), np.uint8)


def normalize_polarity(picture: GrayImage, size_px: int = COARSE_SIZE_PX) -> GrayImage:
    """Return the picture with dark ink on light paper, whichever way it came.

    Paper is what most of each neighbourhood is, its median; ink departs from it to one side. Where pixels
    depart to both (a bold digit, of which half a neighbourhood is ink), paper is what most of the picture is,
    and where that is undecided too, what most of its edge is.
    """
    small = downscale(picture, size_px)
    reach = min(2 * (min(small.shape) // 4) + 1, 25)
    departure = small.astype(np.int16) - _surrounding_background(small, max(3, reach))
    # A cell's border misleads the median beside it.
    inside = departure[_inset(small.shape[0]), _inset(small.shape[1])]
    lowest, lighter = nearest_rank_quantiles(inside, 0.01, 0.99)
    darker = -lowest
    ink_is_light = lighter > darker
    if lighter / _ONE_SIDED < darker < lighter * _ONE_SIDED:
        lightness = _ink_lightness(small)
        ink_is_light = not _background_is_light(small) if lightness is None else lightness > 1.0
    return np.asarray(255 - picture, np.uint8) if ink_is_light else picture


def _surrounding_background(picture: GrayImage, reach: int) -> GrayImage | int:
    """Return the median of each pixel's neighbourhood; one number where one tone is most of every neighbourhood."""
    for tone in (int(picture.max()), int(picture.min())):
        share = cv2.boxFilter(
            (picture == tone).astype(np.uint8), cv2.CV_16U, (reach, reach), None, (-1, -1), False, cv2.BORDER_REPLICATE
        )  # fmt: skip
        if share.min() > reach * reach // 2:  # five times as fast as the median, and drawings are like that
            return tone
    return np.asarray(cv2.medianBlur(picture, reach), np.uint8)


def _background_is_light(picture: GrayImage) -> bool:
    low, high = nearest_rank_quantiles(picture, 0.005, 0.995)
    light = picture > (low + high) / 2
    light_share = float(light.mean())
    if _UNDECIDED < light_share < 1 - _UNDECIDED:
        light_share = float(np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]]).mean())
    return light_share > 0.5


def _ink_lightness(picture: GrayImage) -> float | None:
    """Return how much further a photo departs to the light side than to the dark one, its smooth shade taken away.

    None where it has no shade, or departs to both sides alike.
    """
    tones = np.bincount(picture.ravel())[[picture.min(), picture.max()]]
    if tones.max() >= _ONE_TONE_SHARE * picture.size:
        return None
    departure = picture - _smooth_shade(picture)
    lowest, lighter = nearest_rank_quantiles(
        departure[_inset(picture.shape[0]), _inset(picture.shape[1])], 0.01, 0.99
    )
    lightness = max(lighter, 1e-3) / max(-lowest, 1e-3)
    return None if 1 / _ONE_SIDED_SHADE < lightness < _ONE_SIDED_SHADE else lightness


def _smooth_shade(picture: GrayImage, rounds: int = 8) -> Foreground:
    """Return the second-degree surface that most of the picture lies on, ink of either side left out: (H, W) float32.

    Least absolute deviations, by least squares with weights that are made anew in each round (Schlossmacher, 1973).
    """
    terms = _quadratic_terms(*picture.shape)
    values = picture.ravel().astype(np.float32)
    weights = np.ones_like(values)
    for _ in range(rounds):
        surface = _surface(terms, values, weights)
        weights = 1 / np.maximum(np.abs(values - surface), np.float32(2.0))
    return surface.reshape(picture.shape)


def correct_shading(picture: GrayImage) -> Foreground:
    """Return how much darker than the paper around it each pixel is: (H, W) float32, 0 is paper, at most 1.

    Dividing by the paper's brightness undoes light and shade the way they arose. It is estimated twice, by a
    grey closing wider than any stroke (Serra, "Image Analysis and Mathematical Morphology", 1982): of the
    picture, which keeps shadows with an edge but takes a dark corner for ink, and of the picture less its
    smooth shade, which does the reverse. Ink is dark in both. Paper brighter than its surroundings is negative.
    """
    tone = uniform_background_level(picture)
    if tone:  # what is drawn on a screen has no shade; looking for it takes a third of all time
        return _foreground_on_uniform(picture, tone)
    relief = np.minimum(
        _foreground_over_closing(picture), _foreground_over_closing(picture / fit_background(picture))
    )
    # Local maxima sit above grainy paper; the median of the picture is paper itself.
    return np.asarray(relief - max(0.0, median(relief)), np.float32)


def uniform_background_level(picture: GrayImage) -> int:
    """Return the one tone that all of the paper has, the lightest of the picture; 0 where it has several.

    That tone is most of the picture, next to nothing is just a little darker, and it is within a stroke's width of
    every pixel. `correct_shading` would find the same relief, but for some thousandths.
    """
    tone = int(picture.max())
    paper = np.count_nonzero(picture == tone)
    shaded = np.count_nonzero(picture >= math.ceil(_PAPER_TOLERANCE * tone)) - paper
    if 2 * paper <= picture.size or shaded > _MOST_SHADED * picture.size:
        return 0
    return tone if cv2.dilate(picture, _wide_window(picture)).min() == tone else 0


def _foreground_on_uniform(picture: GrayImage, tone: int) -> Foreground:
    return np.asarray(cv2.LUT(picture, _foreground_over(tone)), np.float32)


@lru_cache(maxsize=8)
def _foreground_over(tone: int) -> Foreground:
    """Return the relief of every level on paper of one tone, (256,) float32."""
    return (1.0 - np.arange(256, dtype=np.float32) / np.float32(tone)).astype(np.float32)


def _wide_window(brightness: NDArray[np.generic]) -> Mask:
    reach = max(brightness.shape) * 2 // 5 | 1
    return np.ones((reach, reach), np.uint8)


def _foreground_over_closing(brightness: NDArray[np.uint8 | np.float64]) -> Foreground:
    paper = cv2.morphologyEx(brightness, cv2.MORPH_CLOSE, _wide_window(brightness))
    return np.asarray(1.0 - brightness / np.maximum(paper, np.float32(1e-3)), np.float32)


def fit_background(picture: GrayImage, rounds: int = 5) -> Foreground:
    """Return the second-degree surface through the picture's paper, (H, W) float32, at least 1.

    Least squares with asymmetric weights (Eilers, 2003): what lies below the surface, ink or shadow, has
    almost no say in the next round.
    """
    small = downscale(picture, COARSE_SIZE_PX)
    terms = _quadratic_terms(*small.shape)
    values = small.ravel().astype(np.float32)
    weights = np.ones_like(values)
    for _ in range(rounds):
        surface = _surface(terms, values, weights)
        before, weights = weights, np.where(values < _PAPER_TOLERANCE * surface, _INK_WEIGHT, np.float32(1.0))
        if np.array_equal(weights, before):
            break
    surface = np.maximum(surface, 1.0).reshape(small.shape).astype(np.float32)
    return np.asarray(cv2.resize(surface, picture.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _surface(terms: Foreground, values: Foreground, weights: Foreground) -> Foreground:
    """Return what the terms make of the values by weighted least squares, (N,) float32."""
    weighted = terms * weights
    coefficients = np.linalg.solve(weighted @ terms.T + _RIDGE, weighted @ values)
    return np.asarray(coefficients @ terms, np.float32)


@lru_cache(maxsize=32)
def _quadratic_terms(height: int, width: int) -> Foreground:
    """Return 1, x, y, xy, xx, yy at every pixel, x and y from -1 to 1: (6, h * w) float32."""
    rows, columns = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    y, x = (axis.ravel() for axis in np.meshgrid(rows, columns, indexing="ij"))
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y]).astype(np.float32)


def noise_sigma(relief: Foreground) -> float:
    """Return the standard deviation of the paper's grain, in units of the relief.

    Immerkaer's mask ("Fast noise variance estimation", 1996) is blind to slopes, so shadows do not count;
    the median in place of his mean makes it blind to strokes too.
    """
    response = cv2.filter2D(relief, cv2.CV_32F, _GRAIN_MASK, borderType=cv2.BORDER_REPLICATE)
    return _middle(np.abs(response[::2, ::2])) * _SIGMA_OF_MEDIAN_DEVIATION / 6.0


def background_sigma(relief: Foreground, mask: Mask) -> float:
    """Return the standard deviation of the paper outside the mask, coarse stains included."""
    around = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    paper = relief[::2, ::2][around[::2, ::2] == 0]
    if paper.size == 0:
        return 0.0
    return _middle(np.abs(paper - _middle(paper))) * _SIGMA_OF_MEDIAN_DEVIATION


def _inset(size: int) -> slice:
    return slice(size // 8, size - size // 8)


def median(values: Foreground) -> float:
    """Return the median of every fourth value: as good, and finding it is what costs time here."""
    return _middle(values[::2, ::2])


def _middle(values: Foreground) -> float:
    """Return the median; where most are 0, as on the paper of a drawing, that is found by counting."""
    return 0.0 if 2 * np.count_nonzero(values) < values.size else float(np.median(values))
