"""A synthetic writer: draws templates, given as a few control points, as pen strokes with human variation.

A template is written in a compact notation: strokes are separated by ``;``, each is a sequence of ``x,y`` points in
hundredths of a square, y downwards, and a leading ``~`` makes it a smooth curve instead of straight segments.
``"34,26 54,05 52,95"`` is a 1 with a short flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import BOX_SIZE_PX
from digitrec.errors import BlankImageError
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.strokes import Strokes, render_strokes_randomized
from digitrec.training.samples import Samples, from_pairs

_GRID = 100.0
_JITTER = 0.035  # standard deviation of a control point, as a fraction of the template size
_STROKE_JITTER = 0.02  # of a whole stroke, so that the contact of two strokes varies
_SIZE_TOLERANCE_PX = 4  # pen width and rounding
_POINTS_PER_SPAN = 8  # points between two control points of a curve


@dataclass(frozen=True)
class GlyphTemplate:
    """One way to write a character: a description, the label, and its strokes in the notation of this module."""

    name: str
    label: int  # the digit, or `digitrec.constants.NON_DIGIT_LABEL`
    drawing: str


def sample_all(templates: Sequence[GlyphTemplate], count: int, seed: int) -> Iterator[tuple[int, Strokes]]:
    """Yield `count` random samples of each template: its label, and its strokes with a size of about 1."""
    for number, template in enumerate(templates):
        for index in range(count):
            rng = np.random.default_rng([seed, number, index])
            yield template.label, sample_strokes(template.drawing, rng)


def sample_strokes(drawing: str, rng: np.random.Generator) -> Strokes:
    """Return one random sample of the strokes of `drawing`; the size is about 1."""
    return Strokes(tuple(_sample_stroke(stroke.strip(), rng) for stroke in drawing.split(";")))


def rasterize_and_normalize(samples: Iterable[tuple[int, Strokes]], rng: np.random.Generator) -> Samples:
    """Return the strokes as normalized images, rendered on a canvas and normalized as at inference.

    Samples from which normalization removes a part are skipped: the stem of a broken H is a 1, and the gaps of a dense
    scribble can be taken for ink.
    """
    return from_pairs(_normalized_images(samples, rng))


def _normalized_images(
    samples: Iterable[tuple[int, Strokes]], rng: np.random.Generator
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for label, strokes in samples:
        try:
            image = normalize(render_strokes_randomized(strokes, rng))
        except BlankImageError:
            continue
        if _is_complete(strokes, image):
            yield label, image


def _is_complete(strokes: Strokes, image: NDArray[np.float32]) -> bool:
    low, high = strokes.box
    width, height = (high - low) / max(float((high - low).max()), 1e-6) * BOX_SIZE_PX
    _, _, image_width, image_height = cv2.boundingRect((image > 0).astype(np.uint8))
    return bool(image_width > width - _SIZE_TOLERANCE_PX and image_height > height - _SIZE_TOLERANCE_PX)


def curve_through(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a smooth curve through the (N, 2) points, N at least 2, as (M, 2) points.

    Catmull, Rom, "A class of local interpolating splines", 1974.
    """
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    previous, start, end, following = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0.0, 1.0, _POINTS_PER_SPAN, endpoint=False)[:, np.newaxis, np.newaxis]
    parts = 0.5 * (
        2 * start
        + (end - previous) * t
        + (2 * previous - 5 * start + 4 * end - following) * t**2
        + (3 * start - previous - 3 * end + following) * t**3
    )
    return np.concatenate([parts.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def _sample_stroke(stroke: str, rng: np.random.Generator) -> NDArray[np.float32]:
    points = np.array([point.split(",") for point in stroke.lstrip("~").split()], np.float64) / _GRID
    points = points + rng.normal(0.0, _STROKE_JITTER, 2) + rng.normal(0.0, _JITTER, points.shape)
    return (curve_through(points) if stroke.startswith("~") else points).astype(np.float32)
