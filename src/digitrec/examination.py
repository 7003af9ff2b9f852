"""The examination of a recognizer: every picture of a labelled set answered, and the answers marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import IMAGE_SIZE_PX, LABELS
from digitrec.errors import DatasetError, DigitrecError
from digitrec.evaluation import Evaluation, evaluate, format_evaluation
from digitrec.ink.codec import ImageLike
from digitrec.labelled import LabelledSet
from digitrec.recognizer import Recognizer

# Progress is told about ten times a second, and memory does not grow with the set.
_BATCH = 64
_NAMED = 5  # pictures in a note, to look at

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Examination:
    """What came out for one set.

    Attributes
    ----------
    name : the set's.
    evaluation : the figures.
    notes : sentences on rows that were left out and pictures that got no answer.
    """

    name: str
    evaluation: Evaluation
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's own types."""
        return {"name": self.name, **self.evaluation.to_dict(), "notes": list(self.notes)}


def examine(
    recognizer: Recognizer,
    labelled_set: LabelledSet,
    *,
    raw: bool = False,
    advance: Callable[[int], object] = lambda count: None,
) -> Examination:
    """Return how well `recognizer` reads `labelled_set`.

    Parameters
    ----------
    recognizer : what is examined.
    labelled_set : what it has to read; a picture that gets no answer is wrong.
    raw : give the arrays to the network as they are, past decoding and normalisation.
    advance : called with the number of pictures done since its last call.

    Raises
    ------
    DatasetError : `raw` and pictures that are no arrays, or a set without rows.
    """
    if raw and not labelled_set.holds_arrays:
        raise DatasetError(
            f"{labelled_set.path}: expected an .npz file, for raw arrays. Read this set without raw."
        )
    answer = _answer_arrays if raw else _answer_pictures
    labels: list[int] = []
    rows: list[NDArray[np.float32]] = []
    faults: dict[str, list[str]] = {}
    for batch in _batches(labelled_set, _BATCH):
        pictures = [picture for _, picture in batch]
        results = answer(recognizer, pictures)
        for fault, name in _faults(pictures, results, len(labels) + 1):
            faults.setdefault(fault, []).append(name)
        rows += [_NO_ANSWER if isinstance(result, DigitrecError) else result for result in results]
        labels += [label for label, _ in batch]
        advance(len(batch))
    if not labels:
        raise DatasetError(
            f"{labelled_set.path}: expected at least one picture. Received: none. Raise the limit."
        )
    evaluation = evaluate(labels, np.stack(rows), threshold=recognizer.threshold)
    return Examination(labelled_set.name, evaluation, (*labelled_set.notes(), *_fault_notes(faults)))


def sort_out(sets: list[LabelledSet]) -> tuple[list[LabelledSet], dict[str, str]]:
    """Return the sets of digits among `sets`, and why each other one is left out, by name.

    Raises
    ------
    DatasetError : none of them is a set of digits.
    """
    digits = [item for item in sets if item.fault is None]
    skipped = {item.name: item.fault for item in sets if item.fault is not None}
    if not digits:
        raise DatasetError(
            "; ".join(f"{name}: expected labels 0 to 9. Received: {fault}" for name, fault in skipped.items())
            + ". Name a set of single digits."
        )
    return digits, skipped


def format_examinations(examinations: list[Examination], skipped: dict[str, str]) -> str:
    """Return a text for a terminal: the full figures of a single set, or a line for each of several."""
    if len(examinations) == 1 and not skipped:
        only = examinations[0]
        return "\n".join([format_evaluation(only.evaluation), *(f"\n{note}" for note in only.notes)])
    lines = [f"{'set':<20}{'n':>7}{'accuracy':>10}   95 % interval       accepted  unanswered"]
    lines += [_line(examination) for examination in examinations]
    mean = sum(item.evaluation.accuracy for item in examinations) / len(examinations)
    lines += [f"{'mean, unweighted':<20}{'':>7}{mean:>10.2%}", ""]
    lines += [f"{item.name}: {note}" for item in examinations for note in item.notes]
    return "\n".join([*lines, *(f"{name}: skipped, {fault}" for name, fault in skipped.items())]).rstrip()


def _line(examination: Examination) -> str:
    figures = examination.evaluation
    low, high = figures.interval
    return (
        f"{examination.name:<20}{figures.count:>7}{figures.accuracy:>10.2%}   {low:.2%} to {high:.2%}"
        f"{figures.accepted_share:>13.2%}{figures.unanswered:>12}"
    )


def _answer_pictures(
    recognizer: Recognizer, pictures: list[ImageLike]
) -> list[NDArray[np.float32] | DigitrecError]:
    results = recognizer.predict_many(pictures, errors="return")
    return [result if isinstance(result, DigitrecError) else result.probabilities for result in results]


def _answer_arrays(
    recognizer: Recognizer, pictures: list[ImageLike]
) -> list[NDArray[np.float32] | DigitrecError]:
    inks = np.stack([np.asarray(picture) for picture in pictures]).astype(np.float32) / np.float32(255)
    return list(recognizer.classifier.probabilities(inks.reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)))


def _faults(
    pictures: list[ImageLike], results: list[NDArray[np.float32] | DigitrecError], first: int
) -> Iterator[tuple[str, str]]:
    """Yield the kind of each fault and the name of its picture, or its number, of which `first` is the first's."""
    for number, (picture, result) in enumerate(zip(pictures, results, strict=True), first):
        if isinstance(result, DigitrecError):
            yield type(result).__name__, picture.name if isinstance(picture, Path) else f"number {number}"


def _fault_notes(faults: dict[str, list[str]]) -> list[str]:
    return [
        f"{len(names)} {'picture' if len(names) == 1 else 'pictures'} without an answer, counted as wrong: {fault} "
        f"({', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''})"
        for fault, names in faults.items()
    ]


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


_NO_ANSWER = np.full(len(LABELS), np.nan, np.float32)
