"""Hands to write numbers with: what draws one digit after another as one person does, from the training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.contract import BOX_SIZE_PX
from digitrec.ink.render import Strokes
from digitrec.training.augmentation import cut_out
from digitrec.training.handwriting import Figure, write
from digitrec.training.pen_digits import PenDigit, choose_writers
from digitrec.training.samples import HELD_OUT_SEED, Samples, split

Ink = NDArray[np.float32]

# What draws a digit: its ink, cut out, 20 px its longer side, and its label.
Draw: TypeAlias = "Callable[[], tuple[Ink, int]]"
# Draws one hand.
Hand: TypeAlias = "Callable[[np.random.Generator], Draw]"

_PEN_SHARES = (0.05, 0.17)  # of a digit's longer side
_FINE = 3  # strokes are drawn so many times as large
_HELD_OUT_SHARE = 0.04  # of MNIST: just what the last step of the packaged digit network held out, too
_HELD_OUT_WRITERS_SHARE = 0.1  # of the pen's


class Hands(NamedTuple):
    """Hands to learn numbers of, and hands of other writers and other digits to tell how far to trust what learned."""

    learned: list[Hand]
    held_out: list[Hand]


def make_hands(mnist: Samples, pen_digits: Sequence[PenDigit], figures: Sequence[Figure]) -> Hands:
    """Return hands that write MNIST's training digits, the pen's, and figures, which are learned alone."""
    learned, held_out = split(mnist, _HELD_OUT_SHARE, HELD_OUT_SEED)
    others = choose_writers(pen_digits, _HELD_OUT_WRITERS_SHARE, HELD_OUT_SEED)
    by_learned = [digit for digit in pen_digits if digit.writer not in others]
    by_others = [digit for digit in pen_digits if digit.writer in others]
    of_mnist, of_pen, of_styles = of_samples(learned), of_pen_digits(by_learned), of_figures(figures)
    return Hands(
        [of_mnist, of_pen, of_styles, mixed(of_mnist, of_pen, of_styles)],
        [of_samples(held_out), of_pen_digits(by_others)],
    )


def of_samples(samples: Samples) -> Hand:
    """Return hands that write with any of the samples' digits."""

    def hand(rng: np.random.Generator) -> Draw:
        def draw() -> tuple[Ink, int]:
            index = int(rng.integers(len(samples.labels)))
            ink = np.asarray(samples.images[index] / np.float32(255), np.float32)
            return cut_out(ink), int(samples.labels[index])

        return draw

    return hand


def of_pen_digits(digits: Sequence[PenDigit]) -> Hand:
    """Return hands that write with any of the pen's digits, each hand with its own pen."""

    def hand(rng: np.random.Generator) -> Draw:
        pen_share = rng.uniform(*_PEN_SHARES)

        def draw() -> tuple[Ink, int]:
            digit = digits[int(rng.integers(len(digits)))]
            return drawn(digit.strokes, pen_share), digit.label

        return draw

    return hand


def of_figures(figures: Sequence[Figure]) -> Hand:
    """Return hands that write the figures anew each time; a hand knows one way to write each label."""

    def hand(rng: np.random.Generator) -> Draw:
        pen_share = rng.uniform(*_PEN_SHARES)
        known = {figures[place].label: figures[place] for place in rng.permutation(len(figures))}
        ways = list(known.values())

        def draw() -> tuple[Ink, int]:
            figure = ways[int(rng.integers(len(ways)))]
            return drawn(write(figure.drawing, rng), pen_share), figure.label

        return draw

    return hand


def mixed(*hands: Hand) -> Hand:
    """Return hands that write each digit as another of `hands` does."""

    def hand(rng: np.random.Generator) -> Draw:
        draws = [other(rng) for other in hands]

        def draw() -> tuple[Ink, int]:
            return draws[int(rng.integers(len(draws)))]()

        return draw

    return hand


def drawn(strokes: Strokes, pen_share: float) -> Ink:
    """Return the strokes as ink, 20 px their longer side, by a pen of this share of it."""
    low, high = strokes.box
    side = _FINE * BOX_SIZE_PX
    scale = side / max(float((high - low).max()), 1e-6)
    pen_px = max(1, round(side * pen_share))
    width, height = np.rint((high - low) * scale).astype(int) + 2 * (pen_px + 2)
    canvas = np.zeros((height, width), np.float32)
    for line in strokes.lines:
        points = np.rint(((line - low) * scale + pen_px + 2) * 16).astype(np.int32).reshape(-1, 1, 2)
        points = np.repeat(points, 2, axis=0) if len(points) == 1 else points
        cv2.polylines(canvas, [points], False, (1.0,), pen_px, cv2.LINE_AA, 4)
    size = (max(2, width // _FINE), max(2, height // _FINE))
    small = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
    return cut_out(np.asarray(small, np.float32))
