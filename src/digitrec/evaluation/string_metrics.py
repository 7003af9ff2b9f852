"""How well numbers were read: figures from the texts that are right and those that were read, and their lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitrec.evaluation.calibration import coverage_at_precision
from digitrec.evaluation.metrics import AccuracyCounts

PRECISION = 0.99  # at which the coverage is measured


@dataclass(frozen=True, eq=False)
class StringMetrics(AccuracyCounts):
    """The figures of a set of numbers; right is what is the label character by character.

    Attributes
    ----------
    characters : of all labels.
    errors : characters put in, left out or changed, at the least, to make the labels of the texts; all of those of a
        picture without a text.
    coverage : the largest fraction of the images that a threshold on the confidence can keep with `PRECISION` of it
        right, in [0, 1].
    transcripts : images whose transcript is known.
    transcripts_correct : those of them whose transcript was read right, spaces aside.
    """

    characters: int
    errors: int
    coverage: float
    transcripts: int = 0
    transcripts_correct: int = 0

    @property
    def character_error_rate(self) -> float:
        """`errors` for each character of the labels; above 1 where far too much was read."""
        return self.errors / self.characters

    @property
    def transcript_accuracy(self) -> float | None:
        """The fraction of the known transcripts that was read right, in [0, 1]; None where none is known."""
        return self.transcripts_correct / self.transcripts if self.transcripts else None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's own types."""
        return {
            **super().to_dict(),
            "character_error_rate": self.character_error_rate,
            "coverage_at_99": self.coverage,
            "transcripts": self.transcripts,
            "transcript_accuracy": self.transcript_accuracy,
        }


def compute_string_metrics(
    labels: Sequence[str],
    texts: Sequence[str],
    confidences: Sequence[float],
    accepted: Sequence[bool],
    transcripts: Sequence[tuple[str, str]] = (),
) -> StringMetrics:
    """Return the figures of texts whose truth is known.

    Parameters
    ----------
    labels, texts : what each image says and what was read, none of the labels empty; "" is an image without an answer.
    confidences : of each text, in any unit.
    accepted : whether each text was.
    transcripts : what is written on some images, with separators, and what was read. Spaces do not count.

    Raises
    ------
    ValueError : no labels, an empty one, or sequences of different lengths.
    """
    if not labels or not all(labels) or not len(labels) == len(texts) == len(confidences) == len(accepted):
        raise ValueError(
            "expected as many labels, none of them empty, as texts, confidences and acceptances, at least 1. "
            f"Received: {len(labels)}, {len(texts)}, {len(confidences)} and {len(accepted)}."
        )
    right = [label == text for label, text in zip(labels, texts, strict=True)]
    answered = [bool(text) for text in texts]
    return StringMetrics(
        count=len(labels),
        correct=sum(right),
        characters=sum(map(len, labels)),
        errors=sum(edit_distance(label, text) for label, text in zip(labels, texts, strict=True)),
        accepted=sum(accepted),
        accepted_correct=sum(taken and good for taken, good in zip(accepted, right, strict=True)),
        unanswered=answered.count(False),
        coverage=coverage_at_precision(right, np.where(answered, confidences, np.nan), PRECISION),
        transcripts=len(transcripts),
        transcripts_correct=sum(_without_spaces(one) == _without_spaces(other) for one, other in transcripts),
    )


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def edit_distance(one: str, other: str) -> int:
    """Return how many characters must be put in, left out or changed to make one text of the other (Levenshtein)."""
    above = list(range(len(other) + 1))
    for row, sign in enumerate(one, 1):
        here = [row]
        for column, against in enumerate(other, 1):
            here.append(min(above[column - 1] + (sign != against), above[column] + 1, here[column - 1] + 1))
        above = here
    return above[-1]
