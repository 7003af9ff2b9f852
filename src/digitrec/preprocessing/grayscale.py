"""Convert pixels of any mode to grayscale: (H, W) uint8, 0 is black and 255 is white."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.preprocessing.ops import GrayImage

_WHITE = 200 / 255  # mean brightness from which a transparent drawing counts as white
# Pixels that are converted at once, so that no second copy of a large image is needed.
_BAND_PIXELS = 1_000_000


def pil_to_gray(image: Image.Image) -> GrayImage:
    """Return a PIL image of any mode as grayscale; alpha is composited, high bit depths are scaled to 8 bits."""
    if image.mode.startswith("I") or image.mode == "F":
        return _high_bit_depth_to_gray(image)
    gray = np.empty((image.height, image.width), np.uint8)
    if not image.has_transparency_data:
        for rows, band in _bands(image):
            gray[rows] = _band_to_gray(band)
        return gray
    alpha = np.empty_like(gray)
    for rows, band in _bands(image):
        rgba = np.asarray(band if band.mode == "RGBA" else band.convert("RGBA"))
        gray[rows], alpha[rows] = cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY), cv2.extractChannel(rgba, 3)
    return _composite(gray, alpha)


def _band_to_gray(image: Image.Image) -> GrayImage:
    if image.mode == "RGB":  # the same conversion as for RGB arrays, so that both give the same result
        return np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY), np.uint8)
    return np.asarray(image.convert("L"))


def array_to_gray(pixels: NDArray[np.uint8], *, is_bgr: bool = False) -> GrayImage:
    """Return (H, W) gray, (H, W, 3) RGB or (H, W, 4) RGBA levels as grayscale; OpenCV decodes to BGR or BGRA."""
    if pixels.ndim == 2:
        return pixels
    pixels = np.ascontiguousarray(pixels)
    to_gray = cv2.COLOR_BGR2GRAY if is_bgr else cv2.COLOR_RGB2GRAY  # with and without alpha
    gray = np.asarray(cv2.cvtColor(pixels, to_gray), np.uint8)
    if pixels.shape[2] == 3:
        return gray
    return _composite(gray, np.asarray(cv2.extractChannel(pixels, 3), np.uint8))


def _composite(gray: GrayImage, alpha: GrayImage) -> GrayImage:
    """Composite gray levels with alpha over white, or black if the drawing is white; overwrites both arrays."""
    if alpha.min() == 255:  # an opaque canvas, the most frequent case
        return gray
    cv2.multiply(gray, alpha, dst=gray, scale=1 / 255)
    drawn_white = alpha.any() and float(gray.sum()) > _WHITE * float(alpha.sum())
    return gray if drawn_white else np.asarray(cv2.add(gray, cv2.bitwise_not(alpha, dst=alpha), dst=gray))


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Yield the image in bands: the rows of each, and its part of the image."""
    height = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, height):
        bottom = min(image.height, top + height)
        is_whole = height >= image.height
        yield slice(top, bottom), image if is_whole else image.crop((0, top, image.width, bottom))


def _high_bit_depth_to_gray(image: Image.Image) -> GrayImage:
    """Return 16-bit, 32-bit or float gray levels as uint8; the maximum becomes white, as scanners use any range."""
    top = max(float(_clip_nonfinite(np.asarray(band)).max()) for _, band in _bands(image))
    scaled = np.empty((image.height, image.width), np.uint8)
    for rows, band in _bands(image):
        scaled[rows] = np.rint(_clip_nonfinite(np.asarray(band)) * (255.0 / top if top > 0 else 0.0))
    return scaled


def _clip_nonfinite(values: NDArray[np.generic]) -> NDArray[np.number]:
    """Return the values with NaN, infinities and negative values replaced by 0."""
    if values.dtype.kind in "iu":
        return np.asarray(np.maximum(values, values.dtype.type(0)))
    return np.clip(np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0), 0.0, None)
