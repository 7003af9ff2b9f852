"""Accuracy metrics of digit predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitrec.constants import LABELS
from digitrec.evaluation.calibration import ReliabilityBin, expected_calibration_error, reliability_bins

# The quantile of the normal distribution for 95 %, two-sided.
_Z_95 = 1.959964


@dataclass(frozen=True, eq=False)
class AccuracyCounts:
    """How many images of a dataset were recognized, accepted and correct.

    Attributes
    ----------
    count : images.
    correct : images whose prediction equals the label; a failed image is wrong.
    num_failed : images without a prediction: blank, unreadable, or without a text.
    accepted : predictions whose confidence reaches the threshold.
    accepted_correct : accepted predictions that are correct.
    """

    count: int
    correct: int
    num_failed: int
    accepted: int
    accepted_correct: int

    @property
    def accuracy(self) -> float:
        """The fraction of images that is correct, in [0, 1]."""
        return self.correct / self.count

    @property
    def accuracy_ci95(self) -> tuple[float, float]:
        """The 95 % confidence interval of `accuracy`."""
        return wilson_interval(self.correct, self.count)

    @property
    def coverage(self) -> float:
        """The fraction of images whose prediction is accepted, in [0, 1]."""
        return self.accepted / self.count

    @property
    def selective_accuracy(self) -> float | None:
        """The fraction of accepted predictions that is correct, in [0, 1]; None where none is accepted."""
        return self.accepted_correct / self.accepted if self.accepted else None

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as JSON types."""
        return {
            "count": self.count,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "accuracy_ci95": list(self.accuracy_ci95),
            "num_failed": self.num_failed,
            "coverage": self.coverage,
            "selective_accuracy": self.selective_accuracy,
        }


@dataclass(frozen=True, eq=False)
class DigitMetrics(AccuracyCounts):
    """The metrics of one dataset of digits; the prediction for an image is its most probable digit.

    A failed image counts in `count`, `accuracy` and `recall`, and in no column of `confusion`.

    Attributes
    ----------
    support : (10,) int64, the number of images of each digit, failed ones included.
    confusion : (10, 10) int64, predictions by label (row) and predicted digit (column).
    recall : (10,) float64 in [0, 1], the fraction of each digit's images that is correct; NaN without images.
    median_confidence : (10,) float64 in [0, 1], of the predictions for each digit's images, correct or not; NaN
        without predictions.
    reliability : the predictions grouped by confidence, see `calibration.reliability_bins`.
    """

    support: NDArray[np.int64]
    confusion: NDArray[np.int64]
    recall: NDArray[np.float64]
    median_confidence: NDArray[np.float64]
    reliability: list[ReliabilityBin]

    @property
    def ece(self) -> float:
        """The expected calibration error, in [0, 1]."""
        return expected_calibration_error(self.reliability)

    @property
    def precision(self) -> NDArray[np.float64]:
        """(10,) float64 in [0, 1]: the fraction of each digit's predictions that is correct; NaN without any."""
        return _fractions(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def f1(self) -> NDArray[np.float64]:
        """(10,) float64 in [0, 1]: the harmonic mean of each digit's precision and recall.

        0 where one of them is 0, NaN where a digit has neither images nor predictions.
        """
        correct, predicted = np.diag(self.confusion), self.confusion.sum(axis=0)
        return _fractions(2 * correct, self.support + predicted)

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as JSON types; NaN becomes None."""
        return {
            **super().to_dict(),
            "ece": self.ece,
            "reliability": [item._asdict() for item in self.reliability],
            "precision": _to_list(self.precision),
            "recall": _to_list(self.recall),
            "f1": _to_list(self.f1),
            "median_confidence": _to_list(self.median_confidence),
            "confusion": self.confusion.tolist(),
        }


def compute_metrics(labels: ArrayLike, probabilities: ArrayLike, *, threshold: float = 0.0) -> DigitMetrics:
    """Return the metrics of predictions with known labels.

    Parameters
    ----------
    labels : (N,) integers 0 to 9, N at least 1.
    probabilities : (N, 10), of the digits 0 to 9; a row of NaN is a failed image.
    threshold : the confidence that an accepted prediction needs, in [0, 1].
    """
    truth, outputs = np.asarray(labels, np.int64), np.asarray(probabilities, np.float64)
    is_predicted = np.isfinite(outputs).all(axis=1)
    digits = np.where(is_predicted, np.nan_to_num(outputs).argmax(axis=1), -1)
    correct = digits == truth
    confidence = np.nan_to_num(outputs).max(axis=1)
    accepted = is_predicted & (confidence >= threshold)
    return DigitMetrics(
        count=len(truth),
        correct=int(correct.sum()),
        num_failed=int((~is_predicted).sum()),
        accepted=int(accepted.sum()),
        accepted_correct=int((accepted & correct).sum()),
        support=np.bincount(truth, minlength=len(LABELS)),
        confusion=_confusion(truth[is_predicted], digits[is_predicted]),
        recall=_per_digit(np.mean, correct, truth),
        median_confidence=_per_digit(np.median, confidence[is_predicted], truth[is_predicted]),
        reliability=reliability_bins(confidence[is_predicted], correct[is_predicted]),
    )


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of the fraction of `correct` in `count`; (0, 1) where `count` is 0.

    Unlike the normal approximation it stays inside [0, 1] and has a width at 100 %
    (Wilson, "Probable inference, the law of succession, and statistical inference", 1927).
    """
    if count == 0:
        return 0.0, 1.0
    fraction, shrink = correct / count, 1 + _Z_95**2 / count
    center = (fraction + _Z_95**2 / (2 * count)) / shrink
    half = _Z_95 * sqrt(fraction * (1 - fraction) / count + _Z_95**2 / (4 * count**2)) / shrink
    return max(0.0, center - half), min(1.0, center + half)


def _per_digit(
    statistic: Callable[[NDArray[Any]], Any], values: NDArray[Any], truth: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the statistic of each digit's values, NaN for digits without any."""
    groups = (values[truth == digit] for digit in LABELS)
    return np.array([statistic(group) if len(group) else np.nan for group in groups], np.float64)


def _fractions(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    fractions = np.full(len(LABELS), np.nan)
    np.divide(part, whole, out=fractions, where=np.asarray(whole) > 0)
    return fractions


def _to_list(fractions: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(fraction) else float(fraction) for fraction in fractions]


def _confusion(truth: NDArray[np.int64], digits: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    np.add.at(counts, (truth, digits), 1)
    return counts
