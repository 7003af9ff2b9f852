"""Generate what a form prints around handwriting: combs, ruled and dotted lines, cell borders, grids, small print."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # left, top, right, bottom

_OVERHANG = 3.0  # how far lines extend beyond the writing


class PrintedLine(NamedTuple):
    """A printed line: its points (N, 2) and width, in units of the digit height, and its darkness, 0 to 1."""

    points: NDArray[np.float32]
    width: float
    level: float


class _PrintStyle(NamedTuple):
    """What the lines of one form have in common."""

    box: Box
    width: float
    level: float
    tilt: float

    def line(self, *points: tuple[float, float]) -> PrintedLine:
        return PrintedLine(np.array(points, np.float32), self.width, self.level)

    def across(self, y: float) -> PrintedLine:
        left, right = self.box[0] - _OVERHANG, self.box[2] + _OVERHANG
        return self.line((left, y - self.tilt * _OVERHANG), (right, y + self.tilt * (right - self.box[0])))


def print_comb(count: int, pitch: float, rng: np.random.Generator) -> list[PrintedLine]:
    """Return a comb of `count` cells, the first from x = 0 to `pitch`: adjacent or separate boxes, or ticks on a line.

    Sometimes empty cells come before or after.
    """
    before, after = (int(rng.integers(0, 4)) if rng.random() < 0.25 else 0 for _ in range(2))
    top, bottom = -1.0 - rng.uniform(0.02, 0.35), rng.uniform(0.02, 0.35)
    edges = pitch * np.arange(-before, count + after + 1)
    first, last = float(edges[0]), float(edges[-1])
    style = _PrintStyle((0, 0, 0, 0), float(rng.uniform(0.015, 0.11)), float(rng.uniform(0.25, 1.0)), 0.0)
    kind = rng.random()
    if kind < 0.5:
        divider_top = top if rng.random() < 0.75 else bottom - 0.35
        lines = [style.line((first, top), (last, top), (last, bottom), (first, bottom), (first, top))]
        return lines + [style.line((x, divider_top), (x, bottom)) for x in edges[1:-1]]
    if kind < 0.85:
        inset = pitch * rng.uniform(0.03, 0.14)
        corners = [(x + inset, x + pitch - inset) for x in edges[:-1]]
        return [style.line((a, top), (b, top), (b, bottom), (a, bottom), (a, top)) for a, b in corners]
    tick = rng.uniform(0.15, 0.6)
    return [style.line((first, bottom), (last, bottom))] + [
        style.line((x, bottom - tick), (x, bottom)) for x in edges
    ]


def print_form_lines(box: Box, rng: np.random.Generator) -> list[PrintedLine]:
    """Return what a form prints near writing with this bounding box; half of the time nothing."""
    kind = rng.random()
    style = _PrintStyle(
        box, float(rng.uniform(0.012, 0.06)), float(rng.uniform(0.2, 1.0)), float(rng.normal(0.0, 0.012))
    )
    for probability, make in _KINDS:
        if kind < probability:
            return make(style, rng)
        kind -= probability
    return []


def _ruled_lines(style: _PrintStyle, rng: np.random.Generator) -> list[PrintedLine]:
    """Return a ruled line below, above, or both."""
    _, top, _, bottom = style.box
    lines = [style.across(rng.uniform(-0.06, 0.3) + (bottom if rng.random() < 0.5 else 0.0))]
    if rng.random() < 0.4:
        lines.append(style.across(top - rng.uniform(0.0, 0.3)))
    return lines[1:] if len(lines) > 1 and rng.random() < 0.3 else lines


def _dotted_line(style: _PrintStyle, rng: np.random.Generator) -> list[PrintedLine]:
    """Return a line of dots or dashes to write on."""
    y, pitch = rng.uniform(-0.02, 0.2), rng.uniform(0.08, 0.3)
    dash = rng.uniform(0.0, 0.5) * pitch if rng.random() < 0.5 else 0.0
    style = style._replace(width=max(style.width, 0.04))
    return [
        style.line((x, y), (x + dash, y))
        for x in np.arange(style.box[0] - _OVERHANG, style.box[2] + _OVERHANG, pitch)
    ]


def _cell_borders(style: _PrintStyle, rng: np.random.Generator) -> list[PrintedLine]:
    """Return borders of a cell; the writing is near them or touches them.

    A vertical border that ends in the air would look like a 1, so it ends at a horizontal one or beyond the image.
    """
    slack = rng.uniform(-0.05, 0.35, 4)
    a, b, c, d = np.array(style.box) + slack * [-1, -1, 1, 1]
    style = style._replace(width=float(rng.uniform(0.02, 0.14)))
    has_left, has_top, has_right, has_bottom = rng.random(4) < 0.7
    lines = [style.line((a, y), (c, y)) for y, is_drawn in ((b, has_top), (d, has_bottom)) if is_drawn]
    top, bottom = b if has_top else b - _OVERHANG, d if has_bottom else d + _OVERHANG
    return lines + [
        style.line((x, top), (x, bottom)) for x, is_drawn in ((a, has_left), (c, has_right)) if is_drawn
    ]


def _grid(style: _PrintStyle, rng: np.random.Generator) -> list[PrintedLine]:
    """Return squared or lined paper."""
    left, top, right, bottom = style.box
    pitch = rng.uniform(0.35, 1.0)
    style = style._replace(level=min(style.level, 0.45), width=min(style.width, 0.03))
    lines = [style.across(float(y)) for y in np.arange(top - 1 + rng.uniform(0, pitch), bottom + 1, pitch)]
    if rng.random() < 0.75:
        lines += [
            style.line((x, -4.0), (x, 3.0)) for x in np.arange(left - _OVERHANG, right + _OVERHANG, pitch)
        ]
    return lines


def _small_print(style: _PrintStyle, rng: np.random.Generator) -> list[PrintedLine]:
    """Return a row of letter-like scribbles above or below."""
    left, top, _, bottom = style.box
    size = float(rng.uniform(0.2, 0.4))
    y = top - rng.uniform(0.05, 0.3) if rng.random() < 0.6 else bottom + size + rng.uniform(0.05, 0.3)
    positions = [i for i in range(int(rng.integers(3, 16))) if rng.random() < 0.85]
    letters = [
        rng.uniform(0.0, 1.0, (int(rng.integers(2, 5)), 2)) * [0.6 * size, size]
        + [left + i * 0.75 * size, y - size]
        for i in positions
    ]
    return [PrintedLine(letter.astype(np.float32), 0.14 * size, style.level) for letter in letters]


_KINDS: tuple[tuple[float, Callable[[_PrintStyle, np.random.Generator], list[PrintedLine]]], ...] = (
    (0.22, _ruled_lines),
    (0.06, _dotted_line),
    (0.12, _cell_borders),
    (0.06, _grid),
    (0.04, _small_print),
)
