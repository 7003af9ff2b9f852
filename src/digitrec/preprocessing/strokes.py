"""Render pen strokes as images.

A rendered canvas is decoded and normalized like any other image, in training and in inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.errors import InvalidFieldError
from digitrec.limits import MAX_STROKE_POINTS

CANVAS_SIZE_PX = 280

# Relative to the digit's longer side: gives about the stroke width of MNIST, 2.2 of 20 px.
_PEN_FRACTION = 0.11
_DIGIT_FRACTION = 0.68  # of the canvas; people use 40 to 85 %
_SUBPIXEL_BITS = 4
# For `render_strokes_as_page`.
_MAIN_STROKE_QUANTILE = 0.75  # of the strokes' longer sides
_MAIN_STROKE_PX = 50.0
_PAGE_PEN_PX = 5
_PAGE_MARGIN_PX = 12
_MAX_PAGE_PX = 4000
_MAX_STROKES = 300
_MAX_LENGTH_PX = 300_000  # total, on the page; a digit has a few hundred
_MAX_COORDINATE = 1e6


@dataclass(frozen=True, eq=False)
class Strokes:
    """A drawing as the path of the pen.

    Attributes
    ----------
    strokes : for each stroke, in drawing order, an (N, 2) float32 array of x, y with N >= 1; any unit, y downwards.
    """

    strokes: tuple[NDArray[np.float32], ...]

    @classmethod
    def from_lists(cls, value: object, field: str = "strokes") -> Strokes:
        """Return the strokes parsed from ``[[[x, y], ...], ...]``.

        Raises
        ------
        InvalidFieldError : the structure is wrong, a number is not finite, or there are too many points.
        """
        expected = "expected a list of strokes, each a list of [x, y] numbers. Received: "
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            raise InvalidFieldError(field, f"{expected}{type(value).__name__}. Send [[[x, y], ...], ...].")
        _check_points(value, MAX_STROKE_POINTS, field)
        strokes = (_parse_stroke(points, f"{field}[{index}]", expected) for index, points in enumerate(value))
        return cls(tuple(stroke for stroke in strokes if len(stroke)))

    @property
    def box(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The minimum and the maximum x, y, each (2,) float32; zeros without strokes."""
        if not self.strokes:
            return np.zeros(2, np.float32), np.zeros(2, np.float32)
        points = np.concatenate(self.strokes)
        return points.min(axis=0), points.max(axis=0)


def render_strokes(strokes: Strokes) -> NDArray[np.uint8]:
    """Return the strokes centered on a canvas, (280, 280) uint8, black on white.

    Size and pen width are fixed, so that the result depends neither on the unit nor on the origin of the coordinates. A
    drawing without extent, such as a tap, gives a blank image.
    """
    longer_side = _longer_side(strokes)
    if longer_side == 0.0:
        return np.full((CANVAS_SIZE_PX, CANVAS_SIZE_PX), 255, np.uint8)
    side_px = _DIGIT_FRACTION * CANVAS_SIZE_PX
    return _draw(strokes, side_px, _PEN_FRACTION * side_px, (CANVAS_SIZE_PX / 2, CANVAS_SIZE_PX / 2))


def render_strokes_as_page(strokes: Strokes) -> tuple[NDArray[np.uint8], float, tuple[float, float]]:
    """Return a drawing of several digits as an image, its scale and its origin.

    The upper quartile of the strokes' sizes becomes 50 px, and so the height of the digits. A drawing without extent,
    or with more or longer strokes than a page of numbers has, gives a blank image.

    Returns
    -------
    (H, W) uint8, black on white, at most 4,024 px per side; the scale in pixels per unit; and the x, y of the upper
    left corner in units of the strokes.
    """
    low, high = strokes.box
    heights = np.sort([float(np.ptp(stroke, axis=0).max()) for stroke in strokes.strokes] or [0.0])
    height = float(heights[round(_MAIN_STROKE_QUANTILE * (len(heights) - 1))] or heights[-1])
    extent = float((high - low).max())
    scale = min(_MAIN_STROKE_PX / height, _MAX_PAGE_PX / extent) if height else 0.0
    length = sum(float(np.abs(np.diff(stroke, axis=0)).sum()) for stroke in strokes.strokes)
    if not scale or len(strokes.strokes) > _MAX_STROKES or length * scale > _MAX_LENGTH_PX:
        return np.full((_PAGE_MARGIN_PX, _PAGE_MARGIN_PX), 255, np.uint8), 1.0, (0.0, 0.0)
    width, page_height = np.ceil((high - low) * scale).astype(int) + 2 * _PAGE_MARGIN_PX
    page = np.full((int(page_height), int(width)), 255, np.uint8)
    _draw_strokes(page, strokes, scale, low - _PAGE_MARGIN_PX / scale, _PAGE_PEN_PX)
    origin = low - _PAGE_MARGIN_PX / scale
    return page, scale, (float(origin[0]), float(origin[1]))


def render_strokes_randomized(strokes: Strokes, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the strokes at a random size and position on a canvas, (280, 280) uint8, black on white.

    The digit takes 40 to 85 % of the canvas; the pen is 12 to 24 px wide.
    """
    side_px = rng.uniform(0.40, 0.85) * CANVAS_SIZE_PX
    pen_px = rng.uniform(12.0, 24.0)
    low, high = strokes.box
    extent_px = (high - low) * (side_px / max(_longer_side(strokes), 1e-6))
    free_px = np.maximum((CANVAS_SIZE_PX - extent_px - pen_px) / 2 - 1, 0.0)
    center = CANVAS_SIZE_PX / 2 + rng.uniform(-1.0, 1.0, 2) * free_px
    return _draw(strokes, side_px, pen_px, (float(center[0]), float(center[1])))


def _draw(strokes: Strokes, side_px: float, pen_px: float, center: tuple[float, float]) -> NDArray[np.uint8]:
    canvas = np.full((CANVAS_SIZE_PX, CANVAS_SIZE_PX), 255, np.uint8)
    low, high = strokes.box
    scale = side_px / max(_longer_side(strokes), 1e-6)
    _draw_strokes(canvas, strokes, scale, (low + high) / 2 - np.array(center, np.float32) / scale, pen_px)
    return canvas


def _draw_strokes(
    canvas: NDArray[np.uint8], strokes: Strokes, scale: float, origin: NDArray[np.float32], pen_px: float
) -> None:
    for stroke in strokes.strokes:
        points = (stroke - origin) * scale
        corners = np.rint(points * (1 << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)
        if len(corners) == 1:  # a dot: OpenCV draws nothing for a single point
            corners = np.repeat(corners, 2, axis=0)
        cv2.polylines(canvas, [corners], False, (0.0,), max(1, round(pen_px)), cv2.LINE_AA, _SUBPIXEL_BITS)


def _longer_side(strokes: Strokes) -> float:
    low, high = strokes.box
    return float((high - low).max())


def _check_points(value: Sequence[object], maximum: int, field: str) -> None:
    counts = [len(points) if isinstance(points, Sequence) else 1 for points in value[: maximum + 1]]
    total = sum(counts)
    if total > maximum or len(value) > maximum:
        raise InvalidFieldError(
            field,
            f"expected at most {maximum:,} points. Received: {max(total, len(value)):,}. Send fewer points.",
        )


def _parse_stroke(points: object, field: str, expected: str) -> NDArray[np.float32]:
    try:
        stroke = np.asarray(points, np.float64) if _contains_only_numbers(points) else np.empty(0)
    except (ValueError, TypeError, OverflowError):
        stroke = np.empty(0)
    if isinstance(points, Sequence) and len(points) == 0:
        return np.empty((0, 2), np.float32)
    if stroke.ndim != 2 or stroke.shape[1] != 2 or not (np.abs(stroke) < _MAX_COORDINATE).all():
        raise InvalidFieldError(field, f"{expected}{str(points)[:60]}. Send finite numbers below a million.")
    return stroke.astype(np.float32)


def _contains_only_numbers(points: object) -> bool:
    if isinstance(points, np.ndarray):
        return points.dtype.kind in "iuf"
    return isinstance(points, Sequence) and all(
        isinstance(number, (int, float)) and not isinstance(number, bool)
        for point in points
        if isinstance(point, Sequence)
        for number in point
    )
