"""Evaluate a recognizer on datasets of digits, and on datasets of other images, which it should reject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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


@dataclass(frozen=True, eq=False)
class SetResult:
    """The predictions for one dataset.

    Attributes
    ----------
    labels : (N,) int64, 0 to 9; all `NON_DIGIT_LABEL` in a dataset of other images.
    probabilities : (N, 10) float32; a row of NaN is a failed image.
    images : (N, 28, 28) uint8, the normalized images, 255 is full ink; zeros for a failed image.
    threshold : the confidence that an accepted prediction needs.
    notes : sentences on skipped rows and failed images.
    """

    name: str
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    images: NDArray[np.uint8]
    threshold: float
    notes: tuple[str, ...] = ()

    @property
    def is_digit_set(self) -> bool:
        """Whether this is a dataset of digits, and not of other images, to be rejected."""
        return bool((self.labels != NON_DIGIT_LABEL).all())

    @cached_property
    def metrics(self) -> DigitMetrics:
        """The metrics of a dataset of digits."""
        return compute_metrics(self.labels, self.probabilities, threshold=self.threshold)

    @property
    def predictions(self) -> NDArray[np.int64]:
        """(N,) int64: the predicted digits, -1 for a failed image."""
        is_predicted = np.isfinite(self.confidences)
        return np.where(is_predicted, np.nan_to_num(self.probabilities).argmax(axis=1), -1)

    @property
    def confidences(self) -> NDArray[np.float32]:
        """(N,) float32: the confidence of each prediction, NaN for a failed image."""
        return np.asarray(self.probabilities.max(axis=1), np.float32)

    @property
    def coverage(self) -> float:
        """The fraction of images whose prediction is accepted, in [0, 1]."""
        return float((self.confidences >= self.threshold).mean())  # False for NaN

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as JSON types."""
        metrics = (
            self.metrics.to_dict()
            if self.is_digit_set
            else {"count": len(self.labels), "coverage": self.coverage}
        )
        return {"name": self.name, **metrics, "notes": list(self.notes)}


def pool_results(results: Sequence[SetResult], name: str) -> SetResult | None:
    """Return the results of several datasets as one; None without any."""
    if not results:
        return None
    return SetResult(
        name,
        np.concatenate([item.labels for item in results]),
        np.concatenate([item.probabilities for item in results]),
        np.concatenate([item.images for item in results]),
        results[0].threshold,
    )


def rejection_curve_of(results: Sequence[SetResult]) -> RejectionCurve | None:
    """Return the rejection curve of all digits against all other images; None without both kinds."""
    digits = [item.confidences for item in results if item.is_digit_set]
    others = [item.confidences for item in results if not item.is_digit_set]
    return rejection_curve(np.concatenate(digits), np.concatenate(others)) if digits and others else None


def evaluate_digits(
    recognizer: Recognizer,
    dataset: LabeledDataset,
    *,
    skip_preprocessing: bool = False,
    on_progress: Callable[[int], object] = lambda count: None,
) -> SetResult:
    """Return the predictions of `recognizer` for `dataset`.

    Parameters
    ----------
    dataset : at least one image; a failed image counts as wrong.
    skip_preprocessing : pass the arrays to the network without decoding and normalization.
    on_progress : called with the number of images done since the last call.

    Raises
    ------
    DatasetError : `skip_preprocessing` with images that are not arrays.
    """
    if skip_preprocessing and not dataset.holds_arrays:
        raise DatasetError(
            f"{dataset.path}: expected an .npz file, since preprocessing is skipped. Received: another kind. "
            "Evaluate this dataset with preprocessing."
        )
    predict = _predict_array if skip_preprocessing else _predict_image
    labels = np.zeros(len(dataset), np.int64)
    probabilities = np.full((len(dataset), len(LABELS)), np.nan, np.float32)
    images = np.zeros((len(dataset), IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.uint8)
    failures = FailureLog()
    for index, (label, image) in enumerate(dataset):
        labels[index] = label
        try:
            probabilities[index], images[index] = predict(recognizer, image)
        except DigitrecError as error:
            failures.add(error, image, index + 1)
        on_progress(1)
    notes = (*dataset.notes(), *failures.summary())
    return SetResult(dataset.name, labels, probabilities, images, recognizer.threshold, notes)


def select_digit_sets(datasets: list[LabeledDataset]) -> tuple[list[LabeledDataset], dict[str, str]]:
    """Return the datasets of single digits or symbols, and by name why each other dataset is skipped.

    Raises
    ------
    DatasetError : all of them are skipped.
    """
    selected = [item for item in datasets if item.skip_reason is None]
    skipped = {item.name: item.skip_reason for item in datasets if item.skip_reason is not None}
    if not selected:
        reasons = "; ".join(
            f"{name}: expected labels 0 to 9. Received: {reason}" for name, reason in skipped.items()
        )
        raise DatasetError(f"{reasons}. Give a dataset of single digits.")
    return selected, skipped


def _predict_image(recognizer: Recognizer, image: ImageLike) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the probabilities, (10,) float32, and the normalized image, (28, 28) uint8."""
    prediction = recognizer.predict(image)
    return prediction.probabilities, np.rint(255 * prediction.normalized_image).astype(np.uint8)


def _predict_array(recognizer: Recognizer, image: ImageLike) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the probabilities, (10,) float32, and the array itself."""
    array = np.asarray(image, np.uint8)
    batch = (array / np.float32(255)).astype(np.float32).reshape(1, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)
    return recognizer.classifier.probabilities(batch)[0], array
