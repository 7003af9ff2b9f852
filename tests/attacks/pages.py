"""Inputs that make reading a number expensive: images, pen drawings, and constraints.

Each aims at a loop or a table that grows with what it counts: components, lines, columns, candidates, or states. The
images stay within the limits of `digitrec.limits.InputLimits`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Drawing = list[list[tuple[float, float]]]

_SIDE = 2400  # the longer side of the largest page that is processed: nothing is lost to downscaling
_POINTS = 20_000  # the maximum in a drawing


def _from_mask(mask: NDArray[np.bool_]) -> Image:
    return np.where(mask, 0, 255).astype(np.uint8)


def _noise(height: int, width: int, fraction: float, grain: float = 0) -> Image:
    """Return ink on a fraction of the paper, in single pixels or in blots of this size."""
    field = np.random.default_rng(0).standard_normal((height, width), np.float32)
    field = cv2.GaussianBlur(field, (0, 0), grain) if grain else field
    return _from_mask(field > np.quantile(field[::7, ::7], 1 - fraction))


def _checkerboard(side: int, square: int) -> Image:
    squares = np.arange(side) // square % 2
    return _from_mask(squares[:, None] == squares)


def _bars(shape: tuple[int, int], bar: tuple[int, int], every: tuple[int, int]) -> Image:
    """Return bars of (height, width) `bar`, one `every` (rows, columns)."""
    rows, columns = (
        np.arange(size) % step >= step - length for size, length, step in zip(shape, bar, every, strict=True)
    )
    return _from_mask(rows[:, None] & columns)


def _zigzags(height: int, rows: int, step: int, thickness: int) -> Image:
    """Return rows of one component each, from one side of the page to the other."""
    page = np.full((height * rows, _SIDE), 255, np.uint8)
    xs = np.arange(20, _SIDE - 20, step)
    for row in range(rows):
        ys = np.where(np.arange(len(xs)) % 2, height - 15, 15) + row * height
        cv2.polylines(page, [np.stack([xs, ys], 1).astype(np.int32)], False, (0,), thickness)
    return page


def _rings(height: int, every: int, rows: int) -> Image:
    """Return rows of rings that touch."""
    page = np.full((height * rows, _SIDE), 255, np.uint8)
    for row in range(rows):
        for x in range(height, _SIDE - height, every):
            center, axes = (x, round((row + 0.5) * height)), (every // 2 + 1, height * 2 // 5)
            cv2.ellipse(page, center, axes, 0, 0, 360, (0,), max(1, height // 12))
    return page


def _spiral(turns: int, thickness: int) -> Image:
    page = np.full((_SIDE, _SIDE), 255, np.uint8)
    angle = np.linspace(0, turns * 2 * math.pi, turns * 200)
    radius = np.linspace(0, _SIDE * 0.49, len(angle))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1) + _SIDE / 2
    cv2.polylines(page, [np.rint(points).astype(np.int32)], False, (0,), thickness)
    return page


def _nested(count: int, every: int, thickness: int) -> Image:
    """Return right angles inside each other: components whose boxes are all as large as the page."""
    page = np.full((_SIDE, _SIDE), 255, np.uint8)
    for start in range(0, count * every, every):
        page[start : start + thickness, start:] = page[start:, start : start + thickness] = 0
    return page


def _tilted_lines(every: int, slope: float, thickness: int) -> Image:
    page = np.full((_SIDE, _SIDE), 255, np.uint8)
    for y in range(-_SIDE, 2 * _SIDE, every):
        cv2.line(page, (0, y), (_SIDE, round(y + slope * _SIDE)), (0,), thickness)
    return page


def _print(height: int, characters: str, shape: tuple[int, int] = (_SIDE, _SIDE)) -> Image:
    """Return lines of printed characters."""
    rng = np.random.default_rng(0)
    page = np.full(shape, 255, np.uint8)
    for y in range(2 * height, shape[0], 2 * height):
        line = "".join(rng.choice(list(characters), int(shape[1] / height * 1.6)))
        cv2.putText(page, line, (height // 2, y), 0, height / 40, (0,), max(1, height // 12))
    return page


def _scribbles(count: int, reach: int, thickness: int) -> Image:
    rng = np.random.default_rng(0)
    page = np.full((_SIDE, _SIDE), 255, np.uint8)
    for _ in range(count):
        points = rng.integers(0, _SIDE, 2) + np.cumsum(rng.integers(-reach, reach + 1, (6, 2)), axis=0)
        cv2.polylines(page, [points.astype(np.int32)], False, (0,), thickness)
    return page


def _on_a4(image: Image) -> Image:
    bottom, right = 1700 - image.shape[0], 2400 - image.shape[1]
    return cv2.copyMakeBorder(image, 0, bottom, 0, right, 0, value=(255,))


def _moire() -> Image:
    axis = np.linspace(-60, 60, _SIDE, dtype=np.float32) ** 2
    return ((np.sin(axis[:, None] + axis) + 1) * 127).astype(np.uint8)


def _hairlines_over_dots() -> Image:
    """Return dots that are found first, and hairlines that only a closer look finds."""
    page = _bars((_SIDE, _SIDE), (60, 60), (240, 240))
    page[::4, :] = page[:, _SIDE // 2] = 120
    return page


def _digit_in_dust(every: int, size: int) -> Image:
    """Return one large digit among components that are just large enough to be kept."""
    page = _bars((_SIDE, _SIDE), (size, size), (every, every))
    cv2.circle(page, (_SIDE // 2, _SIDE // 2), 300, (255,), -1)
    cv2.ellipse(page, (_SIDE // 2, _SIDE // 2), (150, 250), 0, 0, 360, (0,), 60)
    return page


_PAGE = (_SIDE, _SIDE)
# Each makes an image, (H, W) uint8.
PAGES: dict[str, Callable[[], Image]] = {
    "one pixel": lambda: np.zeros((1, 1), np.uint8),
    "a solid block": lambda: np.zeros((5000, 5000), np.uint8),
    "a gradient": lambda: np.tile(np.linspace(0, 255, 5000).astype(np.uint8), (5000, 1)),
    "noise of 65,535 x 381": lambda: _noise(381, 65_535, 0.3),
    "noise of 381 x 65,535": lambda: _noise(65_535, 381, 0.3),
    "a column of 1 x 65,535": lambda: _bars((65_535, 1), (200, 1), (300, 1)),
    "a line of 65,535 x 20": lambda: _bars((20, 65_535), (12, 4), (20, 9)),
    "a line of 24,000 x 200": lambda: _bars((200, 24_000), (120, 20), (200, 90)),
    "a line of 2400 x 20": lambda: _bars((20, _SIDE), (14, 2), (20, 7)),
    "a line of digits": lambda: _print(26, "0123456789", (60, _SIDE)),
    "a column of 20 x 2400": lambda: _bars((_SIDE, 20), (2, 14), (7, 20)),
    "300 uprights": lambda: _bars((90, _SIDE), (60, 3), (90, 8)),
    "black and white noise": lambda: _noise(5000, 5000, 0.5),
    "sparse noise": lambda: _noise(5000, 5000, 0.02),
    "sparser noise": lambda: _noise(_SIDE, _SIDE, 0.008),
    "gray noise": lambda: np.random.default_rng(0).integers(0, 255, (3100, 3100), np.uint8),
    "a little gray noise": lambda: np.random.default_rng(0).integers(90, 200, (400, 400), np.uint8),
    **{
        f"blots of {grain} px, {fraction:.0%}": lambda grain=grain, fraction=fraction: _noise(
            *_PAGE, fraction, grain
        )
        for grain, fraction in [(3, 0.1), (8, 0.15), (8, 0.5), (14, 0.1), (24, 0.2), (40, 0.4)]
    },
    **{
        f"a checkerboard of {square} px": lambda square=square: _checkerboard(_SIDE, square)
        for square in (1, 8, 30, 48, 85, 200)
    },
    **{
        f"dots of {size} px every {every}": lambda size=size, every=every: _bars(_PAGE, (size,) * 2, (every,) * 2)
        for size, every in [(6, 13), (14, 28), (24, 60), (80, 145)]
    },
    "dashes of 530 px": lambda: _bars(_PAGE, (2, 530), (6, 540)),
    "dashes of 180 px": lambda: _bars(_PAGE, (14, 180), (40, 200)),
    "lines from edge to edge": lambda: _bars((_SIDE, 1600), (5, 1600), (16, 1600)),
    "uprights from edge to edge": lambda: _bars(_PAGE, (_SIDE, 6), (_SIDE, 18)),
    "uprights in rows": lambda: _bars(_PAGE, (60, 8), (80, 20)),
    "tilted lines": lambda: _tilted_lines(14, 0.1, 3),
    "steep lines": lambda: _tilted_lines(50, 1.0, 10),
    **{
        f"a grid of {every} px": lambda every=every, line=line: _from_mask(~np.logical_and.outer(
            *[np.arange(_SIDE) % every >= line] * 2))
        for every, line in [(12, 2), (60, 8), (200, 12)]
    },
    "zigzags": lambda: _zigzags(100, 24, 20, 5),
    "small zigzags": lambda: _zigzags(40, 60, 10, 2),
    "rings that touch": lambda: _rings(80, 40, 30),
    "large rings that touch": lambda: _rings(400, 160, 1),
    "a spiral": lambda: _spiral(40, 8),
    "a fine spiral": lambda: _spiral(120, 3),
    "nested right angles": lambda: _nested(300, 8, 3),
    "a few nested right angles": lambda: _nested(60, 40, 10),
    "print of 16 px": lambda: _print(16, "abcdefgh0123456789"),
    "print of 40 px": lambda: _print(40, "abcdefgh0123456789"),
    "digits of 60 px": lambda: _print(60, "0123456789"),
    "many small scribbles": lambda: _scribbles(6000, 12, 2),
    "scribbles": lambda: _scribbles(400, 60, 6),
    "long scribbles": lambda: _scribbles(60, 600, 8),
    "moire": _moire,
    "hairlines over dots": _hairlines_over_dots,
    "36 digits on a sheet of A4": lambda: _on_a4(_print(55, "0123456789", (240, 1000))),
    "78 uprights on a sheet of A4": lambda: _on_a4(_bars((90, 634), (60, 3), (90, 8))),
    "a digit in dust": lambda: _digit_in_dust(70, 52),
    "a digit in fine dust": lambda: _digit_in_dust(24, 14),
}  # fmt: skip


def _walks(strokes: int, points: int, step: tuple[float, float], columns: int = 10_000) -> Drawing:
    """Return random walks that start in rows of so many columns, `step` from each other."""
    rng = np.random.default_rng(0)
    starts = [(index % columns * step[0], index // columns * step[1]) for index in range(strokes)]
    walks = np.cumsum(rng.uniform(-20, 20, (strokes, points, 2)), axis=1) + np.reshape(starts, (-1, 1, 2))
    return [[(float(x), float(y)) for x, y in walk] for walk in walks]


def _lines(count: int, step: tuple[float, float], to: tuple[float, float], columns: int = 10_000) -> Drawing:
    """Return strokes of two points that start in rows of so many columns, `step` from each other."""
    starts = [(index % columns * step[0], index // columns * step[1]) for index in range(count)]
    return [[(x, y), (x + to[0], y + to[1])] for x, y in starts]


# Each makes strokes of (x, y) points.
DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "one point": lambda: [[(0.0, 0.0)]],
    "20,000 taps at one place": lambda: [[(5.0, 5.0)]] * _POINTS,
    "20,000 taps in a row": lambda: [[(float(x), 0.0)] for x in range(_POINTS)],
    "20,000 taps on a square": lambda: [[(x % 141 * 1.0, x // 141 * 1.0)] for x in range(_POINTS)],
    "one stroke that walks": lambda: _walks(1, _POINTS, (0, 0)),
    "one stroke from corner to corner": lambda: [
        [(-999_999.0, -999_999.0) if x % 2 else (999_999.0, 999_999.0 - x) for x in range(_POINTS)]
    ],
    "10,000 uprights in a row": lambda: _lines(10_000, (3, 0), (0, 50)),
    "10,000 uprights on a square": lambda: _lines(10_000, (20, 60), (0, 50), 100),
    "10,000 dashes in a column": lambda: _lines(10_000, (0, 9), (50, 0), 1),
    "10,000 strokes at one place": lambda: _lines(10_000, (0, 0), (30, 50)),
    "300 uprights that touch": lambda: _lines(300, (2, 0), (0, 50)),
    "300 slants that cross": lambda: _lines(300, (10, 0), (60, 50)),
    "300 walks at one place": lambda: _walks(300, 66, (0, 0)),
    "300 walks in a row": lambda: _walks(300, 66, (70, 0)),
    "300 walks on a square": lambda: _walks(300, 66, (80, 80), 17),
    "299 taps and an upright": lambda: [[(9.0, 0.0), (9.0, 90.0)], *([(i / 3.0, 95.0)] for i in range(299))],
    "300 uprights over a million": lambda: _lines(300, (3_300, 0), (0, 400_000)),
    "a line two million long": lambda: [[(-999_999.0, 0.0), (999_999.0, 1.0)], [(0.0, 0.0), (0.0, 1.0)]],
}


def numbers(count: int, digits: int) -> list[str]:
    """Return up to `count` different numbers of so many digits."""
    rows = np.random.default_rng(0).integers(ord("0"), ord("9") + 1, (count, digits), np.uint8)
    return sorted({row.tobytes().decode() for row in rows})


# Each makes arguments of `Recognizer.read`, which are also those of a form field.
CONSTRAINTS: dict[str, Callable[[], dict[str, Any]]] = {
    "64 digits": lambda: {"length": 64},
    "a pattern of 64": lambda: {"pattern": "d" * 64},
    "100,000 of 5 digits": lambda: {"choices": [f"{number:05d}" for number in range(100_000)]},
    "60,000 of 5 digits": lambda: {"choices": numbers(60_000, 5)},
    "90,000 of 10 digits": lambda: {"choices": numbers(90_000, 10)},
    "4,000 of 64 digits": lambda: {"choices": numbers(4_000, 64)},
    "30,000 of 64 digits": lambda: {"choices": numbers(30_000, 64)},
    "64 digits and all that begin so": lambda: {"choices": ["1" * length for length in range(1, 65)]},
}
