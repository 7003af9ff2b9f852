"""What a number may be read from: the candidates of a picture, or of pen strokes, in one form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import BlankImageError
from digitrec.ink.lines import Box, Line, joined_box
from digitrec.ink.normalize import locate, normalize
from digitrec.ink.page import FIRST_LOOK, Look, Page, find_ink
from digitrec.ink.pen import PennedPage, segment_strokes
from digitrec.ink.planes import Picture
from digitrec.ink.render import Strokes, draw_on_canvas
from digitrec.ink.segment import Candidate, segment
from digitrec.ink.strip import Strip, make_strip

# More pieces of ink than this are no number but a page of print, or a photo.
MOST_PIECES = 300
_MOST_CANDIDATES = 1500
_WIDEST_DIGIT = 3.0  # times its height, dashes beside it and fragments of neighbours included


@dataclass(frozen=True, eq=False)
class Whole:
    """The digit that `predict` would see in the picture.

    Attributes
    ----------
    ink : (28, 28) float32 in [0, 1]. box : left, top, width, height on the page.
    """

    ink: NDArray[np.float32]
    box: Box


class WrittenLine(NamedTuple):
    """A line, the candidates for its digits, and what gives its strip."""

    line: Line
    candidates: Sequence[Candidate]
    strip: Callable[[], Strip]


@dataclass(frozen=True, eq=False)
class Written:
    """All that a number may be read from.

    Attributes
    ----------
    lines : none where there is too much ink for a number.
    shape : (H, W) of the page that all boxes lie on.
    whole : what `predict` would see; None where it sees blank paper.
    scale : what a length in the picture is multiplied by to get that on the page.
    origin : x, y in the picture of the page's corner.
    """

    lines: Sequence[WrittenLine]
    shape: tuple[int, ...]
    whole: Whole | None
    scale: float = 1.0
    origin: tuple[float, float] = (0.0, 0.0)


def in_picture(picture: Picture, look: Look = FIRST_LOOK) -> Written:
    """Return what a picture may be read from.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    """
    page: Page | None = None
    with suppress(BlankImageError):
        page = find_ink(picture, look)
    if page is None:
        ink, box = locate(picture)  # blank for `predict` too: its error tells
        return Written((), picture.shape, Whole(ink, box))
    if len(page.boxes) - 1 > MOST_PIECES:
        return Written((), page.ink.shape, None, page.scale)
    found = segment(page)
    lines = [
        WrittenLine(line, found.candidates(line), partial(make_strip, page.ink, line)) for line in found.lines
    ]
    if sum(len(written.candidates) for written in lines) > _MOST_CANDIDATES:
        return Written((), page.ink.shape, None, page.scale)
    may_be_one = all(_width(line) <= _WIDEST_DIGIT * line.digit_px for line in found.lines)
    whole = _whole(picture, page.scale) if may_be_one else None
    return Written(lines, page.ink.shape, whole, page.scale)


def _width(line: Line) -> int:
    return joined_box(line.pieces)[2]


def _whole(picture: Picture, scale: float) -> Whole | None:
    try:
        ink, box = locate(picture)
    except BlankImageError:
        return None
    left, top, width, height = (round(length * scale) for length in box)
    return Whole(ink, (left, top, max(1, width), max(1, height)))


def in_strokes(strokes: Strokes) -> Written:
    """Return what pen strokes may be read from: a digit is made of whole strokes.

    Raises
    ------
    BlankImageError : nothing is drawn, or no more than a dot.
    """
    ink = normalize(draw_on_canvas(strokes))
    found = segment_strokes(strokes)
    whole = Whole(ink, (0, 0, found.shape[1], found.shape[0]))
    seen = found.lines if len(strokes.lines) <= MOST_PIECES else ()
    lines = [WrittenLine(line, found.candidates(line), partial(_penned_strip, found, line)) for line in seen]
    return Written(lines, found.shape, whole, found.scale, found.origin)


def _penned_strip(found: PennedPage, line: Line) -> Strip:
    return make_strip(found.drawn, line)
