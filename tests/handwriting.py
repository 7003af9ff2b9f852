"""Digits drawn for the tests: strokes in a unit square, y downwards, and pictures of them."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from digits import STROKES, Stroke

# Each a single stroke but the 4; the 7 of the benchmarks is crossed.
DIGIT_STROKES: dict[int, list[Stroke]] = {**STROKES, 7: STROKES[7][:1]}


def draw_digit(
    digit: int,
    size_px: int = 280,
    pen_px: float = 18,
    *,
    digit_px: float | None = None,
    centre: tuple[float, float] = (0.5, 0.5),
    ink: int = 0,
    paper: int = 255,
) -> NDArray[np.uint8]:
    """Return a square picture of the digit, (size_px, size_px) uint8; `centre` is a share of the side."""
    picture = np.full((size_px, size_px), paper, np.uint8)
    scale = 0.6 * size_px if digit_px is None else digit_px
    for stroke in DIGIT_STROKES[digit]:
        points = (np.array(stroke) - 0.5) * scale + np.array(centre) * size_px
        corners = np.rint(points * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(picture, [corners], False, (float(ink),), max(1, round(pen_px)), cv2.LINE_AA, 4)
    return picture


def crop_to_ink(picture: NDArray[np.uint8], margin_px: int = 0) -> NDArray[np.uint8]:
    """Return the picture cut out around its dark pixels."""
    x, y, width, height = cv2.boundingRect((picture < 128).astype(np.uint8))
    return picture[
        max(0, y - margin_px) : y + height + margin_px, max(0, x - margin_px) : x + width + margin_px
    ]


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """Return the picture as a PNG file; colour is in OpenCV's order, BGR."""
    return cv2.imencode(".png", image)[1].tobytes()
