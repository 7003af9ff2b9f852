"""Select the connected components of the digit, without specks and fragments of neighboring digits.

In an image with several digits of similar size, all of them are kept, so that the network rejects it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.ops import Foreground, Mask, connected_components

_SPECK_AREA_FRACTION = 0.02  # of the main component's area: smaller components are specks
_DOT_SIDE_FRACTION = 0.2  # of the main component's longer side: smaller ones are periods and dust
_MAX_GAP_ABOVE = 0.30  # of the main component's longer side, for a component above or below it
_MAX_GAP_BESIDE = 0.08  # the same, for a component next to it
# A component of at least this side and area, relative to the main one, that overlaps it vertically and is close to it,
# is another digit: both are kept, and the network rejects the image.
_SIMILAR_SIDE_FRACTION, _SIMILAR_AREA_FRACTION, _ON_LINE_FRACTION, _MAX_GAP_SIMILAR = 0.6, 0.3, 0.5, 2.0
_DUST_FRACTION = 0.1  # of the image's shorter side: smaller components are not digits


def select_digit_components(foreground: Foreground, weak: float, strong: float) -> Mask:
    """Return the mask of the digit's components, (H, W) uint8 of 0 and 1; all 0 without a digit.

    Components are 8-connected pixels above `weak` with at least one above `strong` (hysteresis: Canny, 1986), so that
    faint parts of a stroke are kept and faint smudges are not.
    """
    mask = (foreground > weak).astype(np.uint8)
    count, labels, stats = connected_components(mask)
    if count == 2 and foreground.max() > strong:  # one component, the most frequent case
        return mask
    is_ink = mask > 0
    owner_labels, intensity = labels[is_ink], foreground[is_ink]
    is_strong = np.bincount(owner_labels, intensity > strong, count) > 0
    weight = (
        np.bincount(owner_labels, intensity * _center_window(foreground.shape)[is_ink], count) * is_strong
    )
    main = int(weight.argmax())
    if weight[main] == 0.0:
        return np.zeros_like(mask)
    keep = np.zeros(count, np.uint8)
    for label in np.flatnonzero(is_strong[1:]) + 1:
        keep[label] = label == main or _belongs(stats[label], stats[main], foreground.shape)
    return np.asarray(keep.take(labels), np.uint8)


def _belongs(component: NDArray[np.int32], main: NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    side = _longer_side(main)
    is_dot = _longer_side(component) < _DOT_SIDE_FRACTION * side
    is_speck = _area(component) < _SPECK_AREA_FRACTION * _area(main)
    if is_dot or is_speck or touches_edge(component[:4], shape):
        return False
    gap_x, gap_y = _gap(component, main, 0), _gap(component, main, 1)
    is_part = gap_x <= _MAX_GAP_BESIDE * side and gap_y <= _MAX_GAP_ABOVE * side
    is_neighbor = (
        gap_x <= _MAX_GAP_SIMILAR * side and -gap_y >= _ON_LINE_FRACTION * component[cv2.CC_STAT_HEIGHT]
    )
    return bool(is_part or (is_neighbor and _is_another_digit(component, main, shape)))


def _is_another_digit(component: NDArray[np.int32], main: NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    min_side = max(_SIMILAR_SIDE_FRACTION * _longer_side(main), _DUST_FRACTION * min(shape))
    return _longer_side(component) >= min_side and _area(component) >= _SIMILAR_AREA_FRACTION * _area(main)


def _longer_side(component: NDArray[np.int32]) -> int:
    return int(max(component[cv2.CC_STAT_WIDTH], component[cv2.CC_STAT_HEIGHT]))


def _area(component: NDArray[np.int32]) -> int:
    return int(component[cv2.CC_STAT_AREA])


def touches_edge(box: Iterable[int], shape: tuple[int, ...]) -> bool:
    """Return whether a box of left, top, width and height reaches a side of an image of a shape."""
    left, top, width, height = box
    return bool(left <= 0 or top <= 0 or left + width >= shape[1] or top + height >= shape[0])


def _gap(component: NDArray[np.int32], main: NDArray[np.int32], axis: int) -> int:
    """Return the gap between two boxes along one axis in px; negative if they overlap."""
    starts = max(int(component[axis]), int(main[axis]))
    ends = min(int(component[axis] + component[axis + 2]), int(main[axis] + main[axis + 2]))
    return starts - ends


@lru_cache(maxsize=32)
def _center_window(shape: tuple[int, int]) -> Foreground:
    """Return (H, W) float32 weights from 1 in the center to 0.1 in the corners: users center the digit."""
    rows, columns = (np.cos(np.linspace(-np.pi / 2, np.pi / 2, size)) for size in shape)
    return (0.1 + 0.9 * np.outer(rows, columns)).astype(np.float32)
