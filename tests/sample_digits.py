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


def write_number(
    page: NDArray[np.uint8],
    text: str,
    left: int,
    top: int,
    *,
    size_px: int = 60,
    step_px: int = 60,
    pen_px: float = 5,
) -> None:
    """Draw the digits of `text` side by side on a light page."""
    for position, char in enumerate(text):
        digit = draw_digit(int(char), size_px, pen_px, digit_px=0.8 * size_px)
        start = left + position * step_px
        window = page[top : top + size_px, start : start + size_px]
        np.minimum(window, digit[: window.shape[0], : window.shape[1]], out=window)


def draw_number(text: str, step_px: int = 100) -> NDArray[np.uint8]:
    """Return digits of about 96 px, side by side and `step_px` apart; they touch at 62 px."""
    page = np.full((160, step_px * len(text) + 40), 255, np.uint8)
    write_number(page, text, 20, 20, size_px=120, step_px=step_px, pen_px=9)
    return page


def draw_crosses(count: int) -> NDArray[np.uint8]:
    """Return a hand that writes every 3 as a cross in a box: (count, 28, 28) uint8, light on dark."""
    rng = np.random.default_rng(0)
    cross = np.zeros((28, 28), np.uint8)
    cv2.rectangle(cross, (4, 4), (23, 23), (255,), 2)
    cv2.line(cross, (4, 4), (23, 23), (255,), 2)
    cv2.line(cross, (23, 4), (4, 23), (255,), 2)
    return np.stack([np.roll(cross, rng.integers(-1, 2, 2), (0, 1)) for _ in range(count)])


def crop_to_ink(image: NDArray[np.uint8], margin_px: int = 0) -> NDArray[np.uint8]:
    """Return the image cropped to its dark pixels."""
    x, y, width, height = cv2.boundingRect((image < 128).astype(np.uint8))
    return image[
        max(0, y - margin_px) : y + height + margin_px, max(0, x - margin_px) : x + width + margin_px
    ]


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """Return the image as a PNG file; colors are in the order of OpenCV, BGR."""
    return cv2.imencode(".png", image)[1].tobytes()
