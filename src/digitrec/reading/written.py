"""What a number may be read from: the candidates of a picture, or of pen strokes, in one form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import BlankImageError
from digitrec.ink.lines import Box, Line, joined_box
from digitrec.ink.normalize import locate, normalize
from digitrec.ink.page import FIRST_LOOK, FULL_BUDGET, Budget, Look, TooMuchInkError, find_ink
from digitrec.ink.pen import PEN_BUDGET, PennedPage, segment_strokes
from digitrec.ink.planes import Picture
from digitrec.ink.render import Strokes, draw_on_canvas
from digitrec.ink.segment import Candidate, segment
from digitrec.ink.strip import Strip, make_strip, strip_width

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

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be read from it: there is more than a number has."""
        return self.whole is None and not self.lines

    def costs_at_most(self, budget: Budget) -> bool:
        """Return whether looking at it takes no more than a budget has."""
        boxes = [item.box for line in self.lines for item in line.candidates]
        return (
            self.shape[0] * self.shape[1] <= budget.page_px
            and len(boxes) <= budget.candidates
            and sum(width * height for _, _, width, height in boxes) <= budget.candidate_px
            and sum(strip_width(written.line) for written in self.lines) <= budget.strip_px
        )


def in_picture(picture: Picture, look: Look = FIRST_LOOK, budget: Budget = FULL_BUDGET) -> Written:
    """Return what a picture may be read from; nothing where there is more than the budget has.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    """
    try:
        return _found(picture, look, budget)
    except TooMuchInkError:
        return Written((), picture.shape, None)
    except BlankImageError:
        pass
    ink, box = locate(picture)  # blank for `predict` too: its error tells
    return Written((), picture.shape, Whole(ink, box))


def _found(picture: Picture, look: Look, budget: Budget) -> Written:
    page = find_ink(picture, look, budget)
    found = segment(page, budget)
    lines = [
        WrittenLine(line, found.candidates(line), partial(make_strip, page.ink, line)) for line in found.lines
    ]
    may_be_one = all(_width(line) <= _WIDEST_DIGIT * line.digit_px for line in found.lines)
    written = Written(lines, page.ink.shape, None, page.scale)
    if not written.costs_at_most(budget):
        raise TooMuchInkError
    return replace(written, whole=_whole(picture, page.scale)) if may_be_one else written


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
    lines = [
        WrittenLine(line, found.candidates(line), partial(_penned_strip, found, line)) for line in found.lines
    ]
    written = Written(lines, found.shape, whole, found.scale, found.origin)
    return written if written.costs_at_most(PEN_BUDGET) else replace(written, lines=())


def _penned_strip(found: PennedPage, line: Line) -> Strip:
    return make_strip(found.drawn, line)
