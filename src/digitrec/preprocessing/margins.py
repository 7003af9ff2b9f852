"""Give a drawing that is cropped to its ink a margin, so that its background is known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.ops import GrayImage, downscale

_MIN_MARGIN_PX, _MARGIN_FRACTION = 16, 0.1  # of the shorter side: `binarize_page` reduces large images
_SAMPLE_PX = 256
_MIN_RANGE = 40  # gray levels between background and ink of a drawing
_LEVEL_TOLERANCE = 3
# Of the background, in a drawing or a binarized image: pixels of one level. Photos have noise and shading.
_MIN_FLAT_FRACTION, _MIN_FLAT_EDGE_FRACTION = 0.9, 0.75
_MIN_EDGE_FRACTION = 0.02  # of the edge's pixels: less ink than this is dust
_RULED_SIDE_FRACTION = 0.95  # of a side by ink; strokes have round ends
_BOLD_FRACTION = 0.25  # of an image whose margin is small; digits on a canvas are 0.05 to 0.15 of it


def pad_tight_drawing(image: GrayImage, max_side_px: int | None = None) -> GrayImage | None:
    """Return a drawing or binarized image with dark ink and a margin; None for a photo or where it has a margin.

    The background is what most of the edge is. The majority of the whole image would be wrong for a bold digit
    that is cut to its ink.

    Parameters
    ----------
    image : (H, W) uint8 of either polarity.
    max_side_px : its longer side is reduced to this before the margin is added, the same on all sides; None keeps its
        size.
    """
    edge = _edge(image)
    step = max(1, max(image.shape) // _SAMPLE_PX)
    small = image[::step, ::step]  # unlike a reduced image it has the levels of the original
    darkest, lightest = int(small.min()), int(small.max())
    if lightest - darkest < _MIN_RANGE:
        return None
    middle = (darkest + lightest) // 2  # an integer: NumPy compares uint8 with a float in float64
    light_fraction = float((edge > middle).mean())
    background_is_light = light_fraction >= 0.5
    level = int(edge.max() if background_is_light else edge.min())
    is_mixed = _MIN_EDGE_FRACTION < light_fraction < 1 - _MIN_EDGE_FRACTION
    is_ink = (small > middle) != background_is_light
    if not is_mixed and np.count_nonzero(is_ink) < _BOLD_FRACTION * is_ink.size:
        return None
    for background, min_fraction in (
        (edge[(edge > middle) == background_is_light], _MIN_FLAT_EDGE_FRACTION),
        (small[~is_ink], _MIN_FLAT_FRACTION),
    ):
        if np.mean(np.abs(background.astype(np.int16) - level) <= _LEVEL_TOLERANCE) < min_fraction:
            return None
    reduced = downscale(image, max_side_px or max(image.shape))
    margin_px = max(_MIN_MARGIN_PX, round(_MARGIN_FRACTION * min(reduced.shape)))
    padded = cv2.copyMakeBorder(reduced, *(margin_px,) * 4, cv2.BORDER_CONSTANT, value=(level,))
    return np.asarray(padded if background_is_light else 255 - padded, np.uint8)


def has_light_edge(image: GrayImage) -> bool:
    """Return whether most of the edge is nearer to the lightest level of the image than to the darkest."""
    return bool(np.mean(_edge(image) > (int(image.min()) + int(image.max())) // 2) >= 0.5)


def has_ruled_side(image: GrayImage) -> bool:
    """Return whether ink covers a side of a drawing from end to end, as a ruled line does."""
    is_light = has_light_edge(image)
    middle = (int(image.min()) + int(image.max())) // 2
    sides = (image[0], image[-1], image[:, 0], image[:, -1])
    return any(np.mean((side > middle) != is_light) >= _RULED_SIDE_FRACTION for side in sides)


def _edge(image: GrayImage) -> NDArray[np.uint8]:
    return np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
