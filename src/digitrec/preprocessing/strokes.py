"""Pen strokes to pictures: what a canvas shows of them.

A rendered canvas is a picture like any other and goes through the same normalisation, in training and
in serving.
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

# A pen of a ninth of the digit's longer side gives about MNIST's own stroke width: 2.2 of 20 px.
_PEN_SHARE = 0.11
_DIGIT_SHARE = 0.68  # of the canvas, between the 40 and 85 % that people use
_SUBPIXEL_BITS = 4
# A page of strokes.
_TALL_RANK = 0.75  # of the strokes' lengths: a digit's main stroke
_TALL_PX = 50.0
_PAGE_PEN_PX = 5
_PAGE_MARGIN_PX = 12
_LARGEST_PAGE_PX = 4000
_MOST_STROKES = 300
_LONGEST_PX = 300_000  # of all strokes: a digit takes a few hundred
_LARGEST_COORDINATE = 1e6


@dataclass(frozen=True, eq=False)
class Strokes:
    """A drawing as the pen's own path.

    Attributes
    ----------
    lines : one (N, 2) float32 array of x, y a stroke, in drawing order, N at least 1, any unit, y downwards.
    """

    lines: tuple[NDArray[np.float32], ...]

    @classmethod
    def from_lists(cls, value: object, field: str = "strokes") -> Strokes:
        """Return the strokes in ``[[[x, y], ...], ...]``, checked.

        Raises
        ------
        InvalidFieldError : another structure, numbers that are not finite, or too many points.
        """
        expected = "expected a list of strokes, each a list of [x, y] numbers. Received: "
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            raise InvalidFieldError(field, f"{expected}{type(value).__name__}. Send [[[x, y], ...], ...].")
        _check_points(value, MAX_STROKE_POINTS, field)
        lines = (_line(points, f"{field}[{index}]", expected) for index, points in enumerate(value))
        return cls(tuple(line for line in lines if len(line)))

    @property
    def box(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The smallest and the largest x, y, each (2,) float32; both 0 where nothing is drawn."""
        if not self.lines:
            return np.zeros(2, np.float32), np.zeros(2, np.float32)
        points = np.concatenate(self.lines)
        return points.min(axis=0), points.max(axis=0)


def render_strokes(strokes: Strokes) -> NDArray[np.uint8]:
    """Return the strokes in the middle of a canvas, (280, 280) uint8, black on white.

    The size and the pen are always the same, so that the answer does not depend on the unit of the
    coordinates or on where on its page a program drew. A drawing without extent, a tap, gives blank paper.
    """
    longer_side = _longer_side(strokes)
    if longer_side == 0.0:
        return np.full((CANVAS_SIZE_PX, CANVAS_SIZE_PX), 255, np.uint8)
    side_px = _DIGIT_SHARE * CANVAS_SIZE_PX
    return _draw(strokes, side_px, _PEN_SHARE * side_px, (CANVAS_SIZE_PX / 2, CANVAS_SIZE_PX / 2))


def render_strokes_as_page(strokes: Strokes) -> tuple[NDArray[np.uint8], float, tuple[float, float]]:
    """Return a drawing of several digits, black on white, its scale, and x, y in its own unit of the page's corner.

    The tall ones of its strokes become 50 px high, so that digits do. A drawing without extent gives blank paper, as do
    more or longer strokes than a page of numbers has.

    Returns
    -------
    (H, W) uint8 of at most 4,024 px a side, pixels for each unit of the strokes, and the corner.
    """
    low, high = strokes.box
    heights = np.sort([float(np.ptp(line, axis=0).max()) for line in strokes.lines] or [0.0])
    height = float(heights[round(_TALL_RANK * (len(heights) - 1))] or heights[-1])
    extent = float((high - low).max())
    scale = min(_TALL_PX / height, _LARGEST_PAGE_PX / extent) if height else 0.0
    length = sum(float(np.abs(np.diff(line, axis=0)).sum()) for line in strokes.lines)
    if not scale or len(strokes.lines) > _MOST_STROKES or length * scale > _LONGEST_PX:
        return np.full((_PAGE_MARGIN_PX, _PAGE_MARGIN_PX), 255, np.uint8), 1.0, (0.0, 0.0)
    width, tall = np.ceil((high - low) * scale).astype(int) + 2 * _PAGE_MARGIN_PX
    page = np.full((int(tall), int(width)), 255, np.uint8)
    _draw_lines(page, strokes, scale, low - _PAGE_MARGIN_PX / scale, _PAGE_PEN_PX)
    origin = low - _PAGE_MARGIN_PX / scale
    return page, scale, (float(origin[0]), float(origin[1]))


def render_strokes_randomized(strokes: Strokes, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the strokes on a canvas as people draw, (280, 280) uint8, black on white.

    The digit is 40 to 85 % of the canvas and anywhere on it; the pen is 12 to 24 px.
    """
    side_px = rng.uniform(0.40, 0.85) * CANVAS_SIZE_PX
    pen_px = rng.uniform(12.0, 24.0)
    low, high = strokes.box
    extent_px = (high - low) * (side_px / max(_longer_side(strokes), 1e-6))
    room_px = np.maximum((CANVAS_SIZE_PX - extent_px - pen_px) / 2 - 1, 0.0)
    centre = CANVAS_SIZE_PX / 2 + rng.uniform(-1.0, 1.0, 2) * room_px
    return _draw(strokes, side_px, pen_px, (float(centre[0]), float(centre[1])))


def _draw(strokes: Strokes, side_px: float, pen_px: float, centre: tuple[float, float]) -> NDArray[np.uint8]:
    canvas = np.full((CANVAS_SIZE_PX, CANVAS_SIZE_PX), 255, np.uint8)
    low, high = strokes.box
    scale = side_px / max(_longer_side(strokes), 1e-6)
    _draw_lines(canvas, strokes, scale, (low + high) / 2 - np.array(centre, np.float32) / scale, pen_px)
    return canvas


def _draw_lines(
    canvas: NDArray[np.uint8], strokes: Strokes, scale: float, origin: NDArray[np.float32], pen_px: float
) -> None:
    for line in strokes.lines:
        points = (line - origin) * scale
        corners = np.rint(points * (1 << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)
        if len(corners) == 1:  # a dot: OpenCV draws a line between two points, not one
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
            f"expected at most {maximum:,} points. Received: {max(total, len(value)):,}. Thin the strokes out.",
        )


def _line(points: object, field: str, expected: str) -> NDArray[np.float32]:
    try:
        line = np.asarray(points, np.float64) if _holds_numbers(points) else np.empty(0)
    except (ValueError, TypeError, OverflowError):
        line = np.empty(0)
    if isinstance(points, Sequence) and len(points) == 0:
        return np.empty((0, 2), np.float32)
    if line.ndim != 2 or line.shape[1] != 2 or not (np.abs(line) < _LARGEST_COORDINATE).all():
        raise InvalidFieldError(field, f"{expected}{str(points)[:60]}. Send finite numbers below a million.")
    return line.astype(np.float32)


def _holds_numbers(points: object) -> bool:
    if isinstance(points, np.ndarray):
        return points.dtype.kind in "iuf"
    return isinstance(points, Sequence) and all(
        isinstance(number, (int, float)) and not isinstance(number, bool)
        for point in points
        if isinstance(point, Sequence)
        for number in point
    )
