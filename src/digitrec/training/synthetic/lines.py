"""Compose lines: a writer's characters on a baseline and printed form lines around them, as two layers of ink."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.contrast import LINE_HEIGHT_PX
from digitrec.training.synthetic import numbers
from digitrec.training.synthetic.marks import Mark, WritingStyle, draw_item, draw_row, sample_style
from digitrec.training.synthetic.numbers import Item, transcript_of
from digitrec.training.synthetic.printed_lines import PrintedLine, print_comb, print_form_lines
from digitrec.training.synthetic.writers import Writer

Points = NDArray[np.float32]
Ink = NDArray[np.float32]

MAX_WIDTH_PX = 18 * LINE_HEIGHT_PX
MIN_PX_PER_CLASS = 7.0  # CTC needs a column for each class, and one more between two equal ones

_SUPERSAMPLING = 2  # lines are rendered at this scale, then downscaled
_SUBPIXEL_BITS = 3
_BINS = 20  # bins of a character profile
_PROFILE_TOP, _PROFILE_HEIGHT = -1.4, 2.0
_FAR = 1e6
_CROPPED_NEIGHBOR_FRACTION = 0.015  # of the lines: neighbors that the image cuts off
_VISIBLE_FRACTION = (0.12, 0.45)
_MAX_TRIES = 20
_EMPTY_BOX = (0.0, -1.0, 4.0, 0.0)


class InkLine(NamedTuple):
    """A line before degradation: how much handwritten and how much printed ink covers each pixel.

    The layers are (48, W) float32 in [0, 1]. `transcript` is as in `digitrec.model.line_alphabet`.
    """

    handwriting: Ink
    printed: Ink
    transcript: str
    writing_height_px: float


def make_line(draw_writer: Callable[[np.random.Generator], Writer], rng: np.random.Generator) -> InkLine:
    """Return a random line that is suitable for training: not too wide, and with enough columns for CTC."""
    for _ in range(_MAX_TRIES):
        line = compose_line(draw_writer(rng), numbers.make_items(rng), rng)
        if line is not None:
            return line
    blank = np.zeros((LINE_HEIGHT_PX, 2 * LINE_HEIGHT_PX), np.float32)
    return InkLine(blank, blank, "", 0.0)


def compose_line(writer: Writer, items: list[Item], rng: np.random.Generator) -> InkLine | None:
    """Return the items on one line in the writer's handwriting; None if they do not fit."""
    style = sample_style(rng, writer.pen)
    neighbors = _sample_neighbors(items, rng)
    items = [*neighbors.before, *items, *neighbors.after]
    in_cells = (
        not any(neighbors)
        and len(items) > 1
        and all(len(item.drawing) == 1 for item in items)
        and rng.random() < 0.12
    )
    marks = [draw_item(item, writer, style, rng) for item in items]
    for position, mark in zip(np.linspace(-0.5, 0.5, len(marks)), marks, strict=True):
        mark.scale(1 + style.growth * float(position))
    printed: list[PrintedLine] = []
    if in_cells:
        items = [item for item, mark in zip(items, marks, strict=True) if mark.outlines]  # without spaces
        marks = [mark for mark in marks if mark.outlines]
        printed = _place_in_cells(marks, rng)
    else:
        _place_on_baseline(items, marks, style, rng)
    all_marks = Mark()
    for mark in marks:
        all_marks.add(mark)
    _link_characters(marks, style, all_marks, rng)
    transcript = transcript_of(items[len(neighbors.before) : len(items) - len(neighbors.after)])
    frame = _frame(all_marks, style, printed, rng)
    if any(neighbors):
        cropped = _crop_neighbors(frame, marks, neighbors, rng)
        if cropped is None:
            return None
        frame = cropped
    min_width = MIN_PX_PER_CLASS * (len(transcript) + _repeat_count(transcript)) + 8
    if not min_width <= frame.width <= MAX_WIDTH_PX:
        return None
    if not printed:
        printed = print_form_lines(all_marks.box() if all_marks.outlines else _EMPTY_BOX, rng)
    handwriting, printed_layer = (
        np.zeros((LINE_HEIGHT_PX * _SUPERSAMPLING, frame.width * _SUPERSAMPLING), np.uint8) for _ in range(2)
    )
    _draw_mark(handwriting, all_marks, style, frame, rng)
    if not in_cells and rng.random() < 0.09:
        _draw_bar(handwriting, style, frame, rng)
    _add_adjacent_lines(handwriting, writer, style, frame, rng)
    _add_cropped_symbol(handwriting, writer, style, frame, rng)
    _draw_printed(printed_layer, printed, frame)
    size = (frame.width, LINE_HEIGHT_PX)
    resized = [
        cv2.resize(canvas, size, interpolation=cv2.INTER_AREA) for canvas in (handwriting, printed_layer)
    ]
    layers = [np.asarray(canvas, np.float32) / np.float32(255) for canvas in resized]
    return InkLine(layers[0], layers[1], transcript, frame.writing_height)


class _CroppedNeighbors(NamedTuple):
    """Characters before and after the number that the image's sides cut off. They have no label."""

    before: list[Item]
    after: list[Item]


def _sample_neighbors(items: list[Item], rng: np.random.Generator) -> _CroppedNeighbors:
    """Return neighbors at one side or both, as in an image cropped from a row of digits."""
    if not items or rng.random() > _CROPPED_NEIGHBOR_FRACTION:
        return _CroppedNeighbors([], [])
    sides = int(rng.integers(1, 4))
    before, after = (
        [Item(digit, digit)] for digit in rng.choice(list("023456789"), 2)
    )  # without 1: half a 1 is a 1
    return _CroppedNeighbors(before if sides & 1 else [], after if sides & 2 else [])


def _crop_neighbors(
    frame: _Frame, marks: list[Mark], neighbors: _CroppedNeighbors, rng: np.random.Generator
) -> _Frame | None:
    """Return the frame whose sides cut through the neighbors; None if they would cut through the number, too."""
    left, right = frame.sides()
    visible = rng.uniform(*_VISIBLE_FRACTION, 2)
    if neighbors.before:
        first, _, last, _ = marks[0].box()
        left = last - visible[0] * (last - first)
        if marks[1].box()[0] <= left:
            return None
    if neighbors.after:
        first, _, last, _ = marks[-1].box()
        right = first + visible[1] * (last - first)
        if marks[-2].box()[2] >= right:
            return None
    return frame.between(left, right)


def _repeat_count(transcript: str) -> int:
    return sum(a == b for a, b in pairwise(transcript))


# Layout -----------------------------------------------------------------------------------------------------------


def _profile(mark: Mark) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the leftmost and the rightmost x in each bin of height."""
    points = np.concatenate(mark.outlines)
    bins = ((points[:, 1] - _PROFILE_TOP) * (_BINS / _PROFILE_HEIGHT)).astype(np.int32).clip(0, _BINS - 1)
    left = np.full(_BINS, _FAR, np.float32)
    right = np.full(_BINS, -_FAR, np.float32)
    np.minimum.at(left, bins, points[:, 0])
    np.maximum.at(right, bins, points[:, 0])
    near = np.maximum(right[:-2], right[2:])
    right[1:-1] = np.maximum(right[1:-1], near - 0.04)
    return left, right


def _place_on_baseline(
    items: list[Item], marks: list[Mark], style: WritingStyle, rng: np.random.Generator
) -> None:
    reach = np.full(_BINS, -_FAR, np.float32)
    edge, start = 0.0, True
    space = 0.0
    phase = rng.uniform(0.0, 6.28)
    widest_gap = max(style.gap, 0.0) + 2 * style.gap_spread
    for item, mark in zip(items, marks, strict=True):
        if not mark.outlines:
            space = widest_gap + rng.uniform(0.45, 1.2)
            continue
        left, right = _profile(mark)
        box_left, _, box_right, _ = mark.box()
        gap = rng.normal(style.gap, style.gap_spread) + (style.pen if style.gap > 0 else 0.3 * style.pen)
        if item.drawing in ".,'":
            gap = 0.5 * gap + 0.02
        elif len(item.drawing) > 1 and not item.drawing.startswith((numbers.LINKED_ZEROS, numbers.RAISED)):
            gap = abs(gap) + rng.uniform(0.15, 0.8)
        gap += space
        by_box = edge + gap - box_left
        kerned = float((reach - left).max()) + gap
        x = by_box if kerned < -1e3 else style.kerning * kerned + (1 - style.kerning) * by_box
        x = max(x, by_box - 0.3 * (box_right - box_left) - 0.1)
        if start:
            x, start = -box_left, False
        y = (
            style.slope * x
            + style.curvature * np.sin(0.5 * x + phase)
            + rng.normal(0.0, style.baseline_jitter)
        )
        mark.move(float(x), float(y))
        left_reach = np.where(right > -_FAR, right + np.float32(x), -_FAR)
        reach = np.maximum(reach - np.float32(0.1), left_reach.astype(np.float32))
        edge = max(edge, box_right + float(x)) if space == 0.0 else box_right + float(x)
        space = 0.0


def _place_in_cells(marks: list[Mark], rng: np.random.Generator) -> list[PrintedLine]:
    """Place each mark in a cell of a comb and return the comb."""
    widest = max(mark.box()[2] - mark.box()[0] for mark in marks)
    pitch = max(widest * rng.uniform(0.95, 1.2), rng.uniform(0.85, 1.7))
    for index, mark in enumerate(marks):
        left, _, right, _ = mark.box()
        center = (index + 0.5) * pitch + rng.normal(0.0, 0.05) * pitch
        mark.move(center - (left + right) / 2, float(rng.normal(0.0, 0.04)))
    return print_comb(len(marks), float(pitch), rng)


def _link_characters(
    marks: list[Mark], style: WritingStyle, all_marks: Mark, rng: np.random.Generator
) -> None:
    """Link the end of a stroke to the start of the next character, as in fast handwriting."""
    if not style.link_probability:
        return
    for first, second in pairwise(marks):
        if first.strokes and second.strokes and rng.random() < style.link_probability:
            a, b = first.strokes[-1][-1], second.strokes[0][0]
            if 0 < b[0] - a[0] < 0.3 and abs(b[1] - a[1]) < 0.4:
                sag = np.array([0.0, rng.uniform(-0.05, 0.12)], np.float32)
                all_marks.strokes.append(np.stack([a, (a + b) / 2 + sag, b]))


class _Frame(NamedTuple):
    """Position of the line in its image: pixel = (unit - origin) * scale + offset, at the final size."""

    origin: tuple[float, float]
    offset: tuple[float, float]
    scale: float
    width: int
    writing_height: float

    def to_supersampled(self, points: NDArray[np.float32]) -> NDArray[np.int32]:
        placed = (points - np.array(self.origin, np.float32)) * np.float32(self.scale) + np.array(
            self.offset, np.float32
        )
        return np.rint((placed * _SUPERSAMPLING - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)

    def sides(self) -> tuple[float, float]:
        """Return the line's x at the left and the right side of the image."""
        left = self.origin[0] - self.offset[0] / self.scale
        return left, left + self.width / self.scale

    def between(self, left: float, right: float) -> _Frame:
        """Return the frame with its sides at these x of the line."""
        width = max(12, int(np.ceil((right - left) * self.scale)))
        return self._replace(origin=(left, self.origin[1]), offset=(0.0, self.offset[1]), width=width)


def _frame(
    all_marks: Mark, style: WritingStyle, printed: list[PrintedLine], rng: np.random.Generator
) -> _Frame:
    if not all_marks.outlines:
        return _Frame((0.0, 0.0), (6.0, 38.0), 30.0, int(rng.integers(24, 400)), 0.0)
    left, top, right, bottom = all_marks.box()
    half_pen = style.pen / 2
    top, bottom = top - half_pen, bottom + half_pen
    if bottom - top < 0.9:
        top, bottom = min(top, -0.9), max(bottom, 0.0)
    if printed and rng.random() < 0.8:  # the image includes the comb's frame
        points = np.concatenate([line.points for line in printed])
        left, top = np.minimum((left, top), points.min(axis=0) - printed[0].width / 2).tolist()
        right, bottom = np.maximum((right, bottom), points.max(axis=0) + printed[0].width / 2).tolist()
    crop = rng.random()
    if crop < 0.22:  # tight
        height_px = rng.uniform(44.0, 49.0)
        margin_left, margin_right = rng.uniform(-0.5, 2.0, 2)
    else:
        height_px = 44.0 - 26.0 * rng.random() ** 2
        reach = 14.0 if crop < 0.85 else 50.0
        margin_left, margin_right = rng.uniform(1.0, reach, 2)
    scale = height_px / (bottom - top)
    free_px = LINE_HEIGHT_PX - height_px
    margin_top = free_px * (0.5 + 0.5 * rng.uniform(-1, 1) * rng.uniform(0.3, 1))
    margin_left += half_pen * scale
    width = int(np.ceil(margin_left + (right - left + half_pen) * scale + margin_right))
    return _Frame(
        (left, top), (float(margin_left), float(margin_top)), float(scale), max(width, 12), float(height_px)
    )


# Rendering --------------------------------------------------------------------------------------------------------


def _draw_bar(
    canvas: NDArray[np.uint8], style: WritingStyle, frame: _Frame, rng: np.random.Generator
) -> None:
    """Draw the bar of a sum at the top or the bottom of the writing, touching it or near it, with the same pen."""
    bottom = frame.offset[1] + frame.writing_height
    near = rng.uniform(-2.0, 4.0)
    y = min(bottom + near, LINE_HEIGHT_PX - 0.5) if rng.random() < 0.5 else max(frame.offset[1] - near, 0.5)
    x = np.linspace(rng.uniform(-0.1, 0.25), rng.uniform(0.7, 1.1), 6) * frame.width
    path = np.stack([x, y + rng.normal(0.0, 0.02) * (x - x[0]) + rng.normal(0.0, 0.3, 6)], 1)
    points = np.rint(path * _SUPERSAMPLING * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    width = max(1, round(style.pen * frame.scale * _SUPERSAMPLING * rng.uniform(0.7, 1.2)))
    cv2.polylines(canvas, [points], False, 255, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_mark(
    canvas: NDArray[np.uint8], mark: Mark, style: WritingStyle, frame: _Frame, rng: np.random.Generator
) -> None:
    pen = max(style.pen * frame.scale * _SUPERSAMPLING, 1.2)
    for stroke in mark.strokes:
        points = frame.to_supersampled(stroke if len(stroke) > 1 else np.repeat(stroke, 2, axis=0))
        if not style.pressure:
            cv2.polylines(canvas, [points], False, 255, max(1, round(pen)), cv2.LINE_AA, _SUBPIXEL_BITS)
            continue
        segments = min(6, max(1, len(points) // 6))
        for segment in range(segments):
            part = points[segment * len(points) // segments : (segment + 1) * len(points) // segments + 1]
            width = max(1, round(pen * float(np.exp(rng.normal(0.0, style.pressure)))))
            cv2.polylines(canvas, [part], False, 255, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    levels = np.clip((np.arange(256.0) - style.edge_level) * style.edge_gain + 128.0, 0, 255).astype(np.uint8)
    for image, matrix in mark.images:
        _draw_image(canvas, image, matrix, frame, levels)


def _draw_image(
    canvas: NDArray[np.uint8],
    image: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    frame: _Frame,
    levels: NDArray[np.uint8],
) -> None:
    scale = frame.scale * _SUPERSAMPLING
    placed = matrix * scale
    placed[:, 2] += (np.array(frame.offset) - np.array(frame.origin) * frame.scale) * _SUPERSAMPLING
    side = image.shape[1]
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ placed[:, :2].T + placed[:, 2]
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int), canvas.shape[::-1])
    if (high <= low).any():
        return
    placed[:, 2] -= low
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    warped = cv2.LUT(cv2.warpAffine(image, placed, size, flags=cv2.INTER_LINEAR), levels)
    part = canvas[low[1] : high[1], low[0] : high[0]]
    np.maximum(part, warped, out=part)


def _draw_printed(canvas: NDArray[np.uint8], printed: list[PrintedLine], frame: _Frame) -> None:
    for line in printed:
        width = max(1, round(line.width * frame.scale * _SUPERSAMPLING))
        cv2.polylines(
            canvas,
            [frame.to_supersampled(line.points)],
            False,
            round(255 * line.level),
            width,
            cv2.LINE_AA,
            _SUBPIXEL_BITS,
        )


def _add_cropped_symbol(
    canvas: NDArray[np.uint8], writer: Writer, style: WritingStyle, frame: _Frame, rng: np.random.Generator
) -> None:
    """Draw the edge of a symbol that the image cuts off, if there is room at the left or right."""
    if rng.random() > 0.07 or not frame.writing_height:
        return
    mark = draw_row("-+.=8"[int(rng.integers(5))], writer, style, rng, size=1.0, gap=0.0)
    left, _, right, _ = mark.box()
    reach = rng.uniform(1.0, 4.0)
    baseline_px = frame.offset[1] + frame.writing_height
    at_left = rng.random() < 0.6
    if canvas[:, : 12 * _SUPERSAMPLING].any() if at_left else canvas[:, -12 * _SUPERSAMPLING :].any():
        return
    x = reach - right * frame.scale if at_left else frame.width - reach - left * frame.scale
    shifted_frame = _Frame((0.0, 0.0), (float(x), float(baseline_px)), frame.scale, frame.width, 1.0)
    _draw_mark(canvas, mark, style, shifted_frame, rng)


def _add_adjacent_lines(
    canvas: NDArray[np.uint8], writer: Writer, style: WritingStyle, frame: _Frame, rng: np.random.Generator
) -> None:
    """Draw the parts of the lines above and below that extend into the image."""
    if rng.random() > 0.14 or not frame.writing_height:
        return
    bottom_margin = LINE_HEIGHT_PX - frame.offset[1] - frame.writing_height
    for above, margin in ((True, frame.offset[1]), (False, bottom_margin)):
        if margin < 1.5 or rng.random() < 0.4:
            continue
        reach = rng.uniform(1.0, min(margin, 11.0))
        text = numbers.plain_digits(rng, 6)
        row = draw_row(text, writer, style, rng, size=1.0, gap=max(style.gap, 0.05) + style.pen)
        _, top, right, bottom = row.box()
        half_pen = style.pen / 2 * frame.scale
        edge = reach - half_pen if above else LINE_HEIGHT_PX - reach + half_pen
        x = rng.uniform(-0.5 * right * frame.scale, frame.width)
        shifted_frame = _Frame(
            (0.0, bottom if above else top), (float(x), float(edge)), frame.scale, frame.width, 1.0
        )
        _draw_mark(canvas, row, style, shifted_frame, rng)
