"""From any grey picture to the ink that MNIST's makers would have made of it.

The steps, in order, each a function of its own:

1. `downscale_for_processing`: look at the picture at a size where a pen stroke is a few pixels wide.
2. `extract_foreground` (ink/paper.py): how much darker than its paper each pixel is. What is drawn on even paper needs
no more
   than that; of a photo `remove_impulses` takes the salt and pepper away, `darken_ink` decides what is paper, and
   `remove_shading` divides by the paper's own brightness.
3. `remove_ruled_lines` (ink/rules.py): form lines and cell borders that run into the picture's edge.
4. `find_digit`, `select_digit_components` (ink/pieces.py): the digit's ink, without specks and neighbours' fragments.
5. `estimate_ink_level`, `rescale_intensity`: from "darker than paper" to 0 is paper and 1 is ink, soft edges kept.
6. `fit_to_mnist_box`: 20 px box, centre of mass on the centre, 28 x 28.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np

from digitrec.constants import BOX_SIZE_PX, IMAGE_SIZE_PX
from digitrec.errors import BlankImageError
from digitrec.preprocessing.background import background_sigma, extract_foreground, noise_sigma
from digitrec.preprocessing.components import select_digit_components
from digitrec.preprocessing.ops import Foreground, GrayImage, Mask, downscale, nearest_rank_quantiles
from digitrec.preprocessing.ruled_lines import remove_ruled_lines

Box: TypeAlias = tuple[slice, slice]
PixelBox: TypeAlias = tuple[int, int, int, int]

WORKING_SIZE_PX = 128
# Fainter than this share of the paper's brightness is not ink but paper grain and compression.
MIN_CONTRAST = 0.05
# A digit that is smaller than this in the reduced picture is looked at again, nearer.
SMALL_DIGIT_PX = 40
# A digit is at least this long in the reduced picture; what is shorter is a speck of dust.
MIN_DIGIT_PX = 4
INK_EDGE_LEVEL = 0.06  # fainter is paper, not a soft edge

BLANK_MESSAGE = "expected a digit. Received: blank paper. Write larger or darker and send it again."
NOISE_SIGMAS = 4.0
# Of 900 photographed digits each stands out by 5.6 and more, of 60 papers of coarse noise 56 by less than this.
_BACKGROUND_SIGMAS = 4.5
_DOT_SHARE = 0.1  # of the picture's longer side: a solid spot smaller than this is no digit
_FULL_INK_RANK = 0.75
_FAINTEST_STROKE = 0.3


def normalize(image: GrayImage) -> Foreground:
    """Return the 28 x 28 ink of the one digit in a picture.

    Parameters
    ----------
    image : (H, W) uint8 of any size, either polarity, even or uneven light.

    Returns
    -------
    (28, 28) float32 in [0, 1], 0 is paper, see `digitrec.constants`.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    """
    return normalize_with_box(image)[0]


def normalize_with_box(image: GrayImage) -> tuple[Foreground, PixelBox]:
    """Return what `normalize` returns, and where in the picture that ink is: left, top, width, height in its pixels.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    """
    picture = downscale_for_processing(image)
    ink, box = extract_digit(picture)
    place = _in_pixels(box, picture.shape, image.shape)
    if max(ink.shape) < SMALL_DIGIT_PX and picture.shape != image.shape:
        nearer, window = crop_and_rescale(image, picture.shape, box)
        seen = downscale_for_processing(nearer)
        ink, box = extract_digit(seen)
        left, top, width, height = _in_pixels(box, seen.shape, nearer.shape)
        place = (left + window[1].start, top + window[0].start, width, height)
    return fit_to_mnist_box(ink), place


def _in_pixels(box: Box, seen: tuple[int, ...], shape: tuple[int, ...]) -> PixelBox:
    """Return a box that was found in a reduced picture of shape `seen`, in the pixels of the picture itself."""
    (top, bottom), (left, right) = (
        (round(span.start * size / small), round(span.stop * size / small))
        for span, small, size in zip(box, seen, shape, strict=True)
    )
    return left, top, right - left, bottom - top


def extract_digit(picture: GrayImage) -> tuple[Foreground, Box]:
    """Return only the digit's ink, cut out, (h, w) float32 in [0, 1], and where it was.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    """
    relief = extract_foreground(picture)
    grain = noise_sigma(relief)
    ruled = remove_ruled_lines(relief, max(MIN_CONTRAST, NOISE_SIGMAS * grain))
    mask = find_digit(ruled, grain)
    return rescale_intensity(ruled, mask, estimate_ink_level(ruled, mask), grain)


def downscale_for_processing(image: GrayImage) -> GrayImage:
    """Reduce a picture so that its longer side is at most 128 px; smaller ones stay as they are."""
    return downscale(image, WORKING_SIZE_PX)


def find_digit(relief: Foreground, grain: float) -> Mask:
    """Return the mask of the digit's ink, (H, W) uint8 of 0 and 1.

    Raises
    ------
    BlankImageError : nothing stands out, or no more than a speck.
    """
    faintest = max(MIN_CONTRAST, NOISE_SIGMAS * grain)
    strong = max(faintest, otsu_threshold(relief))
    mask = select_digit_components(relief, max(faintest, 0.5 * strong), strong)
    if _is_speck(mask):
        raise BlankImageError(BLANK_MESSAGE)
    return mask


def _is_speck(mask: Mask) -> bool:
    """Return whether the ink is none, too small to be read, or a small dot."""
    _, _, width, height = cv2.boundingRect(mask)
    longer_side = max(width, height)
    is_compact = int(mask.sum()) > 0.6 * longer_side**2
    return longer_side < MIN_DIGIT_PX or (is_compact and longer_side < _DOT_SHARE * max(mask.shape))


def estimate_ink_level(relief: Foreground, mask: Mask) -> float:
    """Return the relief of the digit's full ink; its soft edges are below.

    Raises
    ------
    BlankImageError : it stands out no more than the paper's own blotches do.
    """
    (full,) = nearest_rank_quantiles(relief[mask > 0], _FULL_INK_RANK)
    if full < _BACKGROUND_SIGMAS * background_sigma(relief, mask):
        raise BlankImageError(BLANK_MESSAGE)
    return full


def rescale_intensity(relief: Foreground, mask: Mask, full: float, grain: float) -> tuple[Foreground, Box]:
    """Return the ink under the mask, 0 to 1, cut out at its soft edges, and where it was cut out.

    Parameters
    ----------
    relief : (H, W) float32. mask : (H, W) uint8 of 0 and 1. full : the relief of full ink. grain : the paper's
        standard deviation.

    Returns
    -------
    (h, w) float32, h <= H and w <= W, and its rows and columns.
    """
    paper = min(2.0 * grain, 0.5 * full)
    soft = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)
    around = _box(soft)
    ink = np.clip((relief[around] - paper) / (full - paper), 0.0, 1.0)
    ink *= soft[around]
    rows, columns = _box((ink > INK_EDGE_LEVEL).astype(np.uint8))
    top, left = around[0].start, around[1].start
    box = (slice(rows.start + top, rows.stop + top), slice(columns.start + left, columns.stop + left))
    return np.asarray(ink[rows, columns], np.float32), box


def _box(mask: Mask) -> Box:
    x, y, width, height = cv2.boundingRect(mask)
    return slice(y, y + height), slice(x, x + width)


def crop_and_rescale(image: GrayImage, seen: tuple[int, ...], box: Box) -> tuple[GrayImage, Box]:
    """Return the part of `image` around `box`, found in a reduced picture of shape `seen`, and its rows and columns."""
    window = []
    for size, seen_size, span in zip(image.shape, seen, box, strict=True):
        scale = size / seen_size
        margin = 0.5 * SMALL_DIGIT_PX  # paper enough to tell paper by
        window.append(
            slice(
                max(0, int((span.start - margin) * scale)), min(size, int((span.stop + margin) * scale) + 1)
            )
        )
    rows, columns = window
    return image[rows, columns], (rows, columns)


def fit_to_mnist_box(ink: Foreground) -> Foreground:
    """Return cut-out ink of any size as MNIST has it: (28, 28) float32 in [0, 1].

    The longer side becomes 20 px, aspect kept; then the centre of mass is moved, by whole pixels as MNIST's
    makers did, to pixel (14, 14).
    """
    height, width = ink.shape
    scale = BOX_SIZE_PX / max(height, width)
    if scale != 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        ink = np.asarray(cv2.resize(ink, size, interpolation=how), np.float32)
    # A hairline has faded in the reduction; full ink is 1 again, but a smudge is not made a stroke.
    (full,) = nearest_rank_quantiles(ink, 0.98)
    ink = np.clip(ink / max(full, _FAINTEST_STROKE), 0.0, 1.0)
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


def otsu_threshold(relief: Foreground) -> float:
    """Return the relief that parts ink from paper best (Otsu, 1979)."""
    top = max(float(relief.max()), 1e-6)
    levels = cv2.convertScaleAbs(np.maximum(relief, 0.0), alpha=255.0 / top)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(threshold) / 255.0 * top
