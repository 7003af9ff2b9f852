"""Sample digits for the tests: strokes in a unit square, y downwards, and rendered images."""

from __future__ import annotations

import cv2
import numpy as np
from digits import STROKES, Stroke
from numpy.typing import NDArray

# Each is a single stroke, except the 4; the 7 of the benchmarks is crossed.
DIGIT_STROKES: dict[int, list[Stroke]] = {**STROKES, 7: STROKES[7][:1]}


def draw_digit(
    digit: int,
    size_px: int = 280,
    pen_px: float = 18,
    *,
    digit_px: float | None = None,
    center: tuple[float, float] = (0.5, 0.5),
    ink: int = 0,
    background: int = 255,
) -> NDArray[np.uint8]:
    """Return a square image of the digit, (size_px, size_px) uint8; `center` is a fraction of the side."""
    image = np.full((size_px, size_px), background, np.uint8)
    scale = 0.6 * size_px if digit_px is None else digit_px
    for stroke in DIGIT_STROKES[digit]:
        points = (np.array(stroke) - 0.5) * scale + np.array(center) * size_px
        corners = np.rint(points * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(image, [corners], False, (float(ink),), max(1, round(pen_px)), cv2.LINE_AA, 4)
    return image


def crop_to_ink(image: NDArray[np.uint8], margin_px: int = 0) -> NDArray[np.uint8]:
    """Return the image cropped to its dark pixels."""
    x, y, width, height = cv2.boundingRect((image < 128).astype(np.uint8))
    return image[
        max(0, y - margin_px) : y + height + margin_px, max(0, x - margin_px) : x + width + margin_px
    ]


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """Return the image as a PNG file; colors are in the order of OpenCV, BGR."""
    return cv2.imencode(".png", image)[1].tobytes()
