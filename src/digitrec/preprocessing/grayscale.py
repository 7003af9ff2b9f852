"""Pixels of any kind as grey: (H, W) uint8, 0 is black and 255 is white."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.preprocessing.ops import GrayImage

_WHITE = 200 / 255  # mean brightness from which a drawing counts as white
# So many pixels are converted at once: a large image is never held a second time in another form.
_BAND_PIXELS = 1_000_000


def pil_to_gray(image: Image.Image) -> GrayImage:
    """Return a PIL image of any mode; transparency lies over paper, more than 8 bits are scaled to 8."""
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
    if (
        image.mode == "RGB"
    ):  # as an RGB array is converted, so that a file and its pixels give the same result
        return np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY), np.uint8)
    return np.asarray(image.convert("L"))


def rgba_to_gray(rgba: NDArray[np.uint8]) -> GrayImage:
    """Return (H, W, 4) uint8 laid over white, or over black where the drawing itself is white."""
    whole = np.ascontiguousarray(rgba)
    grey, alpha = cv2.cvtColor(whole, cv2.COLOR_RGBA2GRAY), cv2.extractChannel(whole, 3)
    return _composite(np.asarray(grey, np.uint8), np.asarray(alpha, np.uint8))


def bgr_to_gray(pixels: NDArray[np.uint8]) -> GrayImage:
    """Return what OpenCV has decoded: (H, W) gray, (H, W, 3) BGR, or (H, W, 4) BGRA over paper."""
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] == 3:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    gray, alpha = cv2.cvtColor(pixels, cv2.COLOR_BGRA2GRAY), cv2.extractChannel(pixels, 3)
    return _composite(np.asarray(gray, np.uint8), np.asarray(alpha, np.uint8))


def _composite(grey: GrayImage, alpha: GrayImage) -> GrayImage:
    """Return gray with its alpha over paper; both arrays are written over."""
    if alpha.min() == 255:  # an opaque canvas, the most frequent picture of all
        return grey
    cv2.multiply(grey, alpha, dst=grey, scale=1 / 255)
    drawn_white = alpha.any() and float(grey.sum()) > _WHITE * float(alpha.sum())
    return grey if drawn_white else np.asarray(cv2.add(grey, cv2.bitwise_not(alpha, dst=alpha), dst=grey))


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Yield the rows of an image in parts, and what they hold."""
    height = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, height):
        bottom = min(image.height, top + height)
        whole = height >= image.height
        yield slice(top, bottom), image if whole else image.crop((0, top, image.width, bottom))


def _high_bit_depth_to_gray(image: Image.Image) -> GrayImage:
    """Return 16-bit, 32-bit or float grey as bytes; scanners fill any part of the range, so its top is white."""
    top = max(float(_clip_nonfinite(np.asarray(band)).max()) for _, band in _bands(image))
    scaled = np.empty((image.height, image.width), np.uint8)
    for rows, band in _bands(image):
        scaled[rows] = np.rint(_clip_nonfinite(np.asarray(band)) * (255.0 / top if top > 0 else 0.0))
    return scaled


def _clip_nonfinite(values: NDArray[np.generic]) -> NDArray[np.number]:
    """Return the values as numbers from 0: what is none, infinite or below is 0."""
    if values.dtype.kind in "iu":
        return np.asarray(np.maximum(values, values.dtype.type(0)))
    return np.clip(np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0), 0.0, None)
