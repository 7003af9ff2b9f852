"""What the digit may be in an image whose ink reaches an edge.

There, geometry cannot tell a bar of the digit from a ruled line, another digit from a part of a neighbor, or bold ink
from background. `normalize` decides by what is usual. This module adds the alternatives: the network decides.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.errors import BlankImageError
from digitrec.preprocessing.components import Ink, is_next_to, is_whole_digit
from digitrec.preprocessing.normalize import (
    Extraction,
    downscale_for_processing,
    estimate_ink_level,
    extract_digit,
    find_ink,
    fit_to_mnist_box,
    normalize,
    normalize_extraction,
    rescale_intensity,
)
from digitrec.preprocessing.ops import Foreground, GrayImage, Mask

_Pixels = TypeVar("_Pixels", GrayImage, Foreground)

_MARGIN_PX = 16
_SAMPLE_PX = 256
_MIN_RANGE = 40  # gray levels between background and ink of a drawing
_LEVEL_TOLERANCE = 3
# Of the background, in a drawing or a binarized image: pixels of one level. Photos have noise and shading.
_MIN_FLAT_FRACTION, _MIN_FLAT_EDGE_FRACTION = 0.9, 0.75
_MIN_EDGE_FRACTION = 0.02  # of the edge's pixels: less ink than this is dust
_BOLD_FRACTION = 0.25  # of an image whose margin is small; digits on a canvas are 0.05 to 0.15 of it
_MIN_GROWTH = 1.05  # of the digit's area, by what was taken for a ruled line
_LINE_FRACTION = 0.7  # of a component was removed as a ruled line ...
_SAME_HEIGHT_FRACTION = 0.93  # ... but next to a digit of the same height it may be a 1
_MAX_OVERLAP = 0.15  # of the digit's longer side; a border around the digit overlaps it wholly
_TIGHT_SIDES = 3  # of four that two digits reach together, in an image cut to its ink
_MAX_CONTACT = 0.15  # of its height, with the edge, of a digit that the edge does not cut


class DigitCandidates(NamedTuple):
    """Normalized images of what the digit may be, each (28, 28) float32 in [0, 1].

    Attributes
    ----------
    digit : without what looks like ruled lines and neighbors.
    whole : all ink that is connected to the digit; None if that is the same, or if nothing else is left.
    is_drawing : whether `whole` comes from a drawing or a binarized image, whose background is known.
    others : components next to the digit that are as large.
    """

    digit: Foreground
    whole: Foreground | None = None
    is_drawing: bool = False
    others: tuple[Foreground, ...] = ()

    def images(self) -> list[Foreground]:
        """Return the digit, the whole ink if it differs, and the others."""
        return [self.digit, *([] if self.whole is None else [self.whole]), *self.others]


def find_candidates(image: GrayImage) -> DigitCandidates:
    """Return the candidates for the digit in an image, (H, W) uint8.

    Raises
    ------
    BlankImageError : the image has no ink.
    """
    reduced = downscale_for_processing(image)
    padded = _pad_tight_drawing(image)
    whole = None if padded is None else _normalize_or_none(padded)
    try:
        extraction = extract_digit(reduced)
        digit = normalize_extraction(image, extraction)
    except BlankImageError:
        if whole is None:
            raise
        return DigitCandidates(whole)
    ink = extraction.all_ink
    if ink.foreground is not extraction.foreground:  # the ruled lines belong to it
        ink = find_ink(extraction.foreground, extraction.noise)
    if padded is None and len(ink.stats) == 2 and not _touches_edge(ink.mask):  # the most frequent case
        return DigitCandidates(digit)
    if padded is None:
        whole = _whole_ink(extraction, ink)
    others = _other_digits(extraction, ink)
    return DigitCandidates(digit, whole, is_drawing=padded is not None, others=others)


def _pad_tight_drawing(image: GrayImage) -> GrayImage | None:
    """Return a drawing or binarized image with dark ink and a margin; None for a photo or where it has a margin.

    The background is what most of the edge is. The majority of the whole image would be wrong for a bold digit
    that is cut to its ink.
    """
    edge = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    step = max(1, max(image.shape) // _SAMPLE_PX)
    small = image[::step, ::step]  # unlike a reduced image it has the levels of the original
    darkest, lightest = int(small.min()), int(small.max())
    if lightest - darkest < _MIN_RANGE:
        return None
    middle = (darkest + lightest) // 2  # an integer: NumPy compares uint8 with a float in float64
    light_fraction = float((edge > middle).mean())
    background_is_light = light_fraction >= 0.5
    level = int(edge.max() if background_is_light else edge.min())
    is_mixed = _MIN_EDGE_FRACTION < light_fraction < 1 - _MIN_EDGE_FRACTION
    is_ink = (small > middle) != background_is_light
    if not is_mixed and np.count_nonzero(is_ink) < _BOLD_FRACTION * is_ink.size:
        return None
    for background, min_fraction in (
        (edge[(edge > middle) == background_is_light], _MIN_FLAT_EDGE_FRACTION),
        (small[~is_ink], _MIN_FLAT_FRACTION),
    ):
        if np.mean(np.abs(background.astype(np.int16) - level) <= _LEVEL_TOLERANCE) < min_fraction:
            return None
    padded = _pad(downscale_for_processing(image), level)
    return padded if background_is_light else np.asarray(255 - padded, np.uint8)


def _normalize_or_none(image: GrayImage) -> Foreground | None:
    try:
        return normalize(image)
    except BlankImageError:
        return None


def _whole_ink(extraction: Extraction, ink: Ink) -> Foreground | None:
    """Return all ink that is connected to the digit; None if no line was removed from it."""
    is_digit = np.zeros(len(ink.stats), np.uint8)
    is_digit[ink.labels[extraction.mask > 0]] = 1
    is_digit[0] = 0
    whole = np.asarray(is_digit.take(ink.labels), np.uint8)
    if cv2.countNonZero(whole) <= _MIN_GROWTH * cv2.countNonZero(extraction.mask):
        return None
    return _normalize_component(extraction, np.maximum(whole, extraction.mask))


def _other_digits(extraction: Extraction, ink: Ink) -> tuple[Foreground, ...]:
    labels, stats = ink.labels, ink.stats
    overlap = np.bincount(labels[extraction.mask > 0], minlength=len(stats))
    overlap[0] = 0
    main = int(overlap.argmax())
    others = []
    for label in range(1, len(stats)):
        if label == main or not is_whole_digit(stats[label], stats[main], labels.shape):
            continue
        if not is_next_to(stats[label], stats[main], max_overlap=_MAX_OVERLAP):
            continue
        component = np.asarray(labels == label, np.uint8)
        was_line = np.mean(extraction.all_ink.foreground[component > 0] <= ink.weak) >= _LINE_FRACTION
        height, main_height = (stats[each, cv2.CC_STAT_HEIGHT] for each in (label, main))
        if was_line and main_height < _SAME_HEIGHT_FRACTION * height:
            continue
        if _is_cut_off(component, stats[label], stats[main]):
            continue
        normalized = _normalize_component(extraction, component)
        if normalized is not None:
            others.append(normalized)
    return tuple(others)


def _is_cut_off(component: Mask, box: NDArray[np.int32], main: NDArray[np.int32]) -> bool:
    """Return whether the left or right edge cuts the component, so that it may be a part of a neighbor."""
    height, width = component.shape
    left, top = np.minimum(box[:2], main[:2])
    right, bottom = np.maximum(box[:2] + box[2:4], main[:2] + main[2:4])
    num_sides = int(left <= 1) + int(top <= 1) + int(right >= width - 1) + int(bottom >= height - 1)
    contact = max(int(component[:, 0].sum()), int(component[:, -1].sum()))
    return num_sides < _TIGHT_SIDES and contact >= _MAX_CONTACT * box[cv2.CC_STAT_HEIGHT]


def _normalize_component(extraction: Extraction, mask: Mask) -> Foreground | None:
    foreground, padded_mask = _pad(extraction.foreground), _pad(mask)
    try:
        ink_level = estimate_ink_level(foreground, padded_mask)
    except BlankImageError:
        return None
    return fit_to_mnist_box(rescale_intensity(foreground, padded_mask, ink_level, extraction.noise)[0])


def _pad(image: _Pixels, level: int = 0) -> _Pixels:
    """Return the image with a margin of one level; `np.pad` takes four times as long."""
    m = _MARGIN_PX
    return np.asarray(cv2.copyMakeBorder(image, m, m, m, m, cv2.BORDER_CONSTANT, value=(level,)), image.dtype)


def _touches_edge(mask: Mask) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())
