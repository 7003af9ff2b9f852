"""Calibration (reliability bins, expected calibration error) and rejection curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class ReliabilityBin(NamedTuple):
    """Predictions of similar confidence.

    Attributes
    ----------
    predictions : how many are in the bin.
    confidence : their mean confidence, in [0, 1].
    accuracy : the fraction of them that is correct, in [0, 1].
    """

    predictions: int
    confidence: float
    accuracy: float


def reliability_bins(
    confidences: ArrayLike, is_correct: ArrayLike, *, bins: int = 15
) -> list[ReliabilityBin]:
    """Return the predictions grouped into `bins` equally wide ranges of confidence, without empty ranges.

    Both arguments are (N,); confidences are in [0, 1].
    """
    confidence, correct = np.asarray(confidences, np.float64), np.asarray(is_correct, bool)
    indices = np.minimum((confidence * bins).astype(int), bins - 1)
    masks = (indices == index for index in range(bins))
    return [
        ReliabilityBin(int(mask.sum()), float(confidence[mask].mean()), float(correct[mask].mean()))
        for mask in masks
        if mask.any()
    ]


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Return the expected calibration error (ECE), in [0, 1]: the mean gap between confidence and accuracy.

    Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015.
    """
    count = sum(item.predictions for item in bins)
    return sum(item.predictions * abs(item.accuracy - item.confidence) for item in bins) / max(count, 1)


def coverage_at_precision(is_correct: ArrayLike, confidence: ArrayLike, precision: float = 0.99) -> float:
    """Return the largest fraction of all images that a confidence threshold can accept at `precision`.

    Parameters
    ----------
    is_correct : (N,) bool.
    confidence : (N,) float, in any unit; NaN is an image without a prediction, which is never accepted. Predictions of
        equal confidence are accepted or rejected together.
    precision : the fraction of the accepted predictions that must be correct, in [0, 1].
    """
    correct, confidences = np.asarray(is_correct, bool), np.asarray(confidence, np.float64)
    is_predicted = ~np.isnan(confidences)
    _, rank = np.unique(-confidences[is_predicted], return_inverse=True)  # the highest confidence has rank 0
    accepted = np.cumsum(np.bincount(rank))
    accepted_correct = np.cumsum(np.bincount(rank, correct[is_predicted]))
    best = accepted[accepted_correct / accepted >= precision].max(initial=0)
    return float(best / max(len(confidences), 1))


@dataclass(frozen=True, eq=False)
class RejectionCurve:
    """The rejection rate at each threshold, for digits and for other images.

    Attributes
    ----------
    thresholds : (101,) float64, 0 to 1.
    in_domain, out_of_domain : (101,) float64 in [0, 1], the fraction of digits, and of other images, below each
        threshold.
    auroc : area under the receiver operating characteristic, in [0, 1]: the probability that a digit gets a higher
        confidence than another image (Hanley, McNeil, 1982).
    """

    thresholds: NDArray[np.float64]
    in_domain: NDArray[np.float64]
    out_of_domain: NDArray[np.float64]
    auroc: float

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as JSON types."""
        return {
            "auroc": self.auroc,
            "thresholds": [round(threshold, 2) for threshold in self.thresholds.tolist()],
            "in_domain_rejection_rate": self.in_domain.tolist(),
            "out_of_domain_rejection_rate": self.out_of_domain.tolist(),
        }


def rejection_curve(in_domain: ArrayLike, out_of_domain: ArrayLike) -> RejectionCurve:
    """Return the rejection rate at each threshold.

    Parameters
    ----------
    in_domain, out_of_domain : (N,) and (M,) confidences in [0, 1], neither empty; NaN is an image without a
        prediction, which every threshold rejects.
    """
    digits, others = (
        np.sort(np.nan_to_num(np.asarray(confidences, np.float64), nan=-1.0))
        for confidences in (in_domain, out_of_domain)
    )
    thresholds = np.linspace(0.0, 1.0, 101)
    # A tie counts half.
    below = np.searchsorted(others, digits, "left") + np.searchsorted(others, digits, "right")
    return RejectionCurve(
        thresholds,
        np.searchsorted(digits, thresholds, "left") / len(digits),
        np.searchsorted(others, thresholds, "left") / len(others),
        float(below.mean() / (2 * len(others))),
    )
