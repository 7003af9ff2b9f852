"""How well numbers were read: figures from the texts that are right and those that were read, and their lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from digitrec.evaluation.figures import Tally


@dataclass(frozen=True, eq=False)
class Transcription(Tally):
    """The figures of a set of numbers; right is what is the label character by character.

    Attributes
    ----------
    characters : of all labels.
    errors : characters put in, left out or changed, at the least, to make the labels of the texts; all of those of a
        picture without a text.
    """

    characters: int
    errors: int

    @property
    def character_error_rate(self) -> float:
        """`errors` for each character of the labels; above 1 where far too much was read."""
        return self.errors / self.characters

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's own types."""
        return {**super().to_dict(), "character_error_rate": self.character_error_rate}


def transcribe(labels: Sequence[str], texts: Sequence[str], accepted: Sequence[bool]) -> Transcription:
    """Return the figures of texts whose truth is known; "" is a picture without an answer.

    Raises
    ------
    ValueError : no labels, an empty one, or as many of one kind as not of another.
    """
    if not labels or not all(labels) or not len(labels) == len(texts) == len(accepted):
        raise ValueError(
            "expected as many labels, none of them empty, as texts and acceptances, at least 1. "
            f"Received: {len(labels)}, {len(texts)} and {len(accepted)}."
        )
    right = [label == text for label, text in zip(labels, texts, strict=True)]
    return Transcription(
        count=len(labels),
        correct=sum(right),
        characters=sum(map(len, labels)),
        errors=sum(edit_distance(label, text) for label, text in zip(labels, texts, strict=True)),
        accepted=sum(accepted),
        accepted_correct=sum(taken and good for taken, good in zip(accepted, right, strict=True)),
        unanswered=sum(not text for text in texts),
    )


def edit_distance(one: str, other: str) -> int:
    """Return how many characters must be put in, left out or changed to make one text of the other (Levenshtein)."""
    above = list(range(len(other) + 1))
    for row, sign in enumerate(one, 1):
        here = [row]
        for column, against in enumerate(other, 1):
            here.append(min(above[column - 1] + (sign != against), above[column] + 1, here[column - 1] + 1))
        above = here
    return above[-1]
