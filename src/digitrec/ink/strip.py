"""A line of writing as a strip of ink of one height: what a network needs to see digits side by side.

A candidate is seen alone, at its own size; whether an upright beside a loop is a 1 or half of a 4 shows in the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.contract import BOX_SIZE_PX
from digitrec.ink.lines import Line, joined_box
from digitrec.ink.planes import Mask, Relief

STRIP_HEIGHT_PX = 32
MARGIN_PX = 10  # of paper before the first and behind the last ink
_HIGHEST_SHARE = 1.0  # of the line's digits: what is farther from its middle is not on the strip


Place = TypeVar("Place", float, NDArray[np.float64])


@dataclass(frozen=True, eq=False)
class Strip:
    """A line of writing, its digits some 20 px high, its middle at half height whatever its slope.

    Attributes
    ----------
    ink : (32, W) float32 in [0, 1].
    left : x on the page of the strip's first column.
    scale : what a length on the page is multiplied by to get that on the strip.
    """

    ink: Relief
    left: float
    scale: float

    def column(self, x: Place) -> Place:
        """Return where on the strip an x on the page is, a number or an array of them."""
        return (x - self.left) * self.scale


def strip_width(line: Line) -> int:
    """Return how many columns a line's strip has, about."""
    return round(joined_box(line.pieces)[2] * BOX_SIZE_PX / line.digit_px) + 2 * MARGIN_PX


def make_strip(ink: Relief | Mask, line: Line) -> Strip:
    """Return the ink around a line, which is what of it lies between its first and its last piece.

    Parameters
    ----------
    ink : (H, W) in [0, 1], the page.
    """
    left, top, width, height = joined_box(line.pieces)
    slope, offset = line.middle
    scale = BOX_SIZE_PX / line.digit_px
    reach = _HIGHEST_SHARE * line.digit_px + abs(slope) * width / 2
    middle = slope * (left + width / 2) + offset
    rows = slice(max(0, top, round(middle - reach)), min(top + height, round(middle + reach)))
    part = np.asarray(ink[rows, max(0, left) : left + width], np.float32)
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32)
    # x on the strip is x of the small part and the margin; y is made level, and the line's middle half the height.
    level = STRIP_HEIGHT_PX / 2 - (slope * left + offset - rows.start) * scale
    moved = np.array([[1.0, 0.0, MARGIN_PX], [-slope, 1.0, level]], np.float32)
    strip = cv2.warpAffine(small, moved, (size[0] + 2 * MARGIN_PX, STRIP_HEIGHT_PX))
    return Strip(np.asarray(strip, np.float32), left - MARGIN_PX / scale, scale)
