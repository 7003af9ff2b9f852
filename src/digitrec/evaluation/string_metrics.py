"""Metrics of number strings: exact match, character error rate (CER), and coverage at 99 % precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from digitrec.evaluation.metrics import AccuracyCounts

PRECISION = 0.99  # of `StringMetrics.coverage_at_99`


@dataclass(frozen=True, eq=False)
class StringMetrics(AccuracyCounts):
    """The metrics of a dataset of numbers; a text is correct if it equals the label.

    Attributes
    ----------
    characters : of all labels.
    errors : the edit distances between labels and texts, summed; a failed image counts with all its characters.
    coverage_at_99 : the largest fraction of the images that a confidence threshold can accept with 99 % of the accepted
        ones correct, in [0, 1].
    transcripts : images with a known transcript.
    transcripts_correct : those whose transcript was read correctly, apart from spaces.
    """

    characters: int
    errors: int
    coverage_at_99: float
    transcripts: int = 0
    transcripts_correct: int = 0

    @property
    def character_error_rate(self) -> float:
        """`errors` per character of the labels; above 1 where far too many characters were read."""
        return self.errors / self.characters

    @property
    def transcript_accuracy(self) -> float | None:
        """The fraction of the known transcripts that is correct, in [0, 1]; None where none is known."""
        return self.transcripts_correct / self.transcripts if self.transcripts else None

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as JSON types."""
        return {
            **super().to_dict(),
            "character_error_rate": self.character_error_rate,
            "coverage_at_99": self.coverage_at_99,
            "transcripts": self.transcripts,
            "transcript_accuracy": self.transcript_accuracy,
        }


def edit_distance(source: str, target: str) -> int:
    """Return the Levenshtein distance: the fewest insertions, deletions and substitutions between two texts."""
    previous = list(range(len(target) + 1))
    for row, char in enumerate(source, 1):
        current = [row]
        for column, other in enumerate(target, 1):
            current.append(
                min(previous[column - 1] + (char != other), previous[column] + 1, current[column - 1] + 1)
            )
        previous = current
    return previous[-1]
