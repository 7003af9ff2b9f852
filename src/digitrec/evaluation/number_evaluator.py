"""The examination of a recognizer on numbers: every picture of a labelled set read, and the texts marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from digitrec.errors import DatasetError, DigitrecError
from digitrec.evaluation.dataset_readers import LINE_SEPARATOR, Example
from digitrec.evaluation.datasets import LabeledDataset
from digitrec.evaluation.failures import FailureLog
from digitrec.evaluation.string_metrics import PRECISION, StringMetrics, compute_string_metrics
from digitrec.recognizer import Recognizer
from digitrec.results import EMPTY_READING, Reading


@dataclass(frozen=True, eq=False)
class NumberSetResult:
    """What came out for one set of numbers.

    Attributes
    ----------
    name : the set's.
    rows : the images, with what each says.
    readings : what was read; without an answer `EMPTY_READING`.
    threshold : the confidence that an accepted answer needs.
    known_length : whether each number was read with the number of its digits given.
    notes : sentences on pictures that got no answer.
    """

    name: str
    rows: tuple[Example, ...]
    readings: tuple[Reading, ...]
    threshold: float
    known_length: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def figures(self) -> StringMetrics:
        """How well the numbers were read."""
        return compute_string_metrics(
            [row.label for row in self.rows],
            self.answers,
            [reading.confidence for reading in self.readings],
            [reading.accepted for reading in self.readings],
            [
                (row.transcript, _in_one_line(reading.transcript))
                for row, reading in zip(self.rows, self.readings, strict=True)
                if row.transcript is not None
            ],
        )

    @property
    def answers(self) -> list[str]:
        """What was read on each image, lines separated as in the labels."""
        return [_in_one_line(reading.text) for reading in self.readings]

    @property
    def mistakes(self) -> list[int]:
        """The indices of the images that were read wrong, the surest first."""
        wrong = [
            index
            for index, (row, answer) in enumerate(zip(self.rows, self.answers, strict=True))
            if row.label != answer
        ]
        return sorted(wrong, key=lambda index: -self.readings[index].confidence)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's own types."""
        figures = self.figures.to_dict()
        return {"name": self.name, "known_length": self.known_length, **figures, "notes": list(self.notes)}


def evaluate_numbers(
    recognizer: Recognizer,
    labelled_set: LabeledDataset,
    *,
    known_length: bool = False,
    advance: Callable[[int], object] = lambda count: None,
) -> NumberSetResult:
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
    faults = FailureLog()
    for number, row in enumerate(labelled_set.numbers, 1):
        picture = row.picture()
        try:
            readings.append(recognizer.read(picture, length=_num_digits(row.label) if known_length else None))
        except DigitrecError as error:
            readings.append(EMPTY_READING)
            faults.note(error, picture, number)
        advance(1)
    return NumberSetResult(
        labelled_set.name,
        labelled_set.numbers,
        tuple(readings),
        recognizer.number_threshold,
        known_length,
        faults.notes(),
    )


def _in_one_line(text: str) -> str:
    return text.replace("\n", LINE_SEPARATOR)


def _num_digits(label: str) -> int:
    return len(label.replace(LINE_SEPARATOR, ""))


def format_numbers(examinations: Sequence[NumberSetResult]) -> str:
    """Return a text for a terminal, a line for each set."""
    known = " (length given)" if any(item.known_length for item in examinations) else ""
    lines = [
        f"{'numbers' + known:<24}{'n':>6}{'right':>9}   {'95 % interval':<18}{'CER':>8}{'coverage':>10}"
        f"{'accepted':>10}{'right of them':>15}{'unanswered':>12}{'transcript':>12}"
    ]
    for item in examinations:
        figures = item.figures
        low, high = figures.interval
        lines.append(
            f"{item.name:<24}{figures.count:>6}{figures.accuracy:>9.2%}   {f'{low:.2%} to {high:.2%}':<18}"
            f"{figures.character_error_rate:>8.2%}{figures.coverage:>10.2%}{figures.accepted_share:>10.2%}"
            f"{_percent(figures.accepted_accuracy):>15}{figures.unanswered:>12}"
            f"{_percent(figures.transcript_accuracy):>12}"
        )
    lines.append(f"coverage: the fraction that a threshold can keep with {PRECISION:.0%} of it right")
    lines += [f"{item.name}: {note}" for item in examinations for note in item.notes]
    return "\n".join(lines)


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.2%}"
