"""Propose the fields of a blank form from its printed lines: combs, grids, and single boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple, TypeVar

import cv2
import numpy as np

from digitrec.forms.template import MAX_FIELDS, FormField
from digitrec.preprocessing.binarize import foreground_mask
from digitrec.preprocessing.ops import GrayImage, Mask, connected_components, downscale
from digitrec.reading.constraints import MAX_DIGITS

_SIZE_PX = 1754  # longer side of the page where lines are found: A4 at 150 dpi
_MIN_SIDE, _MAX_HEIGHT = 0.011, 0.11  # of the page's longer side: 3.3 and 33 mm of A4
_MIN_FILLING = 0.85  # of a cell's smallest rectangle, which may be tilted
_MAX_TILT_DEGREES = 5.0
_MAX_PRINT = 0.005  # of a cell: with more print in it, it is a label
_DIGIT_ASPECT = (0.4, 1.5)  # width / height of a box for one digit; a wider one holds a number
_MAX_COMB_GAP, _MAX_GRID_GAP = 0.35, 0.15  # between boxes, of their width and height
_SIMILARITY = 0.15  # by how much the sides of equal boxes differ

_Item = TypeVar("_Item")


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Right minus left."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Bottom minus top."""
        return self.bottom - self.top


def propose_fields(image: GrayImage) -> dict[str, FormField]:
    """Return the fields of a blank form in reading order; a page without boxes has none.

    A comb is a row of boxes of one size, a grid rows of as many; any other box holds a digit or a number. A box with
    print in it is a label.

    Parameters
    ----------
    image : (H, W) uint8, the blank form, tilted by at most 5 degrees.

    Returns
    -------
    The fields ``field_1``, ``field_2`` and so on; their boxes are in pixels of the image.
    """
    reduced = downscale(image, _SIZE_PX)
    scale = max(image.shape) / max(reduced.shape)
    cells = _cells(foreground_mask(reduced))
    if len(cells) > MAX_FIELDS:
        return {}  # squared paper
    rows = sorted(_grouped(sorted(cells), _continues), key=lambda row: (row[0].top, row[0].left))
    fields = [_field(group, scale) for group in _grouped(rows, _is_below)]
    return {f"field_{number}": field for number, field in enumerate(_in_reading_order(fields), 1)}


def _cells(mask: Mask) -> list[Box]:
    """Return the rectangles between printed lines that have no print in them."""
    lines, min_px = _lines(mask), _MIN_SIDE * max(mask.shape)
    margin = _thickness(lines) / 2
    _, labels, stats = connected_components(1 - lines)
    cells = []
    for index, (left, top, width, height, area) in enumerate(stats.tolist()):
        if index == 0 or min(width, height) < min_px or height > _MAX_HEIGHT * max(mask.shape):
            continue
        part = np.s_[top : top + height, left : left + width]
        inside = np.asarray(labels[part] == index, np.uint8)
        if _is_rectangle(inside, area) and (mask[part] * inside).sum() <= _MAX_PRINT * area:
            cells.append(Box(left - margin, top - margin, left + width + margin, top + height + margin))
    return cells


def _lines(mask: Mask) -> Mask:
    """Return the straight horizontal and vertical lines, at least as long as the smallest cell."""
    run = max(9, round(_MIN_SIDE * max(mask.shape)))
    lines = np.zeros_like(mask)
    for size in ((run, 1), (1, run)):
        # A tilted line is one of several rows.
        thick = cv2.dilate(mask, np.ones((3, 1) if size[1] == 1 else (1, 3), np.uint8))
        lines |= np.asarray(cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones(size[::-1], np.uint8)), np.uint8)
    return lines


def _thickness(lines: Mask) -> float:
    """Return how thick the lines are in the mean, in pixels."""
    edge = lines - cv2.erode(lines, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return 2 * float(lines.sum()) / max(1.0, float(edge.sum()))


def _is_rectangle(inside: Mask, area: int) -> bool:
    """Return whether a component fills a rectangle with nearly horizontal sides."""
    _, size, angle = cv2.minAreaRect(cv2.findNonZero(inside))
    tilt = min(angle % 90, 90 - angle % 90)
    return tilt <= _MAX_TILT_DEGREES and area >= _MIN_FILLING * (size[0] + 1) * (size[1] + 1)


def _grouped(items: Iterable[_Item], continues: Callable[[list[_Item], _Item], bool]) -> list[list[_Item]]:
    """Return each group of items that continue one another, and every other item alone."""
    groups: list[list[_Item]] = []
    for item in items:
        group = next((group for group in groups if continues(group, item)), None)
        if group is None:
            groups.append([item])
        else:
            group.append(item)
    return groups


def _continues(row: list[Box], cell: Box) -> bool:
    """Return whether a box continues a row of equal boxes for one digit each."""
    last, gap = row[-1], cell.left - row[-1].right
    return (
        _is_for_digit(cell)
        and _is_like(last, cell)
        and abs(cell.top - last.top) <= _SIMILARITY * last.height
        and -_SIMILARITY * last.width <= gap <= _MAX_COMB_GAP * last.width
        and (len(row) < 2 or abs(gap - row[-1].left + row[-2].right) <= _SIMILARITY * last.width)
    )


def _is_below(grid: list[list[Box]], lower: list[Box]) -> bool:
    """Return whether a row continues a grid."""
    upper = grid[-1]
    gap = lower[0].top - upper[0].bottom
    return (
        len(upper) == len(lower) > 1
        and _is_like(upper[0], lower[0])
        and abs(gap) <= _MAX_GRID_GAP * upper[0].height
        and abs(upper[0].left - lower[0].left) <= _SIMILARITY * upper[0].width
        and abs(upper[-1].right - lower[-1].right) <= _SIMILARITY * upper[0].width
    )


def _is_for_digit(cell: Box) -> bool:
    return _DIGIT_ASPECT[0] <= cell.width / cell.height <= _DIGIT_ASPECT[1]


def _is_like(a: Box, b: Box) -> bool:
    sides = ((a.width, b.width), (a.height, b.height))
    return all(abs(one - other) <= _SIMILARITY * max(one, other) for one, other in sides)


def _field(group: list[list[Box]], scale: float) -> FormField:
    rows, columns = min(len(group), MAX_DIGITS), min(len(group[0]), MAX_DIGITS)
    box = _outline(group[:rows], columns, scale)
    sizes: dict[str, object] = {}
    if rows > 1:
        sizes = {"kind": "grid", "rows": rows, "columns": columns}
    elif columns > 1:
        sizes = {"kind": "comb", "boxes": columns}
    elif _is_for_digit(group[0][0]):
        sizes = {"kind": "digit"}
    return FormField.model_validate({"box": box, **sizes})


def _outline(group: list[list[Box]], columns: int, scale: float) -> tuple[float, float, float, float]:
    """Return the box of a field whose cells are parts of equal size, with half of the gap between them around."""
    cells = np.array([row[:columns] for row in group])  # (rows, columns, 4)
    left, right = cells[:, 0, 0].mean(), cells[:, -1, 2].mean()
    top, bottom = cells[0, :, 1].mean(), cells[-1, :, 3].mean()
    gap_x = np.mean([b.left - a.right for row in group for a, b in pairwise(row)] or [0]) / 2
    gap_y = np.mean([b[0].top - a[0].bottom for a, b in pairwise(group)] or [0]) / 2
    edges = np.array([left - gap_x, top - gap_y, right + gap_x, bottom + gap_y]).clip(0) * scale
    x, y, end_x, end_y = (round(float(edge)) for edge in edges)
    return (x, y, end_x - x, end_y - y)


def _in_reading_order(fields: list[FormField]) -> Iterator[FormField]:
    """Yield the fields line by line. A line has all fields that begin above the middle of its highest one."""
    rest = sorted(fields, key=lambda field: field.box[1])
    while rest:
        _, top, _, height = rest[0].box
        line = [field for field in rest if field.box[1] <= top + height / 2]
        yield from sorted(line, key=lambda field: field.box[0])
        rest = rest[len(line) :]
