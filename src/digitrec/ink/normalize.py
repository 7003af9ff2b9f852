"""From any grey picture to the ink that MNIST's makers would have made of it.

The steps, in order, each a function of its own:

1. `shrink`: look at the picture at a size where a pen stroke is a few pixels wide.
2. `darken_ink`: decide what is paper and make ink the dark side.
3. `remove_shading`: divide by the paper's own brightness; what is left is how much darker than paper.
4. `erase_rules` (ink/rules.py): form lines and cell borders that run into the picture's edge.
5. `find_digit` (with ink/pieces.py): the ink that makes the digit, without specks and neighbours' fragments.
6. `level_ink`: from "darker than paper" to 0 is paper and 1 is ink, soft edges kept.
7. `fit_to_box`: 20 px box, centre of mass on the centre, 28 x 28.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.contract import BOX_SIZE_PX, IMAGE_SIZE_PX
from digitrec.errors import BlankImageError
from digitrec.ink.pieces import select_pieces
from digitrec.ink.rules import erase_rules

GreyImage: TypeAlias = NDArray[np.uint8]
Relief: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.uint8]
Box: TypeAlias = tuple[slice, slice]

WORKING_SIZE_PX = 128
# Fainter than this share of the paper's brightness is not ink but paper grain and compression.
MIN_CONTRAST = 0.05
# A digit that is smaller than this in the reduced picture is looked at again, nearer.
SMALL_DIGIT_PX = 40
# A digit is at least this long in the reduced picture; what is shorter is a speck of dust.
MIN_DIGIT_PX = 4

_GRAIN_SIGMAS = 4.0
# Of 1,500 photographed digits all but one stand out by 5.5 and more; blotches of random noise by 1.7 to 4.
_BLOTCH_SIGMAS = 4.5
_SIGMA_OF_MEDIAN_DEVIATION = 1.4826  # of a normal distribution
_GRAIN_MASK = np.outer((1.0, -2.0, 1.0), (1.0, -2.0, 1.0)).astype(np.float32)  # amplifies white noise by 6
_DOT_SHARE = 0.1  # of the picture's longer side: a solid spot smaller than this is no digit
_COARSE_SIZE_PX = 48  # enough to see paper by
_RIDGE = np.diag(np.full(6, 1e-3, np.float32))  # keeps one row or column of pixels solvable
_PAPER_TOLERANCE = 0.97
_INK_WEIGHT = np.float32(0.01)
_FULL_INK_PERCENTILE = 75
_EDGE_OF_INK = 0.06


def normalize(image: GreyImage) -> Relief:
    """Return the 28 x 28 ink of the one digit in a picture.

    Parameters
    ----------
    image : (H, W) uint8 of any size, either polarity, even or uneven light.

    Returns
    -------
    (28, 28) float32 in [0, 1], 0 is paper, see `digitrec.contract`.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    """
    picture = shrink(image)
    ink, box = isolate(picture)
    if max(ink.shape) < SMALL_DIGIT_PX and picture.shape != image.shape:
        ink, _ = isolate(shrink(zoom(image, picture.shape, box)))
    return fit_to_box(ink)


def isolate(picture: GreyImage) -> tuple[Relief, Box]:
    """Return only the digit's ink, cut out, (h, w) float32 in [0, 1], and where it was.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    """
    relief = remove_shading(darken_ink(picture))
    grain = paper_grain(relief)
    ruled = erase_rules(relief, max(MIN_CONTRAST, _GRAIN_SIGMAS * grain))
    mask = find_digit(ruled, grain)
    return level_ink(ruled, mask, grain)


def shrink(image: GreyImage) -> GreyImage:
    """Reduce a picture so that its longer side is at most 128 px; smaller ones stay as they are."""
    return _reduce(image, WORKING_SIZE_PX)


def darken_ink(picture: GreyImage) -> GreyImage:
    """Return the picture with dark ink on light paper, whichever way it came.

    Paper is what most of each neighbourhood is, its median; ink departs from it to one side. Where pixels depart
    to both (a bold digit, of which half a neighbourhood is ink), paper is what most of the picture is, and where
    that is undecided too, what most of its edge is.
    """
    small = _reduce(picture, _COARSE_SIZE_PX)
    reach = min(2 * (min(small.shape) // 4) + 1, 25)
    departure = small.astype(np.int16) - cv2.medianBlur(small, max(3, reach))
    inside = departure[
        _inset(small.shape[0]), _inset(small.shape[1])
    ]  # a cell's border misleads the median beside it
    darker, lighter = -float(np.percentile(inside, 1)), float(np.percentile(inside, 99))
    ink_is_light = lighter > darker
    if 0.4 * lighter < darker < 2.5 * lighter:
        ink_is_light = not _paper_is_light(small)
    return np.asarray(255 - picture, np.uint8) if ink_is_light else picture


def _paper_is_light(picture: GreyImage) -> bool:
    low, high = np.percentile(picture, (0.5, 99.5))
    light = picture > (low + high) / 2
    light_share = float(light.mean())
    if 0.35 < light_share < 0.65:
        light_share = float(np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]]).mean())
    return light_share > 0.5


def remove_shading(picture: GreyImage) -> Relief:
    """Return how much darker than the paper around it each pixel is: (H, W) float32, 0 is paper, at most 1.

    Dividing by the paper's brightness undoes light and shade the way they arose. It is estimated twice, by a
    grey closing wider than any stroke (Serra, "Image Analysis and Mathematical Morphology", 1982): of the
    picture, which keeps shadows with an edge but takes a dark corner for ink, and of the picture less its
    smooth shade, which does the reverse. Ink is dark in both. Paper brighter than its surroundings is negative.
    """
    relief = np.minimum(_relief_over_closing(picture), _relief_over_closing(picture / fit_paper(picture)))
    # Local maxima sit above grainy paper; the median of the picture is paper itself.
    return np.asarray(relief - max(0.0, _median(relief)), np.float32)


def _relief_over_closing(brightness: NDArray[np.generic]) -> Relief:
    reach = max(brightness.shape) * 2 // 5 | 1
    paper = cv2.morphologyEx(brightness, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    return np.asarray(1.0 - brightness / np.maximum(paper, 1e-3), np.float32)


def fit_paper(picture: GreyImage, rounds: int = 5) -> Relief:
    """Return the second-degree surface through the picture's paper, (H, W) float32, at least 1.

    Least squares with asymmetric weights (Eilers, 2003): what lies below the surface, ink or shadow, has
    almost no say in the next round.
    """
    small = _reduce(picture, _COARSE_SIZE_PX)
    terms = _quadratic_terms(*small.shape)
    values = small.ravel().astype(np.float32)
    weights = np.ones_like(values)
    for _ in range(rounds):
        weighted = terms * weights[:, np.newaxis]
        coefficients = np.linalg.solve(weighted.T @ terms + _RIDGE, weighted.T @ values)
        surface = terms @ coefficients
        before, weights = weights, np.where(values < _PAPER_TOLERANCE * surface, _INK_WEIGHT, np.float32(1.0))
        if np.array_equal(weights, before):
            break
    surface = np.maximum(surface, 1.0).reshape(small.shape).astype(np.float32)
    return np.asarray(cv2.resize(surface, picture.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


@lru_cache(maxsize=32)
def _quadratic_terms(height: int, width: int) -> Relief:
    """Return 1, x, y, xy, xx, yy at every pixel, x and y from -1 to 1: (h * w, 6) float32."""
    rows, columns = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    y, x = (axis.ravel() for axis in np.meshgrid(rows, columns, indexing="ij"))
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1).astype(np.float32)


def paper_grain(relief: Relief) -> float:
    """Return the standard deviation of the paper's grain, in units of the relief.

    Immerkaer's mask ("Fast noise variance estimation", 1996) is blind to slopes, so shadows do not count;
    the median in place of his mean makes it blind to strokes too.
    """
    response = cv2.filter2D(relief, cv2.CV_32F, _GRAIN_MASK, borderType=cv2.BORDER_REPLICATE)
    return _median(np.abs(response)) * _SIGMA_OF_MEDIAN_DEVIATION / 6.0


def find_digit(relief: Relief, grain: float) -> Mask:
    """Return the mask of the digit's ink, (H, W) uint8 of 0 and 1.

    Raises
    ------
    BlankImageError : nothing, or no more than a speck or the paper's own blotches, stands out.
    """
    faintest = max(MIN_CONTRAST, _GRAIN_SIGMAS * grain)
    strong = max(faintest, _otsu_threshold(relief))
    mask = select_pieces(relief, max(faintest, 0.5 * strong), strong)
    if _is_speck(mask) or full_ink(relief, mask) < _BLOTCH_SIGMAS * paper_blotches(relief, mask):
        raise BlankImageError(
            "expected a digit. Received: blank paper. Write larger or darker and send it again."
        )
    return mask


def _is_speck(mask: Mask) -> bool:
    """Return whether the ink is none, too small to be read, or a small dot."""
    _, _, width, height = cv2.boundingRect(mask)
    longer_side = max(width, height)
    is_compact = int(mask.sum()) > 0.6 * longer_side**2
    return longer_side < MIN_DIGIT_PX or (is_compact and longer_side < _DOT_SHARE * max(mask.shape))


def full_ink(relief: Relief, mask: Mask) -> float:
    """Return the relief of the digit's full ink; its soft edges are below."""
    return float(np.percentile(relief[mask > 0], _FULL_INK_PERCENTILE))


def paper_blotches(relief: Relief, mask: Mask) -> float:
    """Return the standard deviation of the paper outside the mask, coarse stains included, by its median deviation."""
    around = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    paper = relief[::2, ::2][around[::2, ::2] == 0]
    if paper.size == 0:
        return 0.0
    return float(np.median(np.abs(paper - np.median(paper)))) * _SIGMA_OF_MEDIAN_DEVIATION


def level_ink(relief: Relief, mask: Mask, grain: float) -> tuple[Relief, Box]:
    """Return the ink under the mask, 0 to 1, cut out at its soft edges, and where it was cut out.

    Parameters
    ----------
    relief : (H, W) float32. mask : (H, W) uint8 of 0 and 1. grain : the paper's standard deviation.

    Returns
    -------
    (h, w) float32, h <= H and w <= W, and its rows and columns.
    """
    full = full_ink(relief, mask)
    paper = min(2.0 * grain, 0.5 * full)
    ink = np.clip((relief - paper) / (full - paper), 0.0, 1.0)
    ink *= cv2.dilate(mask, np.ones((3, 3), np.uint8))
    x, y, width, height = cv2.boundingRect((ink > _EDGE_OF_INK).astype(np.uint8))
    box = (slice(y, y + height), slice(x, x + width))
    return np.asarray(ink[box], np.float32), box


def zoom(image: GreyImage, seen: tuple[int, ...], box: Box) -> GreyImage:
    """Return the part of `image` around `box`, which was found in a reduced picture of shape `seen`."""
    window = []
    for size, seen_size, span in zip(image.shape, seen, box, strict=True):
        scale = size / seen_size
        margin = 0.5 * SMALL_DIGIT_PX  # paper enough to tell paper by
        window.append(
            slice(
                max(0, int((span.start - margin) * scale)), min(size, int((span.stop + margin) * scale) + 1)
            )
        )
    return image[window[0], window[1]]


def fit_to_box(ink: Relief) -> Relief:
    """Return cut-out ink of any size as MNIST has it: (28, 28) float32 in [0, 1].

    The longer side becomes 20 px, aspect kept; then the centre of mass is moved, by whole pixels as MNIST's
    makers did, to pixel (14, 14).
    """
    height, width = ink.shape
    scale = BOX_SIZE_PX / max(height, width)
    if scale != 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        ink = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR)
    ink = np.clip(ink / max(float(np.percentile(ink, 98)), 0.3), 0.0, 1.0)
    return _centre_on_mass(np.asarray(ink, np.float32))


def _centre_on_mass(ink: Relief) -> Relief:
    image = np.zeros((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.float32)
    total = float(ink.sum())
    corner = []
    for axis, size in enumerate(ink.shape):
        mass = float(ink.sum(axis=1 - axis) @ np.arange(size)) / total
        corner.append(int(np.clip(round(IMAGE_SIZE_PX / 2 - mass), 0, IMAGE_SIZE_PX - size)))
    top, left = corner
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image


def _reduce(image: GreyImage, size_px: int) -> GreyImage:
    height, width = image.shape
    scale = size_px / max(height, width)
    if scale >= 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _inset(size: int) -> slice:
    return slice(size // 8, size - size // 8)


def _median(values: Relief) -> float:
    """Return the median of every fourth value: as good, and finding it is what costs time here."""
    return float(np.median(values[::2, ::2]))


def _otsu_threshold(relief: Relief) -> float:
    """Return the relief that parts ink from paper best (Otsu, 1979)."""
    top = max(float(relief.max()), 1e-6)
    levels = cv2.convertScaleAbs(cv2.max(relief, 0.0), alpha=255.0 / top)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(threshold) / 255.0 * top
