"""What digitrec returns: the prediction of one digit, the reading of a number, and the record of a form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import PROBABILITY_DECIMALS
from digitrec.errors import DigitrecError

RejectionReason: TypeAlias = Literal["several_digits", "no_digit", "low_confidence"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answer for an image of one digit.

    Attributes
    ----------
    digit : the most probable digit, 0 to 9.
    confidence : the probability of `digit`, in [0, 1].
    probabilities : (10,) float32, of the digits 0 to 9, sums to 1.
    reason : why the prediction is rejected; None if it is accepted, which is if `confidence` reaches the threshold.
        ``several_digits``: there is another digit or other writing next to the digit, use `Recognizer.read`.
        ``no_digit``: it looks like none of the ten digits. ``low_confidence``: it may be one digit or another.
    normalized_image : (28, 28) float32 in [0, 1], the network's input; 1 is ink.
    saliency : (28, 28) float32 in [0, 1], how much each image region contributes to `digit` in the digit
        network; None unless asked for.
    """

    digit: int
    confidence: float
    probabilities: NDArray[np.float32]
    reason: RejectionReason | None
    normalized_image: NDArray[np.float32] = field(repr=False)
    saliency: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def accepted(self) -> bool:
        """Whether `confidence` reaches the threshold."""
        return self.reason is None

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as JSON types; the probabilities are rounded, and sum to 1 within 1e-5."""
        return {
            "digit": self.digit,
            "confidence": round(self.confidence, PROBABILITY_DECIMALS),
            "probabilities": _rounded(self.probabilities),
            "accepted": self.accepted,
            "reason": self.reason,
        }


@dataclass(frozen=True, eq=False)
class DigitResult:
    """One digit of a number.

    Attributes
    ----------
    digit : 0 to 9.
    confidence : the probability of this digit at this place, in [0, 1].
    box : left, top, width, height in the image's own pixels; in the strokes' own unit, rounded, for strokes.
    probabilities : (10,) float32, of the digit network for this digit's ink alone, sums to 1.
    normalized_image : (28, 28) float32 in [0, 1], that network's input.
    """

    digit: int
    confidence: float
    box: tuple[int, int, int, int]
    probabilities: NDArray[np.float32]
    normalized_image: NDArray[np.float32] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the digit as JSON types."""
        return {
            "digit": self.digit,
            "confidence": round(self.confidence, PROBABILITY_DECIMALS),
            "box": list(self.box),
            "probabilities": _rounded(self.probabilities),
        }


@dataclass(frozen=True, eq=False)
class Reading:
    """The answer for an image of one or more digits.

    Attributes
    ----------
    text : the digits in reading order, lines separated by a newline; with a pattern, or a list of choices, also their
        own separators. Empty where no digit was found, or none that fits the constraint.
    transcript : what is written, with separators, such as ``14/05/2006``; ``?`` is any mark that is not a digit and not
        a separator.
    confidence : the probability that all of `text` is right, in [0, 1].
    accepted : whether `confidence` reaches the threshold; False means "low confidence, ask again".
    digits : in the order of `text`.
    """

    text: str
    transcript: str
    confidence: float
    accepted: bool
    digits: tuple[DigitResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as JSON types."""
        return {
            "text": self.text,
            "transcript": self.transcript,
            "confidence": round(self.confidence, PROBABILITY_DECIMALS),
            "accepted": self.accepted,
            "digits": [digit.to_dict() for digit in self.digits],
        }


EMPTY_READING = Reading("", "", 0.0, False, ())


def result_to_dict(result: Prediction | Reading | FormRecord | DigitrecError) -> dict[str, Any]:
    """Return a result as JSON types; an error as an object with its message."""
    return {"error": str(result)} if isinstance(result, DigitrecError) else result.to_dict()


@dataclass(frozen=True, eq=False)
class FormRecord:
    """The answer for an image of a filled form.

    Attributes
    ----------
    fields : the reading of each field by its name, ``NAME[ROW][COLUMN]`` for the boxes of a grid; where a field is
        blank, its `BlankImageError`.
    fit : the fraction of the blank form's print that is found in the image, in [0, 1]; None without a reference.
    violations : the rules that the numbers break, each with its fields and a message.
    accepted : whether nothing needs checking: every field is accepted, or blank and not required, and no rule is
        broken.
    images : each field as it is on the page, upright, (h, w) uint8; empty unless asked for.
    """

    fields: dict[str, Reading | DigitrecError]
    fit: float | None
    violations: tuple[tuple[tuple[str, ...], str], ...]
    accepted: bool
    images: dict[str, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def to_dict(
        self, field_to_dict: Callable[[Reading | DigitrecError], dict[str, Any]] = result_to_dict
    ) -> dict[str, Any]:
        """Return the record as JSON types; `field_to_dict` does so with each field."""
        return {
            "fields": {name: field_to_dict(item) for name, item in self.fields.items()},
            "fit": None if self.fit is None else round(self.fit, PROBABILITY_DECIMALS),
            "violations": [{"fields": list(names), "message": message} for names, message in self.violations],
            "accepted": self.accepted,
        }


def _rounded(probabilities: NDArray[np.float32]) -> list[float]:
    return [round(float(value), PROBABILITY_DECIMALS) for value in probabilities]
