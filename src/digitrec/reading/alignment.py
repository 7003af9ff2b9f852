"""Where each character of a line stands: its own ink, its box, and that ink as the digit network sees it."""

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

_OWN_SHARE = 0.75  # of a piece of ink that lies at one character: all of it is that one's
_FRAME_INK = 0.35  # of its box, at most, is a frame's ink ...
_FRAMED = 0.3  # ... and so much of its height at least has what stands in it
_REACH = 0.7  # of the pieces' median height, from a character's middle to its own pieces
_SEARCHED = 0.18  # of the way between two peaks, to either side of its middle: the least ink there parts them


class CharacterInk(NamedTuple):
    """A character's ink.

    Attributes
    ----------
    ink : (28, 28) float32 in [0, 1]; all 0 where there is none.
    box : left, top, right, bottom on the page.
    """

    ink: NDArray[np.float32]
    box: tuple[int, int, int, int]


def locate_characters(
    page: BinarizedPage, pieces: NDArray[np.intp], peaks: Sequence[float]
) -> list[CharacterInk]:
    """Return the ink of each character of a line, by about where its middle is.

    A piece of ink that lies mostly at one character is that one's; any other is parted where the least ink is.

    Parameters
    ----------
    pieces : the numbers of the line's pieces in the page's labels, at least one.
    peaks : x of each character on the page, from left to right, at least one.
    """
    boxes = page.boxes[pieces]
    left, top = (int(edge) for edge in boxes[:, :2].min(axis=0))
    right, bottom = (int(edge) for edge in (boxes[:, :2] + boxes[:, 2:4]).max(axis=0))
    labels, ink = page.labels[top:bottom, left:right], page.ink[top:bottom, left:right]
    is_own = np.zeros(len(page.boxes), np.bool_)
    is_own[pieces] = True
    mask = is_own[labels]
    edges = _edges(np.count_nonzero(mask, axis=0), [peak - left for peak in peaks])
    bounds = [0, *edges.tolist(), right - left]
    counts = np.stack(
        [
            np.bincount(labels[:, first:last].ravel(), minlength=len(page.boxes))
            for first, last in pairwise(bounds)
        ],
        axis=1,
    )
    is_whole = counts.max(axis=1) >= _OWN_SHARE * counts.sum(axis=1)
    character_of_column = np.searchsorted(edges, np.arange(right - left), side="right").astype(np.int16)
    character_of_piece = counts.argmax(axis=1).astype(np.int16)
    owner = np.where(is_whole[labels], character_of_piece[labels], character_of_column)
    owner[~mask] = -1
    owner[(_is_frame(page.boxes, pieces) | _is_far(page.boxes, pieces, peaks))[labels]] = -1
    return [
        _character_ink(ink, owner == number, (left, top), columns)
        for number, columns in enumerate(pairwise(bounds))
    ]


def _is_frame(boxes: NDArray[np.int32], pieces: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return, for each piece of the page, whether it is a thin line around another one of these pieces."""
    found = np.zeros(len(boxes), np.bool_)
    left, top, width, height, area = boxes[pieces].T
    for number, x, y, w, h, ink in zip(pieces, left, top, width, height, area, strict=True):
        if ink > _FRAME_INK * w * h:
            continue
        inside = (left > x) & (top > y) & (left + width < x + w) & (top + height < y + h)
        found[number] = (inside & (height > _FRAMED * h)).any()
    return found


def _is_far(boxes: NDArray[np.int32], pieces: NDArray[np.intp], peaks: Sequence[float]) -> NDArray[np.bool_]:
    """Return, for each piece of the page, whether it is one of these and too far from all characters: a divider."""
    found = np.zeros(len(boxes), np.bool_)
    left, width, height = boxes[pieces][:, [0, 2, 3]].T
    reach = _REACH * float(np.median(height))
    at = np.asarray(peaks)[:, np.newaxis]
    found[pieces] = (np.maximum(left - at, at - left - width) > reach).all(axis=0)
    return found


def _edges(ink: NDArray[np.intp], peaks: Sequence[float]) -> NDArray[np.intp]:
    """Return the columns where the characters part: of the least ink near the middle between two peaks."""
    edges = []
    for before, after in pairwise(peaks):
        middle, reach = (before + after) / 2, _SEARCHED * (after - before)
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
    """Return a character's ink; where it has none, its columns of the line."""
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
