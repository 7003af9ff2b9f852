"""Evaluate a recognizer on datasets of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from digitrec.errors import DatasetError, DigitrecError
from digitrec.evaluation.calibration import coverage_at_precision
from digitrec.evaluation.dataset_readers import LINE_SEPARATOR, Example
from digitrec.evaluation.datasets import LabeledDataset
from digitrec.evaluation.failures import FailureLog
from digitrec.evaluation.string_metrics import PRECISION, StringMetrics, edit_distance
from digitrec.recognizer import Recognizer
from digitrec.results import EMPTY_READING, Reading


@dataclass(frozen=True, eq=False)
class NumberSetResult:
    """The readings for one dataset of numbers.

    Attributes
    ----------
    readings : one for each example; `EMPTY_READING` for a failed image.
    threshold : the confidence that an accepted reading needs.
    known_length : whether the reader knew the number of digits of each number.
    notes : sentences on failed images.
    """

    name: str
    examples: tuple[Example, ...]
    readings: tuple[Reading, ...]
    threshold: float
    known_length: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def metrics(self) -> StringMetrics:
        """The metrics of the readings; spaces in transcripts do not count."""
        labels, accepted = [item.label for item in self.examples], [item.accepted for item in self.readings]
        correct = [label == text for label, text in zip(labels, self.texts, strict=True)]
        confidences = [reading.confidence if reading.text else np.nan for reading in self.readings]
        transcripts_correct = [
            _without_spaces(example.transcript) == _without_spaces(_to_label(reading.transcript))
            for example, reading in zip(self.examples, self.readings, strict=True)
            if example.transcript is not None
        ]
        return StringMetrics(
            count=len(labels),
            correct=sum(correct),
            characters=sum(map(len, labels)),
            errors=sum(map(edit_distance, labels, self.texts)),
            accepted=sum(accepted),
            accepted_correct=sum(both[0] and both[1] for both in zip(accepted, correct, strict=True)),
            num_failed=self.texts.count(""),
            coverage_at_99=coverage_at_precision(correct, confidences, PRECISION),
            transcripts=len(transcripts_correct),
            transcripts_correct=sum(transcripts_correct),
        )

    @property
    def texts(self) -> list[str]:
        """The text of each reading, with lines separated as in the labels."""
        return [_to_label(reading.text) for reading in self.readings]

    @property
    def error_indices(self) -> list[int]:
        """The indices of the wrong readings, in descending order of confidence."""
        wrong = [
            index
            for index, (example, text) in enumerate(zip(self.examples, self.texts, strict=True))
            if example.label != text
        ]
        return sorted(wrong, key=lambda index: -self.readings[index].confidence)

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as JSON types."""
        metrics = self.metrics.to_dict()
        return {"name": self.name, "known_length": self.known_length, **metrics, "notes": list(self.notes)}


def evaluate_numbers(
    recognizer: Recognizer,
    dataset: LabeledDataset,
    *,
    known_length: bool = False,
    on_progress: Callable[[int], object] = lambda count: None,
) -> NumberSetResult:
    """Return the readings of `recognizer` for the numbers of `dataset`; a single digit is a number, too.

    Parameters
    ----------
    known_length : give the recognizer the number of digits of each number.
    on_progress : called with the number of images done since the last call.

    Raises
    ------
    DatasetError : no label is a number.
    """
    if not dataset.number_examples:
        raise DatasetError(
            f"{dataset.path}: expected numbers as labels. Received: none. Give another dataset."
        )
    readings: list[Reading] = []
    failures = FailureLog()
    for number, example in enumerate(dataset.number_examples, 1):
        image = example.load_image()
        try:
            length = _num_digits(example.label) if known_length else None
            readings.append(recognizer.read(image, length=length))
        except DigitrecError as error:
            readings.append(EMPTY_READING)
            failures.add(error, image, number)
        on_progress(1)
    return NumberSetResult(
        dataset.name,
        dataset.number_examples,
        tuple(readings),
        recognizer.number_threshold,
        known_length,
        failures.summary(),
    )


def _to_label(text: str) -> str:
    return text.replace("\n", LINE_SEPARATOR)


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def _num_digits(label: str) -> int:
    return len(label.replace(LINE_SEPARATOR, ""))
