"""Which connected pieces of ink make the digit, and which are specks or parts of a neighbour.

Where a picture has several digits of a size, none of them is the one: all of them stay.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.ops import Foreground, Mask, connected_components

_SPECK_SHARE = 0.02  # of the main piece's area: smaller pieces are specks wherever they lie
_DOT_SIDE_SHARE = 0.2  # of the main piece's longer side: smaller pieces are full stops and dust
_REACH_SHARE = 0.30  # of the main piece's longer side: how far off another piece may lie
_BESIDE_SHARE = 0.08  # the same for a piece beside it, not above: what is farther off is a neighbour
# A piece this long and this large, as shares of the main one, on its line and not far from it in its own lengths, is
# another digit: the network sees both, and refuses.
_EQUAL_SIDE_SHARE, _EQUAL_AREA_SHARE, _ON_LINE_SHARE, _APART_SHARE = 0.6, 0.3, 0.5, 2.0
_DUST_SHARE = 0.1  # of the picture's shorter side: shorter pieces are no digits


def select_digit_components(relief: Foreground, weak: float, strong: float) -> Mask:
    """Return the mask of the pieces that make the digit, (H, W) uint8 of 0 and 1, all 0 where there is none.

    Pieces are 8-connected pixels above `weak` with at least one above `strong` (hysteresis: Canny, 1986),
    so that a faint part of a stroke stays and a faint smudge goes.
    """
    mask = (relief > weak).astype(np.uint8)
    count, labels, stats = connected_components(mask)
    if count == 2 and relief.max() > strong:  # one piece, as most digits are
        return mask
    inked = mask > 0
    owner, darkness = labels[inked], relief[inked]
    is_strong = np.bincount(owner, darkness > strong, count) > 0
    weight = np.bincount(owner, darkness * _center_window(relief.shape)[inked], count) * is_strong
    main = int(weight.argmax())
    if weight[main] == 0.0:
        return np.zeros_like(mask)
    keep = np.zeros(count, np.uint8)
    for label in np.flatnonzero(is_strong[1:]) + 1:
        keep[label] = label == main or _belongs(stats[label], stats[main], relief.shape)
    return np.asarray(keep.take(labels), np.uint8)


def _belongs(piece: NDArray[np.int32], main: NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    side = _longer_side(main)
    is_dot = _longer_side(piece) < _DOT_SIDE_SHARE * side
    is_speck = _area(piece) < _SPECK_SHARE * _area(main)
    if is_dot or is_speck or _touches_edge(piece, shape):
        return False
    across, down = _gap(piece, main, 0), _gap(piece, main, 1)
    is_part = across <= _BESIDE_SHARE * side and down <= _REACH_SHARE * side
    is_beside = across <= _APART_SHARE * side and -down >= _ON_LINE_SHARE * piece[cv2.CC_STAT_HEIGHT]
    return bool(is_part or (is_beside and _is_equal(piece, main, shape)))


def _is_equal(piece: NDArray[np.int32], main: NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    shortest = max(_EQUAL_SIDE_SHARE * _longer_side(main), _DUST_SHARE * min(shape))
    return _longer_side(piece) >= shortest and _area(piece) >= _EQUAL_AREA_SHARE * _area(main)


def _longer_side(piece: NDArray[np.int32]) -> int:
    return int(max(piece[cv2.CC_STAT_WIDTH], piece[cv2.CC_STAT_HEIGHT]))


def _area(piece: NDArray[np.int32]) -> int:
    return int(piece[cv2.CC_STAT_AREA])


def _touches_edge(piece: NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    left, top, width, height = (int(value) for value in piece[:4])
    return left == 0 or top == 0 or left + width == shape[1] or top + height == shape[0]


def _gap(piece: NDArray[np.int32], main: NDArray[np.int32], axis: int) -> int:
    """Return the paper between two boxes along one axis in px; negative where they overlap."""
    starts = max(int(piece[axis]), int(main[axis]))
    ends = min(int(piece[axis] + piece[axis + 2]), int(main[axis] + main[axis + 2]))
    return starts - ends


@lru_cache(maxsize=32)
def _center_window(shape: tuple[int, int]) -> Foreground:
    """Return weights of (H, W), 1 in the middle and 0.1 in the corners: the digit is what was aimed at."""
    rows, columns = (np.cos(np.linspace(-np.pi / 2, np.pi / 2, size)) for size in shape)
    return (0.1 + 0.9 * np.outer(rows, columns)).astype(np.float32)
