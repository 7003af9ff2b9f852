"""Inputs that make reading a number expensive: images, pen drawings, and constraints.

Each is a few kilobytes on the wire or small in code, and looks for a loop or a table that grows with what it counts:
pieces, lines, cuts, candidates, places, or states. The images stay within the limits of `digitrec.limits.InputLimits`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Drawing = list[list[tuple[float, float]]]

SIDE_PX = 2400  # the longer side of the largest page that is looked at: nothing is lost to a reduction
POINTS = 20_000  # in a drawing
_INK = (0,)


def _paper(height: int = SIDE_PX, width: int = SIDE_PX) -> Image:
    return np.full((height, width), 255, np.uint8)


def _from_mask(mask: NDArray[np.bool_]) -> Image:
    return np.where(mask, 0, 255).astype(np.uint8)


def _solid(level: int, shape: tuple[int, int]) -> Image:
    return np.full(shape, level, np.uint8)


def _gradient() -> Image:
    return np.tile(np.linspace(0, 255, 5000).astype(np.uint8), (5000, 1))


def _noise(side: int, share: float, seed: int) -> Image:
    """Return grains of ink over a share of the paper, one pixel each."""
    return _from_mask(np.random.default_rng(seed).random((side, side), np.float32) < share)


def _grey_noise(side: int, low: int, high: int, seed: int) -> Image:
    return np.random.default_rng(seed).integers(low, high, (side, side), np.uint8)


def _blurred_noise(side: int, grain: float, share: float, seed: int) -> Image:
    """Return blots of one size at random places, which hang together or do not."""
    field = np.random.default_rng(seed).standard_normal((side, side), np.float32)
    field = cv2.GaussianBlur(field, (0, 0), grain)
    return _from_mask(field > np.quantile(field[::7, ::7], 1 - share))


def _checkerboard(side: int, period: int) -> Image:
    half = max(1, period // 2)
    lines = np.arange(side) // half % 2
    return _from_mask((lines[:, None] ^ lines[None, :]) == 0)


def _dots(side: int, every: int, radius: int) -> Image:
    page = _paper(side, side)
    for y in range(every // 2, side, every):
        for x in range(every // 2, side, every):
            cv2.circle(page, (x, y), radius, _INK, -1)
    return page


def _bars(
    height: int, width: int, bar: tuple[int, int], every: tuple[int, int], start: tuple[int, int]
) -> Image:
    """Return bars of (height, width) `bar`, one `every` (rows, columns), the first one at `start`."""
    page = _paper(height, width)
    rows = (np.arange(height) - start[0]) % every[0] < bar[0]
    columns = (np.arange(width) - start[1]) % every[1] < bar[1]
    rows &= np.arange(height) >= start[0]
    columns &= np.arange(width) >= start[1]
    page[np.ix_(rows, columns)] = 0
    return page


def _tilted_lines(every: int, slope: float, thickness: int) -> Image:
    page = _paper()
    for y in range(-SIDE_PX, 2 * SIDE_PX, every):
        cv2.line(page, (0, y), (SIDE_PX, round(y + slope * SIDE_PX)), _INK, thickness)
    return page


def _grid(every: int, thickness: int) -> Image:
    lines = np.arange(SIDE_PX) % every < thickness
    return _from_mask(lines[:, None] | lines[None, :])


def _comb(height: int, width: int, every: int, tooth: int, *, both: bool = False) -> Image:
    """Return one piece of ink: a back, and teeth that hang from it, or stand on it, too."""
    page = _paper(height, width)
    back = height // 2
    page[back - tooth : back + tooth, 20:-20] = 0
    for place, x in enumerate(range(20, width - 20 - tooth, every)):
        page[back : height - 20 - place % 3 * 4, x : x + tooth] = 0
        if both:
            page[20 + place % 5 * 4 : back, x + every // 2 : x + every // 2 + tooth] = 0
    return page


def _zigzag(height: int, width: int, step: int, thickness: int, rows: int = 1) -> Image:
    page = _paper(height * rows, width)
    for row in range(rows):
        xs = np.arange(20, width - 20, step)
        ys = np.where(np.arange(len(xs)) % 2, height - 15, 15) + row * height
        cv2.polylines(page, [np.stack([xs, ys], 1).astype(np.int32)], False, _INK, thickness)
    return page


def _chain(height: int, width: int, digit: int, every: int, rows: int) -> Image:
    """Return rings that touch, in rows: each may be a zero, or be cut."""
    page = _paper(height, width)
    for row in range(rows):
        y = round((row + 0.5) * height / rows)
        for x in range(digit, width - digit, every):
            cv2.ellipse(page, (x, y), (every // 2 + 1, digit // 2), 0, 0, 360, _INK, max(1, digit // 10))
    return page


def _spiral(turns: int, thickness: int) -> Image:
    page = _paper()
    angle = np.linspace(0, turns * 2 * math.pi, turns * 200)
    radius = np.linspace(0, SIDE_PX * 0.49, len(angle))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1) + SIDE_PX / 2
    cv2.polylines(page, [np.rint(points).astype(np.int32)], False, _INK, thickness)
    return page


def _rings(every: int, thickness: int) -> Image:
    page = _paper()
    for radius in range(every, SIDE_PX // 2, every):
        cv2.circle(page, (SIDE_PX // 2, SIDE_PX // 2), radius, _INK, thickness)
    return page


def _text(height: int, seed: int, signs: str, shape: tuple[int, int] = (SIDE_PX, SIDE_PX)) -> Image:
    """Return lines of print, `height` px each."""
    rng = np.random.default_rng(seed)
    page = _paper(*shape)
    scale = height / 40
    for y in range(2 * height, shape[0], 2 * height):
        line = "".join(rng.choice(list(signs), int(shape[1] / height * 1.6)))
        cv2.putText(page, line, (height // 2, y), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, max(1, height // 12))
    return page


def _scribbles(count: int, reach: int, thickness: int, seed: int) -> Image:
    rng = np.random.default_rng(seed)
    page = _paper()
    for _ in range(count):
        points = rng.integers(0, SIDE_PX, 2) + np.cumsum(rng.integers(-reach, reach + 1, (6, 2)), axis=0)
        cv2.polylines(page, [points.astype(np.int32)], False, _INK, thickness)
    return page


def _moire() -> Image:
    axis = np.linspace(-60, 60, SIDE_PX, dtype=np.float32)
    return ((np.sin(axis[:, None] ** 2 + axis[None, :] ** 2) + 1) * 127).astype(np.uint8)


def _staircase(run: int, drop: int, every: int) -> Image:
    """Return long level runs, each a few pixels below the one before, from edge to edge."""
    page = _paper()
    for offset in range(-SIDE_PX, SIDE_PX, every):
        for place, x in enumerate(range(0, SIDE_PX, run)):
            y = offset + place * drop
            if 0 <= y < SIDE_PX - 2:
                page[y : y + 2, x : x + run + 1] = 0
    return page


def _shelves(inset: int, every: int, height: int, width: int) -> Image:
    """Return a digit's height of uprights between long level lines that run into one side."""
    page = _bars(height, width, (3, width - inset), (every, width), (every // 2, inset))
    page[:, width // 2 : width // 2 + 3] = 0
    return page


def _one_digit_in_dust(every: int, size: int) -> Image:
    """Return one large digit, and pieces around it that are just large enough to stay."""
    page = _bars(SIDE_PX, SIDE_PX, (size, size), (every, every), (2, 2))
    cv2.circle(page, (SIDE_PX // 2, SIDE_PX // 2), 300, (255,), -1)
    cv2.ellipse(page, (SIDE_PX // 2, SIDE_PX // 2), (150, 250), 0, 0, 360, _INK, 60)
    return page


def _cells(rows: int, columns: int, side: int, kind: str) -> Image:
    """Return the same squiggle in each of rows x columns cells; 300 pieces are as many as are looked at."""
    cell = _paper(side, side * 2)
    if kind == "comb":
        cell = _comb(side, side * 2, max(3, side // 8), max(1, side // 24), both=True)
        cell[:4], cell[-4:] = 255, 255
    elif kind == "zigzag":
        xs = np.arange(6, side * 2 - 6, max(2, side // 10))
        ys = np.where(np.arange(len(xs)) % 2, side - 8, 8)
        cv2.polylines(cell, [np.stack([xs, ys], 1).astype(np.int32)], False, _INK, max(1, side // 30))
    else:
        cv2.rectangle(cell, (6, 6), (side * 2 - 8, side - 8), _INK, max(1, side // 20))
    return np.tile(cell, (rows, columns))


def _nested(count: int, every: int, thickness: int) -> Image:
    """Return right angles inside each other: as many pieces, each with a box as large as the page."""
    page = _paper()
    for place in range(count):
        start = place * every
        page[start : start + thickness, start:] = 0
        page[start:, start : start + thickness] = 0
    return page


def _tall_among_small(uprights: int, every: int) -> Image:
    """Return uprights from top to bottom, whose boxes are large, among so much small ink that this is the writing."""
    page = _paper()
    page[:700] = _cells(7, 12, 100, "zigzag")[:700, :SIDE_PX]
    page[720:, 20 : 20 + uprights * every : every] = 0
    page[720:, 21 : 21 + uprights * every : every] = 0
    return page


def _hairlines_over_dots(every: int) -> Image:
    """Return dots that the first look sees, and hairlines that only a nearer one does."""
    page = _dots(SIDE_PX, 240, 30)
    page[::every, :] = 120
    page[:, SIDE_PX // 2] = 120
    return page


def _long_comb(reach: int, every: int) -> Image:
    """Return a line as long as a page is, of one piece with as many valleys as go into it."""
    page = _paper(80, reach)
    page[36:44] = 0
    page[10:40, 5::every] = 0
    page[40:70, 5 + every // 2 :: every] = 0
    return page


_PAGES: dict[str, Callable[[], Image]] = {
    "one pixel": lambda: _solid(0, (1, 1)),
    "a solid block": lambda: _solid(0, (5000, 5000)),
    "a block on paper": lambda: cv2.copyMakeBorder(_solid(0, (2300, 2300)), 50, 50, 50, 50, 0, value=(255,)),
    "a gradient": _gradient,
    "65,535 x 381": lambda: _from_mask(np.random.default_rng(0).random((381, 65_535), np.float32) < 0.3),
    "381 x 65,535": lambda: _from_mask(np.random.default_rng(0).random((65_535, 381), np.float32) < 0.3),
    "1 x 65,535": lambda: _from_mask(np.arange(65_535)[:, None] % 300 < 200),
    "65,535 x 20": lambda: _bars(20, 65_535, (12, 4), (20, 9), (4, 0)),
    "a line of 24,000 x 200": lambda: _bars(200, 24_000, (120, 20), (200, 90), (40, 5)),
    "a line of 2400 x 20": lambda: _bars(20, 2400, (14, 2), (20, 7), (3, 2)),
    "a line of 2400 x 60": lambda: _text(26, 3, "0123456789", (60, 2400)),
    "20 x 2400 of bars": lambda: _bars(2400, 20, (2, 14), (7, 20), (2, 3)),
    "a 2400 px comb": lambda: _long_comb(2400, 12),
    "a 2400 px comb, wide": lambda: _long_comb(2400, 36),
    "black and white noise, 5000": lambda: _noise(5000, 0.5, 1),
    "sparse noise, 5000": lambda: _noise(5000, 0.02, 2),
    "sparse noise, 2400": lambda: _noise(2400, 0.008, 3),
    "sparse noise, 960": lambda: _noise(960, 0.02, 4),
    "grey noise, 5000": lambda: _grey_noise(5000, 0, 255, 5),
    "grey noise, 400": lambda: _grey_noise(400, 90, 200, 6),
    **{
        f"blots of {grain} px, {share:.0%}": lambda grain=grain, share=share: _blurred_noise(
            SIDE_PX, grain, share, grain
        )
        for grain, share in [
            (3, 0.1),
            (5, 0.3),
            (8, 0.15),
            (8, 0.5),
            (14, 0.1),
            (14, 0.4),
            (24, 0.2),
            (40, 0.4),
        ]
    },
    **{
        f"a checkerboard of {period} px": lambda period=period: _checkerboard(SIDE_PX, period)
        for period in (2, 3, 7, 16, 24, 40, 61, 96, 170, 400)
    },
    "a checkerboard of 5000 x 5000": lambda: _checkerboard(5000, 50),
    **{
        f"dots of {radius} px every {every}": lambda every=every, radius=radius: _dots(SIDE_PX, every, radius)
        for every, radius in [(13, 3), (20, 6), (28, 7), (60, 12), (145, 40)]
    },
    "dots on 960 x 960": lambda: _dots(960, 11, 3),
    "dashes of 530 px": lambda: _bars(SIDE_PX, SIDE_PX, (2, 530), (6, 540), (2, 0)),
    "dashes of 530 px at the side": lambda: _bars(SIDE_PX, 1700, (8, 530), (24, 560), (4, 0)),
    "dashes of 180 px": lambda: _bars(SIDE_PX, SIDE_PX, (14, 180), (40, 200), (2, 0)),
    "dashes of 90 px": lambda: _bars(SIDE_PX, SIDE_PX, (24, 90), (40, 100), (2, 0)),
    "lines from edge to edge": lambda: _bars(SIDE_PX, 1600, (5, 1600), (16, 1600), (3, 0)),
    "lines that stop short": lambda: _bars(SIDE_PX, SIDE_PX, (12, 2000), (40, 2400), (3, 9)),
    "long lines, wide": lambda: _bars(900, 2400, (6, 2300), (22, 2400), (3, 0)),
    "uprights from edge to edge": lambda: _bars(SIDE_PX, SIDE_PX, (2400, 6), (2400, 18), (0, 4)),
    "uprights in rows": lambda: _bars(SIDE_PX, SIDE_PX, (60, 8), (80, 20), (10, 4)),
    "a row of uprights": lambda: _bars(90, 2400, (60, 3), (90, 9), (15, 4)),
    "300 uprights": lambda: _bars(90, 2400, (60, 3), (90, 8), (15, 4)),
    "tilted lines": lambda: _tilted_lines(14, 0.1, 3),
    "steep lines": lambda: _tilted_lines(50, 1.0, 10),
    "a staircase": lambda: _staircase(560, 3, 12),
    "shelves": lambda: _shelves(0, 30, SIDE_PX, 1500),
    "shelves that stop short": lambda: _shelves(500, 70, SIDE_PX, SIDE_PX),
    "a fine grid": lambda: _grid(12, 2),
    "a grid": lambda: _grid(60, 8),
    "a coarse grid": lambda: _grid(200, 12),
    "a comb": lambda: _comb(300, SIDE_PX, 24, 6),
    "a comb on both sides": lambda: _comb(300, SIDE_PX, 30, 6, both=True),
    "a high comb": lambda: _comb(SIDE_PX, SIDE_PX, 16, 4, both=True),
    "a zigzag": lambda: _zigzag(120, SIDE_PX, 14, 4),
    "a zigzag, flat": lambda: _zigzag(60, SIDE_PX, 9, 2),
    "zigzags": lambda: _zigzag(100, SIDE_PX, 20, 5, rows=24),
    "zigzags, small": lambda: _zigzag(40, 960, 10, 2, rows=24),
    "rings that touch": lambda: _chain(100, SIDE_PX, 70, 40, 1),
    "rings that touch, in rows": lambda: _chain(SIDE_PX, SIDE_PX, 70, 40, 30),
    "rings that touch, large": lambda: _chain(400, SIDE_PX, 320, 160, 1),
    "a spiral": lambda: _spiral(40, 8),
    "a fine spiral": lambda: _spiral(120, 3),
    "concentric rings": lambda: _rings(24, 6),
    "concentric rings, fine": lambda: _rings(9, 2),
    "print of 16 px": lambda: _text(16, 7, "abcdefgh0123456789"),
    "print of 40 px": lambda: _text(40, 8, "abcdefgh0123456789"),
    "digits of 60 px": lambda: _text(60, 9, "0123456789"),
    "ones of 60 px": lambda: _text(60, 10, "1"),
    "scribbles": lambda: _scribbles(400, 60, 6, 11),
    "many small scribbles": lambda: _scribbles(6000, 12, 2, 12),
    "long scribbles": lambda: _scribbles(60, 600, 8, 13),
    "moire": _moire,
    "nested right angles": lambda: _nested(300, 8, 3),
    "a few nested right angles": lambda: _nested(60, 40, 10),
    "tall uprights among zigzags": lambda: _tall_among_small(100, 22),
    "tall uprights, close": lambda: _tall_among_small(190, 12),
    "hairlines over dots": lambda: _hairlines_over_dots(4),
    "hairlines over dots, far": lambda: _hairlines_over_dots(16),
    "12 zigzags on a large page": lambda: cv2.copyMakeBorder(
        _cells(3, 4, 150, "zigzag"), 0, 1900, 0, 1100, 0, value=(255,)
    ),
    "36 digits on a sheet of A4": lambda: cv2.copyMakeBorder(
        _text(55, 3, "0123456789", (240, 1000)), 300, 1157, 300, 1100, 0, value=(255,)
    ),
    "78 uprights on a sheet of A4": lambda: cv2.copyMakeBorder(
        _bars(90, 634, (60, 3), (90, 8), (15, 4)), 300, 1307, 300, 1466, 0, value=(255,)
    ),
    "a digit in dust": lambda: _one_digit_in_dust(70, 52),
    "a digit in fine dust": lambda: _one_digit_in_dust(24, 14),
    "300 cells of a comb": lambda: _cells(25, 12, 96, "comb"),
    "300 cells of a zigzag": lambda: _cells(25, 12, 96, "zigzag"),
    "300 boxes": lambda: _cells(25, 12, 96, "box"),
    "28 zigzags": lambda: _cells(7, 4, 300, "zigzag"),
    "28 combs": lambda: _cells(7, 4, 300, "comb"),
}


def pages() -> Iterator[tuple[str, Image]]:
    """Yield the name of each image, and the image, (H, W) uint8."""
    for name, make in _PAGES.items():
        yield name, make()


def _walk(points: int, reach: float, seed: int) -> list[tuple[float, float]]:
    steps = np.random.default_rng(seed).uniform(-reach, reach, (points, 2))
    return [(float(x), float(y)) for x, y in np.cumsum(steps, axis=0)]


def _short_strokes(count: int, step: tuple[float, float], by: tuple[float, float], columns: int) -> Drawing:
    """Return strokes of two points, `by` apart, in rows of so many columns, `step` from each other."""
    starts = [(index % columns * step[0], index // columns * step[1]) for index in range(count)]
    return [[(x, y), (x + by[0], y + by[1])] for x, y in starts]


def _digit_stroke(seed: int, points: int) -> list[tuple[float, float]]:
    """Return a 0 or a 1, each a little different."""
    if seed % 2:
        return [(10.0 + (place + seed) % 3, 60.0 * place / points) for place in range(points)]
    turn = [2 * math.pi * place / (points - 1) for place in range(points)]
    return [(15 + (12 + seed % 5) * math.sin(angle), 30 - 30 * math.cos(angle)) for angle in turn]


_DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "one point": lambda: [[(0.0, 0.0)]],
    "20,000 taps at one place": lambda: [[(5.0, 5.0)]] * POINTS,
    "20,000 taps in a row": lambda: [[(float(x), 0.0)] for x in range(POINTS)],
    "20,000 taps on a square": lambda: [[(x % 141 * 1.0, x // 141 * 1.0)] for x in range(POINTS)],
    "one stroke that walks": lambda: [_walk(POINTS, 40.0, 0)],
    "one stroke from corner to corner": lambda: [
        [(-999_999.0, -999_999.0) if x % 2 else (999_999.0, 999_999.0 - x) for x in range(POINTS)]
    ],
    "10,000 uprights in a row": lambda: _short_strokes(10_000, (3.0, 0.0), (0.0, 50.0), 10_000),
    "10,000 uprights on a square": lambda: _short_strokes(10_000, (20.0, 60.0), (0.0, 50.0), 100),
    "10,000 dashes in a column": lambda: _short_strokes(10_000, (0.0, 9.0), (50.0, 0.0), 1),
    "10,000 strokes at one place": lambda: _short_strokes(10_000, (0.0, 0.0), (30.0, 50.0), 10_000),
    "300 strokes on each other": lambda: [_walk(66, 20.0, 1)] * 300,
    "300 uprights in a row": lambda: _short_strokes(300, (8.0, 0.0), (0.0, 50.0), 300),
    "300 uprights that touch": lambda: _short_strokes(300, (2.0, 0.0), (0.0, 50.0), 300),
    "300 dashes in a column": lambda: _short_strokes(300, (0.0, 20.0), (50.0, 0.0), 1),
    "300 slants that cross": lambda: _short_strokes(300, (10.0, 0.0), (60.0, 50.0), 300),
    "300 walks": lambda: [[(x + 70.0 * i, y) for x, y in _walk(66, 20.0, i)] for i in range(300)],
    "300 walks over a square": lambda: [
        [(x + i % 17 * 80.0, y + i // 17 * 80.0) for x, y in _walk(66, 20.0, i)] for i in range(300)
    ],
    "300 digits of 66 points": lambda: [
        [(x + 45.0 * i, y) for x, y in _digit_stroke(i, 66)] for i in range(300)
    ],
    "150 digits of 133 points in 2 strokes": lambda: [
        [(x + 30.0 * i, y) for x, y in _digit_stroke(i, 66)] for i in range(300)
    ],
    "two taps": lambda: [[(0.0, 0.0)], [(9.0, 0.0)]],
    "299 taps and a digit": lambda: [[(9.0, 0.0), (9.0, 90.0)], *([(i / 3.0, 95.0)] for i in range(299))],
    "tiny strokes a million apart": lambda: [
        [(sign * 999_998.0, place * 3_000.0), (sign * 999_998.5, place * 3_000.0 + 0.5)]
        for sign in (-1, 1)
        for place in range(-150, 0)
    ],
    "300 uprights over two million": lambda: [
        [(x * 6_000.0 - 900_000.0, 0.0), (x * 6_000.0 - 900_000.0, 400_000.0)] for x in range(300)
    ],
    "a line two million long": lambda: [[(-999_999.0, 0.0), (999_999.0, 1.0)], [(0.0, 0.0), (0.0, 1.0)]],
}


def drawings() -> Iterator[tuple[str, Drawing]]:
    """Yield the name of each drawing, and its strokes of (x, y) points."""
    for name, make in _DRAWINGS.items():
        yield name, make()


def _numbers(count: int, digits: int, seed: int = 0) -> list[str]:
    rows = np.random.default_rng(seed).integers(ord("0"), ord("9") + 1, (count, digits), np.uint8)
    return sorted({row.tobytes().decode() for row in rows})


_CONSTRAINTS: dict[str, Callable[[], dict[str, Any]]] = {
    "64 digits": lambda: {"length": 64},
    "a pattern of 64": lambda: {"pattern": "d" * 64},
    "100,000 of 5 digits": lambda: {"choices": [f"{number:05d}" for number in range(100_000)]},
    "60,000 of 5 digits": lambda: {"choices": _numbers(60_000, 5)},
    "100,000 of 10 digits": lambda: {"choices": _numbers(100_000, 10)},
    "4,000 of 64 digits": lambda: {"choices": _numbers(4_000, 64)},
    "100,000 of 64 digits": lambda: {"choices": _numbers(100_000, 64)},
    "64 digits and all that begin so": lambda: {"choices": ["1" * length for length in range(1, 65)]},
}


def constraints() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each constraint, and the arguments for `Recognizer.read`."""
    for name, make in _CONSTRAINTS.items():
        yield name, make()
