"""What a form prints around handwriting: combs, rules, dotted lines, cell borders, squared paper, small print."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # left, top, right, bottom

_REACH = 3.0  # lines go on so far outside the writing


class Printed(NamedTuple):
    """A printed line: its points (N, 2) and width, in heights of a digit, and how dark it is, 0 to 1."""

    points: NDArray[np.float32]
    width: float
    level: float


class _Press(NamedTuple):
    """What one form's lines have in common."""

    box: Box
    width: float
    level: float
    tilt: float

    def line(self, *points: tuple[float, float]) -> Printed:
        return Printed(np.array(points, np.float32), self.width, self.level)

    def across(self, y: float) -> Printed:
        left, right = self.box[0] - _REACH, self.box[2] + _REACH
        return self.line((left, y - self.tilt * _REACH), (right, y + self.tilt * (right - self.box[0])))


def print_comb(count: int, pitch: float, rng: np.random.Generator) -> list[Printed]:
    """Return a comb of `count` cells, the first from x = 0 to `pitch`: joined or separate boxes, or teeth on a line.

    Now and then empty cells come before or after.
    """
    before, after = (int(rng.integers(0, 4)) if rng.random() < 0.25 else 0 for _ in range(2))
    top, bottom = -1.0 - rng.uniform(0.02, 0.35), rng.uniform(0.02, 0.35)
    edges = pitch * np.arange(-before, count + after + 1)
    first, last = float(edges[0]), float(edges[-1])
    press = _Press((0, 0, 0, 0), float(rng.uniform(0.015, 0.11)), float(rng.uniform(0.25, 1.0)), 0.0)
    kind = rng.random()
    if kind < 0.5:
        inner_top = top if rng.random() < 0.75 else bottom - 0.35
        lines = [press.line((first, top), (last, top), (last, bottom), (first, bottom), (first, top))]
        return lines + [press.line((x, inner_top), (x, bottom)) for x in edges[1:-1]]
    if kind < 0.85:
        inset = pitch * rng.uniform(0.03, 0.14)
        corners = [(x + inset, x + pitch - inset) for x in edges[:-1]]
        return [press.line((a, top), (b, top), (b, bottom), (a, bottom), (a, top)) for a, b in corners]
    tooth = rng.uniform(0.15, 0.6)
    return [press.line((first, bottom), (last, bottom))] + [
        press.line((x, bottom - tooth), (x, bottom)) for x in edges
    ]


def print_around(box: Box, rng: np.random.Generator) -> list[Printed]:
    """Return what a form prints near writing with this box, nothing half of the time."""
    kind = rng.random()
    press = _Press(
        box, float(rng.uniform(0.012, 0.06)), float(rng.uniform(0.2, 1.0)), float(rng.normal(0.0, 0.012))
    )
    for probability, make in _KINDS:
        if kind < probability:
            return make(press, rng)
        kind -= probability
    return []


def _rules(press: _Press, rng: np.random.Generator) -> list[Printed]:
    """Return a rule below, above, or both."""
    _, top, _, bottom = press.box
    lines = [press.across(rng.uniform(-0.06, 0.3) + (bottom if rng.random() < 0.5 else 0.0))]
    if rng.random() < 0.4:
        lines.append(press.across(top - rng.uniform(0.0, 0.3)))
    return lines[1:] if len(lines) > 1 and rng.random() < 0.3 else lines


def _dots(press: _Press, rng: np.random.Generator) -> list[Printed]:
    """Return a line of dots or dashes to write on."""
    y, pitch = rng.uniform(-0.02, 0.2), rng.uniform(0.08, 0.3)
    dash = rng.uniform(0.0, 0.5) * pitch if rng.random() < 0.5 else 0.0
    press = press._replace(width=max(press.width, 0.04))
    return [
        press.line((x, y), (x + dash, y))
        for x in np.arange(press.box[0] - _REACH, press.box[2] + _REACH, pitch)
    ]


def _cell(press: _Press, rng: np.random.Generator) -> list[Printed]:
    """Return borders of a cell; the writing is near them or on them."""
    slack = rng.uniform(-0.05, 0.35, 4)
    a, b, c, d = np.array(press.box) + slack * [-1, -1, 1, 1]
    press = press._replace(width=float(rng.uniform(0.02, 0.14)))
    sides = [[(a, b), (c, b)], [(c, b), (c, d)], [(c, d), (a, d)], [(a, d), (a, b)]]
    return [press.line(*side) for side in sides if rng.random() < 0.7]


def _squares(press: _Press, rng: np.random.Generator) -> list[Printed]:
    """Return squared or lined paper."""
    left, top, right, bottom = press.box
    pitch = rng.uniform(0.35, 1.0)
    press = press._replace(level=min(press.level, 0.45), width=min(press.width, 0.03))
    lines = [press.across(float(y)) for y in np.arange(top - 1 + rng.uniform(0, pitch), bottom + 1, pitch)]
    if rng.random() < 0.75:
        lines += [press.line((x, -4.0), (x, 3.0)) for x in np.arange(left - _REACH, right + _REACH, pitch)]
    return lines


def _small_print(press: _Press, rng: np.random.Generator) -> list[Printed]:
    """Return what looks like a row of small letters above or below."""
    left, top, _, bottom = press.box
    size = float(rng.uniform(0.2, 0.4))
    y = top - rng.uniform(0.05, 0.3) if rng.random() < 0.6 else bottom + size + rng.uniform(0.05, 0.3)
    places = [i for i in range(int(rng.integers(3, 16))) if rng.random() < 0.85]
    letters = [
        rng.uniform(0.0, 1.0, (int(rng.integers(2, 5)), 2)) * [0.6 * size, size]
        + [left + i * 0.75 * size, y - size]
        for i in places
    ]
    return [Printed(letter.astype(np.float32), 0.14 * size, press.level) for letter in letters]


_KINDS: tuple[tuple[float, Callable[[_Press, np.random.Generator], list[Printed]]], ...] = (
    (0.22, _rules),
    (0.06, _dots),
    (0.12, _cell),
    (0.06, _squares),
    (0.04, _small_print),
)
