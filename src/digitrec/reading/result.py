"""What a number was read as: its digits, what stands on the paper, and each digit with its place."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DigitBox:
    """One digit of a number.

    Attributes
    ----------
    digit : 0 to 9.
    confidence : the probability that this digit stands at this place, in [0, 1].
    box : left, top, width, height in the picture's own pixels; in the strokes' own unit, rounded, for strokes.
    probabilities : (10,) float32, what the digit network makes of this ink alone, sums to 1.
    ink : (28, 28) float32 in [0, 1], what that network saw.
    """

    digit: int
    confidence: float
    box: tuple[int, int, int, int]
    probabilities: NDArray[np.float32]
    ink: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Reading:
    """The answer for a picture of one or more digits.

    Attributes
    ----------
    text : the digits in reading order, lines separated by a newline; with a pattern, or a list of numbers, also their
        own separators. Empty where no digit was found, or none that fits what was asked for.
    transcript : what stands there, separators too, such as ``14/05/2006``; ``?`` is what is no digit and no separator.
    confidence : the probability that all of `text` is right, in [0, 1].
    accepted : whether `confidence` reaches the threshold; False means "not sure, ask again".
    digits : in the order of `text`.
    """

    text: str
    transcript: str
    confidence: float
    accepted: bool
    digits: tuple[DigitBox, ...]


NOTHING_READ = Reading("", "", 0.0, False, ())
