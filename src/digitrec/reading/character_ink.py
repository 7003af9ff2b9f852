"""Assign the foreground of a line to its characters: the box of each, and its normalized image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.preprocessing.binarize import BinarizedPage
from digitrec.preprocessing.normalize import INK_EDGE_LEVEL, fit_to_mnist_box

_WHOLE_FRACTION = 0.75  # of a component at one character: that character gets all of it
_MAX_FRAME_INK = 0.35  # of a frame's box is foreground, at most ...
_MIN_FRAMED_HEIGHT = 0.3  # ... and what it contains has this fraction of its height, at least
_REACH = 0.7  # of the components' median height, from a character's center to its components
_SEARCH_FRACTION = 0.18  # of the distance between two peaks, around its middle: where the cut is searched


class CharacterInk(NamedTuple):
    """A character's ink.

    Attributes
    ----------
    ink : (28, 28) float32 in [0, 1]; all 0 without foreground.
    box : left, top, right, bottom on the page.
    """

    ink: NDArray[np.float32]
    box: tuple[int, int, int, int]


def locate_characters(
    page: BinarizedPage, components: NDArray[np.intp], peaks: Sequence[float]
) -> list[CharacterInk]:
    """Return the ink of each character of a line, by about where its middle is.

    A component that is mostly at one character belongs to it; any other is cut where it has the least foreground.

    Parameters
    ----------
    components : the line's component IDs in the page's labels. Without any, as where the line model reads what the
        binarization took for background, each character is its columns of the page, without ink.
    peaks : x of each character on the page, from left to right, at least one.
    """
    height, width = page.labels.shape
    boxes = page.boxes[components] if len(components) else np.array([[0, 0, width, height, 0]], np.int32)
    left, top = (int(edge) for edge in boxes[:, :2].min(axis=0))
    right, bottom = (int(edge) for edge in (boxes[:, :2] + boxes[:, 2:4]).max(axis=0))
    labels, ink = page.labels[top:bottom, left:right], page.ink[top:bottom, left:right]
    is_in_line = np.zeros(len(page.boxes), np.bool_)
    is_in_line[components] = True
    mask = is_in_line[labels]
    edges = _edges(np.count_nonzero(mask, axis=0), [peak - left for peak in peaks])
    bounds = [0, *edges.tolist(), right - left]
    counts = np.stack(
        [
            np.bincount(labels[:, first:last].ravel(), minlength=len(page.boxes))
            for first, last in pairwise(bounds)
        ],
        axis=1,
    )
    is_whole = counts.max(axis=1) >= _WHOLE_FRACTION * counts.sum(axis=1)
    character_of_column = np.searchsorted(edges, np.arange(right - left), side="right").astype(np.int16)
    character_of_component = counts.argmax(axis=1).astype(np.int16)
    owner = np.where(is_whole[labels], character_of_component[labels], character_of_column)
    owner[~mask] = -1
    owner[(_is_frame(page.boxes, components) | _is_far(page.boxes, components, peaks))[labels]] = -1
    return [
        _character_ink(ink, owner == index, (left, top), columns)
        for index, columns in enumerate(pairwise(bounds))
    ]


def _is_frame(boxes: NDArray[np.int32], components: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return, for each component of the page, whether it is a thin line around another one of `components`."""
    found = np.zeros(len(boxes), np.bool_)
    left, top, width, height, area = boxes[components].T
    for component_id, x, y, w, h, ink in zip(components, left, top, width, height, area, strict=True):
        if ink > _MAX_FRAME_INK * w * h:
            continue
        inside = (left > x) & (top > y) & (left + width < x + w) & (top + height < y + h)
        found[component_id] = (inside & (height > _MIN_FRAMED_HEIGHT * h)).any()
    return found


def _is_far(
    boxes: NDArray[np.int32], components: NDArray[np.intp], peaks: Sequence[float]
) -> NDArray[np.bool_]:
    """Return, for each component of the page, whether it is one of `components` and far from all characters."""
    found = np.zeros(len(boxes), np.bool_)
    if not len(components):
        return found
    left, width, height = boxes[components][:, [0, 2, 3]].T
    reach = _REACH * float(np.median(height))
    at = np.asarray(peaks)[:, np.newaxis]
    found[components] = (np.maximum(left - at, at - left - width) > reach).all(axis=0)
    return found


def _edges(ink: NDArray[np.intp], peaks: Sequence[float]) -> NDArray[np.intp]:
    """Return the columns where the characters part: of the least ink near the middle between two peaks."""
    edges = []
    for before, after in pairwise(peaks):
        middle, reach = (before + after) / 2, _SEARCH_FRACTION * (after - before)
        columns = np.arange(max(0, round(middle - reach)), min(len(ink), round(middle + reach) + 1))
        nearest = (
            columns[np.lexsort((np.abs(columns - middle), ink[columns]))[0]]
            if len(columns)
            else round(middle)
        )
        edges.append(int(nearest))
    return np.array(edges, np.intp)


def _character_ink(
    ink: NDArray[np.float32],
    mask: NDArray[np.bool_],
    origin: tuple[int, int],
    columns: tuple[int, int],
) -> CharacterInk:
    """Return a character's ink; without foreground, its columns of the line."""
    left, top = origin
    own = np.where(mask, ink, np.float32(0))
    x, y, width, height = cv2.boundingRect((own > INK_EDGE_LEVEL).astype(np.uint8))
    if not width:
        blank = np.zeros((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.float32)
        return CharacterInk(blank, (left + columns[0], top, left + columns[1], top + ink.shape[0]))
    return CharacterInk(
        fit_to_mnist_box(own[y : y + height, x : x + width]),
        (left + x, top + y, left + x + width, top + y + height),
    )
