"""What reading a number shows the network: digits cut out of a row, and digits that were not parted.

Rows of training digits, many of them touching, go through the very segmentation that a user's number goes through.
Each candidate is then known by how much of which digit it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.contract import NO_DIGIT
from digitrec.errors import BlankImageError
from digitrec.ink.lines import Line
from digitrec.ink.page import find_ink
from digitrec.ink.segment import Candidate, Segmented, segment
from digitrec.training.augmentation import cut_out
from digitrec.training.samples import Samples, gather, join
from digitrec.training.strings import Ink, Row, Spacing, lean, print_on_white, set_in_row

_LENGTHS = (2, 6)  # digits in a row, the last one excluded
_INKED = 0.3  # what is darker is a digit's
_WHOLE = 0.88  # of a digit's ink: a candidate with so much of one digit ...
_FOREIGN = 0.12  # ... and so little beside it, as a share of it, is that digit
_TWO = 0.7  # a candidate with so much of each of two digits is none
_NEAR = np.ones((3, 3), np.uint8)


def make_rows(digits: Samples, count: int, seed: int) -> Samples:
    """Return what the cuts make of `count` rows: digits, and as many things of `NO_DIGIT` at most.

    Parameters
    ----------
    digits : what the rows are made of.
    """
    rng = np.random.default_rng([seed, count])
    found = gather(sample for _ in range(count) for sample in _cut_up(_row(digits, rng), rng))
    others = found.others()
    chosen = rng.permutation(len(others.labels))[: len(found.digits().labels)]
    return join(found.digits(), others.chosen(chosen))


def _row(digits: Samples, rng: np.random.Generator) -> tuple[Row, list[int]]:
    """Return digits in a row, as one hand slants and spaces them, and which they are."""
    places = rng.integers(0, len(digits.labels), rng.integers(*_LENGTHS))
    slant = rng.normal(0.0, 0.15)
    inks = [
        lean(cut_out(np.asarray(digits.images[place] / np.float32(255))), -slant + rng.normal(0.0, 0.05))
        for place in places
    ]
    nearest = rng.uniform(-4.0, 0.0)
    spacing = Spacing((nearest, nearest + rng.uniform(1.0, 6.0)), rng.uniform(0.0, 4.0), (0.75, 1.25))
    return set_in_row(inks, spacing, rng), digits.labels[places].tolist()


def _cut_up(row: tuple[Row, Sequence[int]], rng: np.random.Generator) -> Iterator[tuple[int, Ink]]:
    """Yield label and ink of those candidates that a cut made or spared, where it is plain what they are."""
    (page, _, placed), labels = row
    try:
        found = segment(find_ink(print_on_white(page, rng.uniform(1.0, 4.0))))
    except BlankImageError:
        return
    digits = np.stack([_layer(*digit, page.shape, found.ink.shape) for digit in placed])
    for line in found.lines:
        for candidate in found.candidates(line):
            if candidate.last - candidate.first > 1 or _is_cut(line, candidate):
                label = _label(_mask(found, line, candidate), digits, labels)
                if label is not None:
                    yield label, candidate.ink()


def _layer(
    ink: Ink, top: int, left: int, shape: tuple[int, ...], seen_shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return where on the page that was seen one digit of the row lies."""
    layer = np.zeros(shape, np.float32)
    layer[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return np.asarray(cv2.resize(layer, seen_shape[::-1], interpolation=cv2.INTER_AREA) > _INKED)


def _is_cut(line: Line, candidate: Candidate) -> bool:
    after = line.pieces[candidate.last : candidate.last + 1]
    return any(piece.cut for piece in (line.pieces[candidate.first], *after))


def _mask(found: Segmented, line: Line, candidate: Candidate) -> NDArray[np.bool_]:
    numbers = [piece.number for piece in line.pieces[candidate.first : candidate.last]]
    return np.isin(found.labels, numbers)


def _label(mask: NDArray[np.bool_], digits: NDArray[np.bool_], labels: Sequence[int]) -> int | None:
    """Return what a candidate is: a digit, `NO_DIGIT`, or None where nobody could tell."""
    areas = np.maximum(1, digits.sum(axis=(1, 2)))
    shares = (digits & mask).sum(axis=(1, 2)) / areas
    own = int(shares.argmax())
    beside = mask & (cv2.dilate(digits[own].astype(np.uint8), _NEAR) == 0)
    if shares[own] >= _WHOLE and beside.sum() <= _FOREIGN * areas[own]:
        return labels[own]
    return NO_DIGIT if np.sort(shares)[-2] >= _TWO else None
