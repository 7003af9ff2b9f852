"""The examination of a recognizer: every picture of a labelled set answered, and the answers marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX, LABELS, NON_DIGIT_LABEL
from digitrec.errors import DatasetError, DigitrecError
from digitrec.evaluation.calibration import RejectionCurve, rejection_curve
from digitrec.evaluation.datasets import LabeledDataset
from digitrec.evaluation.failures import FailureLog
from digitrec.evaluation.metrics import DigitMetrics, compute_metrics
from digitrec.preprocessing.decode import ImageLike
from digitrec.recognizer import Recognizer

# Progress is told about ten times a second, and memory does not grow with the set.
_BATCH = 64

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class SetResult:
    """What came out for one set.

    Attributes
    ----------
    name : the set's.
    labels : (N,) int64, 0 to 9; in a set of what is no digit, all `NON_DIGIT_LABEL`.
    probabilities : (N, 10) float32; a row of NaN is a picture without an answer.
    inks : (N, 28, 28) uint8, what the network saw, 255 is full ink; blank without an answer.
    threshold : the confidence that an accepted answer needs.
    notes : sentences on rows that were left out and pictures that got no answer.
    """

    name: str
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    inks: NDArray[np.uint8]
    threshold: float
    notes: tuple[str, ...] = ()

    @property
    def shows_digits(self) -> bool:
        """Whether this is a set of digits, to be read, and not of other things, to be refused."""
        return bool((self.labels != NON_DIGIT_LABEL).all())

    @cached_property
    def evaluation(self) -> DigitMetrics:
        """The figures of a set of digits."""
        return compute_metrics(self.labels, self.probabilities, threshold=self.threshold)

    @property
    def answers(self) -> NDArray[np.int64]:
        """(N,) int64: the digit each picture was taken for, -1 without an answer."""
        answered = np.isfinite(self.confidences)
        return np.where(answered, np.nan_to_num(self.probabilities).argmax(axis=1), -1)

    @property
    def confidences(self) -> NDArray[np.float32]:
        """(N,) float32: each answer's confidence, NaN without an answer."""
        return np.asarray(self.probabilities.max(axis=1), np.float32)

    @property
    def accepted_share(self) -> float:
        """The share of pictures whose answer was accepted, in [0, 1]."""
        return float((self.confidences >= self.threshold).mean())  # False for NaN

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's own types."""
        figures = (
            self.evaluation.to_dict()
            if self.shows_digits
            else {"count": len(self.labels), "accepted_share": self.accepted_share}
        )
        return {"name": self.name, **figures, "notes": list(self.notes)}


def pool_results(examinations: Sequence[SetResult], name: str) -> SetResult | None:
    """Return all pictures of several sets as those of one; None of none."""
    if not examinations:
        return None
    return SetResult(
        name,
        np.concatenate([item.labels for item in examinations]),
        np.concatenate([item.probabilities for item in examinations]),
        np.concatenate([item.inks for item in examinations]),
        examinations[0].threshold,
    )


def rejection_curve_of(examinations: Sequence[SetResult]) -> RejectionCurve | None:
    """Return what each threshold refuses, of all digits and of all that is none; None without both."""
    digits = pool_results([item for item in examinations if item.shows_digits], "digits")
    others = pool_results([item for item in examinations if not item.shows_digits], "others")
    return rejection_curve(digits.confidences, others.confidences) if digits and others else None


def evaluate_digits(
    recognizer: Recognizer,
    labelled_set: LabeledDataset,
    *,
    raw: bool = False,
    advance: Callable[[int], object] = lambda count: None,
) -> SetResult:
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
    answers: list[_Answer] = []
    faults = FailureLog()
    for batch in _batches(labelled_set, _BATCH):
        pictures = [picture for _, picture in batch]
        results = answer(recognizer, pictures)
        for number, (picture, result) in enumerate(zip(pictures, results, strict=True), len(labels) + 1):
            if isinstance(result, DigitrecError):
                faults.note(result, picture, number)
        answers += [_NO_ANSWER if isinstance(result, DigitrecError) else result for result in results]
        labels += [label for label, _ in batch]
        advance(len(batch))
    if not labels:
        raise DatasetError(
            f"{labelled_set.path}: expected at least one picture. Received: none. Raise the limit."
        )
    return SetResult(
        labelled_set.name,
        np.array(labels, np.int64),
        np.stack([item.probabilities for item in answers]),
        np.stack([item.ink for item in answers]),
        recognizer.threshold,
        (*labelled_set.notes(), *faults.notes()),
    )


def select_digit_sets(sets: list[LabeledDataset]) -> tuple[list[LabeledDataset], dict[str, str]]:
    """Return the sets of single pictures among `sets`, and why each other one is left out, by name.

    Raises
    ------
    DatasetError : none of them is one.
    """
    digits = [item for item in sets if item.fault is None]
    skipped = {item.name: item.fault for item in sets if item.fault is not None}
    if not digits:
        raise DatasetError(
            "; ".join(f"{name}: expected labels 0 to 9. Received: {fault}" for name, fault in skipped.items())
            + ". Name a set of single digits."
        )
    return digits, skipped


class _Answer(NamedTuple):
    """The probabilities, (10,) float32, and the ink, (28, 28) uint8, of one picture."""

    probabilities: NDArray[np.float32]
    ink: NDArray[np.uint8]


def _answer_pictures(recognizer: Recognizer, pictures: list[ImageLike]) -> list[_Answer | DigitrecError]:
    results = recognizer.predict_many(pictures, errors="return")
    return [
        result
        if isinstance(result, DigitrecError)
        else _Answer(result.probabilities, np.rint(255 * result.normalized_image).astype(np.uint8))
        for result in results
    ]


def _answer_arrays(recognizer: Recognizer, pictures: list[ImageLike]) -> list[_Answer | DigitrecError]:
    arrays = np.stack([np.asarray(picture) for picture in pictures])
    inks = (arrays / np.float32(255)).astype(np.float32).reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)
    return [
        _Answer(*answer) for answer in zip(recognizer.classifier.probabilities(inks), arrays, strict=True)
    ]


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


_NO_ANSWER = _Answer(
    np.full(len(LABELS), np.nan, np.float32), np.zeros((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.uint8)
)
