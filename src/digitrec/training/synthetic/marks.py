"""Draw one item in a handwriting style: strokes and images in units of the digit height, not yet placed on a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.training.synthetic.numbers import Item
from digitrec.training.synthetic.strokes import curve_through
from digitrec.training.synthetic.writers import PrintWriter, Writer, ink_box

Points = NDArray[np.float32]

_STRONG_SLANT_PROBABILITY = 0.14
_PRINTED_WORD_FRACTION = 0.2  # as a form's label next to the number
_SEGMENTS_OF_DIGIT = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
_SEGMENT_LINES = {
    "a": (0.08, 0.0, 0.42, 0.0),
    "b": (0.5, 0.07, 0.5, 0.43),
    "c": (0.5, 0.57, 0.5, 0.93),
    "d": (0.08, 1.0, 0.42, 1.0),
    "e": (0.0, 0.57, 0.0, 0.93),
    "f": (0.0, 0.07, 0.0, 0.43),
    "g": (0.08, 0.5, 0.42, 0.5),
}


@dataclass(frozen=True)
class WritingStyle:
    """How one writer draws and places characters; lengths are in units of the digit height."""

    slant: float
    aspect: float
    pen: float
    gap: float
    gap_spread: float
    kerning: float  # 0: gaps are between boxes; 1: between the strokes themselves
    slope: float
    curvature: float
    baseline_jitter: float
    growth: float  # of the characters from one end of the line to the other, as a fraction
    link_probability: float
    pressure: float
    edge_gain: float  # contrast of the edges of image glyphs
    edge_level: float  # gray level of the edge; higher values thin the strokes


@dataclass
class Mark:
    """Placed ink: strokes, and images with the matrix from their pixels to the line; `outlines` bound all of it."""

    strokes: list[Points] = field(default_factory=list)
    images: list[tuple[NDArray[np.uint8], NDArray[np.float64]]] = field(default_factory=list)
    outlines: list[Points] = field(default_factory=list)

    def move(self, x: float, y: float) -> None:
        """Shift the mark."""
        shift = np.array([x, y], np.float32)
        self.strokes = [stroke + shift for stroke in self.strokes]
        self.outlines = [outline + shift for outline in self.outlines]
        for _, matrix in self.images:
            matrix[:, 2] += shift

    def scale(self, factor: float) -> None:
        """Scale the mark about the start of the baseline, the point 0, 0."""
        self.strokes = [stroke * np.float32(factor) for stroke in self.strokes]
        self.outlines = [outline * np.float32(factor) for outline in self.outlines]
        self.images = [(image, matrix * factor) for image, matrix in self.images]

    def add(self, other: Mark) -> None:
        """Add the ink of another mark."""
        self.strokes += other.strokes
        self.images += other.images
        self.outlines += other.outlines

    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom."""
        points = np.concatenate(self.outlines)
        left, top = points.min(axis=0)
        right, bottom = points.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


def sample_style(rng: np.random.Generator, pen: float | None) -> WritingStyle:
    """Return a random style; `pen` is the stroke width if the writer's characters already have one."""
    spacing = rng.random()
    if spacing < 0.16:  # touching and overlapping
        gap, spread = rng.uniform(-0.1, 0.0), rng.uniform(0.02, 0.06)
    elif spacing < 0.5:
        gap, spread = rng.uniform(0.02, 0.16), rng.uniform(0.01, 0.06)
    elif spacing < 0.82:
        gap, spread = rng.uniform(0.12, 0.4), rng.uniform(0.01, 0.1)
    else:
        gap, spread = rng.uniform(0.4, 1.0), rng.uniform(0.02, 0.15)
    sampled_pen = float(np.exp(rng.normal(np.log(0.07), 0.45)))
    return WritingStyle(
        slant=float(
            rng.uniform(0.2, 0.75) if rng.random() < _STRONG_SLANT_PROBABILITY else rng.normal(0.09, 0.18)
        ),
        aspect=float(np.exp(rng.normal(0.05, 0.18))),
        pen=pen if pen is not None else float(np.clip(sampled_pen, 0.025, 0.24 if gap > 0.02 else 0.14)),
        gap=float(gap),
        gap_spread=float(spread),
        kerning=float(rng.uniform(0.3, 1.0)),
        slope=float(rng.normal(0.0, 0.03)) if rng.random() < 0.85 else float(rng.normal(0.0, 0.09)),
        curvature=float(rng.normal(0.0, 0.05)),
        baseline_jitter=float(rng.gamma(2.0, 0.02)),
        growth=float(rng.normal(0.0, 0.2)),
        link_probability=float(rng.uniform(0.2, 0.7)) if rng.random() < 0.1 else 0.0,
        pressure=float(rng.uniform(0.1, 0.4)) if rng.random() < 0.35 else 0.0,
        edge_gain=float(rng.uniform(1.4, 4.0)),
        edge_level=float(rng.uniform(85.0, 165.0)),
    )


def draw_item(item: Item, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    """Return the item at any x, on the baseline y = 0; a space has no outline."""
    drawing = item.drawing
    if len(drawing) == 1:
        return Mark() if drawing == " " else _character(drawing, writer, style, rng)
    kind, _, text = drawing.partition(":")
    return _DRAWINGS[kind](text, writer, style, rng)


def _character(
    character: str, writer: Writer, style: WritingStyle, rng: np.random.Generator, size: float = 1.0
) -> Mark:
    glyph = writer.draw(character, rng)
    angle = rng.normal(0.0, 0.03) + style.slope
    scale = size * np.exp(rng.normal(0.0, 0.05, 2))
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, -sin], [sin, cos]])
    matrix = rotation @ np.array([[style.aspect * scale[0], -style.slant * scale[1]], [0.0, scale[1]]])
    if isinstance(glyph, list):
        return _mark_from_strokes(glyph, matrix, rng)
    return _mark_from_image(glyph, matrix)


def _mark_from_strokes(glyph: list[Points], matrix: NDArray[np.float64], rng: np.random.Generator) -> Mark:
    turned = np.asarray(matrix.T, np.float32)
    phase, waves, amount = rng.uniform(0, 6.28, 2), rng.uniform(2.0, 7.0), rng.uniform(0.0, 0.022)
    strokes = []
    for stroke in glyph:
        points = stroke @ turned
        points += np.float32(amount) * np.sin(np.float32(waves) * points[:, ::-1] + phase.astype(np.float32))
        strokes.append(points)
    return Mark(strokes, [], [_densify(stroke) for stroke in strokes])


def _mark_from_image(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> Mark:
    x, y, _, height = ink_box(image)
    scale = 1.0 / height
    to_line = np.hstack([matrix * scale, matrix @ np.array([[-x * scale], [-1.0 - y * scale]])])
    solid = image[y : y + height] > 90
    rows = np.flatnonzero(solid.any(axis=1))
    left = solid[rows].argmax(axis=1)
    right = image.shape[1] - solid[rows][:, ::-1].argmax(axis=1)
    edges = np.concatenate([np.stack([left, rows + y], 1), np.stack([right, rows + y + 1], 1)])
    outline = edges @ to_line[:, :2].T + to_line[:, 2]
    return Mark([], [(image, to_line)], [outline.astype(np.float32)])


def _densify(stroke: Points) -> Points:
    if len(stroke) >= 12:
        return stroke
    positions = np.linspace(0, len(stroke) - 1, 16)
    indices = np.arange(len(stroke))
    return np.stack([np.interp(positions, indices, stroke[:, axis]) for axis in (0, 1)], axis=1).astype(
        np.float32
    )


def draw_row(
    text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator, *, size: float, gap: float
) -> Mark:
    """Return the characters in a row, the first at x = 0."""
    row, x = Mark(), 0.0
    for character in text:
        mark = _character(character, writer, style, rng, size)
        left, _, right, _ = mark.box()
        mark.move(x - left, 0.0)
        row.add(mark)
        x += right - left + gap
    return row


def _word(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    if rng.random() < _PRINTED_WORD_FRACTION:
        writer, text = PrintWriter([], rng), text.upper()
    return draw_row(text, writer, style, rng, size=rng.uniform(0.75, 1.1), gap=rng.uniform(0.0, 0.2))


def _crossed_out(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    mark = draw_row(text, writer, style, rng, size=1.0, gap=rng.uniform(0.0, 0.2))
    left, top, right, bottom = mark.box()
    width, height = right - left, bottom - top
    kind = rng.random()
    if kind < 0.35:
        count = int(rng.integers(1, 4))
        starts = rng.uniform([-0.15, 0.2], [0.1, 0.8], (count, 2))
        ends = rng.uniform([0.9, 0.2], [1.15, 0.8], (count, 2))
        lines = [np.stack(pair) for pair in zip(starts, ends, strict=True)]
    elif kind < 0.6:
        lines = [np.array([[-0.05, -0.05], [1.05, 1.05]]), np.array([[1.05, 0.0], [-0.05, 1.0]])]
    else:
        count = int(rng.integers(8, 26))
        across = np.tile([0.1, 0.9], count)[:count]
        lines = [np.stack([np.linspace(-0.05, 1.05, count), across], 1) + rng.normal(0, 0.07, (count, 2))]
    strokes = [(line * [width, height] + [left, top]).astype(np.float32) for line in lines]
    mark.add(Mark(strokes, [], strokes))
    return mark


def _scribble(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    count = int(rng.integers(8, 26))
    width = rng.uniform(0.6, 3.5)
    nodes = np.stack([np.linspace(0, width, count), rng.uniform(-1.0, 0.0, count)], 1)
    nodes += rng.normal(0.0, rng.uniform(0.02, 0.3), nodes.shape)
    stroke = curve_through(nodes).astype(np.float32)
    return Mark([stroke], [], [stroke])


def _disc(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    image = np.zeros((28, 28), np.uint8)
    axes = rng.uniform(9.0, 12.0, 2).round().astype(int).tolist()
    cv2.ellipse(image, (14, 14), axes, 0, 0, 360, (255,), -1, cv2.LINE_AA)
    size = float(rng.uniform(0.3, 1.0))
    mark = _mark_from_image(image, size * np.eye(2))
    mark.move(0.0, float(rng.uniform(-1.0, 0.2)) * (1.0 - size))
    return mark


def _fraction(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    above, below = text.split("/")
    size = float(rng.uniform(0.38, 0.55))
    top, bottom = (draw_row(part, writer, style, rng, size=size, gap=0.05) for part in (above, below))
    top.move(0.0, -0.62)
    width = max(top.box()[2], bottom.box()[2])
    bottom.move(0.0, float(rng.uniform(0.0, 0.12)))
    bar = np.array([[-0.08, -0.54], [width + 0.08, -0.56 - rng.uniform(0, 0.1)]], np.float32)
    top.add(bottom)
    top.add(Mark([bar], [], [bar]))
    return top


def _raised(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    mark = draw_row(text, writer, style, rng, size=rng.uniform(0.45, 0.65), gap=0.06)
    mark.move(0.0, -float(rng.uniform(0.35, 0.5)))
    if rng.random() < 0.6:
        left, _, right, bottom = mark.box()
        lines = [
            np.array(
                [[left - 0.05, bottom + 0.12 + 0.12 * i], [right + 0.05, bottom + 0.1 + 0.12 * i]], np.float32
            )
            for i in range(1 + int(rng.random() < 0.3))
        ]
        mark.add(Mark(lines, [], lines))
    return mark


def _linked_zeros(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    """Draw zeros in one stroke: loops from the top, each linked to the next; at a small pitch they share walls."""
    height = rng.uniform(0.5, 1.0)
    half_width = height * rng.uniform(0.28, 0.5)
    pitch = 0.5 * style.pen + 2 * half_width * (
        rng.uniform(0.72, 1.0) if rng.random() < 0.6 else rng.uniform(1.0, 1.5)
    )
    angle = np.linspace(0.0, 2 * np.pi * rng.uniform(0.96, 1.08), 22)
    start = rng.uniform(-0.6, 0.9)
    joined = rng.random() < 0.65
    loops = []
    for index in range(len(text)):
        size = np.exp(rng.normal(0.0, 0.07, 2))
        x = index * pitch - half_width * size[0] * np.sin(angle - start)
        y = -height / 2 - height / 2 * size[1] * np.cos(angle - start) + rng.normal(0.0, 0.025)
        slanted = x - (style.slant + 0.1) * y
        loops.append(np.stack([slanted, y], 1))
    strokes = [np.concatenate(loops)] if joined else loops
    smooth = [curve_through(stroke[::2]).astype(np.float32) for stroke in strokes]
    return Mark(smooth, [], smooth)


def _wave(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    length, height = rng.uniform(1.0, 4.0), rng.uniform(-0.6, -0.25)
    x = np.linspace(0.0, length, 24)
    y = height + rng.uniform(0.0, 0.12) * np.sin(rng.uniform(1.0, 7.0) * x) + rng.normal(0.0, 0.08) * x
    stroke = np.stack([x, y], 1).astype(np.float32)
    return Mark([stroke], [], [stroke])


def _seven_segments(text: str, writer: Writer, style: WritingStyle, rng: np.random.Generator) -> Mark:
    pitch = rng.uniform(0.65, 0.95)
    strokes = [
        np.array([[x0 + i * pitch, y0 - 1.0], [x1 + i * pitch, y1 - 1.0]], np.float32)
        for i, digit in enumerate(text)
        for x0, y0, x1, y1 in (_SEGMENT_LINES[name] for name in _SEGMENTS_OF_DIGIT[int(digit)])
    ]
    return Mark(strokes, [], strokes)


_DRAWINGS: dict[str, Callable[[str, Writer, WritingStyle, np.random.Generator], Mark]] = {
    "word": _word,
    "crossed_out": _crossed_out,
    "scribble": _scribble,
    "disc": _disc,
    "fraction": _fraction,
    "raised": _raised,
    "chain": _linked_zeros,
    "wave": _wave,
    "segments": _seven_segments,
}
