"""What the line network learns from: strips of written numbers, and where the middle of each digit is.

The numbers go through the very look at a page that a user's number goes through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import cv2
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from digitrec.contract import NO_DIGIT
from digitrec.errors import BlankImageError
from digitrec.ink.page import find_ink
from digitrec.ink.segment import segment
from digitrec.ink.strip import STRIP_HEIGHT_PX, Strip, make_strip
from digitrec.model.line_network import ANSWER_SHAPE, COLUMN_PX, NOTHING, WINDOW_PX, WINDOW_SHAPE
from digitrec.training.batches import untuned
from digitrec.training.strings import Number

_MOST_DIGITS = 12
_NOWHERE = -1e3  # the middle of a digit that is not there
_AT_PX, _NEAR_PX = 1.5, 3.0  # of a digit's middle: columns that tell it, and columns that may or may not
_LONGEST_PX = 2 * WINDOW_PX  # of the strips that are kept
_AHEAD = 4  # batches made while the network learns from one

# How far a strip is varied, standard deviations of normal distributions.
_SCALE, _SLANT, _DROP_PX, _WOBBLE_PX = 0.06, 0.1, 1.0, 0.6
_WOBBLE_GRID = (3, 9)  # nodes down and across
_GRID = np.stack(np.meshgrid(np.arange(WINDOW_PX), np.arange(STRIP_HEIGHT_PX)), axis=-1).astype(np.float32)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class LineSamples(NamedTuple):
    """Strips and what they say.

    Attributes
    ----------
    strips : (N, 32, 256) uint8, 255 is full ink, empty behind the writing.
    widths : (N,) int32, of each strip.
    middles : (N, 12) float32, columns on the strip, far outside where there are fewer digits.
    labels : (N, 12) uint8, `NO_DIGIT` where there are fewer.
    """

    strips: NDArray[np.uint8]
    widths: NDArray[np.int32]
    middles: NDArray[np.float32]
    labels: NDArray[np.uint8]


class Batch(NamedTuple):
    """Windows of strips and what they say.

    Attributes
    ----------
    inks : (B, 32, 128, 1) float32 in [0, 1].
    told : (B, 64, 11) float32, 1 for what has its middle in a column, see `LineNetwork`.
    counts : (B, 64) float32, 0 where it may be either of two, else 1.
    """

    inks: NDArray[np.float32]
    told: NDArray[np.float32]
    counts: NDArray[np.float32]


def make_line_samples(numbers: Iterable[Number]) -> LineSamples:
    """Return the strips of those numbers that are seen as one line."""
    found = [item for number in numbers for item in _seen(number)]
    samples = LineSamples(
        np.zeros((len(found), STRIP_HEIGHT_PX, _LONGEST_PX), np.uint8),
        np.zeros(len(found), np.int32),
        np.full((len(found), _MOST_DIGITS), _NOWHERE, np.float32),
        np.full((len(found), _MOST_DIGITS), NO_DIGIT, np.uint8),
    )
    for place, (strip, middles, label) in enumerate(found):
        width = min(strip.ink.shape[1], _LONGEST_PX)
        samples.strips[place, :, :width] = np.rint(255 * strip.ink[:, :width])
        samples.widths[place] = width
        samples.middles[place, : len(middles)] = middles
        samples.labels[place, : len(label)] = [int(sign) for sign in label]
    return samples


def _seen(number: Number) -> Iterator[tuple[Strip, list[float], str]]:
    try:
        found = segment(find_ink(number.picture))
    except BlankImageError:
        return
    if len(found.lines) == 1 and len(number.label) <= _MOST_DIGITS:
        strip = make_strip(found.ink, found.lines[0])
        yield strip, [strip.column(share * found.ink.shape[1]) for share in number.middles], number.label


class LineBatches:
    """Batches of windows of varied strips that depend on nothing but the seed and their number."""

    def __init__(self, samples: LineSamples, batch_size: int, seed: int) -> None:
        self._samples = samples
        self._batch_size = batch_size
        self._seed = seed

    def __getitem__(self, number: int) -> Batch:
        """Return the batch of this number, from 0 without an end."""
        rng = np.random.default_rng([self._seed, number])
        places = rng.integers(0, len(self._samples.widths), self._batch_size)
        inks = np.empty((self._batch_size, *WINDOW_SHAPE), np.float32)
        middles = np.empty((self._batch_size, _MOST_DIGITS))
        for row, place in enumerate(places.tolist()):
            turn = _random_turn(int(self._samples.widths[place]), rng)
            strip = self._samples.strips[place] / np.float32(255)
            inks[row, ..., 0] = _vary_pen(_turned(np.asarray(strip, np.float32), turn, rng), rng)
            middles[row] = _column(turn, self._samples.middles[place])
        return Batch(inks, *targets(middles, self._samples.labels[places]))

    def as_dataset(self) -> tf.data.Dataset:
        """Return what `keras.Model.fit` takes; it has no end."""
        signature = (
            tf.TensorSpec((None, *WINDOW_SHAPE), tf.float32),
            tf.TensorSpec((None, *ANSWER_SHAPE), tf.float32),
            tf.TensorSpec((None, ANSWER_SHAPE[0]), tf.float32),
        )
        batches = (tuple(self[number]) for number in count())
        return untuned(
            tf.data.Dataset.from_generator(lambda: batches, output_signature=signature).prefetch(_AHEAD)
        )


def in_windows(samples: LineSamples) -> Batch:
    """Return the first window of each strip as it is, to validate with."""
    inks = np.asarray(samples.strips[:, :, :WINDOW_PX, np.newaxis] / np.float32(255), np.float32)
    return Batch(inks, *targets(samples.middles, samples.labels))


def _random_turn(width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (2, 3), how a strip of this width is put into a window: where, and a little larger, smaller, slanted."""
    across, down = np.exp(rng.normal(0.0, _SCALE, 2))
    room = across * width - WINDOW_PX
    start = rng.uniform(min(0.0, room), max(0.0, room))
    slant = rng.normal(0.0, _SLANT)
    middle = STRIP_HEIGHT_PX / 2
    return np.array(
        [
            [across, slant, -start - slant * middle],
            [0.0, down, (1 - down) * middle + rng.normal(0.0, _DROP_PX)],
        ]
    )


def _column(turn: NDArray[np.float64], column: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return where in the window a column of the strip comes to lie, at half height."""
    return np.asarray(turn[0, 0] * column + turn[0, 1] * STRIP_HEIGHT_PX / 2 + turn[0, 2])


def _turned(
    strip: NDArray[np.float32], turn: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the window, its lines bent a little (Simard, Steinkraus, Platt, 2003)."""
    back = cv2.invertAffineTransform(turn)
    nodes = rng.normal(0.0, _WOBBLE_PX, (*_WOBBLE_GRID, 2)).astype(np.float32)
    wobble = cv2.resize(nodes, (WINDOW_PX, STRIP_HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    source = np.asarray(_GRID @ back[:, :2].T + back[:, 2] + wobble, np.float32)
    return np.asarray(cv2.remap(strip, source, None, cv2.INTER_LINEAR, borderValue=0.0), np.float32)  # type: ignore[call-overload]


def targets(
    middles: NDArray[np.floating[Any]], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what each column of a window tells, (B, 64, 11) float32, and how much that counts, (B, 64) float32."""
    columns = (np.arange(ANSWER_SHAPE[0]) + 0.5) * COLUMN_PX
    distance = np.abs(columns[np.newaxis, :, np.newaxis] - middles[:, np.newaxis, :])  # (B, 64, digits)
    nearest = distance.argmin(axis=2)
    far = np.take_along_axis(distance, nearest[..., np.newaxis], axis=2)[..., 0]
    told = np.where(far <= _AT_PX, np.take_along_axis(labels, nearest, axis=1), NOTHING)
    counts = (far <= _AT_PX) | (far > _NEAR_PX)
    return np.eye(NOTHING + 1, dtype=np.float32)[told], counts.astype(np.float32)


def _vary_pen(ink: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    choice, share = rng.random(2)
    if choice < 0.3:
        ink = ink + np.float32(share) * (cv2.dilate(ink, _CROSS) - ink)
    elif choice < 0.5:
        ink = ink + np.float32(0.7 * share) * (cv2.erode(ink, _CROSS) - ink)
    return np.asarray(np.clip(ink * np.float32(rng.uniform(0.75, 1.25)), 0.0, 1.0), np.float32)


def join_line_samples(parts: Sequence[LineSamples]) -> LineSamples:
    """Return the samples of all parts, in order."""
    return LineSamples(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))
