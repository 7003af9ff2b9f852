"""A synthetic writer: figures given as a few control points, drawn as pen strokes with human variation.

A figure is written in a small notation, so that a table of them can be read and extended: strokes are parted by
``;``, each is a row of ``x,y`` points in hundredths of a square, y downwards, and ``~`` before it asks for a
smooth curve instead of straight parts. ``"34,26 54,05 52,95"`` is a 1 with a short flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import BOX_SIZE_PX
from digitrec.errors import BlankImageError
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.strokes import Strokes, render_strokes_randomized
from digitrec.training.samples import Samples, from_pairs

_UNIT = 100.0
_JITTER = 0.035  # standard deviation of a control point, of the figure's size
_STROKE_JITTER = 0.02  # of a whole stroke: two strokes of a figure never meet twice in the same place
_LOST_PX = 4  # a pen's width, and rounding
_SAMPLES = 8  # points between two control points of a curve


@dataclass(frozen=True)
class GlyphTemplate:
    """One way to write something.

    Attributes
    ----------
    name : what it is, for people.
    label : the digit, or `digitrec.constants.NON_DIGIT_LABEL`.
    drawing : its strokes in the module's notation.
    """

    name: str
    label: int
    drawing: str


class StrokeSample(NamedTuple):
    """A figure as one hand wrote it once: its label and its strokes, of a size of about 1."""

    label: int
    strokes: Strokes


def sample_all(figures: Sequence[GlyphTemplate], count: int, seed: int) -> Iterator[StrokeSample]:
    """Yield `count` drawings of each figure, every one written anew."""
    for number, figure in enumerate(figures):
        for index in range(count):
            yield StrokeSample(
                figure.label, sample_strokes(figure.drawing, np.random.default_rng([seed, number, index]))
            )


def sample_strokes(drawing: str, rng: np.random.Generator) -> Strokes:
    """Return the strokes of `drawing` as one hand writes them once; the size is about 1."""
    return Strokes(tuple(_sample_stroke(stroke.strip(), rng) for stroke in drawing.split(";")))


def rasterize_and_normalize(written: Iterable[tuple[int, Strokes]], rng: np.random.Generator) -> Samples:
    """Return the ink of strokes, each replayed on a canvas and normalised as a user's would be.

    A drawing of which the normalisation leaves a part or nothing is left out: the upright of a torn H is a 1, and a
    scribble may be so dense that its holes are taken for ink.
    """
    return from_pairs(_normalized_images(written, rng))


def _normalized_images(
    written: Iterable[tuple[int, Strokes]], rng: np.random.Generator
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for label, strokes in written:
        try:
            ink = normalize(render_strokes_randomized(strokes, rng))
        except BlankImageError:
            continue
        if _is_whole(strokes, ink):
            yield label, ink


def _is_whole(strokes: Strokes, ink: NDArray[np.float32]) -> bool:
    low, high = strokes.box
    width, height = (high - low) / max(float((high - low).max()), 1e-6) * BOX_SIZE_PX
    _, _, seen_width, seen_height = cv2.boundingRect((ink > 0).astype(np.uint8))
    return bool(seen_width > width - _LOST_PX and seen_height > height - _LOST_PX)


def curve_through(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a smooth curve through the (N, 2) points, N at least 2, as (M, 2) points.

    Catmull, Rom, "A class of local interpolating splines", 1974.
    """
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0.0, 1.0, _SAMPLES, endpoint=False)[:, np.newaxis, np.newaxis]
    parts = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.concatenate([parts.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def _sample_stroke(stroke: str, rng: np.random.Generator) -> NDArray[np.float32]:
    points = np.array([point.split(",") for point in stroke.lstrip("~").split()], np.float64) / _UNIT
    points = points + rng.normal(0.0, _STROKE_JITTER, 2) + rng.normal(0.0, _JITTER, points.shape)
    return (curve_through(points) if stroke.startswith("~") else points).astype(np.float32)
