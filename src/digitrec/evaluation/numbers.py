"""The examination of a recognizer on numbers: every picture of a labelled set read, and the texts marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from digitrec.errors import DatasetError, DigitrecError
from digitrec.evaluation.faults import Faults
from digitrec.evaluation.labelled import LabelledSet
from digitrec.evaluation.transcription import Transcription, transcribe
from digitrec.reading.result import NOTHING_READ, Reading
from digitrec.recognizer import Recognizer


@dataclass(frozen=True, eq=False)
class NumberExamination:
    """What came out for one set of numbers.

    Attributes
    ----------
    name : the set's.
    labels : what each picture says.
    readings : what was read; without an answer `NOTHING_READ`.
    known_length : whether each number was read with the number of its digits given.
    notes : sentences on pictures that got no answer.
    """

    name: str
    labels: tuple[str, ...]
    readings: tuple[Reading, ...]
    known_length: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def figures(self) -> Transcription:
        """How well the numbers were read."""
        texts = [reading.text for reading in self.readings]
        return transcribe(self.labels, texts, [reading.accepted for reading in self.readings])

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's own types."""
        figures = self.figures.to_dict()
        return {"name": self.name, "known_length": self.known_length, **figures, "notes": list(self.notes)}


def examine_numbers(
    recognizer: Recognizer,
    labelled_set: LabelledSet,
    *,
    known_length: bool = False,
    advance: Callable[[int], object] = lambda count: None,
) -> NumberExamination:
    """Return how well `recognizer` reads the numbers of `labelled_set`; one digit is a number, too.

    Parameters
    ----------
    known_length : tell the recognizer how many digits each number has.
    advance : called with the number of pictures done since its last call.

    Raises
    ------
    DatasetError : no label is a number.
    """
    if not labelled_set.numbers:
        raise DatasetError(
            f"{labelled_set.path}: expected numbers as labels. Received: none. Name another set."
        )
    readings: list[Reading] = []
    faults = Faults()
    for number, row in enumerate(labelled_set.numbers, 1):
        picture = row.picture()
        try:
            readings.append(recognizer.read(picture, length=len(row.label) if known_length else None))
        except DigitrecError as error:
            readings.append(NOTHING_READ)
            faults.note(error, picture, number)
        advance(1)
    labels = tuple(row.label for row in labelled_set.numbers)
    return NumberExamination(labelled_set.name, labels, tuple(readings), known_length, faults.notes())


def format_numbers(examinations: Sequence[NumberExamination]) -> str:
    """Return a text for a terminal, a line for each set."""
    known = " (length given)" if any(item.known_length for item in examinations) else ""
    lines = [
        f"{'numbers' + known:<24}{'n':>6}{'right':>9}   95 % interval      {'CER':>7}{'accepted':>10}"
        f"{'right of them':>15}{'unanswered':>12}"
    ]
    for item in examinations:
        figures = item.figures
        low, high = figures.interval
        share = figures.accepted_accuracy
        lines.append(
            f"{item.name:<24}{figures.count:>6}{figures.accuracy:>9.2%}   {low:.2%} to {high:.2%}"
            f"{figures.character_error_rate:>9.2%}{figures.accepted_share:>10.2%}"
            f"{'-' if share is None else f'{share:.2%}':>15}{figures.unanswered:>12}"
        )
    lines += [f"{item.name}: {note}" for item in examinations for note in item.notes]
    return "\n".join(lines)
