"""The ten digits as pen strokes, and canvases with them as browsers send them: 280 x 280, RGBA, PNG."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec import Strokes
from digitrec.preprocessing.strokes import render_strokes_randomized

Stroke = list[tuple[float, float]]


def _arc(  # noqa: PLR0917  # keyword arguments would double the table below
    cx: float, cy: float, rx: float, ry: float, start_deg: float, end_deg: float
) -> Stroke:
    angles = np.deg2rad(np.linspace(start_deg, end_deg, 24))
    return [(cx + rx * float(np.cos(angle)), cy + ry * float(np.sin(angle))) for angle in angles]


# In a unit square, y downwards. tests/test_benchmarks.py checks that each has a confidence above 0.9.
STROKES: dict[int, list[Stroke]] = {
    0: [_arc(0.5, 0.5, 0.28, 0.46, -90, 268)],
    1: [[(0.54, 0.05), (0.50, 0.50), (0.47, 0.95)]],
    2: [[*_arc(0.48, 0.28, 0.27, 0.24, 190, 390), (0.55, 0.60), (0.20, 0.93), (0.82, 0.93)]],
    3: [[*_arc(0.46, 0.27, 0.26, 0.22, 200, 445), *_arc(0.46, 0.72, 0.30, 0.24, -80, 150)]],
    4: [[(0.36, 0.05), (0.18, 0.55), (0.84, 0.55)], [(0.66, 0.12), (0.62, 0.97)]],
    5: [[(0.78, 0.07), (0.34, 0.07), (0.28, 0.44), *_arc(0.48, 0.67, 0.29, 0.26, -125, 140)]],
    6: [[(0.68, 0.05), (0.42, 0.28), *_arc(0.50, 0.70, 0.25, 0.25, 190, 545)]],
    7: [[(0.20, 0.08), (0.80, 0.08), (0.55, 0.50), (0.40, 0.96)], [(0.36, 0.52), (0.74, 0.50)]],
    8: [[*_arc(0.5, 0.28, 0.22, 0.22, 90, -270), *_arc(0.5, 0.73, 0.27, 0.23, -90, 270)]],
    9: [[*_arc(0.48, 0.30, 0.24, 0.24, 0, -360), (0.70, 0.50), (0.62, 0.96)]],
}

NUMBERS = ("407392", "158206", "993471", "620585")


def canvas(digit: int, seed: int) -> NDArray[np.uint8]:
    """Return the digit on a canvas, (280, 280) uint8, with a pen, size and position that depend on the seed."""
    return render_strokes_randomized(Strokes.from_lists(STROKES[digit]), np.random.default_rng(seed))


def canvas_png(digit: int, seed: int) -> bytes:
    """Return the canvas as browsers send it: a PNG file, RGBA."""
    return _png(Image.fromarray(canvas(digit, seed)))


def canvases(count: int) -> list[tuple[int, bytes]]:
    """Return `count` digits, 0 to 9 in turn, each with its canvas as a PNG file."""
    return [(seed % 10, canvas_png(seed % 10, seed)) for seed in range(count)]


def number(digits: str) -> bytes:
    """Return a number on one line as a PNG file, 100 px per digit and 160 px high."""
    page = Image.new("L", (100 * len(digits), 160), 255)
    for index, digit in enumerate(digits):
        page.paste(Image.fromarray(canvas(int(digit), index)).resize((100, 100)), (100 * index, 30))
    return _png(page)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.convert("RGBA").save(file, "PNG")  # Pillow filters its rows much like browsers
    return file.getvalue()
