"""Digits drawn for the tests: strokes in a unit square, y downwards, and pictures of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Stroke = list[tuple[float, float]]


def _arc(cx: float, cy: float, rx: float, ry: float, start_deg: float, end_deg: float) -> Stroke:
    angles = np.deg2rad(np.linspace(start_deg, end_deg, 24))
    return [(cx + rx * float(np.cos(angle)), cy + ry * float(np.sin(angle))) for angle in angles]


DIGIT_STROKES: dict[int, list[Stroke]] = {
    0: [_arc(0.5, 0.5, 0.30, 0.46, -90, 270)],
    1: [[(0.54, 0.05), (0.50, 0.50), (0.47, 0.95)]],
    2: [[*_arc(0.48, 0.28, 0.27, 0.24, 190, 390), (0.55, 0.60), (0.20, 0.93), (0.82, 0.93)]],
    3: [[*_arc(0.46, 0.27, 0.26, 0.22, 200, 445), *_arc(0.46, 0.72, 0.30, 0.24, -80, 150)]],
    4: [[(0.36, 0.05), (0.18, 0.55), (0.84, 0.55)], [(0.66, 0.12), (0.62, 0.97)]],
    5: [[(0.78, 0.07), (0.34, 0.07), (0.28, 0.44), *_arc(0.48, 0.67, 0.29, 0.26, -125, 140)]],
    6: [[(0.68, 0.05), (0.42, 0.28), *_arc(0.50, 0.70, 0.25, 0.25, 190, 545)]],
    7: [[(0.20, 0.08), (0.80, 0.08), (0.55, 0.50), (0.40, 0.96)]],
    8: [[*_arc(0.5, 0.28, 0.22, 0.22, 90, -270), *_arc(0.5, 0.73, 0.27, 0.23, -90, 270)]],
    9: [[*_arc(0.48, 0.30, 0.24, 0.24, 0, -360), (0.70, 0.50), (0.62, 0.96)]],
}


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
