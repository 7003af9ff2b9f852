"""What a number was read as: its text, and each digit with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
    probabilities : (10,) float32, what the network makes of this ink alone, sums to 1.
    ink : (28, 28) float32 in [0, 1], what the network saw.
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
    confidence : the probability that all of `text` is right, in [0, 1].
    accepted : whether `confidence` reaches the threshold; False means "not sure, ask again".
    digits : in the order of `text`.
    """

    text: str
    confidence: float
    accepted: bool
    digits: tuple[DigitBox, ...]


NOTHING_READ = Reading("", 0.0, False, ())


def agreed(readings: Sequence[Reading], threshold: float) -> Reading:
    """Return the reading that several looks at one picture agree on most, sure by the mean of all of them."""
    votes = {reading.text: 0.0 for reading in readings}
    for reading in readings:
        votes[reading.text] += reading.confidence / len(readings)
    text = max(votes, key=lambda item: votes[item])
    best = max((reading for reading in readings if reading.text == text), key=lambda item: item.confidence)
    return replace(best, confidence=votes[text], accepted=votes[text] >= threshold)
