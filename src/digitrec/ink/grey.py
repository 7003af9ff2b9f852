"""Pixels with transparency, or of more than 8 bits, as grey: (H, W) uint8, 0 is black and 255 is white."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.ink.planes import Picture

LARGE_PX = 2_000_000  # from here on memory counts more than time
_WHITE = 200 / 255  # mean brightness from which a drawing counts as white
# Of a picture with more than 8 bits a pixel, so many are scaled at once.
_SCALED_PX = 1_000_000


def from_rgba(image: Image.Image) -> Picture:
    """Return a picture of mode RGBA as `from_rgba_array` does."""
    if image.width * image.height > LARGE_PX:  # slower, but without a copy of all four planes
        return _over_paper(np.asarray(image.convert("L")), np.asarray(image.getchannel("A")))
    return from_rgba_array(np.asarray(image))


def from_rgba_array(rgba: NDArray[np.uint8]) -> Picture:
    """Return (H, W, 4) uint8 laid over white, or over black where the drawing itself is white."""
    whole = np.ascontiguousarray(rgba)
    grey, alpha = cv2.cvtColor(whole, cv2.COLOR_RGBA2GRAY), cv2.extractChannel(whole, 3)
    return _over_paper(np.asarray(grey, np.uint8), np.asarray(alpha, np.uint8))


def _over_paper(grey: Picture, alpha: Picture) -> Picture:
    if alpha.min() == 255:  # an opaque canvas, the most frequent picture of all
        return grey
    ink = cv2.multiply(grey, alpha, scale=1 / 255)
    drawn_white = alpha.any() and float(ink.sum()) > _WHITE * float(alpha.sum())
    return np.asarray(ink if drawn_white else cv2.add(ink, cv2.bitwise_not(alpha)), np.uint8)


def from_numbers(values: NDArray[np.generic]) -> Picture:
    """Return 16-bit, 32-bit or float grey as bytes; scanners fill any part of the range, so its top is white."""
    flat = values.reshape(-1)
    parts = [slice(start, start + _SCALED_PX) for start in range(0, flat.size, _SCALED_PX)]
    top = max(float(_from_0(flat[part]).max(initial=0.0)) for part in parts)
    scaled = np.empty(flat.size, np.uint8)
    for part in parts:
        scaled[part] = np.rint(_from_0(flat[part]) * (255.0 / top if top > 0 else 0.0))
    return scaled.reshape(values.shape)


def _from_0(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the values as numbers from 0: what is none, infinite or below is 0."""
    return np.clip(np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0), 0.0, None)
